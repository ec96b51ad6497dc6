//! What the bytes of a file are: text in one of two encodings, an archive, or nothing for us.

use std::borrow::Cow;

use memchr::memchr_iter;

use crate::{
    file::File,
    flaw::Flaw,
    packed::{Packing, unpacked_name},
    tar, text, zip,
};

/// How much of a file decides whether the rest is read: logs are left alone.
pub(crate) const HEAD: usize = 8 << 10;

pub(crate) fn is_archive(head: &[u8]) -> bool {
    Packing::of(head).is_some() || tar::is_tar(head) || zip::is_zip(head)
}

/// A file as text: UTF-8, or UTF-16, which PowerShell's `>` writes.
///
/// # Errors
/// [`Flaw::NotText`] with its line, from 1, and what can be read of it.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, (Flaw, usize, String)> {
    let utf16 = utf16_unit(bytes);
    let text = match utf16 {
        Some(unit) => {
            let rest = if has_utf16_mark(bytes) { bytes.get(2..).unwrap_or_default() } else { bytes };
            let units = rest.chunks(2).map(|pair| pair.try_into().map_or(0xFFFD, unit)).collect::<Vec<u16>>();
            String::from_utf16_lossy(&units).into()
        }
        None => String::from_utf8_lossy(without_mark(bytes)),
    };
    let is_utf8 = utf16.is_none() && str::from_utf8(bytes).is_ok();
    let odd = if is_utf8 { None } else { text.find(char::REPLACEMENT_CHARACTER) };
    match odd {
        None => Ok(text),
        Some(offset) => {
            let before = text.get(..offset).unwrap_or_default();
            Err((Flaw::NotText, before.matches('\n').count() + 1, text.into_owned()))
        }
    }
}

/// Whether a file begins as UTF-16 does.
pub(crate) fn is_utf16(head: &[u8]) -> bool {
    utf16_unit(head).is_some()
}

fn has_utf16_mark(head: &[u8]) -> bool {
    head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff")
}

/// How two bytes of a file of UTF-16 are a unit. Without a mark the zeros beside its first characters tell, which are ASCII.
///
/// Source: YAML 1.2.2, 5.2 "Character Encodings".
fn utf16_unit(head: &[u8]) -> Option<fn([u8; 2]) -> u16> {
    match head {
        [0xFF, 0xFE, ..] | [1..=0xFF, 0, 1..=0xFF, 0, ..] => Some(u16::from_le_bytes),
        [0xFE, 0xFF, ..] | [0, 1..=0xFF, 0, 1..=0xFF, ..] => Some(u16::from_be_bytes),
        _ => None,
    }
}

/// Whether a file begins as UTF-8 for people does: without other control characters than those of terminals. Nothing is
/// plain text, too.
pub(crate) fn is_plain_text(head: &[u8]) -> bool {
    let is_odd = |letter: char| letter.is_control() && !"\t\n\x0c\r\x1b".contains(letter);
    // A head may be cut in a character.
    let is_utf8 = str::from_utf8(head).err().is_none_or(|error| error.error_len().is_none() && head.len() >= HEAD);
    is_utf8 && !legible(head).contains(is_odd)
}

/// UTF-8 may have a mark, too.
pub(crate) fn without_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head)
}

/// How bytes read, as far as they do: of what is to be judged by its words.
pub(crate) fn legible(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        // Cut in a character.
        Err(error) if error.error_len().is_none() => {
            let whole = bytes.get(..error.valid_up_to()).unwrap_or_default();
            str::from_utf8(whole).unwrap_or_default().into()
        }
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Text as it is in the pieces of a stream.
///
/// # Errors
/// [`Flaw::NotText`], and the lines between the start and the flaw.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, (Flaw, usize)> {
    str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        (Flaw::NotText, memchr_iter(b'\n', before).count())
    })
}

/// How a file begins, as far as it is legible.
pub(crate) fn text_of(head: &[u8]) -> Cow<'_, str> {
    match is_utf16(head).then(|| decode(head)) {
        None => legible(without_mark(head)),
        Some(Ok(text)) => text,
        Some(Err((_, _, text))) => text.into(),
    }
}

/// Whether a file is worth reading to its end, by how it begins and, for one that begins oddly, by its name.
pub(crate) fn is_candidate(file: &File, begins: &str) -> bool {
    let start = begins.trim_start();
    // Many a log is of JSON too, but few lines of logs have a kind.
    let is_json = || start.starts_with('{') && start.contains("\"kind\"");
    // What is named as an archive is text only if it looks like it.
    let is_document = if is_packed_by_name(file) { text::begins_as_document(begins) } else { file.is_document };
    is_document || is_json()
}

/// Whether a file should be an archive, or be packed and hold a document, by its name.
pub(crate) fn is_packed_by_name(file: &File) -> bool {
    let path = &file.path;
    is_named_as_archive(path)
        || unpacked_name(path).is_some_and(|stem| is_named_as_document(stem) || file.place.is_some())
}

/// By its name.
pub(crate) fn is_named_as_archive(path: &str) -> bool {
    let plain = [".tar", ".zip", ".tgz", ".tbz", ".tbz2", ".tb2", ".txz", ".tzst"];
    plain.iter().any(|end| ends_with(path, end)) || unpacked_name(path).is_some_and(|stem| ends_with(stem, ".tar"))
}

/// By its name.
pub(crate) fn is_named_as_document(path: &str) -> bool {
    [".json", ".yaml", ".yml"].iter().any(|extension| ends_with(path, extension))
}

/// Whatever case the letters have.
pub(crate) fn ends_with(path: &str, end: &str) -> bool {
    let start = path.len().checked_sub(end.len());
    start.and_then(|start| path.get(start..)).is_some_and(|found| found.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::indexing_slicing, reason = "a panic is how a test says no")]
    fn text_in_both_encodings_and_what_is_none() {
        let utf16 = |mark: [u8; 2], unit: fn(u16) -> [u8; 2]| {
            mark.into_iter().chain("kind: Prüfung\n".encode_utf16().flat_map(unit)).collect::<Vec<u8>>()
        };
        let cases = [
            ("kind: Prüfung\n".into(), Some("kind: Prüfung\n")),
            ("\u{feff}kind: Prüfung\n".into(), Some("kind: Prüfung\n")),
            (utf16([0xFF, 0xFE], u16::to_le_bytes), Some("kind: Prüfung\n")),
            (utf16([0xFE, 0xFF], u16::to_be_bytes), Some("kind: Prüfung\n")),
            (utf16([0xFF, 0xFE], u16::to_le_bytes)[2..].to_vec(), Some("kind: Prüfung\n")),
            (utf16([0xFE, 0xFF], u16::to_be_bytes)[2..].to_vec(), Some("kind: Prüfung\n")),
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
