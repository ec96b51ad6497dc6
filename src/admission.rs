//! Admission requests and responses, as Kubewarden's tools read and write them.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use upgrade_gate_core::Fields;
use upgrade_gate_host::{EvaluationError, PolicyType, Response};

/// A request as a policy gets it.
pub(crate) struct Request {
    uid: String,
    /// For the policy.
    pub(crate) json: String,
    /// What a policy may change; absent in a deletion.
    object: Option<String>,
}

impl Request {
    /// An AdmissionReview, or the AdmissionRequest in it; for a raw policy any JSON.
    ///
    /// A policy gets the fields that the API has, in their order, and no field that is null: guests may count on
    /// that. Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/admission_request.rs`.
    ///
    /// # Errors
    /// What is missing, or of the wrong type.
    pub(crate) fn parse(text: &str, policy_type: PolicyType) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match policy_type {
            PolicyType::Raw => {
                let json = serde_json::from_str::<Value>(text).map_err(|error| reason(&error))?.to_string();
                let uid = Fields::parse(&json).and_then(|request| request.text("uid")).unwrap_or_default();
                Ok(Self { uid, object: Some(json.clone()), json })
            }
            PolicyType::Kubernetes => {
                let request = Fields::parse(text).and_then(|review| review.raw("request").map(RawValue::get));
                let request: AdmissionRequest<'_> =
                    serde_json::from_str(request.unwrap_or(text)).map_err(|error| reason(&error))?;
                Ok(Self {
                    json: serde_json::to_string(&request).map_err(|error| reason(&error))?,
                    object: request.object.map(|object| object.get().to_owned()),
                    uid: request.uid,
                })
            }
        }
    }

    /// The policy's answer.
    pub(crate) fn answer(&self, response: &Response) -> AdmissionResponse {
        let Response { allowed, message, code, warnings, audit_annotations, mutated_object } = response;
        let answer = AdmissionResponse {
            uid: self.uid.clone(),
            allowed: *allowed,
            patch_type: None,
            patch: None,
            status: (message.is_some() || code.is_some()).then(|| Status { message: message.clone(), code: *code }),
            audit_annotations: audit_annotations.clone(),
            warnings: warnings.clone(),
        };
        let Some(wanted) = mutated_object else { return answer };
        let Some(object) = self.object.as_ref().and_then(|object| serde_json::from_str(object).ok()) else {
            let status = Some(Status { message: Some(MUTATES_NOTHING.into()), code: None });
            return AdmissionResponse { allowed: false, status, audit_annotations: None, warnings: None, ..answer };
        };
        let patch = json_patch::diff(&object, wanted);
        if patch.0.is_empty() {
            return answer;
        }
        let patch = BASE64_STANDARD.encode(json!(patch).to_string());
        AdmissionResponse { patch_type: Some("JSONPatch"), patch: Some(patch), ..answer }
    }

    /// The answer where the policy gave none.
    pub(crate) fn reject(&self, error: &EvaluationError) -> AdmissionResponse {
        AdmissionResponse {
            uid: self.uid.clone(),
            allowed: false,
            patch_type: None,
            patch: None,
            status: Some(Status { message: Some(error.to_rejection()), code: Some(INTERNAL_ERROR) }),
            audit_annotations: None,
            warnings: None,
        }
    }
}

/// What is wrong with a request. Of the library's own words only those that quote no value.
fn reason(error: &serde_json::Error) -> String {
    let place = format!("line {} column {}", error.line(), error.column());
    let text = error.to_string();
    let known = text.strip_suffix(&format!(" at {place}")).filter(|text| text.starts_with("missing field"));
    match known {
        Some(missing) => format!("cannot build AdmissionRequest object from given input: {missing}"),
        None if error.is_data() => {
            format!("cannot build AdmissionRequest object from given input: a field of the wrong type before {place}")
        }
        None => format!("is not JSON: {place}"),
    }
}

/// The code of an answer that is no verdict: audit-scanner takes it for a policy that does not work.
pub(crate) const INTERNAL_ERROR: u16 = 500;

/// A deletion has no object to change. The words are Kubewarden's.
const MUTATES_NOTHING: &str = "Incoming object is null, which happens only with DELETE operations, but the policy is \
                               attempting a mutation. This is not allowed";

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
    pub(crate) status: Option<Status>,
    audit_annotations: Option<BTreeMap<String, String>>,
    warnings: Option<Vec<String>>,
}

#[derive(Serialize)]
pub(crate) struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u16>,
}
