//! Cutting a stream into documents and lists into items, without building any of them.

use std::{borrow::Cow, io};

use crate::{flaw::Flaw, wanted::Kind};

mod flow;
pub(crate) mod json;
mod line;
mod look;
pub(crate) mod yaml;

/// What comes next in a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A document, or an item of the list that has begun.
    Piece,
    /// A piece that is larger than an object may be, in bytes. Its text is not there.
    TooLarge(usize),
    /// A list begins: what follows are its items.
    List,
    /// An item of the list is no object.
    NoObject,
    /// The list ends.
    ListEnd,
    /// Nothing that follows can be read.
    Broken(Flaw),
}

/// What a look at a piece says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It has this apiVersion and this kind.
    Kind(Kind),
    /// It does not say what it is.
    Untyped,
    /// It has to be read.
    Unclear,
}

/// A stream of documents in one syntax.
pub(crate) trait Cutter {
    /// Cuts off what comes next; `None` at the end of the stream.
    ///
    /// # Errors
    /// Those of the stream.
    fn next(&mut self) -> io::Result<Option<Cut>>;

    /// What a look at a piece says, without reading it.
    fn look(&self) -> Look;

    /// The text of a piece; behind a break, how it begins.
    fn text(&self) -> Cow<'_, [u8]>;

    /// Reads the text of a piece.
    ///
    /// # Errors
    /// Its flaw, and the lines between its start and the flaw.
    fn read(text: &[u8]) -> Result<Document<'_>, (Flaw, usize)>;

    /// As JSON, the list without its items, of which before its end only the beginning is known.
    ///
    /// # Errors
    /// Its flaw.
    fn shell(&self) -> Result<String, Flaw>;

    /// The line of what was cut off last, from 1.
    fn line(&mut self) -> usize;

    /// The column of it, in bytes, from 1.
    fn column(&self) -> usize;

    /// What comes after a break, in parts.
    ///
    /// # Errors
    /// Those of the stream.
    fn rest(&mut self, see: &mut dyn FnMut(&[u8])) -> io::Result<()>;
}

/// A piece as JSON.
pub(crate) enum Document<'t> {
    /// An object, perhaps a list that was not cut, or anything else, or no JSON at all.
    Value(Cow<'t, str>),
    /// A list that was not cut, in a syntax in which items have lines of their own: counted from its start.
    List { head: String, items: Vec<(usize, String)> },
}
