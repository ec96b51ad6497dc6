//! A snapshot as a Kubernetes API server: discovery, get, list and a watch in which nothing happens.

use std::{
    io::{self, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use serde_json::{Value, json};
use upgrade_gate_core::{Answer, Cluster, GetQuery, ListQuery, ReadError};
use upgrade_gate_host::Metadata;
use upgrade_gate_snapshot::{Kind, Snapshot};

use crate::http;

struct Api {
    snapshot: Snapshot,
    /// Kinds that are served: those that the policy may ask for.
    kinds: Vec<(Kind, bool)>,
}

/// Serves until the process ends.
pub fn serve(snapshot: Snapshot, metadata: Metadata) -> String {
    let cluster_scoped = ["CustomResourceDefinition", "Node", "NodeMaintenance", "ClusterExtension"];
    let kinds = metadata.context_aware_resources.iter();
    let kinds = kinds.map(|read| (Kind::new(&read.api_version, &read.kind), !cluster_scoped.contains(&&*read.kind)));
    let api = Arc::new(Api { snapshot, kinds: kinds.collect() });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let api = api.clone();
            // Whoever hangs up has seen enough.
            thread::spawn(move || api.talk(stream?));
        }
    });
    format!("http://{address}")
}

impl Api {
    fn talk(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some((first, _)) = http::read(&mut reader)? {
            let target = first.split(' ').nth(1).unwrap_or_default();
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            if query.split('&').any(|part| part.starts_with("watch=")) {
                stream.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
                )?;
                continue;
            }
            let (code, body) = self.answer(path);
            http::write(&mut stream, &format!("HTTP/1.1 {code} _"), &body)?;
        }
        Ok(())
    }

    /// `/api/v1/…` or `/apis/GROUP/VERSION/…`, then `[namespaces/NAMESPACE/]PLURAL[/NAME]`.
    fn answer(&self, path: &str) -> (u16, String) {
        let mut parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let api_version = match parts.remove(0) {
            "api" => parts.remove(0).to_owned(),
            _ => format!("{}/{}", parts.remove(0), parts.remove(0)),
        };
        let namespace = (parts.first() == Some(&"namespaces")).then(|| parts.drain(..2).nth(1).unwrap().to_owned());
        let served = self.kinds.iter().filter(|(kind, _)| kind.api_version == api_version);
        let Some(plural) = parts.first() else {
            let resources = served.map(|(kind, namespaced)| {
                json!({
                    "name": kind.resource().resource, "singularName": "", "kind": kind.kind, "namespaced": namespaced,
                    "verbs": ["get", "list", "watch"],
                })
            });
            let resources: Vec<Value> = resources.collect();
            let list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": resources});
            return (200, list.to_string());
        };
        let mut served = served;
        let (kind, _) = served.find(|(kind, _)| kind.resource().resource == *plural).unwrap();
        let (api_version, kind) = (kind.api_version.clone(), kind.kind.clone());
        let answer = match parts.get(1) {
            Some(name) => {
                let name = (*name).to_owned();
                self.snapshot.get(&GetQuery { api_version, kind, namespace, name, ..GetQuery::default() })
            }
            None => {
                let all = self.snapshot.list(&ListQuery { api_version, kind, namespace, ..ListQuery::default() });
                all.map(|answer| Answer { json: listed(&answer.json).into(), ..answer })
            }
        };
        let status = |code: u16, reason: &str, message: &str| {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason, "code": code,
                "message": message,
            });
            (code, status.to_string())
        };
        match answer {
            Ok(answer) => (200, answer.json.to_string()),
            Err(ReadError::NotFound) => status(404, "NotFound", "not found"),
            Err(ReadError::Unavailable(reason)) => status(403, "Forbidden", &reason),
        }
    }
}

/// A watch begins at the list's resourceVersion.
fn listed(list: &str) -> String {
    let mut list: Value = serde_json::from_str(list).unwrap();
    list["metadata"]["resourceVersion"] = "1".into();
    list.to_string()
}
