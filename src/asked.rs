//! A cluster that remembers which resources it was asked for.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use upgrade_gate_core::{Answer, Cluster, GetQuery, ListQuery, ReadError};
use upgrade_gate_snapshot::Kind;

/// Answers as the cluster behind it does.
pub(crate) struct Asked {
    cluster: Arc<dyn Cluster + Send + Sync>,
    resources: Mutex<BTreeSet<String>>,
}

impl Asked {
    pub(crate) fn new(cluster: Arc<dyn Cluster + Send + Sync>) -> Self {
        Self { cluster, resources: Mutex::default() }
    }

    /// As `PLURAL.GROUP`. Whoever asks for a CustomResourceDefinition asks about the resource of that name.
    pub(crate) fn resources(&self) -> BTreeSet<String> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, resource: String) {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner).insert(resource);
    }
}

impl Cluster for Asked {
    fn get(&self, query: &GetQuery) -> Result<Answer, ReadError> {
        let GetQuery { api_version, kind, name, .. } = query;
        let is_crd = kind == "CustomResourceDefinition";
        self.remember(if is_crd { name.clone() } else { Kind::new(api_version, kind).resource().to_string() });
        self.cluster.get(query)
    }

    fn list(&self, query: &ListQuery) -> Result<Answer, ReadError> {
        self.remember(Kind::new(&query.api_version, &query.kind).resource().to_string());
        self.cluster.list(query)
    }
}
