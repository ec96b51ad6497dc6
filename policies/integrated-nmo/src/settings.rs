//! What an admin may choose.

use upgrade_gate_core::{Action, SettingsError, SettingsReader};

/// The policy's settings; the defaults are those of the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What admission does about a new NodeMaintenance: `warn` by default.
    pub on_create: Action,
    /// The same, while the upgrade that deletes it is under way: `deny` by default.
    pub on_create_during_upgrade: Action,
    /// What admission does about the start of that upgrade: `deny` by default.
    pub on_upgrade: Action,
    /// What admission does about the removal of the CRD, and with it of all objects: `deny` by default.
    pub on_crd_removal: Action,
    /// What admission does where it cannot be told, but never more than it would do if it could:
    /// `deny` by default.
    pub on_missing_data: Action,
    /// Whether an annotation overrides refusals: yes by default.
    pub allow_override: bool,
}

impl Settings {
    pub(crate) fn read(reader: &mut SettingsReader<'_>) -> Result<Self, SettingsError> {
        Ok(Self {
            on_create: reader.action("onCreate", Action::Warn)?,
            on_create_during_upgrade: reader.action("onCreateDuringUpgrade", Action::Deny)?,
            on_upgrade: reader.action("onUpgrade", Action::Deny)?,
            on_crd_removal: reader.action("onCrdRemoval", Action::Deny)?,
            on_missing_data: reader.action("onMissingData", Action::Deny)?,
            allow_override: reader.flag("allowOverride", true)?,
        })
    }
}
