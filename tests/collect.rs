//! `upgrade-gate policies collect`: the script, run by a shell with a kubectl that answers from files.

#![cfg(unix)]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use program::{
    api_server::{Answers, ApiServer},
    cluster::path,
    folder,
    kubectl::{
        CLUSTER_EXTENSIONS, CRDS, INSTALLED, NODE_MAINTENANCES, NODES, NOT_FOUND, SCRIPT, cluster, collect, executable,
        failed, run, whole,
    },
    program, report, stderr, stdout,
};
use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn what_was_collected_is_judged_without_an_unknown() {
    // After the upgrade the kind is gone, and so is its file.
    let without_the_kind = cluster(&INSTALLED[..1]);
    for cluster in [whole(), without_the_kind] {
        let output = collect(cluster.path());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stdout(&output).contains("not installed  clusterextensions.olm.operatorframework.io.json"));
        let collected = cluster.path().join("collected");
        let report = report(&[collected.to_str().unwrap(), "--to", "1.7.0"]);
        assert_eq!(report["verdict"], "ready", "{}", report["findings"]);
        assert_eq!(report["snapshot"]["skipped"], json!([]));
        // It writes into no folder that is there.
        assert_eq!(collect(cluster.path()).status.code(), Some(2));
    }
}

#[test]
fn what_may_not_be_read_is_said_and_stays_unknown() {
    let cluster = cluster(&INSTALLED);
    let forbidden = "Error from server (Forbidden): no";
    fs::write(cluster.path().join(format!("{NODE_MAINTENANCES}.error")), forbidden).unwrap();
    let output = collect(cluster.path());
    assert_eq!(output.status.code(), Some(1));
    let failed = "failed         nodemaintenances.nodemaintenance.kubevirt.io.json: Error from server (Forbidden): no";
    assert!(stderr(&output).contains(failed), "{}", stderr(&output));
    let report = report(&[cluster.path().join("collected").to_str().unwrap(), "--to", "1.7.0"]);
    assert_eq!(report["verdict"], "unknown");
    let remedy = report["findings"][0]["remedy"].as_str().unwrap();
    assert!(remedy.contains("`upgrade-gate policies collect > collect.sh`"), "{remedy}");
}

#[test]
fn what_is_not_found_is_not_installed_only_without_its_crd() {
    let of_a_plugin = "ResourceNotFoundException: NotFound: no cluster";
    let crds = "customresourcedefinitions clusterversions clusterextensions";
    let cases = [
        ("its CRD is there, in another version", NODE_MAINTENANCES, NOT_FOUND, "nodemaintenances"),
        ("a built-in kind has no CRD", NODES, NOT_FOUND, "nodes"),
        ("no API server says it", CLUSTER_EXTENSIONS, of_a_plugin, "clusterextensions"),
        ("the CRDs were not collected", CRDS, "Error from server (Forbidden): no", crds),
    ];
    for (case, path, error, names) in cases {
        let cluster = whole();
        fs::write(cluster.path().join(format!("{path}.error")), error).unwrap();
        let output = collect(cluster.path());
        assert_eq!(output.status.code(), Some(1), "{case}");
        let failed = failed(&output);
        let failed: Vec<&str> = failed.iter().filter_map(|line| line.split('.').next()).collect();
        assert_eq!(failed, names.split(' ').collect::<Vec<_>>(), "{case}");
    }
}

/// As it was asked for in a version that is not served.
#[test]
fn a_kind_of_kubernetes_itself_has_no_crd() {
    let cluster = whole();
    let rule = json!({
        "apiGroups": ["networking.k8s.io"], "apiVersions": ["v1beta1"], "resources": ["ingresses"],
        "operations": ["CREATE"],
    });
    let metadata =
        json!({"protocolVersion": "v1", "executionMode": "kubewarden-wapc", "mutating": false, "rules": [rule]});
    let output = run(cluster.path(), &script_for(&cluster, &metadata), &["sh"], "collected");
    let path = "/apis/networking.k8s.io/v1beta1/ingresses";
    assert_eq!(failed(&output), [format!("ingresses.networking.k8s.io.json: {NOT_FOUND} ({path})")]);
}

#[test]
fn an_answer_that_is_no_list_is_not_kept() {
    for answer in ["<html>Please log in</html>", "", r#"{"kind":"Status","status":"Failure"}"#] {
        let cluster = whole();
        fs::write(cluster.path().join(NODES), answer).unwrap();
        let output = collect(cluster.path());
        assert_eq!(output.status.code(), Some(1), "{answer}");
        assert_eq!(failed(&output), ["nodes.json: the answer is no list (/api/v1/nodes)"], "{answer}");
        for name in ["nodes.json", "part"] {
            assert!(!cluster.path().join("collected").join(name).exists(), "{answer}");
        }
    }
}

