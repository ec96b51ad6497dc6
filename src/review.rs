//! What the program puts to the policies: an object as it is, the upgrade, a manifest.

use std::borrow::Cow;

use serde_json::{Value, json};
use upgrade_gate_core::{GroupVersionKind, ResourceRef};
use upgrade_gate_snapshot::{Object, Origin};

use crate::{policy_set::Loaded, report::Phase};

/// One object under one operation.
pub(crate) struct Review<'a> {
    pub(crate) phase: Phase,
    operation: &'static str,
    object: Cow<'a, Object>,
    /// On UPDATE, as JSON.
    old: Option<Cow<'a, str>>,
    /// Where the object was found; `None` where the program made it up.
    pub(crate) origin: Option<Origin>,
}

/// Who asks for the upgrade that is not there yet.
const USER: &str = "upgrade-gate";

impl<'a> Review<'a> {
    /// An object of the snapshot as it is.
    pub(crate) fn audit(object: &'a Object) -> Self {
        let origin = Some(object.origin.clone());
        Self { phase: Phase::Audit, operation: "CREATE", object: Cow::Borrowed(object), old: None, origin }
    }

    /// A new object, or a changed one where there is an old one.
    pub(crate) fn change(
        phase: Phase,
        object: Cow<'a, Object>,
        old: Option<Cow<'a, str>>,
        origin: Option<Origin>,
    ) -> Self {
        Self { phase, operation: if old.is_some() { "UPDATE" } else { "CREATE" }, object, old, origin }
    }

    /// Whether all was said about it while it was read.
    pub(crate) fn is_settled(&self) -> bool {
        self.object.is_settled()
    }

    /// Whether the policy wants to see it.
    pub(crate) fn is_for(&self, policy: &Loaded) -> bool {
        let GroupVersionKind { version, .. } = self.kind();
        let resource = self.object.kind.resource();
        let audited = self.phase != Phase::Audit || policy.metadata.background_audit;
        audited && policy.metadata.rules.iter().any(|rule| rule.matches(&resource, &version, self.operation))
    }

    /// The `AdmissionRequest`. An audit asks as audit-scanner does: a CREATE of the stored object by
    /// nobody.
    ///
    /// Source: kubewarden-controller 3460bb71, `internal/audit-scanner/scanner/admission_request.go`.
    pub(crate) fn request(&self) -> String {
        let (kind, object) = (self.kind(), &*self.object);
        let mut request = json!({
            "uid": object.uid.as_deref().unwrap_or_default(),
            "kind": kind,
            "resource": {"group": kind.group, "version": kind.version, "resource": object.kind.resource().resource},
            "requestKind": kind,
            "name": object.name,
            "operation": self.operation,
            "userInfo": if self.phase == Phase::Audit { json!({}) } else { json!({"username": USER}) },
        });
        if let (Some(request), Some(namespace)) = (request.as_object_mut(), &object.namespace) {
            request.insert("namespace".into(), Value::from(namespace.as_str()));
        }
        // The objects are text already.
        let old = self.old.as_ref().map_or(String::new(), |old| format!(r#""oldObject":{old},"#));
        let rest = request.to_string();
        format!(r#"{{"object":{},{old}{}"#, object.json, rest.strip_prefix('{').unwrap_or(&rest))
    }

    /// The object, by name.
    pub(crate) fn resource(&self) -> ResourceRef {
        let Object { kind, namespace, name, uid, .. } = &*self.object;
        ResourceRef {
            api_version: kind.api_version.clone(),
            kind: kind.kind.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
            uid: uid.clone(),
        }
    }

    /// Of the object, where it was stored.
    pub(crate) fn resource_version(&self) -> Option<String> {
        self.object.resource_version.clone()
    }

    fn kind(&self) -> GroupVersionKind {
        GroupVersionKind::new(&self.object.kind.api_version, &self.object.kind.kind)
    }
}
