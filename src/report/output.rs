//! Which reports are written, and where.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::PathBuf,
    str::FromStr,
};

use clap::ColorChoice;

use crate::{
    error::{Error, print},
    report::{Report, human, json, policy_report, style::Style},
};

/// A report that was asked for: `FORMAT` or `FORMAT=FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    format: Format,
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Human,
    Json,
    OpenReports,
    PolicyReport,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = text.split_once('=').map_or((text, None), |(format, file)| (format, Some(file)));
        let format = match format {
            "human" => Format::Human,
            "json" => Format::Json,
            "openreports" => Format::OpenReports,
            "policyreport" => Format::PolicyReport,
            _ => {
                return Err("expected `human`, `json`, `openreports` or `policyreport`, perhaps with a file: \
                            `json=report.json`"
                    .into());
            }
        };
        match file {
            Some("") => Err("expected a file's path after `=`, or `-` for standard output".into()),
            Some("-") => Ok(Self { format, file: None }),
            file => Ok(Self { format, file: file.map(PathBuf::from) }),
        }
    }
}

/// What is to be written where. Whoever asks for the verdict alone (`quiet`) gets it, whatever goes to files.
pub(crate) fn outputs(asked: &[Output], quiet: bool) -> Result<Vec<Output>, Error> {
    let on_stdout = asked.iter().filter(|output| output.file.is_none()).count();
    if on_stdout > 1 {
        return Err(Error::TwoReportsOnStdout);
    }
    let mut outputs = asked.to_vec();
    if outputs.is_empty() || (quiet && on_stdout == 0) {
        outputs.push(Output { format: Format::Human, file: None });
    }
    Ok(outputs)
}

/// Writes every report that was asked for.
pub(crate) fn write(report: &Report, outputs: &[Output], quiet: bool, color: ColorChoice) -> Result<(), Error> {
    for Output { format, file } in outputs {
        match file {
            Some(file) => {
                let style = Style::plain();
                File::create(file)
                    .and_then(|file| render(report, *format, quiet, style, &mut BufWriter::new(file)))
                    .map_err(|error| Error::Report { to: file.display().to_string(), error })?;
            }
            None => {
                let style = Style::of(io::stdout().is_terminal(), color);
                print(|stdout| render(report, *format, quiet, style, stdout))?;
            }
        }
    }
    Ok(())
}

fn render(report: &Report, format: Format, quiet: bool, style: Style, to: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Human => human::render(report, quiet, style, to)?,
        Format::Json => json::render(report, to)?,
        Format::OpenReports => policy_report::render(report, &policy_report::OPEN_REPORTS, to)?,
        Format::PolicyReport => policy_report::render(report, &policy_report::POLICY_REPORT, to)?,
    }
    to.flush()
}
