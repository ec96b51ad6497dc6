//! The file being read: what its name, its place and its first words say.

use std::sync::Arc;

use crate::{bytes, path::ResourcePath, text};

/// The file being read.
pub(crate) struct File<'a> {
    pub(crate) path: Arc<str>,
    pub(crate) place: Option<ResourcePath>,
    pub(crate) text: &'a str,
    /// Whether a Kubernetes document belongs there: by its name, its place, or how it begins.
    pub(crate) is_document: bool,
}

impl<'a> File<'a> {
    pub(crate) fn new(path: &str, place: Option<ResourcePath>, text: &'a str) -> Self {
        let is_document = place.is_some() || bytes::is_named_as_document(path) || text::begins_as_document(text);
        Self { path: path.into(), place, text, is_document }
    }
}
