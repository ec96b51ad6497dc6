//! One document, or one item of a list: an object that is kept, or what it proves, or why it is none.

use memchr::memmem;
use upgrade_gate_core::{Fields, shorten};

use crate::{
    contents::Reading,
    evidence::WholeList,
    flaw::Flaw,
    identity::may_identify,
    json::{self, Head},
    kinds::is_of_crds,
    nested,
    object::Object,
    path::Place,
    record,
    text::{self, Lines},
    wanted::Kind,
};

/// A list in a list in a list: no tool writes that.
pub(crate) const MAX_LISTS: usize = 4;

/// Kinds that are remembered as not wanted: a large cluster has some hundreds.
const MAX_KINDS: usize = 10_000;

pub(crate) fn is_crd(kind: &Kind) -> bool {
    kind.kind == "CustomResourceDefinition" && kind.group() == "apiextensions.k8s.io"
}

impl Reading<'_> {
    /// An object inside another document.
    pub(crate) fn read_object(&mut self, raw: &str, line: usize) {
        self.value(raw, None, line, MAX_LISTS);
    }

    /// An object, or a list that was not cut. `listed_as`: what the list says its items are, where they do not say it themselves.
    pub(crate) fn value(&mut self, raw: &str, listed_as: Option<&Kind>, line: usize, lists: usize) {
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

    fn object(&mut self, raw: &str, head: Head<'_>, listed_as: Option<&Kind>, line: usize) {
        let Head { api_version, kind, metadata, .. } = head;
        let typed = api_version.is_some() && kind.is_some();
        let kind = match (api_version, kind, listed_as) {
            (Some(api_version), Some(kind), _) => Kind { api_version, kind },
            (_, _, Some(listed_as)) => listed_as.clone(),
            _ => return self.no_object(raw, Flaw::NotAnObject, line, None),
        };
        self.count_document();
        if record::is_record(&kind) {
            return self.record(raw, line);
        }
        let (wanted, resource) = (&self.search.wanted, kind.resource());
        let (matters, is_kept, is_named) = (wanted.needs(&resource), wanted.keeps(&kind), wanted.names(&kind));
        let fields = metadata.and_then(|metadata| Fields::parse(metadata.get())).unwrap_or_default();
        let is_stored = ["name", "resourceVersion"].iter().all(|field| fields.words(field).is_some());
        self.crd(&kind, &fields, is_stored, line);
        let origin = self.origin(line);
        self.contents.identities.see(&kind, &fields, raw, || origin.clone());
        if is_stored && is_of_crds(kind.group()) {
            self.contents.evidence.stored(&kind);
        }
        // What starts an upgrade is started by nobody while it is a text, such as a bundle that OLM unpacked.
        if is_named && !matters && self.line_of_all.is_some() {
            return;
        }
        if is_kept {
            return match Object::new(kind, raw, metadata, typed, origin) {
                Ok(object) => {
                    self.at_place(&object.kind, object.namespace.as_deref(), is_stored);
                    self.keep(object);
                }
                Err(flaw) => self.skip(line, flaw, matters),
            };
        }
        if is_named {
            return self.skip(line, Flaw::OtherVersion(shorten(&kind.api_version, 100)), matters);
        }
        self.at_place(&kind, fields.words("namespace").as_deref(), is_stored);
        if nested::is_partial(&kind) {
            self.skip(line, Flaw::OnlyMetadata, true);
        } else if let Some(of) = listed_kind(&kind) {
            let matters = of.is_none_or(|of| self.search.wanted.needs(&of.resource()));
            if matters {
                self.skip(line, Flaw::NoItems, true);
            }
        } else {
            self.nested(raw, Some(&kind), line);
        }
    }

    fn record(&mut self, raw: &str, line: usize) {
        match record::read(&self.file.path, raw) {
            Some((file, asked)) if self.depth == 0 => self.contents.evidence.record(file, asked),
            Some(_) => {}
            None => self.skip(line, Flaw::NotAnObject, true),
        }
    }

    /// What a CustomResourceDefinition says about other kinds.
    fn crd(&mut self, kind: &Kind, metadata: &Fields<'_>, is_stored: bool, line: usize) {
        if !is_crd(kind) {
            return;
        }
        let Some(name) = metadata.text("name") else { return self.skip(line, Flaw::NoString("name"), false) };
        // A manifest in another document is not the cluster's.
        if self.depth == 0 || is_stored {
            self.contents.evidence.crd(&name);
        }
        if self.depth > 0 {
            return;
        }
        if let Some(place) = self.file.place.as_ref().filter(|_| is_stored) {
            self.contents.evidence.crd_at_place(&name, place);
        }
        self.crds.push(name);
    }

    /// A whole object: perhaps one where a must-gather puts those of its kind. What was never stored a must-gather did not write.
    fn at_place(&mut self, kind: &Kind, namespace: Option<&str>, is_stored: bool) {
        // Of a list file the list says whether it is whole.
        let place = self.file.place.as_ref().filter(|place| place.place != Place::InspectList && self.depth == 0);
        let is_there =
            place.filter(|place| place.resource == kind.resource() && place.namespace.as_deref() == namespace);
        let Some(place) = is_there else { return };
        self.is_at_place = true;
        if is_stored {
            self.contents.evidence.at_place(&self.file.path, place);
        }
    }

    /// A whole typed list.
    pub(crate) fn whole_list(&mut self, list: WholeList<'_>) {
        if self.depth > 0 {
            return;
        }
        let place = self.file.place.as_ref();
        if let Some(place) = place.filter(|it| it.place == Place::InspectList && it.resource == list.kind.resource()) {
            self.is_at_place = true;
            self.contents.evidence.list_at_place(&list, place);
        }
        // Where an object belongs, or the list of one namespace, nobody puts a list of all.
        if place.is_none_or(|place| place.place == Place::InspectList && place.namespace.is_none()) {
            self.contents.evidence.list(list);
        }
    }

    pub(crate) fn count_document(&mut self) {
        self.contents.documents += 1;
        self.search.progress.add_document();
    }

    /// Whether nothing of this kind is wanted. A list may hold anything.
    pub(crate) fn is_unwanted(&mut self, kind: &str) -> bool {
        if !self.unwanted.contains(kind) {
            let is_asked_for = self.search.wanted.may_be_listed_as(kind) || record::is_named_as_record(kind);
            if kind.ends_with("List") || is_asked_for {
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
    pub(crate) fn is_other(&self, kind: &Kind) -> bool {
        !is_crd(kind) && !record::is_record(kind) && !nested::is_partial(kind) && !self.search.wanted.names(kind)
    }

    /// Whether a piece of a kind that nobody wants has to be read all the same. What a stored one proves by its kind alone is
    /// noted here: a word that looks like a resourceVersion does, as it only takes proofs away.
    pub(crate) fn tells(&mut self, kind: &Kind, text: &[u8]) -> bool {
        let place = self.file.place.as_ref();
        let is_proof = place.is_some_and(|it| it.place == Place::KubevirtObject && it.resource == kind.resource());
        if is_proof || nested::is_partial(kind) || may_identify(kind, text) {
            return true;
        }
        if is_of_crds(kind.group()) && memmem::find(text, b"resourceVersion").is_some() {
            self.contents.evidence.stored(kind);
        }
        nested::may_hold(&self.search.wanted, text, Some(kind))
    }

    /// A piece that parses, but is no object; its list may have said what it should be.
    pub(crate) fn no_object(&mut self, raw: &str, flaw: Flaw, line: usize, listed_as: Option<&Kind>) {
        if listed_as.is_none() && self.nested(raw, None, line) {
            return;
        }
        if self.file.place.is_none() && listed_as.is_none() && json::is_foreign(raw) {
            self.skip(line, flaw, false);
        } else {
            self.broken_piece(raw, flaw, line, listed_as);
        }
    }

    pub(crate) fn broken_piece(&mut self, text: &str, flaw: Flaw, line: usize, listed_as: Option<&Kind>) {
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
}

/// What the items are of a list without any: nothing where it does not say.
fn listed_kind(kind: &Kind) -> Option<Option<Kind>> {
    kind.kind.ends_with("List").then(|| Kind::listed(&kind.api_version, &kind.kind))
}
