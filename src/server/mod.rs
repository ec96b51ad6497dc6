//! `upgrade-gate serve`: policy-server's HTTP API over the policies of a policies file.
//!
//! A request goes through [`api`] (HTTP), [`body`] and [`queue`] (how much is let in), and [`decision`] (what the policy
//! says). What differs from policy-server stands in `docs/server.md`.

mod body;
mod queue;
mod metrics;
mod decision;
mod api;
mod probes;
mod tls;
mod listener;
mod log;

pub use log::LogFormat;
pub(crate) use tls::Files as TlsFiles;

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::{Semaphore, watch},
    task, time,
};
use upgrade_gate_core::{NoCluster, escape};
use upgrade_gate_host::{Cluster, Compiler, Context, Host, Limits};
use upgrade_gate_snapshot::Builder;

use crate::{
    cli::{ClusterArgs, ServeArgs},
    contradictions,
    error::Error,
    live::{Connection, Watched},
    policy_set::{self, Loaded},
    server::{listener::Listener, metrics::Metrics, queue::Queue, tls::Certificates},
    source,
};

/// How long requests in flight may take to finish, once the server was told to stop: more than a body and an
/// evaluation are given, less than the 30 s after which Kubernetes kills.
const GRACE: Duration = Duration::from_secs(20);

/// What all requests share.
pub(crate) struct Server {
    /// By the names of the policies file; an error where a policy could not be loaded.
    policies: BTreeMap<String, Result<Loaded, Error>>,
    /// What the policies see of the cluster.
    context: RwLock<Context>,
    /// The same, where it is a live cluster.
    watched: Option<Arc<Watched>>,
    queue: Queue,
    /// Bytes of requests that are still free.
    bodies: Arc<Semaphore>,
    metrics: Metrics,
    /// Requests about objects of this namespace are accepted, and no policy is asked.
    accepted_namespace: Option<String>,
}

/// Serves until it is told to stop: SIGTERM or SIGINT.
///
/// # Errors
/// [`Error`]: what cannot be read, or a port that cannot be had.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Error> {
    log::start(args.log_level, args.log_fmt, args.log_no_color);
    let limits = Limits { wall_time: args.policy_timeout, ..Limits::default() };
    let host = match args.workers {
        Some(workers) => Host::with_slots(limits, workers)?,
        None => Host::new(limits)?,
    };
    let mut policies = policy_set::load_listed(&host, &args.policies, Compiler::Cranelift)?;
    let runtime =
        runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| Error::Runtime { error })?;
    let watch = |cluster| watch_cluster(cluster, &runtime, policies.values().flatten());
    let watched = args.context.live().map(watch).transpose()?;
    let context = match &watched {
        Some(watched) => Context::live(watched.clone()),
        None => snapshot(&args.context.snapshot, policies.values().flatten())?,
    };
    for loaded in policies.values_mut() {
        if let Some(error) = loaded.as_ref().ok().and_then(|it| it.accepts(&it.settings, &context).err()) {
            *loaded = Err(error);
        }
    }
    for (id, loaded) in &policies {
        match loaded {
            Ok(loaded) => tracing::info!(policy = id.as_str(), digest = loaded.policy.digest(), "policy loaded"),
            Err(error) => {
                tracing::error!(policy = id.as_str(), reason = escape(&error.to_string()), "policy not loaded")
            }
        }
    }
    if args.strict {
        let failed = policies.iter().find(|(_, loaded)| loaded.is_err()).map(|(id, _)| id.clone());
        if let Some(Err(error)) = failed.and_then(|id| policies.remove(&id)) {
            return Err(error);
        }
    }
    let certificates = args.tls_files().map(Certificates::load).transpose()?;
    let server = Arc::new(Server {
        metrics: Metrics::new(&policies),
        policies,
        context: RwLock::new(context),
        watched,
        queue: Queue::start(host.slots(), args.queue_size).map_err(|error| Error::Runtime { error })?,
        bodies: Arc::new(Semaphore::new(body::MAX_BODIES)),
        accepted_namespace: args.always_accept_admission_reviews_on_namespace.clone(),
    });
    runtime.block_on(serve(args, server, certificates))
}

/// Watches the cluster, and gives it time to answer: a policy may ask it about its settings. Without an answer the server begins all
/// the same, and is not ready.
fn watch_cluster<'p>(
    cluster: &ClusterArgs,
    runtime: &Runtime,
    policies: impl IntoIterator<Item = &'p Loaded>,
) -> Result<Arc<Watched>, Error> {
    let connection = runtime.block_on(Connection::new(cluster))?;
    tracing::info!(address = connection.address, context = escape(&connection.context), "watching the cluster");
    let watched = Watched::start(connection, runtime.handle().clone(), policies);
    if let Err(error) = runtime.block_on(watched.synced()) {
        tracing::warn!(reason = escape(&error.to_string()), "the cluster is not watched yet");
    }
    Ok(watched)
}

