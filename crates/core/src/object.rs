//! Narrow views of the objects that policies read. What a view does not name is skipped by the
//! parser, not allocated; a field that is not there is `None` or empty.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The part of `metadata` that decides something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    /// Empty where the object is to be named by the API server.
    pub name: String,
    /// The prefix of a name that the API server makes.
    pub generate_name: Option<String>,
    /// Absent for objects of cluster scope.
    pub namespace: Option<String>,
    /// Absent until the object is stored.
    pub uid: Option<String>,
    /// Set once the object is stored, opaque.
    pub resource_version: Option<String>,
    /// When deletion was asked for, RFC 3339; the object goes when its finalizers are gone.
    pub deletion_timestamp: Option<String>,
    /// Who has to do something before the object can go.
    pub finalizers: Option<Vec<String>>,
    /// Used by label selectors.
    pub labels: Option<BTreeMap<String, String>>,
}

/// `NodeMaintenance` of `nodemaintenance.kubevirt.io/v1beta1`: one node that is, or is to be, in
/// maintenance. Its schema requires `spec.nodeName`, but not `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeMaintenance {
    /// Its name is free: it need not be the node's.
    pub metadata: Metadata,
    /// What was asked for.
    pub spec: Option<NodeMaintenanceSpec>,
    /// What the operator made of it.
    pub status: Option<NodeMaintenanceStatus>,
}

/// See [`NodeMaintenance::spec`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeMaintenanceSpec {
    /// The node to drain and cordon.
    pub node_name: Option<String>,
    /// Free text of whoever asked.
    pub reason: Option<String>,
}

/// See [`NodeMaintenance::status`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeMaintenanceStatus {
    /// `Running`, `Succeeded` or `Failed`; the schema enforces none of them.
    pub phase: Option<String>,
}

/// `HyperConverged` of `hco.kubevirt.io/v1beta1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HyperConverged {
    /// Filled in by the operator.
    pub status: Option<HyperConvergedStatus>,
}

/// See [`HyperConverged::status`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HyperConvergedStatus {
    /// The entry `operator` is the HCO version that finished its installation last.
    pub versions: Vec<ComponentVersion>,
}

/// See [`HyperConvergedStatus::versions`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ComponentVersion {
    /// `operator` for HCO itself.
    pub name: String,
    /// As the operator writes it, unparsed.
    pub version: String,
}

impl HyperConverged {
    /// `status.versions[name=operator]`: what HCO itself compares before it removes the CRD.
    /// Source: HCO v1.7.0, `pkg/controller/hyperconverged/hyperconverged_controller.go`.
    #[must_use]
    pub fn operator_version(&self) -> Option<&str> {
        let versions = &self.status.as_ref()?.versions;
        versions.iter().find(|entry| entry.name == "operator").map(|entry| entry.version.as_str())
    }
}
