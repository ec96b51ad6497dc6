//! The report for people: a line for each finding, what to do under it, the verdict last.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    io::{self, Write},
};

use clap::ColorChoice;
use upgrade_gate_core::{ResourceRef, escape};
use upgrade_gate_snapshot::Origin;

use crate::{
    report::{Finding, Read, Report, Result, Summary},
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
        // A command that is broken in two cannot be copied.
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
        findings(&report.findings, style, to)?;
        let runbooks: BTreeSet<&str> =
            report.findings.iter().filter_map(|finding| finding.runbook.as_deref()).collect();
        for runbook in runbooks {
            style.paragraph("runbook  ", &escape(runbook), to)?;
        }
        read(&report.snapshot, style, to)?;
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
        let severity = serde_json::to_value(finding.severity).unwrap_or_default();
        let severity = severity.as_str().unwrap_or_default();
        writeln!(
            to,
            "{} {severity:<8}  {rule:<widest$}  {}",
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

/// What the verdict rests on.
fn read(read: &Read, style: Style, to: &mut impl Write) -> io::Result<()> {
    for source in &read.sources {
        let noun = if source.objects == 1 { "object" } else { "objects" };
        let line =
            format!("{}: {}, {} {noun} that policies look at", escape(&source.path), source.layout, source.objects);
        style.paragraph("read     ", &line, to)?;
    }
    for kind in &read.kinds {
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
    resource.map_or_else(String::new, |resource| {
        let namespace =
            resource.namespace.as_ref().map_or(String::new(), |namespace| format!("{}/", escape(namespace)));
        format!("{} {namespace}{}", escape(&resource.kind), escape(&resource.name))
    })
}

fn place(origin: &Origin) -> String {
    let member = origin.member.as_ref().map_or(String::new(), |member| format!("!{}", escape(member)));
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

fn explanation(report: &Report) -> String {
    let Summary { fail, warn, error, .. } = report.summary;
    let count = |number: usize, noun: &str| if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") };
    match report.verdict {
        Verdict::Ready => "Nothing that the policies know of is in the way of the upgrade.".into(),
        Verdict::Warning => format!("{} to look at; the upgrade is not blocked.", count(warn, "thing")),
        Verdict::Unknown => "It cannot be told whether the upgrade is safe: data is missing.".into(),
        Verdict::Blocked => format!("Do not upgrade yet: {} in the way.", count(fail, "object")),
        Verdict::Error => format!("No verdict: {} failed.", count(error, "evaluation")),
    }
}
