//! All objects of a resource, in pages, as the API server lists them.

use std::{iter, time::Duration};

use hyper::{Request, header::ACCEPT};
use kube::core::Status;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, value::RawValue};
use tokio::time;
use upgrade_gate_core::{CLUSTER_SERVICE_VERSION, GroupResource, shorten};

use crate::live::{Connection, connection::client_words};

/// Number of objects that are asked for at once: the largest, ClusterServiceVersions, have some 100 kB each.
const PAGE: usize = 250;

/// What a list of CustomResourceDefinitions calls itself.
const CRDS: (&str, &str) = ("apiextensions.k8s.io/v1", "CustomResourceDefinitionList");

/// OLM copies each ClusterServiceVersion into many namespaces; this selects the others.
const NO_COPIES: &str = "%21olm.copiedFrom";

pub(super) const JSON: &str = "application/json";

/// Maximum number of characters of an API server's words that are shown.
const MAX_WORDS: usize = 400;

/// A resource of the API server, and what is asked for of its objects.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) name: GroupResource,
    /// Without the group; empty for the one that the API server prefers.
    pub(crate) version: String,
    /// What does as well where that is not served, the newest first.
    pub(crate) older: Vec<String>,
    /// As `kubectl get -l` takes it; empty for all objects.
    pub(crate) labels: &'static str,
    /// Of each object only its metadata.
    pub(crate) is_metadata_only: bool,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) metadata: ListMeta,
    /// An empty list of metadata has `null`.
    #[serde(deserialize_with = "null_is_empty")]
    items: Vec<Box<RawValue>>,
}

impl Page {
    /// # Errors
    /// [`Refusal::Refused`], of each that cannot be read.
    pub(super) fn objects(&self) -> impl Iterator<Item = Result<Value, Refusal>> {
        let wrong = |_| Refusal::Refused("an object of it cannot be read".into());
        self.items.iter().map(move |item| serde_json::from_str(item.get()).map_err(wrong))
    }
}

/// An object without what nobody wants to read of it, and many objects mostly are.
pub(super) fn remove_managed_fields(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

fn null_is_empty<'de, D: Deserializer<'de>>(items: D) -> Result<Vec<Box<RawValue>>, D::Error> {
    Ok(Option::deserialize(items)?.unwrap_or_default())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListMeta {
    pub(crate) resource_version: String,
    #[serde(rename = "continue")]
    pub(crate) next: String,
}

/// Why there is no list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The API server has no such resource.
    #[error("the API server does not serve it")]
    NotServed,
    /// In the API server's words.
    #[error("{0}")]
    Forbidden(String),
    /// A list, or a watch, cannot be gone on with.
    #[error("{0}")]
    Gone(String),
    /// The API server's words for anything else.
    #[error("{0}")]
    Refused(String),
    /// There was no answer of an API server, or none for these credentials.
    #[error("{0}")]
    Unreachable(String),
}

impl From<kube::Error> for Refusal {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) => Self::of(status),
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
                Self::Refused(format!("the answer cannot be read: {}", client_words(&error)))
            }
            _ => Self::Unreachable(client_words(&error)),
        }
    }
}

impl Refusal {
    pub(super) fn of(status: &Status) -> Self {
        // Who stands before an API server may answer with a page of HTML.
        let words = shorten(status.message.trim(), MAX_WORDS);
        match status.code {
            401 => Self::Unreachable(format!("the API server does not take the credentials: {words}")),
            403 => Self::Forbidden(words),
            404 => Self::NotServed,
            410 => Self::Gone(words),
            _ => Self::Refused(words),
        }
    }
}

impl Resource {
    /// Where it is listed, for people, and for `kubectl get --raw`.
    pub(crate) fn path(&self) -> String {
        self.name.path(&self.version)
    }

    /// What is asked of the list but the page, with its question mark; empty for all objects.
    pub(crate) fn query(&self) -> String {
        if self.labels.is_empty() { String::new() } else { format!("?labelSelector={}", self.labels) }
    }

