//! The program in this process, with policies that are compiled once, and its reports.

use std::{
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::Path,
    process::{self, Stdio},
};

use clap::Parser;
use serde_json::Value;
use tempfile::TempDir;
use upgrade_gate::{
    cli::{CheckArgs, Cli, Command},
    command::check::{Policies, check_by, policies},
};

use crate::{
    layouts::File,
    packings::{Content, Entry, PACKINGS, Packing},
};

pub struct Program(Policies);

impl Program {
    pub fn load() -> Self {
        Self(policies(&arguments(Path::new("."))).unwrap())
    }

    /// The report about a folder of these files.
    pub fn check(&self, files: &[File]) -> Value {
        let folder = written(&(PACKINGS[0].pack)(files));
        self.check_folder(folder.path())
    }

    /// How the report about these files differs when they are packed.
    pub fn changes(&self, packing: &Packing, files: &[File], expected: &Value) -> Option<String> {
        let folder = written(&(packing.pack)(files));
        let report = comparable(self.check_folder(folder.path()));
        let difference = difference(&comparable(expected.clone()), &report);
        (!difference.is_empty()).then(|| format!("{}: {difference}", packing.name))
    }

    /// The report, with paths from the folder on.
    pub fn check_folder(&self, folder: &Path) -> Value {
        let report = check_by(&self.0, &arguments(folder)).unwrap();
        let text = serde_json::to_string(&report).unwrap();
        let text = text.replace(&format!("{}/", folder.display()), "").replace(folder.to_str().unwrap(), "-");
        serde_json::from_str(&unpacked(&text)).unwrap()
    }
}

/// Paths without the archives that the files are in.
fn unpacked(text: &str) -> String {
    let mut parts: Vec<&str> = text.split("!/").collect();
    let last = parts.pop().unwrap();
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "./-_".contains(c);
    let kept: String = parts.iter().map(|part| part.trim_end_matches(is_of_name)).chain([last]).collect();
    kept.replace(".json.gz", ".json").replace(".yaml.gz", ".yaml")
}

/// The report of the program itself about what comes from standard input.
pub fn check_stream(bytes: &[u8]) -> Value {
    let mut command = process::Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
    command.args(["check", "-", "-o", "json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

fn arguments(source: &Path) -> CheckArgs {
    let cli = Cli::try_parse_from(["upgrade-gate", "check", source.to_str().unwrap()]).unwrap();
    let Command::Check(args) = cli.command else { panic!("another verb") };
    args
}

fn written(entries: &[Entry]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for Entry { path, content } in entries {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content {
            Content::Bytes(bytes) => fs::write(path, bytes).unwrap(),
            Content::Link(target) => symlink(target, path).unwrap(),
        }
    }
    folder
}

/// A report without what tells where something was found.
pub fn comparable(mut report: Value) -> Value {
    report["snapshot"]["sources"] = Value::Null;
    // It names the files of both.
    for finding in report["findings"].as_array_mut().unwrap() {
        if finding["message"].as_str().is_some_and(|message| message.contains("copies")) {
            finding["message"] = Value::Null;
        }
    }
    for (list, field) in [("/snapshot/kinds", "evidence"), ("/snapshot/skipped", "origin"), ("/findings", "origin")] {
        let entries = report.pointer_mut(list).and_then(Value::as_array_mut).unwrap();
        entries.iter_mut().for_each(|entry| entry[field] = Value::Null);
    }
    report
}

/// Where two values are not the same, in short.
pub fn difference(one: &Value, other: &Value) -> String {
    match (one, other) {
        _ if one == other => String::new(),
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            let different = a.iter().zip(b.values()).filter(|((_, a), b)| a != b);
            different.map(|((key, a), b)| format!("{key}: {}", difference(a, b))).collect::<Vec<_>>().join(", ")
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let different = a.iter().zip(b).filter(|(a, b)| a != b);
            different.map(|(a, b)| difference(a, b)).collect::<Vec<_>>().join(", ")
        }
        _ => format!("{:.200} and {:.200}", one.to_string(), other.to_string()),
    }
}
