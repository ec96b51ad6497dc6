//! A cluster with HCO 1.6.0, and the gate in front of it.

use std::{fs, process::Output};

use serde_json::{Value, json};

use crate::{
    api_server::ApiServer,
    kinds,
    program::{
        cluster::{NAMESPACE, csv_name, hyperconverged, plan},
        documents, program,
        server::{Server, until},
        stderr, stdout,
    },
};

pub struct Gate {
    pub api: ApiServer,
    pub server: Option<Server>,
}

const POLICIES: [&str; 2] = ["integrated-nmo", "hco-upgradeable"];

/// CustomResourceDefinitions as they were published, where somebody has put them beside the checkout.
const PUBLISHED: &str = "../shared/data/crds";

impl Gate {
    pub fn install() -> Self {
        let mut gate = Self { api: ApiServer::start(), server: None };
        gate.applies(&kinds::crds());
        if fs::exists(PUBLISHED).unwrap() {
            gate.passes(&["apply", "--server-side", "--force-conflicts", "-f", PUBLISHED], "");
        } else {
            println!("not checked: the published CustomResourceDefinitions are not there");
        }
        let kinds =
            "nodemaintenances.nodemaintenance.kubevirt.io,hyperconvergeds,installplans,subscriptions,clusterextensions";
        until("the kinds are served", || gate.api.kubectl(&["get", kinds, "-A"]).status.success());
        let namespace = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        gate.applies(&["kubewarden", NAMESPACE, "other", "openshift-cnv"].map(namespace));
        for (file, role, user) in [("server", "upgrade-gate", "gate"), ("check", "upgrade-gate-check", "checker")] {
            gate.passes(&["apply", "-f", &format!("deploy/{file}/rbac.yaml")], "");
            gate.binds(role, user);
        }
        let list: Value = serde_json::from_str(&hyperconverged("1.6.0")).unwrap();
        let mut hco = list["items"][0].clone();
        (hco["apiVersion"], hco["kind"]) = ("hco.kubevirt.io/v1beta1".into(), "HyperConverged".into());
        hco["spec"] = json!({});
        let conditions = &mut hco["status"]["conditions"][0];
        let (reason, time) = ("reason", "lastTransitionTime");
        (conditions[reason], conditions["message"], conditions[time]) =
            ("Ready".into(), "".into(), "2026-01-01T00:00:00Z".into());
        let status = json!({"status": hco["status"]}).to_string();
        gate.applies(&[hco]);
        let patch = ["patch", "hyperconverged", "kubevirt-hyperconverged", "-n", NAMESPACE, "--subresource=status"];
        gate.passes(&[patch.as_slice(), &["--type=merge", "-p", &status]].concat(), "");
        gate.serve();
        gate
    }

    /// Lets a user do what a role may.
    pub fn binds(&self, role: &str, user: &str) {
        let name = format!("test-{user}");
        self.passes(&["create", "clusterrolebinding", &name, "--clusterrole", role, "--user", user], "");
    }

    /// Starts the server, waits until it is ready, and puts its webhooks before the API server.
    pub fn serve(&mut self) {
        // The file of the ConfigMap.
        let text = documents("deploy/server/policies.yaml")[0]["data"]["policies.yml"].as_str().unwrap().to_owned();
        let file = self.api.path("policies.yml");
        fs::write(&file, text).unwrap();
        let kubeconfig = self.api.kubeconfig("gate").display().to_string();
        let (certificate, key) = (self.api.path("tls.crt"), self.api.path("tls.key"));
        let args = [
            "--live",
            "--kubeconfig",
            &kubeconfig,
            "--policies",
            &file,
            "--cert-file",
            &certificate,
            "--key-file",
            &key,
        ];
        let server = Server::start(&args);
        until("the server is ready", || server.get("/readiness").status == 200);
        let (url, ca) = (format!("https://{}", server.api), self.api.path("ca.crt"));
        for policy in POLICIES {
            let printed = program(&["policies", "manifests", policy, "--webhook", &url, "--ca-file", &ca]);
            self.passes(&["apply", "--validate=strict", "-f", "-"], &stdout(&printed));
        }
        self.server = Some(server);
        // The API server learns of a webhook a moment later.
        until("the webhooks are asked", || {
            let maintenance = self.api.kubectl_as(
                "admin",
                &["create", "--dry-run=server", "-f", "-"],
                &maintenance("probe").to_string(),
            );
            stderr(&maintenance).contains("Warning: [integrated-nmo/created]")
        });
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub fn applies(&self, objects: &[Value]) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.passes(&["apply", "-f", "-"], &list.to_string());
    }

    /// What is said on standard error, such as warnings.
    pub fn passes(&self, args: &[&str], input: &str) -> String {
        let output = self.api.kubectl_as("admin", args, input);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        stderr(&output)
    }

