#![doc = include_str!("../README.md")]

mod settings;
mod in_the_way;
mod in_use;
mod created;
mod upgrade;
mod crd_removal;

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
    /// remarked on. Of deletions only that of the CRD is looked at.
    fn check(settings: &Settings, review: &Review<'_>, cluster: &dyn Cluster) -> Vec<Finding> {
        let finding = if review.is_of(&NODE_MAINTENANCE) {
            match review.operation {
                Operation::Create if review.is_audit() => Some(in_use::finding(review, cluster)),
                Operation::Create => created::finding(settings, review, cluster),
                _ => None,
            }
        } else if review.operation == Operation::Delete {
            crd_removal::finding(settings, review, cluster)
        } else {
            upgrade::finding(settings, review, cluster)
        };
        finding.into_iter().collect()
    }

    fn allows_override(settings: &Settings) -> bool {
        settings.allow_override
    }
}
