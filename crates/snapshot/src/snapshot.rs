//! The state of a cluster as somebody captured it.

use std::{collections::BTreeSet, sync::Arc};

use upgrade_gate_core::{Answer, Cluster, Fields, GetQuery, ListQuery, PROBE, ReadError, shorten};

use crate::{
    copies::Copies,
    evidence::{KindReport, State},
    flaw::Flaw,
    identity::Clash,
    items::is_crd,
    object::{Object, Origin},
    select,
    wanted::Kind,
};

/// Objects, what is known about their completeness, and what could not be read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    objects: Vec<Object>,
    kinds: Vec<KindReport>,
    skipped: Vec<Skipped>,
    sources: Vec<Source>,
    copies: Vec<Copies>,
    clash: Option<Clash>,
}

/// Something of a source that is not in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub origin: Origin,
    /// Why.
    pub flaw: Flaw,
    /// Whether it may have been an object that a policy wants: then nothing can be called complete.
    pub matters: bool,
    /// How many more parts of the same file have a flaw of the same kind.
    pub more: usize,
    /// How many more files of the same source have one, beyond those that are listed.
    pub more_files: usize,
}

/// What the user named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As he named it.
    pub path: String,
    /// By what was found in it.
    pub layout: Layout,
    /// Kubernetes documents and items of lists, wanted or not; of unwanted lists only the list.
    pub documents: usize,
    /// Objects of wanted kinds, with duplicates.
    pub objects: usize,
    /// Bytes read; of logs only the beginning is.
    pub bytes: u64,
}

/// How a source is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// Dumps and manifests.
    Files,
    /// `oc adm must-gather`, `oc adm inspect`.
    MustGather,
    /// kubevirt's must-gather, alone or side by side with others.
    KubevirtMustGather,
    /// No files: an API server's answers.
    Cluster,
}

impl Layout {
    /// For reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::MustGather => "must-gather",
            Self::KubevirtMustGather => "kubevirt-must-gather",
            Self::Cluster => "cluster",
        }
    }
}

impl Skipped {
    /// Why, in words.
    #[must_use]
    pub fn reason(&self) -> String {
        let mut reason = self.flaw.to_string();
        if self.more > 0 {
            reason += &format!("; and {} more like it in this file", self.more);
        }
        if self.more_files > 0 {
            reason += &format!("; and {} more files like it, which are not listed", self.more_files);
        }
        reason
    }
}

impl Snapshot {
    pub(crate) fn new(
        objects: Vec<Object>,
        kinds: Vec<KindReport>,
        skipped: Vec<Skipped>,
        sources: Vec<Source>,
        copies: Vec<Copies>,
        clash: Option<Clash>,
    ) -> Self {
        Self { objects, kinds, skipped, sources, copies, clash }
    }

    /// By group, kind, namespace and name.
    pub fn objects(&self) -> impl ExactSizeIterator<Item = &Object> {
        self.objects.iter()
    }

    /// What is known about each kind that was asked for by name, or that has objects; by kind.
    #[must_use]
    pub fn kinds(&self) -> &[KindReport] {
        &self.kinds
    }

    /// By origin.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// In the order in which they were read.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The objects of which several copies are here.
    #[must_use]
    pub fn copies(&self) -> &[Copies] {
        &self.copies
    }

    /// What shows that the sources are of two clusters, if anything does.
    #[must_use]
    pub fn clash(&self) -> Option<&Clash> {
        self.clash.as_ref()
    }

