//! Takes out findings that are told twice: of a plan that waits, and of its simulated approval.

use crate::{
    judge::Judged,
    report::{Finding, Phase},
};

/// Takes out of an audit what the same policy says in the same words of the same object's simulated approval, or the
/// other way round: the stronger one stays. What was audited stays as it is, for the reports of a background audit.
pub(crate) fn told(judged: &mut [Judged]) {
    let of_phase = |judged: &[Judged], phase: Phase| -> Vec<(usize, Finding)> {
        let of_phase = judged.iter().filter(|one| one.phase == phase);
        of_phase
            .flat_map(|one| one.findings.iter().filter_map(|finding| Some((one.policy?, finding.clone()))))
            .collect()
    };
    let approved = of_phase(judged, Phase::Upgrade);
    if approved.is_empty() {
        return;
    }
    let is_same = |a: &Finding, b: &Finding| a.resource == b.resource && a.rule == b.rule && a.message == b.message;
    let mut stronger_in_audit = Vec::new();
    for one in judged.iter_mut().filter(|one| one.phase == Phase::Audit) {
        let policy = one.policy;
        one.retain(|finding| {
            let mut same = approved.iter().filter(|(by, other)| Some(*by) == policy && is_same(finding, other));
            let Some((by, other)) = same.next() else { return true };
            let stays = finding.result > other.result;
            if stays {
                stronger_in_audit.push((*by, finding.clone()));
            }
            stays
        });
    }
    for one in judged.iter_mut().filter(|one| one.phase == Phase::Upgrade) {
        let policy = one.policy;
        one.retain(|finding| {
            !stronger_in_audit.iter().any(|(by, other)| Some(*by) == policy && is_same(finding, other))
        });
    }
}
