//! Rule `crd-removal`: the CRD goes, and with it all objects. The API server asks no webhook about
//! those, so this is the last point at which the state of the nodes can be saved.

use upgrade_gate_core::{Cluster, Finding, NODE_MAINTENANCE, Review, Severity};

use crate::{
    in_the_way::{DELETES, InTheWay, unreadable},
    settings::Settings,
};

/// HCO repeats the deletion
/// until the CRD is gone; one that is already in deletion cannot be saved.
pub(crate) fn finding(settings: &Settings, review: &Review<'_>, cluster: &dyn Cluster) -> Option<Finding> {
    if !review.is_of_crd(&NODE_MAINTENANCE) || review.metadata().deletion_timestamp.is_some() {
        return None;
    }
    let (what, action) = ("The removal of this CustomResourceDefinition", settings.on_crd_removal);
    let in_the_way = match InTheWay::find(cluster) {
        Ok(in_the_way) => in_the_way?,
        Err(error) => {
            let what = format!("{what} {DELETES}");
            return Some(unreadable(&what, Severity::Critical, action.min(settings.on_missing_data), &error));
        }
    };
    Some(Finding {
        message: format!(
            "{what} deletes every NodeMaintenance of nodemaintenance.kubevirt.io, and their nodes are uncordoned, or \
             the objects hang in deletion: {}.",
            in_the_way.with_nodes()
        ),
        remedy: "First see that each node is as you want it, and delete the objects. Where Deployment \
                 node-maintenance-operator is gone, take the finalizer foregroundDeleteNodeMaintenance off them. Then \
                 uncordon each node, or create a NodeMaintenance of nodemaintenance.medik8s.io/v1beta1 for it. HCO \
                 repeats the removal by itself."
            .into(),
        warning: format!("deletes NodeMaintenance {}: see to their nodes first", in_the_way.names()),
        resources: in_the_way.resources,
        ..Finding::new("crd-removal", Severity::Critical, action)
    })
}
