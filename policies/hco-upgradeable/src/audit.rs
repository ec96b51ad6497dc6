//! Rule `not-upgradeable` of an existing HyperConverged: whoever starts an upgrade now is held back.

use upgrade_gate_core::{Action, Finding, HyperConverged, Product, Review, Version, shorten};

use crate::condition::{may_pass, says, severity, way_out};

/// A violation where the condition is `False`, whatever the settings for upgrades. Nothing else is read:
/// what it does not say is no violation.
pub(crate) fn finding(review: &Review<'_>) -> Option<Finding> {
    let hco = HyperConverged::read(&review.fields());
    let condition = hco.upgradeable.as_ref().filter(|condition| condition.status == "False")?;
    let version = hco.operator_version.as_ref().map_or(String::new(), |version| format!(" {}", shorten(version, 40)));
    let product = hco.version().map_or(Product::Hco, Version::product).name();
    Some(Finding {
        message: format!("{}, so {product}{version} is not to be upgraded now.", says(&hco, condition)),
        remedy: way_out(&hco, condition),
        resources: vec![review.subject()],
        warning: format!("HyperConverged says Upgradeable=False ({})", shorten(&condition.reason, 50)),
        ..Finding::new("not-upgradeable", severity(may_pass(condition)), Action::Deny)
    })
}
