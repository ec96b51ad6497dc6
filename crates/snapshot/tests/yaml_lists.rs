//! Lists in YAML are cut into their items, however they are written: what is kept, and on which line.

use upgrade_gate_core::NODE_MAINTENANCE;
use upgrade_gate_snapshot::{Builder, Kind, Wanted};

const BAD: &str = "is not valid YAML";

/// A NodeMaintenance as an item, its dash behind so many spaces.
fn item(name: &str, indent: usize) -> String {
    let spaces = " ".repeat(indent);
    format!(
        "{spaces}- apiVersion: nodemaintenance.kubevirt.io/v1beta1\n{spaces}  kind: NodeMaintenance\n\
         {spaces}  metadata:\n{spaces}    name: {name}\n"
    )
}

fn list(items: &[String]) -> String {
    format!("apiVersion: v1\nitems:\n{}kind: List\nmetadata:\n  resourceVersion: \"\"\n", items.concat())
}

/// The same in flow style, as `kubectl get -o kyaml` writes it.
fn flow_item(name: &str) -> String {
    format!(
        "{{\n    apiVersion: \"nodemaintenance.kubevirt.io/v1beta1\",\n    kind: \"NodeMaintenance\",\n    \
         metadata: {{\n      name: \"{name}\",\n    }},\n  }}"
    )
}

fn flow_list(items: &[String]) -> String {
    let items = items.join(", ");
    format!("---\n{{\n  apiVersion: \"v1\",\n  items: [{items}],\n  kind: \"List\",\n  metadata: {{}},\n}}\n")
}

#[test]
fn items_are_found_where_they_are() {
    let pod = "- apiVersion: v1\n  kind: Pod\n  spec:\n    args:\n    - kind: NodeMaintenance\n".to_owned();
    let text =
        "- apiVersion: v1\n  data:\n    a: |\n      ---\n      - kind: NodeMaintenance\n  kind: ConfigMap\n".to_owned();
    let broken =
        "- apiVersion: nodemaintenance.kubevirt.io/v1beta1\n  kind: NodeMaintenance\n  metadata: [\n".to_owned();
    let untyped = "- metadata:\n    name: a\n".to_owned();
    let typed = |items: &str, last: &str| {
        format!(
            "apiVersion: nodemaintenance.kubevirt.io/v1beta1\n{items}kind: NodeMaintenanceList\nmetadata: {{}}\n{last}"
        )
    };
    let (a, b) = (|| item("a", 0), || item("b", 0));
    let cases = [
        ("no indent", list(&[a(), pod.clone(), b()]), vec![("a", 3), ("b", 12)], vec![]),
        ("indented", list(&[item("a", 2), item("b", 2)]), vec![("a", 3), ("b", 7)], vec![]),
        ("comments", list(&["# first\n\n".into(), a(), "# second\n".into(), b()]), vec![("a", 5), ("b", 10)], vec![]),
        ("text that looks like items", list(&[text, a()]), vec![("a", 9)], vec![]),
        ("a broken item", list(&[a(), broken, b()]), vec![("a", 3), ("b", 10)], vec![(9, true)]),
        ("items before their kind", typed(&format!("items:\n{untyped}"), ""), vec![("a", 3)], vec![]),
        ("no items", typed("items:\n", ""), vec![], vec![(1, true)]),
        ("a flow list", typed("items: [{metadata: {name: a}}]\n", ""), vec![("a", 2)], vec![]),
        ("two documents", list(&[a()]) + "---\n" + &list(&[b()]), vec![("a", 3), ("b", 13)], vec![]),
        (
            "a marker in a list",
            list(&[a()]).replace("kind: List", "---\nkind: List"),
            vec![("a", 3)],
            vec![(1, true), (8, false)],
        ),
        ("CRLF", list(&[a(), b()]).replace('\n', "\r\n"), vec![("a", 3), ("b", 7)], vec![]),
        ("a key in quotes", list(&[a()]).replace("items:", "\"items\" : # all"), vec![("a", 3)], vec![]),
        ("a quoted kind", list(&[a().replace("kind:", "\"kind\":"), b()]), vec![("a", 3), ("b", 7)], vec![]),
    ];
    assert_read(&cases);
}

