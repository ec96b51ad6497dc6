//! What every policy is.

use crate::{
    cluster::Cluster,
    review::Review,
    settings::{SettingsError, SettingsReader},
    verdict::{Finding, Verdict},
};

/// A runbook as a function. It has no clock, file, network, environment or randomness to use: the
/// same settings, review and cluster give the same findings in the same order.
pub trait Policy {
    /// The policy's name, as in its metadata: `integrated-nmo`.
    const NAME: &'static str;

    /// What an admin may choose.
    type Settings;

    /// Takes the fields that the policy knows.
    ///
    /// # Errors
    /// [`SettingsError`] for the first field whose value is not allowed.
    fn settings(reader: &mut SettingsReader<'_>) -> Result<Self::Settings, SettingsError>;

    /// Judges one review.
    fn check(settings: &Self::Settings, review: &Review<'_>, cluster: &dyn Cluster) -> Vec<Finding>;

    /// Reads settings, a JSON object, whole: every field known, every value allowed.
    ///
    /// # Errors
    /// [`SettingsError`], naming the field, the value and what is allowed.
    fn parse_settings(settings: &str) -> Result<Self::Settings, SettingsError> {
        let mut reader = SettingsReader::new(settings)?;
        let parsed = Self::settings(&mut reader)?;
        reader.finish()?;
        Ok(parsed)
    }

    /// The answer to one review.
    fn judge(settings: &Self::Settings, review: &Review<'_>, cluster: &dyn Cluster) -> Verdict {
        Verdict::new(Self::NAME, Self::check(settings, review, cluster))
    }
}
