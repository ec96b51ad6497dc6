//! No part of a YAML text is left out in silence: it is read, or said to be lost.

#![allow(clippy::unwrap_used, reason = "a panic is how a test says no")]

mod input;

use input::{Made, assert_found, builder, found, is_said, names, read, yaml};
use upgrade_gate_snapshot::MAX_OBJECT;

/// An object in flow style, of which a part is repeated.
fn flow(name: &str) -> (String, &'static str, &'static str) {
    let head = "{apiVersion: nodemaintenance.kubevirt.io/v1beta1, kind: NodeMaintenance, metadata: {name: ";
    (format!("{head}{name}}}, spec: {{reason: \""), "long text ", "\"}}\n")
}

/// A name; what comes first, what is repeated, what comes last; what is kept, and whether something is lost that
/// matters.
type Case<'t> = (&'t str, &'t str, &'t str, &'t str, &'t [&'t str], bool);

#[test]
fn what_is_longer_than_an_object_may_be_does_not_vanish() {
    const TIMES: u64 = MAX_OBJECT as u64 / 8 / 1_024;
    let (one, pod) = (yaml("one"), "apiVersion: v1\nkind: Pod\n");
    let (head, filling, end) = flow("long");
    let item = format!("- {head}");
    let block_item = |name: &str| yaml(name).replacen("apiVersion", "- apiVersion", 1).replace('\n', "\n  ");
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: Pod}}\n{}\n",
        block_item("one").trim_end()
    );
    let continued = |before: &str, after: &str| {
        let kind = "apiVersion: nodemaintenance.kubevirt.io/v1beta1\nkind: NodeMaintenanceList\n";
        format!("{before}{kind}items:\n{}\n{after}", block_item("one").trim_end())
    };
    let marked = format!("{pod}--- {head}");
    let flow_items = format!("{{apiVersion: v1, kind: List, items: [{{a: b}}, {head}");
    let last_item = format!("}}, {}", flow("one").0);
    let cases: [Case<'_>; 17] = [
        ("a comment", "#", " comment", "\n", &["one"], false),
        (
            "lines of comments",
            "",
            "# a comment that is rather long, so that there are not so many lines of it to be read\n",
            "",
            &["one"],
            false,
        ),
        ("blank lines", "", "       \n", "", &["one"], false),
        ("a blank line", "", "        ", "\n", &["one"], false),
        ("blanks before a comment", "", "        ", "# a\n", &["one"], false),
        ("dashes", "", "--------", "\n", &[], true),
        ("a first line", &head, filling, end, &[], true),
        (
            "a first line behind blanks",
            "",
            "        ",
            "{apiVersion: nodemaintenance.kubevirt.io/v1beta1, kind: NodeMaintenance}\n",
            &[],
            true,
        ),
        ("a document on the line of its marker", &marked, filling, end, &[], true),
        ("an item on one line", &(list.clone() + &item), filling, end, &["one"], true),
        ("an item in flow style", &flow_items, filling, "\"}}]}\n", &[], true),
        ("the rest of a list", &continued("", "x: |\n"), "   text\n", "", &["one"], true),
        ("a key behind a list", &continued("", "x: "), "   text ", "\n", &["one"], true),
        ("what comes before items", "metadata: {continue: a}\nx: |\n", "   text\n", &continued("", ""), &["one"], true),
        ("comments before items", &continued("", "").replacen("- ", "#", 1), "\n#######", "\n- a: b\n", &[], true),
        ("a quote that does not end", "{a: \"", filling, "\n---\n", &["one"], true),
        ("a long item that nobody wants", &flow_items.replace("NodeM", "M"), filling, &last_item, &[], true),
    ];
    for (name, first, repeated, last, kept, matters) in cases {
        let is_ahead = ["com", "lines", "blank", "a blank", "a com", "dashes", "a quote"]
            .iter()
            .any(|begin| name.starts_with(begin));
        let last = if is_ahead { format!("{last}{one}") } else { last.to_owned() };
        let mut builder = builder();
        let repeated = repeated.repeat(1_024);
        builder.read("a.yaml", Made::new(&[(first, 1), (&repeated, TIMES), (&last, 1)]));
        let snapshot = builder.finish();
        assert_eq!(names(&snapshot), kept, "{name}: {:?}", snapshot.skipped());
        let lost = snapshot.skipped().iter().any(|part| part.matters);
        assert_eq!(lost, matters, "{name}: {:?}", snapshot.skipped());
    }
}

