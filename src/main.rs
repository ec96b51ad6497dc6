//! `upgrade-gate`: can this cluster be upgraded?

use std::process::ExitCode;

use clap::Parser;
use upgrade_gate::{
    cli::{Cli, Command, PoliciesCommand},
    command,
};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Check(args) => command::check::run(&args),
        Command::Run(args) => command::run::run(&args),
        Command::Policies(PoliciesCommand::Collect(args)) => command::policies::collect(&args),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => error.report(),
    }
}
