//! The command line.

use std::{convert::Infallible, path::PathBuf, str::FromStr};

use clap::{Args, ColorChoice, Parser, Subcommand};
use upgrade_gate_core::GroupResource;

use crate::{report::Output, verdict::FailOn};

/// KubeVirt upgrade runbooks as WebAssembly policies: can this cluster be upgraded, what is in the
/// way, and what is to be done?
#[derive(Debug, Parser)]
#[command(name = "upgrade-gate", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge the state of a cluster from a must-gather, a dump or manifests
    Check(CheckArgs),
}

/// What `check` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the verdict is below the threshold of --fail-on
  1  blocked (or warning, with --fail-on warning)
  2  an error: usage, a source that does not exist, a policy that crashed
  3  unknown: data is missing; the report says how to collect it")]
pub struct CheckArgs {
    /// Directories and files: must-gathers, `kubectl get -o json` or `--raw`, YAML; `-` is standard input
    #[arg(required = true, value_name = "SOURCE")]
    pub sources: Vec<PathBuf>,

    /// Run exactly these policies: names of bundled ones, or .wasm files [default: all that are bundled]
    #[arg(long = "policy", value_name = "NAME|FILE.wasm")]
    pub policies: Vec<PolicyName>,

    /// Take your word that all objects of a resource are in the sources
    #[arg(long, value_name = "PLURAL.GROUP")]
    pub assume_captured: Vec<GroupResource>,

    /// From which verdict on the exit code says no; an error always does
    #[arg(long, value_enum, default_value_t = FailOn::Unknown, value_name = "VERDICT")]
    pub fail_on: FailOn,

    /// Write a report, `human` or `json`, to standard output or to a file; repeatable [default: human]
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    pub output: Vec<Output>,

    /// Say only the verdict
    #[arg(short, long)]
    pub quiet: bool,

    /// Colour the report for people
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,
}

/// A policy as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyName {
    /// One that comes with the program.
    Bundled(String),
    /// A module: what ends in `.wasm` or has a `/` in it.
    File(PathBuf),
}

impl FromStr for PolicyName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let is_file = text.ends_with(".wasm") || text.contains('/');
        Ok(if is_file { Self::File(text.into()) } else { Self::Bundled(text.into()) })
    }
}
