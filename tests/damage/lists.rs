//! Damages of a list or an object that leave it well-formed: it says less than the API server did.

use serde_json::{Value, json};

use crate::{
    clusters::{CRD, Cluster, HYPERCONVERGED, NODE_MAINTENANCE},
    damages::{
        Damage,
        Effect::{self, AsRead, Broken, MayBeRead},
    },
    yaml,
};

/// What is done to a list; `None` where it cannot be.
type Change = fn(&mut Value) -> Option<()>;

/// What a list says of itself.
const LISTS: [(&str, Change); 12] = [
    ("to be continued", |list| set(list, "/metadata", "continue", json!("abc"))),
    ("to be continued by a number", |list| set(list, "/metadata", "continue", json!(5))),
    ("to be continued by an object", |list| set(list, "/metadata", "continue", json!({}))),
    ("items remain", |list| set(list, "/metadata", "remainingItemCount", json!(3))),
    ("no items", |list| set(list, "", "items", Value::Null)),
    ("items that are an object", |list| set(list, "", "items", json!({}))),
    ("items left out", |list| remove(list, "", "items")),
    ("no metadata", |list| remove(list, "", "metadata")),
    ("metadata of null", |list| set(list, "", "metadata", Value::Null)),
    ("metadata that are a text", |list| set(list, "", "metadata", json!("x"))),
    ("another version", |list| set(list, "", "apiVersion", json!("example.com/v9"))),
    ("no version", |list| remove(list, "", "apiVersion")),
];

/// What its items are: another one may be an object that cannot be read.
const ITEMS: [(&str, Change); 5] = [
    ("nothing as an item: null", |list| push(list, Value::Null)),
    ("nothing as an item: a text", |list| push(list, json!("x"))),
    ("an item without metadata", |list| push(list, json!({"spec": {}}))),
    ("an item without a name", |list| push(list, json!({"metadata": {"resourceVersion": "1"}, "spec": {}}))),
    ("an item whose name is a number", |list| push(list, json!({"metadata": {"name": 10}, "spec": {}}))),
];

fn set(value: &mut Value, at: &str, key: &str, to: Value) -> Option<()> {
    value.pointer_mut(at)?.as_object_mut()?.insert(key.into(), to);
    Some(())
}

fn remove(value: &mut Value, at: &str, key: &str) -> Option<()> {
    value.pointer_mut(at)?.as_object_mut()?.remove(key).map(|_| ())
}

fn another_version(object: &mut Value) -> Option<()> {
    let api_version = object["apiVersion"].as_str()?;
    let api_version = api_version.split_once('/').map_or("v9".into(), |(group, _)| format!("{group}/v9"));
    set(object, "", "apiVersion", api_version.into())
}

fn push(list: &mut Value, item: Value) -> Option<()> {
    list.get_mut("items")?.as_array_mut()?.push(item);
    Some(())
}

/// Damages of the documents of a file that is about a kind.
pub fn damages(cluster: &Cluster, kind: &str, text: &str) -> Vec<Damage> {
    let is_json = text.starts_with("{\"") || text.starts_with("{\n  \"");
    let Some(documents) = documents(text, is_json) else { return Vec::new() };
    let written = |documents: &[Value]| -> String {
        let one = |value: &Value| if is_json { format!("{value}\n") } else { format!("---\n{}", yaml::block(value)) };
        documents.iter().map(one).collect()
    };
    let changed = |name: &str, change: &dyn Fn(&mut Value) -> Option<()>, effect: Effect| {
        let mut documents = documents.clone();
        let count = documents.iter_mut().filter_map(change).count();
        (count > 0).then(|| Damage::content(name, written(&documents), effect))
    };
    let is_list =
        |value: &Value| value["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) && kind != "ListRecord";
    let of_lists = |name: &str, change: Change, effect| {
        changed(name, &|value| is_list(value).then(|| change(value)).flatten(), effect)
    };
    let of_objects = |name: &str, wanted: &str, change: Change, effect: Effect| {
        let change = |value: &mut Value| {
            let mut count = 0;
            objects(value, &mut |object| {
                if wanted.is_empty() || object["kind"] == wanted {
                    count += usize::from(change(object).is_some());
                }
            });
            (count > 0).then_some(())
        };
        changed(name, &change, effect)
    };
    // Such a list proves nothing, but what is in it is there; and null is no object.
    let proves = [NODE_MAINTENANCE[1], CRD[1], "Lists"].contains(&kind) && cluster.passes_boundary;
    let effect = |name: &str| {
        if proves || name.starts_with("items that") || ["no items", "items left out"].contains(&name) {
            Broken
        } else {
            MayBeRead
        }
    };
    let lists = LISTS.into_iter().chain(ITEMS);
    let lists = lists.filter_map(|(name, change)| of_lists(name, change, effect(name)));
    let typed = if is_list(&documents[0]) && documents[0]["kind"] != "List" { MayBeRead } else { AsRead };
    let objects = [
        of_objects("no resourceVersion", "", |object| remove(object, "/metadata", "resourceVersion"), AsRead),
        of_objects("no name", "", |object| remove(object, "/metadata", "name"), AsRead),
        of_objects(
            "another name",
            NODE_MAINTENANCE[1],
            |object| set(object, "/metadata", "name", json!("other")),
            AsRead,
        ),
        of_objects("no kind", "", |object| remove(object, "", "kind"), typed),
        of_objects("no apiVersion", "", |object| remove(object, "", "apiVersion"), typed),
        of_objects("another version", "", another_version, AsRead),
        of_objects("no status", HYPERCONVERGED[1], |object| remove(object, "", "status"), AsRead),
        of_objects("no conditions", HYPERCONVERGED[1], |object| remove(object, "/status", "conditions"), AsRead),
    ];
    lists.chain(objects.into_iter().flatten()).chain(filtered(kind, &documents, &written)).collect()
}

/// A list of definitions out of which somebody chose.
fn filtered(kind: &str, documents: &[Value], written: &dyn Fn(&[Value]) -> String) -> Vec<Damage> {
    let [list] = documents else { return Vec::new() };
    if kind != CRD[1] || !list["items"].is_array() {
        return Vec::new();
    }
    let chosen = ["hco.kubevirt.io", "ssp.kubevirt.io"].into_iter().map(|group| {
        let mut list = list.clone();
        let items = list["items"].as_array_mut().unwrap();
        items.retain(|crd| crd["metadata"]["name"].as_str().is_some_and(|name| !name.ends_with(group)));
        Damage::content(format!("without {group}"), written(&[list]), AsRead)
    });
    chosen.collect()
}

/// Calls `see` for an object, or for each item of a list.
fn objects(value: &mut Value, see: &mut dyn FnMut(&mut Value)) {
    match value.get_mut("items").and_then(Value::as_array_mut) {
        Some(items) => items.iter_mut().for_each(see),
        None => see(value),
    }
}

fn documents(text: &str, is_json: bool) -> Option<Vec<Value>> {
    if is_json {
        return serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().ok();
    }
    serde_saphyr::from_multiple(text).ok()
}
