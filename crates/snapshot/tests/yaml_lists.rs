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
        ("a marker in a list", list(&[a()]).replace("kind: List", "---\nkind: List"), vec![("a", 3)], vec![(1, false)]),
        ("CRLF", list(&[a(), b()]).replace('\n', "\r\n"), vec![("a", 3), ("b", 7)], vec![]),
        ("a quoted kind", list(&[a().replace("kind:", "\"kind\":"), b()]), vec![("a", 3), ("b", 7)], vec![]),
    ];
    for (name, text, kept, lost) in cases {
        let mut wanted = Wanted::default();
        wanted.add_kind(Kind::new(NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.kind));
        let mut builder = Builder::new(wanted);
        builder.read("a.yaml", text.as_bytes());
        let snapshot = builder.finish();
        let found: Vec<_> = snapshot.objects().map(|object| (object.name.as_str(), object.origin.line)).collect();
        assert_eq!(found, kept, "{name}:\n{text}");
        let skipped: Vec<_> = snapshot.skipped().iter().map(|part| (part.origin.line, part.matters)).collect();
        assert_eq!(skipped, lost, "{name}: {:?}", snapshot.skipped());
        if name == "a broken item" {
            assert!(snapshot.skipped().iter().all(|part| part.reason().starts_with(BAD)));
        }
    }
}