async fn serve(args: &ServeArgs, server: Arc<Server>, certificates: Option<Certificates>) -> Result<(), Error> {
    listener::raise_file_limit();
    let signals = |kind| signal(kind).map_err(|error| Error::Runtime { error });
    let (mut terminate, mut interrupt) = (signals(SignalKind::terminate())?, signals(SignalKind::interrupt())?);
    let hangup = signals(SignalKind::hangup())?;
    let (api, probes) = (bind(args.addr, args.port).await?, bind(args.addr, args.readiness_probe_port).await?);
    let (stop, stopped) = watch::channel(false);
    let certificates = certificates.map(Arc::new);
    if let Some(certificates) = certificates.clone() {
        tokio::spawn(certificates.follow());
    }
    tokio::spawn(reload(Arc::clone(&server), args.context.snapshot.clone(), hangup));

    let address = |listener: &TcpListener| listener.local_addr().map_or_else(|e| e.to_string(), |it| it.to_string());
    tracing::info!(address = address(&probes), "readiness and metrics");
    match &certificates {
        Some(_) => tracing::info!(address = address(&api), "serving HTTPS"),
        None => tracing::warn!(
            address = address(&api),
            "serving plain HTTP: no certificate was given (--cert-file, --key-file)"
        ),
    }
    // The probes answer to the very end.
    let (_open, never) = watch::channel(false);
    let probes = Listener { socket: probes, certificates: None, max_connections: listener::MAX_PROBES };
    tokio::spawn(probes.serve(probes::router(Arc::clone(&server), stopped.clone()), never));
    let api = Listener { socket: api, certificates, max_connections: listener::MAX_CONNECTIONS };
    let finished = tokio::spawn(api.serve(api::router(server), stopped));

    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    // First told, then said: who reads the line finds a server that is stopping.
    let _ = stop.send(true);
    tracing::info!("stopping: requests in flight finish");
    tokio::select! {
        finished = time::timeout(GRACE, finished) => match finished {
            Ok(_) => tracing::info!("stopped"),
            Err(_) => tracing::warn!("stopped: some requests in flight did not finish"),
        },
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

async fn bind(addr: IpAddr, port: u16) -> Result<TcpListener, Error> {
    let address = SocketAddr::new(addr, port);
    TcpListener::bind(address).await.map_err(|error| Error::Listen { address, error })
}

/// What the policies see of the cluster: nothing, where no snapshot is named.
fn snapshot<'p>(sources: &[PathBuf], policies: impl IntoIterator<Item = &'p Loaded>) -> Result<Context, Error> {
    if let Some(path) = sources.iter().find(|path| path.as_os_str() == "-") {
        let error = io::Error::other("standard input cannot be read again on SIGHUP: save it to a file, and name that");
        return Err(Error::Source { path: path.clone(), error });
    }
    if sources.is_empty() {
        tracing::warn!("neither --live nor --snapshot: the policies cannot ask for any object");
        return Ok(Context::new(Arc::new(NoCluster)));
    }
    let snapshot = source::read(sources, Builder::new(policy_set::wanted_context(policies)))?;
    contradictions::refuse(&snapshot)?;
    for skipped in snapshot.skipped().iter().filter(|skipped| skipped.matters) {
        tracing::warn!(
            path = escape(&skipped.origin.path),
            reason = skipped.reason().to_string(),
            "not read, and may hold an object that decides"
        );
    }
    tracing::info!(objects = snapshot.objects().count(), "snapshot read");
    let cluster: Arc<dyn Cluster + Send + Sync> = Arc::new(snapshot);
    Ok(Context::new(cluster))
}

/// Reads the snapshot again on SIGHUP. Until it is read, and where it cannot be, the old one stays.
async fn reload(server: Arc<Server>, sources: Vec<PathBuf>, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        if server.watched.is_some() {
            continue;
        }
        let (server, sources) = (Arc::clone(&server), sources.clone());
        let read = task::spawn_blocking(move || {
            let context = snapshot(&sources, server.policies.values().flatten())?;
            *server.context.write().unwrap_or_else(PoisonError::into_inner) = context;
            Ok::<_, Error>(())
        });
        if let Ok(Err(error)) = read.await {
            tracing::error!(reason = escape(&error.to_string()), "snapshot not read: the old one stays");
        }
    }
}
