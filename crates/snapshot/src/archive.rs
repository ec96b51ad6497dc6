//! Archives, read as streams and never unpacked to disk. The names of members show to people what came from
//! where; nothing is opened by them, so they may be what they like.

use std::{
    cell::Cell,
    io::{self, Read, Seek},
    mem,
    rc::Rc,
    sync::Arc,
};

use rawzip::ReaderAt;
use rayon::prelude::*;
use tar::EntryType;

use crate::{
    ahead::{Failed, ahead},
    builder::Builder,
    bytes::{self, HEAD},
    contents::{self, Contents, Lists, Reading, Stream},
    file::File,
    flaw::{Flaw, MAX_ZIP_STREAM, limit, words},
    packed::{Packing, within_limits},
    progress::Progress,
    text,
    zip::{self, MemberKind, SeekAt},
};

/// An archive may have so many members.
pub const MAX_MEMBERS: usize = 5_000_000;

/// Between two members of a tar file there may be so many bytes of headers and padding, which are held in
/// memory: long names are headers, too.
const MAX_HEADER: u64 = if cfg!(fuzzing) { 16 << 10 } else { 16 << 20 };

/// tar's mark, and where it is.
///
/// Source: POSIX.1 ustar.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// A tar file ends with blocks of zeros, some with one. What ends without was cut off between two members.
const END: u64 = 512;

pub(crate) fn is_tar(head: &[u8]) -> bool {
    let (offset, magic) = TAR;
    head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
}

/// So many small members are held in memory, to be read on all cores.
const MAX_BATCH: (usize, u64) = if cfg!(fuzzing) { (3, 4 << 10) } else { (1_000, 8 << 20) };

/// A member that is larger is read as it comes.
const MAX_SMALL: u64 = if cfg!(fuzzing) { 2 << 10 } else { 1 << 20 };

/// So much room is made for a member at once, whatever size it says it has.
const MAX_ROOM: u64 = 128 << 10;

/// An archive from its first byte on.
pub(crate) enum Whole<'r> {
    File(&'r mut dyn ReadSeek),
    Stream(&'r mut (dyn Read + Send)),
}

pub(crate) trait ReadSeek: Read + Seek + Send {}

impl<R: Read + Seek + Send> ReadSeek for R {}

/// The archive that is being read.
struct Archive<'b> {
    builder: &'b mut Builder,
    /// As the user can open it.
    path: Arc<str>,
    /// Members that wait to be read.
    batch: Vec<(File, Vec<u8>)>,
    batch_bytes: u64,
}

impl Builder {
    /// Reads what is in a packed file or an archive of the name `path`, which begins with `head`.
    pub(crate) fn open(&mut self, path: &str, head: &[u8], whole: Whole<'_>) {
        let mut archive = Archive { builder: self, path: path.into(), batch: Vec::new(), batch_bytes: 0 };
        let stream: &mut (dyn Read + Send) = match whole {
            Whole::File(file) if zip::is_zip(head) => return archive.zip_file(file),
            Whole::File(file) => file,
            Whole::Stream(stream) if zip::is_zip(head) => return archive.zip_stream(stream),
            Whole::Stream(stream) => stream,
        };
        match Packing::of(head) {
            Some(packing) => ahead(packing.unpack(stream), |inflated| archive.unpack(inflated)),
            None => ahead(stream, |tar| archive.members(tar)),
        }
    }
}

