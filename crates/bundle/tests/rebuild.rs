//! What the build script promises, on a copy of the workspace in another place: the same commit
//! gives the same modules, a change in core changes them, and a new folder is a new policy.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic is how a test says no")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use upgrade_gate_bundle::BUNDLED;
use upgrade_gate_core::NoCluster;
use upgrade_gate_host::{Compiler, Context, EvaluationError, Grants, Host, Limits};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// What it takes to build the bundle; the program itself is a line.
fn copy_workspace(to: &Path) {
    let from = workspace();
    for part in ["crates", "policies", "benches", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"] {
        let status = Command::new("cp").arg("-r").arg(from.join(part)).arg(to).status().unwrap();
        assert!(status.success(), "{part}");
    }
    for (path, text) in [("src/main.rs", "fn main() {}"), ("src/lib.rs", "")] {
        fs::create_dir_all(to.join(path).parent().unwrap()).unwrap();
        fs::write(to.join(path), text).unwrap();
    }
}

/// Builds the copy's bundle; gives its modules by name. Registry crates are built once, in a folder
/// beside the workspace's own.
fn build(copy: &Path) -> Vec<(String, Vec<u8>)> {
    let target = workspace().join("target/rebuild");
    let output = Command::new(env!("CARGO"))
        .current_dir(copy)
        .args(["build", "--locked", "-p", "upgrade-gate-bundle", "--message-format", "json", "--target-dir"])
        .arg(&target)
        .env_remove("UPGRADE_GATE_POLICIES")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let out = text
        .lines()
        .filter(|line| line.contains(r#""reason":"build-script-executed""#) && line.contains("upgrade-gate-bundle"))
        .find_map(|line| line.split(r#""out_dir":""#).nth(1)?.split('"').next())
        .unwrap();
    let mut modules: Vec<_> = fs::read_dir(out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    modules.sort();
    modules
}

#[test]
fn modules_follow_from_the_sources_and_from_nothing_else() {
    let copy = tempfile::tempdir().unwrap();
    copy_workspace(copy.path());
    let embedded: Vec<_> = BUNDLED.iter().map(|policy| (policy.name.to_owned(), policy.wasm.to_vec())).collect();
    assert!(build(copy.path()) == embedded, "another place gives other bytes");

    let core = copy.path().join("crates/core/src/verdict.rs");
    let text = fs::read_to_string(&core).unwrap();
    fs::write(&core, text.replace("Some(403)", "Some(404)").replace("then_some(403)", "then_some(404)")).unwrap();
    let changed = build(copy.path());
    for (before, after) in embedded.iter().zip(&changed) {
        assert!(before != after, "a change in core does not reach {}", before.0);
    }

    panicking_policy(copy.path());
    let with_new = build(copy.path());
    assert_eq!(with_new.len(), embedded.len() + 1);
    let (_, wasm) = with_new.iter().find(|(name, _)| name == "panics").unwrap();
    let policy = Host::new(Limits::default()).unwrap().load(wasm, Compiler::Cranelift).unwrap();
    let request = r#"{"operation": "CREATE", "kind": {"group": "", "version": "v1", "kind": "Pod"}}"#;
    let outcome = policy.evaluate(request, "{}", &Grants::none(), &Context::new(Arc::new(NoCluster)));
    let Err(EvaluationError::Trap { reason }) = outcome else { panic!("it did not crash: {outcome:?}") };
    assert!(reason.contains("panicked at") && reason.contains("on purpose"), "{reason}");
}

/// A policy as a newcomer adds one: a folder, and no list edited.
fn panicking_policy(copy: &Path) {
    let (from, to) = (copy.join("policies/integrated-nmo"), copy.join("policies/panics"));
    let status = Command::new("cp").arg("-r").arg(&from).arg(&to).status().unwrap();
    assert!(status.success());
    fs::remove_dir_all(to.join("src")).unwrap();
    fs::remove_dir_all(to.join("tests")).unwrap();
    fs::create_dir(to.join("src")).unwrap();
    let manifest = fs::read_to_string(to.join("Cargo.toml")).unwrap();
    let (manifest, _) = manifest.split_once("[dev-dependencies]").unwrap();
    fs::write(to.join("Cargo.toml"), manifest.replace("name = \"integrated-nmo\"", "name = \"panics\"")).unwrap();
    let metadata = fs::read_to_string(to.join("metadata.yml")).unwrap();
    let title = "io.kubewarden.policy.title: ";
    fs::write(to.join("metadata.yml"), metadata.replace(&format!("{title}integrated-nmo"), &format!("{title}panics")))
        .unwrap();
    let source = r#"//! Crashes.
        use upgrade_gate_core::{Cluster, Finding, Policy, Review, SettingsError, SettingsReader};

        /// Crashes.
        pub struct Panics;

        upgrade_gate_guest::export_policy!(Panics);

        impl Policy for Panics {
            const NAME: &'static str = "panics";
            type Settings = ();

            fn settings(_: &mut SettingsReader<'_>) -> Result<(), SettingsError> {
                Ok(())
            }

            fn check((): &(), _: &Review<'_>, _: &dyn Cluster) -> Vec<Finding> {
                panic!("on purpose")
            }
        }
    "#;
    fs::write(to.join("src/lib.rs"), source).unwrap();
    // The new package is in no lock file yet.
    let lock = copy.join("Cargo.lock");
    let text = fs::read_to_string(&lock).unwrap();
    let package = "\n[[package]]\nname = \"panics\"\nversion = \"0.1.0\"\ndependencies = [\n \"upgrade-gate-core\",\n \"upgrade-gate-guest\",\n]\n";
    let (before, after) = text.split_once("\n[[package]]\nname = \"parking_lot\"").unwrap();
    fs::write(&lock, format!("{before}{package}\n[[package]]\nname = \"parking_lot\"{after}")).unwrap();
}
