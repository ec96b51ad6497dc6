//! What the largest reviews cost: a plan of 2.5 MB with its old object, beside parsing the same text
//! natively into values; and a cluster with 10,000 objects in the way.

#![allow(clippy::unwrap_used, reason = "a panic is how a benchmark says no")]

use std::sync::Arc;

use divan::Bencher;
use serde_json::{Value, json};
use upgrade_gate_host::{Compiler, Context, Grants, Host, Limits, Policy};
use upgrade_gate_snapshot::{Builder, Kind, Wanted};

fn main() {
    divan::main();
}

fn policy(compiler: Compiler) -> Policy {
    // The target is 32 MiB; the default limit is twice that.
    let limits = Limits { memory_bytes: 32 << 20, ..Limits::default() };
    Host::new(limits).unwrap().load(upgrade_gate_bundle::find("integrated-nmo").unwrap().wasm, compiler).unwrap()
}

/// HCO 1.6.0 and so many NodeMaintenance objects.
fn cluster(objects: usize, policy: &Policy) -> Context {
    let mut wanted = Wanted::default();
    for resource in &policy.metadata().unwrap().context_aware_resources {
        wanted.add_kind(Kind::new(&resource.api_version, &resource.kind));
    }
    let in_the_way: Vec<Value> = (0..objects)
        .map(|index| {
            json!({
                "metadata": {
                    "name": format!("nm-{index}"),
                    "uid": format!("00000000-0000-4000-8000-{index:012}"),
                    "resourceVersion": format!("{index}"),
                    "creationTimestamp": "2022-06-14T09:15:20Z",
                    "finalizers": ["foregroundDeleteNodeMaintenance"],
                },
                "spec": {"nodeName": format!("worker-{index}.example.com"), "reason": "disk replacement"},
                "status": {"phase": "Succeeded", "totalpods": 20},
            })
        })
        .collect();
    let lists = [
        json!({"apiVersion": "hco.kubevirt.io/v1beta1", "kind": "HyperConvergedList", "metadata": {}, "items": [{
            "metadata": {"name": "kubevirt-hyperconverged", "namespace": "kubevirt-hyperconverged"},
            "status": {"versions": [{"name": "operator", "version": "1.6.0"}]},
        }]}),
        json!({
            "apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenanceList", "metadata": {},
            "items": in_the_way,
        }),
    ];
    let mut builder = Builder::new(wanted);
    builder.source("cluster");
    for (index, list) in lists.iter().enumerate() {
        builder.read(&format!("{index}.json"), list.to_string().as_bytes());
    }
    Context::new(Arc::new(builder.finish()))
}

/// `status.plan` holds as many manifests, each as JSON in a string, as make up so many bytes.
fn approval(bytes: usize) -> String {
    let manifest = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "kubevirt-hyperconverged-operator.v1.7.0-6c8f9d", "creationTimestamp": null},
        "rules": [
            {"apiGroups": ["kubevirt.io"], "resources": ["kubevirts", "virtualmachines"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["apps"], "resources": ["deployments", "daemonsets"], "verbs": ["create", "delete", "patch"]},
        ],
    });
    let step = json!({
        "resolving": "kubevirt-hyperconverged-operator.v1.7.0",
        "resource": {
            "group": "rbac.authorization.k8s.io", "version": "v1", "kind": "ClusterRole",
            "name": "kubevirt-hyperconverged-operator.v1.7.0-6c8f9d", "manifest": manifest.to_string(),
            "sourceName": "community-operators", "sourceNamespace": "olm",
        },
        "status": "Unknown",
    });
    let steps = vec![&step; bytes.div_ceil(step.to_string().len())];
    let plan = |approved: bool| {
        json!({
            "apiVersion": "operators.coreos.com/v1alpha1", "kind": "InstallPlan",
            "metadata": {"name": "install-x7k2p", "namespace": "kubevirt-hyperconverged", "resourceVersion": "570"},
            "spec": {
                "approval": "Manual", "approved": approved, "generation": 2,
                "clusterServiceVersionNames": ["kubevirt-hyperconverged-operator.v1.7.0"],
            },
            "status": {"phase": "RequiresApproval", "plan": steps},
        })
    };
    json!({
        "uid": "63dc67b6-ca9d-45c4-ad50-7f063596ab71",
        "kind": {"group": "operators.coreos.com", "version": "v1alpha1", "kind": "InstallPlan"},
        "resource": {"group": "operators.coreos.com", "version": "v1alpha1", "resource": "installplans"},
        "name": "install-x7k2p",
        "namespace": "kubevirt-hyperconverged",
        "operation": "UPDATE",
        "userInfo": {"username": "admin"},
        "object": plan(true),
        "oldObject": plan(false),
    })
    .to_string()
}

const LARGE: usize = 2_500_000;

fn refuses(bencher: Bencher<'_, '_>, compiler: Compiler, plan: usize, objects: usize) {
    let policy = policy(compiler);
    let grants = Grants::declared(policy.metadata().unwrap());
    let (request, context) = (approval(plan), cluster(objects, &policy));
    bencher.bench(|| {
        let response = policy.evaluate(&request, "{}", &grants, &context).unwrap().response;
        assert_eq!(response.code, Some(403));
        assert!(response.message.unwrap().len() < 1_000);
    });
}

#[divan::bench(args = [Compiler::Cranelift, Compiler::Winch])]
fn small_plan(bencher: Bencher<'_, '_>, compiler: Compiler) {
    refuses(bencher, compiler, 0, 2);
}

#[divan::bench(args = [Compiler::Cranelift, Compiler::Winch])]
fn plan_of_2_5_mb(bencher: Bencher<'_, '_>, compiler: Compiler) {
    refuses(bencher, compiler, LARGE, 2);
}

#[divan::bench]
fn plan_of_2_5_mb_as_native_values(bencher: Bencher<'_, '_>) {
    let request = approval(LARGE);
    bencher.bench(|| serde_json::from_str::<Value>(&request).unwrap());
}

#[divan::bench(args = [Compiler::Cranelift, Compiler::Winch])]
fn ten_thousand_in_the_way(bencher: Bencher<'_, '_>, compiler: Compiler) {
    refuses(bencher, compiler, 0, 10_000);
}
