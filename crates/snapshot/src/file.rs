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

/// Maximum number of packings of one file that are looked through: what is packed deeper is not opened.
const MAX_PACKED: usize = 8;

/// Where a file that is packed alone lies once it is unpacked: `nm.yaml.gz`, and what is in it, which is called
/// `nm.yaml.gz!/nm.yaml`, lie at `nm.yaml`. It need not be named as packed, and may be packed several times.
pub(crate) fn unpacked(mut path: &str) -> &str {
    let outer = |path: &str| {
        let inside = path.rsplit_once("!/").and_then(|(packed, name)| {
            let stem = unpacked_name(packed).unwrap_or(packed);
            (stem.rsplit('/').next() == Some(name)).then_some(stem)
        });
        inside.or_else(|| unpacked_name(path)).map(str::len)
    };
    // Each is the beginning of the one before.
    for _ in 0..MAX_PACKED {
        let Some(stem) = outer(path).and_then(|length| path.get(..length)) else { break };
        path = stem;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lies_where_it_is_unpacked() {
        let cases = [
            ("a/nm.yaml", "a/nm.yaml"),
            ("a/nm.yaml.gz", "a/nm.yaml"),
            ("a/nm.yaml.gz!/nm.yaml", "a/nm.yaml"),
            ("a/nm.yaml!/nm.yaml", "a/nm.yaml"),
            ("a/nm.yaml.gz.xz", "a/nm.yaml"),
            ("a/nm.yaml.gz!/nm.yaml!/nm.yaml", "a/nm.yaml"),
            ("x.tar!/a/nm.yaml.gz!/nm.yaml", "x.tar!/a/nm.yaml"),
            ("x.tar!/a/nm.yaml", "x.tar!/a/nm.yaml"),
            ("x.tar.gz!/x.tar/nm.yaml", "x.tar.gz!/x.tar/nm.yaml"),
        ];
        for (path, expected) in cases {
            assert_eq!(unpacked(path), expected, "{path}");
        }
    }
}
