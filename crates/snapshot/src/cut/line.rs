//! What a line of YAML is, by how it starts.

use memchr::memchr;

use crate::bytes::HEAD;

/// Maximum number of bytes of a line that say what it is. A longer line is neither a marker of nothing but dashes nor the
/// key `items`.
pub(crate) const MAX_LINE: usize = HEAD;

/// A line between documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    /// It belongs to neither, and says nothing but a comment.
    Alone,
    /// `--- {inline}` belongs to the document that it starts.
    Opening,
}

impl Marker {
    pub(crate) fn of(line: &[u8]) -> Option<Self> {
        let bare = line.trim_ascii_end();
        if bare.len() >= 3 && line.len() <= MAX_LINE && bare.iter().all(|byte| *byte == b'-') {
            return Some(Self::Alone);
        }
        let rest = line.strip_prefix(b"---").or_else(|| line.strip_prefix(b"..."))?;
        let behind = rest.trim_ascii_start();
        match (behind.first(), behind.len() < rest.len()) {
            (None, _) | (Some(b'#'), true) => Some(Self::Alone),
            (Some(_), true) => Some(Self::Opening),
            (Some(_), false) => None,
        }
    }
}

/// Whether the line that starts here is a marker; `None` where that cannot be told before more of it is known.
/// `is_last`: nothing follows.
pub(crate) fn is_marker(text: &[u8], is_last: bool) -> Option<bool> {
    let line = match memchr(b'\n', text) {
        _ if !text.first().is_none_or(|byte| b"-.".contains(byte)) => return Some(false),
        Some(line_end) => text.get(..=line_end)?,
        None if is_last || text.len() > MAX_LINE => text,
        None => return None,
    };
    Some(Marker::of(line).is_some())
}

/// What tells a reader of YAML how to read, and is no part of a document.
pub(crate) fn is_directive(line: &[u8]) -> bool {
    line.starts_with(b"%YAML ") || line.starts_with(b"%TAG ")
}

pub(crate) fn is_comment(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"#")
}

/// Whether a line starts an item with `indent` columns before its dash.
pub(crate) fn is_item(line: &[u8], indent: usize) -> bool {
    let rest = line.get(indent..).and_then(|rest| rest.strip_prefix(b"-"));
    rest.is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
        && line.iter().take(indent).all(|byte| *byte == b' ')
}

/// What stands behind the key `items`, without blanks before it and without a comment; `None` where the line
/// starts with something else.
pub(crate) fn behind_items(line: &[u8]) -> Option<&[u8]> {
    let rest = ITEMS.iter().find_map(|key| line.strip_prefix(*key))?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?;
    let behind = rest.trim_ascii_start();
    let is_value = rest.is_empty() || behind.len() < rest.len();
    is_value.then_some(if behind.starts_with(b"#") { b"" } else { behind })
}

/// The key in all the ways in which it is written.
pub(crate) const ITEMS: [&[u8]; 3] = [b"items", b"\"items\"", b"'items'"];

/// Where a flow mapping starts that is all of a document, if one does on its first line.
pub(crate) fn flow_mapping(line: &[u8]) -> Option<usize> {
    let rest = line.strip_prefix(b"---").filter(|rest| rest.first().is_some_and(u8::is_ascii_whitespace));
    let rest = rest.unwrap_or(line).trim_ascii_start();
    rest.starts_with(b"{").then_some(line.len() - rest.len())
}
