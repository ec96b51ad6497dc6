//! Rules `in-use` and `left-over`: an object exists that the upgrade will delete, or that no upgrade has deleted.

use upgrade_gate_core::{
    Action, Cluster, Finding, Metadata, NODE_MAINTENANCE, NodeMaintenance, Review, Severity, Version, argument, exists,
    installed, shorten,
};

/// Names may have 253 characters; a message with several of them stays below 1,000.
const NAME: usize = 80;

/// An existing object is a violation, whatever the settings for new ones.
pub(crate) fn finding(review: &Review<'_>, cluster: &dyn Cluster) -> Finding {
    let subject = review.subject();
    let metadata = review.metadata();
    let object = NodeMaintenance::read(&review.fields());
    let name = &subject.name;

    // An optional read: where it cannot be told, HCO is taken to be before the boundary.
    let version = installed(cluster, None).ok().flatten().and_then(|hco| hco.version());
    if let Some(version) = version.filter(|version| version.is_past_boundary()) {
        return Finding { resources: vec![subject.clone()], ..left_over(name, object.node_name.as_deref(), version) };
    }
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

/// No operator is left that handles it.
fn left_over(name: &str, node: Option<&str>, version: Version) -> Finding {
    let node = node.map_or(String::new(), |node| format!(" of node {}", shorten(node, NAME)));
    Finding {
        message: format!(
            "NodeMaintenance {}{node} is left over: {} {version} has no operator for it, which would end the maintenance.",
            shorten(name, NAME),
            version.product().name(),
        ),
        remedy: format!(
            "See that the node is as you want it, then run {}. If that hangs: {}.",
            delete(name),
            let_go(name)
        ),
        warning: format!("no operator handles NodeMaintenance {}", shorten(name, 60)),
        ..Finding::new("left-over", Severity::Medium, Action::Deny)
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
         gone, see that the node is as you want it, then run {}.",
        let_go(name),
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

/// Without its finalizers.
fn let_go(name: &str) -> String {
    let name = argument(name, "NAME");
    format!(
        "`kubectl patch {} {name} --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'`",
        NODE_MAINTENANCE.crd
    )
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
