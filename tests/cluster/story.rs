//! What people do, in the order in which they would.

use std::{fs, time::Instant};

use serde_json::{Value, json};

use crate::{
    gate::{
        Answer, Gate, PLAN, cluster_extension, cluster_service_version, deployment, install_plan, maintenance,
        subscription,
    },
    program::{
        check,
        cluster::{NAMESPACE, csv_name},
        server::until,
        stderr, stdout,
    },
};

const NODE_MAINTENANCES: &str = "nodemaintenances.nodemaintenance.kubevirt.io";
const PACKAGE: &str = "community-kubevirt-hyperconverged";
const OPERATOR: &str = "hyperconverged-cluster-operator";
const HCO: &str = "kubevirt-hyperconverged-operator";

pub fn maintenance_is_warned_about(gate: &mut Gate) {
    for args in [
        &["create", "-f", "-", "--dry-run=server"][..],
        &["apply", "--server-side", "-f", "-", "--dry-run=server"],
        &["apply", "--server-side", "-f", "-"],
    ] {
        let said = gate.passes(args, &maintenance("nm-1").to_string());
        assert!(said.contains("Warning: [integrated-nmo/created] "), "{said}");
    }
    let other = json!({"apiVersion": "nodemaintenance.medik8s.io/v1beta1", "kind": "NodeMaintenance",
        "metadata": {"name": "new"}, "spec": {"nodeName": "worker-2"}});
    assert_eq!(gate.passes(&["create", "-f", "-"], &other.to_string()), "");
    until("the object is seen", || gate.answer() == Answer::Refused);
}

