//! `check -o policyreport` and `-o openreports`, through the binary.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{collections::BTreeSet, fs, path::Path};

use program::{EXAMPLE, check, folder, module_that, node_maintenances, schema, stdout};
use serde_json::{Value, json};

fn reports(source: &str, format: &str) -> Vec<Value> {
    let text = stdout(&check(&[source, "-o", format]));
    let list: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&json!("v1"), &json!("List")));
    list["items"].as_array().unwrap().clone()
}

fn of<'a>(reports: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let mut reports = reports.iter();
    reports.find(|report| report["scope"]["kind"] == kind && report["scope"]["name"] == name).unwrap()
}

#[test]
fn an_object_has_the_report_that_audit_scanner_stores() {
    for (format, version, cluster, namespaced) in [
        ("policyreport", "wgpolicyk8s.io/v1alpha2", "ClusterPolicyReport", "PolicyReport"),
        ("openreports", "openreports.io/v1alpha1", "ClusterReport", "Report"),
    ] {
        let reports = reports(EXAMPLE, format);
        let report = of(&reports, "NodeMaintenance", "nm-worker-1");
        let (uid, object) = (report["metadata"]["name"].clone(), "nodemaintenance.kubevirt.io/v1beta1");
        let message = report["results"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("[integrated-nmo/in-use] Node worker-1 is in maintenance"), "{message}");
        let mut expected = json!({
            "apiVersion": version, "kind": cluster,
            "metadata": {
                "name": uid,
                "labels": {"app.kubernetes.io/managed-by": "kubewarden", "kubewarden.io/policyreport-version": "v2"},
                "ownerReferences": [{"apiVersion": object, "kind": "NodeMaintenance", "name": "nm-worker-1", "uid": uid}],
            },
            "scope": {
                "apiVersion": object, "kind": "NodeMaintenance", "name": "nm-worker-1", "uid": uid,
                "resourceVersion": report["scope"]["resourceVersion"],
            },
            "results": [{
                "source": "kubewarden", "policy": "clusterwide-integrated-nmo-flag", "category": "Upgrade",
                "severity": "critical", "result": "fail", "scored": true, "resourceSelector": {}, "message": message,
                "properties": {"validating": "true", "context-aware": "true", "policy-name": "integrated-nmo-flag"},
            }],
            "summary": {"pass": 0, "fail": 1, "warn": 0, "error": 0, "skip": 0},
        });
        if format == "openreports" {
            expected["source"] = json!("");
        }
        assert_eq!(*report, expected);
        assert!(uid.as_str().unwrap().len() == 36 && report["scope"]["resourceVersion"].is_string());

        // Two policies, one report; what is in a namespace is reported there.
        let report = of(&reports, "HyperConverged", "kubevirt-hyperconverged");
        assert_eq!(
            (&report["kind"], &report["metadata"]["namespace"]),
            (&json!(namespaced), &json!("kubevirt-hyperconverged"))
        );
        // Of each of the two policies the part about objects is not asked.
        assert_eq!((&report["summary"]["pass"], &report["summary"]["skip"]), (&json!(1), &json!(2)));
    }
}

#[test]
fn a_policy_that_crashes_is_an_error() {
    let metadata = json!({"protocolVersion": "v1", "rules": [node_maintenances()], "mutating": false}).to_string();
    let folder = folder(&[]);
    let wasm = folder.path().join("crashes.wasm");
    fs::write(&wasm, module_that(&metadata, "unreachable", "")).unwrap();
    let output = check(&[EXAMPLE, "--policy", wasm.to_str().unwrap(), "-o", "policyreport"]);
    let list: Value = serde_saphyr::from_str(&stdout(&output)).unwrap();
    for report in list["items"].as_array().unwrap() {
        assert_eq!((&report["results"][0]["result"], &report["summary"]["error"]), (&json!("error"), &json!(1)));
        let message = report["results"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("internal server error: Guest call failure: "), "{message}");
    }
}

/// Every path of a report is one of a stored report of a real audit-scanner, and the other way round, but for
/// what only a cluster knows; and the CustomResourceDefinitions know every field. Where those files are there.
#[test]
fn reports_have_the_fields_of_real_ones() {
    let data = Path::new("../shared/data");
    if !data.join("audit").is_dir() || !data.join("crds").is_dir() {
        println!("../shared/data is not there: nothing compared");
        return;
    }
    let only_a_cluster_knows = [
        "/metadata/creationTimestamp",
        "/metadata/generation",
        "/metadata/resourceVersion",
        "/metadata/uid",
        "/metadata/labels/kubewarden.io/audit-scanner-run-uid",
        "/results/timestamp/nanos",
        "/results/timestamp/seconds",
        "/results/properties/policy-uid",
        "/results/properties/policy-resource-version",
    ];
    let yaml = |path: &str| -> Value { serde_saphyr::from_str(&fs::read_to_string(data.join(path)).unwrap()).unwrap() };
    for (format, recorded, group) in [
        ("policyreport", "audit/policyreports.yaml", "wgpolicyk8s.io"),
        ("openreports", "audit/reports.yaml", "openreports.io"),
    ] {
        let reports = reports("../shared/data/dump/raw", format);
        let ours = reports.iter().find(|report| report["scope"]["kind"] == "InstallPlan").unwrap();
        let recorded = paths(&yaml(recorded)["items"][0]);
        let paths = paths(ours);
        let missing: Vec<_> = recorded.difference(&paths).map(String::as_str).collect();
        assert_eq!(missing.iter().filter(|path| !only_a_cluster_knows.contains(path)).count(), 0, "{missing:?}");
        // The recorded policy asked for nothing.
        let more: Vec<_> = paths.difference(&recorded).collect();
        assert_eq!(more, ["/results/properties/context-aware"]);

        for report in &reports {
            let plural = report["kind"].as_str().unwrap().to_lowercase() + "s";
            schema::fits(report, &yaml(&format!("crds/{plural}.{group}.yaml")));
        }
        // No background audit of deploy/kubewarden looks at them.
        assert!(reports.iter().all(|report| report["scope"]["kind"] != "ClusterServiceVersion"));
    }
}

fn paths(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                fields.iter().for_each(|(name, field)| walk(field, &format!("{path}/{name}"), into));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, path, into)),
            _ => {
                into.insert(path.to_owned());
            }
        }
    }
    let mut into = BTreeSet::new();
    walk(value, "", &mut into);
    into
}
