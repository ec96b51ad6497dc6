//! For tests only: case files of policies, and fixtures as sentences.
//!
//! A case file is a YAML list; see [`Case`] for the fields. The same cases run natively in the
//! policy's own tests ([`run`]) and as Wasm in the tests of the program, and both have to give the
//! whole answer that the case states.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a panic is how a test says no")]

mod case;
mod fixture;

pub use case::{Answer, Case, cases, check, run};
pub use fixture::{Fixture, node_maintenance};
