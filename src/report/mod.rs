//! What was found, and the formats it is written in. Nothing before this module knows how things
//! are shown.

mod output;
mod style;
mod human;
mod json;
mod policy_report;

pub use output::Output;
pub(crate) use output::{outputs, write};
pub(crate) use style::is_dumb;

use serde::{Serialize, Serializer};
use upgrade_gate_core::{ResourceRef, Severity};
use upgrade_gate_host::Metadata;
use upgrade_gate_snapshot::{Origin, Snapshot, State};

use crate::{
    judge::{Audited, Judged},
    policy_set::Loaded,
    said::{Outcome, Said},
    simulate::Upgrade,
    verdict::Verdict,
};

/// The report, field by field as `-o json` writes it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `upgrade-gate/report/v1`.
    pub schema: &'static str,
    /// The answer in one word.
    pub verdict: Verdict,
    /// The simulated upgrade; `null` where none was.
    pub upgrade: Option<Upgrade>,
    /// Why no upgrade was judged; absent where one was, or where none was to be.
    #[serde(skip)]
    pub unjudged: Option<&'static str>,
    /// Whether manifests were proposed; for people, who are told what the verdict is about.
    #[serde(skip)]
    pub is_proposed: bool,
    /// What was read.
    pub snapshot: Read,
    /// Who judged.
    pub policies: Vec<PolicyUsed>,
    /// Sorted by phase, policy, rule and resource.
    pub findings: Vec<Finding>,
    /// Evaluations by their worst finding.
    pub summary: Summary,
    /// Every object under every policy, for the reports of a background audit.
    #[serde(skip)]
    pub audited: Vec<Audited>,
}

/// What was read, and what it proves.
#[derive(Clone, Debug, Serialize)]
pub struct Read {
    /// As named on the command line.
    pub sources: Vec<SourceRead>,
    /// What is known about each kind.
    pub kinds: Vec<KindRead>,
    /// What could not be read.
    pub skipped: Vec<SkippedPart>,
}

/// One source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceRead {
    /// As named on the command line.
    pub path: String,
    /// `must-gather`, `kubevirt-must-gather` or `files`.
    pub layout: &'static str,
    /// Objects of the kinds that policies name, with duplicates.
    pub objects: usize,
    /// Bytes read; of logs only the beginning is.
    pub bytes: u64,
}

/// One kind.
#[derive(Clone, Debug, Serialize)]
pub struct KindRead {
    /// Singular.
    pub kind: String,
    /// Empty for the core group.
    pub group: String,
    /// `captured`, `not-installed` or `not-captured`.
    pub state: &'static str,
    /// What the state follows from.
    pub evidence: String,
    /// How many objects of it were found.
    pub objects: usize,
}

/// Something that could not be read.
#[derive(Clone, Debug, Serialize)]
pub struct SkippedPart {
    /// Where it is.
    #[serde(serialize_with = "origin")]
    pub origin: Option<Origin>,
    /// Why.
    pub reason: String,
}

/// One policy.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyUsed {
    /// By its metadata.
    pub name: String,
    /// By its metadata.
    pub version: String,
    /// `sha256:…` of the module.
    pub digest: String,
    /// What it has to say about the upgrade, or about what is proposed.
    pub outcome: Outcome,
    /// What that follows from.
    pub why: String,
    /// What it says of itself.
    #[serde(skip)]
    pub metadata: Metadata,
    /// Whether it is deployed in parts, as `policies manifests` prints it.
    #[serde(skip)]
    pub in_parts: bool,
    /// Whether admission lets through what it refuses.
    #[serde(skip)]
    pub is_monitored: bool,
}

/// One thing that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Who says it.
    pub policy: String,
    /// Which row of the policy's table.
    pub rule: String,
    /// When.
    pub phase: Phase,
    /// What it means for the object.
    pub result: Result,
    /// How bad it is.
    pub severity: Severity,
    /// In full sentences.
    pub message: String,
    /// The next step.
    pub remedy: String,
    /// Where to read on.
    pub runbook: Option<String>,
    /// Which object; `null` where it is about none.
    pub resource: Option<ResourceRef>,
    /// Where the object was found; `null` where it is about nothing that was.
    #[serde(serialize_with = "origin")]
    pub origin: Option<Origin>,
}

/// At which step something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// An object as it is.
    Audit,
    /// The simulated upgrade.
    Upgrade,
    /// A manifest that somebody wants to apply.
    Proposed,
}

/// The words of PolicyReport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Result {
    /// Nothing to say, or nothing that has an effect.
    Pass,
    /// Worth a look.
    Warn,
    /// Data is missing.
    Unknown,
    /// A violation.
    Fail,
    /// The policy could not be asked.
    Error,
}

/// How many evaluations ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Without a finding that has an effect.
    pub pass: usize,
    /// Violations.
    pub fail: usize,
    /// Worth a look, also where the program itself says so.
    pub warn: usize,
    /// Data is missing, also where the program itself says so.
    pub unknown: usize,
    /// The policy could not be asked.
    pub error: usize,
    /// Parts of the sources that could not be read.
    pub skipped: usize,
}

