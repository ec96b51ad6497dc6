//! Which API server, and as whom: a kubeconfig's context, or the Pod that this runs in.

use std::{env, error::Error as StdError, io, iter, thread, time::Duration};

use hyper::Uri;
use kube::{
    Client, Config,
    client::AuthError,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use tokio::{runtime::Handle, sync::oneshot, time};

use crate::{cli::ClusterArgs, error::Error};

/// What a program in a Pod is called instead of a context.
const IN_CLUSTER: &str = "in-cluster";

/// How long a connection may take to come about, at most.
const CONNECT: Duration = Duration::from_secs(5);

/// Maximum time for all pages of a list together, as a multiple of the time for one.
const WHOLE: u32 = 10;

/// An API server, and the credentials for it. Nothing was sent yet.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// `https://HOST:PORT`, perhaps with a path.
    pub(crate) address: String,
    /// The context's name.
    pub(crate) context: String,
    /// How long one request may take.
    pub(crate) timeout: Duration,
}

impl Connection {
    /// Takes `--kubeconfig`, else the files of `KUBECONFIG`, else `~/.kube/config`, else, where none is there, the
    /// credentials of the Pod. To be called in a runtime.
    ///
    /// # Errors
    /// [`Error::Kubeconfig`]: it cannot be read, or has no such context.
    pub(crate) async fn new(args: &ClusterArgs) -> Result<Self, Error> {
        let from = match (&args.kubeconfig, env::var("KUBECONFIG")) {
            (Some(path), _) => path.display().to_string(),
            (None, Ok(paths)) => paths,
            (None, Err(_)) => "~/.kube/config".into(),
        };
        let wrong = |reason: String| Error::Kubeconfig { from: from.clone(), reason };
        let (mut config, context) = config(args).await.map_err(|error| wrong(kubeconfig_words(&error)))?;
        config.connect_timeout = Some(CONNECT.min(args.request_timeout));
        if let Some(user) = &args.impersonated {
            config.auth_info.impersonate = Some(user.clone());
        }
        let address = address(&config.cluster_url);
        let timeout = args.request_timeout;
        // It runs an exec plugin, which may want a user to log in, or hang. A thread that nobody waits for may do so.
        let (sender, client) = oneshot::channel();
        let runtime = Handle::current();
        thread::spawn(move || {
            let _guard = runtime.enter();
            let _ = sender.send(Client::try_from(config));
        });
        let whole = timeout.saturating_mul(WHOLE);
        let client = match time::timeout(whole, client).await {
            Ok(Ok(client)) => client.map_err(|error| client_words(&error)),
            Ok(Err(_)) => Err("the client cannot be set up".into()),
            Err(_) => Err(format!("no credentials within {} s", whole.as_secs_f64())),
        };
        let client = client.map_err(|reason| wrong(format!("context `{context}`: {reason}")))?;
        Ok(Self { client, address, context, timeout })
    }

    /// How long all requests about one thing may take together, or an exec plugin.
    pub(super) fn whole(&self) -> Duration {
        self.timeout.saturating_mul(WHOLE)
    }

    /// Nobody answers there, or not to these credentials.
    pub(crate) fn failed(&self, reason: String) -> Error {
        Error::Cluster { context: self.context.clone(), address: self.address.clone(), reason }
    }
}

async fn config(args: &ClusterArgs) -> Result<(Config, String), KubeconfigError> {
    let kubeconfig = match &args.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    // In a Pod there is none, and need not be. One that is named, or that is broken, is meant.
    let is_absent = match &kubeconfig {
        Err(KubeconfigError::FindPath) => true,
        Err(KubeconfigError::ReadConfig(error, _)) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    };
    let is_named = args.kubeconfig.is_some() || env::var_os("KUBECONFIG").is_some_and(|paths| !paths.is_empty());
    if is_absent
        && !is_named
        && args.context.is_none()
        && let Ok(config) = Config::incluster()
    {
        return Ok((config, IN_CLUSTER.to_owned()));
    }
    let kubeconfig = kubeconfig?;
    let context = args.context.clone().or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
    let options = KubeConfigOptions { context: args.context.clone(), ..KubeConfigOptions::default() };
    Ok((Config::from_custom_kubeconfig(kubeconfig, &options).await?, context))
}

/// The client's own words, but of a file that cannot be parsed: they quote it, and it holds credentials.
fn kubeconfig_words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => {
            format!("is not a kubeconfig: line {}", error.location().map_or(1, |place| place.line()))
        }
        KubeconfigError::CurrentContextNotSet => "has no current context".into(),
        KubeconfigError::LoadContext(name) => format!("has no context `{name}`"),
        KubeconfigError::ReadConfig(error, path) => format!("cannot read `{}`: {error}", path.display()),
        error => words(error),
    }
}

/// What the client says, without what only sorts the causes, and of an exec plugin neither its command, whose environment has
/// secrets, nor its output, which has the token.
pub(super) fn client_words(error: &kube::Error) -> String {
    let causes = iter::successors(Some(error as &(dyn StdError + 'static)), |&error| error.source());
    for cause in causes {
        let of_auth = match cause.downcast_ref() {
            Some(kube::Error::Auth(error)) => Some(error),
            _ => cause.downcast_ref::<AuthError>(),
        };
        match of_auth {
            Some(AuthError::AuthExecStart(error)) => return format!("the exec plugin cannot be run: {error}"),
            Some(AuthError::AuthExecRun { status, .. }) => return format!("the exec plugin failed: {status}"),
            Some(AuthError::ReadTokenFile(error, path)) => return format!("cannot read `{}`: {error}", path.display()),
            Some(_) => return "the credentials of this context cannot be had, or read".into(),
            None => {}
        }
    }
    match error {
        kube::Error::Service(cause) => words(&**cause),
        kube::Error::HyperError(cause) => words(cause),
        error => words(error),
    }
}

/// Without user and password, which a URL may have.
fn address(url: &Uri) -> String {
    let host = url.host().unwrap_or_default();
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    let scheme = url.scheme_str().unwrap_or("https");
    format!("{scheme}://{host}{port}{}", url.path()).trim_end_matches('/').to_owned()
}

/// An error with what caused it, each once.
fn words(error: &(dyn StdError + 'static)) -> String {
    let mut words = String::new();
    for cause in iter::successors(Some(error), |&error| error.source()) {
        let cause = cause.to_string();
        if words.is_empty() {
            words = cause;
        } else if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    words
}
