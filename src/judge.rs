//! What the policies say about the reviews, as findings of the report.

use std::{collections::BTreeSet, sync::Arc};

use rayon::prelude::*;
use serde_json::Value;
use upgrade_gate_core::{self as core, Cluster, Effect, NoCluster, ResourceRef, Severity, shorten};
use upgrade_gate_host::{Context, ContextAwareResource, Evaluation, EvaluationError, Response};
use upgrade_gate_snapshot::{Kind, Object};

use crate::{
    admission::INTERNAL_ERROR,
    asked::Asked,
    missing::COLLECT,
    policy_set::Loaded,
    report::{Finding, Phase, Result},
    review::Review,
};

/// What came of one policy and one review, or what the program itself has to say.
pub(crate) struct Judged {
    /// Its place among the policies; `None` for the program itself.
    pub(crate) policy: Option<usize>,
    pub(crate) phase: Phase,
    pub(crate) findings: Vec<Finding>,
    /// The resources that it asked for; only of a simulated upgrade.
    pub(crate) asked: BTreeSet<String>,
    /// All that it found is told elsewhere, so it is not counted either.
    pub(crate) is_told: bool,
    /// The object as it is, under that policy; `None` for what is no audit.
    pub(crate) audited: Option<Audited>,
}

impl Judged {
    /// What the program itself has to say.
    pub(crate) fn own(finding: Finding) -> Self {
        let (phase, findings) = (finding.phase, vec![finding]);
        Self { policy: None, phase, findings, asked: BTreeSet::new(), is_told: false, audited: None }
    }

    /// Takes out the other findings, which are told elsewhere.
    pub(crate) fn retain(&mut self, stays: impl FnMut(&Finding) -> bool) {
        let before = self.findings.len();
        self.findings.retain(stays);
        self.is_told |= self.findings.is_empty() && before > 0;
    }
}

/// What a background audit by one policy says of one object.
#[derive(Clone, Debug)]
pub struct Audited {
    /// By name.
    pub(crate) policy: String,
    pub(crate) resource: ResourceRef,
    /// Absent where the object was never stored.
    pub(crate) resource_version: Option<String>,
    /// `Pass`, `Fail` or `Error`: an audit knows no others.
    pub(crate) result: Result,
    /// Of what is no pass.
    pub(crate) message: Option<String>,
}

