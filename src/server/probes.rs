//! The second port: is the server ready, and what has it done.

use std::{fmt::Write, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::sync::watch;
use upgrade_gate_core::escape;

use crate::server::Server;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn router(server: Arc<Server>, stopping: watch::Receiver<bool>) -> Router {
    Router::new()
        .route("/readiness", get(async move |State(server): State<Arc<Server>>| readiness(&server, *stopping.borrow())))
        .route("/metrics", get(metrics))
        .with_state(server)
}

/// 200, also where a policy is not loaded, which is named: the others have to be reachable. 503 once the server stops.
/// In the words of Kubernetes' own health endpoints.
fn readiness(server: &Server, is_stopping: bool) -> (StatusCode, String) {
    let mut text = String::new();
    for (id, policy) in &server.policies {
        let id = escape(id);
        let _ = match policy {
            Ok(_) => writeln!(text, "[+]policy {id} ok"),
            Err(error) => writeln!(text, "[-]policy {id} failed: {}", escape(&error.to_string())),
        };
    }
    if is_stopping {
        (StatusCode::SERVICE_UNAVAILABLE, text + "[-]shutdown failed: the server stops\nreadiness check failed\n")
    } else {
        (StatusCode::OK, text + "readiness check passed\n")
    }
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    match server.metrics.text(&server.queue) {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
