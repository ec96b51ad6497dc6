//! The upgrade that nobody has started yet, as a review: an InstallPlan is approved. To which version, and whether that
//! is one.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};
use upgrade_gate_core::{
    Fields, HcoCsv, INSTALL_PLAN, Product, Severity, Version,
    upgrade::{InstallPlan, SIMULATED, Scope, Target},
};
use upgrade_gate_snapshot::{Kind, Object, Origin, Snapshot};

use crate::{
    error::Error,
    installed::{Installed, of_kind},
    missing::own,
    report::{self, Finding, Phase},
    review::Review,
};

/// The simulated upgrade, as the report says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// The installed version; `null` where nothing shows it.
    pub from: Option<String>,
    /// The full version.
    pub to: String,
    /// What `--to` says, where that is the other product's number of the same version; else `null`.
    pub translated_from: Option<String>,
    /// Whose version that is.
    pub product: Product,
    /// The kind of object that starts it.
    pub via: &'static str,
    /// Why this one.
    pub chosen_by: ChosenBy,
}

/// How the target was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChosenBy {
    /// `--to` says so.
    Flag,
    /// A plan of the snapshot waits for it.
    InstallPlan,
    /// It is the next minor version of the installed one.
    NextMinor,
}

/// What `--to` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// As the installed product counts it.
    version: Version,
    /// As it was given, where that is another number.
    translated_from: Option<Version>,
    /// Whether it is not above what is installed.
    pub(crate) is_step_back: bool,
}

/// A version as the installed product counts it.
///
/// # Errors
/// [`Error::NoUpgrade`] where it is not above what is installed, unless that is allowed.
pub(crate) fn named(to: Version, installed: &Installed, allow_downgrade: bool) -> Result<Named, Error> {
    let version = installed.product.and_then(|product| to.counted_by(product)).unwrap_or(to);
    let translated_from = (version != to).then_some(to);
    let is_step_back = installed.version.is_some_and(|from| !version.is_after(from));
    match installed.version {
        Some(from) if is_step_back && !allow_downgrade => Err(Error::NoUpgrade { asked: to, to: version, from }),
        _ => Ok(Named { version, translated_from, is_step_back }),
    }
}

/// The upgrade to `to`; without it, the one of the plan that waits, or else to the next minor version.
/// `None` where it cannot be told what that would be.
pub(crate) fn simulate<'a>(
    snapshot: &'a Snapshot,
    installed: &Installed,
    to: Option<Named>,
) -> Option<(Upgrade, Review<'a>)> {
    let plans = || {
        let plans = of_kind(snapshot, INSTALL_PLAN).filter_map(|object| Some((object, Fields::parse(&object.json)?)));
        let unfinished = plans.filter(|(_, fields)| InstallPlan::is_unfinished(fields));
        let plans = unfinished.map(|(object, fields)| (object, InstallPlan::read(&fields)));
        // OLM installs HCO where its plan is: a plan of another namespace is none of this HCO's.
        plans.filter(|(_, plan)| installed.namespace.is_none() || plan.namespace == installed.namespace)
    };
    let translated_from = to.and_then(|named| named.translated_from);
    let (to, chosen_by, plan) = match to.map(|named| named.version) {
        Some(to) => {
            let named = plans().filter(|(_, plan)| plan.csvs.iter().any(|csv| csv.version == Some(to)));
            let newest = named.max_by_key(|(_, plan)| plan.generation);
            (to, ChosenBy::Flag, newest.map(|(object, _)| object))
        }
        None => {
            let from = installed.version?;
            let waiting = plans().filter_map(|(object, plan)| match plan.target(Scope::HigherThan(Some(from)))? {
                Target::Version(to) => Some((plan.generation, to, object)),
                _ => None,
            });
            match waiting.max_by_key(|(generation, to, _)| (*generation, *to)) {
                Some((_, to, object)) => (to, ChosenBy::InstallPlan, Some(object)),
                None => {
                    let next = Version { minor: from.minor.checked_add(1)?, patch: 0, ..from };
                    (next, ChosenBy::NextMinor, None)
                }
            }
        }
    };
    let upgrade = Upgrade {
        from: installed.version.map(|from| from.to_string()),
        to: to.to_string(),
        translated_from: translated_from.map(|version| version.to_string()),
        product: to.product(),
        via: INSTALL_PLAN.kind,
        chosen_by,
    };
    let review = match plan {
        Some(plan) => approval(plan, Some(plan.origin.clone())),
        None => approval(&synthetic(to, installed.namespace.as_deref()), None),
    };
    Some((upgrade, review?))
}

/// One finding of an upgrade that is none.
pub(crate) fn step_back(upgrade: &Upgrade) -> Finding {
    let Upgrade { from, to, .. } = upgrade;
    let from = from.as_deref().unwrap_or("unknown version");
    Finding {
        phase: Phase::Upgrade,
        message: format!(
            "From {from} to {to} is no upgrade: the policies are about upgrades, and OLM starts none to it."
        ),
        remedy: "Name a higher version, without --allow-downgrade.".into(),
        ..own("step-back", report::Result::Warn, Severity::Medium)
    }
}

/// The same plan before and after its approval.
fn approval<'a>(plan: &Object, origin: Option<Origin>) -> Option<Review<'a>> {
    let mut json: Value = serde_json::from_str(&plan.json).ok()?;
    let mut approved = |approved: bool| {
        json.pointer_mut("/spec")?.as_object_mut()?.insert("approved".into(), approved.into());
        Some(json.to_string())
    };
    let old = approved(false)?;
    let object = Object { json: approved(true)?, ..plan.clone() };
    Some(Review::change(Phase::Upgrade, Cow::Owned(object), Some(Cow::Owned(old)), origin))
}

/// What OLM would make for a Subscription that is `Manual`.
fn synthetic(to: Version, namespace: Option<&str>) -> Object {
    let name = SIMULATED;
    let json = json!({
        "apiVersion": INSTALL_PLAN.api_version,
        "kind": INSTALL_PLAN.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "approval": "Manual",
            "approved": false,
            "clusterServiceVersionNames": [HcoCsv::name_of(&to.to_string())],
        },
    });
    Object::made_up(Kind::new(INSTALL_PLAN.api_version, INSTALL_PLAN.kind), namespace, name, json.to_string())
}
