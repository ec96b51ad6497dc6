//! A real policy-server, with one entry for each case: the bundled policy, under the case's settings.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Stdio},
    sync::mpsc,
    thread,
};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use upgrade_gate_bundle::Bundled;
use upgrade_gate_host::Metadata;
use upgrade_gate_testing::Case;

use crate::{http, kubewarden};

pub struct PolicyServer {
    process: Child,
    port: u16,
    /// It goes with the server.
    _files: TempDir,
}

impl PolicyServer {
    pub fn start(policy: &Bundled, api: &str, cases: &[&Case]) -> Self {
        let files = TempDir::new().unwrap();
        let path = |name: &str| files.path().join(name);
        fs::write(path("policy.wasm"), policy.wasm).unwrap();
        let metadata = Metadata::of(policy.wasm).unwrap().unwrap();
        let entry = |case: &Case| {
            json!({
                "module": format!("file://{}", path("policy.wasm").display()),
                "settings": case.settings,
                "contextAwareResources": metadata.context_aware_resources,
                "hostCapabilities": metadata.host_capabilities,
            })
        };
        let entries: Map<String, Value> =
            cases.iter().enumerate().map(|(index, case)| (format!("case-{index}"), entry(case))).collect();
        fs::write(path("policies.yml"), Value::from(entries).to_string()).unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": api}}],
            "users": [{"name": "test", "user": {}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        fs::write(path("kubeconfig"), config.to_string()).unwrap();

        let [port, readiness] = [free_port(), free_port()];
        let mut command = kubewarden("policy-server", files.path());
        command.args(["--addr", "127.0.0.1", "--workers", "2", "--port", &port.to_string()]);
        command.args(["--readiness-probe-port", &readiness.to_string(), "--log-no-color", "--policies"]);
        command.arg(path("policies.yml")).arg("--policies-download-dir").arg(path("downloads"));
        command.arg("--sigstore-cache-dir").arg(path("sigstore")).env("KUBECONFIG", path("kubeconfig"));
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let log = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // Read to its end, or the server would wait for somebody to read on.
        thread::spawn(move || log.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        let mut read = Vec::new();
        while read.last().is_none_or(|line: &String| !line.contains("CallbackHandler")) {
            read.push(lines.recv().unwrap_or_else(|_| panic!("policy-server ended:\n{}", read.join("\n"))));
        }
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(process.try_wait().unwrap().is_none(), "policy-server ended:\n{}", read.join("\n"));
            thread::yield_now();
        }
        Self { process, port, _files: files }
    }

    /// The response to a review, on `/validate` or `/audit`.
    pub fn ask(&self, path: &str, case: usize, review: &Value) -> Value {
        http::post(self.port, &format!("/{path}/case-{case}"), review)["response"].clone()
    }
}

impl Drop for PolicyServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
