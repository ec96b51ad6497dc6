//! Modules that mean harm, or are merely broken: each ends in its own error, in time, and the next
//! evaluation works.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test says no")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use upgrade_gate_core::{Answer, Cluster, GetQuery, ListQuery, ReadError};
use upgrade_gate_host::{Compiler, Context, EvaluationError, Grants, Host, Limits, LoadError, Metadata, Policy};

const LIMITS: Limits = Limits {
    wall_time: Duration::from_millis(100),
    memory_bytes: 4 << 20,
    host_answer_bytes: 1 << 20,
    response_bytes: 64 << 10,
};

/// `__guest_call` with this body, and a line of data at address 0.
fn module(body: &str, data: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "wapc" "__guest_request" (func $request (param i32 i32)))
            (import "wapc" "__guest_response" (func $response (param i32 i32)))
            (import "wapc" "__guest_error" (func $error (param i32 i32)))
            (import "wapc" "__console_log" (func $log (param i32 i32)))
            (import "wapc" "__host_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "{data}")
            (func $recurse (call $recurse))
            (func (export "__guest_call") (param i32 i32) (result i32) {body}))"#
    );
    wat::parse_str(text).unwrap()
}

/// Answers every list with as many bytes as its kind says, and `Slow` after a while.
struct Scripted;

impl Cluster for Scripted {
    fn get(&self, _: &GetQuery) -> Result<Answer, ReadError> {
        Err(ReadError::NotFound)
    }

    fn list(&self, query: &ListQuery) -> Result<Answer, ReadError> {
        if query.kind == "Slow" {
            std::thread::sleep(LIMITS.wall_time * 2);
        }
        Ok(Answer { json: "x".repeat(query.kind.parse().unwrap_or(0)).into(), complete: true })
    }
}

