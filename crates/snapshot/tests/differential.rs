//! Generated JSON, as it is, in small pieces, cut off and mutated: the scanner keeps what a parser of values finds.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

use std::io::{self, Read};

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Value, json};
use upgrade_gate_core::NODE_MAINTENANCE;
use upgrade_gate_snapshot::{Builder, Kind, Snapshot, Wanted};

/// Gives a few bytes at a time.
struct Slow<'t> {
    text: &'t [u8],
    pieces: &'t [usize],
    next: usize,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.pieces[self.next % self.pieces.len()].min(buffer.len());
        self.next += 1;
        self.text.read(&mut buffer[..count])
    }
}

fn read(reader: impl Read + Send) -> Snapshot {
    let mut wanted = Wanted::default();
    wanted.add_kind(Kind::new(NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.kind));
    let mut builder = Builder::new(wanted);
    builder.source("a");
    builder.read("a.json", reader);
    builder.finish()
}

/// Names and objects, and whether something was skipped.
fn kept(snapshot: &Snapshot) -> (Vec<Value>, bool) {
    let objects = snapshot.objects().map(|object| serde_json::from_str(&object.json).unwrap());
    (sorted(objects.collect()), !snapshot.skipped().is_empty())
}

fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(|object| object["metadata"]["name"].to_string());
    objects.dedup_by_key(|object| object["metadata"]["name"].to_string());
    objects
}

/// What is in a text of whole documents, by building every value of it; `None` where it is no JSON.
fn expected(text: &[u8]) -> Option<Vec<Value>> {
    let documents = serde_json::Deserializer::from_slice(text).into_iter::<Value>().collect::<Result<Vec<_>, _>>();
    let mut objects = Vec::new();
    documents.ok()?.iter().for_each(|document| find(document, None, &mut objects));
    Some(sorted(objects))
}

fn find(value: &Value, listed_as: Option<(&str, &str)>, objects: &mut Vec<Value>) {
    let own = value["apiVersion"].as_str().zip(value["kind"].as_str());
    let kind = value["kind"].as_str().unwrap_or_default();
    if let Some(items) = value["items"].as_array().filter(|_| kind.ends_with("List")) {
        let item_kind = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
        let items_as = value["apiVersion"].as_str().zip(item_kind);
        items.iter().for_each(|item| find(item, items_as, objects));
    } else if own.or(listed_as) == Some((NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.kind)) {
        let mut object = value.clone();
        object["apiVersion"] = NODE_MAINTENANCE.api_version.into();
        object["kind"] = NODE_MAINTENANCE.kind.into();
        objects.push(object);
    }
}

/// Text that looks like structure, and keys that look like those which count.
fn any_text() -> impl Strategy<Value = String> {
    let marks = r#"[a-z\[\]{}:, \\"\n\u{e9}]{0,12}"#;
    prop_oneof![
        marks,
        Just("kind".to_owned()),
        Just("items".to_owned()),
        Just("\"kind\": \"NodeMaintenance\"".into()),
        // Across a block of the scanner.
        (50_usize..80).prop_map(|count| "\\".repeat(count)),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let object =
            vec((any_text(), inner.clone()), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect()));
        prop_oneof![vec(inner, 0..6).prop_map(Value::from), object]
    })
}

/// Stands for a name that no other object has.
const NAME: &str = "@name@";

