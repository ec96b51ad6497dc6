//! One kind of a cluster that is watched: its objects, how fresh they are, and the answers to questions about them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::sync::Notify;
use upgrade_gate_core::{Answer, GetQuery, ListQuery, ReadError, escape};
use upgrade_gate_snapshot::{Kind, Object, select};

use crate::live::pages::{Refusal, Resource, remove_managed_fields};

/// An answer is given only while the API server has confirmed the kind within this time: listed it, sent a change of it,
/// or opened a watch of it anew, which it does every [`WATCH`](super::follow::WATCH) where nothing changes.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(30);

/// Maximum number of distinct lists of one kind that are remembered until the next change.
const MAX_LISTS: usize = 16;

/// A kind, what is kept of its objects, and what is known of them.
pub(super) struct Followed {
    pub(super) kind: Kind,
    pub(super) resource: Resource,
    /// As masks name them; `None` for the whole object.
    fields: Option<BTreeSet<String>>,
    known: Mutex<Known>,
    /// Something has changed that may make the kind appear.
    pub(super) changed: Notify,
}

/// What is known of one kind, for readiness and metrics.
pub(crate) struct Standing {
    /// `PLURAL.GROUP`.
    pub(crate) resource: String,
    /// Whether the API server has answered, be it with no.
    pub(crate) is_answered: bool,
    /// Why nothing new comes.
    pub(crate) refusal: Option<Refusal>,
    pub(crate) objects: usize,
    /// Since the API server last confirmed them; absent where it did not.
    pub(crate) age: Option<Duration>,
}

#[derive(Default)]
struct Known {
    objects: BTreeMap<(Option<String>, String), Arc<Object>>,
    /// Of the objects as they are.
    lists: BTreeMap<ListQuery, Arc<str>>,
    /// How often they have changed.
    changes: u64,
    /// When the API server last said that these are all; absent where it did not, or says no.
    confirmed: Option<Instant>,
    /// Why nothing new comes.
    refusal: Option<Refusal>,
}

impl Known {
    fn changed(&mut self) {
        self.lists.clear();
        self.changes += 1;
        self.confirmed = Some(Instant::now());
    }
}

