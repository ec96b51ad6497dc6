//! Everything that an admin applies is taken by the API server, which looks at every field.

use std::fs;

use upgrade_gate_bundle::BUNDLED;

use crate::{
    gate::{Gate, PLAN, install_plan, maintenance},
    program::{
        check,
        cluster::{NAMESPACE, csv_name},
        program,
        server::until,
        stderr, stdout,
    },
};

pub fn are_created(gate: &mut Gate) {
    let mut files = Vec::new();
    for folder in ["kubewarden", "monitoring", "server", "check"] {
        files.extend(fs::read_dir(format!("deploy/{folder}")).unwrap().map(|file| file.unwrap().path()));
    }
    assert!(files.len() >= 7);
    for file in files {
        gate.passes(&["apply", "--validate=strict", "-f", file.to_str().unwrap()], "");
    }
    // The webhook of a Service that is not there: not in force.
    let ca = gate.api.path("ca.crt");
    for policy in BUNDLED {
        let service =
            ["policies", "manifests", policy.name, "--webhook", "upgrade-gate/upgrade-gate", "--ca-file", &ca];
        let printed = stdout(&program(&service));
        gate.passes(
            &["create", "--validate=strict", "--dry-run=server", "-f", "-"],
            &printed.replace("upgrade-gate-", "other-"),
        );
    }
    gate.applies(&[maintenance("reported")]);
    let kubeconfig = gate.api.kubeconfig("admin").display().to_string();
    for (format, kind) in [("openreports", "clusterreports"), ("policyreport", "clusterpolicyreports")] {
        let report = stdout(&check(&["--kubeconfig", &kubeconfig, "-o", format]));
        gate.passes(&["create", "--validate=strict", "-f", "-"], &report);
        let stored = stdout(&gate.api.kubectl(&["get", kind, "-o", "yaml"]));
        assert!(stored.contains("name: reported"), "{stored}");
    }
    gate.passes(&["delete", "nodemaintenances.nodemaintenance.kubevirt.io", "reported"], "");
}

/// Alone, without the webhooks.
pub fn the_validating_admission_policy_refuses(gate: &mut Gate) {
    gate.passes(&["delete", "validatingwebhookconfigurations", "--all"], "");
    gate.server = None;
    until("no webhook is asked", || gate.approval(&["--dry-run=server"]).status.success());
    gate.passes(&["apply", "--validate=strict", "-f", "deploy/admission-policy/validating-admission-policy.yaml"], "");
    let said = || stderr(&gate.approval(&["--dry-run=server"]));
    until("the policy is in force", || said().contains("ValidatingAdmissionPolicy 'upgrade-gate-integrated-nmo'"));
    let said = said();
    assert!(said.contains("denied request") && said.contains("nm-1"), "{said}");
    gate.passes(
        &["create", "--dry-run=server", "-f", "-"],
        &install_plan("other", "cert-manager.v1.7.0", true).to_string(),
    );
    gate.passes(
        &["create", "--dry-run=server", "-f", "-"],
        &install_plan("patch", &csv_name("1.6.1"), true).to_string(),
    );
    let delete =
        gate.api.kubectl(&["delete", "crd", "nodemaintenances.nodemaintenance.kubevirt.io", "--dry-run=server"]);
    assert!(!delete.status.success());
    gate.passes(&["delete", "nodemaintenances.nodemaintenance.kubevirt.io", "--all"], "");
    until("the policy lets it pass", || gate.approval(&["--dry-run=server"]).status.success());
    gate.passes(&["delete", "installplan", PLAN, "-n", NAMESPACE], "");
}
