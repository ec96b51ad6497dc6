//! The file being read: what its name, its place and its first words say.

use std::sync::Arc;

use crate::{
    bytes,
    object::Origin,
    packed::unpacked_name,
    path::{ResourcePath, may_hold, resource_path},
    text,
    wanted::Wanted,
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
        let unpacked = unpacked(path);
        let place = resource_path(unpacked);
        let is_document = place.is_some() || bytes::is_named_as_document(unpacked);
        Self { path: path.into(), archive: archive.cloned(), place, is_document }
    }

    /// How the file begins may say more.
    pub(crate) fn begins(&mut self, text: &str) {
        self.is_document |= text::begins_as_document(text);
    }

    /// Whether what is lost of it may have been an object that decides.
    pub(crate) fn matters(&self, wanted: &Wanted) -> bool {
        self.place.as_ref().map_or(self.is_document, |place| wanted.needs(&place.resource))
    }

    /// The same of what may have been a folder.
    pub(crate) fn matters_as_folder(&self, wanted: &Wanted) -> bool {
        may_hold(&self.path, |resource| wanted.needs(resource))
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

/// Where a file that is packed alone lies once it is unpacked: `nm.yaml.gz`, and what is in it, which is called
/// `nm.yaml.gz!/nm.yaml`, lie at `nm.yaml`. It need not be named as packed.
pub(crate) fn unpacked(path: &str) -> &str {
    let inside = path.rsplit_once("!/").and_then(|(packed, name)| {
        let stem = unpacked_name(packed).unwrap_or(packed);
        (stem.rsplit('/').next() == Some(name)).then_some(stem)
    });
    let path = inside.unwrap_or(path);
    unpacked_name(path).unwrap_or(path)
}
