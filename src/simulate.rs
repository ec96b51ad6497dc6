//! The upgrade that nobody has started yet, as a review: an InstallPlan is approved.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};
use upgrade_gate_core::{
    Fields, HcoCsv, INSTALL_PLAN, Version,
    upgrade::{InstallPlan, Scope, Target},
};
use upgrade_gate_snapshot::{Kind, Object, Origin, Snapshot};

use crate::{
    installed::{Installed, of_kind},
    report::Phase,
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
    /// Whose version that is: `hco` or `openshift-virtualization`.
    pub product: &'static str,
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

/// The upgrade to `to`; without it, the one of the plan that waits, or else to the next minor version.
/// `None` where it cannot be told what that would be.
pub(crate) fn simulate<'a>(
    snapshot: &'a Snapshot,
    installed: &Installed,
    to: Option<Version>,
) -> Option<(Upgrade, Review<'a>)> {
    let plans = || {
        let plans = of_kind(snapshot, INSTALL_PLAN).filter_map(|object| Some((object, Fields::parse(&object.json)?)));
        let unfinished = plans.filter(|(_, fields)| InstallPlan::is_unfinished(fields));
        let plans = unfinished.map(|(object, fields)| (object, InstallPlan::read(&fields)));
        // OLM installs HCO where its plan is: a plan of another namespace is none of this HCO's.
        plans.filter(|(_, plan)| installed.namespace.is_none() || plan.namespace == installed.namespace)
    };
    let (to, chosen_by, plan) = match to {
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
        product: if to.major <= 1 { "hco" } else { "openshift-virtualization" },
        via: INSTALL_PLAN.kind,
        chosen_by,
    };
    let review = match plan {
        Some(plan) => approval(plan, Some(plan.origin.clone())),
        None => approval(&synthetic(to, installed.namespace.as_deref()), None),
    };
    Some((upgrade, review?))
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
    let name = "simulated";
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
