//! Real objects, where they are beside the checkout as `../shared/data`; they are not part of the
//! repository. Without them these tests say so and pass.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a panic is how a test says no")]

use std::{fs, path::PathBuf, process::Command, sync::Arc};

use serde_json::Value;
use upgrade_gate_core::NoCluster;
use upgrade_gate_host::{Compiler, Context, Grants, Host, Limits};

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
    assert!(remedy.contains("kubectl get --raw"), "{remedy}");
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
    assert_eq!(findings[0].len(), 2);
    assert!(findings[0].iter().all(|finding| finding["rule"] == "in-use" && finding["result"] == "fail"));
    assert_eq!(findings[0], findings[1]);
    assert_eq!(findings[0], findings[2]);
}

/// Requests that a real API server and a real audit-scanner sent: whether they are accepted, and
/// with how many warnings.
#[test]
fn real_requests_get_the_answers_of_their_readme() {
    let cases = [
        ("reviews/nm-create.json", true, 1),
        ("reviews/nm-create-dry-run.json", true, 1),
        ("reviews/nm-create-manifest-with-resource-version.json", true, 1),
        ("reviews/nm-apply-server-side.json", true, 1),
        ("reviews/nm-annotate.json", true, 0),
        ("reviews/nm-status.json", true, 0),
        ("reviews/nm-delete.json", true, 0),
        ("reviews/nm-delete-with-finalizer.json", true, 0),
        ("reviews/nm-delete-collection.json", true, 0),
        ("reviews/nm-drop-finalizer.json", true, 0),
        ("audit/request-NodeMaintenance-nm-worker-1.json", false, 0),
        ("audit/request-NodeMaintenance-in-deletion.json", false, 0),
    ];
    let policy = Host::new(Limits::default())
        .unwrap()
        .load(upgrade_gate_bundle::find("integrated-nmo").unwrap().wasm, Compiler::Winch)
        .unwrap();
    let grants = Grants::declared(policy.metadata().unwrap());
    let context = Context::new(Arc::new(NoCluster));
    for (path, allowed, warnings) in cases {
        let Some(file) = data(path) else { return };
        let review: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let response = policy.evaluate(&review["request"].to_string(), "{}", &grants, &context).unwrap().response;
        assert_eq!((response.allowed, response.warnings.len()), (allowed, warnings), "{path}");
        assert_eq!(response.code, (!allowed).then_some(403), "{path}");
    }
}
