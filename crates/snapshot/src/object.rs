//! One object of a snapshot.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::value::RawValue;
use upgrade_gate_core::Fields;

use crate::{
    flaw::{Flaw, MAX_OBJECT},
    json::{self, quoted},
    wanted::Kind,
};

/// Where something was found. Carried along for reports; nothing decides by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file, as the user can open it.
    pub path: Arc<str>,
    /// The file inside an archive.
    pub member: Option<Arc<str>>,
    /// From 1; 0 where it is about the file as a whole.
    pub line: usize,
}

/// An object: raw JSON, and the narrow part of its metadata that finds it.
#[derive(Clone, Debug)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Absent for objects of cluster scope.
    pub namespace: Option<String>,
    /// Empty in a manifest that leaves the name to the API server.
    pub name: String,
    /// Absent where it was never stored.
    pub uid: Option<String>,
    /// Absent where it was never stored.
    pub resource_version: Option<String>,
    /// For label selectors.
    pub labels: BTreeMap<String, String>,
    /// The whole object, with apiVersion and kind even where the source left them to the list; empty where
    /// all was said about it while it was read ([`Builder::settle`](crate::Builder::settle)).
    pub json: String,
    /// Where it was found.
    pub origin: Origin,
}

impl Object {
    /// Takes an object of a list or of a document; every part of it has been looked at.
    pub(crate) fn new(
        kind: Kind,
        raw: &str,
        metadata: Option<&RawValue>,
        typed: bool,
        origin: Origin,
    ) -> Result<Self, Flaw> {
        if raw.len() > MAX_OBJECT {
            return Err(Flaw::TooLarge(raw.len()));
        }
        let json = json::compact(raw);
        json::inspect(&json)?;
        let metadata = metadata.and_then(|metadata| Fields::parse(metadata.get())).unwrap_or_default();
        for field in ["name", "namespace", "uid", "resourceVersion"] {
            if metadata.raw(field).is_some() && metadata.text(field).is_none() {
                return Err(Flaw::NoString(field));
            }
        }
        let name = metadata.text("name").unwrap_or_default();
        if name.is_empty() && metadata.words("generateName").is_none() {
            return Err(Flaw::NoString("name"));
        }
        let words = |field: &str| metadata.words(field);
        let (namespace, uid, resource_version) = (words("namespace"), words("uid"), words("resourceVersion"));
        let labels = metadata.object("labels");
        let labels = labels.names().filter_map(|name| Some((name.to_owned(), labels.text(name)?))).collect();
        let json = if typed { json } else { with_type(&kind, &json) };
        Ok(Self { kind, namespace, name, uid, resource_version, labels, json, origin })
    }

    /// An object as an API server has it, which has a resourceVersion.
    ///
    /// # Errors
    /// [`Flaw`]: it is too large or too deep, or its metadata are none.
    pub fn of_api_server(kind: Kind, json: &str) -> Result<Self, Flaw> {
        let origin = Origin { path: "".into(), member: None, line: 0 };
        let fields = Fields::parse(json).ok_or(Flaw::NotAnObject)?;
        let typed = fields.raw("apiVersion").is_some() && fields.raw("kind").is_some();
        Self::new(kind, json, fields.raw("metadata"), typed, origin)
    }

    /// An object that is in no source.
    #[must_use]
    pub fn made_up(kind: Kind, namespace: Option<&str>, name: &str, json: String) -> Self {
        Self {
            kind,
            namespace: namespace.map(Into::into),
            name: name.into(),
            uid: None,
            resource_version: None,
            labels: BTreeMap::new(),
            json,
            origin: Origin { path: "".into(), member: None, line: 0 },
        }
    }

    /// Whether all was said about it while it was read.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.json.is_empty()
    }

    pub(crate) fn settle(&mut self) {
        self.json = String::new();
        self.labels = BTreeMap::new();
    }

    /// Whether this copy of an object replaces another one: the API server counts upwards.
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        let number =
            |object: &Self| object.resource_version.as_deref().and_then(|version| version.parse::<u128>().ok());
        number(self) > number(other)
    }
}

/// Puts apiVersion and kind first, as the API server does.
fn with_type(kind: &Kind, json: &str) -> String {
    let fields = Fields::parse(json).unwrap_or_default();
    let mut json = format!(r#"{{"apiVersion":{},"kind":{}"#, quoted(&kind.api_version), quoted(&kind.kind));
    for name in fields.names().filter(|name| !["apiVersion", "kind"].contains(name)) {
        json += &format!(",{}:{}", quoted(name), fields.raw(name).map_or("null", RawValue::get));
    }
    json + "}"
}
