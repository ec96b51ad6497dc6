//! A live cluster as a source of a snapshot: each resource is a typed list, as `kubectl get --raw` would write it.
//!
//! The lists come from the API server in parallel and in pages, and go through the same reader as files, one after the
//! other. So what is saved of them is judged the same.

use std::{
    io::{self, Read},
    thread,
};

use serde_json::Value;
use tokio::{
    runtime,
    sync::mpsc::{self, Receiver, Sender},
    task::JoinSet,
    time,
};
use upgrade_gate_core::escape;
use upgrade_gate_snapshot::{Builder, Snapshot};

use crate::{
    cli::ClusterArgs,
    error::{Error, say},
    live::{
        Connection, Save,
        pages::{self, Page, Pages, Refusal, Resource, remove_managed_fields},
        save::Saving,
    },
};

/// Maximum number of pages of a resource that wait to be read; a page is a few megabytes.
const AHEAD: usize = 2;

/// What comes of one resource: the path of its list, and its text, in order. The list is whole once the sender is gone.
type Texts = Receiver<Result<String, Refusal>>;

/// Reads the resources of a cluster, the CustomResourceDefinitions among them.
///
/// # Errors
/// [`Error::Kubeconfig`], [`Error::Cluster`]: nobody answered; [`Error::Save`].
pub(crate) fn read(
    args: &ClusterArgs,
    resources: &[Resource],
    mut builder: Builder,
    save: Option<&Save>,
) -> Result<Snapshot, Error> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Runtime { error })?;
    let connection = runtime.block_on(Connection::new(args))?;
    let (senders, receivers): (Vec<_>, Vec<_>) = resources.iter().map(|_| mpsc::channel(AHEAD)).unzip();
    let requests: Vec<_> = resources.iter().cloned().zip(senders).collect();
    let fetch = {
        let connection = connection.clone();
        move || runtime.block_on(fetch(&connection, requests))
    };
    let fetching = thread::Builder::new().name("api server".into()).spawn(fetch);
    let fetching = fetching.map_err(|error| Error::Runtime { error })?;

    builder.cluster(&format!("{} (context {})", connection.address, connection.context));
    let saving = save.map(Save::begin).transpose()?;
    let mut unreachable = None;
    let (mut answered, mut lists_crds) = (false, false);
    for (resource, mut texts) in resources.iter().zip(receivers) {
        let refusal = match texts.blocking_recv() {
            Some(Ok(path)) => {
                let mut list = List { text: Vec::new(), read: 0, texts, refusal: None };
                let asked = format!("{path}{}", resource.query());
                let path = format!("{}{path}", connection.address);
                let is_saved = Save::takes(&resource.name);
                if saving.is_some() && !is_saved {
                    say(&format!("note: {} are read, but not saved", resource.name));
                }
                if let Some(saving) = saving.as_ref().filter(|_| is_saved) {
                    let mut copied = saving.list(&resource.name, list)?;
                    builder.read(&path, &mut copied);
                    list = saving.rest(copied)?;
                    if list.refusal.is_none() {
                        saving.record(&resource.name, &asked)?;
                    }
                } else {
                    builder.read(&path, &mut list);
                }
                answered = true;
                lists_crds |= resource.is_crds();
                list.refusal
            }
            Some(Err(refusal)) => Some(refusal),
            // The other thread is gone.
            None => Some(Refusal::Unreachable("it was not asked for".into())),
        };
        if refusal == Some(Refusal::NotServed) && resource.is_crds() {
            return Err(connection.failed(format!("it does not serve {}: it is no API server", resource.path())));
        }
        match &refusal {
            Some(Refusal::Unreachable(reason)) => unreachable = unreachable.or_else(|| Some(reason.clone())),
            Some(Refusal::NotServed) | None => {}
            Some(_) => answered = true,
        }
        if let Some(refusal) = refusal {
            let is_not_served = refusal == Refusal::NotServed;
            let why = why(resource, &refusal);
            if saving.is_some() && !(is_not_served && lists_crds) {
                say(&format!("note: what is saved does not say this of {}: {}", resource.name, escape(&why)));
            }
            let url = format!("{}{}", connection.address, resource.path());
            builder.not_listed(&url, &resource.name, is_not_served, &why);
        }
    }
    let _ = fetching.join();
    if let Some(reason) = unreachable.filter(|_| !answered) {
        return Err(connection.failed(reason));
    }
    saving.map(Saving::finish).transpose()?;
    Ok(builder.finish())
}

