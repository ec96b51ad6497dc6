//! An admin's word that an upgrade may go on all the same: an annotation on the object under review, or
//! on the one that led to it.

use crate::{
    cluster::{Cluster, GetQuery, list_all, paths},
    fields::Fields,
    object::Metadata,
    resource::{
        CLUSTER_EXTENSION, CLUSTER_SERVICE_VERSION, CustomResource, HYPERCONVERGED, INSTALL_PLAN, NODE_MAINTENANCE,
        ResourceRef,
    },
    review::Review,
    upgrade::{InstallPlan, is_deployment},
};

/// An annotation that turns every refusal of a policy into a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The object that carries it.
    pub on: ResourceRef,
    /// Why; never empty.
    pub reason: String,
}

impl Override {
    /// `upgrade-gate.io/override: "POLICY: reason; OTHER: reason"`.
    pub const ANNOTATION: &'static str = "upgrade-gate.io/override";

    /// The override of `policy` for a review: on the object itself; for a ClusterServiceVersion also on an
    /// approved InstallPlan of its namespace that names it, for a Deployment on the ClusterExtension that
    /// it comes from, for the CRD of NodeMaintenance on a HyperConverged. What cannot be read has none.
    #[must_use]
    pub fn find(policy: &str, review: &Review<'_>, cluster: &dyn Cluster) -> Option<Self> {
        let object = review.fields();
        let of = |on: ResourceRef, object: &Fields<'_>| Some(Self { reason: reason(policy, object)?, on });
        of(review.subject(), &object).or_else(|| {
            if review.is_of(&CLUSTER_SERVICE_VERSION) {
                let subject = review.subject();
                let leads_to = |plan: &InstallPlan| {
                    plan.approved
                        && plan.namespace == subject.namespace
                        && plan.csvs.iter().any(|csv| csv.name == subject.name)
                };
                in_list(policy, cluster, INSTALL_PLAN, &InstallPlan::FIELDS, |plan| leads_to(&InstallPlan::read(plan)))
            } else if is_deployment(review) {
                let labels = object.object("metadata").object("labels");
                let answer = cluster.get(&query(labels.words("olm.operatorframework.io/owner-name")?)).ok()?;
                let extension = Fields::parse(&answer.json)?;
                of(reference(CLUSTER_EXTENSION, &extension), &extension)
            } else if review.is_of_crd(&NODE_MAINTENANCE) {
                in_list(policy, cluster, HYPERCONVERGED, &["metadata.name"], |_| true)
            } else {
                None
            }
        })
    }
}

fn query(name: String) -> GetQuery {
    GetQuery {
        api_version: CLUSTER_EXTENSION.api_version.into(),
        kind: CLUSTER_EXTENSION.kind.into(),
        namespace: None,
        name,
        fields: paths(&["metadata.name"]),
        disable_cache: false,
    }
}

/// Of several the first by name, so that the order of a list decides nothing.
fn in_list(
    policy: &str,
    cluster: &dyn Cluster,
    resource: CustomResource,
    fields: &[&str],
    counts: impl Fn(&Fields<'_>) -> bool,
) -> Option<Override> {
    let listing = list_all(cluster, resource, fields).ok()?;
    let items = listing.items();
    let overrides = items
        .iter()
        .filter(|item| counts(item))
        .filter_map(|item| Some(Override { reason: reason(policy, item)?, on: reference(resource, item) }));
    overrides.min_by(|a, b| a.on.cmp(&b.on))
}

fn reference(resource: CustomResource, object: &Fields<'_>) -> ResourceRef {
    let Metadata { name, namespace, uid, .. } = Metadata::read(object);
    resource.named(namespace, name, uid)
}

fn reason(policy: &str, object: &Fields<'_>) -> Option<String> {
    let annotation = object.object("metadata").object("annotations").text(Override::ANNOTATION)?;
    let mut words = annotation.split(';').filter_map(|entry| entry.split_once(':'));
    let (_, reason) = words.find(|(name, reason)| name.trim() == policy && !reason.trim().is_empty())?;
    Some(reason.trim().to_owned())
}
