//! Objects inside other documents: those of a form that is known are read as any other, and the others are listed.

use memchr::memmem;
use serde_json::Value;

use crate::{
    contents::Reading,
    cut::{json::JsonCutter, yaml::YamlCutter},
    flaw::Flaw,
    text::{self, Format},
    wanted::{Kind, Wanted},
    window::Window,
};

/// Documents that hold objects of others, by apiVersion without its version, kind, and the path of the objects; `*` stands
/// for each element of a list. A watch event and a document like it have neither.
///
/// Sources: Kubernetes API concepts ("Efficient detection of changes", "Receiving resources as Tables"); openshift/api
/// `template/v1`; open-cluster-management.io/api `work/v1`; open-cluster-management.io/governance-policy-propagator `api/v1`.
const FORMS: [(&str, &str, &str); 4] = [
    ("meta.k8s.io", "Table", "rows.*.object"),
    ("template.openshift.io", "Template", "objects.*"),
    ("work.open-cluster-management.io", "ManifestWork", "spec.workload.manifests.*"),
    (
        "policy.open-cluster-management.io",
        "Policy",
        "spec.policy-templates.*.objectDefinition.spec.object-templates.*.objectDefinition",
    ),
];

/// Of an object only its metadata, and nothing says of which kind.
const PARTIAL: &str = "PartialObjectMetadata";

/// A document in a document in a document is looked into no further.
const MAX_NESTED: usize = 2;

/// Whether a document of a kind, or of none, may hold an object that policies look at: it has such a kind, and metadata for it
/// besides its own. References to objects have the kind, too, but no metadata. Where the form is not known only kinds count that
/// decide something.
pub(crate) fn may_hold(wanted: &Wanted, text: &[u8], kind: Option<&Kind>) -> bool {
    let has_form = has_form(kind);
    holds(text, !has_form, |word| is_sought(wanted, word, has_form))
}

/// The same of a text in a ConfigMap.
fn text_may_hold(wanted: &Wanted, text: &str) -> bool {
    holds(text.as_bytes(), false, |word| is_sought(wanted, word, false))
}

/// A document may have metadata of its own, and then has them once more for an object in it. Where it has none, those of the object
/// follow its kind.
fn holds(text: &[u8], may_have_own_metadata: bool, counts: impl Fn(&str) -> bool) -> bool {
    let word_at = |at: usize, key: &str| {
        let is_in_word = at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(|byte| *byte == b':');
        text.get(at + key.len()..).filter(|_| !is_in_word).and_then(value_of)
    };
    let kinds = memmem::find_iter(text, b"kind").filter_map(|at| Some((at, counts(word_at(at, "kind")?))));
    let mut kinds = kinds.peekable();
    let (mut is_sought, mut is_last, mut follows, mut count) = (false, false, false, 0);
    for at in memmem::find_iter(text, b"metadata").filter(|at| word_at(*at, "metadata").is_some()) {
        while let Some((_, is_one)) = kinds.next_if(|(kind, _)| *kind < at) {
            (is_last, is_sought) = (is_one, is_sought || is_one);
        }
        count += 1;
        follows |= is_last;
    }
    (is_sought || kinds.any(|(_, is_one)| is_one)) && (follows || count > usize::from(may_have_own_metadata))
}

/// The word behind a key, in JSON, in YAML, and in either of them inside a string; empty where it is none.
fn value_of(behind_key: &[u8]) -> Option<&str> {
    let is_quote = |byte: &u8| b" \t\"'\\".contains(byte);
    let colon = behind_key.iter().position(|byte| !is_quote(byte))?;
    let value = behind_key.get(colon..)?.strip_prefix(b":")?;
    let start = value.iter().position(|byte| !is_quote(byte)).unwrap_or(value.len());
    let word = value.get(start..)?;
    let end = word.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(word.len());
    str::from_utf8(word.get(..end)?).ok()
}

fn is_sought(wanted: &Wanted, kind: &str, has_form: bool) -> bool {
    let item = kind.strip_suffix("List").unwrap_or(kind);
    item == PARTIAL || wanted.needs_kind(item) || (has_form && wanted.may_be_listed_as(item))
}

/// Whether the form of a document may be known by its kind, or because it has none.
fn has_form(kind: Option<&Kind>) -> bool {
    kind.is_none_or(|kind| FORMS.iter().any(|(group, of, _)| (*group, *of) == (kind.group(), kind.kind.as_str())))
}

