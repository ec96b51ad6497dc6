//! Copies of one object, two clusters, and objects inside other documents.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod cluster;

use cluster::{File, cluster, hyperconverged, node, node_maintenance, read, yaml};
use serde_json::{Value, json};
use upgrade_gate_core::{Cluster, GetQuery, ReadError};
use upgrade_gate_snapshot::{Builder, Kind, Snapshot, Wanted};

fn file(path: &str, object: &Value) -> File {
    (path.into(), object.to_string())
}

fn with(object: &Value, pointer: &str, value: Value) -> Value {
    let mut object = object.clone();
    *object.pointer_mut(pointer).unwrap() = value;
    object
}

fn versions(snapshot: &Snapshot) -> Result<Value, ReadError> {
    let query = GetQuery {
        api_version: hyperconverged().api_version,
        kind: hyperconverged().kind,
        namespace: Some("cnv".into()),
        name: "kubevirt-hyperconverged".into(),
        fields: ["status.versions".to_owned()].into_iter().collect(),
        disable_cache: false,
    };
    snapshot.get(&query).map(|answer| serde_json::from_str::<Value>(&answer.json).unwrap()["status"].clone())
}

#[test]
fn of_copies_that_differ_none_wins_by_order() {
    let hco = &cluster()[2];
    let managed = {
        let mut hco = hco.clone();
        hco["metadata"]["managedFields"] = json!([{"manager": "x"}]);
        hco
    };
    let upgraded = with(hco, "/status/versions/0/version", json!("1.7.0"));
    let newer = with(&upgraded, "/metadata/resourceVersion", json!("13"));
    let mut specified = hco.clone();
    specified["spec"] = json!({"featureGates": {}});
    // How many objects are kept, and whether the versions are known.
    let cases = [
        ("the same", hco.clone(), 1, true),
        ("managed fields", managed, 1, true),
        ("another version", upgraded, 2, false),
        ("a newer one", newer, 1, true),
        ("another field", specified, 2, true),
    ];
    for (name, other, kept, is_known) in cases {
        let files = [file("a.json", hco), file("b.json", &other)];
        for order in [[&files[0], &files[1]], [&files[1], &files[0]]] {
            let snapshot = read(order);
            let kinds: Vec<usize> = snapshot.kinds().iter().map(|report| report.objects).collect();
            assert_eq!(kinds, [kept, 0, 0], "{name}");
            assert_eq!(snapshot.copies().len(), kept - 1, "{name}");
            assert_eq!(versions(&snapshot).is_ok(), is_known, "{name}: {:?}", versions(&snapshot));
            let origins: Vec<_> =
                snapshot.copies().iter().flat_map(|copies| &copies.origins).map(|it| &*it.path).collect();
            assert_eq!(origins, if kept == 2 { vec!["a.json", "b.json"] } else { vec![] }, "{name}");
        }
    }
}

#[test]
fn two_clusters_are_never_one_snapshot() {
    let node = &cluster()[0];
    let namespace = |name: &str, uid: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": uid}});
    let version = |id: &str| json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion", "metadata": {"name": "version"}, "spec": {"clusterID": id}});
    let newer = with(&with(node, "/metadata/uid", json!("other")), "/metadata/resourceVersion", json!("99"));
    let cases = [
        ("one object twice", node.clone(), node.clone(), None),
        ("another uid", node.clone(), with(node, "/metadata/uid", json!("other")), Some("Node worker-1")),
        ("another uid, and newer", node.clone(), newer, Some("Node worker-1")),
        ("no uid", node.clone(), with(node, "/metadata/uid", json!(null)), None),
        ("kube-system", namespace("kube-system", "1"), namespace("kube-system", "2"), Some("Namespace kube-system")),
        ("another namespace", namespace("cnv", "1"), namespace("cnv", "2"), None),
        ("cluster IDs", version("1"), version("2"), Some("ClusterVersion version")),
    ];
    for (name, one, other, expected) in cases {
        for write in [|value: &Value| value.to_string(), |value: &Value| yaml(value, 0)] {
            let snapshot = read(&[("a.yaml".to_owned(), write(&one)), ("b.yaml".to_owned(), write(&other))]);
            let clash = snapshot.clash();
            assert_eq!(clash.map(|clash| clash.what.as_str()), expected, "{name}");
            let origins = clash.map(|clash| clash.origins.clone().map(|origin| origin.path.to_string()));
            assert_eq!(origins, expected.map(|_| ["a.yaml".to_owned(), "b.yaml".to_owned()]), "{name}");
        }
    }
}

/// InstallPlans are looked at where they are, and their absence proves nothing.
fn read_with_plans(text: &str) -> Snapshot {
    let mut wanted = Wanted::default();
    [node(), node_maintenance()].into_iter().for_each(|kind| wanted.add_kind(kind));
    wanted.add_dispensable(&Kind::new("operators.coreos.com/v1alpha1", "InstallPlan"));
    let mut builder = Builder::new(wanted);
    builder.read("a.yaml", text.as_bytes());
    builder.finish()
}