impl Followed {
    pub(super) fn new(kind: Kind, resource: Resource, fields: Option<BTreeSet<String>>) -> Self {
        Self { kind, resource, fields, known: Mutex::default(), changed: Notify::new() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object as it is kept: of some kinds a few fields of many are.
    ///
    /// # Errors
    /// [`Refusal`]: it is none.
    pub(super) fn kept(&self, mut object: Value) -> Result<Object, Refusal> {
        let Kind { api_version, kind } = &self.kind;
        if let Some(fields) = object.as_object_mut() {
            // A list may have left them out, and of metadata they are PartialObjectMetadata's.
            fields.insert("apiVersion".into(), api_version.as_str().into());
            fields.insert("kind".into(), kind.as_str().into());
        }
        remove_managed_fields(&mut object);
        if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
        if let Some(fields) = &self.fields {
            select::cut(&mut object, fields);
        }
        Object::of_api_server(self.kind.clone(), &object.to_string())
            .map_err(|flaw| Refusal::Refused(format!("an object of it {flaw}")))
    }

    /// These were all at that time; says whether that is news.
    pub(super) fn listed(&self, objects: Vec<Object>, at: Instant) -> bool {
        let objects = objects.into_iter().map(|object| (key(&object), Arc::new(object))).collect();
        let mut known = self.known();
        let is_news = known.confirmed.is_none() || known.refusal.is_some();
        let changes = known.changes + 1;
        *known = Known { objects, changes, confirmed: Some(at), ..Known::default() };
        is_news
    }

    pub(super) fn applied(&self, object: Object) {
        let mut known = self.known();
        known.changed();
        known.objects.insert(key(&object), Arc::new(object));
    }

    pub(super) fn deleted(&self, object: &Object) {
        let mut known = self.known();
        known.changed();
        known.objects.remove(&key(object));
    }

    /// The API server had nothing new at that time.
    pub(super) fn confirmed(&self, at: Instant) {
        self.known().confirmed = Some(at);
    }

    /// The watch has ended; says whether that is news. What is known stays for a while, unless the answer is no.
    pub(super) fn ended(&self, refusal: &Refusal) -> bool {
        let mut known = self.known();
        let is_news = known.refusal.as_ref() != Some(refusal);
        if matches!(refusal, Refusal::NotServed | Refusal::Forbidden(_)) {
            *known = Known { changes: known.changes + 1, ..Known::default() };
        }
        known.refusal = Some(refusal.clone());
        is_news
    }

    pub(super) fn standing(&self) -> Standing {
        let known = self.known();
        let is_answer = |refusal: &Refusal| !matches!(refusal, Refusal::Unreachable(_));
        Standing {
            resource: self.resource.name.to_string(),
            is_answered: known.confirmed.is_some() || known.refusal.as_ref().is_some_and(is_answer),
            refusal: known.refusal.clone(),
            objects: known.objects.len(),
            age: known.confirmed.map(|at| at.elapsed()),
        }
    }

    /// Whether what is kept has all these fields.
    pub(super) fn keeps(&self, asked: &BTreeSet<String>) -> bool {
        let Some(kept) = &self.fields else { return true };
        let always = ["metadata", "apiVersion", "kind"];
        let kept = || kept.iter().map(String::as_str).chain(always);
        let is_kept = |path: &String| kept().any(|of| path == of || is_below(path, of));
        !asked.is_empty() && asked.iter().all(is_kept)
    }

    /// # Errors
    /// [`ReadError::NotFound`], and [`ReadError::Unavailable`] where the objects are not known.
    pub(super) fn get(&self, query: &GetQuery) -> Result<Answer, ReadError> {
        let known = self.known();
        self.readable(&known)?;
        let found = known.objects.get(&(query.namespace.clone(), query.name.clone())).cloned();
        drop(known);
        let object = found.ok_or(ReadError::NotFound)?;
        Ok(Answer { json: select::one(query, &object), complete: true })
    }

    /// # Errors
    /// [`ReadError::Unavailable`] where the objects, or those fields of them, are not known.
    pub(super) fn list(&self, query: &ListQuery) -> Result<Answer, ReadError> {
        if !self.keeps(&query.fields) {
            let fields: Vec<&str> = self.fields.iter().flatten().map(String::as_str).collect();
            let text = format!(
                "of {} only these fields are kept, as the policy declares: {}",
                self.kind.kind,
                fields.join(" ")
            );
            return Err(ReadError::Unavailable(text));
        }
        let known = self.known();
        self.readable(&known)?;
        if let Some(json) = known.lists.get(query) {
            return Ok(Answer { json: Arc::clone(json), complete: true });
        }
        // Ten thousand objects take a tenth of a second, in which nobody else should wait.
        let (objects, changes): (Vec<_>, _) = (known.objects.values().cloned().collect(), known.changes);
        drop(known);
        let json = select::many(query, objects.iter().map(|object| &**object), true)?;
        let mut known = self.known();
        if known.changes == changes && known.lists.len() < MAX_LISTS {
            known.lists.insert(query.clone(), Arc::clone(&json));
        }
        Ok(Answer { json, complete: true })
    }

    fn readable(&self, known: &Known) -> Result<(), ReadError> {
        let Resource { name, .. } = &self.resource;
        let words = |refusal: &Refusal| escape(&refusal.to_string());
        let text = match (known.confirmed.map(|at| at.elapsed()), &known.refusal) {
            (Some(age), _) if age <= MAX_AGE => return Ok(()),
            // The words of a policy server for a kind that is not served.
            (None, Some(Refusal::NotServed)) => {
                format!("Cannot find resource {}/{}", self.kind.api_version, self.kind.kind)
            }
            (None, Some(refusal)) => words(refusal),
            (None, None) => format!("the API server has not listed {name} yet"),
            (Some(age), refusal) => {
                let why = refusal.as_ref().map_or(String::new(), |refusal| format!(": {}", words(refusal)));
                format!("the API server has said nothing of {name} for {} s{why}", age.as_secs())
            }
        };
        Err(ReadError::Unavailable(text))
    }
}

/// Whether a path of a field leads to a part of what another one names.
pub(super) fn is_below(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.starts_with('.'))
}

fn key(object: &Object) -> (Option<String>, String) {
    (object.namespace.clone(), object.name.clone())
}
