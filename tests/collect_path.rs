//! `upgrade-gate policies collect` collects the cluster of the context and no other, whichever kubectl there is.

#![cfg(unix)]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{fs, path::Path};

use program::{
    kubectl::{KUBECTL, KUBECTL_1_33, KUBECTL_1_34, NODE_MAINTENANCES, collect, executable, whole},
    report, stderr, typed_list,
};
use upgrade_gate_testing::node_maintenance;

/// Another API server answers at the root: its data is never taken for that of the context.
#[test]
fn below_a_path_the_cluster_of_the_context_is_collected() {
    let records = |of: &Path| fs::read_to_string(of.join("collected/upgrade-gate-lists.json")).unwrap();
    let at_the_root = whole();
    assert_eq!(collect(at_the_root.path()).status.code(), Some(0));
    let silent = r#"log() { echo 'Error from server (NotFound): no' >&2; }"#;
    let elsewhere = r#"path=/other$path; log() { echo "GET $1 200 OK in 1 milliseconds" >&2; }"#;
    let cases = [
        ("it replaces the path", KUBECTL_1_33, Some(0)),
        ("it adds the path", KUBECTL_1_34, Some(0)),
        ("it shows nothing", silent, Some(2)),
        ("it asks somebody else", elsewhere, Some(2)),
    ];
    for ((case, version, code), base) in
        cases.into_iter().flat_map(|case| [(case, "/k8s/clusters/c-1"), (case, "/version/")])
    {
        let cluster = whole();
        // What is below the path is what is at the root, but for a NodeMaintenance.
        for file in fs::read_dir(cluster.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()) {
            let below = format!("{}{file}", base.trim_end_matches('/').replace('/', "_"));
            if file.starts_with('_') {
                fs::copy(cluster.path().join(&file), cluster.path().join(below)).unwrap();
            }
        }
        let used = typed_list(&[node_maintenance("of-the-root").json().clone()]);
        fs::write(cluster.path().join(NODE_MAINTENANCES), used).unwrap();
        fs::write(cluster.path().join("server"), format!("https://host:6443{base}")).unwrap();
        fs::write(cluster.path().join("version"), version).unwrap();

        let output = collect(cluster.path());
        let said = stderr(&output);
        assert_eq!(output.status.code(), code, "{case}: {said}");
        if code == Some(0) {
            let report = report(&[cluster.path().join("collected").to_str().unwrap(), "--to", "1.7.0"]);
            assert_eq!(report["verdict"], "ready", "{case}: {}", report["findings"]);
            assert_eq!(records(cluster.path()), records(at_the_root.path()), "{case}: no path of a proxy");
        } else {
            assert!(said.contains("kubectl get --raw does not ask host:6443/"), "{case}: {said}");
            assert!(!cluster.path().join("collected").exists(), "{case}");
        }
    }
}

/// A context without a server, and none at all, as in a Pod.
#[test]
fn without_a_server_only_a_pod_is_asked() {
    for (context, code) in [("printf prod", Some(2)), ("exit 1", Some(0))] {
        let cluster = whole();
        fs::write(cluster.path().join("server"), "").unwrap();
        let stub = KUBECTL.replace(r"printf '%s\n' 'prod\new'", context).replace(r"--context=prod\new", "--context=");
        executable(cluster.path(), "kubectl", &stub);
        let output = collect(cluster.path());
        assert_eq!(output.status.code(), code, "{}", stderr(&output));
        assert_eq!(stderr(&output).contains("kubectl does not say where"), code == Some(2));
    }
}