#[test]
fn markers_are_those_of_yaml() {
    let (one, two) = (yaml("one"), yaml("two"));
    let pod = "apiVersion: v1\nkind: Pod\n";
    let (one_line, _, _) = flow("one");
    let one_line = one_line + "\"}}\n";
    let cases = [
        ("a comment behind the marker", format!("{pod}--- # Source: a.yaml\n{one}"), 4),
        ("a tab behind the marker", format!("{pod}---\t{one_line}"), 3),
        ("a tab and a comment", format!("{pod}---\t# a\n{one}"), 4),
        ("an end with a comment", format!("{pod}... # end\n{one}"), 4),
        ("an end and a marker", format!("{pod}...\n---\n{one}"), 5),
        ("a directive", format!("%YAML 1.2\n---\n{one}"), 3),
        ("directives between documents", format!("{pod}...\n%YAML 1.2\n%TAG ! tag:a,2026:\n--- # a\n{one}"), 7),
    ];
    for (name, text, line) in cases {
        let mut builder = builder();
        builder.read("a.yaml", text.as_bytes());
        let snapshot = builder.finish();
        let found: Vec<_> = snapshot.objects().map(|object| (object.name.as_str(), object.origin.line)).collect();
        assert_eq!((found, snapshot.skipped().len()), (vec![("one", line)], 0), "{name}: {:?}", snapshot.skipped());
    }
    for text in [format!("{one}---x\n{two}"), format!("{one}... x\n{two}"), format!("%FOO\n{one}")] {
        assert!(is_said(&read("a.yaml", text.as_bytes()), &["one", "two"]), "{text}");
    }
}

#[test]
fn a_carriage_return_ends_a_line() {
    let text = format!("apiVersion: v1\nkind: Pod # x\n---\n{}---\n{}", yaml("one"), yaml("two"));
    let mixed: String = text
        .split_inclusive('\n')
        .zip(["\n", "\r", "\r\n"].iter().cycle())
        .map(|(line, end)| line.trim_end().to_owned() + end)
        .collect();
    for (name, text) in [("CR", text.replace('\n', "\r")), ("mixed", mixed), ("CR CR", text.replace('\n', "\r\r"))] {
        assert_found(name, read("a.yaml", text.as_bytes()), &["one", "two"], &[]);
        // A line end stands where one part of what is read at once ends, and the next one begins.
        for blanks in (8_180..8_200).chain(262_130..262_150).chain(270_320..270_345) {
            let text = format!("#{}{}", " ".repeat(blanks), text.replacen("apiVersion", "\r\n\rapiVersion", 1));
            assert_found(name, read("a.yaml", text.as_bytes()), &["one", "two"], &[]);
        }
    }
    // More empty lines than an object may have bytes, and the line behind them.
    let mut builder = input::builder();
    let run = MAX_OBJECT as u64 + 262_144;
    builder.read("a.yaml", Made::new(&[("#", 1), ("\r", run), (&yaml("one").replace('\n', "\r"), 1)]));
    let snapshot = builder.finish();
    assert_eq!((names(&snapshot), snapshot.skipped().len()), (vec!["one".into()], 0), "{:?}", snapshot.skipped());
    assert_eq!(snapshot.objects().next().unwrap().origin.line as u64, run + 1);
    // As in the text of a value, where it is a line end, too.
    let mut builder = input::builder();
    builder.read("a.yaml", format!("{}spec:\r  reason: |\r    a\r    b\r\n    c\r", yaml("one")).as_bytes());
    let snapshot = builder.finish();
    let object: serde_json::Value = serde_json::from_str(&snapshot.objects().next().unwrap().json).unwrap();
    assert_eq!(object.pointer("/spec/reason").unwrap(), "a\nb\nc\n");
    // A last one without a line.
    assert_eq!(
        found({
            let mut builder = builder_of("a: 1\r---\r");
            builder.read("b.yaml", (yaml("one").trim_end().to_owned() + "\r").as_bytes());
            builder
        })
        .0,
        ["one"]
    );
}

fn builder_of(text: &str) -> upgrade_gate_snapshot::Builder {
    let mut builder = builder();
    builder.read("a.yaml", text.as_bytes());
    builder
}