/// For the evidence of a kind.
fn why(resource: &Resource, refusal: &Refusal) -> String {
    match refusal {
        Refusal::Forbidden(words) => {
            format!("{words}; the RBAC rule that is missing: {}", resource.rule("\"get\", \"list\""))
        }
        Refusal::NotServed => format!("the API server does not serve {}", resource.path()),
        _ => format!("{}: {refusal}", resource.path()),
    }
}

async fn fetch(connection: &Connection, requests: Vec<(Resource, Sender<Result<String, Refusal>>)>) {
    let mut lists = JoinSet::new();
    for (resource, texts) in requests {
        let connection = connection.clone();
        lists.spawn(async move {
            let whole = connection.whole();
            let refusal = match time::timeout(whole, send_newest(&connection, &resource, &texts)).await {
                Ok(Ok(())) => return,
                Ok(Err(refusal)) => refusal,
                Err(_) => Refusal::Unreachable(format!("no whole list within {} s", whole.as_secs_f64())),
            };
            let _ = texts.send(Err(refusal)).await;
        });
    }
    lists.join_all().await;
}

/// The list in the first of its versions that is served.
async fn send_newest(
    connection: &Connection,
    resource: &Resource,
    texts: &Sender<Result<String, Refusal>>,
) -> Result<(), Refusal> {
    let group = &resource.name.group;
    for mut resource in resource.in_each_version() {
        if resource.version.is_empty() {
            resource.version = pages::preferred_version(connection, group).await?;
        }
        match send_list(connection, &resource, texts).await {
            Err(Refusal::NotServed) => {}
            outcome => return outcome,
        }
    }
    // Nothing is there only where the whole group is not.
    let version = pages::preferred_version(connection, group).await?;
    Err(Refusal::Refused(format!("the API server serves {group}, and prefers {version} of it, but not this")))
}

/// The list as one text, an item a line, its kind before the items.
async fn send_list(
    connection: &Connection,
    resource: &Resource,
    texts: &Sender<Result<String, Refusal>>,
) -> Result<(), Refusal> {
    let mut pages = Pages::of(connection, resource);
    let (mut is_first, mut version) = (true, String::new());
    while let Some(page) = pages.next().await? {
        let text = text(resource, &page, is_first)?;
        if is_first {
            let _ = texts.send(Ok(resource.path())).await;
        }
        (is_first, version) = (false, page.metadata.resource_version);
        // Where nobody reads on, whoever did has an error to tell.
        let _ = texts.send(Ok(text)).await;
    }
    let end = format!("\n],\"metadata\":{{\"resourceVersion\":{}}}}}\n", Value::from(version));
    let _ = texts.send(Ok(end)).await;
    Ok(())
}

fn text(resource: &Resource, page: &Page, is_first: bool) -> Result<String, Refusal> {
    let mut text = String::new();
    if is_first {
        let (api_version, kind) = resource.list_kind(page);
        text += &format!("{{\"apiVersion\":{},\"kind\":{},\"items\":[", Value::from(api_version), Value::from(kind));
    }
    for (index, object) in page.objects().enumerate() {
        let mut object = object?;
        remove_managed_fields(&mut object);
        if let Some(fields) = object.as_object_mut().filter(|_| resource.is_metadata_only) {
            // It would be PartialObjectMetadata's. The list says what it is.
            fields.retain(|name, _| name == "metadata");
        }
        text += if is_first && index == 0 { "\n" } else { ",\n" };
        text += &object.to_string();
    }
    Ok(text)
}

/// A list as a reader.
struct List {
    text: Vec<u8>,
    read: usize,
    texts: Texts,
    /// Why the list is cut.
    refusal: Option<Refusal>,
}

/// The end of a list of which the rest did not come: one that is to be continued proves nothing.
const CUT: &str = "\n],\"metadata\":{\"continue\":\"cut\"}}\n";

impl Read for List {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.text.len() {
            self.text = match self.texts.blocking_recv() {
                Some(Ok(text)) => text.into_bytes(),
                Some(Err(refusal)) => {
                    self.refusal = Some(refusal);
                    CUT.into()
                }
                None => return Ok(0),
            };
            self.read = 0;
        }
        let count = self.text.get(self.read..).unwrap_or_default().read(buffer)?;
        self.read += count;
        Ok(count)
    }
}
