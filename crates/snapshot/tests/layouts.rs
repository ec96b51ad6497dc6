//! One cluster in every layout gives the same objects. What differs is what each layout proves.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod cluster;

use cluster::{File, INSPECT, KUBEVIRT, UNPROVED, cluster, hyperconverged, node, node_maintenance, read, yaml};
use serde_json::{Value, json};
use upgrade_gate_snapshot::{
    Kind, Layout,
    State::{self, Captured, NotCaptured},
};

/// How one layout holds the cluster, and what follows from it.
struct Case {
    name: &'static str,
    layout: Layout,
    files: Vec<File>,
    /// In the order of [`cluster`]: file by its place in `files`, and line.
    origins: [(usize, usize); 5],
    /// Of Node, HyperConverged and NodeMaintenance.
    states: [(State, String); 3],
}

/// A whole list of one kind, its items without apiVersion and kind, as `kubectl get --raw` gives it.
fn bare_list(items: &[Value]) -> Value {
    let mut bare = items.to_vec();
    for item in bare.iter_mut().filter_map(Value::as_object_mut) {
        item.remove("apiVersion");
        item.remove("kind");
    }
    typed_list(&items[0], &bare)
}

fn typed_list(kind: &Value, items: &[Value]) -> Value {
    json!({
        "apiVersion": kind["apiVersion"],
        "kind": format!("{}List", kind["kind"].as_str().unwrap()),
        "metadata": {"resourceVersion": "99"},
        "items": items,
    })
}

fn untyped_list() -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": cluster(), "metadata": {"resourceVersion": ""}})
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

fn joined(cut: impl Fn(&Value) -> String) -> String {
    cluster().iter().map(cut).collect()
}

fn one_file(name: &'static str, path: &str, text: String, lines: [usize; 5]) -> Case {
    Case {
        name,
        layout: Layout::Files,
        files: vec![(path.into(), text)],
        origins: lines.map(|line| (0, line)),
        states: [0; 3].map(|_| (NotCaptured, UNPROVED.into())),
    }
}

/// One file for each object, with `---` where `oc adm inspect` puts it.
fn object_files(name: &'static str, layout: Layout, paths: [&str; 5]) -> Case {
    let files: Vec<File> =
        cluster().iter().zip(paths).map(|(object, path)| (path.into(), format!("---\n{}", yaml(object, 0)))).collect();
    let evidence = |file: usize| (Captured, format!("a must-gather wrote it to {}", paths[file]));
    Case {
        name,
        layout,
        files,
        origins: [(0, 2), (1, 2), (2, 2), (3, 2), (4, 2)],
        states: [evidence(0), evidence(2), evidence(3)],
    }
}

fn typed_lists() -> Case {
    let cluster = cluster();
    let files = vec![
        ("raw/nodes.json".into(), pretty(&bare_list(&cluster[..2]))),
        ("raw/hyperconvergeds.json".into(), pretty(&bare_list(&cluster[2..3]))),
        ("raw/nodemaintenances.json".into(), pretty(&bare_list(&cluster[3..]))),
    ];
    Case {
        name: "typed JSON lists of bare items",
        layout: Layout::Files,
        files,
        origins: [(0, 4), (0, 25), (1, 4), (2, 4), (2, 15)],
        states: [
            (Captured, "NodeList in raw/nodes.json at resourceVersion 99".into()),
            (Captured, "HyperConvergedList in raw/hyperconvergeds.json at resourceVersion 99".into()),
            (Captured, "NodeMaintenanceList in raw/nodemaintenances.json at resourceVersion 99".into()),
        ],
    }
}

fn inspect_lists() -> Case {
    let cluster = cluster();
    let paths = [
        format!("{INSPECT}/cluster-scoped-resources/core/nodes.yaml"),
        format!("{INSPECT}/namespaces/cnv/hco.kubevirt.io/hyperconvergeds.yaml"),
        format!("{INSPECT}/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances.yaml"),
    ];
    let lists = [&cluster[..2], &cluster[2..3], &cluster[3..]];
    let files = paths.iter().zip(lists).map(|(path, items)| {
        let list = typed_list(&items[0], items);
        (path.clone(), format!("---\n{}", yaml(&list, 0)))
    });
    Case {
        name: "oc adm inspect, list files",
        layout: Layout::MustGather,
        files: files.collect(),
        origins: [(0, 4), (0, 21), (1, 4), (2, 4), (2, 16)],
        states: [
            (Captured, format!("a must-gather wrote it to {}", paths[0])),
            // Of one namespace: there may be more in others.
            (NotCaptured, UNPROVED.into()),
            (Captured, format!("a must-gather wrote it to {}", paths[2])),
        ],
    }
}

