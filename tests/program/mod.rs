//! Running the program as its user does.

#![allow(dead_code, clippy::panic, clippy::unwrap_used, reason = "shared by tests, each of which uses a part")]

pub mod cluster;

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
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("NO_COLOR");
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

pub fn typed_list(items: &[Value]) -> String {
    json!({"apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenanceList", "metadata": {}, "items": items})
        .to_string()
}