/// The fields of an object in some order, with some blanks between them.
fn any_text_of(fields: Vec<(&'static str, String)>) -> impl Strategy<Value = String> {
    (Just(fields).prop_shuffle(), prop_oneof![Just(""), Just(" "), Just("\n        "), Just("\r\n\t")]).prop_map(
        |(fields, blank)| {
            let field = |(key, value): &(&str, String)| format!("{blank}\"{key}\":{blank}{value}");
            format!("{{{}{blank}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
        },
    )
}

/// Objects of a kind that is wanted, and of others; in a list they may leave their type to it.
fn any_object() -> impl Strategy<Value = String> {
    let wanted = (NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.kind);
    let kind = prop_oneof![Just(Some(wanted)), Just(Some(("v1", "Pod"))), Just(Some(("v1", wanted.1))), Just(None)];
    (kind, any_value(), any_value()).prop_flat_map(|(kind, first, last)| {
        let metadata = format!("{{\"name\": \"{NAME}\"}}");
        let mut fields = vec![("a", first.to_string()), ("metadata", metadata), ("z", last.to_string())];
        if let Some((api_version, kind)) = kind {
            fields.extend([("apiVersion", json!(api_version).to_string()), ("kind", json!(kind).to_string())]);
        }
        any_text_of(fields)
    })
}

fn any_list(item: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let kinds = [("v1", "List"), ("v1", "PodList"), (NODE_MAINTENANCE.api_version, "NodeMaintenanceList")];
    (select(kinds.to_vec()), vec(item, 0..6), any_value()).prop_flat_map(|((version, kind), items, other)| {
        any_text_of(vec![
            ("apiVersion", json!(version).to_string()),
            ("kind", json!(kind).to_string()),
            ("metadata", "{\"resourceVersion\": \"1\"}".into()),
            ("other", other.to_string()),
            ("items", format!("[{}]", items.join(" ,"))),
        ])
    })
}

/// Documents of a file, one after the other.
fn any_file() -> impl Strategy<Value = String> {
    let typed = any_object().prop_filter("a document says what it is", |text| text.contains("apiVersion"));
    let item = prop_oneof![4 => any_object(), 1 => any_list(any_object())];
    let document = prop_oneof![typed, any_list(item)];
    vec(document, 1..4).prop_map(|documents| {
        let mut text = documents.join("\n");
        for number in 0.. {
            if !text.contains(NAME) {
                return text;
            }
            text = text.replacen(NAME, &format!("nm-{number}"), 1);
        }
        text
    })
}

/// Whether every item without a type is in a list that says it, and of a list that is looked into no item says another one.
fn is_in_order(value: &Value, has_type: bool) -> bool {
    let is_list = value["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) && value["items"].is_array();
    let kind = value["kind"].as_str().unwrap_or_default();
    if is_list {
        let items = value["items"].as_array().unwrap();
        let is_other = |item: &Value| {
            let is_typed = item["apiVersion"].is_string() && item["kind"].is_string();
            is_typed && (item["apiVersion"] != value["apiVersion"] || item["kind"] != NODE_MAINTENANCE.kind)
        };
        let is_mixed = kind == "NodeMaintenanceList" && items.iter().any(is_other);
        return !is_mixed && items.iter().all(|item| is_in_order(item, kind != "List"));
    }
    has_type || (value["apiVersion"].is_string() && value["kind"].is_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whole_files_are_read_as_values_are(text in any_file()) {
        let (found, lost) = kept(&read(text.as_bytes()));
        prop_assert_eq!(&found, &expected(text.as_bytes()).unwrap(), "{}", text);
        let documents = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        let is_in_order = documents.map(Result::unwrap).all(|document| is_in_order(&document, false));
        // Of another version than the one that policies know.
        let other_version = text.contains("NodeMaintenance\"") && lost;
        prop_assert!(!lost || !is_in_order || other_version, "{}", text);
    }

    #[test]
    fn pieces_of_any_size_are_read_as_the_whole(text in any_file(), pieces in vec(1_usize..150, 1..5)) {
        let slow = Slow { text: text.as_bytes(), pieces: &pieces, next: 0 };
        let (whole, slow) = (read(text.as_bytes()), read(slow));
        prop_assert_eq!(kept(&whole).0, kept(&slow).0);
        prop_assert_eq!(whole.skipped(), slow.skipped());
        prop_assert_eq!(whole.kinds(), slow.kinds());
    }

    #[test]
    fn what_is_cut_off_is_said(text in any_file(), cut in any::<Index>()) {
        let cut = cut.index(text.len());
        let (found, lost) = kept(&read(&text.as_bytes()[..cut]));
        let whole = kept(&read(text.as_bytes())).0;
        prop_assert!(found.iter().all(|object| whole.contains(object)), "{}", text);
        // Between documents nothing is missing but documents.
        let is_between = expected(&text.as_bytes()[..cut]).is_some();
        prop_assert!(lost || is_between, "{} of {}", cut, text);
        if is_between {
            prop_assert_eq!(found, expected(&text.as_bytes()[..cut]).unwrap());
        }
    }

    #[test]
    fn what_is_mutated_is_read_as_a_parser_does_or_said(
        text in any_file(),
        changes in vec((any::<Index>(), prop_oneof![select(b"{}[]\",:\\ ax".to_vec()), any::<u8>()]), 1..4),
    ) {
        let mut bytes = text.into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let (found, lost) = kept(&read(&*bytes));
        if let Some(expected) = expected(&bytes) {
            prop_assert!(lost || found == expected, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
