//! The three operations of Kubewarden's protocol. No answer ever holds the request: it may be a
//! Secret, and answers are logged.

use kubewarden_policy_sdk::{
    protocol_version_guest,
    response::ValidationResponse,
    settings::SettingsValidationResponse,
    wapc_guest::{CallResult, console_log, register_function},
};
use serde::Deserialize;
use serde_json::{Value, error::Category};
use upgrade_gate_core::{Policy, Review, Verdict};

use crate::call::HostCalls;

/// Registers `P` under the names that hosts call.
pub fn register<P: Policy>() {
    // Without it a panic is a bare trap that nobody can explain.
    std::panic::set_hook(Box::new(|panic| console_log(&panic.to_string())));
    register_function("validate", validate::<P>);
    register_function("validate_settings", validate_settings::<P>);
    register_function("protocol_version", protocol_version_guest);
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    request: Review<'a>,
    #[serde(default)]
    settings: Value,
}

fn validate<P: Policy>(payload: &[u8]) -> CallResult {
    let Payload { request, settings } = serde_json::from_slice(payload).map_err(|error| place(&error))?;
    let settings = P::parse_settings(&settings)?;
    let verdict = P::judge(&settings, &request, &HostCalls);
    Ok(serde_json::to_vec(&response(verdict))?)
}

fn validate_settings<P: Policy>(payload: &[u8]) -> CallResult {
    let outcome = match serde_json::from_slice(payload) {
        Ok(settings) => P::parse_settings(&settings).map(|_| ()).map_err(|error| error.to_string()),
        Err(error) => Err(format!("settings: {}", place(&error))),
    };
    Ok(serde_json::to_vec(&SettingsValidationResponse { valid: outcome.is_ok(), message: outcome.err() })?)
}

/// Where a text is not what it should be; serde's own words could quote it.
fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Data => "is not an admission request",
        Category::Io | Category::Syntax => "is not valid JSON",
        Category::Eof => "ends too early",
    };
    format!("the text {what}: line {}, column {}", error.line(), error.column())
}

fn response(verdict: Verdict) -> ValidationResponse {
    let Verdict { allowed, message, code, warnings, audit_annotations } = verdict;
    ValidationResponse {
        accepted: allowed,
        message,
        code,
        mutated_object: None,
        audit_annotations: (!audit_annotations.is_empty()).then(|| audit_annotations.into_iter().collect()),
        warnings: (!warnings.is_empty()).then_some(warnings),
    }
}

#[cfg(test)]
mod tests {
    use upgrade_gate_core::{Action, Cluster, Finding, SettingsError, SettingsReader};

    use super::*;

    struct Test;

    impl Policy for Test {
        const NAME: &'static str = "test";
        type Settings = Action;

        fn settings(reader: &mut SettingsReader) -> Result<Action, SettingsError> {
            reader.action("onCreate", Action::Warn)
        }

        fn check(_: &Action, _: &Review<'_>, _: &dyn Cluster) -> Vec<Finding> {
            Vec::new()
        }
    }

    #[test]
    fn settings_are_refused_by_field_value_and_choice() {
        let cases = [
            ("{}", None),
            ("null", None),
            (r#"{"onCreate": "deny"}"#, None),
            (r#"{"onCreate": "no"}"#, Some("settings: `onCreate` is `no`; expected one of `deny`, `warn`, `dryrun`")),
            (r#"{"onCreate": 5}"#, Some("settings: `onCreate` is `5`; expected one of `deny`, `warn`, `dryrun`")),
            (r#"{"oncreate": "deny"}"#, Some("settings: `oncreate` is not known; expected one of `onCreate`")),
            ("[]", Some("settings: expected an object with named fields")),
            (r#"{"onCreate": "#, Some("settings: the text ends too early: line 1, column 13")),
        ];
        for (settings, expected) in cases {
            let answer = validate_settings::<Test>(settings.as_bytes()).unwrap();
            let answer: SettingsValidationResponse = serde_json::from_slice(&answer).unwrap();
            assert_eq!(answer.message.as_deref(), expected, "{settings}");
            assert_eq!(answer.valid, expected.is_none(), "{settings}");
        }
    }

    #[test]
    fn an_error_never_holds_the_request() {
        let cases = [
            r#"{"request": {"object": "s3cret", "operation": "s3cret"}, "settings": {}}"#,
            r#"{"request": {"kind": {"s3cret": 1}, "operation": "CREATE", "object": s3cret}}"#,
            r#"{"request": "s3cret"}"#,
            r#""s3cret"#,
        ];
        for payload in cases {
            let error = validate::<Test>(payload.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("the text "), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
