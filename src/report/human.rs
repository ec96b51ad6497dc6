//! The report for people: a line for each finding, what to do under it, the verdict last.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use serde::Serialize;
use upgrade_gate_core::{ResourceRef, escape};
use upgrade_gate_snapshot::Origin;

use crate::{
    missing::PROGRAM,
    report::{Finding, KindRead, Phase, PolicyUsed, Read, Report, Result, Summary, style::Style},
    said::Outcome,
    simulate::{ChosenBy, Upgrade},
    verdict::Verdict,
};

/// Findings of one rule that are shown; the others are counted. All are in the other formats.
const MAX_SHOWN: usize = 50;

const INDENT: &str = "         ";
const BOLD: &str = "1";
const DIM: &str = "2";

pub(super) fn render(report: &Report, quiet: bool, style: Style, to: &mut impl Write) -> io::Result<()> {
    if !quiet {
        style.paragraph("upgrade  ", &upgrade_line(report), to)?;
        writeln!(to)?;
        findings(&report.findings, style, to)?;
        let runbooks: BTreeSet<&str> =
            report.findings.iter().filter_map(|finding| finding.runbook.as_deref()).collect();
        for runbook in runbooks {
            style.paragraph("runbook  ", &escape(runbook), to)?;
        }
        policies(&report.policies, style, to)?;
        read(&report.snapshot, report.verdict, style, to)?;
    }
    let (word, code) = word(report.verdict);
    style.paragraph("", &format!("{} {}", style.paint(code, word), explanation(report)), to)
}

fn findings(findings: &[Finding], style: Style, to: &mut impl Write) -> io::Result<()> {
    let objects: Vec<String> = findings.iter().map(object).collect();
    let rules: Vec<String> =
        findings.iter().map(|finding| escape(&format!("{}/{}", finding.policy, finding.rule))).collect();
    let widest = rules.iter().map(|rule| rule.len()).max().unwrap_or(0);
    let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
    for ((finding, object), rule) in findings.iter().zip(&objects).zip(&rules) {
        let count = shown.entry(rule).or_default();
        *count += 1;
        if *count > MAX_SHOWN {
            continue;
        }
        let (word, code) = result_word(finding.result);
        let (severity, phase) = (lower_case(finding.severity), lower_case(finding.phase));
        writeln!(
            to,
            "{} {severity:<8}  {phase:<8}  {rule:<widest$}  {}",
            style.paint(code, &format!("{word:<8}")),
            style.paint(BOLD, object),
        )?;
        style.paragraph(INDENT, &escape(&finding.message), to)?;
        if !finding.remedy.is_empty() {
            style.paragraph(&format!("{INDENT}→ "), &escape(&finding.remedy), to)?;
        }
        if let Some(origin) = &finding.origin {
            writeln!(to, "{INDENT}{}", style.paint(DIM, &place(origin)))?;
        }
        writeln!(to)?;
    }
    for (rule, count) in shown.into_iter().filter(|(_, count)| *count > MAX_SHOWN) {
        writeln!(to, "… and {} more of {rule}: all are in -o json\n", count - MAX_SHOWN)?;
    }
    Ok(())
}

/// What each policy has to say about the upgrade, also where that is nothing.
fn policies(policies: &[PolicyUsed], style: Style, to: &mut impl Write) -> io::Result<()> {
    for PolicyUsed { name, outcome, why, .. } in policies {
        let word = match outcome {
            Outcome::Findings => "asked, and has",
            Outcome::Passed => "asked, and passes:",
            Outcome::DoesNotApply => "does not apply:",
            Outcome::NotAsked => "not asked:",
        };
        style.paragraph("policy   ", &format!("{}: {word} {}", escape(name), escape(why)), to)?;
    }
    Ok(())
}

/// As the JSON report writes it.
fn lower_case(word: impl Serialize) -> String {
    serde_json::to_value(word).ok().and_then(|word| word.as_str().map(Into::into)).unwrap_or_default()
}

/// What the verdict rests on.
fn read(read: &Read, verdict: Verdict, style: Style, to: &mut impl Write) -> io::Result<()> {
    for source in &read.sources {
        let noun = if source.objects == 1 { "object" } else { "objects" };
        let line =
            format!("{}: {}, {} {noun} that policies look at", escape(&source.path), source.layout, source.objects);
        style.paragraph("read     ", &line, to)?;
    }
    // What is not there matters where something is unknown.
    let tells = |kind: &&KindRead| kind.objects > 0 || kind.state != "not-captured" || verdict == Verdict::Unknown;
    for kind in read.kinds.iter().filter(tells) {
        let count = if kind.objects == 0 { String::new() } else { format!(" {}", kind.objects) };
        let line =
            format!("{}{count}: {}, {}", escape(&kind.kind), kind.state.replace('-', " "), escape(&kind.evidence));
        style.paragraph("kind     ", &line, to)?;
    }
    for skipped in read.skipped.iter().take(MAX_SHOWN) {
        let place = skipped.origin.as_ref().map_or_else(String::new, place);
        style.paragraph("skipped  ", &format!("{place} {}", escape(&skipped.reason)), to)?;
    }
    if read.skipped.len() > MAX_SHOWN {
        writeln!(to, "skipped  … and {} more: all are in -o json", read.skipped.len() - MAX_SHOWN)?;
    }
    writeln!(to)
}

