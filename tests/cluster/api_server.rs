//! etcd and kube-apiserver on loopback, and kubectl as their user.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{api_server, server::until, stdout};

/// Where `make e2e` builds the programs.
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/cluster");

/// Name and groups of the users; the token is the name.
const USERS: [(&str, &str); 4] =
    [("admin", "system:masters"), ("gate", "gates"), ("checker", "checkers"), ("olm", "olm")];

pub struct ApiServer {
    folder: TempDir,
    port: u16,
    etcd_port: u16,
    api: Option<Process>,
    _etcd: Process,
    ca: Option<Issuer<'static, KeyPair>>,
}

/// A program that ends with whoever started it, whatever happens to that.
struct Process(Child);

impl Process {
    fn start(program: &str, args: &[String], log: &Path) -> Self {
        let program = format!("{PROGRAMS}/{program}");
        assert!(Path::new(&program).exists(), "{program} is not there: run `make e2e`");
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", &program]).args(args);
        Self(command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        for name in ["etcd.log", "api.log"].into_iter().filter(|_| thread::panicking()) {
            let log = fs::read_to_string(self.path(name)).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(10).collect();
            println!("{name}:");
            last.into_iter().rev().for_each(|line| println!("    {line}"));
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl ApiServer {
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (port, etcd_port, peers) = (free_port(), free_port(), free_port());
        let (client, peer) = (format!("http://127.0.0.1:{etcd_port}"), format!("http://127.0.0.1:{peers}"));
        let etcd = [
            format!("--data-dir={}", path("etcd")),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            "--unsafe-no-fsync".into(),
        ];
        let etcd = Process::start("etcd", &etcd, &folder.path().join("etcd.log"));
        let users = USERS.map(|(name, groups)| format!("{name},{name},{name},\"{groups}\"\n"));
        fs::write(folder.path().join("tokens"), users.concat()).unwrap();
        let mut server = Self { folder, port, etcd_port, api: None, _etcd: etcd, ca: None };
        server.found_ca();
        for (name, _) in USERS {
            fs::write(server.kubeconfig(name), server.kubeconfig_of(name)).unwrap();
        }
        server.begin();
        server
    }

    /// A CA of its own, and a certificate of it for whoever serves on loopback.
    fn found_ca(&mut self) {
        let mut ca = CertificateParams::new([]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "CA of the test");
        let key = KeyPair::generate().unwrap();
        fs::write(self.path("ca.crt"), ca.self_signed(&key).unwrap().pem()).unwrap();
        self.ca = Some(Issuer::new(ca, key));
        self.certify();
    }

    /// Writes `tls.crt` and `tls.key` anew.
    pub fn certify(&self) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["127.0.0.1".into()]).unwrap();
        let certificate = certificate.signed_by(&key, self.ca.as_ref().unwrap()).unwrap();
        fs::write(self.path("tls.crt"), certificate.pem()).unwrap();
        fs::write(self.path("tls.key"), key.serialize_pem()).unwrap();
    }

    fn kubeconfig_of(&self, user: &str) -> String {
        let text = api_server::kubeconfig(&format!("https://127.0.0.1:{}", self.port));
        let mut config: Value = serde_json::from_str(&text).unwrap();
        config["clusters"][0]["cluster"]["certificate-authority"] = self.path("ca.crt").into();
        config["users"][0]["user"]["token"] = user.into();
        config.to_string()
    }

    /// A file of its folder.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The file that leads to it as this user.
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.path().join(format!("kubeconfig-{user}"))
    }

    /// Starts it, or starts it again, and waits until it is ready.
    pub fn begin(&mut self) {
        let policy = self.folder.path().join("audit.json");
        let policy_of_audit = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata"}]});
        fs::write(&policy, policy_of_audit.to_string()).unwrap();
        let args = [
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
            format!("--secure-port={}", self.port),
            "--bind-address=127.0.0.1".into(),
            format!("--tls-cert-file={}", self.path("tls.crt")),
            format!("--tls-private-key-file={}", self.path("tls.key")),
            // Nobody has a token of it.
            format!("--service-account-key-file={}", self.path("tls.crt")),
            format!("--service-account-signing-key-file={}", self.path("tls.key")),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            "--authorization-mode=RBAC".into(),
            format!("--token-auth-file={}", self.path("tokens")),
            "--service-cluster-ip-range=10.0.0.0/24".into(),
            "--disable-admission-plugins=ServiceAccount".into(),
            format!("--audit-policy-file={}", policy.display()),
            format!("--audit-log-path={}", self.path("audit.log")),
            // Else the API server waits for requests in flight, such as watches.
            "--shutdown-delay-duration=0s".into(),
        ];
        self.api = Some(Process::start("kube-apiserver", &args, &self.folder.path().join("api.log")));
        until("the API server is ready", || {
            assert!(self.api.as_mut().unwrap().0.try_wait().unwrap().is_none(), "it ended");
            self.kubectl(&["get", "--raw", "/readyz"]).status.success()
        });
    }

    /// Stops it at once.
    pub fn stop(&mut self) {
        self.api = None;
    }

    /// Stops it in the middle of whatever it does, without a word to anybody: its connections stay.
    pub fn freeze(&self, frozen: bool) {
        let id = self.api.as_ref().unwrap().0.id();
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), signal).unwrap();
    }

    /// As admin.
    pub fn kubectl(&self, args: &[&str]) -> Output {
        self.kubectl_as("admin", args, "")
    }

    pub fn kubectl_as(&self, user: &str, args: &[&str], input: &str) -> Output {
        let mut command = Command::new(format!("{PROGRAMS}/kubectl"));
        command.arg("--kubeconfig").arg(self.kubeconfig(user)).args(args).env("HOME", self.folder.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What it was asked as this user: verbs, each once.
    pub fn verbs_of(&self, user: &str) -> Vec<String> {
        let log = fs::read_to_string(self.path("audit.log")).unwrap();
        let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut verbs: Vec<String> = events
            .filter(|event| event["user"]["username"] == user)
            .map(|event| event["verb"].as_str().unwrap().to_owned())
            .collect();
        verbs.sort();
        verbs.dedup();
        verbs
    }

    /// How often it asked webhooks about requests, and how long it waited for an answer, on average in milliseconds.
    pub fn waited(&self) -> (f64, f64) {
        let text = stdout(&self.kubectl(&["get", "--raw", "/metrics"]));
        let name = "apiserver_admission_webhook_admission_duration_seconds";
        let sum = |part: &str| -> f64 {
            let lines = text.lines().filter(|line| line.starts_with(&format!("{name}_{part}{{")));
            lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
        };
        (sum("count"), sum("sum") / sum("count") * 1_000.)
    }
}
