//! What a policy says of itself, in the custom section `io.kubewarden.metadata`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use upgrade_gate_core::GroupResource;

use crate::error::LoadError;

const SECTION: &str = "io.kubewarden.metadata";

/// The part of a policy's metadata that a host acts on.
///
/// Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/policy_metadata.rs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// What it wants to judge.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Whether existing objects are to be shown to it.
    #[serde(default = "yes")]
    pub background_audit: bool,
    /// Whether it changes objects.
    #[serde(default)]
    pub mutating: bool,
    /// `kubewarden-wapc` where absent.
    pub execution_mode: Option<String>,
    /// What its requests are.
    #[serde(default)]
    pub policy_type: PolicyType,
    /// The kinds it may ask for.
    #[serde(default)]
    pub context_aware_resources: BTreeSet<ContextAwareResource>,
    /// The host capabilities it uses; absent means that it does not say.
    pub host_capabilities: Option<BTreeSet<String>>,
    /// The oldest release of Kubewarden that it works with; absent where it does not say.
    pub minimum_kubewarden_version: Option<String>,
    /// Titles, version, license, severity and so on.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// `v1`.
    pub protocol_version: Option<String>,
}

/// What a policy's requests are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyType {
    /// Those of the Kubernetes API server.
    #[default]
    Kubernetes,
    /// Any JSON.
    Raw,
}

/// As in an admission webhook's configuration; `*` stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Empty text for the core group.
    pub api_groups: Vec<String>,
    /// Without the group.
    pub api_versions: Vec<String>,
    /// Plurals, perhaps with a subresource (`pods/status`).
    pub resources: Vec<String>,
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT`.
    pub operations: Vec<String>,
}

/// A kind that a policy may ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextAwareResource {
    /// `GROUP/VERSION`, or the version alone for the core group.
    pub api_version: String,
    /// Singular.
    pub kind: String,
}

fn yes() -> bool {
    true
}

impl Metadata {
    /// An annotation of Kubewarden's own, by the last part of its name: `title` is
    /// `io.kubewarden.policy.title`.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(&format!("io.kubewarden.policy.{name}")).map(String::as_str)
    }

    /// Why it asks for a kind: annotation `read.upgrade-gate.io/KIND`, of our own policies.
    #[must_use]
    pub fn reason_to_read(&self, kind: &str) -> Option<&str> {
        self.annotations.get(&format!("read.upgrade-gate.io/{kind}")).map(String::as_str)
    }

    /// Which fields of a kind it asks for, as masks name them, beside metadata: annotation
    /// `fields.upgrade-gate.io/KIND`, of our own policies; `None` where it does not say, and may ask for any.
    #[must_use]
    pub fn fields_read(&self, kind: &str) -> Option<BTreeSet<String>> {
        let fields = self.annotations.get(&format!("fields.upgrade-gate.io/{kind}"))?;
        Some(fields.split_whitespace().map(str::to_owned).collect())
    }

    /// The metadata of a module, which is not compiled for that; `None` where it has none.
    ///
    /// # Errors
    /// [`LoadError::Module`] and [`LoadError::Metadata`].
    pub fn of(module: &[u8]) -> Result<Option<Self>, LoadError> {
        // The parser would quote what is there instead.
        if !module.starts_with(b"\0asm") {
            return Err(LoadError::Module("it does not begin as one".into()));
        }
        for payload in wasmparser::Parser::new(0).parse_all(module) {
            match payload {
                Ok(wasmparser::Payload::CustomSection(section)) if section.name() == SECTION => {
                    let metadata = serde_json::from_slice(section.data());
                    return metadata.map(Some).map_err(|error| LoadError::Metadata(error.to_string()));
                }
                Ok(_) => {}
                Err(error) => return Err(LoadError::Module(error.message().to_owned())),
            }
        }
        Ok(None)
    }
}

impl Rule {
    /// What it is about: each of its resources in each of its groups.
    pub fn group_resources(&self) -> impl Iterator<Item = GroupResource> {
        let of_group = |group: &String| {
            let group = group.clone();
            self.resources.iter().map(move |name| GroupResource { group: group.clone(), resource: name.clone() })
        };
        self.api_groups.iter().flat_map(of_group)
    }

    /// Whether the rule is about whole objects of this resource, in this version, under this
    /// operation.
    #[must_use]
    pub fn matches(&self, resource: &GroupResource, version: &str, operation: &str) -> bool {
        let has = |list: &[String], value: &str| list.iter().any(|entry| entry == "*" || entry == value);
        let whole = ["*/*", &format!("{}/*", resource.resource)];
        has(&self.api_groups, &resource.group)
            && has(&self.api_versions, version)
            && has(&self.operations, operation)
            && (has(&self.resources, &resource.resource)
                || self.resources.iter().any(|entry| whole.contains(&entry.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_match_as_a_webhook_configuration_does() {
        let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let pods = |resources: &[&str]| Rule {
            api_groups: list(&[""]),
            api_versions: list(&["v1"]),
            resources: list(resources),
            operations: list(&["CREATE"]),
        };
        let pod: GroupResource = "pods".parse().unwrap();
        let cases = [
            (pods(&["pods"]), true),
            (pods(&["*"]), true),
            (pods(&["*/*"]), true),
            (pods(&["pods/*"]), true),
            (pods(&["pods/status"]), false),
            (pods(&["nodes"]), false),
            (Rule { api_versions: list(&["v2"]), ..pods(&["pods"]) }, false),
            (Rule { api_groups: list(&["*"]), ..pods(&["pods"]) }, true),
            (Rule { api_groups: list(&["apps"]), ..pods(&["pods"]) }, false),
            (Rule { operations: list(&["UPDATE"]), ..pods(&["pods"]) }, false),
            (Rule { operations: list(&["*"]), ..pods(&["pods"]) }, true),
        ];
        for (rule, expected) in cases {
            assert_eq!(rule.matches(&pod, "v1", "CREATE"), expected, "{rule:?}");
        }
    }
}
