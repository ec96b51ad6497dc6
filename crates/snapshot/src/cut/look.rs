//! What a YAML document, or an item, says that it is, where its text answers without being parsed. A look is
//! never wrong about a text that a parser takes; what it cannot tell has to be read.

use memchr::memchr;

use crate::{
    cut::{
        Look,
        flow::{Flow, Token, is_blank},
        line,
    },
    text::unindented,
    wanted::Kind,
};

/// What YAML, in one of its versions, takes for a boolean or null.
const NO_TEXTS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// Looks at a text whose first byte stands in a column, from 0.
pub(crate) fn look(text: &[u8], column: usize) -> Look {
    let found = match line::flow_mapping(text) {
        Some(start) => text.get(start..).and_then(flow_mapping),
        None => first_key(text, column).and_then(|(text, column)| block_mapping(text, column)),
    };
    found.unwrap_or(Look::Unclear)
}

/// Of the keys that count, the values and where they stand.
#[derive(Default)]
struct Head<'t> {
    api_version: Option<(usize, &'t str)>,
    kind: Option<(usize, &'t str)>,
}

impl<'t> Head<'t> {
    /// `None` where a key is there twice, or its value is no plain word.
    fn set(&mut self, key: &[u8], at: usize, value: &'t [u8]) -> Option<()> {
        let known = if key == b"kind" { &mut self.kind } else { &mut self.api_version };
        known.replace((at, word(value)?)).is_none().then_some(())
    }

    fn look(&self) -> Look {
        match (self.api_version, self.kind) {
            (Some((_, api_version)), Some((_, kind))) => Look::Kind(Kind::new(api_version, kind)),
            _ => Look::Untyped,
        }
    }
}

fn counts(key: &[u8]) -> bool {
    key == b"kind" || key == b"apiVersion"
}

/// A value that is nothing but a text, in quotes or not, with nothing escaped in it.
fn word(value: &[u8]) -> Option<&str> {
    let value = value.trim_ascii();
    let quote = value.first().filter(|byte| b"\"'".contains(byte));
    let word = match quote {
        Some(quote) => value.get(1..)?.strip_suffix(&[*quote])?,
        None => value,
    };
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"./-_".contains(byte);
    let word = str::from_utf8(word).ok().filter(|word| !word.is_empty() && word.as_bytes().iter().all(is_plain))?;
    let is_text = || word.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_other = || NO_TEXTS.iter().any(|other| word.eq_ignore_ascii_case(other));
    (quote.is_some() || (is_text() && !is_other())).then_some(word)
}

/// A document in flow style. Its keys are found to the letter.
fn flow_mapping(text: &[u8]) -> Option<Look> {
    /// What of an entry came before.
    enum Entry<'t> {
        Nothing,
        Key(&'t [u8]),
        /// The key is one that counts, and its value has begun, or comes.
        Value(&'t [u8]),
        Other,
    }
    let (mut flow, mut head, mut entry) = (Flow::new(0), Head::default(), Entry::Nothing);
    loop {
        let token = flow.next(text.get(usize::try_from(flow.position()).ok()?..)?, true)?;
        let range = usize::try_from(flow.start()).ok()?..usize::try_from(flow.position()).ok()?;
        let depth = flow.depth();
        entry = match (token, entry) {
            (Token::Bad | Token::Marker, _) => return None,
            (Token::Close(_), Entry::Key(key)) if depth == 0 && counts(key) => return None,
            (Token::Close(_), Entry::Value(_)) if depth == 0 => return None,
            (Token::Close(_), _) if depth == 0 => break,
            (Token::Open(_), Entry::Nothing) if depth == 1 => Entry::Nothing,
            // A value that is a collection, or what is in it.
            (Token::Open(_), Entry::Other) => Entry::Other,
            (_, entry) if depth > 1 || matches!(token, Token::Close(_)) => match entry {
                Entry::Other => Entry::Other,
                Entry::Nothing | Entry::Key(_) | Entry::Value(_) => return None,
            },
            (Token::Comma, Entry::Nothing | Entry::Other) => Entry::Nothing,
            (Token::Comma, Entry::Key(key)) if !counts(key) => Entry::Nothing,
            (Token::Text, Entry::Nothing) => Entry::Key(key(text.get(range)?)?),
            (Token::Colon, Entry::Key(key)) if counts(key) => Entry::Value(key),
            (Token::Colon, Entry::Key(_)) => Entry::Other,
            (Token::Text, Entry::Value(key)) => {
                head.set(key, range.start, text.get(range)?)?;
                Entry::Other
            }
            // Of a value that does not count nothing matters.
            (Token::Text | Token::Property, Entry::Other) => Entry::Other,
            _ => return None,
        };
    }
    let rest = text.get(usize::try_from(flow.position()).ok()?..)?;
    is_bare(rest).then(|| head.look())
}

/// The name of a key in flow style, or in quotes; `None` where it may be that of another one.
fn key(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii();
    let name = match text.first()? {
        quote @ (b'"' | b'\'') => text.get(1..)?.strip_suffix(&[*quote])?,
        b'<' => return None,
        _ => text,
    };
    (!name.contains(&b'\\')).then_some(name)
}

/// Whether there is nothing but blanks and comments.
fn is_bare(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    (first.trim_ascii().is_empty() || (first.first().is_some_and(|byte| is_blank(*byte)) && line::is_comment(first)))
        && lines.all(|line| line.trim_ascii().is_empty() || line::is_comment(line))
}

/// The text from the first line on that is neither blank nor a comment, and the column where it starts.
fn first_key(mut text: &[u8], mut column: usize) -> Option<(&[u8], usize)> {
    loop {
        let spaces = text.iter().take_while(|byte| **byte == b' ').count();
        (text, column) = (text.get(spaces..)?, column + spaces);
        if !b"#\n\r".contains(text.first()?) {
            return Some((text, column));
        }
        (text, column) = (text.get(memchr(b'\n', text)? + 1..)?, 0);
    }
}

/// A document in block style: its own keys stand in one column.
fn block_mapping(text: &[u8], column: usize) -> Option<Look> {
    let (mut head, mut line, mut is_first) = (Head::default(), text, true);
    while !line.is_empty() {
        match block_key(line, is_first)? {
            BlockKey::Other => {}
            BlockKey::Counts(key, behind) => {
                let (value, rest) = behind.split_at_checked(memchr(b'\n', behind).unwrap_or(behind.len()))?;
                head.set(key, text.len() - line.len(), without_comment(value))?;
                if goes_on(rest, column) {
                    return None;
                }
            }
        }
        (line, is_first) = (next_key(line, column)?, false);
    }
    // A text in quotes may have lines that look like keys.
    let mut places = [head.api_version, head.kind].into_iter().flatten();
    places.all(|(at, _)| text.get(at..).is_some_and(is_in_no_quotes)).then(|| head.look())
}

enum BlockKey<'t> {
    /// A key that does not count, an item of its value, or no YAML.
    Other,
    /// A key that counts, and what comes behind its colon.
    Counts(&'t [u8], &'t [u8]),
}

/// What stands in the column of the keys; `None` where it may be a key that counts in other words.
fn block_key(line: &[u8], is_first: bool) -> Option<BlockKey<'_>> {
    let (name, rest) = match line {
        [b'-', rest @ ..] if !is_first && rest.first().is_none_or(|byte| is_blank(*byte)) => {
            return Some(BlockKey::Other);
        }
        [quote @ (b'"' | b'\''), rest @ ..] => {
            let (name, rest) = rest.split_at_checked(rest.iter().position(|byte| byte == quote || *byte == b'\n')?)?;
            if name.contains(&b'\\') {
                return None;
            }
            (name, rest.strip_prefix(&[*quote])?)
        }
        [first, ..] if first.is_ascii_alphanumeric() => {
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./".contains(byte);
            line.split_at_checked(line.iter().position(|byte| !is_word(byte)).unwrap_or(line.len()))?
        }
        _ => return None,
    };
    if !counts(name) {
        return Some(BlockKey::Other);
    }
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let behind = rest.get(blanks..)?.strip_prefix(b":")?;
    behind.first().is_none_or(|byte| is_blank(*byte)).then_some(BlockKey::Counts(name, behind))
}

