//! Cutting YAML, by what stands at the start of its lines.

use std::{borrow::Cow, io};

use memchr::{memchr, memrchr};

use crate::{
    bytes,
    cut::{Cut, Cutter, Document, Look},
    flaw::{Flaw, MAX_OBJECT},
    text::{plain_kind, unindented},
    wanted::Kind,
    window::Window,
    yaml,
};

/// Cuts YAML at its document markers, and at the lines of dashes that kubevirt's must-gather puts between
/// documents although YAML knows no such marker; and lists in block style into their items. A marker, a key
/// of the document and an item start a line, where no text inside them can: so a broken document does not
/// take the others with it, nor a broken item.
pub(crate) struct YamlCutter<'r> {
    window: Window<'r>,
    state: State,
    /// Where the next line starts, or the rest of a line that is too long.
    next: u64,
    is_in_line: bool,
    at_end: bool,
    /// Where the document starts that is being cut, or the item, or the rest of the shell.
    from: u64,
    /// What was cut off last, and of an item the columns before its dash.
    piece: (u64, u64),
    indent: Option<usize>,
    /// Of a piece that is too large, its line and its kind.
    large: Option<(usize, Option<Kind>)>,
    shell: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first line of a document that is neither blank nor a comment.
    Before,
    /// In a document.
    Document,
    /// Behind the key `items`.
    BeforeItems,
    /// In a list, in an item with so many columns before its dash.
    Item(usize),
    /// In a list, behind its items.
    Shell,
}

impl<'r> YamlCutter<'r> {
    pub(crate) fn new(window: Window<'r>) -> Self {
        Self {
            window,
            state: State::Before,
            next: 0,
            is_in_line: false,
            at_end: false,
            from: 0,
            piece: (0, 0),
            indent: None,
            large: None,
            shell: Vec::new(),
        }
    }

    /// The next line that may be a border between pieces; `None` at the end.
    fn border(&mut self) -> io::Result<Option<(u64, u64)>> {
        loop {
            let (start, bytes) = (self.next, self.window.from(self.next));
            let is_border = !self.is_in_line && !bytes.is_empty() && self.may_be_border(bytes);
            let found = match self.state {
                State::Document | State::Item(0) | State::Shell if !is_border => unindented(bytes),
                _ => memchr(b'\n', bytes).map(|line_end| line_end + 1),
            };
            match found {
                Some(found) => {
                    self.next += found as u64;
                    self.is_in_line = false;
                }
                None if self.at_end => self.next = self.window.end(),
                None => {
                    // Whole lines are done with.
                    if let Some(line_end) = memrchr(b'\n', bytes).filter(|_| !is_border) {
                        self.next += line_end as u64 + 1;
                        self.is_in_line = false;
                    }
                    self.read_on()?;
                    continue;
                }
            }
            if is_border {
                return Ok(Some((start, self.next)));
            }
            if found.is_none() {
                return Ok(None);
            }
        }
    }

    /// Reads on in a line whose end is not known yet.
    fn read_on(&mut self) -> io::Result<()> {
        let is_large = |from: u64, to: u64| to - from > MAX_OBJECT as u64;
        if is_large(self.next, self.window.end()) {
            self.next = self.window.end();
            self.is_in_line = true;
        }
        match self.state {
            State::Before => self.from = self.next,
            State::Shell => self.shell_to(self.next),
            State::Document | State::BeforeItems | State::Item(_) => {}
        }
        let mut keep = self.from;
        if is_large(self.from, self.next) {
            if self.large.is_none() {
                let kind = self.kind(self.from, self.next, self.state.indent());
                self.large = Some((self.window.line(self.from), kind));
            }
            keep = self.next;
        }
        self.at_end = !self.window.read_on(keep)?;
        Ok(())
    }

    /// Almost no line is: this decides how fast YAML is read.
    #[inline]
    fn may_be_border(&self, line: &[u8]) -> bool {
        match self.state {
            State::Before | State::BeforeItems => true,
            State::Item(indent) if line.get(indent) == Some(&b'-') => true,
            State::Document | State::Item(_) | State::Shell => !line.first().is_some_and(u8::is_ascii_whitespace),
        }
    }

    /// What a line means that may be a border; `None` where it is none. The line is looked at again after
    /// what ends before it.
    fn at_border(&mut self, start: u64, end: u64) -> Option<Cut> {
        let line = self.window.between(start, end);
        let is_bare = line.trim_ascii().is_empty() || line.trim_ascii_start().starts_with(b"#");
        let marker = Marker::of(line);
        match self.state {
            State::Before if is_bare || marker == Some(Marker::Alone) => self.from = end,
            State::Before => (self.state, self.from) = (State::Document, start),
            State::Document | State::BeforeItems | State::Shell if marker.is_some() => {
                return Some(self.finish(start, State::Before));
            }
            State::Document if line.trim_ascii_end() == b"items:" && self.is_plain(self.from) => {
                self.state = State::BeforeItems;
            }
            State::BeforeItems => {
                let indent = line.iter().take_while(|byte| **byte == b' ').count();
                if is_item(line, indent) {
                    self.shell.clear();
                    self.piece = (self.from, start);
                    self.shell_to(start);
                    self.state = State::Item(indent);
                    return Some(Cut::List);
                }
                if !is_bare {
                    self.state = State::Document;
                }
            }
            State::Item(indent) if marker.is_none() && is_item(line, indent) => {
                if start > self.from {
                    return Some(self.finish(start, self.state));
                }
            }
            State::Item(_) if marker.is_some() || !(is_bare || line.starts_with(b" ")) => {
                return Some(self.finish(start, State::Shell));
            }
            State::Document | State::Item(_) | State::Shell => {}
        }
        None
    }

