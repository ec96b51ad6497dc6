//! Reading sources into a snapshot, one file after the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    mem::discriminant,
    sync::Arc,
};

use serde_json::value::RawValue;
use upgrade_gate_core::{Fields, GroupResource};

use crate::{
    bytes::{self, HEAD},
    evidence::Evidence,
    file::File,
    flaw::{Flaw, MAX_FILE},
    json::{self, Head},
    object::Object,
    path::{Place, ResourcePath, resource_path},
    snapshot::{Layout, Skipped, Snapshot, Source},
    text::{self, Format, Lines},
    wanted::{Kind, Wanted},
    yaml,
};

const CRD: &str = "CustomResourceDefinition";

/// More entries than one file can have: two for each kind of flaw.
const MAX_FLAWS: usize = 40;

/// A list in a list in a list: no tool writes that.
const MAX_LISTS: usize = 4;

/// Takes files; gives a [`Snapshot`]. What cannot be read is remembered, and the next file is read.
#[derive(Debug)]
pub struct Builder {
    wanted: Wanted,
    objects: BTreeMap<Key, Object>,
    evidence: Evidence,
    skipped: Vec<Skipped>,
    sources: Vec<Source>,
    keeps_each: bool,
    /// The archive that is being read, as the user can open it.
    pub(crate) archive: Option<Arc<str>>,
}

/// The same object found twice is one: group, kind, namespace and name, whatever the version. The
/// number tells apart manifests that leave their name to the API server.
type Key = (String, String, Option<String>, String, usize);

