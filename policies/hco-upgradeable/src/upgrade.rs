//! Rules `not-upgradeable`, `upgradeable-unknown`, `upgradeable-overridden` and `missing-data`: an upgrade of
//! HCO is asked for, and what does HyperConverged say to that?

use upgrade_gate_core::{
    Action, Cluster, Condition, Fields, Finding, GetQuery, HYPERCONVERGED, HcoCsv, HyperConverged, OPERATOR_CONDITION,
    ReadError, Review, Severity, Version, installed, paths, shorten,
    upgrade::{self, OperatorCondition, Scope},
};

use crate::{
    asked::Asked,
    condition::{may_pass, named, reference, says, see_all, severity, way_out},
    health,
    settings::Settings,
};

/// Reads nothing where the review is no upgrade from any version, then HyperConverged and the ClusterServiceVersion of its
/// version, and only where HyperConverged says `False` the OperatorCondition.
pub(crate) fn findings(settings: &Settings, review: &Review<'_>, cluster: &dyn Cluster) -> Vec<Finding> {
    let Some(from_any) = upgrade::start(review, Scope::HigherThan(None)) else { return Vec::new() };
    let hco = match installed(cluster, upgrade::namespace(review).as_deref()) {
        Ok(Some(hco)) => hco,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![missing(settings, &Asked { review, start: from_any, from: None }, &error)],
    };
    let from = hco.version();
    // To a patch version that was asked for before, another minor is news: it may be held back more strictly.
    let last_patch = from.map(|from| Version { patch: u64::MAX, ..from });
    let start = [from, last_patch].into_iter().find_map(|from| upgrade::start(review, Scope::HigherThan(from)));
    let Some(start) = start else { return Vec::new() };
    let asked = Asked { review, start, from };
    let ill = health::findings(&hco).into_iter().chain(health::of_installed(&hco, cluster));
    let ill = ill.map(|finding| Finding { message: format!("{}, but {}.", asked.what(), finding.message), ..finding });
    upgradeable(settings, &asked, &hco, cluster).into_iter().chain(ill).collect()
}

/// What HyperConverged says of `Upgradeable`, where that is not `True`.
fn upgradeable(settings: &Settings, asked: &Asked<'_>, hco: &HyperConverged, cluster: &dyn Cluster) -> Option<Finding> {
    match hco.condition("Upgradeable") {
        Some(condition) if condition.status == "True" => None,
        Some(condition) if condition.status == "False" => Some(
            overridden(asked, hco, condition, cluster)
                .unwrap_or_else(|| not_upgradeable(settings, asked, hco, condition)),
        ),
        None if hco.operator_version.is_none() => Some(silent(settings, asked, hco)),
        condition => Some(unknown(settings, asked, hco, condition)),
    }
}

fn not_upgradeable(settings: &Settings, asked: &Asked<'_>, hco: &HyperConverged, condition: &Condition) -> Finding {
    let is_mild = asked.stays_in_minor() || may_pass(condition);
    let action = match (is_mild, asked.is_certain()) {
        (true, _) => asked.at_most(settings.on_patch_upgrade),
        (false, true) => settings.on_upgrade,
        (false, false) => Action::Warn,
    };
    let reason = shorten(&condition.reason, 33);
    let warning = format!("HyperConverged says Upgradeable=False ({reason}): no upgrade {} yet", asked.aim_in_short());
    Finding {
        message: format!("{}, but {}.", asked.what(), says(hco, condition)),
        remedy: way_out(hco, condition),
        afterwards: asked.then(),
        resources: vec![reference(hco)],
        warning: shorten(&warning, 110),
        ..Finding::new("not-upgradeable", severity(is_mild), action)
    }
}

/// `None` where nobody overrides what HyperConverged says, or where that cannot be read.
fn overridden(
    asked: &Asked<'_>,
    hco: &HyperConverged,
    condition: &Condition,
    cluster: &dyn Cluster,
) -> Option<Finding> {
    let name = HcoCsv::name_of(hco.operator_version.as_ref()?);
    let query = GetQuery {
        api_version: OPERATOR_CONDITION.api_version.into(),
        kind: OPERATOR_CONDITION.kind.into(),
        namespace: Some(hco.namespace.clone()?),
        name: name.clone(),
        fields: paths(&OperatorCondition::FIELDS),
        disable_cache: false,
    };
    let answer = cluster.get(&query).ok()?;
    let overrides = OperatorCondition::read(&Fields::parse(&answer.json)?).overrides_upgradeable;
    overrides.then(|| Finding {
        message: format!(
            "{}. {}, which OperatorCondition {} overrides with Upgradeable=True.",
            asked.what(),
            says(hco, condition),
            shorten(&name, 80),
        ),
        remedy: "If that is no longer meant, take Upgradeable out of `spec.overrides` of the OperatorCondition.".into(),
        resources: vec![OPERATOR_CONDITION.named(query.namespace, query.name, None), reference(hco)],
        warning: format!("OperatorCondition {} overrides HyperConverged's Upgradeable=False", shorten(&name, 45)),
        ..Finding::new("upgradeable-overridden", Severity::Low, Action::Warn)
    })
}

fn unknown(settings: &Settings, asked: &Asked<'_>, hco: &HyperConverged, condition: Option<&Condition>) -> Finding {
    let says = condition
        .map_or_else(|| format!("{} has no condition Upgradeable", named(hco)), |condition| says(hco, condition));
    let warning = format!(
        "HyperConverged does not say yet whether HCO can be upgraded: wait before the upgrade {}",
        asked.aim_in_short()
    );
    Finding {
        message: format!("{}, but {says}.", asked.what()),
        remedy: format!("Wait until HCO says Upgradeable=True. {}", see_all(hco)),
        afterwards: asked.then(),
        resources: vec![reference(hco)],
        warning: shorten(&warning, 110),
        ..Finding::new("upgradeable-unknown", Severity::Medium, asked.at_most(settings.on_unknown))
    }
}

/// HyperConverged says neither its version nor anything of `Upgradeable`: HCO has not written its status yet, or the object
/// that is seen here has lost it.
fn silent(settings: &Settings, asked: &Asked<'_>, hco: &HyperConverged) -> Finding {
    let error = ReadError::Unavailable(format!("the status of {} says neither that nor its version", named(hco)));
    Finding {
        remedy: format!("Wait until HCO says Upgradeable=True. {}", see_all(hco)),
        resources: vec![reference(hco)],
        ..missing(settings, asked, &error)
    }
}

/// Nobody could say whether HCO is installed, and what it says of itself.
fn missing(settings: &Settings, asked: &Asked<'_>, error: &ReadError) -> Finding {
    let action = asked.at_most(settings.on_upgrade.min(settings.on_missing_data));
    Finding {
        message: format!(
            "{}. Whether HyperConverged says Upgradeable=True could not be read: {}.",
            asked.what(),
            shorten(error.to_string().trim_end_matches('.'), 250),
        ),
        remedy: HYPERCONVERGED.how_to_read(),
        afterwards: asked.then(),
        warning: "it could not be read whether HyperConverged says Upgradeable=True".into(),
        ..Finding::unknown(Severity::Medium, action)
    }
}
