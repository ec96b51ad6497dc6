//! A cluster that is watched, for `run --live` and `serve --live`: what goes wrong with an API server that a real one seldom does.
//! `tests/cluster/` has the rest.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{fs, net::TcpListener, path::Path, process::Output};

use program::{
    annotated,
    api_server::{Answers, ApiServer, NODE_MAINTENANCES, cluster, kubeconfig, status},
    check, folder, node_maintenances, program, report,
    server::{Server, approval, until},
    stderr, stdout,
};
use serde_json::{Value, json};

/// The cluster, but for these answers.
fn changed(answers: Answers) -> ApiServer {
    let mut all = cluster();
    all.extend(answers);
    ApiServer::start(all)
}

fn run(kubeconfig: &Path, args: &[&str]) -> Output {
    program(&[&["run"], args, &["--live", "--kubeconfig", kubeconfig.to_str().unwrap()]].concat())
}

fn serve(kubeconfig: &Path) -> Server {
    Server::start(&["--policies", "examples/policies.yml", "--live", "--kubeconfig", kubeconfig.to_str().unwrap()])
}

fn answer(server: &Server) -> Value {
    server.post("/validate/integrated-nmo", &approval()).json()["response"].clone()
}

const APPROVAL: [&str; 3] = ["integrated-nmo", "--request", "examples/requests/approve-install-plan.json"];

#[test]
fn a_request_is_answered_from_the_cluster_as_from_what_is_saved_of_it() {
    let server = changed(Answers::new());
    let live = run(&server.kubeconfig(), &APPROVAL);
    assert_eq!(live.status.code(), Some(1), "{}", stderr(&live));
    let saved = folder(&[]);
    let path = saved.path().join("cluster.json");
    let path = path.to_str().unwrap();
    check(&["--kubeconfig", server.kubeconfig().to_str().unwrap(), "--save", path]);
    assert_eq!(report(&[path])["verdict"], "blocked");
    let from_file = program(&[&["run"], APPROVAL.as_slice(), &["--snapshot", path]].concat());
    assert_eq!(stdout(&live), stdout(&from_file));
    let asked = server.requests();
    let asked_for = |what: &str| asked.iter().any(|request| request.contains(what));
    // No more than the policy declares: of Nodes not even the fields.
    assert!(asked_for("/api/v1/nodes?limit=250 application/json;as=PartialObjectMetadataList"), "{asked:?}");
    assert!(!asked_for("subscriptions?watch") && !asked_for("deployments?limit=250&watch"));
}

/// A policy that wants no cache asks the API server, and only for what can be a name.
#[test]
fn who_wants_no_cache_is_answered_by_the_api_server_itself() {
    let metadata = json!({
        "protocolVersion": "v1", "rules": [node_maintenances()], "mutating": false,
        "contextAwareResources": [{"apiVersion": "v1", "kind": "Node"}],
        "hostCapabilities": ["kubernetes/get_resource"],
    });
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "fresh"}}).to_string();
    let server = changed(Answers::from([("/api/v1/nodes/fresh".into(), (200, node))]));
    for (name, code, words) in
        [("fresh", 0, ""), ("missing", 1, "Cannot find"), ("../secrets/x", 1, "no object can have")]
    {
        let question = json!({"api_version": "v1", "kind": "Node", "name": name, "disable_cache": true}).to_string();
        let folder = folder(&[]);
        let path = folder.path().join("asks.wasm");
        fs::write(&path, annotated(&asks(&question), &metadata.to_string())).unwrap();
        let request = ["--request", "examples/requests/create-node-maintenance.json"];
        let output = run(&server.kubeconfig(), &[&[path.to_str().unwrap()], request.as_slice()].concat());
        assert_eq!(output.status.code(), Some(code), "{name}: {}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).contains(words), "{name}: {}", stdout(&output));
    }
    let asked = server.requests().concat();
    assert!(asked.contains("GET /api/v1/nodes/fresh ") && !asked.contains("secrets"), "{asked}");
}

