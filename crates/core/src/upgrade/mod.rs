//! Is a review an upgrade of HCO: to which version, through which object, newly asked for or not, and
//! how sure is that?
//!
//! Each kind of object that starts an upgrade has a file here: a narrow view of it, and when it is a
//! start. What counts is a *start*: something that holds for the new object and did not for the old
//! one. In an audit it is what holds for the object as it stands.

mod cluster_extension;
mod cluster_service_version;
mod cluster_version;
mod deployment;
mod install_plan;
mod operator_condition;
mod subscription;
mod words;

pub(crate) use deployment::is_deployment;

use crate::{
    range::VersionRange,
    resource::{
        CLUSTER_EXTENSION, CLUSTER_SERVICE_VERSION, CLUSTER_VERSION, INSTALL_PLAN, OPERATOR_CONDITION, SUBSCRIPTION,
    },
    review::{Operation, Review},
    version::Version,
};

pub use cluster_service_version::ClusterServiceVersion;
pub use deployment::HCO_DEPLOYMENTS;
pub use install_plan::InstallPlan;
pub use operator_condition::OperatorCondition;
pub use words::SIMULATED;

/// Which upgrades a policy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To a version that deletes the CRD of NodeMaintenance ([`Version::is_past_boundary`]).
    PastBoundary,
    /// To a version higher than this one. Where it is absent, to any that is higher than what the old object
    /// led to: then a review is an upgrade if it is one from some version.
    HigherThan(Option<Version>),
}

/// An upgrade that a review asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// To what.
    pub target: Target,
    /// Whether the upgrade begins with this review; else somebody or something else has yet to act, or
    /// it cannot be told what will be installed.
    pub begins: bool,
}

/// What is going to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This version.
    Version(Version),
    /// One of these versions.
    Range(VersionRange),
    /// Whatever the channel leads to; empty for the package's default channel.
    Channel(String),
    /// The ClusterServiceVersion of HCO that waits in the review's namespace, if there is one: that has
    /// to be looked up.
    Pending,
    /// A ClusterServiceVersion of HCO that does not own the CRD of NodeMaintenance, whatever its version,
    /// which cannot be read.
    Successor(String),
    /// Something of HCO whose version cannot be read, by its name or value.
    Unreadable(String),
    /// OpenShift itself, of which HCO has to be of the same minor version.
    Platform(Version),
}

impl Scope {
    fn includes(self, version: Version) -> bool {
        match self {
            Self::PastBoundary => version.is_past_boundary(),
            Self::HigherThan(from) => from.is_none_or(|from| version.is_after(from)),
        }
    }

    /// The highest of the versions that is included.
    fn highest(self, versions: impl IntoIterator<Item = Version>) -> Option<Target> {
        versions.into_iter().filter(|version| self.includes(*version)).max().map(Target::Version)
    }

    /// What holds now and did not before. A name that can be read is news after one that could not.
    fn newly(self, new: Option<Target>, old: Option<&Target>) -> Option<Target> {
        new.filter(|new| match (old, new) {
            (None, _) => true,
            (Some(Target::Unreadable(_)), new) => !matches!(new, Target::Unreadable(_)),
            (Some(Target::Version(old)), new) if self == Self::HigherThan(None) => match new {
                Target::Version(new) => new.is_after(*old),
                _ => true,
            },
            (Some(_), _) => false,
        })
    }
}

impl Start {
    fn begins(target: Target) -> Self {
        Self { target, begins: true }
    }

    fn lies_ahead(target: Target) -> Self {
        Self { target, begins: false }
    }
}

