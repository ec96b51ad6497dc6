//! Why something of a source was not taken. No reason quotes the content of an object.

/// The largest object that is kept, in bytes of JSON: the API server itself takes 3 MiB.
pub const MAX_OBJECT: usize = 16 << 20;

/// The largest file that is read, in bytes: it is held in memory as a whole.
pub const MAX_FILE: u64 = 512 << 20;

/// The deepest nesting of an object that is kept, in levels: so much `serde_json` parses, and whoever
/// is handed the object need not do better.
pub const MAX_DEPTH: usize = 127;

/// Why a file, a document or an object was skipped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The source cannot be read, in the words of the operating system.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A link to a place outside its source, where nothing is to be read that the user did not name.
    #[error("is a link to a place outside the source: name that place as a source of its own")]
    LinkOut,
    /// A link to a folder above it, or to one that was read already.
    #[error("is a link to a folder that is read by another name")]
    LinkCycle,
    /// Larger than [`MAX_FILE`].
    #[error("has more than {MAX_FILE} bytes: split it by kind, as `kubectl get --raw` writes it")]
    FileTooLarge,
    /// A zip file, or an archive in an archive.
    #[error("is an archive that is not opened: unpack it, and check the folder")]
    Unopened,
    /// An archive whose rest cannot be read, and why.
    #[error("cannot be read to its end: {0}")]
    Archive(String),
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
    /// `metadata.name` is missing, or it, `namespace`, `uid` or `resourceVersion` is no string (`010`
    /// and `no` want quotes in YAML).
    #[error("has no metadata.{0} that is a string; a number needs quotes in YAML")]
    NoString(&'static str),
    /// The kind is wanted, but not in this version.
    #[error("is of apiVersion {0}, which no policy knows")]
    OtherVersion(String),
}
