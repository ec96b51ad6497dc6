//! A policy behind a webhook of one's own: what an admin applies where no Kubewarden makes the configuration.

use std::str::FromStr;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use upgrade_gate_host::Metadata;

use crate::manifests::{TIMEOUT, conditions, name_of, parts, yaml};

/// Where the policy server is, as the API server reaches it. It speaks HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Webhook {
    /// `https://HOST[:PORT][/PATH]`, without a slash at its end.
    Url(String),
    /// A Service in the cluster.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// 443 where it is not said.
        port: u16,
    },
}

/// Why a text is not a [`Webhook`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected https://HOST[:PORT], or a Service as NAMESPACE/NAME[:PORT]")]
pub struct WebhookError;

impl FromStr for Webhook {
    type Err = WebhookError;

    /// An API server takes no other scheme, no user, no query and no fragment.
    ///
    /// Source: Kubernetes v1.37, `apiserver/pkg/util/webhook/validation.go`.
    fn from_str(text: &str) -> Result<Self, WebhookError> {
        if let Some(rest) = text.strip_prefix("https://") {
            let host = rest.split('/').next().unwrap_or_default();
            let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#@\"'\\".contains(&byte));
            return if host.is_empty() || !is_plain {
                Err(WebhookError)
            } else {
                Ok(Self::Url(text.trim_end_matches('/').into()))
            };
        }
        let (namespace, service) = text.split_once('/').ok_or(WebhookError)?;
        let (name, port) = match service.split_once(':') {
            Some((name, port)) => (name, port.parse().ok().filter(|port| *port > 0).ok_or(WebhookError)?),
            None => (service, 443),
        };
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if !is_label(namespace) || !is_label(name) {
            return Err(WebhookError);
        }
        Ok(Self::Service { namespace: namespace.into(), name: name.into(), port })
    }
}

/// A ValidatingWebhookConfiguration with the policy's parts; `ca` is PEM, and where it is absent the API server trusts what its
/// machine does.
pub(crate) fn of(policy: &str, metadata: &Metadata, webhook: &Webhook, ca: Option<&[u8]>) -> String {
    let path = format!("/validate/{policy}");
    let mut client = match webhook {
        Webhook::Url(url) => json!({"url": format!("{url}{path}")}),
        Webhook::Service { namespace, name, port } => {
            json!({"service": {"namespace": namespace, "name": name, "port": port, "path": path}})
        }
    };
    if let (Some(ca), Some(client)) = (ca, client.as_object_mut()) {
        client.insert("caBundle".into(), BASE64_STANDARD.encode(ca).into());
    }
    let webhooks: Vec<Value> = parts(metadata)
        .map(|(part, rules)| {
            let name = name_of(policy, part);
            let conditions = conditions(&rules);
            let mut webhook = Map::from_iter([
                ("name".to_owned(), format!("{name}.upgrade-gate.io").into()),
                ("clientConfig".to_owned(), client.clone()),
                ("rules".to_owned(), json!(rules)),
                ("failurePolicy".to_owned(), part.failure_policy().into()),
                ("matchPolicy".to_owned(), "Equivalent".into()),
                ("sideEffects".to_owned(), "None".into()),
                ("timeoutSeconds".to_owned(), TIMEOUT.into()),
                ("admissionReviewVersions".to_owned(), json!(["v1"])),
            ]);
            if !conditions.is_empty() {
                webhook.insert("matchConditions".into(), json!(conditions));
            }
            webhook.into()
        })
        .collect();
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": format!("upgrade-gate-{policy}")},
        "webhooks": webhooks,
    });
    head(policy) + &yaml(&configuration)
}

fn head(policy: &str) -> String {
    format!(
        "\
# {policy} behind a policy server of your own, which has it under that name in its policies.yml.
#
# While that server cannot be reached, requests about HCO's objects that start an upgrade are refused, and all others pass.
#
# Kubernetes 1.28 or later: an older API server drops matchConditions without a word, and what says `failurePolicy: Fail` is
# asked about every object of its kinds. There, pipe this through sed 's/failurePolicy: Fail/failurePolicy: Ignore/'.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_an_api_server_takes() {
        let service = |port| Webhook::Service { namespace: "ns".into(), name: "gate".into(), port };
        let cases = [
            ("https://10.0.0.1:8443", Ok(Webhook::Url("https://10.0.0.1:8443".into()))),
            ("https://gate.example/x/", Ok(Webhook::Url("https://gate.example/x".into()))),
            ("ns/gate", Ok(service(443))),
            ("ns/gate:8443", Ok(service(8443))),
            ("http://gate.example", Err(WebhookError)),
            ("https://", Err(WebhookError)),
            ("https:///x", Err(WebhookError)),
            ("https://user@gate.example", Err(WebhookError)),
            ("https://gate.example?x=y", Err(WebhookError)),
            ("gate", Err(WebhookError)),
            ("ns/", Err(WebhookError)),
            ("ns/gate:0", Err(WebhookError)),
            ("ns/gate:http", Err(WebhookError)),
            ("ns/a/b", Err(WebhookError)),
            ("ns/Gate", Err(WebhookError)),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse(), expected, "{text}");
        }
    }
}
