//! What each policy has to say about the upgrade, or about what is proposed, in one line.

use std::collections::BTreeSet;

use serde::Serialize;
use upgrade_gate_core::{INSTALL_PLAN, shorten};

use crate::{
    judge::Judged,
    policy_set::Loaded,
    report::{Phase, Result},
};

/// In one word, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) outcome: Outcome,
    pub(crate) why: String,
}

/// What came of asking a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was asked, and has findings.
    Findings,
    /// It was asked, and accepts without a word.
    Passed,
    /// It is about something else.
    DoesNotApply,
    /// It could not be asked, or there was nothing to ask it about.
    NotAsked,
}

/// The upgrades that a policy is about, in words: follows "it is about".
const ABOUT: &str = "upgrade-gate.io/about";

/// The resource (`PLURAL.GROUP`) that a policy asks for whenever an upgrade is one that it is about.
const DECIDED_BY: &str = "upgrade-gate.io/decided-by";

/// Maximum number of characters of an annotation or an error that are shown.
const MAX_WHY: usize = 200;

/// In the order of the policies. `is_proposed`, `is_simulated`: what they could be asked about.
pub(crate) fn all(policies: &[Loaded], judged: &[Judged], is_proposed: bool, is_simulated: bool) -> Vec<Said> {
    let policies = policies.iter().enumerate();
    policies.map(|(index, policy)| by(index, policy, judged, is_proposed, is_simulated)).collect()
}

fn by(index: usize, policy: &Loaded, judged: &[Judged], is_proposed: bool, is_simulated: bool) -> Said {
    let said = |outcome: Outcome, why: String| Said { outcome, why: shorten(&why, MAX_WHY) };
    let mine = || judged.iter().filter(|one| one.policy == Some(index) && one.phase != Phase::Audit);
    if mine().next().is_none() {
        let kind = INSTALL_PLAN.kind;
        return match (is_proposed, is_simulated) {
            (false, false) => said(Outcome::NotAsked, "no upgrade was simulated".into()),
            (false, true) => said(Outcome::DoesNotApply, format!("it does not judge {kind}s")),
            (true, false) => said(Outcome::DoesNotApply, "it judges nothing of what is proposed".into()),
            (true, true) => {
                said(Outcome::DoesNotApply, format!("it judges no {kind}, and nothing of what is proposed"))
            }
        };
    }
    let findings = || mine().flat_map(|one| &one.findings);
    if let Some(error) = findings().find(|finding| finding.result == Result::Error) {
        return said(Outcome::NotAsked, error.message.clone());
    }
    match findings().count() {
        0 => {}
        1 => return said(Outcome::Findings, "1 finding".into()),
        many => return said(Outcome::Findings, format!("{many} findings")),
    }
    let annotation = |key: &str| policy.metadata.annotations.get(key);
    let asked: BTreeSet<&str> = mine().flat_map(|one| &one.asked).map(String::as_str).collect();
    let only_simulated = mine().all(|one| one.phase == Phase::Upgrade);
    match annotation(DECIDED_BY) {
        Some(resource) if only_simulated && !asked.contains(resource.as_str()) => {
            let about = annotation(ABOUT).map(|about| format!("it is about {about}"));
            said(Outcome::DoesNotApply, about.unwrap_or_else(|| format!("it did not ask for {resource}")))
        }
        _ if !only_simulated => said(Outcome::Passed, "it has nothing against what is proposed".into()),
        _ if asked.is_empty() => said(Outcome::Passed, "it asked for no other object".into()),
        _ => said(Outcome::Passed, format!("it asked for {}", asked.into_iter().collect::<Vec<_>>().join(", "))),
    }
}
