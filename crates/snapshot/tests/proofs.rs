//! What proves nothing, though it looks as if it did: each row was believed once.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod cluster;

use cluster::{File, INSPECT, KUBEVIRT, builder, cluster, hyperconverged, node, node_maintenance, read, yaml};
use serde_json::{Value, json};
use upgrade_gate_core::{Cluster, GetQuery, HYPERCONVERGED, ListQuery, NODE_MAINTENANCE, PROBE, ReadError};
use upgrade_gate_snapshot::{
    Kind, Snapshot,
    State::{Captured, NotCaptured, NotInstalled},
};

fn typed(kind: &Kind, metadata: Value, items: &[Value]) -> Value {
    json!({"apiVersion": kind.api_version, "kind": format!("{}List", kind.kind), "metadata": metadata, "items": items})
}

fn ssp(resource_version: Option<&str>) -> Value {
    let mut ssp = json!({
        "apiVersion": "ssp.kubevirt.io/v1beta1",
        "kind": "SSP",
        "metadata": {"name": "ssp", "namespace": "cnv", "resourceVersion": "20"},
        "spec": {},
    });
    ssp["metadata"]["resourceVersion"] = json!(resource_version);
    ssp
}

/// A kubevirt must-gather in which the collector went on behind NodeMaintenance, of which there is nothing.
fn must_gather() -> Vec<File> {
    vec![
        (format!("{KUBEVIRT}/cluster-scoped-resources/core/nodes/worker-1.yaml"), yaml(&cluster()[0], 0)),
        (format!("{KUBEVIRT}/namespaces/cnv/crs/{}/k.yaml", HYPERCONVERGED.crd), yaml(&cluster()[2], 0)),
        (format!("{KUBEVIRT}/namespaces/cnv/crs/ssps.ssp.kubevirt.io/ssp.yaml"), yaml(&ssp(Some("20")), 0)),
    ]
}

fn state(snapshot: &Snapshot, kind: &Kind) -> upgrade_gate_snapshot::State {
    snapshot.kinds().iter().find(|report| report.kind == *kind).unwrap().state
}

const STATUS: &str =
    r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","reason":"Forbidden","code":403}"#;

