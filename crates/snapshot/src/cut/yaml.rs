//! Cutting YAML, by what stands at the start of its lines; and what is in flow style, by its brackets.

use std::{borrow::Cow, io};

use memchr::{memchr, memrchr};

use crate::{
    bytes,
    cut::{
        Cut, Cutter, Document, Look,
        flow::Flow,
        line::{self, MAX_LINE, Marker},
        look::look,
    },
    flaw::{Flaw, MAX_OBJECT},
    text::unindented,
    window::Window,
    yaml,
};

use flow_list::{Entry, Part};

mod flow_list;

/// Cuts YAML at its document markers, and at the lines of dashes that kubevirt's must-gather puts between
/// documents although YAML knows no such marker; and lists into their items. A marker, a key of the document and
/// an item start a line, where no text inside them can: so a broken document does not take the others with it,
/// nor a broken item. In flow style `[{…}, {…}]` a comma between the brackets ends an item.
pub(crate) struct YamlCutter<'r> {
    window: Window<'r>,
    state: State,
    /// Where the next line starts, or the rest of a line.
    next: u64,
    is_in_line: bool,
    at_end: bool,
    /// Where the document starts that is being cut, or the item, or the rest of the shell.
    from: u64,
    /// What was cut off last, and of an item in block style the columns before its dash.
    piece: (u64, u64),
    indent: Option<usize>,
    /// Of a piece that is too large, its line and what a look at its beginning says.
    large: Option<(usize, Look)>,
    shell: Vec<u8>,
    /// The size of the shell, of which no more is kept than an object may have.
    shell_size: u64,
    flow: Flow,
    /// In flow style: how many brackets are open between two items.
    items_depth: u64,
    entry: Entry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first line of a document that is neither blank nor a comment.
    Before,
    /// In a document.
    Document,
    /// Behind the key `items`.
    BeforeItems,
    /// In a list, in an item; how many columns are before its dash.
    Item(usize),
    /// In a list, behind its items.
    Shell,
    /// In a list in flow style that is broken, or ends too early: in what is left of it.
    Rest,
    Flow(Part),
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
            shell_size: 0,
            flow: Flow::new(0),
            items_depth: 0,
            entry: Entry::Nothing,
        }
    }

    /// The next line that may be a border between pieces, or as much of it as says what it is; `None` at the end.
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
                    if self.window.end() - self.next > MAX_LINE as u64 {
                        self.next = self.window.end();
                        self.is_in_line = true;
                        if is_border {
                            return Ok(Some((start, self.next)));
                        }
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

    /// Reads on, and forgets what is not needed.
    fn read_on(&mut self) -> io::Result<()> {
        match self.state {
            State::Before => self.from = self.next,
            State::Flow(Part::Items) => self.from = self.flow.needed(),
            State::Shell | State::Flow(Part::Shell) => self.shell_to(self.next),
            State::Document | State::BeforeItems | State::Item(_) | State::Rest => {}
            State::Flow(Part::Document | Part::Item) => {}
        }
        let mut keep = self.from;
        if self.next - self.from > MAX_OBJECT as u64 {
            if self.large.is_none() {
                // In flow style only the whole text tells.
                let look = match self.state {
                    State::Flow(_) | State::Rest => Look::Unclear,
                    _ => self.look_at(self.from, self.next, self.state.indent()),
                };
                self.large = Some((self.window.line(self.from), look));
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
            _ => !line.first().is_some_and(u8::is_ascii_whitespace),
        }
    }

    /// What a line means that may be a border; `None` where it is none. The line is looked at again after
    /// what ends before it.
    fn at_border(&mut self, start: u64, end: u64) -> Option<Cut> {
        let line = self.window.between(start, end);
        let is_blank = line.trim_ascii().is_empty();
        let is_bare = (is_blank && !self.is_in_line) || line::is_comment(line);
        let marker = Marker::of(line);
        match self.state {
            State::Before if is_bare || marker == Some(Marker::Alone) || line::is_directive(line) => self.from = end,
            // What follows in the line is looked at by itself.
            State::Before if is_blank => (self.from, self.is_in_line) = (end, false),
            State::Before => {
                let flow = line::flow_mapping(line);
                (self.state, self.from) = (State::Document, start);
                if let Some(offset) = flow {
                    self.begin_flow(Part::Document, start + offset as u64);
                }
            }
            State::Document | State::BeforeItems | State::Shell if marker.is_some() => {
                return Some(self.finish(start, State::Before));
            }
            State::Rest if marker.is_some() => return Some(self.finish_rest(start)),
            State::Document if self.large.is_none() && self.is_plain(self.from) => {
                let is_whole = !self.is_in_line;
                match line::behind_items(line) {
                    Some(b"") if is_whole => self.state = State::BeforeItems,
                    Some(behind @ [b'[', ..]) if behind.trim_ascii_end() != b"[]" => {
                        let at = end - behind.len() as u64;
                        return Some(self.begin_items(at));
                    }
                    _ => {}
                }
            }
            State::BeforeItems => {
                let indent = line.iter().take_while(|byte| **byte == b' ').count();
                if self.large.is_none() && line::is_item(line, indent) {
                    self.begin_shell(start);
                    self.state = State::Item(indent);
                    return Some(Cut::List);
                }
                if !is_bare {
                    self.state = State::Document;
                }
            }
            State::Item(indent) if marker.is_none() && line::is_item(line, indent) => {
                if start > self.from {
                    return Some(self.finish(start, self.state));
                }
            }
            State::Item(_) if marker.is_some() || !(is_bare || line.starts_with(b" ")) => {
                return Some(self.finish(start, State::Shell));
            }
            State::Document | State::Item(_) | State::Shell | State::Rest | State::Flow(_) => {}
        }
        None
    }

    fn finish_item(&mut self, at: u64) -> Cut {
        self.indent = None;
        self.piece = (self.from, at);
        let size = usize::try_from(at - self.from).unwrap_or(usize::MAX);
        if size > MAX_OBJECT { Cut::TooLarge(size) } else { Cut::Piece }
    }

    /// What is being cut ends here, and so does the next state's line before.
    fn finish(&mut self, at: u64, next: State) -> Cut {
        let cut = if self.state == State::Shell {
            self.shell_to(at);
            Cut::ListEnd
        } else {
            let indent = self.state.indent();
            let cut = self.finish_item(at);
            self.indent = indent;
            cut
        };
        (self.state, self.from, self.next, self.is_in_line) = (next, at, at, false);
        cut
    }

    fn at_end(&mut self) -> Option<Cut> {
        let end = self.window.end();
        match self.state {
            State::Before => None,
            State::Document | State::BeforeItems | State::Shell => Some(self.finish(end, State::Before)),
            State::Item(_) => Some(self.finish(end, State::Shell)),
            State::Rest | State::Flow(_) => Some(self.finish_rest(end)),
        }
    }

    fn begin_shell(&mut self, to: u64) {
        self.piece = (self.from, to);
        self.shell.clear();
        self.shell_size = 0;
        self.shell_to(to);
    }

    fn shell_to(&mut self, to: u64) {
        self.shell_size += to - self.from;
        if self.shell_size <= MAX_OBJECT as u64 {
            self.shell.extend_from_slice(self.window.between(self.from, to));
        }
        self.from = to;
    }

    /// Whether the document that starts here has its keys in the first column.
    fn is_plain(&self, start: u64) -> bool {
        self.window.from(start).first().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"\"'".contains(byte))
    }

    fn look_at(&self, from: u64, to: u64, indent: Option<usize>) -> Look {
        let text = self.window.between(from, to);
        match indent {
            None => look(text, 0),
            Some(indent) => text.get(indent + 1..).map_or(Look::Unclear, |text| look(text, indent + 1)),
        }
    }
}

