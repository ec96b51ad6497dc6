//! The tokens of YAML in flow style, `{kind: "List", items: [a, 'b']}`, found in a stream without building anything.

use memchr::{memchr, memchr2, memchr3};
use wide::u8x16;

use crate::{brackets::Open, cut::line};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Open(u8),
    Close(u8),
    Comma,
    Colon,
    Text,
    /// An anchor, an alias, a tag, or the question mark before a key.
    Property,
    /// A line that ends the document wherever it stands. It is not consumed.
    Marker,
    /// Something that must not stand here. It is not consumed, and nothing is known of what follows.
    Bad,
}

/// A scanner of one flow collection.
pub(crate) struct Flow {
    /// The position of the first byte that was not consumed.
    at: u64,
    /// The byte before it.
    last: u8,
    /// Where the last token starts.
    start: u64,
    within: Within,
    /// Whether a colon needs no blank behind it, as in `{"kind":"List"}`.
    is_json: bool,
    open: Open,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Comment,
    Property,
    /// A tag in angle brackets.
    Verbatim,
    Plain,
    Single,
    Double,
}

/// What a step of the scanner leads to; there is none where the next bytes are not in memory.
enum Step {
    On,
    Found(Token),
}

impl Flow {
    /// `at`: the position of the bracket that opens the collection.
    pub(crate) fn new(at: u64) -> Self {
        Self { at, last: b' ', start: at, within: Within::Nothing, is_json: false, open: Open::default() }
    }

    /// The position behind the last token, or of it where it is not consumed.
    pub(crate) fn position(&self) -> u64 {
        self.at
    }

    /// Where the last token starts. A plain text may end in blanks.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// From where on bytes are needed: a token may have begun.
    pub(crate) fn needed(&self) -> u64 {
        if matches!(self.within, Within::Nothing | Within::Comment) { self.at } else { self.start }
    }

    /// How many brackets are open.
    pub(crate) fn depth(&self) -> u64 {
        self.open.depth()
    }

    /// The next token. `bytes` is what is in memory from the position on, which is all that follows where it
    /// `is_last`. `None`: the token does not end there.
    pub(crate) fn next(&mut self, bytes: &[u8], is_last: bool) -> Option<Token> {
        let mut scan = Scan { bytes, at: 0, is_last, last: self.last };
        let token = loop {
            match self.step(&mut scan) {
                Some(Step::On) => {}
                Some(Step::Found(token)) => break Some(token),
                None => break None,
            }
        };
        (self.at, self.last) = (self.at + scan.at as u64, scan.before());
        token
    }

    fn step(&mut self, scan: &mut Scan<'_>) -> Option<Step> {
        match self.within {
            Within::Nothing => return self.between(scan),
            Within::Comment => scan.skip_to(memchr(b'\n', scan.rest()))?,
            Within::Verbatim => {
                scan.skip_to(memchr2(b'>', b'\n', scan.rest()))?;
                self.within = Within::Property;
                return Some(Step::On);
            }
            Within::Property => {
                scan.skip_to(scan.rest().iter().position(|byte| is_blank(*byte) || is_bracket_or_comma(*byte)))?;
                self.within = Within::Nothing;
                return Some(Step::Found(Token::Property));
            }
            Within::Plain => return self.plain(scan),
            Within::Single | Within::Double => return self.quoted(scan),
        }
        self.within = Within::Nothing;
        Some(Step::On)
    }

    fn between(&mut self, scan: &mut Scan<'_>) -> Option<Step> {
        let byte = scan.byte()?;
        if byte == b'\n' {
            return scan.line_end();
        }
        if is_blank(byte) {
            scan.at += 1 + find(scan.rest().get(1..).unwrap_or_default(), |bytes| !bytes.simd_eq(u8x16::splat(b' ')));
            return Some(Step::On);
        }
        if byte == b'#' && is_blank(scan.before()) {
            self.within = Within::Comment;
            return Some(Step::On);
        }
        let next = if matches!(byte, b':' | b'?' | b'!') { scan.next()? } else { b' ' };
        self.start = self.at + scan.at as u64;
        let ends = is_blank(next) || is_bracket_or_comma(next);
        let token = match byte {
            b'#' => return Some(Step::Found(Token::Bad)),
            b'{' | b'[' => {
                self.open.open(byte);
                Token::Open(byte)
            }
            b'}' | b']' if self.open.close(byte) => Token::Close(byte),
            b'}' | b']' => return Some(Step::Found(Token::Bad)),
            b',' => Token::Comma,
            b':' if self.is_json || ends => Token::Colon,
            b'?' if ends => Token::Property,
            _ => {
                self.within = match byte {
                    b'"' => Within::Double,
                    b'\'' => Within::Single,
                    b'!' if next == b'<' => Within::Verbatim,
                    b'!' | b'&' | b'*' => Within::Property,
                    _ => Within::Plain,
                };
                scan.at += 1;
                self.is_json = false;
                return Some(Step::On);
            }
        };
        scan.at += 1;
        self.is_json = matches!(token, Token::Close(_));
        Some(Step::Found(token))
    }

