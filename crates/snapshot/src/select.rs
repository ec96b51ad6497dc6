//! Which objects a list holds, and which of their fields, as Kubernetes and a policy server do it.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use upgrade_gate_core::{GetQuery, ListQuery, ReadError};

use crate::{json::quoted, object::Object};

/// The answer to a question for an object: that object, cut to the fields that were asked for.
#[must_use]
pub fn one(query: &GetQuery, object: &Object) -> Arc<str> {
    cut_to_fields(&object.json, &query.fields).into()
}

/// The answer to a question for a list: of these objects of its kind those that it selects, in their order. One that may not be
/// whole says that it goes on.
///
/// # Errors
/// [`ReadError::Unavailable`]: a selector that cannot be understood, in Kubernetes' words.
pub fn many<'o>(
    query: &ListQuery,
    objects: impl Iterator<Item = &'o Object>,
    complete: bool,
) -> Result<Arc<str>, ReadError> {
    let selection = Selection::new(query).map_err(ReadError::Unavailable)?;
    let items = objects.filter(|object| selection.takes(object));
    let items: Vec<String> = items.map(|object| listed(&object.json, &query.fields)).collect();
    let json = format!(
        r#"{{"apiVersion":{},"kind":{},"metadata":{},"items":[{}]}}"#,
        quoted(&query.api_version),
        quoted(&format!("{}List", query.kind)),
        if complete { "{}" } else { r#"{"continue":"not-captured"}"# },
        items.join(","),
    );
    Ok(json.into())
}

/// The namespace and the selectors of a query, parsed.
struct Selection {
    namespace: Option<String>,
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

/// What one value must be like.
struct Requirement {
    key: String,
    test: Test,
}

enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
}

impl Selection {
    /// # Errors
    /// The selector that cannot be understood, in words.
    fn new(query: &ListQuery) -> Result<Self, String> {
        let parse = |selector: &Option<String>| selector.as_deref().map_or(Ok(Vec::new()), requirements);
        let fields = parse(&query.field_selector)?;
        // All that an API server supports for custom resources by itself.
        if let Some(other) = fields.iter().find(|field| !["metadata.name", "metadata.namespace"].contains(&&*field.key))
        {
            return Err(format!("field label not supported: {}", other.key));
        }
        if fields.iter().any(|field| matches!(field.test, Test::Exists | Test::Absent)) {
            return Err("unable to parse a selector: expected FIELD=VALUE or FIELD!=VALUE".into());
        }
        Ok(Self { namespace: query.namespace.clone(), labels: parse(&query.label_selector)?, fields })
    }

    fn takes(&self, object: &Object) -> bool {
        let namespace = object.namespace.as_deref();
        let field = |key: &str| if key == "metadata.name" { Some(object.name.as_str()) } else { namespace };
        self.namespace.as_deref().is_none_or(|wanted| namespace == Some(wanted))
            && self
                .fields
                .iter()
                .all(|requirement| requirement.holds(Some(field(&requirement.key).unwrap_or_default())))
            && self
                .labels
                .iter()
                .all(|requirement| requirement.holds(object.labels.get(&requirement.key).map(String::as_str)))
    }
}

impl Requirement {
    /// A label that is not there is not in any set.
    fn holds(&self, value: Option<&str>) -> bool {
        let is_in = |values: &[String]| value.is_some_and(|value| values.iter().any(|other| other == value));
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
            Test::In(values) => is_in(values),
            Test::NotIn(values) => !is_in(values),
        }
    }
}

/// Source: k8s.io/apimachinery v0.34 `pkg/labels/selector.go`, the grammar in `Parse`'s comment.
fn requirements(selector: &str) -> Result<Vec<Requirement>, String> {
    let parts = split_outside_parentheses(selector);
    let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
    let all = parts.map(requirement).collect::<Result<Vec<_>, _>>()?;
    // An operator that is not known, such as `>`, must not become part of a key that no object has.
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    let is_sound = |one: &Requirement| {
        let values = match &one.test {
            Test::In(values) | Test::NotIn(values) => values.as_slice(),
            Test::Exists | Test::Absent => &[],
        };
        !one.key.is_empty() && is_word(&one.key) && values.iter().all(|value| is_word(value))
    };
    if all.iter().all(is_sound) {
        Ok(all)
    } else {
        Err("unable to parse a selector: a key or a value is no label".into())
    }
}

