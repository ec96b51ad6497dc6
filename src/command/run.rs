//! `upgrade-gate run`: one admission request, one policy, its answer as `kwctl run` prints it.

use std::{
    fs, io,
    io::{Read, Write},
    path::Path,
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use upgrade_gate_core::{Fields, NoCluster, escape, shorten};
use upgrade_gate_host::{Cluster, Context, Host, Limits, Response};
use upgrade_gate_snapshot::{Builder, Skipped};

use crate::{
    cli::RunArgs,
    error::{Error, print, say},
    judge::to_complete,
    policy_set::{self, DEFAULT_SETTINGS},
    source,
    verdict::Outcome,
};

/// # Errors
/// [`Error`]: the policy could not be asked. Exit code 2.
pub fn run(args: &RunArgs) -> Result<Outcome, Error> {
    let policy = policy_set::load_one(&Host::new(Limits::default())?, &args.policy)?;
    let settings = settings(args)?;
    policy.accepts(&settings)?;
    let text = read(&args.request).map_err(|error| not_a_request(&args.request, &error.to_string()))?;
    let request = request(&text).ok_or_else(|| not_a_request(&args.request, "expected a JSON object with a `uid`"))?;
    let snapshot = source::read(&args.snapshot, Builder::new(policy_set::wanted([&policy])), &[])?;
    let mut notes: Vec<String> = snapshot.skipped().iter().filter(|skipped| skipped.matters).map(not_read).collect();
    let cluster: Arc<dyn Cluster + Send + Sync> =
        if args.snapshot.is_empty() { Arc::new(NoCluster) } else { Arc::new(snapshot) };
    let evaluation = policy
        .policy
        .evaluate(request, &settings, &policy.grants, &Context::new(cluster))
        .map_err(|error| Error::Evaluation { name: policy.shown.clone(), error })?;
    notes.extend(evaluation.log.iter().map(|line| format!("policy: {}", shorten(line, 1_000))));
    if evaluation.response.allowed && !evaluation.incomplete.is_empty() {
        let (kinds, _) = to_complete(&evaluation.incomplete);
        notes.push(format!("note: accepted, but nothing shows that all objects of {kinds} are in the snapshot"));
    }
    notes.iter().for_each(|note| say(note));
    let answer = answer(request, &evaluation.response);
    print(|stdout| {
        serde_json::to_writer(&mut *stdout, &answer)?;
        writeln!(stdout)
    })?;
    Ok(match (answer.allowed, evaluation.response.code) {
        (true, _) => Outcome::Passed,
        (false, Some(500)) => Outcome::Error,
        (false, _) => Outcome::Failed,
    })
}

fn not_a_request(path: &Path, reason: &str) -> Error {
    Error::Request { path: path.into(), reason: reason.into() }
}

fn read(path: &Path) -> io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text)?;
        Ok(text)
    } else {
        fs::read_to_string(path)
    }
}

/// The request of an AdmissionReview, or what is one already: it has an `uid`.
fn request(text: &str) -> Option<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let request = Fields::parse(text)?.raw("request").map_or(text, RawValue::get);
    Fields::parse(request)?.words("uid").map(|_| request)
}

fn not_read(skipped: &Skipped) -> String {
    format!("note: {} {}, and may hold an object that decides", escape(&skipped.origin.path), skipped.reason())
}

/// As JSON: every JSON text is YAML, too.
fn settings(args: &RunArgs) -> Result<String, Error> {
    let Some(path) = &args.settings else {
        return Ok(args.settings_json.clone().unwrap_or_else(|| DEFAULT_SETTINGS.into()));
    };
    let wrong = |reason: String| Error::SettingsFile { path: path.clone(), reason };
    let text = read(path).map_err(|error| wrong(error.to_string()))?;
    let value: Value = serde_saphyr::from_str(&text).map_err(|error| {
        let line = error.location().map_or(1, |place| place.line());
        wrong(format!("is not valid YAML: line {line}"))
    })?;
    Ok(value.to_string())
}

/// Field for field as `kwctl run` prints it.
///
/// Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/admission_response.rs`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdmissionResponse<'a> {
    uid: String,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    audit_annotations: Option<Value>,
    warnings: Option<&'a [String]>,
}

#[derive(Serialize)]
struct Status<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
}

fn answer<'a>(request: &str, response: &'a Response) -> AdmissionResponse<'a> {
    let uid = Fields::parse(request).and_then(|request| request.text("uid")).unwrap_or_default();
    let Response { allowed, message, code, warnings, audit_annotations, mutated_object } = response;
    let mut answer = AdmissionResponse {
        uid,
        allowed: *allowed,
        patch_type: None,
        patch: None,
        status: (message.is_some() || code.is_some()).then_some(Status { message: message.as_deref(), code: *code }),
        audit_annotations: (!audit_annotations.is_empty()).then(|| json!(audit_annotations)),
        warnings: (!warnings.is_empty()).then_some(warnings),
    };
    let Some(wanted) = mutated_object else { return answer };
    let object = Fields::parse(request).and_then(|request| serde_json::from_str(request.raw("object")?.get()).ok());
    match object {
        Some(object) => {
            let patch = json_patch::diff(&object, wanted);
            if !patch.0.is_empty() {
                answer.patch_type = Some("JSONPatch");
                answer.patch = Some(STANDARD.encode(json!(patch).to_string()));
            }
            answer
        }
        None => AdmissionResponse {
            allowed: false,
            status: Some(Status { message: Some(MUTATES_NOTHING), code: None }),
            audit_annotations: None,
            warnings: None,
            ..answer
        },
    }
}

/// A deletion has no object to change.
const MUTATES_NOTHING: &str = "the policy changes an object, but the request has none, as in a deletion";
