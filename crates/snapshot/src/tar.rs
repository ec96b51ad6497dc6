//! The members of a tar file, read as a stream.

use std::{
    cell::Cell,
    io::{self, Read},
    sync::Arc,
};

use ::tar::{Entry, EntryType, Header, PaxExtensions};

use crate::{
    archive::Archive,
    bytes::{self, HEAD},
    flaw::limit,
    packed::within_limits,
    progress::Progress,
};

/// Maximum number of bytes of headers and padding between two members, which are held in memory; what is beyond is not
/// read. Long names are headers, too.
const MAX_HEADER: u64 = if cfg!(fuzzing) { 16 << 10 } else { 16 << 20 };

/// tar's mark, and where it is.
///
/// Source: POSIX.1 ustar.
const MAGIC: (usize, &[u8]) = (257, b"ustar");

/// The size of everything is a multiple of it, in bytes.
const BLOCK: u64 = 512;

/// What a key of a pax header begins with that changes where a file is, or what is in it.
///
/// Sources: POSIX.1 pax; GNU tar 1.35 "Storing Sparse Files".
const DECISIVE: [&str; 4] = ["path", "linkpath", "size", SPARSE];
const SPARSE: &str = "GNU.sparse.";

/// Whether a file begins as a tar file does: one of before POSIX has no mark, but its checksum fits.
pub(crate) fn is_tar(head: &[u8]) -> bool {
    let (offset, magic) = MAGIC;
    let is_marked = head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    is_marked || head.first_chunk().is_some_and(|block| block.first() != Some(&0) && fits(block))
}

fn fits(block: &[u8; BLOCK as usize]) -> bool {
    let header = Header::from_byte_slice(block);
    let checksum = 148..156;
    let bytes = block.iter().enumerate().map(|(at, byte)| if checksum.contains(&at) { b' ' } else { *byte });
    header.cksum().is_ok_and(|found| found == bytes.map(u32::from).sum::<u32>())
}

impl Archive<'_> {
    pub(crate) fn tar(&mut self, reader: &mut dyn Read) {
        let place = Place::default();
        place.budget.set(MAX_HEADER);
        let metered = Metered { inner: reader, place: &place, progress: self.progress() };
        let mut tar = ::tar::Archive::new(metered);
        // What `cat` puts together is several archives.
        tar.set_ignore_zeros(true);
        let mut outcome = self.tar_members(&mut tar, &place);
        self.finish();
        // The mark of the end is two blocks of zeros, and some programs write one.
        if outcome.is_ok() && place.zeros.get() < BLOCK {
            outcome = Err(limit("it ends without the mark of its end"));
        }
        if let Err(error) = outcome {
            self.broken(&error, true);
        }
    }

    fn tar_members(&mut self, tar: &mut ::tar::Archive<Metered<'_>>, place: &Place) -> io::Result<()> {
        for entry in tar.entries()? {
            let mut entry = entry?;
            self.count_member()?;
            place.budget.set(u64::MAX);
            self.tar_member(&mut entry)?;
            // Of a log only the beginning is read; the next header comes after its end.
            io::copy(&mut entry, &mut io::sink())?;
            place.budget.set(MAX_HEADER);
            place.next_header();
        }
        Ok(())
    }

    fn tar_member(&mut self, entry: &mut Entry<'_, Metered<'_>>) -> io::Result<()> {
        let name = bytes::legible(&entry.path_bytes()).into_owned();
        let (kind, size) = (entry.header().entry_type(), entry.size());
        match kind {
            EntryType::GNUSparse => {
                // Holes take no place in the archive.
                within_limits(size, entry.header().entry_size()?)?;
                self.budget.hold(size)?;
            }
            EntryType::XGlobalHeader => {
                if !says_little(entry)? {
                    self.no_file(&name, &[], true);
                }
                return Ok(());
            }
            _ => {}
        }
        // Its content begins with where its parts belong, which is not read.
        if let Some(name) = sparse_name(entry)? {
            let begun = head(entry)?;
            self.no_file(&name, &begun, false);
            return Ok(());
        }
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {}
            EntryType::Directory => self.links.folder(&name),
            EntryType::Symlink | EntryType::Link => {
                let target = entry.link_name_bytes().unwrap_or_default();
                self.link(&name, &bytes::legible(&target), kind == EntryType::Symlink);
            }
            _ => {
                // Part of a file that begins in another archive, and what says something of the next member.
                let is_of_others = b"MXxLK".contains(&kind.as_byte());
                let begun = head(entry)?;
                self.no_file(&name, &begun, is_of_others);
                return Ok(());
            }
        }
        let is_file = !matches!(kind, EntryType::Directory | EntryType::Symlink | EntryType::Link);
        // Some programs write the content of links, too.
        if is_file || size > 0 { self.member(&name, size, entry).map_err(|(error, _)| error) } else { Ok(()) }
    }
}