    /// Refused by a policy, in these words.
    pub fn is_refused(&self, args: &[&str], input: &str, words: &str) {
        let output = self.api.kubectl_as("admin", args, input);
        let said = stderr(&output);
        assert!(!output.status.success() && said.contains(words), "{args:?}: {said}{}", stdout(&output));
        assert!(said.contains("denied the request"), "{said}");
    }

    /// Approves the plan to 1.7.0, without doing it.
    pub fn approval(&self, more: &[&str]) -> Output {
        let patch =
            ["patch", "installplan", PLAN, "-n", NAMESPACE, "--type=merge", "-p", r#"{"spec":{"approved":true}}"#];
        self.api.kubectl(&[patch.as_slice(), more].concat())
    }

    pub fn would_refuse(&self) -> bool {
        let output = self.approval(&["--dry-run=server"]);
        let said = stderr(&output);
        let is_ours = said.contains("[integrated-nmo/upgrade-blocked]");
        assert!(is_ours || output.status.success() || said.contains("missing-data"), "{said}");
        is_ours
    }

    /// What the gate answers to the approval of a plan, asked past the API server.
    pub fn answer(&self) -> Answer {
        let object = |approved: bool| {
            let mut plan = plan(PLAN, 1, "RequiresApproval", &[csv_name("1.7.0")]);
            plan["apiVersion"] = "operators.coreos.com/v1alpha1".into();
            plan["kind"] = "InstallPlan".into();
            plan["spec"]["approved"] = approved.into();
            plan
        };
        let kind = json!({"group": "operators.coreos.com", "version": "v1alpha1", "kind": "InstallPlan"});
        let resource = json!({"group": "operators.coreos.com", "version": "v1alpha1", "resource": "installplans"});
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "1", "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource, "name": PLAN,
            "namespace": NAMESPACE, "operation": "UPDATE", "userInfo": {"username": "olm"}, "object": object(true),
            "oldObject": object(false), "dryRun": false, "options": {},
        }});
        let response = self.asks(&review.to_string());
        match response["status"]["message"].as_str() {
            None if response["allowed"] == true => Answer::Allowed,
            Some(message) if message.contains("/upgrade-blocked]") => Answer::Refused,
            Some(message) if message.contains("/missing-data]") => Answer::Unknown,
            _ => panic!("{response}"),
        }
    }

    /// Over HTTPS, as the API server asks.
    fn asks(&self, review: &str) -> Value {
        let path = self.api.path("review.json");
        fs::write(&path, review).unwrap();
        let url = format!("https://{}/validate/integrated-nmo", self.server().api);
        let mut command = std::process::Command::new("curl");
        command.args([
            "--silent",
            "--show-error",
            "--cacert",
            &self.api.path("ca.crt"),
            "-H",
            "Content-Type: application/json",
        ]);
        let output = command.args(["--data", &format!("@{path}"), &url]).output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        answer["response"].clone()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Allowed,
    Refused,
    Unknown,
}

/// The InstallPlan to 1.7.0.
pub const PLAN: &str = "to-1-7";

pub fn maintenance(name: &str) -> Value {
    json!({"apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenance", "metadata": {"name": name},
        "spec": {"nodeName": "worker-1", "reason": "disk replacement"}})
}

pub fn install_plan(name: &str, csv: &str, approved: bool) -> Value {
    json!({"apiVersion": "operators.coreos.com/v1alpha1", "kind": "InstallPlan", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"approval": "Manual", "approved": approved, "clusterServiceVersionNames": [csv]}})
}

pub fn subscription(name: &str, package: &str, channel: &str, approval: &str) -> Value {
    json!({"apiVersion": "operators.coreos.com/v1alpha1", "kind": "Subscription", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"name": package, "channel": channel, "installPlanApproval": approval, "source": "community-operators",
            "sourceNamespace": "olm"}})
}

/// HCO's own, or another operator's; an owner by OLM v1 is named by a label.
pub fn deployment(name: &str, version: &str, owner: &str) -> Value {
    let labels = json!({"app": name});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"olm.operatorframework.io/owner-name": owner}},
    "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {"containers": [
        {"name": "operator", "image": "example.org/operator", "env": [{"name": "HCO_KV_IO_VERSION", "value": version}]},
    ]}}}})
}

pub fn cluster_extension(package: &str, version: &str) -> Value {
    json!({"apiVersion": "olm.operatorframework.io/v1", "kind": "ClusterExtension", "metadata": {"name": "extension"},
        "spec": {"namespace": NAMESPACE, "serviceAccount": {"name": "installer"},
            "source": {"sourceType": "Catalog", "catalog": {"packageName": package, "version": version}}}})
}

pub fn cluster_service_version(name: &str, version: &str) -> Value {
    let owned = json!([{"name": "hyperconvergeds.hco.kubevirt.io", "kind": "HyperConverged", "version": "v1beta1"}]);
    json!({"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
        "metadata": {"name": format!("{name}.v{version}"), "namespace": NAMESPACE},
        "spec": {"displayName": name, "version": version, "customresourcedefinitions": {"owned": owned},
            "install": {"strategy": "deployment", "spec": {"deployments": []}}}})
}
