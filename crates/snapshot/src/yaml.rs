//! YAML: one document or item, turned into JSON.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value};
use serde_saphyr::{Error, Spanned, budget::BudgetBreach, options::NonFiniteFloatPolicy};

use crate::{
    cut::Document,
    flaw::{Flaw, MAX_DEPTH},
};

/// Maximum number of values of a document: each takes up to 260 bytes of memory.
const MAX_NODES: usize = 4_000_000;

/// One document or item.
///
/// # Errors
/// Its flaw, and the lines between its start and the flaw.
pub(crate) fn parse(text: &str) -> Result<Document<'static>, (Flaw, usize)> {
    let size = text.len();
    let budget = serde_saphyr::budget! {
        // An object of a list stands two levels down.
        max_depth: MAX_DEPTH + 2,
        // The scanner is ahead of what is built, by a bounded text: the limit above is met all the same,
        // and says so, while this one is a syntax error like any other.
        flow_nesting_limit: usize::MAX,
        // A node takes a byte at least, and an event or two. Aliases have limits of their own.
        max_events: size.saturating_mul(2).saturating_add(1_000),
        max_nodes: size.saturating_add(1_000).min(MAX_NODES),
        max_total_scalar_bytes: size.saturating_add(1_000),
    };
    let options = serde_saphyr::options! {
        budget: budget,
        // Go writes `1e66586`, a commit perhaps, without quotes, as it is no number for it. It is null here: a
        // label that is absent, a name that is missed.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
    };
    let Parsed { head, items } = serde_saphyr::from_str_with_options(text, options).map_err(|error| flaw_of(&error))?;
    let Some(items) = items else { return Ok(Document::Value(head.to_string().into())) };
    let items = items.iter().map(|item| {
        let line = usize::try_from(item.referenced.line()).unwrap_or(1);
        (line.saturating_sub(1), item.value.to_string())
    });
    Ok(Document::List { head: head.to_string(), items: items.collect() })
}

/// The library's own messages show the text around an error, which is the user's data.
fn flaw_of(error: &Error) -> (Flaw, usize) {
    let error = error.without_snippet();
    let number = |number: u64| usize::try_from(number).unwrap_or(0);
    let (line, column) = error.location().map_or((1, 0), |place| (number(place.line()), number(place.column())));
    let flaw = match cause(error) {
        Error::Eof { .. } => Flaw::Truncated { format: "YAML" },
        Error::DuplicateMappingKey { .. } => Flaw::DuplicateKey,
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => Flaw::TooDeep,
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => Flaw::TooCostly,
        // The only types that are asked for are the mapping, its keys and the sequence of `items`.
        Error::SerdeInvalidType { .. } => Flaw::NotAnObject,
        _ => Flaw::Syntax { format: "YAML", column },
    };
    (flaw, line.saturating_sub(1))
}

/// What went wrong, wherever an alias repeated it.
fn cause(mut error: &Error) -> &Error {
    while let Error::AliasError { error: inner, .. } | Error::WithSnippet { error: inner, .. } = error {
        error = inner;
    }
    error
}

struct Parsed {
    head: Value,
    items: Option<Vec<Spanned<Value>>>,
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParsedVisitor)
    }
}

struct ParsedVisitor;

impl<'de> Visitor<'de> for ParsedVisitor {
    type Value = Parsed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parsed, A::Error> {
        let (mut head, mut items) = (Map::new(), None);
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                items = map.next_value()?;
                if items.is_none() {
                    head.insert(key, Value::Null);
                }
            } else {
                head.insert(key, map.next_value()?);
            }
        }
        Ok(Parsed { head: Value::Object(head), items })
    }
}
