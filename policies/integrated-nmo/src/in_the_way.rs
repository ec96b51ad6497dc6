//! The NodeMaintenance objects that the upgrade deletes.

use upgrade_gate_core::{
    Action, Cluster, Fields, Finding, Metadata, NODE_MAINTENANCE, NodeMaintenance, ReadError, ResourceRef, Severity,
    Verdict, list_all, listed, shorten,
};

/// All of them; at least one.
pub(crate) struct InTheWay {
    /// By name. Of many objects only the first ones are looked at more closely.
    pub(crate) resources: Vec<ResourceRef>,
    /// As many as there are resources: the name, the node, and whether it is in deletion.
    shown: Vec<String>,
    count: usize,
}

impl InTheWay {
    /// `None` where there is none, or the kind is not installed.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] where that cannot be told.
    pub(crate) fn find(cluster: &dyn Cluster) -> Result<Option<Self>, ReadError> {
        let listing = list_all(cluster, NODE_MAINTENANCE, &["spec.nodeName"])?;
        let mut objects: Vec<_> =
            listing.items().into_iter().map(|object| (object.object("metadata").text("name"), object)).collect();
        objects.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let count = objects.len();
        objects.truncate(Verdict::MAX_RECORDED_RESOURCES);
        let (resources, shown) = objects.iter().map(|(_, object)| named_and_shown(object)).unzip();
        listing.conclude((count > 0).then_some(Self { resources, shown, count }))
    }

    /// At most five, with their nodes: `nm-1 (node worker-1), nm-2 (node worker-2, in deletion) and 3 more`.
    pub(crate) fn with_nodes(&self) -> String {
        listed(self.shown.iter().map(String::as_str), self.count, 310)
    }

    /// Their names, in the space of a warning.
    pub(crate) fn names(&self) -> String {
        listed(self.resources.iter().map(|resource| resource.name.as_str()), self.count, 50)
    }
}

fn named_and_shown(object: &Fields<'_>) -> (ResourceRef, String) {
    let Metadata { name, namespace, uid, deletion_timestamp, .. } = Metadata::read(object);
    let node = NodeMaintenance::read(object).node_name.map(|node| format!("node {}", shorten(&node, 63)));
    let leaving = deletion_timestamp.map(|_| "in deletion".to_owned());
    let words: Vec<String> = node.into_iter().chain(leaving).collect();
    let words = if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
    let shown = format!("{}{words}", shorten(&name, 63));
    (NODE_MAINTENANCE.named(namespace, name, uid), shown)
}

/// What the upgrade does to them, for messages.
pub(crate) const DELETES: &str =
    "deletes every NodeMaintenance of nodemaintenance.kubevirt.io and uncordons its node in mid-upgrade";

/// The way out, for each of them.
pub(crate) const WAY_OUT: &str = "For each: if its maintenance is over, run `kubectl delete \
    nodemaintenances.nodemaintenance.kubevirt.io NAME`. If not, first create one of nodemaintenance.medik8s.io/v1beta1 \
    (standalone operator) for the node, then delete the old one and cordon the node again";

/// Nobody could say whether there are any; `what` says what would become of them.
pub(crate) fn unreadable(what: &str, severity: Severity, action: Action, error: &ReadError) -> Finding {
    Finding {
        message: format!(
            "{what}. Whether there are any could not be read: {}.",
            shorten(error.to_string().trim_end_matches('.'), 250),
        ),
        remedy: NODE_MAINTENANCE.how_to_read(),
        warning: "it could not be read whether NodeMaintenance objects exist, which HCO 1.7 deletes".into(),
        ..Finding::unknown(severity, action)
    }
}
