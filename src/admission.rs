//! Admission requests and responses, as Kubewarden's tools read and write them.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use upgrade_gate_core::Fields;
use upgrade_gate_host::{PolicyType, Response};

use crate::policies_file::Constraints;

/// A request as a policy gets it, and what may be said of it: nothing of its objects.
#[derive(Default)]
pub(crate) struct Request {
    pub(crate) uid: String,
    /// For the policy.
    pub(crate) json: String,
    policy_type: PolicyType,
    /// Its kind: the one that the caller used.
    pub(crate) kind: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) operation: Option<String>,
    pub(crate) user: Option<String>,
}

/// Why a request is none. No value of it is quoted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("is not JSON: {0}")]
    Syntax(String),
    #[error("cannot build AdmissionRequest object from given input: {0}")]
    Shape(String),
}

impl Request {
    /// An AdmissionReview, or the AdmissionRequest in it; for a raw policy any JSON.
    ///
    /// # Errors
    /// What is missing, or of the wrong type.
    pub(crate) fn parse(text: &str, policy_type: PolicyType) -> Result<Self, Malformed> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match policy_type {
            PolicyType::Raw => Self::raw(serde_json::from_str(text)?),
            PolicyType::Kubernetes => {
                let request = Fields::parse(text).and_then(|review| review.raw("request").map(RawValue::get));
                Self::kubernetes(serde_json::from_str(request.unwrap_or(text))?)
            }
        }
    }

    /// What a policy server is sent: an AdmissionReview, or for a raw policy any JSON as `request` of an object.
    ///
    /// # Errors
    /// As [`Request::parse`].
    pub(crate) fn parse_review(text: &str, policy_type: PolicyType) -> Result<Self, Malformed> {
        match policy_type {
            PolicyType::Raw => Self::raw(serde_json::from_str::<RawReview>(text)?.request),
            PolicyType::Kubernetes => Self::kubernetes(serde_json::from_str::<AdmissionReview<'_>>(text)?.request),
        }
    }

    fn raw(request: Value) -> Result<Self, Malformed> {
        let uid = request.get("uid").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { uid, json: request.to_string(), policy_type: PolicyType::Raw, ..Self::default() })
    }

    /// A policy gets the fields that the API has, in their order, and no field that is null: guests may count on
    /// that. Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/admission_request.rs`.
    fn kubernetes(request: AdmissionRequest<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            json: serde_json::to_string(&request)?,
            policy_type: PolicyType::Kubernetes,
            uid: request.uid,
            kind: Some(request.request_kind.unwrap_or(request.kind).kind),
            namespace: request.namespace,
            name: request.name,
            operation: Some(request.operation),
            user: request.user_info.username,
        })
    }

    /// Whether it is no AdmissionReview.
    pub(crate) fn is_raw(&self) -> bool {
        self.policy_type == PolicyType::Raw
    }

    /// The policy's answer.
    pub(crate) fn answer(&self, response: &Response) -> AdmissionResponse {
        let Response { allowed, message, code, warnings, audit_annotations, mutated_object } = response;
        let status = Status { message: message.clone(), code: *code, details: None };
        let answer = AdmissionResponse {
            status: (message.is_some() || code.is_some()).then_some(status),
            audit_annotations: audit_annotations.clone(),
            warnings: warnings.clone(),
            ..AdmissionResponse::new(&self.uid, *allowed)
        };
        let Some(wanted) = mutated_object else { return answer };
        let Some(object) = self.object() else {
            let status = Status { message: Some(MUTATES_NOTHING.into()), ..Status::default() };
            return AdmissionResponse { status: Some(status), ..AdmissionResponse::new(&self.uid, false) };
        };
        let patch = json_patch::diff(&object, wanted);
        if patch.0.is_empty() {
            return answer;
        }
        let patch = BASE64_STANDARD.encode(json!(patch).to_string());
        AdmissionResponse { patch_type: Some("JSONPatch"), patch: Some(patch), ..answer }
    }

    /// What a policy may change; absent in a deletion.
    fn object(&self) -> Option<Value> {
        match self.policy_type {
            PolicyType::Raw => serde_json::from_str(&self.json).ok(),
            PolicyType::Kubernetes => serde_json::from_str(Fields::parse(&self.json)?.raw("object")?.get()).ok(),
        }
    }

    /// It passes, and no policy was asked.
    pub(crate) fn accept(&self) -> AdmissionResponse {
        AdmissionResponse::new(&self.uid, true)
    }

    /// The answer where the policy gave none.
    pub(crate) fn reject(&self, words: String) -> AdmissionResponse {
        let status = Status { message: Some(words), code: Some(INTERNAL_ERROR), details: None };
        AdmissionResponse { status: Some(status), ..AdmissionResponse::new(&self.uid, false) }
    }
}

