//! The case files beside this one, natively.

use hco_upgradeable::HcoUpgradeable;
use upgrade_gate_core::Policy;

#[test]
fn every_case_is_answered_as_stated() {
    upgrade_gate_testing::run::<HcoUpgradeable>(env!("CARGO_MANIFEST_DIR"));
}

#[test]
fn settings_are_refused_by_field_value_and_choice() {
    let all = "expected one of `onUpgrade`, `onPatchUpgrade`, `onUnknown`, `onMissingData`, `allowOverride`";
    let cases = [
        ("{}", None),
        (
            r#"{"onUpgrade": "warn", "onPatchUpgrade": "deny", "onUnknown": "dryrun", "onMissingData": "deny",
                "allowOverride": false}"#,
            None,
        ),
        (
            r#"{"onUpgrade": "block"}"#,
            Some("settings: `onUpgrade` is `block`; expected one of `deny`, `warn`, `dryrun`".into()),
        ),
        (
            r#"{"onUnknown": true}"#,
            Some("settings: `onUnknown` is `true`; expected one of `deny`, `warn`, `dryrun`".into()),
        ),
        (
            r#"{"allowOverride": "no"}"#,
            Some("settings: `allowOverride` is `no`; expected one of `true`, `false`".into()),
        ),
        (r#"{"onupgrade": "deny"}"#, Some(format!("settings: `onupgrade` is not known; {all}"))),
        ("5", Some("settings: expected a JSON object with named fields".into())),
    ];
    for (settings, expected) in cases {
        let error = HcoUpgradeable::parse_settings(settings).err().map(|error| error.to_string());
        assert_eq!(error, expected, "{settings}");
    }
}
