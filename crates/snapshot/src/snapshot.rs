//! The state of a cluster as somebody captured it.

use upgrade_gate_core::{Answer, Cluster, GetQuery, ListQuery, ReadError};

use crate::{
    evidence::{KindReport, State},
    flaw::Flaw,
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
    ) -> Self {
        Self { objects, kinds, skipped, sources }
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
        match self.state(kind) {
            State::Captured => Ok(true),
            State::NotCaptured if self.of_kind(kind).next().is_some() => {
                Ok(self.report(kind).is_some_and(|report| !report.is_needed))
            }
            // The words of a policy server for a kind that is not served.
            State::NotInstalled => {
                Err(ReadError::Unavailable(format!("Cannot find resource {}/{}", kind.api_version, kind.kind)))
            }
            State::NotCaptured => Err(unknown(kind)),
        }
    }

    /// The CRD of a kind whose state is known need not be in the snapshot itself.
    fn implied_crd(&self, name: &str) -> Option<Result<Answer, ReadError>> {
        let of_name = |report: &&KindReport| report.kind.resource().to_string() == name;
        let KindReport { kind, state, objects, .. } = self.kinds.iter().find(of_name)?;
        match state {
            State::NotInstalled => Some(Err(ReadError::NotFound { complete: true })),
            // Whoever asks for the CRD wants to know about the kind.
            State::NotCaptured if *objects == 0 => Some(Err(unknown(kind))),
            State::Captured | State::NotCaptured => {
                let crd = serde_json::json!({
                    "apiVersion": "apiextensions.k8s.io/v1",
                    "kind": "CustomResourceDefinition",
                    "metadata": {"name": name},
                });
                Some(Ok(Answer { json: crd.to_string().into(), complete: true }))
            }
        }
    }
}

fn unknown(kind: &Kind) -> ReadError {
    let Kind { api_version, kind } = kind;
    ReadError::Unavailable(format!("the snapshot does not show whether there are {api_version}/{kind} objects"))
}

impl Cluster for Snapshot {
    fn get(&self, query: &GetQuery) -> Result<Answer, ReadError> {
        let kind = Kind::new(&query.api_version, &query.kind);
        let found = self.of_kind(&kind).find(|object| object.name == query.name && object.namespace == query.namespace);
        if let Some(object) = found {
            return Ok(Answer { json: select::one(query, object), complete: true });
        }
        if query.kind == "CustomResourceDefinition"
            && let Some(answer) = self.implied_crd(&query.name)
        {
            return answer;
        }
        Err(ReadError::NotFound { complete: self.is_complete(&kind)? })
    }

    fn list(&self, query: &ListQuery) -> Result<Answer, ReadError> {
        let kind = Kind::new(&query.api_version, &query.kind);
        let complete = self.is_complete(&kind)?;
        let json = select::many(query, self.of_kind(&kind))?;
        Ok(Answer { json, complete })
    }
}
