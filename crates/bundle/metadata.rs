//! Checks a policy's `metadata.yml` while it is built: nobody would notice a mistake in it later.

use serde_json::{Map, Value};

/// What it may say. Kubewarden passes over what it does not know, so that a typo is a setting that is not there.
///
/// Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/policy_metadata.rs`, without what the build fills
/// in.
const KEYS: [&str; 8] = [
    "rules",
    "mutating",
    "backgroundAudit",
    "executionMode",
    "contextAwareResources",
    "hostCapabilities",
    "minimumKubewardenVersion",
    "annotations",
];

const RULE: [&str; 4] = ["apiGroups", "apiVersions", "resources", "operations"];

const READ: [&str; 2] = ["apiVersion", "kind"];

const TITLE: &str = "io.kubewarden.policy.title";

/// # Errors
/// What is wrong, by its key; `folder` is the name of the policy's folder.
pub fn check(metadata: &Map<String, Value>, folder: &str) -> Result<(), String> {
    known(metadata, &KEYS, "")?;
    for (index, rule) in objects(metadata, "rules").enumerate() {
        known(rule, &RULE, &format!("rules[{index}]."))?;
        for key in RULE {
            let words = rule.get(key).and_then(Value::as_array).into_iter().flatten();
            if let Some(word) = words.filter_map(Value::as_str).find(|word| word.contains('*')) {
                // It could be neither listed nor granted, and a snapshot would have to prove that it holds everything.
                return Err(format!("rules[{index}].{key}: `{word}` is a wildcard; name each"));
            }
        }
    }
    for (index, read) in objects(metadata, "contextAwareResources").enumerate() {
        known(read, &READ, &format!("contextAwareResources[{index}]."))?;
    }
    match metadata.get("annotations").and_then(|annotations| annotations.get(TITLE)).and_then(Value::as_str) {
        Some(title) if title == folder => Ok(()),
        Some(title) => Err(format!("annotations.{TITLE} is `{title}`; it has to be the folder's name, `{folder}`")),
        None => Err(format!("annotations.{TITLE} is missing; it has to be the folder's name, `{folder}`")),
    }
}

fn objects<'m>(metadata: &'m Map<String, Value>, key: &str) -> impl Iterator<Item = &'m Map<String, Value>> {
    metadata.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn known(object: &Map<String, Value>, keys: &[&str], path: &str) -> Result<(), String> {
    match object.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(format!("{path}{key} is not known; expected one of {}", keys.join(", "))),
        None => Ok(()),
    }
}
