//! Running the program as its user does.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "shared by tests, each of which uses a part"
)]

pub mod api_server;
pub mod cluster;
#[cfg(unix)]
pub mod kubectl;
pub mod schema;
pub mod server;

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

pub const EXAMPLE: &str = "examples/must-gather";

pub fn check(args: &[&str]) -> Output {
    program(&[&["check"], args].concat())
}

pub fn program(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    ["NO_COLOR", "COLUMNS", "TERM"].iter().for_each(|name| {
        command.env_remove(name);
    });
    command.stdin(Stdio::null()).output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn report(args: &[&str]) -> Value {
    let output = check(&[args, &["-o", "json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no report: {}", stderr(&output)))
}

pub fn folder(files: &[(&str, String)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

/// The documents of a YAML file, without empty ones.
pub fn documents(path: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(&fs::read_to_string(path).unwrap()).unwrap();
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

pub fn typed_list(items: &[Value]) -> String {
    json!({"apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenanceList", "metadata": {}, "items": items})
        .to_string()
}

/// A policy with this metadata that takes all settings and answers every request with this response.
pub fn module_that_answers(metadata: &str, response: &str) -> Vec<u8> {
    let answers = format!("(call $response (i32.const 1024) (i32.const {}))", response.len());
    module_that(metadata, &answers, response)
}

/// A policy with this metadata that takes all settings and does this for every request; `data` stands at 1024.
pub fn module_that(metadata: &str, does: &str, data: &str) -> Vec<u8> {
    let escaped = data.bytes().map(|byte| format!("\\{byte:02x}")).collect::<String>();
    let text = format!(
        r#"(module
            (import "wapc" "__guest_response" (func $response (param i32 i32)))
            (memory (export "memory") 4)
            (data (i32.const 0) "{{\22valid\22:true}}")
            (data (i32.const 1024) "{escaped}")
            (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
                ;; validate has 8 letters, validate_settings 17
                (if (i32.eq (local.get $operation) (i32.const 8))
                    (then {does})
                    (else (call $response (i32.const 0) (i32.const 14))))
                (i32.const 1)))"#
    );
    annotated(&text, metadata)
}

/// The rule of a policy that judges NodeMaintenance objects, as metadata states it.
pub fn node_maintenances() -> Value {
    json!({
        "apiGroups": ["nodemaintenance.kubevirt.io"], "apiVersions": ["v1beta1"],
        "resources": ["nodemaintenances"], "operations": ["CREATE"],
    })
}

/// A module with metadata.
pub fn annotated(text: &str, metadata: &str) -> Vec<u8> {
    let mut wasm = wat::parse_str(text).unwrap();
    let section =
        wasm_encoder::CustomSection { name: "io.kubewarden.metadata".into(), data: metadata.as_bytes().into() };
    wasm_encoder::Section::append_to(&section, &mut wasm);
    wasm
}
