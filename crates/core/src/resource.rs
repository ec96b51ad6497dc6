//! Names of kinds and of objects.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A kind, as an admission request names it. The core group is the empty string.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct GroupVersionKind {
    /// `apps`; empty for the core group.
    pub group: String,
    /// `v1beta1`.
    pub version: String,
    /// `NodeMaintenance`.
    pub kind: String,
}

impl GroupVersionKind {
    /// The kind that an object says it is.
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// `GROUP/VERSION`, or only the version for the core group: an object's `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// A kind that a CustomResourceDefinition defines, with what is needed to ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomResource {
    /// `GROUP/VERSION`.
    pub api_version: &'static str,
    /// Singular, as in an object's `kind`.
    pub kind: &'static str,
    /// `PLURAL.GROUP`, the name of its CustomResourceDefinition.
    pub crd: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// The integrated Node Maintenance Operator's kind, of HCO up to 1.6.
///
/// Source: HCO branch release-1.6, `deploy/crds/node-maintenance00.crd.yaml`.
pub const NODE_MAINTENANCE: CustomResource = CustomResource {
    api_version: "nodemaintenance.kubevirt.io/v1beta1",
    kind: "NodeMaintenance",
    crd: "nodemaintenances.nodemaintenance.kubevirt.io",
    namespaced: false,
};

/// HCO's own kind: its status says which version is installed.
///
/// Source: HCO branch release-1.6, `deploy/crds/hco00.crd.yaml`.
pub const HYPERCONVERGED: CustomResource = CustomResource {
    api_version: "hco.kubevirt.io/v1beta1",
    kind: "HyperConverged",
    crd: "hyperconvergeds.hco.kubevirt.io",
    namespaced: true,
};

/// What OLM installs: one version of an operator.
///
/// Source of this and the next three: operator-framework/api, `crds/operators.coreos.com_*.yaml`.
pub const CLUSTER_SERVICE_VERSION: CustomResource = CustomResource {
    api_version: "operators.coreos.com/v1alpha1",
    kind: "ClusterServiceVersion",
    crd: "clusterserviceversions.operators.coreos.com",
    namespaced: true,
};

/// What OLM is about to install, and whether somebody approved it.
pub const INSTALL_PLAN: CustomResource = CustomResource {
    api_version: "operators.coreos.com/v1alpha1",
    kind: "InstallPlan",
    crd: "installplans.operators.coreos.com",
    namespaced: true,
};

/// From where OLM takes an operator, and whether it asks before it upgrades it.
pub const SUBSCRIPTION: CustomResource = CustomResource {
    api_version: "operators.coreos.com/v1alpha1",
    kind: "Subscription",
    crd: "subscriptions.operators.coreos.com",
    namespaced: true,
};

/// Where an operator tells OLM that it must not be upgraded, and where an admin overrides it.
pub const OPERATOR_CONDITION: CustomResource = CustomResource {
    api_version: "operators.coreos.com/v2",
    kind: "OperatorCondition",
    crd: "operatorconditions.operators.coreos.com",
    namespaced: true,
};

/// OLM v1's wish for an operator.
///
/// Source: operator-framework/operator-controller, CRD `clusterextensions.olm.operatorframework.io`.
pub const CLUSTER_EXTENSION: CustomResource = CustomResource {
    api_version: "olm.operatorframework.io/v1",
    kind: "ClusterExtension",
    crd: "clusterextensions.olm.operatorframework.io",
    namespaced: false,
};

/// OpenShift's own version.
///
/// Source: openshift/api, `config/v1/types_cluster_version.go`.
pub const CLUSTER_VERSION: CustomResource = CustomResource {
    api_version: "config.openshift.io/v1",
    kind: "ClusterVersion",
    crd: "clusterversions.config.openshift.io",
    namespaced: false,
};

impl CustomResource {
    /// Its API group: what comes after the first dot of the CRD's name.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.crd.split_once('.').map_or("", |(_, group)| group)
    }

    /// One object of it.
    #[must_use]
    pub fn named(&self, namespace: Option<String>, name: String, uid: Option<String>) -> ResourceRef {
        ResourceRef { api_version: self.api_version.into(), kind: self.kind.into(), namespace, name, uid }
    }

    /// What has to be granted before a policy can read its objects, as the remedy of an answer to admission. Whoever
    /// judges a snapshot says instead how to collect them.
    #[must_use]
    pub fn how_to_read(&self) -> String {
        format!(
            "Let the policy server get, list and watch {}, and get customresourcedefinitions.apiextensions.k8s.io.",
            self.crd
        )
    }

    /// Its plural name, `nodemaintenances`: what comes before the first dot of the CRD's name.
    #[must_use]
    pub fn plural(&self) -> &'static str {
        self.crd.split_once('.').map_or(self.crd, |(plural, _)| plural)
    }
}

/// One object, by name. `uid` is absent where the source does not have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRef {
    /// `GROUP/VERSION`, or the version alone for the core group.
    pub api_version: String,
    /// Singular, as in an object's `kind`.
    pub kind: String,
    /// Absent for objects of cluster scope.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: Option<String>,
}

/// `KIND NAMESPACE/NAME`, unescaped.
impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name, .. } = self;
        match namespace {
            Some(namespace) => write!(f, "{kind} {namespace}/{name}"),
            None => write!(f, "{kind} {name}"),
        }
    }
}

/// `PLURAL.GROUP`, as RBAC rules and the names of CustomResourceDefinitions put it; the plural alone
/// for the core group.
///
/// ```
/// use upgrade_gate_core::GroupResource;
///
/// let text = "nodemaintenances.nodemaintenance.kubevirt.io";
/// let parsed: GroupResource = text.parse().unwrap();
/// assert_eq!(parsed.group, "nodemaintenance.kubevirt.io");
/// assert_eq!(parsed.to_string(), text);
/// assert_eq!("nodes".parse::<GroupResource>().unwrap().group, "");
/// assert!("NodeMaintenance".parse::<GroupResource>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupResource {
    /// `nodemaintenance.kubevirt.io`; empty for the core group.
    pub group: String,
    /// The plural name in lower case, `nodemaintenances`.
    pub resource: String,
}

/// Why a text is not a [`GroupResource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected PLURAL.GROUP, such as `nodemaintenances.nodemaintenance.kubevirt.io`")]
pub struct GroupResourceError;

impl GroupResource {
    /// Where the API server lists it: `/apis/GROUP/VERSION/PLURAL`, and `/api/VERSION/PLURAL` for the core
    /// group.
    #[must_use]
    pub fn path(&self, version: &str) -> String {
        self.path_in(version, None)
    }

    /// Where the API server lists the objects of a namespace, or of all where none is named.
    #[must_use]
    pub fn path_in(&self, version: &str, namespace: Option<&str>) -> String {
        let Self { group, resource } = self;
        let root = if group.is_empty() { "/api".into() } else { format!("/apis/{group}") };
        let namespace = namespace.map_or(String::new(), |namespace| format!("namespaces/{namespace}/"));
        format!("{root}/{version}/{namespace}{resource}")
    }
}

impl FromStr for GroupResource {
    type Err = GroupResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (resource, group) = text.split_once('.').unwrap_or((text, ""));
        let name =
            |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        if resource.is_empty() || !name(resource) || !name(group) {
            return Err(GroupResourceError);
        }
        Ok(Self { group: group.into(), resource: resource.into() })
    }
}

impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.group.is_empty() { "" } else { "." };
        write!(f, "{}{separator}{}", self.resource, self.group)
    }
}
