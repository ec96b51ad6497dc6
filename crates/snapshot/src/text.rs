//! Telling by content what a file is, and what a YAML document is.

use memchr::{memchr, memchr_iter};
use wide::u8x16;

use crate::wanted::Kind;

/// What a text looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
}

/// The first keys of documents that kubectl, oc and people write.
const FIRST_KEYS: [&str; 7] = ["apiVersion", "kind", "items", "metadata", "spec", "status", "data"];

/// What YAML, in one of its versions, takes for a boolean or null.
const NO_TEXTS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

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

/// What a YAML document, or an item, says that it is, where its text answers without being parsed: its own keys
/// stand in one column, exactly one of them is a plain `kind: Word`, one a plain `apiVersion: word`, and none may
/// be the same key in other words. A text in quotes may have lines that look like keys.
pub(crate) fn plain_kind(text: &[u8], column: usize) -> Option<Kind> {
    let (mut kind, mut api_version) = (None, None);
    let mut key = text;
    loop {
        if !key.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-#".contains(byte)) {
            return None;
        }
        for (name, found) in [(b"kind".as_slice(), &mut kind), (b"apiVersion", &mut api_version)] {
            if let Some(rest) = key.strip_prefix(name)
                && found.replace(plain_word(rest.strip_prefix(b":")?)?).is_some()
            {
                return None;
            }
        }
        match next_key(key, column)? {
            [] => return Some(Kind::new(api_version?, kind?)),
            next => key = next,
        }
    }
}

/// The word behind a key, where it is one that YAML takes for nothing but a text.
fn plain_word(value: &[u8]) -> Option<&str> {
    let line = str::from_utf8(value.get(..memchr(b'\n', value).unwrap_or(value.len()))?).ok()?;
    let word = line.split(" #").next().unwrap_or(line).strip_prefix(' ')?.trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./-_".contains(&byte);
    let is_text = word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.bytes().all(is_plain);
    let is_other = NO_TEXTS.iter().any(|other| word.eq_ignore_ascii_case(other));
    (is_text && !is_other).then_some(word)
}

/// Where the next line starts that does not start with a space.
pub(crate) fn unindented(text: &[u8]) -> Option<usize> {
    let mut offset = 0;
    // A line end and what is behind it, sixteen at a time.
    while let Some((at, behind)) =
        text.get(offset..).and_then(|rest| Some((rest.first_chunk()?, rest.get(1..)?.first_chunk()?)))
    {
        let line_ends = u8x16::new(*at).simd_eq(u8x16::splat(b'\n')).to_bitmask();
        let spaces = u8x16::new(*behind).simd_eq(u8x16::splat(b' ')).to_bitmask();
        let found = line_ends & !spaces;
        if found != 0 {
            return Some(offset + found.trailing_zeros() as usize + 1);
        }
        offset += 16;
    }
    let rest = text.get(offset..).unwrap_or_default();
    let found = rest.windows(2).position(|pair| matches!(pair, [b'\n', behind] if *behind != b' '));
    found.map(|index| offset + index + 1)
}

/// The rest of a text from the next line on whose text starts in a column, or nothing where there is none;
/// `None` where a line starts before it.
fn next_key(mut text: &[u8], column: usize) -> Option<&[u8]> {
    loop {
        let next = if column == 0 { unindented(text) } else { memchr(b'\n', text).map(|line_end| line_end + 1) };
        let Some(next) = next else { return Some(&[]) };
        text = text.get(next..)?;
        // Most lines are deeper.
        if text.get(..=column).is_some_and(|start| start.iter().all(|byte| *byte == b' ')) {
            continue;
        }
        let spaces = text.iter().take_while(|byte| **byte == b' ').count();
        match text.get(spaces) {
            None => return Some(&[]),
            Some(b'\n' | b'\r' | b'#') => {}
            Some(_) if spaces > column => {}
            Some(_) if spaces == column => return text.get(spaces..),
            Some(_) => return None,
        }
    }
}

/// The lines between the start of a text and a place in it, for places asked for in rising order.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    offset: usize,
    lines: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, offset: 0, lines: 0 }
    }

    /// Down to where `part`, a slice of the text, starts.
    pub(crate) fn down_to(&mut self, part: &str) -> usize {
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        if let Some(between) = self.text.as_bytes().get(self.offset..offset) {
            self.lines += memchr_iter(b'\n', between).count();
            self.offset = offset;
        }
        self.lines
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a panic is how a test says no")]
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
    fn lines_that_are_not_indented_are_found() {
        for padding in 0..40 {
            let text = format!("{}\n  b\n\n c\nd", "a".repeat(padding));
            assert_eq!(unindented(text.as_bytes()), Some(padding + 5), "{padding}");
            assert_eq!(unindented(text.trim_end_matches(['d', '\n']).replace("\n\n", "\n").as_bytes()), None);
            assert_eq!(unindented(&text.as_bytes()[padding + 5..]), Some(4));
        }
    }

    #[test]
    fn a_plain_kind_needs_no_parser() {
        let cases = [
            ("apiVersion: v1\nkind: Pod\n", Some("Pod")),
            ("kind: Pod # a pod\napiVersion: v1", Some("Pod")),
            ("kind: Pod\n", None),
            ("apiVersion: v1\nkind: \"Pod\"\n", None),
            ("apiVersion: v1\nkind: *alias\n", None),
            ("apiVersion: v1\nkind: Pod\nkind: Node\n", None),
            ("apiVersion: v1\nmetadata:\n  kind: Pod\n", None),
            ("apiVersion: v1\n\"kind\": Pod\n", None),
            ("apiVersion: v1\nkind:\n  Pod\n", None),
            ("apiVersion: v1\n\"kind\": Node\nspec: \"\nkind: Pod\n\"\n", None),
            ("apiVersion: v1\n? kind\n: Node\nspec: \"\nkind: Pod\n\"\n", None),
            ("apiVersion: v1\nkind : Node\nspec: \"\nkind: Pod\n\"\n", None),
            ("apiVersion: v1\n<<: *node\nspec: \"\nkind: Pod\n\"\n", None),
            (" apiVersion: v1\n kind: Node\n spec: \"\nkind: Pod\n\"\n", None),
            ("apiVersion: v1\nkind: Pod\nspec:\n  command: [\"x\"]\n  \"kind\": Node\n", Some("Pod")),
            ("apiVersion: v1\nmetadata:\n  kind: a\n\n# b\nkind: Pod\r\nspec:\n- kind: Node\n", Some("Pod")),
            ("apiVersion: v1\nkind: null\n", None),
            ("apiVersion: 1\nkind: Pod\n", None),
            ("apiVersion: *v\nkind: Pod\n", None),
            ("apiVersion: v1\nkind: Pod\napiVersion: v2\n", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|kind| Kind::new("v1", kind));
            assert_eq!(plain_kind(text.as_bytes(), 0), expected, "{text}");
            // The same as an item of a list: its keys stand two columns to the right.
            let item = text.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("  {line}\n") });
            let item: String = item.collect();
            assert_eq!(
                plain_kind(item.trim_start().as_bytes(), 2),
                expected.filter(|_| !text.starts_with(' ')),
                "{text}"
            );
        }
        assert_eq!(plain_kind(b"apiVersion: v1\n  kind: Node\n  spec: \"\nkind: Pod\n  \"", 2), None);
    }
}