/// The upgrade that a review starts, or in an audit the one that its object stands for; `None` where
/// there is none. A subresource starts nothing, nor does a deletion.
#[must_use]
pub fn start(review: &Review<'_>, scope: Scope) -> Option<Start> {
    let (new, old) = (review.object.as_ref()?, review.old_object.as_ref());
    let (create, audit) = (review.operation == Operation::Create, review.is_audit());
    if !create && review.operation != Operation::Update {
        return None;
    }
    let is = |resource| review.is_of(resource);
    if is(&INSTALL_PLAN) {
        install_plan::start(new, old, create, audit, scope)
    } else if is(&CLUSTER_SERVICE_VERSION) {
        cluster_service_version::start(new, old, audit, scope)
    } else if is(&SUBSCRIPTION) {
        subscription::start(new, old, audit, scope)
    } else if is(&CLUSTER_EXTENSION) {
        cluster_extension::start(new, old, audit, scope)
    } else if audit {
        None
    } else if is(&OPERATOR_CONDITION) {
        operator_condition::start(new, old, scope)
    } else if is(&CLUSTER_VERSION) {
        cluster_version::start(new, old, scope)
    } else if is_deployment(review) {
        deployment::start(new, old, scope)
    } else {
        None
    }
}

/// The namespace in which HCO is installed by what is under review; `None` where it does not say.
#[must_use]
pub fn namespace(review: &Review<'_>) -> Option<String> {
    if review.is_of(&CLUSTER_EXTENSION) {
        review.fields().object("spec").words("namespace")
    } else {
        review.subject().namespace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [(&str, &str); 5] = [
        ("operators.coreos.com", "InstallPlan"),
        ("operators.coreos.com", "ClusterServiceVersion"),
        ("operators.coreos.com", "Subscription"),
        ("olm.operatorframework.io", "ClusterExtension"),
        ("apps", "Deployment"),
    ];

    /// An object that leads to a version.
    fn object(kind: &str, version: &str) -> String {
        let csv = format!("kubevirt-hyperconverged-operator.v{version}");
        let spec = match kind {
            "InstallPlan" => format!(r#"{{"approved": true, "clusterServiceVersionNames": ["{csv}"]}}"#),
            "ClusterServiceVersion" => {
                let owned = r#"{"owned": [{"name": "hyperconvergeds.hco.kubevirt.io"}]}"#;
                format!(r#"{{"version": "{version}", "customresourcedefinitions": {owned}}}"#)
            }
            "Subscription" => {
                format!(r#"{{"name": "kubevirt-hyperconverged", "channel": "{version}", "startingCSV": "{csv}"}}"#)
            }
            "ClusterExtension" => {
                let package = "community-kubevirt-hyperconverged";
                let catalog = format!(r#"{{"packageName": "{package}", "version": "{version}"}}"#);
                format!(r#"{{"source": {{"catalog": {catalog}}}}}"#)
            }
            _ => {
                let env = format!(r#"[{{"name": "HCO_KV_IO_VERSION", "value": "{version}"}}]"#);
                format!(r#"{{"template": {{"spec": {{"containers": [{{"env": {env}}}]}}}}}}"#)
            }
        };
        // The name of a ClusterServiceVersion does not change: its version is in its spec.
        let name = if kind == "Deployment" { "hco-operator" } else { "kubevirt-hyperconverged-operator.vnext" };
        format!(r#"{{"metadata": {{"name": "{name}"}}, "spec": {spec}}}"#)
    }

    #[test]
    fn without_a_version_it_is_an_upgrade_if_it_is_one_from_any_version() {
        let versions = ["1.5.0", "1.6.0", "1.6.1", "1.7.0", "next"];
        let installed = ["1.4.0", "1.5.0", "1.6.0", "1.6.1", "1.7.0"];
        let changes = versions.iter().flat_map(|old| versions.map(|new| (old, new)));
        for ((old, new), (group, kind)) in changes.flat_map(|change| KINDS.map(|kind| (change, kind))) {
            let request = format!(
                r#"{{"kind": {{"group": "{group}", "version": "v1", "kind": "{kind}"}}, "operation": "UPDATE",
                     "object": {}, "oldObject": {}}}"#,
                object(kind, new),
                object(kind, old),
            );
            let review: Review<'_> = serde_json::from_str(&request).unwrap();
            let is_start = |from: Option<Version>| start(&review, Scope::HigherThan(from)).is_some();
            let from_any = installed.iter().any(|from| is_start(from.parse().ok()));
            assert_eq!(is_start(None), from_any, "{request}");
        }
    }
}
