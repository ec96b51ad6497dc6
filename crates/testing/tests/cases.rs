//! What is wanted of a policy's case files.

use std::path::Path;

use upgrade_gate_testing::cases;

fn folder(name: &str) -> String {
    format!("{}/tests/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A policy that always says the same is not tested; the message says where the case is missing.
#[test]
#[should_panic(expected = "always-accepts/tests/*.yaml: no case has `allowed: false`")]
fn a_policy_without_a_refused_case_is_named() {
    let _ = cases(Path::new(&folder("always-accepts")));
}

#[test]
#[should_panic(expected = "no-such-policy/tests: a policy has cases: No such file")]
fn a_policy_without_cases_is_named() {
    let _ = cases(Path::new(&folder("no-such-policy")));
}