    /// What is being cut ends here, and so does the next state's line before.
    fn finish(&mut self, at: u64, next: State) -> Cut {
        let cut = if self.state == State::Shell {
            self.shell_to(at);
            Cut::ListEnd
        } else {
            self.indent = self.state.indent();
            self.piece = (self.from, at);
            let size = usize::try_from(at - self.from).unwrap_or(usize::MAX);
            if size > MAX_OBJECT { Cut::TooLarge(size) } else { Cut::Piece }
        };
        (self.state, self.from, self.next) = (next, at, at);
        cut
    }

    fn at_end(&mut self) -> Option<Cut> {
        let end = self.window.end();
        match self.state {
            State::Before => None,
            State::Document | State::BeforeItems | State::Shell => Some(self.finish(end, State::Before)),
            State::Item(_) => Some(self.finish(end, State::Shell)),
        }
    }

    fn shell_to(&mut self, to: u64) {
        self.shell.extend_from_slice(self.window.between(self.from, to));
        self.from = to;
    }

    /// Whether the document that starts here has its keys in the first column.
    fn is_plain(&self, start: u64) -> bool {
        self.window.from(start).first().is_some_and(u8::is_ascii_alphanumeric)
    }

    fn kind(&self, from: u64, to: u64, indent: Option<usize>) -> Option<Kind> {
        let text = self.window.between(from, to);
        match indent {
            None => plain_kind(text, 0),
            Some(indent) => {
                let text = text.get(indent + 1..)?;
                let spaces = text.iter().take_while(|byte| **byte == b' ').count();
                plain_kind(text.get(spaces..)?, indent + 1 + spaces)
            }
        }
    }
}

impl State {
    fn indent(self) -> Option<usize> {
        match self {
            Self::Item(indent) => Some(indent),
            Self::Before | Self::Document | Self::BeforeItems | Self::Shell => None,
        }
    }
}

impl Cutter for YamlCutter<'_> {
    fn next(&mut self) -> io::Result<Option<Cut>> {
        self.large = None;
        while let Some((start, end)) = self.border()? {
            let cut = self.at_border(start, end);
            if cut.is_some() {
                return Ok(cut);
            }
        }
        Ok(self.at_end())
    }

    fn look(&self) -> Look {
        let kind = match &self.large {
            Some((_, kind)) => kind.clone(),
            None => self.kind(self.piece.0, self.piece.1, self.indent),
        };
        kind.map_or(Look::Unclear, Look::Kind)
    }

    fn text(&self) -> Cow<'_, [u8]> {
        let text = self.window.between(self.piece.0, self.piece.1);
        let Some(indent) = self.indent else { return text.into() };
        // The dash stands for a column.
        let mut text = text.to_owned();
        text.iter_mut().skip(indent).take(1).for_each(|dash| *dash = b' ');
        text.into()
    }

    fn read(text: &[u8]) -> Result<Document<'_>, (Flaw, usize)> {
        yaml::parse(bytes::utf8(text)?)
    }

    fn shell(&self) -> Result<String, Flaw> {
        match Self::read(&self.shell) {
            Ok(Document::Value(head)) => Ok(head.into_owned()),
            Ok(Document::List { head, .. }) => Ok(head),
            Err((flaw, _)) => Err(flaw),
        }
    }

    fn line(&mut self) -> usize {
        match self.large {
            Some((line, _)) => line,
            None => self.window.line(self.piece.0),
        }
    }

    fn column(&self) -> usize {
        // A piece is whole lines.
        1
    }

    fn rest(&mut self, _: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        Ok(())
    }
}

/// A line between documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marker {
    /// It belongs to neither.
    Alone,
    /// `--- # comment` and `--- {inline}` belong to the document that they start.
    Opening,
}

impl Marker {
    fn of(line: &[u8]) -> Option<Self> {
        let bare = line.trim_ascii_end();
        if bare == b"..." || (bare.len() >= 3 && bare.iter().all(|byte| *byte == b'-')) {
            Some(Self::Alone)
        } else {
            line.starts_with(b"--- ").then_some(Self::Opening)
        }
    }
}

/// Whether a line starts an item with so many columns before its dash.
fn is_item(line: &[u8], indent: usize) -> bool {
    let rest = line.get(indent..).and_then(|rest| rest.strip_prefix(b"-"));
    rest.is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
        && line.iter().take(indent).all(|byte| *byte == b' ')
}