/// What lies at the place of an object, and is none.
fn no_objects() -> Vec<(&'static str, Vec<u8>)> {
    let object = yaml(&cluster()[3], 0);
    let to_be_continued = typed(&node_maintenance(), json!({"continue": "x"}), &[cluster()[3].clone()]);
    vec![
        ("cut after the kind", b"apiVersion: nodemaintenance.kubevirt.io/v1beta1\nkind: NodeMaintenance\n".to_vec()),
        ("cut in the kind", b"apiVersion: nodemaintenance.kubevirt.io/v1beta1\nkind: NodeMain".to_vec()),
        ("an API server's Status", STATUS.into()),
        ("dashes", b"---\n---\n".to_vec()),
        ("a comment", b"# nothing\n".to_vec()),
        ("a lower-case kind", object.replace("kind: NodeMaintenance", "kind: nodemaintenance").into()),
        ("another kind", yaml(&cluster()[0], 0).into()),
        ("NUL bytes", vec![0; 300]),
        ("an HTML page", b"<html><head><title>502 Bad Gateway</title></head></html>".to_vec()),
        ("kubectl's error", b"Error from server (Forbidden): nodemaintenances is forbidden\n".to_vec()),
        ("null", b"null".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("an empty list", b"[]".to_vec()),
        ("a number", b"5".to_vec()),
        ("nothing", Vec::new()),
        ("a typed list without items", typed(&node_maintenance(), json!({}), &[]).to_string().into()),
        ("a list to be continued", to_be_continued.to_string().into()),
    ]
}

#[test]
fn a_file_at_the_place_of_a_kind_without_an_object_of_it_takes_away_what_paths_prove() {
    assert_eq!(state(&read(&must_gather()), &node_maintenance()), Captured);
    let places = [
        format!("{KUBEVIRT}/cluster-scoped-resources/{}/nm-1.yaml", NODE_MAINTENANCE.crd),
        format!("{INSPECT}/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances/nm-1.yaml"),
    ];
    for place in &places {
        for (name, content) in no_objects() {
            let mut builder = builder();
            must_gather().iter().for_each(|(path, text)| builder.read(path, text.as_bytes()));
            builder.read(place, &*content);
            let snapshot = builder.finish();
            assert_eq!(state(&snapshot, &node_maintenance()), NotCaptured, "{name}");
            let listed = snapshot.skipped().iter().any(|skipped| *skipped.origin.path == **place && skipped.matters);
            assert!(listed, "{name}: {:?}", snapshot.skipped());
        }
    }
}

#[test]
fn a_collector_went_on_only_where_a_stored_object_lies() {
    let ssp_at = |place: &str, text: String| (format!("{KUBEVIRT}/namespaces/{place}"), text);
    let folder = "cnv/crs/ssps.ssp.kubevirt.io/ssp.yaml";
    let another = cluster()[2].clone();
    let mut nameless = ssp(Some("20"));
    nameless["metadata"]["name"] = Value::Null;
    let cases = [
        ("a stored object", ssp_at(folder, yaml(&ssp(Some("20")), 0)), Captured),
        ("a manifest", ssp_at(folder, yaml(&ssp(None), 0)), NotCaptured),
        ("a manifest with an empty version", ssp_at(folder, yaml(&ssp(Some("")), 0)), NotCaptured),
        ("without a name", ssp_at(folder, yaml(&nameless, 0)), NotCaptured),
        ("an empty file", ssp_at(folder, String::new()), NotCaptured),
        ("a log", ssp_at(folder, "I1128 ssp started\n".into()), NotCaptured),
        ("an object of another kind", ssp_at(folder, yaml(&another, 0)), NotCaptured),
        ("an object of another namespace", ssp_at(&folder.replace("cnv", "x"), yaml(&ssp(Some("20")), 0)), NotCaptured),
        ("in inspect's layout", ssp_at("cnv/ssp.kubevirt.io/ssps/ssp.yaml", yaml(&ssp(Some("20")), 0)), NotCaptured),
    ];
    for (name, file, expected) in cases {
        assert_eq!(state(&read([&file]), &node_maintenance()), expected, "{name}");
    }
}

#[test]
fn a_list_proves_only_if_it_is_one() {
    let (nm, hco, nodes) = (node_maintenance(), hyperconverged(), node());
    let (version, more) = (json!({"resourceVersion": "9"}), "is not a whole list");
    let with = |field: &str, value: Value| json!({"resourceVersion": "9", field: value});
    let items = [cluster()[2].clone()];
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "nm-1"}});
    let null_items = |kind: &Kind| json!({"apiVersion": kind.api_version, "kind": format!("{}List", kind.kind), "metadata": {}, "items": null});
    let cases = [
        ("whole and empty", &nm, typed(&nm, version.clone(), &[]), Captured, None),
        ("an empty token", &nm, typed(&nm, with("continue", json!("")), &[]), Captured, None),
        ("a null token", &nm, typed(&nm, with("continue", json!(null)), &[]), Captured, None),
        ("a token", &nm, typed(&nm, with("continue", json!("x")), &[]), NotCaptured, Some(more)),
        ("a number as token", &nm, typed(&nm, with("continue", json!(5)), &[]), NotCaptured, Some(more)),
        ("an object as token", &nm, typed(&nm, with("continue", json!({})), &[]), NotCaptured, Some(more)),
        ("items that remain", &nm, typed(&nm, with("remainingItemCount", json!(0)), &[]), NotCaptured, Some(more)),
        ("no metadata", &nm, typed(&nm, json!(null), &[]), NotCaptured, Some(more)),
        ("metadata that are none", &nm, typed(&nm, json!("x"), &[]), NotCaptured, Some(more)),
        ("an item of another kind", &nm, typed(&nm, version.clone(), &[pod]), NotCaptured, Some(more)),
        ("null items", &nm, null_items(&nm), NotCaptured, Some("is a list without items")),
        (
            "an apiVersion of others",
            &nm,
            typed(&Kind::new("x.io/v1", &nm.kind), version.clone(), &[]),
            NotCaptured,
            None,
        ),
        ("a namespaced kind, empty", &hco, typed(&hco, version.clone(), &[]), NotCaptured, None),
        ("a namespaced kind, with an object", &hco, typed(&hco, version.clone(), &items), Captured, None),
        ("a built-in kind of the cluster, empty", &nodes, typed(&nodes, version, &[]), Captured, None),
    ];
    for (name, kind, list, expected, skipped) in cases {
        for text in [list.to_string(), yaml(&list, 0)] {
            let snapshot = read(&[("a.json".to_owned(), text.clone())]);
            assert_eq!(state(&snapshot, kind), expected, "{name}: {text}");
            let reasons: Vec<String> = snapshot.skipped().iter().map(|skipped| skipped.reason()).collect();
            assert_eq!(skipped.is_some(), !reasons.is_empty(), "{name}: {reasons:?}");
            assert!(reasons.iter().all(|reason| reason.starts_with(skipped.unwrap())), "{name}: {reasons:?}");
        }
    }
}

