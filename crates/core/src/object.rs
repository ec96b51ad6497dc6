//! Narrow views of the objects that policies read. A field that is not there is `None` or empty.

use crate::{fields::Fields, version::Version};

/// The part of `metadata` that decides something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Empty where the object is to be named by the API server.
    pub name: String,
    /// Absent for objects of cluster scope.
    pub namespace: Option<String>,
    /// Absent until the object is stored.
    pub uid: Option<String>,
    /// Set once the object is stored, opaque.
    pub resource_version: Option<String>,
    /// When deletion was asked for, RFC 3339; the object goes when its finalizers are gone.
    pub deletion_timestamp: Option<String>,
    /// Who has to do something before the object can go.
    pub finalizers: Vec<String>,
}

impl Metadata {
    /// Of an object.
    #[must_use]
    pub fn read(object: &Fields<'_>) -> Self {
        let metadata = object.object("metadata");
        Self {
            name: metadata.text("name").unwrap_or_default(),
            namespace: metadata.words("namespace"),
            uid: metadata.words("uid"),
            resource_version: metadata.words("resourceVersion"),
            deletion_timestamp: metadata.words("deletionTimestamp"),
            finalizers: metadata.texts("finalizers"),
        }
    }
}

/// `NodeMaintenance` of `nodemaintenance.kubevirt.io/v1beta1`: one node that is, or is to be, in
/// maintenance. Its schema requires `spec.nodeName`, but not `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeMaintenance {
    /// `spec.nodeName`, the node to drain and cordon.
    pub node_name: Option<String>,
    /// `spec.reason`, free text of whoever asked.
    pub reason: Option<String>,
    /// `status.phase`: `Running`, `Succeeded` or `Failed`; the schema enforces none of them.
    pub phase: Option<String>,
}

impl NodeMaintenance {
    /// Of an object of that kind.
    #[must_use]
    pub fn read(object: &Fields<'_>) -> Self {
        let spec = object.object("spec");
        Self {
            node_name: spec.words("nodeName"),
            reason: spec.words("reason"),
            phase: object.object("status").words("phase"),
        }
    }
}

/// `HyperConverged` of `hco.kubevirt.io/v1beta1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HyperConverged {
    /// Absent only in a manifest.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// Whether it has a resourceVersion: without one it is a manifest, and says nothing about the cluster.
    pub is_stored: bool,
    /// `status.versions[name=operator]`, unparsed: the HCO version that finished its installation
    /// last, and what HCO itself compares before it removes the CRD.
    ///
    /// Source: HCO v1.7.0, `pkg/controller/hyperconverged/hyperconverged_controller.go`.
    pub operator_version: Option<String>,
    /// `status.conditions`, in their order.
    pub conditions: Vec<Condition>,
}

/// A condition of an object's status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// `type`: what it is about, `Upgradeable`.
    pub name: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word; of several reasons the one that was set last.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl HyperConverged {
    /// The fields that are read, for a query; `metadata` comes with every answer.
    pub const FIELDS: [&'static str; 2] = ["status.versions", "status.conditions"];

    /// Of an object of that kind.
    #[must_use]
    pub fn read(object: &Fields<'_>) -> Self {
        let Metadata { name, namespace, resource_version, .. } = Metadata::read(object);
        let status = object.object("status");
        let versions = status.objects("versions");
        let operator = versions.iter().find(|entry| entry.text("name").as_deref() == Some("operator"));
        Self {
            namespace,
            name,
            is_stored: resource_version.is_some(),
            operator_version: operator.and_then(|entry| entry.words("version")),
            conditions: status.objects("conditions").iter().map(Condition::read).collect(),
        }
    }

    /// The condition of that type; absent until HCO has set it.
    #[must_use]
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.name == name)
    }

    /// [`HyperConverged::operator_version`], where it is there and can be read.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.operator_version.as_ref()?.parse().ok()
    }
}

impl Condition {
    fn read(condition: &Fields<'_>) -> Self {
        let text = |name: &str| condition.text(name).unwrap_or_default();
        Self { name: text("type"), status: text("status"), reason: text("reason"), message: text("message") }
    }
}
