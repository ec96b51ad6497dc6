//! `upgrade-gate check`, through the binary, as its user runs it.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use program::{
    EXAMPLE, check,
    cluster::{hyperconverged, path},
    folder, module_that_answers, node_maintenances, report, stderr, stdout, typed_list,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use upgrade_gate_testing::node_maintenance;

/// The digest changes with every policy; the rest of the report is the same bytes each time.
fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .fold(first, |text, part| format!("{text}sha256:…{}", part.trim_start_matches(|c: char| c.is_ascii_hexdigit())))
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
    assert_eq!(coloured, "\u{1b}[31;1mBLOCKED\u{1b}[0m Do not upgrade to 1.7.0 yet: integrated-nmo is against it.\n");
    assert_eq!(
        stdout(&check(&[EXAMPLE, "-q"])),
        "BLOCKED Do not upgrade to 1.7.0 yet: integrated-nmo is against it.\n"
    );
}

/// Whoever asks for the verdict alone gets it, unless another report is on standard output.
#[test]
fn quiet_says_the_verdict_whatever_goes_to_files() {
    const VERDICT: &str = "BLOCKED Do not upgrade to 1.7.0 yet: integrated-nmo is against it.\n";
    let folder = TempDir::new().unwrap();
    let to = |format: &str| format!("{format}={}", folder.path().join(format).display());
    let json = stdout(&check(&[EXAMPLE, "-o", "json"]));
    let cases: [(&[&str], &str); 6] = [
        (&["-q", "-o", &to("json")], VERDICT),
        (&["-q", "-o", &to("json"), "-o", &to("human")], VERDICT),
        (&["-q", "-o", &to("json"), "-o", "human"], VERDICT),
        (&["-o", &to("json")], ""),
        (&["-q", "-o", "json"], &json),
        (&["-o", "json=-"], &json),
    ];
    for (args, expected) in cases {
        assert_eq!(stdout(&check(&[&[EXAMPLE], args].concat())), expected, "{args:?}");
    }
    assert!(!Path::new(env!("CARGO_MANIFEST_DIR")).join("-").exists());
}

#[test]
fn columns_say_how_wide_the_report_is() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
    let output = command.args(["check", EXAMPLE, "--to", "1.7.0"]).env("COLUMNS", "80").output().unwrap();
    let text = stdout(&output);
    let is_prose = |line: &&str| line.starts_with("         ") && !line.contains('/') && !line.contains("kubectl");
    assert!(text.lines().filter(is_prose).all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.lines().count() > stdout(&check(&[EXAMPLE, "--to", "1.7.0"])).lines().count(), "{text}");
}

#[test]
fn several_reports_at_once() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.json");
    let output = check(&[EXAMPLE, "-q", "-o", "human", "-o", &format!("json={}", file.display())]);
    assert_eq!(stdout(&output), "BLOCKED Do not upgrade to 1.7.0 yet: integrated-nmo is against it.\n");
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
    let crds = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinitionList", "metadata": {},
        "items": [{"metadata": {"name": "hyperconvergeds.hco.kubevirt.io", "resourceVersion": "1"}}],
    })
    .to_string();
    const HCO: &str = "1.6.0";
    let cases = [
        ("stored object", HCO, "a.json", typed_list(&[object(true)]), "blocked", [1, 1, 1, 0]),
        ("stored object, and another upgrade", "1.5.0", "a.json", typed_list(&[object(true)]), "warning", [1, 0, 0, 0]),
        ("proved absence", HCO, "a.json", typed_list(&[]), "ready", [0, 0, 0, 0]),
        ("proved absence, but no version", "latest", "a.json", typed_list(&[]), "unknown", [3, 3, 0, 0]),
        ("not installed", HCO, "crds.json", crds, "ready", [0, 0, 0, 0]),
        (
            "untyped empty list",
            HCO,
            "a.json",
            r#"{"apiVersion": "v1", "kind": "List", "items": []}"#.into(),
            "unknown",
            [3, 3, 0, 0],
        ),
        ("nothing at all", HCO, "notes.txt", "nothing".into(), "unknown", [3, 3, 0, 0]),
        ("a manifest in Git", "latest", "a.json", object(false).to_string(), "unknown", [3, 3, 0, 0]),
    ];
    for (name, version, file, content, verdict, codes) in cases {
        let folder = folder(&[(file, content), ("hco.json", hyperconverged(version))]);
        let path = path(&folder);
        assert_eq!(report(&[path])["verdict"], verdict, "{name}");
        for (threshold, code) in ["warning", "unknown", "blocked", "never"].into_iter().zip(codes) {
            let output = check(&[path, "--fail-on", threshold, "-q"]);
            assert_eq!(output.status.code(), Some(code), "{name}, --fail-on {threshold}");
        }
    }
}

