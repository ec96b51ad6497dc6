//! What ends the program with exit code 2, as a message and the next step.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use upgrade_gate_core::{GroupResource, Version, shorten};
use upgrade_gate_host::LoadError;

use crate::{contradictions::NAME_ONE, verdict::Outcome};

/// Why the program could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A source that is not there, or cannot be opened.
    #[error("source `{path}`: {error}", path = .path.display())]
    Source {
        /// As named on the command line.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// A policy file that cannot be read.
    #[error("policy `{path}`: {error}", path = .path.display())]
    PolicyFile {
        /// As named on the command line.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// A name that no bundled policy has.
    #[error("policy `{name}` is not bundled")]
    NoSuchPolicy {
        /// As named on the command line.
        name: String,
        /// Those that are.
        bundled: String,
    },
    /// A module that cannot be run.
    #[error("policy `{name}` {error}")]
    Load {
        /// As named on the command line.
        name: String,
        /// Why.
        error: LoadError,
    },
    /// A module that does not say what it judges.
    #[error("policy `{name}` has no metadata: nothing says which objects it judges")]
    NoMetadata {
        /// As named on the command line.
        name: String,
    },
    /// The Wasm runtime.
    #[error(transparent)]
    Host(#[from] LoadError),
    /// A policy that does not take settings that every policy takes.
    #[error("policy `{name}` cannot be asked: {reason}")]
    Settings {
        /// As named on the command line.
        name: String,
        /// In the policy's or the host's words.
        reason: String,
    },
    /// A policies file that cannot be read, or an entry of it that cannot be taken.
    #[error("policies `{path}`: {reason}", path = .path.display())]
    PoliciesFile {
        /// As named on the command line.
        path: PathBuf,
        /// In the operating system's words, or what is expected.
        reason: String,
    },
    /// Settings that cannot be read, or are not an object.
    #[error("settings `{path}`: {reason}", path = .path.display())]
    SettingsFile {
        /// As named on the command line.
        path: PathBuf,
        /// In the operating system's words, or where they are not YAML.
        reason: String,
    },
    /// A request that cannot be read, or is none.
    #[error("request `{path}`: {reason}", path = .path.display())]
    Request {
        /// As named on the command line.
        path: PathBuf,
        /// In the operating system's words, or what it should be.
        reason: String,
    },
    /// A session that cannot be read or written, or is none.
    #[error("session `{path}`: {reason}", path = .path.display())]
    Session {
        /// As named on the command line.
        path: PathBuf,
        /// In the operating system's words, or what it should be.
        reason: String,
    },
    /// Sources of two clusters.
    #[error("{0}")]
    TwoClusters(String),
    /// Standard input can be read once.
    #[error("`-` is named more than once")]
    StdinTwice,
    /// `--assume-captured` with a resource that nobody asks for.
    #[error("--assume-captured {resource}: no policy asks for it")]
    Unasked {
        /// As named on the command line.
        resource: GroupResource,
        /// Those that policies ask for.
        asked: String,
    },
    /// `--to` with a version that is not above the installed one.
    #[error("--to {asked}{}: {} {from} is installed", no_upgrade(*asked, *to, *from), from.product().name())]
    NoUpgrade {
        /// As named on the command line.
        asked: Version,
        /// The same as the installed product counts it.
        to: Version,
        /// What is installed.
        from: Version,
    },
    /// Reports that would run into each other.
    #[error("two reports cannot both go to standard output")]
    TwoReportsOnStdout,
    /// A module that cannot be written.
    #[error("`{path}`: {error}", path = .path.display())]
    Export {
        /// The folder or the file.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// A kubeconfig that cannot be read, or leads to no cluster.
    #[error("kubeconfig `{from}`: {reason}")]
    Kubeconfig {
        /// The file, or the files of `KUBECONFIG`.
        from: String,
        /// What is wrong, without a word of the file.
        reason: String,
    },
    /// A cluster that does not answer.
    #[error("cluster `{address}` of context `{context}`: {reason}")]
    Cluster {
        /// The context's name.
        context: String,
        /// The API server's.
        address: String,
        /// In the client's or the API server's words.
        reason: String,
    },
    /// What was read of a cluster, and cannot be saved.
    #[error("--save `{path}`: {error}", path = .path.display())]
    Save {
        /// As named on the command line.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// A certificate that cannot be read, or is none.
    #[error("certificate `{path}`: {reason}", path = .path.display())]
    Certificate {
        /// As named on the command line.
        path: PathBuf,
        /// In the operating system's words, or what it should be.
        reason: String,
    },
    /// A port that cannot be had.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// As named on the command line.
        address: SocketAddr,
        /// The operating system's words.
        error: io::Error,
    },
    /// The server's threads or signals.
    #[error("the server cannot be set up: {error}")]
    Runtime {
        /// The operating system's words.
        error: io::Error,
    },
    /// A report that cannot be written.
    #[error("report `{to}`: {error}")]
    Report {
        /// A file's path, or `standard output`.
        to: String,
        /// The operating system's words.
        error: io::Error,
    },
}

/// What is wrong with the version that `--to` names.
fn no_upgrade(asked: Version, to: Version, from: Version) -> String {
    let means = if asked == to { String::new() } else { format!(" is {} {to}, which", to.product().name()) };
    let is = if from.is_after(to) { "is a step back" } else { "is no upgrade" };
    format!("{means} {is}")
}

impl Error {
    /// The next step, where there is one that the message does not say.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoSuchPolicy { bundled, .. } => Some(format!("bundled are {bundled}; a file is named by its path")),
            Self::NoMetadata { .. } => {
                Some("annotate it first: kwctl annotate -m metadata.yml -o annotated.wasm FILE".into())
            }
            Self::Request { .. } => Some("give it an AdmissionReview, or the AdmissionRequest in it, as JSON".into()),
            Self::Session { .. } => Some("sessions are files of `run --record`, or of kwctl".into()),
            Self::Unasked { asked, .. } => Some(format!("policies ask for {asked}")),
            Self::Listen { .. } => Some("choose others with --addr, --port and --readiness-probe-port".into()),
            Self::Kubeconfig { .. } => Some(
                "name a must-gather or a dump of the cluster; or its kubeconfig, with --kubeconfig or KUBECONFIG, and a context"
                    .into(),
            ),
            Self::Cluster { .. } => Some("see what `kubectl get crds` says, with the same --context or --kubeconfig".into()),
            Self::Save { .. } => Some("name a folder that does not exist yet, or a file that ends in `.json`".into()),
            Self::NoUpgrade { from: Version { major, minor, patch }, .. } => Some(format!(
                "name a higher version, such as {major}.{minor}.{} or {major}.{}: without a patch version it is the first \
                 one, as {major}.{minor} is {major}.{minor}.0. --allow-downgrade judges it all the same",
                patch.saturating_add(1),
                minor.saturating_add(1),
            )),
            Self::TwoClusters(_) => Some(NAME_ONE.into()),
            Self::StdinTwice => Some("save it to a file, and name that".into()),
            Self::TwoReportsOnStdout => Some("give one of them a file: -o json=report.json".into()),
            _ => None,
        }
    }

    /// Says it on standard error.
    pub fn report(&self) -> ExitCode {
        // It may quote a module's metadata or a policy's words.
        say(&format!("error: {}", shorten(&self.to_string(), 2_000)));
        if let Some(help) = self.help() {
            say(&format!("help: {help}"));
        }
        Outcome::Error.into()
    }
}

/// Writes to standard output.
pub(crate) fn print(
    write: impl FnOnce(&mut io::BufWriter<io::StdoutLock<'static>>) -> io::Result<()>,
) -> Result<(), Error> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(|error| Error::Report { to: "standard output".into(), error }),
    }
}

/// A line for people, who may have closed standard error: that changes nothing.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
