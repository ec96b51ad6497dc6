//! What the bytes of a file are: text in one of two encodings, an archive, or nothing for us.

use std::borrow::Cow;

use crate::{archive, flaw::Flaw, packed::Packing, text};

/// How much of a file decides whether the rest is read: logs are left alone.
pub(crate) const HEAD: u64 = 8 << 10;

/// How a zip file begins.
///
/// Source: APPNOTE.TXT 6.3.10.
const ZIP: &[u8] = b"PK\x03\x04";

pub(crate) fn is_archive(head: &[u8]) -> bool {
    Packing::of(head).is_some() || archive::is_tar(head) || head.starts_with(ZIP)
}

/// A file as text: UTF-8, or UTF-16 with a byte order mark, which PowerShell's `>` writes.
///
/// # Errors
/// [`Flaw::NotText`] with its line, from 1, and what can be read of it.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, (Flaw, usize, String)> {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        rest.chunks(2).map(|pair| pair.try_into().map_or(0xFFFD, unit)).collect::<Vec<u16>>()
    };
    let text = match bytes {
        [0xFF, 0xFE, rest @ ..] => String::from_utf16_lossy(&units(rest, u16::from_le_bytes)).into(),
        [0xFE, 0xFF, rest @ ..] => String::from_utf16_lossy(&units(rest, u16::from_be_bytes)).into(),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(bytes),
    };
    let odd = if str::from_utf8(bytes).is_ok() { None } else { text.find(char::REPLACEMENT_CHARACTER) };
    match odd {
        None => Ok(text),
        Some(offset) => {
            let before = text.get(..offset).unwrap_or_default();
            Err((Flaw::NotText, before.matches('\n').count() + 1, text.into_owned()))
        }
    }
}

/// Whether a file is worth reading to its end, by its first bytes and, for one that begins oddly, by
/// its name.
pub(crate) fn is_candidate(path: &str, is_place: bool, head: &[u8]) -> bool {
    let text = match decode(head) {
        Ok(text) => text,
        Err((_, _, text)) => text.into(),
    };
    let text = text.trim_start();
    // Many a log is of JSON too, but few lines of logs have a kind.
    let is_json = text.starts_with('{') && text.contains("\"kind\"");
    is_named_as_document(path) || is_place || is_json || text::begins_as_document(text)
}

pub(crate) fn is_named_as_document(path: &str) -> bool {
    [".json", ".yaml", ".yml"].iter().any(|extension| path.ends_with(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_both_encodings_and_what_is_none() {
        let utf16 = |mark: [u8; 2], unit: fn(u16) -> [u8; 2]| {
            mark.into_iter().chain("kind: Prüfung\n".encode_utf16().flat_map(unit)).collect::<Vec<u8>>()
        };
        let cases = [
            ("kind: Prüfung\n".into(), Some("kind: Prüfung\n")),
            ("\u{feff}kind: Prüfung\n".into(), Some("kind: Prüfung\n")),
            (utf16([0xFF, 0xFE], u16::to_le_bytes), Some("kind: Prüfung\n")),
            (utf16([0xFE, 0xFF], u16::to_be_bytes), Some("kind: Prüfung\n")),
            // The character itself is text like any other.
            ("a: \u{fffd}".into(), Some("a: \u{fffd}")),
            (b"a: 1\nb: \xe9".to_vec(), None),
            (b"\xff\xfea\0b".to_vec(), None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(decode(&bytes).ok().as_deref(), expected, "{bytes:?}");
        }
    }
}
