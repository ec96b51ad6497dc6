//! The gate on a real API server: `kubectl` is the user, `serve --live` the webhook over HTTPS. Run by `make e2e`, which builds
//! the API server; `make test` leaves it out.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a panic is how a test says no")]
#![allow(clippy::print_stdout, reason = "what was seen is what it is for")]

mod api_server;
mod kinds;
mod gate;
mod story;
mod faults;
mod manifests;

#[path = "../program/mod.rs"]
mod program;

use gate::Gate;

type Chapter = fn(&mut Gate);

/// One test, for it is one cluster, which ends with it.
#[test]
fn the_gate_on_a_real_api_server() {
    let mut gate = Gate::install();
    let chapters: [(&str, Chapter); 15] = [
        ("manifests", manifests::are_created),
        ("maintenance", story::maintenance_is_warned_about),
        ("starts", story::every_start_is_refused),
        ("never refused", story::what_is_never_refused),
        ("check", story::a_check_says_what_its_dump_says),
        ("override", story::an_override_lets_it_pass),
        ("the gate opens", story::the_gate_opens_by_itself),
        ("mid-upgrade", story::in_mid_upgrade_no_maintenance_begins),
        ("certificate", faults::a_certificate_is_rotated),
        ("webhook away", faults::the_webhook_is_away),
        ("CRD", faults::the_kind_goes_and_comes_back),
        ("RBAC", faults::rights_are_withdrawn),
        ("API server away", faults::the_api_server_is_away),
        ("10,000 objects", faults::ten_thousand_objects),
        ("ValidatingAdmissionPolicy", manifests::the_validating_admission_policy_refuses),
    ];
    for (name, chapter) in chapters {
        println!("{name}");
        chapter(&mut gate);
    }
}
