//! Why something of a source was not taken. No reason quotes the content of an object.

use std::io;

/// The largest object that is kept, in bytes of JSON: the API server itself takes 3 MiB.
pub const MAX_OBJECT: usize = if cfg!(fuzzing) { 12 << 10 } else { 16 << 20 };

/// So many bytes of a file are held in memory where nothing says where an object of it ends, or what it is.
pub const MAX_UNBOUNDED: u64 = if cfg!(fuzzing) { 48 << 10 } else { 64 << 20 };

/// A zip file that comes as a stream is held in memory, as its end says what is in it: so many bytes of one.
pub const MAX_ZIP_STREAM: u64 = 256 << 20;

/// Members of an archive that held something are remembered, as a link may lead to them: so many bytes of them, of
/// those that are small.
pub const MAX_KEPT: usize = if cfg!(fuzzing) { 4 << 10 } else { 8 << 20 };

/// The deepest nesting of an object that is kept, in levels: so much `serde_json` parses, and whoever
/// is handed the object need not do better.
pub const MAX_DEPTH: usize = 127;

const NAME_IT: &str = "name that place as a source of its own";
const UNPACK: &str = "unpack it, and check the folder";
const UNPACK_ARCHIVE: &str = "unpack the archive, and check the folder";
const UNPACK_OUTER: &str = "unpack the one that it is in, and check the folder";
const CONVERT: &str = "convert it to UTF-8";
const SAVE_FILE: &str = "save it as a file";
const SAVE_OBJECT: &str = "save the object itself";

/// Why a file, a document or an object was skipped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The source cannot be read, in the words of the operating system.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// An API server did not list it, and why.
    #[error("was not listed: {0}")]
    NotListed(String),
    /// A link to a place outside its source, where nothing is to be read that the user did not name.
    #[error("is a link to a place outside the source: {NAME_IT}")]
    LinkOut,
    /// A link to a folder above it, or to one that was read already.
    #[error("is a link to a folder that is read by another name")]
    LinkCycle,
    /// A link to a place that is not there.
    #[error("is a link that leads nowhere")]
    LinkNowhere,
    /// A link to a member of its archive that is not remembered ([`MAX_KEPT`]).
    #[error("is a link to a member that cannot be read a second time: {UNPACK_ARCHIVE}")]
    LinkUnkept,
    /// A pipe, a device, or a member of an archive that is none of the kinds that are read.
    #[error("is no plain file")]
    NoFile,
    /// UTF-16, and more than [`MAX_UNBOUNDED`] of it.
    #[error("is UTF-16 text of more than {MAX_UNBOUNDED} bytes: {CONVERT}")]
    Utf16,
    /// A list in a stream whose items leave their type to it, and come before it says it.
    #[error("has more than {MAX_UNBOUNDED} bytes of items before the kind of their list: {SAVE_FILE}")]
    Unbounded,
    /// An archive in an archive in an archive.
    #[error("is an archive two levels deep, which is not opened: {UNPACK_OUTER}")]
    Unopened,
    /// An archive of a kind that is not read, or a part of one, or an encrypted file: which kind.
    #[error("is {0}, which is not read: {UNPACK}")]
    Foreign(&'static str),
    /// A zip file with bytes that belong to none of its members.
    #[error("holds bytes that its directory does not account for, in which other programs may find more files")]
    Unaccounted,
    /// A member of a zip file, by the directory and by its own header.
    #[error("is described in two ways by its archive: other programs may read it differently")]
    TwoHeaders,
    /// A zip file in a stream, of more than [`MAX_ZIP_STREAM`].
    #[error("is a zip file of more than {MAX_ZIP_STREAM} bytes, whose end has to be read first: {SAVE_FILE}")]
    ZipStream,
    /// An archive whose rest cannot be read, and why.
    #[error("cannot be read to its end: {0}")]
    Archive(String),
    /// Something else than its name says.
    #[error("is named as an archive, and is none")]
    NoArchive,
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// Bytes that are no text.
    #[error("is not UTF-8 text")]
    NotText,
    /// A syntax error at the origin's line.
    #[error("is not valid {format} (column {column})")]
    Syntax {
        /// `JSON` or `YAML`.
        format: &'static str,
        /// From 1.
        column: usize,
    },
    /// The text ends inside a document.
    #[error("ends too early: the {format} is cut off")]
    Truncated {
        /// `JSON` or `YAML`.
        format: &'static str,
    },
    /// A key that is there twice: which value counts is anybody's guess.
    #[error("has a duplicate key")]
    DuplicateKey,
    /// Deeper than [`MAX_DEPTH`].
    #[error("is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// Larger than [`MAX_OBJECT`].
    #[error("has {0} bytes, more than the {MAX_OBJECT} that an object may have")]
    TooLarge(usize),
    /// Aliases that expand beyond measure, or more nodes than the text could hold.
    #[error("needs more memory than its size allows: too many aliases or nodes")]
    TooCostly,
    /// A document, but none of Kubernetes.
    #[error("is not a Kubernetes object: expected a mapping with apiVersion and kind")]
    NotAnObject,
    /// A file where objects of a kind belong, without one.
    #[error("holds no object of the kind that belongs there")]
    NothingOfKind,
    /// A list without items.
    #[error("is a list without items")]
    NoItems,
    /// A list that is not the whole one.
    #[error("is not a whole list: {0}")]
    PartialList(&'static str),
    /// `PartialObjectMetadata`, which does not say of which kind it is.
    #[error("has only the metadata of an object, and not its kind")]
    OnlyMetadata,
    /// An object of a wanted kind in a document of a form that is not known.
    #[error("holds an object that policies look at inside another document: {SAVE_OBJECT}")]
    Nested,
    /// `metadata.name` is missing, or it, `namespace`, `uid` or `resourceVersion` is no string (`010`
    /// and `no` want quotes in YAML).
    #[error("has no metadata.{0} that is a string; a number needs quotes in YAML")]
    NoString(&'static str),
    /// The kind is wanted, but not in this version.
    #[error("is of apiVersion {0}, which no policy knows")]
    OtherVersion(String),
}

impl Flaw {
    /// How to have it read all the same, in the words of the message; `None` where it has to be mended, or collected again.
    #[must_use]
    pub fn step(&self) -> Option<&'static str> {
        match self {
            Self::LinkOut => Some(NAME_IT),
            Self::LinkUnkept => Some(UNPACK_ARCHIVE),
            Self::Utf16 => Some(CONVERT),
            Self::Unbounded | Self::ZipStream => Some(SAVE_FILE),
            Self::Unopened => Some(UNPACK_OUTER),
            Self::Foreign(_) => Some(UNPACK),
            Self::Nested => Some(SAVE_OBJECT),
            _ => None,
        }
    }
}

/// A limit of ours that was met, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Limit(String);

pub(crate) fn limit(words: impl Into<String>) -> io::Error {
    io::Error::other(Limit(words.into()))
}

/// An error in words: those of the system and of our own limits. What a decoder says of hostile bytes is not for
/// people.
pub(crate) fn words(error: &io::Error) -> String {
    let is_limit = error.get_ref().is_some_and(|inner| inner.is::<Limit>());
    match error.kind() {
        _ if is_limit || error.raw_os_error().is_some() => upgrade_gate_core::shorten(&error.to_string(), 100),
        io::ErrorKind::Other => "it is corrupt".into(),
        kind => kind.to_string(),
    }
}
