//! A live cluster as policies ask it: every kind that they may read is watched, and answered from memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{runtime::Handle, time};
use upgrade_gate_core::{Answer, Cluster, GetQuery, ListQuery, ReadError, escape};
use upgrade_gate_snapshot::{Kind, Object, select};

use crate::{
    error::Error,
    live::{
        Connection,
        follow::follow,
        followed::{Followed, MAX_AGE, Standing, is_below},
        pages::{JSON, Refusal, Resource, get, within},
    },
    policy_set::Loaded,
};

/// How long an evaluation waits for the API server itself, where a policy wants no cache: half of what it may take by default.
const ASK: Duration = Duration::from_secs(1);

/// The kinds that policies may read, as they are now.
pub(crate) struct Watched {
    kinds: BTreeMap<Kind, Arc<Followed>>,
    connection: Connection,
    runtime: Handle,
}

impl Watched {
    /// Begins to watch, in this runtime.
    pub(crate) fn start<'p>(
        connection: Connection,
        runtime: Handle,
        policies: impl IntoIterator<Item = &'p Loaded>,
    ) -> Arc<Self> {
        let kinds: BTreeMap<Kind, Arc<Followed>> = wanted(policies)
            .into_iter()
            .map(|(kind, wanted)| (kind.clone(), Arc::new(wanted.followed(kind))))
            .collect();
        for followed in kinds.values().cloned() {
            let (connection, all) = (connection.clone(), kinds.clone());
            runtime.spawn(async move {
                let is_crd = followed.resource.is_crds();
                // A kind whose CRD has come, or has changed, may be served now.
                let appeared = |name: &str| {
                    let is_of = |other: &&Arc<Followed>| is_crd && other.resource.name.to_string() == name;
                    all.values().filter(is_of).for_each(|other| other.changed.notify_one());
                };
                follow(connection, &followed, appeared).await;
            });
        }
        Arc::new(Self { kinds, connection, runtime })
    }

    /// Waits until the API server has answered for each kind, be it with no.
    ///
    /// # Errors
    /// [`Error::Cluster`], after the time that one request may take.
    pub(crate) async fn synced(&self) -> Result<(), Error> {
        let unanswered = || self.standings().into_iter().find(|standing| !standing.is_answered);
        let all = async {
            while unanswered().is_some() {
                time::sleep(Duration::from_millis(5)).await;
            }
        };
        time::timeout(self.connection.timeout, all).await.map_err(|_| {
            let refusal = unanswered().and_then(|standing| standing.refusal);
            let reason = refusal.map_or_else(|| "no answer".into(), |refusal| refusal.to_string());
            self.connection.failed(reason)
        })
    }

    /// Of each kind, by kind.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        self.kinds.values().map(|followed| followed.standing()).collect()
    }

    fn of(&self, api_version: &str, kind: &str) -> Result<&Followed, ReadError> {
        let followed = self.kinds.get(&Kind::new(api_version, kind));
        followed.map(|followed| &**followed).ok_or_else(|| ReadError::Unavailable("the kind is not watched".into()))
    }

    /// Asks the API server itself.
    fn ask(&self, followed: &Followed, query: &GetQuery) -> Result<Answer, ReadError> {
        let path = followed.resource.path_of(query.namespace.as_deref(), &query.name);
        let request = path.and_then(|path| get(&path, JSON).ok());
        let request = request.ok_or_else(|| ReadError::Unavailable("no object can have this name".into()))?;
        let answer = self.runtime.block_on(within(ASK, self.connection.client.request_text(request)));
        let found = |text: String| {
            let object = Object::of_api_server(followed.kind.clone(), &text);
            object.map_err(|flaw| ReadError::Unavailable(format!("the answer {flaw}")))
        };
        match answer {
            Ok(text) => Ok(Answer { json: select::one(query, &found(text)?), complete: true }),
            // The kind is served: so it is the object that is not there.
            Err(Refusal::NotServed) if followed.standing().age.is_some_and(|age| age <= MAX_AGE) => {
                Err(ReadError::NotFound)
            }
            Err(refusal) => Err(ReadError::Unavailable(escape(&refusal.to_string()))),
        }
    }
}

impl Cluster for Watched {
    fn get(&self, query: &GetQuery) -> Result<Answer, ReadError> {
        let followed = self.of(&query.api_version, &query.kind)?;
        if query.disable_cache || !followed.keeps(&query.fields) {
            return self.ask(followed, query);
        }
        followed.get(query)
    }

    fn list(&self, query: &ListQuery) -> Result<Answer, ReadError> {
        self.of(&query.api_version, &query.kind)?.list(query)
    }
}

/// What the policies together want of a kind.
struct WantedKind {
    /// `None` as soon as one of them may ask for any field.
    fields: Option<BTreeSet<String>>,
    are_bundled: bool,
}

fn wanted<'p>(policies: impl IntoIterator<Item = &'p Loaded>) -> BTreeMap<Kind, WantedKind> {
    let mut kinds = BTreeMap::new();
    for policy in policies {
        for read in policy.grants.reads() {
            let fields = policy.metadata.fields_read(&read.kind);
            let first = || WantedKind { fields: Some(BTreeSet::new()), are_bundled: true };
            let wanted = kinds.entry(Kind::new(&read.api_version, &read.kind)).or_insert_with(first);
            wanted.are_bundled &= policy.is_bundled;
            wanted.fields = wanted.fields.take().zip(fields).map(|(all, more)| united(all.into_iter().chain(more)));
        }
    }
    kinds
}

/// A path says all of what is below it; together with one of these a mask would keep only that.
fn united(paths: impl Iterator<Item = String>) -> BTreeSet<String> {
    let all: BTreeSet<String> = paths.collect();
    all.iter().filter(|path| !all.iter().any(|of| is_below(path, of))).cloned().collect()
}

impl WantedKind {
    fn followed(self, kind: Kind) -> Followed {
        let name = kind.resource();
        let is_metadata_only =
            self.fields.as_ref().is_some_and(|fields| fields.iter().all(|field| field == "metadata"));
        let version = kind.api_version.rsplit('/').next().unwrap_or_default().to_owned();
        let labels = Resource::labels_of(&name, self.are_bundled);
        Followed::new(kind, Resource { name, version, older: Vec::new(), labels, is_metadata_only }, self.fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else what one policy declares takes from what another one does.
    #[test]
    fn what_is_kept_is_all_that_anybody_declares() {
        let paths = ["spec.nodeName", "spec", "specs", "status.phase", "spec.a.b"].map(str::to_owned);
        assert_eq!(Vec::from_iter(united(paths.into_iter())), ["spec", "specs", "status.phase"]);
    }
}
