//! Rule `created`: somebody creates an object that the upgrade will delete.

use upgrade_gate_core::{
    Cluster, Finding, HYPERCONVERGED, HyperConverged, Listing, NodeMaintenance, Review, Severity, Version, list_all,
    shorten,
};

use crate::settings::Settings;

/// Nothing where no upgrade is going to delete the object: HCO is past the boundary, or there is no
/// HCO. Where that cannot be read, it is said as if there were one.
pub(crate) fn finding(settings: &Settings, review: &Review<'_>, cluster: &dyn Cluster) -> Option<Finding> {
    if is_out_of_danger(cluster) {
        return None;
    }
    let node = NodeMaintenance::read(&review.fields()).node_name;
    let node = node.map_or("its node".into(), |node| format!("node {}", shorten(&node, 63)));
    Some(Finding {
        rule: "created".into(),
        severity: Severity::Medium,
        effect: settings.on_create.into(),
        message: format!(
            "The upgrade to HCO 1.7 (OpenShift Virtualization 4.11) removes NodeMaintenance of \
             nodemaintenance.kubevirt.io: it deletes this object and uncordons {node} in mid-upgrade."
        ),
        remedy: "Install the standalone Node Maintenance Operator and use apiVersion \
                 nodemaintenance.medik8s.io/v1beta1; kind and spec stay the same."
            .into(),
        resources: vec![review.subject()],
        warning: format!("HCO 1.7 deletes it and uncordons {node}: use apiVersion nodemaintenance.medik8s.io/v1beta1"),
    })
}

fn is_out_of_danger(cluster: &dyn Cluster) -> bool {
    match list_all(cluster, HYPERCONVERGED, &["status.versions"]) {
        Ok(Listing::NotInstalled) => true,
        Ok(Listing::Objects(answer)) => answer.items().iter().any(|object| {
            let version = HyperConverged::read(object).operator_version;
            version.and_then(|text| text.parse().ok()).is_some_and(Version::is_past_boundary)
        }),
        Err(_) => false,
    }
}
