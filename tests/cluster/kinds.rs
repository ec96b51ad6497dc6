//! The kinds that the story needs, as the smallest CustomResourceDefinitions that an API server takes.

use serde_json::{Value, json};

/// Group, versions, the oldest first, kind, plural, and whether it is namespaced.
type Kind = (&'static str, &'static [&'static str], &'static str, &'static str, bool);

const KINDS: [Kind; 15] = [
    ("nodemaintenance.kubevirt.io", &["v1beta1"], "NodeMaintenance", "nodemaintenances", false),
    ("nodemaintenance.medik8s.io", &["v1beta1"], "NodeMaintenance", "nodemaintenances", false),
    ("hco.kubevirt.io", &["v1beta1"], "HyperConverged", "hyperconvergeds", true),
    ("operators.coreos.com", &["v1alpha1"], "ClusterServiceVersion", "clusterserviceversions", true),
    ("operators.coreos.com", &["v1alpha1"], "InstallPlan", "installplans", true),
    ("operators.coreos.com", &["v1alpha1"], "Subscription", "subscriptions", true),
    ("operators.coreos.com", &["v1", "v2"], "OperatorCondition", "operatorconditions", true),
    ("olm.operatorframework.io", &["v1"], "ClusterExtension", "clusterextensions", false),
    ("policies.kubewarden.io", &["v1"], "ClusterAdmissionPolicy", "clusteradmissionpolicies", false),
    ("policies.kubewarden.io", &["v1"], "PolicyServer", "policyservers", false),
    ("monitoring.coreos.com", &["v1"], "PrometheusRule", "prometheusrules", true),
    ("openreports.io", &["v1alpha1"], "Report", "reports", true),
    ("openreports.io", &["v1alpha1"], "ClusterReport", "clusterreports", false),
    ("wgpolicyk8s.io", &["v1beta1", "v1alpha2"], "PolicyReport", "policyreports", true),
    ("wgpolicyk8s.io", &["v1beta1", "v1alpha2"], "ClusterPolicyReport", "clusterpolicyreports", false),
];

/// All of them; they take whatever fields.
pub fn crds() -> Vec<Value> {
    KINDS.iter().map(crd).collect()
}

fn crd(&(group, versions, kind, plural, namespaced): &Kind) -> Value {
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    // Reports have no status of their own.
    let is_report = kind.ends_with("Report");
    let versions: Vec<Value> = versions
        .iter()
        .enumerate()
        .map(|(index, version)| {
            let mut version = json!({"name": version, "served": true, "storage": index == 0,
                "schema": {"openAPIV3Schema": anything}});
            if !is_report {
                version["subresources"] = json!({"status": {}});
            }
            version
        })
        .collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{group}"),
            // The API server wants to be told that groups of kubernetes.io are approved; none of these is one.
        },
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
            "scope": if namespaced { "Namespaced" } else { "Cluster" },
            "versions": versions,
        },
    })
}
