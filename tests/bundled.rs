//! `upgrade-gate policies list`, `show` and `export`, through the binary.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::fs;

use program::{EXAMPLE, folder, program, stderr, stdout};
use upgrade_gate_bundle::BUNDLED;

#[test]
fn the_list_has_every_policy_with_its_version() {
    let output = program(&["policies", "list"]);
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<String> = stdout(&output).lines().map(Into::into).collect();
    assert_eq!(lines.len(), BUNDLED.len());
    for (line, policy) in lines.iter().zip(BUNDLED) {
        let mut words = line.split_whitespace();
        assert_eq!((words.next(), words.next()), (Some(policy.name), Some(env!("CARGO_PKG_VERSION"))), "{line}");
    }
}

#[test]
fn a_policy_shows_what_it_judges_and_its_page() {
    let shown = stdout(&program(&["policies", "show", "integrated-nmo"]));
    let page = fs::read_to_string("policies/integrated-nmo/README.md").unwrap();
    assert!(shown.ends_with(&page), "{shown}");
    for expected in [
        "judges        nodemaintenance.kubevirt.io/v1beta1 nodemaintenances: CREATE\n",
        "may read      nodemaintenance.kubevirt.io/v1beta1 NodeMaintenance: Which objects are in the way?\n",
        "capability    kubernetes/get_resource\n",
    ] {
        assert!(shown.contains(expected), "{shown}");
    }
    let output = program(&["policies", "show", "no-such"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("bundled are `hco-upgradeable`, `integrated-nmo`"), "{}", stderr(&output));
}

#[test]
fn exported_modules_are_the_embedded_ones_and_run() {
    let folder = folder(&[("file", String::new())]);
    let to = folder.path().join("new/modules");
    let output = program(&["policies", "export", to.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output).lines().count(), BUNDLED.len());
    let request = ["--request", "examples/requests/approve-install-plan.json", "--snapshot", EXAMPLE];
    for policy in BUNDLED {
        let path = to.join(format!("{}.wasm", policy.name));
        assert_eq!(fs::read(&path).unwrap(), policy.wasm);
        let answer = |name: &str| stdout(&program(&[&["run", name], request.as_slice()].concat()));
        assert_eq!(answer(path.to_str().unwrap()), answer(policy.name));
    }
    let output = program(&["policies", "export", folder.path().join("file").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("file`: "), "{}", stderr(&output));
}
