//! One decision: the policy is asked, its answer becomes one of the server, and is logged and counted.

use std::{sync::PoisonError, time::Instant};

use serde::Serialize;
use upgrade_gate_core::shorten;

use crate::{
    admission::{AdmissionResponse, Request},
    judge::unproved,
    policies_file::Constraints,
    policy_set::Loaded,
    server::{Server, metrics::Labels},
};

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The API server.
    Validate,
    /// A background audit: it gets the policy's answer as it is.
    Audit,
}

impl Origin {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Audit => "audit",
        }
    }
}

/// What is shown of a name in a log or a metric; Kubernetes allows none that is longer.
const MAX_NAME: usize = 253;

/// What a policy said, before it became the server's answer.
struct Verdict {
    answer: AdmissionResponse,
    /// Why there is none.
    error: Option<&'static str>,
}

impl From<AdmissionResponse> for Verdict {
    fn from(answer: AdmissionResponse) -> Self {
        Self { answer, error: None }
    }
}

/// The AdmissionReview that answers the request, as JSON; `None` where there is no such policy.
pub(super) fn decide(server: &Server, id: &str, request: &Request, origin: Origin) -> Option<Vec<u8>> {
    let started = Instant::now();
    let policy = server.policies.get(id)?;
    let verdict = if server.accepted_namespace.is_some() && server.accepted_namespace == request.namespace {
        request.accept().into()
    } else {
        match policy {
            Ok(policy) => evaluate(server, policy, request),
            Err(error) => {
                server.metrics.failed(id, &shorten(&error.to_string(), MAX_NAME));
                let answer = request.reject(shorten(&error.to_string(), 2_000));
                Verdict { answer, error: Some("initialization") }
            }
        }
    };
    let took = started.elapsed();

    let cut = |text: &Option<String>| text.as_deref().map(|text| shorten(text, MAX_NAME));
    let (kind, namespace, operation) = (cut(&request.kind), cut(&request.namespace), cut(&request.operation));
    let (accepted, code) = (verdict.answer.allowed, verdict.answer.code());
    let none = Constraints::default();
    let constraints = policy.as_ref().map_or(&none, |policy| &policy.constraints);
    let mode = if constraints.is_monitored { "monitor" } else { "protect" };
    if policy.is_ok() {
        let labels = Labels {
            policy_name: id.into(),
            policy_mode: mode,
            resource_kind: kind.clone(),
            resource_namespace: namespace.clone(),
            resource_request_operation: operation.clone(),
            accepted,
            mutated: verdict.answer.mutates(),
            request_origin: origin.name(),
            error_code: code,
        };
        server.metrics.evaluated(labels, took);
    }
    let answer = match origin {
        Origin::Validate if policy.is_ok() => verdict.answer.under(id, constraints),
        _ => verdict.answer,
    };
    tracing::info!(
        uid = shorten(&request.uid, MAX_NAME),
        policy = id,
        mode,
        origin = origin.name(),
        kind,
        namespace,
        name = cut(&request.name),
        operation,
        user = cut(&request.user),
        accepted,
        allowed = answer.allowed,
        code,
        error = verdict.error,
        microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "admission review"
    );
    Some(review(&answer, request.is_raw()))
}

fn evaluate(server: &Server, policy: &Loaded, request: &Request) -> Verdict {
    let context = server.context.read().unwrap_or_else(PoisonError::into_inner).clone();
    match policy.policy.evaluate(&request.json, &policy.settings, &policy.grants, &context) {
        Ok(evaluation) => {
            server.metrics.used_memory(&policy.name, evaluation.memory_bytes);
            let mut answer = request.answer(&evaluation.response);
            if let Some(kinds) = unproved(&evaluation).filter(|_| answer.allowed) {
                answer.warn(format!("unknown: nothing shows that all objects of {kinds} are in the snapshot"));
            }
            answer.into()
        }
        Err(error) => Verdict { answer: request.reject(error.to_rejection()), error: Some(error.kind()) },
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'static str>,
    response: &'a AdmissionResponse,
}

/// A raw policy's answer is no AdmissionReview.
fn review(response: &AdmissionResponse, is_raw: bool) -> Vec<u8> {
    let stated = |text| (!is_raw).then_some(text);
    let review = Review { kind: stated("AdmissionReview"), api_version: stated("admission.k8s.io/v1"), response };
    serde_json::to_vec(&review).unwrap_or_default()
}