/// Whatever becomes of the copies, and in whatever order they come.
#[test]
fn another_uid_is_remembered() {
    let node = &cluster()[0];
    let version = |uid: Value, version: &str| {
        with(&with(node, "/metadata/uid", uid), "/metadata/resourceVersion", json!(version)).to_string()
    };
    let copies = [version(json!(null), "10"), version(json!("1"), "5"), version(json!("2"), "20")];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let files = order.map(|index| (format!("{index}.json"), copies[index].clone()));
        assert!(read(&files).clash().is_some(), "{order:?}");
    }
}

#[test]
fn objects_in_other_documents_are_read_or_listed() {
    let (node, other) = (&cluster()[3], &cluster()[4]);
    let named = |kind: &str, api_version: &str, field: &str, value: Value| json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, field: value});
    let event = |kind: &str| json!({"type": kind, "object": node});
    let objects = json!({"object-definition": node, "objectDefinition": node});
    let policy = json!({"policy-templates": [{"objectDefinition": {
        "apiVersion": "policy.open-cluster-management.io/v1", "kind": "ConfigurationPolicy",
        "metadata": {"name": "y"}, "spec": {"object-templates": [objects]},
    }}]});
    let reference = json!({"apiVersion": "v1", "kind": "Node", "name": "worker-1"});
    let map = |text: String| named("ConfigMap", "v1", "data", json!({"a": "#!/bin/sh\necho", "b": text}));
    let known = ["nm-worker-1"].as_slice();
    let plan =
        json!({"apiVersion": "operators.coreos.com/v1alpha1", "kind": "InstallPlan", "metadata": {"name": "plan"}});
    let cases = [
        ("a watch event", event("ADDED"), known, false),
        ("a change", event("MODIFIED"), known, false),
        ("a deletion", event("DELETED"), &[], false),
        ("an error", event("ERROR"), &[], true),
        ("a bookmark", event("BOOKMARK"), &[], false),
        (
            "a typed event",
            json!({"apiVersion": "v1", "kind": "WatchEvent", "type": "ADDED", "object": node}),
            known,
            false,
        ),
        (
            "a review",
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"object": node}}),
            &[],
            true,
        ),
        (
            "a Template without metadata",
            json!({"apiVersion": "template.openshift.io/v1", "kind": "Template", "objects": [node]}),
            known,
            false,
        ),
        ("a script", map(format!("#!/bin/sh\nkubectl apply -f - <<EOF\n{}EOF\n", yaml(node, 0))), &[], false),
        ("a page", map(format!("# Maintenance\n\n```yaml\n{}```\n", yaml(node, 0))), &[], false),
        ("a text in a text in a text", map(map(map(node.to_string()).to_string()).to_string()), &[], true),
        ("a Template", named("Template", "template.openshift.io/v1", "objects", json!([node])), known, false),
        ("a Table", named("Table", "meta.k8s.io/v1", "rows", json!([{"object": node}])), known, false),
        (
            "a ManifestWork",
            named(
                "ManifestWork",
                "work.open-cluster-management.io/v1",
                "spec",
                json!({"workload": {"manifests": [node]}}),
            ),
            known,
            false,
        ),
        ("a Policy, twice", named("Policy", "policy.open-cluster-management.io/v1", "spec", policy), known, true),
        (
            "a ConfigMap of YAML",
            map(format!("{}---\n{}", yaml(node, 0), yaml(other, 0))),
            &["nm-worker-1", "nm-worker-2"],
            false,
        ),
        ("a ConfigMap of JSON", map(node.to_string()), known, false),
        (
            "a ConfigMap of what starts an upgrade",
            map(format!("{plan}\n{}", plan.to_string().replace("InstallPlan", "Node"))),
            &[],
            false,
        ),
        ("a watch event of what starts an upgrade", json!({"type": "ADDED", "object": plan}), &["plan"], false),
        (
            "what starts an upgrade in a form that nobody knows",
            named("Bundle", "x.io/v1", "spec", json!([plan])),
            &[],
            false,
        ),
        ("a ConfigMap of a broken text", map(format!("{}\n{{", yaml(node, 0))), &[], true),
        (
            "a form that nobody knows",
            named("Bundle", "x.io/v1", "spec", json!({"resources": [{"content": node}]})),
            &[],
            true,
        ),
        ("no form at all", json!({"items": {"a": [node]}}), &[], true),
        ("a list in it", json!({"a": {"apiVersion": "v1", "kind": "NodeList", "items": []}}), &[], false),
        ("a reference", named("Event", "v1", "involvedObject", reference.clone()), &[], false),
        (
            "an owner",
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "ownerReferences": [reference]}}),
            &[],
            false,
        ),
        ("metadata of something", named("PartialObjectMetadata", "meta.k8s.io/v1", "x", json!(1)), &[], true),
        (
            "another group",
            named("Bundle", "x.io/v1", "spec", with(node, "/apiVersion", json!("nodemaintenance.medik8s.io/v1beta1"))),
            &[],
            false,
        ),
    ];
    for (name, document, kept, lost) in cases {
        let listed = json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [document]});
        for text in [document.to_string(), yaml(&document, 0), listed.to_string(), yaml(&listed, 0)] {
            let snapshot = read_with_plans(&text);
            let found: Vec<&str> = snapshot.objects().map(|object| object.name.as_str()).collect();
            assert_eq!(found, kept, "{name}: {text}");
            assert_eq!(!snapshot.is_whole(), lost, "{name}: {text}\n{:?}", snapshot.skipped());
        }
    }
}
