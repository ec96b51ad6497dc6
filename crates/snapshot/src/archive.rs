//! Archives, read as streams and never unpacked to disk, and archives inside them. The names of members show to people
//! what came from where; nothing is opened by them, so they may be what they like.

use std::{
    cell::Cell,
    io::{self, Read, Seek},
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use memchr::memmem;
use rawzip::ReaderAt;
use rayon::prelude::*;

use crate::{
    ahead::{Failed, ahead},
    builder::Builder,
    bytes::{self, HEAD},
    contents::{self, Contents, Stream},
    file::File,
    flaw::{Flaw, MAX_ZIP_STREAM, limit, words},
    links::{End, Links},
    packed::{Packing, unpacked_name, within_limits},
    progress::Progress,
    tar::is_tar,
    text,
    zip::{self, MemberKind, SeekAt},
};

/// Maximum number of members of an archive, those of the archives inside it included; what is beyond is not read.
pub const MAX_MEMBERS: usize = 5_000_000;

/// Maximum number of archives that an archive may be in to be opened: a must-gather that was packed once more holds
/// archives of logs. A file that is packed alone may be one deeper.
const MAX_LEVEL: usize = 2;

/// Maximum number of small members, and of their bytes, that are held in memory, to be read on all cores.
const MAX_BATCH: (usize, u64) = if cfg!(fuzzing) { (3, 4 << 10) } else { (1_000, 8 << 20) };

/// A member that is larger is read as it comes.
const MAX_SMALL: u64 = if cfg!(fuzzing) { 2 << 10 } else { 1 << 20 };

/// An empty list is smaller.
const SMALL_LIST: usize = 2 << 10;

/// Maximum room that is made for a member at once, in bytes, whatever size it says it has.
const MAX_ROOM: u64 = 128 << 10;

/// An archive from its first byte on.
pub(crate) enum Whole<'r> {
    File(&'r mut dyn ReadSeek),
    Stream(&'r mut (dyn Read + Send)),
}

pub(crate) trait ReadSeek: Read + Seek + Send {}

impl<R: Read + Seek + Send> ReadSeek for R {}

/// What an archive and all that are inside it may use together.
#[derive(Default)]
pub(crate) struct Budget {
    /// The bytes of the outermost one that were read.
    packed: Arc<AtomicU64>,
    /// The bytes that came out of the others, and holes.
    inflated: Cell<u64>,
    members: Cell<usize>,
}

impl Budget {
    /// # Errors
    /// It is more than may come of the packed bytes.
    pub(crate) fn hold(&self, bytes: u64) -> io::Result<()> {
        self.inflated.set(self.inflated.get().saturating_add(bytes));
        within_limits(self.inflated.get(), self.packed.load(Ordering::Relaxed))
    }
}

/// The archive that is being read.
pub(crate) struct Archive<'b> {
    builder: &'b mut Builder,
    pub(crate) budget: &'b Budget,
    /// The outermost archive, as the user can open it.
    source: Arc<str>,
    /// This one: the same, or a member of it.
    path: Arc<str>,
    /// How many archives it is in.
    level: usize,
    /// Members that wait to be read, with their names in the archive.
    batch: Vec<(String, File, Vec<u8>)>,
    batch_bytes: u64,
    pub(crate) links: Links,
}

impl Builder {
    /// Reads what is in a packed file or an archive of the name `path`, which begins with `head`.
    pub(crate) fn open(&mut self, path: &str, head: &[u8], whole: Whole<'_>) {
        let (budget, path): (_, Arc<str>) = (Budget::default(), path.into());
        let mut archive = Archive::new(self, &budget, path.clone(), path, 0);
        let stream: &mut (dyn Read + Send) = match whole {
            Whole::File(file) if zip::is_zip(head) => return archive.zip_file(file),
            Whole::File(file) => file,
            Whole::Stream(stream) if zip::is_zip(head) => return archive.zip_stream(stream),
            Whole::Stream(stream) => stream,
        };
        match Packing::of(head) {
            Some(packing) => {
                ahead(packing.unpack(stream, budget.packed.clone()), |inflated| archive.unpack(inflated));
            }
            None => {
                let packed = budget.packed.clone();
                let count = |read| {
                    packed.fetch_add(read, Ordering::Relaxed);
                    Ok(())
                };
                ahead(Passing(stream, count), |tar| archive.tar(tar));
            }
        }
    }
}

impl<'b> Archive<'b> {
    fn new(builder: &'b mut Builder, budget: &'b Budget, source: Arc<str>, path: Arc<str>, level: usize) -> Self {
        let (batch, batch_bytes, links) = (Vec::new(), 0, Links::default());
        Self { builder, budget, source, path, level, batch, batch_bytes, links }
    }

    /// Counts of what is read, where nothing else counts it.
    pub(crate) fn progress(&self) -> Option<Arc<Progress>> {
        (self.level == 0).then(|| self.builder.progress())
    }

    /// A packed tar file, or a file that is packed alone.
    fn unpack(&mut self, inflated: &mut dyn Read) {
        let path = self.path.clone();
        let name = path.rsplit('/').next().unwrap_or(&path);
        let name = unpacked_name(name).unwrap_or(name);
        let mut head = Vec::new();
        match inflated.take(HEAD as u64).read_to_end(&mut head) {
            _ if is_tar(&head) && self.level > MAX_LEVEL => self.builder.skip(self.itself(), Flaw::Unopened, true),
            Ok(_) if is_tar(&head) => self.tar(&mut head.as_slice().chain(inflated)),
            // Small, and broken at its end.
            Err(error) if is_tar(&head) => self.tar(&mut head.as_slice().chain(Failed(Some(error)))),
            Ok(_) => self.read(name, head, inflated),
            Err(error) => {
                // A log that is packed and cut off is a broken log; what kubectl wrote often has no extension.
                let is_document = self.itself().is_document || text::begins_as_document(&bytes::legible(&head));
                let may_be = head.is_empty() && !name.contains('.');
                self.broken(&error, is_document || may_be || bytes::is_named_as_archive(&path));
            }
        }
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
                self.builder.skip(self.itself(), Flaw::ZipStream, true);
            }
            Ok(_) => self.zip(&bytes.as_slice(), bytes.len() as u64),
        }
    }

    fn zip(&mut self, file: &impl ReaderAt, size: u64) {
        let (budget, is_inside) = (self.budget, self.level > 0);
        if !is_inside {
            budget.packed.store(size, Ordering::Relaxed);
        }
        let outcome = zip::members(file, size, &mut |member| {
            self.count_member()?;
            // What is inside another archive counts for both.
            let mut content = Passing(member.content, |read| if is_inside { budget.hold(read) } else { Ok(()) });
            let read = match member.kind {
                MemberKind::Directory => {
                    self.links.folder(&member.name);
                    io::copy(&mut content, &mut io::sink()).map(drop).map_err(|error| (error, Vec::new()))
                }
                MemberKind::File => self.member(&member.name, member.size, &mut content),
                MemberKind::Symlink => {
                    let mut target = Vec::new();
                    let read = (&mut content).take(HEAD as u64).read_to_end(&mut target);
                    let target = bytes::legible(&target);
                    // Where there are no links, it is a file.
                    if text::begins_as_document(&target) {
                        self.no_file(&member.name, target.as_bytes(), true);
                    }
                    read.map(|_| self.link(&member.name, &target, true)).map_err(|error| (error, Vec::new()))
                }
            };
            if !member.is_plain {
                self.builder.skip(self.file(&member.name), Flaw::TwoHeaders, true);
            }
            if let Err((error, begun)) = read {
                self.links.add(&member.name);
                let mut file = self.file(&member.name);
                file.begins(&bytes::legible(&begun));
                if member.is_encrypted {
                    self.builder.skip(file, Flaw::Unreadable(words(&error)), true);
                } else {
                    let lost = self.builder.lost(file, &error);
                    self.builder.add(lost);
                }
            }
            Ok(())
        });
        self.finish();
        match outcome {
            Ok(true) => {}
            Ok(false) => self.builder.skip(self.itself(), Flaw::Unaccounted, true),
            Err(error) => self.broken(&error, true),
        }
    }

    /// # Errors
    /// There are more than there may be.
    pub(crate) fn count_member(&self) -> io::Result<()> {
        self.budget.members.set(self.budget.members.get() + 1);
        if self.budget.members.get() > MAX_MEMBERS {
            return Err(limit(format!("it has more than {MAX_MEMBERS} members")));
        }
        Ok(())
    }

    /// Reads a member, now or together with others.
    ///
    /// # Errors
    /// Those of its content, and how it begins.
    pub(crate) fn member(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<(), (io::Error, Vec<u8>)> {
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(MAX_ROOM)).unwrap_or(0) + 1);
        if let Err(error) = (&mut *content).take(MAX_SMALL).read_to_end(&mut bytes) {
            return Err((error, bytes));
        }
        if bytes.len() as u64 == MAX_SMALL {
            self.read_batch();
            self.read(name, bytes, content);
            self.links.add(name);
            return Ok(());
        }
        self.batch_bytes += bytes.len() as u64;
        self.batch.push((name.into(), self.file(name), bytes));
        if self.batch.len() >= MAX_BATCH.0 || self.batch_bytes >= MAX_BATCH.1 {
            self.read_batch();
        }
        Ok(())
    }

    /// A link, which is followed when all members are known.
    pub(crate) fn link(&mut self, name: &str, target: &str, is_symbolic: bool) {
        if let Err(flaw) = self.links.link(name, target, is_symbolic) {
            self.builder.skip_link(self.file(name), flaw);
        }
    }

    /// A member that is no file, of which this much is known, and whether it may be anything.
    pub(crate) fn no_file(&mut self, name: &str, begun: &[u8], is_any: bool) {
        let mut file = self.file(name);
        file.begins(&bytes::legible(begun));
        let matters = is_any || file.matters(&self.builder.search.wanted);
        self.builder.skip(file, Flaw::NoFile, matters);
    }

    /// Nothing more comes.
    pub(crate) fn finish(&mut self) {
        self.read_batch();
        let links = mem::take(&mut self.links);
        for (name, end) in links.ends() {
            if let Err(error) = self.follow(name, &end) {
                return self.broken(&error, true);
            }
        }
    }

    fn follow(&mut self, name: &str, end: &End<'_>) -> io::Result<()> {
        let file = self.file(name);
        let wanted = &self.builder.search.wanted;
        match end {
            End::Nowhere => self.builder.skip_link(file, Flaw::LinkNowhere),
            End::Again => self.builder.skip_link(file, Flaw::LinkCycle),
            End::Member(content) => {
                self.budget.hold(content.len() as u64)?;
                self.read(name, content.to_vec(), &mut io::empty());
            }
            End::Folder(kept, is_whole) => {
                if !is_whole && file.matters_as_folder(wanted) {
                    self.builder.skip(file, Flaw::LinkUnkept, true);
                }
                for (path, content) in kept {
                    self.budget.hold(content.len() as u64)?;
                    self.read(&format!("{name}/{path}"), content.to_vec(), &mut io::empty());
                }
            }
            // What is in it was read; only what follows from the link's own name was not.
            End::Unkept(path) => {
                let target = self.file(path);
                if file.matters(wanted) && (file.place.is_some() || !target.is_document) {
                    self.builder.skip(file, Flaw::LinkUnkept, true);
                }
            }
        }
        Ok(())
    }

    fn read_batch(&mut self) {
        let batch = mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let search = &self.builder.search;
        let read = |(name, file, bytes): (String, File, Vec<u8>)| {
            let copy = bytes.clone();
            let outcome = contents::read(search, &file, bytes, &mut Stream(io::empty()));
            let kept = outcome.as_ref().is_ok_and(|contents| has_something(contents, &copy)).then_some(copy);
            (name, outcome, kept)
        };
        for (name, outcome, kept) in batch.into_par_iter().map(read).collect::<Vec<_>>() {
            match kept {
                Some(content) => self.links.keep(&name, content),
                None => self.links.add(&name),
            }
            match outcome {
                Ok(contents) => self.builder.add(contents),
                Err(content) => self.open(&name, content, &mut io::empty()),
            }
        }
    }

    fn read(&mut self, name: &str, begun: Vec<u8>, rest: &mut dyn Read) {
        match contents::read(&self.builder.search, &self.file(name), begun, &mut Stream(&mut *rest)) {
            Ok(contents) => self.builder.add(contents),
            Err(begun) => self.open(name, begun, rest),
        }
    }

    /// An archive inside this one.
    fn open(&mut self, name: &str, begun: Vec<u8>, rest: &mut dyn Read) {
        let (file, level, packing) = (self.file(name), self.level + 1, Packing::of(&begun));
        if level > MAX_LEVEL && (packing.is_none() || level > MAX_LEVEL + 1) {
            return self.builder.skip(file, Flaw::Unopened, true);
        }
        let budget = self.budget;
        let mut inner = Archive::new(self.builder, budget, self.source.clone(), file.path, level);
        let mut whole = begun.as_slice().chain(rest);
        match packing {
            Some(packing) => {
                let inflated = packing.unpack(&mut whole, Arc::default());
                inner.unpack(&mut Passing(inflated, |read| budget.hold(read)));
            }
            None if zip::is_zip(&begun) => inner.zip_stream(&mut whole),
            None => inner.tar(&mut whole),
        }
    }

    pub(crate) fn broken(&mut self, error: &io::Error, matters: bool) {
        self.builder.skip(self.itself(), Flaw::Archive(words(error)), matters);
    }

    fn itself(&self) -> File {
        File::new(&self.path, (self.level > 0).then_some(&self.source))
    }

    fn file(&self, name: &str) -> File {
        let name = name.strip_prefix("./").unwrap_or(name);
        File::new(&format!("{}!/{name}", self.path), Some(&self.source))
    }
}

/// Whether something was found in a member, or it may be an empty list, which says something, too.
fn has_something(contents: &Contents, text: &[u8]) -> bool {
    let may_be_list = || text.len() < SMALL_LIST && memmem::find(text, b"List").is_some();
    !contents.objects.is_empty() || !contents.skipped.is_empty() || may_be_list()
}

/// Calls a function with how much was read.
struct Passing<R, F>(R, F);

impl<R: Read, F: FnMut(u64) -> io::Result<()>> Read for Passing<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        (self.1)(read as u64).map(|()| read)
    }
}
