//! The cluster of these tests: two nodes, two NodeMaintenance objects, one HyperConverged.

#![allow(dead_code, reason = "each test uses a part of it")]

use serde_json::{Value, json};
use upgrade_gate_core::{HYPERCONVERGED, NODE_MAINTENANCE};
use upgrade_gate_snapshot::{Builder, Kind, Snapshot, Wanted};

/// Image folders of must-gathers.
pub const INSPECT: &str = "mg/quay-io-openshift-sha256-1";
pub const KUBEVIRT: &str = "mg/quay-io-kubevirt-sha256-2";
/// Evidence, where objects were found without any.
pub const UNPROVED: &str = "objects of it, but nothing shows that there are no more";

/// Path and content.
pub type File = (String, String);

/// In the order of a snapshot. The strings are those that a careless reader of YAML gets wrong.
pub fn cluster() -> [Value; 5] {
    let node = |number: u64, unschedulable: bool| {
        json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": format!("worker-{number}"),
                "uid": format!("node-uid-{number}"),
                "resourceVersion": "10",
                "labels": {"node-role.kubernetes.io/worker": ""},
            },
            "spec": {"unschedulable": unschedulable, "taints": []},
            "status": {"bytes": 9_007_199_254_740_993_u64, "load": 0.5, "offset": -1, "images": null, "info": {}},
        })
    };
    let maintenance = |number: u64, reason: &str| {
        json!({
            "apiVersion": NODE_MAINTENANCE.api_version,
            "kind": NODE_MAINTENANCE.kind,
            "metadata": {
                "name": format!("nm-worker-{number}"),
                "uid": format!("nm-uid-{number}"),
                "resourceVersion": "11",
            },
            "spec": {"nodeName": format!("worker-{number}"), "reason": reason},
        })
    };
    let hyperconverged = json!({
        "apiVersion": HYPERCONVERGED.api_version,
        "kind": HYPERCONVERGED.kind,
        "metadata": {
            "name": "kubevirt-hyperconverged",
            "namespace": "cnv",
            "uid": "hco-uid",
            "resourceVersion": "12",
        },
        "status": {"versions": [{"name": "operator", "version": "1.6.0"}]},
    });
    [
        node(1, true),
        node(2, false),
        hyperconverged,
        maintenance(1, "disk: \"sda\" #2\n---\nkind: none of these"),
        maintenance(2, "no"),
    ]
}

pub fn node() -> Kind {
    Kind::new("v1", "Node")
}

pub fn hyperconverged() -> Kind {
    Kind::new(HYPERCONVERGED.api_version, HYPERCONVERGED.kind)
}

pub fn node_maintenance() -> Kind {
    Kind::new(NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.kind)
}

pub fn builder() -> Builder {
    let mut wanted = Wanted::default();
    for kind in [node(), hyperconverged(), node_maintenance()] {
        wanted.add_kind(kind);
    }
    let mut builder = Builder::new(wanted);
    builder.source("source");
    builder
}

pub fn read<'a>(files: impl IntoIterator<Item = &'a File>) -> Snapshot {
    let mut builder = builder();
    for (path, text) in files {
        builder.read(path, text.as_bytes());
    }
    builder.finish()
}

/// Block style, as `kubectl get -o yaml` writes it. Strings of one line are quoted, lest this be a
/// second place that knows which of them need quotes.
pub fn yaml(value: &Value, indent: usize) -> String {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let lines = fields.iter().map(|(name, value)| match value {
                Value::Object(inner) if !inner.is_empty() => format!("{margin}{name}:\n{}", yaml(value, indent + 2)),
                Value::Array(inner) if !inner.is_empty() => format!("{margin}{name}:\n{}", yaml(value, indent)),
                Value::String(text) if text.contains('\n') => {
                    let lines = text.lines().map(|line| format!("{margin}  {line}\n"));
                    format!("{margin}{name}: |-\n{}", lines.collect::<String>())
                }
                // Plain where a reader may look at it without parsing.
                Value::String(kind) if name == "kind" => format!("{margin}{name}: {kind}\n"),
                _ => format!("{margin}{name}: {value}\n"),
            });
            lines.collect()
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| format!("{margin}- {}", yaml(item, indent + 2).trim_start())).collect()
        }
        scalar => format!("{margin}{scalar}\n"),
    }
}