impl From<serde_json::Error> for Malformed {
    /// Of the library's own words only those that quote no value.
    fn from(error: serde_json::Error) -> Self {
        let place = format!("line {} column {}", error.line(), error.column());
        let text = error.to_string();
        let known = text.strip_suffix(&format!(" at {place}")).filter(|text| text.starts_with("missing field"));
        match known {
            Some(missing) => Self::Shape(missing.into()),
            None if error.is_data() => Self::Shape(format!("a field of the wrong type before {place}")),
            None => Self::Syntax(place),
        }
    }
}

/// The code of an answer that is no verdict: audit-scanner takes it for a policy that does not work.
pub(crate) const INTERNAL_ERROR: u16 = 500;

/// A deletion has no object to change. The words are Kubewarden's.
const MUTATES_NOTHING: &str = "Incoming object is null, which happens only with DELETE operations, but the policy is \
                               attempting a mutation. This is not allowed";

/// Kind and version need not be there; where they are, they are text, as in policy-server.
#[derive(Deserialize)]
struct AdmissionReview<'a> {
    #[serde(rename = "kind")]
    _kind: Option<String>,
    #[serde(rename = "apiVersion")]
    _api_version: Option<String>,
    #[serde(borrow)]
    request: AdmissionRequest<'a>,
}

#[derive(Deserialize)]
struct RawReview {
    request: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AdmissionRequest<'a> {
    uid: String,
    kind: GroupVersionKind,
    resource: GroupVersionResource,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_kind: Option<GroupVersionKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_resource: Option<GroupVersionResource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_sub_resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    operation: String,
    user_info: UserInfo,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    object: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    old_object: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    options: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
struct GroupVersionKind {
    group: String,
    version: String,
    kind: String,
}

#[derive(Serialize, Deserialize)]
struct GroupVersionResource {
    group: String,
    version: String,
    resource: String,
}

#[derive(Serialize, Deserialize)]
struct UserInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    extra: Option<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
}

/// Field for field as `kwctl run` prints it.
///
/// Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/admission_response.rs`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdmissionResponse {
    uid: String,
    pub(crate) allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    audit_annotations: Option<BTreeMap<String, String>>,
    warnings: Option<Vec<String>>,
}

#[derive(Default, Serialize)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

#[derive(Serialize)]
struct Details {
    causes: [Cause; 1],
}

#[derive(Serialize)]
struct Cause {
    message: String,
}

impl AdmissionResponse {
    fn new(uid: &str, allowed: bool) -> Self {
        Self {
            uid: uid.into(),
            allowed,
            patch_type: None,
            patch: None,
            status: None,
            audit_annotations: None,
            warnings: None,
        }
    }

    pub(crate) fn code(&self) -> Option<u16> {
        self.status.as_ref().and_then(|status| status.code)
    }

    pub(crate) fn mutates(&self) -> bool {
        self.patch.is_some()
    }

    pub(crate) fn warn(&mut self, words: String) {
        self.warnings.get_or_insert_default().push(words);
    }

    /// What the API server gets of that policy's answer; an audit gets the answer as it is.
    ///
    /// Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/admission_response_handler.rs`.
    pub(crate) fn under(self, policy: &str, constraints: &Constraints) -> Self {
        if constraints.is_monitored {
            return Self { allowed: true, patch_type: None, patch: None, status: None, ..self };
        }
        let answer = if self.mutates() && !constraints.may_mutate {
            let message = format!(
                "Request rejected by policy {policy}. The policy attempted to mutate the request, but it is currently \
                 configured to not allow mutations."
            );
            let status = Status { message: Some(message), ..Status::default() };
            Self { allowed: false, status: Some(status), patch_type: None, patch: None, ..self }
        } else {
            self
        };
        match &constraints.message {
            Some(message) if !answer.allowed => {
                let status = answer.status.unwrap_or_default();
                let details = Details { causes: [Cause { message: status.message.unwrap_or_default() }] };
                let status = Status { message: Some(message.clone()), code: status.code, details: Some(details) };
                Self { status: Some(status), ..answer }
            }
            _ => answer,
        }
    }
}
