//! What a request costs: `serve` under wrk, beside a bare axum handler that reads the same body and answers a constant.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a panic is how a benchmark says no"
)]

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use axum::{Router, body::Bytes, http::header::CONTENT_TYPE, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const SECONDS: u32 = 10;
const CONNECTIONS: [u32; 3] = [1, 16, 256];

/// `sysconf(_SC_CLK_TCK)` on Linux.
const TICKS_PER_SECOND: f64 = 100.;

fn main() {
    if env::var_os("BARE").is_some() {
        bare();
        return;
    }
    assert!(Command::new("wrk").arg("-v").output().is_ok(), "wrk is not on PATH: apt-get install wrk");
    let folder = tempfile::tempdir().unwrap();
    let cases = [("accepted Pod", "accepted.json", pod(), true), ("denied approval", "denied.json", approval(), false)];
    println!(
        "wrk -t1 -c CONNECTIONS -d {SECONDS}s -s benches/server/post.lua URL; body of {} and {} bytes",
        cases[0].2.len(),
        cases[1].2.len()
    );
    println!(
        "| what | connections | requests/s | of bare | p50 | p99 | CPU a request | above bare |\n|---|---|---|---|---|---|---|---|"
    );
    for (name, file, body, allowed) in &cases {
        let path = folder.path().join(file);
        fs::write(&path, body).unwrap();
        for connections in CONNECTIONS {
            let bare = Process::bare().load("/", &path, connections, SECONDS);
            let gate = Process::gate();
            gate.answers(body, *allowed);
            let ours = gate.load("/validate/integrated-nmo", &path, connections, SECONDS);
            for (name, run) in [("bare handler, the same body", &bare), (*name, &ours)] {
                println!(
                    "| {name} | {connections} | {:.0} | {:.2} | {:.2} ms | {:.2} ms | {:.1} µs | {:.1} µs |",
                    run.rate,
                    run.rate / bare.rate,
                    run.p50,
                    run.p99,
                    run.cpu,
                    run.cpu - bare.cpu
                );
            }
        }
    }
    let (gate, path) = (Process::gate(), folder.path().join("accepted.json"));
    println!("\nresident memory: {:.1} MB at the start", gate.resident());
    let mut requests = 0.;
    while requests < 1e6 {
        requests += gate.load("/validate/integrated-nmo", &path, 16, SECONDS).requests;
        println!("resident memory: {:.1} MB after {requests} requests", gate.resident());
    }
}

struct Process {
    child: Child,
    address: String,
}

struct Run {
    requests: f64,
    /// A second.
    rate: f64,
    /// In ms.
    p50: f64,
    p99: f64,
    /// Of the server, in µs for each request.
    cpu: f64,
}

impl Process {
    fn gate() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
        let files = ["serve", "--policies", "examples/policies.yml", "--snapshot", "examples/must-gather"];
        command.args(files).args([
            "--addr",
            "127.0.0.1",
            "--port",
            "0",
            "--readiness-probe-port",
            "0",
            "--log-fmt",
            "json",
        ]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let lines_of_start = lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let mut serving = lines_of_start.filter(|line| line["message"].as_str().unwrap().starts_with("serving"));
        let address = serving.next().unwrap()["address"].as_str().unwrap().to_owned();
        drop(serving);
        // The lines of the log are written, and read.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn bare() -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        let mut child = command.env("BARE", "1").stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().into() }
    }

    /// It is the right answer that is measured.
    fn answers(&self, body: &str, allowed: bool) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = "POST /validate/integrated-nmo HTTP/1.1\r\nContent-Type: application/json\r\nConnection: close\r\n";
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.contains(&format!("\"allowed\":{allowed}")), "{text}");
    }

    fn load(&self, path: &str, body: &PathBuf, connections: u32, seconds: u32) -> Run {
        let before = self.cpu();
        let mut wrk = Command::new("wrk");
        wrk.arg("-t1")
            .arg(format!("-c{connections}"))
            .arg(format!("-d{seconds}s"))
            .args(["-s", "benches/server/post.lua"]);
        let output = wrk.arg(format!("http://{}{path}", self.address)).env("BODY", body).output().unwrap();
        let cpu = self.cpu() - before;
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("result ")).expect(&text);
        let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        let [requests, duration, p50, p99, failed] = numbers[..] else { panic!("{line}") };
        assert!(failed == 0., "{failed} requests failed");
        Run { requests, rate: requests / duration * 1e6, p50: p50 / 1e3, p99: p99 / 1e3, cpu: cpu * 1e6 / requests }
    }

    /// User and system time of all threads, in seconds.
    fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) / TICKS_PER_SECOND
    }

    /// In MB of 1,000,000 bytes.
    fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1_024. / 1e6
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::main]
async fn bare() {
    let answer = json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "response": {"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "allowed": true, "auditAnnotations": null, "warnings": null},
    });
    let answer: &'static str = answer.to_string().leak();
    let router = Router::new().route("/", post(async move |_: Bytes| ([(CONTENT_TYPE, "application/json")], answer)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

fn approval() -> String {
    fs::read_to_string("examples/requests/approve-install-plan.json").unwrap()
}

/// The creation of a Pod of ordinary size, which no policy of ours is about.
fn pod() -> String {
    let container = |name: &str| {
        json!({
            "name": name, "image": format!("registry.example.com/team/{name}:v1.2.3"), "imagePullPolicy": "IfNotPresent",
            "env": (0..8).map(|n| json!({"name": format!("SETTING_{n}"), "value": "a value"})).collect::<Vec<_>>(),
            "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
            "ports": [{"containerPort": 8080, "protocol": "TCP"}], "terminationMessagePath": "/dev/termination-log",
            "volumeMounts": [{"name": "kube-api-access", "readOnly": true, "mountPath": "/var/run/secrets"}],
        })
    };
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": "CREATE", "name": "web-0", "namespace": "team",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "userInfo": {"username": "system:serviceaccount:kube-system:statefulset-controller", "groups": ["system:authenticated"]},
            "object": {
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "web-0", "namespace": "team", "labels": {"app": "web", "tier": "front"}},
                "spec": {
                    "containers": [container("web"), container("proxy"), container("metrics")], "nodeName": "worker-1",
                    "serviceAccountName": "web", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                },
            },
            "oldObject": null, "dryRun": false,
        },
    });
    review.to_string()
}
