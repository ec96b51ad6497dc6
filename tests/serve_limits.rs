//! `serve` under those who wish it ill: after each the next request is answered, and memory is what it was.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "a panic is how a test says no")]

mod program;

use std::{
    fs,
    io::{Read, Write},
    net::Shutdown,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use program::{
    EXAMPLE, folder, module_that, module_that_answers,
    server::{PATIENCE, Reply, Server, approval, exchange, post, reply, until},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Of resident memory, in kB: less than one of the bodies, and than a thousand connections.
const SLACK: u64 = 4 << 10;

/// The gate, and policies of the test's own.
fn start(modules: &[(&str, Vec<u8>)], args: &[&str]) -> (TempDir, Server) {
    let mut policies = json!({"gate": {"module": "bundled://integrated-nmo"}});
    for (name, _) in modules {
        policies[name] = json!({"module": format!("file://{name}.wasm")});
    }
    let folder = folder(&[("policies.yml", policies.to_string())]);
    for (name, module) in modules {
        fs::write(folder.path().join(format!("{name}.wasm")), module).unwrap();
    }
    let file = folder.path().join("policies.yml").to_str().unwrap().to_owned();
    let server = Server::start(&[&["--policies", &file, "--snapshot", EXAMPLE], args].concat());
    (folder, server)
}

/// It denies, as it did before.
fn assert_works(server: &Server) {
    let response = server.post("/validate/gate", &approval()).json()["response"].clone();
    assert_eq!(response["status"]["code"], 403, "{response}");
}

/// What is kept for good grows with every attack; what allocators keep does not: of several attacks one needs no more
/// memory than the one before.
fn assert_forgets(server: &Server, mut attack: impl FnMut()) {
    let mut resident = Vec::new();
    for _ in 0..8 {
        attack();
        assert_works(server);
        resident.push(server.resident());
        if let [.., before, now] = resident[..]
            && now < before + SLACK
        {
            return;
        }
    }
    panic!("resident memory grows, in kB: {resident:?}");
}

fn endless() -> Vec<u8> {
    module_that("{}", "(loop (br 0))", "")
}

fn head(framing: &str) -> String {
    format!("POST /validate/gate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{framing}\r\n\r\n")
}

#[test]
fn bodies_have_a_size() {
    let (_folder, server) = start(&[], &[]);
    // An approval with so many bytes of a field that no policy reads.
    let padded = |size: usize| {
        let mut review: Value = serde_json::from_str(&approval()).unwrap();
        review["padding"] = "".into();
        let length = review.to_string().len();
        review["padding"] = "x".repeat(size - length).into();
        review.to_string()
    };
    let (largest, larger) = (padded(16 << 20), padded((16 << 20) + 1));
    let too_large = |reply: Reply| {
        assert_eq!(reply.status, 413);
        let words = "Failed to buffer the request body: length limit exceeded: 16777216 bytes";
        assert_eq!(reply.json(), json!({"message": words, "status": 413}));
    };
    // Chunks, of which nobody says beforehand how many there are.
    let mut chunked = head("Transfer-Encoding: chunked").into_bytes();
    for _ in 0..17 {
        chunked.extend(format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20)).bytes());
    }
    assert_forgets(&server, || {
        assert_eq!(server.post("/validate/gate", &largest).json()["response"]["status"]["code"], 403);
        too_large(server.post("/validate/gate", &larger));
        too_large(exchange(server.connect(), &chunked));
    });
}

#[test]
fn all_bodies_together_have_a_size() {
    let (_folder, server) = start(&[], &[]);
    let mut slow = Vec::new();
    // Four bodies of almost 16 MiB that do not end: what they have sent is all that may be in memory. On a slow machine the
    // first may be given up before the last one has arrived: then once more.
    let busy = loop {
        slow.clear();
        for _ in 0..4 {
            let mut stream = server.connect();
            stream.write_all(head("Content-Length: 16777216").as_bytes()).unwrap();
            let _ = stream.write_all(&vec![b' '; (16 << 20) - 1]);
            slow.push(stream);
        }
        let reply = server.post("/validate/gate", &approval());
        if reply.status != 200 {
            break reply;
        }
    };
    assert_eq!(busy.status, 503);
    assert_eq!(busy.json()["message"], "the requests that wait hold too much memory: try again");
    assert!(server.metric("upgrade_gate_requests_refused_total{reason=\"body_memory\"}") > 0.);
    drop(slow);
    let freed = std::iter::repeat_with(|| server.post("/validate/gate", &approval())).find(|reply| reply.status == 200);
    assert_eq!(freed.unwrap().json()["response"]["status"]["code"], 403);
}