/// What a report is about.
pub(crate) struct Input<'a> {
    pub(crate) policies: &'a [Loaded],
    /// What each of them has to say.
    pub(crate) said: Vec<Said>,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) proposed: &'a Snapshot,
    /// Whether anything was, even if nothing is in it.
    pub(crate) is_proposed: bool,
    /// Why no upgrade was judged.
    pub(crate) unjudged: Option<&'static str>,
}

impl Report {
    pub(crate) fn new(input: Input<'_>, upgrade: Option<Upgrade>, judged: Vec<Judged>) -> Self {
        let Input { policies, said, snapshot, proposed, is_proposed, unjudged } = input;
        let foreseen = is_proposed || upgrade.is_some();
        let snapshot = Read::new(&[snapshot, proposed]);
        let mut summary = Summary { skipped: snapshot.skipped.len(), ..Summary::default() };
        let mut in_the_way = 0;
        let mut findings: Vec<Finding> = Vec::new();
        let mut audited = Vec::new();
        for Judged { phase, findings: of_one, audited: one, is_told, .. } in judged {
            audited.extend(one);
            if is_told {
                continue;
            }
            let worst = of_one.iter().map(|finding| finding.result).max().unwrap_or(Result::Pass);
            summary.count(worst);
            // What an audit says is in the way of an upgrade, but perhaps not of this one.
            if worst == Result::Fail && (phase != Phase::Audit || !foreseen) {
                in_the_way += 1;
            }
            findings.extend(of_one);
        }
        findings.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        Self {
            schema: "upgrade-gate/report/v1",
            verdict: summary.verdict(in_the_way > 0),
            upgrade,
            unjudged,
            is_proposed,
            snapshot,
            policies: policies
                .iter()
                .zip(said)
                .map(|(loaded, Said { outcome, why })| PolicyUsed {
                    name: loaded.name.clone(),
                    version: loaded.version.clone(),
                    digest: loaded.policy.digest().into(),
                    outcome,
                    why,
                    metadata: loaded.metadata.clone(),
                    in_parts: loaded.is_bundled && !loaded.is_listed,
                    is_monitored: loaded.constraints.is_monitored,
                })
                .collect(),
            findings,
            summary,
            audited,
        }
    }
}

fn sort_key(finding: &Finding) -> impl Ord {
    let Finding { phase, policy, rule, resource, origin, .. } = finding;
    (*phase, policy.clone(), rule.clone(), resource.clone(), origin.clone())
}

impl Summary {
    fn count(&mut self, result: Result) {
        let counter = match result {
            Result::Pass => &mut self.pass,
            Result::Warn => &mut self.warn,
            Result::Unknown => &mut self.unknown,
            Result::Fail => &mut self.fail,
            Result::Error => &mut self.error,
        };
        *counter += 1;
    }

    fn verdict(self, blocked: bool) -> Verdict {
        match self {
            Self { error: 1.., .. } => Verdict::Error,
            _ if blocked => Verdict::Blocked,
            Self { unknown: 1.., .. } => Verdict::Unknown,
            Self { warn: 1.., .. } | Self { fail: 1.., .. } => Verdict::Warning,
            _ => Verdict::Ready,
        }
    }
}

impl Read {
    /// Of the sources, and of what was proposed; what is known about kinds is known from the sources.
    fn new(snapshots: &[&Snapshot; 2]) -> Self {
        let sources = snapshots.iter().flat_map(|snapshot| snapshot.sources()).map(|source| SourceRead {
            path: source.path.clone(),
            layout: source.layout.name(),
            objects: source.objects,
            bytes: source.bytes,
        });
        let [snapshot, _] = snapshots;
        let kinds = snapshot.kinds().iter().map(|report| KindRead {
            kind: report.kind.kind.clone(),
            group: report.kind.resource().group,
            state: match report.state {
                State::Captured => "captured",
                State::NotInstalled => "not-installed",
                State::NotCaptured => "not-captured",
            },
            evidence: report.evidence.clone(),
            objects: report.objects,
        });
        let skipped = snapshots
            .iter()
            .flat_map(|snapshot| snapshot.skipped())
            .map(|skipped| SkippedPart { origin: Some(skipped.origin.clone()), reason: skipped.reason() });
        Self { sources: sources.collect(), kinds: kinds.collect(), skipped: skipped.collect() }
    }
}

/// `{path, member, line}`; what is not known is left out.
fn origin<S: Serializer>(origin: &Option<Origin>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        path: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        member: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<usize>,
    }
    let shown = origin.as_ref().map(|origin| Shown {
        path: &origin.path,
        member: origin.member.as_deref(),
        line: (origin.line > 0).then_some(origin.line),
    });
    shown.serialize(serializer)
}
