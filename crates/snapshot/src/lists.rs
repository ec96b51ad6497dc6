//! Reading the documents of one file, and the items of its lists, in whatever order a list says what it is.

use std::io;

use upgrade_gate_core::Fields;

use crate::{
    bytes::legible,
    contents::Reading,
    cut::{Cut, Cutter, Document, Look},
    evidence::WholeList,
    flaw::{Flaw, MAX_UNBOUNDED},
    items::{MAX_LISTS, is_crd},
    json::{self, Head},
    text,
    wanted::{Kind, Mentions},
};

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
    /// Whether no item has come.
    is_empty: bool,
    /// How many documents of the file came before it.
    documents: usize,
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
        let mut list: Option<List> = None;
        while let Some(cut) = cutter.next()? {
            if let (Cut::Piece | Cut::TooLarge(_) | Cut::NoObject, Some(list)) = (&cut, &mut list) {
                list.is_empty = false;
            }
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
            Look::Kind(kind) if self.is_unwanted(&kind.kind) && !self.tells(kind, &cutter.text()) => {
                return self.count_document();
            }
            Look::Kind(_) => true,
            Look::Untyped | Look::Unclear => false,
        };
        let line = cutter.line();
        self.column = cutter.column();
        match list {
            Some(list) if list.items.is_none() && !is_typed => list.wait(line, &cutter.text()),
            Some(list) => {
                let text = cutter.text();
                let of = list.items().filter(|_| look == Look::Untyped);
                if of.is_some_and(|kind| self.is_other(kind) && !self.tells(kind, &text)) {
                    return self.count_document();
                }
                self.read_piece::<C>(&text, line, list.items());
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

    /// A list that was not cut.
    pub(crate) fn list(&mut self, head: &str, items: Vec<(usize, &str)>, line: usize, lists: usize) {
        let list = List { is_empty: items.is_empty(), ..self.begin_list(Some(head), line) };
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
            is_empty: true,
            documents: self.contents.documents,
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
            // A list of objects that is cut off before it says what it is: what followed may have been anything.
            if head.kind.is_none() && self.contents.documents > list.documents {
                return self.skip(list.line, Flaw::NotAnObject, self.file.is_document);
            }
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
        let metadata = head.metadata.and_then(|metadata| Fields::parse(metadata.get()));
        let has_duplicate = head.metadata.is_some_and(|metadata| json::inspect(metadata.get()).is_err());
        let whole = is_whole(metadata.as_ref(), items.is_some());
        if let Err(flaw) = whole.and(if has_duplicate { Err(Flaw::DuplicateKey) } else { Ok(()) }) {
            return self.skip(list.line, flaw, false);
        }
        let Some(kind) = items else { return };
        if self.lost == list.lost && self.is_mixed(list, &kind) {
            return self.skip(list.line, Flaw::PartialList("it has items of another kind"), false);
        }
        // What was skipped may have been the CRD of anything.
        if is_crd(&kind) && self.lost > list.lost {
            return;
        }
        let path = self.file.path.clone();
        self.whole_list(WholeList {
            crds: is_crd(&kind).then(|| self.crds.iter().skip(list.crds).cloned().collect()),
            kind,
            path: &path,
            resource_version: metadata.and_then(|metadata| metadata.words("resourceVersion")),
            is_empty: list.is_empty,
        });
    }

    /// Whether items of a list say that they are of another kind than it says.
    fn is_mixed(&self, list: &List, kind: &Kind) -> bool {
        let of_kind = if is_crd(kind) {
            self.crds.len() - list.crds
        } else {
            self.contents.objects.iter().skip(list.objects).filter(|object| object.kind == *kind).count()
        };
        // The list is a document, too.
        of_kind < self.contents.documents - list.documents - 1
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
            let may_hold_anything = list.items().is_none() && self.contents.documents > list.documents;
            is_needed =
                may_hold_anything || kept.chain(list.items()).any(|kind| self.search.wanted.needs(&kind.resource()));
        }
        let is_document = self.file.is_document || text::begins_as_document(&legible(&cutter.text()));
        let mut mentions = Mentions::new(&self.search.wanted);
        let outcome = cutter.rest(&mut |part| mentions.see(part));
        self.skip(line, flaw, is_document && (is_needed || mentions.end()));
        outcome
    }
}

/// Whether a list says that it is all of it; one that is typed has metadata, too.
fn is_whole(metadata: Option<&Fields<'_>>, is_typed: bool) -> Result<(), Flaw> {
    let Some(metadata) = metadata else {
        return if is_typed { Err(Flaw::PartialList("it has no metadata")) } else { Ok(()) };
    };
    // An empty token is none.
    let goes_on = metadata.raw("continue").is_some_and(|token| token.get() != "\"\"");
    if goes_on || metadata.raw("remainingItemCount").is_some() {
        return Err(Flaw::PartialList("its metadata say that more follows"));
    }
    Ok(())
}