    /// Where one of its objects is; none for what can be no name, and might lead elsewhere.
    pub(super) fn path_of(&self, namespace: Option<&str>, name: &str) -> Option<String> {
        let is_name = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte));
            is_plain && !["", ".", ".."].contains(&text)
        };
        if !is_name(name) || !namespace.is_none_or(is_name) {
            return None;
        }
        Some(format!("{}/{name}", self.name.path_in(&self.version, namespace)))
    }

    /// A request for the page of the list that begins there, or for the first.
    fn list_request(&self, next: &str) -> Result<Request<Vec<u8>>, Refusal> {
        let next = if next.is_empty() { String::new() } else { format!("&continue={next}") };
        self.request("PartialObjectMetadataList", &format!("limit={PAGE}{next}"))
    }

    /// A request for what changes from that resourceVersion on.
    pub(super) fn watch_request(&self, version: &str, ends: Duration) -> Result<Request<Vec<u8>>, Refusal> {
        let ends = ends.as_secs();
        let parameters = format!("watch=true&allowWatchBookmarks=true&timeoutSeconds={ends}&resourceVersion={version}");
        self.request("PartialObjectMetadata", &parameters)
    }

    /// Source: Kubernetes API concepts, "Receiving resources as metadata".
    fn request(&self, as_metadata: &str, parameters: &str) -> Result<Request<Vec<u8>>, Refusal> {
        let labels = if self.labels.is_empty() { String::new() } else { format!("labelSelector={}&", self.labels) };
        let target = format!("{}?{labels}{parameters}", self.path());
        if self.is_metadata_only {
            get(&target, &format!("{JSON};as={as_metadata};g=meta.k8s.io;v=v1"))
        } else {
            get(&target, JSON)
        }
    }

    /// Which objects are asked for, as [`Resource::labels`]: no policy of ours looks at the copies.
    pub(crate) fn labels_of(name: &GroupResource, are_bundled: bool) -> &'static str {
        if are_bundled && name.to_string() == CLUSTER_SERVICE_VERSION.crd { NO_COPIES } else { "" }
    }

    /// The same, in each version.
    pub(super) fn in_each_version(&self) -> impl Iterator<Item = Self> {
        let versions = iter::once(&self.version).chain(&self.older);
        versions.map(|version| Self { version: version.clone(), older: Vec::new(), ..self.clone() })
    }

    /// Whether it is the one that says what is installed, and that every API server serves.
    pub(crate) fn is_crds(&self) -> bool {
        self.name.group == "apiextensions.k8s.io"
    }

    /// What the list is, also where it came as one of metadata.
    pub(super) fn list_kind<'p>(&'p self, page: &'p Page) -> (&'p str, &'p str) {
        if self.is_crds() { CRDS } else { (&page.api_version, &page.kind) }
    }

    /// The RBAC rule by which it can be listed.
    pub(crate) fn rule(&self, verbs: &str) -> String {
        let GroupResource { group, resource } = &self.name;
        format!("apiGroups: [\"{group}\"], resources: [\"{resource}\"], verbs: [{verbs}]")
    }
}

/// The pages of a list, asked for one after the other.
pub(super) struct Pages<'a> {
    connection: &'a Connection,
    resource: &'a Resource,
    /// How the API server goes on: empty at the start, absent at the end.
    next: Option<String>,
}

impl<'a> Pages<'a> {
    pub(super) fn of(connection: &'a Connection, resource: &'a Resource) -> Self {
        Self { connection, resource, next: Some(String::new()) }
    }

    /// None after the last page.
    ///
    /// # Errors
    /// [`Refusal`]; some pages may have come before.
    pub(super) async fn next(&mut self) -> Result<Option<Page>, Refusal> {
        let Some(next) = self.next.take() else { return Ok(None) };
        let text = self.connection.text(self.resource.list_request(&next)?).await?;
        let page: Page =
            serde_json::from_str(&text).map_err(|_| Refusal::Refused("the answer is not a list".into()))?;
        self.next = Some(page.metadata.next.clone()).filter(|next| !next.is_empty());
        Ok(Some(page))
    }
}

/// The version of a group that the API server prefers.
///
/// # Errors
/// [`Refusal::NotServed`]: it has no such group.
pub(super) async fn preferred_version(connection: &Connection, group: &str) -> Result<String, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Group {
        preferred_version: Version,
    }
    #[derive(Deserialize)]
    struct Version {
        version: String,
    }
    if group.is_empty() {
        return Ok("v1".into());
    }
    let text = connection.text(get(&format!("/apis/{group}"), JSON)?).await?;
    let group: Group =
        serde_json::from_str(&text).map_err(|_| Refusal::Refused("the answer is not an API group".into()))?;
    Ok(group.preferred_version.version)
}

/// # Errors
/// [`Refusal::Refused`]: no path can look like this.
pub(super) fn get(target: &str, accept: &str) -> Result<Request<Vec<u8>>, Refusal> {
    let request = Request::get(target).header(ACCEPT, accept).body(Vec::new());
    request.map_err(|error| Refusal::Refused(error.to_string()))
}

impl Connection {
    /// The answer to a request.
    ///
    /// # Errors
    /// As [`within`].
    async fn text(&self, request: Request<Vec<u8>>) -> Result<String, Refusal> {
        within(self.timeout, self.client.request_text(request)).await
    }
}

/// # Errors
/// [`Refusal`], also where there was no answer in time.
pub(super) async fn within<T>(
    limit: Duration,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Refusal> {
    match time::timeout(limit, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Refusal::Unreachable(format!("no answer within {} s", limit.as_secs_f64()))),
    }
}
