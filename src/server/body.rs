//! The body of a request: its size, its time, and how much of all bodies is in memory at once.

use std::{mem, sync::Arc, time::Duration};

use axum::{
    body::{Body, HttpBody},
    http::HeaderMap,
};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

use crate::server::api::Problem;

/// Of one body, in bytes. An AdmissionReview carries an object twice, of which the API server takes 3 MiB each, and JSON
/// strings grow when they are escaped.
pub(super) const MAX_BODY: usize = 16 << 20;

/// Of all bodies that are read or wait for their evaluation, in bytes. Beyond it a request is answered 503.
pub(super) const MAX_BODIES: usize = 64 << 20;

/// From the end of a request's head to the end of its body; the API server itself waits for 10 s by default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A whole body, and its share of [`MAX_BODIES`].
pub(super) struct Received {
    pub(super) text: Vec<u8>,
    pub(super) share: Option<OwnedSemaphorePermit>,
}

/// # Errors
/// [`Problem::ContentType`], [`Problem::TooLarge`], [`Problem::TooSlow`], [`Problem::TooMany`], [`Problem::BrokenOff`].
pub(super) async fn read(headers: &HeaderMap, body: Body, all: &Arc<Semaphore>) -> Result<Received, Problem> {
    if !is_json(headers) {
        return Err(Problem::ContentType);
    }
    time::timeout(TIMEOUT, collect(body, all)).await.map_err(|_| Problem::TooSlow)?
}

/// What is declared counts for nothing: who announces 16 MiB and sends none holds no memory.
async fn collect(mut body: Body, all: &Arc<Semaphore>) -> Result<Received, Problem> {
    let mut received = Received { text: Vec::new(), share: None };
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|_| Problem::BrokenOff)?.into_data() else { continue };
        if received.text.len() + chunk.len() > MAX_BODY {
            return Err(Problem::TooLarge);
        }
        let size = u32::try_from(chunk.len()).map_err(|_| Problem::TooLarge)?;
        let share = Arc::clone(all).try_acquire_many_owned(size).map_err(|_| Problem::TooMany)?;
        match &mut received.share {
            Some(so_far) => so_far.merge(share),
            none => *none = Some(share),
        }
        if received.text.is_empty() && body.is_end_stream() {
            received.text = chunk.into();
        } else {
            received.text.extend_from_slice(&chunk);
        }
    }
    Ok(received)
}

/// `application/json`, or any other type whose suffix is `+json`; parameters do not count.
fn is_json(headers: &HeaderMap) -> bool {
    let stated =
        headers.get(axum::http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

impl Received {
    /// As text, and the share that it holds.
    ///
    /// # Errors
    /// [`Problem::Syntax`]: not UTF-8.
    pub(super) fn text(mut self) -> Result<(String, Option<OwnedSemaphorePermit>), Problem> {
        let text = String::from_utf8(mem::take(&mut self.text));
        let text =
            text.map_err(|error| Problem::Syntax(format!("is not UTF-8: byte {}", error.utf8_error().valid_up_to())))?;
        Ok((text, self.share))
    }
}
