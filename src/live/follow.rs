//! Keeps a kind up to date: lists it, then watches it, for ever.
//!
//! Not with kube's own watcher: that keeps to itself when a watch goes on after a break, and swallows bookmarks, so nobody
//! could say how old an answer is.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use kube::core::WatchEvent;
use serde_json::Value;
use tokio::time;
use upgrade_gate_core::escape;

use crate::live::{
    Connection,
    followed::Followed,
    pages::{Pages, Refusal, within},
};

/// After this time the API server ends a watch, and it is opened anew: so a dead connection is noticed, and a right that was
/// withdrawn.
pub(super) const WATCH: Duration = Duration::from_secs(20);

/// Maximum time that a watch may be silent beyond the one at which the API server ends it.
const SLACK: Duration = Duration::from_secs(5);

/// The first pause after a failure; each next one is twice as long, up to a limit.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest pause where nobody answered, or could not; and where the answer was no.
const MAX_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// Follows the kind until the task is dropped. `appeared` is told of each object that is new or has changed.
pub(super) async fn follow(connection: Connection, followed: &Followed, appeared: impl Fn(&str)) {
    let resource = &followed.resource;
    let mut pause = PAUSE;
    loop {
        let begun = Instant::now();
        let refusal = match list(&connection, followed, &appeared).await {
            Ok(version) => watch(&connection, followed, version, &appeared).await,
            Err(refusal) => refusal,
        };
        if begun.elapsed() > MAX_PAUSE.1 {
            pause = PAUSE;
        }
        if followed.ended(&refusal) {
            let reason = escape(&refusal.to_string());
            match refusal {
                Refusal::NotServed => tracing::info!(resource = %resource.name, reason, "not watched"),
                _ => tracing::warn!(resource = %resource.name, reason, "the watch has ended, and is tried again"),
            }
        }
        let is_no = matches!(refusal, Refusal::Forbidden(_) | Refusal::NotServed);
        let longest = if is_no { MAX_PAUSE.1 } else { MAX_PAUSE.0 };
        tokio::select! {
            () = time::sleep(pause) => pause = (pause * 2).min(longest),
            () = followed.changed.notified() => pause = PAUSE,
        }
    }
}

/// The resourceVersion of the list.
async fn list(connection: &Connection, followed: &Followed, appeared: &impl Fn(&str)) -> Result<String, Refusal> {
    let begun = Instant::now();
    let mut pages = Pages::of(connection, &followed.resource);
    let (mut objects, mut version) = (Vec::new(), String::new());
    // Nobody waits for anything else.
    let (mut names, is_crds) = (Vec::new(), followed.resource.is_crds());
    while let Some(page) = pages.next().await? {
        for object in page.objects() {
            let object = followed.kept(object?)?;
            names.extend(is_crds.then(|| object.name.clone()));
            objects.push(object);
        }
        version = page.metadata.resource_version;
    }
    let count = objects.len();
    if followed.listed(objects, begun) {
        tracing::info!(resource = %followed.resource.name, objects = count, "watched");
    }
    names.iter().for_each(|name| appeared(name));
    Ok(version)
}

/// Takes in changes, watch after watch, until one fails.
async fn watch(connection: &Connection, followed: &Followed, mut version: String, appeared: &impl Fn(&str)) -> Refusal {
    loop {
        let begun = Instant::now();
        if let Err(refusal) = watch_once(connection, followed, &mut version, appeared).await {
            return refusal;
        }
        if begun.elapsed() < MAX_PAUSE.0 {
            return Refusal::Unreachable("a watch ended as soon as it was opened".into());
        }
    }
}

async fn watch_once(
    connection: &Connection,
    followed: &Followed,
    version: &mut String,
    appeared: &impl Fn(&str),
) -> Result<(), Refusal> {
    let request = followed.resource.watch_request(version, WATCH)?;
    let begun = Instant::now();
    let events = within(connection.timeout, connection.client.request_events::<Value>(request)).await?;
    let mut events = pin!(events);
    // It is open: what has changed since the last one comes now. Or an error, if it is none.
    followed.confirmed(begun);
    loop {
        let event = match time::timeout(WATCH + SLACK, events.try_next()).await {
            Ok(event) => event?,
            Err(_) => return Err(Refusal::Unreachable("the watch was silent for too long".into())),
        };
        match event {
            // As was agreed.
            None => return Ok(()),
            Some(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                let object = followed.kept(object)?;
                if let Some(newer) = &object.resource_version {
                    version.clone_from(newer);
                }
                let name = object.name.clone();
                followed.applied(object);
                appeared(&name);
            }
            Some(WatchEvent::Deleted(object)) => {
                let object = followed.kept(object)?;
                if let Some(newer) = &object.resource_version {
                    version.clone_from(newer);
                }
                followed.deleted(&object);
            }
            Some(WatchEvent::Bookmark(bookmark)) => {
                *version = bookmark.metadata.resource_version;
                followed.confirmed(Instant::now());
            }
            Some(WatchEvent::Error(status)) => return Err(Refusal::of(&status)),
        }
    }
}
