//! What holds for every review on every cluster: random ones, the same in every run.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test says no")]

mod thing;
mod world;

use integrated_nmo::IntegratedNmo;
use proptest::{option, prelude::*, sample::select, test_runner::RngSeed};
use serde_json::{Value, json};
use upgrade_gate_core::{Override, Policy, Review, Verdict};
use upgrade_gate_testing::Case;

use thing::{NODE_MAINTENANCE, PAST, Thing, VERSIONS, name, thing_of};
use world::{Reach, World, world};

/// A review of any kind: what was there, and what is to be.
fn review() -> impl Strategy<Value = Value> {
    let max = VERSIONS.len() - 1;
    let things = (0..9usize).prop_flat_map(move |kind| (thing_of(kind, max, false), thing_of(kind, max, false)));
    (things, 0..4u8, prop::bool::weighted(0.2)).prop_map(|((old, new), operation, overridden)| {
        let reason = format!("integrated-nmo: {}", name(1));
        let annotations = if overridden { json!({Override::ANNOTATION: reason}) } else { Value::Null };
        let (old, mut new) = (old.object(&Value::Null), new.object(&annotations));
        match operation {
            0 => json!({"operation": "CREATE", "user": "a", "object": new}),
            1 => json!({"operation": "UPDATE", "user": "a", "object": new, "oldObject": old}),
            2 => json!({"operation": "DELETE", "user": "a", "oldObject": new}),
            _ => {
                new["metadata"]["resourceVersion"] = "1".into();
                json!({"object": new})
            }
        }
    })
}

fn settings() -> impl Strategy<Value = Value> {
    let action = || select(vec!["deny", "warn", "dryrun"]);
    let chosen = (action(), action(), action(), action(), action(), any::<bool>()).prop_map(|(a, b, c, d, e, f)| {
        json!({"onCreate": a, "onCreateDuringUpgrade": b, "onUpgrade": c, "onCrdRemoval": d, "onMissingData": e,
               "allowOverride": f})
    });
    prop_oneof![Just(json!({})), chosen]
}

fn judge(settings: &Value, when: &Value, world: &World) -> Verdict {
    let case = json!({"case": "", "settings": settings, "when": when, "then": {"allowed": true}});
    let case: Case = serde_json::from_value(case).unwrap();
    let request = case.request();
    let review: Review<'_> = serde_json::from_str(&request).unwrap();
    IntegratedNmo::judge(&IntegratedNmo::parse_settings(&case.settings()).unwrap(), &review, world)
}