#[test]
fn a_token_that_is_there_twice_is_one() {
    let list = typed(&node_maintenance(), json!({"continue": "x"}), &[]).to_string();
    let list = list.replace(r#""continue":"x""#, r#""continue":"x","continue":"""#);
    assert_eq!(state(&read(&[("a.json".to_owned(), list)]), &node_maintenance()), NotCaptured);
}

#[test]
fn a_record_says_that_all_namespaces_were_asked() {
    let list = typed(&hyperconverged(), json!({"resourceVersion": "9"}), &[]).to_string();
    let path = "/apis/hco.kubevirt.io/v1beta1/hyperconvergeds";
    let record = |file: Value, path: &str| {
        json!({"apiVersion": "upgrade-gate.io/v1", "kind": "ListRecord", "file": file, "path": path}).to_string()
    };
    let (a, r) = ("dir/a.json".to_owned(), "dir/upgrade-gate-lists.json".to_owned());
    let whole = record(json!("a.json"), path);
    let of_one = record(json!("a.json"), "/apis/hco.kubevirt.io/v1beta1/namespaces/x/hyperconvergeds");
    let in_one = format!("{}{list}", record(json!(null), path));
    let cases = [
        ("beside it", vec![(a.clone(), list.clone()), (r.clone(), whole.clone())], Captured),
        ("before it", vec![(r.clone(), whole.clone()), (a.clone(), list.clone())], Captured),
        ("in its file", vec![(a.clone(), in_one)], Captured),
        ("of one namespace", vec![(a.clone(), list.clone()), (r.clone(), of_one)], NotCaptured),
        (
            "with a selector",
            vec![(a.clone(), list.clone()), (r.clone(), record(json!("a.json"), &format!("{path}?labelSelector=x")))],
            NotCaptured,
        ),
        (
            "of another kind",
            vec![(a.clone(), list.clone()), (r, record(json!("a.json"), "/api/v1/nodes"))],
            NotCaptured,
        ),
        ("in another folder", vec![(a, list), ("other/r.json".into(), whole)], NotCaptured),
    ];
    for (name, files, expected) in cases {
        assert_eq!(state(&read(&files), &hyperconverged()), expected, "{name}");
    }
    // What proves by itself does not where its record says that it is a part.
    let crds = typed(&Kind::new("apiextensions.k8s.io/v1", "CustomResourceDefinition"), json!({}), &[]).to_string();
    let crds_path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let nm = typed(&node_maintenance(), json!({}), &[]).to_string();
    let nm_path = "/apis/nodemaintenance.kubevirt.io/v1beta1/nodemaintenances";
    for (list, path, expected) in [(&nm, nm_path, Captured), (&crds, crds_path, NotInstalled)] {
        for (query, expected) in [("", expected), ("?fieldSelector=x", NotCaptured), ("?limit=1", NotCaptured)] {
            let asked = record(json!("a.json"), &format!("{path}{query}"));
            let files = [("a.json".to_owned(), list.clone()), ("r.json".into(), asked)];
            assert_eq!(state(&read(&files), &node_maintenance()), expected, "{path}{query}");
        }
    }
    let mut live = builder();
    live.cluster("https://cluster");
    live.read("https://cluster/x", &*typed(&hyperconverged(), json!({}), &[]).to_string().into_bytes());
    assert_eq!(state(&live.finish(), &hyperconverged()), Captured);
}

#[test]
fn not_installed_falls_where_the_sources_contradict_it() {
    let crd = |name: &str| json!({"metadata": {"name": name, "resourceVersion": "1"}});
    let crds = |api_version: &str, names: &[&str]| {
        let items: Vec<Value> = names.iter().map(|name| crd(name)).collect();
        let list = typed(&Kind::new(api_version, "CustomResourceDefinition"), json!({}), &items);
        ("crds.json".to_owned(), list.to_string())
    };
    let v1 = "apiextensions.k8s.io/v1";
    let (hco, vm) = (HYPERCONVERGED.crd, "virtualmachines.kubevirt.io");
    let machine = |version: &str| json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "a", "resourceVersion": version}});
    let manifest = json!({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "a"}});
    let object = |value: &Value| ("object.yaml".to_owned(), yaml(value, 0));
    let other_version = Kind::new("nodemaintenance.kubevirt.io/v1", "NodeMaintenance");
    let tasks = json!({"apiVersion": "tektontasks.kubevirt.io/v1alpha1", "kind": "TektonTasks", "metadata": {"name": "a", "resourceVersion": "5"}});
    let of_other_version = json!({"apiVersion": other_version.api_version, "kind": other_version.kind, "metadata": {"name": "a", "resourceVersion": "3"}});
    let cases = [
        (
            "a kind that is plural already",
            vec![crds(v1, &[hco, "tektontasks.tektontasks.kubevirt.io"]), object(&tasks)],
            NotInstalled,
        ),
        ("nothing else", vec![crds(v1, &[hco])], NotInstalled),
        ("none at all", vec![crds(v1, &[])], NotInstalled),
        ("a list of another group", vec![crds("v1", &[hco])], NotCaptured),
        ("the CRD of HyperConverged is missing", vec![crds(v1, &[vm]), object(&cluster()[2])], NotCaptured),
        ("the CRD of a kind that nobody wants is missing", vec![crds(v1, &[hco]), object(&machine("4"))], NotCaptured),
        (
            "it is there",
            vec![crds(v1, &[hco, vm]), object(&cluster()[2]), ("vm.json".into(), machine("4").to_string())],
            NotInstalled,
        ),
        ("a manifest of it contradicts nothing", vec![crds(v1, &[hco]), object(&manifest)], NotInstalled),
        ("an object of the kind in another version", vec![crds(v1, &[hco]), object(&of_other_version)], NotCaptured),
    ];
    for (name, files, expected) in cases {
        let snapshot = read(&files);
        assert_eq!(state(&snapshot, &node_maintenance()), expected, "{name}");
        let list = get(&snapshot, &Kind::new(v1, "CustomResourceDefinition"), NODE_MAINTENANCE.crd, &["metadata.name"]);
        assert_eq!(list == Err(ReadError::NotFound), expected == NotInstalled, "{name}");
    }
}

