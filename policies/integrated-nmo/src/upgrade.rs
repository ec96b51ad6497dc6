//! Rules `upgrade-blocked` and `upgrade-ahead`: the upgrade that deletes NodeMaintenance objects is
//! asked for while there are some.

use upgrade_gate_core::{
    Action, CLUSTER_SERVICE_VERSION, Cluster, Finding, INSTALL_PLAN, Operation, ReadError, Review, Severity, Version,
    installed, list_all, shorten,
    upgrade::{self, ClusterServiceVersion, Scope, Start, Target},
};

use crate::{
    in_the_way::{DELETES, InTheWay, WAY_OUT, how_to_read, unreadable},
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
    let words = |start: &Start| what(review, start, from);
    let in_the_way = match InTheWay::find(cluster) {
        Ok(in_the_way) => in_the_way?,
        Err(error) => {
            let what = format!("{}, which", words(&start));
            return Some(unreadable(&what, severity(&start), on_missing_data, &error));
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
        let message = format!("{what}: it cannot be told whether that {DELETES}. There are {names}.");
        Finding { message, ..Finding::unknown(severity, on_missing_data) }
    } else {
        let rule = if start.begins { "upgrade-blocked" } else { "upgrade-ahead" };
        let message = format!("{what}, which {DELETES}. In the way: {names}.");
        Finding { message, ..Finding::new(rule, severity, action) }
    };
    Some(Finding {
        remedy: remedy(review, &start),
        warning: format!("the upgrade to {} deletes NodeMaintenance {}", aim(&start, 30), in_the_way.names()),
        resources: in_the_way.resources,
        ..finding
    })
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
    Ok(waiting
        .filter_map(|csv| Some((csv.name.clone(), csv.target(Scope::PastBoundary)?)))
        .min_by(|a, b| a.0.cmp(&b.0))
        .map(|(_, target)| target))
}

/// Nobody could say whether a version waits.
fn no_telling(what: &str, in_the_way: InTheWay, action: Action, error: &ReadError) -> Finding {
    let names = in_the_way.names();
    Finding {
        message: format!(
            "{what}, which perhaps {DELETES}. Which version that is could not be read: {}. In the way: {names}.",
            shorten(error.to_string().trim_end_matches('.'), 250),
        ),
        remedy: how_to_read(CLUSTER_SERVICE_VERSION),
        warning: format!("the version that waits could not be read, and may delete NodeMaintenance {names}"),
        resources: in_the_way.resources,
        ..Finding::unknown(Severity::Critical, action)
    }
}

/// `InstallPlan install-x7k2p asks for the upgrade of HCO from 1.6.0 to 1.7.0`.
fn what(review: &Review<'_>, start: &Start, from: Option<Version>) -> String {
    let subject = review.subject();
    let subject = format!("{} {}", subject.kind, shorten(&subject.name, 63));
    if let Target::Platform(version) = start.target {
        return format!("{subject} updates OpenShift to {version}: HCO has to follow to 1.7 (4.11) or later");
    }
    let starts = match start.begins {
        true => "asks for",
        false if review.is_of(&INSTALL_PLAN) => "will, once approved, start",
        false => "may start",
    };
    let from = from.map_or(String::new(), |from| format!(" from {from}"));
    format!("{} {starts} the upgrade of HCO{from} to {}", subject.trim_end(), aim(start, 63))
}

/// To what, with names cut to `max` characters.
fn aim(start: &Start, max: usize) -> String {
    match &start.target {
        Target::Version(version) => version.to_string(),
        Target::Range(range) => format!("a version from {} on", range.lowest),
        Target::Channel(channel) if channel.is_empty() => "whatever the default channel holds".into(),
        Target::Channel(channel) => format!("whatever channel {} holds", shorten(channel, max)),
        Target::Pending => "the version that waits for it".into(),
        Target::Successor(name) => format!("{}, which no longer owns NodeMaintenance", shorten(name, max)),
        Target::Unreadable(name) => format!("{}, whose version cannot be read", shorten(name, max)),
        Target::Platform(_) => "1.7 (4.11)".into(),
    }
}

fn remedy(review: &Review<'_>, start: &Start) -> String {
    let then = match start.begins {
        // OLM itself does so for a Subscription that is `Automatic`.
        true if review.is_of(&INSTALL_PLAN) && review.operation == Operation::Create && !review.is_audit() => {
            " Until then OLM resolves nothing in this namespace: set the Subscription to \
             `installPlanApproval: Manual`, and the next plan waits for approval."
        }
        true => " Then try again.",
        false => "",
    };
    format!("{WAY_OUT}.{then}")
}
