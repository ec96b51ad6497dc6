//! How the report for people looks: how wide, and whether in colour.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
};

use clap::ColorChoice;

/// On a terminal wrapped and coloured, elsewhere neither, unless somebody says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    width: Option<usize>,
    color: bool,
}

impl Style {
    pub(super) fn plain() -> Self {
        Self { width: None, color: false }
    }

    pub(super) fn of(terminal: bool, color: ColorChoice) -> Self {
        Self::chosen(terminal, color, |name| env::var_os(name))
    }

    /// `NO_COLOR` is <https://no-color.org>: set and not empty. `COLUMNS` is POSIX's: a width that somebody has exported
    /// is wanted, also where a pager or a file is between.
    fn chosen(terminal: bool, color: ColorChoice, env: impl Fn(&str) -> Option<OsString>) -> Self {
        let color = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                terminal && env("NO_COLOR").is_none_or(|value| value.is_empty()) && !is_dumb(env("TERM"))
            }
        };
        let columns = env("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok()).filter(|columns| *columns > 0);
        let width = columns.map(|columns: usize| columns.max(MIN_WIDTH));
        Self { width: width.or_else(|| terminal.then(|| textwrap::termwidth().clamp(MIN_WIDTH, MAX_WIDTH))), color }
    }

    /// `code`: SGR parameters of ECMA-48.
    pub(super) fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn paragraph(self, first: &str, text: &str, to: &mut impl Write) -> io::Result<()> {
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

/// Narrower than this nothing can be read.
const MIN_WIDTH: usize = 40;

/// Longer lines are hard to read; a terminal may be wider.
const MAX_WIDTH: usize = 120;

/// Whether a terminal, by its `TERM`, knows no escape sequences.
pub(crate) fn is_dumb(term: Option<OsString>) -> bool {
    term.is_some_and(|term| term == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_environment_says() {
        use ColorChoice::{Always, Auto, Never};
        type Case = (bool, ColorChoice, &'static [(&'static str, &'static str)], Option<usize>, bool);
        let cases: [Case; 12] = [
            (false, Auto, &[], None, false),
            (false, Always, &[], None, true),
            (true, Auto, &[("COLUMNS", "100")], Some(100), true),
            (true, Never, &[("COLUMNS", "100")], Some(100), false),
            (true, Auto, &[("COLUMNS", "200"), ("NO_COLOR", "1")], Some(200), false),
            (true, Auto, &[("COLUMNS", "100"), ("NO_COLOR", "")], Some(100), true),
            (true, Auto, &[("COLUMNS", "100"), ("TERM", "dumb")], Some(100), false),
            (true, Auto, &[("COLUMNS", "100"), ("TERM", "xterm")], Some(100), true),
            (true, Always, &[("COLUMNS", "1"), ("TERM", "dumb")], Some(MIN_WIDTH), true),
            (false, Auto, &[("COLUMNS", "60")], Some(60), false),
            (false, Auto, &[("COLUMNS", "0")], None, false),
            (false, Auto, &[("COLUMNS", "wide")], None, false),
        ];
        for (terminal, choice, env, width, color) in cases {
            let variable = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
            assert_eq!(Style::chosen(terminal, choice, variable), Style { width, color }, "{env:?}");
        }
    }
}
