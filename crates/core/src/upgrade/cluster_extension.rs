//! ClusterExtension: OLM v1 installs the highest version that it allows.

use crate::{
    fields::Fields,
    names::{is_hco_package, is_upstream_package, version_of_channel},
    range::VersionRange,
    upgrade::{Scope, Start, Target},
    version::Version,
};

/// What a ClusterExtension of an HCO package allows.
struct Allowed {
    versions: VersionRange,
    /// Every version of it is in scope; else only some are.
    all: bool,
}

/// Newly, all that it allows is in scope; or, as a warning, some of it. In an audit only the first
/// counts.
pub(super) fn start(object: &Fields<'_>, old: Option<&Fields<'_>>, audit: bool, scope: Scope) -> Option<Start> {
    let Allowed { versions, all } = allowed(object, scope)?;
    let is_news = |old: Allowed| match scope {
        // All is in scope, of the old object too. One that only allows lower versions as well is a step back.
        Scope::HigherThan(None) => versions.lowest > old.versions.lowest || versions.highest > old.versions.highest,
        _ => old.all != all,
    };
    if !audit && !old.and_then(|old| allowed(old, scope)).is_none_or(is_news) {
        return None;
    }
    let target =
        if versions.lowest == versions.highest { Target::Version(versions.lowest) } else { Target::Range(versions) };
    if all { Some(Start::begins(target)) } else { (!audit).then(|| Start::lies_ahead(target)) }
}

/// `None` where it is of another package, or where it allows nothing that is in scope.
fn allowed(object: &Fields<'_>, scope: Scope) -> Option<Allowed> {
    let catalog = object.object("spec").object("source").object("catalog");
    let package = catalog.text("packageName").filter(|package| is_hco_package(package))?;
    // One that cannot be read is refused by the API server; of any other source it allows everything.
    let stated = catalog.words("version").and_then(|range| range.parse().ok()).unwrap_or(VersionRange::ALL);
    let line = if is_upstream_package(&package) {
        VersionRange { lowest: VersionRange::ALL.lowest, highest: last_of_upstream() }
    } else {
        VersionRange { lowest: Version { major: 2, minor: 0, patch: 0 }, highest: VersionRange::ALL.highest }
    };
    let stated = of_channels(&catalog.texts("channels")).and_then(|of| stated.and(of)).unwrap_or(stated);
    // Versions of the other product line are in no catalog, unless just those are asked for.
    let versions = stated.and(line).unwrap_or(stated);
    let all = scope.includes(versions.lowest);
    (all || scope.includes(versions.highest)).then_some(Allowed { versions, all })
}

fn last_of_upstream() -> Version {
    Version { major: 1, minor: u64::MAX, patch: u64::MAX }
}

/// `None` where there are no channels, or one of them does not say where it leads.
fn of_channels(channels: &[String]) -> Option<VersionRange> {
    let mut ranges = channels.iter().map(|channel| version_of_channel(channel).map(VersionRange::minor));
    let first = ranges.next()??;
    ranges.try_fold(first, |all, range| Some(all.or(range?)))
}
