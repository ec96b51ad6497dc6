//! Cutting JSON. Of what is skipped only the brackets are looked at; what lies between the pieces is read
//! to the letter.

use std::{borrow::Cow, io};

use serde::de::IgnoredAny;

use crate::{
    brackets::{Brackets, Open},
    bytes::{self, HEAD},
    cut::{Cut, Cutter, Document, Look},
    flaw::{Flaw, MAX_OBJECT},
    json::Head,
    wanted::Kind,
    window::Window,
};

/// Maximum size of the outline that is kept of a piece that is too large, in bytes.
const MAX_OUTLINE: usize = if cfg!(fuzzing) { 2 << 10 } else { 1 << 20 };

/// Cuts JSON documents that come one after the other, and lists whose items are a value of their own key.
pub(crate) struct JsonCutter<'r> {
    window: Window<'r>,
    brackets: Brackets,
    open: Open,
    state: State,
    at_end: bool,
    /// Where the text starts that was not taken yet of the outline, the shell, or what is between pieces.
    from: u64,
    /// What is being cut, or was cut off last.
    piece: (u64, u64),
    /// The piece without what is in its values: `{"kind": "Pod", "metadata": {}}`.
    outline: Vec<u8>,
    /// Of a piece that is too large, its line.
    large: Option<usize>,
    shell: Vec<u8>,
    has_items: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between documents.
    Outside,
    /// In a document that may turn out to be a list.
    Document,
    /// In a list, between its items.
    Items,
    /// In an item.
    Item,
    /// In a list, behind its items.
    Shell,
    /// There is no way on.
    Broken,
}

impl State {
    /// How many brackets are open around the piece that is being cut.
    fn depth(self) -> Option<u64> {
        match self {
            Self::Document => Some(0),
            Self::Item => Some(2),
            Self::Outside | Self::Items | Self::Shell | Self::Broken => None,
        }
    }
}

impl<'r> JsonCutter<'r> {
    pub(crate) fn new(window: Window<'r>) -> Self {
        Self {
            window,
            brackets: Brackets::default(),
            open: Open::default(),
            state: State::Outside,
            at_end: false,
            from: 0,
            piece: (0, 0),
            outline: Vec::new(),
            large: None,
            shell: Vec::new(),
            has_items: false,
        }
    }

    fn opened(&mut self, at: u64, bracket: u8) -> Option<Cut> {
        let depth = self.open.depth();
        self.open.open(bracket);
        match (self.state, depth) {
            (State::Outside, _) => {
                if !self.is_blank_to(at) {
                    return Some(self.broken_between(at));
                }
                self.begin(State::Document, at);
            }
            (State::Items, _) => {
                let odd = self.odd_items(b"0", at);
                self.begin(State::Item, at);
                return odd;
            }
            (State::Document, 1) if bracket == b'[' && self.is_at_items(at) => {
                self.shell.clear();
                self.shell.extend_from_slice(self.window.between(self.piece.0, at + 1));
                (self.state, self.from, self.has_items) = (State::Items, at + 1, false);
                return Some(Cut::List);
            }
            (State::Document, 1) | (State::Item, 3) => self.outline_to(at + 1),
            (State::Document | State::Item | State::Shell | State::Broken, _) => {}
        }
        None
    }

    fn closed(&mut self, at: u64, bracket: u8) -> Option<Cut> {
        if !self.open.close(bracket) {
            return Some(self.broken_at(at));
        }
        match (self.state, self.open.depth()) {
            (State::Document, 1) | (State::Item, 3) => self.from = at,
            (State::Document, 0) => return Some(self.piece_to(at + 1, State::Outside)),
            (State::Item, 2) => {
                self.has_items = true;
                return Some(self.piece_to(at + 1, State::Items));
            }
            (State::Items, _) => {
                let odd = self.odd_items(b"", at);
                (self.state, self.from) = (State::Shell, at);
                return odd;
            }
            (State::Shell, 0) => {
                self.shell_to(at + 1);
                self.state = State::Outside;
                return Some(Cut::ListEnd);
            }
            (State::Outside | State::Document | State::Item | State::Shell | State::Broken, _) => {}
        }
        None
    }

    fn begin(&mut self, state: State, at: u64) {
        self.state = state;
        self.piece = (at, at);
        self.from = at;
        self.outline.clear();
    }

    fn piece_to(&mut self, end: u64, next: State) -> Cut {
        self.outline_to(end);
        self.piece.1 = end;
        self.state = next;
        let size = usize::try_from(end - self.piece.0).unwrap_or(usize::MAX);
        if size > MAX_OBJECT { Cut::TooLarge(size) } else { Cut::Piece }
    }

    fn outline_to(&mut self, to: u64) {
        if self.large.is_none() || self.outline.len() < MAX_OUTLINE {
            self.outline.extend_from_slice(self.window.between(self.from, to));
        }
        self.from = to;
    }

    fn shell_to(&mut self, to: u64) {
        self.shell.extend_from_slice(self.window.between(self.from, to));
        self.from = to;
    }

    fn is_blank_to(&self, to: u64) -> bool {
        self.window.between(self.from, to).trim_ascii().is_empty()
    }

