//! The upgrade that is asked for: how far it goes, how sure that is, and how it is put into words.

use upgrade_gate_core::{
    Action, Review, Version,
    upgrade::{Start, Target},
};

pub(crate) struct Asked<'r> {
    pub(crate) review: &'r Review<'r>,
    pub(crate) start: Start,
    /// The version that is installed; `None` where HyperConverged does not say, or cannot be read.
    pub(crate) from: Option<Version>,
}

impl Asked<'_> {
    /// Whether the upgrade begins with this review, and its target can be told.
    pub(crate) fn is_certain(&self) -> bool {
        self.start.begins && matches!(self.start.target, Target::Version(_) | Target::Range(_))
    }

    /// What is not certain is no more than warned about.
    pub(crate) fn at_most(&self, action: Action) -> Action {
        if self.is_certain() { action } else { action.min(Action::Warn) }
    }

    /// Whether only the patch version changes. Of a range that is so where its highest version is of the
    /// installed minor: what it allows below does not count.
    pub(crate) fn stays_in_minor(&self) -> bool {
        let minor = |version: Version| (version.major, version.minor);
        let highest = match &self.start.target {
            Target::Version(version) => *version,
            Target::Range(range) => range.highest,
            _ => return false,
        };
        self.from.is_some_and(|from| minor(from) == minor(highest))
    }

    /// `InstallPlan install-x7k2p asks for the upgrade of HCO from 1.6.0 to 1.7.0`.
    pub(crate) fn what(&self) -> String {
        self.start.sentence(self.review, self.from)
    }

    /// To what, in the space of a warning: `to 1.7.0`, or only `of HCO`.
    pub(crate) fn aim_in_short(&self) -> String {
        match self.start.target {
            Target::Version(version) => format!("to {version}"),
            _ => "of HCO".into(),
        }
    }

    /// What comes after the next step; begins with a space where there is something.
    pub(crate) fn then(&self) -> &'static str {
        self.start.afterwards(self.review)
    }
}
