//! `upgrade-gate run`, through the binary: one request, one policy.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use program::{EXAMPLE, annotated, folder, module_that_answers, node_maintenances, program, stderr, stdout};
use serde_json::{Value, json};

/// The approval of the plan to 1.7.0.
fn approval() -> Value {
    let plan = |approved: bool| {
        json!({
            "apiVersion": "operators.coreos.com/v1alpha1", "kind": "InstallPlan",
            "metadata": {"name": "install-x7k2p", "namespace": "kubevirt-hyperconverged", "resourceVersion": "570"},
            "spec": {
                "approval": "Manual", "approved": approved,
                "clusterServiceVersionNames": ["kubevirt-hyperconverged-operator.v1.7.0"],
            },
        })
    };
    json!({
        "uid": "63dc67b6-ca9d-45c4-ad50-7f063596ab71",
        "kind": {"group": "operators.coreos.com", "version": "v1alpha1", "kind": "InstallPlan"},
        "resource": {"group": "operators.coreos.com", "version": "v1alpha1", "resource": "installplans"},
        "name": "install-x7k2p", "namespace": "kubevirt-hyperconverged",
        "operation": "UPDATE",
        "userInfo": {"username": "admin"},
        "object": plan(true),
        "oldObject": plan(false),
    })
}

fn run(args: &[&str]) -> std::process::Output {
    program(&[&["run"], args].concat())
}

fn answer(args: &[&str]) -> (Value, Option<i32>) {
    let output = run(args);
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| Value::from(stderr(&output)));
    assert_eq!(stdout(&output).lines().count(), 1, "one line, as kwctl prints it");
    (answer, output.status.code())
}

