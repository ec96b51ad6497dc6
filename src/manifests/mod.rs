//! What an admin applies: a policy as ClusterAdmissionPolicies of Kubewarden, and the rights that it needs.

mod part;
mod webhook;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};
use serde_saphyr::Commented;
use upgrade_gate_core::GroupResource;
use upgrade_gate_host::{Metadata, Rule};
use upgrade_gate_snapshot::Kind;

pub(crate) use part::Part;
pub(crate) use webhook::of as of_webhook;
pub use webhook::{Webhook, WebhookError};

/// `ClusterAdmissionPolicy`, as far as we state it.
///
/// Source: kubewarden-controller 3460bb71, `api/policies/v1/clusteradmissionpolicy_types.go`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterAdmissionPolicy {
    api_version: &'static str,
    kind: &'static str,
    metadata: Value,
    spec: Spec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    policy_server: &'static str,
    mode: &'static str,
    module: String,
    settings: Map<String, Value>,
    rules: Vec<Rule>,
    mutating: bool,
    background_audit: bool,
    failure_policy: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_conditions: Vec<MatchCondition>,
    timeout_seconds: Commented<u32>,
    timeout_eval_seconds: Commented<u32>,
    context_aware_resources: Vec<Read>,
}

#[derive(Serialize)]
struct MatchCondition {
    name: String,
    expression: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    api_version: String,
    kind: Commented<String>,
}

/// The name of a policy's part in a cluster.
pub(crate) fn name_of(policy: &str, part: Part) -> String {
    format!("{policy}-{}", part.suffix())
}

/// The rights first, then the parts that have a rule.
pub(crate) fn of(policy: &str, metadata: &Metadata) -> String {
    let mut documents = vec![rights(policy, metadata)];
    for (part, rules) in parts(metadata) {
        documents.push(format!("{}{}", about(part), yaml(&admission(policy, metadata, part, rules))));
    }
    head(policy, metadata) + &documents.join("---\n")
}

/// Those that have a rule.
fn parts(metadata: &Metadata) -> impl Iterator<Item = (Part, Vec<Rule>)> {
    let parts = Part::ALL.map(|part| (part, rules(metadata, part)));
    parts.into_iter().filter(|(_, rules)| !rules.is_empty())
}

fn conditions(rules: &[Rule]) -> Vec<MatchCondition> {
    let condition = |resource: &GroupResource| {
        Some(MatchCondition { name: format!("hco-{}", resource.resource), expression: part::condition(resource)? })
    };
    let resources: BTreeSet<GroupResource> = rules.iter().flat_map(Rule::group_resources).collect();
    resources.iter().filter_map(condition).collect()
}

/// How long the API server waits for an answer, in seconds.
const TIMEOUT: u32 = 15;

fn admission(policy: &str, metadata: &Metadata, part: Part, rules: Vec<Rule>) -> ClusterAdmissionPolicy {
    let annotations: Map<String, Value> = ["severity", "category"]
        .into_iter()
        .filter_map(|name| Some((format!("io.kubewarden.policy.{name}"), metadata.annotation(name)?.into())))
        .collect();
    let [oci_url, version] = ["ociUrl", "version"].map(|name| metadata.annotation(name).unwrap_or_default());
    ClusterAdmissionPolicy {
        api_version: "policies.kubewarden.io/v1",
        kind: "ClusterAdmissionPolicy",
        metadata: json!({"name": name_of(policy, part), "annotations": annotations}),
        spec: Spec {
            policy_server: "default",
            mode: "protect",
            module: format!("registry://{oci_url}:v{version}"),
            settings: Map::new(),
            match_conditions: conditions(&rules),
            rules,
            mutating: metadata.mutating,
            background_audit: metadata.background_audit && part.is_audited(),
            failure_policy: part.failure_policy(),
            timeout_seconds: Commented(TIMEOUT, "Longer than an evaluation, so that the answer says what was wrong.".into()),
            timeout_eval_seconds: Commented(
                10,
                "The first one waits until the policy server has listed what is read below; all others take milliseconds."
                    .into(),
            ),
            context_aware_resources: metadata
                .context_aware_resources
                .iter()
                .map(|read| Read {
                    api_version: read.api_version.clone(),
                    kind: Commented(
                        read.kind.clone(),
                        metadata.reason_to_read(&read.kind).unwrap_or_default().into(),
                    ),
                })
                .collect(),
        },
    }
}

