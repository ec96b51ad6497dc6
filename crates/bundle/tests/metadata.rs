//! What the build refuses of a policy's `metadata.yml`, and how it says so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test says no")]

#[path = "../metadata.rs"]
mod metadata;

use serde_json::{Map, Value, json};

fn good() -> Value {
    json!({
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["nodes"], "operations": ["CREATE"]},
            {"apiGroups": ["a.io"], "apiVersions": ["v1"], "resources": ["as"], "operations": ["CREATE", "UPDATE"]},
        ],
        "mutating": false, "backgroundAudit": true, "executionMode": "kubewarden-wapc",
        "contextAwareResources": [{"apiVersion": "v1", "kind": "Node"}], "hostCapabilities": [],
        "minimumKubewardenVersion": "1.35.0",
        "annotations": {"io.kubewarden.policy.title": "no-vms", "anything/else": "*"},
    })
}

#[test]
fn what_is_wrong_is_named_by_its_key() {
    let title = "annotations.io.kubewarden.policy.title";
    let cases = [
        ("", json!(null), String::new()),
        ("/rules/1/apiGroups/0", json!("*"), "rules[1].apiGroups: `*` is a wildcard; name each".into()),
        ("/rules/0/apiVersions/0", json!("*"), "rules[0].apiVersions: `*` is a wildcard; name each".into()),
        ("/rules/1/resources/0", json!("as/*"), "rules[1].resources: `as/*` is a wildcard; name each".into()),
        ("/rules/1/operations/1", json!("*"), "rules[1].operations: `*` is a wildcard; name each".into()),
        ("/rules/1/scope", json!("*"), "rules[1].scope is not known; expected one of apiGroups, ".into()),
        ("/backgroundaudit", json!(false), "backgroundaudit is not known; expected one of rules, mutating, ".into()),
        ("/contextAwareResources/0/name", json!("a"), "contextAwareResources[0].name is not known; ".into()),
        (
            "/annotations/io.kubewarden.policy.title",
            json!("No VMs"),
            format!("{title} is `No VMs`; it has to be the folder's name, `no-vms`"),
        ),
        ("/annotations", json!({}), format!("{title} is missing; it has to be the folder's name, `no-vms`")),
    ];
    for (pointer, value, expected) in cases {
        let mut metadata = good();
        if let Some((parent, key)) = pointer.rsplit_once('/') {
            match metadata.pointer_mut(parent).unwrap() {
                Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
                object => object[key] = value,
            }
        }
        let metadata: Map<String, Value> = metadata.as_object().unwrap().clone();
        let error = metadata::check(&metadata, "no-vms").err().unwrap_or_default();
        assert_eq!(error.is_empty(), expected.is_empty(), "{pointer}: {error}");
        assert!(error.starts_with(&expected), "{pointer}: {error}");
    }
}
