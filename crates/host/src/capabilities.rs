//! What a policy may ask the host, and the answers. No word of Wasm here: the same code can answer
//! a module that runs in a browser.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use kubewarden_policy_sdk::host_capabilities::kubernetes::{
    GetResourceRequest, ListAllResourcesRequest, ListResourcesByNamespaceRequest,
};
use serde::de::DeserializeOwned;
use upgrade_gate_core::{Answer, Cluster, GetQuery, ListQuery, ReadError};

use crate::metadata::{ContextAwareResource, Metadata};

/// What a policy has been granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    context: BTreeSet<ContextAwareResource>,
    /// Patterns: `*`, `kubernetes/*`, `kubernetes/get_resource`.
    capabilities: BTreeSet<String>,
}

impl Grants {
    /// Nothing but writing to the log.
    #[must_use]
    pub fn none() -> Self {
        Self { context: BTreeSet::new(), capabilities: BTreeSet::new() }
    }

    /// What the policy declares; where it does not say which capabilities it uses, all of them.
    #[must_use]
    pub fn declared(metadata: &Metadata) -> Self {
        let all = || BTreeSet::from(["*".to_owned()]);
        Self {
            context: metadata.context_aware_resources.clone(),
            capabilities: metadata.host_capabilities.clone().unwrap_or_else(all),
        }
    }

    fn allow(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|pattern| {
            let prefix = pattern.strip_suffix('*');
            prefix.map_or(pattern == capability, |prefix| prefix.is_empty() || capability.starts_with(prefix))
        })
    }
}

/// The cluster that policies ask, with the lists that were asked for before: a list is serialised
/// once for each distinct question (by two threads at once, if both ask it first).
#[derive(Clone)]
pub struct Context {
    cluster: Arc<dyn Cluster + Send + Sync>,
    lists: Arc<Mutex<BTreeMap<ListQuery, Result<Answer, ReadError>>>>,
}

/// So many distinct questions are remembered, and so many bytes of answers; a policy that makes up
/// more is answered all the same.
const MAX_REMEMBERED: (usize, usize) = (64, 64 << 20);

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}

impl Context {
    /// Answers from that cluster, which must not itself evaluate policies: it is asked while one
    /// holds a slot.
    #[must_use]
    pub fn new(cluster: Arc<dyn Cluster + Send + Sync>) -> Self {
        Self { cluster, lists: Arc::default() }
    }

    fn list(&self, query: ListQuery) -> Result<Answer, ReadError> {
        let lists = || self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lists().get(&query) {
            return known.clone();
        }
        let answer = self.cluster.list(&query);
        let mut lists = lists();
        let size = |answer: &Result<Answer, ReadError>| answer.as_ref().map_or(0, |answer| answer.json.len());
        let remembered = size(&answer) + lists.values().map(size).sum::<usize>();
        let (questions, bytes) = MAX_REMEMBERED;
        if lists.len() < questions && remembered <= bytes {
            lists.insert(query, answer.clone());
        }
        answer
    }
}

/// A question of a policy, as it arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostCall<'a> {
    pub(crate) binding: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) payload: &'a [u8],
}

/// What a policy gets to know.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It wrote something to the log.
    Logged,
    /// The answer, and the kind of which there may be more than it shows.
    Answer { json: Arc<str>, incomplete: Option<ContextAwareResource> },
    /// An error in words, likewise.
    Error { text: String, incomplete: Option<ContextAwareResource> },
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::Error { text, incomplete: None }
    }
}

