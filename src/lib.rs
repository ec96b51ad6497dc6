//! The program as a library: what `upgrade-gate` does, as functions that return values. Only
//! `main.rs` exits, and only reports are printed.

mod policy_set;
mod source;
mod audit;
mod missing;
mod verdict;
pub mod cli;
pub mod command;
pub mod error;
pub mod report;

pub use verdict::{FailOn, Outcome, Verdict};
