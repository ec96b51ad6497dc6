//! One cluster in every layout gives the same objects. What differs is what each layout proves.

use serde_json::{Value, json};
use upgrade_gate_core::{HYPERCONVERGED, NODE_MAINTENANCE};
use upgrade_gate_snapshot::{
    Builder, Kind, Layout, Snapshot,
    State::{self, Captured, NotCaptured, NotInstalled},
    Wanted,
};

const INSPECT: &str = "mg/quay-io-openshift-sha256-1";
const KUBEVIRT: &str = "mg/quay-io-kubevirt-sha256-2";
const UNPROVED: &str = "objects of it, but nothing shows that there are no more";
const NOTHING: &str = "no object and no list of it";

/// Path and content.
type File = (String, String);

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

/// In the order of a snapshot. The strings are those that a careless reader of YAML gets wrong.
fn cluster() -> [Value; 5] {
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

fn node() -> Kind {
    Kind::new("v1", "Node")
}

fn hyperconverged() -> Kind {
    Kind::new(HYPERCONVERGED.api_version, HYPERCONVERGED.kind)
}

fn node_maintenance() -> Kind {
    Kind::new(NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.kind)
}

fn builder() -> Builder {
    let mut wanted = Wanted::default();
    for kind in [node(), hyperconverged(), node_maintenance()] {
        wanted.add_kind(kind);
    }
    let mut builder = Builder::new(wanted);
    builder.source("source");
    builder
}

fn read<'a>(files: impl IntoIterator<Item = &'a File>) -> Snapshot {
    let mut builder = builder();
    for (path, text) in files {
        builder.read(path, text.as_bytes());
    }
    builder.finish()
}

