//! Names that carry a version of HCO: those of its ClusterServiceVersions and of its channels.

use crate::version::{Product, Version};

/// The packages that install HCO: upstream's and the product's.
pub const HCO_PACKAGES: [&str; 2] = ["community-kubevirt-hyperconverged", "kubevirt-hyperconverged"];

/// The name of a ClusterServiceVersion of HCO.
///
/// ```
/// use upgrade_gate_core::HcoCsv;
///
/// let csv = HcoCsv::named("kubevirt-hyperconverged-operator.v1.7.0").unwrap();
/// assert!(csv.version.unwrap().is_past_boundary());
/// assert_eq!(HcoCsv::named("kubevirt-hyperconverged-operator.vnext").unwrap().version, None);
/// assert_eq!(HcoCsv::named("cert-manager.v1.7.0"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HcoCsv {
    /// `kubevirt-hyperconverged-operator.v1.7.0`.
    pub name: String,
    /// Absent where the name's end is not a version.
    pub version: Option<Version>,
}

impl HcoCsv {
    /// What the names of HCO's ClusterServiceVersions begin with, upstream and in the product.
    ///
    /// Source: redhat-openshift-ecosystem/community-operators-prod, `operators/community-kubevirt-hyperconverged`.
    pub const PREFIX: &str = "kubevirt-hyperconverged-operator.v";

    /// `None` where it is the name of something else.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let version = name.strip_prefix(Self::PREFIX)?;
        Some(Self { name: name.into(), version: version.parse().ok() })
    }

    /// The name of the ClusterServiceVersion that installs a version; as text, because HCO also reports
    /// versions that cannot be parsed.
    #[must_use]
    pub fn name_of(version: &str) -> String {
        format!("{}{}", Self::PREFIX, version.strip_prefix('v').unwrap_or(version))
    }
}

/// Whether a package installs HCO.
#[must_use]
pub fn is_hco_package(package: &str) -> bool {
    HCO_PACKAGES.contains(&package)
}

/// Whose package it is; `None` for one that installs something else.
#[must_use]
pub fn product_of_package(package: &str) -> Option<Product> {
    let [upstream, product] = HCO_PACKAGES;
    match package {
        _ if package == upstream => Some(Product::Hco),
        _ if package == product => Some(Product::OpenShiftVirtualization),
        _ => None,
    }
}

/// Whether a package is upstream's, whose versions are those of HCO and not of the product.
pub(crate) fn is_upstream_package(package: &str) -> bool {
    package == HCO_PACKAGES[0]
}

/// The version that a channel leads to, where its name says so: it is, or after its last `-` ends in,
/// `[v]major.minor[.patch]`.
///
/// ```
/// use upgrade_gate_core::version_of_channel;
///
/// let version = |channel| version_of_channel(channel).map(|version| version.to_string());
/// assert_eq!(version("1.7.0").as_deref(), Some("1.7.0"));
/// assert_eq!(version("candidate-v1.12").as_deref(), Some("1.12.0"));
/// assert_eq!(version("stable"), None);
/// assert_eq!(version("1.7.0-unstable"), None);
/// ```
#[must_use]
pub fn version_of_channel(channel: &str) -> Option<Version> {
    channel.rsplit('-').next().and_then(|end| end.parse().ok())
}
