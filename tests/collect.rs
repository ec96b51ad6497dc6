//! `upgrade-gate policies collect`: the script, run by a shell with a kubectl that answers from files.

#![cfg(unix)]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use program::{
    cluster::{csv, hyperconverged, olm, path, subscription},
    program, report, stderr, stdout, typed_list,
};
use serde_json::json;
use tempfile::TempDir;

/// Answers a path from a file of that name, and as kubectl does where there is none.
const KUBECTL: &str = r#"#!/bin/sh
test "$1 $2" = "get --raw" || exit 9
file="$(dirname "$0")/$(echo "$3" | tr /?%= ____)"
if [ -f "$file" ]; then cat "$file"; exit 0; fi
if [ -f "$file.forbidden" ]; then echo "Error from server (Forbidden): no" >&2; exit 1; fi
echo "Error from server (NotFound): the server could not find the requested resource" >&2
exit 1
"#;

/// A cluster on HCO 1.6.0 with OLM, and on it the kinds of these CRDs.
fn cluster(crds: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let empty = |api_version: &str, kind: &str| {
        json!({"apiVersion": api_version, "kind": kind, "metadata": {}, "items": []}).to_string()
    };
    file("kubectl", KUBECTL);
    fs::set_permissions(folder.path().join("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
    let names: Vec<_> = crds.iter().map(|name| json!({"metadata": {"name": name}})).collect();
    let list = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinitionList", "metadata": {}, "items": names});
    file("_apis_apiextensions.k8s.io_v1_customresourcedefinitions", &list.to_string());
    file("_api_v1_nodes", &empty("v1", "NodeList"));
    file("_apis_apps_v1_deployments", &empty("apps/v1", "DeploymentList"));
    file("_apis_hco.kubevirt.io_v1beta1_hyperconvergeds", &hyperconverged("1.6.0"));
    let root = "_apis_operators.coreos.com";
    let csvs = olm("ClusterServiceVersion", &[csv("1.6.0", "Succeeded")]);
    file(&format!("{root}_v1alpha1_clusterserviceversions_labelSelector__21olm.copiedFrom"), &csvs);
    file(&format!("{root}_v1alpha1_installplans"), &olm("InstallPlan", &[]));
    file(&format!("{root}_v1alpha1_subscriptions"), &olm("Subscription", &[subscription("1.6.0")]));
    file(&format!("{root}_v2_operatorconditions"), &empty("operators.coreos.com/v2", "OperatorConditionList"));
    folder
}

const NODE_MAINTENANCES: &str = "_apis_nodemaintenance.kubevirt.io_v1beta1_nodemaintenances";

/// Runs the script beside the cluster.
fn collect(cluster: &Path) -> Output {
    let script = cluster.join("collect.sh");
    fs::write(&script, stdout(&program(&["policies", "collect"]))).unwrap();
    let path = env::join_paths([cluster.to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())));
    Command::new("sh").arg(script).arg(cluster.join("collected")).env("PATH", path.unwrap()).output().unwrap()
}

const INSTALLED: [&str; 2] = ["hyperconvergeds.hco.kubevirt.io", "nodemaintenances.nodemaintenance.kubevirt.io"];

#[test]
fn what_was_collected_is_judged_without_an_unknown() {
    let with_objects = cluster(&INSTALLED);
    fs::write(with_objects.path().join(NODE_MAINTENANCES), typed_list(&[])).unwrap();
    // After the upgrade the kind is gone, and so is its file.
    let without_the_kind = cluster(&INSTALLED[..1]);
    for cluster in [with_objects, without_the_kind] {
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
    fs::write(cluster.path().join(format!("{NODE_MAINTENANCES}.forbidden")), "").unwrap();
    let output = collect(cluster.path());
    assert_eq!(output.status.code(), Some(1));
    let failed = "failed         nodemaintenances.nodemaintenance.kubevirt.io.json: Error from server (Forbidden): no";
    assert!(stderr(&output).contains(failed), "{}", stderr(&output));
    let report = report(&[cluster.path().join("collected").to_str().unwrap(), "--to", "1.7.0"]);
    assert_eq!(report["verdict"], "unknown");
    let remedy = report["findings"][0]["remedy"].as_str().unwrap();
    assert!(remedy.contains("`upgrade-gate policies collect`"), "{remedy}");
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
            {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["`id`", "pods/exec", "*", "pods"], "operations": ["CREATE"]},
        ],
        "contextAwareResources": [{"apiVersion": "v1; id", "kind": "ConfigMap"}, {"apiVersion": "v1", "kind": "A'; id"}],
    });
    let wasm = program::module_that_answers(&metadata.to_string(), r#"{"accepted":true}"#);
    fs::write(folder.path().join("odd.wasm"), wasm).unwrap();
    let script = stdout(&program(&["policies", "collect", "--policy", &format!("{}/odd.wasm", path(&folder))]));
    let gets: Vec<&str> = script.lines().filter(|line| line.starts_with("get ") && !line.ends_with('{')).collect();
    assert!(gets.contains(&"get pods.json '/api/v1/pods'"), "{script}");
    let plain = |c: char| c.is_ascii_alphanumeric() || " './-".contains(c);
    assert!(gets.iter().all(|line| line.chars().all(plain) && !line.contains(" id")), "{gets:?}");
}
