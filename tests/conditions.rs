//! The conditions in `deploy/`, evaluated: of HCO's objects all that starts an upgrade is asked about, of anybody else's nothing,
//! and no expression ends in an error.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use cel::{Context, Program};
use program::documents;
use serde_json::{Value, json};
use upgrade_gate_bundle::BUNDLED;
use upgrade_gate_core::Version;

fn conditions(spec: &Value) -> Vec<String> {
    let conditions = spec["matchConditions"].as_array().unwrap().iter();
    conditions.map(|condition| condition["expression"].as_str().unwrap().to_owned()).collect()
}

/// Whether a request about the resource gets through all conditions. What is absent is null.
fn is_asked(conditions: &[String], resource: &str, object: &Value, old: &Value) -> bool {
    conditions.iter().all(|condition| {
        let mut context = Context::default();
        context.add_variable("request", json!({"resource": {"resource": resource}})).unwrap();
        context.add_variable("object", object).unwrap();
        context.add_variable("oldObject", old).unwrap();
        let outcome = Program::compile(condition).unwrap().execute(&context);
        match outcome {
            Ok(cel::Value::Bool(passes)) => passes,
            outcome => panic!("{condition}\n{object}\n{old}\n{outcome:?}"),
        }
    })
}

fn named(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "own"}})
}

fn csv(version: &str) -> String {
    format!("kubevirt-hyperconverged-operator.v{version}")
}

fn plan(approved: bool, csv: &str) -> Value {
    json!({"metadata": {"name": "install-1"}, "spec": {"approved": approved, "clusterServiceVersionNames": [csv]}})
}

#[test]
fn what_fails_closed_is_asked_about_hco_only() {
    let no = Value::Null;
    let hco = csv("1.7.0");
    let copy = |of: &str| {
        let mut copy = named(&hco);
        copy["metadata"]["labels"] = json!({"olm.copiedFrom": of});
        copy
    };
    let labelled = |mut object: Value| {
        object["metadata"]["labels"] = json!({"a": "b"});
        object
    };
    let subscription = |package: &str| json!({"metadata": {"name": "x"}, "spec": {"name": package}});
    let extension =
        |package: &str| json!({"metadata": {"name": "x"}, "spec": {"source": {"catalog": {"packageName": package}}}});
    let crd = named("nodemaintenances.nodemaintenance.kubevirt.io");
    let cases = [
        // InstallPlans: a creation, and a change of what decides.
        ("installplans", plan(false, &hco), no.clone(), true),
        ("installplans", plan(true, &hco), plan(false, &hco), true),
        ("installplans", plan(false, &hco), plan(true, &hco), true),
        ("installplans", plan(true, &hco), plan(true, "cert-manager.v1"), true),
        ("installplans", plan(true, "cert-manager.v1"), plan(true, &hco), true),
        ("installplans", labelled(plan(true, &hco)), plan(true, &hco), false),
        ("installplans", plan(true, "cert-manager.v1"), no.clone(), false),
        ("installplans", plan(true, "cert-manager.v1"), plan(false, "cert-manager.v1"), false),
        ("installplans", json!({"metadata": {}}), no.clone(), false),
        ("installplans", json!({"metadata": {}, "spec": {}}), no.clone(), false),
        ("installplans", plan(true, &hco), json!({"metadata": {}}), true),
        ("installplans", plan(true, &hco), json!({"metadata": {}, "spec": {}}), true),
        ("subscriptions", subscription("community-kubevirt-hyperconverged"), no.clone(), true),
        ("subscriptions", subscription("kubevirt-hyperconverged"), subscription("cert-manager"), true),
        ("subscriptions", subscription("cert-manager"), subscription("kubevirt-hyperconverged"), true),
        ("subscriptions", subscription("cert-manager"), no.clone(), false),
        ("subscriptions", json!({"metadata": {}}), no.clone(), false),
        ("clusterextensions", extension("kubevirt-hyperconverged"), no.clone(), true),
        ("clusterextensions", extension("cert-manager"), extension("kubevirt-hyperconverged"), true),
        ("clusterextensions", extension("cert-manager"), no.clone(), false),
        ("clusterextensions", json!({"metadata": {}, "spec": {"source": {}}}), json!({"metadata": {}}), false),
        // A copy is nobody's business until it is none any more.
        ("clusterserviceversions", named(&hco), no.clone(), true),
        ("clusterserviceversions", copy("elsewhere"), no.clone(), false),
        ("clusterserviceversions", copy("own"), no.clone(), true),
        ("clusterserviceversions", named(&hco), copy("elsewhere"), true),
        ("clusterserviceversions", copy("elsewhere"), named(&hco), true),
        ("clusterserviceversions", named("cert-manager.v1.7.0"), no.clone(), false),
        ("clusterserviceversions", json!({"metadata": {}}), no.clone(), false),
        ("operatorconditions", named(&hco), named(&hco), true),
        ("operatorconditions", named("cert-manager.v1.7.0"), no.clone(), false),
        ("deployments", named("hyperconverged-cluster-operator"), no.clone(), true),
        ("deployments", named("hco-operator"), named("hco-operator"), true),
        ("deployments", named("hco-operator-2"), no.clone(), false),
        ("deployments", json!({"metadata": {"generateName": "hco-operator"}}), no.clone(), false),
        // A deletion has no new object.
        ("customresourcedefinitions", no.clone(), crd, true),
        ("customresourcedefinitions", no.clone(), named("nodemaintenances.nodemaintenance.medik8s.io"), false),
    ];
    for policy in BUNDLED {
        let documents = documents(&format!("deploy/kubewarden/{}.yaml", policy.name));
        let closed: Vec<&Value> =
            documents.iter().map(|part| &part["spec"]).filter(|spec| spec["failurePolicy"] == "Fail").collect();
        let mut tried = 0;
        for (resource, object, old, expected) in &cases {
            let is_about = |spec: &&&Value| {
                let mut rules = spec["rules"].as_array().unwrap().iter();
                rules.any(|rule| rule["resources"].as_array().unwrap().contains(&json!(resource)))
            };
            for spec in closed.iter().filter(is_about) {
                let asked = is_asked(&conditions(spec), resource, object, old);
                assert_eq!(asked, *expected, "{} {resource} {object} {old}", policy.name);
                tried += 1;
            }
        }
        assert!(tried > 20, "{}: {tried}", policy.name);
    }
}

