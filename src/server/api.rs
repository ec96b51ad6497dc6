//! The routes of policy-server's API, and what a request that is none is answered.
//!
//! Source: kubewarden-controller 3460bb71, `crates/policy-server/src/api/` and `lib.rs`; axum 0.8.9, `src/json.rs`.

use std::{any::Any, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;
use upgrade_gate_host::PolicyType;

use crate::{
    admission::{Malformed, Request},
    server::{
        Server, body,
        decision::{self, Origin},
    },
};

/// What is asked, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    Validate,
    Audit,
    ValidateRaw,
}

/// Why there is no answer of a policy.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("Expected request with `Content-Type: application/json`")]
    ContentType,
    #[error("Failed to buffer the request body: length limit exceeded: {} bytes", body::MAX_BODY)]
    TooLarge,
    #[error("Failed to buffer the request body: it took too long")]
    TooSlow,
    #[error("Failed to buffer the request body: it broke off")]
    BrokenOff,
    #[error("Failed to parse the request body as JSON: {0}")]
    Syntax(String),
    #[error("Failed to deserialize the JSON body into the target type: {0}")]
    Shape(String),
    #[error("unknown policy: {0}")]
    UnknownPolicy(String),
    #[error("too many requests wait for an evaluation: try again")]
    QueueFull,
    #[error("the requests that wait hold too much memory: try again")]
    TooMany,
    #[error("Something went wrong")]
    Internal,
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenOff | Self::Syntax(_) => StatusCode::BAD_REQUEST,
            Self::Shape(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UnknownPolicy(_) => StatusCode::NOT_FOUND,
            Self::QueueFull | Self::TooMany => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// For the metric.
    fn reason(&self) -> &'static str {
        match self {
            Self::ContentType => "content_type",
            Self::TooLarge => "body_too_large",
            Self::TooSlow => "body_too_slow",
            Self::BrokenOff => "body_broken_off",
            Self::Syntax(_) => "not_json",
            Self::Shape(_) => "no_review",
            Self::UnknownPolicy(_) => "unknown_policy",
            Self::QueueFull => "queue_full",
            Self::TooMany => "body_memory",
            Self::Internal => "internal",
        }
    }

    /// policy-server answers what is wrong with the body as JSON on one of the routes, everything else on all of them.
    fn response(&self, route: Route) -> Response {
        let is_about_the_body = matches!(
            self,
            Self::ContentType | Self::TooLarge | Self::TooSlow | Self::BrokenOff | Self::Syntax(_) | Self::Shape(_)
        );
        if is_about_the_body && route != Route::Validate {
            return (self.status(), self.to_string()).into_response();
        }
        let text = json!({"message": self.to_string(), "status": self.status().as_u16()}).to_string();
        (self.status(), [(CONTENT_TYPE, "application/json")], text).into_response()
    }
}

impl From<Malformed> for Problem {
    fn from(error: Malformed) -> Self {
        match error {
            Malformed::Syntax(place) => Self::Syntax(place),
            Malformed::Shape(reason) => Self::Shape(reason),
        }
    }
}

pub(super) fn router(server: Arc<Server>) -> Router {
    let on = |route| {
        post(async move |State(server): State<Arc<Server>>, Path(id): Path<String>, headers: HeaderMap, body: Body| {
            answer(server, route, id, headers, body).await
        })
    };
    Router::new()
        .route("/validate/{policy_id}", on(Route::Validate))
        .route("/audit/{policy_id}", on(Route::Audit))
        .route("/validate_raw/{policy_id}", on(Route::ValidateRaw))
        .with_state(server)
        .layer(CatchPanicLayer::custom(|_: Box<dyn Any + Send>| Problem::Internal.response(Route::Validate)))
}

async fn answer(server: Arc<Server>, route: Route, id: String, headers: HeaderMap, body: Body) -> Response {
    match decide(&server, route, id, &headers, body).await {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(problem) => {
            server.metrics.refused(problem.reason());
            tracing::warn!(reason = problem.reason(), status = problem.status().as_u16(), "request not answered");
            problem.response(route)
        }
    }
}

async fn decide(
    server: &Arc<Server>,
    route: Route,
    id: String,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<u8>, Problem> {
    let (text, share) = body::read(headers, body, &server.bodies).await?;
    let (policy_type, origin) = match route {
        Route::Validate => (PolicyType::Kubernetes, Origin::Validate),
        Route::Audit => (PolicyType::Kubernetes, Origin::Audit),
        Route::ValidateRaw => (PolicyType::Raw, Origin::Validate),
    };
    let ours = Arc::clone(server);
    // The share belongs to the evaluation: it goes on where the client is gone.
    let decided = server.queue.run(move || {
        let _held = share;
        let request = Request::parse_review(&text, policy_type)?;
        drop(text);
        decision::decide(&ours, &id, &request, origin).ok_or(Problem::UnknownPolicy(id))
    });
    decided.await?
}
