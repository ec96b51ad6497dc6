//! How a policy is cut into parts for admission, and which requests a part asks for.
//!
//! A webhook that cannot be reached either lets a request pass or refuses it. Refusing is right for the few objects that
//! start an upgrade of HCO, and wrong for everybody else's, so what is refused stands behind conditions that name HCO's
//! objects.

use serde_json::json;
use upgrade_gate_core::{
    CLUSTER_EXTENSION, CLUSTER_SERVICE_VERSION, GroupResource, HCO_PACKAGES, HcoCsv, INSTALL_PLAN, NODE_MAINTENANCE,
    OPERATOR_CONDITION, SUBSCRIPTION, upgrade::HCO_DEPLOYMENTS,
};

/// One ClusterAdmissionPolicy of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// What exists, for the reports of background audits; nobody's request fails for an outage.
    Flag,
    /// What asks OLM for an upgrade.
    Requests,
    /// What asks OLM v1. Apart, because audit-scanner leaves a whole policy out where one of its resources is not served.
    Extensions,
    /// What an upgrade consists of. Not audited: each Deployment of the cluster would have a report.
    Objects,
}

impl Part {
    pub(crate) const ALL: [Self; 4] = [Self::Flag, Self::Requests, Self::Extensions, Self::Objects];

    /// The one that a resource belongs to: `Flag`, unless the table says otherwise.
    pub(crate) fn of(resource: &GroupResource) -> Self {
        guarded(resource).map_or(Self::Flag, |guarded| guarded.part)
    }

    /// The end of its name.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Requests => "requests",
            Self::Extensions => "extensions",
            Self::Objects => "objects",
        }
    }

    pub(crate) fn is_audited(self) -> bool {
        self != Self::Objects
    }

    pub(crate) fn failure_policy(self) -> &'static str {
        if self == Self::Flag { "Ignore" } else { "Fail" }
    }
}

/// What is refused where the policy server cannot be reached.
struct Guarded {
    /// `PLURAL.GROUP`.
    resource: &'static str,
    part: Part,
    /// Which of its objects are HCO's, in CEL.
    is_of_hco: fn() -> String,
}

const GUARDED: [Guarded; 7] = [
    Guarded { resource: INSTALL_PLAN.crd, part: Part::Requests, is_of_hco: install_plan },
    Guarded { resource: SUBSCRIPTION.crd, part: Part::Requests, is_of_hco: subscription },
    Guarded { resource: CLUSTER_EXTENSION.crd, part: Part::Extensions, is_of_hco: cluster_extension },
    Guarded { resource: CLUSTER_SERVICE_VERSION.crd, part: Part::Objects, is_of_hco: cluster_service_version },
    Guarded { resource: OPERATOR_CONDITION.crd, part: Part::Objects, is_of_hco: || named(&is_of_csv()) },
    Guarded { resource: "deployments.apps", part: Part::Objects, is_of_hco: deployment },
    Guarded {
        resource: "customresourcedefinitions.apiextensions.k8s.io",
        part: Part::Objects,
        is_of_hco: custom_resource_definition,
    },
];

fn guarded(resource: &GroupResource) -> Option<&'static Guarded> {
    let name = resource.to_string();
    GUARDED.iter().find(|guarded| guarded.resource == name)
}

/// The CEL expression that is true for requests about any other resource, and for those of this one that are about HCO.
/// An error in it would refuse the request, so a field is looked at only where it is.
pub(crate) fn condition(resource: &GroupResource) -> Option<String> {
    let is_of_hco = guarded(resource)?.is_of_hco;
    Some(format!("request.resource.resource != {} ||\n{}", json!(resource.resource), is_of_hco()))
}

fn named(test: &str) -> String {
    either(&format!("has(o.metadata.name) && {test}"))
}

fn is_of_csv() -> String {
    format!("o.metadata.name.startsWith({})", json!(HcoCsv::PREFIX))
}

fn subscription() -> String {
    either(&format!("has(o.spec) && has(o.spec.name) && o.spec.name in {}", json!(HCO_PACKAGES)))
}

fn cluster_extension() -> String {
    either(&format!(
        "has(o.spec) && has(o.spec.source) && has(o.spec.source.catalog) &&\n  \
         has(o.spec.source.catalog.packageName) && o.spec.source.catalog.packageName in {}",
        json!(HCO_PACKAGES)
    ))
}

/// OLM copies each into every namespace, and no policy looks at the copies.
fn cluster_service_version() -> String {
    let copied = r#"has(o.metadata.labels) && "olm.copiedFrom" in o.metadata.labels"#;
    let elsewhere = r#"o.metadata.labels["olm.copiedFrom"] != o.metadata.namespace"#;
    named(&format!("{} &&\n  !({copied} && {elsewhere})", is_of_csv()))
}

fn deployment() -> String {
    named(&format!("o.metadata.name in {}", json!(HCO_DEPLOYMENTS)))
}

/// That of NodeMaintenance.
fn custom_resource_definition() -> String {
    named(&format!("o.metadata.name == {}", json!(NODE_MAINTENANCE.crd)))
}

/// Of the new object or of the old one: a deletion has no new one, and that of a collection no name in its request either.
fn either(test: &str) -> String {
    format!("[object, oldObject].exists(o, o != null && {test})")
}

/// Every creation; and an update of what decides, so that nobody waits for the policy where a plan only reports.
fn install_plan() -> String {
    let names_hco = either(&format!(
        "has(o.spec) && has(o.spec.clusterServiceVersionNames) &&\n  \
         o.spec.clusterServiceVersionNames.exists(name, name.startsWith({}))",
        json!(HcoCsv::PREFIX)
    ));
    let changes = ["approved", "clusterServiceVersionNames"].map(|field| {
        let [new, old] = ["object", "oldObject"].map(|object| format!("{object}.spec.{field}"));
        format!("has({new}) != has({old}) ||\n  has({new}) && {new} != {old}")
    });
    let [approved, names] = changes;
    format!(
        "{names_hco} &&\n(oldObject == null || !has(object.spec) || !has(oldObject.spec) ||\n  {approved} ||\n  {names})"
    )
}
