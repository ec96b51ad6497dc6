//! The answer in one word, and the exit code.

use std::process::ExitCode;

use clap::ValueEnum;
use serde::Serialize;

/// Can the cluster be upgraded? From good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Yes, as far as the policies know.
    Ready,
    /// Yes, but something is worth a look.
    Warning,
    /// Data is missing: it cannot be told.
    Unknown,
    /// No.
    Blocked,
    /// A policy crashed or could not be asked.
    Error,
}

/// From which verdict on the exit code says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Only where something is in the way.
    Blocked,
    /// Also where data is missing.
    Unknown,
    /// Also where something is worth a look.
    Warning,
    /// Not at all; only errors.
    Never,
}

/// What the program tells its caller. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 0: below the threshold.
    Passed,
    /// 1: blocked, or a warning where the threshold asks for it.
    Failed,
    /// 2: an error, always.
    Error,
    /// 3: unknown.
    Unknown,
}

impl Verdict {
    /// The exit code that follows from it under a threshold.
    #[must_use]
    pub fn outcome(self, fail_on: FailOn) -> Outcome {
        let threshold = match fail_on {
            FailOn::Warning => Self::Warning,
            FailOn::Unknown => Self::Unknown,
            FailOn::Blocked => Self::Blocked,
            FailOn::Never => Self::Error,
        };
        match self {
            Self::Error => Outcome::Error,
            below if below < threshold => Outcome::Passed,
            Self::Unknown => Outcome::Unknown,
            _ => Outcome::Failed,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Passed => 0,
            Outcome::Failed => 1,
            Outcome::Error => 2,
            Outcome::Unknown => 3,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds() {
        use Outcome::{Error, Failed, Passed, Unknown};
        let verdicts = [Verdict::Ready, Verdict::Warning, Verdict::Unknown, Verdict::Blocked, Verdict::Error];
        let cases = [
            (FailOn::Warning, [Passed, Failed, Unknown, Failed, Error]),
            (FailOn::Unknown, [Passed, Passed, Unknown, Failed, Error]),
            (FailOn::Blocked, [Passed, Passed, Passed, Failed, Error]),
            (FailOn::Never, [Passed, Passed, Passed, Passed, Error]),
        ];
        for (fail_on, expected) in cases {
            assert_eq!(verdicts.map(|verdict| verdict.outcome(fail_on)), expected, "{fail_on:?}");
        }
    }
}
