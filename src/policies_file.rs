//! policy-server's `policies.yml`: which modules run, under which names and settings, and what each may ask for.
//!
//! Source: kubewarden-controller 3460bb71, `crates/policy-server/src/config.rs`. Ours beside it: `bundled://NAME` is a policy that
//! comes with the program, and what that may ask for is what it declares, unless the file says otherwise.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Map, Value};
use upgrade_gate_host::ContextAwareResource;

use crate::{cli::PolicyName, error::Error, yaml::yaml};

/// One policy of the file.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What the file calls it.
    pub(crate) id: String,
    pub(crate) module: PolicyName,
    pub(crate) constraints: Constraints,
    /// A JSON object.
    pub(crate) settings: String,
    /// What it may ask for; where absent, of a bundled policy what it declares, of any other nothing.
    pub(crate) context_aware_resources: Option<BTreeSet<ContextAwareResource>>,
    /// Patterns; where absent, likewise.
    pub(crate) host_capabilities: Option<BTreeSet<String>>,
    /// Of one evaluation.
    pub(crate) timeout: Option<Duration>,
}

/// What becomes of a policy's answer in admission.
#[derive(Clone, Debug, Default)]
pub(crate) struct Constraints {
    /// `policyMode: monitor`: what it would refuse is let through.
    pub(crate) is_monitored: bool,
    /// `allowedToMutate`: where false, a request that it would change is refused.
    pub(crate) may_mutate: bool,
    /// `message`: said in place of the policy's own words, which become a cause of the refusal.
    pub(crate) message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stated {
    module: Option<String>,
    #[serde(default)]
    policy_mode: Mode,
    allowed_to_mutate: Option<bool>,
    message: Option<String>,
    settings: Option<Map<String, Value>>,
    context_aware_resources: Option<BTreeSet<ContextAwareResource>>,
    host_capabilities: Option<BTreeSet<String>>,
    timeout_eval_seconds: Option<Value>,
    /// Of a policy group.
    policies: Option<Value>,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Protect,
    Monitor,
}

/// By their names: each entry, or why it cannot be taken and what to do instead.
///
/// # Errors
/// [`Error::PoliciesFile`]: the file.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Result<Entry, Error>>, Error> {
    let wrong = |reason: String| Error::PoliciesFile { path: path.into(), reason };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let stated: BTreeMap<String, Value> = yaml(&text).map_err(|line| {
        wrong(format!("expected a map from names to policies, as policy-server reads it: line {line}"))
    })?;
    if stated.is_empty() {
        return Err(wrong("there is no policy in it".into()));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let entries = stated.into_iter().map(|(id, stated)| {
        let entry = entry(&id, stated, folder).map_err(|reason| wrong(format!("policy `{id}`: {reason}")));
        (id, entry)
    });
    Ok(entries.collect())
}

fn entry(id: &str, stated: Value, folder: &Path) -> Result<Entry, String> {
    if id.contains('/') {
        return Err("a name has no `/` in it".into());
    }
    if !stated.is_object() {
        return Err("expected a map with `module`".into());
    }
    let stated: Stated = serde_json::from_value(stated).map_err(|error| error.to_string())?;
    if stated.policies.is_some() {
        return Err("policy groups are not supported: give each of its policies an entry of its own".into());
    }
    let module = module(&stated.module.ok_or("it has no `module`")?, folder)?;
    Ok(Entry {
        id: id.into(),
        module,
        constraints: Constraints {
            is_monitored: stated.policy_mode == Mode::Monitor,
            may_mutate: stated.allowed_to_mutate.unwrap_or_default(),
            message: stated.message,
        },
        settings: Value::from(stated.settings.unwrap_or_default()).to_string(),
        context_aware_resources: stated.context_aware_resources,
        host_capabilities: stated.host_capabilities,
        timeout: stated.timeout_eval_seconds.map(|value| seconds(&value)).transpose()?,
    })
}

fn seconds(value: &Value) -> Result<Duration, String> {
    let seconds = value.as_u64().filter(|seconds| *seconds > 0);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("timeoutEvalSeconds: expected a whole number from 1 on, not `{value}`"))
}

/// `bundled://NAME`, or `file://PATH`, where a path that is not absolute begins at the file's own folder.
fn module(text: &str, folder: &Path) -> Result<PolicyName, String> {
    if let Some(name) = text.strip_prefix("bundled://") {
        return Ok(PolicyName::Bundled(name.into()));
    }
    if let Some(path) = text.strip_prefix("file://") {
        return Ok(PolicyName::File(folder.join(path)));
    }
    Err(format!(
        "module `{text}`: nothing is fetched; get it with `kwctl pull --output-path FILE` and name the file (file://FILE); what comes \
         with the program is bundled://NAME"
    ))
}