/// The value on the line of its key.
fn without_comment(value: &[u8]) -> &[u8] {
    let comment = value.windows(2).position(|pair| matches!(pair, [blank, b'#'] if is_blank(*blank)));
    comment.map_or(value, |comment| value.get(..comment).unwrap_or_default())
}

/// Whether a value goes on in a deeper line.
fn goes_on(mut rest: &[u8], column: usize) -> bool {
    while let Some(line) = rest.strip_prefix(b"\n") {
        let spaces = line.iter().take_while(|byte| **byte == b' ').count();
        match line.get(spaces) {
            Some(b'#' | b'\n' | b'\r') => {
                rest = line.get(memchr(b'\n', line).unwrap_or(line.len())..).unwrap_or_default()
            }
            Some(_) => return spaces > column,
            None => return false,
        }
    }
    false
}

/// Whether no text in quotes may be open where a text starts: the next quote could not close it, because of what
/// stands behind it, or there is none.
fn is_in_no_quotes(text: &[u8]) -> bool {
    [b'"', b'\''].into_iter().all(|quote| {
        let mut at = 0;
        while let Some(found) = text.get(at..).and_then(|rest| memchr(quote, rest)) {
            at += found + 1;
            let before = text.get(..at - 1).unwrap_or_default();
            let is_escaped = before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
            if quote == b'"' && is_escaped {
                continue;
            }
            if quote == b'\'' && text.get(at) == Some(&b'\'') {
                at += 1;
                continue;
            }
            // A comment has a blank before it.
            let mut behind =
                text.get(at..).unwrap_or_default().iter().enumerate().skip_while(|(_, byte)| b" \t".contains(byte));
            return behind.next().is_some_and(|(blanks, byte)| match byte {
                b'#' => blanks == 0,
                _ => !b"\r\n,]}:".contains(byte),
            });
        }
        true
    })
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

#[cfg(test)]
mod tests;