impl State {
    fn indent(self) -> Option<usize> {
        match self {
            Self::Item(indent) => Some(indent),
            _ => None,
        }
    }
}

impl Cutter for YamlCutter<'_> {
    fn next(&mut self) -> io::Result<Option<Cut>> {
        self.large = None;
        loop {
            let cut = if let State::Flow(part) = self.state {
                let token = self.flow.next(self.window.from(self.flow.position()), self.at_end);
                self.next = self.flow.position();
                match token {
                    Some(token) => self.at_token(part, token),
                    None if self.at_end => self.end_flow(part, true),
                    None => {
                        self.read_on()?;
                        None
                    }
                }
            } else {
                match self.border()? {
                    Some((start, end)) => self.at_border(start, end),
                    None => return Ok(self.at_end()),
                }
            };
            if cut.is_some() {
                return Ok(cut);
            }
        }
    }

    fn look(&self) -> Look {
        match &self.large {
            Some((_, look)) => look.clone(),
            None => self.look_at(self.piece.0, self.piece.1, self.indent),
        }
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
        if self.shell_size > MAX_OBJECT as u64 {
            return Err(Flaw::TooLarge(usize::try_from(self.shell_size).unwrap_or(usize::MAX)));
        }
        let mut shell = Cow::from(&self.shell);
        if self.state == State::Flow(Part::Items) {
            // The list has just begun.
            let end: &[u8] = if self.items_depth == 1 { b"]" } else { b"]}" };
            shell.to_mut().extend_from_slice(end);
        }
        match Self::read(&shell) {
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
        // Of a piece only its lines are known.
        1
    }

    fn rest(&mut self, _: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        Ok(())
    }
}