impl Reading<'_> {
    /// Reads the objects that a document holds which is none of a wanted kind itself; says whether there were any.
    pub(crate) fn nested(&mut self, raw: &str, kind: Option<&Kind>, line: usize) -> bool {
        if !may_hold(&self.search.wanted, raw.as_bytes(), kind) {
            return false;
        }
        if self.depth == MAX_NESTED {
            self.skip(line, Flaw::Nested, true);
            return true;
        }
        let Ok(document) = serde_json::from_str::<Value>(raw) else { return false };
        self.depth += 1;
        let mut found = Vec::new();
        if kind.is_some_and(|kind| kind.group().is_empty() && kind.kind == "ConfigMap") {
            self.texts(&document, line);
        } else {
            let is_it = |value: &Value| is_object(&self.search.wanted, value, has_form(kind));
            find(&is_it, &document, &mut Vec::new(), &mut found);
        }
        for (path, object) in &found {
            match (is_known(kind, path), event(&document, path)) {
                (true, _) | (_, Some("ADDED" | "MODIFIED")) => self.read_object(&object.to_string(), line),
                (_, Some("DELETED" | "BOOKMARK")) => {}
                _ if is_object(&self.search.wanted, object, false) => self.skip(line, Flaw::Nested, true),
                _ => {}
            }
        }
        self.depth -= 1;
        !found.is_empty()
    }

    /// The texts of a ConfigMap that are manifests; scripts and pages that quote some are none. What lies in one has the line of the
    /// ConfigMap.
    fn texts(&mut self, document: &Value, line: usize) {
        let texts = document.get("data").and_then(Value::as_object).into_iter().flat_map(|data| data.values());
        let texts: Vec<&str> = texts.filter_map(Value::as_str).collect();
        let outer = self.line_of_all.replace(line);
        let is_read = |text: &&str| text::begins_as_document(text) && text_may_hold(&self.search.wanted, text);
        for text in texts.into_iter().filter(is_read) {
            let mut nothing = std::io::empty();
            let window = Window::new(text.as_bytes().to_owned(), &mut nothing);
            match text::format(text) {
                Format::Json => self.cuts(JsonCutter::new(window)),
                Format::Yaml => self.cuts(YamlCutter::new(window)),
            }
        }
        self.line_of_all = outer;
    }
}

/// The objects in a document, with their paths.
fn find<'v>(
    is_object: &impl Fn(&Value) -> bool,
    value: &'v Value,
    path: &mut Vec<&'v str>,
    found: &mut Vec<(String, &'v Value)>,
) {
    let mut into = |name: &'v str, value: &'v Value| {
        path.push(name);
        if is_object(value) {
            found.push((path.join("."), value));
        } else {
            find(is_object, value, path, found);
        }
        path.pop();
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| into(name, value)),
        Value::Array(elements) => elements.iter().for_each(|element| into("*", element)),
        _ => {}
    }
}

/// Whether it says that it is an object, or a list of objects, of a kind that decides something; in a form that is known, of one
/// that policies look at.
fn is_object(wanted: &Wanted, value: &Value, has_form: bool) -> bool {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else { return false };
    let has = |field: &str| value.get(field).is_some_and(|value| value.is_object() || value.is_array());
    let item = kind.strip_suffix("List").filter(|_| has("items")).unwrap_or(kind);
    let of = Kind::new(api_version, item);
    let needs = || wanted.needs_kind(item) && wanted.needs(&of.resource());
    let is_it = item == PARTIAL || needs() || (has_form && wanted.names(&of));
    is_it && (has("metadata") || has("items"))
}

fn is_known(kind: Option<&Kind>, path: &str) -> bool {
    kind.is_some_and(|kind| FORMS.contains(&(kind.group(), kind.kind.as_str(), path)))
}

/// The type of a watch event, or of one in a list of them, that holds the object at this path.
fn event<'v>(document: &'v Value, path: &str) -> Option<&'v str> {
    (path == "object").then(|| document.get("type")?.as_str()).flatten()
}

/// Whether the document is what an API server shows of an object or of its kind's list, without the objects.
pub(crate) fn is_partial(kind: &Kind) -> bool {
    kind.group() == "meta.k8s.io" && kind.kind == PARTIAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_a_kind_and_metadata() {
        let mut wanted = Wanted::default();
        wanted.add_kind(Kind::new("v1", "Node"));
        let kind = Kind::new("x.io/v1", "X");
        let cases = [
            (r#"{"object": {"kind": "Node", "metadata": {}}}"#, false, true),
            (r#"{"kind": "Event", "metadata": {}, "involvedObject": {"kind": "Node"}}"#, true, false),
            (r#"{"kind": "X", "metadata": {}, "spec": {"kind": "Node", "metadata": {}}}"#, true, true),
            (r#"{"kind": "X", "metadata": {"f:metadata": {}}, "spec": {"kind": "Node"}}"#, true, false),
            ("kind: X\nmetadata: {}\ndata:\n  a: |\n    kind: 'NodeList'\n    metadata: {}\n", true, true),
            (r#"{"kind": "X", "metadata": {}, "data": {"a": "{\"kind\": \"Node\", \"metadata\": {}}"}}"#, true, true),
            (r#"{"kind": "X", "metadata": {}, "spec": {"kind": "NodePool", "metadata": {}}}"#, true, false),
            (r#"{"kind": "X", "request": {"object": {"kind": "Node", "metadata": {}}}}"#, true, true),
            ("kind: X\nobjects:\n- kind: Node\n  metadata: {}\n", true, true),
            ("involvedObject:\n  kind: Node\nkind: Event\nmetadata: {}\n", true, false),
            ("kind: Pod\nmetadata:\n  ownerReferences:\n  - kind: Node\n", true, false),
        ];
        for (text, has_own_metadata, expected) in cases {
            let kind = Some(&kind).filter(|_| has_own_metadata);
            assert_eq!(may_hold(&wanted, text.as_bytes(), kind), expected, "{text}");
        }
    }
}
