//! Which objects documents hold, found the simple way: parsed as a whole, and walked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, value::RawValue};
use upgrade_gate_snapshot::Kind;

use crate::tree::Tree;

pub const NODE_MAINTENANCE: (&str, &str) = ("nodemaintenance.kubevirt.io/v1beta1", "NodeMaintenance");
pub const NODE: (&str, &str) = ("v1", "Node");

/// Lists in a list in a list: from here on nobody promises anything.
const MAX_LISTS: usize = 4;

/// What a walk finds.
#[derive(Default)]
pub struct Found {
    /// With apiVersion and kind, in no order.
    pub objects: Vec<Value>,
    /// Set where other objects than these may be found, or fewer: what is lost has to be said, though.
    pub is_odd: bool,
    /// In YAML `items` is always a list.
    pub is_yaml: bool,
}

impl Found {
    pub fn document(&mut self, tree: &Tree) {
        self.is_odd |= tree.is_doubled();
        self.walk(tree, None, 0);
    }

    fn walk(&mut self, tree: &Tree, listed_as: Option<&Kind>, level: usize) {
        if !matches!(tree, Tree::Map(_)) {
            return;
        }
        let words = ["apiVersion", "kind"].map(|key| tree.get(key).filter(|value| !value.is_null()));
        let items = tree.get("items").filter(|items| !items.is_null());
        let list = items.and_then(|items| if let Tree::List(items) = items { Some(items) } else { None });
        let is_sane = words.iter().flatten().all(|word| word.text().is_some());
        let [api_version, kind] = words.map(|word| word.and_then(Tree::text));
        let list_kind = kind.filter(|kind| is_sane && kind.ends_with("List"));
        match (list, list_kind) {
            (Some(items), Some(kind)) => return self.list(items, api_version.unwrap_or_default(), kind, level),
            // Items are looked at before the document says that it is no list.
            (Some(_), None) if level == 0 || self.is_yaml => self.is_odd = true,
            (None, _) if items.is_some() && self.is_yaml => self.is_odd = true,
            _ => {}
        }
        let kind = match (api_version, kind) {
            _ if !is_sane => return,
            (Some(api_version), Some(kind)) => Kind::new(api_version, kind),
            _ => match listed_as {
                Some(kind) => kind.clone(),
                None => return,
            },
        };
        if is_wanted(&kind) && is_named(tree) {
            self.objects.push(with_type(tree.value(), &kind));
        }
    }

    fn list(&mut self, items: &[Tree], api_version: &str, kind: &str, level: usize) {
        // Lists that nobody asked for are not looked into, unless they are at the top of JSON.
        let is_passed_over = !["List", "NodeList", "NodeMaintenanceList"].contains(&kind) && !items.is_empty();
        if level >= MAX_LISTS || (is_passed_over && (level > 0 || self.is_yaml)) {
            self.is_odd = true;
            return;
        }
        let listed_as = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
        let listed_as = listed_as.map(|kind| Kind::new(api_version, kind));
        items.iter().for_each(|item| self.walk(item, listed_as.as_ref(), level + 1));
    }
}

fn is_wanted(kind: &Kind) -> bool {
    [NODE_MAINTENANCE, NODE].contains(&(&kind.api_version, &kind.kind))
}

/// Whether its metadata are such that it can be kept.
fn is_named(tree: &Tree) -> bool {
    let Some(metadata) = tree.get("metadata") else { return false };
    let field = |key: &str| metadata.get(key).filter(|value| !value.is_null());
    let texts = ["name", "namespace", "uid", "resourceVersion"].map(field);
    let says = |key: &str| field(key).and_then(Tree::text).is_some_and(|text| !text.is_empty());
    texts.iter().flatten().all(|value| value.text().is_some()) && (says("name") || says("generateName"))
}

fn with_type(mut object: Value, kind: &Kind) -> Value {
    object["apiVersion"] = kind.api_version.as_str().into();
    object["kind"] = kind.kind.as_str().into();
    object
}

/// Every map in a tree, without apiVersion and kind, as text.
pub fn parts<'t>(trees: impl IntoIterator<Item = &'t Tree>) -> BTreeSet<String> {
    let mut parts = BTreeSet::new();
    for tree in trees {
        tree.maps(&mut |map| {
            parts.insert(untyped(map.value()));
        });
    }
    parts
}

/// An object without apiVersion and kind, as text.
pub fn untyped(mut object: Value) -> String {
    if let Some(object) = object.as_object_mut() {
        object.remove("apiVersion");
        object.remove("kind");
    }
    object.to_string()
}

/// The size of the largest object or item of a list in JSON, or of a list without its items.
pub fn largest_piece(text: &[u8]) -> usize {
    let documents = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    documents.map_while(Result::ok).map(|document| largest_in(document.get())).max().unwrap_or(0)
}

fn largest_in(document: &str) -> usize {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(document).unwrap_or_default();
    let items = fields.get("items").and_then(|items| serde_json::from_str::<Vec<&RawValue>>(items.get()).ok());
    let sizes: Vec<usize> = items.unwrap_or_default().iter().map(|item| item.get().len()).collect();
    let shell = document.len() - sizes.iter().sum::<usize>();
    sizes.into_iter().max().unwrap_or(0).max(shell)
}