/// A policy that asks this of its host, and refuses in the host's words where there is no answer.
fn asks(question: &str) -> String {
    let escaped = question.replace('"', "\\22");
    format!(
        r#"(module
        (import "wapc" "__guest_response" (func $answer (param i32 i32)))
        (import "wapc" "__host_call" (func $ask (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (import "wapc" "__host_error" (func $error (param i32)))
        (import "wapc" "__host_error_len" (func $error_len (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "kubewardenkubernetesget_resource")
        (data (i32.const 100) "{escaped}")
        (data (i32.const 400) "{{\22valid\22:true,\22accepted\22:true}}")
        (data (i32.const 500) "{{\22accepted\22:false,\22message\22:\22")
        (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
            (local $end i32)
            (if (i32.and (i32.eq (local.get $operation) (i32.const 8))
                (i32.eqz (call $ask (i32.const 0) (i32.const 10) (i32.const 10) (i32.const 10) (i32.const 20) (i32.const 12)
                    (i32.const 100) (i32.const {length}))))
                (then
                    (local.set $end (i32.add (i32.const 529) (call $error_len)))
                    (call $error (i32.const 529))
                    (i32.store16 (local.get $end) (i32.const 0x7d22))
                    (call $answer (i32.const 500) (i32.sub (i32.add (local.get $end) (i32.const 2)) (i32.const 500))))
                (else (call $answer (i32.const 400) (i32.const 30))))
            (i32.const 1)))"#,
        length = question.len(),
    )
}

/// The API server has forgotten how to go on: what is there now is listed, and answers never rest on less.
#[test]
fn a_watch_that_ends_with_410_begins_anew() {
    let gone =
        json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}});
    let cluster = changed(Answers::from([(format!("{NODE_MAINTENANCES}?watch"), (200, gone.to_string() + "\n"))]));
    let server = serve(&cluster.kubeconfig());
    let lists =
        || cluster.requests().iter().filter(|it| it.starts_with(&format!("GET {NODE_MAINTENANCES}?limit"))).count();
    let begun = lists();
    until("it is listed again", || {
        assert_eq!(answer(&server)["status"]["code"], 403);
        // Two pages each time.
        lists() >= begun + 4
    });
    let message = answer(&server)["status"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("nm-1") && message.contains("nm-2"), "{message}");
}

#[test]
fn what_may_not_be_listed_is_unknown_and_named() {
    let forbidden = status(403, "Forbidden", "nodemaintenances is forbidden: User \"gate\" cannot list resource");
    let cluster = changed(Answers::from([(NODE_MAINTENANCES.into(), forbidden)]));
    let server = serve(&cluster.kubeconfig());
    let readiness = server.get("/readiness");
    assert_eq!(readiness.status, 200, "{}", readiness.body);
    let named = "[-]watch nodemaintenances.nodemaintenance.kubevirt.io failed: nodemaintenances is forbidden";
    assert!(readiness.body.contains(named) && readiness.body.contains("[+]watch hyperconvergeds.hco.kubevirt.io ok"));
    let response = answer(&server);
    assert_eq!(response["status"]["code"], 403);
    let message = response["status"]["message"].as_str().unwrap();
    assert!(message.starts_with("[integrated-nmo/missing-data]") && message.contains("cannot list"), "{message}");
    let metrics = server.get("/metrics").body;
    let of = |name: &str| format!("upgrade_gate_watched_{name}.");
    for (series, is_there) in [
        ("objects{resource=\"hyperconvergeds.hco.kubevirt.io\"} 1", true),
        ("age_seconds{resource=\"hyperconvergeds.hco.kubevirt.io\"} ", true),
        ("objects{resource=\"nodemaintenances.nodemaintenance.kubevirt.io\"}", false),
    ] {
        assert_eq!(metrics.contains(of(series).trim_end_matches('.')), is_there, "{series}: {metrics}");
    }
}

#[test]
fn a_server_is_not_ready_before_the_cluster_has_answered() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let files = folder(&[("kubeconfig", kubeconfig(&format!("http://{nobody}")))]);
    let path = files.path().join("kubeconfig");
    let path = path.to_str().unwrap();
    let server =
        Server::start(&["--policies", "examples/policies.yml", "--kubeconfig", path, "--request-timeout", "0.2"]);
    let readiness = server.get("/readiness");
    assert_eq!(readiness.status, 503);
    assert!(readiness.body.contains("Connection refused"), "{}", readiness.body);
    assert!(answer(&server)["status"]["message"].as_str().unwrap().contains("missing-data"));
    let output = run(Path::new(path), &[&APPROVAL[..], &["--request-timeout", "0.2"]].concat());
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""));
    assert!(stderr(&output).contains("of context `test`: client error"), "{}", stderr(&output));
}
