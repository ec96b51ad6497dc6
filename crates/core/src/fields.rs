//! Reading a JSON object one level at a time: what nobody asks for is skipped by the parser, never
//! built. Objects of the API server may be megabytes, of which a policy wants a few names.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
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
#[derive(Clone, Debug, Default)]
pub struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// `None` where the text is not a JSON object.
    #[must_use]
    pub fn parse(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// The value of a field as JSON text; `None` for `null` too.
    #[must_use]
    pub fn raw(&self, field: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().rfind(|(name, _)| name == field)?;
        Some(*value).filter(|value| value.get() != "null")
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

    /// The objects of a list; what is not an object is left out.
    #[must_use]
    pub fn objects(&self, field: &str) -> Vec<Self> {
        self.list(field).unwrap_or_default().into_iter().filter_map(|item| Self::parse(item.get())).collect()
    }

    /// The strings of a list; what is not a string is left out.
    #[must_use]
    pub fn texts(&self, field: &str) -> Vec<String> {
        let items = self.list(field).unwrap_or_default();
        items.into_iter().filter_map(|item| serde_json::from_str(item.get()).ok()).collect()
    }

    /// Whether a field says `true`.
    #[must_use]
    pub fn is_true(&self, field: &str) -> bool {
        self.raw(field).is_some_and(|value| value.get() == "true")
    }

    pub(crate) fn push(&mut self, field: String, value: &'a RawValue) {
        self.0.push((field, value));
    }

    /// The names of the fields, as the text has them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}
