//! What a policy may ask the host, and the answers. No word of Wasm here: the same code can answer
//! a module that runs in a browser.

use std::{collections::BTreeSet, sync::Arc};

use kubewarden_policy_sdk::host_capabilities::kubernetes::{
    GetResourceRequest, ListAllResourcesRequest, ListResourcesByNamespaceRequest,
};
use serde::de::DeserializeOwned;
use upgrade_gate_core::{Answer, GetQuery, ListQuery, ReadError};

use crate::{
    context::Context,
    metadata::{ContextAwareResource, Metadata},
};

/// What a policy has been granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    context: BTreeSet<ContextAwareResource>,
    /// Patterns: `*`, `kubernetes/*`, `kubernetes/get_resource`.
    capabilities: BTreeSet<String>,
}

/// All that Kubewarden has.
///
/// Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/host_capabilities.rs`.
const CAPABILITIES: [&str; 11] = [
    "crypto/v1/is_certificate_trusted",
    "kubernetes/can_i",
    "kubernetes/get_resource",
    "kubernetes/list_resources_all",
    "kubernetes/list_resources_by_namespace",
    "net/v1/dns_lookup_host",
    "oci/v1/manifest_digest",
    "oci/v1/oci_manifest",
    "oci/v1/oci_manifest_config",
    "oci/v1/verify",
    "oci/v2/verify",
];

/// A pattern that no host capability matches.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no host capability matches `{0}`; there are {known}", known = CAPABILITIES.join(", "))]
pub struct UnknownCapability(pub String);

impl Grants {
    /// Nothing but writing to the log.
    #[must_use]
    pub fn none() -> Self {
        Self { context: BTreeSet::new(), capabilities: BTreeSet::new() }
    }

    /// Exactly these kinds and capabilities; of the latter patterns, such as `*`, `kubernetes/*` and
    /// `kubernetes/get_resource`.
    ///
    /// # Errors
    /// [`UnknownCapability`]: a pattern that no capability matches.
    pub fn new(
        context: BTreeSet<ContextAwareResource>,
        capabilities: BTreeSet<String>,
    ) -> Result<Self, UnknownCapability> {
        // A star stands for the rest after a slash, or for all.
        let is_whole = |pattern: &str| pattern.strip_suffix('*').is_none_or(|it| it.is_empty() || it.ends_with('/'));
        let is_known = |pattern: &str| is_whole(pattern) && CAPABILITIES.iter().any(|known| matches(pattern, known));
        match capabilities.iter().find(|pattern| !is_known(pattern)) {
            Some(pattern) => Err(UnknownCapability(pattern.clone())),
            None => Ok(Self { context, capabilities }),
        }
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

    /// The kinds that the policy may read.
    #[must_use]
    pub fn reads(&self) -> &BTreeSet<ContextAwareResource> {
        &self.context
    }

    fn allow(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|pattern| matches(pattern, capability))
    }
}

fn matches(pattern: &str, capability: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == capability, |prefix| capability.starts_with(prefix))
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
    /// An error in words.
    Error { text: String },
    /// What the policy was granted, but nobody here can answer.
    Refused { capability: String },
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::Error { text }
    }
}

/// Kubewarden's words for a host capability that a policy was not granted.
pub(crate) fn denied(capability: &str) -> String {
    format!(
        "Policy has not been granted access to the '{capability}' host capability. The violation has been reported."
    )
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
    if !grants.allow(&capability) {
        return denied(&capability).into();
    }
    let read = match capability.as_str() {
        "kubernetes/list_resources_all" => list_all(call, grants),
        "kubernetes/list_resources_by_namespace" => list_by_namespace(call, grants),
        "kubernetes/get_resource" => get(call, grants),
        "kubernetes/can_i" => Ok(Read::Elsewhere),
        _ if ["oci", "net", "crypto"].contains(&namespace) => Ok(Read::Elsewhere),
        _ if namespace == "kubernetes" => Err(format!("unknown operation: {operation}").into()),
        _ => Err(format!("unknown namespace: {namespace}").into()),
    };
    let read = match read {
        Ok(read) => read,
        Err(reply) => return reply,
    };
    context.reply(call, || read.answer(&capability, context))
}

/// What a policy asks for, and may.
enum Read {
    List(ListQuery, ContextAwareResource),
    Get(GetQuery, ContextAwareResource),
    /// It needs a network, or a cluster that can be asked about its users.
    Elsewhere,
}

impl Read {
    fn answer(self, capability: &str, context: &Context) -> Reply {
        let found =
            |answer: Answer, of| Reply::Answer { json: answer.json, incomplete: (!answer.complete).then_some(of) };
        let failed = |text: &str| Reply::Error { text: failure(text) };
        match self {
            Self::List(query, of) => match context.list(query) {
                Ok(answer) => found(answer, of),
                Err(error) => failed(&error.to_string()),
            },
            Self::Get(query, of) => match context.get(&query) {
                Ok(answer) => found(answer, of),
                Err(ReadError::NotFound) => {
                    let GetQuery { api_version, kind, namespace, name, .. } = query;
                    let text =
                        format!("Cannot find {api_version}/{kind} named '{name}' inside of namespace '{namespace:?}'");
                    failed(&text)
                }
                Err(ReadError::Unavailable(text)) => failed(&text),
            },
            Self::Elsewhere => Reply::Refused { capability: capability.into() },
        }
    }
}

/// An error of whoever answers, as a guest gets it.
pub(crate) fn failure(text: &str) -> String {
    format!("{FAILURE}{text}")
}

pub(crate) const FAILURE: &str = "Callback evaluation failure: ";

fn list_all(call: &HostCall<'_>, grants: &Grants) -> Result<Read, Reply> {
    let request: ListAllResourcesRequest = parse(call)?;
    list(
        grants,
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

fn list_by_namespace(call: &HostCall<'_>, grants: &Grants) -> Result<Read, Reply> {
    let request: ListResourcesByNamespaceRequest = parse(call)?;
    list(
        grants,
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

fn list(grants: &Grants, query: ListQuery) -> Result<Read, Reply> {
    let of = require(grants, &query.api_version, &query.kind)?;
    Ok(Read::List(query, of))
}

fn get(call: &HostCall<'_>, grants: &Grants) -> Result<Read, Reply> {
    let request: GetResourceRequest = parse(call)?;
    let query = GetQuery {
        api_version: request.api_version,
        kind: request.kind,
        namespace: request.namespace,
        name: request.name,
        fields: request.field_masks.unwrap_or_default(),
        disable_cache: request.disable_cache,
    };
    let of = require(grants, &query.api_version, &query.kind)?;
    Ok(Read::Get(query, of))
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
