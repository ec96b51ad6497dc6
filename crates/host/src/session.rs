//! What a policy asked the host and what it was answered: recorded, and answered again from the record.
//!
//! Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/callback_requests.rs` (the names of
//! questions and of their fields) and `crates/kwctl/src/callback_handler/proxy.rs` (the order).

use std::fmt;

use serde_json::{Map, Value};

use crate::capabilities::HostCall;

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What was asked.
    pub question: Question,
    /// JSON, or the error in the words of the host.
    pub answer: Result<String, String>,
}

/// A question, under the name that Kubewarden's tools give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    name: String,
    fields: Map<String, Value>,
}

impl Question {
    /// A question of that name. Two of them are equal where they ask the same: a field that is null is
    /// one that is absent, and field masks have no order.
    #[must_use]
    pub fn new(name: &str, mut fields: Map<String, Value>) -> Self {
        strip_nulls(&mut fields);
        if let Some(Value::Array(masks)) = fields.get_mut("field_masks") {
            masks.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        }
        Self { name: name.into(), fields }
    }

    /// What a policy asks. `None` for what is no capability of Kubewarden's, or not asked as it wants it.
    pub(crate) fn of(call: &HostCall<'_>) -> Option<Self> {
        let payload: Value = serde_json::from_slice(call.payload).ok()?;
        let alone = |name: &str, field: &str| {
            let fields = [(field.to_owned(), payload.clone())];
            Some(Self::new(name, fields.into_iter().collect()))
        };
        let object = || payload.as_object().cloned();
        match (call.namespace, call.operation) {
            ("kubernetes", "list_resources_all") => Some(Self::new("KubernetesListResourceAll", object()?)),
            ("kubernetes", "list_resources_by_namespace") => {
                Some(Self::new("KubernetesListResourceNamespace", object()?))
            }
            ("kubernetes", "get_resource") => Some(Self::new("KubernetesGetResource", object()?)),
            ("kubernetes", "can_i") => {
                let mut fields = object()?;
                let review = fields.remove("subject_access_review")?;
                fields.insert("request".into(), review);
                Some(Self::new("KubernetesCanI", fields))
            }
            ("oci", "v1/manifest_digest") => alone("OciManifestDigest", "image"),
            ("oci", "v1/oci_manifest") => alone("OciManifest", "image"),
            ("oci", "v1/oci_manifest_config") => alone("OciManifestAndConfig", "image"),
            // {"SigstorePubKeyVerify": {…}}
            ("oci", "v1/verify") => {
                let (name, fields) = object()?.into_iter().next()?;
                Some(Self::new(&name, fields.as_object()?.clone()))
            }
            // {"type": "SigstorePubKeyVerify", …}
            ("oci", "v2/verify") => {
                let mut fields = object()?;
                let name = fields.remove("type")?;
                Some(Self::new(name.as_str()?, fields))
            }
            ("net", "v1/dns_lookup_host") => alone("DNSLookupHost", "host"),
            ("crypto", "v1/is_certificate_trusted") => alone("CryptoIsCertificateTrusted", "request"),
            _ => None,
        }
    }

    /// Such as `KubernetesGetResource`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What exactly is asked, without what is null.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, Value::from(self.fields.clone()))
    }
}

fn strip_nulls(fields: &mut Map<String, Value>) {
    fields.retain(|_, value| !value.is_null());
    fields.values_mut().filter_map(Value::as_object_mut).for_each(strip_nulls);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn questions_have_the_names_and_fields_of_a_session() {
        let cases = [
            (
                ("kubernetes", "get_resource"),
                json!({"api_version": "v1", "kind": "Node", "name": "n", "namespace": null, "disable_cache": false,
                       "field_masks": ["b", "a"]}),
                Some(
                    r#"KubernetesGetResource {"api_version":"v1","disable_cache":false,"field_masks":["a","b"],"kind":"Node","name":"n"}"#,
                ),
            ),
            (
                ("kubernetes", "can_i"),
                json!({"subject_access_review": {"user": "u", "groups": null}, "disable_cache": true}),
                Some(r#"KubernetesCanI {"disable_cache":true,"request":{"user":"u"}}"#),
            ),
            (("oci", "v1/manifest_digest"), json!("i:1"), Some(r#"OciManifestDigest {"image":"i:1"}"#)),
            (
                ("oci", "v1/verify"),
                json!({"SigstorePubKeyVerify": {"image": "i", "pub_keys": []}}),
                Some(r#"SigstorePubKeyVerify {"image":"i","pub_keys":[]}"#),
            ),
            (
                ("oci", "v2/verify"),
                json!({"type": "SigstorePubKeyVerify", "image": "i", "pub_keys": []}),
                Some(r#"SigstorePubKeyVerify {"image":"i","pub_keys":[]}"#),
            ),
            (("net", "v1/dns_lookup_host"), json!("h"), Some(r#"DNSLookupHost {"host":"h"}"#)),
            (("kubernetes", "watch"), json!({}), None),
            (("kubernetes", "get_resource"), json!(5), None),
        ];
        for ((namespace, operation), payload, expected) in cases {
            let payload = payload.to_string();
            let call = HostCall { binding: "kubewarden", namespace, operation, payload: payload.as_bytes() };
            assert_eq!(Question::of(&call).map(|question| question.to_string()).as_deref(), expected, "{payload}");
        }
    }
}
