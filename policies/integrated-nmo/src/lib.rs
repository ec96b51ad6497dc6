#![doc = include_str!("../README.md")]

mod created;
mod in_use;
mod settings;

use upgrade_gate_core::{Cluster, Finding, NODE_MAINTENANCE, Operation, Policy, Review, SettingsError, SettingsReader};

pub use settings::Settings;

/// Runbook KubevirtHyperconvergedClusterOperatorNMOInUseAlert.
pub struct IntegratedNmo;

upgrade_gate_guest::export_policy!(IntegratedNmo);

impl Policy for IntegratedNmo {
    const NAME: &'static str = "integrated-nmo";
    type Settings = Settings;

    fn settings(reader: &mut SettingsReader<'_>) -> Result<Settings, SettingsError> {
        Settings::read(reader)
    }

    /// An UPDATE or DELETE of a NodeMaintenance is how its users get out: never refused, never
    /// remarked on.
    fn check(settings: &Settings, review: &Review<'_>, cluster: &dyn Cluster) -> Vec<Finding> {
        let ours =
            review.kind.api_version() == NODE_MAINTENANCE.api_version && review.kind.kind == NODE_MAINTENANCE.kind;
        if !ours || review.operation != Operation::Create || review.sub_resource.is_some() {
            Vec::new()
        } else if review.is_audit() {
            vec![in_use::finding(review, cluster)]
        } else {
            created::finding(settings, review, cluster).into_iter().collect()
        }
    }
}
