//! JSON: one document or item, read.

use std::{borrow::Cow, cell::Cell, collections::BTreeSet, fmt};

use memchr::{memchr, memchr2};
use serde::{
    Deserialize,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Deserializer, error::Category, value::RawValue};

use crate::{
    flaw::{Flaw, MAX_DEPTH},
    wanted::Kind,
};

/// What an object or a list says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head<'a> {
    #[serde(default)]
    pub(crate) api_version: Option<String>,
    #[serde(default)]
    pub(crate) kind: Option<String>,
    #[serde(borrow)]
    pub(crate) metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) items: Option<&'a RawValue>,
}

impl Head<'_> {
    /// What the items of a list are where they do not say it themselves.
    pub(crate) fn items_kind(&self) -> Option<Kind> {
        Kind::listed(self.api_version.as_deref().unwrap_or_default(), self.kind.as_deref()?)
    }

    pub(crate) fn is_list(&self) -> bool {
        self.items.is_some() && self.kind.as_deref().is_some_and(|kind| kind.ends_with("List"))
    }
}

/// Reads the first level of a document or an item, to its end.
///
/// # Errors
/// Its flaw, and the lines between its start and the flaw: [`Flaw::NotAnObject`], [`Flaw::DuplicateKey`] where
/// one of these four is there twice, and where it is no JSON.
pub(crate) fn head(text: &str) -> Result<Head<'_>, (Flaw, usize)> {
    // A struct may be read from a list, too.
    if text.trim_ascii_start().starts_with('[') {
        return Err((Flaw::NotAnObject, 0));
    }
    serde_json::from_str(text).map_err(|error| {
        let flaw = match error.classify() {
            Category::Eof => Flaw::Truncated { format: "JSON" },
            Category::Data if error.to_string().starts_with("duplicate field") => Flaw::DuplicateKey,
            Category::Data => return (Flaw::NotAnObject, 0),
            Category::Io | Category::Syntax => Flaw::Syntax { format: "JSON", column: error.column() },
        };
        (flaw, error.line().saturating_sub(1))
    })
}

/// Whether a document is other people's, such as the values of a chart or an answer of Prometheus: an
/// object, or a list of objects, that names neither apiVersion nor kind.
pub(crate) fn is_foreign(text: &str) -> bool {
    let names_neither = |text: &str| {
        head(text).is_ok_and(|head| head.api_version.is_none() && head.kind.is_none() && head.items.is_none())
    };
    elements(text)
        .map_or_else(|| names_neither(text), |elements| elements.into_iter().map(RawValue::get).all(names_neither))
}

/// The elements of a list; `None` where it is none.
pub(crate) fn elements(list: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(list).ok()
}

/// JSON without the blanks between its parts, which are a third of what kubectl writes.
pub(crate) fn compact(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((between, string)) = memchr(b'"', rest.as_bytes()).and_then(|quote| rest.split_at_checked(quote)) {
        compact.extend(between.split_ascii_whitespace());
        let (string, after) = string.split_at_checked(string_end(string.as_bytes())).unwrap_or((string, ""));
        compact += string;
        rest = after;
    }
    compact.extend(rest.split_ascii_whitespace());
    compact
}

/// Where a string ends that starts with its quote.
fn string_end(text: &[u8]) -> usize {
    let mut end = 1;
    while let Some(found) = text.get(end..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        end += found + 1;
        match text.get(end - 1) {
            Some(b'\\') => end += 1,
            _ => return end,
        }
    }
    text.len()
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Looks at every part of an object that is to be kept.
///
/// # Errors
/// [`Flaw::TooDeep`] and [`Flaw::DuplicateKey`]; the syntax is known to be right.
pub(crate) fn inspect(object: &str) -> Result<(), Flaw> {
    let found = Cell::new(None);
    let mut deserializer = Deserializer::from_str(object);
    let outcome = Inspector { depth: 0, found: &found }.deserialize(&mut deserializer);
    match (outcome, found.take()) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some(flaw)) => Err(flaw),
        // The parser's own limit, which is the same number of levels.
        (Err(error), None) if error.to_string().starts_with("recursion limit") => Err(Flaw::TooDeep),
        // A number or an escape that no value can be made of.
        (Err(error), None) => Err(Flaw::Syntax { format: "JSON", column: error.column() }),
    }
}

/// A key, which is a part of the text itself where nothing in it is escaped.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Walks a value without building it.
#[derive(Clone, Copy)]
struct Inspector<'f> {
    depth: usize,
    found: &'f Cell<Option<Flaw>>,
}

impl Inspector<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.fail(Flaw::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn fail<E: Error>(self, flaw: Flaw) -> E {
        self.found.set(Some(flaw));
        E::custom("")
    }
}

impl<'de> DeserializeSeed<'de> for Inspector<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inspector<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut keys = BTreeSet::new();
        while let Some(Key(key)) = map.next_key()? {
            if !keys.insert(key) {
                return Err(self.fail(Flaw::DuplicateKey));
            }
            map.next_value_seed(inner)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test says no")]
mod tests {
    use super::*;

    #[test]
    fn compact_is_the_same_without_blanks() {
        let cases = [
            ("{ }", "{}"),
            (
                "{\n  \"a b\" : [ 1 ,\t2.50e1, \" \\\" \\\\\" , \"\" ],\r\n\"c\": null }\n",
                "{\"a b\":[1,2.50e1,\" \\\" \\\\\",\"\"],\"c\":null}",
            ),
            (" \"ü  \\u0020\" ", "\"ü  \\u0020\""),
        ];
        for (json, expected) in cases {
            assert_eq!(compact(json), expected);
            let value = |json| serde_json::from_str::<serde_json::Value>(json).unwrap();
            assert_eq!(value(json), value(expected));
        }
    }
}
