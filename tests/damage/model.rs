//! What may be said about a damaged source: a model of few rules, which knows nothing of how the program reads.

use serde_json::Value;

use crate::{
    clusters::{CRD, Cluster, HYPERCONVERGED, NODE_MAINTENANCE, Truth},
    damages::{Change, Damage, Effect},
    layouts::{File, Layout},
};

/// What an undamaged source of a cluster is. Past the boundary nothing but HyperConverged decides.
pub fn undamaged(cluster: &Cluster, layout: Layout) -> &'static str {
    match cluster.truth {
        Truth::Blocked => "blocked",
        truth if layout.proves() || !cluster.passes_boundary => truth.verdict(),
        Truth::Ready | Truth::Warning => "unknown",
    }
}

/// The verdicts that a damaged source may have.
pub fn allowed(cluster: &Cluster, layout: Layout, file: &File, damage: &Damage) -> Vec<&'static str> {
    let before = undamaged(cluster, layout);
    let refused = vec!["unknown", "blocked", "error"];
    match damage.effect {
        Effect::Same => return vec![before],
        Effect::MayBeRead => return vec![before, "unknown"],
        Effect::Hides | Effect::Contradicts => return refused,
        Effect::HidesMaintenance if cluster.passes_boundary => return refused,
        Effect::HidesMaintenance | Effect::AsRead | Effect::Broken => {}
    }
    // What proves nothing is not believed, and what is in the way stays there.
    if before == "unknown" {
        return refused;
    }
    // A definition that is in the list, too, may seem to be another cluster's.
    let is_twice = file.kind == CRD[1] && layout == Layout::Inspected && !cluster.serves(NODE_MAINTENANCE);
    if is_twice && !file.decides {
        return vec![before, "unknown", "error"];
    }
    let reading = match &damage.change {
        Change::Content(content) if damage.effect == Effect::AsRead => compare(cluster, &file.content, content),
        // The content says the same at another place, which proved something.
        Change::Path(_) => Reading::Less,
        Change::Add(_) => Reading::Less,
        Change::Content(_) | Change::Remove => Reading::Other,
    };
    match (reading, before) {
        (Reading::Less, "blocked") => vec!["blocked", "unknown"],
        // Without a version it is taken to be before the boundary.
        (Reading::Less, "warning") => vec!["ready", "warning", "unknown", "blocked"],
        (Reading::Less, _) => vec![before, "warning", "unknown"],
        (Reading::Unsaid, _) => [refused, vec!["warning"]].concat(),
        // Its absence is what this collector writes of a cluster that does not have it.
        (Reading::Other, "blocked") if matches!(damage.change, Change::Remove) && is_absence(cluster, layout, file) => {
            vec!["ready", "unknown"]
        }
        (Reading::Other, "blocked") => refused,
        (Reading::Other, _) if file.decides => refused,
        // Of a cluster past the boundary the objects are worth a word only where they are seen.
        (Reading::Other, _) => vec!["ready", "warning", "unknown"],
    }
}

fn is_absence(cluster: &Cluster, layout: Layout, file: &File) -> bool {
    let is_about = |kind: &str| file.kind == kind && cluster.of_kind(kind).count() == 1;
    layout == Layout::Kubevirt && (is_about(NODE_MAINTENANCE[1]) || is_about(HYPERCONVERGED[1]))
}

/// What a file says after a damage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Everything that counts, and perhaps not more.
    Less,
    /// That HyperConverged has a version, and does not say yet whether it can be upgraded.
    Unsaid,
    Other,
}

fn compare(cluster: &Cluster, before: &[u8], after: &[u8]) -> Reading {
    let (Some(before), Some(after)) = (said(before), said(after)) else { return Reading::Other };
    let is_there = |document: &Value| {
        counts(cluster, document).is_none() || after.iter().any(|it| counts(cluster, it) == counts(cluster, document))
    };
    if before.iter().all(is_there) {
        return Reading::Less;
    }
    let hcos = after
        .iter()
        .flat_map(|document| document["items"].as_array().map_or(vec![document], |items| items.iter().collect()));
    let is_unsaid = |hco: &Value| {
        let conditions = hco["status"]["conditions"].as_array();
        let says = conditions.is_some_and(|all| all.iter().any(|it| it["type"] == "Upgradeable"));
        !says && hco["status"]["versions"].is_array()
    };
    let mut hcos = hcos.filter(|object| object["kind"] == HYPERCONVERGED[1] && object["metadata"]["name"].is_string());
    if hcos.any(is_unsaid) { Reading::Unsaid } else { Reading::Other }
}

/// The documents of a text, read the simple way; `None` where it is none, or has none.
fn said(content: &[u8]) -> Option<Vec<Value>> {
    let text = str::from_utf8(content).ok()?;
    let documents: Vec<Value> = if text.trim_start().starts_with("{\"") || text.starts_with("{\n  \"") {
        serde_json::Deserializer::from_str(text).into_iter().map_while(Result::ok).collect()
    } else {
        // What is broken takes no other document with it.
        let texts = text.split("\n---\n").map(|text| text.strip_prefix("---\n").unwrap_or(text));
        texts
            .filter_map(|text| serde_saphyr::from_multiple(text).ok())
            .flat_map(|documents: Vec<Value>| documents)
            .collect()
    };
    let items = |document: Value| match document["items"].as_array() {
        Some(items) if document["kind"] == "List" => items.clone(),
        _ => vec![document],
    };
    let documents: Vec<Value> = documents.into_iter().filter(|document| !document.is_null()).flat_map(items).collect();
    (!documents.is_empty()).then_some(documents)
}

/// What counts of a document: of an object what it is and that it was stored, and what HyperConverged says of itself.
/// Its version is that of the ClusterServiceVersion, too. `None` where nothing of it counts.
fn counts(cluster: &Cluster, document: &Value) -> Option<Value> {
    let kind = document["kind"].as_str().unwrap_or_default();
    let is_list = document["items"].is_array();
    let kind = if is_list { kind.strip_suffix("List").unwrap_or(kind) } else { kind };
    let dispensable = [
        "ClusterServiceVersion",
        "InstallPlan",
        "Subscription",
        "Node",
        "OperatorCondition",
        "ClusterExtension",
        "ListRecord",
    ];
    let is_other_crd = kind == CRD[1] && cluster.serves(NODE_MAINTENANCE);
    let is_maintenance = kind == NODE_MAINTENANCE[1] && !cluster.passes_boundary;
    if dispensable.contains(&kind) || is_other_crd || is_maintenance {
        return None;
    }
    let mut document = document.clone();
    let fields = document.as_object_mut()?;
    let is_hco = kind == HYPERCONVERGED[1];
    if !is_list {
        fields
            .retain(|key, _| ["apiVersion", "kind", "metadata"].contains(&key.as_str()) || (is_hco && key == "status"));
    }
    if let Some(status) = fields.get_mut("status").and_then(Value::as_object_mut) {
        status.retain(|key, _| key == "conditions");
    }
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        let is_kept =
            |key: &str| is_list || ["name", "namespace"].contains(&key) || (key == "resourceVersion" && !is_hco);
        metadata.retain(|key, _| is_kept(key));
    }
    Some(document)
}
