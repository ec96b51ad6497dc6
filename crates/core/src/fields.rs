//! Reading a JSON object one level at a time: what nobody asks for is skipped by the parser, never
//! built. Objects of the API server may be megabytes, of which a policy wants a few names.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields of one JSON object, their values still text.
///
/// Reading is lenient: a field that is missing, `null` or of another type is the same as absent,
/// because the API server has checked the object against its schema, and for any other source an
/// odd field must not hide the rest of the object. Of a duplicate field the last one counts, as for
/// the API server.
///
/// ```
/// use upgrade_gate_core::Fields;
///
/// let object = Fields::parse(r#"{"spec": {"nodeName": "worker-1", "reason": 7}, "status": {"big": []}}"#).unwrap();
/// let spec = object.object("spec");
/// assert_eq!(spec.text("nodeName").as_deref(), Some("worker-1"));
/// assert_eq!(spec.text("reason"), None);
/// assert_eq!(object.object("metadata").text("name"), None);
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Fields<'a>(#[serde(borrow)] BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// `None` where the text is not a JSON object.
    #[must_use]
    pub fn parse(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// The value of a field as JSON text; `None` for `null` too.
    #[must_use]
    pub fn raw(&self, field: &str) -> Option<&'a RawValue> {
        self.0.get(field).copied().filter(|value| value.get() != "null")
    }

    /// A string.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<String> {
        serde_json::from_str(self.raw(field)?.get()).ok()
    }

    /// A string that says something: not the empty one.
    #[must_use]
    pub fn words(&self, field: &str) -> Option<String> {
        self.text(field).filter(|text| !text.is_empty())
    }

    /// An object; one without fields where there is none.
    #[must_use]
    pub fn object(&self, field: &str) -> Self {
        self.raw(field).and_then(|json| Self::parse(json.get())).unwrap_or_default()
    }

    /// The elements of a list as JSON text; `None` where the field is not a list.
    #[must_use]
    pub fn list(&self, field: &str) -> Option<Vec<&'a RawValue>> {
        serde_json::from_str(self.raw(field)?.get()).ok()
    }

    /// The names of the fields, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
