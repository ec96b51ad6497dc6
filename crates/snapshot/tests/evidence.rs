//! Whether there are more objects of a kind than were found: what proves it, and what does not.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod cluster;

use cluster::{File, INSPECT, KUBEVIRT, UNPROVED, builder, cluster, node_maintenance, read, yaml};
use serde_json::{Value, json};
use upgrade_gate_core::{HYPERCONVERGED, NODE_MAINTENANCE};
use upgrade_gate_snapshot::State::{self, Captured, NotCaptured, NotInstalled};

const NOTHING: &str = "no object and no list of it";

const LIST_PLACE: &str = "mg/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances.json";

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
    let objects = &cluster[3..4];
    let at_place = |metadata: Value, kind: &str, items: &[Value]| {
        (LIST_PLACE.to_owned(), list(metadata, items).replace("NodeMaintenanceList", kind))
    };
    let nothing = |path: &str| format!("{path} holds no object of the kind that belongs there");
    let wrote = |what: &str| format!("a must-gather wrote {what} to {LIST_PLACE}");
    let empty = || list(json!({"resourceVersion": "99"}), &[]);
    let crd = |name: &str| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": name, "resourceVersion": "14"},
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
        let path =
            format!("{image}/cluster-scoped-resources/apiextensions.k8s.io/customresourcedefinitions/{name}.yaml");
        (path, crd(name).to_string())
    };
    let hco = || in_image("namespaces/cnv/crs/hyperconvergeds.hco.kubevirt.io/k.yaml", yaml(&cluster[2], 0));
    let later = || {
        let ssp = json!({"apiVersion": "ssp.kubevirt.io/v1beta1", "kind": "SSP", "metadata": {"name": "ssp", "namespace": "cnv", "resourceVersion": "13"}});
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
            "NodeMaintenanceList in nm.json at resourceVersion 99",
        ),
        case(
            "typed list whose continue token is empty",
            &[("nm.json".into(), list(json!({"continue": ""}), &[]))],
            0,
            Captured,
            "NodeMaintenanceList in nm.json",
        ),
        case("typed list without metadata", &[("nm.json".into(), list(Value::Null, &[]))], 0, NotCaptured, NOTHING),
        case(
            "first page of a typed list",
            &[("nm.json".into(), list(json!({"continue": "eyJ2"}), objects))],
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
            &[(
                format!("{INSPECT}/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances.yaml"),
                empty(),
            )],
            0,
            Captured,
            &format!(
                "NodeMaintenanceList in {INSPECT}/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances.yaml at resourceVersion 99"
            ),
        ),
        case("untyped list at its place", &[at_place(json!({}), "List", &[])], 0, NotCaptured, &nothing(LIST_PLACE)),
        case(
            "typed list at its place",
            &[at_place(json!({}), "NodeMaintenanceList", objects)],
            1,
            Captured,
            &wrote("it"),
        ),
        case(
            "first page of a typed list at its place",
            &[at_place(json!({"continue": "eyJ2"}), "NodeMaintenanceList", objects)],
            1,
            NotCaptured,
            UNPROVED,
        ),
        case(
            "first page of an untyped list at its place",
            &[at_place(json!({"continue": "eyJ2"}), "List", objects)],
            1,
            NotCaptured,
            UNPROVED,
        ),
        case(
            "typed list at the place of another kind",
            &[at_place(json!({}), "NodeList", &[])],
            0,
            NotCaptured,
            &nothing(LIST_PLACE),
        ),
        case(
            "typed list of another group",
            &[("nm.json".into(), empty().replace("kubevirt.io", "medik8s.io"))],
            0,
            NotCaptured,
            NOTHING,
        ),
        case("typed list that is cut", &[("nm.json".into(), empty().replace("]", "{"))], 0, NotCaptured, NOTHING),
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
            "CRDs of which one cannot be read",
            &[("crds.json".into(), crd_list(json!({}), &[HYPERCONVERGED.crd, "x"]).replace("\"x\"", "7"))],
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
            NotCaptured,
            NOTHING,
        ),
        case(
            "CRDs without this one, but another list has it",
            &[
                ("before.json".into(), crd_list(json!({}), &[HYPERCONVERGED.crd])),
                ("crds.json".into(), crd_list(json!({}), &[NODE_MAINTENANCE.crd])),
            ],
            0,
            NotCaptured,
            NOTHING,
        ),
        case(
            "CRDs without this one, but it is in a file of its own",
            &[
                ("crds.json".into(), crd_list(json!({}), &[HYPERCONVERGED.crd])),
                ("nm.yaml".into(), crd(NODE_MAINTENANCE.crd).to_string()),
            ],
            0,
            NotCaptured,
            NOTHING,
        ),
        case("single CRDs that inspect wrote", &[crd_file(INSPECT, HYPERCONVERGED.crd)], 0, NotCaptured, NOTHING),
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
            "NodeMaintenanceList in nm.json at resourceVersion 99",
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
