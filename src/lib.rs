//! The program as a library: what `upgrade-gate` does, as functions that return values. Only
//! `main.rs` exits, and only reports are printed.

mod policies_file;
mod policy_set;
mod source;
mod record;
mod live;
mod progress;
mod review;
mod admission;
mod yaml;
mod session;
pub mod manifests;
mod installed;
mod simulate;
mod proposed;
mod asked;
mod judge;
mod once;
mod said;
mod missing;
mod contradictions;
mod server;
mod verdict;
pub mod cli;
pub mod command;
pub mod error;
pub mod report;

pub use said::Outcome as PolicyOutcome;
pub use simulate::{ChosenBy, Upgrade};
pub use verdict::{FailOn, Outcome, Verdict};
