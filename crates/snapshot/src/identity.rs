//! Which cluster a source is of: what two clusters never share.

use std::collections::{BTreeMap, BTreeSet};

use upgrade_gate_core::{CLUSTER_VERSION, Fields};

use crate::{
    object::{Object, Origin},
    wanted::Kind,
};

/// The namespace that every cluster has, and none has twice.
const NAMESPACE: &str = "kube-system";

/// Two things of one name that are not the same: the sources are of two clusters, or of two days between which it was made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// What it is: `Node worker-1`.
    pub what: String,
    /// In what the two differ.
    pub mark: Mark,
    /// Where each of the two was found.
    pub origins: [Origin; 2],
    /// How many more things clash.
    pub more: usize,
}

/// What tells two things of one name apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// `spec.clusterID` of ClusterVersion.
    ClusterId,
    /// `metadata.uid`.
    Uid,
}

impl Mark {
    /// As people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClusterId => "cluster ID",
            Self::Uid => "uid",
        }
    }
}

/// What identifies a cluster, by name and mark: its values, and where each was found first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identities(BTreeMap<(String, Mark), BTreeMap<String, Origin>>);

impl Identities {
    /// A cluster's own mark in an object, if it is one that has such a mark.
    pub(crate) fn see(&mut self, kind: &Kind, metadata: &Fields<'_>, raw: &str, origin: impl FnOnce() -> Origin) {
        if !is_identity(kind) {
            return;
        }
        let name = metadata.words("name").unwrap_or_default();
        let (mark, value) = if kind.kind != "Namespace" {
            let id = Fields::parse(raw).and_then(|fields| fields.object("spec").words("clusterID"));
            (Mark::ClusterId, id)
        } else {
            (Mark::Uid, metadata.words("uid").filter(|_| name == NAMESPACE))
        };
        if let Some(value) = value {
            self.insert((format!("{} {name}", kind.kind), mark), value, origin());
        }
    }

    /// Two stored objects of one name are one only if they have one uid.
    pub(crate) fn compare(&mut self, one: &Object, other: &Object) {
        let (Some(uid), Some(other_uid)) = (&one.uid, &other.uid) else { return };
        if uid != other_uid {
            self.insert((name_of(one), Mark::Uid), uid.clone(), one.origin.clone());
            self.insert((name_of(one), Mark::Uid), other_uid.clone(), other.origin.clone());
        }
    }

    fn insert(&mut self, what: (String, Mark), value: String, origin: Origin) {
        let known = self.0.entry(what).or_default().entry(value).or_insert_with(|| origin.clone());
        if origin < *known {
            *known = origin;
        }
    }

    pub(crate) fn add(&mut self, next: Self) {
        for (what, values) in next.0 {
            for (value, origin) in values {
                self.insert(what.clone(), value, origin);
            }
        }
    }

    /// The first thing that is two.
    pub(crate) fn clash(&self) -> Option<Clash> {
        let mut clashes = self.0.iter().filter(|(_, values)| values.len() > 1);
        let ((what, mark), values) = clashes.next()?;
        let mut origins: Vec<&Origin> = values.values().collect();
        origins.sort();
        let [first, second, ..] = origins.as_slice() else { return None };
        let origins = [(*first).clone(), (*second).clone()];
        let more: BTreeSet<&String> = clashes.map(|((other, _), _)| other).filter(|other| *other != what).collect();
        Some(Clash { what: what.clone(), mark: *mark, origins, more: more.len() })
    }
}

/// `Node worker-1`, `HyperConverged cnv/kubevirt-hyperconverged`.
pub(crate) fn name_of(object: &Object) -> String {
    let namespace = object.namespace.as_ref().map_or(String::new(), |namespace| format!("{namespace}/"));
    format!("{} {namespace}{}", object.kind.kind, object.name)
}

/// Whether a text of an object that nobody wants may say which cluster it is of.
pub(crate) fn may_identify(kind: &Kind, text: &[u8]) -> bool {
    is_identity(kind) && (kind.kind != "Namespace" || memchr::memmem::find(text, NAMESPACE.as_bytes()).is_some())
}

fn is_identity(kind: &Kind) -> bool {
    kind.api_version == "v1" && kind.kind == "Namespace"
        || kind.group() == CLUSTER_VERSION.group() && kind.kind == CLUSTER_VERSION.kind
}
