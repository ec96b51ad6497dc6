//! What every policy is.

use crate::{
    cluster::Cluster,
    overriding::Override,
    review::Review,
    settings::{SettingsError, SettingsReader},
    verdict::{Action, Finding, Verdict},
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

    /// Whether an admin may override the policy's refusals by the annotation
    /// [`Override::ANNOTATION`]; no, unless the policy has such a setting.
    fn allows_override(_: &Self::Settings) -> bool {
        false
    }

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

    /// The answer to one review. An override is looked for only where something is refused.
    fn judge(settings: &Self::Settings, review: &Review<'_>, cluster: &dyn Cluster) -> Verdict {
        let mut findings = Self::check(settings, review, cluster);
        let refused = findings.iter().any(|finding| finding.action == Action::Deny);
        if refused
            && Self::allows_override(settings)
            && let Some(by) = Override::find(Self::NAME, review, cluster)
        {
            findings = findings.into_iter().map(|finding| finding.overridden(&by)).collect();
        }
        Verdict::new(Self::NAME, findings)
    }
}