#[test]
fn items_in_flow_style_are_found_where_they_are() {
    let (a, b) = (|| flow_item("a"), || flow_item("b"));
    let pod = "{apiVersion: v1, kind: Pod, spec: {args: ['}, {', \"]}\", it's], a: [{}, []]}}".to_owned();
    let doubled = a().replace("name:", "name: \"b\",\n      name:");
    let typed = |items: &str, first: &str, last: &str| {
        format!(
            "{{{first}apiVersion: nodemaintenance.kubevirt.io/v1beta1, items: {items}, kind: NodeMaintenanceList, metadata: {{}}{last}}}"
        )
    };
    let cases = [
        ("kyaml", flow_list(&[a(), b()]), vec![("a", 4), ("b", 10)], vec![]),
        ("an item that is not wanted", flow_list(&[a(), pod.clone(), b()]), vec![("a", 4), ("b", 10)], vec![]),
        ("a bad item", flow_list(&[a(), doubled, b()]), vec![("a", 4), ("b", 17)], vec![(15, true)]),
        ("no object", flow_list(&["7".into(), a(), "[]".into()]), vec![("a", 4)], vec![(4, false)]),
        ("a trailing comma", flow_list(&[a(), b() + ","]), vec![("a", 4), ("b", 10)], vec![]),
        (
            "no item between two commas",
            flow_list(&[a(), String::new(), b()]),
            vec![("a", 4), ("b", 10)],
            vec![(10, false)],
        ),
        (
            "comments",
            flow_list(&[format!(" # [}}\n{} # }}]\n", a()), b()]).replace("items: ", "items: # first\n  "),
            vec![("a", 6), ("b", 13)],
            vec![],
        ),
        ("quotes", flow_list(&[a()]).replace("items:", "'items':").replace('"', "'"), vec![("a", 4)], vec![]),
        ("JSON with a marker", flow_list(&[a()]).replace("items:", "\"items\":"), vec![("a", 4)], vec![]),
        ("one line", typed("[{metadata: {name: a}},{metadata: {name: b}}]", "", ""), vec![("a", 1), ("b", 1)], vec![]),
        ("a comment before it", typed("[{metadata: {name: a}}]", " # a list\n", ""), vec![("a", 2)], vec![]),
        ("other brackets than there should be", typed("[{metadata: {name: a}}}", "", ""), vec![], vec![(1, true)]),
        (
            "a list that ends too early",
            typed("[{metadata: {name: a}}, {", "", "]"),
            vec![],
            vec![(1, false), (1, true)],
        ),
        ("two documents", flow_list(&[a()]) + &flow_list(&[b()]), vec![("a", 4), ("b", 17)], vec![]),
        (
            "a quote that does not end, and another document",
            flow_list(&[a(), "{a: \"b}".into(), b()]) + &flow_list(&[b()]),
            vec![("a", 4), ("b", 23)],
            vec![(11, true)],
        ),
        (
            "a document that ends in an item",
            flow_list(&[a(), "{a: b,\n---\n".into()]),
            vec![("a", 4)],
            vec![(2, true), (10, false)],
        ),
        (
            "something behind the last bracket",
            flow_list(&[a()]) + "{apiVersion: v1}\n",
            vec![("a", 4)],
            vec![(2, true)],
        ),
        (
            "in a document in block style",
            list(&[]).replace("items:\n", &format!("items: [{},\n{}\n  ] # end\n", a(), b())),
            vec![("a", 2), ("b", 9)],
            vec![],
        ),
        (
            "items with a tag, read as a whole",
            flow_list(&[a()]).replace("items: [", "items: !!seq ["),
            vec![("a", 4)],
            vec![],
        ),
        (
            "a deeper list",
            flow_list(&[a()]).replace("items: [", "a: {items: [").replace("],", "]},"),
            vec![],
            vec![(2, true)],
        ),
    ];
    assert_read(&cases);
}

type Read<'t> = (&'t str, String, Vec<(&'t str, usize)>, Vec<(usize, bool)>);

fn assert_read(cases: &[Read<'_>]) {
    for (name, text, kept, lost) in cases {
        let mut wanted = Wanted::default();
        wanted.add_kind(Kind::new(NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.kind));
        let mut builder = Builder::new(wanted);
        builder.read("a.yaml", text.as_bytes());
        let snapshot = builder.finish();
        let found: Vec<_> = snapshot.objects().map(|object| (object.name.as_str(), object.origin.line)).collect();
        assert_eq!(found, *kept, "{name}:\n{text}\n{:?}", snapshot.skipped());
        let skipped: Vec<_> = snapshot.skipped().iter().map(|part| (part.origin.line, part.matters)).collect();
        assert_eq!(skipped, *lost, "{name}: {:?}", snapshot.skipped());
        if *name == "a broken item" {
            assert!(snapshot.skipped().iter().all(|part| part.reason().starts_with(BAD)));
        }
    }
}
