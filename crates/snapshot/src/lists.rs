//! Reading the documents of one file, and the items of its lists, in whatever order a list says what it is.

use std::io;

use upgrade_gate_core::{Fields, shorten};

use crate::{
    bytes::legible,
    contents::Reading,
    cut::{Cut, Cutter, Document, Look},
    flaw::{Flaw, MAX_UNBOUNDED},
    json::{self, Head},
    object::Object,
    path::{Place, ResourcePath},
    text::{self, Lines},
    wanted::{Kind, Mentions},
};

const CRD: &str = "CustomResourceDefinition";

/// A list in a list in a list: no tool writes that.
const MAX_LISTS: usize = 4;

/// So many kinds are remembered as not wanted: a large cluster has some hundreds.
const MAX_KINDS: usize = 10_000;

/// A list that is being read.
struct List {
    /// From 0, in the file.
    number: usize,
    line: usize,
    /// What its items are where they do not say it themselves, which may be nothing; `None` as long as the
    /// list has not said it.
    items: Option<Option<Kind>>,
    /// How many objects and CRDs of the file came before it, and how often something was skipped.
    objects: usize,
    crds: usize,
    lost: usize,
    /// Items that do not say what they are, with their lines, until the list does.
    waiting: Vec<(usize, Vec<u8>)>,
    /// The size of these, or of more than memory is for.
    waiting_bytes: u64,
}

impl List {
    fn items(&self) -> Option<&Kind> {
        self.items.as_ref()?.as_ref()
    }

    /// Keeps an item until the list has said what it is.
    fn wait(&mut self, line: usize, text: &[u8]) {
        self.waiting_bytes += text.len() as u64;
        if self.waiting_bytes > MAX_UNBOUNDED {
            self.waiting.clear();
        } else {
            self.waiting.push((line, text.to_owned()));
        }
    }
}

