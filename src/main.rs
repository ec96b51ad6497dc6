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
        Command::Serve(args) => command::serve::run(&args),
        Command::Policies(PoliciesCommand::List) => command::policies::list(),
        Command::Policies(PoliciesCommand::Show { name }) => command::policies::show(&name),
        Command::Policies(PoliciesCommand::Export { folder }) => command::policies::export(&folder),
        Command::Policies(PoliciesCommand::Manifests(args)) => command::policies::manifests(&args),
        Command::Policies(PoliciesCommand::Collect(args)) => command::collect::collect(&args),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => error.report(),
    }
}
