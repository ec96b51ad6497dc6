//! Objects for tests, said as sentences.

use serde_json::{Value, json};

/// An object in the making: `node_maintenance("nm-1").of_node("worker-1").in_deletion()`.
#[derive(Clone, Debug)]
pub struct Fixture(Value);

/// A stored NodeMaintenance of the integrated operator.
#[must_use]
pub fn node_maintenance(name: &str) -> Fixture {
    Fixture(json!({
        "apiVersion": "nodemaintenance.kubevirt.io/v1beta1",
        "kind": "NodeMaintenance",
        "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": "1"},
        "spec": {},
    }))
}

impl Fixture {
    /// The node that it is for.
    #[must_use]
    pub fn of_node(mut self, node: &str) -> Self {
        self.0["spec"]["nodeName"] = node.into();
        self
    }

    /// Why.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.0["spec"]["reason"] = reason.into();
        self
    }

    /// Deleted, and waiting for its finalizer.
    #[must_use]
    pub fn in_deletion(mut self) -> Self {
        self.0["metadata"]["deletionTimestamp"] = "2022-08-01T10:00:00Z".into();
        self.0["metadata"]["finalizers"] = json!(["foregroundDeleteNodeMaintenance"]);
        self
    }

    /// The object.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// The object under review in an audit.
    #[must_use]
    pub fn audit_request(&self) -> Value {
        json!({
            "uid": self.0["metadata"]["uid"],
            "kind": {"group": "nodemaintenance.kubevirt.io", "version": "v1beta1", "kind": "NodeMaintenance"},
            "name": self.0["metadata"]["name"],
            "operation": "CREATE",
            "userInfo": {},
            "object": self.0,
        })
    }
}
