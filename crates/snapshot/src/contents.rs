//! What one file holds: objects, what they prove, and what could not be read.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Seek},
    mem::{self, discriminant},
    sync::Arc,
};

use rayon::prelude::*;

use crate::{
    bytes::{self, HEAD},
    cut::{json::JsonCutter, yaml::YamlCutter},
    evidence::Evidence,
    file::File,
    flaw::{Flaw, MAX_UNBOUNDED, words},
    foreign,
    identity::Identities,
    object::{Object, Origin},
    path::Place,
    progress::{Counted, Progress},
    snapshot::Skipped,
    text::{self, Format},
    wanted::{Kind, Wanted},
    window::Window,
};

/// More entries than one file can have: two for each kind of flaw.
const MAX_FLAWS: usize = 40;

/// What is looked for in every file.
pub(crate) struct Search {
    pub(crate) wanted: Wanted,
    pub(crate) progress: Arc<Progress>,
    /// Whether all is said about an object once it was read.
    pub(crate) settles: Option<Box<Settles>>,
}

pub(crate) type Settles = dyn Fn(&Object) -> bool + Send + Sync;

/// Number of objects that are looked at together: enough for all cores.
const BATCH: usize = 64;

/// What was read of one file.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) objects: Vec<Object>,
    pub(crate) evidence: Evidence,
    pub(crate) identities: Identities,
    pub(crate) skipped: Vec<Skipped>,
    /// Kubernetes documents and items of lists, wanted or not.
    pub(crate) documents: usize,
    pub(crate) bytes: u64,
    pub(crate) place: Option<Place>,
}

/// What the items of lists are, by the number of the list in its file.
pub(crate) type Lists = BTreeMap<usize, Option<Kind>>;

/// A file or a stream.
pub(crate) trait Input: Read {
    /// Back to the start; false where there is no way back.
    fn rewind(&mut self) -> io::Result<bool>;
}

impl<R: Read + Seek> Input for R {
    fn rewind(&mut self) -> io::Result<bool> {
        Seek::rewind(self).map(|()| true)
    }
}

