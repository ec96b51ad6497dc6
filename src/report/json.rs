//! The report as JSON: the data itself, indented, with a line feed at the end.

use std::io::{self, Write};

use crate::report::Report;

pub(super) fn render(report: &Report, to: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, report)?;
    writeln!(to)
}
