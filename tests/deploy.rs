//! What `deploy/` holds is what the policies need, and what `policies manifests` prints.

#![allow(clippy::indexing_slicing, clippy::print_stdout, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{collections::BTreeSet, fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use program::{documents, folder, program, schema, stderr, stdout};
use serde_json::{Value, json};
use upgrade_gate_bundle::BUNDLED;
use upgrade_gate_host::{Compiler, Host, Limits, Metadata};
use upgrade_gate_snapshot::Kind;

fn of_policy(name: &str) -> Vec<Value> {
    documents(&format!("deploy/kubewarden/{name}.yaml"))
}

fn metadata(wasm: &[u8]) -> Value {
    let Metadata { rules, context_aware_resources, host_capabilities, .. } = Metadata::of(wasm).unwrap().unwrap();
    json!({"rules": rules, "reads": context_aware_resources, "capabilities": host_capabilities})
}

#[test]
fn the_folder_holds_what_manifests_prints() {
    let files: BTreeSet<_> =
        fs::read_dir("deploy/kubewarden").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let expected = BUNDLED.iter().map(|policy| format!("{}.yaml", policy.name).into()).collect();
    assert_eq!(files, expected);
    for policy in BUNDLED {
        let printed = stdout(&program(&["policies", "manifests", policy.name]));
        let kept = fs::read_to_string(format!("deploy/kubewarden/{}.yaml", policy.name)).unwrap();
        assert_eq!(printed, kept, "run `make deploy`");
    }
    let refused = program(&["policies", "manifests", "no-such-policy"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("policy `no-such-policy` is not bundled"));
}

/// The parts together ask for what the metadata names, each in one of them; all of them may read what it declares.
#[test]
fn the_parts_are_the_whole_policy() {
    for policy in BUNDLED {
        let triples = |rules: &Value| -> Vec<String> {
            let rules = rules.as_array().unwrap().iter();
            let mut triples: Vec<String> = rules
                .flat_map(|rule| {
                    let resources = rule["resources"].as_array().unwrap().iter();
                    resources
                        .map(|r| format!("{} {} {} {}", rule["apiGroups"], rule["apiVersions"], r, rule["operations"]))
                })
                .collect();
            triples.sort();
            triples
        };
        let metadata = metadata(policy.wasm);
        let documents = of_policy(policy.name);
        let parts: Vec<&Value> = documents
            .iter()
            .filter(|document| document["kind"] == "ClusterAdmissionPolicy")
            .map(|part| &part["spec"])
            .collect();
        let all: Vec<Value> = parts.iter().flat_map(|spec| spec["rules"].as_array().unwrap().clone()).collect();
        assert_eq!(triples(&Value::from(all)), triples(&metadata["rules"]), "{}", policy.name);
        for spec in &parts {
            assert_eq!(spec["contextAwareResources"], metadata["reads"]);
            // The API server is told to wait longer than the policy server does; Kubewarden's own limits are 2 and 30 s.
            let [whole, evaluation] =
                ["timeoutSeconds", "timeoutEvalSeconds"].map(|field| spec[field].as_u64().unwrap());
            assert!((2..whole).contains(&evaluation) && whole <= 30);
        }
    }
}

/// As `serve` reads for all policies that are bundled, of which its file names each.
#[test]
fn the_server_may_read_what_its_policies_declare() {
    let documents = documents("deploy/server/rbac.yaml");
    let role = documents.iter().find(|document| document["kind"] == "ClusterRole").unwrap();
    let mut granted = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        assert_eq!(rule["verbs"], json!(["get", "list", "watch"]));
        let resources = rule["resources"].as_array().unwrap().iter();
        granted.extend(resources.map(|resource| format!("{} {resource}", rule["apiGroups"])));
    }
    let config = &self::documents("deploy/server/policies.yaml")[0]["data"]["policies.yml"];
    let mut declared = BTreeSet::new();
    for policy in BUNDLED {
        assert!(config.as_str().unwrap().contains(&format!("bundled://{}", policy.name)));
        for read in Metadata::of(policy.wasm).unwrap().unwrap().context_aware_resources {
            let resource = Kind::new(&read.api_version, &read.kind).resource();
            declared.insert(format!(r#"["{}"] "{}""#, resource.group, resource.resource));
        }
    }
    assert_eq!(granted, declared);
}

/// A policy server gets the three verbs on what the policies read, audit-scanner may list what it is to show, and that is all.
#[test]
fn rights_are_those_of_the_declared_reads() {
    for policy in BUNDLED {
        let documents = of_policy(policy.name);
        let rights = |name: &str, account: &str| -> BTreeSet<String> {
            let of = |kind: &str| {
                let mut found = documents.iter().filter(|it| it["kind"] == kind && it["metadata"]["name"] == name);
                found.next().unwrap()
            };
            let binding = of("ClusterRoleBinding");
            assert_eq!(binding["roleRef"]["name"], name);
            assert_eq!(
                binding["subjects"],
                json!([{"kind": "ServiceAccount", "name": account, "namespace": "kubewarden"}])
            );
            let rules = of("ClusterRole")["rules"].as_array().unwrap().iter();
            let each = |rule: &Value| -> Vec<String> {
                let resources = rule["resources"].as_array().unwrap().iter();
                resources.map(|resource| format!("{} {resource} {}", rule["apiGroups"], rule["verbs"])).collect()
            };
            rules.flat_map(each).collect()
        };
        let metadata = Metadata::of(policy.wasm).unwrap().unwrap();
        let read =
            metadata.context_aware_resources.iter().map(|read| Kind::new(&read.api_version, &read.kind).resource());
        let read = read.map(|it| format!(r#"["{}"] "{}" ["get","list","watch"]"#, it.group, it.resource)).collect();
        assert_eq!(rights(&format!("upgrade-gate-{}", policy.name), "policy-server"), read);

        let parts = documents.iter().map(|part| &part["spec"]).filter(|spec| spec["backgroundAudit"] == true);
        let rules = parts.flat_map(|spec| spec["rules"].as_array().unwrap());
        let created = rules.filter(|rule| rule["operations"].as_array().unwrap().contains(&json!("CREATE")));
        let each = |rule: &Value| -> Vec<String> {
            let resources = rule["resources"].as_array().unwrap().iter();
            resources.map(|resource| format!(r#"{} {resource} ["list"]"#, rule["apiGroups"])).collect()
        };
        assert_eq!(
            rights(&format!("upgrade-gate-{}-audit", policy.name), "audit-scanner"),
            created.flat_map(each).collect()
        );
    }
}

/// What each lets through is tried in tests/conditions.rs.
#[test]
fn what_fails_closed_stands_behind_a_condition_for_each_resource() {
    for policy in BUNDLED {
        for part in of_policy(policy.name).iter().filter(|document| document["kind"] == "ClusterAdmissionPolicy") {
            let spec = &part["spec"];
            let empty = Vec::new();
            let conditions = spec["matchConditions"].as_array().unwrap_or(&empty);
            if spec["failurePolicy"] == "Ignore" {
                assert!(conditions.is_empty());
                continue;
            }
            let rules = spec["rules"].as_array().unwrap().iter();
            let resources: BTreeSet<&str> = rules
                .flat_map(|rule| rule["resources"].as_array().unwrap())
                .map(|name| name.as_str().unwrap())
                .collect();
            for resource in &resources {
                let others_pass = format!("request.resource.resource != \"{resource}\" ||\n");
                let expressions = conditions.iter().map(|condition| condition["expression"].as_str().unwrap());
                assert_eq!(expressions.filter(|text| text.starts_with(&others_pass)).count(), 1, "{resource}");
            }
            assert_eq!(
                resources.len(),
                conditions.len(),
                "a rule of one resource name and two groups needs another key"
            );
        }
    }
}

/// The same parts as webhooks of a policy server of one's own.
#[test]
fn a_webhook_asks_what_the_policies_of_kubewarden_ask() {
    let pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
    let folder = folder(&[("ca.crt", pem.into()), ("no.crt", "MA==".into())]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for policy in BUNDLED {
        let printed = |args: &[&str]| -> Value {
            let output = program(&[&["policies", "manifests", policy.name, "--webhook"], args].concat());
            serde_saphyr::from_str(&stdout(&output)).unwrap()
        };
        let by_url = printed(&["https://127.0.0.1:8443", "--ca-file", &path("ca.crt")]);
        let address = format!("https://127.0.0.1:8443/validate/{}", policy.name);
        let client = json!({"url": address, "caBundle": BASE64_STANDARD.encode(pem)});
        let webhooks = by_url["webhooks"].as_array().unwrap();
        let documents = of_policy(policy.name);
        let parts = documents.iter().filter(|document| document["kind"] == "ClusterAdmissionPolicy");
        assert_eq!(webhooks.len(), parts.clone().count());
        for (webhook, part) in webhooks.iter().zip(parts) {
            assert_eq!(webhook["name"], format!("{}.upgrade-gate.io", part["metadata"]["name"].as_str().unwrap()));
            for field in ["rules", "failurePolicy", "matchConditions", "timeoutSeconds"] {
                assert_eq!(webhook[field], part["spec"][field], "{field}");
            }
            assert_eq!(webhook["clientConfig"], client);
        }
        let by_service = printed(&["gate/server:8443"]);
        let path = format!("/validate/{}", policy.name);
        let service = json!({"namespace": "gate", "name": "server", "port": 8443, "path": path});
        assert_eq!(by_service["webhooks"][0]["clientConfig"], json!({"service": service}));
    }
    let refused = |args: &[&str], expected: &str| {
        let output = program(&[&["policies", "manifests", "integrated-nmo"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    };
    refused(&["--webhook", "http://x"], "expected https://HOST[:PORT], or a Service as NAMESPACE/NAME[:PORT]");
    refused(&["--webhook", "a/b", "--ca-file", &path("no.crt")], "expected a certificate as PEM");
    refused(&["--webhook", "a/b", "--ca-file", &path("none.crt")], "none.crt`: No such file");
    refused(&["--ca-file", &path("ca.crt")], "--webhook <URL|SERVICE>");
}

#[test]
fn a_server_that_is_run_by_hand_grants_what_the_policies_declare() {
    let host = Host::new(Limits::default()).unwrap();
    let policies = documents("deploy/policy-server/policies.yml").remove(0);
    let names: BTreeSet<&str> = policies.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, BUNDLED.iter().map(|policy| policy.name).collect());
    for policy in BUNDLED {
        let (entry, metadata) = (&policies[policy.name], metadata(policy.wasm));
        assert_eq!(entry["module"], format!("file:///etc/upgrade-gate/{}.wasm", policy.name));
        assert_eq!(entry["contextAwareResources"], metadata["reads"]);
        assert_eq!(entry["hostCapabilities"], metadata["capabilities"]);
        let loaded = host.load(policy.wasm, Compiler::Winch).unwrap();
        assert!(loaded.validate_settings(&entry["settings"].to_string()).is_ok());
    }
}

#[test]
fn the_alert_carries_the_runbook_and_shows_before_an_update_of_openshift() {
    let rule = documents("deploy/monitoring/prometheus-rule.yaml").remove(0);
    let alert = &rule["spec"]["groups"][0]["rules"][0];
    assert_eq!(alert["expr"], "kubevirt_hco_nmo_in_use == 1");
    assert_eq!(alert["labels"]["openShiftUpdatePrecheck"], "true");
    let nmo = Metadata::of(upgrade_gate_bundle::find("integrated-nmo").unwrap().wasm).unwrap().unwrap();
    assert_eq!(alert["annotations"]["runbook_url"], nmo.annotations["upgrade-gate.io/runbook"]);
}

/// As a strict API server wants them. The definitions are not part of the repository.
#[test]
fn manifests_fit_the_definitions_of_their_kinds() {
    let crds = Path::new("../shared/data/crds");
    if !crds.is_dir() {
        println!("../shared/data is not there: nothing compared");
        return;
    }
    let files = BUNDLED.iter().map(|policy| format!("kubewarden/{}.yaml", policy.name));
    let mut compared = 0;
    for file in files.chain(["monitoring/prometheus-rule.yaml".into()]) {
        for document in documents(&format!("deploy/{file}")) {
            let crd = match document["kind"].as_str().unwrap() {
                "ClusterAdmissionPolicy" => "clusteradmissionpolicies.policies.kubewarden.io.yaml",
                "PrometheusRule" => "prometheusrules.monitoring.coreos.com.yaml",
                _ => continue,
            };
            let crd: Value = serde_saphyr::from_str(&fs::read_to_string(crds.join(crd)).unwrap()).unwrap();
            schema::fits(&document, &crd);
            compared += 1;
        }
    }
    assert_eq!(compared, 9);
}
