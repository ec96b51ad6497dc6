//! The three operations of Kubewarden's protocol. No answer ever holds the request: it may be a
//! Secret, and answers are logged.

use kubewarden_policy_sdk::{
    metadata::ProtocolVersion,
    settings::SettingsValidationResponse,
    wapc_guest::{CallResult, console_log, register_function},
};
use serde::{Deserialize, Serialize};
use serde_json::{error::Category, value::RawValue};
use upgrade_gate_core::{Policy, Review, Verdict};

use crate::call::HostCalls;

/// Registers `P` under the names that hosts call.
pub fn register<P: Policy>() {
    // Without it a panic is a bare trap that nobody can explain.
    std::panic::set_hook(Box::new(|panic| console_log(&panic.to_string())));
    register_function("validate", validate::<P>);
    register_function("validate_settings", validate_settings::<P>);
    register_function("protocol_version", |_| json(&ProtocolVersion::default()));
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    request: Review<'a>,
    #[serde(default, borrow)]
    settings: Option<&'a RawValue>,
}

fn validate<P: Policy>(payload: &[u8]) -> CallResult {
    let Payload { request, settings } = serde_json::from_str(text(payload)?).map_err(|error| place(&error))?;
    let settings = P::parse_settings(settings.map_or("null", RawValue::get)).map_err(|error| error.to_string())?;
    let verdict = P::judge(&settings, &request, &HostCalls);
    json(&response(&verdict))
}

fn validate_settings<P: Policy>(payload: &[u8]) -> CallResult {
    let outcome = P::parse_settings(text(payload)?);
    let answer =
        SettingsValidationResponse { valid: outcome.is_ok(), message: outcome.err().map(|error| error.to_string()) };
    json(&answer)
}

fn text(payload: &[u8]) -> Result<&str, &'static str> {
    str::from_utf8(payload).map_err(|_| "the text is not UTF-8")
}

fn json(answer: &impl Serialize) -> CallResult {
    // Strings, booleans and numbers: there is nothing in it that JSON cannot say.
    serde_json::to_vec(answer).map_err(|_| "the answer is not JSON".into())
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

/// The SDK's `ValidationResponse`, borrowed and without a place for a mutated object: the SDK's own
/// type brings 4 kB of code for the values that such an object may have. A test compares the two.
#[derive(Serialize)]
struct Response<'a> {
    accepted: bool,
    message: &'a Option<String>,
    code: Option<u16>,
    mutated_object: Option<()>,
    audit_annotations: Option<Annotations>,
    warnings: Option<&'a [String]>,
}
/// [`Verdict::FINDINGS`].
#[derive(Serialize)]
struct Annotations {
    findings: String,
}

fn response(verdict: &Verdict) -> Response<'_> {
    let Verdict { allowed, message, code, warnings, findings } = verdict;
    let record = || serde_json::to_string(findings).unwrap_or_default();
    Response {
        accepted: *allowed,
        message,
        code: *code,
        mutated_object: None,
        audit_annotations: (!findings.is_empty()).then(|| Annotations { findings: record() }),
        warnings: (!warnings.is_empty()).then_some(warnings),
    }
}

#[cfg(test)]
mod tests {
    use kubewarden_policy_sdk::response::ValidationResponse;
    use upgrade_gate_core::{Action, Cluster, Finding, SettingsError, SettingsReader, Severity};

    use super::*;

    struct Test;

    impl Policy for Test {
        const NAME: &'static str = "test";
        type Settings = Action;

        fn settings(reader: &mut SettingsReader<'_>) -> Result<Action, SettingsError> {
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
            ("[]", Some("settings: expected a JSON object with named fields")),
            (r#"{"onCreate": "#, Some("settings: expected a JSON object with named fields")),
        ];
        for (settings, expected) in cases {
            let answer = validate_settings::<Test>(settings.as_bytes()).unwrap();
            let answer: SettingsValidationResponse = serde_json::from_slice(&answer).unwrap();
            assert_eq!(answer.message.as_deref(), expected, "{settings}");
            assert_eq!(answer.valid, expected.is_none(), "{settings}");
        }
    }

    #[test]
    fn a_response_is_the_one_of_the_sdk() {
        let finding = Finding {
            message: "Message.".into(),
            remedy: "Remedy.".into(),
            warning: "warning".into(),
            ..Finding::new("rule", Severity::Low, Action::Warn)
        };
        let refusal = Finding { action: Action::Deny, ..finding.clone() };
        for findings in [Vec::new(), vec![finding.clone()], vec![refusal, finding]] {
            let ours = serde_json::to_value(response(&Verdict::new("test", findings.clone()))).unwrap();
            let theirs: ValidationResponse = serde_json::from_value(ours.clone()).unwrap();
            assert_eq!(serde_json::to_value(&theirs).unwrap(), ours);
            let annotations = theirs.audit_annotations.unwrap_or_default();
            assert_eq!(annotations.contains_key(Verdict::FINDINGS), !findings.is_empty());
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
