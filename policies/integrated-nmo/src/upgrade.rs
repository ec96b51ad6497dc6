//! Rules `upgrade-blocked` and `upgrade-ahead`: the upgrade that deletes NodeMaintenance objects is
//! asked for while there are some.

use upgrade_gate_core::{
    Action, CLUSTER_SERVICE_VERSION, Cluster, Finding, INSTALL_PLAN, ReadError, Review, Severity, Version, installed,
    list_all, shorten,
    upgrade::{self, ClusterServiceVersion, Scope, Start, Target},
};

use crate::{
    in_the_way::{DELETES, InTheWay, WAY_OUT, unreadable},
    settings::Settings,
};

/// Reads nothing where the target is not past the boundary, then HyperConverged, and from past the
/// boundary nothing more, then the NodeMaintenance objects. HyperConverged is optional: where it cannot
/// be read, HCO is taken to be before the boundary.
pub(crate) fn finding(settings: &Settings, review: &Review<'_>, cluster: &dyn Cluster) -> Option<Finding> {
    let start = upgrade::start(review, Scope::PastBoundary)?;
    let namespace = upgrade::namespace(review);
    let from = match installed(cluster, namespace.as_deref()) {
        // A fresh HCO writes its own version first, and removes nothing.
        Ok(None) => return None,
        Ok(Some(hco)) => hco.version(),
        Err(_) => None,
    };
    if from.is_some_and(Version::is_past_boundary) {
        return None;
    }
    let action = match start.begins {
        _ if review.is_audit() => Action::Deny,
        true => settings.on_upgrade,
        false => Action::Warn,
    };
    let on_missing_data = if review.is_audit() { Action::Deny } else { action.min(settings.on_missing_data) };
    let words = |start: &Start| start.sentence(review, from);
    let in_the_way = match InTheWay::find(cluster) {
        Ok(in_the_way) => in_the_way?,
        Err(error) => {
            // Where nothing shows what is installed, it may be past the boundary already.
            let crossing = || format!("; an upgrade that crosses 1.7 (4.11) {DELETES}");
            let which = from.map_or_else(crossing, |_| consequence(&start));
            let what = format!("{}{which}", words(&start));
            let finding = unreadable(&what, severity(&start), on_missing_data, &error);
            return Some(Finding { afterwards: start.afterwards(review), ..finding });
        }
    };
    let start = match start.target {
        Target::Pending => match pending(cluster, namespace.as_deref()) {
            Ok(target) => Start { target: target?, ..start },
            Err(error) => return Some(no_telling(&words(&start), in_the_way, on_missing_data, &error)),
        },
        _ => start,
    };
    let (severity, what, names) = (severity(&start), words(&start), in_the_way.with_nodes());
    let finding = if let Target::Unreadable(_) = start.target {
        Finding {
            message: format!("{what}: it cannot be told whether that {DELETES}. There are {names}."),
            remedy: format!("See which version it is: 1.7 (4.11) and later ones delete them. {WAY_OUT}."),
            ..Finding::unknown(severity, on_missing_data)
        }
    } else {
        let rule = if start.begins { "upgrade-blocked" } else { "upgrade-ahead" };
        Finding {
            message: format!("{what}{}. In the way: {names}.", consequence(&start)),
            remedy: format!("{WAY_OUT}."),
            ..Finding::new(rule, severity, action)
        }
    };
    let deletes = if is_certain(&start) { "deletes" } else { "may delete" };
    let ahead = match settings.on_upgrade {
        Action::Deny if !start.begins && is_certain(&start) && review.is_of(&INSTALL_PLAN) => {
            "approval would be denied: "
        }
        _ => "",
    };
    Some(Finding {
        warning: format!("{ahead}the upgrade to {} {deletes} NodeMaintenance {}", start.aim(30), in_the_way.names()),
        resources: in_the_way.resources,
        afterwards: start.afterwards(review),
        ..finding
    })
}

/// Whether what is going to be installed deletes the objects, and not only some of what may be.
fn is_certain(start: &Start) -> bool {
    match start.target {
        Target::Version(_) | Target::Successor(_) | Target::Platform(_) => true,
        Target::Range(_) => start.begins,
        Target::Channel(_) | Target::Pending | Target::Unreadable(_) => false,
    }
}

/// Comes after [`Start::sentence`].
fn consequence(start: &Start) -> String {
    let which = if is_certain(start) { ", which" } else { "; an upgrade to 1.7 (4.11) or later" };
    format!("{which} {DELETES}")
}

fn severity(start: &Start) -> Severity {
    if start.begins { Severity::Critical } else { Severity::Medium }
}

/// The version past the boundary that waits in a namespace for OLM to go on.
fn pending(cluster: &dyn Cluster, namespace: Option<&str>) -> Result<Option<Target>, ReadError> {
    let listing = list_all(cluster, CLUSTER_SERVICE_VERSION, &ClusterServiceVersion::FIELDS)?;
    let csvs = listing.items();
    let csvs = csvs.iter().filter_map(ClusterServiceVersion::read);
    let waiting = csvs.filter(|csv| csv.phase == "Pending" && csv.namespace.as_deref() == namespace);
    let targets = waiting.filter_map(|csv| Some((csv.name.clone(), csv.target(Scope::PastBoundary)?)));
    listing.conclude(targets.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, target)| target))
}

/// Nobody could say whether a version waits.
fn no_telling(what: &str, in_the_way: InTheWay, action: Action, error: &ReadError) -> Finding {
    let names = in_the_way.names();
    Finding {
        message: format!(
            "{what}; an upgrade to 1.7 (4.11) or later {DELETES}. Which version that is could not be read: {}. In the \
             way: {names}.",
            shorten(error.to_string().trim_end_matches('.'), 250),
        ),
        remedy: CLUSTER_SERVICE_VERSION.how_to_read(),
        warning: format!("the version that waits could not be read, and may delete NodeMaintenance {names}"),
        resources: in_the_way.resources,
        ..Finding::unknown(Severity::Critical, action)
    }
}
