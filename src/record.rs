//! The record of what was asked of an API server, for each list that was saved: a list of objects in namespaces does not
//! say itself whether all namespaces were asked.

use serde::Serialize;

/// Where the records of a folder are, one a line.
pub(crate) const FILE: &str = "upgrade-gate-lists.json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListRecord<'r> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'r str>,
    path: &'r str,
}

/// One record, as a line. `file` has the list, and is absent where that is the file of the record itself; `path` is what
/// was asked, with its query, and without what leads to the API server.
pub(crate) fn line(file: Option<&str>, path: &str) -> String {
    let record = ListRecord { api_version: "upgrade-gate.io/v1", kind: "ListRecord", file, path };
    // Of texts alone, so it cannot fail.
    serde_json::to_string(&record).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_record_is_one_document_on_one_line() {
        let of = r#"{"apiVersion":"upgrade-gate.io/v1","kind":"ListRecord","#;
        assert_eq!(
            line(Some("nodes.json"), "/api/v1/nodes"),
            format!("{of}\"file\":\"nodes.json\",\"path\":\"/api/v1/nodes\"}}\n")
        );
        assert_eq!(line(None, "/api/v1/pods?a=b"), format!("{of}\"path\":\"/api/v1/pods?a=b\"}}\n"));
    }
}
