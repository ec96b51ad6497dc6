//! What a module says of itself, what it asks and what it answers: no panic, and answers that are JSON.

#![no_main]
#![allow(dead_code, reason = "these files of the host are built without the runtime, which is most of the host")]

use std::sync::Arc;

use kubewarden_policy_sdk::{response::ValidationResponse, settings::SettingsValidationResponse};
use libfuzzer_sys::fuzz_target;
use upgrade_gate_fuzz::reading::builder;

use crate::{
    capabilities::{Grants, HostCall, Reply, answer},
    context::Context,
    metadata::{ContextAwareResource, Metadata},
    response::Response,
};

#[path = "../../crates/host/src/capabilities.rs"]
mod capabilities;
#[path = "../../crates/host/src/context.rs"]
mod context;
#[path = "../../crates/host/src/error.rs"]
mod error;
#[path = "../../crates/host/src/metadata.rs"]
mod metadata;
#[path = "../../crates/host/src/response.rs"]
mod response;
#[path = "../../crates/host/src/session.rs"]
mod session;

const OPERATIONS: [&str; 3] = ["get_resource", "list_resources_all", "list_resources_by_namespace"];

const LIST: &str = r#"{"apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenanceList", "items": [
    {"metadata": {"name": "a", "labels": {"x": "1"}}}, {"metadata": {"name": "b"}, "spec": {"list": [{"x": 1}]}}]}"#;

fuzz_target!(|bytes: &[u8]| {
    let Some((what, rest)) = bytes.split_first() else { return };
    match what % 4 {
        0 => answered(rest),
        1 => drop(Metadata::of(rest)),
        2 => said(rest),
        _ => asked(usize::from(what / 4), rest),
    }
});

fn answered(json: &[u8]) {
    drop(serde_json::from_slice::<SettingsValidationResponse>(json));
    let Ok(answer) = serde_json::from_slice::<ValidationResponse>(json) else { return };
    let response = Response::from(answer);
    if let Some(findings) = response.findings() {
        let again = serde_json::to_string(&findings).expect("findings are JSON");
        assert_eq!(serde_json::from_str::<Vec<upgrade_gate_core::Finding>>(&again).expect("findings"), findings);
    }
}

/// As the metadata of a module that has nothing else.
fn said(json: &[u8]) {
    let name = b"io.kubewarden.metadata";
    let mut section = vec![u8::try_from(name.len()).expect("a short name")];
    section.extend([name.as_slice(), json].concat());
    let mut module = b"\0asm\x01\0\0\0\0".to_vec();
    let mut size = section.len();
    while size > 0x7f {
        module.push(u8::try_from(size & 0x7f).expect("seven bits") | 0x80);
        size >>= 7;
    }
    module.push(u8::try_from(size).expect("seven bits"));
    module.extend(section);
    let metadata = Metadata::of(&module).map(|metadata| metadata.expect("it is there"));
    assert_eq!(metadata.as_ref().ok(), serde_json::from_slice::<Metadata>(json).ok().as_ref());
    let Ok(metadata) = metadata else { return };
    let nodes = "nodes".parse().expect("a resource");
    assert!(metadata.rules.iter().filter(|rule| rule.matches(&nodes, "v1", "CREATE")).count() <= metadata.rules.len());
    drop(Grants::declared(&metadata));
}

fn asked(operation: usize, payload: &[u8]) {
    let mut builder = builder();
    builder.read("a.json", LIST.as_bytes());
    let resource = ContextAwareResource {
        api_version: "nodemaintenance.kubevirt.io/v1beta1".into(),
        kind: "NodeMaintenance".into(),
    };
    let metadata = Metadata { context_aware_resources: [resource].into(), ..Metadata::default() };
    let operation = OPERATIONS[operation % OPERATIONS.len()];
    let call = HostCall { binding: "kubewarden", namespace: "kubernetes", operation, payload };
    let (grants, recording) = (Grants::declared(&metadata), Context::recording(Arc::new(builder.finish())));
    let reply = answer(&call, &grants, &recording);
    if let Reply::Answer { json, .. } = reply {
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
        // A question that is no JSON object is none that a session can hold.
        if !recording.exchanges().is_empty() {
            let again = answer(&call, &grants, &Context::replaying(recording.exchanges()));
            assert!(matches!(again, Reply::Answer { json: same, .. } if same == json), "{json}");
        }
    }
}
