//! What holds for every upgrade of HCO that is asked for: random ones, the same in every run.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test says no")]

use std::{path::Path, sync::LazyLock};

use hco_upgradeable::HcoUpgradeable;
use proptest::{prelude::*, sample::select, test_runner::RngSeed};
use serde_json::{Value, json};
use upgrade_gate_core::{Policy, Review, Verdict};
use upgrade_gate_snapshot::Wanted;
use upgrade_gate_testing::{Case, cases};

/// From low to high.
const VERSIONS: [&str; 7] = ["1.5.2", "1.6.0", "1.6.1", "1.7.0", "1.7.3", "1.10.0", "100.0.0"];
const NAMESPACE: &str = "kubevirt-hyperconverged";

static WANTED: LazyLock<Wanted> = LazyLock::new(|| cases(Path::new(env!("CARGO_MANIFEST_DIR"))).1);

fn csv(version: &str) -> String {
    format!("kubevirt-hyperconverged-operator.v{version}")
}

/// An object of one of the kinds that start an upgrade, to a version.
fn object(kind: usize, version: &str, is_go: bool) -> Value {
    let (olm, package) = ("operators.coreos.com/v1alpha1", "community-kubevirt-hyperconverged");
    let owned = json!([{"name": "hyperconvergeds.hco.kubevirt.io"}]);
    let env = json!([{"name": "HCO_KV_IO_VERSION", "value": version}]);
    let (api_version, kind, name, spec) = match kind {
        0 => {
            // A plan for several operators, and of several versions.
            let names = json!([csv("1.0.0"), csv(version), "cert-manager.v9.0.0"]);
            let spec = json!({"approved": is_go, "clusterServiceVersionNames": names});
            (olm, "InstallPlan", "install-1".into(), spec)
        }
        1 => {
            let spec = json!({"version": version, "customresourcedefinitions": {"owned": owned}});
            (olm, "ClusterServiceVersion", csv(version), spec)
        }
        2 => {
            let approval = if is_go { "Automatic" } else { "Manual" };
            let spec = json!({"name": package, "channel": version, "installPlanApproval": approval});
            (olm, "Subscription", "hco".into(), spec)
        }
        3 => {
            let catalog = json!({"packageName": package, "version": version});
            let spec = json!({"namespace": NAMESPACE, "source": {"catalog": catalog}});
            ("olm.operatorframework.io/v1", "ClusterExtension", "hco".into(), spec)
        }
        _ => {
            let spec = json!({"template": {"spec": {"containers": [{"env": env}]}}});
            ("apps/v1", "Deployment", "hco-operator".into(), spec)
        }
    };
    let metadata = json!({"name": name, "namespace": NAMESPACE});
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
}

fn hyperconverged(from: Option<&str>, status: &str, reason: &str) -> Value {
    let mut versions = vec![json!({"name": "other", "version": "9.9.9"})];
    versions.extend(from.map(|version| json!({"name": "operator", "version": version})));
    json!({
        "metadata": {"name": "kubevirt-hyperconverged", "namespace": NAMESPACE},
        "status": {
            "versions": versions,
            "conditions": [
                {"type": "Available", "status": "True"},
                {"type": "Upgradeable", "status": status, "reason": reason, "message": "because"},
                {"type": "Degraded", "status": "False"},
            ],
        },
    })
}

fn judge(hco: Option<&Value>, settings: &Value, object: &Value, old: Option<&Value>) -> Verdict {
    let given: Vec<Value> = hco
        .map(|hco| json!({"apiVersion": "hco.kubevirt.io/v1beta1", "kind": "HyperConvergedList", "items": [hco]}))
        .into_iter()
        .collect();
    let operation = if old.is_some() { "UPDATE" } else { "CREATE" };
    let when = json!({"operation": operation, "user": "a", "object": object, "oldObject": old});
    let case = json!({"case": "", "given": given, "settings": settings, "when": when, "then": {"allowed": true}});
    let case: Case = serde_json::from_value(case).unwrap();
    let request = case.request();
    let review: Review<'_> = serde_json::from_str(&request).unwrap();
    let settings = HcoUpgradeable::parse_settings(&case.settings()).unwrap();
    HcoUpgradeable::judge(&settings, &review, &case.snapshot(&WANTED))
}

/// Every list of a value the other way round.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().rev().map(reversed).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), reversed(value))).collect(),
        other => other.clone(),
    }
}

prop_compose! {
    fn settings()(actions in prop::array::uniform4(select(vec!["deny", "warn", "dryrun"]))) -> Value {
        let [upgrade, patch, unknown, missing] = actions;
        json!({"onUpgrade": upgrade, "onPatchUpgrade": patch, "onUnknown": unknown, "onMissingData": missing})
    }
}