pub fn every_start_is_refused(gate: &mut Gate) {
    let said = gate.passes(&["create", "-f", "-"], &install_plan(PLAN, &csv_name("1.7.0"), false).to_string());
    assert!(said.contains("[integrated-nmo/upgrade-ahead] approval would be denied"), "{said}");
    let blocked = "[integrated-nmo/upgrade-blocked] InstallPlan to-1-7 asks for the upgrade of HCO from 1.6.0 to 1.7.0";
    for more in [&[][..], &["--dry-run=server"]] {
        let said = stderr(&gate.approval(more));
        assert!(said.contains(blocked) && said.contains("nm-1 (node worker-1)"), "{said}");
    }
    let approved = install_plan(PLAN, &csv_name("1.7.0"), true).to_string();
    gate.is_refused(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &approved, blocked);
    // OLM creates plans approved where the Subscription is Automatic.
    let automatic = install_plan("automatic", &csv_name("1.7.0"), true).to_string();
    gate.is_refused(&["create", "-f", "-"], &automatic, "[integrated-nmo/upgrade-blocked]");

    gate.applies(&[
        subscription("hco", PACKAGE, "1.6.0", "Manual"),
        deployment(OPERATOR, "1.6.0", ""),
        cluster_extension(PACKAGE, "1.6.0"),
    ]);
    let starts = [
        cluster_service_version(HCO, "1.7.0"),
        subscription("hco", PACKAGE, "1.7.0", "Manual"),
        deployment(OPERATOR, "1.7.0", ""),
        cluster_extension(PACKAGE, ">=1.7.0"),
    ];
    for start in starts {
        let words = format!("[integrated-nmo/upgrade-blocked] {}", start["kind"].as_str().unwrap());
        for args in
            [&["apply", "-f", "-"][..], &["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"]]
        {
            gate.is_refused(args, &start.to_string(), &words);
        }
    }
    let crd = ["delete", "crd", NODE_MAINTENANCES];
    gate.is_refused(&crd, "", "[integrated-nmo/crd-removal]");
    // Born on a channel that crosses, as before the gate was there: to Automatic it may not go.
    let before = subscription("later", PACKAGE, "1.7.0", "Manual");
    gate.is_refused(&["create", "-f", "-"], &before.to_string(), "[integrated-nmo/upgrade-blocked]");
    let excused = overridden(before, "integrated-nmo: test");
    gate.passes(&["create", "-f", "-"], &excused.to_string());
    gate.passes(&["annotate", "subscription", "later", "-n", NAMESPACE, "upgrade-gate.io/override-"], "");
    let patch = ["patch", "subscription", "later", "-n", NAMESPACE, "--type=merge", "-p"];
    let automatic = [patch.as_slice(), &[r#"{"spec":{"installPlanApproval":"Automatic"}}"#]].concat();
    gate.is_refused(&automatic, "", "[integrated-nmo/upgrade-blocked]");
    gate.passes(&["delete", "subscription", "later", "-n", NAMESPACE], "");
}

pub fn what_is_never_refused(gate: &mut Gate) {
    gate.passes(&["create", "-f", "-"], &maintenance("done").to_string());
    let in_namespace = |args: &[&str]| gate.passes(&[args, &["-n", NAMESPACE]].concat(), "");
    gate.passes(
        &["patch", NODE_MAINTENANCES, "done", "--type=merge", "-p", r#"{"metadata":{"finalizers":["test/hold"]}}"#],
        "",
    );
    let status = ["patch", NODE_MAINTENANCES, "done", "--subresource=status", "--type=merge", "-p"];
    gate.passes(&[status.as_slice(), &[r#"{"status":{"phase":"Running"}}"#]].concat(), "");
    gate.passes(&["delete", NODE_MAINTENANCES, "done", "--wait=false"], "");
    gate.passes(&["patch", NODE_MAINTENANCES, "done", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#], "");
    in_namespace(&["label", "installplan", PLAN, "a=b"]);
    in_namespace(&["scale", "deployment", OPERATOR, "--replicas=2"]);
    in_namespace(&["label", "deployment", OPERATOR, "a=b"]);
    in_namespace(&["patch", "subscription", "hco", "--type=merge", "-p", r#"{"spec":{"channel":"1.5.0"}}"#]);
    in_namespace(&["patch", "installplan", PLAN, "--subresource=status", "--type=merge", "-p", STATUS]);
    // Of other operators.
    let others = [
        cluster_service_version("cert-manager", "1.7.0"),
        subscription("cert-manager", "cert-manager", "1.7.0", "Automatic"),
        install_plan("cert-manager", "cert-manager.v1.7.0", true),
        deployment("web", "1.7.0", ""),
    ];
    gate.applies(&others);
    gate.passes(&["delete", "crd", "nodemaintenances.nodemaintenance.medik8s.io", "--dry-run=server"], "");
}

const STATUS: &str = r#"{"status":{"phase":"RequiresApproval","catalogSources":[]}}"#;

/// The rights of `deploy/check`, and nothing but get and list.
pub fn a_check_says_what_its_dump_says(gate: &mut Gate) {
    let kubeconfig = gate.api.kubeconfig("checker").display().to_string();
    let saved = gate.api.path("saved");
    let live = check(&["--kubeconfig", &kubeconfig, "--save", &saved, "-o", "json"]);
    let report = |text: &str| -> Value { serde_json::from_str(text).unwrap_or_else(|_| panic!("{}", stderr(&live))) };
    let mut reports = [report(&stdout(&live)), report(&stdout(&check(&[&saved, "-o", "json"])))];
    assert_eq!((live.status.code(), reports[0]["verdict"].as_str()), (Some(1), Some("blocked")));
    assert_eq!(reports[0]["upgrade"]["chosenBy"], "install-plan");
    for report in &mut reports {
        report["snapshot"]["sources"] = Value::Null;
        for (list, field) in [("kinds", "evidence"), ("findings", "origin")] {
            let part = if list == "kinds" { &mut report["snapshot"][list] } else { &mut report[list] };
            part.as_array_mut().unwrap().iter_mut().for_each(|it| it[field] = Value::Null);
        }
    }
    assert_eq!(reports[0], reports[1]);
    assert!(!fs::read_to_string(format!("{saved}/{NODE_MAINTENANCES}.json")).unwrap().contains("managedFields"));
    // A get of what has no list: API discovery.
    let verbs = gate.api.verbs_of("checker");
    assert!(verbs.contains(&"list".into()) && verbs.iter().all(|verb| verb == "list" || verb == "get"), "{verbs:?}");
    let took = (0..5).map(|_| {
        let begun = Instant::now();
        check(&["--kubeconfig", &kubeconfig, "-q"]);
        begun.elapsed()
    });
    println!("    a check takes {} ms, the shortest of 5", took.min().unwrap().as_millis());
    // Somebody without rights gets no verdict.
    let nobody = gate.api.kubeconfig("olm").display().to_string();
    assert_eq!(check(&["--kubeconfig", &nobody]).status.code(), Some(3));
    // What the server was asked for itself.
    assert_eq!(gate.api.verbs_of("gate"), ["list", "watch"]);
}

fn overridden(mut object: Value, reason: &str) -> Value {
    object["metadata"]["annotations"]["upgrade-gate.io/override"] = reason.into();
    object
}

/// On the object itself, or on the one that led to it; never without a reason.
pub fn an_override_lets_it_pass(gate: &mut Gate) {
    let reason = "integrated-nmo: the nodes are watched";
    let dry = ["apply", "--dry-run=server", "-f", "-"];
    let csv = cluster_service_version(HCO, "1.7.0");
    let starts = [
        install_plan(PLAN, &csv_name("1.7.0"), true),
        csv.clone(),
        subscription("hco", PACKAGE, "1.7.0", "Manual"),
        deployment(OPERATOR, "1.7.0", ""),
        cluster_extension(PACKAGE, "1.7.0"),
    ];
    for start in starts {
        let said = gate.passes(&dry, &overridden(start.clone(), reason).to_string());
        assert!(said.contains("the nodes are watched"), "{said}");
        gate.is_refused(&dry, &overridden(start, "integrated-nmo:").to_string(), "[integrated-nmo/upgrade-blocked]");
    }
    let seen = |what: &str, args: &[&str], object: &str| {
        until(what, || gate.api.kubectl_as("admin", args, object).status.success());
    };
    // Of a ClusterServiceVersion on the approved plan that names it.
    let plan = overridden(install_plan("overridden", &csv_name("1.7.0"), true), reason);
    gate.passes(&["create", "-f", "-"], &plan.to_string());
    seen("the plan's override", &dry, &csv.to_string());
    gate.passes(&["delete", "installplan", "overridden", "-n", NAMESPACE], "");
    // Of a Deployment on the ClusterExtension that it comes from.
    gate.applies(&[overridden(cluster_extension(PACKAGE, "1.6.0"), reason)]);
    seen("the ClusterExtension's override", &dry, &deployment(OPERATOR, "1.7.0", "extension").to_string());
    gate.applies(&[cluster_extension(PACKAGE, "1.6.0")]);
    // Of the CustomResourceDefinition on HyperConverged.
    let hco = ["annotate", "hyperconverged", "kubevirt-hyperconverged", "-n", NAMESPACE];
    let mark = format!("upgrade-gate.io/override={reason}");
    gate.passes(&[hco.as_slice(), &[&mark]].concat(), "");
    seen("HyperConverged's override", &["delete", "crd", NODE_MAINTENANCES, "--dry-run=server"], "");
    gate.passes(&[hco.as_slice(), &["upgrade-gate.io/override-"]].concat(), "");
    until("no override is left", || gate.answer() == Answer::Refused);
}

pub fn the_gate_opens_by_itself(gate: &mut Gate) {
    assert_eq!(gate.answer(), Answer::Refused);
    gate.passes(&["delete", NODE_MAINTENANCES, "--all"], "");
    let gone = Instant::now();
    until("the gate opens", || gate.answer() == Answer::Allowed);
    println!("    the gate opened {} ms after the last object was gone", gone.elapsed().as_millis());
    gate.passes(&["create", "-f", "-"], &maintenance("nm-1").to_string());
    let there = Instant::now();
    until("the gate closes", || gate.answer() == Answer::Refused);
    println!("    the gate closed {} ms after an object was there", there.elapsed().as_millis());
    gate.passes(&["delete", NODE_MAINTENANCES, "nm-1"], "");
    until("the gate opens", || !gate.would_refuse());
    assert!(gate.approval(&[]).status.success());
}

pub fn in_mid_upgrade_no_maintenance_begins(gate: &mut Gate) {
    let words = "[integrated-nmo/created-during-upgrade]";
    let create = ["create", "-f", "-"];
    let is_refused = || {
        stderr(&gate.api.kubectl_as(
            "admin",
            &["create", "--dry-run=server", "-f", "-"],
            &maintenance("late").to_string(),
        ))
        .contains(words)
    };
    until("the upgrade is seen", is_refused);
    gate.is_refused(&create, &maintenance("late").to_string(), words);
    gate.passes(&["delete", "installplan", PLAN, "-n", NAMESPACE], "");
    until("no upgrade is seen", || !is_refused());
    let (count, mean) = gate.api.waited();
    println!("    the API server asked webhooks {count} times, and waited {mean:.2} ms on average");
    // As it was.
    gate.passes(&create, &maintenance("nm-1").to_string());
    gate.passes(&create, &install_plan(PLAN, &csv_name("1.7.0"), false).to_string());
    until("the gate is closed", || gate.would_refuse());
}