fn split_outside_parentheses(selector: &str) -> Vec<&str> {
    let mut inside = false;
    let comma = |c: char| {
        inside = (inside || c == '(') && c != ')';
        c == ',' && !inside
    };
    selector.split(comma).collect()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let new = |key: &str, test: Test| Ok(Requirement { key: key.trim().into(), test });
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((key, value)) = text.split_once("!=") {
        return new(key, Test::NotIn(one(value)));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return new(key, Test::In(one(value)));
    }
    if let Some((before, values)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        return match before.split_whitespace().collect::<Vec<_>>().as_slice() {
            [key, "in"] => new(key, Test::In(values)),
            [key, "notin"] => new(key, Test::NotIn(values)),
            _ => Err("unable to parse a selector: expected `KEY in (…)` or `KEY notin (…)`".into()),
        };
    }
    match text.strip_prefix('!') {
        _ if text.contains([' ', '(', ')']) => {
            Err("unable to parse a selector: expected KEY, KEY=VALUE or a set".into())
        }
        Some(key) => new(key, Test::Absent),
        None => new(text, Test::Exists),
    }
}

/// An object with only the fields asked for. Metadata, apiVersion and kind are always kept; arrays
/// are transparent; no field asked for means all. What is no JSON comes back as it is.
///
/// Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/callback_handler/kubernetes/field_mask.rs`.
fn cut_to_fields(json: &str, fields: &BTreeSet<String>) -> String {
    match serde_json::from_str(json) {
        Ok(mut object) if !fields.is_empty() => {
            cut(&mut object, fields);
            object.to_string()
        }
        _ => json.to_owned(),
    }
}

/// As [`cut_to_fields`], and without what a policy server's cache leaves out of lists.
///
/// Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/callback_handler/kubernetes/reflector.rs`.
fn listed(json: &str, fields: &BTreeSet<String>) -> String {
    let Ok(mut object) = serde_json::from_str::<Value>(json) else { return json.to_owned() };
    if !fields.is_empty() {
        cut(&mut object, fields);
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("managedFields".into(), Value::Array(Vec::new()));
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    object.to_string()
}

/// The same, in place; no field asked for means only what is always kept.
pub fn cut(object: &mut Value, fields: &BTreeSet<String>) {
    let always = ["apiVersion", "kind", "metadata"];
    let paths: Vec<Vec<&str>> = fields
        .iter()
        .map(|field| field.split('.').collect())
        .chain(always.map(|field| vec![field]))
        .filter(|path: &Vec<&str>| path.len() == 1 || path.first() != Some(&"metadata"))
        .collect();
    prune(object, &paths.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

fn prune(value: &mut Value, paths: &[&[&str]]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| prune(item, paths)),
        Value::Object(map) => map.retain(|key, value| {
            let below: Vec<&[&str]> = paths
                .iter()
                .filter_map(|path| {
                    path.split_first().filter(|(first, _)| **first == key.as_str()).map(|(_, rest)| rest)
                })
                .collect();
            let longer: Vec<&[&str]> = below.iter().copied().filter(|rest| !rest.is_empty()).collect();
            // A path that ends here keeps everything below it, unless a longer one says what.
            if !longer.is_empty() {
                prune(value, &longer);
            }
            !below.is_empty()
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn masks_keep_what_they_name_and_all_metadata() {
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"b": "c"}},
            "spec": {"containers": [{"image": "x", "name": "y"}, {"image": "z"}], "nodeName": "n"}, "status": {"phase": "p"}});
        let cases: [(&[&str], Value); 4] = [
            (&[], object.clone()),
            (&["metadata.name"], json!({"apiVersion": "v1", "kind": "Pod", "metadata": object["metadata"]})),
            (
                &["spec.containers.image", "status"],
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": object["metadata"],
                    "spec": {"containers": [{"image": "x"}, {"image": "z"}]}, "status": {"phase": "p"}}),
            ),
            (
                &["spec", "spec.nodeName"],
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": object["metadata"], "spec": {"nodeName": "n"}}),
            ),
        ];
        for (fields, expected) in cases {
            let fields: BTreeSet<String> = fields.iter().map(|&field| field.into()).collect();
            let found: Value = serde_json::from_str(&cut_to_fields(&object.to_string(), &fields)).unwrap();
            assert_eq!(found, expected, "{fields:?}");
        }
    }

    #[test]
    fn selectors_take_what_kubernetes_takes() {
        let labels = |key: &str| [("app", "web"), ("empty", "")].iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
        let cases = [
            ("app=web", Some(true)),
            ("app == web", Some(true)),
            ("app!=web", Some(false)),
            ("tier!=db", Some(true)),
            ("app in (db, web),empty", Some(true)),
            ("app notin (web)", Some(false)),
            ("tier notin (web)", Some(true)),
            ("!tier,app", Some(true)),
            ("!app", Some(false)),
            ("empty=", Some(true)),
            ("", Some(true)),
            ("app near (web)", None),
            ("app>3", None),
            ("app=web=1", None),
            ("app in (a=b)", None),
            ("=web", None),
            ("a b", None),
        ];
        for (selector, expected) in cases {
            let found = requirements(selector).ok().map(|all| all.iter().all(|one| one.holds(labels(&one.key))));
            assert_eq!(found, expected, "`{selector}`");
        }
    }
}