fn grants(kind: &str) -> Grants {
    let metadata = format!(r#"{{"contextAwareResources": [{{"apiVersion": "v1", "kind": "{kind}"}}]}}"#);
    Grants::declared(&serde_json::from_str::<Metadata>(&metadata).unwrap())
}

fn evaluate(policy: &Policy, kind: &str) -> Result<bool, EvaluationError> {
    let context = Context::new(Arc::new(Scripted));
    policy.evaluate("{}", "{}", &grants(kind), &context).map(|evaluation| evaluation.response.allowed)
}

/// A host call of kubewarden/kubernetes/list_resources_all for a kind; the data it needs, and the call.
fn list_call(kind: &str) -> (String, String) {
    let payload = format!(r#"{{\"api_version\":\"v1\",\"kind\":\"{kind}\"}}"#);
    let length = payload.replace('\\', "").len();
    let data = format!("kubewardenkuberneteslist_resources_all{payload}");
    let call = format!(
        "(call $call (i32.const 0) (i32.const 10) (i32.const 10) (i32.const 10) (i32.const 20) (i32.const 18) \
         (i32.const 38) (i32.const {length}))"
    );
    (data, call)
}

#[test]
fn every_way_to_misbehave_has_its_own_error() {
    let accept = r#"{\"accepted\":true}"#;
    let respond = |length: usize| format!("(call $response (i32.const 0) (i32.const {length})) (i32.const 1)");
    let (slow_data, slow_call) = list_call("Slow");
    let (big_data, big_call) = list_call("2000000");
    let (small_data, small_call) = list_call("10");
    let cases: Vec<(&str, String, String, &str)> = vec![
        ("good", respond(17), accept.into(), "accepted"),
        ("loops", "(loop $l (br $l)) (i32.const 1)".into(), String::new(), "WallTime"),
        (
            "eats memory",
            "(loop $l (drop (memory.grow (i32.const 16))) (br $l)) (i32.const 1)".into(),
            String::new(),
            "Memory",
        ),
        (
            "asks for 4 GiB at once",
            "(drop (memory.grow (i32.const 65535))) (i32.const 1)".into(),
            String::new(),
            "Memory",
        ),
        ("traps", "unreachable".into(), String::new(), "Trap"),
        ("divides by zero", "(i32.div_u (i32.const 1) (i32.const 0))".into(), String::new(), "Trap"),
        ("overflows the stack", "(call $recurse) (i32.const 1)".into(), String::new(), "Trap"),
        ("returns garbage", respond(4), "\\ff\\00{[".into(), "Protocol"),
        ("returns the wrong shape", respond(2), "[]".into(), "Protocol"),
        ("returns nothing", "(i32.const 1)".into(), String::new(), "Protocol"),
        ("returns 100 MB", respond(100_000_000), String::new(), "Response"),
        ("returns what it does not have", respond(60_000), String::new(), "Protocol"),
        (
            "returns from beyond its memory",
            "(call $response (i32.const 65000) (i32.const 60000)) (i32.const 1)".into(),
            String::new(),
            "OutOfBounds",
        ),
        (
            "takes the request beyond its memory",
            "(call $request (i32.const 0) (i32.const -1)) (i32.const 1)".into(),
            String::new(),
            "OutOfBounds",
        ),
        ("reports an error", "(call $error (i32.const 0) (i32.const 4)) (i32.const 0)".into(), "oops".into(), "Guest"),
        ("fails without a word", "(i32.const 0)".into(), String::new(), "Guest"),
        (
            "calls the host without end",
            format!("(loop $l (drop {small_call}) (br $l)) (i32.const 1)"),
            small_data,
            "WallTime",
        ),
        (
            "logs without end",
            "(loop $l (call $log (i32.const 0) (i32.const 60000)) (br $l)) (i32.const 1)".into(),
            String::new(),
            "WallTime",
        ),
        ("sleeps in a host call", format!("{slow_call} (drop) (i32.const 1)"), slow_data, "WallTime"),
        (
            "asks a question of 1 MB",
            "(call $call (i32.const 0) (i32.const 10) (i32.const 0) (i32.const 10) (i32.const 0) (i32.const 10) \
             (i32.const 0) (i32.const 1000000))"
                .into(),
            String::new(),
            "HostCall",
        ),
        ("asks for a huge list", format!("{big_call} (drop) (i32.const 1)"), big_data, "HostAnswer"),
    ];
    let host = Host::new(LIMITS).unwrap();
    let good = host.load(&module(&respond(17), accept), Compiler::Cranelift).unwrap();
    for compiler in [Compiler::Cranelift, Compiler::Winch] {
        for (name, body, data, expected) in &cases {
            let policy = host.load(&module(body, data), compiler).unwrap();
            let kind = ["Slow", "2000000"].into_iter().find(|kind| data.contains(kind)).unwrap_or("10");
            let outcome = match evaluate(&policy, kind) {
                Ok(true) => "accepted".to_owned(),
                Ok(false) => "rejected".to_owned(),
                Err(error) => format!("{error:?}").split([' ', '(', '{']).next().unwrap().to_owned(),
            };
            assert_eq!(outcome, *expected, "a module that {name}, {compiler:?}");
            assert_eq!(evaluate(&good, "10"), Ok(true), "after a module that {name}");
        }
    }
}

#[test]
fn a_limit_carries_its_number_and_what_was_seen() {
    let host = Host::new(LIMITS).unwrap();
    let load = |body: &str| host.load(&module(body, ""), Compiler::Cranelift).unwrap();
    let grown = load("(drop (memory.grow (i32.const 255))) (i32.const 1)");
    assert_eq!(evaluate(&grown, "10"), Err(EvaluationError::Memory { limit: 4 << 20, seen: 16 << 20 }));
    let started = Instant::now();
    let Err(EvaluationError::WallTime { limit, seen }) = evaluate(&load("(loop $l (br $l)) (i32.const 1)"), "10")
    else {
        panic!("a loop came to an end")
    };
    assert_eq!(limit, LIMITS.wall_time);
    assert!(seen >= limit && seen <= started.elapsed());
}

#[test]
fn what_is_no_policy_of_kubewarden_is_refused_by_name() {
    let with_metadata = |json: &str| {
        let mut wasm = wat::parse_str(upgrade_gate_host::doctest::ACCEPT_ALL).unwrap();
        let name = "io.kubewarden.metadata";
        let size = u8::try_from(1 + name.len() + json.len()).unwrap();
        assert!(size < 128, "one byte of LEB128");
        wasm.extend([0, size, u8::try_from(name.len()).unwrap()]);
        wasm.extend(name.bytes().chain(json.bytes()));
        wasm
    };
    let text = |text: &str| wat::parse_str(text).unwrap();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        // Without its bytes.
        (b"not wasm".to_vec(), "is not a WebAssembly module that can be run: it does not begin as one"),
        (Vec::new(), "is not a WebAssembly module that can be run: it does not begin as one"),
        (text("(component)"), "is not a WebAssembly module"),
        (text("(module)"), "is not a waPC policy"),
        (text(r#"(module (memory (export "memory") 1))"#), "is not a waPC policy"),
        (
            text(
                r#"(module (import "env" "now" (func)) (memory (export "memory") 1)
                (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#,
            ),
            "imports `env.now`",
        ),
        (with_metadata(r#"{"rules": [], "executionMode": "opa"}"#), "has execution mode `opa`"),
        (with_metadata(r#"{"rules": [], "executionMode": "wasi"}"#), "has execution mode `wasi`"),
        (with_metadata(r#"{"rules": 5}"#), "has metadata that cannot be read"),
    ];
    let host = Host::new(LIMITS).unwrap();
    for (wasm, expected) in cases {
        let error: LoadError = host.load(&wasm, Compiler::Cranelift).unwrap_err();
        assert!(error.to_string().starts_with(expected) && !error.to_string().contains("0x"), "{error}");
    }
}

#[test]
fn a_wasi_module_runs_without_streams_and_cannot_sleep() {
    let wasm = wat::parse_str(
        r#"(module
            (import "wapc" "__guest_response" (func $response (param i32 i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "{\"accepted\":true}")
            (data (i32.const 32) "\00\00\00\00\11\00\00\00")
            (func (export "__guest_call") (param i32 i32) (result i32)
                (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 64)))
                (if (i32.ne (call $poll (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 58))
                    (then unreachable))
                (call $response (i32.const 0) (i32.const 17))
                (i32.const 1)))"#,
    )
    .unwrap();
    let host = Host::new(LIMITS).unwrap();
    assert_eq!(evaluate(&host.load(&wasm, Compiler::Cranelift).unwrap(), "10"), Ok(true));
}