/// Every policy over every review that it wants to see, on all cores. The order is that of policies
/// and reviews, whatever finishes first.
pub(crate) fn judge(
    policies: &[Loaded],
    reviews: &[Review<'_>],
    cluster: &Arc<dyn Cluster + Send + Sync>,
) -> Vec<Judged> {
    let pairs: Vec<(usize, &Loaded, &Review<'_>)> = policies
        .iter()
        .enumerate()
        .flat_map(|(index, policy)| {
            reviews.iter().filter(|review| review.is_for(policy)).map(move |review| (index, policy, review))
        })
        .collect();
    let shared = Context::new(cluster.clone());
    let one = |(index, policy, review): (usize, &Loaded, &Review<'_>)| {
        let judged = |findings, asked, audited| Judged {
            policy: Some(index),
            phase: review.phase,
            findings,
            asked,
            is_told: false,
            audited,
        };
        if review.is_settled() {
            return judged(Vec::new(), BTreeSet::new(), audited(policy, review, Result::Pass, None));
        }
        // There is one simulated upgrade and any number of other reviews: only of that one it is worth a list of its own.
        let witness = (review.phase == Phase::Upgrade).then(|| Arc::new(Asked::new(cluster.clone())));
        let context = witness.as_ref().map_or_else(|| shared.clone(), |witness| Context::new(witness.clone()));
        let outcome = policy.policy.evaluate(&review.request(), &policy.settings, &policy.grants, &context);
        let (result, message) = scanned(&outcome);
        let audited = audited(policy, review, result, message);
        let asked = witness.map(|witness| witness.resources()).unwrap_or_default();
        judged(findings(policy, review, outcome), asked, audited)
    };
    pairs.into_par_iter().map(one).collect()
}

fn audited(policy: &Loaded, review: &Review<'_>, result: Result, message: Option<String>) -> Option<Audited> {
    (review.phase == Phase::Audit).then(|| Audited {
        policy: policy.name.clone(),
        resource: review.resource(),
        resource_version: review.resource_version(),
        result,
        message: message.map(|message| shorten(&message, MAX_TEXT)),
    })
}

/// What audit-scanner makes of an answer. What rests on data that is not there it could not have asked for: an error.
///
/// Source: kubewarden-controller 3460bb71, `internal/audit-scanner/report/report.go`.
fn scanned(outcome: &std::result::Result<Evaluation, EvaluationError>) -> (Result, Option<String>) {
    let evaluation = match outcome {
        Ok(evaluation) => evaluation,
        Err(error) => return (Result::Error, Some(error.to_rejection())),
    };
    let Response { allowed, message, code, .. } = &evaluation.response;
    if !evaluation.refused.is_empty() {
        return (Result::Error, Some(denied(evaluation)));
    }
    if let Some(kinds) = unproved(evaluation) {
        let message = format!("unknown: nothing shows that all objects of {kinds} are in the sources");
        return (Result::Error, Some(message));
    }
    match (allowed, code) {
        (true, _) => (Result::Pass, message.clone()),
        (false, Some(INTERNAL_ERROR)) => (Result::Error, message.clone()),
        (false, _) => (Result::Fail, message.clone()),
    }
}

fn denied(evaluation: &Evaluation) -> String {
    let capabilities: Vec<&str> = evaluation.refused.iter().map(String::as_str).collect();
    format!(
        "The policy asks for {}, which needs a network or a live cluster: here it was denied, and what the policy answers \
         proves nothing.",
        capabilities.join(", ")
    )
}

/// Whether every policy accepts an object as it is without a word, and without asking for any other object: then
/// nothing that is read later can change that.
pub(crate) fn is_settled(policies: &[Loaded], object: &Object) -> bool {
    let review = Review::audit(object);
    let mut policies = policies.iter().filter(|policy| review.is_for(policy));
    policies.all(|policy| {
        // It is still being read.
        let cluster = Arc::new(Asked::new(Arc::new(NoCluster)));
        let context = Context::new(cluster.clone());
        let outcome = policy.policy.evaluate(&review.request(), &policy.settings, &policy.grants, &context);
        findings(policy, &review, outcome).is_empty() && cluster.resources().is_empty()
    })
}

fn findings(
    policy: &Loaded,
    review: &Review<'_>,
    outcome: std::result::Result<Evaluation, EvaluationError>,
) -> Vec<Finding> {
    let new = |rule: &str, result: Result, message: String| Finding {
        policy: policy.name.clone(),
        rule: rule.into(),
        phase: review.phase,
        result,
        severity: severity(policy),
        message,
        remedy: String::new(),
        runbook: None,
        resource: Some(review.resource()),
        origin: review.origin.clone(),
    };
    let evaluation = match outcome {
        Ok(evaluation) => evaluation,
        Err(error) => return vec![new("evaluation", Result::Error, error.to_string())],
    };
    // An answer that rests on a denial that no policy server would have made is none.
    if !evaluation.refused.is_empty() {
        return vec![new("evaluation", Result::Error, shorten(&denied(&evaluation), MAX_TEXT))];
    }
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
    let says_so = findings.iter().any(|finding| finding.result == Result::Unknown);
    if evaluation.response.allowed && !evaluation.incomplete.is_empty() && !says_so {
        let kinds = names(&evaluation.incomplete);
        let message =
            format!("The policy accepts it, but nothing shows that all objects of {kinds} are in the sources.");
        findings.push(Finding { remedy: COLLECT.into(), ..new("missing-data", Result::Unknown, message) });
    }
    // It is about what the policy found, not about what nobody could tell it.
    let runbook = policy.metadata.annotations.get("upgrade-gate.io/runbook").map(|url| shorten(url, MAX_TEXT));
    let told = findings.iter_mut().filter(|finding| !matches!(finding.result, Result::Unknown | Result::Error));
    told.for_each(|finding| finding.runbook = runbook.clone());
    // Admission lets through what a monitored policy refuses; an audit tells all.
    if policy.constraints.is_monitored && review.phase != Phase::Audit {
        let refusals = findings.iter_mut().filter(|finding| finding.result == Result::Fail);
        refusals.for_each(|finding| finding.result = Result::Warn);
    }
    findings
}

/// The kinds, by resource, on whose completeness an acceptance rests and of which nothing shows it.
pub(crate) fn unproved(evaluation: &Evaluation) -> Option<String> {
    let rests = evaluation.response.allowed && !evaluation.incomplete.is_empty();
    rests.then(|| names(&evaluation.incomplete))
}

fn names(kinds: &BTreeSet<ContextAwareResource>) -> String {
    let names = kinds.iter().map(|kind| Kind::new(&kind.api_version, &kind.kind).resource().to_string());
    names.collect::<Vec<_>>().join(", ")
}

/// Maximum number of characters of a policy's text that are shown; ours are shorter.
const MAX_TEXT: usize = 1_000;

/// Maximum number of characters of a rule's name that are shown.
const MAX_RULE: usize = 100;

/// Maximum number of findings of one evaluation that are kept, the worst ones.
const MAX_FINDINGS: usize = 100;

/// The findings that the policy records, where they say as much as the answer itself does: an
/// annotation of that name may be anything. What is unknown may refuse, warn, or do neither.
fn recorded(response: &Response) -> Option<Vec<core::Finding>> {
    let recorded = response.findings()?;
    let count = |effect| recorded.iter().filter(|finding| finding.effect == effect).count();
    let (denied, warned, unknown) = (count(Effect::Deny), count(Effect::Warn), count(Effect::Unknown));
    let as_answered = if response.allowed { denied == 0 } else { denied + unknown > 0 };
    let warnings = response.warnings().len();
    (as_answered && (warned..=warned + unknown).contains(&warnings)).then_some(recorded)
}

/// A policy that records no findings says what it says in its message and warnings.
fn foreign(response: &Response, new: impl Fn(&str, Result, String) -> Finding) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        response.warnings().iter().map(|warning| new("warning", Result::Warn, shorten(warning, MAX_TEXT))).collect();
    if !response.allowed {
        // audit-scanner takes code 500 for a policy that does not work.
        let result = if response.code == Some(INTERNAL_ERROR) { Result::Error } else { Result::Fail };
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
    let annotation = policy.metadata.annotation("severity");
    annotation.and_then(|text| serde_json::from_value(Value::from(text)).ok()).unwrap_or(Severity::Medium)
}