/// What the ValidatingAdmissionPolicy looks at, before it looks for NodeMaintenance objects.
#[test]
fn the_admission_policy_sees_the_approval_and_the_removal() {
    let policy = documents("deploy/admission-policy/validating-admission-policy.yaml").remove(0);
    // A kind that is not installed is an error to the API server, and no reason to refuse everybody's plans.
    assert_eq!(policy["spec"]["failurePolicy"], "Ignore");
    let conditions = conditions(&policy["spec"]);
    let no = Value::Null;
    let overridden = |mut object: Value, text: &str| {
        object["metadata"]["annotations"] = json!({"upgrade-gate.io/override": text});
        object
    };
    let (hco, crd) = (csv("1.7.0"), named("nodemaintenances.nodemaintenance.kubevirt.io"));
    let in_deletion =
        json!({"metadata": {"name": crd["metadata"]["name"], "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let cases = [
        ("installplans", plan(true, &hco), no.clone(), true),
        ("installplans", plan(false, &hco), no.clone(), false),
        ("installplans", plan(true, &hco), plan(false, &hco), true),
        ("installplans", plan(true, &hco), plan(true, &hco), false),
        ("installplans", plan(true, &hco), plan(true, &csv("1.6.1")), true),
        ("installplans", plan(true, &csv("1.6.1")), plan(false, &csv("1.6.1")), false),
        ("installplans", plan(true, "cert-manager.v1.7.0"), no.clone(), false),
        ("installplans", overridden(plan(true, &hco), "integrated-nmo: drained"), no.clone(), false),
        ("installplans", overridden(plan(true, &hco), "other: x; integrated-nmo: drained"), no.clone(), false),
        ("installplans", overridden(plan(true, &hco), "integrated-nmo: "), no.clone(), true),
        ("installplans", overridden(plan(true, &hco), "integrated-nmo:; other: x"), no.clone(), true),
        ("installplans", overridden(plan(true, &hco), "other: x"), no.clone(), true),
        ("customresourcedefinitions", no.clone(), crd.clone(), true),
        ("customresourcedefinitions", no.clone(), in_deletion, false),
        ("customresourcedefinitions", no.clone(), overridden(crd, "integrated-nmo: drained"), false),
        ("customresourcedefinitions", no.clone(), named("nodemaintenances.nodemaintenance.medik8s.io"), false),
    ];
    for (resource, object, old, expected) in cases {
        assert_eq!(is_asked(&conditions, resource, &object, &old), expected, "{resource} {object} {old}");
    }
}

/// CEL has no versions, so the admission policy has a pattern: it knows the boundary that the policies know.
#[test]
fn the_pattern_of_the_admission_policy_is_the_boundary() {
    let policy = documents("deploy/admission-policy/validating-admission-policy.yaml").remove(0);
    let conditions = conditions(&policy["spec"]);
    for major in (0..7).chain([99, 100]) {
        for minor in (0..14).chain([40, 99, 100, 111]) {
            for patch in ["", ".17", ".0-unstable"] {
                let text = format!("{major}.{minor}{patch}");
                let version: Version = text.parse().unwrap();
                let asked = is_asked(&conditions, "installplans", &plan(true, &csv(&text)), &Value::Null);
                assert_eq!(asked, version.is_past_boundary(), "{text}");
            }
        }
    }
}
