//! Cutting documents and lists in flow style, by their brackets.

use super::{State, YamlCutter};
use crate::cut::{
    Cut,
    flow::{Flow, Token},
    line,
};

/// Where in flow style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Document,
    /// In a list, between items.
    Items,
    Item,
    Shell,
}

/// What came before in an entry of a document in flow style.
#[derive(Clone, Copy)]
pub(super) enum Entry {
    Nothing,
    Key(u64, u64),
    /// Behind the colon of a key.
    Value(u64, u64),
    Other,
}

impl YamlCutter<'_> {
    /// `at`: the position of the bracket that opens it.
    pub(super) fn begin_flow(&mut self, part: Part, at: u64) {
        self.state = State::Flow(part);
        self.flow = Flow::new(at);
        self.entry = Entry::Nothing;
        self.next = at;
    }

    /// A list in flow style begins in a document in block style.
    pub(super) fn begin_items(&mut self, at: u64) -> Cut {
        self.begin_flow(Part::Items, at);
        // The bracket itself.
        self.flow.next(self.window.from(at), false);
        self.begin_shell(at + 1);
        self.items_depth = 1;
        Cut::List
    }

    pub(super) fn at_token(&mut self, part: Part, token: Token) -> Option<Cut> {
        let (start, end, depth) = (self.flow.start(), self.flow.position(), self.flow.depth());
        match (part, token) {
            (_, Token::Marker | Token::Bad) => return self.end_flow(part, token == Token::Bad),
            (Part::Document, Token::Open(b'[')) if depth == 2 && self.large.is_none() && self.is_at_items() => {
                self.items_depth = 2;
                self.begin_shell(end);
                self.state = State::Flow(Part::Items);
                return Some(Cut::List);
            }
            (Part::Document, token) if depth == 1 => self.entry = self.entry.then(token, start, end),
            (Part::Items, Token::Comma) => {
                (self.piece, self.from) = ((start, start), end);
                return Some(Cut::NoObject);
            }
            (Part::Items | Part::Item, Token::Close(_)) if depth < self.items_depth => {
                let cut = (part == Part::Item).then(|| self.finish_item(start));
                self.from = start;
                self.state = State::Flow(Part::Shell);
                if depth == 0 {
                    self.end_flow(Part::Shell, true);
                }
                return cut;
            }
            (Part::Items, _) => (self.state, self.from) = (State::Flow(Part::Item), start),
            (Part::Item, Token::Comma) if depth == self.items_depth => {
                let cut = self.finish_item(start);
                (self.state, self.from) = (State::Flow(Part::Items), end);
                return Some(cut);
            }
            (Part::Document | Part::Shell, Token::Close(_)) if depth == 0 => return self.end_flow(part, true),
            (Part::Document | Part::Item | Part::Shell, _) => {}
        }
        None
    }

    /// From here on lines count: behind the last bracket, in something broken, or at a marker.
    pub(super) fn end_flow(&mut self, part: Part, is_in_line: bool) -> Option<Cut> {
        self.is_in_line = is_in_line;
        self.state = match part {
            Part::Document => State::Document,
            Part::Shell => State::Shell,
            Part::Item => State::Rest,
            Part::Items => {
                self.from = self.next;
                State::Rest
            }
        };
        None
    }

    /// Whether the list that opens here is the value of the key `items`.
    fn is_at_items(&self) -> bool {
        let Entry::Value(start, end) = self.entry else { return false };
        line::ITEMS.contains(&self.window.between(start, end).trim_ascii())
    }

    /// What is left of a broken list ends here, and so does the list, of which the end is missing.
    pub(super) fn finish_rest(&mut self, at: u64) -> Cut {
        if at > self.from {
            return self.finish(at, State::Shell);
        }
        self.state = State::Shell;
        self.finish(at, State::Before)
    }
}

impl Entry {
    fn then(self, token: Token, start: u64, end: u64) -> Self {
        match (self, token) {
            (_, Token::Comma) => Self::Nothing,
            (Self::Nothing, Token::Open(_)) => Self::Nothing,
            (Self::Nothing, Token::Text) => Self::Key(start, end),
            (Self::Key(start, end), Token::Colon) => Self::Value(start, end),
            _ => Self::Other,
        }
    }
}
