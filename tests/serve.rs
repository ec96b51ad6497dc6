//! `serve` over HTTP: every route, every error, and what becomes of an answer.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "a panic is how a test says no")]

mod program;

use std::fs;

use program::{
    EXAMPLE, folder, module_that_answers, program as run_program,
    server::{Server, approval, exchange, post, review},
    stderr, stdout,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const APPROVAL: &str = "examples/requests/approve-install-plan.json";

/// The example's server, and the policies that this test adds to it.
fn policies(more: &Value) -> (TempDir, String) {
    let mut all = json!({"gate": {"module": "bundled://integrated-nmo"}});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let folder = folder(&[("policies.yml", all.to_string())]);
    let path = folder.path().join("policies.yml").to_str().unwrap().to_owned();
    (folder, path)
}

/// The words of the README.
#[test]
fn the_example_denies_an_approval() {
    let server = Server::start(&["--policies", "examples/policies.yml", "--snapshot", EXAMPLE]);
    for (request, status) in [("approve-install-plan", Some(403)), ("create-node-maintenance", None)] {
        let reply = server.post("/validate/integrated-nmo", &review(request));
        assert_eq!(reply.status, 200);
        assert!(reply.head.contains("content-type: application/json"), "{}", reply.head);
        let review = reply.json();
        assert_eq!(
            (&review["kind"], &review["apiVersion"]),
            (&json!("AdmissionReview"), &json!("admission.k8s.io/v1"))
        );
        assert_eq!(review["response"]["status"]["code"].as_u64(), status);
        // One verdict, whoever asks.
        let file = format!("examples/requests/{request}.json");
        let run = run_program(&["run", "integrated-nmo", "--request", &file, "--snapshot", EXAMPLE]);
        let mut run: Value = serde_json::from_str(&stdout(&run)).unwrap();
        if let Some(warnings) = run["warnings"].as_array_mut() {
            // The must-gather does not prove that it has every InstallPlan: `run` says so beside its answer.
            warnings.push(
                "unknown: nothing shows that all objects of installplans.operators.coreos.com are in the snapshot"
                    .into(),
            );
        }
        assert_eq!(review["response"], run);
    }
    assert!(server.get("/readiness").body.ends_with("readiness check passed\n"));
}

#[test]
fn what_is_no_review_is_answered_as_policy_server_does() {
    let (_folder, file) = policies(&json!({}));
    let server = Server::start(&["--policies", &file]);
    let approval = approval();
    let json = "application/json";
    let not_utf8 = "{\"request\": \"\u{0}\"".replace('\u{0}', "\\u00");
    // (path, content type, body, status, its words); those about the body are JSON on /validate alone.
    let cases = [
        ("none", json, approval.as_str(), 404, "unknown policy: none"),
        ("a%2Fb", json, &approval, 404, "unknown policy: a/b"),
        ("gate", json, "{", 400, "Failed to parse the request body as JSON: line 1 column 1"),
        ("gate", json, "", 400, "Failed to parse the request body as JSON: line 1 column 0"),
        ("gate", json, &not_utf8, 400, "Failed to parse the request body as JSON: line 1"),
        ("gate", json, "\u{1f}\u{8b}", 400, "Failed to parse the request body as JSON: line 1 column 1"),
        ("gate", "text/plain", &approval, 415, "Expected request with `Content-Type: application/json`"),
        ("gate", "application/jsonx", &approval, 415, "Expected request with `Content-Type: application/json`"),
        ("gate", json, "{}", 422, "Failed to deserialize the JSON body into the target type: missing field `request`"),
        ("gate", json, "[]", 422, "Failed to deserialize the JSON body into the target type: "),
    ];
    for (id, content_type, body, status, words) in cases {
        for route in ["validate", "audit", "validate_raw"] {
            let reply = exchange(server.connect(), post(&format!("/{route}/{id}"), content_type, body).as_bytes());
            let place = format!("{route} {id} {content_type} {body:.20}");
            assert_eq!(reply.status, status, "{place}");
            let text = if route == "validate" || status == 404 {
                assert_eq!(reply.json()["status"], status, "{place}");
                reply.json()["message"].as_str().unwrap().to_owned()
            } else {
                assert!(reply.head.contains("content-type: text/plain"), "{place}: {}", reply.head);
                reply.body
            };
            assert!(text.starts_with(words), "{place}: {text}");
        }
    }
    let own = "Failed to deserialize the JSON body into the target type: missing field `kind`";
    assert_eq!(server.post("/validate/gate", r#"{"request": {"uid": "1"}}"#).json()["message"], own);
    let suffix =
        exchange(server.connect(), post("/validate/gate", "Application/X+JSON; charset=x", &approval).as_bytes());
    assert_eq!(suffix.status, 200);
    let (get, elsewhere) = ("GET /validate/gate HTTP/1.1\r\nConnection: close\r\n\r\n", "/validate/gate/more");
    assert_eq!(exchange(server.connect(), get.as_bytes()).status, 405);
    assert_eq!(server.post(elsewhere, &approval).status, 404);
    assert_eq!(server.get("/elsewhere").status, 404);
    assert!(server.metric("upgrade_gate_requests_refused_total{reason=\"content_type\"}") > 0.);
}

/// A compressed body is none: policy-server does not unpack either.
#[test]
fn a_compressed_body_is_not_json() {
    let (_folder, file) = policies(&json!({}));
    let server = Server::start(&["--policies", &file]);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, approval().as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let head = format!(
        "POST /validate/gate HTTP/1.1\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        packed.len()
    );
    let reply = exchange(server.connect(), &[head.as_bytes(), &packed].concat());
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["message"], "Failed to parse the request body as JSON: is not UTF-8: byte 1");
}

/// Mode, permission to mutate, and the file's own message, in admission and not in an audit.
#[test]
fn what_becomes_of_an_answer() {
    let request = json!({
        "uid": "1", "operation": "CREATE", "userInfo": {}, "object": {"a": 1},
        "kind": {"group": "", "version": "v1", "kind": "Pod"}, "resource": {"group": "", "version": "v1", "resource": "pods"},
    });
    let refused = json!({"accepted": false, "message": "no", "code": 400});
    let changed = json!({"accepted": true, "mutated_object": {"a": 2}});
    let patch = "W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9hIiwidmFsdWUiOjJ9XQ==";
    let patched = json!({"uid": "1", "allowed": true, "patchType": "JSONPatch", "patch": patch});
    let plain = json!({"uid": "1", "allowed": false, "status": {"message": "no", "code": 400}});
    let passed = json!({"uid": "1", "allowed": true});
    let mutates = "Request rejected by policy p5. The policy attempted to mutate the request, but it is currently configured \
                   to not allow mutations.";
    // (the policy's answer, its entry, what /validate answers); /audit answers the policy's own words.
    let cases = [
        (&refused, json!({}), &plain, plain.clone()),
        (&refused, json!({"policyMode": "monitor"}), &plain, passed.clone()),
        (
            &refused,
            json!({"message": "ask us"}),
            &plain,
            json!({
                "uid": "1", "allowed": false,
                "status": {"message": "ask us", "code": 400, "details": {"causes": [{"message": "no"}]}},
            }),
        ),
        (&changed, json!({"allowedToMutate": true}), &patched, patched.clone()),
        (&changed, json!({"allowedToMutate": true, "policyMode": "monitor"}), &patched, passed),
        (&changed, json!({}), &patched, json!({"uid": "1", "allowed": false, "status": {"message": mutates}})),
    ];
    let (mut entries, mut files) = (json!({}), Vec::new());
    for (number, (answer, entry, ..)) in cases.iter().enumerate() {
        let name = format!("p{number}");
        entries[&name] = entry.clone();
        entries[&name]["module"] = format!("file://{name}.wasm").into();
        files.push((format!("{name}.wasm"), module_that_answers("{}", &answer.to_string())));
    }
    let (folder, file) = policies(&entries);
    files.iter().for_each(|(name, module)| fs::write(folder.path().join(name), module).unwrap());
    let server = Server::start(&["--policies", &file]);
    let review = json!({"request": request}).to_string();
    for (number, (answer, entry, audit, validate)) in cases.iter().enumerate() {
        for (route, expected) in [("validate", validate), ("audit", *audit)] {
            let mut expected = expected.clone();
            (expected["auditAnnotations"], expected["warnings"]) = (Value::Null, Value::Null);
            assert_eq!(
                server.post(&format!("/{route}/p{number}"), &review).json()["response"],
                expected,
                "{route} {entry}"
            );
            assert_eq!(server.said("admission review")["accepted"], answer["accepted"]);
        }
        let raw = server.post(&format!("/validate_raw/p{number}"), r#"{"request": {"uid": "2", "a": 1}}"#).json();
        assert_eq!((raw.get("kind"), &raw["response"]["uid"]), (None, &json!("2")));
        server.said("admission review");
    }
}

/// A policy that cannot be loaded stops no other.
#[test]
fn a_bad_policy_is_named_and_the_others_answer() {
    let bad = json!({
        "unfetched": {"module": "registry://ghcr.io/x:v1"}, "absent": {"module": "file://absent.wasm"},
        "settings": {"module": "bundled://integrated-nmo", "settings": {"onUpgrade": 5}}, "group": {"policies": {}},
    });
    let (_folder, file) = policies(&bad);
    let server = Server::start(&["--policies", &file, "--snapshot", EXAMPLE]);
    let approval = approval();
    let readiness = server.get("/readiness");
    assert_eq!(readiness.status, 200);
    assert!(readiness.body.contains("[+]policy gate ok\n"));
    for id in bad.as_object().unwrap().keys() {
        assert!(readiness.body.contains(&format!("[-]policy {id} failed: ")), "{}", readiness.body);
        let response = server.post(&format!("/validate/{id}"), &approval).json()["response"].clone();
        assert_eq!((&response["allowed"], &response["status"]["code"]), (&json!(false), &json!(500)), "{id}");
        assert_eq!(server.said("admission review")["error"], "initialization");
    }
    assert_eq!(server.post("/validate/gate", &approval).json()["response"]["status"]["code"], 403);
    assert!((server.metric("upgrade_gate_policies_failed") - 4.).abs() < f64::EPSILON);
    let text = server.get("/metrics").body;
    assert!(
        text.contains("kubewarden_policy_evaluations_total{policy_name=\"absent\",initialization_error=\""),
        "{text}"
    );

    let strict = run_program(&["serve", "--policies", &file, "--port", "0", "--strict"]);
    assert_eq!(strict.status.code(), Some(2));
    assert!(stderr(&strict).contains("absent.wasm`: No such file or directory"), "{}", stderr(&strict));
}

/// One line for each decision, with what identifies it and nothing of the object.
#[test]
fn decisions_are_logged_and_counted() {
    let (_folder, file) =
        policies(&json!({"watched": {"module": "bundled://integrated-nmo", "policyMode": "monitor"}}));
    let server = Server::start(&["--policies", &file, "--snapshot", EXAMPLE]);
    let request: Value = serde_json::from_str(&approval()).unwrap();
    let request = &request["request"];
    for (id, allowed) in [("gate", false), ("watched", true)] {
        server.post(&format!("/validate/{id}"), &approval());
        let line = server.said("admission review");
        let expected = json!({
            "uid": request["uid"], "kind": "InstallPlan", "namespace": request["namespace"], "name": request["name"],
            "operation": "UPDATE", "user": request["userInfo"]["username"], "policy": id, "accepted": false,
            "allowed": allowed, "code": 403, "origin": "validate",
        });
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&line[field], value, "{field}");
        }
        assert!(line["microseconds"].as_u64().unwrap() > 0);
        assert!(!line.to_string().contains("nm-worker-1"), "{line}");
    }
    server.post("/audit/gate", &review("create-node-maintenance"));
    let text = server.get("/metrics").body;
    for series in [
        "kubewarden_policy_evaluations_total{policy_name=\"gate\",policy_mode=\"protect\",accepted=\"false\",mutated=\"false\",request_origin=\"validate\",resource_kind=\"InstallPlan\",resource_namespace=\"kubevirt-hyperconverged\",resource_request_operation=\"UPDATE\",error_code=\"403\"} 1",
        "kubewarden_policy_evaluations_total{policy_name=\"gate\",policy_mode=\"protect\",accepted=\"true\",mutated=\"false\",request_origin=\"audit\",resource_kind=\"NodeMaintenance\",resource_request_operation=\"CREATE\"} 1",
        "upgrade_gate_policy_evaluation_seconds_count{policy_name=\"gate\"} 2",
        "upgrade_gate_policy_memory_bytes_max{policy_name=\"gate\"} ",
        "upgrade_gate_queue_depth 0",
    ] {
        assert!(text.lines().any(|line| line.starts_with(series)), "{series}\n{text}");
    }
    assert!(server.metric("upgrade_gate_policy_memory_bytes_max{policy_name=\"gate\"}") >= 65_536.);
}

/// Kinds and namespaces are the callers' words: they fill no memory.
#[test]
fn metrics_have_a_bounded_number_of_series() {
    let (_folder, file) = policies(&json!({}));
    let server = Server::start(&["--policies", &file]);
    let mut review: Value = serde_json::from_str(&review("delete-node-maintenance")).unwrap();
    for number in 0..2_010 {
        review["request"]["namespace"] = format!("n-{number}").into();
        assert_eq!(server.post("/validate/gate", &review.to_string()).status, 200);
    }
    let text = server.get("/metrics").body;
    let counted: Vec<&str> =
        text.lines().filter(|line| line.starts_with("kubewarden_policy_evaluations_total{")).collect();
    assert_eq!(counted.len(), 2_001);
    assert!(counted.iter().any(|line| !line.contains("resource_namespace") && line.ends_with(" 10")));
}

#[test]
fn a_namespace_can_be_left_alone() {
    let (_folder, file) = policies(&json!({}));
    let flag = "--always-accept-admission-reviews-on-namespace";
    let server = Server::start(&["--policies", &file, "--snapshot", EXAMPLE, flag, "kubevirt-hyperconverged"]);
    let response = server.post("/validate/gate", &approval()).json()["response"].clone();
    assert_eq!(response["allowed"], true);
    assert_eq!(response.get("status"), None);
}

#[test]
fn what_cannot_begin_says_why() {
    let (_folder, file) = policies(&json!({}));
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port().to_string();
    let cases = [
        (vec!["--policies", "none.yml"], "policies `none.yml`: No such file or directory"),
        (vec!["--policies", &file, "--snapshot", "none"], "source `none`: No such file or directory"),
        (vec!["--policies", &file, "--snapshot", "-"], "save it to a file, and name that"),
        (vec!["--policies", &file, "--addr", "127.0.0.1", "--port", &port], "help: choose others with --addr, --port"),
        (vec!["--policies", &file, "--cert-file", APPROVAL], "--key-file"),
        (vec!["--policies", &file, "--cert-file", APPROVAL, "--key-file", APPROVAL], "expected certificates as PEM"),
        (vec!["--policy-timeout", "0"], "expected seconds, such as `2` or `0.5`, from 0.001 to 86400"),
        (vec!["--workers", "0"], "expected a whole number from 1 to 1024"),
        (vec!["--log-level", "loud"], "--log-level"),
    ];
    for (args, words) in cases {
        let output = run_program(&[&["serve"], args.as_slice()].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(words), "{args:?}: {}", stderr(&output));
    }
}