fn head(entry: &mut Entry<'_, Metered<'_>>) -> io::Result<Vec<u8>> {
    let mut begun = Vec::new();
    entry.take(HEAD as u64).read_to_end(&mut begun)?;
    Ok(begun)
}

/// Whether a header of all members that follow leaves them where they are.
fn says_little(entry: &mut Entry<'_, Metered<'_>>) -> io::Result<bool> {
    let mut content = Vec::new();
    entry.take(MAX_HEADER).read_to_end(&mut content)?;
    let decisive = |key: &str| DECISIVE.iter().any(|word| key.starts_with(word));
    Ok(PaxExtensions::new(&content).all(|record| record.is_ok_and(|record| !record.key().is_ok_and(decisive))))
}

/// What a sparse file is called that is stored as pax has it.
fn sparse_name(entry: &mut Entry<'_, Metered<'_>>) -> io::Result<Option<String>> {
    let mut name = bytes::legible(&entry.path_bytes()).into_owned();
    let mut is_sparse = false;
    // What is broken in it says nothing of the file.
    for record in entry.pax_extensions()?.into_iter().flatten().filter_map(Result::ok) {
        let key = record.key().unwrap_or_default();
        is_sparse |= key.starts_with(SPARSE);
        if key == "GNU.sparse.name" {
            name = bytes::legible(record.value_bytes()).into_owned();
        }
    }
    Ok(is_sparse.then_some(name))
}

/// How far a stream was read.
#[derive(Default)]
struct Place {
    /// From the start.
    offset: Cell<u64>,
    /// How many bytes may be read.
    budget: Cell<u64>,
    /// Where the next header is.
    header: Cell<u64>,
    /// How many of the last bytes that were read from there on are zeros: content may be zeros, too.
    zeros: Cell<u64>,
}

impl Place {
    /// All content of a member was read.
    fn next_header(&self) {
        self.header.set(self.offset.get().next_multiple_of(BLOCK));
        self.zeros.set(0);
    }

    fn pass(&self, bytes: &[u8]) {
        let skipped = usize::try_from(self.header.get().saturating_sub(self.offset.get())).unwrap_or(usize::MAX);
        self.offset.set(self.offset.get() + bytes.len() as u64);
        let bytes = bytes.get(skipped..).unwrap_or_default();
        let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
        self.zeros.set(if zeros == bytes.len() { self.zeros.get() + zeros as u64 } else { zeros as u64 });
    }
}

/// Reads no more than it may at once.
struct Metered<'r> {
    inner: &'r mut dyn Read,
    place: &'r Place,
    progress: Option<Arc<Progress>>,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(progress) = &self.progress {
            progress.add_bytes(read);
        }
        self.place.pass(buffer.get(..read).unwrap_or_default());
        match self.place.budget.get().checked_sub(read as u64) {
            Some(left) => {
                self.place.budget.set(left);
                Ok(read)
            }
            None => Err(limit(format!("it has a header of more than {MAX_HEADER} bytes"))),
        }
    }
}
