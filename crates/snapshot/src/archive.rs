//! Archives, read as streams and never unpacked to disk. The names of members show to people what came from
//! where; nothing is opened by them, so they may be what they like.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

use tar::EntryType;

use crate::{
    builder::Builder,
    bytes::{self, HEAD},
    file::File,
    flaw::Flaw,
    object::Origin,
    packed::Packing,
    text,
};

/// An archive may have so many members.
pub const MAX_MEMBERS: usize = 5_000_000;

/// Between two members of a tar file there may be so many bytes of headers and padding, which are held in
/// memory: long names are headers, too.
const MAX_HEADER: u64 = 16 << 20;

/// tar's mark, and where it is.
///
/// Source: POSIX.1 ustar.
const TAR: (usize, &[u8]) = (257, b"ustar");

pub(crate) fn is_tar(head: &[u8]) -> bool {
    let (offset, magic) = TAR;
    head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
}

impl Builder {
    /// Reads what is in a packed file or an archive of the name `path`; false where it is neither.
    pub(crate) fn open(&mut self, path: &str, head: &[u8], rest: &mut dyn Read) -> bool {
        let whole: &mut dyn Read = &mut head.chain(rest);
        if is_tar(head) {
            self.members(path, whole);
        } else if let Some(packing) = Packing::of(head) {
            self.unpack(path, &mut *packing.unpack(whole));
        } else {
            return false;
        }
        true
    }

    /// A packed tar file, or a file that is packed alone.
    fn unpack(&mut self, path: &str, inflated: &mut dyn Read) {
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = [".gz", ".zst", ".xz"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let mut head = Vec::new();
        match inflated.take(HEAD).read_to_end(&mut head) {
            _ if is_tar(&head) => self.members(path, &mut head.chain(inflated)),
            Ok(_) => {
                self.archive = Some(path.into());
                self.read_file(&self.path_of(name), &mut head.chain(inflated));
                self.archive = None;
            }
            Err(error) => {
                // A log that is packed and cut off is a broken log.
                let named =
                    bytes::is_named_as_document(name) || [".tar", ".tgz", ".txz"].iter().any(|end| name.ends_with(end));
                self.broken_archive(path, &error, named || text::begins_as_document(&String::from_utf8_lossy(&head)));
            }
        }
    }

    fn members(&mut self, path: &str, reader: &mut dyn Read) {
        let budget = Rc::new(Cell::new(MAX_HEADER));
        let mut archive = tar::Archive::new(Metered { inner: reader, budget: budget.clone() });
        // What `cat` puts together is several archives.
        archive.set_ignore_zeros(true);
        self.archive = Some(path.into());
        let outcome = self.tar(&mut archive, &budget);
        self.archive = None;
        if let Err(error) = outcome {
            self.broken_archive(path, &error, true);
        }
    }

    fn tar(&mut self, archive: &mut tar::Archive<Metered<'_>>, budget: &Cell<u64>) -> io::Result<()> {
        let mut count = 0;
        for entry in archive.entries()? {
            let mut entry = entry?;
            count += 1;
            if count > MAX_MEMBERS {
                return Err(io::Error::other(format!("it has more than {MAX_MEMBERS} members")));
            }
            budget.set(u64::MAX);
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = name.strip_prefix("./").unwrap_or(&name);
            let path = self.path_of(name);
            match entry.header().entry_type() {
                EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => self.read_file(&path, &mut entry),
                EntryType::Symlink | EntryType::Link => {
                    let target = entry.link_name_bytes().unwrap_or_default();
                    // A target inside is a member of its own.
                    if leads_out(name, &String::from_utf8_lossy(&target)) {
                        self.link(&path, Flaw::LinkOut);
                    }
                }
                _ => {}
            }
            // Of a log only the beginning is read; the next header comes after its end.
            io::copy(&mut entry, &mut io::sink())?;
            budget.set(MAX_HEADER);
        }
        Ok(())
    }

    fn broken_archive(&mut self, path: &str, error: &io::Error, matters: bool) {
        // The words of our own limits; what a decoder says of hostile bytes is not for people.
        let why = match error.kind() {
            io::ErrorKind::Other => error.to_string(),
            kind => kind.to_string(),
        };
        let flaw = Flaw::Archive(upgrade_gate_core::shorten(&why, 100));
        self.skip(&File::new(path, None, ""), 0, flaw, matters);
    }

    /// Inside, a member has the path `ARCHIVE!/MEMBER`.
    fn path_of(&self, member: &str) -> String {
        format!("{}!/{member}", self.archive.as_deref().unwrap_or_default())
    }

    /// Where something is, as the user can find it.
    pub(crate) fn origin(&self, file: &File<'_>, line: usize) -> Origin {
        let member = self.archive.as_ref().and_then(|archive| file.path.strip_prefix(&**archive)?.strip_prefix("!/"));
        match (&self.archive, member) {
            (Some(archive), Some(member)) => Origin { path: archive.clone(), member: Some(member.into()), line },
            _ => Origin { path: file.path.clone(), member: None, line },
        }
    }
}

/// Whether a link leads out of the archive that it is in.
fn leads_out(name: &str, target: &str) -> bool {
    let mut depth = name.split('/').count().saturating_sub(1);
    for part in target.split('/') {
        match part {
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            "" | "." => {}
            _ => depth += 1,
        }
    }
    target.starts_with('/')
}

/// Reads no more than it may at once.
struct Metered<'r> {
    inner: &'r mut dyn Read,
    budget: Rc<Cell<u64>>,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.budget.get().checked_sub(read as u64) {
            Some(left) => {
                self.budget.set(left);
                Ok(read)
            }
            None => Err(io::Error::other(format!("it has a header of more than {MAX_HEADER} bytes"))),
        }
    }
}
