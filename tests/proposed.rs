//! `upgrade-gate check --proposed`: manifests that somebody wants to apply.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use program::{
    check,
    cluster::{NAMESPACE, csv_name, findings, in_maintenance, olm, path, plan, subscription},
    folder, report, stderr,
};
use serde_json::{Value, json};
use upgrade_gate_testing::node_maintenance;

#[test]
fn proposed_manifests_are_judged_as_changes() {
    let source = in_maintenance(&[
        ("sub.json", subscription("1.6.0").to_string()),
        ("plans.json", olm("InstallPlan", &[])),
        ("csv.json", olm("ClusterServiceVersion", &[])),
    ]);
    let new = node_maintenance("nm-2").of_node("worker-2").json().clone();
    let mut changed = node_maintenance("nm-1").of_node("worker-1").json().clone();
    changed["spec"]["reason"] = "other".into();
    let unrelated = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    let cases: Vec<(&str, String, &str, &[&str])> = vec![
        (
            "a channel that crosses",
            subscription("1.7.0").to_string(),
            "blocked",
            &["proposed upgrade-blocked fail hco-operatorhub"],
        ),
        (
            "a channel that says nothing",
            subscription("stable").to_string(),
            "warning",
            &["proposed upgrade-ahead warn hco-operatorhub"],
        ),
        ("the same", subscription("1.6.0").to_string(), "warning", &[]),
        ("a step back", subscription("1.5.2").to_string(), "warning", &[]),
        ("a new object, once exported", new.to_string(), "warning", &["proposed created warn nm-2"]),
        ("a changed object", changed.to_string(), "warning", &[]),
        ("nobody's business", unrelated.to_string(), "warning", &[]),
        (
            "a manifest that is cut off",
            r#"{"apiVersion": "operators.coreos.com/v1alpha1", "kind": "Subscription", "#.into(),
            "unknown",
            &["proposed missing-data unknown -", "proposed missing-data unknown -"],
        ),
        ("nothing", "hello".into(), "unknown", &["proposed missing-data unknown -"]),
    ];
    for (name, manifest, verdict, expected) in cases {
        let proposed = folder(&[("manifest.json", manifest)]);
        let report = report(&[path(&source), "--proposed", path(&proposed)]);
        let found: Vec<String> = findings(&report).into_iter().filter(|line| line.starts_with("proposed")).collect();
        assert_eq!(
            (&report["verdict"], found),
            (&json!(verdict), expected.iter().map(ToString::to_string).collect()),
            "{name}"
        );
        assert!(report["upgrade"].is_null(), "{name}: nothing else is simulated");
    }
}

/// Nobody collected a manifest, so nobody can collect it again.
#[test]
fn a_proposed_manifest_that_is_broken_is_to_be_mended() {
    let source = in_maintenance(&[]);
    let broken = "apiVersion: operators.coreos.com/v1alpha1\nkind: Subscription\nmetadata:\n\tname: a\n";
    let proposed = folder(&[("sub.yaml", broken.into())]);
    let report = report(&[path(&source), "--proposed", path(&proposed)]);
    let of_phase = |finding: &&Value| finding["phase"] == "proposed";
    let remedies: Vec<&Value> = report["findings"].as_array().unwrap().iter().filter(of_phase).collect();
    assert!(!remedies.is_empty());
    for finding in remedies {
        let remedy = finding["remedy"].as_str().unwrap();
        assert!(remedy == "Mend it, and check again." || remedy.starts_with("Name the manifests"), "{remedy}");
    }
}

/// The same object in two manifests is applied twice; one that leaves its name to the API server is
/// never the one that is there.
#[test]
fn every_proposed_manifest_is_judged() {
    let source = in_maintenance(&[]);
    let mut stale = subscription("1.6.0");
    stale["metadata"]["resourceVersion"] = "999".into();
    let twice = folder(&[("a.json", stale.to_string()), ("b.json", subscription("1.7.0").to_string())]);
    assert_eq!(report(&[path(&source), "--proposed", path(&twice)])["verdict"], "blocked");

    let mut generated = plan("", 2, "Installing", &[csv_name("1.7.0")]);
    generated["metadata"] = json!({"generateName": "install-", "namespace": NAMESPACE});
    let generated = folder(&[("plan.json", olm("InstallPlan", &[generated]))]);
    let both = [path(&source), path(&generated), "--proposed", path(&generated)];
    assert_eq!(report(&both)["verdict"], "blocked");
}

#[test]
fn proposed_and_simulated_together() {
    let source = in_maintenance(&[]);
    let proposed = folder(&[("sub.yaml", subscription("1.6.0").to_string())]);
    let args = [path(&source), "--proposed", path(&proposed), "--to", "1.7.0"];
    let report = report(&args);
    assert_eq!(report["verdict"], "blocked");
    assert_eq!(report["upgrade"]["to"], "1.7.0");
    assert_eq!(report["snapshot"]["sources"][1]["path"], path(&proposed));

    let output = check(&[path(&source), "--proposed", "no/such/place"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("source `no/such/place`"), "{}", stderr(&output));
}