    /// Whether the list that opens here is the value of the key `items`.
    fn is_at_items(&self, at: u64) -> bool {
        let before = self.window.between(self.from, at).trim_ascii_end();
        let key = before.strip_suffix(b":").map(<[u8]>::trim_ascii_end);
        key.and_then(|key| key.strip_suffix(br#""items""#)).is_some_and(|before| !before.ends_with(br"\"))
    }

    /// Where something else than a comma is between two items: elements that are no objects, or no JSON.
    fn odd_items(&mut self, end: &[u8], at: u64) -> Option<Cut> {
        let between = self.window.between(self.from, at);
        let expected: &[u8] = if self.has_items && !end.is_empty() { b"," } else { b"" };
        if between.trim_ascii() == expected {
            return None;
        }
        let start: &[u8] = if self.has_items { b"[0" } else { b"[" };
        let elements = [start, between, end, b"]"].concat();
        if serde_json::from_slice::<Vec<IgnoredAny>>(&elements).is_err() {
            return Some(self.broken_between(at));
        }
        Some(Cut::NoObject)
    }

    /// There is something else between documents or items than there may be.
    fn broken_between(&mut self, to: u64) -> Cut {
        let between = self.window.between(self.from, to);
        let blank = between.len() - between.trim_ascii_start().len();
        self.broken_at(self.from + blank as u64)
    }

    fn broken_at(&mut self, at: u64) -> Cut {
        let column = self.window.column(at);
        self.broken(at, Flaw::Syntax { format: "JSON", column })
    }

    fn broken(&mut self, at: u64, flaw: Flaw) -> Cut {
        // A document or an item is lost from its start on.
        let start = if self.state.depth().is_some() && self.large.is_none() { self.piece.0 } else { self.from };
        self.large = Some(self.window.line(at));
        self.piece = (start, self.window.end().min(start + HEAD as u64));
        self.state = State::Broken;
        Cut::Broken(flaw)
    }

    /// Reads on, and forgets what is not needed.
    fn read_on(&mut self) -> io::Result<Option<Cut>> {
        let position = self.brackets.position();
        let is_large = |from: u64| position - from > MAX_OBJECT as u64;
        match self.state {
            State::Outside if !self.is_blank_to(position) => return Ok(Some(self.broken_between(position))),
            State::Items if is_large(self.from) => return Ok(Some(self.broken_between(position))),
            State::Shell if self.shell.len() > MAX_OBJECT => {
                return Ok(Some(self.broken(position, Flaw::TooLarge(self.shell.len()))));
            }
            State::Outside | State::Broken => self.from = position,
            State::Shell => self.shell_to(position),
            State::Items | State::Document | State::Item => {}
        }
        let mut keep = self.from;
        if let Some(depth) = self.state.depth() {
            if !is_large(self.piece.0) {
                keep = self.piece.0;
            } else {
                if self.large.is_none() {
                    self.large = Some(self.window.line(self.piece.0));
                }
                if self.open.depth() == depth + 1 {
                    self.outline_to(position);
                }
                keep = position;
            }
        }
        self.at_end = !self.window.read_on(keep)?;
        Ok(None)
    }

    fn end(&mut self) -> Option<Cut> {
        let end = self.window.end();
        match self.state {
            State::Broken => None,
            State::Outside if self.is_blank_to(end) => None,
            State::Outside => Some(self.broken_between(end)),
            State::Document | State::Items | State::Item | State::Shell => {
                Some(self.broken(end, Flaw::Truncated { format: "JSON" }))
            }
        }
    }
}

impl Cutter for JsonCutter<'_> {
    fn next(&mut self) -> io::Result<Option<Cut>> {
        if self.state == State::Broken {
            return Ok(None);
        }
        self.large = None;
        loop {
            let found = match self.brackets.next(&self.window) {
                None if self.at_end => match self.brackets.last(&self.window) {
                    Some(found) => found,
                    None => return Ok(self.end()),
                },
                None => match self.read_on()? {
                    None => continue,
                    broken => return Ok(broken),
                },
                Some(found) => found,
            };
            let cut = match found {
                (at, bracket @ (b'{' | b'[')) => self.opened(at, bracket),
                (at, bracket @ (b'}' | b']')) => self.closed(at, bracket),
                (at, _) => Some(self.broken_at(at)),
            };
            if cut.is_some() {
                return Ok(cut);
            }
        }
    }

    fn look(&self) -> Look {
        match serde_json::from_slice(&self.outline) {
            _ if self.outline.starts_with(b"[") => Look::Unclear,
            Ok(Head { api_version: Some(api_version), kind: Some(kind), .. }) => Look::Kind(Kind { api_version, kind }),
            Ok(_) => Look::Untyped,
            Err(_) => Look::Unclear,
        }
    }

    fn text(&self) -> Cow<'_, [u8]> {
        self.window.between(self.piece.0, self.piece.1).into()
    }

    fn read(text: &[u8]) -> Result<Document<'_>, (Flaw, usize)> {
        bytes::utf8(text).map(|text| Document::Value(text.into()))
    }

    fn shell(&self) -> Result<String, Flaw> {
        let rest = if self.shell.ends_with(b"[") { "]}" } else { "" };
        let shell = bytes::utf8(&self.shell).map_err(|(flaw, _)| flaw)?;
        Ok(format!("{shell}{rest}"))
    }

    fn line(&mut self) -> usize {
        match self.large {
            Some(line) => line,
            None => self.window.line(self.piece.0),
        }
    }

    fn column(&self) -> usize {
        self.window.column(self.piece.0)
    }

    fn rest(&mut self, see: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        see(&self.shell);
        see(self.window.from(self.piece.0));
        while self.window.read_on(self.window.end())? {
            see(self.window.from(0));
        }
        Ok(())
    }
}
