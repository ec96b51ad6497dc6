//! `check --policies FILE.yml`, through the binary.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::fs;

use program::{EXAMPLE, check, folder, module_that, node_maintenances, report, stderr, stdout};
use serde_json::{Value, json};
use upgrade_gate_host::Metadata;

fn results(report: &Value, policy: &str) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["policy"] == policy);
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    findings.map(|finding| (text(finding, "rule"), text(finding, "result"))).collect()
}

fn pairs(words: &[(&str, &str)]) -> Vec<(String, String)> {
    words.iter().map(|&(rule, result)| (rule.into(), result.into())).collect()
}

#[test]
fn each_entry_is_a_policy_under_its_own_name_and_settings() {
    let policies = json!({
        "strict": {"module": "bundled://integrated-nmo"},
        "lenient": {"module": "bundled://integrated-nmo", "settings": {"onUpgrade": "warn"}},
        "watched": {"module": "bundled://integrated-nmo", "policyMode": "monitor", "namespacedName": "x"},
    });
    let folder = folder(&[("policies.yml", policies.to_string())]);
    let file = folder.path().join("policies.yml");
    let file = file.to_str().unwrap();
    let all = report(&[EXAMPLE, "--to", "1.7.0", "--policies", file]);
    let in_use = [("in-use", "fail"), ("in-use", "fail")];
    for (policy, upgrade) in [("strict", "fail"), ("lenient", "warn"), ("watched", "warn")] {
        let expected = [in_use.as_slice(), &[("upgrade-blocked", upgrade)]].concat();
        assert_eq!(results(&all, policy), pairs(&expected), "{policy}");
    }
    assert_eq!(all["verdict"], "blocked");
    let names: Vec<_> = all["policies"].as_array().unwrap().iter().map(|policy| policy["name"].clone()).collect();
    assert_eq!(names, ["lenient", "strict", "watched"]);

    // Each is what it is called: nothing was deployed in parts. Of a monitored one everything is for information.
    let reports: Value =
        serde_saphyr::from_str(&stdout(&check(&[EXAMPLE, "--policies", file, "-o", "policyreport"]))).unwrap();
    let items = reports["items"].as_array().unwrap();
    let of_object = items.iter().find(|report| report["scope"]["name"] == "nm-worker-1").unwrap();
    let named: Vec<_> = of_object["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| (&result["policy"], &result["severity"]))
        .collect();
    let [lenient, strict, watched] = ["lenient", "strict", "watched"].map(|name| json!(format!("clusterwide-{name}")));
    let [critical, info] = ["critical", "info"].map(Value::from);
    assert_eq!(named, [(&lenient, &critical), (&strict, &critical), (&watched, &info)]);
}

/// A bundled policy is granted what it declares, and one from elsewhere nothing, unless the file says so.
#[test]
fn what_the_file_does_not_grant_is_denied() {
    let reads = json!([{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}]);
    let module = upgrade_gate_bundle::find("integrated-nmo").unwrap().wasm;
    let all = Metadata::of(module).unwrap().unwrap().context_aware_resources;
    let cases = [
        (json!({"module": "bundled://integrated-nmo"}), "upgrade-blocked"),
        (json!({"module": "bundled://integrated-nmo", "contextAwareResources": reads}), "missing-data"),
        (json!({"module": "bundled://integrated-nmo", "hostCapabilities": []}), "missing-data"),
        (json!({"module": "file://modules/nmo.wasm"}), "missing-data"),
        (json!({"module": "file://modules/nmo.wasm", "hostCapabilities": ["*"]}), "missing-data"),
        (
            json!({"module": "file://modules/nmo.wasm", "hostCapabilities": ["kubernetes/*"], "contextAwareResources": all}),
            "upgrade-blocked",
        ),
    ];
    for (entry, rule) in cases {
        let folder = folder(&[("policies.yml", json!({"gate": entry}).to_string())]);
        fs::create_dir(folder.path().join("modules")).unwrap();
        fs::write(folder.path().join("modules/nmo.wasm"), module).unwrap();
        let file = folder.path().join("policies.yml");
        let report = report(&[EXAMPLE, "--to", "1.7.0", "--policies", file.to_str().unwrap()]);
        let findings = report["findings"].as_array().unwrap();
        assert!(findings.iter().any(|finding| finding["policy"] == "gate" && finding["rule"] == rule), "{entry}");
    }
}

#[test]
fn an_evaluation_has_the_time_that_the_file_gives_it() {
    let metadata = json!({"protocolVersion": "v1", "rules": [node_maintenances()], "mutating": false}).to_string();
    let policies = json!({"endless": {"module": "file://endless.wasm", "timeoutEvalSeconds": 1}});
    let folder = folder(&[("policies.yml", policies.to_string())]);
    fs::write(folder.path().join("endless.wasm"), module_that(&metadata, "(loop (br 0))", "")).unwrap();
    let file = folder.path().join("policies.yml");
    let report = report(&[EXAMPLE, "--policies", file.to_str().unwrap()]);
    assert_eq!(report["verdict"], "error");
    let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["policy"] == "endless").unwrap();
    assert!(finding["message"].as_str().unwrap().contains("it ran longer than 1s"), "{finding}");
}

#[test]
fn what_cannot_be_taken_is_named_with_what_to_do() {
    let cases = [
        ("", "there is no policy in it"),
        ("a: [", "expected a map from names to policies, as policy-server reads it: line 1"),
        ("a: 5", "policy `a`: expected a map with `module`"),
        ("a: {settings: {}}", "policy `a`: it has no `module`"),
        ("a/b: {module: 'bundled://integrated-nmo'}", "policy `a/b`: a name has no `/` in it"),
        ("a: {module: 'registry://ghcr.io/x:v1'}", "get it with `kwctl pull --output-path FILE`"),
        ("a: {module: 'https://x/y.wasm'}", "get it with `kwctl pull --output-path FILE`"),
        ("a: {module: 'bundled://none'}", "policy `none` is not bundled"),
        ("a: {module: 'file://none.wasm'}", "none.wasm`: No such file or directory"),
        ("a: {policies: {}, expression: 'b()'}", "policy groups are not supported: give each of its policies"),
        (
            "a: {module: 'bundled://integrated-nmo', policyMode: watch}",
            "unknown variant `watch`, expected `protect` or `monitor`",
        ),
        (
            "a: {module: 'bundled://integrated-nmo', hostCapabilities: [kubernetes/list]}",
            "no host capability matches `kubernetes/list`",
        ),
        ("a: {module: 'bundled://integrated-nmo', settings: {onUpgrade: no}}", "`onUpgrade` is `no`; expected one of"),
        ("a: {module: 'bundled://integrated-nmo', timeoutEvalSeconds: 0}", "from 1 on, not `0`"),
        ("a: {module: 'bundled://integrated-nmo', timeoutEvalSeconds: 1.5}", "from 1 on, not `1.5`"),
        ("a: {module: 'bundled://integrated-nmo'}\na: {module: 'bundled://hco-upgradeable'}", "line 2"),
        (
            "a: {module: 'bundled://integrated-nmo', settings: 5}",
            "policy `a`: invalid type: integer `5`, expected a map",
        ),
    ];
    for (text, expected) in cases {
        let folder = folder(&[("policies.yml", text.into())]);
        let file = folder.path().join("policies.yml");
        let output = check(&[EXAMPLE, "--policies", file.to_str().unwrap()]);
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(error.contains(expected), "{text}: {error}");
        assert_eq!(stdout(&output), "");
    }
}
