//! Telling by content what a file is, and cutting it into documents.

/// What a text looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
}

/// The first keys of documents that kubectl, oc and people write.
const FIRST_KEYS: [&str; 7] = ["apiVersion", "kind", "items", "metadata", "spec", "status", "data"];

/// JSON begins with an object whose first key is quoted. Everything else may be YAML, which a
/// flow mapping such as `{kind: List}` is too.
pub(crate) fn format(text: &str) -> Format {
    let mut significant = text.chars().filter(|c| !c.is_whitespace());
    match (significant.next(), significant.next()) {
        (Some('{'), Some('"' | '}') | None) => Format::Json,
        _ => Format::Yaml,
    }
}

/// Whether a text begins as a Kubernetes document does: so much so that it is an object lost where
/// it cannot be parsed, and not a log.
pub(crate) fn begins_as_document(text: &str) -> bool {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || "{[-".contains(c));
    let start = start.strip_prefix(['"', '\'']).unwrap_or(start);
    let mut lines = start.lines().skip_while(|line| line.trim_start().starts_with('#') || line.trim().is_empty());
    let line = lines.next().unwrap_or_default().trim_start_matches(['-', ' ', '"', '\'']);
    FIRST_KEYS.iter().any(|key| {
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
    })
}

/// A part of a file, with the line it starts on, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// Cuts YAML at its document markers, and at the lines of dashes that kubevirt's must-gather puts
/// between documents although YAML knows no such marker. A marker starts a line, where no text
/// inside a mapping can: so a broken document does not take the others with it.
pub(crate) fn yaml_documents(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let end = offset + line.len();
        let bare = line.trim_end();
        let separator = (bare.len() >= 3 && bare.bytes().all(|byte| byte == b'-')) || bare == "...";
        // `--- # comment` and `--- {inline}` belong to the document that they start.
        let opening = line.starts_with("--- ");
        if separator || opening {
            parts.push(Part { text: text.get(start..offset).unwrap_or_default(), line: start_line });
            (start, start_line) = if separator { (end, index + 2) } else { (offset, index + 1) };
        }
        offset = end;
    }
    parts.push(Part { text: text.get(start..).unwrap_or_default(), line: start_line });
    parts.into_iter().filter_map(without_preamble).collect()
}

/// From the first line that is neither blank nor a comment, which is where a person looks for the
/// document; `None` where there is none.
fn without_preamble(part: Part<'_>) -> Option<Part<'_>> {
    let is_preamble = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let preamble = part.text.split_inclusive('\n').take_while(|line| is_preamble(line));
    let (lines, bytes) = preamble.fold((0, 0), |(lines, bytes), line| (lines + 1, bytes + line.len()));
    let text = part.text.get(bytes..).filter(|text| !text.is_empty())?;
    Some(Part { text, line: part.line + lines })
}

/// The kind of a YAML document where its text answers without being parsed: exactly one plain
/// `kind: Word` at the start of a line, and no line that may be the same key in other words. A text in
/// quotes may have lines that look like keys.
pub(crate) fn plain_kind(document: &str) -> Option<&str> {
    let is_key_in_disguise =
        |line: &str| line.starts_with(['"', '\'', '?', '{', '!', '&', '*']) || line.starts_with("kind ");
    if document.lines().any(|line| is_key_in_disguise(line.trim_start())) {
        return None;
    }
    let mut kinds = document.lines().filter_map(|line| line.strip_prefix("kind:"));
    let (kind, more) = (kinds.next()?, kinds.next());
    let kind = kind.split(" #").next().unwrap_or(kind).trim();
    (more.is_none() && !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(kind)
}

/// The line of a place in a text, from 1, for places asked for in rising order.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, offset: 0, line: 1 }
    }

    /// The line on which `part`, a slice of the text, starts.
    pub(crate) fn of(&mut self, part: &str) -> usize {
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        if let Some(between) = self.text.as_bytes().get(self.offset..offset) {
            self.line += between.iter().filter(|byte| **byte == b'\n').count();
            self.offset = offset;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_told_from_logs() {
        let documents = [
            "apiVersion: v1",
            "---\n# comment\nkind: Pod",
            "\u{feff}{\"apiVersion\": \"v1\"",
            "{\n  \"items\": [",
            "{kind: List}",
            "- apiVersion: v1",
            "'kind' : Pod",
            "---------------\napiVersion: v1",
        ];
        for text in documents {
            assert!(begins_as_document(text.trim_start_matches('\u{feff}')), "{text}");
        }
        for text in ["{\"level\": \"info\"}", "I1122 kind: x", "kindness: 1", "", "2026-11-22 apiVersion: v1", "\0\0"] {
            assert!(!begins_as_document(text), "{text}");
        }
    }

    #[test]
    fn yaml_is_cut_at_markers_and_dashes() {
        let text = "# head\n---\na: 1\n---------------\n\n# b\nb: |\n  ---\n...\n--- # c\nc: 3\n---\n";
        let parts: Vec<_> = yaml_documents(text).iter().map(|part| (part.line, part.text)).collect();
        assert_eq!(parts, [(3, "a: 1\n"), (7, "b: |\n  ---\n"), (10, "--- # c\nc: 3\n")]);
    }

    #[test]
    fn a_plain_kind_needs_no_parser() {
        let cases = [
            ("apiVersion: v1\nkind: Pod\n", Some("Pod")),
            ("kind: Pod # a pod\n", Some("Pod")),
            ("kind: \"Pod\"\n", None),
            ("kind: *alias\n", None),
            ("kind: Pod\nkind: Node\n", None),
            ("metadata:\n  kind: Pod\n", None),
            ("\"kind\": Pod\n", None),
            ("kind:\n  Pod\n", None),
            ("\"kind\": Node\nspec: \"\nkind: Pod\n\"\n", None),
            ("? kind\n: Node\nspec: \"\nkind: Pod\n\"\n", None),
            ("kind : Node\nspec: \"\nkind: Pod\n\"\n", None),
            ("kind: Pod\nspec:\n  command: [\"x\"]\n", Some("Pod")),
        ];
        for (text, expected) in cases {
            assert_eq!(plain_kind(text), expected, "{text}");
        }
    }
}
