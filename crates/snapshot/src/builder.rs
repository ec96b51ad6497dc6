//! Reading sources into a snapshot: files on all cores, what they hold in their order.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Seek},
    mem::{Discriminant, discriminant},
    sync::Arc,
};

use rayon::prelude::*;
use upgrade_gate_core::GroupResource;

use crate::{
    archive::Whole,
    contents::{self, Contents, Lists, Reading, Search, Stream},
    copies::{self, Copies},
    evidence::Evidence,
    file::File,
    flaw::{Flaw, words},
    identity::Identities,
    object::{Object, Origin},
    path::Place,
    progress::Progress,
    snapshot::{Layout, Skipped, Snapshot, Source},
    wanted::{Kind, Wanted},
};

/// Takes files; gives a [`Snapshot`]. What cannot be read is remembered, and the next file is read.
pub struct Builder {
    pub(crate) search: Search,
    objects: BTreeMap<Key, Found>,
    evidence: Evidence,
    identities: Identities,
    skipped: Vec<Skipped>,
    listed: Vec<Listed>,
    sources: Vec<Source>,
    keeps_each: bool,
}

/// Maximum number of files of one source that are listed with the same flaw; what is beyond is counted.
const MAX_LISTED: usize = 1_000;

/// Files of the source that have the same flaw.
struct Listed {
    flaw: Discriminant<Flaw>,
    matters: bool,
    count: usize,
    /// The entry of the last one.
    last: usize,
}

/// What was found of one object.
#[derive(Default)]
struct Found {
    copies: Vec<Object>,
    /// The first uid that any copy had, also one that was forgotten since.
    uid: Option<(String, Origin)>,
}

/// The same object found twice is one: group, kind, namespace and name, whatever the version. The
/// number tells apart manifests that leave their name to the API server.
type Key = (String, String, Option<String>, String, usize);