#[test]
fn what_cannot_be_moved_into_place_has_failed() {
    let cluster = whole();
    executable(cluster.path(), "mv", "#!/bin/sh\necho 'disk full' >&2; exit 1\n");
    let output = collect(cluster.path());
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""));
    assert!(failed(&output)[0].contains(".json: disk full ("), "{}", stderr(&output));
}

#[test]
fn a_folder_may_begin_with_a_dash() {
    let cluster = whole();
    let output = run(cluster.path(), &SCRIPT, &["sh"], "-p");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(cluster.path().join("-p/nodes.json").is_file());
}

/// With noclobber, too, and whatever their `echo` does with a backslash.
#[test]
fn every_shell_runs_it() {
    let shells = [&["sh"][..], &["dash"], &["bash"], &["zsh"], &["mksh"], &["yash"], &["busybox", "sh"]];
    let is_there = |shell: &&&[&str]| Command::new(shell[0]).args(&shell[1..]).args(["-c", "exit"]).output().is_ok();
    let error = r"Error from server (Forbidden): C:\new";
    for shell in shells.iter().filter(is_there) {
        let cluster = whole();
        fs::write(cluster.path().join(format!("{NODES}.error")), error).unwrap();
        let output = run(cluster.path(), &SCRIPT, &[shell, &["-C"][..]].concat(), "collected");
        assert_eq!(output.status.code(), Some(1), "{shell:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with("context        prod\\new\n"), "{shell:?}: {}", stderr(&output));
        assert_eq!(failed(&output), [format!("nodes.json: {error} (/api/v1/nodes)")], "{shell:?}");
    }
    // zsh, which may not be there, lets nobody set it.
    assert!(!SCRIPT.contains("status="));
}

#[test]
fn only_the_user_can_read_it() {
    let cluster = whole();
    assert_eq!(collect(cluster.path()).status.code(), Some(0));
    let folder = cluster.path().join("collected");
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    for path in files.chain([folder.clone()]) {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn without_kubectl_nothing_is_made() {
    let folder = folder(&[("collect.sh", SCRIPT.clone())]);
    let mut command = Command::new("/bin/sh");
    command.args(["collect.sh", "collected"]).current_dir(&folder).env("PATH", folder.path());
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(2), "kubectl is not in PATH\n"));
    assert!(!folder.path().join("collected").exists());
}

#[test]
fn where_no_api_server_answers_it_stops_and_leaves_nothing() {
    let cluster = whole();
    let crds_error = cluster.path().join(format!("{CRDS}.error"));
    for error in ["Unable to connect to the server: EOF", "error: You must be logged in to the server (Unauthorized)"] {
        fs::write(&crds_error, error).unwrap();
        let output = collect(cluster.path());
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""), "{error}");
        let crds = "customresourcedefinitions.apiextensions.k8s.io.json";
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        assert_eq!(failed(&output), [format!("{crds}: {error} ({path})")]);
        assert!(!cluster.path().join("collected").exists(), "{error}");
    }
    // So that the next run is in nobody's way.
    fs::remove_file(crds_error).unwrap();
    assert_eq!(collect(cluster.path()).status.code(), Some(0));
}

#[test]
fn where_nothing_may_be_read_it_leaves_nothing() {
    let cluster = whole();
    executable(cluster.path(), "kubectl", "#!/bin/sh\necho 'Error from server (Forbidden): no' >&2; exit 1\n");
    let output = collect(cluster.path());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(failed(&output).len(), SCRIPT.matches("\nget ").count(), "{}", stderr(&output));
    assert!(!cluster.path().join("collected").exists());
    // A context that kubectl does not name is not said.
    assert!(!stderr(&output).contains("context"), "{}", stderr(&output));
}

/// One answer that is cut off costs no other.
#[test]
fn where_an_api_server_has_answered_it_goes_on() {
    let cluster = whole();
    fs::write(cluster.path().join(format!("{NODES}.error")), "error: unexpected EOF").unwrap();
    let output = collect(cluster.path());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(failed(&output), ["nodes.json: error: unexpected EOF (/api/v1/nodes)"]);
    assert!(cluster.path().join("collected/nodemaintenances.nodemaintenance.kubevirt.io.json").is_file());
}

#[test]
fn an_interrupted_run_leaves_nothing_that_is_not_whole() {
    let (crds, records) = ("customresourcedefinitions.apiextensions.k8s.io.json", "upgrade-gate-lists.json");
    for (path, left) in [(CRDS, &[][..]), (NODES, &[crds, records])] {
        let cluster = whole();
        fs::write(cluster.path().join(format!("{path}.interrupt")), "").unwrap();
        let output = collect(cluster.path());
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let folder = fs::read_dir(cluster.path().join("collected")).ok();
        let names = folder.into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        assert_eq!(names, left);
    }
}