#[test]
fn a_body_that_stalls_is_given_up() {
    let (_folder, server) = start(&[], &[]);
    let mut stream = server.connect();
    stream.write_all(head("Transfer-Encoding: chunked").as_bytes()).unwrap();
    stream.write_all(b"5\r\n{\"req\r\n").unwrap();
    assert_works(&server);
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let given_up = reply(&bytes);
    assert_eq!(given_up.status, 408);
    assert_eq!(given_up.json()["message"], "Failed to buffer the request body: it took too long");
    assert_works(&server);
}

#[test]
fn a_thousand_idle_connections() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let (_folder, server) = start(&[], &[]);
    assert_forgets(&server, || {
        let idle: Vec<_> = (0..1_000).map(|_| server.connect()).collect();
        // Half of them begin a request.
        idle.iter().step_by(2).for_each(|mut stream| stream.write_all(b"POST /validate/gate HT").unwrap());
        assert_works(&server);
    });
}

/// The evaluation goes on to its end, and then its place is free.
#[test]
fn a_client_that_disappears_takes_no_place_with_it() {
    let (_folder, server) = start(&[("endless", endless())], &["--workers", "1", "--policy-timeout", "1"]);
    for _ in 0..3 {
        let mut stream = server.connect();
        stream.write_all(post("/validate/endless", "application/json", &approval()).as_bytes()).unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    }
    assert_works(&server);
    server.reaches("upgrade_gate_queue_depth", 0.);
}

#[test]
fn a_full_queue_says_so_at_once() {
    let (_folder, server) = start(&[("endless", endless())], &["--workers", "1", "--queue-size", "1"]);
    let found = AtomicBool::new(false);
    // One is evaluated, one waits, and one is refused, or takes the place that has just become free.
    let ask = || {
        let begun = Instant::now();
        while !found.load(Ordering::Relaxed) && begun.elapsed() < PATIENCE {
            let reply = server.post("/validate/endless", &approval());
            if reply.status == 200 {
                assert_eq!(reply.json()["response"]["status"]["code"], 500);
            }
        }
    };
    thread::scope(|scope| {
        let asking = [scope.spawn(ask), scope.spawn(ask), scope.spawn(ask)];
        until("the queue is full", || {
            let reply = server.post("/validate/gate", &approval());
            let full = json!({"message": "too many requests wait for an evaluation: try again", "status": 503});
            assert!(reply.status == 200 || reply.json() == full, "{}", reply.body);
            reply.status != 200
        });
        found.store(true, Ordering::Relaxed);
        asking.into_iter().for_each(|client| client.join().unwrap());
    });
    assert_works(&server);
}

#[test]
fn hostile_policies_harm_only_themselves() {
    let answers = |response: &str| module_that_answers("{}", response);
    let hostile = [
        ("endless", endless(), "wall_time"),
        ("greedy", module_that("{}", "(drop (memory.grow (i32.const 2000)))", ""), "memory"),
        ("crash", module_that("{}", "(unreachable)", ""), "trap"),
        ("outside", module_that("{}", "(call $response (i32.const -9) (i32.const 9))", ""), "out_of_bounds"),
        ("flood", module_that("{}", "(call $response (i32.const 0) (i32.const 5000000))", ""), "response"),
        ("babble", answers("{\"accepted\":"), "protocol"),
        ("nothing", answers("{}"), "protocol"),
    ];
    let modules: Vec<_> = hostile.iter().map(|(name, module, _)| (*name, module.clone())).collect();
    let (_folder, server) = start(&modules, &["--policy-timeout", "0.2"]);
    assert_forgets(&server, || {
        for (name, _, kind) in &hostile {
            let reply = server.post(&format!("/validate/{name}"), &approval());
            assert_eq!(reply.status, 200, "{name}");
            assert_eq!(reply.json()["response"]["status"]["code"], 500, "{name}");
            let line = std::iter::repeat_with(|| server.said("admission review")).find(|line| line["policy"] == *name);
            assert_eq!(line.unwrap()["error"], *kind, "{name}");
            assert_works(&server);
        }
    });
}
