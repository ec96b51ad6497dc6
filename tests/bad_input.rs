//! What nobody should feed to `upgrade-gate check`, and what its user sees then.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use program::{
    EXAMPLE, check, cluster::hyperconverged, folder, module_that_answers, report, stderr, stdout, typed_list,
};
use serde_json::json;
use upgrade_gate_testing::node_maintenance;

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
        ("values.yaml", b"nodeMaintenance: s3cret\nnode: x\n".to_vec(), "is not a Kubernetes object", false),
        (
            "rules.json",
            br#"{"status": "success", "data": {"groups": [{"summary": "Node s3cret"}]}}"#.to_vec(),
            "is not a Kubernetes object",
            false,
        ),
        (
            "patch.yaml",
            b"- op: add\n  path: /spec/Node\n  value: s3cret\n".to_vec(),
            "is not a Kubernetes object",
            false,
        ),
        ("no-kind.yaml", b"apiVersion: v1\nNode: s3cret\n".to_vec(), "is not a Kubernetes object", true),
        ("broken-pod.yaml", b"apiVersion: v1\nkind: [Pod\ns3cret: x".to_vec(), "is not valid YAML", false),
    ];
    for (name, content, expected, matters) in cases {
        let folder = folder(&[("good.json", typed_list(&[])), ("hco.json", hyperconverged("1.6.0"))]);
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

/// Each of these beside a list that proves absence: what may have been an offender is never ready.
#[test]
fn what_may_be_an_offender_does_not_pass_in_silence() {
    let stored = r#""metadata": {"name": "nm-1", "resourceVersion": "1"}"#;
    let typed = r#""apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenance""#;
    let list = |items: &str| {
        format!(
            r#"{{"apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenanceList", "items": [{items}]}}"#
        )
    };
    let cases = [
        ("an item with a key twice", list(r#"{"metadata": {"name": "a"}, "metadata": {"name": "b"}}"#), "unknown"),
        ("an item with a number for its kind", list(r#"{"kind": 5, "metadata": {"name": "a"}}"#), "unknown"),
        ("an item that is a string", list(r#""nm-1""#), "unknown"),
        ("a number for resourceVersion", list(r#"{"metadata": {"name": "a", "resourceVersion": 912}}"#), "unknown"),
        ("an escape of no character", list(r#"{"metadata": {"name": "a"}, "spec": {"reason": "\ud800"}}"#), "unknown"),
        (
            "a list that says other things than its items",
            format!(r#"{{"apiVersion": "v1", "kind": "PodList", "items": [{{{typed}, {stored}}}]}}"#),
            "blocked",
        ),
        (
            "a list without apiVersion",
            format!(r#"{{"kind": "NodeMaintenanceList", "items": [{{{typed}, {stored}}}]}}"#),
            "blocked",
        ),
        (
            "a list without apiVersion, of bare items",
            format!(r#"{{"kind": "NodeMaintenanceList", "items": [{{{stored}}}]}}"#),
            "unknown",
        ),
        (
            "a warning of kubectl before the list",
            format!("W1122 10:00:00 1 warnings.go:70] deprecated\n{}", list(&format!("{{{stored}}}"))),
            "unknown",
        ),
    ];
    for (name, content, verdict) in cases {
        let folder = folder(&[("empty.json", typed_list(&[])), ("odd.json", content)]);
        let report = report(&[folder.path().to_str().unwrap()]);
        assert_eq!(report["verdict"], verdict, "{name}: {report:#}");
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_not_out_of_the_source() {
    use std::os::unix::fs::symlink;

    let hco = || ("hco.json", hyperconverged("1.6.0"));
    let elsewhere = folder(&[("hidden.json", typed_list(&[node_maintenance("nm-1").json().clone()]))]);
    let cycle = folder(&[("a/good.json", typed_list(&[])), hco()]);
    symlink(cycle.path(), cycle.path().join("a/up")).unwrap();
    let out = folder(&[("good.json", typed_list(&[])), hco()]);
    symlink(elsewhere.path(), out.path().join("out")).unwrap();
    let mounted = folder(&[("..2026/nm.json", typed_list(&[])), hco()]);
    symlink("..2026", mounted.path().join("..data")).unwrap();
    symlink("..data/nm.json", mounted.path().join("nm.json")).unwrap();
    // Two links a folder make a million paths of twenty folders.
    let bomb = folder(&[("d20/good.json", typed_list(&[])), hco()]);
    for level in 0..20 {
        let folder = bomb.path().join(format!("d{level}"));
        fs::create_dir(&folder).unwrap();
        for name in ["a", "b"] {
            symlink(format!("../d{}", level + 1), folder.join(name)).unwrap();
        }
    }
    let again = "is a link to a folder that is read by another name";
    let cases = [
        (&cycle, "ready", Some(again)),
        (&out, "unknown", Some("is a link to a place outside the source: name that place as a source of its own")),
        (&mounted, "ready", None),
        (&bomb, "ready", Some(again)),
    ];
    for (folder, verdict, reason) in cases {
        let report = report(&[folder.path().to_str().unwrap()]);
        assert_eq!(report["verdict"], verdict, "{report:#}");
        assert_eq!(report["snapshot"]["skipped"][0]["reason"].as_str(), reason, "{report:#}");
    }
}

/// Where the message says what to do about a file, the remedy says the same, and nothing else.
#[test]
fn a_remedy_is_the_step_of_its_message() {
    let seven_zip = b"7z\xbc\xaf\x27\x1c\0\x04".as_slice();
    let nested = json!({
        "apiVersion": "x.io/v1", "kind": "Bundle", "metadata": {"name": "x"},
        "spec": {"content": node_maintenance("nm-1").json()},
    })
    .to_string();
    let cases: [(&str, &[u8], &str); 4] = [
        ("a.7z", seven_zip, "unpack it, and check the folder"),
        ("nm.yaml.age", b"age-encryption.org/v1\n", "unpack it, and check the folder"),
        ("a.json", nested.as_bytes(), "save the object itself"),
        ("b.json", b"{\"kind\": \"NodeMaintenance\"", ""),
    ];
    for (name, content, step) in cases {
        let folder = folder(&[("hco.json", hyperconverged("1.6.0")), ("good.json", typed_list(&[]))]);
        fs::write(folder.path().join(name), content).unwrap();
        for is_proposed in [false, true] {
            let (path, manifest) = (folder.path(), folder.path().join(name));
            let (path, manifest) = (path.to_str().unwrap(), manifest.to_str().unwrap());
            let args = if is_proposed { vec![EXAMPLE, "--proposed", manifest] } else { vec![path] };
            let report = report(&args);
            let findings = report["findings"].as_array().unwrap();
            let lost = findings.iter().find(|it| it["message"].as_str().unwrap().starts_with("It may hold")).unwrap();
            let (message, remedy) = (lost["message"].as_str().unwrap(), lost["remedy"].as_str().unwrap());
            if step.is_empty() {
                assert!(remedy.to_lowercase().contains("mend it, and check again."), "{name}: {lost}");
            } else {
                assert!(message.ends_with(&format!(": {step}.")), "{name}: {lost}");
                assert_eq!(remedy, format!("To know what it holds, {step}."), "{name}: {lost}");
            }
        }
    }
}

/// A module from elsewhere can call itself anything, and answer anything.
#[test]
fn a_foreign_policy_cannot_lie_on_the_terminal_or_hide_its_refusal() {
    let title = format!("\u{1b}[2J\u{1b}[HREADY{}", "x".repeat(70_000));
    let metadata = json!({
        "protocolVersion": "v1",
        "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["CREATE", "UPDATE"]}],
        "annotations": {"io.kubewarden.policy.title": title, "upgrade-gate.io/runbook": title},
    });
    let answers = [
        (json!({"accepted": false, "message": title, "audit_annotations": {"findings": "[]"}}), "blocked"),
        (json!({"accepted": true, "warnings": [title]}), "unknown"),
        (json!({"accepted": false, "code": 500, "message": title}), "error"),
    ];
    for (answer, verdict) in answers {
        let folder =
            folder(&[("nm.json", node_maintenance("nm-1").json().to_string()), ("hco.json", hyperconverged("1.6.0"))]);
        let wasm = folder.path().join("foreign.wasm");
        fs::write(&wasm, module_that_answers(&metadata.to_string(), &answer.to_string())).unwrap();
        let args = [folder.path().to_str().unwrap(), "--policy", wasm.to_str().unwrap()];
        let text = stdout(&check(&args));
        assert!(!text.contains('\u{1b}') && text.len() < 10_000, "{text}");
        // The untyped object proves nothing, so an acceptance is unknown.
        let expected = if verdict == "unknown" { "warning" } else { verdict };
        assert_eq!(report(&args)["verdict"], expected, "{answer:.80}");
    }
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

/// What has no end is not read, and a name that is no text is shown as far as it is.
#[cfg(unix)]
#[test]
fn a_directory_may_hold_what_is_no_file_and_names_that_are_no_text() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, os::unix::net::UnixListener};

    let folder = folder(&[("proof.json", typed_list(&[]))]);
    let path = folder.path();
    assert!(Command::new("mkfifo").arg(path.join("a.yaml")).status().unwrap().success());
    let _socket = UnixListener::bind(path.join("b.yaml")).unwrap();
    let object = node_maintenance("nm-1").of_node("worker-1").json().to_string();
    fs::write(path.join(OsStr::from_bytes(b"nm-\xff.json")), object).unwrap();
    let report = report(&[path.to_str().unwrap()]);
    assert_eq!(report["verdict"], "blocked");
    assert!(report["findings"][0]["origin"]["path"].as_str().unwrap().ends_with("/nm-\u{fffd}.json"));
    let skipped = report["snapshot"]["skipped"].as_array().unwrap().iter();
    let names: Vec<&str> =
        skipped.map(|it| it["origin"]["path"].as_str().unwrap().rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["a.yaml", "b.yaml"]);
}

#[test]
fn nobody_has_to_read_the_report() {
    let folder = folder(&[("nm.json", node_maintenance("nm-1").of_node("worker-1").json().to_string())]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
    command.arg("check").arg(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(1), ""));
}

/// What `--to` may not be, and what its user is told.
#[test]
fn a_version_to_which_nobody_upgrades_is_an_error() {
    let line =
        |version: &str| format!("there is no {version}.0: HCO has versions 1.y, and OpenShift Virtualization 4.y");
    let source = |version: &str| folder(&[("hco.json", hyperconverged(version)), ("nm.json", typed_list(&[]))]);
    let cases = [
        ("1.6.0", "1.5.2", "error: --to 1.5.2 is a step back: HCO 1.6.0 is installed".to_owned()),
        ("1.6.0", "1.6.0", "error: --to 1.6.0 is no upgrade: HCO 1.6.0 is installed".into()),
        ("1.6.0", "kubevirt-hyperconverged-operator.v1.6.0", "error: --to 1.6.0 is no upgrade: HCO 1.6.0".into()),
        ("1.7.3", "1.7", "error: --to 1.7.0 is a step back: HCO 1.7.3 is installed".into()),
        ("1.7.3", "1.7", "help: name a higher version, such as 1.7.4 or 1.8: without a patch version it is".into()),
        ("1.15.0", "4.16", "error: --to 4.16.0 is HCO 1.12.0, which is a step back: HCO 1.15.0 is installed".into()),
        ("1.15.0", "4.19", "error: --to 4.19.0 is HCO 1.15.0, which is no upgrade: HCO 1.15.0 is installed".into()),
        (
            "4.18.2",
            "1.13",
            "error: --to 1.13.0 is OpenShift Virtualization 4.17.0, which is a step back: OpenShift Virtualization \
             4.18.2 is installed"
                .into(),
        ),
        ("1.6.0", "3.0", line("3.0")),
        ("1.6.0", "2.5", line("2.5")),
        ("1.6.0", "0.9", line("0.9")),
        ("1.6.0", "4.3", line("4.3")),
        ("1.6.0", "5.0", line("5.0")),
        ("1.6.0", "kubevirt-hyperconverged-operator.v3.0.0", line("3.0")),
    ];
    for (installed, to, expected) in cases {
        let source = source(installed);
        let args = [source.path().to_str().unwrap(), "--to", to];
        let output = check(&args);
        assert!(stderr(&output).contains(&expected), "{to} on {installed}: {}", stderr(&output));
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{to} on {installed}");
        // What is on neither line stays an error.
        let is_known = !expected.starts_with("there is no");
        let output = check(&[&args, ["--allow-downgrade", "-q"].as_slice()].concat());
        assert_eq!(
            output.status.code(),
            Some(if is_known { 0 } else { 2 }),
            "{to} on {installed}: {}",
            stdout(&output)
        );
    }
}
