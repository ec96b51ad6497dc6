//! JSON: one document, several in a row, one a line.

use std::{cell::Cell, collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer as _,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Deserializer, error::Category, value::RawValue};

use crate::{
    flaw::{Flaw, MAX_DEPTH},
    wanted::Kind,
};

/// Where a text stops being JSON.
pub(crate) struct Break<'a> {
    pub(crate) flaw: Flaw,
    /// What could not be read, to the end of the text.
    pub(crate) rest: &'a str,
    /// Lines between the start of `rest` and the place of the error.
    pub(crate) lines_down: usize,
    /// The items of a list that was cut, as far as they are whole.
    pub(crate) items: Vec<&'a RawValue>,
    /// What came before the cut of `apiVersion` and `kind`.
    api_version: Option<String>,
    kind: Option<String>,
}

impl Break<'_> {
    /// What the list says its items are.
    pub(crate) fn list_kind(&self) -> Option<Kind> {
        Kind::listed(self.api_version.as_deref()?, self.kind.as_deref()?)
    }
}

/// The documents of a text, in order, and what broke it off.
pub(crate) fn documents(text: &str) -> (Vec<&RawValue>, Option<Break<'_>>) {
    let mut stream = Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut documents = Vec::new();
    loop {
        let start = stream.byte_offset();
        match stream.next() {
            None => return (documents, None),
            Some(Ok(document)) => documents.push(document),
            Some(Err(error)) => {
                let rest = text.get(start..).unwrap_or_default();
                let before = text.get(..start).unwrap_or_default().matches('\n').count();
                let lines_down = error.line().saturating_sub(before + 1);
                let mut broken =
                    Break { flaw: flaw_of(&error), rest, lines_down, items: Vec::new(), api_version: None, kind: None };
                // The error is known already; what comes before it is kept.
                let _ = Deserializer::from_str(rest).deserialize_map(CutList { list: &mut broken });
                return (documents, Some(broken));
            }
        }
    }
}

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

/// # Errors
/// [`Flaw::NotAnObject`], or [`Flaw::DuplicateKey`] where one of these four is there twice.
pub(crate) fn head(document: &RawValue) -> Result<Head<'_>, Flaw> {
    serde_json::from_str(document.get()).map_err(|error| {
        let duplicate = error.to_string().starts_with("duplicate field");
        if duplicate { Flaw::DuplicateKey } else { Flaw::NotAnObject }
    })
}

/// Whether a document is other people's, such as the values of a chart or an answer of Prometheus: an
/// object, or a list of objects, that names neither apiVersion nor kind.
pub(crate) fn is_foreign(raw: &RawValue) -> bool {
    let names_neither = |raw: &RawValue| {
        head(raw).is_ok_and(|head| head.api_version.is_none() && head.kind.is_none() && head.items.is_none())
    };
    elements(raw).map_or_else(|| names_neither(raw), |elements| elements.into_iter().all(names_neither))
}

/// The elements of a list; `None` where it is none.
pub(crate) fn elements(list: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(list.get()).ok()
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Looks at every part of an object that is to be kept.
///
/// # Errors
/// [`Flaw::TooDeep`] and [`Flaw::DuplicateKey`]; the syntax is known to be right.
pub(crate) fn inspect(object: &RawValue) -> Result<(), Flaw> {
    let found = Cell::new(None);
    let mut deserializer = Deserializer::from_str(object.get());
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

fn flaw_of(error: &serde_json::Error) -> Flaw {
    match error.classify() {
        Category::Eof => Flaw::Truncated { format: "JSON" },
        Category::Io | Category::Syntax | Category::Data => Flaw::Syntax { format: "JSON", column: error.column() },
    }
}

/// A list of which the end is missing.
struct CutList<'l, 'a> {
    list: &'l mut Break<'a>,
}

impl<'a> Visitor<'a> for CutList<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                map.next_value_seed(CutItems { items: &mut self.list.items })?;
            } else if key == "apiVersion" {
                self.list.api_version = map.next_value()?;
            } else if key == "kind" {
                self.list.kind = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct CutItems<'i, 'a> {
    items: &'i mut Vec<&'a RawValue>,
}

impl<'a> DeserializeSeed<'a> for CutItems<'_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for CutItems<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("items")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element()? {
            self.items.push(item);
        }
        Ok(())
    }
}

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
        while let Some(key) = map.next_key::<String>()? {
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
