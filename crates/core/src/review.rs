//! One object under one operation: what a policy is asked to judge.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    object::Metadata,
    resource::{GroupVersionKind, ResourceRef},
};

/// The part of a Kubernetes `AdmissionRequest` that policies read. The objects stay JSON text until
/// a view asks for them; `null` and absent are the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Review<'a> {
    /// What kind of object, as the policy's rules matched it.
    pub kind: GroupVersionKind,
    /// `status`, `scale`: only that part of the object is being written.
    #[serde(default)]
    pub sub_resource: Option<String>,
    /// Missing where the API server makes the name, and in a collection delete.
    #[serde(default)]
    pub name: Option<String>,
    /// Absent for objects of cluster scope.
    #[serde(default)]
    pub namespace: Option<String>,
    /// What is being done to it.
    pub operation: Operation,
    /// The object as it is to be; absent on DELETE.
    #[serde(default, borrow)]
    pub object: Option<&'a RawValue>,
    /// The object as it is; absent on CREATE.
    #[serde(default, borrow)]
    pub old_object: Option<&'a RawValue>,
    /// Who asks.
    #[serde(default)]
    user_info: Option<UserInfo>,
}

/// What is being done to the object under review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
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

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct UserInfo {
    username: Option<String>,
}

impl<'a> Review<'a> {
    /// Whether an existing object is shown rather than a new one asked for. A background audit shows
    /// it as a CREATE with an empty user name; that the object exists shows in its resourceVersion.
    ///
    /// Source: kubewarden-controller, `internal/audit-scanner/scanner/admission_request.go`.
    #[must_use]
    pub fn is_audit(&self) -> bool {
        let nobody = self.user_info.as_ref().and_then(|user| user.username.as_deref()).is_none_or(str::is_empty);
        self.operation == Operation::Create && nobody && self.metadata().resource_version.is_some()
    }

    /// A view of the object as it is to be; `None` where there is none, or where it is not shaped
    /// like `T`.
    #[must_use]
    pub fn object_as<T: Deserialize<'a>>(&self) -> Option<T> {
        serde_json::from_str(self.object?.get()).ok()
    }

    /// The metadata of the object, or of the old one on DELETE; empty where it cannot be read.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Object {
            metadata: Metadata,
        }
        let object = self.object.or(self.old_object);
        object.and_then(|json| serde_json::from_str::<Object>(json.get()).ok()).unwrap_or_default().metadata
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
            (r#"{"operation": "CREATE", "userInfo": {"username": ""}, "object": {"metadata": {"resourceVersion": "1"}}}"#, true),
            (r#"{"operation": "CREATE", "userInfo": {"username": "a"}, "object": {"metadata": {"resourceVersion": "1"}}}"#, false),
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
