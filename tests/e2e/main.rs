//! The bundled policies in Kubewarden's own programs, `kwctl` and `policy-server`: every answer has to be ours, field by
//! field. Run by `make e2e`, where those programs are on PATH; `make test` leaves it out.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a panic is how a test says no")]
#![allow(clippy::print_stdout, reason = "what was compared is what it is for")]

mod api;
mod http;
mod policy_server;

#[path = "../program/mod.rs"]
mod program;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

use policy_server::PolicyServer;
use program::{folder, program, stderr, stdout};
use rayon::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;
use upgrade_gate_bundle::{BUNDLED, Bundled};
use upgrade_gate_host::Metadata;
use upgrade_gate_testing::{Case, cases};

/// One of Kubewarden's programs, in a home of its own.
fn kubewarden(name: &str, home: &Path) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    let program = found.unwrap_or_else(|| {
        panic!("`{name}` is not on PATH: it comes with a release of github.com/kubewarden/kubewarden-controller")
    });
    let mut command = Command::new(program);
    command.env("HOME", home).env_remove("RUST_BACKTRACE").env("NO_COLOR", "1");
    command
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no answer: {}", stderr(output)))
}

/// What `upgrade-gate run` answers; beside the request it leaves the session that it recorded.
fn ours(policy: &str, case: &Case, files: &TempDir) -> Value {
    let world = files.path().join("world");
    fs::create_dir_all(&world).unwrap();
    for (index, document) in case.given.iter().enumerate() {
        fs::write(world.join(format!("given-{index}.json")), document.to_string()).unwrap();
    }
    let path = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("request.json"), case.request()).unwrap();
    let settings = case.settings();
    let (request, world, session) = (path("request.json"), path("world"), path("session.yml"));
    let run = ["run", policy, "--request", &request, "--settings-json", &settings, "--snapshot", &world];
    json_of(&program(&[run.as_slice(), &["--record", &session]].concat()))
}

#[test]
fn kwctl_run_answers_every_case_as_we_do() {
    let modules = TempDir::new().unwrap();
    assert!(program(&["policies", "export", modules.path().to_str().unwrap()]).status.success());
    for Bundled { name, .. } in BUNDLED {
        let (cases, _) = cases(&Path::new("policies").join(name));
        let module = modules.path().join(format!("{name}.wasm"));
        let different: Vec<String> = cases
            .par_iter()
            .filter_map(|case| {
                let files = TempDir::new().unwrap();
                let ours = ours(name, case, &files);
                let mut kwctl = kubewarden("kwctl", files.path());
                kwctl.args(["run", "--allow-context-aware", "--settings-json", &case.settings(), "--request-path"]);
                kwctl.arg(files.path().join("request.json")).arg("--replay-host-capabilities-interactions");
                let theirs = json_of(&kwctl.arg(files.path().join("session.yml")).arg(&module).output().unwrap());
                (ours != theirs).then(|| format!("{}\n  ours   {ours}\n  theirs {theirs}", case.case))
            })
            .collect();
        println!("{name}: {} cases through kwctl run, {} different", cases.len(), different.len());
        assert!(different.is_empty(), "{}", different.join("\n"));
    }
}

/// Each world of the cases is a cluster, with a policy server of its own: that keeps what it read.
#[test]
fn policy_server_answers_every_case_as_we_do() {
    for policy in BUNDLED {
        let (cases, wanted) = cases(&Path::new("policies").join(policy.name));
        let mut worlds: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
        for case in &cases {
            worlds.entry(json!(case.given).to_string()).or_default().push(case);
        }
        let (mut asked, mut unreadable, mut different) = (0, 0, Vec::new());
        for cases in worlds.values() {
            let Some(first) = cases.first() else { continue };
            let api = api::serve(first.snapshot(&wanted), Metadata::of(policy.wasm).unwrap().unwrap());
            let server = PolicyServer::start(policy, &api, cases);
            for (index, case) in cases.iter().enumerate() {
                let files = folder(&[]);
                let ours = without_reasons(ours(policy.name, case, &files));
                for path in ["validate", "audit"] {
                    let review = json!({"request": serde_json::from_str::<Value>(&case.request()).unwrap()});
                    let theirs = without_reasons(server.ask(path, index, &review));
                    asked += 1;
                    unreadable += usize::from(theirs["reasons"] == "left out");
                    if ours != theirs {
                        different.push(format!("{} ({path})\n  ours   {ours}\n  theirs {theirs}", case.case));
                    }
                }
            }
        }
        println!(
            "{}: {} cases in {} clusters, {asked} answers of policy-server, {unreadable} without the words of what could not \
             be read, {} different",
            policy.name,
            cases.len(),
            worlds.len(),
            different.len()
        );
        assert!(different.is_empty(), "{}", different.join("\n"));
    }
}

/// Why something cannot be read each host says in its own words, and an answer quotes them: from there on a message is not
/// compared.
fn without_reasons(mut answer: Value) -> Value {
    let mut quoted = false;
    let mut cut = |text: Option<&mut Value>| {
        if let Some(text) = text
            && let Some((before, _)) = text
                .as_str()
                .and_then(|text| text.split_once("could not be read: ").or(text.split_once("cannot read ")))
        {
            *text = before.into();
            quoted = true;
        }
    };
    let findings = answer["auditAnnotations"]["findings"].as_str().unwrap_or("[]");
    let mut findings: Vec<Value> = serde_json::from_str(findings).unwrap();
    findings.iter_mut().for_each(|finding| cut(finding.get_mut("message")));
    cut(answer.pointer_mut("/status/message"));
    if !findings.is_empty() {
        answer["auditAnnotations"]["findings"] = findings.into();
    }
    if quoted {
        answer["reasons"] = "left out".into();
    }
    answer
}

#[test]
fn kwctl_scaffolds_the_package_that_we_write() {
    let files = TempDir::new().unwrap();
    for policy in BUNDLED {
        let metadata = Metadata::of(policy.wasm).unwrap().unwrap();
        let questions = Path::new("policies").join(policy.name).join("questions-ui.yml");
        let module = files.path().join("policy.wasm");
        fs::write(&module, policy.wasm).unwrap();
        let inspected =
            kubewarden("kwctl", files.path()).args(["inspect", "-o", "yaml"]).arg(&module).output().unwrap();
        fs::write(files.path().join("metadata.yml"), &inspected.stdout).unwrap();
        let mut kwctl = kubewarden("kwctl", files.path());
        kwctl.args(["scaffold", "artifacthub", "-m"]).arg(files.path().join("metadata.yml")).arg("-q").arg(&questions);
        let theirs = kwctl.output().unwrap();
        let package = |text: &str| -> Value {
            let mut package: Value = serde_saphyr::from_str(text).unwrap();
            // When, and how to install: ours names the program's own way first.
            package["createdAt"] = Value::Null;
            package["install"] = Value::Null;
            for text in ["kubewarden/rules", "kubewarden/contextAwareResources"] {
                let inner = package["annotations"][text].as_str().unwrap().to_owned();
                package["annotations"][text] = serde_saphyr::from_str(&inner).unwrap();
            }
            package
        };
        let ours = upgrade_gate_artifacthub::package(&metadata, &fs::read_to_string(&questions).unwrap()).unwrap();
        assert!(theirs.status.success(), "{}", stderr(&theirs));
        assert_eq!(package(&ours), package(&stdout(&theirs)), "{}", policy.name);
    }
}