fn status() -> impl Strategy<Value = &'static str> {
    select(vec!["True", "False", "Unknown", ""])
}

fn reason() -> impl Strategy<Value = &'static str> {
    select(vec!["", "UpgradeBlocked", "HCODegraded", "KubeVirtProgressing", "KubeVirtNotUpgradeable"])
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(17), failure_persistence: None, ..Default::default() })]

    /// Nor is one to the version that is installed, wherever it comes from, whatever HyperConverged says.
    #[test]
    fn a_step_back_is_never_remarked_on(
        kind in 0..5usize, from in 0..VERSIONS.len(), steps in 0..VERSIONS.len(), is_go: bool,
        old in prop::option::of(0..VERSIONS.len()), status in status(), reason in reason(), settings in settings(),
    ) {
        let to = from.saturating_sub(steps);
        let hco = hyperconverged(Some(VERSIONS[from]), status, reason);
        let old = old.map(|old| object(kind, VERSIONS[old], false));
        let verdict = judge(Some(&hco), &settings, &object(kind, VERSIONS[to], is_go), old.as_ref());
        prop_assert_eq!(verdict.findings, Vec::new());
    }

    /// Where the installed version is not known, a lower one than before is a step back all the same.
    #[test]
    fn a_step_back_is_one_where_nothing_is_known(
        kind in 0..5usize, old in 0..VERSIONS.len(), steps in 0..VERSIONS.len(), is_read: bool,
        status in status(), reason in reason(), settings in settings(),
    ) {
        let hco = hyperconverged(None, status, reason);
        let (old, new) = (object(kind, VERSIONS[old], true), object(kind, VERSIONS[old.saturating_sub(steps)], true));
        let verdict = judge(is_read.then_some(&hco), &settings, &new, Some(&old));
        prop_assert_eq!(verdict.findings, Vec::new());
    }

    #[test]
    fn the_order_of_lists_decides_nothing(
        kind in 0..5usize, from in prop::option::of(select(&VERSIONS[..])), to in select(&VERSIONS[..]), is_go: bool,
        status in status(), reason in reason(), settings in settings(),
    ) {
        let (hco, object) = (hyperconverged(from, status, reason), object(kind, to, is_go));
        let verdict = judge(Some(&hco), &settings, &object, None);
        prop_assert_eq!(judge(Some(&reversed(&hco)), &settings, &reversed(&object), None), verdict);
    }

    #[test]
    fn an_upgrade_to_which_hyperconverged_agrees_is_not_remarked_on(
        kind in 0..5usize, from in prop::option::of(select(&VERSIONS[..])), to in select(&VERSIONS[..]), is_go: bool,
        reason in reason(), settings in settings(),
    ) {
        let verdict = judge(Some(&hyperconverged(from, "True", reason)), &settings, &object(kind, to, is_go), None);
        prop_assert_eq!(verdict.findings, Vec::new());
    }
    /// One that begins, and one that may: a broken HCO is warned about whatever its `Upgradeable`, and for that alone nothing
    /// is refused.
    #[test]
    fn what_is_broken_is_warned_about(
        kind in 0..5usize, from in 0..VERSIONS.len() - 1, is_go: bool, settings in settings(), reason in ".{0,300}",
        message in ".{0,3000}",
        broken in select(vec![
            ("Available", "False"), ("Degraded", "True"), ("ReconcileComplete", "False"), ("Progressing", "True"),
        ]),
    ) {
        let mut hco = hyperconverged(Some(VERSIONS[from]), "True", "");
        let (name, status) = broken;
        let mut conditions = hco["status"]["conditions"].as_array().unwrap().clone();
        conditions.retain(|condition| condition["type"] != name);
        conditions.push(json!({"type": name, "status": status, "reason": reason, "message": message}));
        hco["status"]["conditions"] = conditions.into();
        let verdict = judge(Some(&hco), &settings, &object(kind, VERSIONS[from + 1], is_go), None);
        let rule = if name == "Progressing" { "unfinished" } else { "unhealthy" };
        prop_assert!(verdict.allowed);
        prop_assert_eq!(verdict.findings.iter().map(|finding| &*finding.rule).collect::<Vec<_>>(), [rule]);
        let says = format!("says {name}={status}");
        prop_assert!(verdict.findings[0].message.contains(&says));
        prop_assert!(verdict.findings[0].message.chars().count() < 1_000);
        prop_assert!(verdict.warnings.len() == 1 && verdict.warnings[0].chars().count() < 200);
    }
}
