//! InstallPlan: approving it is how people start an upgrade.

use crate::{
    fields::Fields,
    names::HcoCsv,
    object::Metadata,
    upgrade::{Scope, Start, Target},
};

/// `InstallPlan` of `operators.coreos.com/v1alpha1`. It may be megabytes of `status.plan`, which is
/// never looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstallPlan {
    /// Absent only in a manifest.
    pub namespace: Option<String>,
    /// `metadata.name`, `install-…`; empty where the API server is to make it.
    pub name: String,
    /// `spec.approved`.
    pub approved: bool,
    /// `spec.clusterServiceVersionNames`, those of HCO; a plan may install several operators.
    pub csvs: Vec<HcoCsv>,
    /// `spec.generation`: OLM counts its plans in a namespace upwards.
    pub generation: u64,
}

impl InstallPlan {
    /// The fields for a query that decide about an upgrade; [`InstallPlan::generation`] is not among them.
    pub const FIELDS: [&'static str; 3] = ["spec.approved", "spec.clusterServiceVersionNames", "status.phase"];

    /// Of an object of that kind.
    #[must_use]
    pub fn read(object: &Fields<'_>) -> Self {
        let Metadata { name, namespace, .. } = Metadata::read(object);
        let spec = object.object("spec");
        Self {
            namespace,
            name,
            approved: spec.is_true("approved"),
            csvs: spec.texts("clusterServiceVersionNames").iter().filter_map(|name| HcoCsv::named(name)).collect(),
            generation: spec.raw("generation").and_then(|number| number.get().parse().ok()).unwrap_or_default(),
        }
    }

    /// Whether OLM has still something to do: `status.phase` is neither `Complete` nor `Failed`.
    #[must_use]
    pub fn is_unfinished(object: &Fields<'_>) -> bool {
        let phase = object.object("status").text("phase");
        !matches!(phase.as_deref(), Some("Complete" | "Failed"))
    }

    /// What it would install.
    #[must_use]
    pub fn target(&self, scope: Scope) -> Option<Target> {
        let versions = self.csvs.iter().filter_map(|csv| csv.version);
        let unreadable = || self.csvs.iter().filter(|csv| csv.version.is_none()).map(|csv| &csv.name).min();
        scope.highest(versions).or_else(|| unreadable().cloned().map(Target::Unreadable))
    }

    fn approved_target(&self, scope: Scope) -> Option<Target> {
        self.target(scope).filter(|_| self.approved)
    }
}

/// Newly approved; or, as a warning, created unapproved. In an audit every unfinished plan counts.
pub(super) fn start(
    object: &Fields<'_>,
    old: Option<&Fields<'_>>,
    create: bool,
    audit: bool,
    scope: Scope,
) -> Option<Start> {
    let plan = InstallPlan::read(object);
    if audit {
        return plan.target(scope).filter(|_| InstallPlan::is_unfinished(object)).map(Start::begins);
    }
    if create && !plan.approved {
        return plan.target(scope).map(Start::lies_ahead);
    }
    let old = old.and_then(|old| InstallPlan::read(old).approved_target(scope));
    scope.newly(plan.approved_target(scope), old.as_ref()).map(Start::begins)
}
