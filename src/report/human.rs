//! The report for people: a line for each finding, what to do under it, the verdict last.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    io::{self, Write},
};

use clap::ColorChoice;
use serde::Serialize;
use upgrade_gate_core::{ResourceRef, escape};
use upgrade_gate_snapshot::Origin;

use crate::{
    report::{Finding, KindRead, Phase, Read, Report, Result, Summary},
    simulate::{ChosenBy, Upgrade},
    verdict::Verdict,
};

/// Findings of one rule that are shown; the others are counted. All are in the other formats.
const MAX_SHOWN: usize = 50;

/// How it looks: on a terminal wrapped and coloured, elsewhere neither.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    width: Option<usize>,
    color: bool,
}

impl Style {
    pub(super) fn plain() -> Self {
        Self { width: None, color: false }
    }

    /// `NO_COLOR` is <https://no-color.org>: set and not empty.
    pub(super) fn of(terminal: bool, color: ColorChoice) -> Self {
        let wanted = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self { width: terminal.then(|| textwrap::termwidth().clamp(40, 120)), color: wanted }
    }

    /// `code`: SGR parameters of ECMA-48.
    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn paragraph(self, first: &str, text: &str, to: &mut impl Write) -> io::Result<()> {
        let Some(width) = self.width else { return writeln!(to, "{first}{text}") };
        let rest = " ".repeat(first.chars().count());
        // A name that is broken in two cannot be copied.
        let options = textwrap::Options::new(width)
            .initial_indent(first)
            .subsequent_indent(&rest)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        writeln!(to, "{}", textwrap::fill(text, options))
    }
}

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
        read(&report.snapshot, report.verdict, style, to)?;
    }
    let (word, code) = word(report.verdict);
    style.paragraph("", &format!("{} {}", style.paint(code, word), explanation(report)), to)
}

fn findings(findings: &[Finding], style: Style, to: &mut impl Write) -> io::Result<()> {
    let objects: Vec<String> = findings.iter().map(|finding| object(finding.resource.as_ref())).collect();
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

fn object(resource: Option<&ResourceRef>) -> String {
    resource.map_or_else(String::new, |resource| escape(&resource.to_string()))
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
    let Some(Upgrade { from, to, product, via, chosen_by }) = &report.upgrade else {
        return if report.is_proposed {
            "none simulated: what is proposed is judged instead; --to VERSION names one".into()
        } else {
            "none simulated: nothing shows which version is installed, or no policy judges InstallPlans".into()
        };
    };
    let product = if *product == "hco" { "HCO" } else { "OpenShift Virtualization" };
    let from = from.as_deref().unwrap_or("unknown version");
    let why = match chosen_by {
        ChosenBy::Flag => "as --to says",
        ChosenBy::InstallPlan => "the plan that waits",
        ChosenBy::NextMinor => "the next minor version; --to names another",
    };
    format!("{product} {from} → {to} ({why}), simulated as an approved {via}")
}

fn explanation(report: &Report) -> String {
    let Summary { fail, warn, error, .. } = report.summary;
    let count = |number: usize, noun: &str| if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") };
    let proposed = report.findings.iter().any(|f| f.phase == Phase::Proposed && f.result == Result::Fail);
    let upgrade = match &report.upgrade {
        Some(Upgrade { to, .. }) => format!("the upgrade to {to}"),
        None if report.is_proposed => "what is proposed".into(),
        None => "the upgrade".into(),
    };
    match report.verdict {
        Verdict::Ready => format!("Nothing that the policies know of is in the way of {upgrade}."),
        Verdict::Warning => format!("{} to look at; {upgrade} is not blocked.", count(warn + fail, "thing")),
        Verdict::Unknown => format!("It cannot be told whether {upgrade} is safe: data is missing."),
        Verdict::Blocked if proposed => "Do not apply what is proposed: it would be refused.".into(),
        Verdict::Blocked => match &report.upgrade {
            Some(Upgrade { to, .. }) => format!("Do not upgrade to {to} yet: it would be refused."),
            None => format!("Do not upgrade yet: {} in the way.", count(fail, "object")),
        },
        Verdict::Error => format!("No verdict: {} failed.", count(error, "evaluation")),
    }
}
