//! The case files beside this one, natively.

use integrated_nmo::IntegratedNmo;
use upgrade_gate_core::Policy;

#[test]
fn every_case_is_answered_as_stated() {
    upgrade_gate_testing::run::<IntegratedNmo>(env!("CARGO_MANIFEST_DIR"));
}

#[test]
fn settings_are_refused_by_field_value_and_choice() {
    let cases = [
        ("{}", None),
        (r#"{"onCreate": "dryrun"}"#, None),
        (r#"{"onCreate": "block"}"#, Some("settings: `onCreate` is `block`; expected one of `deny`, `warn`, `dryrun`")),
        (r#"{"onCreate": true}"#, Some("settings: `onCreate` is `true`; expected one of `deny`, `warn`, `dryrun`")),
        (r#"{"allowOverride": "no"}"#, Some("settings: `allowOverride` is `no`; expected one of `true`, `false`")),
        (
            r#"{"onDelete": "deny"}"#,
            Some(
                "settings: `onDelete` is not known; expected one of `onCreate`, `onCreateDuringUpgrade`, `onUpgrade`, \
                 `onCrdRemoval`, `onMissingData`, `allowOverride`",
            ),
        ),
        ("5", Some("settings: expected a JSON object with named fields")),
    ];
    for (settings, expected) in cases {
        let error = IntegratedNmo::parse_settings(settings).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected, "{settings}");
    }
}
