//! The language of the domain, pure: no I/O, no clock, no environment, no Wasm runtime and no
//! Kubernetes client. Everything a policy says is said in these words, so the same function runs
//! natively in a test and as WebAssembly in a policy server.
//!
//! A policy is a function from settings, a [`Review`] and a [`Cluster`] to findings:
//!
//! ```
//! use upgrade_gate_core::{
//!     Action, Cluster, Finding, Operation, Policy, Review, Severity, SettingsError, SettingsReader,
//! };
//!
//! struct NoPods;
//!
//! impl Policy for NoPods {
//!     const NAME: &'static str = "no-pods";
//!     type Settings = ();
//!
//!     fn settings(_: &mut SettingsReader) -> Result<(), SettingsError> {
//!         Ok(())
//!     }
//!
//!     fn check((): &(), review: &Review, _: &dyn Cluster) -> Vec<Finding> {
//!         if review.kind.kind != "Pod" || review.operation != Operation::Create {
//!             return Vec::new();
//!         }
//!         vec![Finding {
//!             message: "Pods are not wanted here.".into(),
//!             remedy: "Use a Deployment.".into(),
//!             resources: vec![review.subject()],
//!             warning: "Pods are not wanted here: use a Deployment".into(),
//!             ..Finding::new("created", Severity::Low, Action::Deny)
//!         }]
//!     }
//! }
//!
//! let request = r#"{"kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE", "name": "web"}"#;
//! let review: Review = serde_json::from_str(request).unwrap();
//! let findings = NoPods::check(&(), &review, &upgrade_gate_core::NoCluster);
//! let verdict = upgrade_gate_core::Verdict::new(NoPods::NAME, findings);
//! assert!(!verdict.allowed);
//! assert_eq!(verdict.code, Some(403));
//! assert_eq!(verdict.message.unwrap(), "[no-pods/created] Pods are not wanted here. Use a Deployment.");
//! ```

// In reading order: each needs only what stands above it.
mod version;
mod range;
mod names;
mod resource;
mod fields;
mod object;
mod cluster;
mod review;
mod installed;
pub mod upgrade;
mod words;
mod overriding;
mod verdict;
mod settings;
mod policy;

pub use cluster::{
    Answer, Cluster, GetQuery, ListQuery, Listing, NoCluster, PROBE, ReadError, exists, is_installed, list_all, paths,
};
pub use fields::Fields;
pub use installed::{installed, of_many};
pub use names::{HCO_PACKAGES, HcoCsv, is_hco_package, product_of_package, version_of_channel};
pub use object::{Condition, HyperConverged, Metadata, NodeMaintenance};
pub use overriding::Override;
pub use policy::Policy;
pub use range::{VersionRange, VersionRangeError};
pub use resource::{
    CLUSTER_EXTENSION, CLUSTER_SERVICE_VERSION, CLUSTER_VERSION, CustomResource, GroupResource, GroupResourceError,
    GroupVersionKind, HYPERCONVERGED, INSTALL_PLAN, NODE_MAINTENANCE, OPERATOR_CONDITION, ResourceRef, SUBSCRIPTION,
};
pub use review::{Operation, Review};
pub use settings::{SettingsError, SettingsReader};
pub use verdict::{Action, Effect, Finding, Severity, Verdict};
pub use version::{Product, Version, VersionError};
pub use words::{argument, escape, listed, shorten};
