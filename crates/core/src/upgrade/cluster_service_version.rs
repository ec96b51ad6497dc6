//! ClusterServiceVersion: where it appears, OLM has begun to install it.

use crate::{
    fields::Fields,
    names::HcoCsv,
    object::Metadata,
    resource::{HYPERCONVERGED, NODE_MAINTENANCE},
    upgrade::{Scope, Start, Target},
    version::Version,
};

/// `ClusterServiceVersion` of HCO, of `operators.coreos.com/v1alpha1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterServiceVersion {
    /// Absent only in a manifest.
    pub namespace: Option<String>,
    /// `metadata.name`, `kubevirt-hyperconverged-operator.v…`.
    pub name: String,
    /// What its name and `spec.version` say, as far as they can be read.
    pub versions: Vec<Version>,
    /// Whether it owns the CRD of NodeMaintenance, as those of HCO up to 1.6 do.
    pub owns_node_maintenance: bool,
    /// `status.phase`, such as `Pending` or `Succeeded`; empty until OLM has looked at it.
    pub phase: String,
}

impl ClusterServiceVersion {
    /// The fields that are read, for a query.
    pub const FIELDS: [&'static str; 3] = ["spec.version", "spec.customresourcedefinitions.owned.name", "status.phase"];

    /// `None` where it is another operator's, or a copy that OLM puts into other namespaces: the label
    /// `olm.copiedFrom` names a namespace that is not its own.
    ///
    /// Source: operator-framework/api, `pkg/operators/v1alpha1`, `CopiedLabelKey`.
    #[must_use]
    pub fn read(object: &Fields<'_>) -> Option<Self> {
        let Metadata { name, namespace, .. } = Metadata::read(object);
        let csv = HcoCsv::named(&name)?;
        let copied_from = object.object("metadata").object("labels").words("olm.copiedFrom");
        let is_copy = copied_from.zip(namespace.as_ref()).is_some_and(|(from, own)| from != *own);
        let spec = object.object("spec");
        let owned = spec.object("customresourcedefinitions").objects("owned");
        let owns = |crd: &str| owned.iter().any(|owned| owned.text("name").as_deref() == Some(crd));
        if is_copy || !owns(HYPERCONVERGED.crd) {
            return None;
        }
        let stated = spec.text("version").and_then(|version| version.parse().ok());
        Some(Self {
            namespace,
            name,
            versions: csv.version.into_iter().chain(stated).collect(),
            owns_node_maintenance: owns(NODE_MAINTENANCE.crd),
            phase: object.object("status").text("phase").unwrap_or_default(),
        })
    }

    /// What it installs. Where its version cannot be read, what it no longer owns tells whether it is
    /// past the boundary.
    #[must_use]
    pub fn target(&self, scope: Scope) -> Option<Target> {
        if !self.versions.is_empty() {
            return scope.highest(self.versions.iter().copied());
        }
        match scope {
            Scope::PastBoundary => (!self.owns_node_maintenance).then(|| Target::Successor(self.name.clone())),
            Scope::HigherThan(_) => Some(Target::Unreadable(self.name.clone())),
        }
    }
}

/// Newly there, or no copy any more. In an audit every one counts that is not installed.
pub(super) fn start(object: &Fields<'_>, old: Option<&Fields<'_>>, audit: bool, scope: Scope) -> Option<Start> {
    let csv = ClusterServiceVersion::read(object)?;
    let target = csv.target(scope);
    if audit {
        return target.filter(|_| csv.phase != "Succeeded").map(Start::begins);
    }
    let old = old.and_then(ClusterServiceVersion::read).and_then(|old| old.target(scope));
    scope.newly(target, old.as_ref()).map(Start::begins)
}
