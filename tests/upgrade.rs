//! The upgrade that `upgrade-gate check` simulates.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{fs, path::Path};

use program::{
    EXAMPLE, check,
    cluster::{NAMESPACE, csv_name, findings, hyperconverged, in_maintenance, list, olm, path, plan, subscription},
    folder, report, stderr, stdout, typed_list,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use upgrade_gate_testing::node_maintenance;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to)
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The example with some of its folders taken out.
fn example_without(folders: &[&str]) -> TempDir {
    let copied = TempDir::new().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLE), copied.path());
    let image = fs::read_dir(copied.path()).unwrap().next().unwrap().unwrap().path();
    for folder in folders {
        fs::remove_dir_all(image.join(folder)).unwrap();
    }
    copied
}

#[test]
fn the_example_to_several_versions() {
    let to_1_7 = json!({
        "from": "1.6.0", "to": "1.7.0", "translatedFrom": null, "product": "hco", "via": "InstallPlan",
        "chosenBy": "flag",
    });
    let with = |key: &str, value: &str| {
        let mut upgrade = to_1_7.clone();
        upgrade[key] = value.into();
        upgrade
    };
    let cases: [(&[&str], &str, i32, Value); 10] = [
        (&["--to", "1.7.0"], "blocked", 1, to_1_7.clone()),
        (&["--to", "1.7"], "blocked", 1, to_1_7.clone()),
        (&["--to", "v1.7.0"], "blocked", 1, to_1_7.clone()),
        (&["--to", &csv_name("1.7.0")], "blocked", 1, to_1_7.clone()),
        (&[], "blocked", 1, with("chosenBy", "next-minor")),
        (&["--to", "4.11"], "blocked", 1, with("translatedFrom", "4.11.0")),
        (&["--to", "1.6.1"], "warning", 0, with("to", "1.6.1")),
        (&["--to", "1.6.0", "--allow-downgrade"], "warning", 0, with("to", "1.6.0")),
        (&["--to", "1.5.2", "--allow-downgrade"], "warning", 0, with("to", "1.5.2")),
        (&["--to", "100.0.0"], "blocked", 1, with("to", "100.0.0")),
    ];
    for (args, verdict, code, upgrade) in cases {
        let args = [&[EXAMPLE], args].concat();
        let report = report(&args);
        assert_eq!((&report["verdict"], &report["upgrade"]), (&json!(verdict), &upgrade), "{args:?}");
        assert_eq!(check(&args).status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn the_example_without_what_is_in_the_way_and_without_the_proof() {
    let crs = "cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io";
    let later = "namespaces/kubevirt-hyperconverged/crs/ssps.ssp.kubevirt.io";
    for (folders, verdict, code) in [(&[crs] as &[&str], "ready", 0), (&[crs, later], "unknown", 3)] {
        let source = example_without(folders);
        let args = [path(&source), "--to", "1.7.0"];
        assert_eq!(report(&args)["verdict"], verdict, "{folders:?}");
        assert_eq!(check(&args).status.code(), Some(code), "{folders:?}");
    }
    let text = stdout(&check(&[path(&example_without(&[crs, later])), "--to", "1.7.0"]));
    // Who reads it has no policy server to grant anything to.
    assert!(text.contains("`upgrade-gate policies collect > collect.sh`"), "{text}");
    assert!(!text.contains("policy server"), "{text}");
}

#[test]
fn a_version_that_is_none_is_a_usage_error() {
    for version in ["latest", "1", "1.7.0.1", "kubevirt-hyperconverged-operator.vnext", ""] {
        let output = check(&[EXAMPLE, "--to", version]);
        assert_eq!(output.status.code(), Some(2), "{version}");
        assert!(stderr(&output).contains("expected a version such as `1.7`"), "{version}: {}", stderr(&output));
    }
}

/// The plan that waits, and is the newest, above the installed version; others may be in it.
#[test]
fn the_plan_that_waits_is_simulated() {
    let names = |versions: &[&str]| versions.iter().map(|version| csv_name(version)).collect::<Vec<_>>();
    let with_others = [&["cert-manager.v1.12.0".to_owned(), csv_name("next")], names(&["1.7.0"]).as_slice()].concat();
    let waits = "RequiresApproval";
    let cases = [
        (
            "the newest",
            vec![plan("a", 2, waits, &names(&["1.7.0"])), plan("b", 9, waits, &names(&["1.6.5"]))],
            "b",
            "1.6.5",
        ),
        (
            "order does not matter",
            vec![plan("a", 9, waits, &names(&["1.7.0"])), plan("b", 2, waits, &names(&["1.6.5"]))],
            "a",
            "1.7.0",
        ),
        (
            "a finished one does not wait",
            vec![
                plan("a", 2, waits, &names(&["1.8.0"])),
                plan("b", 9, "Complete", &names(&["1.9.0"])),
                plan("c", 9, "Failed", &names(&["1.9.0"])),
            ],
            "a",
            "1.8.0",
        ),
        ("an approved one is under way", vec![plan("a", 2, "Installing", &names(&["1.7.0"]))], "a", "1.7.0"),
        ("several operators", vec![plan("a", 2, waits, &with_others)], "a", "1.7.0"),
        ("a step back is no upgrade", vec![plan("a", 2, waits, &names(&["1.5.2"]))], "simulated", "1.7.0"),
        ("no version, no upgrade", vec![plan("a", 2, waits, &[csv_name("next")])], "simulated", "1.7.0"),
    ];
    for (name, plans, object, to) in cases {
        let source = in_maintenance(&[("plans.json", olm("InstallPlan", &plans))]);
        let report = report(&[path(&source)]);
        let chosen_by = if object == "simulated" { "next-minor" } else { "install-plan" };
        assert_eq!(
            (&report["upgrade"]["to"], &report["upgrade"]["chosenBy"]),
            (&json!(to), &json!(chosen_by)),
            "{name}"
        );
        let blocked = format!("upgrade upgrade-blocked fail {object}");
        assert_eq!(findings(&report).contains(&blocked), to != "1.6.5", "{name}: {:?}", findings(&report));
    }
}

/// Each of these once passed in silence.
#[test]
fn a_plan_or_an_object_elsewhere_hides_nothing() {
    let elsewhere = |mut object: Value| {
        object["metadata"]["namespace"] = "a-test".into();
        object
    };
    let waits = |name: &str, generation, version| plan(name, generation, "RequiresApproval", &[csv_name(version)]);
    let plans = |plans: &[Value]| ("plans.json", olm("InstallPlan", plans));
    let hco = |name: &str| {
        json!({
            "apiVersion": "hco.kubevirt.io/v1beta1", "kind": "HyperConverged", "status": {},
            "metadata": {"name": name, "namespace": "a-test", "resourceVersion": "5"},
        })
    };
    let cases = [
        ("a newer plan in another namespace", plans(&[elsewhere(waits("a", 9, "1.7.0")), waits("b", 2, "1.7.0")])),
        ("two plans of one generation", plans(&[waits("a", 2, "1.7.0"), waits("b", 2, "1.6.1")])),
        ("a HyperConverged of another name", ("other.json", hco("test").to_string())),
        ("a HyperConverged in another namespace", ("other.json", hco("kubevirt-hyperconverged").to_string())),
    ];
    for (name, file) in cases {
        let source = in_maintenance(&[file]);
        let report = report(&[path(&source), "--to", "1.7.0"]);
        assert_eq!(report["verdict"], "blocked", "{name}: {:?}", findings(&report));
        assert_eq!(self::report(&[path(&source)])["verdict"], "blocked", "{name}, without --to");
    }
}

/// `--to` takes the plan of that version, and where there is none it makes one up.
#[test]
fn the_flag_takes_the_plan_that_is_there() {
    let plans = olm("InstallPlan", &[plan("a", 2, "RequiresApproval", &[csv_name("1.8.0")])]);
    let source = in_maintenance(&[("plans.json", plans)]);
    for (to, object) in [("1.8.0", "a"), ("1.7.0", "simulated")] {
        let report = report(&[path(&source), "--to", to]);
        let simulated =
            report["findings"].as_array().unwrap().iter().find(|finding| finding["phase"] == "upgrade").unwrap();
        assert_eq!(simulated["resource"]["name"], object);
        assert_eq!(simulated["resource"]["namespace"], NAMESPACE);
        assert_eq!(simulated["origin"].is_null(), object == "simulated");
    }
}

/// Where no upgrade can be simulated, what is in use blocks, and the program asks for the proof itself.
#[test]
fn without_a_simulated_upgrade_the_audit_decides() {
    let nm = node_maintenance("nm-1").of_node("worker-1").json().clone();
    assert_eq!(report(&[path(&folder(&[("nm.json", typed_list(&[nm]))]))])["verdict"], "blocked");
    let source = folder(&[("sub.json", subscription("1.6.0").to_string())]);
    let report = report(&[path(&source)]);
    assert_eq!(findings(&report), ["audit missing-data unknown -"]);
    assert!(
        stdout(&check(&[path(&source)])).contains("upgrade  none simulated: nothing shows which version is installed;")
    );
}

/// The kinds that only start an upgrade are judged where they are; that they cannot be read hides
/// nothing.
#[test]
fn what_only_starts_an_upgrade_never_makes_the_verdict_unknown() {
    let source = example_without(&["cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io"]);
    for kind in ["InstallPlan", "Subscription", "ClusterServiceVersion", "ClusterExtension", "Deployment"] {
        let group = match kind {
            "ClusterExtension" => "olm.operatorframework.io/v1",
            "Deployment" => "apps/v1",
            _ => "operators.coreos.com/v1alpha1",
        };
        let text = format!("apiVersion: {group}\nkind: {kind}\nmetadata:\n\tname: a\n");
        fs::write(source.path().join(format!("{kind}.yaml")), text).unwrap();
    }
    let report = report(&[path(&source), "--to", "1.7.0"]);
    assert_eq!(report["verdict"], "ready", "{}", report["findings"]);
    assert_eq!(report["snapshot"]["skipped"].as_array().unwrap().len(), 5);
}

/// Without a version there is no upgrade to judge, and so nothing is ready, whatever is proved of the objects.
#[test]
fn no_version_no_verdict() {
    let nothing = || ("nm.json", typed_list(&[]));
    let crds = list("apiextensions.k8s.io/v1", "CustomResourceDefinition", &[]);
    let empty = ("hco.json", list("hco.kubevirt.io/v1beta1", "HyperConverged", &[]));
    let path_of_all = "/apis/hco.kubevirt.io/v1beta1/hyperconvergeds";
    let record =
        json!({"apiVersion": "upgrade-gate.io/v1", "kind": "ListRecord", "file": "hco.json", "path": path_of_all});
    let record = ("upgrade-gate-lists.json", record.to_string());
    let cases = [
        ("HyperConverged is not captured", vec![nothing()], "`kubectl get hyperconvergeds.hco.kubevirt.io -A -o json`"),
        (
            "HyperConverged is not installed",
            vec![("crds.json", crds)],
            "See that this is the cluster on which it runs.",
        ),
        ("there is no HyperConverged object", vec![nothing(), empty, record], "See that this is the cluster"),
        ("HyperConverged says no version", vec![nothing(), ("hco.json", hyperconverged("latest"))], "status.versions"),
    ];
    for (why, files, remedy) in cases {
        let source = folder(&files);
        let report = report(&[path(&source)]);
        assert_eq!(report["verdict"], "unknown", "{why}: {report:#}");
        let finding = &report["findings"][0];
        assert!(finding["message"].as_str().unwrap().contains(&format!("is installed, as {why}")), "{finding}");
        let said = finding["remedy"].as_str().unwrap();
        assert!(said.contains(remedy) && said.contains("`--to VERSION`"), "{finding}");
        let quiet = stdout(&check(&[path(&source), "-q"]));
        assert_eq!(quiet, "UNKNOWN It cannot be told whether an upgrade is safe: none was judged.\n");
    }
}

/// From 4.18, the product's name for HCO 1.14, no word is about the upgrade to 1.7.
#[test]
fn nothing_is_said_about_another_upgrade() {
    let subscribed = |version: &str| {
        let mut object = subscription("stable");
        object["metadata"]["namespace"] = "openshift-cnv".into();
        object["spec"]["name"] = "kubevirt-hyperconverged".into();
        folder(&[("hco.json", hyperconverged(version)), ("sub.json", object.to_string()), ("nm.json", typed_list(&[]))])
    };
    let not_upgradeable = hyperconverged("4.18.2").replace(r#""status":"True""#, r#""status":"False""#);
    let refused = folder(&[("hco.json", not_upgradeable), ("nm.json", typed_list(&[]))]);
    let cases = [(subscribed("4.18.2"), "ready"), (subscribed("1.14.2"), "ready"), (refused, "blocked")];
    for (source, verdict) in cases {
        let text = stdout(&check(&[path(&source)]));
        assert_eq!(report(&[path(&source)])["verdict"], verdict, "{text}");
        assert!(!text.contains("runbook") && !text.contains("deletes") && !text.contains("would be"), "{text}");
        let does_not_apply = "policy   integrated-nmo: does not apply: it is about upgrades from before HCO 1.7 (OpenShift \
                              Virtualization 4.11) to it or later";
        assert!(text.contains(does_not_apply), "{text}");
        if !text.contains("1.14.2") {
            assert!(text.starts_with("upgrade  OpenShift Virtualization 4.18.2 → 4.19.0 (the next minor"), "{text}");
            assert!(!text.contains("of HCO") && !text.contains("HCO 4"), "{text}");
        }
    }
    // Where the version itself is unknown, each kind is called by its own name.
    let stray = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "others.example.com", "resourceVersion": "1"},
    });
    let text = stdout(&check(&[path(&folder(&[("crd.json", stray.to_string())])), "--to", "4.19"]));
    assert!(text.contains("whether there are hco.kubevirt.io/v1beta1/HyperConverged objects"), "{text}");
    assert!(!text.contains("CustomResourceDefinition objects") && !text.contains("runbook"), "{text}");
    assert!(text.contains("an upgrade that crosses 1.7 (4.11) deletes"), "{text}");
}

/// The plan that waits is judged as it is and as it is approved: that is one finding, and two audited objects.
#[test]
fn a_plan_that_waits_is_told_once() {
    let plans = olm("InstallPlan", &[plan("a", 2, "RequiresApproval", &[csv_name("1.7.0")])]);
    let monitored = "nmo: {module: bundled://integrated-nmo, policyMode: monitor}\n";
    let source = in_maintenance(&[("plans.json", plans)]);
    let policies = folder(&[("policies.yml", monitored.into())]);
    let policies = policies.path().join("policies.yml");
    let of_plan = |args: &[&str]| -> Vec<String> {
        findings(&report(args)).into_iter().filter(|finding| finding.ends_with(" a")).collect()
    };
    assert_eq!(of_plan(&[path(&source)]), ["upgrade upgrade-blocked fail a"]);
    // Admission would let it through, an audit would not: the stronger one is told.
    let args = [path(&source), "--policies", policies.to_str().unwrap()];
    assert_eq!(of_plan(&args), ["audit upgrade-blocked fail a"]);
    assert_eq!(report(&args)["summary"]["warn"], 0);
    let audit = stdout(&check(&[path(&source), "-o", "policyreport"]));
    assert!(audit.contains("InstallPlan a asks for the upgrade of HCO from 1.6.0 to 1.7.0"), "{audit}");
}
