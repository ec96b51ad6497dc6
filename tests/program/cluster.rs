//! Clusters as somebody captured them, for tests of the upgrade.

use serde_json::{Value, json};
use tempfile::TempDir;
use upgrade_gate_testing::node_maintenance;

use super::{folder, typed_list};

pub const NAMESPACE: &str = "kubevirt-hyperconverged";

/// What a cluster with OLM has: a list of CustomResourceDefinitions without these was filtered.
pub const OLM_CRDS: [&str; 4] = [
    "clusterserviceversions.operators.coreos.com",
    "installplans.operators.coreos.com",
    "operatorconditions.operators.coreos.com",
    "subscriptions.operators.coreos.com",
];

pub fn list(api_version: &str, kind: &str, items: &[Value]) -> String {
    json!({"apiVersion": api_version, "kind": format!("{kind}List"), "metadata": {}, "items": items}).to_string()
}

pub fn olm(kind: &str, items: &[Value]) -> String {
    list("operators.coreos.com/v1alpha1", kind, items)
}

pub fn hyperconverged(version: &str) -> String {
    let object = json!({
        "metadata": {"name": "kubevirt-hyperconverged", "namespace": NAMESPACE, "resourceVersion": "1"},
        "status": {
            "versions": [{"name": "operator", "version": version}],
            "conditions": [{"type": "Upgradeable", "status": "True"}],
        },
    });
    list("hco.kubevirt.io/v1beta1", "HyperConverged", &[object])
}

pub fn csv_name(version: &str) -> String {
    format!("kubevirt-hyperconverged-operator.v{version}")
}

pub fn csv(version: &str, phase: &str) -> Value {
    json!({
        "metadata": {"name": csv_name(version), "namespace": NAMESPACE, "resourceVersion": "1"},
        "spec": {"version": version, "customresourcedefinitions": {"owned": [{"name": "hyperconvergeds.hco.kubevirt.io"}]}},
        "status": {"phase": phase},
    })
}

pub fn plan(name: &str, generation: u64, phase: &str, csvs: &[String]) -> Value {
    json!({
        "metadata": {"name": name, "namespace": NAMESPACE, "resourceVersion": "1", "uid": format!("uid-{name}")},
        "spec": {
            "approval": "Manual", "approved": phase == "Installing", "generation": generation,
            "clusterServiceVersionNames": csvs,
        },
        "status": {"phase": phase},
    })
}

pub fn subscription(channel: &str) -> Value {
    json!({
        "apiVersion": "operators.coreos.com/v1alpha1", "kind": "Subscription",
        "metadata": {"name": "hco-operatorhub", "namespace": NAMESPACE, "resourceVersion": "1"},
        "spec": {
            "name": "community-kubevirt-hyperconverged", "channel": channel, "installPlanApproval": "Manual",
            "source": "community-operators", "sourceNamespace": "olm",
        },
    })
}

/// HCO 1.6.0 with one node in maintenance, and whatever else.
pub fn in_maintenance(more: &[(&str, String)]) -> TempDir {
    let nm = node_maintenance("nm-1").of_node("worker-1").json().clone();
    let files = [("nm.json", typed_list(&[nm])), ("hco.json", hyperconverged("1.6.0"))];
    folder(&[&files, more].concat())
}

pub fn path(folder: &TempDir) -> &str {
    folder.path().to_str().unwrap()
}

/// Rule, phase, result and object of each finding.
pub fn findings(report: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |finding: &Value| {
        [&finding["phase"], &finding["rule"], &finding["result"], &finding["resource"]["name"]].map(text).join(" ")
    };
    report["findings"].as_array().unwrap().iter().map(line).collect()
}
