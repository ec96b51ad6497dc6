//! Objects that are not where objects are: inside other documents, as other tools write them.

use serde_json::{Value, json};

use crate::{
    clusters::{Cluster, NODE_MAINTENANCE},
    damages::{Change, Damage, Effect::HidesMaintenance},
    layouts::File,
    yaml,
};

/// Files with a NodeMaintenance in them, beside a list or definitions, of which every source has one.
pub fn damages(cluster: &Cluster, file: &File) -> Vec<Damage> {
    if !file.decides {
        return Vec::new();
    }
    let add = |(name, content): (&str, String)| {
        let file = File { path: "zzz.yaml".into(), content: content.into_bytes(), kind: "", decides: false };
        Damage { name: format!("beside it {name}"), change: Change::Add(file), effect: HidesMaintenance }
    };
    let mut damages: Vec<Damage> = wrapped(&maintenance(cluster)).into_iter().map(add).collect();
    // The object itself is inside.
    if file.kind == NODE_MAINTENANCE[1]
        && let Some(object) = cluster.of_kind(NODE_MAINTENANCE[1]).next()
    {
        let inside = wrapped(object).into_iter();
        damages.extend(inside.map(|(name, content)| Damage::content(format!("as {name}"), content, HidesMaintenance)));
    }
    damages
}

fn maintenance(cluster: &Cluster) -> Value {
    let [api_version, kind, _] = NODE_MAINTENANCE;
    let metadata = json!({"name": "nm-9", "resourceVersion": "9", "uid": "uid-9"});
    let known = cluster.of_kind(kind).next().cloned();
    known.unwrap_or_else(
        || json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": {"nodeName": "worker-1"}}),
    )
}

/// One object in the documents in which objects are found, and in the forms in which they are written.
fn wrapped(object: &Value) -> Vec<(&'static str, String)> {
    let named = json!({"name": "a", "resourceVersion": "1"});
    let event = json!({"object": object, "type": "ADDED"});
    let template = json!({"apiVersion": "template.openshift.io/v1", "kind": "Template", "metadata": named,
                          "objects": [object]});
    let config = json!({"apiVersion": "v1", "data": {"a.yaml": yaml::block(object)}, "kind": "ConfigMap",
                        "metadata": named});
    let table = json!({"apiVersion": "meta.k8s.io/v1", "columnDefinitions": [], "kind": "Table", "metadata": {},
                       "rows": [{"cells": ["nm-9"], "object": object}]});
    let work = json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork", "metadata": named,
                      "spec": {"workload": {"manifests": [object]}}});
    let policy = json!({"apiVersion": "policy.open-cluster-management.io/v1", "kind": "Policy", "metadata": named,
        "spec": {"policy-templates": [{"objectDefinition": {"kind": "ConfigurationPolicy", "spec": {"object-templates":
            [{"complianceType": "musthave", "objectDefinition": object}]}}}]}});
    let array = json!([object]);
    let unknown =
        json!({"apiVersion": "example.com/v1", "kind": "Bundle", "metadata": named, "spec": {"of": [object]}});
    let inner = json!({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "List", "items":
        [object], "metadata": {}}], "metadata": {}});
    [
        ("a watch event", "a watch event in YAML", event),
        ("a Template", "a Template in YAML", template),
        ("text of a ConfigMap", "text of a ConfigMap in YAML", config),
        ("a Table", "a Table in YAML", table),
        ("a ManifestWork", "a ManifestWork in YAML", work),
        ("a Policy", "a Policy in YAML", policy),
        ("an array", "an array in YAML", array),
        ("something unknown", "something unknown in YAML", unknown),
        ("a list in a list", "a list in a list in YAML", inner),
    ]
    .into_iter()
    .flat_map(|(name, in_yaml, value)| [(name, value.to_string()), (in_yaml, yaml::block(&value))])
    .collect()
}
