//! `check` of a cluster: the requests that it makes of an API server, and what it says of the answers.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use program::{
    api_server::{Answers, ApiServer, CRDS, DEPLOYMENTS, NODE_MAINTENANCES, cluster, kubeconfig, status},
    check,
    cluster::list,
    documents, folder, module_that_answers, node_maintenances, program, stderr, stdout,
};
use serde_json::{Value, json};

fn report(kubeconfig: &Path, args: &[&str]) -> Value {
    let output = check(&[&["--kubeconfig", kubeconfig.to_str().unwrap(), "-o", "json"], args].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no report: {}", stderr(&output)))
}

fn state<'r>(report: &'r Value, kind: &str) -> (&'r str, &'r str) {
    let kinds = report["snapshot"]["kinds"].as_array().unwrap();
    let kind = kinds.iter().find(|it| it["kind"] == kind).unwrap();
    (kind["state"].as_str().unwrap(), kind["evidence"].as_str().unwrap())
}

/// Without what depends on where it was read.
fn elsewhere(mut report: Value) -> Value {
    report["snapshot"]["sources"] = Value::Null;
    let parts = [&mut report["snapshot"]["kinds"].take(), &mut report["findings"].take()];
    let parts = parts.map(|part| {
        let part = part.as_array_mut().unwrap();
        part.iter_mut().for_each(|it| (it["evidence"], it["origin"]) = (Value::Null, Value::Null));
        part.clone()
    });
    json!([report, parts])
}