fn update(old: &Value, new: &Value) -> Value {
    json!({"operation": "UPDATE", "user": "a", "object": new, "oldObject": old})
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_node_maintenance_is_changed_and_deleted_in_peace(
        world in world(), settings in settings(), old in 0..12usize, new in 0..12usize, delete in any::<bool>(),
    ) {
        let object = |index| Thing::NodeMaintenance { index }.object(&Value::Null);
        let when = if delete {
            json!({"operation": "DELETE", "user": "a", "oldObject": object(old)})
        } else {
            update(&object(old), &object(new))
        };
        let verdict = judge(&settings, &when, &world);
        prop_assert_eq!(verdict.findings, vec![]);
    }

    #[test]
    fn only_the_crd_of_node_maintenance_is_kept_from_deletion(
        world in world(), settings in settings(), thing in (0..9usize).prop_flat_map(|kind| thing_of(kind, 8, false)),
    ) {
        let when = json!({"operation": "DELETE", "user": "a", "oldObject": thing.object(&Value::Null)});
        let verdict = judge(&settings, &when, &world);
        let is_the_crd = matches!(thing, Thing::Crd { name: NODE_MAINTENANCE });
        prop_assert!(verdict.allowed || is_the_crd, "{thing:?}");
    }

    #[test]
    fn what_names_no_version_above_the_installed_one_is_not_refused(
        (from, old, new) in (0..VERSIONS.len(), 1..7usize)
            .prop_flat_map(|(from, kind)| (Just(from), option::of(thing_of(kind, 8, false)), thing_of(kind, from, true))),
        world in world(), settings in settings(),
    ) {
        let new = new.object(&Value::Null);
        let when = match old {
            Some(old) => update(&old.object(&Value::Null), &new),
            None => json!({"operation": "CREATE", "user": "a", "object": new}),
        };
        prop_assert!(judge(&settings, &when, &world.with(from)).allowed);
    }

    #[test]
    fn a_step_back_is_not_refused(
        world in world(), from in 0..VERSIONS.len(), settings in settings(), by in 0..4usize, hold in any::<bool>(),
        old in (1..8usize).prop_flat_map(|kind| thing_of(kind, 8, true)),
    ) {
        let when = update(&old.object(&Value::Null), &old.back(by, hold).object(&Value::Null));
        prop_assert!(judge(&settings, &when, &world.with(from)).allowed);
    }

    #[test]
    fn a_change_of_metadata_is_not_remarked_on(
        world in world(), settings in settings(), thing in (0..9usize).prop_flat_map(|kind| thing_of(kind, 8, false)),
    ) {
        let when = update(&thing.object(&Value::Null), &thing.object(&json!({"team": "a"})));
        let verdict = judge(&settings, &when, &world);
        prop_assert_eq!((verdict.allowed, verdict.warnings), (true, vec![]));
    }

    #[test]
    fn the_order_of_lists_decides_nothing(
        world in world(), from in option::weighted(0.7, 0..PAST), settings in settings(), by in 1..12usize,
        create in any::<bool>(),
        // Most of all those for which several lists are read.
        (old, new) in prop_oneof![2 => Just(0), 3 => Just(7), 4 => Just(2), 3 => 0..9usize]
            .prop_flat_map(|kind| (thing_of(kind, 8, false), thing_of(kind, 8, false))),
    ) {
        let world = from.map_or(world.clone(), |from| world.with(from).approving(&new));
        let when = |old: &Thing, new: &Thing| {
            let (old, new) = (old.object(&Value::Null), new.object(&Value::Null));
            if create { json!({"user": "a", "object": new}) } else { update(&old, &new) }
        };
        prop_assert_eq!(
            judge(&settings, &when(&old, &new), &world),
            judge(&settings, &when(&old.turned(by), &new.turned(by)), &world.turned(by))
        );
    }

    #[test]
    fn answers_are_short_and_print(world in world(), settings in settings(), when in review()) {
        let verdict = judge(&settings, &when, &world);
        let printed = verdict.findings.iter().flat_map(|finding| [&finding.message, &finding.remedy]);
        let texts: Vec<&String> = verdict.message.iter().chain(&verdict.warnings).chain(printed).collect();
        prop_assert!(!texts.iter().any(|text| text.chars().any(char::is_control)), "{texts:?}");
        prop_assert!(verdict.message.iter().all(|message| message.chars().count() < 1_000), "{texts:?}");
        prop_assert!(verdict.warnings.iter().all(|warning| warning.chars().count() < 200), "{texts:?}");
    }

    /// The other properties are not about a policy that says yes to everything.
    #[test]
    fn an_approval_over_the_boundary_is_refused_unless_nothing_is_in_the_way(
        world in world(), from in 0..PAST, to in PAST..VERSIONS.len(),
    ) {
        let world = world.with(from);
        let plan = |approved| Thing::Plan { versions: vec![Some(to)], approved, phase: "" }.object(&Value::Null);
        let verdict = judge(&json!({}), &update(&plan(false), &plan(true)), &world);
        let nothing_in_the_way = match world.reach[1] {
            Reach::Shown => world.maintenances.is_empty(),
            Reach::Hidden => false,
            Reach::NotInstalled => true,
        };
        prop_assert_eq!(verdict.code, (!nothing_in_the_way).then_some(403));
    }
}
