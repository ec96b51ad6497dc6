//! What a look tells, beside what the parser reads: of forms that tools write, of odd ones, and of generated ones.

#![allow(clippy::unwrap_used, reason = "a panic is how a test says no")]

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{cut::Document, json, yaml};

/// What the parser reads; `None` where the text is no mapping, or no YAML.
fn parsed(text: &str) -> Option<Look> {
    let document = match yaml::parse(text).ok()? {
        Document::Value(value) => value.into_owned(),
        Document::List { head, .. } => head,
    };
    let head = match json::head(&document) {
        Ok(head) => head,
        // A type that is no text.
        Err(_) => return Some(Look::Unclear),
    };
    match (head.api_version, head.kind) {
        (Some(api_version), Some(kind)) => Some(Look::Kind(Kind { api_version, kind })),
        _ => Some(Look::Untyped),
    }
}

/// A document as an item of a list, from behind its dash on; and the same for the parser.
fn as_item(text: &str, indent: usize) -> (String, String) {
    let spaces = " ".repeat(indent + 2);
    let lines = text.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("{spaces}{line}\n") });
    let item: String = lines.collect();
    (item.get(indent + 1..).unwrap_or_default().to_owned(), item)
}

#[track_caller]
fn assert_sound(text: &str, column: usize, whole: &str) -> Look {
    let look = look(text.as_bytes(), column);
    if let (Some(parsed), true) = (parsed(whole), look != Look::Unclear) {
        assert_eq!(look, parsed, "{text:?}");
    }
    look
}

#[test]
fn what_tools_write_is_told_by_looking() {
    let bodies = [
        "metadata:\n  name: a\n  labels: {}\nspec:\n  args: [\"-c\", 'it''s']\n",
        "metadata:\n    name: \"a\"\nspec:\n- kind: Node\n- apiVersion: v2\n",
        "data:\n  kind: |\n    kind: Node\n\n    apiVersion: \"v1\"\n  b: |-\n    it's\n    'x'\n",
        "message: Pulled image \"a\" in\n  3 s, kind b\n",
        "\n# kind: Node\nstatus: {}\n",
        "count: 1\nfirstTimestamp: \"2026-11-22T10:00:00Z\"\nreason: ''\n",
    ];
    let heads = [
        // kubectl, oc, Helm, Go's emitters
        "apiVersion: apps/v1\nkind: Pod\n",
        "# Source: chart/templates/pod.yaml\napiVersion: apps/v1\nkind: Pod\n",
        "kind: Pod # a pod\napiVersion: apps/v1\t# a version\n",
        // Ruby, Python, JavaScript, and people
        "apiVersion: \"apps/v1\"\nkind: \"Pod\"\n",
        "apiVersion: 'apps/v1'\nkind: 'Pod'   # 'x'\n",
        "\"apiVersion\": \"apps/v1\"\n\"kind\": \"Pod\"\n",
        "'kind': Pod\n'apiVersion':\tapps/v1\n",
        "kind : Pod\n\"apiVersion\"  : apps/v1\n",
    ];
    let expected = Look::Kind(Kind::new("apps/v1", "Pod"));
    for (head, body) in heads.iter().flat_map(|head| bodies.map(|body| (*head, body))) {
        let (first, second) = head.trim_end().rsplit_once('\n').unwrap();
        let orders = [format!("{head}{body}"), format!("{body}{head}"), format!("{first}\n{body}{second}")];
        for text in orders.iter().flat_map(|text| [text.clone(), text.replace('\n', "\r\n")]) {
            assert_eq!(parsed(&text), Some(expected.clone()), "{text}");
            assert_eq!(assert_sound(&text, 0, &text), expected, "{text}");
            let indented = text.lines().map(|line| format!("   {line}\n")).collect::<String>();
            assert_eq!(assert_sound(&indented, 0, &indented), expected, "{indented}");
            for indent in [0, 2, 4] {
                let (item, whole) = as_item(&text, indent);
                assert_eq!(assert_sound(&item, indent + 1, &whole), expected, "{item}");
            }
        }
    }
    let flow = [
        // kubectl -o kyaml, PyYAML with default_flow_style, JSON
        "---\n{\n  apiVersion: \"apps/v1\",\n  kind: \"Pod\",\n  metadata: {\n    name: \"a\",\n  },\n}\n",
        "{apiVersion: apps/v1, data: {a: 'it''s {', b: \"\\\"}\"}, kind: Pod, metadata: {name: x y}}\n",
        "{\"apiVersion\":\"apps/v1\",\"spec\":[{\"kind\":\"Node\"},[]],\"kind\":\"Pod\"}",
        "{ # a pod\n 'kind' : 'Pod' # }\n , \"apiVersion\": apps/v1\n, x: it's, y: &a [*a, !b c], } # end\n# end\n",
        "--- {apiVersion: apps/v1, kind: Pod}\n",
    ];
    for text in flow {
        let whole = text.strip_prefix("---\n").unwrap_or(text);
        assert_eq!(assert_sound(whole, 0, text), expected, "{text}");
    }
    for text in
        ["metadata:\n  name: a\n  kind: b\n", "{metadata: {kind: b}}", "kind: Pod\nspec: {}\n", "{apiVersion: v1}"]
    {
        assert_eq!(assert_sound(text, 0, text), Look::Untyped, "{text}");
    }
}