/// The script for a module with this metadata.
fn script_for(folder: &TempDir, metadata: &Value) -> String {
    let wasm = program::module_that_answers(&metadata.to_string(), r#"{"accepted":true}"#);
    fs::write(folder.path().join("odd.wasm"), wasm).unwrap();
    stdout(&program(&["policies", "collect", "--policy", &format!("{}/odd.wasm", path(folder))]))
}

/// Metadata of a module from elsewhere may be anything; it does not get into a shell.
#[test]
fn a_policy_cannot_write_into_the_script() {
    let folder = TempDir::new().unwrap();
    let metadata = json!({
        "protocolVersion": "v1", "executionMode": "kubewarden-wapc", "mutating": false,
        "rules": [
            {"apiGroups": ["$(id)"], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]},
            {"apiGroups": [""], "apiVersions": ["v1'; id; '"], "resources": ["secrets"], "operations": ["CREATE"]},
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
             "resources": ["`id`", "pods/exec", "*", "pods"]},
            {"apiGroups": ["a.io"], "apiVersions": ["v1"], "resources": ["as"], "operations": ["CREATE"]},
        ],
        "contextAwareResources": [{"apiVersion": "v1; id", "kind": "ConfigMap"}, {"apiVersion": "v1", "kind": "A'; id"},
            {"apiVersion": "apiextensions.k8s.io/v1beta1", "kind": "CustomResourceDefinition"}],
    });
    let script = script_for(&folder, &metadata);
    let gets: Vec<&str> = script.lines().filter(|line| line.starts_with("get ") && !line.ends_with('{')).collect();
    // The script looks into these.
    let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert!(gets[0].ends_with(&format!(" '{crds}'")), "{script}");
    assert!(gets.contains(&"get as.a.io.json '/apis/a.io/v1/as'"), "{script}");
    assert!(gets.contains(&"get pods.json '/api/v1/pods'"), "{script}");
    let plain = |c: char| c.is_ascii_alphanumeric() || " './-".contains(c);
    assert!(gets.iter().all(|line| line.chars().all(plain) && !line.contains(" id")), "{gets:?}");
}

/// One line for each list, beside the lists.
#[test]
fn what_was_asked_is_recorded() {
    let cluster = whole();
    fs::write(cluster.path().join(format!("{NODES}.error")), "Error from server (Forbidden): no").unwrap();
    collect(cluster.path());
    let folder = cluster.path().join("collected");
    let text = fs::read_to_string(folder.join("upgrade-gate-lists.json")).unwrap();
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut files: Vec<_> = records.iter().map(|record| record["file"].as_str().unwrap()).collect();
    assert!(!files.contains(&"nodes.json"), "{text}");
    files.push("upgrade-gate-lists.json");
    files.sort_unstable();
    let names = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    assert_eq!(files, names);
    let csvs = "clusterserviceversions.operators.coreos.com.json";
    let path = "/apis/operators.coreos.com/v1alpha1/clusterserviceversions?labelSelector=%21olm.copiedFrom";
    let record = json!({"apiVersion": "upgrade-gate.io/v1", "kind": "ListRecord", "file": csvs, "path": path});
    assert!(records.contains(&record), "{text}");
}

/// And so does a check of a cluster: what the policies that run ask for, and no others.
#[test]
fn what_no_policy_asks_for_is_not_collected() {
    let folder = TempDir::new().unwrap();
    let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]});
    let metadata = json!({"protocolVersion": "v1", "rules": [rule], "mutating": false});
    let lists = |script: &str| -> Vec<String> {
        let gets = script.lines().filter_map(|line| line.strip_prefix("get ").filter(|line| !line.ends_with('{')));
        gets.map(|line| line.split('.').next().unwrap().to_owned()).collect()
    };
    assert_eq!(lists(&script_for(&folder, &metadata)), ["customresourcedefinitions", "pods"]);
    // Its object says which version is installed, so whoever judges upgrades needs it.
    let of_upgrades = json!({"protocolVersion": "v1", "mutating": false, "rules": [{"apiGroups": ["operators.coreos.com"],
        "apiVersions": ["v1alpha1"], "resources": ["installplans"], "operations": ["UPDATE"]}]});
    let asked = lists(&script_for(&folder, &of_upgrades));
    assert_eq!(asked, ["customresourcedefinitions", "hyperconvergeds", "installplans"]);
    let bundled = |policy: &str| lists(&stdout(&program(&["policies", "collect", "--policy", policy])));
    assert!(!bundled("hco-upgradeable").contains(&"nodemaintenances".into()));
    assert!(bundled("integrated-nmo").contains(&"nodemaintenances".into()));

    let server = ApiServer::start(Answers::new());
    let module = format!("{}/odd.wasm", path(&folder));
    script_for(&folder, &metadata);
    program(&["check", "--kubeconfig", server.kubeconfig().to_str().unwrap(), "--policy", &module]);
    let asked = server.requests().into_iter().filter(|request| request.contains('?'));
    let asked: Vec<_> = asked.map(|request| request.split(['?', ' ']).nth(1).unwrap().to_owned()).collect();
    assert_eq!(asked, ["/api/v1/pods", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"]);
}