#[test]
fn a_request_in_each_form_gets_the_answer_and_its_exit_code() {
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": approval()});
    let folder = folder(&[("bare.json", approval().to_string()), ("review.json", review.to_string())]);
    for file in ["bare.json", "review.json"] {
        let file = folder.path().join(file);
        let args = ["integrated-nmo", "--request", file.to_str().unwrap(), "--snapshot", EXAMPLE];
        let (refused, code) = answer(&args);
        assert_eq!(code, Some(1));
        assert_eq!(refused["uid"], "63dc67b6-ca9d-45c4-ad50-7f063596ab71");
        assert_eq!((&refused["allowed"], &refused["status"]["code"]), (&json!(false), &json!(403)));
        let message = refused["status"]["message"].as_str().unwrap();
        assert!(message.starts_with("[integrated-nmo/upgrade-blocked] "), "{message}");
        assert!(message.contains("nm-worker-1 (node worker-1)"), "{message}");
        assert!(refused["auditAnnotations"]["findings"].is_string());
        assert_eq!(refused["warnings"], Value::Null);

        let (warned, code) = answer(&[args.as_slice(), &["--settings-json", r#"{"onUpgrade": "warn"}"#]].concat());
        assert_eq!((code, &warned["allowed"], warned.get("status")), (Some(0), &json!(true), None));
        assert_eq!(warned["warnings"].as_array().unwrap().len(), 1);
    }
}

/// What examples/README.md says of them.
#[test]
fn the_requests_of_the_examples() {
    let cases = [("approve-install-plan", 1, 0), ("create-node-maintenance", 0, 1), ("delete-node-maintenance", 0, 0)];
    for (name, code, warnings) in cases {
        let file = format!("examples/requests/{name}.json");
        let (answer, exit) = answer(&["integrated-nmo", "--request", &file, "--snapshot", EXAMPLE]);
        assert_eq!(exit, Some(code), "{name}");
        assert_eq!(answer["warnings"].as_array().map_or(0, Vec::len), warnings, "{name}");
    }
}

#[test]
fn without_a_snapshot_nothing_can_be_read() {
    let folder = folder(&[("request.json", approval().to_string())]);
    let file = folder.path().join("request.json");
    let (refused, code) = answer(&["integrated-nmo", "--request", file.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(refused["status"]["message"].as_str().unwrap().contains("there is no cluster to ask"), "{refused}");
}

#[test]
fn a_request_from_standard_input() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
    command.args(["run", "integrated-nmo", "-r", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(approval().to_string().as_bytes()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
}

#[test]
fn settings_from_files() {
    let folder = folder(&[
        ("request.json", approval().to_string()),
        ("settings.yaml", "# only watch\nonUpgrade: dryrun\n".into()),
        ("settings.json", r#"{"onUpgrade": "dryrun"}"#.into()),
        ("empty.yaml", String::new()),
        ("null.yaml", "null".into()),
        ("list.yaml", "[onUpgrade]".into()),
        ("broken.yaml", "onUpgrade: [s3cret".into()),
    ]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let with = |name: &str| {
        run(&["integrated-nmo", "-r", &path("request.json"), "--snapshot", EXAMPLE, "--settings", &path(name)])
    };
    for (name, code) in [("settings.yaml", 0), ("settings.json", 0), ("empty.yaml", 1), ("null.yaml", 1)] {
        assert_eq!(with(name).status.code(), Some(code), "{name}: {}", stderr(&with(name)));
    }
    let list = with("list.yaml");
    assert_eq!(list.status.code(), Some(2));
    assert!(stderr(&list).contains("list.yaml`: expected a map of settings"), "{}", stderr(&list));
    let broken = with("broken.yaml");
    assert_eq!(broken.status.code(), Some(2));
    assert!(stderr(&broken).contains("broken.yaml`: is not valid YAML: line 1"), "{}", stderr(&broken));
    assert!(!stderr(&broken).contains("s3cret"));
}

#[test]
fn what_cannot_be_asked_is_exit_2_and_says_why() {
    let folder = folder(&[
        ("request.json", approval().to_string()),
        ("list.json", "[]".into()),
        ("no-kind.json", r#"{"uid": "s3cret"}"#.into()),
        ("secret.json", r#"{"uid": "1", "kind": "s3cret"}"#.into()),
        ("cut.json", r#"{"request": {"#.into()),
    ]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let cases: Vec<(Vec<String>, &str)> = vec![
        (vec!["no-such".into(), "-r".into(), path("request.json")], "policy `no-such` is not bundled"),
        (vec!["integrated-nmo".into(), "-r".into(), path("none.json")], "No such file"),
        (vec!["integrated-nmo".into(), "-r".into(), path("list.json")], "cannot build AdmissionRequest object"),
        (vec!["integrated-nmo".into(), "-r".into(), path("cut.json")], "is not JSON: line 1 column 13"),
        (vec!["integrated-nmo".into(), "-r".into(), path("no-kind.json")], "given input: missing field `kind`"),
        (
            vec!["integrated-nmo".into(), "-r".into(), path("secret.json")],
            "a field of the wrong type before line 1 column",
        ),
        (
            vec!["integrated-nmo".into(), "-r".into(), path("request.json"), "--snapshot".into(), "no/such".into()],
            "source `no/such`",
        ),
        (
            vec![
                "integrated-nmo".into(),
                "-r".into(),
                path("request.json"),
                "--settings-json".into(),
                "{\"on\": 1}".into(),
            ],
            "settings: `on` is not known",
        ),
        (vec!["integrated-nmo".into()], "--request <FILE>"),
    ];
    for (args, expected) in cases {
        let output = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(expected), "{args:?}: {}", stderr(&output));
        assert!(stdout(&output).is_empty() && !stderr(&output).contains("s3cret"), "{args:?}");
    }
}

const METADATA: &str = r#"{"protocolVersion":"v1","rules":[],"mutating":true,"executionMode":"kubewarden-wapc"}"#;

#[test]
fn other_policies_are_answered_as_kwctl_does() {
    let wanted = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": "b"}}});
    let request = json!({
        "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"}, "operation": "CREATE", "userInfo": {},
        "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {}},
    });
    let delete = json!({
        "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"}, "operation": "DELETE", "userInfo": {},
    });
    let mutates = json!({"accepted": true, "mutated_object": wanted}).to_string();
    let unchanged = json!({"accepted": true, "mutated_object": request["object"]}).to_string();
    // base64 of [{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]
    let patch = "W3sib3AiOiJhZGQiLCJwYXRoIjoiL21ldGFkYXRhL2xhYmVscyIsInZhbHVlIjp7ImEiOiJiIn19XQ==";
    let cases = [
        (
            &mutates,
            &request,
            json!({"uid": "1", "allowed": true, "patchType": "JSONPatch", "patch": patch, "auditAnnotations": null, "warnings": null}),
            0,
        ),
        (&unchanged, &request, json!({"uid": "1", "allowed": true, "auditAnnotations": null, "warnings": null}), 0),
        (
            &mutates,
            &delete,
            json!({"uid": "1", "allowed": false, "status": {"message": "Incoming object is null, which happens only with DELETE operations, but the policy is attempting a mutation. This is not allowed"}, "auditAnnotations": null, "warnings": null}),
            1,
        ),
        (
            &json!({"accepted": false, "message": "no", "code": 500}).to_string(),
            &request,
            json!({"uid": "1", "allowed": false, "status": {"message": "no", "code": 500}, "auditAnnotations": null, "warnings": null}),
            2,
        ),
        (
            &json!({"accepted": true, "warnings": ["w"], "audit_annotations": {"k": "v"}}).to_string(),
            &request,
            json!({"uid": "1", "allowed": true, "auditAnnotations": {"k": "v"}, "warnings": ["w"]}),
            0,
        ),
        (
            &json!({"accepted": true, "warnings": [], "audit_annotations": {}}).to_string(),
            &request,
            json!({"uid": "1", "allowed": true, "auditAnnotations": {}, "warnings": []}),
            0,
        ),
        (
            &json!({"message": "no"}).to_string(),
            &request,
            json!({"uid": "1", "allowed": false, "status": {"message": "internal server error: invalid response from policy: missing field `accepted` at line 1 column 16", "code": 500}, "auditAnnotations": null, "warnings": null}),
            2,
        ),
    ];
    for (response, request, expected, code) in cases {
        let folder = folder(&[("request.json", request.to_string())]);
        let wasm = folder.path().join("policy.wasm");
        fs::write(&wasm, module_that_answers(METADATA, response)).unwrap();
        let file = folder.path().join("request.json");
        let answer = answer(&[wasm.to_str().unwrap(), "-r", file.to_str().unwrap()]);
        assert_eq!(answer, (expected, Some(code)), "{response}");
    }
}

/// kwctl: a raw request is any JSON, and what the policy changes is the request itself.
#[test]
fn a_raw_policy_gets_any_json() {
    let request = json!({"uid": "7", "kind": "AdmissionReview", "user": "tonio"});
    let changed = json!({"accepted": true, "mutated_object": {"uid": "7", "kind": "AdmissionReview"}}).to_string();
    let folder = folder(&[("request.json", request.to_string())]);
    let file = folder.path().join("request.json");
    // base64 of [{"op":"remove","path":"/user"}]
    let patch = "W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL3VzZXIifV0=";
    let expected = json!({"uid": "7", "allowed": true, "patchType": "JSONPatch", "patch": patch, "auditAnnotations": null, "warnings": null});
    let raw = METADATA.replace(r#""rules":[]"#, r#""rules":[],"policyType":"raw""#);
    for (metadata, flags) in [(raw.as_str(), vec![]), (METADATA, vec!["--raw"])] {
        let wasm = folder.path().join("policy.wasm");
        fs::write(&wasm, module_that_answers(metadata, &changed)).unwrap();
        let args = [vec![wasm.to_str().unwrap(), "-r", file.to_str().unwrap()], flags].concat();
        assert_eq!(answer(&args), (expected.clone(), Some(0)));
    }
}

/// Any policy of Kubewarden's, also one that nobody annotated.
#[test]
fn a_module_without_metadata_is_asked_too() {
    let accepts = r#"(module
        (import "wapc" "__guest_response" (func $answer (param i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "{\"accepted\":true,\"valid\":true}")
        (func (export "__guest_call") (param i32 i32) (result i32)
            (call $answer (i32.const 0) (i32.const 30))
            (i32.const 1)))"#;
    let folder = folder(&[("request.json", approval().to_string())]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("policy.wasm"), wat::parse_str(accepts).unwrap()).unwrap();
    let (answer, code) = answer(&[&path("policy.wasm"), "-r", &path("request.json")]);
    assert_eq!((&answer["allowed"], code), (&json!(true), Some(0)));
}

#[test]
fn what_was_recorded_is_replayed() {
    let folder = folder(&[
        ("request.json", approval().to_string()),
        ("cut.yml", "- type: Exchange\n  request: s3cret".into()),
        ("untagged.yml", "- type: Exchange\n  request: 's3cret: x'\n  response: {type: Error, message: m}".into()),
        ("other.yml", SESSION.repeat(8)),
    ]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let args = ["integrated-nmo", "-r", &path("request.json")];
    let with = |more: &[&str]| answer(&[args.as_slice(), more].concat());
    let recorded = with(&["--snapshot", EXAMPLE, "--record", &path("session.yml")]);
    assert_eq!(recorded.1, Some(1));
    assert_eq!(with(&["--replay", &path("session.yml")]), recorded);
    // In kwctl's own form: the request is YAML in YAML, with its name as a tag.
    let session = fs::read_to_string(path("session.yml")).unwrap();
    assert!(session.contains("!KubernetesGetResource\n") && session.contains("type: Success"), "{session}");

    let (other, code) = with(&["--replay", &path("other.yml")]);
    assert_eq!(code, Some(1));
    let message = other["status"]["message"].as_str().unwrap();
    assert!(message.contains("Replay error: unexpected request. Was expecting KubernetesListResourceAll"), "{message}");
    for (file, expected) in [
        ("none.yml", "No such file"),
        ("cut.yml", "is no session: line"),
        ("untagged.yml", "exchange 1: expected a request such as `!KubernetesGetResource`"),
    ] {
        let output = run(&[args.as_slice(), &["--replay", &path(file)]].concat());
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert!(stderr(&output).contains(expected) && !stderr(&output).contains("s3cret"), "{}", stderr(&output));
    }
}

/// As kwctl writes it.
const SESSION: &str = r#"- type: Exchange
  request: |
    !KubernetesListResourceAll
    api_version: v1
    kind: Service
    label_selector: null
    field_selector: null
  response:
    type: Success
    payload: '{"metadata":{},"items":[]}'
"#;

/// Some policies ask their host about their settings, too: such a question is recorded and answered like any other.
#[test]
fn settings_are_judged_with_what_the_policy_may_ask() {
    let metadata = json!({
        "protocolVersion": "v1", "rules": [node_maintenances()], "mutating": false,
        "contextAwareResources": [{"apiVersion": "v1", "kind": "Node"}],
        "hostCapabilities": ["kubernetes/get_resource"],
    });
    // Whatever it is asked, it asks for a Node; an answer makes it content, an error does not.
    let asks = r#"(module
        (import "wapc" "__guest_response" (func $answer (param i32 i32)))
        (import "wapc" "__host_call" (func $ask (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "kubewardenkubernetesget_resource")
        (data (i32.const 100) "{\"api_version\":\"v1\",\"kind\":\"Node\",\"name\":\"worker-1\",\"disable_cache\":false}")
        (data (i32.const 200) "{\"valid\":true,\"accepted\":true}")
        (data (i32.const 300) "{\"valid\":false,\"accepted\":false,\"message\":\"no Node\"}")
        (func (export "__guest_call") (param i32 i32) (result i32)
            (if (i32.eq (call $ask (i32.const 0) (i32.const 10) (i32.const 10) (i32.const 10) (i32.const 20) (i32.const 12)
                    (i32.const 100) (i32.const 74)) (i32.const 1))
                (then (call $answer (i32.const 200) (i32.const 30)))
                (else (call $answer (i32.const 300) (i32.const 52))))
            (i32.const 1)))"#;
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-1"}});
    let folder = folder(&[
        ("request.json", approval().to_string()),
        ("cluster/node.json", node.to_string()),
        ("none.yml", "[]".into()),
    ]);
    fs::write(folder.path().join("asks.wasm"), annotated(asks, &metadata.to_string())).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (policy, request, session) = (path("asks.wasm"), path("request.json"), path("session.yml"));
    let with = |more: &[&str]| run(&[&[policy.as_str(), "-r", &request], more].concat());
    let recorded = with(&["--snapshot", &path("cluster"), "--record", &session]);
    assert_eq!(recorded.status.code(), Some(0), "{}", stderr(&recorded));
    let exchanges: Vec<Value> = serde_saphyr::from_str(&fs::read_to_string(&session).unwrap()).unwrap();
    assert_eq!(exchanges.len(), 2, "one about the settings, one about the request");
    assert_eq!(with(&["--replay", &session]).stdout, recorded.stdout);
    let refused = with(&["--replay", &path("none.yml")]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("cannot be asked: settings: no Node"), "{}", stderr(&refused));
}