#[test]
fn what_may_be_read_otherwise_has_to_be_read() {
    let cases = [
        "apiVersion: v1\nkind: *alias\n",
        "apiVersion: v1\nkind: !!str Pod\n",
        "apiVersion: v1\nkind: &a Pod\n",
        "apiVersion: v1\n&a kind: Pod\n",
        "apiVersion: v1\nkind: Pod\nkind: Node\n",
        "apiVersion: v1\nkind: Pod\n\"kind\": Node\n",
        "apiVersion: v1\nkind: Pod\n\"ki\\x6ed\": Node\n",
        "apiVersion: v1\nkind:\n  Pod\n",
        "apiVersion: v1\nkind: |-\n  Pod\n",
        "apiVersion: v1\nkind: Pod\n  of mine\n",
        "apiVersion: v1\nkind: Pod\n\n  of mine\n",
        "apiVersion: v1\nkind: \"P\\x6fd\"\n",
        "apiVersion: v1\nkind: \"Pod\n  of mine\"\n",
        "apiVersion: v1\nkind: null\n",
        "apiVersion: v1\nkind: yes\n",
        "apiVersion: 1\nkind: Pod\n",
        "apiVersion: v1\n? kind\n: Node\nspec: \"\nkind: Pod\n\"\n",
        "apiVersion: v1\n<<: *node\nkind: Pod\n",
        "\"<<\": {kind: Node, apiVersion: v1}\n<<: {kind: Pod}\n",
        "apiVersion: v1\nspec: \"\nkind: Pod\n\"\n",
        "apiVersion: v1\nspec:\n  a: '\nkind: Pod\nb: c'\n",
        "spec: \"\nkind: Pod\napiVersion: v1\nb: c\n d\"\n",
        "apiVersion: v1\nspec: {\nkind: Pod\n}\n",
        "apiVersion: v1\nspec: {a: b,\nkind: Pod\n }\n",
        "apiVersion: v1\n\tkind: Pod\n",
        "- apiVersion: v1\n  kind: Pod\n",
        "--- |\nkind: Pod\napiVersion: v1\n",
        "!!map\nkind: Pod\napiVersion: v1\n",
        "{apiVersion: v1, kind: Pod, kind: Node}",
        "{apiVersion: v1, kind: Pod, \"kind\": Node}",
        "{apiVersion: v1, kind: Pod, \"k\\x69nd\": Node}",
        "{apiVersion: v1, kind: Pod, <<: {kind: Node}}",
        "{apiVersion: v1, ? kind : Pod}",
        "{apiVersion: v1, kind: !!str Pod}",
        "{apiVersion: v1, kind}",
        "{apiVersion: v1, kind: }",
        "{apiVersion: v1, kind: Pod\n of mine}",
        "{apiVersion: v1, kind: 1}",
        "{apiVersion: v1, kind: Pod}\n{}",
        "{apiVersion: v1, kind: Pod",
        "{apiVersion: v1, kind: Pod]",
        "{[kind]: Node, apiVersion: v1, kind: Pod}",
    ];
    for text in cases {
        assert_eq!(assert_sound(text, 0, text), Look::Unclear, "{text}");
        let (item, whole) = as_item(text, 2);
        assert_sound(&item, 3, &whole);
    }
    let (item, _) = as_item("apiVersion: v1\nkind: Pod\n", 2);
    assert_eq!(look(format!("{item} kind: Node\n").as_bytes(), 3), Look::Unclear);
}