/// What can be read once.
pub(crate) struct Stream<R>(pub(crate) R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Input for Stream<R> {
    fn rewind(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}

/// Reads a file, or as much of it as tells that it holds no Kubernetes documents. `begun` was read of it before.
///
/// # Errors
/// The first bytes of an archive, of which nothing else was read.
pub(crate) fn read(search: &Search, file: &File, begun: Vec<u8>, input: &mut impl Input) -> Result<Contents, Vec<u8>> {
    let mut first = Reading::new(search, file.clone(), Lists::new());
    first.read(begun, input)?;
    let lists = mem::take(&mut first.again);
    if lists.is_empty() {
        return Ok(first.contents);
    }
    match input.rewind() {
        Ok(true) => {
            let mut second = Reading::new(search, file.clone(), lists);
            second.read(Vec::new(), input)?;
            return Ok(second.contents);
        }
        Ok(false) => {
            let needs = |kind: &Option<Kind>| kind.as_ref().is_none_or(|kind| search.wanted.needs(&kind.resource()));
            lists.values().for_each(|kind| first.skip(0, Flaw::Unbounded, needs(kind)));
        }
        Err(error) => first.unreadable(&error),
    }
    Ok(first.contents)
}

/// Reads one file. It depends on nothing but the file and what is wanted, so files are read in parallel.
pub(crate) struct Reading<'w> {
    pub(crate) search: &'w Search,
    pub(crate) file: File,
    pub(crate) contents: Contents,
    /// Names of CustomResourceDefinitions, in their order.
    pub(crate) crds: Vec<String>,
    /// How often something was skipped.
    pub(crate) lost: usize,
    /// Kinds that were looked up and are not wanted.
    pub(crate) unwanted: BTreeSet<String>,
    /// How many lists there were, and what is known of them from an earlier reading.
    pub(crate) lists: usize,
    pub(crate) known: Lists,
    /// The lists for whose sake the file has to be read again.
    pub(crate) again: Lists,
    /// The column of the piece that is being read, from 1.
    pub(crate) column: usize,
    /// Whether a whole object of the kind that belongs here was read, or a whole list of them.
    pub(crate) is_at_place: bool,
    /// In how many other documents the document is that is being read.
    pub(crate) depth: usize,
    /// The line of all that is read, where it is part of a text that has none.
    pub(crate) line_of_all: Option<usize>,
    /// How many of the last objects have not been looked at.
    unsettled: usize,
}

impl<'w> Reading<'w> {
    pub(crate) fn new(search: &'w Search, file: File, known: Lists) -> Self {
        let mut contents = Contents::default();
        if let Some(place) = &file.place {
            contents.evidence.path(&file.path, place);
            contents.place = Some(place.place);
        }
        let (crds, unwanted, again) = (Vec::new(), BTreeSet::new(), Lists::new());
        Self {
            search,
            file,
            contents,
            crds,
            lost: 0,
            unwanted,
            lists: 0,
            known,
            again,
            column: 1,
            is_at_place: false,
            depth: 0,
            line_of_all: None,
            unsettled: 0,
        }
    }

    /// Reads the file, or as much of it as tells that it holds no Kubernetes documents.
    ///
    /// # Errors
    /// The first bytes of an archive, of which nothing else was read.
    fn read(&mut self, mut begun: Vec<u8>, reader: &mut dyn Read) -> Result<(), Vec<u8>> {
        let count = Cell::new(begun.len() as u64);
        // Of an archive everything is counted, as it is unpacked.
        let progress = (!self.file.is_member()).then_some(&*self.search.progress);
        let mut reader = Counted { inner: reader, count: &count, progress };
        let missing = HEAD.saturating_sub(begun.len());
        begun.reserve(missing);
        let outcome = (&mut reader).take(missing as u64).read_to_end(&mut begun);
        let head = begun.get(..HEAD).unwrap_or(&begun);
        if bytes::is_archive(head) && outcome.is_ok() {
            return Err(begun);
        }
        let text = bytes::text_of(head);
        self.file.begins(&text);
        let is_packed = bytes::is_archive(head) || bytes::is_packed_by_name(&self.file);
        let is_candidate = bytes::is_candidate(&self.file, &text);
        let foreign = foreign::kind_of(&self.file.path, head).filter(|_| !text::begins_as_document(&text));
        if let Err(error) = outcome {
            self.file.is_document |= is_packed;
            self.unreadable(&error);
        } else if foreign::is_apple_double(&self.file.path, head) {
            (self.contents, self.file.place) = (Contents::default(), None);
        } else if let Some(kind) = foreign {
            count.set(head.len() as u64);
            self.skip(0, Flaw::Foreign(kind), true);
        } else if is_candidate {
            let format = text::format(&text);
            self.text(format, begun, &mut reader);
        } else {
            count.set(head.len() as u64);
            if is_packed {
                self.skip(0, Flaw::NoArchive, true);
            }
        }
        if self.is_needed_place() && !self.is_at_place && self.lost == 0 {
            self.skip(0, Flaw::NothingOfKind, true);
        }
        self.settle();
        self.contents.bytes = count.get();
        Ok(())
    }

    pub(crate) fn keep(&mut self, object: Object) {
        self.contents.objects.push(object);
        self.unsettled += 1;
        if self.unsettled == BATCH {
            self.settle();
        }
    }

    /// Forgets the text of objects about which all is said.
    fn settle(&mut self) {
        let known = self.contents.objects.len() - mem::take(&mut self.unsettled);
        let (Some(settles), Some(new)) = (&self.search.settles, self.contents.objects.get_mut(known..)) else { return };
        new.par_iter_mut().filter(|object| settles(object)).for_each(Object::settle);
    }

    fn text(&mut self, format: Format, mut begun: Vec<u8>, rest: &mut dyn Read) {
        if bytes::is_utf16(&begun) {
            return self.utf16(&mut begun.as_slice().chain(rest));
        }
        begun.drain(..begun.len() - bytes::without_mark(&begun).len());
        // All of a small file.
        if begun.len() < HEAD / 2 && begun.trim_ascii().is_empty() {
            return self.skip(0, Flaw::Empty, false);
        }
        match format {
            Format::Json => self.cuts(JsonCutter::new(Window::new(begun, rest))),
            Format::Yaml => self.cuts(YamlCutter::new(Window::of_lines(&mut begun.as_slice().chain(rest)))),
        }
    }

    /// What PowerShell's `>` writes: it is held in memory as a whole.
    fn utf16(&mut self, reader: &mut dyn Read) {
        let mut bytes = Vec::new();
        match reader.take(MAX_UNBOUNDED + 1).read_to_end(&mut bytes) {
            Err(error) => self.unreadable(&error),
            Ok(_) if bytes.len() as u64 > MAX_UNBOUNDED => self.skip(0, Flaw::Utf16, true),
            Ok(_) => match bytes::decode(&bytes) {
                Ok(text) => self.text(text::format(&text), text.into_owned().into_bytes(), &mut io::empty()),
                Err((flaw, line, legible)) => {
                    let matters = self.matters(&legible);
                    self.skip(line, flaw, matters);
                }
            },
        }
    }

    /// The file, or the rest of it, cannot be read.
    pub(crate) fn unreadable(&mut self, error: &io::Error) {
        let matters = self.file.matters(&self.search.wanted);
        self.skip(0, Flaw::Unreadable(words(error)), matters);
    }

    /// Whether objects belong here of a kind that decides something.
    fn is_needed_place(&self) -> bool {
        self.file.place.as_ref().is_some_and(|place| self.search.wanted.needs(&place.resource))
    }

    /// Where something is that is being read.
    pub(crate) fn origin(&self, line: usize) -> Origin {
        self.file.origin(self.line_of_all.unwrap_or(line))
    }

    /// Whether what was lost may have been an object that a policy wants: it is, or is in, what should
    /// be a Kubernetes document, and mentions a kind that is asked for. A log does not.
    pub(crate) fn matters(&self, lost: &str) -> bool {
        (self.file.is_document || text::begins_as_document(lost)) && self.search.wanted.mentioned_in(lost)
    }

    /// Lists what is not taken. Where objects belong that decide something, whatever is lost may have been one.
    pub(crate) fn skip(&mut self, line: usize, flaw: Flaw, matters: bool) {
        let matters = matters || self.is_needed_place();
        self.lost += 1;
        if let Some(place) = &self.file.place {
            self.contents.evidence.broken(&self.file.path, place, &flaw.to_string());
        }
        // A file of a million broken lines is an entry for each way to be broken.
        let kind_of_flaw = discriminant(&flaw);
        let like_it = |known: &&mut Skipped| discriminant(&known.flaw) == kind_of_flaw && known.matters == matters;
        match self.contents.skipped.iter_mut().rev().take(MAX_FLAWS).find(like_it) {
            Some(known) => known.more += 1,
            None => {
                let origin = self.origin(line);
                self.contents.skipped.push(Skipped { origin, flaw, matters, more: 0, more_files: 0 });
            }
        }
    }
}
