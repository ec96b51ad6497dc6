//! `serve` while something changes under it: certificates, the snapshot, and its own end.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "a panic is how a test says no")]

mod program;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::symlink,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use program::{
    EXAMPLE, folder, module_that,
    server::{Reply, Server, approval, exchange, post, reply, until},
};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustix::process::Signal;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, ServerName},
};
use serde_json::json;

type Identity = CertifiedKey<KeyPair>;

fn identity() -> Identity {
    generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

fn write(folder: &Path, identity: &Identity) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("tls.crt"), identity.cert.pem()).unwrap();
    fs::write(folder.join("tls.key"), identity.signing_key.serialize_pem()).unwrap();
}

/// A client that trusts these servers, and says who it is.
fn client(servers: &[&Identity], own: Option<&Identity>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    servers.iter().for_each(|server| roots.add(server.cert.der().clone()).unwrap());
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    Arc::new(match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
            builder.with_client_auth_cert(vec![own.cert.der().clone()], key).unwrap()
        }
    })
}

fn tls(server: &Server, client: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::clone(client), name).unwrap(), server.connect())
}

/// An answer over TLS, or none where the two do not trust each other.
fn ask(server: &Server, client: &Arc<ClientConfig>) -> Option<Reply> {
    let mut stream = tls(server, client);
    stream.write_all(post("/validate/integrated-nmo", "application/json", &approval()).as_bytes()).ok()?;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    (!bytes.is_empty()).then(|| reply(&bytes))
}

fn is_denied(reply: &Reply) -> bool {
    reply.status == 200 && reply.json()["response"]["status"]["code"] == 403
}

fn start(folder: &Path, args: &[&str]) -> Server {
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.join(name).to_str().unwrap().to_owned());
    let own = ["--policies", "examples/policies.yml", "--cert-file", &certificate, "--key-file", &key];
    Server::start(&[own.as_slice(), args].concat())
}

#[test]
fn https_and_clients_with_a_certificate() {
    let (server_identity, known, stranger) = (identity(), identity(), identity());
    let folder = folder(&[("ca.crt", known.cert.pem())]);
    write(folder.path(), &server_identity);
    let server = start(folder.path(), &["--snapshot", EXAMPLE]);
    assert!(is_denied(&ask(&server, &client(&[&server_identity], None)).unwrap()));
    assert!(ask(&server, &client(&[&stranger], None)).is_none());
    // Plain HTTP on that port is not an answer, and harms nobody.
    let mut plain = Vec::new();
    let mut stream = server.connect();
    stream.write_all(post("/validate/integrated-nmo", "application/json", &approval()).as_bytes()).unwrap();
    let _ = stream.read_to_end(&mut plain);
    assert!(!plain.starts_with(b"HTTP"));
    drop(server);

    let ca = folder.path().join("ca.crt");
    let server = start(folder.path(), &["--snapshot", EXAMPLE, "--client-ca-file", ca.to_str().unwrap()]);
    assert!(ask(&server, &client(&[&server_identity], None)).is_none());
    assert!(ask(&server, &client(&[&server_identity], Some(&stranger))).is_none());
    assert!(is_denied(&ask(&server, &client(&[&server_identity], Some(&known))).unwrap()));
    // Another CA is let in once its file says so.
    fs::write(&ca, stranger.cert.pem()).unwrap();
    until("a new client CA", || ask(&server, &client(&[&server_identity], Some(&stranger))).is_some());
    assert!(ask(&server, &client(&[&server_identity], Some(&known))).is_none());
}

