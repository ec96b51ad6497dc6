//! What a policy answered.

use std::collections::BTreeMap;

use kubewarden_policy_sdk::response::ValidationResponse;
use serde_json::Value;
use upgrade_gate_core::{Finding, Verdict};

/// A policy's answer to `validate`.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Whether the request is accepted.
    pub allowed: bool,
    /// Why not.
    pub message: Option<String>,
    /// The HTTP code of a refusal.
    pub code: Option<u16>,
    /// What kubectl shows although the request is accepted; a policy may send an empty list, or none.
    pub warnings: Option<Vec<String>>,
    /// For the audit log; likewise.
    pub audit_annotations: Option<BTreeMap<String, String>>,
    /// The object as the policy wants it, where it is one that changes objects.
    pub mutated_object: Option<Value>,
}

impl Response {
    /// The findings behind the answer; `None` where the policy does not record them.
    /// [`Finding::warning`] is empty: the warnings are in the answer itself.
    #[must_use]
    pub fn findings(&self) -> Option<Vec<Finding>> {
        serde_json::from_str(self.audit_annotations.as_ref()?.get(Verdict::FINDINGS)?).ok()
    }

    /// What kubectl shows, none or more.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        self.warnings.as_deref().unwrap_or_default()
    }
}

impl From<ValidationResponse> for Response {
    fn from(response: ValidationResponse) -> Self {
        Self {
            allowed: response.accepted,
            message: response.message,
            code: response.code,
            warnings: response.warnings,
            audit_annotations: response.audit_annotations.map(|annotations| annotations.into_iter().collect()),
            mutated_object: response.mutated_object,
        }
    }
}
