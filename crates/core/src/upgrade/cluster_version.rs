//! ClusterVersion: OpenShift 4.11 needs OpenShift Virtualization 4.11, so its upgrade comes first.

use crate::{
    fields::Fields,
    upgrade::{Scope, Start, Target},
    version::Version,
};

/// The update that is asked for newly leads to a version past the boundary. An update by image alone
/// does not say its version.
pub(super) fn start(object: &Fields<'_>, old: Option<&Fields<'_>>, scope: Scope) -> Option<Start> {
    // On CREATE there is nothing to update yet.
    let old = old?;
    if scope != Scope::PastBoundary || desired(old).is_some() {
        return None;
    }
    desired(object).map(|version| Start::lies_ahead(Target::Platform(version)))
}

fn desired(object: &Fields<'_>) -> Option<Version> {
    let version: Version = object.object("spec").object("desiredUpdate").text("version")?.parse().ok()?;
    // OpenShift's own versions are those of the product line.
    (version >= Version { major: 4, minor: 11, patch: 0 }).then_some(version)
}
