//! `upgrade-gate check`, through the binary, as its user runs it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic is how a test says no")]

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use upgrade_gate_testing::node_maintenance;

const EXAMPLE: &str = "examples/must-gather";

fn check(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
    command.arg("check").args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("NO_COLOR");
    command.stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn report(args: &[&str]) -> Value {
    let output = check(&[args, &["-o", "json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no report: {}", stderr(&output)))
}

/// The digest changes with every policy; the rest of the report is the same bytes each time.
fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .fold(first, |text, part| format!("{text}sha256:…{}", part.trim_start_matches(|c: char| c.is_ascii_hexdigit())))
}

fn folder(files: &[(&str, String)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn typed_list(items: &[Value]) -> String {
    json!({"apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenanceList", "metadata": {}, "items": items})
        .to_string()
}

#[test]
fn the_example_for_people() {
    let output = check(&[EXAMPLE]);
    insta::assert_snapshot!(stdout(&output));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "");
}

#[test]
fn the_example_as_json() {
    let output = check(&[EXAMPLE, "-o", "json"]);
    insta::assert_snapshot!(without_digests(&stdout(&output)));
    assert_eq!(stdout(&output), stdout(&check(&[EXAMPLE, "-o", "json"])), "the same input gives the same bytes");
}

#[test]
fn colour_and_quiet() {
    let coloured = stdout(&check(&[EXAMPLE, "--color", "always", "--quiet"]));
    assert_eq!(coloured, "\u{1b}[31;1mBLOCKED\u{1b}[0m Do not upgrade yet: 2 objects in the way.\n");
    assert_eq!(stdout(&check(&[EXAMPLE, "-q"])), "BLOCKED Do not upgrade yet: 2 objects in the way.\n");
}

#[test]
fn several_reports_at_once() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.json");
    let output = check(&[EXAMPLE, "-q", "-o", "human", "-o", &format!("json={}", file.display())]);
    assert_eq!(stdout(&output), "BLOCKED Do not upgrade yet: 2 objects in the way.\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), stdout(&check(&[EXAMPLE, "-o", "json"])));
}

/// Verdict, and the exit code under each threshold.
#[test]
fn verdicts_and_exit_codes() {
    let object = |stored: bool| {
        let mut object = node_maintenance("nm-1").of_node("worker-1").json().clone();
        if !stored {
            object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        }
        object
    };
    let crds = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinitionList", "items": []})
        .to_string();
    let cases = [
        ("stored object", "a.json", typed_list(&[object(true)]), "blocked", [1, 1, 1, 0]),
        ("proved absence", "a.json", typed_list(&[]), "ready", [0, 0, 0, 0]),
        ("not installed", "crds.json", crds, "ready", [0, 0, 0, 0]),
        (
            "untyped empty list",
            "a.json",
            r#"{"apiVersion": "v1", "kind": "List", "items": []}"#.into(),
            "unknown",
            [3, 3, 0, 0],
        ),
        ("nothing at all", "notes.txt", "nothing".into(), "unknown", [3, 3, 0, 0]),
        ("a manifest in Git", "a.json", object(false).to_string(), "unknown", [3, 3, 0, 0]),
        (
            "a manifest in Git, and proved absence",
            "a.json",
            format!("{}{}", object(false), typed_list(&[])),
            "warning",
            [1, 0, 0, 0],
        ),
    ];
    for (name, file, content, verdict, codes) in cases {
        let folder = folder(&[(file, content)]);
        let path = folder.path().to_str().unwrap();
        assert_eq!(report(&[path])["verdict"], verdict, "{name}");
        for (threshold, code) in ["warning", "unknown", "blocked", "never"].into_iter().zip(codes) {
            let output = check(&[path, "--fail-on", threshold, "-q"]);
            assert_eq!(output.status.code(), Some(code), "{name}, --fail-on {threshold}");
        }
    }
}

#[test]
fn an_unknown_says_how_to_know() {
    let folder = folder(&[("nodes.json", r#"{"apiVersion": "v1", "kind": "NodeList", "items": []}"#.into())]);
    let path = folder.path().to_str().unwrap();
    let text = stdout(&check(&[path]));
    assert!(text.contains("kubectl get --raw /apis/nodemaintenance.kubevirt.io/v1beta1/nodemaintenances"), "{text}");

    let assumed = report(&[path, "--assume-captured", "nodemaintenances.nodemaintenance.kubevirt.io"]);
    assert_eq!(assumed["verdict"], "ready");
    let kinds = assumed["snapshot"]["kinds"].as_array().unwrap();
    let kind = kinds.iter().find(|kind| kind["kind"] == "NodeMaintenance").unwrap();
    assert_eq!(kind["evidence"], "assumed, as --assume-captured says");
}

#[test]
fn usage_errors_are_exit_2_and_say_what_to_do() {
    let folder = folder(&[("bare.wasm", "not wasm".into())]);
    let wasm = folder.path().join("bare.wasm");
    let wasm = wasm.to_str().unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&["no/such/place"], "error: source `no/such/place`: No such file or directory"),
        (&[EXAMPLE, "--policy", "nmo"], "help: bundled are `integrated-nmo`"),
        (&[EXAMPLE, "--policy", "no/such.wasm"], "error: policy `no/such.wasm`: No such file"),
        (&[EXAMPLE, "--policy", wasm], "is not a WebAssembly module that can be run"),
        (&[EXAMPLE, "-o", "xml"], "expected `human` or `json`"),
        (&[EXAMPLE, "-o", "json="], "expected a file's path after `=`"),
        (&[EXAMPLE, "-o", "json", "-o", "human"], "help: give one of them a file"),
        (&[EXAMPLE, "--assume-captured", "NodeMaintenance"], "expected PLURAL.GROUP"),
        (&[EXAMPLE, "-o", "json=/no/such/folder/report.json"], "error: report `/no/such/folder/report.json`"),
    ];
    for (args, expected) in cases {
        let output = check(args);
        assert!(stderr(&output).contains(expected), "{args:?}: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(stdout(&output), "", "{args:?}");
    }
}

#[test]
fn a_policy_is_chosen_by_name_or_by_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("integrated-nmo.wasm");
    fs::write(&file, upgrade_gate_bundle::find("integrated-nmo").unwrap().wasm).unwrap();
    let all = report(&[EXAMPLE]);
    assert_eq!(report(&[EXAMPLE, "--policy", "integrated-nmo"]), all);
    assert_eq!(report(&[EXAMPLE, "--policy", file.to_str().unwrap()]), all);
}

#[test]
fn standard_input_is_a_source() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
    let mut child = command.args(["check", "-", "-q"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let list = typed_list(&[node_maintenance("nm-1").of_node("worker-1").in_deletion().json().clone()]);
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), list.as_bytes()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
}

/// What the user sees of each broken file: its place and a reason, never its content; and the good
/// file beside it is judged all the same.
#[test]
fn broken_files_are_named_and_the_rest_is_judged() {
    let nm = "apiVersion: nodemaintenance.kubevirt.io/v1beta1\nkind: NodeMaintenance\n";
    let deep = format!(
        r#"{{"apiVersion":"nodemaintenance.kubevirt.io/v1beta1","kind":"NodeMaintenance","metadata":{{"name":"s3cret"}},"spec":{}1{}}}"#,
        r#"{"a":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    let cases: Vec<(&str, Vec<u8>, &str, bool)> = vec![
        (
            "cut.json",
            br#"{"apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenance", "x": "s3cret"#
                .to_vec(),
            "ends too early: the JSON is cut off",
            true,
        ),
        ("tabs.yaml", format!("{nm}metadata:\n\tname: s3cret\n").into(), ":4 is not valid YAML", true),
        (
            "scalar.yaml",
            format!("{nm}metadata:\n  name: 010\n  s3cret: x\n").into(),
            "has no metadata.name that is a string",
            true,
        ),
        ("twice.yaml", format!("{nm}metadata:\n  name: s3cret\n  name: s3cret\n").into(), "has a duplicate key", true),
        ("deep.json", deep.into_bytes(), "levels deep", true),
        ("latin1.yaml", [nm.as_bytes(), b"metadata:\n  name: s3cret\xe9\n"].concat(), ":4 is not UTF-8 text", true),
        ("binary.yaml", b"\x89PNG\r\n\x1a\n\0\0s3cret\xff".to_vec(), "is not UTF-8 text", false),
        ("empty.yaml", Vec::new(), "is empty", false),
        ("broken-pod.yaml", b"apiVersion: v1\nkind: [Pod\ns3cret: x".to_vec(), "is not valid YAML", false),
    ];
    for (name, content, expected, matters) in cases {
        let folder = folder(&[("good.json", typed_list(&[]))]);
        fs::write(folder.path().join(name), content).unwrap();
        let path = folder.path().to_str().unwrap();
        let output = check(&[path]);
        let text = stdout(&output);
        assert!(text.contains(&format!("/{name}")) && text.contains(expected), "{name}: {text}");
        assert!(!text.contains("s3cret") && stderr(&output).is_empty(), "{name}: {text}");
        assert_eq!(output.status.code(), Some(if matters { 3 } else { 0 }), "{name}: {text}");

        fs::write(folder.path().join("in-use.json"), node_maintenance("nm-1").of_node("worker-1").json().to_string())
            .unwrap();
        assert_eq!(report(&[path])["verdict"], "blocked", "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_cycle_is_named_and_ends() {
    let folder = folder(&[("a/good.json", typed_list(&[]))]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/up")).unwrap();
    let report = report(&[folder.path().to_str().unwrap()]);
    assert_eq!(report["verdict"], "ready");
    assert_eq!(report["snapshot"]["skipped"][0]["reason"], "is a link to a folder above it");
}

/// Run as a user who may not read everything; as root there is nothing that may not be read.
#[cfg(unix)]
#[test]
fn a_directory_without_read_permission_makes_it_unknown() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};

    const NOBODY: u32 = 65_534;
    let folder = folder(&[("good.json", typed_list(&[])), ("closed/hidden.json", typed_list(&[]))]);
    let program = folder.path().join("upgrade-gate");
    fs::copy(env!("CARGO_BIN_EXE_upgrade-gate"), &program).unwrap();
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(folder.path(), 0o755);
    mode(&folder.path().join("closed"), 0o000);

    let mut command = Command::new(&program);
    command.arg("check").arg(folder.path());
    let is_root = fs::read_dir(folder.path().join("closed")).is_ok();
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    mode(&folder.path().join("closed"), 0o755);
    let text = stdout(&output);
    assert!(text.contains("/closed cannot be read: permission denied"), "{text}");
    assert_eq!(output.status.code(), Some(3), "{text}{}", stderr(&output));
}
