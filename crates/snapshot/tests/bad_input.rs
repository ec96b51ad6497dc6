//! What cannot be read is named with its line, costs nothing else, and shows nothing of its content.

#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "a panic is how a test says no")]

use std::{
    io::{self, Cursor, Read},
    thread,
};

use upgrade_gate_core::NODE_MAINTENANCE;
use upgrade_gate_snapshot::{Builder, Kind, MAX_DEPTH, Snapshot, Wanted};

/// Stands for what must not be shown: it is in the values around every error.
const MARKER: &str = "s3cret";

/// Where kubevirt's must-gather puts NodeMaintenance objects, and nodes.
const PLACE: &str = "mg/cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io/a.yaml";
const PLACE_OF_NODES: &str = "mg/cluster-scoped-resources/core/nodes/a.yaml";

const HEAD: &str = r#""apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenance""#;
const YAML_HEAD: &str = "apiVersion: nodemaintenance.kubevirt.io/v1beta1\nkind: NodeMaintenance\n";

struct Case {
    name: &'static str,
    path: &'static str,
    bytes: Vec<u8>,
    /// Names of the objects that are kept all the same.
    kept: Vec<String>,
    skipped: Vec<Loss>,
}

/// Line, reason, and whether it may have been an object that a policy wants.
type Loss = (usize, &'static str, bool);

const JSON_CUT: &str = "ends too early: the JSON is cut off";
const DUPLICATE: &str = "has a duplicate key";
const DEEP: &str = "is nested more than 127 levels deep";
const COSTLY: &str = "needs more memory than its size allows: too many aliases or nodes";
const NO_OBJECT: &str = "is not a Kubernetes object: expected a mapping with apiVersion and kind";
const NO_NAME: &str = "has no metadata.name that is a string; a number needs quotes in YAML";
const NO_TEXT: &str = "is not UTF-8 text";
const EMPTY: &str = "is empty";

fn case(name: &'static str, path: &'static str, bytes: impl Into<Vec<u8>>, kept: &[&str], skipped: &[Loss]) -> Case {
    let kept = kept.iter().map(ToString::to_string).collect();
    Case { name, path, bytes: bytes.into(), kept, skipped: skipped.to_vec() }
}

fn json(name: &str) -> String {
    format!(r#"{{{HEAD}, "metadata": {{"name": "{name}"}}, "spec": {{"reason": "{MARKER}"}}}}"#)
}

fn yaml(name: &str) -> String {
    format!("{YAML_HEAD}metadata:\n  name: {name}\nspec:\n  reason: {MARKER}\n")
}

/// An object whose nesting is this many levels.
fn deep_json(kind: &str, levels: usize) -> String {
    let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
    let name = r#""metadata": {"name": "deep"}"#;
    format!(r#"{{"apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "{kind}", {name}, "x": {open}{close}}}"#)
}

fn deep_yaml(kind: &str, levels: usize) -> String {
    let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
    let name = "metadata:\n  name: deep";
    format!("apiVersion: nodemaintenance.kubevirt.io/v1beta1\nkind: {kind}\n{name}\nx: {open}{close}\n")
}

/// Each line is nine times the line before.
fn alias_bomb() -> String {
    let mut text = format!("{YAML_HEAD}metadata:\n  name: bomb\nl0: &l0 [{MARKER}]\n");
    for level in 1..=12 {
        let aliases = vec![format!("*l{}", level - 1); 9].join(", ");
        text += &format!("l{level}: &l{level} [{aliases}]\n");
    }
    text
}

fn cases() -> Vec<Case> {
    let mut cases = syntax();
    cases.extend(values());
    cases.extend(encodings());
    cases.extend(depths());
    cases
}

fn utf16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

fn syntax() -> Vec<Case> {
    let cut_list =
        format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [{},{}"#, json("one"), &json("two")[..120]);
    let pretty_cut_list = cut_list.replace(", ", ",\n").replace("},{", "},\n{");
    let after = |text: &str| format!("{text}\n---\n{}", yaml("after"));
    vec![
        case(
            "JSON object that is cut",
            "a.json",
            format!("{{{HEAD},\n\"metadata\": {{\"name\": \"{MARKER}"),
            &[],
            &[(2, JSON_CUT, true)],
        ),
        case("JSON list that is cut in its second item", "a.json", cut_list, &["one"], &[(1, JSON_CUT, true)]),
        case(
            "typed list that is cut, whose items leave their type to it",
            "a.json",
            r#"{"kind": "NodeMaintenanceList", "apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "items": [
                {"metadata": {"name": "one"}}, {"metadata": {"name": "s3cret"#,
            &["one"],
            &[(2, JSON_CUT, true)],
        ),
        case("the same on many lines", "a.json", pretty_cut_list, &["one"], &[(10, JSON_CUT, true)]),
        case(
            "NDJSON whose last line is cut",
            "a.ndjson",
            format!("{}\n{}\n{{{HEAD}, \"spec\": \"{MARKER}", json("one"), json("two")),
            &["one", "two"],
            &[(3, JSON_CUT, true)],
        ),
        case(
            "JSON with a syntax error",
            "a.json",
            format!("{}\n{{{HEAD},\n  \"spec\": {MARKER}}}\n{}", json("one"), json("two")),
            &["one", "two"],
            &[(3, "is not valid JSON (column 11)", true)],
        ),
        case(
            "JSON of something else, cut",
            "a.json",
            format!("{{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"data\": \"{MARKER}"),
            &[],
            &[(1, JSON_CUT, false)],
        ),
        case(
            "a log that mentions the kind, cut",
            "a.log",
            format!("{{\"level\": \"info\", \"msg\": \"NodeMaintenance {MARKER}"),
            &[],
            &[],
        ),
        case(
            "a log of lines that have a kind",
            "a.log",
            format!("{{\"pos\": \"a.go\", \"kind\": \"NodeMaintenance\", \"msg\": \"{MARKER}\"}}\n").repeat(1_000),
            &[],
            &[(1, NO_OBJECT, false)],
        ),
        case("JSON array", "a.json", format!("[{}]", json("one")), &[], &[(1, NO_OBJECT, true)]),
        case(
            "JSON array of an object's parts",
            "a.json",
            r#"["v1", "Node", {"name": "a"}, 1]"#,
            &[],
            &[(1, NO_OBJECT, false)],
        ),
        case("JSON null", "a.json", "null\n", &[], &[(1, NO_OBJECT, false)]),
        case("JSON string", "a.json", format!("\"{MARKER}\""), &[], &[(1, NO_OBJECT, false)]),
        case("JSON without kind", "a.json", format!(r#"{{"name": "{MARKER}"}}"#), &[], &[(1, NO_OBJECT, false)]),
        case("a number as kind", "a.json", format!(r#"{{"kind": 7, "x": "{MARKER}"}}"#), &[], &[(1, NO_OBJECT, false)]),
        case(
            "a list whose items are no objects",
            "a.json",
            format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [7, null, "{MARKER}", {}]}}"#, json("one")),
            &["one"],
            &[(1, NO_OBJECT, false)],
        ),
        case(
            "YAML that is a sequence",
            "a.yaml",
            after(&format!("# NodeMaintenance\n- kind: NodeMaintenance\n  x: {MARKER}")),
            &["after"],
            &[(2, NO_OBJECT, true)],
        ),
        case("YAML that is a scalar", "a.yaml", after(MARKER), &["after"], &[(1, NO_OBJECT, false)]),
        case("YAML that is null", "a.yaml", after("~"), &["after"], &[(1, NO_OBJECT, false)]),
        case(
            "YAML with a tab",
            "a.yaml",
            after(&format!("{YAML_HEAD}metadata:\n\tname: {MARKER}")),
            &["after"],
            &[(4, "is not valid YAML (column 2)", true)],
        ),
        case(
            "YAML with a quote that is not closed",
            "a.yaml",
            after(&format!("{YAML_HEAD}metadata:\n  name: \"{MARKER}")),
            &["after"],
            &[(4, "is not valid YAML (column 9)", true)],
        ),
        case(
            "YAML with an alias of nothing",
            "a.yaml",
            after(&format!("{YAML_HEAD}metadata:\n  name: *{MARKER}")),
            &["after"],
            &[(4, "is not valid YAML (column 9)", true)],
        ),
        case("YAML with an alias bomb", "a.yaml", after(&alias_bomb()), &["after"], &[(8, COSTLY, true)]),
        case(
            "JSON with a duplicate key",
            "a.ndjson",
            format!("{}\n{{{HEAD}, \"spec\": {{\"x\": \"{MARKER}\", \"x\": 1}}}}\n{}", json("one"), json("two")),
            &["one", "two"],
            &[(2, DUPLICATE, true)],
        ),
        case(
            "JSON with two kinds",
            "a.json",
            format!(r#"{{{HEAD}, "kind": "Pod", "x": "{MARKER}"}}"#),
            &[],
            &[(1, DUPLICATE, true)],
        ),
        case(
            "YAML with a duplicate key",
            "a.yaml",
            after(&format!("{YAML_HEAD}spec:\n  {MARKER}: 1\n  {MARKER}: 2")),
            &["after"],
            &[(5, DUPLICATE, true)],
        ),
    ]
}

fn values() -> Vec<Case> {
    let of = |rest: &str| format!("{{{HEAD}, {rest}}}");
    let long = "a".repeat(253);
    let no_name = [(1, NO_NAME, true)];
    vec![
        case("no spec", "a.json", of(r#""metadata": {"name": "one"}"#), &["one"], &[]),
        case("a number as reason", "a.json", of(r#""metadata": {"name": "one"}, "x": 7"#), &["one"], &[]),
        case("a name of 253 characters", "a.yaml", yaml(&long), &[&long], &[]),
        case("a name that YAML reads as a boolean", "a.yaml", yaml("no"), &[], &no_name),
        case("a name that YAML reads as a number", "a.yaml", yaml("010"), &[], &no_name),
        case("a name that YAML reads as null", "a.yaml", yaml("~"), &[], &no_name),
        case("a name that is a number too large", "a.yaml", yaml("1e66586"), &[], &no_name),
        case("a commit in a label", "a.yaml", yaml("one").replace(MARKER, "1e66586"), &["one"], &[]),
        case("names in quotes", "a.yaml", format!("{}---\n{}", yaml("'no'"), yaml("\"010\"")), &["010", "no"], &[]),
        case("no name", "a.json", of(&format!(r#""spec": {{"reason": "{MARKER}"}}"#)), &[], &no_name),
        case(
            "an object as name",
            "a.json",
            of(&format!(r#""metadata": {{"name": {{"x": "{MARKER}"}}}}"#)),
            &[],
            &no_name,
        ),
        case("metadata that is a list", "a.json", of(&format!(r#""metadata": ["{MARKER}"]"#)), &[], &no_name),
        case("a name for the API server to make", "a.json", of(r#""metadata": {"generateName": "nm-"}"#), &[""], &[]),
        case(
            "a version that no policy knows",
            "a.yaml",
            yaml("one").replace("v1beta1", "v9"),
            &[],
            &[(1, "is of apiVersion nodemaintenance.kubevirt.io/v9, which no policy knows", true)],
        ),
    ]
}

fn encodings() -> Vec<Case> {
    let binary: Vec<u8> = (0..=255).cycle().take(4096).chain(MARKER.bytes()).collect();
    let not_utf8 = |text: String| {
        let mut bytes = text.into_bytes();
        bytes.extend([b'\n', b'#', 0xff, 0xfe]);
        bytes.extend(MARKER.bytes());
        bytes
    };
    let two = format!("{}---\n{}", yaml("one"), yaml("two"));
    let dashes = format!("{}---------------\n{}---------------\n", yaml("one"), yaml("two"));
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let bom = |text: &str| format!("\u{feff}{text}");
    vec![
        case("binary named .yaml", "a.yaml", binary.clone(), &[], &[(3, NO_TEXT, false)]),
        case("binary without extension", "a", binary.clone(), &[], &[]),
        case("binary at the place of an object", PLACE, binary, &[], &[(3, NO_TEXT, true)]),
        case("an object that is not UTF-8", "a.yaml", not_utf8(yaml("one")), &[], &[(8, NO_TEXT, true)]),
        case(
            "something else that is not UTF-8",
            "a.yaml",
            not_utf8("kind: Secret\n".into()),
            &[],
            &[(3, NO_TEXT, false)],
        ),
        case("UTF-16 as PowerShell writes it", "a.json", utf16(&json("one")), &["one"], &[]),
        case("UTF-16 that is cut in a character", "a.json", [0xff, 0xfe, b'{', 0, b'"'], &[], &[(1, NO_TEXT, false)]),
        case("an empty file", "a.yaml", "", &[], &[(0, EMPTY, false)]),
        case("an empty file without extension", "a", "", &[], &[]),
        case("a file of line breaks", "a.json", "\n \r\n", &[], &[(0, EMPTY, false)]),
        case("a byte order mark alone", "a.json", bom(""), &[], &[(0, EMPTY, false)]),
        case("an empty file at the place of an object", PLACE, "", &[], &[(0, EMPTY, true)]),
        case("an empty file at the place of something else", PLACE_OF_NODES, "", &[], &[(0, EMPTY, false)]),
        case("comments alone", "a.yaml", format!("# {MARKER}\n---\n"), &[], &[]),
        case("YAML with CRLF", "a.yaml", crlf(&two), &["one", "two"], &[]),
        case("lines of dashes with CRLF", "a", crlf(&dashes), &["one", "two"], &[]),
        case("JSON with CRLF", "a.json", format!("{}\r\n{}\r\n", json("one"), json("two")), &["one", "two"], &[]),
        case("YAML with a byte order mark", "a", bom(&two), &["one", "two"], &[]),
        case("a byte order mark before a marker", "a.yaml", bom(&format!("---\n{two}")), &["one", "two"], &[]),
        case("JSON with a byte order mark", "a", bom(&json("one")), &["one"], &[]),
    ]
}

fn depths() -> Vec<Case> {
    let list = |item: &str| format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [{item}, {}]}}"#, json("one"));
    let yaml_list = |item: &str| format!("apiVersion: v1\nkind: List\nitems: [{item}, {}]", json("one"));
    let (wanted, other) = (NODE_MAINTENANCE.kind, "Other");
    let deepest = deep_json(wanted, MAX_DEPTH);
    let block = format!("{YAML_HEAD}x:\n{}\n", "- ".repeat(10_000));
    vec![
        case("JSON of 127 levels", "a.json", deepest.clone(), &["deep"], &[]),
        case("JSON of 127 levels in a list", "a.json", list(&deepest), &["deep", "one"], &[]),
        case("JSON of 128 levels", "a.json", deep_json(wanted, MAX_DEPTH + 1), &[], &[(1, DEEP, true)]),
        case("JSON of 10,000 levels", "a.json", deep_json(wanted, 10_000), &[], &[(1, DEEP, true)]),
        case("the same in a list", "a.json", list(&deep_json(wanted, 10_000)), &["one"], &[(1, DEEP, true)]),
        case("JSON of 10,000 levels that nobody wants", "a.json", list(&deep_json(other, 10_000)), &["one"], &[]),
        case("JSON of 10,000 levels, cut", "a.json", "{\"kind\":".repeat(10_000), &[], &[(1, JSON_CUT, false)]),
        case("YAML of 127 levels", "a.yaml", deep_yaml(wanted, MAX_DEPTH), &["deep"], &[]),
        case("YAML of 127 levels in a list", "a.yaml", yaml_list(&deepest), &["deep", "one"], &[]),
        case("YAML of 128 levels", "a.yaml", deep_yaml(wanted, MAX_DEPTH + 1), &[], &[(1, DEEP, true)]),
        case("YAML of 10,000 levels", "a.yaml", deep_yaml(wanted, 10_000), &[], &[(5, DEEP, true)]),
        case("YAML of a million levels", "a.yaml", deep_yaml(wanted, 1_000_000), &[], &[(5, DEEP, true)]),
        case("YAML of 10,000 levels in block style", "a.yaml", block, &[], &[(4, DEEP, true)]),
        case(
            "YAML of 10,000 levels that nobody wants, in a list",
            "a.yaml",
            yaml_list(&deep_json(other, 10_000)),
            &["one"],
            &[],
        ),
        case("YAML of 10,000 levels that nobody wants", "a.yaml", deep_yaml(other, 10_000), &[], &[]),
    ]
}

fn builder() -> Builder {
    let mut wanted = Wanted::default();
    wanted.add_kind(Kind::new(NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.kind));
    Builder::new(wanted)
}

/// What is kept and what is skipped, after another file that is in order.
fn check(name: &str, mut builder: Builder, path: &str, kept: &[String], skipped: &[(usize, String, bool)]) {
    builder.read("z.json", json("zz-good").as_bytes());
    let snapshot: Snapshot = builder.finish();
    let names = snapshot.objects().map(|object| object.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), [kept, &["zz-good".to_owned()]].concat(), "{name}");
    let found: Vec<_> =
        snapshot.skipped().iter().map(|loss| (loss.origin.line, loss.flaw.to_string(), loss.matters)).collect();
    assert_eq!(found, skipped, "{name}");
    for loss in snapshot.skipped() {
        assert_eq!(&*loss.origin.path, path, "{name}");
        assert!(!format!("{} {:?}", loss.flaw, loss.flaw).contains(MARKER), "{name}");
    }
    let evidence = &snapshot.kinds()[0].evidence;
    assert!(!evidence.contains(MARKER), "{name}: {evidence}");
}

#[test]
fn bad_input_is_named_and_costs_nothing_else() {
    let check_all = || {
        for case in cases() {
            let mut builder = builder();
            builder.read(case.path, &*case.bytes);
            let skipped = case.skipped.iter().map(|(line, reason, matters)| (*line, (*reason).to_owned(), *matters));
            check(case.name, builder, case.path, &case.kept, &skipped.collect::<Vec<_>>());
        }
    };
    // The stack of a main thread. An optimised build needs 512 KiB for the deepest YAML, one that is
    // not needs more than the 2 MiB of a test's thread.
    thread::Builder::new().stack_size(8 << 20).spawn(check_all).unwrap().join().unwrap();
}

/// Gives what it has, then fails.
struct Failing(Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, MARKER)),
            read => Ok(read),
        }
    }
}

#[test]
fn a_source_that_fails_may_have_held_anything() {
    // Above and below the size by which a log is told.
    let texts = [String::new(), json("one"), json("one").repeat(1_000)];
    let paths = [("a.json", true), ("a.log", false), (PLACE, true), (PLACE_OF_NODES, false)];
    for text in texts {
        // A log may be lost; what begins as a document may not.
        let paths = paths.map(|(path, matters)| (path, matters || (path == "a.log" && !text.is_empty())));
        for (path, matters) in paths {
            let mut builder = builder();
            builder.read(path, Failing(Cursor::new(text.clone().into_bytes())));
            let reason = "cannot be read: connection reset".to_owned();
            // What came whole before the failure is kept.
            let kept: &[String] = if text.len() > 10_000 { &["one".to_owned()] } else { &[] };
            check(path, builder, path, kept, &[(0, reason, matters)]);
        }
    }
}
