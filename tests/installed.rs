//! Which HCO `upgrade-gate check` takes as installed.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use program::{
    cluster::{NAMESPACE, csv, csv_name, findings, hyperconverged, list, olm, path},
    folder, report, typed_list,
};
use serde_json::{Value, json};

/// What is installed: HyperConverged says it, else the one ClusterServiceVersion that succeeded.
#[test]
fn the_installed_version_and_how_sure_it_is() {
    let csvs = |csvs: &[Value]| ("csv.json", olm("ClusterServiceVersion", csvs));
    let hco = |version: &str| ("hco.json", hyperconverged(version));
    let nothing = ("nm.json", typed_list(&[]));
    // Manifests, as of a GitOps folder or of a bundle: nothing has stored them.
    let manifest = || {
        let object = json!({
            "apiVersion": "hco.kubevirt.io/v1beta1", "kind": "HyperConverged", "spec": {},
            "metadata": {"name": "kubevirt-hyperconverged"},
        });
        ("gitops/hco.json", object.to_string())
    };
    let bundle = |version: &str| {
        let mut object = csv(version, "Succeeded");
        object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        ("bundle/csv.json", olm("ClusterServiceVersion", &[object]))
    };
    let mut copied = csv("1.7.0", "Succeeded");
    copied["metadata"]["labels"] = json!({"olm.copiedFrom": "elsewhere"});
    type Case = (&'static str, Vec<(&'static str, String)>, Value, bool);
    let cases: Vec<Case> = vec![
        ("HyperConverged", vec![hco("1.6.0")], json!("1.6.0"), false),
        ("the product line", vec![hco("4.10.5")], json!("4.10.5"), false),
        ("both agree", vec![hco("1.6.0"), csvs(&[csv("1.6.0", "Succeeded")])], json!("1.6.0"), false),
        ("one CSV", vec![csvs(&[csv("1.6.0", "Succeeded")])], json!("1.6.0"), false),
        ("a copy of a CSV", vec![hco("1.6.0"), csvs(&[copied])], json!("1.6.0"), false),
        (
            "a CSV that waits",
            vec![hco("1.6.0"), csvs(&[csv("1.6.0", "Succeeded"), csv("1.7.0", "Pending")])],
            json!("1.6.0"),
            true,
        ),
        (
            "a CSV being replaced",
            vec![hco("1.6.0"), csvs(&[csv("1.6.0", "Replacing"), csv("1.7.0", "Installing")])],
            json!("1.6.0"),
            true,
        ),
        ("two that succeeded", vec![csvs(&[csv("1.6.0", "Succeeded"), csv("1.7.0", "Succeeded")])], json!(null), true),
        ("beside a manifest", vec![hco("1.6.0"), manifest()], json!("1.6.0"), false),
        ("a CSV beside a manifest", vec![csvs(&[csv("1.6.0", "Succeeded")]), manifest()], json!("1.6.0"), false),
        ("beside the manifest of a CSV", vec![hco("1.6.0"), bundle("1.7.0")], json!("1.6.0"), false),
        (
            "a CSV beside the manifest of a CSV",
            vec![csvs(&[csv("1.6.0", "Succeeded")]), bundle("1.7.0")],
            json!("1.6.0"),
            false,
        ),
        ("manifests alone", vec![manifest(), bundle("1.6.0")], json!("1.6.0"), false),
        ("none", vec![], json!(null), false),
        ("unreadable", vec![hco("latest")], json!(null), false),
    ];
    for (name, files, from, mixed) in cases {
        let source = folder(&[std::slice::from_ref(&nothing), files.as_slice()].concat());
        let report = report(&[path(&source)]);
        assert_eq!(report["upgrade"]["from"], from, "{name}: {}", report["upgrade"]);
        assert_eq!(report["upgrade"].is_null(), from.is_null(), "{name}: nothing is simulated from nowhere");
        let said = findings(&report).contains(&"audit mixed-versions warn -".to_owned());
        assert_eq!(said, mixed, "{name}: {:?}", findings(&report));
    }
}

/// What the warning says: every version, who says it, and which one counts.
#[test]
fn several_versions_are_named() {
    let csvs = |csvs: &[Value]| ("csv.json", olm("ClusterServiceVersion", csvs));
    let elsewhere = json!({
        "metadata": {"name": "kubevirt-hyperconverged", "namespace": "a-test", "resourceVersion": "5"},
    });
    let of_hco = list("hco.kubevirt.io/v1beta1", "HyperConverged", &[elsewhere]);
    let (old, new) = (csv("1.6.0", "Succeeded"), csv("1.7.0", "Pending"));
    let csv_line =
        |version, phase| format!("{version} (ClusterServiceVersion {NAMESPACE}/{}, {phase})", csv_name(version));
    let hco_line = format!("1.6.0 (HyperConverged {NAMESPACE}/kubevirt-hyperconverged)");
    let cases = [
        (
            vec![("hco.json", hyperconverged("1.6.0")), csvs(std::slice::from_ref(&new))],
            format!("HCO: {hco_line}, {}. Version 1.6.0 is taken as installed.", csv_line("1.7.0", "Pending")),
        ),
        (
            vec![("hco.json", hyperconverged("1.6.0")), ("other.json", of_hco)],
            format!(
                "HCO: none (HyperConverged a-test/kubevirt-hyperconverged), {hco_line}. No version is taken as installed."
            ),
        ),
        (
            vec![csvs(&[old, csv("1.7.0", "Succeeded")])],
            format!(
                "HCO: {}, {}. No version is taken as installed.",
                csv_line("1.6.0", "Succeeded"),
                csv_line("1.7.0", "Succeeded")
            ),
        ),
    ];
    for (files, expected) in cases {
        let report = report(&[path(&folder(&files))]);
        let mixed = report["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == "mixed-versions");
        assert_eq!(mixed.unwrap()["message"], format!("The snapshot shows more than one version of {expected}"));
    }
}