/// Block style, as `kubectl get -o yaml` writes it. Strings of one line are quoted, lest this be a
/// second place that knows which of them need quotes.
fn yaml(value: &Value, indent: usize) -> String {
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
            (Captured, "NodeList in raw/nodes.json".into()),
            (Captured, "HyperConvergedList in raw/hyperconvergeds.json".into()),
            (Captured, "NodeMaintenanceList in raw/nodemaintenances.json".into()),
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
        one_file("concatenated JSON with line breaks", "-", joined(|object| pretty(object) + "\n\n"), [1, 25, 49, 68, 82]),
        one_file("NDJSON", "all.ndjson", joined(|object| format!("{object}\n")), [1, 2, 3, 4, 5]),
        one_file(
            "YAML documents",
            "all.yml",
            joined(|object| format!("---\n# From a backup.\n{}", yaml(object, 0))),
            [3, 22, 41, 54, 68],
        ),
        one_file(
            "YAML in flow style",
            "all.yaml",
            joined(|object| format!("--- {object}\n...\n")),
            [1, 3, 5, 7, 9],
        ),
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
                &format!("{INSPECT}/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances/nm-worker-1.yaml"),
                &format!("{INSPECT}/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances/nm-worker-2.yaml"),
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
                &format!("{KUBEVIRT}/cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io/nm-worker-1.yaml"),
                &format!("{KUBEVIRT}/cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io/nm-worker-2.yaml"),
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
        let states: Vec<_> =
            snapshot.kinds().iter().map(|report| (&report.kind, report.objects, report.state, &report.evidence)).collect();
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

/// Whether the files show that there are no more NodeMaintenance objects than `objects`.
struct EvidenceCase {
    name: &'static str,
    files: Vec<File>,
    objects: usize,
    state: State,
    evidence: String,
}

fn evidence_cases() -> Vec<EvidenceCase> {
    let cluster = cluster();
    let maintenance = &cluster[3];
    let list = |metadata: Value, items: &[Value]| {
        json!({
            "apiVersion": NODE_MAINTENANCE.api_version,
            "kind": "NodeMaintenanceList",
            "metadata": metadata,
            "items": items,
        })
        .to_string()
    };
    let empty = || list(json!({"resourceVersion": "99"}), &[]);
    let crd = |name: &str| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": name},
        })
    };
    let crd_list = |metadata: Value, names: &[&str]| {
        let items: Vec<Value> = names.iter().map(|name| crd(name)).collect();
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinitionList",
            "metadata": metadata,
            "items": items,
        })
        .to_string()
    };
    let in_image = |path: &str, text: String| (format!("{KUBEVIRT}/{path}"), text);
    let crd_file = |image: &str, name: &str| {
        let path = format!("{image}/cluster-scoped-resources/apiextensions.k8s.io/customresourcedefinitions/{name}.yaml");
        (path, crd(name).to_string())
    };
    let hco = || in_image("namespaces/cnv/crs/hyperconvergeds.hco.kubevirt.io/k.yaml", yaml(&cluster[2], 0));
    let later = || {
        let ssp = json!({"apiVersion": "ssp.kubevirt.io/v1beta1", "kind": "SSP", "metadata": {"name": "ssp"}});
        in_image("namespaces/cnv/crs/ssps.ssp.kubevirt.io/ssp.yaml", yaml(&ssp, 0))
    };
    let place = |name: &str| format!("{KUBEVIRT}/cluster-scoped-resources/{}/{name}", NODE_MAINTENANCE.crd);
    let missing_in_image = || format!("no CRD of it in {KUBEVIRT}, which has the one of HyperConverged");
    let case = |name, files: &[File], objects, state, evidence: &str| EvidenceCase {
        name,
        files: files.to_vec(),
        objects,
        state,
        evidence: evidence.into(),
    };
    vec![
        case("nothing", &[], 0, NotCaptured, NOTHING),
        case(
            "typed empty list",
            &[("nm.json".into(), empty())],
            0,
            Captured,
            "NodeMaintenanceList in nm.json",
        ),
        case(
            "typed list whose continue token is empty",
            &[("nm.json".into(), list(json!({"continue": ""}), &[]))],
            0,
            Captured,
            "NodeMaintenanceList in nm.json",
        ),
        case(
            "typed list without metadata",
            &[("nm.json".into(), list(Value::Null, &[]))],
            0,
            Captured,
            "NodeMaintenanceList in nm.json",
        ),
        case(
            "first page of a typed list",
            &[("nm.json".into(), list(json!({"continue": "eyJ2"}), &cluster[3..4]))],
            1,
            NotCaptured,
            UNPROVED,
        ),
        case(
            "first page of a typed list, empty",
            &[("nm.json".into(), list(json!({"continue": "eyJ2"}), &[]))],
            0,
            NotCaptured,
            NOTHING,
        ),
        case(
            "typed list of one namespace",
            &[(format!("{INSPECT}/namespaces/cnv/nodemaintenance.kubevirt.io/nodemaintenances.yaml"), empty())],
            0,
            NotCaptured,
            NOTHING,
        ),
        case(
            "typed list of all namespaces",
            &[(format!("{INSPECT}/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances.yaml"), empty())],
            0,
            Captured,
            &format!("NodeMaintenanceList in {INSPECT}/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances.yaml"),
        ),
        case(
            "typed list of another group",
            &[("nm.json".into(), empty().replace("kubevirt.io", "medik8s.io"))],
            0,
            NotCaptured,
            NOTHING,
        ),
        case(
            "typed list that is cut",
            &[("nm.json".into(), empty().replace("]", "{"))],
            0,
            NotCaptured,
            NOTHING,
        ),
        case(
            "untyped empty list",
            &[("nm.json".into(), r#"{"apiVersion": "v1", "items": [], "kind": "List"}"#.into())],
            0,
            NotCaptured,
            NOTHING,
        ),
        case(
            "CRDs without this one",
            &[("crds.json".into(), crd_list(json!({}), &[HYPERCONVERGED.crd]))],
            0,
            NotInstalled,
            "no CRD of it in the CustomResourceDefinitionList in crds.json",
        ),
        case(
            "CRDs with this one",
            &[("crds.json".into(), crd_list(json!({}), &[HYPERCONVERGED.crd, NODE_MAINTENANCE.crd]))],
            0,
            NotCaptured,
            NOTHING,
        ),
        case(
            "first page of the CRDs, without this one",
            &[("crds.json".into(), crd_list(json!({"continue": "eyJ2"}), &[HYPERCONVERGED.crd]))],
            0,
            NotCaptured,
            NOTHING,
        ),
        case(
            "CRDs without this one, but an object",
            &[
                ("crds.json".into(), crd_list(json!({}), &[HYPERCONVERGED.crd])),
                ("nm.yaml".into(), yaml(maintenance, 0)),
            ],
            1,
            NotCaptured,
            UNPROVED,
        ),
        case(
            "kubevirt's image folder with the CRD of HyperConverged, not with this one",
            &[crd_file(KUBEVIRT, HYPERCONVERGED.crd), hco()],
            0,
            NotInstalled,
            &missing_in_image(),
        ),
        case(
            "kubevirt's image folder with both CRDs",
            &[crd_file(KUBEVIRT, HYPERCONVERGED.crd), crd_file(KUBEVIRT, NODE_MAINTENANCE.crd), hco()],
            0,
            NotCaptured,
            NOTHING,
        ),
        case(
            "kubevirt's image folder whose CRD of this kind is in the folder of another image",
            &[crd_file(KUBEVIRT, HYPERCONVERGED.crd), crd_file(INSPECT, NODE_MAINTENANCE.crd), hco()],
            0,
            NotInstalled,
            &missing_in_image(),
        ),
        case(
            "single CRDs that inspect wrote",
            &[crd_file(INSPECT, HYPERCONVERGED.crd)],
            0,
            NotCaptured,
            NOTHING,
        ),
        case(
            "single CRDs in files of any name",
            &[("hco.yaml".into(), crd(HYPERCONVERGED.crd).to_string())],
            0,
            NotCaptured,
            NOTHING,
        ),
        case(
            "kubevirt's collector went on to a later CRD",
            &[hco(), later()],
            0,
            Captured,
            &format!("the must-gather in {KUBEVIRT} went on to ssps.ssp.kubevirt.io"),
        ),
        case("kubevirt's collector got to an earlier CRD", &[hco()], 0, NotCaptured, NOTHING),
        case(
            "an empty file at its place",
            &[(place("nm-worker-1.yaml"), String::new()), hco()],
            0,
            NotCaptured,
            &format!("{} is empty", place("nm-worker-1.yaml")),
        ),
        case(
            "a broken file at its place",
            &[(place("nm-worker-1.yaml"), "kind: NodeMaintenance\nmetadata: {".into()), hco()],
            0,
            NotCaptured,
            &format!("{} is not valid YAML (column 11)", place("nm-worker-1.yaml")),
        ),
        case(
            "an empty file at its place, and a whole list elsewhere",
            &[(place("nm-worker-1.yaml"), String::new()), ("nm.json".into(), empty())],
            0,
            Captured,
            "NodeMaintenanceList in nm.json",
        ),
        case(
            "an object at the place of another kind",
            &[(format!("{KUBEVIRT}/cluster-scoped-resources/core/nodes/worker-1.yaml"), yaml(maintenance, 0))],
            1,
            NotCaptured,
            UNPROVED,
        ),
        case(
            "the same object in two files",
            &[("a.yaml".into(), yaml(maintenance, 0)), ("b.json".into(), maintenance.to_string())],
            1,
            NotCaptured,
            UNPROVED,
        ),
    ]
}

#[test]
fn evidence_is_about_completeness() {
    for case in evidence_cases() {
        // Which file comes first is up to the file system.
        for files in [case.files.iter().collect::<Vec<_>>(), case.files.iter().rev().collect()] {
            let snapshot = read(files);
            let report = snapshot.kinds().iter().find(|report| report.kind == node_maintenance()).unwrap();
            let found = (report.objects, report.state, report.evidence.as_str());
            assert_eq!(found, (case.objects, case.state, case.evidence.as_str()), "{}", case.name);
        }
    }
}

#[test]
fn a_user_may_vouch_for_a_kind() {
    let mut builder = builder();
    builder.assume_captured(NODE_MAINTENANCE.crd.parse().unwrap());
    builder.read("nm.yaml", yaml(&cluster()[3], 0).as_bytes());
    let snapshot = builder.finish();
    let states: Vec<_> = snapshot.kinds().iter().map(|report| (report.state, report.evidence.as_str())).collect();
    let assumed = (Captured, "assumed, as --assume-captured says");
    assert_eq!(states, [(NotCaptured, NOTHING), assumed, (NotCaptured, NOTHING)]);
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