impl Builder {
    /// Keeps only what is wanted.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            objects: BTreeMap::new(),
            evidence: Evidence::default(),
            skipped: Vec::new(),
            sources: Vec::new(),
            keeps_each: false,
            archive: None,
        }
    }

    /// Keeps an object each time that it is found: manifests are applied one after the other.
    pub fn keep_each(&mut self) {
        self.keeps_each = true;
    }

    /// Takes the user's word that all objects of a resource are in the sources.
    pub fn assume_captured(&mut self, resource: GroupResource) {
        self.evidence.assume(resource);
    }

    /// What is read from here on belongs to this source.
    pub fn source(&mut self, path: &str) {
        self.sources.push(Source { path: path.into(), layout: Layout::Files, documents: 0, objects: 0, bytes: 0 });
    }

    /// Reads one file, or as much of it as tells that it holds no Kubernetes documents, or the members of an
    /// archive. `path` has
    /// `/` between its parts; it is shown to people, and the layouts of must-gathers are known by it.
    pub fn read(&mut self, path: &str, mut reader: impl Read) {
        self.read_file(path, &mut reader);
    }

    pub(crate) fn read_file(&mut self, path: &str, reader: &mut dyn Read) {
        let place = self.visit(path);
        let mut bytes = Vec::new();
        let outcome = self.read_bytes(path, place.is_some(), reader, &mut bytes);
        if let Some(source) = self.sources.last_mut() {
            source.bytes += bytes.len() as u64;
        }
        let begun = String::from_utf8_lossy(&bytes);
        let file = File::new(path, place, &begun);
        match outcome {
            Ok(true) => self.bytes(path, file.place, &bytes),
            Ok(false) if !bytes::is_archive(&bytes) => {}
            Ok(false) if self.archive.is_none() && self.open(path, &bytes, reader) => {}
            Ok(false) => self.skip(&file, 0, Flaw::Unopened, false),
            Err(Flaw::Unreadable(why)) => self.lost_file(&file, Flaw::Unreadable(why)),
            Err(flaw) => self.skip(&file, 0, flaw, true),
        }
    }

    /// A file that exists and cannot be read.
    pub fn unreadable(&mut self, path: &str, error: &io::Error) {
        let place = self.visit(path);
        let file = File::new(path, place, "");
        self.lost_file(&file, Flaw::Unreadable(error.kind().to_string()));
    }

    /// A folder that cannot be read: anything may be in it.
    pub fn unreadable_folder(&mut self, path: &str, error: &io::Error) {
        let file = File::new(path, None, "");
        self.skip(&file, 0, Flaw::Unreadable(error.kind().to_string()), true);
    }

    /// A link that is not followed, and why ([`Flaw::LinkCycle`], [`Flaw::LinkOut`]).
    pub fn link(&mut self, path: &str, flaw: Flaw) {
        let matters = flaw != Flaw::LinkCycle;
        self.skip(&File::new(path, None, ""), 0, flaw, matters);
    }

    /// What has been read.
    #[must_use]
    pub fn finish(mut self) -> Snapshot {
        self.skipped.sort_by(|a, b| a.origin.cmp(&b.origin));
        let objects: Vec<Object> = self.objects.into_values().collect();
        let mut kinds: BTreeSet<Kind> = self.wanted.kinds().cloned().collect();
        kinds.extend(objects.iter().map(|object| object.kind.clone()));
        let count = |kind: &Kind| objects.iter().filter(|object| object.kind == *kind).count();
        let needed = |kind: &Kind| self.wanted.needs(&kind.resource());
        let kinds = kinds.iter().map(|kind| self.evidence.report(kind, count(kind), needed(kind))).collect();
        Snapshot::new(objects, kinds, self.skipped, self.sources)
    }

    fn visit(&mut self, path: &str) -> Option<ResourcePath> {
        let place = resource_path(path)?;
        self.evidence.path(path, &place);
        if let Some(source) = self.sources.last_mut() {
            let kubevirt = matches!(place.place, Place::KubevirtObject | Place::KubevirtFile);
            source.layout = source.layout.max(if kubevirt { Layout::KubevirtMustGather } else { Layout::MustGather });
        }
        Some(place)
    }

    /// Whether the file was worth reading to its end.
    fn read_bytes(&self, path: &str, is_place: bool, reader: &mut dyn Read, bytes: &mut Vec<u8>) -> Result<bool, Flaw> {
        let failed = |error: io::Error| Flaw::Unreadable(error.kind().to_string());
        (&mut *reader).take(HEAD).read_to_end(bytes).map_err(failed)?;
        if bytes::is_archive(bytes) || !bytes::is_candidate(path, is_place, bytes) {
            return Ok(false);
        }
        reader.take(MAX_FILE - HEAD + 1).read_to_end(bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_FILE { Err(Flaw::FileTooLarge) } else { Ok(true) }
    }

    /// A file of which nothing is known but its path, and perhaps how it begins.
    fn lost_file(&mut self, file: &File<'_>, flaw: Flaw) {
        let matters = match &file.place {
            Some(place) => self.wanted.needs(&place.resource),
            None => file.is_document,
        };
        self.skip(file, 0, flaw, matters);
    }

    fn bytes(&mut self, path: &str, place: Option<ResourcePath>, bytes: &[u8]) {
        let text = match bytes::decode(bytes) {
            Ok(text) => text,
            Err((flaw, line, legible)) => {
                let file = File::new(path, place, &legible);
                let matters = self.matters(&file, &legible);
                return self.skip(&file, line, flaw, matters);
            }
        };
        let file = File::new(path, place, &text);
        if file.text.trim().is_empty() {
            let matters = file.place.as_ref().is_some_and(|place| self.wanted.needs(&place.resource));
            return self.skip(&file, 0, Flaw::Empty, matters);
        }
        match text::format(file.text) {
            Format::Json => self.json(&file),
            Format::Yaml => self.yaml(&file),
        }
    }

    fn json(&mut self, file: &File<'_>) {
        let (documents, broken) = json::documents(file.text);
        let mut lines = Lines::new(file.text);
        for document in documents {
            self.document(file, document, &mut |part| lines.of(part), MAX_LISTS);
        }
        let Some(broken) = broken else { return };
        // What the list says of its items, as far as it came to say it.
        let listed_as = broken.list_kind();
        for item in &broken.items {
            let line = lines.of(item.get());
            self.object(file, item, listed_as.as_ref(), line);
        }
        let matters = self.matters(file, broken.rest);
        let line = Lines::new(file.text).of(broken.rest) + broken.lines_down;
        self.skip(file, line, broken.flaw, matters);
    }

    fn yaml(&mut self, file: &File<'_>) {
        for part in text::yaml_documents(file.text) {
            if text::plain_kind(part.text).is_some_and(|kind| !self.wanted.may_be_listed_as(kind)) {
                self.count_document();
                continue;
            }
            match yaml::parse(part.text) {
                Ok(yaml::Document::Object(object)) => {
                    self.document(file, &object, &mut |_| part.line, MAX_LISTS);
                }
                Ok(yaml::Document::List { head, items }) => {
                    let items = items.iter().map(|(line, item)| (part.line + line - 1, &**item)).collect();
                    self.list(file, &head, items, part.line, MAX_LISTS);
                }
                Err((flaw, line)) => {
                    // Such as a list of patches.
                    let is_list = part.text.starts_with('-') && flaw == Flaw::NotAnObject;
                    let is_foreign = is_list && !text::begins_as_document(part.text);
                    let matters = (file.place.is_some() || !is_foreign) && self.matters(file, part.text);
                    self.skip(file, part.line + line - 1, flaw, matters);
                }
            }
        }
    }

    /// A whole document, or an element of a list: an object, or again a list.
    fn document(&mut self, file: &File<'_>, raw: &RawValue, line: &mut dyn FnMut(&str) -> usize, lists: usize) {
        let at = line(raw.get());
        let items = json::head(raw).ok().filter(is_list).and_then(|head| json::elements(head.items?));
        match items {
            Some(items) => {
                let items = items.into_iter().map(|item| (line(item.get()), item)).collect();
                self.list(file, raw, items, at, lists);
            }
            None => self.object(file, raw, None, at),
        }
    }

    fn list(&mut self, file: &File<'_>, raw: &RawValue, items: Vec<(usize, &RawValue)>, line: usize, lists: usize) {
        let head = match json::head(raw) {
            Ok(head) => head,
            Err(flaw) => return self.skip_document(file, raw, line, flaw),
        };
        let Some(list_kind) = head.kind.as_deref().filter(|_| lists > 0) else {
            return self.skip_document(file, raw, line, Flaw::NotAnObject);
        };
        self.count_document();
        if head.api_version.is_none() && list_kind != "List" && self.wanted.may_be_listed_as(list_kind) {
            self.skip(file, line, Flaw::NotAnObject, self.wanted.mentioned_in(list_kind));
        }
        let item_kind = Kind::listed(head.api_version.as_deref().unwrap_or_default(), list_kind);
        let metadata = head.metadata.and_then(|metadata| Fields::parse(metadata.get())).unwrap_or_default();
        let whole = metadata.words("continue").is_none();
        if let Some(kind) = &item_kind {
            let is_crd = kind.kind == CRD;
            if !is_crd && !self.wanted.names(kind) {
                // Unless an item says that it is something else than its list says.
                let typed = |item: &RawValue| {
                    json::head(item).is_ok_and(|head| head.api_version.is_some() && head.kind.is_some())
                };
                for (line, item) in items.into_iter().filter(|(_, item)| typed(item)) {
                    self.object(file, item, None, line);
                }
                return;
            }
            if whole && file.place.as_ref().is_none_or(|place| place.namespace.is_none()) {
                let names =
                    || items.iter().filter_map(|(_, item)| Fields::parse(item.get())?.object("metadata").text("name"));
                self.evidence.list(kind.clone(), &file.path, is_crd.then(|| names().collect()));
            }
        }
        let is_of = |place: &&ResourcePath| item_kind.as_ref().is_none_or(|kind| kind.resource() == place.resource);
        let place = file.place.as_ref().filter(|place| place.place == Place::InspectList);
        if let Some(place) = place.filter(is_of).filter(|_| whole) {
            self.evidence.at_place(&file.path, place);
        }
        for (line, item) in items {
            if item_kind.is_none() && json::head(item).is_ok_and(|head| is_list(&head)) {
                self.document(file, item, &mut |_| line, lists - 1);
            } else {
                self.object(file, item, item_kind.as_ref(), line);
            }
        }
    }

    /// `listed_as`: what the list says its items are, where they do not say it themselves.
    fn object(&mut self, file: &File<'_>, raw: &RawValue, listed_as: Option<&Kind>, line: usize) {
        let Head { api_version, kind, .. } = match json::head(raw) {
            Ok(head) => head,
            Err(flaw) => return self.skip_item(file, raw, listed_as, line, flaw),
        };
        let typed = api_version.is_some() && kind.is_some();
        let kind = match (api_version, kind, listed_as) {
            (Some(api_version), Some(kind), _) => Kind { api_version, kind },
            (_, _, Some(listed_as)) => listed_as.clone(),
            _ => return self.skip_document(file, raw, line, Flaw::NotAnObject),
        };
        self.count_document();
        if kind.kind == CRD
            && let Some(name) = Fields::parse(raw.get()).and_then(|crd| crd.object("metadata").text("name"))
        {
            self.evidence.crd(&name);
        }
        let matters = self.wanted.needs(&kind.resource());
        if !self.wanted.keeps(&kind) {
            if self.wanted.names(&kind) {
                let flaw = Flaw::OtherVersion(upgrade_gate_core::shorten(&kind.api_version, 100));
                self.skip(file, line, flaw, matters);
            }
            return;
        }
        let origin = self.origin(file, line);
        match Object::new(kind, raw, typed, origin) {
            Ok(object) => self.keep(file, object),
            Err(flaw) => self.skip(file, line, flaw, matters),
        }
    }

    fn count_document(&mut self) {
        if let Some(source) = self.sources.last_mut() {
            source.documents += 1;
        }
    }

    fn keep(&mut self, file: &File<'_>, object: Object) {
        if let Some(source) = self.sources.last_mut() {
            source.objects += 1;
        }
        // Of a list file the list says whether it is whole.
        let place = file.place.as_ref().filter(|place| place.place != Place::InspectList);
        if let Some(place) = place.filter(|place| place.resource == object.kind.resource()) {
            self.evidence.at_place(&file.path, place);
        }
        let unnamed = if object.name.is_empty() || self.keeps_each { self.objects.len() } else { 0 };
        let key = (
            object.kind.group().into(),
            object.kind.kind.clone(),
            object.namespace.clone(),
            object.name.clone(),
            unnamed,
        );
        match self.objects.get(&key) {
            Some(other) if !object.is_newer_than(other) => {}
            _ => {
                self.objects.insert(key, object);
            }
        }
    }

    /// An element of a list that is no object; the list may have said what it should be.
    fn skip_item(&mut self, file: &File<'_>, raw: &RawValue, listed_as: Option<&Kind>, line: usize, flaw: Flaw) {
        if let Some(kind) = listed_as.filter(|kind| self.wanted.names(kind)) {
            self.skip(file, line, flaw, self.wanted.needs(&kind.resource()));
        } else {
            self.skip_document(file, raw, line, flaw);
        }
    }

    /// A document that parses, but is no object.
    fn skip_document(&mut self, file: &File<'_>, raw: &RawValue, line: usize, flaw: Flaw) {
        let matters = (file.place.is_some() || !json::is_foreign(raw)) && self.matters(file, raw.get());
        self.skip(file, line, flaw, matters);
    }

    /// Whether what was lost may have been an object that a policy wants: it is, or is in, what should
    /// be a Kubernetes document, and mentions a kind that is asked for. A log does not.
    fn matters(&self, file: &File<'_>, lost: &str) -> bool {
        (file.is_document || text::begins_as_document(lost)) && self.wanted.mentioned_in(lost)
    }

    pub(crate) fn skip(&mut self, file: &File<'_>, line: usize, flaw: Flaw, matters: bool) {
        if let Some(place) = &file.place {
            self.evidence.broken(&file.path, place, &flaw.to_string());
        }
        // A file of a million broken lines is an entry for each way to be broken.
        let kind_of_flaw = discriminant(&flaw);
        let origin = self.origin(file, line);
        let like_it = |known: &&mut Skipped| {
            let same_file = (&known.origin.path, &known.origin.member) == (&origin.path, &origin.member);
            same_file && discriminant(&known.flaw) == kind_of_flaw && known.matters == matters
        };
        match self.skipped.iter_mut().rev().take(MAX_FLAWS).find(like_it) {
            Some(known) => known.more += 1,
            None => {
                self.skipped.push(Skipped { origin, flaw, matters, more: 0 });
            }
        }
    }
}

fn is_list(head: &Head<'_>) -> bool {
    head.items.is_some() && head.kind.as_deref().is_some_and(|kind| kind.ends_with("List"))
}