#[test]
fn a_cluster_is_judged_as_what_is_saved_of_it() {
    let server = ApiServer::start(cluster());
    let address = format!("http://{}", server.address);
    let live = report(&server.kubeconfig(), &[]);
    assert_eq!(live["verdict"], "blocked", "{live}");
    assert_eq!(live["snapshot"]["sources"][0]["path"], format!("{address} (context test)"));
    assert_eq!(live["snapshot"]["sources"][0]["layout"], "cluster");
    let listed = format!("NodeMaintenanceList in {address}{NODE_MAINTENANCES} at resourceVersion 41");
    assert_eq!(state(&live, "NodeMaintenance"), ("captured", listed.as_str()));
    assert_eq!(state(&live, "ClusterExtension").0, "not-installed");
    let in_use: Vec<&Value> = live["findings"].as_array().unwrap().iter().filter(|it| it["rule"] == "in-use").collect();
    assert_eq!(in_use.len(), 2, "both pages");
    assert_eq!(in_use[0]["origin"], json!({"path": format!("{address}{NODE_MAINTENANCES}")}));

    let saved = folder(&[("there/.keep", String::new())]);
    let path = |name: &str| saved.path().join(name).to_str().unwrap().to_owned();
    for to in ["new", "one.json"] {
        let saving = report(&server.kubeconfig(), &["--save", &path(to)]);
        assert_eq!(saving, live);
        assert_eq!(elsewhere(program::report(&[&path(to)])), elsewhere(live.clone()), "{to}");
        let mode = fs::metadata(path(to)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if to == "new" { 0o700 } else { 0o600 });
    }
    let text = fs::read_to_string(path("one.json")).unwrap();
    assert!(text.contains("nm-2") && !text.contains("managedFields"));
    // A record of each list, with what was asked for, and in a folder with the file.
    let records = |name: &str| -> Vec<Value> {
        let text = fs::read_to_string(path(name)).unwrap();
        let lines = text.lines().filter(|line| line.contains("ListRecord"));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (mut in_folder, in_file) = (records("new/upgrade-gate-lists.json"), records("one.json"));
    let csvs = "/apis/operators.coreos.com/v1alpha1/clusterserviceversions?labelSelector=%21olm.copiedFrom";
    let record = json!({"apiVersion": "upgrade-gate.io/v1", "kind": "ListRecord", "path": csvs});
    assert!(in_file.contains(&record), "{in_file:?}");
    let names: BTreeSet<_> = fs::read_dir(path("new")).unwrap().map(|file| file.unwrap().file_name()).collect();
    let with_records =
        ["upgrade-gate-lists.json"].into_iter().chain(in_folder.iter().map(|it| it["file"].as_str().unwrap()));
    assert_eq!(with_records.map(Into::into).collect::<BTreeSet<_>>(), names);
    in_folder.iter_mut().for_each(|it| drop(it.as_object_mut().unwrap().remove("file")));
    assert_eq!(in_folder, in_file);
    // What is there stays as it is.
    let output = check(&["--kubeconfig", server.kubeconfig().to_str().unwrap(), "--save", &path("there")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("it is not empty"), "{}", stderr(&output));
}

/// One list each of what the published rights are for, in pages, and nothing else.
#[test]
fn it_asks_for_what_the_published_rights_allow() {
    let server = ApiServer::start(cluster());
    report(&server.kubeconfig(), &["--as", "carol"]);
    let mut asked = BTreeSet::new();
    for request in server.requests() {
        let (request, user) = request.rsplit_once(' ').unwrap();
        assert_eq!(user, "carol");
        let (target, accepts) = request.strip_prefix("GET ").unwrap().split_once(' ').unwrap();
        // What is not served may have another version: discovery, which everybody may ask.
        let Some((path, query)) = target.split_once('?') else {
            assert_eq!(target.matches('/').count(), 2, "{target}");
            continue;
        };
        assert!(query.contains("limit=250"), "{target}");
        assert_eq!(accepts.contains("PartialObjectMetadataList"), path == CRDS, "{request}");
        asked.insert(path.trim_start_matches("/apis/").trim_start_matches("/api/").to_owned());
    }
    let role = &documents("deploy/check/rbac.yaml")[0];
    let mut granted = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        assert_eq!(rule["verbs"], json!(["get", "list"]));
        for resource in rule["resources"].as_array().unwrap() {
            granted.insert(format!("{}/{}", rule["apiGroups"][0].as_str().unwrap(), resource.as_str().unwrap()));
        }
    }
    let without_version = |path: &String| {
        let parts: Vec<&str> = path.split('/').collect();
        format!("{}/{}", if parts.len() == 3 { parts[0] } else { "" }, parts.last().unwrap())
    };
    assert_eq!(asked.iter().map(without_version).collect::<BTreeSet<_>>(), granted);
}

#[test]
fn what_is_not_listed_is_not_captured_and_says_why() {
    let forbidden = |what: &str| status(403, "Forbidden", &format!("{what} is forbidden: User \"bob\" cannot list it"));
    let cases: [(&str, Answers, &str, &str, &str); 7] = [
        (
            "NodeMaintenance",
            Answers::from([(NODE_MAINTENANCES.into(), forbidden("nodemaintenances"))]),
            "not-captured",
            "nodemaintenances is forbidden: User \"bob\" cannot list it; the RBAC rule that is missing: apiGroups: \
             [\"nodemaintenance.kubevirt.io\"], resources: [\"nodemaintenances\"], verbs: [\"get\", \"list\"]",
            "unknown",
        ),
        (
            "NodeMaintenance",
            // Its CRD is there.
            Answers::from([(NODE_MAINTENANCES.into(), (404, "404 page not found\n".into()))]),
            "not-captured",
            "the API server does not serve /apis/nodemaintenance.kubevirt.io/v1beta1/nodemaintenances",
            "unknown",
        ),
        (
            "NodeMaintenance",
            Answers::from([(format!("{NODE_MAINTENANCES}?continue=page2"), status(410, "Expired", "too old"))]),
            "not-captured",
            "not all objects of it were listed: /apis/nodemaintenance.kubevirt.io/v1beta1/nodemaintenances: too old",
            // One of them is enough to know.
            "blocked",
        ),
        (
            "NodeMaintenance",
            Answers::from([(NODE_MAINTENANCES.into(), (200, "{\"kind\": \"Surprise\"}".into()))]),
            "not-captured",
            "/apis/nodemaintenance.kubevirt.io/v1beta1/nodemaintenances: the answer is not a list",
            "unknown",
        ),
        (
            "NodeMaintenance",
            Answers::from([(CRDS.into(), forbidden("crds")), (NODE_MAINTENANCES.into(), (404, "404".into()))]),
            "not-installed",
            "the API server does not serve /apis/nodemaintenance.kubevirt.io/v1beta1/nodemaintenances",
            "ready",
        ),
        (
            "HyperConverged",
            // In another version.
            Answers::from([
                (CRDS.into(), forbidden("crds")),
                ("/apis/hco.kubevirt.io/v1beta1/hyperconvergeds".into(), (404, "404".into())),
                ("/apis/hco.kubevirt.io".into(), (200, r#"{"preferredVersion": {"version": "v1"}}"#.into())),
            ]),
            "not-captured",
            "/apis/hco.kubevirt.io/v1beta1/hyperconvergeds: the API server serves hco.kubevirt.io, and prefers v1 of it, \
             but not this",
            // The objects in the way are known.
            "blocked",
        ),
        // Missing, but it decides nothing.
        (
            "Node",
            Answers::from([("/api/v1/nodes".into(), status(500, "InternalError", "etcd is away"))]),
            "not-captured",
            "/api/v1/nodes: etcd is away",
            "blocked",
        ),
    ];
    for (kind, changed, expected, evidence, verdict) in cases {
        let mut answers = cluster();
        answers.extend(changed);
        let server = ApiServer::start(answers);
        let folder = folder(&[]);
        let saved = folder.path().join("saved.json");
        let report = report(&server.kubeconfig(), &["--save", saved.to_str().unwrap()]);
        assert_eq!(state(&report, kind), (expected, evidence), "{report}");
        assert_eq!(report["verdict"], verdict, "{evidence}: {report}");
        // What was not listed to its end has no record.
        let of_kind = format!("/{}s\"}}", kind.to_lowercase());
        let records = fs::read_to_string(saved).unwrap();
        let mut records = records.lines().filter(|line| line.contains("ListRecord"));
        assert!(records.clone().count() > 3 && !records.any(|line| line.ends_with(&of_kind)), "{evidence}");
    }
}

/// Of what a policy judges, all is listed, in a version that is served; or the report says what was not.
#[test]
fn what_is_judged_is_asked_for_in_a_version_that_is_served() {
    let deployment = json!({"metadata": {"name": "web", "namespace": "other", "resourceVersion": "1"}});
    let deployments = (200, list("apps/v1", "Deployment", &[deployment]));
    let group = json!({"kind": "APIGroup", "apiVersion": "v1", "name": "apps", "preferredVersion": {"version": "v1"}});
    let group = ("/apis/apps".to_owned(), (200, group.to_string()));
    let served = || Answers::from([(DEPLOYMENTS.into(), deployments.clone()), group.clone()]);
    let forbidden = status(403, "Forbidden", "deployments.apps is forbidden: User \"bob\" cannot list it");
    let cases = [
        (json!(["v1"]), json!(["deployments"]), served(), "blocked", ""),
        (json!(["v1", "v1beta1"]), json!(["deployments"]), served(), "blocked", ""),
        (json!(["*"]), json!(["deployments"]), served(), "blocked", ""),
        (
            json!(["v1beta1"]),
            json!(["deployments"]),
            served(),
            "unknown",
            "was not listed: /apis/apps/v1beta1/deployments: the API server serves apps",
        ),
        (json!(["v1"]), json!(["*"]), served(), "unknown", "was not listed: no resource is named"),
        (
            json!(["v1"]),
            json!(["deployments"]),
            Answers::from([(DEPLOYMENTS.into(), forbidden)]),
            "unknown",
            "the RBAC rule that is missing",
        ),
    ];
    let refuses = r#"{"accepted":false,"message":"no"}"#;
    for (versions, resources, changed, verdict, reason) in cases {
        let rule =
            json!({"apiGroups": ["apps"], "apiVersions": versions, "resources": resources, "operations": ["CREATE"]});
        let metadata = json!({"protocolVersion": "v1", "rules": [rule], "mutating": false});
        let folder = folder(&[]);
        let policy = folder.path().join("policy.wasm");
        fs::write(&policy, module_that_answers(&metadata.to_string(), refuses)).unwrap();
        let mut answers = cluster();
        answers.extend(changed);
        let server = ApiServer::start(answers);
        let report = report(&server.kubeconfig(), &["--policy", policy.to_str().unwrap()]);
        assert_eq!(report["verdict"], verdict, "{versions} {resources}: {report}");
        let skipped = report["snapshot"]["skipped"].to_string();
        assert!(skipped.contains(reason) && reason.is_empty() == (skipped == "[]"), "{skipped}");
    }
    // What only starts upgrades is named, and decides nothing.
    let subscriptions = "/apis/operators.coreos.com/v1alpha1/subscriptions";
    let mut answers = cluster();
    answers.insert(subscriptions.into(), status(403, "Forbidden", "subscriptions is forbidden"));
    let report = report(&ApiServer::start(answers).kubeconfig(), &[]);
    let skipped = &report["snapshot"]["skipped"][0];
    assert!(skipped["origin"]["path"].as_str().unwrap().ends_with(subscriptions), "{skipped}");
    assert_eq!(
        (&report["verdict"], report["findings"].to_string().contains("missing-data")),
        (&json!("blocked"), false)
    );
}

/// A policy may judge them; a file is no place for them.
#[test]
fn secrets_are_read_where_a_policy_asks_and_never_saved() {
    let metadata = json!({
        "protocolVersion": "v1", "rules": [node_maintenances()], "mutating": false,
        "contextAwareResources": [{"apiVersion": "v1", "kind": "Secret"}],
    });
    let secret = json!({"metadata": {"name": "token", "namespace": "other"}, "data": {"key": "aHVzaA=="}});
    let mut answers = cluster();
    answers.insert("/api/v1/secrets".into(), (200, list("v1", "Secret", &[secret])));
    let server = ApiServer::start(answers);
    let folder = folder(&[]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("policy.wasm"), module_that_answers(&metadata.to_string(), r#"{"accepted":true}"#)).unwrap();
    let kubeconfig = server.kubeconfig();
    let args = ["--kubeconfig", kubeconfig.to_str().unwrap(), "--policy", &path("policy.wasm"), "-o", "json"];
    let output = check(&[&args[..], &["--save", &path("saved")]].concat());
    assert!(stderr(&output).contains("note: secrets are read, but not saved"), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(state(&report, "Secret").0, "captured");
    let saved: Vec<_> =
        fs::read_dir(path("saved")).unwrap().map(|file| fs::read_to_string(file.unwrap().path())).collect();
    let is_of_secrets = |text: &String| text.contains("aHVzaA") || text.contains("/api/v1/secrets");
    assert!(!saved.is_empty() && !saved.iter().any(|text| is_of_secrets(text.as_ref().unwrap())));
    assert!(!stdout(&output).contains("aHVzaA"));
}

/// Exit code 2: which context, which address, why.
#[test]
fn a_cluster_that_does_not_answer_is_an_error() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused: Answers =
        cluster().into_keys().map(|path| (path, status(401, "Unauthorized", "Unauthorized"))).collect();
    let (refused, strange) = (ApiServer::start(refused), ApiServer::start(Answers::new()));
    let files = folder(&[
        ("nobody", kubeconfig(&format!("http://{nobody}"))),
        ("silent", kubeconfig(&format!("http://{}", silent.local_addr().unwrap()))),
        ("broken", "users: [{name: a, user: {token: secret".into()),
    ]);
    let file = |name: &str| files.path().join(name);
    let cases: [(PathBuf, &[&str], &str); 6] = [
        (file("nobody"), &[], "Connection refused"),
        (file("silent"), &["--request-timeout", "0.2"], "no answer within 0.2 s"),
        (refused.kubeconfig(), &[], "does not take the credentials: Unauthorized"),
        (strange.kubeconfig(), &[], "it is no API server"),
        (file("missing"), &[], "cannot read"),
        (file("broken"), &[], "is not a kubeconfig: line 1"),
    ];
    for (kubeconfig, args, expected) in cases {
        let output = check(&[&["--kubeconfig", kubeconfig.to_str().unwrap()], args].concat());
        let said = stderr(&output);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{said}");
        assert!(said.contains(expected) && !said.contains("secret"), "{expected}: {said}");
        let is_of_cluster = said.contains("of context `test`") && said.contains("cluster `http://127.0.0.1:");
        assert!(is_of_cluster || said.contains(kubeconfig.to_str().unwrap()), "{said}");
    }
    // What a plugin is given and gives is nobody's business, nor what a URL holds.
    let plugin = |script: &str| {
        let mut config: Value = serde_json::from_str(&kubeconfig("http://bob:hunter2@127.0.0.1:1")).unwrap();
        config["users"][0]["user"] = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh",
            "args": ["-c", script], "env": [{"name": "KEY", "value": "hunter2"}], "interactiveMode": "Never"}});
        config.to_string()
    };
    let token =
        r#"echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t"}}'"#;
    let plugins = [
        ("echo $KEY; echo $KEY >&2; exit 3", "the exec plugin failed: exit status: 3"),
        ("echo token: $KEY", "the credentials of this context cannot be had, or read"),
        ("sleep 60", "no credentials within 1 s"),
        (token, "cluster `http://127.0.0.1:1` of context `test`"),
    ];
    for (script, expected) in plugins {
        fs::write(file("plugin"), plugin(script)).unwrap();
        let output = check(&["--kubeconfig", file("plugin").to_str().unwrap(), "--request-timeout", "0.1"]);
        let said = stderr(&output);
        assert_eq!((output.status.code(), said.contains("hunter2")), (Some(2), false), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    // Nor is what was saved before lost.
    let (saved, nobody) = (file("saved.json"), file("nobody"));
    fs::write(&saved, "before").unwrap();
    let output = check(&["--kubeconfig", nobody.to_str().unwrap(), "--save", saved.to_str().unwrap()]);
    assert_eq!((output.status.code(), fs::read_to_string(saved).unwrap().as_str()), (Some(2), "before"));
    let output = check(&["--kubeconfig", file("nobody").to_str().unwrap(), "--context", "other"]);
    assert!(stderr(&output).contains("has no context `other`"), "{}", stderr(&output));
    let both = program(&["check", "examples/must-gather", "--context", "test"]);
    assert!(stderr(&both).contains("cannot be used with"), "{}", stderr(&both));
}

/// A cluster is not collected: somebody else may ask it. Who asks for admission is told what to grant.
#[test]
fn a_remedy_speaks_to_whoever_reads_it() {
    let mut answers = cluster();
    answers.insert(NODE_MAINTENANCES.into(), status(403, "Forbidden", "no"));
    let server = ApiServer::start(answers);
    let folder = folder(&[]);
    let saved = folder.path().join("saved");
    let live = report(&server.kubeconfig(), &["--save", saved.to_str().unwrap()]);
    let remedies = |report: &Value| {
        let findings = report["findings"].as_array().unwrap().iter();
        let missing = findings.filter(|finding| finding["rule"] == "missing-data");
        missing.map(|finding| finding["remedy"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let of_saved = remedies(&program::report(&[saved.to_str().unwrap()]));
    for (remedies, expected) in [(remedies(&live), "--context names another"), (of_saved, "`sh collect.sh FOLDER`")] {
        assert!(!remedies.is_empty());
        for remedy in remedies {
            assert!(remedy.contains(expected) && !remedy.contains("policy server"), "{remedy}");
        }
    }
}
