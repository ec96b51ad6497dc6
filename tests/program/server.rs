//! A server that runs, and a client that says exactly what it is told.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// However slow the machine is.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Server {
    child: Child,
    log: Mutex<Receiver<Value>>,
    pub api: SocketAddr,
    pub probes: SocketAddr,
}

pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Server {
    /// `serve` with these arguments, on ports of its own.
    pub fn start(args: &[&str]) -> Self {
        let mut child = Self::spawn(args);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, log) = channel();
        thread::spawn(move || {
            for line in stderr.lines() {
                let line = line.unwrap();
                // What is no line of the log says why there is no server.
                lines.send(serde_json::from_str(&line).unwrap_or(Value::from(line))).unwrap_or_default();
            }
        });
        let none = SocketAddr::from(([0; 4], 0));
        let mut server = Self { child, log: Mutex::new(log), api: none, probes: none };
        let address = |line: &Value| line["address"].as_str().unwrap().parse().unwrap();
        server.probes = address(&server.said("readiness and metrics"));
        server.api = address(&server.said("serving"));
        server
    }

    fn spawn(args: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
        let own = ["serve", "--addr", "127.0.0.1", "--port", "0", "--readiness-probe-port", "0", "--log-fmt", "json"];
        command.args(own).args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The next line of the log whose message begins so.
    pub fn said(&self, message: &str) -> Value {
        loop {
            let line = self
                .log
                .lock()
                .unwrap()
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|error| panic!("no line `{message}`: {error}"));
            if line["message"].as_str().is_some_and(|text| text.starts_with(message)) {
                return line;
            }
            assert!(line.is_object(), "{line}");
        }
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.api)
    }

    /// An AdmissionReview, or what is none.
    pub fn post(&self, path: &str, body: &str) -> Reply {
        exchange(self.connect(), post(path, "application/json", body).as_bytes())
    }

    pub fn get(&self, path: &str) -> Reply {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        exchange(connect(self.probes), request.as_bytes())
    }

    /// Of `/metrics`, the series that begins so.
    pub fn metric(&self, series: &str) -> f64 {
        let text = self.get("/metrics").body;
        let line = text.lines().find(|line| line.starts_with(series));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0., |value| value.parse().unwrap())
    }

    /// Waits until a series has that value.
    pub fn reaches(&self, series: &str, value: f64) {
        let started = Instant::now();
        while (self.metric(series) - value).abs() > f64::EPSILON {
            assert!(started.elapsed() < PATIENCE, "{series} is {}, not {value}", self.metric(series));
            thread::yield_now();
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn exit_code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Resident memory, in kB.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        thread::yield_now();
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One of the example's AdmissionReviews.
pub fn review(name: &str) -> String {
    fs::read_to_string(format!("examples/requests/{name}.json")).unwrap()
}

pub fn approval() -> String {
    review("approve-install-plan")
}

/// A whole request, after which the server closes.
pub fn post(path: &str, content_type: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Sends these bytes, as far as the server takes them, and reads to the end.
pub fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Reply {
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    // A connection that the server gave up may be reset after the answer.
    let _ = stream.read_to_end(&mut bytes);
    reply(&bytes)
}

pub fn reply(bytes: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: `{text}`"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_ascii_lowercase(), body: body.into() }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}
