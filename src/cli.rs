//! The command line.

use std::{convert::Infallible, net::IpAddr, num::NonZero, path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, ColorChoice, Parser, Subcommand};
use tracing::Level;
use upgrade_gate_core::{GroupResource, HcoCsv, Version};

use crate::{
    live::Save,
    manifests::Webhook,
    report::Output,
    server::{LogFormat, TlsFiles},
    verdict::FailOn,
};

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
    /// Judge the state of a cluster, and its upgrade: of the cluster itself, or from a must-gather, a dump or manifests
    Check(CheckArgs),
    /// Put one admission request to one policy
    Run(RunArgs),
    /// Put the policies behind a webhook: policy-server's HTTP API
    Serve(ServeArgs),
    /// What the policies are, and what they need
    #[command(subcommand)]
    Policies(PoliciesCommand),
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
    /// Directories, files and tar archives, packed or not: must-gathers, `kubectl get -o json` or `--raw`, YAML; `-`
    /// is standard input [default: the cluster of the kubeconfig's current context, which is only read]
    #[arg(value_name = "SOURCE", conflicts_with = "cluster")]
    pub sources: Vec<PathBuf>,

    /// The cluster, where no SOURCE is named.
    #[command(flatten)]
    pub cluster: ClusterArgs,

    /// Save what is read of the cluster: to a new folder, or to one file, FILE.json; `check` judges it the same
    #[arg(long, value_name = "DIR|FILE.json", conflicts_with = "sources")]
    pub save: Option<Save>,

    /// Simulate the upgrade to this version of HCO or of OpenShift Virtualization [default: that of the InstallPlan that
    /// waits, else the next minor version]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub to: Option<Version>,

    /// Let --to name a version that is not above the installed one
    #[arg(long, requires = "to")]
    pub allow_downgrade: bool,

    /// Judge manifests that somebody wants to apply, such as those of a pull request, instead of a simulated upgrade
    #[arg(long, value_name = "PATH")]
    pub proposed: Vec<PathBuf>,

    /// Run exactly these policies: names of bundled ones, or .wasm files [default: all that are bundled]
    #[arg(long = "policy", value_name = "NAME|FILE.wasm")]
    pub policies: Vec<PolicyName>,

    /// Run the policies of such a file, with their settings: policy-server's policies.yml; `module` may be
    /// `bundled://NAME`, too
    #[arg(long = "policies", value_name = "FILE.yml", conflicts_with = "policies")]
    pub policies_file: Option<PathBuf>,

    /// Take your word that all objects of a resource are in the sources
    #[arg(long, value_name = "PLURAL.GROUP")]
    pub assume_captured: Vec<GroupResource>,

    /// From which verdict on the exit code says no; an error always does
    #[arg(long, value_enum, default_value_t = FailOn::Unknown, value_name = "VERDICT")]
    pub fail_on: FailOn,

    /// Write a report, `human`, `json`, `openreports` or `policyreport`, to standard output (also `FORMAT=-`) or to a
    /// file; repeatable [default: human]
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    pub output: Vec<Output>,

    /// Print only the line with the verdict, and only if no other report goes to standard output
    #[arg(short, long)]
    pub quiet: bool,

    /// Colour the report for people
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,
}

/// Which cluster, and as whom.
#[derive(Clone, Debug, Args)]
#[group(id = "cluster", multiple = true)]
pub struct ClusterArgs {
    /// The context of the kubeconfig [default: the current one]
    #[arg(long, help_heading = "Cluster", value_name = "NAME")]
    pub context: Option<String>,

    /// The kubeconfig [default: the files of KUBECONFIG, else ~/.kube/config, else the credentials of the Pod]
    #[arg(long, help_heading = "Cluster", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Ask as this user, whom the API server lets you impersonate
    #[arg(long = "as", help_heading = "Cluster", value_name = "USER")]
    pub impersonated: Option<String>,

    /// How long one request may take; all of a resource together may take ten times as long
    #[arg(long, help_heading = "Cluster", default_value = "30", value_name = "SECONDS", value_parser = seconds)]
    pub request_timeout: Duration,
}

