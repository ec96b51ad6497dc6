//! Telling by content what a file is.

use memchr::memchr_iter;
use wide::u8x16;

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

/// Whether a text begins as a Kubernetes document does. Where it cannot be parsed it is an object that is lost, and
/// not a log.
pub(crate) fn begins_as_document(text: &str) -> bool {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || "{[-".contains(c));
    let start = start.strip_prefix(['"', '\'']).unwrap_or(start);
    // A line of YAML may end in a carriage return alone.
    let is_bare = |line: &&str| line.trim_start().starts_with('#') || line.trim_matches(['-', ' ', '\t']).is_empty();
    let mut lines = start.split(['\n', '\r']).skip_while(is_bare);
    let line = lines.next().unwrap_or_default().trim_start_matches(['-', ' ', '"', '\'']);
    FIRST_KEYS.iter().any(|key| {
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
    })
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
            "# comment\r---\rkind: Pod\r",
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
}
