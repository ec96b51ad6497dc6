//! The repository's own rules, as far as a machine can see them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test says no")]

use std::{
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn files(extension: &str) -> Vec<(PathBuf, String)> {
    let skipped = ["target", ".git"];
    let entries = walkdir::WalkDir::new(ROOT)
        .into_iter()
        .filter_entry(|entry| !skipped.contains(&entry.file_name().to_string_lossy().as_ref()));
    entries
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| (path.strip_prefix(ROOT).unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

#[test]
fn every_source_file_has_one_job_and_says_it_first() {
    for (path, text) in files("rs") {
        let lines = text.lines().count();
        assert!(lines <= 400, "{}: {lines} lines, more than 400", path.display());
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//!") || first.starts_with("#![doc"),
            "{}: no line says what it is for",
            path.display()
        );
    }
}

#[test]
fn the_logic_of_one_policy_stays_small() {
    for entry in fs::read_dir(Path::new(ROOT).join("policies")).unwrap() {
        let folder = entry.unwrap().path();
        for file in fs::read_dir(folder.join("src")).unwrap() {
            let path = file.unwrap().path();
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 150, "{}: {lines} lines, more than 150", path.display());
        }
        for name in ["Cargo.toml", "README.md", "metadata.yml", "src/lib.rs", "tests/cases.rs"] {
            assert!(folder.join(name).is_file(), "{}: no {name}", folder.display());
        }
    }
}

#[test]
fn tests_do_not_sleep_and_are_not_ignored() {
    // A hostile module's host sleeps on purpose: that is what is tested.
    let reasoned = ["crates/host/tests/hostile.rs", "tests/tidy.rs"];
    for (path, text) in files("rs") {
        if reasoned.contains(&path.to_string_lossy().as_ref()) {
            continue;
        }
        for word in ["#[ignore", "thread::sleep", "todo!(", "unimplemented!("] {
            assert!(!text.contains(word), "{}: `{word}`", path.display());
        }
    }
}

#[test]
fn only_one_crate_knows_the_wasm_runtime_and_versions_are_stated_once() {
    for (path, text) in files("toml") {
        let path = path.to_string_lossy().into_owned();
        // What is fuzzed is a workspace of its own.
        if !path.ends_with("Cargo.toml") || ["Cargo.toml", "fuzz/Cargo.toml"].contains(&path.as_str()) {
            continue;
        }
        let knows = text.contains("wasmtime");
        assert_eq!(knows, path == "crates/host/Cargo.toml", "{path}: only crates/host knows wasmtime");
        let states_version = |line: &&str| {
            let value = line.split_once('=').map_or("", |(_, value)| value.trim_start_matches([' ', '"']));
            value.starts_with(|c: char| c.is_ascii_digit()) || value.contains("version =")
        };
        let line = text.lines().find(states_version);
        assert_eq!(line, None, "{path}: a version belongs to the workspace");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    for (path, text) in files("md") {
        let folder = Path::new(ROOT).join(path.parent().unwrap());
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || target.contains("://") {
                continue;
            }
            assert!(folder.join(file).exists(), "{}: `{target}` is not there", path.display());
        }
    }
}