    /// Goes on in a text without quotes, which may have several lines.
    fn plain(&mut self, scan: &mut Scan<'_>) -> Option<Step> {
        scan.at += find(scan.rest(), may_end_plain);
        match scan.byte()? {
            b'\n' => return scan.line_end(),
            b':' if !(is_blank(scan.next()?) || is_bracket_or_comma(scan.next()?)) => {}
            b'#' if !is_blank(scan.before()) => {}
            _ => {
                self.within = Within::Nothing;
                return Some(Step::Found(Token::Text));
            }
        }
        scan.at += 1;
        Some(Step::On)
    }

    /// Goes on in a text in quotes.
    fn quoted(&mut self, scan: &mut Scan<'_>) -> Option<Step> {
        let is_double = self.within == Within::Double;
        scan.skip_to(if is_double {
            memchr3(b'"', b'\\', b'\n', scan.rest())
        } else {
            memchr2(b'\'', b'\n', scan.rest())
        })?;
        match scan.byte()? {
            b'\n' => return scan.line_end(),
            // A line end is looked at in any case: it may come before a marker.
            b'\\' => scan.at += if scan.next()? == b'\n' { 1 } else { 2 },
            b'\'' if scan.next()? == b'\'' => scan.at += 2,
            _ => {
                scan.at += 1;
                (self.within, self.is_json) = (Within::Nothing, true);
                return Some(Step::Found(Token::Text));
            }
        }
        Some(Step::On)
    }
}

/// What is in memory.
struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    is_last: bool,
    /// The byte before these.
    last: u8,
}

impl<'t> Scan<'t> {
    fn rest(&self) -> &'t [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn before(&self) -> u8 {
        self.at.checked_sub(1).and_then(|before| self.bytes.get(before)).copied().unwrap_or(self.last)
    }

    /// The byte behind this one; a line ends where the stream does.
    fn next(&self) -> Option<u8> {
        self.bytes.get(self.at + 1).copied().or_else(|| self.is_last.then_some(b'\n'))
    }

    /// Goes on to what was found, or to the end where nothing was.
    fn skip_to(&mut self, found: Option<usize>) -> Option<()> {
        self.at = found.map_or(self.bytes.len(), |found| self.at + found);
        found.map(|_| ())
    }

    /// Consumes a line end.
    fn line_end(&mut self) -> Option<Step> {
        let is_marker = line::is_marker(self.bytes.get(self.at + 1..)?, self.is_last)?;
        self.at += 1;
        Some(if is_marker { Step::Found(Token::Marker) } else { Step::On })
    }
}

pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_bracket_or_comma(byte: u8) -> bool {
    matches!(byte, b'[' | b']' | b'{' | b'}' | b',')
}

/// The number of bytes before the first one that is marked, sixteen at a time.
fn find(bytes: &[u8], mark: impl Fn(u8x16) -> u8x16) -> usize {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let chunk = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut chunk = [0; 16];
            chunk.iter_mut().zip(rest).for_each(|(byte, rest)| *byte = *rest);
            chunk
        });
        let found = mark(u8x16::new(chunk)).to_bitmask();
        at += if found == 0 { 16 } else { found.trailing_zeros() as usize };
        if found != 0 || at >= bytes.len() {
            return at.min(bytes.len());
        }
    }
}

/// Brackets, commas, colons, comments and line ends.
fn may_end_plain(bytes: u8x16) -> u8x16 {
    let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
    // `[` and `{`, and `]` and `}`, differ in one bit.
    let lower = bytes | u8x16::splat(b'[' ^ b'{');
    let brackets = lower.simd_eq(u8x16::splat(b'{')) | lower.simd_eq(u8x16::splat(b'}'));
    brackets | is(b',') | is(b':') | is(b'#') | is(b'\n')
}
