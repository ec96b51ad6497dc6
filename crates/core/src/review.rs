//! One object under one operation: what a policy is asked to judge.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    fields::Fields,
    object::Metadata,
    resource::{GroupVersionKind, ResourceRef},
};

/// The part of a Kubernetes `AdmissionRequest` that policies read. The objects stay JSON text until
/// a view asks for them; `null` and absent are the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Fields<'a>", bound(deserialize = "'de: 'a"))]
pub struct Review<'a> {
    /// What kind of object, as the policy's rules matched it.
    pub kind: GroupVersionKind,
    /// `status`, `scale`: only that part of the object is being written.
    pub sub_resource: Option<String>,
    /// Missing where the API server makes the name, and in a collection delete.
    pub name: Option<String>,
    /// Absent for objects of cluster scope.
    pub namespace: Option<String>,
    /// What is being done to it.
    pub operation: Operation,
    /// Who asks; empty in an audit.
    pub username: String,
    /// The object as it is to be; absent on DELETE.
    pub object: Option<&'a RawValue>,
    /// The object as it is; absent on CREATE.
    pub old_object: Option<&'a RawValue>,
}

/// What is being done to the object under review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object, or an existing one in an audit ([`Review::is_audit`]).
    Create,
    /// A changed object.
    Update,
    /// A deletion, which may have to wait for finalizers.
    Delete,
    /// A connection, such as to a Pod's shell.
    Connect,
}

/// A large request is passed over once: its objects stay text.
impl<'a> TryFrom<Fields<'a>> for Review<'a> {
    type Error = &'static str;

    fn try_from(request: Fields<'a>) -> Result<Self, Self::Error> {
        let kind = request.object("kind");
        let part = |name: &str| kind.text(name).ok_or("expected `kind` with group, version and kind");
        Ok(Self {
            kind: GroupVersionKind { group: part("group")?, version: part("version")?, kind: part("kind")? },
            sub_resource: request.words("subResource"),
            name: request.text("name"),
            namespace: request.text("namespace"),
            operation: match request.raw("operation").map(RawValue::get) {
                Some(r#""CREATE""#) => Operation::Create,
                Some(r#""UPDATE""#) => Operation::Update,
                Some(r#""DELETE""#) => Operation::Delete,
                Some(r#""CONNECT""#) => Operation::Connect,
                _ => return Err("expected `operation` to be CREATE, UPDATE, DELETE or CONNECT"),
            },
            username: request.object("userInfo").text("username").unwrap_or_default(),
            object: request.raw("object"),
            old_object: request.raw("oldObject"),
        })
    }
}

impl<'a> Review<'a> {
    /// Whether an existing object is shown rather than a new one asked for. A background audit shows
    /// it as a CREATE with an empty user name; that the object exists shows in its resourceVersion.
    ///
    /// Source: kubewarden-controller, `internal/audit-scanner/scanner/admission_request.go`.
    #[must_use]
    pub fn is_audit(&self) -> bool {
        self.operation == Operation::Create && self.username.is_empty() && self.metadata().resource_version.is_some()
    }

    /// The object as it is to be; without fields on DELETE, and where it is not an object.
    #[must_use]
    pub fn fields(&self) -> Fields<'a> {
        self.object.and_then(|json| Fields::parse(json.get())).unwrap_or_default()
    }

    /// The metadata of the object, or of the old one on DELETE; empty where it cannot be read.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        let object = self.object.or(self.old_object);
        object.and_then(|json| Fields::parse(json.get())).map(|object| Metadata::read(&object)).unwrap_or_default()
    }

    /// The object under review, by name; the name is empty where the API server is to make it.
    #[must_use]
    pub fn subject(&self) -> ResourceRef {
        let metadata = self.metadata();
        ResourceRef {
            api_version: self.kind.api_version(),
            kind: self.kind.kind.clone(),
            namespace: self.namespace.clone().or(metadata.namespace),
            name: self.name.clone().unwrap_or(metadata.name),
            uid: metadata.uid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audit_is_an_existing_object_shown_by_nobody() {
        let cases = [
            (r#"{"operation": "CREATE", "userInfo": {}, "object": {"metadata": {"resourceVersion": "1"}}}"#, true),
            (r#"{"operation": "CREATE", "object": {"metadata": {"resourceVersion": "1"}}}"#, true),
            (
                r#"{"operation": "CREATE", "userInfo": {"username": ""}, "object": {"metadata": {"resourceVersion": "1"}}}"#,
                true,
            ),
            (
                r#"{"operation": "CREATE", "userInfo": {"username": "a"}, "object": {"metadata": {"resourceVersion": "1"}}}"#,
                false,
            ),
            (r#"{"operation": "UPDATE", "userInfo": {}, "object": {"metadata": {"resourceVersion": "1"}}}"#, false),
            (r#"{"operation": "CREATE", "userInfo": {}, "object": {"metadata": {}}}"#, false),
            (r#"{"operation": "CREATE", "userInfo": null, "object": null, "oldObject": null, "options": null}"#, false),
        ];
        for (request, expected) in cases {
            let request = request.replacen('{', r#"{"kind": {"group": "", "version": "v1", "kind": "Pod"}, "#, 1);
            let review: Review = serde_json::from_str(&request).unwrap();
            assert_eq!(review.is_audit(), expected, "{request}");
        }
    }
}
