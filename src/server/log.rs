//! What the server says, a line each, on standard error.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

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
    // The client of the API server quotes what it was answered. What matters of that is said elsewhere.
    let of_all = Targets::new().with_default(level).with_target("kube_client", LevelFilter::OFF);
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
        LogFormat::Text => lines.finish().with(of_all).init(),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            lines.finish().with(of_all).init();
        }
    }
}
