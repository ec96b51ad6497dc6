//! OperatorCondition: an override lets OLM go on with what it held back, without asking again.

use crate::{
    fields::Fields,
    names::HcoCsv,
    object::Metadata,
    upgrade::{Scope, Start, Target},
};

/// `OperatorCondition` of `operators.coreos.com/v2` (or `v1`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorCondition {
    /// Whether `spec.overrides` says `Upgradeable=True`, whatever the operator says.
    pub overrides_upgradeable: bool,
}

impl OperatorCondition {
    /// The fields that are read, for a query.
    pub const FIELDS: [&'static str; 1] = ["spec.overrides"];

    /// Of an object of that kind.
    #[must_use]
    pub fn read(object: &Fields<'_>) -> Self {
        let overrides = object.object("spec").objects("overrides");
        let says = |entry: &Fields<'_>, field: &str, value: &str| entry.text(field).as_deref() == Some(value);
        Self {
            overrides_upgradeable: overrides
                .iter()
                .any(|entry| says(entry, "type", "Upgradeable") && says(entry, "status", "True")),
        }
    }
}

/// Newly overridden, of an HCO that is installed. What it lets through is for the policy to look up.
pub(super) fn start(object: &Fields<'_>, old: Option<&Fields<'_>>, scope: Scope) -> Option<Start> {
    HcoCsv::named(&Metadata::read(object).name)?;
    let overrides = |object: &Fields<'_>| OperatorCondition::read(object).overrides_upgradeable;
    let newly = overrides(object) && !old.is_some_and(overrides);
    (newly && scope == Scope::PastBoundary).then(|| Start::begins(Target::Pending))
}
