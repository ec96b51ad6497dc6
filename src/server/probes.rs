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

use crate::{
    live::{Refusal, Standing},
    server::Server,
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn router(server: Arc<Server>, stopping: watch::Receiver<bool>) -> Router {
    Router::new()
        .route("/readiness", get(async move |State(server): State<Arc<Server>>| readiness(&server, *stopping.borrow())))
        .route("/metrics", get(metrics))
        .with_state(server)
}

/// 200, also where a policy is not loaded, which is named: the others have to be reachable. 503 until the cluster was read for the
/// first time, and once the server stops. A watch that fails later makes answers unknown, which says more than no answer.
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
    let standings = server.watched.iter().flat_map(|watched| watched.standings());
    let mut is_synced = true;
    for Standing { resource, is_answered, refusal, .. } in standings {
        is_synced &= is_answered;
        let _ = match refusal {
            Some(Refusal::NotServed) => writeln!(text, "[+]watch {resource} ok: not installed"),
            None if is_answered => writeln!(text, "[+]watch {resource} ok"),
            None => writeln!(text, "[-]watch {resource} failed: not listed yet"),
            Some(refusal) => writeln!(text, "[-]watch {resource} failed: {}", escape(&refusal.to_string())),
        };
    }
    if !is_synced {
        return (StatusCode::SERVICE_UNAVAILABLE, text + "readiness check failed\n");
    }
    if is_stopping {
        (StatusCode::SERVICE_UNAVAILABLE, text + "[-]shutdown failed: the server stops\nreadiness check failed\n")
    } else {
        (StatusCode::OK, text + "readiness check passed\n")
    }
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    match server.metrics.text(&server.queue, server.watched.as_deref()) {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