/// Nothing failed there: whoever reads the last line is told what is wrong.
#[test]
fn sources_of_two_clusters_have_no_verdict() {
    let object = |api_version: &str, kind: &str, name: &str, uid: &str, id: &str| {
        let metadata = json!({"name": name, "uid": uid, "resourceVersion": "1"});
        json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": {"clusterID": id}}).to_string()
    };
    let node = |uid| object("v1", "Node", "worker-1", uid, "");
    let version = |uid, id| object("config.openshift.io/v1", "ClusterVersion", "version", uid, id);
    let cases = [
        ("Node worker-1 has another uid", node("1"), node("2")),
        ("ClusterVersion version has another cluster ID", version("1", "a"), version("2", "b")),
    ];
    for (what, one, other) in cases {
        let folder = folder(&[("a.json", one), ("b.json", other)]);
        let path = path(&folder);
        let output = check(&[path, "-q"]);
        assert_eq!(stdout(&output), "ERROR No verdict: the sources are of two clusters.\n", "{what}");
        assert_eq!(output.status.code(), Some(2), "{what}");
        let report = report(&[path]);
        let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == "two-clusters");
        let said = format!("{what} in {path}/a.json than in {path}/b.json: the sources are of two clusters.");
        assert_eq!(finding.unwrap()["message"], said);
    }
}

#[test]
fn an_unknown_says_how_to_know() {
    let nodes = ("nodes.json", r#"{"apiVersion": "v1", "kind": "NodeList", "items": []}"#.to_owned());
    let folder = folder(&[nodes, ("hco.json", hyperconverged("1.6.0"))]);
    let path = path(&folder);
    let text = stdout(&check(&[path]));
    assert!(text.contains("`upgrade-gate policies collect > collect.sh`"), "{text}");

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
    let cases: [(&[&str], &str); 13] = [
        (&["no/such/place"], "error: source `no/such/place`: No such file or directory"),
        (&[EXAMPLE, "--policy", "nmo"], "help: bundled are `hco-upgradeable`, `integrated-nmo`"),
        (&[EXAMPLE, "--policy", "no/such.wasm"], "error: policy `no/such.wasm`: No such file"),
        (&[EXAMPLE, "--policy", wasm], "is not a WebAssembly module that can be run"),
        (&[EXAMPLE, "-o", "xml"], "expected `human`, `json`, `openreports` or `policyreport`"),
        (&[EXAMPLE, "-o", "json="], "expected a file's path after `=`"),
        (&[EXAMPLE, "-o", "json", "-o", "human"], "help: give one of them a file"),
        (&[EXAMPLE, "-o", "json=-", "-o", "human=-"], "help: give one of them a file"),
        (&[EXAMPLE, "--allow-downgrade"], "--to <VERSION>"),
        (&[EXAMPLE, "--assume-captured", "NodeMaintenance"], "expected PLURAL.GROUP"),
        (
            &[EXAMPLE, "--assume-captured", "pods"],
            "help: policies ask for `customresourcedefinitions.apiextensions.k8s.io`",
        ),
        (&["-", "--proposed", "-"], "error: `-` is named more than once"),
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
    let by_name = report(&[EXAMPLE, "--policy", "integrated-nmo"]);
    let names: Vec<&str> =
        by_name["policies"].as_array().unwrap().iter().map(|policy| policy["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["integrated-nmo"]);
    assert_eq!(report(&[EXAMPLE, "--policy", file.to_str().unwrap()]), by_name);
    let all: Vec<&str> = upgrade_gate_bundle::BUNDLED.iter().map(|policy| policy.name).collect();
    let by_default = report(&[EXAMPLE]);
    assert_eq!(by_default["policies"].as_array().unwrap().len(), all.len());
}

/// A policy that judges no InstallPlan says nothing about an upgrade, whatever it says about objects.
#[test]
fn without_a_policy_that_judges_upgrades_nothing_is_ready() {
    let metadata = json!({"protocolVersion": "v1", "rules": [node_maintenances()]}).to_string();
    let folder = folder(&[("hco.json", hyperconverged("1.6.0")), ("nm.json", typed_list(&[]))]);
    let wasm = folder.path().join("foreign.wasm");
    fs::write(&wasm, module_that_answers(&metadata, r#"{"accepted":true}"#)).unwrap();
    let wasm = wasm.to_str().unwrap();
    let alone = report(&[path(&folder), "--policy", wasm]);
    assert_eq!((&alone["verdict"], &alone["upgrade"]), (&json!("unknown"), &json!(null)));
    assert_eq!(alone["findings"][0]["message"], "No upgrade was judged: none of the policies judges InstallPlans.");
    assert_eq!(said(&alone), ["foreign not-asked: no upgrade was simulated"]);
    let text = stdout(&check(&[path(&folder), "--policy", wasm]));
    assert!(text.starts_with("upgrade  none simulated: no policy judges InstallPlans\n"), "{text}");

    let both = report(&[path(&folder), "--policy", wasm, "--policy", "integrated-nmo"]);
    assert_eq!(both["verdict"], "ready");
    let asked = "it asked for hyperconvergeds.hco.kubevirt.io, nodemaintenances.nodemaintenance.kubevirt.io";
    let expected =
        ["foreign does-not-apply: it does not judge InstallPlans".into(), format!("integrated-nmo passed: {asked}")];
    assert_eq!(said(&both), expected);
}

/// What each policy has to say: outcome and reason.
fn said(report: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line =
        |policy: &Value| format!("{} {}: {}", text(&policy["name"]), text(&policy["outcome"]), text(&policy["why"]));
    report["policies"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn standard_input_is_a_source() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
    let mut child = command.args(["check", "-", "-q"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let list = typed_list(&[node_maintenance("nm-1").of_node("worker-1").in_deletion().json().clone()]);
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), list.as_bytes()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
}