impl Builder {
    /// Keeps only what is wanted.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self {
            search: Search { wanted, progress: Arc::default(), settles: None },
            objects: BTreeMap::new(),
            evidence: Evidence::default(),
            identities: Identities::default(),
            skipped: Vec::new(),
            listed: Vec::new(),
            sources: Vec::new(),
            keeps_each: false,
        }
    }

    /// What was read so far, for whoever waits.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        self.search.progress.clone()
    }

    /// Keeps an object each time that it is found: manifests are applied one after the other.
    pub fn keep_each(&mut self) {
        self.keeps_each = true;
    }

    /// Asks of each object, as soon as it was read, whether all is said about it: its text is forgotten then.
    /// Objects that are asked for by name ([`Wanted::add_kind`]) are kept in any case, as answers need them.
    pub fn settle(&mut self, settles: impl Fn(&Object) -> bool + Send + Sync + 'static) {
        let asked_for: BTreeSet<Kind> = self.search.wanted.kinds().cloned().collect();
        self.search.settles = Some(Box::new(move |object| !asked_for.contains(&object.kind) && settles(object)));
    }

    /// Takes the user's word that all objects of a resource are in the sources.
    pub fn assume_captured(&mut self, resource: GroupResource) {
        self.evidence.assume(resource);
    }

    /// What is read from here on belongs to this source.
    pub fn source(&mut self, path: &str) {
        self.begin(path, Layout::Files);
    }

    /// The same, of an API server's answers: each is a typed list, read under its URL, and its lines are nobody's.
    pub fn cluster(&mut self, name: &str) {
        self.begin(name, Layout::Cluster);
    }

    fn begin(&mut self, path: &str, layout: Layout) {
        self.listed.clear();
        self.sources.push(Source { path: path.into(), layout, documents: 0, objects: 0, bytes: 0 });
    }

    /// An API server did not list a resource, or not to the end, and why; `url` is for people. Where it does not serve the
    /// resource there are no objects of it, unless it has the CustomResourceDefinition. Of a kind that is asked for by name the
    /// state says so; one that is only judged is skipped.
    pub fn not_listed(&mut self, url: &str, resource: &GroupResource, is_not_served: bool, why: &str) {
        self.evidence.not_listed(resource, is_not_served, why);
        let wanted = &self.search.wanted;
        if !is_not_served && !wanted.kinds().any(|kind| kind.resource() == *resource) {
            let matters = wanted.needs(resource);
            self.skip(File::new(url, None), Flaw::NotListed(why.into()), matters);
        }
    }

    /// What should have been asked of an API server, and cannot be, and why.
    pub fn not_asked(&mut self, what: &str, why: &str) {
        self.skip(File::new(what, None), Flaw::NotListed(why.into()), true);
    }

    /// Reads a stream: one file, or as much of it as tells that it holds no Kubernetes documents, or an
    /// archive. `path` has `/` between its parts; it is shown to people, and the layouts of must-gathers are
    /// known by it.
    pub fn read(&mut self, path: &str, mut reader: impl Read + Send) {
        match contents::read(&self.search, &File::new(path, None), Vec::new(), &mut Stream(&mut reader)) {
            Ok(contents) => self.add(contents),
            Err(head) => self.open(path, &head, Whole::Stream(&mut head.as_slice().chain(reader))),
        }
    }

    /// Reads files, on all cores. Each is opened when its turn comes.
    pub fn read_files<R: Read + Seek + Send>(&mut self, files: Vec<(String, impl FnOnce() -> io::Result<R> + Send)>) {
        let files = files.into_par_iter().map(|(path, open)| {
            let file = File::new(&path, None);
            let mut reader = match open() {
                Ok(reader) => reader,
                Err(error) => return Ok(self.lost(file, &error)),
            };
            contents::read(&self.search, &file, Vec::new(), &mut reader).map_err(|head| (path, head, reader))
        });
        for outcome in files.collect::<Vec<_>>() {
            match outcome {
                Ok(contents) => self.add(contents),
                Err((path, head, mut reader)) => match reader.rewind() {
                    Ok(()) => self.open(&path, &head, Whole::File(&mut reader)),
                    Err(error) => self.unreadable(&path, &error),
                },
            }
        }
    }

    /// A file that exists and cannot be read.
    pub fn unreadable(&mut self, path: &str, error: &io::Error) {
        let contents = self.lost(File::new(path, None), error);
        self.add(contents);
    }

    /// A folder that cannot be read: anything may be in it.
    pub fn unreadable_folder(&mut self, path: &str, error: &io::Error) {
        self.skip(File::new(path, None), Flaw::Unreadable(words(error)), true);
    }

    /// A link that is not followed, and why ([`Flaw::LinkCycle`], [`Flaw::LinkOut`], [`Flaw::LinkNowhere`]).
    pub fn link(&mut self, path: &str, flaw: Flaw) {
        self.skip_link(File::new(path, None), flaw);
    }

    /// A pipe, a socket or a device, which may have no end.
    pub fn no_file(&mut self, path: &str) {
        let file = File::new(path, None);
        let matters = file.matters(&self.search.wanted);
        self.skip(file, Flaw::NoFile, matters);
    }

    /// What has been read.
    #[must_use]
    pub fn finish(mut self) -> Snapshot {
        self.skipped.sort_by(|a, b| a.origin.cmp(&b.origin));
        let copies = self.objects.values().filter_map(|found| Copies::of(&found.copies)).collect();
        let objects: Vec<Object> = self.objects.into_values().flat_map(|found| found.copies).collect();
        let mut kinds: BTreeSet<Kind> = self.search.wanted.kinds().cloned().collect();
        kinds.extend(objects.iter().map(|object| object.kind.clone()));
        let count = |kind: &Kind| objects.iter().filter(|object| object.kind == *kind).count();
        let needed = |kind: &Kind| self.search.wanted.needs(&kind.resource());
        let kinds = kinds.iter().map(|kind| self.evidence.report(kind, count(kind), needed(kind))).collect();
        Snapshot::new(objects, kinds, self.skipped, self.sources, copies, self.identities.clash())
    }

    pub(crate) fn lost(&self, file: File, error: &io::Error) -> Contents {
        let mut reading = Reading::new(&self.search, file, Lists::new());
        reading.unreadable(error);
        reading.contents
    }

    pub(crate) fn skip_link(&mut self, file: File, flaw: Flaw) {
        let wanted = &self.search.wanted;
        let matters = match flaw {
            Flaw::LinkCycle => false,
            Flaw::LinkNowhere => file.matters(wanted) || file.matters_as_folder(wanted),
            _ => true,
        };
        self.skip(file, flaw, matters);
    }

    /// A file as a whole is not taken.
    pub(crate) fn skip(&mut self, file: File, flaw: Flaw, matters: bool) {
        let mut reading = Reading::new(&self.search, file, Lists::new());
        reading.skip(0, flaw, matters);
        let contents = reading.contents;
        self.add(contents);
    }

    /// Lists what was skipped; of a million files with the same flaw some.
    fn list(&mut self, skipped: Skipped) {
        let like_it =
            |listed: &&mut Listed| listed.flaw == discriminant(&skipped.flaw) && listed.matters == skipped.matters;
        let listed = self.listed.iter_mut().find(like_it);
        let full = listed.as_ref().filter(|listed| listed.count == MAX_LISTED).map(|listed| listed.last);
        if let Some(last) = full.and_then(|last| self.skipped.get_mut(last)) {
            last.more_files += 1;
            return;
        }
        let last = self.skipped.len();
        match listed {
            Some(listed) => (listed.count, listed.last) = (listed.count + 1, last),
            None => {
                let (flaw, matters) = (discriminant(&skipped.flaw), skipped.matters);
                self.listed.push(Listed { flaw, matters, count: 1, last });
            }
        }
        self.skipped.push(skipped);
    }

    /// Takes in what the next file holds.
    pub(crate) fn add(&mut self, mut contents: Contents) {
        if let Some(source) = self.sources.last_mut() {
            if source.layout == Layout::Cluster {
                contents.evidence.are_of_all_namespaces();
                let skipped = contents.skipped.iter_mut().map(|skipped| &mut skipped.origin);
                let origins = contents.objects.iter_mut().map(|object| &mut object.origin).chain(skipped);
                origins.for_each(|origin| origin.line = 0);
            }
            source.documents += contents.documents;
            source.objects += contents.objects.len();
            source.bytes += contents.bytes;
            source.layout = source.layout.max(contents.place.map_or(Layout::Files, |place| match place {
                Place::KubevirtObject | Place::KubevirtFile => Layout::KubevirtMustGather,
                Place::InspectObject | Place::InspectList => Layout::MustGather,
            }));
        }
        self.identities.add(contents.identities);
        self.evidence.add(contents.evidence);
        contents.skipped.into_iter().for_each(|skipped| self.list(skipped));
        for object in contents.objects {
            let unnamed = if object.name.is_empty() || self.keeps_each { self.objects.len() } else { 0 };
            let key = (
                object.kind.group().into(),
                object.kind.kind.clone(),
                object.namespace.clone(),
                object.name.clone(),
                unnamed,
            );
            let found = self.objects.entry(key).or_default();
            if let Some(uid) = &object.uid {
                let first = found.uid.get_or_insert_with(|| (uid.clone(), object.origin.clone()));
                self.identities.compare(first, uid, &object);
            }
            copies::add(&mut found.copies, object);
        }
    }
}
