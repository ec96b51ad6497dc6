//! What an admin may choose.

use upgrade_gate_core::{Action, SettingsError, SettingsReader};

/// The policy's settings; the defaults are those of the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What admission does about a new NodeMaintenance: `warn` by default.
    pub on_create: Action,
}

impl Settings {
    pub(crate) fn read(reader: &mut SettingsReader<'_>) -> Result<Self, SettingsError> {
        Ok(Self { on_create: reader.action("onCreate", Action::Warn)? })
    }
}
