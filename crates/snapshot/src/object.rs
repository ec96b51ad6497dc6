//! One object of a snapshot.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::value::RawValue;
use upgrade_gate_core::{Fields, Metadata};

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
    /// The whole object, with apiVersion and kind even where the source left them to the list.
    pub json: String,
    /// Where it was found.
    pub origin: Origin,
}

impl Object {
    /// Takes an object of a list or of a document; every part of it has been looked at.
    pub(crate) fn new(kind: Kind, raw: &RawValue, typed: bool, origin: Origin) -> Result<Self, Flaw> {
        if raw.get().len() > MAX_OBJECT {
            return Err(Flaw::TooLarge(raw.get().len()));
        }
        json::inspect(raw)?;
        let fields = Fields::parse(raw.get()).ok_or(Flaw::NotAnObject)?;
        let Metadata { name, namespace, uid, resource_version, .. } = Metadata::read(&fields);
        let metadata = fields.object("metadata");
        for field in ["name", "namespace", "uid", "resourceVersion"] {
            if metadata.raw(field).is_some() && metadata.text(field).is_none() {
                return Err(Flaw::NoString(field));
            }
        }
        if name.is_empty() && metadata.words("generateName").is_none() {
            return Err(Flaw::NoString("name"));
        }
        let labels = metadata.object("labels");
        let labels = labels.names().filter_map(|name| Some((name.to_owned(), labels.text(name)?))).collect();
        let json = if typed { raw.get().to_owned() } else { with_type(&kind, &fields) };
        Ok(Self { kind, namespace, name, uid, resource_version, labels, json, origin })
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

    /// Whether this copy of an object replaces another one: the API server counts upwards.
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        let number =
            |object: &Self| object.resource_version.as_deref().and_then(|version| version.parse::<u128>().ok());
        number(self) > number(other)
    }
}

/// Puts apiVersion and kind first, as the API server does.
fn with_type(kind: &Kind, fields: &Fields<'_>) -> String {
    let mut json = format!(r#"{{"apiVersion":{},"kind":{}"#, quoted(&kind.api_version), quoted(&kind.kind));
    for name in fields.names().filter(|name| !["apiVersion", "kind"].contains(name)) {
        json += &format!(",{}:{}", quoted(name), fields.raw(name).map_or("null", RawValue::get));
    }
    json + "}"
}
