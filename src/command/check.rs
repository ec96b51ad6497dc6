//! `upgrade-gate check`: read the sources, show every object and the upgrade to the policies, report.

use std::{path::Path, sync::Arc};

use upgrade_gate_core::GroupResource;
use upgrade_gate_snapshot::{Builder, Wanted};

use crate::{
    cli::CheckArgs,
    contradictions,
    error::Error,
    installed::{self, Installed},
    judge::{self, Judged},
    live, missing, once,
    policy_set::{self, Loaded},
    progress, proposed,
    report::{self, Input, Phase, Report},
    review::Review,
    said, simulate, source,
    verdict::Outcome,
};

/// # Errors
/// [`Error`], for which there is no report: exit code 2.
pub fn run(args: &CheckArgs) -> Result<Outcome, Error> {
    let outputs = report::outputs(&args.output, args.quiet)?;
    let report = check(args)?;
    report::write(&report, &outputs, args.quiet, args.color)?;
    Ok(report.verdict.outcome(args.fail_on))
}

/// The report alone.
///
/// # Errors
/// [`Error`]: a source, a policy or the Wasm runtime.
pub fn check(args: &CheckArgs) -> Result<Report, Error> {
    check_by(&policies(args)?, args)
}

/// Compiled policies, which serve any number of checks.
#[derive(Clone)]
pub struct Policies(Arc<Vec<Loaded>>);

/// The policies that the arguments name.
///
/// # Errors
/// [`Error`]: a policy or the Wasm runtime.
pub fn policies(args: &CheckArgs) -> Result<Policies, Error> {
    let stdin = args.sources.iter().chain(&args.proposed).filter(|path| *path == Path::new("-"));
    if stdin.count() > 1 {
        return Err(Error::StdinTwice);
    }
    let policies = match &args.policies_file {
        Some(path) => policy_set::load_file(path)?,
        None => policy_set::load(&args.policies)?,
    };
    Ok(Policies(Arc::new(policies)))
}

/// The report by policies that were loaded before.
///
/// # Errors
/// [`Error`]: a source.
pub fn check_by(policies: &Policies, args: &CheckArgs) -> Result<Report, Error> {
    let Policies(policies) = policies.clone();
    let wanted = policy_set::wanted_of_cluster(&policies);
    if let Some(resource) = args.assume_captured.iter().find(|resource| !is_asked_for(resource, &wanted)) {
        let asked: Vec<String> = wanted.kinds().map(|kind| format!("`{}`", kind.resource())).collect();
        return Err(Error::Unasked { resource: resource.clone(), asked: asked.join(", ") });
    }
    let is_proposed = !args.proposed.is_empty();
    let mut builder = Builder::new(wanted);
    // What is saved has to be whole.
    if !is_proposed && args.save.is_none() {
        let policies = policies.clone();
        builder.settle(move |object| !installed::is_looked_at(&object.kind) && judge::is_settled(&policies, object));
    }
    let progress = builder.progress();
    args.assume_captured.iter().for_each(|resource| builder.assume_captured(resource.clone()));
    let read = || {
        if args.sources.is_empty() {
            for wildcard in policy_set::wildcards(&policies) {
                builder.not_asked(&wildcard, "no resource is named");
            }
            live::read(&args.cluster, &policy_set::resources(&policies), builder, args.save.as_ref())
        } else {
            source::read(&args.sources, builder)
        }
    };
    let snapshot = Arc::new(progress::shown(&progress, args.quiet, read)?);
    let proposed = source::read_apart(&args.proposed, policy_set::wanted(policies.iter()))?;

    let installed = Installed::of(&snapshot);
    let to = args.to.map(|to| simulate::named(to, &installed, args.allow_downgrade)).transpose()?;
    let (simulated, unjudged) = if is_proposed && to.is_none() {
        (None, None)
    } else {
        match simulate::simulate(&snapshot, &installed, to) {
            None => (None, Some(missing::version(&snapshot, &installed))),
            Some((_, review)) if !policies.iter().any(|policy| review.is_for(policy)) => (None, Some(missing::judge())),
            simulated => (simulated, None),
        }
    };
    let (unjudged, missing) = unjudged.unzip();
    let step_back = simulated.as_ref().filter(|_| to.is_some_and(|to| to.is_step_back));
    let step_back = step_back.map(|(upgrade, _)| simulate::step_back(upgrade));
    let (upgrade, approval) = simulated.unzip();
    let mut reviews: Vec<Review<'_>> = snapshot.objects().map(Review::audit).collect();
    reviews.extend(approval);
    reviews.extend(proposed::reviews(&proposed, &snapshot));

    let shared: Arc<dyn upgrade_gate_host::Cluster + Send + Sync> = snapshot.clone();
    let mut judged = judge::judge(&policies, &reviews, &shared);
    missing::speak_to_whoever_checks(&mut judged, args.sources.is_empty());
    let said = said::all(&policies, &judged, is_proposed, upgrade.is_some());
    once::told(&mut judged);
    let own = missing
        .into_iter()
        .chain(step_back)
        .chain(missing::lost(&snapshot, Phase::Audit))
        .chain(missing::lost(&proposed, Phase::Proposed))
        .chain(installed.mixed())
        .chain(contradictions::findings(&snapshot));
    judged.extend(own.map(Judged::own));
    let input = Input { policies: &policies, said, snapshot: &snapshot, proposed: &proposed, is_proposed, unjudged };
    Ok(Report::new(input, upgrade, judged))
}

fn is_asked_for(resource: &GroupResource, wanted: &Wanted) -> bool {
    wanted.kinds().any(|kind| kind.resource() == *resource)
}
