#![doc = include_str!("../README.md")]

mod settings;
mod condition;
mod health;
mod audit;
mod asked;
mod upgrade;

use upgrade_gate_core::{
    CLUSTER_SERVICE_VERSION, Cluster, Finding, HYPERCONVERGED, Policy, Review, SettingsError, SettingsReader,
};

pub use settings::Settings;

/// Step 1 of the diagnosis of runbook KubevirtHyperconvergedClusterOperatorNMOInUseAlert: what does
/// HyperConverged's condition `Upgradeable` say?
pub struct HcoUpgradeable;

upgrade_gate_guest::export_policy!(HcoUpgradeable);

impl Policy for HcoUpgradeable {
    const NAME: &'static str = "hco-upgradeable";
    type Settings = Settings;

    fn settings(reader: &mut SettingsReader<'_>) -> Result<Settings, SettingsError> {
        Settings::read(reader)
    }

    /// In an audit HyperConverged and its ClusterServiceVersion speak for themselves, and what would start an upgrade passes
    /// unread. In admission it is the other way round.
    fn check(settings: &Settings, review: &Review<'_>, cluster: &dyn Cluster) -> Vec<Finding> {
        match (review.is_audit(), review.is_of(&HYPERCONVERGED)) {
            (true, true) => audit::hyperconverged(review),
            (true, false) if review.is_of(&CLUSTER_SERVICE_VERSION) => {
                audit::cluster_service_version(review).into_iter().collect()
            }
            (false, false) => upgrade::findings(settings, review, cluster),
            _ => Vec::new(),
        }
    }

    fn allows_override(settings: &Settings) -> bool {
        settings.allow_override
    }
}