    /// Whether nothing was skipped that may have been an object that decides something.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.skipped.iter().any(|skipped| skipped.matters)
    }

    /// What is known about a kind. One that no policy named is not captured: its objects were not
    /// kept.
    #[must_use]
    pub fn state(&self, kind: &Kind) -> State {
        self.report(kind).map_or(State::NotCaptured, |report| report.state)
    }

    fn report(&self, kind: &Kind) -> Option<&KindReport> {
        self.kinds.iter().find(|report| report.kind == *kind)
    }

    fn of_kind<'s>(&'s self, kind: &'s Kind) -> impl Iterator<Item = &'s Object> {
        let key = |object: &Object| (object.kind.group(), object.kind.kind.as_str()).cmp(&(kind.group(), &kind.kind));
        let start = self.objects.partition_point(|object| key(object).is_lt());
        let rest = self.objects.get(start..).unwrap_or_default();
        let end = rest.partition_point(|object| key(object).is_eq());
        rest.get(..end).unwrap_or_default().iter().filter(move |object| object.kind == *kind)
    }

    /// Whether the objects that are here are all there are, as far as that matters; an error where there is
    /// nothing to go by.
    fn is_complete(&self, kind: &Kind) -> Result<bool, ReadError> {
        let is_needed = self.report(kind).is_none_or(|report| report.is_needed);
        match self.state(kind) {
            State::Captured => Ok(self.is_whole() || !is_needed),
            State::NotCaptured if self.of_kind(kind).next().is_some() => Ok(!is_needed),
            // The words of a policy server for a kind that is not served.
            State::NotInstalled if self.is_whole() => {
                Err(ReadError::Unavailable(format!("Cannot find resource {}/{}", kind.api_version, kind.kind)))
            }
            State::NotInstalled | State::NotCaptured => Err(unknown(kind)),
        }
    }

    /// The CRD of a kind whose state is known need not be in the snapshot itself; of such a one only the metadata is known.
    fn implied_crd(&self, query: &GetQuery) -> Option<Result<Answer, ReadError>> {
        let of_name = |report: &&KindReport| report.kind.resource().to_string() == query.name;
        let KindReport { kind, state, objects, .. } = self.kinds.iter().find(of_name)?;
        match state {
            State::NotInstalled if self.is_whole() => Some(Err(ReadError::NotFound)),
            State::NotInstalled => None,
            // Whoever asks for the CRD wants to know about the kind.
            State::NotCaptured if *objects == 0 => Some(Err(unknown(kind))),
            State::Captured | State::NotCaptured if !asks_for_metadata(&query.fields) => Some(Err(only_metadata())),
            State::Captured | State::NotCaptured => {
                let crd = serde_json::json!({
                    "apiVersion": "apiextensions.k8s.io/v1",
                    "kind": "CustomResourceDefinition",
                    "metadata": {"name": query.name},
                });
                Some(Ok(Answer { json: crd.to_string().into(), complete: true }))
            }
        }
    }

    /// The one answer that all copies of an object give.
    fn answer(&self, query: &GetQuery, copies: &[&Object]) -> Result<Answer, ReadError> {
        if copies.iter().any(|copy| has_only_metadata(copy)) && !asks_for_metadata(&query.fields) {
            return Err(only_metadata());
        }
        let answers: BTreeSet<Arc<str>> = copies.iter().map(|copy| select::one(query, copy)).collect();
        match (answers.first(), copies) {
            (Some(json), _) if answers.len() == 1 => Ok(Answer { json: json.clone(), complete: true }),
            (_, [one, other, ..]) => Err(ReadError::Unavailable(format!(
                "there are two copies of it which differ, and none is newer: in {} and in {}",
                shorten(&one.origin.path, 100),
                shorten(&other.origin.path, 100)
            ))),
            _ => Err(ReadError::NotFound),
        }
    }
}

/// Whether all fields of a query are metadata, which is known of every object.
fn asks_for_metadata(fields: &BTreeSet<String>) -> bool {
    let is_known =
        |field: &String| ["apiVersion", "kind", "metadata"].contains(&field.split('.').next().unwrap_or_default());
    !fields.is_empty() && fields.iter().all(is_known)
}

/// Whether an object is a CustomResourceDefinition without what every stored one has: somebody took its metadata only.
fn has_only_metadata(object: &Object) -> bool {
    is_crd(&object.kind) && Fields::parse(&object.json).is_some_and(|fields| fields.raw("spec").is_none())
}

fn only_metadata() -> ReadError {
    ReadError::Unavailable("of this CustomResourceDefinition only the metadata can be known from this source".into())
}

fn unknown(kind: &Kind) -> ReadError {
    let Kind { api_version, kind } = kind;
    ReadError::Unavailable(format!("the snapshot does not show whether there are {api_version}/{kind} objects"))
}

impl Cluster for Snapshot {
    fn get(&self, query: &GetQuery) -> Result<Answer, ReadError> {
        let kind = Kind::new(&query.api_version, &query.kind);
        let is_it = |object: &&Object| object.name == query.name && object.namespace == query.namespace;
        let found: Vec<&Object> = self.of_kind(&kind).filter(is_it).collect();
        if !found.is_empty() {
            return self.answer(query, &found);
        }
        if is_crd(&kind)
            && let Some(answer) = self.implied_crd(query)
        {
            return answer;
        }
        match self.is_complete(&kind)? {
            true => Err(ReadError::NotFound),
            // Whether the kind may be read is all that this one asks.
            false if query.name == PROBE.0 => Err(ReadError::NotFound),
            false => Err(ReadError::Unavailable(format!(
                "it cannot be known from this source whether there is a {} {}, as the source may not hold all of them",
                query.kind,
                shorten(&query.name, 100)
            ))),
        }
    }

    fn list(&self, query: &ListQuery) -> Result<Answer, ReadError> {
        let kind = Kind::new(&query.api_version, &query.kind);
        let complete = self.is_complete(&kind)?;
        if self.of_kind(&kind).any(has_only_metadata) && !asks_for_metadata(&query.fields) {
            return Err(only_metadata());
        }
        let json = select::many(query, self.of_kind(&kind), complete)?;
        Ok(Answer { json, complete })
    }
}