/// Keys and values in most of the forms that YAML knows, and what stands around them.
fn any_line() -> impl Strategy<Value = String> {
    let keys = vec![
        "kind",
        "apiVersion",
        "\"kind\"",
        "'kind'",
        "\"apiVersion\"",
        "\"ki\\x6ed\"",
        "kind ",
        "? kind\n",
        "<<",
        "\"<<\"",
        "metadata",
        "a",
        "- kind",
        "&a kind",
        "!!str kind",
        "*a ",
        "\"\"",
        "'it''s'",
        "kinds",
        "kind.a",
        "# kind",
        " kind",
        "\tkind",
        "\"a\nkind",
        "[a]",
        "{a: b}",
        "-",
        "",
    ];
    let values = vec![
        "Pod",
        "v1",
        "\"Pod\"",
        "'Pod'",
        "apps/v1",
        "\"v1\" # c",
        "Pod#",
        "Pod # c",
        "",
        "|",
        "|-\n  Pod",
        ">\n kind: Pod",
        "\n  Pod",
        "Pod\n  more",
        "Pod\n\n  more",
        "\"P\\x6fd\"",
        "\"Po\n  d\"",
        "null",
        "~",
        "yes",
        "1",
        "1.0",
        "0x1",
        "&a Pod",
        "*a",
        "!!str Pod",
        "{kind: Pod}",
        "{kind: Pod",
        "kind: Pod}",
        "[a, b]",
        "[",
        "]",
        "\"",
        "'",
        "a \"",
        "it's",
        "\"x'",
        "{a: b,",
        "}",
        "\n- kind: Node",
        "\n  kind: Node",
        "\n  \"kind: Node\n  \"",
        "\"\nkind: Pod\n\"",
        "NaN",
        ".inf",
        "\t Pod\t",
        "Pod\n# c",
        "x\n---",
        "\"\nkind: Pod\napiVersion: v1\nb: c\"",
        "\n  a: '\nkind: Pod\napiVersion: v1\n  b'",
    ];
    let ends = select(vec!["\n", "\n", "\n", "\r\n", "\n\n", "\n# c\n", ",\n", " ", "\n ", "\n}\n", "\n\"\n", "\n'\n"]);
    let colons = select(vec![": ", ": ", ": ", ":", " : ", ":\t"]);
    (select(keys), colons, select(values), ends)
        .prop_map(|(key, colon, value, end)| format!("{key}{colon}{value}{end}"))
}

fn any_text() -> impl Strategy<Value = String> {
    let likely = select(vec![
        "apiVersion: v1\n",
        "kind: Pod\n",
        "\"kind\": \"Pod\"\n",
        "metadata:\n  name: a\n",
        // A text in quotes begins, and ends.
        "a: \"\n",
        "b: c\"\n",
        "a:\n  b: '\n",
        "c: d\n  '\n",
    ]);
    let line = prop_oneof![1 => any_line(), 2 => likely.prop_map(str::to_owned)];
    let block = vec(line, 1..6).prop_map(|lines| lines.concat());
    let entry = prop_oneof![
        1 => any_line().prop_map(|line| line.trim_end().to_owned()),
        2 => select(vec!["apiVersion: v1", "kind: Pod", "\"kind\":\"Pod\"", "a: {kind: Pod}", ""]).prop_map(str::to_owned),
    ];
    let separators = select(vec![",", ", ", ",\n  ", " #\n,", "\n, "]);
    let flow = (vec((entry, separators), 1..5), select(vec!["}", " }\n", "\n}", "}\n# c\n", "} x", "]", ""])).prop_map(
        |(entries, end)| {
            let entries = entries.into_iter().map(|(entry, separator)| entry + separator).collect::<String>();
            format!("{{{entries}{end}")
        },
    );
    prop_oneof![2 => block, 1 => flow]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_look_is_never_wrong(text in any_text()) {
        for text in [text.clone(), text.replace('\r', "")] {
            assert_sound(&text, 0, &text);
            let (item, whole) = as_item(&text, 2);
            assert_sound(&item, 3, &whole);
        }
    }
}
