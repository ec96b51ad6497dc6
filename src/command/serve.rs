//! `upgrade-gate serve`: the policies behind a webhook.

use crate::{cli::ServeArgs, error::Error, server, verdict::Outcome};

/// # Errors
/// [`Error`]: it could not begin. Exit code 2.
pub fn run(args: &ServeArgs) -> Result<Outcome, Error> {
    server::run(args)?;
    Ok(Outcome::Passed)
}
