//! A kubectl that answers from files beside it, and the script of `policies collect` that asks it.

use std::{
    env, fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::json;
use tempfile::TempDir;

use super::{
    cluster::{OLM_CRDS, csv, hyperconverged, list, olm, subscription},
    program, stderr, stdout, typed_list,
};

/// Answers a path from a file of that name, or fails with what is in its `.error`, and as kubectl does where
/// there is neither. Where there is an `.interrupt`, somebody presses Ctrl-C in the middle of the answer. The file `server`
/// has the URL of the context's API server, and `version` what this kubectl makes of it, and how it logs that.
pub const KUBECTL: &str = r#"#!/bin/sh
here=$(dirname "$0")
context='--context=prod\new'
if [ "$*" = "config current-context" ]; then printf '%s\n' 'prod\new'; exit; fi
if [ "$*" = "config view --minify $context -o jsonpath={.clusters[0].cluster.server}" ]; then cat "$here/server"; exit; fi
test "$1 $2 $4 $5" = "get --raw $context --request-timeout=5m" || exit 9
host=https://host:6443
base=$(sed "s,$host,,; s,/*\$,," "$here/server")
path=$3
. "$here/version"
if [ "$6" = -v=6 ]; then log "$host$path"; fi
file="$here/$(echo "$path" | tr /?%= ____)"
if [ -f "$file.interrupt" ]; then echo "{"; kill -TERM 0; sleep 60; fi
if [ -f "$file.error" ]; then cat "$file.error" >&2; exit 1; fi
if [ -f "$file" ]; then cat "$file"; exit 0; fi
echo "Error from server (NotFound): the server could not find the requested resource" >&2
exit 1
"#;

/// It replaces the server's path by the one that is asked for.
pub const KUBECTL_1_33: &str =
    r#"log() { echo "I1 1:00:00.1 7 round_trippers.go:560] GET $1?timeout=5m 200 OK in 5 milliseconds" >&2; }"#;

/// It puts the server's path before the one that is asked for.
pub const KUBECTL_1_34: &str =
    r#"path=$base$path; log() { echo "I1 1:00:00.1 7 \"Response\" verb=\"GET\" url=\"$1\" status=\"\"" >&2; }"#;

/// A cluster on HCO 1.6.0 with OLM, and on it the kinds of these CRDs.
pub fn cluster(crds: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    executable(folder.path(), "kubectl", KUBECTL);
    file("server", "https://host:6443");
    file("version", KUBECTL_1_33);
    let names: Vec<_> = crds.iter().chain(&OLM_CRDS).map(|name| json!({"metadata": {"name": name}})).collect();
    file(CRDS, &list("apiextensions.k8s.io/v1", "CustomResourceDefinition", &names));
    file(NODES, &list("v1", "Node", &[]));
    file("_apis_apps_v1_deployments", &list("apps/v1", "Deployment", &[]));
    file("_apis_hco.kubevirt.io_v1beta1_hyperconvergeds", &hyperconverged("1.6.0"));
    let root = "_apis_operators.coreos.com";
    let csvs = olm("ClusterServiceVersion", &[csv("1.6.0", "Succeeded")]);
    file(&format!("{root}_v1alpha1_clusterserviceversions_labelSelector__21olm.copiedFrom"), &csvs);
    file(&format!("{root}_v1alpha1_installplans"), &olm("InstallPlan", &[]));
    file(&format!("{root}_v1alpha1_subscriptions"), &olm("Subscription", &[subscription("1.6.0")]));
    file(&format!("{root}_v2_operatorconditions"), &list("operators.coreos.com/v2", "OperatorCondition", &[]));
    folder
}

pub const CRDS: &str = "_apis_apiextensions.k8s.io_v1_customresourcedefinitions";
pub const NODES: &str = "_api_v1_nodes";
pub const NODE_MAINTENANCES: &str = "_apis_nodemaintenance.kubevirt.io_v1beta1_nodemaintenances";
pub const CLUSTER_EXTENSIONS: &str = "_apis_olm.operatorframework.io_v1_clusterextensions";
pub const NOT_FOUND: &str = "Error from server (NotFound): the server could not find the requested resource";

pub fn executable(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

pub static SCRIPT: LazyLock<String> = LazyLock::new(|| stdout(&program(&["policies", "collect"])));

/// Runs the script beside the cluster.
pub fn collect(cluster: &Path) -> Output {
    run(cluster, &SCRIPT, &["sh"], "collected")
}

/// Runs a script with this shell, in the folder of the cluster. What kubectl interrupts is the process group.
pub fn run(cluster: &Path, script: &str, shell: &[&str], folder: &str) -> Output {
    fs::write(cluster.join("collect.sh"), script).unwrap();
    let path = env::join_paths([cluster.to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())));
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["collect.sh", folder]).current_dir(cluster).env("PATH", path.unwrap());
    command.process_group(0).output().unwrap()
}

pub fn failed(output: &Output) -> Vec<String> {
    stderr(output).lines().filter_map(|line| line.strip_prefix("failed         ")).map(str::to_owned).collect()
}

pub const INSTALLED: [&str; 2] = ["hyperconvergeds.hco.kubevirt.io", "nodemaintenances.nodemaintenance.kubevirt.io"];

/// A cluster on which NodeMaintenance is installed, and there is none.
pub fn whole() -> TempDir {
    let cluster = cluster(&INSTALLED);
    fs::write(cluster.path().join(NODE_MAINTENANCES), typed_list(&[])).unwrap();
    cluster
}
