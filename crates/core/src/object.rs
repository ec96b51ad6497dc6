//! Narrow views of the objects that policies read. A field that is not there is `None` or empty.

use serde_json::value::RawValue;

use crate::fields::Fields;

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
        let finalizers = metadata.list("finalizers").unwrap_or_default();
        Self {
            name: metadata.text("name").unwrap_or_default(),
            namespace: metadata.words("namespace"),
            uid: metadata.words("uid"),
            resource_version: metadata.words("resourceVersion"),
            deletion_timestamp: metadata.words("deletionTimestamp"),
            finalizers: finalizers.iter().filter_map(|json| serde_json::from_str(json.get()).ok()).collect(),
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
    /// `status.versions[name=operator]`, unparsed: the HCO version that finished its installation
    /// last, and what HCO itself compares before it removes the CRD.
    ///
    /// Source: HCO v1.7.0, `pkg/controller/hyperconverged/hyperconverged_controller.go`.
    pub operator_version: Option<String>,
}

impl HyperConverged {
    /// Of an object of that kind.
    #[must_use]
    pub fn read(object: &Fields<'_>) -> Self {
        let versions = object.object("status").list("versions").unwrap_or_default();
        let operator = versions
            .into_iter()
            .filter_map(|entry| Fields::parse(RawValue::get(entry)))
            .find(|entry| entry.text("name").as_deref() == Some("operator"));
        Self { operator_version: operator.and_then(|entry| entry.words("version")) }
    }
}