/// What policies see of a cluster when they ask.
#[derive(Clone, Debug, Args)]
pub struct ContextArgs {
    /// What the policies see of the cluster: a source as `check` takes it; repeatable [default: nothing]
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["live", "cluster"])]
    pub snapshot: Vec<PathBuf>,

    /// The policies see the cluster itself: what they may read is watched; what names a cluster implies it
    #[arg(long)]
    pub live: bool,

    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

impl ContextArgs {
    /// The cluster, if the policies see one.
    pub(crate) fn live(&self) -> Option<&ClusterArgs> {
        let ClusterArgs { context, kubeconfig, impersonated, .. } = &self.cluster;
        let is_named = context.is_some() || kubeconfig.is_some() || impersonated.is_some();
        (self.live || is_named).then_some(&self.cluster)
    }
}

/// What there is to know about policies.
#[derive(Debug, Subcommand)]
pub enum PoliciesCommand {
    /// Print the bundled policies, one a line
    List,
    /// Print what a bundled policy judges and may ask for, and its page
    Show {
        /// The name of a bundled policy
        name: String,
    },
    /// Write the bundled policies as annotated modules, NAME.wasm, for a policy server or kwctl
    Export {
        /// A folder; it is made where it does not exist
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Print what an admin applies: a bundled policy as ClusterAdmissionPolicies of Kubewarden, and the rights it needs
    Manifests(ManifestsArgs),
    /// Print a shell script that collects what they ask for with kubectl, for `check` to judge
    Collect(CollectArgs),
}

/// What `policies manifests` is told.
#[derive(Debug, Args)]
pub struct ManifestsArgs {
    /// The name of a bundled policy
    pub name: String,

    /// Print a ValidatingWebhookConfiguration instead, for a policy server of your own at `https://HOST[:PORT]`, or
    /// behind the Service `NAMESPACE/NAME[:PORT]`
    #[arg(long, value_name = "URL|SERVICE")]
    pub webhook: Option<Webhook>,

    /// Who signed that server's certificate, as PEM [default: whom the API server's machine trusts]
    #[arg(long, value_name = "FILE", requires = "webhook")]
    pub ca_file: Option<PathBuf>,
}

/// What `policies collect` is told.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// For exactly these policies: names of bundled ones, or .wasm files [default: all that are bundled]
    #[arg(long = "policy", value_name = "NAME|FILE.wasm")]
    pub policies: Vec<PolicyName>,
}

/// What `run` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  allowed
  1  denied, whatever the reason
  2  the policy could not be asked, or answered with code 500")]
pub struct RunArgs {
    /// The name of a bundled policy, or a .wasm file
    pub policy: PolicyName,

    /// An AdmissionReview or an AdmissionRequest, as JSON; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub request: PathBuf,

    /// The policy's settings, as YAML or JSON [default: none]
    #[arg(long, value_name = "FILE", conflicts_with = "settings_json")]
    pub settings: Option<PathBuf>,

    /// The policy's settings, as JSON
    #[arg(long, value_name = "JSON")]
    pub settings_json: Option<String>,

    /// What is seen of the cluster.
    #[command(flatten)]
    pub context: ContextArgs,

    /// The request is any JSON, as for a policy of type `raw`
    #[arg(long)]
    pub raw: bool,

    /// Write what the policy asks and is answered, as a session that `kwctl run` replays
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Answer the policy from such a session, one of kwctl's or of --record
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "snapshot", "live", "cluster"])]
    pub replay: Option<PathBuf>,
}

/// What `serve` is told. The flags that policy-server has are named as there.
#[derive(Debug, Args)]
#[command(after_help = "\
It runs until SIGTERM or SIGINT. SIGHUP reads the snapshot again. Differences from policy-server: docs/server.md

Exit codes:
  0  it was told to stop
  2  it could not begin: usage, a file that cannot be read, a port that cannot be had")]