fn get(snapshot: &Snapshot, kind: &Kind, name: &str, fields: &[&str]) -> Result<Value, ReadError> {
    let query = GetQuery {
        api_version: kind.api_version.clone(),
        kind: kind.kind.clone(),
        name: name.into(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        ..GetQuery::default()
    };
    snapshot.get(&query).map(|answer| serde_json::from_str(&answer.json).unwrap())
}

fn is_listed_whole(snapshot: &Snapshot, kind: &Kind) -> Option<bool> {
    let query = ListQuery { api_version: kind.api_version.clone(), kind: kind.kind.clone(), ..ListQuery::default() };
    let answer = snapshot.list(&query).ok()?;
    let list: Value = serde_json::from_str(&answer.json).unwrap();
    assert_eq!(answer.complete, list["metadata"].get("continue").is_none());
    Some(answer.complete)
}

#[test]
fn what_is_not_found_in_an_incomplete_source_is_not_known() {
    let whole = ("nodes.json".to_owned(), typed(&node(), json!({}), &cluster()[..2]).to_string());
    let lost = ("nm.yaml".to_owned(), "kind: NodeMaintenance\nmetadata: {".to_owned());
    let single = ("node.yaml".to_owned(), yaml(&cluster()[0], 0));
    let cases = [
        ("whole", vec![whole.clone()], Some(true), true),
        ("whole, but something was lost", vec![whole, lost], Some(false), false),
        ("some", vec![single], Some(false), false),
        ("none", vec![], None, false),
    ];
    for (name, files, listed, is_known) in cases {
        let snapshot = read(&files);
        assert_eq!(is_listed_whole(&snapshot, &node()), listed, "{name}");
        let found = get(&snapshot, &node(), "worker-9", &["metadata.name"]);
        assert_eq!(found == Err(ReadError::NotFound), is_known, "{name}: {found:?}");
        // Whether the kind may be read is another question.
        let probe = get(&snapshot, &node(), PROBE.0, &["metadata.name"]);
        assert_eq!(probe == Err(ReadError::NotFound), listed.is_some(), "{name}: {probe:?}");
    }
}

#[test]
fn of_a_crd_that_is_made_up_or_cut_to_its_metadata_nothing_else_is_known() {
    let crd = Kind::new("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    let metadata_only = json!({"metadata": {"name": NODE_MAINTENANCE.crd, "resourceVersion": "1"}});
    let cut = typed(&crd, json!({}), &[metadata_only]);
    let sources = [("made up", typed(&node_maintenance(), json!({}), &cluster()[3..4])), ("cut", cut)];
    for (name, list) in sources {
        let mut wanted = upgrade_gate_snapshot::Wanted::default();
        [crd.clone(), node_maintenance()].into_iter().for_each(|kind| wanted.add_kind(kind));
        let mut builder = upgrade_gate_snapshot::Builder::new(wanted);
        builder.read("a.json", list.to_string().as_bytes());
        let snapshot = builder.finish();
        assert!(get(&snapshot, &crd, NODE_MAINTENANCE.crd, &["metadata.name"]).is_ok(), "{name}");
        for fields in [&["status.storedVersions"][..], &[], &["metadata.name", "spec.versions"]] {
            let found = get(&snapshot, &crd, NODE_MAINTENANCE.crd, fields);
            assert!(matches!(found, Err(ReadError::Unavailable(_))), "{name} {fields:?}: {found:?}");
        }
    }
}
