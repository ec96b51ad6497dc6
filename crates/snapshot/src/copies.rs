//! The copies of one object: of several that differ, and of which none is newer, none wins.

use serde_json::Value;

use crate::{
    identity::name_of,
    object::{Object, Origin},
};

/// An object of which several copies were found that differ, and none is newer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copies {
    /// What it is: `Node worker-1`.
    pub what: String,
    /// Where each of them was found.
    pub origins: Vec<Origin>,
}

/// Takes in one more copy. What is older than another copy is forgotten, and so is what is the same. The order in which they
/// come decides nothing.
pub(crate) fn add(copies: &mut Vec<Object>, object: Object) {
    if copies.iter().any(|copy| copy.is_newer_than(&object)) {
        return;
    }
    copies.retain(|copy| !object.is_newer_than(copy));
    match copies.iter_mut().find(|copy| says_the_same(copy, &object)) {
        Some(copy) if object.origin < copy.origin => *copy = object,
        Some(_) => {}
        None => {
            let place = copies.partition_point(|copy| (&copy.json, &copy.origin) < (&object.json, &object.origin));
            copies.insert(place, object);
        }
    }
}

impl Copies {
    /// Of all copies of an object, where there are several of one version of its kind.
    pub(crate) fn of(copies: &[Object]) -> Option<Self> {
        let is_like_another = |object: &&Object| copies.iter().filter(|copy| copy.kind == object.kind).count() > 1;
        let alike: Vec<&Object> = copies.iter().filter(is_like_another).collect();
        let mut origins: Vec<Origin> = alike.iter().map(|copy| copy.origin.clone()).collect();
        origins.sort();
        Some(Self { what: name_of(alike.first()?), origins })
    }
}

/// Whether two copies are the same but for what tools leave out or write otherwise.
fn says_the_same(one: &Object, other: &Object) -> bool {
    let is_typed_alike = one.kind == other.kind;
    match (one.is_settled(), other.is_settled()) {
        // Nobody had anything to say about either.
        (true, true) => is_typed_alike,
        (false, false) => is_typed_alike && (one.json == other.json || said(&one.json) == said(&other.json)),
        _ => false,
    }
}

/// What an object says, without what says nothing about it.
fn said(json: &str) -> Option<Value> {
    let mut object: Value = serde_json::from_str(json).ok()?;
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        metadata.remove("selfLink");
    }
    Some(object)
}
