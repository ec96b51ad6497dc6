//! Rules `created` and `created-during-upgrade`: somebody creates an object that the upgrade will
//! delete, or is about to.

use upgrade_gate_core::{
    CLUSTER_SERVICE_VERSION, Cluster, Finding, HYPERCONVERGED, INSTALL_PLAN, NodeMaintenance, ReadError, Review,
    Severity, Version, installed, is_installed, list_all, shorten,
    upgrade::{ClusterServiceVersion, InstallPlan, Scope, Target},
};

use crate::settings::Settings;

const REMEDY: &str = "Install the standalone Node Maintenance Operator and use apiVersion \
                      nodemaintenance.medik8s.io/v1beta1; kind and spec stay the same.";

/// Nothing where no upgrade is going to delete the object: HCO is past the boundary, or there is no
/// HCO. Where that cannot be read, it is said as if there were one.
pub(crate) fn finding(settings: &Settings, review: &Review<'_>, cluster: &dyn Cluster) -> Option<Finding> {
    let running = match installed(cluster, None) {
        Ok(Some(hco)) if hco.version().is_some_and(Version::is_past_boundary) => return None,
        // Without an object of it nothing is upgraded, but somebody may be about to install HCO 1.6.
        Ok(None) if is_installed(cluster, &HYPERCONVERGED) == Ok(false) => return None,
        Ok(None) => Ok(None),
        Ok(Some(_)) | Err(_) => running_upgrade(cluster),
    };
    let node = NodeMaintenance::read(&review.fields()).node_name;
    let node = |max: usize| node.as_ref().map_or("its node".into(), |node| format!("node {}", shorten(node, max)));
    let deletes = format!("it deletes this object and uncordons {} in mid-upgrade", node(63));
    let finding = match &running {
        Ok(Some(object)) => Finding {
            message: format!(
                "The upgrade to HCO 1.7 (OpenShift Virtualization 4.11), which removes NodeMaintenance of \
                 nodemaintenance.kubevirt.io, has begun: see {object}. Soon {deletes}."
            ),
            warning: format!("the upgrade that deletes it and uncordons {} has begun", node(40)),
            ..Finding::new("created-during-upgrade", Severity::High, settings.on_create_during_upgrade)
        },
        Ok(None) | Err(_) => Finding {
            message: format!(
                "The upgrade to HCO 1.7 (OpenShift Virtualization 4.11) removes NodeMaintenance of \
                 nodemaintenance.kubevirt.io: {deletes}.{}",
                running.as_ref().err().map_or(String::new(), |what| format!(
                    " Whether it has begun could not be told: cannot read {what}."
                )),
            ),
            warning: format!(
                "HCO 1.7 deletes it and uncordons {}{}",
                node(30),
                if running.is_ok() {
                    ": use apiVersion nodemaintenance.medik8s.io/v1beta1"
                } else {
                    "; whether that upgrade has begun could not be read"
                }
            ),
            ..Finding::new("created", Severity::Medium, settings.on_create)
        },
    };
    Some(Finding { remedy: REMEDY.into(), resources: vec![review.subject()], ..finding })
}

/// The object that shows an upgrade past the boundary under way: a ClusterServiceVersion in any phase, or
/// an approved plan that is not finished.
///
/// # Errors
/// In words, where there is no such object among those that could be read.
fn running_upgrade(cluster: &dyn Cluster) -> Result<Option<String>, String> {
    let csvs = list_all(cluster, CLUSTER_SERVICE_VERSION, &ClusterServiceVersion::FIELDS).and_then(|listing| {
        let csvs = listing.items();
        let csvs = csvs.iter().filter_map(ClusterServiceVersion::read);
        listing.conclude(csvs.filter(|csv| csv.target(Scope::PastBoundary).is_some()).map(|csv| csv.name).min())
    });
    if let Ok(Some(name)) = &csvs {
        return Ok(Some(format!("ClusterServiceVersion {}", shorten(name, 80))));
    }
    let plans = list_all(cluster, INSTALL_PLAN, &InstallPlan::FIELDS).and_then(|listing| {
        let plans = listing.items();
        let plans = plans.iter().filter(|plan| InstallPlan::is_unfinished(plan)).map(InstallPlan::read);
        let targets = plans.filter(|plan| plan.approved).filter_map(|plan| {
            let is_unreadable = matches!(plan.target(Scope::PastBoundary)?, Target::Unreadable(_));
            Some((is_unreadable, plan.name))
        });
        listing.conclude(targets.min())
    });
    match (csvs, plans) {
        (_, Ok(Some((false, name)))) => Ok(Some(format!("InstallPlan {}", shorten(&name, 80)))),
        (_, Ok(Some((true, name)))) => Err(format!("the version in InstallPlan {}", shorten(&name, 80))),
        (Err(error), _) => Err(unreadable("ClusterServiceVersions", &error)),
        (_, Err(error)) => Err(unreadable("InstallPlans", &error)),
        (Ok(_), Ok(None)) => Ok(None),
    }
}

fn unreadable(kind: &str, error: &ReadError) -> String {
    format!("{kind} ({})", shorten(error.to_string().trim_end_matches('.'), 200))
}
