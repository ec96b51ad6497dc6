//! Which API server, and as whom: a kubeconfig's context, or the Pod that this runs in.

use std::{env, error::Error as StdError, iter, time::Duration};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use crate::{cli::ClusterArgs, error::Error};

/// What a program in a Pod is called instead of a context.
const IN_CLUSTER: &str = "in-cluster";

/// How long a connection may take to come about, at most.
const CONNECT: Duration = Duration::from_secs(5);

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
        let address = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = Client::try_from(config);
        let client = client.map_err(|error| wrong(format!("context `{context}`: {}", words(&error))))?;
        Ok(Self { client, address, context, timeout: args.request_timeout })
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
    // In a Pod there is none, and need not be.
    if kubeconfig.is_err()
        && args.kubeconfig.is_none()
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

/// What the client says is above the causes that it only sorts.
pub(super) fn client_words(error: &kube::Error) -> String {
    match error {
        kube::Error::Service(cause) => words(&**cause),
        kube::Error::HyperError(cause) => words(cause),
        error => words(error),
    }
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
