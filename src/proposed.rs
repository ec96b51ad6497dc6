//! Manifests that somebody wants to apply, as reviews.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;
use upgrade_gate_snapshot::{Object, Snapshot};

use crate::{report::Phase, review::Review};

/// Each object changes the snapshot's copy of it, or is new where there is none.
pub(crate) fn reviews<'a>(proposed: &'a Snapshot, snapshot: &'a Snapshot) -> Vec<Review<'a>> {
    let copies: BTreeMap<_, &Object> = snapshot.objects().map(|object| (key(object), object)).collect();
    let review = |object: &'a Object| {
        // Two objects that leave their name to the API server are never the same one.
        let copy = copies.get(&key(object)).filter(|_| !object.name.is_empty());
        let old = copy.map(|copy| Cow::Borrowed(copy.json.as_str()));
        let object = if old.is_none() { as_new(object) } else { Cow::Borrowed(object) };
        let origin = Some(object.origin.clone());
        Review::change(Phase::Proposed, object, old, origin)
    };
    proposed.objects().map(review).collect()
}

fn key(object: &Object) -> (&str, &str, Option<&str>, &str) {
    (object.kind.group(), &object.kind.kind, object.namespace.as_deref(), &object.name)
}

/// Without the resourceVersion of the cluster that it was once read from.
fn as_new(object: &Object) -> Cow<'_, Object> {
    let without = || {
        object.resource_version.as_ref()?;
        let mut json: Value = serde_json::from_str(&object.json).ok()?;
        json.pointer_mut("/metadata")?.as_object_mut()?.remove("resourceVersion");
        Some(Object { json: json.to_string(), resource_version: None, ..object.clone() })
    };
    without().map_or(Cow::Borrowed(object), Cow::Owned)
}
