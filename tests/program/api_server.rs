//! As much of an API server as a list needs: answers to paths, over plain HTTP.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use upgrade_gate_testing::node_maintenance;

use super::cluster::{OLM_CRDS, csv, hyperconverged, list, olm, plan, subscription};

pub const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
pub const NODE_MAINTENANCES: &str = "/apis/nodemaintenance.kubevirt.io/v1beta1/nodemaintenances";
pub const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

/// Status and body of an answer; what is not there is answered as the API server answers for a kind that it has not.
pub type Answers = BTreeMap<String, (u16, String)>;

/// HCO 1.6.0 with OLM, and two nodes in maintenance on two pages. What the others have is not installed.
pub fn cluster() -> Answers {
    let names = ["hyperconvergeds.hco.kubevirt.io", "nodemaintenances.nodemaintenance.kubevirt.io"];
    let crds: Vec<Value> = names
        .iter()
        .chain(&OLM_CRDS)
        .map(
            |name| json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": name}}),
        )
        .collect();
    let crds = list("meta.k8s.io/v1", "PartialObjectMetadata", &crds);
    let olm_path = |plural: &str| format!("/apis/operators.coreos.com/v1alpha1/{plural}");
    let nm = |name: &str| {
        let mut object = node_maintenance(name).of_node("worker-1").json().clone();
        object["metadata"]["managedFields"] = json!([{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]);
        object
    };
    let page = |name: &str, next: &str| {
        json!({"apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenanceList",
            "metadata": {"resourceVersion": "41", "continue": next}, "items": [nm(name)]})
    };
    let answers = [
        (CRDS.to_owned(), crds),
        (NODE_MAINTENANCES.to_owned(), page("nm-1", "page2").to_string()),
        (format!("{NODE_MAINTENANCES}?continue=page2"), page("nm-2", "").to_string()),
        ("/apis/hco.kubevirt.io/v1beta1/hyperconvergeds".to_owned(), hyperconverged("1.6.0")),
        (
            format!("{}?labelSelector=%21olm.copiedFrom", olm_path("clusterserviceversions")),
            olm("ClusterServiceVersion", &[csv("1.6.0", "Succeeded")]),
        ),
        (
            olm_path("installplans"),
            olm(
                "InstallPlan",
                &[plan("p", 1, "RequiresApproval", &["kubevirt-hyperconverged-operator.v1.7.0".into()])],
            ),
        ),
        (olm_path("subscriptions"), olm("Subscription", &[subscription("1.6.0")])),
        (
            "/apis/operators.coreos.com/v2/operatorconditions".to_owned(),
            list("operators.coreos.com/v2", "OperatorCondition", &[]),
        ),
        (DEPLOYMENTS.to_owned(), list("apps/v1", "Deployment", &[])),
        ("/api/v1/nodes".to_owned(), list("v1", "Node", &[json!({"metadata": {"name": "worker-1"}})])),
    ];
    answers.into_iter().map(|(path, body)| (path, (200, body))).collect()
}

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
    if let Some((path, _)) =
        request.trim_start_matches("GET ").split_once('?').filter(|_| request.contains("watch=true"))
    {
        seen.lock().unwrap().push(format!("WATCH {path}"));
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
        match answers.get(&format!("{path}?watch")) {
            Some((_, events)) => drop(stream.write_all(events.as_bytes())),
            // Nothing happens, until the client has had enough.
            None => drop(stream.read(&mut [0])),
        }
        return;
    }
    seen.lock().unwrap().push(format!("{request} {} {}", header("accept"), header("impersonate-user")));
    let target = request.split_once(' ').unwrap().1.replace("limit=250", "").replace("?&", "?");
    let target = target.trim_end_matches(['?', '&']);
    let (status, mut body) = answers.get(target).cloned().unwrap_or((404, "404 page not found\n".into()));
    if !header("accept").contains("PartialObjectMetadata") {
        // Whole objects, for whoever does not ask for metadata alone.
        body = body.replace(r#""apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","#, "");
    }
    let kind = if serde_json::from_str::<Value>(&body).is_ok() { "application/json" } else { "text/plain" };
    let head = format!("HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nConnection: close\r\nContent-Length: ");
    let _ = write!(stream, "{head}{}\r\n\r\n{body}", body.len());
}
