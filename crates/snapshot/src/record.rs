//! What was asked of an API server for a list, as whoever collected it wrote down beside it. A list does not say that: the
//! same bytes come from all namespaces and from one.

use std::collections::{BTreeMap, BTreeSet};

use upgrade_gate_core::Fields;

use crate::{file::unpacked, wanted::Kind};

/// Of a record: `{"apiVersion": "upgrade-gate.io/v1", "kind": "ListRecord", "file": "nodes.json", "path": "/api/v1/nodes"}`.
/// `file` is relative to the record's folder, and absent where the list is in the file of the record.
const RECORD: (&str, &str) = ("upgrade-gate.io/v1", "ListRecord");

/// Selects the ClusterServiceVersions that are no copies of others: all that policies look at.
const NO_COPIES: &str = "labelSelector=%21olm.copiedFrom";

pub(crate) fn is_record(kind: &Kind) -> bool {
    (kind.api_version.as_str(), kind.kind.as_str()) == RECORD
}

/// Whether a kind may be that of a record, whose group is not known.
pub(crate) fn is_named_as_record(kind: &str) -> bool {
    kind == RECORD.1
}

/// What was asked for the lists of each file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records(BTreeMap<String, BTreeSet<String>>);

impl Records {
    pub(crate) fn insert(&mut self, file: String, asked: String) {
        self.0.entry(file).or_default().insert(asked);
    }

    pub(crate) fn add(&mut self, next: Self) {
        for (file, asked) in next.0 {
            self.0.entry(file).or_default().extend(asked);
        }
    }

    /// Whether a record says that the list of a file is what the API server has at `path`.
    pub(crate) fn says(&self, file: &str, path: &str) -> bool {
        let is_it = |asked: &str| match asked.split_once('?') {
            None => asked == path,
            Some((asked, query)) => asked == path && query == NO_COPIES,
        };
        self.asked(file).any(is_it)
    }

    /// Whether records say that the list of a file is a part of it: of one namespace, or selected.
    pub(crate) fn denies(&self, file: &str, path: &str) -> bool {
        let Some((above, plural)) = path.rsplit_once('/') else { return false };
        let is_about = |asked: &str| {
            let asked = asked.split('?').next().unwrap_or_default();
            let below = asked.strip_prefix(above).and_then(|rest| rest.strip_suffix(plural));
            below.is_some_and(|between| between == "/" || between.starts_with("/namespaces/"))
        };
        self.asked(file).any(is_about) && !self.says(file, path)
    }

    fn asked(&self, file: &str) -> impl Iterator<Item = &str> {
        self.0.get(unpacked(file)).into_iter().flatten().map(String::as_str)
    }
}

/// Reads a record in the file `path`: the file of its list, and what was asked; `None` where it says neither.
pub(crate) fn read(path: &str, record: &str) -> Option<(String, String)> {
    let fields = Fields::parse(record)?;
    let asked = fields.words("path")?;
    let path = unpacked(path);
    let file = match (fields.raw("file"), fields.words("file")) {
        (None, _) => path.to_owned(),
        (Some(_), name) => match path.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{}", name?),
            None => name?,
        },
    };
    Some((file, asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_a_file_beside_it() {
        let cases = [
            ("dir/r.json", r#"{"file": "a.json", "path": "/api/v1/pods"}"#, Some("dir/a.json")),
            ("r.json", r#"{"file": "a.json", "path": "/api/v1/pods"}"#, Some("a.json")),
            ("x.tar!/dir/r.json", r#"{"file": "a.json", "path": "/api/v1/pods"}"#, Some("x.tar!/dir/a.json")),
            ("dir/r.json.gz!/r.json", r#"{"file": "a.json", "path": "/api/v1/pods"}"#, Some("dir/a.json")),
            ("all.json", r#"{"path": "/api/v1/pods"}"#, Some("all.json")),
            ("all.json", r#"{"file": 7, "path": "/api/v1/pods"}"#, None),
            ("all.json", r#"{"file": "a.json"}"#, None),
        ];
        for (path, record, file) in cases {
            let expected = file.map(|file| (file.to_owned(), "/api/v1/pods".to_owned()));
            assert_eq!(read(path, record), expected, "{path} {record}");
        }
    }

    #[test]
    fn a_record_is_about_the_list_of_the_whole_cluster() {
        let cases = [
            ("/api/v1/pods", true),
            ("/api/v1/pods?labelSelector=%21olm.copiedFrom", true),
            ("/api/v1/pods?fieldSelector=metadata.name%3Da", false),
            ("/api/v1/namespaces/a/pods", false),
        ];
        for (asked, says) in cases {
            let mut records = Records::default();
            records.insert("dir/a.json".into(), asked.into());
            assert_eq!(records.says("dir/a.json", "/api/v1/pods"), says, "{asked}");
            assert_eq!(records.says("dir/a.json.gz!/a.json", "/api/v1/pods"), says, "{asked}");
            assert!(!records.says("a.json", "/api/v1/pods"));
            assert_eq!(records.denies("dir/a.json", "/api/v1/pods"), !says, "{asked}");
            assert!(!records.denies("dir/a.json", "/api/v1/nodes") && !records.denies("a.json", "/api/v1/pods"));
        }
    }
}
