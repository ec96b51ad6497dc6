//! Objects of every kind that the policy looks at, as random as its users' are.

use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use Thing::{
    ClusterExtension, ClusterVersion, Crd, Csv, Deployment, NodeMaintenance, OperatorCondition, Plan, Subscription,
};

/// From low to high; 1.y is 4.(y+4).
pub(crate) const VERSIONS: [&str; 9] =
    ["1.5.2", "1.6.0", "v1.6.1", "4.10.5", "1.7.0-unstable", "1.7.0", "4.11.1", "1.8.0", "100.0.0"];
/// The first of them that is past the boundary.
pub(crate) const PAST: usize = 4;

pub(crate) const NAMESPACE: &str = "kubevirt-hyperconverged";
pub(crate) const NODE_MAINTENANCE: &str = "nodemaintenances.nodemaintenance.kubevirt.io";

/// One of [`VERSIONS`]; `None` is one that cannot be read.
pub(crate) type V = Option<usize>;

pub(crate) fn version(v: V) -> &'static str {
    v.map_or("next\n\u{1b}[31m", |v| VERSIONS[v])
}

fn csv_name(v: V) -> String {
    format!("kubevirt-hyperconverged-operator.v{}", version(v).trim_start_matches('v'))
}

/// An object, as far as the policy looks at it.
#[derive(Clone, Debug)]
pub(crate) enum Thing {
    NodeMaintenance { index: usize },
    Plan { versions: Vec<V>, approved: bool, phase: &'static str },
    Csv { name: V, version: V, owns: bool, copy: bool, phase: &'static str },
    OperatorCondition { overridden: bool },
    Subscription { channel: V, automatic: bool, starting: Option<V>, source: bool },
    Deployment { version: V, owned: bool, replicas: u8 },
    ClusterExtension { version: Option<V>, channels: Vec<V> },
    ClusterVersion { version: Option<V> },
    Crd { name: &'static str },
}

/// Of each kind. Versions are at most `max`, and can be read if that is asked for.
pub(crate) fn thing_of(kind: usize, max: usize, readable: bool) -> BoxedStrategy<Thing> {
    // Mostly a few, so that objects name the same ones.
    let usual: Vec<usize> = [0, 1, 5, 7].into_iter().filter(|v| *v <= max).collect();
    let v = move || {
        let v = prop_oneof![2 => select(usual.clone()), 1 => 0..=max];
        (v, prop::bool::weighted(0.8)).prop_map(move |(v, read)| (read || readable).then_some(v))
    };
    let phase = select(vec!["", "Pending", "Pending", "Pending", "Installing", "Succeeded", "Complete", "Failed"]);
    match kind {
        0 => (0..12usize).prop_map(|index| NodeMaintenance { index }).boxed(),
        1 => (vec(v(), 0..4), any::<bool>(), phase)
            .prop_map(|(versions, approved, phase)| Plan { versions, approved, phase })
            .boxed(),
        2 => (v(), v(), any::<bool>(), prop::bool::weighted(0.2), phase)
            .prop_map(|(name, version, owns, copy, phase)| Csv { name, version, owns, copy, phase })
            .boxed(),
        3 => (v(), any::<bool>(), option::of(v()), any::<bool>())
            .prop_map(|(channel, automatic, starting, source)| Subscription { channel, automatic, starting, source })
            .boxed(),
        4 => (v(), any::<bool>(), 0..3u8)
            .prop_map(|(version, owned, replicas)| Deployment { version, owned, replicas })
            .boxed(),
        5 if readable => v().prop_map(|v| ClusterExtension { version: Some(v), channels: Vec::new() }).boxed(),
        5 => (option::of(v()), vec(v(), 0..3))
            .prop_map(|(version, channels)| ClusterExtension { version, channels })
            .boxed(),
        6 => option::of(v()).prop_map(|version| ClusterVersion { version }).boxed(),
        7 => any::<bool>().prop_map(|overridden| OperatorCondition { overridden }).boxed(),
        _ => select(vec![
            NODE_MAINTENANCE,
            "nodemaintenances.nodemaintenance.medik8s.io",
            "hyperconvergeds.hco.kubevirt.io",
        ])
        .prop_map(|name| Crd { name })
        .boxed(),
    }
}

impl Thing {
    pub(crate) fn object(&self, annotations: &Value) -> Value {
        let object = |api_version: &str, kind: &str, name: &str, namespaced: bool, spec: Value| {
            json!({
                "apiVersion": api_version,
                "kind": kind,
                "metadata": {"name": name, "namespace": namespaced.then_some(NAMESPACE), "annotations": annotations},
                "spec": spec,
            })
        };
        let olm = "operators.coreos.com/v1alpha1";
        match self {
            NodeMaintenance { index } => {
                let node = name(index + 1);
                object(
                    "nodemaintenance.kubevirt.io/v1beta1",
                    "NodeMaintenance",
                    &name(*index),
                    false,
                    json!({"nodeName": node}),
                )
            }
            Plan { versions, approved, phase } => {
                let names: Vec<String> = versions.iter().map(|v| csv_name(*v)).collect();
                let spec = json!({"approved": approved, "clusterServiceVersionNames": names});
                let mut plan =
                    object(olm, "InstallPlan", &format!("install-{}-{approved}", versions.len()), true, spec);
                plan["status"] = json!({"phase": phase});
                plan
            }
            Csv { name, version: stated, owns, copy, phase } => {
                let mut owned = vec![json!({"name": "hyperconvergeds.hco.kubevirt.io"})];
                owned.extend(owns.then(|| json!({"name": NODE_MAINTENANCE})));
                let spec = json!({"version": version(*stated), "customresourcedefinitions": {"owned": owned}});
                let mut csv = object(olm, "ClusterServiceVersion", &csv_name(*name), true, spec);
                csv["status"] = json!({"phase": phase});
                if *copy {
                    csv["metadata"]["labels"] = json!({"olm.copiedFrom": "elsewhere"});
                }
                csv
            }
            OperatorCondition { overridden } => {
                let overrides: Vec<Value> =
                    overridden.then(|| json!({"type": "Upgradeable", "status": "True"})).into_iter().collect();
                let spec = json!({"overrides": overrides});
                object("operators.coreos.com/v2", "OperatorCondition", &csv_name(Some(1)), true, spec)
            }
            Subscription { channel, automatic, starting, source } => {
                let spec = json!({
                    "name": "community-kubevirt-hyperconverged",
                    "channel": format!("stable-{}", version(*channel)),
                    "installPlanApproval": if *automatic { "Automatic" } else { "Manual" },
                    "startingCSV": starting.map(csv_name),
                    "source": source,
                });
                object(olm, "Subscription", "hco", true, spec)
            }
            Deployment { version: v, owned, replicas } => {
                let env = json!([{"name": "HCO_KV_IO_VERSION", "value": version(*v)}]);
                let spec = json!({"replicas": replicas, "template": {"spec": {"containers": [{"env": env}]}}});
                let mut deployment = object("apps/v1", "Deployment", "hco-operator", true, spec);
                if *owned {
                    deployment["metadata"]["ownerReferences"] = json!([{"kind": "ClusterServiceVersion"}]);
                }
                deployment
            }
            ClusterExtension { version: range, channels } => {
                let catalog = json!({
                    "packageName": "community-kubevirt-hyperconverged",
                    "version": range.map(version),
                    "channels": channels.iter().map(|v| version(*v)).collect::<Vec<_>>(),
                });
                let spec = json!({"namespace": NAMESPACE, "source": {"catalog": catalog}});
                object("olm.operatorframework.io/v1", "ClusterExtension", "hco", false, spec)
            }
            ClusterVersion { version: wanted } => {
                let spec = json!({"desiredUpdate": wanted.map(|v| json!({"version": version(v)}))});
                object("config.openshift.io/v1", "ClusterVersion", "version", false, spec)
            }
            Crd { name } => object("apiextensions.k8s.io/v1", "CustomResourceDefinition", name, false, json!({})),
        }
    }

    /// One step towards the past: lower versions, less that happens by itself.
    pub(crate) fn back(&self, by: usize, hold: bool) -> Self {
        let lower = |v: V| v.map(|v| v.saturating_sub(by));
        match self.clone() {
            Plan { versions, approved, phase } => {
                Plan { versions: versions.into_iter().map(lower).collect(), approved: approved && !hold, phase }
            }
            Csv { name, version, owns, copy, phase } => Csv { name, version: lower(version), owns, copy, phase },
            Subscription { channel, automatic, starting, source } => Subscription {
                channel: lower(channel),
                automatic: automatic && !hold,
                starting: starting.map(lower),
                source,
            },
            Deployment { version, owned, replicas } => Deployment { version: lower(version), owned, replicas },
            ClusterExtension { version, channels } => ClusterExtension { version: version.map(lower), channels },
            ClusterVersion { version } => ClusterVersion { version: version.map(lower) },
            OperatorCondition { overridden } => OperatorCondition { overridden: overridden && !hold },
            other => other,
        }
    }

    pub(crate) fn turned(&self, by: usize) -> Self {
        match self.clone() {
            Plan { versions, approved, phase } => Plan { versions: turned(&versions, by), approved, phase },
            ClusterExtension { version, channels } => ClusterExtension { version, channels: turned(&channels, by) },
            other => other,
        }
    }
}

/// The names of NodeMaintenance objects and nodes: short, long and hostile.
pub(crate) fn name(index: usize) -> String {
    match index % 4 {
        0 => format!("nm-{index:02}"),
        1 => format!("{}-{index:02}", "n".repeat(250)),
        2 => format!("$(id) \u{1b}[31m\n{index:02}"),
        _ => format!("\u{202e}\u{200b}{index:02}"),
    }
}

/// Another order of the same elements.
pub(crate) fn turned<T: Clone>(list: &[T], by: usize) -> Vec<T> {
    let mut list = list.to_vec();
    if by % 2 == 1 {
        list.reverse();
    }
    let len = list.len().max(1);
    list.rotate_left(by / 2 % len);
    list
}