/// In all the ways in which files are replaced, under load and with SIGHUP, and no request fails.
#[test]
fn certificates_and_the_snapshot_change_under_load() {
    let folder = folder(&[]);
    let generations: Vec<Identity> = (0..4).map(|_| identity()).collect();
    let in_use = folder.path().join("in-use");
    fs::create_dir(&in_use).unwrap();
    // As Kubernetes mounts a secret: files that are links into a folder that is a link.
    write(&folder.path().join("0"), &generations[0]);
    symlink(folder.path().join("0"), in_use.join("..data")).unwrap();
    ["tls.crt", "tls.key"].iter().for_each(|name| symlink(Path::new("..data").join(name), in_use.join(name)).unwrap());
    let server = start(&in_use, &["--snapshot", EXAMPLE]);
    let trusting = client(&generations.iter().collect::<Vec<_>>(), None);
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = || {
        while !done.load(Ordering::Relaxed) {
            assert!(is_denied(&ask(&server, &trusting).expect("an answer under load")));
            asked.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let loads: Vec<_> = (0..3).map(|_| scope.spawn(load)).collect();
        for (number, generation) in generations.iter().enumerate().skip(1) {
            if number == 2 {
                // Written over, one after the other: between the two they do not go together.
                let target = fs::canonicalize(&in_use).unwrap();
                fs::write(target.join("tls.crt"), generation.cert.pem()).unwrap();
                until("load goes on", {
                    let before = asked.load(Ordering::Relaxed);
                    let asked = &asked;
                    move || asked.load(Ordering::Relaxed) > before + 10
                });
                fs::write(target.join("tls.key"), generation.signing_key.serialize_pem()).unwrap();
            } else {
                write(&folder.path().join(number.to_string()), generation);
                symlink(folder.path().join(number.to_string()), in_use.join("..new")).unwrap();
                fs::rename(in_use.join("..new"), in_use.join("..data")).unwrap();
            }
            server.signal(Signal::HUP);
            let only = client(&[generation], None);
            until("the new certificate", || ask(&server, &only).is_some());
        }
        done.store(true, Ordering::Relaxed);
        loads.into_iter().for_each(|load| load.join().unwrap());
    });
    assert!(asked.load(Ordering::Relaxed) > 30);
}

#[test]
fn the_snapshot_is_read_again_on_sighup() {
    let source = folder(&[]);
    let copied =
        std::process::Command::new("cp").args(["-r", EXAMPLE]).arg(source.path().join("now")).status().unwrap();
    assert!(copied.success());
    let now = source.path().join("now");
    let server = Server::start(&["--policies", "examples/policies.yml", "--snapshot", now.to_str().unwrap()]);
    let code = || server.post("/validate/integrated-nmo", &approval()).json()["response"]["status"]["code"].clone();
    assert_eq!(code(), 403);
    let objects = "quay-io-kubevirt-must-gather-sha256-0123abc/cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io";
    fs::remove_dir_all(now.join(objects)).unwrap();
    assert_eq!(code(), 403);
    server.signal(Signal::HUP);
    until("the gate opens", || code().is_null());
    // A source that is gone leaves the last one.
    fs::rename(&now, source.path().join("gone")).unwrap();
    server.signal(Signal::HUP);
    server.said("snapshot not read");
    assert!(code().is_null());
}

/// It takes no new connection, says so to the probe, answers what it has begun, and goes.
#[test]
fn a_server_that_is_told_to_stop_finishes_its_work() {
    let policies = json!({"slow": {"module": "file://slow.wasm"}}).to_string();
    let folder = folder(&[("policies.yml", policies)]);
    fs::write(folder.path().join("slow.wasm"), module_that("{}", "(loop (br 0))", "")).unwrap();
    let file = folder.path().join("policies.yml").to_str().unwrap().to_owned();
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::start(&["--policies", &file, "--workers", "1"]);
        let mut idle = server.connect();
        let request = post("/validate/slow", "application/json", &approval());
        let streams: Vec<_> = (0..2)
            .map(|_| {
                let mut stream = server.connect();
                stream.write_all(request.as_bytes()).unwrap();
                stream
            })
            .collect();
        server.reaches("upgrade_gate_queue_depth", 1.);
        server.signal(signal);
        server.said("stopping");
        let readiness = server.get("/readiness");
        assert_eq!(readiness.status, 503);
        assert!(readiness.body.contains("[-]shutdown failed"), "{}", readiness.body);
        until("no new connection", || TcpStream::connect(server.api).is_err());
        // One whose connection was idle is told, and so goes elsewhere.
        assert_eq!(idle.read(&mut [0]).unwrap_or_default(), 0);
        for stream in streams {
            let answer = exchange(stream, b"").json();
            assert_eq!(answer["response"]["status"]["code"], 500);
        }
        server.said("stopped");
        let probes = server.probes;
        assert_eq!(server.exit_code(), Some(0));
        assert!(TcpStream::connect(probes).is_err());
    }
}
