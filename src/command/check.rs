//! `upgrade-gate check`: read the sources, show every object to the policies, report.

use std::sync::Arc;

use upgrade_gate_host::Context;

use crate::{
    audit,
    cli::CheckArgs,
    error::Error,
    missing, policy_set,
    report::{self, Report},
    source,
    verdict::Outcome,
};

/// # Errors
/// [`Error`], for which there is no report: exit code 2.
pub fn run(args: &CheckArgs) -> Result<Outcome, Error> {
    let outputs = report::outputs(&args.output)?;
    let report = check(args)?;
    report::write(&report, &outputs, args.quiet, args.color)?;
    Ok(report.verdict.outcome(args.fail_on))
}

/// The report alone.
///
/// # Errors
/// [`Error`]: a source, a policy or the Wasm runtime.
pub fn check(args: &CheckArgs) -> Result<Report, Error> {
    let policies = policy_set::load(&args.policies)?;
    let snapshot = Arc::new(source::read(&args.sources, policy_set::wanted(&policies), &args.assume_captured)?);
    let shared: Arc<dyn upgrade_gate_host::Cluster + Send + Sync> = snapshot.clone();
    let audited = audit::audit(&policies, &snapshot, &Context::new(shared));
    Ok(Report::new(&policies, &snapshot, audited, missing::findings(&snapshot)))
}
