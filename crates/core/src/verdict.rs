//! What a policy found, and what it answers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::resource::ResourceRef;

/// How bad it is; the words of PolicyReport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nodes are uncordoned, or objects lost.
    Critical,
    /// Stands in the way of the upgrade.
    High,
    /// Will stand in the way.
    Medium,
    /// Worth knowing.
    Low,
    /// Nothing to do.
    Info,
}

/// What a setting may say about a finding in admission; Gatekeeper's enforcement actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Refuse the request.
    Deny,
    /// Accept it with a warning.
    Warn,
    /// Accept it in silence, but record the finding.
    Dryrun,
}

/// What a finding means for the object it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// A violation: the request is refused, in audit the object fails.
    Deny,
    /// Accepted with a warning.
    Warn,
    /// Accepted in silence.
    Dryrun,
    /// Data is missing: it cannot be told.
    Unknown,
}

impl From<Action> for Effect {
    fn from(action: Action) -> Self {
        match action {
            Action::Deny => Self::Deny,
            Action::Warn => Self::Warn,
            Action::Dryrun => Self::Dryrun,
        }
    }
}

/// One thing a policy found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which row of the policy's table: `in-use`.
    pub rule: Cow<'static, str>,
    /// See [`Severity`].
    pub severity: Severity,
    /// See [`Effect`].
    pub effect: Effect,
    /// One paragraph of full sentences, every name [`escape`](crate::escape)d.
    pub message: String,
    /// The next step, likewise.
    pub remedy: String,
    /// The objects it is about.
    pub resources: Vec<ResourceRef>,
    /// The same in a few words, for a warning: Kubernetes cuts long ones, and kubectl shows one a
    /// line. With the `[policy/rule]` before it below 200 characters.
    #[serde(skip)]
    pub warning: String,
}

/// What a policy answers to a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the request is accepted.
    pub allowed: bool,
    /// Why not.
    pub message: Option<String>,
    /// The HTTP code that a client gets for a refusal.
    pub code: Option<u16>,
    /// What kubectl shows although the request is accepted.
    pub warnings: Vec<String>,
    /// What the answer follows from.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// The audit annotation that carries [`Verdict::findings`] as a JSON list, where there are any.
    pub const FINDINGS: &'static str = "findings";

    /// A finding may be about thousands of objects; an audit annotation names this many of them.
    pub const MAX_RECORDED_RESOURCES: usize = 10;

    /// The answer that follows from what `policy` found. A refusal carries code 403, which OLM
    /// retries: on any other it fails the InstallPlan for good one minute after its start.
    ///
    /// Source: operator-lifecycle-manager, `transitionInstallPlanState`, flag
    /// `install-plan-retry-timeout`.
    #[must_use]
    pub fn new(policy: &str, mut findings: Vec<Finding>) -> Self {
        let mut refusals: Vec<String> = Vec::new();
        let mut warnings: Vec<String> = Vec::new();
        for finding in &mut findings {
            finding.resources.truncate(Self::MAX_RECORDED_RESOURCES);
            let Finding { rule, effect, message, remedy, warning, .. } = finding;
            match effect {
                Effect::Deny | Effect::Unknown => refusals.push(format!("[{policy}/{rule}] {message} {remedy}")),
                Effect::Warn => warnings.push(format!("[{policy}/{rule}] {warning}")),
                Effect::Dryrun => {}
            }
        }
        let allowed = refusals.is_empty();
        Self {
            allowed,
            message: (!allowed).then(|| refusals.join(" ")),
            code: (!allowed).then_some(403),
            warnings,
            findings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(effect: Effect) -> Finding {
        Finding {
            rule: "rule".into(),
            severity: Severity::High,
            effect,
            message: "Message.".into(),
            remedy: "Remedy.".into(),
            resources: vec![ResourceRef::default(); 20],
            warning: String::new(),
        }
    }

    #[test]
    fn each_effect_has_its_answer_and_is_recorded() {
        let cases =
            [(Effect::Deny, false, 0), (Effect::Unknown, false, 0), (Effect::Warn, true, 1), (Effect::Dryrun, true, 0)];
        for (effect, allowed, warnings) in cases {
            let verdict = Verdict::new("policy", vec![finding(effect)]);
            assert_eq!((verdict.allowed, verdict.warnings.len()), (allowed, warnings), "{effect:?}");
            assert_eq!(verdict.message.is_none(), allowed, "{effect:?}");
            assert_eq!(verdict.code, (!allowed).then_some(403), "{effect:?}");
            assert_eq!(verdict.findings[0].effect, effect);
            assert_eq!(verdict.findings[0].resources.len(), 10);
        }
        assert!(Verdict::new("policy", Vec::new()).allowed);
    }

    #[test]
    fn several_refusals_are_one_paragraph() {
        let verdict = Verdict::new("p", vec![finding(Effect::Deny), finding(Effect::Deny)]);
        assert_eq!(verdict.message.unwrap(), "[p/rule] Message. Remedy. [p/rule] Message. Remedy.");
    }
}
