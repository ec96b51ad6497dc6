//! Clusters that the policy may ask about: what is on them, and what of it can be read.

use proptest::{collection::vec, option, prelude::*, sample::select, sample::subsequence};
use serde_json::{Value, json};
use upgrade_gate_core::{
    Answer, CLUSTER_SERVICE_VERSION, Cluster, GetQuery, HYPERCONVERGED, INSTALL_PLAN, ListQuery, NODE_MAINTENANCE,
    Override, ReadError,
};

use crate::thing::{NAMESPACE, PAST, Thing, V, VERSIONS, name, thing_of, turned, version};

/// Lists in an order that means nothing, and which of them there are.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// The versions of the HyperConvergeds: of the usual namespace, and of another one.
    from: Vec<V>,
    pub(crate) maintenances: Vec<Thing>,
    csvs: Vec<Thing>,
    plans: Vec<Thing>,
    overriding: bool,
    /// Of the four in this order.
    pub(crate) reach: [Reach; 4],
    turn: usize,
}

/// What is known of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Shown,
    Hidden,
    NotInstalled,
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    let reach = || select([vec![Reach::Shown; 6], vec![Reach::Hidden, Reach::NotInstalled]].concat());
    let all = |kind| thing_of(kind, VERSIONS.len() - 1, false);
    (
        vec(option::weighted(0.9, prop_oneof![2 => 0..PAST, 1 => PAST..VERSIONS.len()]), 0..3),
        subsequence((0..12).collect::<Vec<usize>>(), 0..=12),
        vec(all(2), 0..6),
        vec(all(1), 0..6),
        any::<bool>(),
        [reach(), reach(), reach(), reach()],
    )
        .prop_map(|(from, maintenances, mut csvs, mut plans, overriding, reach)| {
            // There are no two objects of one name.
            let name = |thing: &Thing| thing.object(&Value::Null)["metadata"]["name"].to_string();
            csvs.sort_by_key(name);
            csvs.dedup_by_key(|thing| name(thing));
            plans.sort_by_key(name);
            plans.dedup_by_key(|thing| name(thing));
            let maintenances = maintenances.into_iter().map(|index| Thing::NodeMaintenance { index }).collect();
            World { from, maintenances, csvs, plans, overriding, reach, turn: 0 }
        })
}

impl World {
    /// With HCO of this version, which can be read.
    pub(crate) fn with(self, from: usize) -> Self {
        let [_, maintenances, csvs, plans] = self.reach;
        Self { from: vec![Some(from)], reach: [Reach::Shown, maintenances, csvs, plans], ..self }
    }

    /// With approved plans that led to this ClusterServiceVersion.
    pub(crate) fn approving(self, csv: &Thing) -> Self {
        let Thing::Csv { name, .. } = csv else { return self };
        let plan = |names| Thing::Plan { versions: vec![*name; names], approved: true, phase: "" };
        Self { plans: (1..4).map(plan).collect(), ..self }
    }

    /// The same in another order.
    pub(crate) fn turned(&self, by: usize) -> Self {
        let plans = self.plans.iter().map(|plan| plan.turned(by)).collect();
        Self { plans, turn: by, ..self.clone() }
    }

    fn objects(&self, kind: &str) -> (Reach, Vec<Value>) {
        let shown = |things: &[Thing]| things.iter().map(|thing| thing.object(&Value::Null)).collect();
        let (index, mut objects) = match kind {
            "HyperConverged" => (0, self.hyperconvergeds()),
            "NodeMaintenance" => (1, shown(&self.maintenances)),
            "ClusterServiceVersion" => (2, shown(&self.csvs)),
            "InstallPlan" => (3, shown(&self.plans)),
            _ => return (Reach::Hidden, Vec::new()),
        };
        if self.overriding {
            for object in &mut objects {
                let reason = format!("integrated-nmo: {} {}", name(1), object["metadata"]["name"]);
                object["metadata"]["annotations"] = json!({Override::ANNOTATION: reason});
            }
        }
        (self.reach[index], turned(&objects, self.turn))
    }

    fn hyperconvergeds(&self) -> Vec<Value> {
        let objects = self.from.iter().zip([NAMESPACE, "other"]).map(|(from, namespace)| {
            let versions = json!([{"name": "operator", "version": version(*from)}]);
            json!({"metadata": {"name": NAMESPACE, "namespace": namespace}, "status": {"versions": versions}})
        });
        objects.collect()
    }
}

impl Cluster for World {
    fn get(&self, query: &GetQuery) -> Result<Answer, ReadError> {
        let not_found = ReadError::NotFound;
        let kinds = [HYPERCONVERGED, NODE_MAINTENANCE, CLUSTER_SERVICE_VERSION, INSTALL_PLAN];
        if let Some(resource) = kinds.iter().find(|resource| resource.crd == query.name) {
            return match self.objects(resource.kind).0 {
                Reach::Shown => Ok(answer(&json!({}))),
                Reach::Hidden => Err(unavailable()),
                Reach::NotInstalled => Err(not_found),
            };
        }
        let (Reach::Shown, objects) = self.objects(&query.kind) else { return Err(unavailable()) };
        let found = objects.iter().find(|object| {
            let metadata = &object["metadata"];
            metadata["name"] == query.name && metadata["namespace"].as_str() == query.namespace.as_deref()
        });
        found.map(answer).ok_or(not_found)
    }

    fn list(&self, query: &ListQuery) -> Result<Answer, ReadError> {
        match self.objects(&query.kind) {
            (Reach::Shown, objects) => Ok(answer(&json!({"items": objects}))),
            _ => Err(unavailable()),
        }
    }
}

fn answer(json: &Value) -> Answer {
    Answer { json: json.to_string().into(), complete: true }
}

fn unavailable() -> ReadError {
    ReadError::Unavailable(format!("forbidden \u{1b}[31m\n{}", "x".repeat(500)))
}
