//! Rules `unhealthy` and `unfinished`: what HyperConverged says beside `Upgradeable`, and OLM of the version that is
//! installed. Both are warnings, for the next version may be the cure.

use upgrade_gate_core::{
    Action, CLUSTER_SERVICE_VERSION, Cluster, Condition, Fields, Finding, GetQuery, HcoCsv, HyperConverged,
    ResourceRef, Severity, argument, paths, shorten, upgrade::ClusterServiceVersion,
};

use crate::condition::{in_words, named, reference, see_all, why};

/// What says that something is broken. `Upgradeable` does not follow from each: a component that is not available leaves it
/// at `True`.
///
/// Source: HCO v1.6.0, `pkg/controller/operands/operand.go`, `componentNotAvailable`.
const BROKEN: [(&str, &str); 3] = [("Available", "False"), ("Degraded", "True"), ("ReconcileComplete", "False")];

/// The findings about what HyperConverged says, and about its ClusterServiceVersion.
pub(crate) fn findings(hco: &HyperConverged) -> Vec<Finding> {
    let is = |(name, status): (&str, &str)| hco.condition(name).filter(|condition| condition.status == status);
    let broken: Vec<&Condition> = BROKEN.into_iter().filter_map(is).collect();
    // While HCO is being upgraded it says so here, and may say Upgradeable=True: HCO v1.6.0,
    // `pkg/controller/hyperconverged/hyperconverged_controller.go`, reason `HCOUpgrading`. Any other reason makes it False.
    let progressing = is(("Progressing", "True")).filter(|_| is(("Upgradeable", "False")).is_none());
    let of_hco = |rule, conditions: &[&Condition], advice: &str| {
        let said: Vec<String> = conditions.iter().map(|condition| in_words(condition, 120)).collect();
        let short = conditions.iter().map(|it| format!("{}={}{}", it.name, it.status, in_brackets(&it.reason)));
        let short: Vec<String> = short.collect();
        Finding {
            message: format!("{} says {}", named(hco), said.join("; ")),
            remedy: format!("{advice} {}", see_all(hco)),
            resources: vec![reference(hco)],
            warning: shorten(&format!("HyperConverged says {}", short.join(", ")), 130),
            ..Finding::new(rule, Severity::Medium, Action::Warn)
        }
    };
    let unhealthy = (!broken.is_empty()).then(|| of_hco("unhealthy", &broken, MEND));
    let unfinished = progressing.map(|condition| of_hco("unfinished", &[condition], WAIT));
    unhealthy.into_iter().chain(unfinished).collect()
}

const MEND: &str = "Mend it before the upgrade, unless the next version is known to be the cure.";
const WAIT: &str = "Wait until it is finished, or see why it is not.";

/// The finding about the ClusterServiceVersion of the installed version; `None` also where there is none, or it cannot be
/// read.
pub(crate) fn of_installed(hco: &HyperConverged, cluster: &dyn Cluster) -> Option<Finding> {
    let query = GetQuery {
        api_version: CLUSTER_SERVICE_VERSION.api_version.into(),
        kind: CLUSTER_SERVICE_VERSION.kind.into(),
        namespace: Some(hco.namespace.clone()?),
        name: HcoCsv::name_of(hco.operator_version.as_ref()?),
        fields: paths(&["status.phase", "status.reason", "status.message"]),
        disable_cache: false,
    };
    let answer = cluster.get(&query).ok()?;
    let csv = CLUSTER_SERVICE_VERSION.named(query.namespace, query.name, None);
    of_csv(&Fields::parse(&answer.json)?, csv)
}

/// The finding about a ClusterServiceVersion that is there, if it is HCO's own.
pub(crate) fn of_existing(object: &Fields<'_>, csv: ResourceRef) -> Option<Finding> {
    ClusterServiceVersion::read(object)?;
    of_csv(object, csv)
}

/// By its phase; none until OLM has looked at it.
///
/// Source: operator-framework/api, `pkg/operators/v1alpha1/clusterserviceversion_types.go`, `ClusterServiceVersionPhase`.
fn of_csv(object: &Fields<'_>, csv: ResourceRef) -> Option<Finding> {
    let status = object.object("status");
    let text = |name: &str| status.text(name).unwrap_or_default();
    let (phase, reason) = (text("phase"), text("reason"));
    let (rule, advice) = match phase.as_str() {
        "" | "Succeeded" => return None,
        "Failed" => ("unhealthy", MEND),
        _ => ("unfinished", WAIT),
    };
    let namespace = csv.namespace.clone().unwrap_or_default();
    let phase = format!("is in phase {}", shorten(&phase, 20));
    Some(Finding {
        message: format!("{} {phase}{}", shorten(&csv.to_string(), 150), why(&reason, &text("message"), 230)),
        remedy: format!(
            "{advice} `kubectl describe -n {} {} {}` shows more.",
            argument(&namespace, "NAMESPACE"),
            CLUSTER_SERVICE_VERSION.crd,
            argument(&csv.name, "NAME"),
        ),
        warning: format!("ClusterServiceVersion {} {phase}{}", shorten(&csv.name, 55), in_brackets(&reason)),
        resources: vec![csv],
        ..Finding::new(rule, Severity::Medium, Action::Warn)
    })
}

/// A reason in the space of a warning; nothing where there is none.
fn in_brackets(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({})", shorten(reason, 40)) }
}
