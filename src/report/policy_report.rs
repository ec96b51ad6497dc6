//! What audit-scanner would have stored for the objects of the snapshot: one report for each, as a `List` that
//! `kubectl apply` takes.
//!
//! Source: kubewarden-controller 3460bb71, `internal/audit-scanner/report/`.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde_json::{Map, Value, json};
use upgrade_gate_core::ResourceRef;
use upgrade_gate_snapshot::Kind;

use crate::{
    judge::Audited,
    manifests::{self, Part},
    report::{PolicyUsed, Report, Result},
};

/// The API that reports are stored in.
pub(super) struct Api {
    version: &'static str,
    namespaced: &'static str,
    cluster: &'static str,
    /// Fields that only this one has.
    more: fn() -> Value,
}

/// OpenReports, audit-scanner's `--report-kind openreports`.
pub(super) const OPEN_REPORTS: Api = Api {
    version: "openreports.io/v1alpha1",
    namespaced: "Report",
    cluster: "ClusterReport",
    more: || json!({"source": ""}),
};

/// PolicyReport, audit-scanner's `--report-kind policyreport`.
pub(super) const POLICY_REPORT: Api = Api {
    version: "wgpolicyk8s.io/v1alpha2",
    namespaced: "PolicyReport",
    cluster: "ClusterPolicyReport",
    more: || json!({}),
};

const HEAD: &str = "\
# What Kubewarden's audit-scanner would have stored for these objects.
# Only a cluster knows, and so it is not here: when they were scanned, and in which run; the uid and the resource
# version of the policies.
";

/// What the names of ClusterAdmissionPolicies begin with in policy-server, and so in a policies file of its controller.
const CLUSTER_WIDE: &str = "clusterwide-";

pub(super) fn render(report: &Report, api: &Api, to: &mut impl Write) -> io::Result<()> {
    let mut objects: BTreeMap<&ResourceRef, Vec<&Audited>> = BTreeMap::new();
    for audited in &report.audited {
        objects.entry(&audited.resource).or_default().push(audited);
    }
    let skipped = skipped(&report.policies);
    let items: Vec<Value> = objects.values().filter_map(|audits| of_one(report, api, skipped, audits)).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items});
    let yaml = serde_saphyr::to_string(&list).map_err(io::Error::other)?;
    write!(to, "{HEAD}{yaml}")
}

/// `skipped`: of a background audit of a namespace.
fn of_one(report: &Report, api: &Api, skipped: usize, audits: &[&Audited]) -> Option<Value> {
    let Audited { resource, resource_version, .. } = audits.first()?;
    let ResourceRef { api_version, kind, namespace, name, uid } = resource;
    let owner = || json!({"apiVersion": api_version, "kind": kind, "name": name, "uid": uid});
    let metadata = json!({
        // An object that was never stored has no uid, and cannot own a report.
        "name": uid.clone().unwrap_or_else(|| format!("{}-{name}", kind.to_lowercase())),
        "namespace": namespace,
        "labels": {"app.kubernetes.io/managed-by": "kubewarden", "kubewarden.io/policyreport-version": "v2"},
        "ownerReferences": uid.is_some().then(|| [owner()]),
    });
    let scope = json!({
        "apiVersion": api_version, "kind": kind, "namespace": namespace, "name": name, "uid": uid,
        "resourceVersion": resource_version,
    });
    let results = audits.iter().filter_map(|audited| {
        let policy = report.policies.iter().find(|policy| policy.name == audited.policy)?;
        Some(result(policy, &deployed_as(policy, resource)?, audited))
    });
    let results: Vec<Value> = results.collect();
    if results.is_empty() {
        return None;
    }
    let count = |word: Result| results.iter().filter(|result| result.get("result") == Some(&json!(word))).count();
    let mut item = json!({
        "apiVersion": api.version,
        "kind": if namespace.is_some() { api.namespaced } else { api.cluster },
        "metadata": known(metadata),
        "scope": known(scope),
        "results": results,
        "summary": {
            "pass": count(Result::Pass), "fail": count(Result::Fail), "error": count(Result::Error), "warn": 0,
            "skip": if namespace.is_some() { skipped } else { 0 },
        },
    });
    if let (Some(item), Value::Object(more)) = (item.as_object_mut(), (api.more)()) {
        item.extend(more);
    }
    Some(item)
}

/// The name of the ClusterAdmissionPolicy that a background audit asks about the object, as `policies manifests` has it;
/// `None` where it asks none. A policy from elsewhere, or of a policies file, goes by its own name.
fn deployed_as(policy: &PolicyUsed, resource: &ResourceRef) -> Option<String> {
    if !policy.in_parts {
        return Some(policy.name.strip_prefix(CLUSTER_WIDE).unwrap_or(&policy.name).to_owned());
    }
    let part = Part::of(&Kind::new(&resource.api_version, &resource.kind).resource());
    part.is_audited().then(|| manifests::name_of(&policy.name, part))
}

/// The ClusterAdmissionPolicies that are not asked in a background audit of a namespace: audit-scanner counts them in every
/// report.
fn skipped(policies: &[PolicyUsed]) -> usize {
    let has_silent_part = |policy: &&PolicyUsed| {
        let mut auditable = manifests::auditable(&policy.metadata).into_iter();
        policy.in_parts && auditable.any(|resource| !Part::of(&resource).is_audited())
    };
    policies.iter().filter(has_silent_part).count()
}

fn result(policy: &PolicyUsed, name: &str, audited: &Audited) -> Value {
    let metadata = &policy.metadata;
    let mut properties = Map::new();
    properties.insert(if metadata.mutating { "mutating" } else { "validating" }.into(), "true".into());
    if !metadata.context_aware_resources.is_empty() {
        properties.insert("context-aware".into(), "true".into());
    }
    properties.insert("policy-name".into(), name.into());
    known(json!({
        "source": "kubewarden",
        // As a ClusterAdmissionPolicy is called.
        "policy": format!("{CLUSTER_WIDE}{name}"),
        "category": metadata.annotation("category"),
        "severity": if policy.is_monitored { Some("info") } else { metadata.annotation("severity") },
        "result": audited.result,
        "scored": true,
        "resourceSelector": {},
        "message": audited.message,
        "properties": properties,
    }))
}

/// What is not known is left out.
fn known(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    value
}