/// The metadata's rules, for the resources of one part.
fn rules(metadata: &Metadata, part: Part) -> Vec<Rule> {
    let rules = metadata.rules.iter().map(|rule| {
        let resources: BTreeSet<String> =
            rule.group_resources().filter(|it| Part::of(it) == part).map(|it| it.resource).collect();
        let is_of_part = |name: &&String| resources.contains(*name);
        Rule { resources: rule.resources.iter().filter(is_of_part).cloned().collect(), ..rule.clone() }
    });
    rules.filter(|rule| !rule.resources.is_empty()).collect()
}

/// What a background audit can show to a policy: it asks as if the object was created.
pub(crate) fn auditable(metadata: &Metadata) -> BTreeSet<GroupResource> {
    let created = |rule: &&Rule| rule.operations.iter().any(|operation| operation == "CREATE");
    metadata.rules.iter().filter(created).flat_map(Rule::group_resources).collect()
}

/// What the policy server may read for the policy, and what audit-scanner shows to it.
fn rights(policy: &str, metadata: &Metadata) -> String {
    let reads = metadata.context_aware_resources.iter();
    let read: BTreeSet<_> = reads.map(|read| Kind::new(&read.api_version, &read.kind).resource()).collect();
    let audited = auditable(metadata).into_iter().filter(|resource| Part::of(resource).is_audited()).collect();
    let role = format!("upgrade-gate-{policy}");
    [
        "# A list without permission does not fail but waits: the three verbs belong together.\n".into(),
        grant(&role, &read, &["get", "list", "watch"], "policy-server"),
        "---\n# What audit-scanner lists, to have it judged: its own role has only what ClusterRole view shows.\n"
            .into(),
        grant(&format!("{role}-audit"), &audited, &["list"], "audit-scanner"),
    ]
    .concat()
}

/// A ClusterRole, bound to a ServiceAccount of Kubewarden, as its charts name it.
fn grant(role: &str, resources: &BTreeSet<GroupResource>, verbs: &[&str], account: &str) -> String {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for GroupResource { group, resource } in resources {
        groups.entry(group).or_default().push(resource);
    }
    let rules: Vec<Value> = groups
        .into_iter()
        .map(|(group, resources)| json!({"apiGroups": [group], "resources": resources, "verbs": verbs}))
        .collect();
    let metadata = json!({"name": role});
    let api_version = "rbac.authorization.k8s.io/v1";
    let documents = [
        json!({"apiVersion": api_version, "kind": "ClusterRole", "metadata": metadata, "rules": rules}),
        json!({
            "apiVersion": api_version,
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "kubewarden"}],
        }),
    ];
    documents.map(|document| yaml(&document)).join("---\n")
}

/// Nothing here is of a type that YAML cannot have.
fn yaml(document: &impl Serialize) -> String {
    serde_saphyr::to_string(document).unwrap_or_default()
}

fn head(policy: &str, metadata: &Metadata) -> String {
    let kubewarden = metadata.minimum_kubewarden_version.as_deref().unwrap_or("any version");
    format!(
        "\
# {policy} for Kubewarden ({kubewarden} or later), as `upgrade-gate policies manifests {policy}` prints it.
#
# Kubernetes 1.28 or later. An older API server drops matchConditions without a word: then what says `failurePolicy: Fail`
# below is asked about every object of those kinds, and an outage of the policy server stops everybody. OpenShift up to 4.14
# has such an API server, and so has 4.10, where the upgrade to HCO 1.7 begins. There, let requests pass in an outage:
#   upgrade-gate policies manifests {policy} | sed 's/failurePolicy: Fail/failurePolicy: Ignore/' | kubectl apply -f -
#
# The ServiceAccounts and namespace kubewarden are those of Kubewarden's charts.
---
"
    )
}

fn about(part: Part) -> &'static str {
    match part {
        Part::Flag => {
            "\
# What exists, and the update of OpenShift itself. While the policy server cannot be reached, all requests pass.
"
        }
        Part::Requests => {
            "\
# Requests that start an upgrade of HCO. While the policy server cannot be reached, those about HCO's objects are refused, and
# all others pass. The policy server takes no request above 2 MiB, and an UPDATE has its object twice; a larger one is refused
# likewise.
"
        }
        Part::Extensions => {
            "\
# The same by OLM v1. A policy of its own: audit-scanner leaves one out of which a resource is not served.
"
        }
        Part::Objects => {
            "\
# What an upgrade of HCO consists of, guarded likewise. Not audited, or every Deployment of the cluster would have a report.
"
        }
    }
}