/// Answers one question. The words of errors are Kubewarden's: guests have nothing else to tell
/// errors apart.
///
/// Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/runtimes/callback.rs` and
/// `callback_handler/kubernetes/client.rs`.
pub(crate) fn answer(call: &HostCall<'_>, grants: &Grants, context: &Context) -> Reply {
    let HostCall { binding, namespace, operation, .. } = *call;
    if binding != "kubewarden" {
        return format!("unknown binding: {binding}").into();
    }
    if namespace == "tracing" {
        return if operation == "log" { Reply::Logged } else { format!("unknown operation: {operation}").into() };
    }
    let capability = format!("{namespace}/{operation}");
    let denied = format!(
        "Policy has not been granted access to the '{capability}' host capability. The violation has been reported."
    );
    if !grants.allow(&capability) {
        return denied.into();
    }
    let outcome = match capability.as_str() {
        "kubernetes/list_resources_all" => list_all(call, grants, context),
        "kubernetes/list_resources_by_namespace" => list_by_namespace(call, grants, context),
        "kubernetes/get_resource" => get(call, grants, context),
        // These need a network, or a cluster that can be asked about its users.
        _ if ["oci", "net", "crypto"].contains(&namespace) || capability == "kubernetes/can_i" => Err(denied.into()),
        _ if namespace == "kubernetes" => Err(format!("unknown operation: {operation}").into()),
        _ => Err(format!("unknown namespace: {namespace}").into()),
    };
    outcome.unwrap_or_else(|reply| reply)
}

fn found(answer: Answer, of: ContextAwareResource) -> Reply {
    Reply::Answer { json: answer.json, incomplete: (!answer.complete).then_some(of) }
}

fn list_all(call: &HostCall<'_>, grants: &Grants, context: &Context) -> Result<Reply, Reply> {
    let request: ListAllResourcesRequest = parse(call)?;
    list(
        grants,
        context,
        ListQuery {
            api_version: request.api_version,
            kind: request.kind,
            namespace: None,
            label_selector: request.label_selector,
            field_selector: request.field_selector,
            fields: request.field_masks.unwrap_or_default(),
        },
    )
}

fn list_by_namespace(call: &HostCall<'_>, grants: &Grants, context: &Context) -> Result<Reply, Reply> {
    let request: ListResourcesByNamespaceRequest = parse(call)?;
    list(
        grants,
        context,
        ListQuery {
            api_version: request.api_version,
            kind: request.kind,
            namespace: Some(request.namespace),
            label_selector: request.label_selector,
            field_selector: request.field_selector,
            fields: request.field_masks.unwrap_or_default(),
        },
    )
}

fn list(grants: &Grants, context: &Context, query: ListQuery) -> Result<Reply, Reply> {
    let of = require(grants, &query.api_version, &query.kind)?;
    context.list(query).map(|answer| found(answer, of)).map_err(|error| error.to_string().into())
}

fn get(call: &HostCall<'_>, grants: &Grants, context: &Context) -> Result<Reply, Reply> {
    let request: GetResourceRequest = parse(call)?;
    let query = GetQuery {
        api_version: request.api_version,
        kind: request.kind,
        namespace: request.namespace,
        name: request.name,
        fields: request.field_masks.unwrap_or_default(),
    };
    let of = require(grants, &query.api_version, &query.kind)?;
    match context.cluster.get(&query) {
        Ok(answer) => Ok(found(answer, of)),
        Err(ReadError::NotFound { complete }) => {
            let GetQuery { api_version, kind, namespace, name, .. } = query;
            let text = format!("Cannot find {api_version}/{kind} named '{name}' inside of namespace '{namespace:?}'");
            Err(Reply::Error { text, incomplete: (!complete).then_some(of) })
        }
        Err(ReadError::Unavailable(text)) => Err(text.into()),
    }
}

fn parse<T: DeserializeOwned>(call: &HostCall<'_>) -> Result<T, Reply> {
    serde_json::from_slice(call.payload).map_err(|error| error.to_string().into())
}

fn require(grants: &Grants, api_version: &str, kind: &str) -> Result<ContextAwareResource, Reply> {
    let wanted = ContextAwareResource { api_version: api_version.into(), kind: kind.into() };
    if grants.context.contains(&wanted) {
        return Ok(wanted);
    }
    Err(format!(
        "Policy has not been granted access to Kubernetes {api_version}/{kind} resources. The violation has been reported."
    )
    .into())
}