impl Reading<'_> {
    /// Reads what a cutter finds, to the end of the file.
    pub(crate) fn cuts<C: Cutter>(&mut self, mut cutter: C) {
        if let Err(error) = self.read_cuts(&mut cutter) {
            self.unreadable(&error);
        }
    }

    fn read_cuts<C: Cutter>(&mut self, cutter: &mut C) -> io::Result<()> {
        let mut list = None;
        while let Some(cut) = cutter.next()? {
            match cut {
                Cut::Piece => self.piece(cutter, list.as_mut()),
                Cut::TooLarge(size) => self.too_large(cutter, list.as_ref(), size),
                Cut::List => {
                    let line = cutter.line();
                    list = Some(self.begin_list(cutter.shell().ok().as_deref(), line));
                }
                Cut::NoObject => {
                    let line = cutter.line();
                    self.broken_piece("", Flaw::NotAnObject, line, list.as_ref().and_then(List::items));
                }
                Cut::ListEnd => {
                    if let Some(list) = list.take() {
                        self.end_list::<C>(list, cutter.shell());
                    }
                }
                Cut::Broken(flaw) => self.broken(cutter, list.take(), flaw)?,
            }
        }
        Ok(())
    }

    fn piece<C: Cutter>(&mut self, cutter: &mut C, list: Option<&mut List>) {
        let look = cutter.look();
        let is_typed = match &look {
            Look::Kind(kind) if self.is_unwanted(&kind.kind) => return self.count_document(),
            Look::Kind(_) => true,
            Look::Untyped | Look::Unclear => false,
        };
        let line = cutter.line();
        self.column = cutter.column();
        match list {
            Some(list) if list.items.is_none() && !is_typed => list.wait(line, &cutter.text()),
            Some(list) => {
                if look == Look::Untyped && list.items().is_some_and(|kind| self.is_other(kind)) {
                    return self.count_document();
                }
                self.read_piece::<C>(&cutter.text(), line, list.items());
            }
            None => self.read_piece::<C>(&cutter.text(), line, None),
        }
    }

    fn read_piece<C: Cutter>(&mut self, text: &[u8], line: usize, listed_as: Option<&Kind>) {
        match C::read(text) {
            Ok(document) => self.document(document, listed_as, line),
            Err((flaw, down)) => self.broken_piece(&legible(text), flaw, line + down, listed_as),
        }
    }

    fn document(&mut self, document: Document, listed_as: Option<&Kind>, line: usize) {
        match document {
            Document::Value(value) => self.value(&value, listed_as, line, MAX_LISTS),
            Document::List { head, items } => {
                let items = items.iter().map(|(down, item)| (line + down, item.as_str())).collect();
                self.list(&head, items, line, MAX_LISTS);
            }
        }
    }

    /// An object, or a list that was not cut.
    fn value(&mut self, raw: &str, listed_as: Option<&Kind>, line: usize, lists: usize) {
        let head = match json::head(raw) {
            Ok(head) => head,
            Err((Flaw::Syntax { format, column }, 0)) => {
                let flaw = Flaw::Syntax { format, column: column + self.column - 1 };
                return self.no_object(raw, flaw, line, listed_as);
            }
            Err((flaw, down)) => return self.no_object(raw, flaw, line + down, listed_as),
        };
        let items = head.items.filter(|_| head.is_list()).and_then(|items| json::elements(items.get()));
        match items {
            None => self.object(raw, head, listed_as, line),
            Some(_) if lists == 0 => self.no_object(raw, Flaw::NotAnObject, line, listed_as),
            Some(items) => {
                let mut lines = Lines::new(raw);
                let items = items.into_iter().map(|item| (line + lines.down_to(item.get()), item.get())).collect();
                self.list(raw, items, line, lists);
            }
        }
    }

    /// A list that was not cut.
    fn list(&mut self, head: &str, items: Vec<(usize, &str)>, line: usize, lists: usize) {
        let list = self.begin_list(Some(head), line);
        for (line, item) in items {
            self.value(item, list.items(), line, lists - 1);
        }
        self.finish_list(&list, head);
    }

    /// `shell`: what the list has said of itself so far.
    fn begin_list(&mut self, shell: Option<&str>, line: usize) -> List {
        let head = shell.and_then(|shell| json::head(shell).ok());
        let said = head.and_then(|Head { api_version, kind, .. }| match (api_version, kind?) {
            (_, kind) if kind == "List" => Some(None),
            (Some(api_version), kind) => Some(Kind::listed(&api_version, &kind)),
            (None, _) => None,
        });
        let number = self.lists;
        self.lists += 1;
        List {
            number,
            line,
            items: said.or_else(|| self.known.get(&number).cloned()),
            objects: self.contents.objects.len(),
            crds: self.crds.len(),
            lost: self.lost,
            waiting: Vec::new(),
            waiting_bytes: 0,
        }
    }

    fn end_list<C: Cutter>(&mut self, mut list: List, shell: Result<String, Flaw>) {
        if list.items.is_none() {
            let head = shell.as_ref().ok().and_then(|shell| json::head(shell).ok());
            let items = head.and_then(|head| head.items_kind());
            if list.waiting_bytes > MAX_UNBOUNDED && !items.as_ref().is_some_and(|kind| self.is_other(kind)) {
                self.again.insert(list.number, items.clone());
            }
            list.items = Some(items);
        }
        self.read_waiting::<C>(&mut list);
        match shell {
            Ok(shell) => self.finish_list(&list, &shell),
            Err(flaw) => self.skip(list.line, flaw, self.file.is_document),
        }
    }

    fn read_waiting<C: Cutter>(&mut self, list: &mut List) {
        for (line, text) in list.waiting.drain(..).collect::<Vec<_>>() {
            self.read_piece::<C>(&text, line, list.items());
        }
    }

    /// What a list proves, after its items.
    fn finish_list(&mut self, list: &List, shell: &str) {
        let head = match json::head(shell) {
            Ok(head) => head,
            Err((flaw, down)) => return self.no_object(shell, flaw, list.line + down, None),
        };
        let Some(list_kind) = head.kind.as_deref().filter(|kind| kind.ends_with("List")) else {
            return self.no_object(shell, Flaw::NotAnObject, list.line, None);
        };
        self.count_document();
        if head.api_version.is_none() && list_kind != "List" && self.search.wanted.may_be_listed_as(list_kind) {
            self.skip(list.line, Flaw::NotAnObject, self.search.wanted.mentioned_in(list_kind));
        }
        let items = head.items_kind();
        if items.as_ref().is_some_and(|kind| self.is_other(kind)) {
            return;
        }
        let metadata = head.metadata.and_then(|metadata| Fields::parse(metadata.get())).unwrap_or_default();
        let whole = metadata.words("continue").is_none();
        // What was skipped may have been the CRD of anything.
        let proves = |kind: &Kind| whole && (kind.kind != CRD || self.lost == list.lost);
        let proved = items.clone().filter(proves);
        let Self { contents, crds, file, .. } = self;
        if let Some(kind) = proved
            && file.place.as_ref().is_none_or(|place| place.namespace.is_none())
        {
            let crds = crds.iter().skip(list.crds).cloned();
            let crds = (kind.kind == CRD).then(|| crds.collect());
            let version = metadata.words("resourceVersion").map(|version| format!(" at resourceVersion {version}"));
            contents.evidence.list(kind, &format!("{}{}", file.path, version.unwrap_or_default()), crds);
        }
        let is_of = |place: &&ResourcePath| items.as_ref().is_none_or(|kind| kind.resource() == place.resource);
        let place = file.place.as_ref().filter(|place| place.place == Place::InspectList);
        if let Some(place) = place.filter(is_of).filter(|_| whole) {
            contents.evidence.at_place(&file.path, place);
        }
    }

    /// `listed_as`: what the list says its items are, where they do not say it themselves.
    fn object(&mut self, raw: &str, head: Head<'_>, listed_as: Option<&Kind>, line: usize) {
        let Head { api_version, kind, metadata, .. } = head;
        let typed = api_version.is_some() && kind.is_some();
        let kind = match (api_version, kind, listed_as) {
            (Some(api_version), Some(kind), _) => Kind { api_version, kind },
            (_, _, Some(listed_as)) => listed_as.clone(),
            _ => return self.no_object(raw, Flaw::NotAnObject, line, None),
        };
        self.count_document();
        if kind.kind == CRD {
            match metadata.and_then(|metadata| Fields::parse(metadata.get())?.text("name")) {
                Some(name) => {
                    self.contents.evidence.crd(&name);
                    self.crds.push(name);
                }
                None => self.skip(line, Flaw::NoString("name"), false),
            }
        }
        let matters = self.search.wanted.needs(&kind.resource());
        if !self.search.wanted.keeps(&kind) {
            if self.search.wanted.names(&kind) {
                self.skip(line, Flaw::OtherVersion(shorten(&kind.api_version, 100)), matters);
            }
            return;
        }
        match Object::new(kind, raw, metadata, typed, self.file.origin(line)) {
            Ok(object) => self.keep(object),
            Err(flaw) => self.skip(line, flaw, matters),
        }
    }

    fn count_document(&mut self) {
        self.contents.documents += 1;
        self.search.progress.add_document();
    }

    /// Whether nothing of this kind is wanted. A list may hold anything.
    fn is_unwanted(&mut self, kind: &str) -> bool {
        if !self.unwanted.contains(kind) {
            if kind.ends_with("List") || self.search.wanted.may_be_listed_as(kind) {
                return false;
            }
            // A file of as many kinds as objects is no reason to remember them all.
            if self.unwanted.len() > MAX_KINDS {
                self.unwanted.clear();
            }
            self.unwanted.insert(kind.to_owned());
        }
        true
    }

    /// Whether no object of the kind is wanted, in whatever version, nor proves anything.
    fn is_other(&self, kind: &Kind) -> bool {
        kind.kind != CRD && !self.search.wanted.names(kind)
    }

    /// A piece that parses, but is no object; its list may have said what it should be.
    fn no_object(&mut self, raw: &str, flaw: Flaw, line: usize, listed_as: Option<&Kind>) {
        if self.file.place.is_none() && listed_as.is_none() && json::is_foreign(raw) {
            self.skip(line, flaw, false);
        } else {
            self.broken_piece(raw, flaw, line, listed_as);
        }
    }

    fn broken_piece(&mut self, text: &str, flaw: Flaw, line: usize, listed_as: Option<&Kind>) {
        let matters = match listed_as.filter(|kind| self.search.wanted.names(kind)) {
            Some(kind) => self.search.wanted.needs(&kind.resource()),
            None => {
                // Such as a list of patches.
                let is_list = text.starts_with('-') && flaw == Flaw::NotAnObject;
                let is_foreign = is_list && !text::begins_as_document(text);
                (self.file.place.is_some() || !is_foreign) && self.matters(text)
            }
        };
        self.skip(line, flaw, matters);
    }

    fn too_large<C: Cutter>(&mut self, cutter: &mut C, list: Option<&List>, size: usize) {
        self.count_document();
        let matters = match (cutter.look(), list.and_then(List::items)) {
            (Look::Kind(kind), _) => self.search.wanted.mentioned_in(&kind.kind),
            (_, Some(kind)) => self.search.wanted.needs(&kind.resource()),
            (_, None) => self.file.is_document,
        };
        let line = cutter.line();
        if matters || !matches!(cutter.look(), Look::Kind(kind) if self.is_unwanted(&kind.kind)) {
            self.skip(line, Flaw::TooLarge(size), matters);
        }
    }

    /// What follows cannot be read; it may have been anything that it mentions.
    fn broken<C: Cutter>(&mut self, cutter: &mut C, list: Option<List>, flaw: Flaw) -> io::Result<()> {
        let line = cutter.line();
        let mut is_needed = false;
        if let Some(mut list) = list {
            self.read_waiting::<C>(&mut list);
            let kept = self.contents.objects.iter().skip(list.objects).map(|object| &object.kind);
            is_needed = kept.chain(list.items()).any(|kind| self.search.wanted.needs(&kind.resource()));
        }
        let is_document = self.file.is_document || text::begins_as_document(&legible(&cutter.text()));
        let mut mentions = Mentions::new(&self.search.wanted);
        let outcome = cutter.rest(&mut |part| mentions.see(part));
        self.skip(line, flaw, is_document && (is_needed || mentions.end()));
        outcome
    }
}
