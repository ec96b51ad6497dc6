//! `upgrade-gate run`: one admission request, one policy, its answer as `kwctl run` prints it.

use std::{
    fs, io,
    io::{Read, Write},
    path::Path,
    sync::Arc,
};

use serde_json::Value;
use tokio::runtime::{self, Runtime};
use upgrade_gate_core::{NoCluster, escape, shorten};
use upgrade_gate_host::{Cluster, Compiler, Context, Evaluation, Host, Limits, PolicyType};
use upgrade_gate_snapshot::{Builder, Skipped};

use crate::{
    admission::{INTERNAL_ERROR, Request},
    cli::{ContextArgs, RunArgs},
    contradictions,
    error::{Error, print, say},
    judge::unproved,
    live::{Connection, Watched},
    policy_set::{self, DEFAULT_SETTINGS, Loaded},
    session, source,
    verdict::Outcome,
    yaml::yaml,
};

/// # Errors
/// [`Error`]: the policy could not be asked. Exit code 2.
pub fn run(args: &RunArgs) -> Result<Outcome, Error> {
    let policy = policy_set::load_one(&Host::new(Limits::default())?, &args.policy, Compiler::Winch)?;
    let settings = settings(args)?;
    let policy_type = if args.raw { PolicyType::Raw } else { policy.metadata.policy_type };
    let request = read(&args.request).map_err(|error| error.to_string());
    let request = request.and_then(|text| Request::parse(&text, policy_type).map_err(|error| error.to_string()));
    let request = request.map_err(|reason| Error::Request { path: args.request.clone(), reason })?;

    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| Error::Runtime { error })?;
    let cluster = cluster(&args.context, &policy, &runtime)?;
    let context = match (&args.replay, &args.record) {
        (Some(path), _) => Context::replaying(session::read(path)?),
        (None, Some(_)) => Context::recording(cluster),
        (None, None) => Context::new(cluster),
    };
    policy.accepts(&settings, &context)?;
    let evaluated = policy.policy.evaluate(&request.json, &settings, &policy.grants, &context);
    if let Some(path) = &args.record {
        session::write(path, context.exchanges())?;
    }
    if args.replay.is_some() && !context.exchanges().is_empty() {
        say(&format!("note: {} recorded exchanges were not asked for", context.exchanges().len()));
    }
    let answer = match &evaluated {
        Ok(evaluation) => {
            notes(evaluation).iter().for_each(|note| say(note));
            request.answer(&evaluation.response)
        }
        Err(error) => {
            say(&format!("error: policy `{}`: {error}", shorten(&policy.shown, 2_000)));
            request.reject(error.to_rejection())
        }
    };
    print(|stdout| {
        serde_json::to_writer(&mut *stdout, &answer)?;
        writeln!(stdout)
    })?;
    Ok(match (answer.allowed, answer.code()) {
        (true, _) => Outcome::Passed,
        (false, Some(INTERNAL_ERROR)) => Outcome::Error,
        (false, _) => Outcome::Failed,
    })
}

/// What the policy sees.
fn cluster(args: &ContextArgs, policy: &Loaded, runtime: &Runtime) -> Result<Arc<dyn Cluster + Send + Sync>, Error> {
    if let Some(cluster) = args.live() {
        let connection = runtime.block_on(Connection::new(cluster))?;
        let watched = Watched::start(connection, runtime.handle().clone(), [policy]);
        runtime.block_on(watched.synced())?;
        return Ok(watched);
    }
    if args.snapshot.is_empty() {
        return Ok(Arc::new(NoCluster));
    }
    let snapshot = source::read(&args.snapshot, Builder::new(policy_set::wanted([policy])))?;
    contradictions::refuse(&snapshot)?;
    snapshot.skipped().iter().filter(|skipped| skipped.matters).for_each(|skipped| say(&not_read(skipped)));
    Ok(Arc::new(snapshot))
}

/// What the policy logged, and what its answer rests on.
fn notes(evaluation: &Evaluation) -> Vec<String> {
    let mut notes: Vec<String> =
        evaluation.log.iter().map(|line| format!("policy: {}", shorten(line, 1_000))).collect();
    if let Some(kinds) = unproved(evaluation) {
        notes.push(format!("note: accepted, but nothing shows that all objects of {kinds} are in the snapshot"));
    }
    notes.extend(evaluation.refused.iter().map(|capability| {
        format!("note: it was denied {capability}, which needs a network or a live cluster; --replay answers it")
    }));
    notes
}

fn read(path: &Path) -> io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text)?;
        Ok(text)
    } else {
        fs::read_to_string(path)
    }
}

fn not_read(skipped: &Skipped) -> String {
    format!("note: {} {}, and may hold an object that decides", escape(&skipped.origin.path), skipped.reason())
}

/// A JSON object; nothing, and null, are the defaults, as Kubewarden takes them.
fn settings(args: &RunArgs) -> Result<String, Error> {
    let (path, value) = match (&args.settings, &args.settings_json) {
        (Some(path), _) => {
            let text = read(path).map_err(|error| error.to_string());
            let place = |line| format!("is not valid YAML: line {line}");
            (path.clone(), text.and_then(|text| yaml(&text).map_err(place)))
        }
        (None, Some(text)) => {
            let place = |error: serde_json::Error| format!("is not valid JSON: column {}", error.column());
            ("--settings-json".into(), serde_json::from_str(text).map_err(place))
        }
        (None, None) => return Ok(DEFAULT_SETTINGS.into()),
    };
    match value {
        Ok(Value::Null) => Ok(DEFAULT_SETTINGS.into()),
        Ok(value @ Value::Object(_)) => Ok(value.to_string()),
        Ok(_) => Err(Error::SettingsFile { path, reason: "expected a map of settings".into() }),
        Err(reason) => Err(Error::SettingsFile { path, reason }),
    }
}
