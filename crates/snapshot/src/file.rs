//! The file being read: what its name, its place and its first words say.

use std::sync::Arc;

use crate::{
    bytes,
    object::Origin,
    path::{ResourcePath, resource_path},
    text,
};

/// The file being read.
#[derive(Clone)]
pub(crate) struct File {
    /// Inside an archive it is `ARCHIVE!/MEMBER`.
    pub(crate) path: Arc<str>,
    /// What of the path is the archive, as the user can open it.
    archive: Option<Arc<str>>,
    pub(crate) place: Option<ResourcePath>,
    /// Whether a Kubernetes document belongs there: by its name, its place, or how it begins.
    pub(crate) is_document: bool,
}

impl File {
    pub(crate) fn new(path: &str, archive: Option<&Arc<str>>) -> Self {
        let place = resource_path(path);
        let is_document = place.is_some() || bytes::is_named_as_document(path);
        Self { path: path.into(), archive: archive.cloned(), place, is_document }
    }

    /// How the file begins may say more.
    pub(crate) fn begins(&mut self, text: &str) {
        self.is_document |= text::begins_as_document(text);
    }

    pub(crate) fn is_member(&self) -> bool {
        self.archive.is_some()
    }

    /// Where something is, as the user can find it.
    pub(crate) fn origin(&self, line: usize) -> Origin {
        let member = self.archive.as_ref().and_then(|archive| self.path.strip_prefix(&**archive)?.strip_prefix("!/"));
        match (&self.archive, member) {
            (Some(archive), Some(member)) => Origin { path: archive.clone(), member: Some(member.into()), line },
            _ => Origin { path: self.path.clone(), member: None, line },
        }
    }
}
