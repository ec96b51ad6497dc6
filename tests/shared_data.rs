//! Real objects, where they are beside the checkout as `../shared/data`; they are not part of the
//! repository. Without them these tests say so and pass.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a panic is how a test says no")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use serde_json::{Value, json};
use upgrade_gate_host::{Compiler, Context, Grants, Host, Limits, Policy};
use upgrade_gate_snapshot::Builder;
use upgrade_gate_testing::cases;

fn data(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("not checked: {} is not there", path.display());
    None
}

fn check(path: &PathBuf) -> (Value, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
    let output = command.arg("check").arg(path).args(["-o", "json"]).output().unwrap();
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code())
}

#[test]
fn a_real_must_gather_holds_no_answer() {
    let Some(path) = data("must-gather") else { return };
    let (report, code) = check(&path);
    assert_eq!(code, Some(3));
    assert_eq!(report["verdict"], "unknown");
    let remedy = report["findings"][0]["remedy"].as_str().unwrap();
    assert!(remedy.contains("upgrade-gate policies collect"), "{remedy}");
}

/// Each entry of a folder is a source, but for the base that is named together with the file beside it.
#[test]
fn sources_that_must_not_be_believed_are_not() {
    let Some(folder) = data("evidence") else { return };
    let entries = |path: &Path| -> Vec<PathBuf> {
        let mut entries: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries
    };
    let mut count = 0;
    for number in entries(&folder).into_iter().filter(|path| path.is_dir()) {
        let sources = entries(&number);
        let together = sources.iter().any(|source| source.ends_with("base"));
        let runs: Vec<Vec<&PathBuf>> =
            if together { vec![sources.iter().collect()] } else { sources.iter().map(|source| vec![source]).collect() };
        for run in runs {
            let output = Command::new(env!("CARGO_BIN_EXE_upgrade-gate")).arg("check").args(&run).arg("-q").output();
            let text = String::from_utf8(output.unwrap().stdout).unwrap();
            assert!(text.starts_with("UNKNOWN ") || text.starts_with("BLOCKED "), "{run:?}: {text}");
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}

#[test]
fn three_forms_of_one_cluster_give_the_same_findings() {
    let forms = ["dump/list.json", "dump/list.yaml", "dump/raw"].map(data);
    let [Some(json), Some(yaml), Some(raw)] = forms else { return };
    let findings = [json, yaml, raw].map(|path| {
        let (report, code) = check(&path);
        assert_eq!(code, Some(1), "{}", path.display());
        let mut findings = report["findings"].as_array().unwrap().clone();
        findings.iter_mut().for_each(|finding| finding["origin"] = Value::Null);
        findings
    });
    let of_policy = findings[0].iter().filter(|finding| finding["policy"] == "integrated-nmo");
    let (mut rules, results): (Vec<_>, Vec<_>) = of_policy.map(|f| (f["rule"].as_str(), f["result"].as_str())).unzip();
    rules.sort_unstable();
    // The objects; the Subscription, and the plan that waits, once.
    let expected = [["in-use"; 2], ["upgrade-blocked"; 2]].concat();
    assert_eq!(rules, expected.into_iter().map(Some).collect::<Vec<_>>());
    assert!(results.iter().all(|result| *result == Some("fail")));
    assert_eq!(findings[0], findings[1]);
    assert_eq!(findings[0], findings[2]);
}

/// What reviews are judged by: HCO 1.6.0 with as many NodeMaintenance objects, and these
/// ClusterServiceVersions.
fn cluster(objects: usize, csvs: &[Value]) -> Context {
    let list = |api_version: &str, kind: &str, items: &[Value]| -> Value {
        json!({"apiVersion": api_version, "kind": kind, "metadata": {}, "items": items})
    };
    let versions = json!([{"name": "operator", "version": "1.6.0"}]);
    let hyperconverged = json!({
        "metadata": {"name": "kubevirt-hyperconverged", "namespace": "kubevirt-hyperconverged"},
        "status": {"versions": versions},
    });
    let maintenances: Vec<Value> = (1..=objects)
        .map(|n| json!({"metadata": {"name": format!("nm-{n}")}, "spec": {"nodeName": format!("worker-{n}")}}))
        .collect();
    let documents = [
        list("hco.kubevirt.io/v1beta1", "HyperConvergedList", &[hyperconverged]),
        list("nodemaintenance.kubevirt.io/v1beta1", "NodeMaintenanceList", &maintenances),
        list("operators.coreos.com/v1alpha1", "ClusterServiceVersionList", csvs),
        list("operators.coreos.com/v1alpha1", "InstallPlanList", &[]),
    ];
    let (_, wanted) = cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/integrated-nmo"));
    let mut builder = Builder::new(wanted);
    builder.cluster("recorded");
    for document in documents {
        builder.read("list.json", document.to_string().as_bytes());
    }
    Context::new(Arc::new(builder.finish()))
}

fn integrated_nmo() -> Policy {
    let wasm = upgrade_gate_bundle::find("integrated-nmo").unwrap().wasm;
    Host::new(Limits::default()).unwrap().load(wasm, Compiler::Winch).unwrap()
}

/// Whether a request is accepted, and with how many warnings.
fn answer(policy: &Policy, request: &Value, cluster: &Context) -> (bool, usize) {
    let grants = Grants::declared(policy.metadata().unwrap());
    let response = policy.evaluate(&request.to_string(), "{}", &grants, cluster).unwrap().response;
    assert_eq!(response.code, (!response.allowed).then_some(403));
    (response.allowed, response.warnings().len())
}

fn request(path: &Path) -> Value {
    let review: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    review["request"].clone()
}

/// Requests that a real API server sent, every one of them.
#[test]
fn real_requests_get_the_answers_of_their_readme() {
    const ACCEPTED: (bool, usize) = (true, 0);
    const WARNED: (bool, usize) = (true, 1);
    const REFUSED: (bool, usize) = (false, 0);
    let cases = [
        ("clusterextension-create", ACCEPTED),
        ("clusterextension-range", WARNED),
        ("clusterextension-version", REFUSED),
        ("clusterversion-create", ACCEPTED),
        ("clusterversion-update", WARNED),
        ("crd-delete", REFUSED),
        ("crd-status-by-apiserver", ACCEPTED),
        ("csv-create-1.6.0", ACCEPTED),
        ("csv-create-1.7.0", REFUSED),
        ("csv-status", ACCEPTED),
        ("deployment-create", ACCEPTED),
        ("deployment-env", REFUSED),
        ("deployment-scale", ACCEPTED),
        ("hyperconverged-create", ACCEPTED),
        ("hyperconverged-status", ACCEPTED),
        ("installplan-approve", REFUSED),
        ("installplan-create", WARNED),
        ("installplan-create-approved", REFUSED),
        ("installplan-label", ACCEPTED),
        ("installplan-status", ACCEPTED),
        ("nm-annotate", ACCEPTED),
        ("nm-apply-server-side", WARNED),
        ("nm-create", WARNED),
        ("nm-create-dry-run", WARNED),
        ("nm-create-manifest-with-resource-version", WARNED),
        ("nm-delete", ACCEPTED),
        ("nm-delete-collection", ACCEPTED),
        ("nm-delete-with-finalizer", ACCEPTED),
        ("nm-drop-finalizer", ACCEPTED),
        ("nm-status", ACCEPTED),
        ("operatorcondition-create", ACCEPTED),
        ("operatorcondition-override", ACCEPTED),
        ("subscription-automatic", REFUSED),
        ("subscription-channel", REFUSED),
        ("subscription-create", ACCEPTED),
    ];
    let Some(folder) = data("reviews") else { return };
    let recorded = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(recorded.filter(|path| path.extension().is_some_and(|found| found == "json")).count(), cases.len());

    let (policy, before) = (integrated_nmo(), cluster(2, &[]));
    for (name, expected) in cases {
        let request = request(&folder.join(format!("{name}.json")));
        assert_eq!(answer(&policy, &request, &before), expected, "{name}");
    }

    let pending = json!({
        "metadata": {"name": "kubevirt-hyperconverged-operator.v1.7.0", "namespace": "kubevirt-hyperconverged"},
        "spec": {
            "version": "1.7.0",
            "customresourcedefinitions": {"owned": [{"name": "hyperconvergeds.hco.kubevirt.io"}]},
        },
        "status": {"phase": "Pending"},
    });
    let waiting = cluster(2, &[pending]);
    for (name, expected) in [("operatorcondition-override", REFUSED), ("nm-create", REFUSED)] {
        let request = request(&folder.join(format!("{name}.json")));
        assert_eq!(answer(&policy, &request, &waiting), expected, "{name} while 1.7.0 is Pending");
    }
}

/// Requests that a real audit-scanner sent.
#[test]
fn real_audits_fail_what_is_in_use() {
    let (policy, before) = (integrated_nmo(), cluster(2, &[]));
    for name in ["NodeMaintenance-nm-worker-1", "NodeMaintenance-in-deletion"] {
        let Some(path) = data(&format!("audit/request-{name}.json")) else { return };
        assert_eq!(answer(&policy, &request(&path), &before), (false, 0), "{name}");
    }
}

#[test]
fn published_csvs_are_refused_from_1_7_0_on_while_objects_are_in_the_way() {
    let Some(folder) = data("csv") else { return };
    let (policy, in_the_way, free) = (integrated_nmo(), cluster(2, &[]), cluster(0, &[]));
    for (version, refused) in [("1.5.2", false), ("1.6.0", false), ("1.7.0", true), ("1.8.0", true)] {
        let name = format!("kubevirt-hyperconverged-operator.v{version}");
        let manifest = fs::read_to_string(folder.join(format!("{name}.clusterserviceversion.yaml"))).unwrap();
        let mut csv: Value = serde_saphyr::from_str(&manifest).unwrap();
        // Published is a placeholder; OLM puts its namespace there.
        csv["metadata"]["namespace"] = "kubevirt-hyperconverged".into();
        let request = created(&csv);
        assert_eq!(answer(&policy, &request, &in_the_way), (!refused, 0), "{version}");
        assert_eq!(answer(&policy, &request, &free), (true, 0), "{version} without objects");
    }
}

/// Its channel is `stable`, which says nothing, but its `startingCSV` is of HCO 1.16.0.
#[test]
fn a_real_subscription_is_refused_for_its_starting_csv_and_passes_an_audit() {
    let Some(path) = data("olm/subscription-community-kubevirt-hyperconverged.json") else { return };
    let subscription: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let (policy, in_the_way, free) = (integrated_nmo(), cluster(2, &[]), cluster(0, &[]));
    let mut request = created(&subscription);
    assert_eq!(answer(&policy, &request, &in_the_way), (false, 0));
    assert_eq!(answer(&policy, &request, &free), (true, 0));
    request["object"]["spec"].as_object_mut().unwrap().remove("startingCSV");
    assert_eq!(answer(&policy, &request, &in_the_way), (true, 1));
    request["object"] = subscription;
    request["userInfo"] = json!({});
    assert_eq!(answer(&policy, &request, &in_the_way), (true, 0));
}

/// Of a kind of OLM.
fn created(object: &Value) -> Value {
    json!({
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "operators.coreos.com", "version": "v1alpha1", "kind": object["kind"]},
        "name": object["metadata"]["name"],
        "namespace": object["metadata"]["namespace"],
        "operation": "CREATE",
        "userInfo": {"username": "admin"},
        "object": object,
    })
}
