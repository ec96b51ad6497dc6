//! The cluster as a policy sees it from inside Wasm: host calls.

use kubewarden_policy_sdk::{
    host_capabilities::kubernetes::{GetResourceRequest, ListAllResourcesRequest},
    wapc_guest::host_call,
};
use serde::Serialize;
use upgrade_gate_core::{Answer, Cluster, GetQuery, ListQuery, ReadError};

/// Asks the host.
pub(crate) struct HostCalls;

impl Cluster for HostCalls {
    fn get(&self, query: &GetQuery) -> Result<Answer, ReadError> {
        let GetQuery { api_version, kind, namespace, name, fields, disable_cache } = query.clone();
        // The host has no typed "not found", only these words.
        // Source: kubewarden-controller 3460bb71, crates/policy-evaluator/src/callback_handler/kubernetes/client.rs:309
        let not_found = format!("Cannot find {api_version}/{kind} named '{name}'");
        let field_masks = Some(fields);
        let request = GetResourceRequest { api_version, kind, name, namespace, disable_cache, field_masks };
        call("get_resource", &request).map_err(|error| {
            if error.contains(&not_found) { ReadError::NotFound } else { ReadError::Unavailable(error) }
        })
    }

    fn list(&self, query: &ListQuery) -> Result<Answer, ReadError> {
        let ListQuery { api_version, kind, namespace, label_selector, field_selector, fields } = query.clone();
        // One capability for both kinds of list: a policy declares what its module names.
        let field_selector = match (field_selector, namespace) {
            (fields, None) => fields,
            (None, Some(namespace)) => Some(format!("metadata.namespace={namespace}")),
            (Some(fields), Some(namespace)) => Some(format!("{fields},metadata.namespace={namespace}")),
        };
        let field_masks = Some(fields);
        let request = ListAllResourcesRequest { api_version, kind, label_selector, field_selector, field_masks };
        call("list_resources_all", &request).map_err(ReadError::Unavailable)
    }
}

/// The host's answer as text, or its error in its own words.
fn call(operation: &str, request: &impl Serialize) -> Result<Answer, String> {
    let payload = serde_json::to_vec(request).map_err(|_| "the question is not JSON")?;
    let answer = host_call("kubewarden", "kubernetes", operation, &payload).map_err(|error| {
        // Two wrappings that say nothing, waPC's and the host's around whoever answers; and below the first line the same
        // error again, with a backtrace where the host is told to have them.
        let text = error.to_string();
        let text = text.strip_prefix("Host error: ").unwrap_or(&text);
        let text = text.strip_prefix("Callback evaluation failure: ").unwrap_or(text);
        text.lines().next().unwrap_or_default().to_owned()
    })?;
    let json = String::from_utf8(answer).map_err(|_| format!("the answer to {operation} is not UTF-8"))?;
    Ok(Answer { json: json.into(), complete: true })
}
