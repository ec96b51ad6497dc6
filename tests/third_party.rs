//! Policies of others that want more than a snapshot can answer, through the binary.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::fs;

use program::{EXAMPLE, annotated, folder, node_maintenances, program, report, stderr, stdout};
use serde_json::{Value, json};
use upgrade_gate_testing::node_maintenance;

/// Asks who an image name belongs to, whatever the request, and accepts whatever the answer.
const ASKS: &str = r#"(module
    (import "wapc" "__guest_response" (func $answer (param i32 i32)))
    (import "wapc" "__host_call" (func $ask (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "{\"accepted\":true,\"valid\":true}")
    (data (i32.const 100) "kubewardennetv1/dns_lookup_host\"registry\"")
    (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
        ;; validate has 8 letters, validate_settings 17
        (if (i32.eq (local.get $operation) (i32.const 8))
            (then (drop (call $ask
                (i32.const 100) (i32.const 10) (i32.const 110) (i32.const 3)
                (i32.const 113) (i32.const 18) (i32.const 131) (i32.const 10)))))
        (call $answer (i32.const 0) (i32.const 30))
        (i32.const 1)))"#;

/// The same, which asks for all Pods.
fn lists_pods() -> String {
    let question = r#"{\22api_version\22:\22v1\22,\22kind\22:\22Pod\22}"#;
    ASKS.replace(
        r#""kubewardennetv1/dns_lookup_host\"registry\"""#,
        &format!(r#""kubewardenkuberneteslist_resources_all{question}""#),
    )
    .replace("(i32.const 110) (i32.const 3)", "(i32.const 110) (i32.const 10)")
    .replace(
        "(i32.const 113) (i32.const 18) (i32.const 131) (i32.const 10)",
        "(i32.const 120) (i32.const 18) (i32.const 138) (i32.const 33)",
    )
}

fn metadata(capabilities: &str) -> String {
    let annotations = json!({"io.kubewarden.policy.title": "asks"});
    json!({
        "protocolVersion": "v1", "rules": [node_maintenances()], "mutating": false, "hostCapabilities": [capabilities],
        "contextAwareResources": [{"apiVersion": "v1", "kind": "Pod"}], "annotations": annotations,
    })
    .to_string()
}

/// audit-scanner asks a cluster, where nothing is incomplete: it would not have said `pass` either.
#[test]
fn a_pass_on_data_that_may_not_be_complete_is_unknown_and_an_error_in_a_report() {
    let pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "b", "resourceVersion": "1"}});
    let object = node_maintenance("nm-1").of_node("worker-1").json().to_string();
    let folder = folder(&[("pod.json", pod.to_string()), ("nm.json", object)]);
    let path = folder.path().join("lists.wasm");
    let wasm = path.to_str().unwrap();
    fs::write(&path, annotated(&lists_pods(), &metadata("kubernetes/*"))).unwrap();
    let source = folder.path().to_str().unwrap();
    let report = report(&[source, "--policy", wasm]);
    let findings = report["findings"].as_array().unwrap().iter();
    let message =
        findings.filter(|finding| finding["policy"] == "asks").map(|finding| finding["message"].as_str().unwrap());
    let expected = "The policy accepts it, but nothing shows that all objects of pods are in the sources.";
    assert_eq!(message.collect::<Vec<_>>(), [expected]);

    let text = stdout(&program(&["check", source, "--policy", wasm, "-o", "policyreport"]));
    let list: Value = serde_saphyr::from_str(&text).unwrap();
    let result = &list["items"][0]["results"][0];
    let expected = "unknown: nothing shows that all objects of pods are in the sources";
    assert_eq!((&result["result"], &result["message"]), (&json!("error"), &json!(expected)), "{text}");
}

/// A pass that rests on a denial which no policy server would have made is none.
#[test]
fn what_needs_a_network_is_denied_and_an_error_in_a_report() {
    let folder = folder(&[]);
    let path = folder.path().join("asks.wasm");
    let wasm = path.to_str().unwrap();
    fs::write(&path, annotated(ASKS, &metadata("net/*"))).unwrap();
    let args = ["--request", "examples/requests/create-node-maintenance.json"];
    let output = program(&[&["run", wasm], args.as_slice()].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("it was denied net/v1/dns_lookup_host"), "{}", stderr(&output));

    let report = report(&[EXAMPLE, "--policy", wasm]);
    assert_eq!(report["verdict"], "error");
    assert_eq!(
        (&report["findings"][0]["result"], &report["findings"][0]["rule"]),
        (&json!("error"), &json!("evaluation"))
    );
    let message = report["findings"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("The policy asks for net/v1/dns_lookup_host"), "{message}");

    // A session answers it.
    let session = folder.path().join("session.yml");
    let exchange = "- type: Exchange\n  request: |\n    !DNSLookupHost\n    host: registry\n  response:\n    type: Success\n    \
                    payload: '{\"ips\":[]}'\n";
    fs::write(&session, exchange).unwrap();
    let output = program(&[&["run", wasm, "--replay", session.to_str().unwrap()], args.as_slice()].concat());
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{}", stdout(&output));
}

/// What the policy was not granted is denied by a policy server, too: its answer is what it would be there.
#[test]
fn what_was_not_granted_is_denied_as_everywhere() {
    let folder = folder(&[]);
    let path = folder.path().join("asks.wasm");
    fs::write(&path, annotated(ASKS, &metadata("kubernetes/*"))).unwrap();
    let report = report(&[EXAMPLE, "--policy", path.to_str().unwrap()]);
    assert_eq!(report["summary"]["error"], 0);
}
