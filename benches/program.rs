//! What the program costs from its start to its exit.

#![allow(clippy::unwrap_used, reason = "a panic is how a benchmark says no")]

use std::process::Command;

fn main() {
    divan::main();
}

#[divan::bench]
fn check_example() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
    let output = command.args(["check", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/must-gather"), "-q"]).output();
    assert_eq!(output.unwrap().status.code(), Some(1));
}
