//! One file a verb: its work as a function that returns a value.

pub mod check;
pub mod collect;
pub mod policies;
pub mod run;
pub mod serve;
