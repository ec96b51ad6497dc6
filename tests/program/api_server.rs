//! As much of an API server as a list needs: answers to paths, over plain HTTP.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Status and body of an answer; what is not there is answered as the API server answers for a kind that it has not.
pub type Answers = BTreeMap<String, (u16, String)>;

pub struct ApiServer {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    folder: TempDir,
}

impl ApiServer {
    pub fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        let answers = Arc::new(answers);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
                thread::spawn(move || answer(stream.unwrap(), &answers, &seen));
            }
        });
        let server = Self { address, requests, folder: TempDir::new().unwrap() };
        fs::write(server.kubeconfig(), kubeconfig(&format!("http://{address}"))).unwrap();
        server
    }

    /// A file that leads to it, by context `test`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// What was asked so far: verb, path and query, what is accepted, and as whom; sorted.
    pub fn requests(&self) -> Vec<String> {
        let mut requests = self.requests.lock().unwrap().clone();
        requests.sort();
        requests
    }
}

pub fn kubeconfig(server: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": {"token": "secret"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    })
    .to_string()
}

/// A failure in the API server's form.
pub fn status(code: u16, reason: &str, message: &str) -> (u16, String) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": message, "metadata": {}});
    (code, status.to_string())
}

fn answer(mut stream: TcpStream, answers: &Answers, seen: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(|line| line.unwrap_or_default());
    let Some(request) = lines.next().filter(|line| !line.is_empty()) else { return };
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        let of = head.iter().filter_map(|line| line.split_once(": ")).find(|(key, _)| key.eq_ignore_ascii_case(name));
        of.map_or("-", |(_, value)| value)
    };
    let request = request.trim_end_matches(" HTTP/1.1");
    seen.lock().unwrap().push(format!("{request} {} {}", header("accept"), header("impersonate-user")));
    let target = request.split_once(' ').unwrap().1.replace("limit=250", "").replace("?&", "?");
    let target = target.trim_end_matches(['?', '&']);
    let (status, body) = answers.get(target).cloned().unwrap_or((404, "404 page not found\n".into()));
    let kind = if serde_json::from_str::<Value>(&body).is_ok() { "application/json" } else { "text/plain" };
    let head = format!("HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nConnection: close\r\nContent-Length: ");
    let _ = write!(stream, "{head}{}\r\n\r\n{body}", body.len());
}