pub struct ServeArgs {
    /// Which policies, as policy-server reads them; `module` may be `bundled://NAME`, too
    #[arg(long, value_name = "FILE.yml", default_value = "policies.yml")]
    pub policies: PathBuf,

    /// What is seen of the cluster.
    #[command(flatten)]
    pub context: ContextArgs,

    /// Do not start where one of the policies cannot be loaded [default: its requests are rejected with code 500]
    #[arg(long)]
    pub strict: bool,

    /// The address to listen on
    #[arg(long, default_value = "0.0.0.0", value_name = "ADDRESS")]
    pub addr: IpAddr,

    /// The port of the API
    #[arg(long, default_value_t = 3000)]
    pub port: u16,

    /// The port of /readiness and /metrics
    #[arg(long, default_value_t = 8081, value_name = "PORT")]
    pub readiness_probe_port: u16,

    /// The certificate for HTTPS, and those that lead to its CA, as PEM; read again when it changes [default: plain HTTP]
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub cert_file: Option<PathBuf>,

    /// The certificate's private key, as PEM
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub key_file: Option<PathBuf>,

    /// Let in only clients with a certificate of one of these CAs, as PEM
    #[arg(long, value_name = "FILE,…", value_delimiter = ',', requires = "cert_file")]
    pub client_ca_file: Vec<PathBuf>,

    /// How many evaluations run at once [default: one for each core]
    #[arg(long, value_name = "N", value_parser = workers)]
    pub workers: Option<NonZero<usize>>,

    /// How many requests may wait for an evaluation; the next one is answered 503 at once
    #[arg(long, default_value_t = 512, value_name = "N")]
    pub queue_size: usize,

    /// How long an evaluation may take; `timeoutEvalSeconds` of a policy goes first
    #[arg(long, default_value = "2", value_name = "SECONDS", value_parser = seconds)]
    pub policy_timeout: Duration,

    /// Accept all requests about objects of this namespace
    #[arg(long, value_name = "NAMESPACE")]
    pub always_accept_admission_reviews_on_namespace: Option<String>,

    /// The least level that is logged: trace, debug, info, warn or error
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    pub log_level: Level,

    /// How a line of the log looks
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_fmt: LogFormat,

    /// Do not colour the log, even on a terminal
    #[arg(long)]
    pub log_no_color: bool,
}

impl ServeArgs {
    /// Where the certificates are; none for plain HTTP.
    pub(crate) fn tls_files(&self) -> Option<TlsFiles> {
        let (certificate, key) = (self.cert_file.clone()?, self.key_file.clone()?);
        Some(TlsFiles { certificate, key, client_cas: self.client_ca_file.clone() })
    }
}

/// Each may use 64 MiB, and addresses of 4 GiB.
fn workers(text: &str) -> Result<NonZero<usize>, String> {
    let workers = text.parse::<NonZero<usize>>().ok().filter(|workers| workers.get() <= 1_024);
    workers.ok_or_else(|| "expected a whole number from 1 to 1024".into())
}

/// Such as `2` or `0.5`, from a millisecond to a day.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let seconds = seconds.filter(|it| (Duration::from_millis(1)..=Duration::from_secs(86_400)).contains(it));
    seconds.ok_or_else(|| "expected seconds, such as `2` or `0.5`, from 0.001 to 86400".into())
}

/// `1.7`, `1.7.0`, `v1.7.0`, `4.11`, or the name of a ClusterServiceVersion.
fn version(text: &str) -> Result<Version, String> {
    let version: Option<Version> = HcoCsv::named(text).map_or_else(|| text.parse().ok(), |csv| csv.version);
    let version = version.ok_or_else(|| {
        let name = HcoCsv::name_of("1.7.0");
        format!("expected a version such as `1.7`, `1.7.0`, `v1.7.0` or `4.11`, or a name such as `{name}`")
    })?;
    if version.is_of_a_product() {
        Ok(version)
    } else {
        Err(format!(
            "there is no {version}: HCO has versions 1.y, and OpenShift Virtualization 4.y, which is HCO 1.(y-4)"
        ))
    }
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