impl Archive<'_> {
    /// A packed tar file, or a file that is packed alone.
    fn unpack(&mut self, inflated: &mut dyn Read) {
        let path = self.path.clone();
        let name = path.rsplit('/').next().unwrap_or(&path);
        let name = [".gz", ".zst", ".xz"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let mut head = Vec::new();
        match inflated.take(HEAD as u64).read_to_end(&mut head) {
            Ok(_) if is_tar(&head) => self.members(&mut head.as_slice().chain(inflated)),
            // Small, and broken at its end.
            Err(error) if is_tar(&head) => self.members(&mut head.as_slice().chain(Failed(Some(error)))),
            Ok(_) => self.read(name, head, inflated),
            Err(error) => {
                // A log that is packed and cut off is a broken log.
                let named = bytes::is_named_as_document(name) || bytes::is_named_as_archive(&path);
                self.broken(&error, named || text::begins_as_document(&bytes::legible(&head)));
            }
        }
    }

    fn members(&mut self, reader: &mut dyn Read) {
        let budget = Rc::new(Cell::new(MAX_HEADER));
        let metered = Metered { inner: reader, budget: budget.clone(), progress: self.builder.progress(), zeros: 0 };
        let mut tar = tar::Archive::new(metered);
        // What `cat` puts together is several archives.
        tar.set_ignore_zeros(true);
        let mut outcome = self.tar(&mut tar, &budget);
        self.read_batch();
        if outcome.is_ok() && tar.into_inner().zeros < END {
            outcome = Err(limit("it ends without the mark of its end"));
        }
        if let Err(error) = outcome {
            self.broken(&error, true);
        }
    }

    fn tar(&mut self, tar: &mut tar::Archive<Metered<'_>>, budget: &Cell<u64>) -> io::Result<()> {
        let (mut count, mut sparse) = (0, 0_u64);
        for entry in tar.entries()? {
            let mut entry = entry?;
            count += 1;
            too_many(count)?;
            budget.set(u64::MAX);
            let name = bytes::legible(&entry.path_bytes()).into_owned();
            if entry.header().entry_type() == EntryType::GNUSparse {
                // Holes take no place in the archive.
                within_limits(entry.size(), entry.header().entry_size()?)?;
                sparse = sparse.saturating_add(entry.size());
                within_limits(sparse, u64::MAX)?;
            }
            match entry.header().entry_type() {
                EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                    let size = entry.size();
                    self.member(&name, size, &mut entry).map_err(|(error, _)| error)?;
                }
                EntryType::Symlink | EntryType::Link => {
                    let target = entry.link_name_bytes().unwrap_or_default();
                    self.link(&name, &target);
                }
                _ => {}
            }
            // Of a log only the beginning is read; the next header comes after its end.
            io::copy(&mut entry, &mut io::sink())?;
            budget.set(MAX_HEADER);
        }
        Ok(())
    }

    fn zip_file(mut self, file: &mut dyn ReadSeek) {
        match SeekAt::new(file) {
            Ok((file, size)) => self.zip(&file, size),
            Err(error) => self.broken(&error, true),
        }
    }

    /// Its end says what is in it.
    fn zip_stream(mut self, stream: &mut dyn Read) {
        let mut bytes = Vec::new();
        match stream.take(MAX_ZIP_STREAM + 1).read_to_end(&mut bytes) {
            Err(error) => self.broken(&error, true),
            Ok(_) if bytes.len() as u64 > MAX_ZIP_STREAM => {
                self.builder.skip(File::new(&self.path, None), Flaw::ZipStream, true);
            }
            Ok(_) => self.zip(&bytes.as_slice(), bytes.len() as u64),
        }
    }

    fn zip(&mut self, file: &impl ReaderAt, size: u64) {
        let mut count = 0;
        let outcome = zip::members(file, size, &mut |member| {
            count += 1;
            too_many(count)?;
            let read = match member.kind {
                MemberKind::Directory => Ok(()),
                MemberKind::File => self.member(&member.name, member.size, member.content),
                MemberKind::Symlink => {
                    let mut target = Vec::new();
                    let read = member.content.take(HEAD as u64).read_to_end(&mut target);
                    read.map(|_| self.link(&member.name, &target)).map_err(|error| (error, Vec::new()))
                }
            };
            if let Err((error, begun)) = read {
                let mut file = self.file(&member.name);
                file.begins(&bytes::legible(&begun));
                let lost = self.builder.lost(file, &error);
                self.builder.add(lost);
            }
            Ok(())
        });
        self.read_batch();
        if let Err(error) = outcome {
            self.broken(&error, true);
        }
    }

    /// Reads a member, now or together with others.
    ///
    /// # Errors
    /// Those of its content, and how it begins.
    fn member(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<(), (io::Error, Vec<u8>)> {
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(MAX_ROOM)).unwrap_or(0) + 1);
        if let Err(error) = (&mut *content).take(MAX_SMALL).read_to_end(&mut bytes) {
            return Err((error, bytes));
        }
        if bytes.len() as u64 == MAX_SMALL {
            self.read_batch();
            self.read(name, bytes, content);
            return Ok(());
        }
        self.batch_bytes += bytes.len() as u64;
        self.batch.push((self.file(name), bytes));
        if self.batch.len() >= MAX_BATCH.0 || self.batch_bytes >= MAX_BATCH.1 {
            self.read_batch();
        }
        Ok(())
    }

    fn link(&mut self, name: &str, target: &[u8]) {
        // A target inside is a member of its own.
        if leads_out(name, &bytes::legible(target)) {
            self.builder.skip(self.file(name), Flaw::LinkOut, true);
        }
    }

    fn read_batch(&mut self) {
        let batch = mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let read = |(file, bytes)| member(self.builder, &file, bytes, &mut io::empty());
        let contents: Vec<Contents> = batch.into_par_iter().map(read).collect();
        contents.into_iter().for_each(|contents| self.builder.add(contents));
    }

    fn read(&mut self, name: &str, begun: Vec<u8>, rest: &mut dyn Read) {
        let contents = member(self.builder, &self.file(name), begun, rest);
        self.builder.add(contents);
    }

    fn broken(&mut self, error: &io::Error, matters: bool) {
        let flaw = Flaw::Archive(words(error));
        self.builder.skip(File::new(&self.path, None), flaw, matters);
    }

    fn file(&self, name: &str) -> File {
        let name = name.strip_prefix("./").unwrap_or(name);
        File::new(&format!("{}!/{name}", self.path), Some(&self.path))
    }
}

fn too_many(count: usize) -> io::Result<()> {
    if count > MAX_MEMBERS {
        return Err(limit(format!("it has more than {MAX_MEMBERS} members")));
    }
    Ok(())
}

fn member(builder: &Builder, file: &File, begun: Vec<u8>, rest: &mut dyn Read) -> Contents {
    contents::read(&builder.search, file, begun, &mut Stream(rest)).unwrap_or_else(|_| {
        let mut reading = Reading::new(&builder.search, file.clone(), Lists::new());
        // An archive in an archive.
        reading.skip(0, Flaw::Unopened, false);
        reading.contents
    })
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
    progress: Arc<Progress>,
    /// How many of the last bytes are zeros.
    zeros: u64,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.add_bytes(read);
        let last = buffer.iter().take(read).rev();
        let zeros = last.take_while(|byte| **byte == 0).count() as u64;
        self.zeros = if zeros == read as u64 { self.zeros + zeros } else { zeros };
        match self.budget.get().checked_sub(read as u64) {
            Some(left) => {
                self.budget.set(left);
                Ok(read)
            }
            None => Err(limit(format!("it has a header of more than {MAX_HEADER} bytes"))),
        }
    }
}
