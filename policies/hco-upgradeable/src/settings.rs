//! What an admin may choose.

use upgrade_gate_core::{Action, SettingsError, SettingsReader};

/// The policy's settings; the defaults are those of the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What admission does about the start of an upgrade while HCO cannot be upgraded: `deny` by default.
    pub on_upgrade: Action,
    /// The same, where only the patch version changes, or where the reason passes by itself: `warn` by
    /// default.
    pub on_patch_upgrade: Action,
    /// The same, while HCO does not say whether it can be upgraded: `warn` by default.
    pub on_unknown: Action,
    /// What admission does where HyperConverged cannot be read, but never more than `on_upgrade`: `warn`
    /// by default.
    pub on_missing_data: Action,
    /// Whether an annotation overrides refusals: yes by default.
    pub allow_override: bool,
}

impl Settings {
    pub(crate) fn read(reader: &mut SettingsReader<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            on_upgrade: reader.action("onUpgrade", Action::Deny)?,
            on_patch_upgrade: reader.action("onPatchUpgrade", Action::Warn)?,
            on_unknown: reader.action("onUnknown", Action::Warn)?,
            on_missing_data: reader.action("onMissingData", Action::Warn)?,
            allow_override: reader.flag("allowOverride", true)?,
        })
    }
}
