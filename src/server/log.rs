//! What the server says, a line each, on standard error.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing::Level;

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object with the fields of the line beside `timestamp`, `level` and `message`.
    Json,
}

pub(super) fn start(level: Level, format: LogFormat, no_color: bool) {
    let lines = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(level)
        .with_target(false)
        // Else it panics once nobody reads the lines.
        .log_internal_errors(false)
        .with_ansi(
            !no_color && io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty()),
        );
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
}
