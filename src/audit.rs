//! Every object that a policy's rules match becomes a review, as a background audit shows it.

use rayon::prelude::*;
use serde_json::{Value, json};
use upgrade_gate_core::{self as core, Effect, GroupVersionKind, ResourceRef, Severity, shorten};
use upgrade_gate_host::{Context, Evaluation, EvaluationError, Response};
use upgrade_gate_snapshot::{Object, Snapshot};

use crate::{
    policy_set::{DEFAULT_SETTINGS, Loaded},
    report::{Finding, Phase, Result},
};

/// What came of one policy and one object.
pub(crate) struct Audited {
    pub(crate) findings: Vec<Finding>,
}

/// All policies over all objects that they want to see, on all cores. The order is that of policies
/// and objects, whatever finishes first.
pub(crate) fn audit(policies: &[Loaded], snapshot: &Snapshot, context: &Context) -> Vec<Audited> {
    let pairs: Vec<(&Loaded, &Object)> = policies
        .iter()
        .filter(|policy| policy.metadata.background_audit)
        .flat_map(|policy| {
            snapshot.objects().filter(|object| is_asked(policy, object)).map(move |object| (policy, object))
        })
        .collect();
    pairs.into_par_iter().map(|(policy, object)| judge(policy, object, context)).collect()
}

fn is_asked(policy: &Loaded, object: &Object) -> bool {
    let GroupVersionKind { version, .. } = GroupVersionKind::new(&object.kind.api_version, &object.kind.kind);
    policy.metadata.rules.iter().any(|rule| rule.matches(&object.kind.resource(), &version, "CREATE"))
}

fn judge(policy: &Loaded, object: &Object, context: &Context) -> Audited {
    let request = request(object);
    let outcome = policy.policy.evaluate(&request, DEFAULT_SETTINGS, &policy.grants, context);
    Audited { findings: findings(policy, object, outcome) }
}

/// As audit-scanner asks: a CREATE of the stored object by nobody.
///
/// Source: kubewarden-controller 3460bb71, `internal/audit-scanner/scanner/admission_request.go`.
fn request(object: &Object) -> String {
    let kind = GroupVersionKind::new(&object.kind.api_version, &object.kind.kind);
    let mut request = json!({
        "uid": object.uid.as_deref().unwrap_or_default(),
        "kind": kind,
        "resource": {"group": kind.group, "version": kind.version, "resource": object.kind.resource().resource},
        "requestKind": kind,
        "name": object.name,
        "operation": "CREATE",
        "userInfo": {},
    });
    if let (Some(request), Some(namespace)) = (request.as_object_mut(), &object.namespace) {
        request.insert("namespace".into(), Value::from(namespace.as_str()));
    }
    // The object is text already.
    let rest = request.to_string();
    format!(r#"{{"object":{},{}"#, object.json, rest.strip_prefix('{').unwrap_or(&rest))
}

fn findings(
    policy: &Loaded,
    object: &Object,
    outcome: std::result::Result<Evaluation, EvaluationError>,
) -> Vec<Finding> {
    let new = |rule: &str, result: Result, message: String| Finding {
        policy: policy.name.clone(),
        rule: rule.into(),
        phase: Phase::Audit,
        result,
        severity: severity(policy),
        message,
        remedy: String::new(),
        runbook: policy.metadata.annotations.get("upgrade-gate.io/runbook").map(|url| shorten(url, MAX_TEXT)),
        resource: Some(reference(object)),
        origin: Some(object.origin.clone()),
    };
    let evaluation = match outcome {
        Ok(evaluation) => evaluation,
        Err(error) => return vec![new("evaluation", Result::Error, error.to_string())],
    };
    let mut findings: Vec<Finding> = match recorded(&evaluation.response) {
        Some(recorded) => recorded
            .into_iter()
            .map(|finding| Finding {
                severity: finding.severity,
                remedy: shorten(&finding.remedy, MAX_TEXT),
                ..new(&shorten(&finding.rule, MAX_RULE), result_of(finding.effect), shorten(&finding.message, MAX_TEXT))
            })
            .collect(),
        None => foreign(&evaluation.response, new),
    };
    if findings.len() > MAX_FINDINGS {
        let more = findings.len() - MAX_FINDINGS;
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.result));
        findings.truncate(MAX_FINDINGS);
        findings.push(new("more", Result::Warn, format!("The policy says {more} more things about this object.")));
    }
    if evaluation.response.allowed && evaluation.incomplete {
        let message = "The policy accepts the object, but on data that may not be complete.".to_owned();
        findings.push(new("missing-data", Result::Unknown, message));
    }
    findings
}

/// So many characters of a policy's text are shown; ours are shorter.
const MAX_TEXT: usize = 1_000;

/// So many characters of a rule's name are shown.
const MAX_RULE: usize = 100;

/// So many findings of one evaluation are kept, the worst ones.
const MAX_FINDINGS: usize = 100;

/// The findings that the policy records, where they say as much as the answer itself does: an
/// annotation of that name may be anything.
fn recorded(response: &Response) -> Option<Vec<core::Finding>> {
    let recorded = response.findings()?;
    let refused = recorded.iter().any(|finding| matches!(finding.effect, Effect::Deny | Effect::Unknown));
    let warned = recorded.iter().filter(|finding| finding.effect == Effect::Warn).count();
    (refused != response.allowed && warned == response.warnings.len()).then_some(recorded)
}

/// A policy that records no findings says what it says in its message and warnings.
fn foreign(response: &Response, new: impl Fn(&str, Result, String) -> Finding) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        response.warnings.iter().map(|warning| new("warning", Result::Warn, shorten(warning, MAX_TEXT))).collect();
    if !response.allowed {
        // audit-scanner takes code 500 for a policy that does not work.
        let result = if response.code == Some(500) { Result::Error } else { Result::Fail };
        let message = response.message.as_deref().unwrap_or("The policy rejects the object without a message.");
        findings.insert(0, new("rejected", result, shorten(message, MAX_TEXT)));
    }
    findings
}

fn result_of(effect: Effect) -> Result {
    match effect {
        Effect::Deny => Result::Fail,
        Effect::Warn => Result::Warn,
        Effect::Dryrun => Result::Pass,
        Effect::Unknown => Result::Unknown,
    }
}

/// Of the policy as a whole, for findings that have none of their own.
fn severity(policy: &Loaded) -> Severity {
    let annotation = policy.metadata.annotations.get("io.kubewarden.policy.severity");
    annotation.and_then(|text| serde_json::from_value(Value::from(text.as_str())).ok()).unwrap_or(Severity::Medium)
}

fn reference(object: &Object) -> ResourceRef {
    ResourceRef {
        api_version: object.kind.api_version.clone(),
        kind: object.kind.kind.clone(),
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        uid: object.uid.clone(),
    }
}
