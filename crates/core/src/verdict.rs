//! What a policy found, and what it answers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{overriding::Override, resource::ResourceRef, words::shorten};

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

/// What a setting may say about a finding in admission; Gatekeeper's enforcement actions, from mild to
/// strict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Accept it in silence, but record the finding.
    Dryrun,
    /// Accept it with a warning.
    Warn,
    /// Refuse the request.
    #[default]
    Deny,
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
    /// The same in few words, for a warning, which kubectl shows on one line: about 110 characters. Not
    /// recorded: it shows in the answer.
    #[serde(skip)]
    pub warning: String,
    /// What happens when the way is free: follows the remedy of a refusal, and of nothing else. Begins with
    /// a space where there is something to say.
    #[serde(skip)]
    pub afterwards: &'static str,
    /// What the answer does about it; not recorded: it shows in the answer.
    #[serde(skip)]
    pub action: Action,
}

impl Finding {
    /// A violation, and what is to be done about it.
    #[must_use]
    pub fn new(rule: &'static str, severity: Severity, action: Action) -> Self {
        Self {
            rule: rule.into(),
            severity,
            effect: action.into(),
            message: String::new(),
            remedy: String::new(),
            resources: Vec::new(),
            warning: String::new(),
            afterwards: "",
            action,
        }
    }

    /// It cannot be told whether there is a violation.
    #[must_use]
    pub fn unknown(severity: Severity, action: Action) -> Self {
        Self { effect: Effect::Unknown, ..Self::new("missing-data", severity, action) }
    }

    /// A refusal becomes a warning that says why.
    pub(crate) fn overridden(self, by: &Override) -> Self {
        if self.action != Action::Deny {
            return self;
        }
        let Override { on, reason } = by;
        let place = shorten(&on.to_string(), 120);
        Self {
            effect: Effect::Warn,
            action: Action::Warn,
            message: format!(
                "{} Overridden by the annotation {} of {place}: \"{}\".",
                self.message,
                Override::ANNOTATION,
                shorten(reason, 200)
            ),
            warning: format!("overridden (\"{}\"): {}", shorten(reason, 30), self.warning),
            ..self
        }
    }
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

/// Kubernetes cuts longer warnings. What is longer loses its middle: only with long names, or with an
/// override.
const MAX_WARNING: usize = 199;

/// Longer refusals are not read, and some clients cut them.
const MAX_MESSAGE: usize = 999;

impl Verdict {
    /// The audit annotation that carries [`Verdict::findings`] as a JSON list, where there are any.
    pub const FINDINGS: &'static str = "findings";

    /// A finding may be about thousands of objects; an audit annotation names this many of them.
    pub const MAX_RECORDED_RESOURCES: usize = 10;

    /// The answer that follows from what `policy` found, where an override does not soften it. A refusal carries code 403, which OLM
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
            if finding.action == Action::Deny {
                finding.remedy += finding.afterwards;
            }
            let Finding { rule, action, message, remedy, warning, .. } = finding;
            match action {
                Action::Deny => refusals.push(format!("[{policy}/{rule}] {message} {remedy}")),
                Action::Warn => warnings.push(shorten(&format!("[{policy}/{rule}] {warning}"), MAX_WARNING)),
                Action::Dryrun => {}
            }
        }
        let allowed = refusals.is_empty();
        Self {
            allowed,
            message: (!allowed).then(|| shorten(&refusals.join(" "), MAX_MESSAGE)),
            code: (!allowed).then_some(403),
            warnings,
            findings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(action: Action) -> Finding {
        Finding {
            message: "Message.".into(),
            remedy: "Remedy.".into(),
            resources: vec![ResourceRef::default(); 20],
            ..Finding::new("rule", Severity::High, action)
        }
    }

    #[test]
    fn each_action_has_its_answer_and_is_recorded() {
        let cases = [
            (Action::Deny, Effect::Deny, false, 0),
            (Action::Warn, Effect::Warn, true, 1),
            (Action::Dryrun, Effect::Dryrun, true, 0),
        ];
        for (action, effect, allowed, warnings) in cases {
            for finding in [finding(action), Finding::unknown(Severity::High, action)] {
                let expected = if finding.rule == "rule" { effect } else { Effect::Unknown };
                let verdict = Verdict::new("policy", vec![finding]);
                assert_eq!((verdict.allowed, verdict.warnings.len()), (allowed, warnings), "{action:?}");
                assert_eq!(verdict.message.is_none(), allowed, "{action:?}");
                assert_eq!(verdict.code, (!allowed).then_some(403), "{action:?}");
                assert_eq!(verdict.findings[0].effect, expected);
            }
        }
        assert!(Verdict::new("policy", Vec::new()).allowed);
        assert_eq!(Verdict::new("policy", vec![finding(Action::Deny)]).findings[0].resources.len(), 10);
    }

    #[test]
    fn several_refusals_are_one_paragraph() {
        let verdict = Verdict::new("p", vec![finding(Action::Deny), finding(Action::Deny)]);
        assert_eq!(verdict.message.unwrap(), "[p/rule] Message. Remedy. [p/rule] Message. Remedy.");
    }
}
