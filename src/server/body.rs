//! The body of a request: its size, its time, and how much of all bodies is in memory at once.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, header::CONTENT_TYPE},
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
///
/// # Errors
/// [`Problem::ContentType`], [`Problem::TooLarge`], [`Problem::TooSlow`], [`Problem::TooMany`], [`Problem::BrokenOff`];
/// [`Problem::Syntax`]: not UTF-8.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    all: &Arc<Semaphore>,
) -> Result<(String, OwnedSemaphorePermit), Problem> {
    if !is_json(headers) {
        return Err(Problem::ContentType);
    }
    let (bytes, share) = time::timeout(TIMEOUT, collect(body, all)).await.map_err(|_| Problem::TooSlow)??;
    let text = String::from_utf8(bytes)
        .map_err(|error| Problem::Syntax(format!("is not UTF-8: byte {}", error.utf8_error().valid_up_to())))?;
    Ok((text, share))
}

/// What is declared counts for nothing: who announces 16 MiB and sends none holds no memory.
async fn collect(mut body: Body, all: &Arc<Semaphore>) -> Result<(Vec<u8>, OwnedSemaphorePermit), Problem> {
    let share_of = |bytes: usize| {
        let bytes = u32::try_from(bytes).map_err(|_| Problem::TooLarge)?;
        Arc::clone(all).try_acquire_many_owned(bytes).map_err(|_| Problem::TooMany)
    };
    let (mut received, mut share) = (Vec::new(), share_of(0)?);
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|_| Problem::BrokenOff)?.into_data() else { continue };
        if received.len() + chunk.len() > MAX_BODY {
            return Err(Problem::TooLarge);
        }
        share.merge(share_of(chunk.len())?);
        if received.is_empty() && body.is_end_stream() {
            received = chunk.into();
        } else {
            received.extend_from_slice(&chunk);
        }
    }
    Ok((received, share))
}

/// `application/json`, or any other type whose suffix is `+json`; parameters do not count.
fn is_json(headers: &HeaderMap) -> bool {
    let stated = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}
