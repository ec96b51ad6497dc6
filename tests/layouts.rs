//! One cluster in every layout that `check` reads: the same findings, apart from where they were.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde_json::{Value, json};
use upgrade_gate_testing::node_maintenance;

type Files = BTreeMap<String, String>;

/// Two objects in use, of which one is stuck, and what policies ask for. Their nodes are there: of one that is not, only a layout
/// that proves that it has all nodes can say that it is gone.
fn cluster() -> Vec<Value> {
    let node =
        |name: &str| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "resourceVersion": "1"}});
    vec![
        node("worker-1"),
        node("worker-2"),
        json!({
            "apiVersion": "hco.kubevirt.io/v1beta1",
            "kind": "HyperConverged",
            "metadata": {"name": "kubevirt-hyperconverged", "namespace": "cnv", "resourceVersion": "2"},
            "status": {
                "conditions": [{"type": "Upgradeable", "status": "True"}],
                "versions": [{"name": "operator", "version": "1.6.0"}],
            },
        }),
        node_maintenance("nm-1").of_node("worker-1").because("disk").in_deletion().json().clone(),
        node_maintenance("nm-2").of_node("worker-2").because("firmware").json().clone(),
    ]
}

fn text<'o>(object: &'o Value, path: &str) -> &'o str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn group(object: &Value) -> &str {
    text(object, "/apiVersion").split_once('/').map_or("core", |(group, _)| group)
}

fn plural(object: &Value) -> String {
    format!("{}s", text(object, "/kind").to_lowercase())
}

/// JSON is YAML in flow style; the marker makes it a document of its own.
fn document(object: &Value) -> String {
    format!("---\n{object}\n")
}

/// A file for each object.
fn placed(path: impl Fn(&Value) -> String) -> Files {
    cluster().iter().map(|object| (path(object), document(object))).collect()
}

fn one(name: &str, content: String) -> Files {
    Files::from([(name.into(), content)])
}

fn each(separator: &str) -> String {
    cluster().iter().map(|object| format!("{object}{separator}")).collect()
}

fn layouts() -> Vec<(&'static str, Files)> {
    let name = |object: &Value| text(object, "/metadata/name").to_owned();
    let scope = |object: &Value, folder: &str| match text(object, "/metadata/namespace") {
        "" => "mg/image/cluster-scoped-resources".to_owned(),
        namespace => format!("mg/image/namespaces/{namespace}{folder}"),
    };
    let mut lists: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for object in cluster() {
        lists.entry(plural(&object)).or_default().push(object);
    }
    let typed = lists.iter().map(|(plural, objects)| {
        let mut items = objects.clone();
        items.iter_mut().for_each(|item| {
            item.as_object_mut().unwrap().retain(|key, _| !["apiVersion", "kind"].contains(&key.as_str()));
        });
        let kind = format!("{}List", text(&objects[0], "/kind"));
        let list = json!({"apiVersion": objects[0]["apiVersion"], "items": items, "kind": kind, "metadata": {}});
        (format!("{plural}.json"), list.to_string())
    });
    let untyped = json!({"apiVersion": "v1", "items": cluster(), "kind": "List", "metadata": {"resourceVersion": ""}});
    vec![
        ("typed lists with bare items", typed.collect()),
        ("a List, JSON", one("list.json", serde_json::to_string_pretty(&untyped).unwrap())),
        ("a List, YAML", one("list.yaml", document(&untyped))),
        ("concatenated JSON", one("all.json", each(""))),
        ("a JSON document a line", one("all.ndjson", each("\n"))),
        ("several YAML documents", one("all.yaml", cluster().iter().map(document).collect())),
        ("dashed documents without extension", one("all", format!("---\n{}", each("\n---------------\n")))),
        ("a directory of manifests", placed(|object| format!("{}/{}.yml", plural(object), name(object)))),
        (
            "oc adm inspect",
            placed(|object| {
                format!("{}/{}/{}/{}.yaml", scope(object, ""), group(object), plural(object), name(object))
            }),
        ),
        (
            "kubevirt must-gather",
            placed(|object| {
                let folder = match group(object) {
                    "core" => format!("core/{}", plural(object)),
                    group => format!("{}.{group}", plural(object)),
                };
                format!("{}/{folder}/{}.yaml", scope(object, "/crs"), name(object))
            }),
        ),
    ]
}

fn findings(folder: &Path) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
    let output = command.arg("check").arg(folder).args(["-o", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut findings = report["findings"].clone();
    for finding in findings.as_array_mut().unwrap() {
        let origin = finding["origin"].take();
        // The simulated plan is in no file.
        assert_eq!(origin["line"].as_u64() > Some(0), finding["phase"] == "audit", "{origin}");
    }
    findings
}

#[test]
fn every_layout_of_one_cluster_gives_the_same_findings() {
    let mut first: Option<Value> = None;
    for (name, files) in layouts() {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let found = findings(folder.path());
        assert_eq!(found.as_array().unwrap().len(), 3, "{name}: {found:#}");
        let first = first.get_or_insert(found.clone());
        assert_eq!(*first, found, "{name}");
    }
}