/// What the program made up is called so.
fn object(finding: &Finding) -> String {
    match &finding.resource {
        Some(ResourceRef { kind, namespace, .. }) if finding.phase == Phase::Upgrade && finding.origin.is_none() => {
            let namespace = namespace.as_ref().map_or(String::new(), |namespace| format!(" in {namespace}"));
            escape(&format!("simulated {kind}{namespace}"))
        }
        resource => resource.as_ref().map_or_else(String::new, |resource| escape(&resource.to_string())),
    }
}

fn place(origin: &Origin) -> String {
    let member = origin.member.as_ref().map_or(String::new(), |member| format!("!/{}", escape(member)));
    let line = if origin.line > 0 { format!(":{}", origin.line) } else { String::new() };
    format!("{}{member}{line}", escape(&origin.path))
}

fn result_word(result: Result) -> (&'static str, &'static str) {
    match result {
        Result::Pass => ("PASS", "32"),
        Result::Warn => ("WARN", "33"),
        Result::Unknown => ("UNKNOWN", "35"),
        Result::Fail => ("FAIL", "31"),
        Result::Error => ("ERROR", "31;1"),
    }
}

fn word(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Ready => ("READY", "32;1"),
        Verdict::Warning => ("WARNING", "33;1"),
        Verdict::Unknown => ("UNKNOWN", "35;1"),
        Verdict::Blocked => ("BLOCKED", "31;1"),
        Verdict::Error => ("ERROR", "31;1"),
    }
}

/// `HCO 1.6.0 → 1.7.0 (as --to says), simulated as an approved InstallPlan`.
fn upgrade_line(report: &Report) -> String {
    let Some(upgrade) = &report.upgrade else {
        let why = report.unjudged.unwrap_or("what is proposed is judged instead; --to VERSION names one");
        return format!("none simulated: {why}");
    };
    let Upgrade { from, to, translated_from, product, via, chosen_by } = upgrade;
    let product = product.name();
    let from = from.as_deref().unwrap_or("unknown version");
    let why = match (chosen_by, translated_from) {
        (ChosenBy::Flag, None) => "as --to says".into(),
        (ChosenBy::Flag, Some(asked)) => format!("--to {asked} is {product} {to}"),
        (ChosenBy::InstallPlan, _) => "the plan that waits".into(),
        (ChosenBy::NextMinor, _) => "the next minor version; --to names another".into(),
    };
    format!("{product} {from} → {to} ({why}), simulated as an approved {via}")
}

fn explanation(report: &Report) -> String {
    let Summary { fail, warn, error, .. } = report.summary;
    let count = |number: usize, noun: &str| if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") };
    let upgrade = match &report.upgrade {
        Some(Upgrade { to, .. }) => format!("the upgrade to {to}"),
        None if report.is_proposed => "what is proposed".into(),
        None => "the upgrade".into(),
    };
    let errors = || report.findings.iter().filter(|finding| finding.result == Result::Error);
    let applies = |policy: &PolicyUsed| policy.outcome != Outcome::DoesNotApply;
    match report.verdict {
        Verdict::Ready if report.policies.iter().any(applies) => {
            format!("Nothing that the policies know of is in the way of {upgrade}.")
        }
        Verdict::Ready => format!("No policy has anything to say about {upgrade}."),
        Verdict::Warning => format!("{} to look at; {upgrade} is not blocked.", count(warn + fail, "thing")),
        Verdict::Unknown if report.upgrade.is_none() && !report.is_proposed => {
            "It cannot be told whether an upgrade is safe: none was judged.".into()
        }
        Verdict::Unknown => format!("It cannot be told whether {upgrade} is safe: data is missing."),
        // Whether anything would refuse it nobody knows: that is for a gate to do.
        Verdict::Blocked => {
            match (against(report, Phase::Proposed), against(report, Phase::Upgrade), &report.upgrade) {
                (Some(policies), ..) => format!("Do not apply what is proposed: {policies} against it."),
                (None, Some(policies), Some(Upgrade { to, .. })) => {
                    format!("Do not upgrade to {to} yet: {policies} against it.")
                }
                _ => format!("Do not upgrade yet: {} in the way.", count(fail, "object")),
            }
        }
        // No policy fails there.
        Verdict::Error if errors().all(|finding| finding.policy == PROGRAM) => {
            "No verdict: the sources are of two clusters.".into()
        }
        Verdict::Error => format!("No verdict: {} failed.", count(error, "evaluation")),
    }
}

/// `integrated-nmo is`, `hco-upgradeable and integrated-nmo are`; nothing where no policy refuses.
fn against(report: &Report, phase: Phase) -> Option<String> {
    let fails = report.findings.iter().filter(|finding| finding.phase == phase && finding.result == Result::Fail);
    let policies: Vec<String> =
        fails.map(|finding| finding.policy.as_str()).collect::<BTreeSet<_>>().into_iter().map(escape).collect();
    let (last, others) = policies.split_last()?;
    Some(if others.is_empty() { format!("{last} is") } else { format!("{} and {last} are", others.join(", ")) })
}
