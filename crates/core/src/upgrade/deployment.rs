//! Deployment of HCO itself, on clusters where no OLM installs it.

use crate::{
    fields::Fields,
    object::Metadata,
    review::Review,
    upgrade::{Scope, Start, Target},
};

/// HCO's Deployment, in its own manifests and as OLM names it.
///
/// Source: HCO v1.6.0, `deploy/operator.yaml` and the published ClusterServiceVersion.
pub const HCO_DEPLOYMENTS: [&str; 2] = ["hyperconverged-cluster-operator", "hco-operator"];

/// The variable from which HCO takes its version.
///
/// Source: HCO v1.6.0, `deploy/operator.yaml`.
const VERSION: &str = "HCO_KV_IO_VERSION";

/// Whether the review is about a whole Deployment.
pub(crate) fn is_deployment(review: &Review<'_>) -> bool {
    review.sub_resource.is_none() && review.kind.group == "apps" && review.kind.kind == "Deployment"
}

/// Newly of a version. One that belongs to a ClusterServiceVersion is OLM's business, but an owner that
/// comes with the version excuses nothing.
pub(super) fn start(object: &Fields<'_>, old: Option<&Fields<'_>>, scope: Scope) -> Option<Start> {
    let is_of_olm = is_of_olm(object) && old.is_none_or(is_of_olm);
    if !HCO_DEPLOYMENTS.contains(&Metadata::read(object).name.as_str()) || is_of_olm {
        return None;
    }
    scope.newly(target(object, scope), old.and_then(|old| target(old, scope)).as_ref()).map(Start::begins)
}

fn is_of_olm(object: &Fields<'_>) -> bool {
    let owners = object.object("metadata").objects("ownerReferences");
    owners.iter().any(|owner| {
        let group = owner.text("apiVersion").unwrap_or_default();
        group.starts_with("operators.coreos.com/") && owner.text("kind").as_deref() == Some("ClusterServiceVersion")
    })
}

fn target(object: &Fields<'_>, scope: Scope) -> Option<Target> {
    let pod = object.object("spec").object("template").object("spec");
    let containers = pod.objects("containers");
    let variables = containers.iter().flat_map(|container| container.objects("env"));
    let mut versions = Vec::new();
    let mut unreadable = Vec::new();
    for variable in variables.filter(|variable| variable.text("name").as_deref() == Some(VERSION)) {
        let value = variable.text("value").unwrap_or_default();
        match value.parse() {
            Ok(version) => versions.push(version),
            Err(_) => unreadable.push(format!("{VERSION}={value}")),
        }
    }
    scope.highest(versions).or_else(|| unreadable.into_iter().min().map(Target::Unreadable))
}
