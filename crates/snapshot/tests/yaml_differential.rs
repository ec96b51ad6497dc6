//! Generated lists in flow style: cut into items they hold what a parser finds that reads them as a whole.

#![allow(clippy::unwrap_used, reason = "a panic is how a test says no")]

mod input;

use input::{Slow, builder};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::Value;
use upgrade_gate_core::NODE_MAINTENANCE;
use upgrade_gate_snapshot::Snapshot;

/// Names, by a parser of the whole document; `None` where it is no YAML, or the list is no list.
fn expected(text: &str) -> Option<Vec<String>> {
    let document: Value = serde_saphyr::from_str(text).ok()?;
    let items = document.get("items")?.as_array()?;
    (document.get("kind") == Some(&"List".into())).then_some(())?;
    let is_wanted = |item: &&Value| {
        item.get("apiVersion") == Some(&NODE_MAINTENANCE.api_version.into())
            && item.get("kind") == Some(&NODE_MAINTENANCE.kind.into())
    };
    let names =
        items.iter().filter(is_wanted).filter_map(|item| Some(item.get("metadata")?.get("name")?.as_str()?.to_owned()));
    let mut names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    names.sort();
    names.dedup();
    Some(names)
}

fn names(snapshot: &Snapshot) -> Vec<String> {
    let mut names: Vec<_> = snapshot.objects().map(|object| object.name.clone()).collect();
    names.sort();
    names
}

/// Texts that look like structure.
fn any_scalar() -> impl Strategy<Value = String> {
    select(vec![
        "a",
        "it's",
        "a \"b",
        "\"}, {\"",
        "'], ['",
        "'it''s'",
        "\"\\\"}\"",
        "\"\\\\\"",
        "a#b",
        "a #b\n",
        "\"a\nb\"",
        "\"a\\\n  b\"",
        "a\n  b",
        "&x a",
        "*x",
        "!!str 'a, b'",
        "!<tag:yaml.org,2002:str> a",
        "!t{",
        "a:b",
        ":a",
        "-a",
        "- a",
        "?a",
        "? a",
        "\"a\":b",
        "''",
        "\"\"",
        "{}",
        "[]",
        "[a, {b: c}]",
        "{a: [b, 'c]']}",
        "]",
        "}",
        "a: b",
        "",
        "\"a\n---\n b\"",
        "'a\n-----\nb'",
        "\"a",
        "|\n a",
        "a\r b",
        "# c",
        "\u{e9}",
    ])
    .prop_map(str::to_owned)
}

fn any_item() -> impl Strategy<Value = String> {
    let version = format!("apiVersion: {}", NODE_MAINTENANCE.api_version);
    let quoted = format!("\"apiVersion\":\"{}\"", NODE_MAINTENANCE.api_version);
    let head = vec![
        version,
        quoted,
        "kind: NodeMaintenance".into(),
        "'kind' : \"NodeMaintenance\"".into(),
        "kind: Pod".into(),
        "apiVersion: v1".into(),
    ];
    let name = "[a-c]".prop_map(|name| format!("metadata: {{name: {name}x}}"));
    let odd = (select(vec!["a", "\"b\"", "'c'", "d ", "kind", "\"k\\x69nd\"", "<<", "? e"]), any_scalar())
        .prop_map(|(key, value)| format!("{key}: {value}"));
    let entry = prop_oneof![4 => select(head), 3 => name, 2 => odd, 1 => any_scalar()];
    let object = (vec(entry, 1..6), select(vec![", ", ",\n  ", ",", " # , }\n, "]))
        .prop_map(|(entries, comma)| format!("{{{}}}", entries.join(comma)));
    prop_oneof![6 => object, 1 => any_scalar()]
}

/// A document, and the items in it.
fn any_document() -> impl Strategy<Value = (String, Vec<String>)> {
    let begins = vec![
        ("{apiVersion: v1, kind: List, items: [", "]}"),
        ("---\n{\n  apiVersion: \"v1\",\n  items: [", "],\n  kind: \"List\",\n}\n"),
        ("{ # it's\n\"items\":[", "],\"kind\":'List'} # }\n"),
        ("apiVersion: v1\nitems: [", "]\nkind: List\n"),
        ("kind: List\n'items': # [\n  [", "] # end\n"),
        ("{a: {items: [{}]}, kind: List, items: [ # {\n", " ] }\n...\n"),
    ];
    (select(begins), vec(any_item(), 0..5), select(vec![", ", ",", ",\n", "\n, ", " #]\n,"]), any::<bool>()).prop_map(
        |((begin, end), items, comma, is_trailing)| {
            let trailing = if is_trailing && !items.is_empty() { "," } else { "" };
            (format!("{begin}{}{trailing}{end}", items.join(comma)), items)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn items_are_those_of_the_whole((text, items) in any_document(), size in 1_usize..50) {
        let read = |reader: &mut (dyn std::io::Read + Send)| {
            let mut builder = builder();
            builder.read("a.yaml", reader);
            builder.finish()
        };
        let snapshot = read(&mut text.as_bytes());
        let slow = read(&mut Slow(text.as_bytes(), size));
        prop_assert_eq!(snapshot.skipped(), slow.skipped());
        prop_assert_eq!(names(&snapshot), names(&slow));
        // A line of dashes ends a document wherever it stands, which YAML does not know.
        let is_whole = |item: &String| !item.contains("\n-----") && serde_saphyr::from_str::<Value>(item).is_ok();
        if expected(&text).is_some() && items.iter().all(is_whole) {
            let is_broken = |reason: String| ["is not valid", "ends too early"].iter().any(|begin| reason.starts_with(begin));
            prop_assert!(!snapshot.skipped().iter().any(|part| is_broken(part.reason())), "{}\n{:?}", text, snapshot.skipped());
        }
        let says_lost = snapshot.skipped().iter().any(|part| part.matters);
        match expected(&text) {
            Some(expected) if !says_lost => prop_assert_eq!(names(&snapshot), expected, "{}", text),
            // Anchors of other items, and what is there twice.
            Some(expected) => prop_assert!(names(&snapshot).iter().all(|name| expected.contains(name)), "{}", text),
            // One item that is broken takes no other with it in silence.
            None => {
                let alone = |item: &String| expected(&format!("{{kind: List, items: [{item}]}}")).unwrap_or_default();
                let found = names(&snapshot);
                prop_assert!(says_lost || items.iter().flat_map(alone).all(|name| found.contains(&name)), "{}", text);
            }
        }
    }
}
