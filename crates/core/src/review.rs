//! One object under one operation: what a policy is asked to judge.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    fields::Fields,
    object::Metadata,
    resource::{CustomResource, GroupVersionKind, ResourceRef},
};

/// The part of a Kubernetes `AdmissionRequest` that policies read. `null` and absent are the same. A
/// request of megabytes is passed over once: what is inside an object's fields stays text.
#[derive(Clone, Debug)]
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
    pub object: Option<Fields<'a>>,
    /// The object as it is; absent on CREATE.
    pub old_object: Option<Fields<'a>>,
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

impl<'de: 'a, 'a> Deserialize<'de> for Review<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReviewVisitor)
    }
}

struct ReviewVisitor;

impl<'de> Visitor<'de> for ReviewVisitor {
    type Value = Review<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an admission request")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut object, mut old_object, mut request) = (None, None, Fields::default());
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "object" => object = map.next_value()?,
                "oldObject" => old_object = map.next_value()?,
                _ => request.push(field, map.next_value()?),
            }
        }
        let kind = request.object("kind");
        let part = |name: &str| kind.text(name).ok_or_else(|| Error::custom("expected `kind` with its three parts"));
        Ok(Review {
            kind: GroupVersionKind { group: part("group")?, version: part("version")?, kind: part("kind")? },
            sub_resource: request.words("subResource"),
            name: request.words("name"),
            namespace: request.words("namespace"),
            operation: match request.raw("operation").map(RawValue::get) {
                Some(r#""CREATE""#) => Operation::Create,
                Some(r#""UPDATE""#) => Operation::Update,
                Some(r#""DELETE""#) => Operation::Delete,
                Some(r#""CONNECT""#) => Operation::Connect,
                _ => return Err(Error::custom("expected `operation` to be CREATE, UPDATE, DELETE or CONNECT")),
            },
            username: request.object("userInfo").text("username").unwrap_or_default(),
            object,
            old_object,
        })
    }
}

impl<'a> Review<'a> {
    /// Whether the review is about whole objects of this kind, in any version.
    #[must_use]
    pub fn is_of(&self, resource: &CustomResource) -> bool {
        self.sub_resource.is_none() && self.kind.group == resource.group() && self.kind.kind == resource.kind
    }

    /// Whether the review is about the CustomResourceDefinition of a kind, by the name of the object: a
    /// request that deletes a collection names none.
    #[must_use]
    pub fn is_of_crd(&self, resource: &CustomResource) -> bool {
        self.sub_resource.is_none()
            && self.kind.group == "apiextensions.k8s.io"
            && self.kind.kind == "CustomResourceDefinition"
            && self.metadata().name == resource.crd
    }

    /// Whether an existing object is shown rather than a new one asked for. A background audit shows
    /// it as a CREATE with an empty user name; that the object exists shows in its resourceVersion.
    ///
    /// Source: kubewarden-controller, `internal/audit-scanner/scanner/admission_request.go`.
    #[must_use]
    pub fn is_audit(&self) -> bool {
        self.operation == Operation::Create && self.username.is_empty() && self.metadata().resource_version.is_some()
    }

    /// The object that the review is about: as it is to be, or on DELETE as it is; without fields where
    /// there is neither.
    #[must_use]
    pub fn fields(&self) -> Fields<'a> {
        self.object.as_ref().or(self.old_object.as_ref()).cloned().unwrap_or_default()
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        Metadata::read(&self.fields())
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