fn cases() -> Vec<Case> {
    let dashes = "-".repeat(15);
    vec![
        typed_lists(),
        one_file("JSON List", "all.json", pretty(&untyped_list()), [4, 27, 50, 68, 81]),
        one_file("YAML List", "all.yaml", yaml(&untyped_list(), 0), [3, 20, 37, 48, 60]),
        one_file("JSON without line breaks", "all.json", untyped_list().to_string(), [1; 5]),
        one_file("concatenated JSON", "all.json", joined(pretty), [1, 23, 45, 62, 74]),
        one_file(
            "concatenated JSON with line breaks",
            "-",
            joined(|object| pretty(object) + "\n\n"),
            [1, 25, 49, 68, 82],
        ),
        one_file("NDJSON", "all.ndjson", joined(|object| format!("{object}\n")), [1, 2, 3, 4, 5]),
        one_file(
            "YAML documents",
            "all.yml",
            joined(|object| format!("---\n# From a backup.\n{}", yaml(object, 0))),
            [3, 22, 41, 54, 68],
        ),
        one_file("YAML in flow style", "all.yaml", joined(|object| format!("--- {object}\n...\n")), [1, 3, 5, 7, 9]),
        one_file(
            "YAML with lines of dashes, without extension",
            "all",
            joined(|object| format!("{}{dashes}\n", yaml(object, 0))),
            [1, 19, 37, 49, 62],
        ),
        object_files(
            "oc adm inspect, objects",
            Layout::MustGather,
            [
                &format!("{INSPECT}/cluster-scoped-resources/core/nodes/worker-1.yaml"),
                &format!("{INSPECT}/cluster-scoped-resources/core/nodes/worker-2.yaml"),
                &format!("{INSPECT}/namespaces/cnv/hco.kubevirt.io/hyperconvergeds/kubevirt-hyperconverged.yaml"),
                &format!(
                    "{INSPECT}/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances/nm-worker-1.yaml"
                ),
                &format!(
                    "{INSPECT}/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances/nm-worker-2.yaml"
                ),
            ],
        ),
        inspect_lists(),
        object_files(
            "kubevirt must-gather",
            Layout::KubevirtMustGather,
            [
                &format!("{KUBEVIRT}/cluster-scoped-resources/core/nodes/worker-1.yaml"),
                &format!("{KUBEVIRT}/cluster-scoped-resources/core/nodes/worker-2.yaml"),
                &format!("{KUBEVIRT}/namespaces/cnv/crs/hyperconvergeds.hco.kubevirt.io/kubevirt-hyperconverged.yaml"),
                &format!(
                    "{KUBEVIRT}/cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io/nm-worker-1.yaml"
                ),
                &format!(
                    "{KUBEVIRT}/cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io/nm-worker-2.yaml"
                ),
            ],
        ),
    ]
}

#[test]
fn every_layout_gives_the_same_objects() {
    for case in cases() {
        let snapshot = read(&case.files);
        let found: Vec<_> = snapshot
            .objects()
            .map(|object| {
                (
                    object.kind.clone(),
                    object.namespace.as_deref(),
                    object.name.as_str(),
                    object.uid.as_deref(),
                    serde_json::from_str::<Value>(&object.json).unwrap(),
                )
            })
            .collect();
        let cluster = cluster();
        let expected: Vec<_> = cluster
            .iter()
            .map(|object| {
                let metadata = &object["metadata"];
                (
                    Kind::new(object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap()),
                    metadata["namespace"].as_str(),
                    metadata["name"].as_str().unwrap(),
                    metadata["uid"].as_str(),
                    object.clone(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{}", case.name);
        assert_eq!(snapshot.skipped(), [], "{}", case.name);
    }
}

#[test]
fn every_layout_gives_the_lines_of_its_objects() {
    for case in cases() {
        let snapshot = read(&case.files);
        let origins = snapshot.objects().map(|object| (object.origin.path.to_string(), object.origin.line));
        let expected = case.origins.map(|(file, line)| (case.files[file].0.clone(), line));
        assert_eq!(origins.collect::<Vec<_>>(), expected, "{}", case.name);
    }
}

#[test]
fn every_layout_proves_what_it_can() {
    for case in cases() {
        let snapshot = read(&case.files);
        let states: Vec<_> = snapshot
            .kinds()
            .iter()
            .map(|report| (&report.kind, report.objects, report.state, &report.evidence))
            .collect();
        let [nodes, hco, maintenance] = &case.states;
        let kinds = [node(), hyperconverged(), node_maintenance()];
        let expected = [
            (&kinds[1], 1, hco.0, &hco.1),
            (&kinds[2], 2, maintenance.0, &maintenance.1),
            (&kinds[0], 2, nodes.0, &nodes.1),
        ];
        assert_eq!(states, expected, "{}", case.name);
        let source = &snapshot.sources()[0];
        assert_eq!((source.layout, source.objects), (case.layout, 5), "{}", case.name);
    }
}

#[test]
fn of_two_copies_the_newer_one_counts() {
    // The API server counts upwards, so 9 is older than 10. What was never stored is older still.
    let versions = [None, Some("9"), Some("10")];
    let file = |version: Option<&str>| {
        let mut object = cluster()[4].clone();
        object["metadata"]["resourceVersion"] = json!(version);
        (format!("{}.json", version.unwrap_or("none")), object.to_string())
    };
    for (older, newer) in [(0, 1), (0, 2), (1, 2)] {
        let files = [file(versions[older]), file(versions[newer])];
        for order in [[&files[0], &files[1]], [&files[1], &files[0]]] {
            let snapshot = read(order);
            let found: Vec<_> =
                snapshot.objects().map(|object| (object.resource_version.as_deref(), &*object.origin.path)).collect();
            assert_eq!(found, [(versions[newer], files[1].0.as_str())]);
        }
    }
}
