//! What is not known, as findings of the program itself, each with the way to know it.

use upgrade_gate_core::{CLUSTER_SERVICE_VERSION, HYPERCONVERGED, INSTALL_PLAN, NODE_MAINTENANCE, Severity};
use upgrade_gate_snapshot::{Kind, Layout, Snapshot, Source, State};

use crate::{
    installed::Installed,
    judge::Judged,
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
pub(crate) const PROGRAM: &str = "upgrade-gate";

/// For a run in which no upgrade was simulated, as it cannot be told from which version, or to which: why in short, and
/// the finding.
pub(crate) fn version(snapshot: &Snapshot, installed: &Installed) -> (&'static str, Finding) {
    let product = installed.product_name();
    if let Some(version) = installed.version {
        let finding = Finding {
            message: format!("No upgrade was judged: nothing shows to which version {product} {version} is upgraded."),
            remedy: "Name the upgrade: `--to VERSION`.".into(),
            ..missing()
        };
        return ("there is no next version", finding);
    }
    let hco = HYPERCONVERGED.kind;
    let kind = Kind::new(HYPERCONVERGED.api_version, hco);
    let report = snapshot.kinds().iter().find(|report| report.kind == kind);
    let evidence = report.map_or_else(String::new, |report| format!(" ({})", report.evidence));
    let objects = report.map_or(0, |report| report.objects);
    let is_live = snapshot.sources().iter().any(|source| source.layout == Layout::Cluster);
    let elsewhere = "See that this is the cluster on which it runs.";
    let (why, step) = match snapshot.state(&kind) {
        State::NotInstalled => (format!("{hco} is not installed{evidence}"), elsewhere.to_owned()),
        State::Captured if objects == 0 => (format!("there is no {hco} object{evidence}"), elsewhere.to_owned()),
        State::NotCaptured if objects == 0 && is_live => {
            (format!("the cluster did not say which {hco} objects there are{evidence}"), ASK.into())
        }
        State::NotCaptured if objects == 0 => (
            format!("{hco} is not captured{evidence}"),
            format!("{COLLECT} The version alone is in what `kubectl get {} -A -o json` writes.", HYPERCONVERGED.crd),
        ),
        State::Captured | State::NotCaptured => {
            (format!("{hco} says no version that can be read"), "See what its status.versions says.".into())
        }
    };
    let finding = Finding {
        message: format!("No upgrade was judged: nothing shows which version of {product} is installed, as {why}."),
        remedy: format!("{step} Or name the upgrade: `--to VERSION`."),
        ..missing()
    };
    ("nothing shows which version is installed; --to VERSION names an upgrade", finding)
}

/// Likewise, as no policy judges what an upgrade is simulated as.
pub(crate) fn judge() -> (&'static str, Finding) {
    let kind = INSTALL_PLAN.kind;
    let finding = Finding {
        message: format!("No upgrade was judged: none of the policies judges {kind}s."),
        remedy:
            "Add a policy that does: `upgrade-gate policies list` names those that are bundled, and `--policy NAME` \
                 runs one beside others. For the state of the objects alone, `--fail-on blocked` lets this pass."
                .into(),
        ..missing()
    };
    ("no policy judges InstallPlans", finding)
}

/// One finding for each source without a single document, and one for each part of a source that may
/// have held an object that a policy wants.
pub(crate) fn lost(snapshot: &Snapshot, phase: Phase) -> Vec<Finding> {
    let lost = snapshot.skipped().iter().filter(|skipped| skipped.matters).map(|skipped| Finding {
        phase,
        message: format!("It may hold an object that decides the verdict, but it {}.", skipped.reason()),
        remedy: match (skipped.flaw.step(), phase) {
            (Some(step), _) => format!("To know what it holds, {step}."),
            // Nobody collected it: somebody wrote it.
            (None, Phase::Proposed) => "Mend it, and check again.".into(),
            (None, Phase::Audit | Phase::Upgrade) => {
                format!("Collect it again, or mend it, and check again. {SCRIPT}")
            }
        },
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
