//! What in the sources contradicts itself, as findings of the program: two clusters, and copies that differ.

use upgrade_gate_core::{Severity, listed, shorten};
use upgrade_gate_snapshot::{Clash, Copies, Origin, Snapshot};

use crate::{
    error::Error,
    missing::own,
    report::{Finding, Result},
};

/// One finding where the sources are of two clusters, and one where objects have copies that differ.
pub(crate) fn findings(snapshot: &Snapshot) -> impl Iterator<Item = Finding> {
    snapshot.clash().map(two_clusters).into_iter().chain(differing(snapshot.copies()))
}

/// For what answers questions from a snapshot.
///
/// # Errors
/// [`Error::TwoClusters`]
pub(crate) fn refuse(snapshot: &Snapshot) -> std::result::Result<(), Error> {
    snapshot.clash().map_or(Ok(()), |clash| Err(Error::TwoClusters(sentence(clash))))
}

/// What to do about sources of two clusters.
pub(crate) const NAME_ONE: &str = "name the sources of one cluster only";

fn sentence(Clash { what, mark, origins: [one, other], more }: &Clash) -> String {
    let more = match more {
        0 => String::new(),
        1 => " (1 more object differs likewise)".into(),
        more => format!(" ({more} more objects differ likewise)"),
    };
    format!(
        "{} has another {} in {} than in {}{more}: the sources are of two clusters",
        shorten(what, 200),
        mark.name(),
        place(one),
        place(other),
    )
}

fn two_clusters(clash: &Clash) -> Finding {
    let [one, _] = &clash.origins;
    Finding {
        message: format!("{}.", sentence(clash)),
        remedy: format!("Check one cluster after the other: {NAME_ONE}."),
        origin: Some(one.clone()),
        ..own("two-clusters", Result::Error, Severity::High)
    }
}

fn differing(copies: &[Copies]) -> Option<Finding> {
    let first = copies.first()?;
    let names = copies.iter().map(|copies| copies.what.as_str());
    let places: Vec<String> = first.origins.iter().map(place).collect();
    Some(Finding {
        message: format!(
            "The sources hold copies that differ, and none is newer: {}. Both are judged. The first ones are in {}.",
            listed(names, copies.len(), MAX_NAMES),
            listed(places.iter().map(String::as_str), places.len(), MAX_NAMES),
        ),
        remedy: "Find out which copy is the cluster's, and name no source with another one.".into(),
        origin: first.origins.first().cloned(),
        ..own("differing-copies", Result::Warn, Severity::Medium)
    })
}

/// Characters of the names that are listed; the others are counted.
const MAX_NAMES: usize = 300;

fn place(origin: &Origin) -> String {
    let member = origin.member.as_ref().map_or(String::new(), |member| format!("!/{member}"));
    shorten(&format!("{}{member}", origin.path), MAX_NAMES)
}
