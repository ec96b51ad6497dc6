//! What HyperConverged's conditions say, above all `Upgradeable`, and what is to be done about it, in words.

use upgrade_gate_core::{
    Condition, HYPERCONVERGED, HyperConverged, NODE_MAINTENANCE, ResourceRef, Severity, argument, shorten,
};

/// Why HCO 1.6 holds an upgrade back while there are NodeMaintenance objects of the operator inside it:
/// the reason, and the message before and after it was made longer.
///
/// Source: HCO branch release-1.6, `pkg/controller/hyperconverged/hyperconverged_controller.go`, before and
/// after commit fa8e0be0c.
const OWN_BLOCK: (&str, [&str; 2]) = (
    "UpgradeBlocked",
    [
        "NMO custom resources have been found",
        "Upgrade is blocked because Node Maintenance Operator custom resources have been found. Please remove all \
         nodemaintenances.nodemaintenance.kubevirt.io CRs to unblock the upgrade. You can install the standalone NMO \
         if needed.",
    ],
);

/// Whether the reason passes by itself, or is one that HCO keeps from OLM: then the next version may be
/// the cure. Reasons are `HCODegraded`, `HCOProgressing`, and of a component `<Component>Progressing` and
/// `<Component>Conditions`.
///
/// Source: HCO branch release-1.6, `pkg/controller/hyperconverged/hyperconverged_controller.go` and
/// `pkg/controller/operands/operand.go`.
pub(crate) fn may_pass(condition: &Condition) -> bool {
    let reason = condition.reason.as_str();
    reason == "HCODegraded" || reason.ends_with("Progressing") || reason.ends_with("Conditions")
}

/// How bad it is that HyperConverged says `False`.
pub(crate) fn severity(is_mild: bool) -> Severity {
    if is_mild { Severity::Medium } else { Severity::High }
}

/// `HyperConverged kubevirt-hyperconverged/kubevirt-hyperconverged says Upgradeable=False, reason X: "why"`.
pub(crate) fn says(hco: &HyperConverged, condition: &Condition) -> String {
    format!("{} says {}", named(hco), in_words(condition, 230))
}

/// `Upgradeable=False, reason X: "why"`, of the message at most so many characters.
pub(crate) fn in_words(condition: &Condition, max: usize) -> String {
    let Condition { name, status, reason, message } = condition;
    format!("{name}={}{}", shorten(status, 20), why(reason, message, max))
}

/// `, reason X: "why"`.
pub(crate) fn why(reason: &str, message: &str, max: usize) -> String {
    let message = shorten(message.trim_end_matches('.'), max);
    match (reason.is_empty(), message.is_empty()) {
        (false, false) => format!(", reason {}: \"{message}\"", shorten(reason, 40)),
        (false, true) => format!(", reason {}", shorten(reason, 40)),
        (true, false) => format!(": \"{message}\""),
        (true, true) => ", without a reason".into(),
    }
}

/// `HyperConverged kubevirt-hyperconverged/kubevirt-hyperconverged`.
pub(crate) fn named(hco: &HyperConverged) -> String {
    let namespace = hco.namespace.as_ref().map_or(String::new(), |namespace| format!("{namespace}/"));
    format!("HyperConverged {}", shorten(&format!("{namespace}{}", hco.name), 90))
}

/// The next step where HyperConverged says `False`.
pub(crate) fn way_out(hco: &HyperConverged, condition: &Condition) -> String {
    let (reason, messages) = OWN_BLOCK;
    if condition.reason == reason && messages.contains(&condition.message.as_str()) {
        return format!(
            "This is HCO's own block because of NodeMaintenance objects of nodemaintenance.kubevirt.io: list them with \
             `kubectl get {}`, and delete each or replace it by one of nodemaintenance.medik8s.io/v1beta1. When none is \
             left, HCO clears the condition by itself.",
            NODE_MAINTENANCE.crd
        );
    }
    let step = if may_pass(condition) {
        "Wait until its components are settled, or mend what is degraded"
    } else {
        "Resolve what it names"
    };
    format!("{step}: HCO clears the condition by itself. {}", see_all(hco))
}

/// A command that shows more than one reason.
pub(crate) fn see_all(hco: &HyperConverged) -> String {
    let namespace = hco.namespace.as_deref().unwrap_or_default();
    format!(
        "`kubectl describe -n {} {} {}` shows all of its conditions.",
        argument(namespace, "NAMESPACE"),
        HYPERCONVERGED.crd,
        argument(&hco.name, "NAME"),
    )
}

/// The object itself.
pub(crate) fn reference(hco: &HyperConverged) -> ResourceRef {
    HYPERCONVERGED.named(hco.namespace.clone(), hco.name.clone(), None)
}
