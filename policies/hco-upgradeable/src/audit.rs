//! What is said of existing objects: HyperConverged by its conditions, a ClusterServiceVersion by its phase.

use upgrade_gate_core::{Action, Finding, HyperConverged, Product, Review, Version, shorten};

use crate::{
    condition::{may_pass, says, severity, way_out},
    health,
};

/// Nothing else is read: what HyperConverged does not say is no violation.
pub(crate) fn hyperconverged(review: &Review<'_>) -> Vec<Finding> {
    let hco = HyperConverged::read(&review.fields());
    let about = |finding: Finding| Finding { resources: vec![review.subject()], ..ended(finding) };
    not_upgradeable(review, &hco).into_iter().chain(health::findings(&hco).into_iter().map(about)).collect()
}

/// One that failed, or with which OLM is not done.
pub(crate) fn cluster_service_version(review: &Review<'_>) -> Option<Finding> {
    health::of_existing(&review.fields(), review.subject()).map(ended)
}

/// Rule `not-upgradeable`: whoever starts an upgrade now is held back, so it is a violation whatever the settings for
/// upgrades.
fn not_upgradeable(review: &Review<'_>, hco: &HyperConverged) -> Option<Finding> {
    let condition = hco.condition("Upgradeable").filter(|condition| condition.status == "False")?;
    let version = hco.operator_version.as_ref().map_or(String::new(), |version| format!(" {}", shorten(version, 40)));
    let product = hco.version().map_or(Product::Hco, Version::product).name();
    Some(Finding {
        message: format!("{}, so {product}{version} is not to be upgraded now.", says(hco, condition)),
        remedy: way_out(hco, condition),
        resources: vec![review.subject()],
        warning: format!("HyperConverged says Upgradeable=False ({})", shorten(&condition.reason, 50)),
        ..Finding::new("not-upgradeable", severity(may_pass(condition)), Action::Deny)
    })
}

/// What is said of it is a whole sentence.
fn ended(finding: Finding) -> Finding {
    Finding { message: finding.message + ".", ..finding }
}
