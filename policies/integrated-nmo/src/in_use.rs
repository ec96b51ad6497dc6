//! Rule `in-use`: an object exists that the upgrade will delete.

use upgrade_gate_core::{
    Action, Cluster, Finding, Metadata, NODE_MAINTENANCE, NodeMaintenance, Review, Severity, argument, exists, shorten,
};

/// Names may have 253 characters; a message with several of them stays below 1,000.
const NAME: usize = 80;

/// An existing object is a violation, whatever the settings for new ones.
pub(crate) fn finding(review: &Review<'_>, cluster: &dyn Cluster) -> Finding {
    let subject = review.subject();
    let metadata = review.metadata();
    let object = NodeMaintenance::read(&review.fields());
    let name = &subject.name;

    let (message, remedy) = match object.node_name.as_deref() {
        node if metadata.deletion_timestamp.is_some() => stuck(name, &metadata, node),
        None => nodeless(name, "names no node", "If nobody needs it, delete it"),
        Some(node) if is_missing(cluster, node) => {
            let what = format!("is for node {}, which was not found", shorten(node, NAME));
            nodeless(name, &what, "If the node is gone for good, delete the object")
        }
        Some(node) => in_maintenance(name, node, &purpose(&object)),
    };
    Finding {
        message,
        remedy,
        warning: format!("HCO 1.7 deletes NodeMaintenance {}", shorten(name, 60)),
        resources: vec![subject],
        ..Finding::new("in-use", Severity::High, Action::Deny)
    }
}

fn in_maintenance(name: &str, node: &str, purpose: &str) -> (String, String) {
    let message = format!(
        "Node {} is in maintenance{purpose}, held there by NodeMaintenance {} of the operator inside HCO 1.6. The \
         upgrade to HCO 1.7 (OpenShift Virtualization 4.11) deletes that object and uncordons the node in mid-upgrade.",
        shorten(node, NAME),
        shorten(name, NAME),
    );
    let remedy = format!(
        "If the maintenance is over: {}. If not: install the standalone Node Maintenance Operator, create a \
         NodeMaintenance of nodemaintenance.medik8s.io/v1beta1 for the node, delete this one, and run `kubectl cordon \
         {}`, because the old operator uncordons it.",
        delete(name),
        argument(node, "NODE"),
    );
    (message, remedy)
}

fn stuck(name: &str, metadata: &Metadata, node: Option<&str>) -> (String, String) {
    let node = node.map_or(String::new(), |node| format!(" of node {}", shorten(node, NAME)));
    let since = metadata.deletion_timestamp.as_deref().unwrap_or_default();
    let finalizers = metadata.finalizers.join(", ");
    let waits = if finalizers.is_empty() {
        String::new()
    } else {
        format!(" and waits for finalizer {}", shorten(&finalizers, NAME))
    };
    let message = format!(
        "NodeMaintenance {}{node} has been in deletion since {}{waits}: after the upgrade to HCO 1.7 (OpenShift \
         Virtualization 4.11) no operator is left to finish it.",
        shorten(name, NAME),
        shorten(since, 40),
    );
    let remedy = format!(
        "See that Deployment node-maintenance-operator runs: it uncordons the node and lets the object go. If it is \
         gone, see that the node is as you want it, then run `kubectl patch {crd} {} --type=merge -p \
         '{{\"metadata\":{{\"finalizers\":null}}}}'`.",
        argument(name, "NAME"),
        crd = NODE_MAINTENANCE.crd,
    );
    (message, remedy)
}

fn nodeless(name: &str, what: &str, step: &str) -> (String, String) {
    let message = format!(
        "NodeMaintenance {} {what}. The upgrade to HCO 1.7 (OpenShift Virtualization 4.11) is blocked by it all \
         the same.",
        shorten(name, NAME),
    );
    (message, format!("{step}: {}.", delete(name)))
}

fn delete(name: &str) -> String {
    format!("`kubectl delete {} {}`", NODE_MAINTENANCE.crd, argument(name, "NAME"))
}

/// Why, and how far: ` ("disk replacement"; phase Succeeded)`.
fn purpose(object: &NodeMaintenance) -> String {
    let reason = object.reason.as_deref().map(|reason| shorten(reason, NAME));
    let phase = object.phase.as_deref().map(|phase| shorten(phase, 40));
    match (reason, phase) {
        (None, None) => String::new(),
        (Some(reason), None) => format!(" (\"{reason}\")"),
        (None, Some(phase)) => format!(" (phase {phase})"),
        (Some(reason), Some(phase)) => format!(" (\"{reason}\"; phase {phase})"),
    }
}

/// An optional read: where it cannot be told, the node is taken to be there.
fn is_missing(cluster: &dyn Cluster, node: &str) -> bool {
    exists(cluster, "v1", "Node", None, node) == Ok(false)
}
