//! YAML that a user names on the command line.

/// Reads YAML as Kubernetes' tools do, or says in which line it cannot: the library's own messages show the text.
pub(crate) fn yaml<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, u64> {
    let options = serde_saphyr::options! {
        strict_booleans: true, leading_zero_numbers_as_strings: true, underscored_numbers_as_strings: true,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.location().map_or(1, |place| place.line()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What Kubernetes' tools take for text is text.
    #[test]
    fn what_only_looks_like_a_number_or_a_boolean_is_text() {
        let read: Value = yaml("{a: no, b: yes, c: 1_000, d: 012, e: 12, f: true, g: 1.5}").unwrap();
        assert_eq!(read, json!({"a": "no", "b": "yes", "c": "1_000", "d": "012", "e": 12, "f": true, "g": 1.5}));
    }
}
