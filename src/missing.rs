//! What is not known, as findings of the program itself, each with the way to know it.

use upgrade_gate_core::{CLUSTER_SERVICE_VERSION, HYPERCONVERGED, NODE_MAINTENANCE, Severity};
use upgrade_gate_snapshot::{KindReport, Layout, Snapshot, Source, State};

use crate::{
    judge::Judged,
    policy_set::node_maintenance,
    report::{Finding, Phase, Result},
};

/// The end of a remedy: how to leave nothing unknown.
pub(crate) const SCRIPT: &str =
    "`upgrade-gate policies collect` prints a script that collects all that policies ask for.";

/// What is done about what no source shows: it works wherever the API server is, and records what was asked.
pub(crate) const COLLECT: &str = "Collect it with the script that `upgrade-gate policies collect > collect.sh` writes: run \
    `sh collect.sh FOLDER`, and check FOLDER.";

/// The same of a cluster, which was asked.
const ASK: &str = "Ask as somebody who may list it: --context names another user of the kubeconfig, and \
    deploy/check/rbac.yaml has the rights that a check needs.";

/// A policy says what admission has to be granted; whoever checks has to collect, or to ask as somebody else.
pub(crate) fn speak_to_whoever_checks(judged: &mut [Judged], is_live: bool) {
    let findings = judged.iter_mut().flat_map(|judged| &mut judged.findings);
    for finding in findings.filter(|finding| finding.rule == "missing-data") {
        let grants = [NODE_MAINTENANCE, HYPERCONVERGED, CLUSTER_SERVICE_VERSION].map(|kind| kind.how_to_read());
        let spoken = grants.iter().map(String::as_str).chain([COLLECT]);
        if let Some(rest) = spoken.into_iter().find_map(|spoken| finding.remedy.strip_prefix(spoken)) {
            finding.remedy = format!("{}{rest}", if is_live { ASK } else { COLLECT });
        }
    }
}

/// Who says it.
const PROGRAM: &str = "upgrade-gate";

/// One finding where nothing shows whether NodeMaintenance objects exist; for a run in which no policy
/// was asked about an upgrade.
pub(crate) fn proof(snapshot: &Snapshot) -> Option<Finding> {
    let kind = node_maintenance();
    let report = snapshot.kinds().iter().find(|report| report.kind == kind)?;
    // A manifest that was never stored says nothing about the cluster.
    let stored = snapshot.objects().any(|object| object.kind == kind && object.resource_version.is_some());
    let is_live = snapshot.sources().iter().any(|source| source.layout == Layout::Cluster);
    (report.state == State::NotCaptured && !stored).then(|| if is_live { unlisted(report) } else { unproved(report) })
}

/// One finding for each source without a single document, and one for each part of a source that may
/// have held an object that a policy wants.
pub(crate) fn lost(snapshot: &Snapshot, phase: Phase) -> Vec<Finding> {
    let lost = snapshot.skipped().iter().filter(|skipped| skipped.matters).map(|skipped| Finding {
        phase,
        message: format!("It may hold an object that decides the verdict, but it {}.", skipped.reason()),
        remedy: format!("Collect it again, or mend it, and check again. {SCRIPT}"),
        origin: Some(skipped.origin.clone()),
        ..missing()
    });
    // Of a cluster each kind says why it was not listed.
    let is_empty = |source: &&Source| source.documents == 0 && source.layout != Layout::Cluster;
    let empty = snapshot.sources().iter().filter(is_empty).map(|source| Finding {
        phase,
        message: format!("Source `{}` holds no Kubernetes document.", source.path),
        remedy: match phase {
            Phase::Proposed => "Name the manifests that are to be applied.".into(),
            Phase::Audit | Phase::Upgrade => format!("Name a must-gather, or what `kubectl get` wrote. {SCRIPT}"),
        },
        ..missing()
    });
    empty.chain(lost).collect()
}

fn unproved(report: &KindReport) -> Finding {
    let (path, crd) = (NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.crd);
    let known = format!("If you know that there are none: `--assume-captured {crd}`.");
    Finding {
        message: format!(
            "Nothing shows whether there are {} objects of {path}, which the upgrade to HCO 1.7 (OpenShift \
             Virtualization 4.11) deletes: {}. A default must-gather does not collect them, and an empty `kubectl get` \
             does not say of what.",
            NODE_MAINTENANCE.kind, report.evidence,
        ),
        remedy: format!("{COLLECT} {known}"),
        ..missing()
    }
}

/// The same of a cluster, which was asked.
fn unlisted(report: &KindReport) -> Finding {
    Finding {
        message: format!(
            "The cluster did not say whether there are {} objects of {}, which the upgrade to HCO 1.7 (OpenShift \
             Virtualization 4.11) deletes: {}.",
            NODE_MAINTENANCE.kind, NODE_MAINTENANCE.api_version, report.evidence,
        ),
        remedy: ASK.into(),
        ..missing()
    }
}

fn missing() -> Finding {
    own("missing-data", Result::Unknown, Severity::High)
}

/// A finding of the program itself, about no object.
pub(crate) fn own(rule: &str, result: Result, severity: Severity) -> Finding {
    Finding {
        policy: PROGRAM.into(),
        rule: rule.into(),
        phase: Phase::Audit,
        result,
        severity,
        message: String::new(),
        remedy: String::new(),
        runbook: None,
        resource: None,
        origin: None,
    }
}
