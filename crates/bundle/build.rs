//! Builds every folder below `policies/` to annotated Wasm, and embeds the files.
//!
//! `UPGRADE_GATE_POLICIES=DIR` embeds the `.wasm` files of that folder instead.

mod metadata;

use std::{
    borrow::Cow,
    collections::BTreeSet,
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=metadata.rs");
    println!("cargo::rerun-if-env-changed=UPGRADE_GATE_POLICIES");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let modules = match env::var_os("UPGRADE_GATE_POLICIES") {
        Some(folder) => prebuilt(Path::new(&folder))?,
        None => build_all(&out)?,
    };

    let mut table = String::from("&[");
    for path in modules {
        let name = path.file_stem().and_then(|stem| stem.to_str()).ok_or("a policy's file name is not UTF-8")?;
        write!(table, "Bundled {{ name: {name:?}, wasm: include_bytes!({path:?}) }},")?;
    }
    table.push(']');
    fs::write(out.join("bundled.rs"), table)?;
    Ok(())
}

fn prebuilt(folder: &Path) -> Result<Vec<PathBuf>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let folder =
        folder.canonicalize().map_err(|error| format!("UPGRADE_GATE_POLICIES={}: {error}", folder.display()))?;
    let modules = modules_in(&folder)?;
    if modules.is_empty() {
        return Err(format!("UPGRADE_GATE_POLICIES={}: no .wasm file in it", folder.display()).into());
    }
    Ok(modules)
}

fn modules_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut modules: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    modules.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    modules.sort();
    Ok(modules)
}

fn build_all(out: &Path) -> Result<Vec<PathBuf>> {
    require_target();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("no workspace")?;
    // A target directory of its own: the outer cargo holds the lock of the other one. Shared by all
    // outer profiles, because the policies' own profile is always the same.
    let target = out.ancestors().nth(4).ok_or("OUT_DIR is not where cargo puts it")?.join("policies");
    let policies = workspace.join("policies");
    println!("cargo::rerun-if-changed={}", policies.display());
    println!("cargo::rerun-if-changed={}", workspace.join("Cargo.lock").display());
    println!("cargo::rerun-if-changed={}", workspace.join("Cargo.toml").display());

    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&policies)? {
        let entry = entry?;
        if !entry.path().join("metadata.yml").is_file() {
            return Err(format!("{}: no metadata.yml, without which it is no policy", entry.path().display()).into());
        }
        names.push(entry.file_name().into_string().map_err(|_| "a policy's folder name is not UTF-8")?);
    }
    names.sort();
    // A policy that is no more leaves nothing behind.
    for module in modules_in(out)? {
        fs::remove_file(module)?;
    }
    names.iter().map(|name| build(workspace, &target, out, name)).collect()
}

fn build(workspace: &Path, target: &Path, out: &Path, name: &str) -> Result<PathBuf> {
    let cargo = env::var("CARGO")?;
    let status = Command::new(cargo)
        .current_dir(workspace)
        .args(["rustc", "--locked", "-p", name, "--lib", "--crate-type", "cdylib"])
        .args(["--profile", "policy", "--target", TARGET, "--target-dir"])
        .arg(target)
        // Settings of the outer build that would make other bytes, or lint what is already linted.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env("CARGO_ENCODED_RUSTFLAGS", remapped_paths(workspace)?)
        .status()?;
    if !status.success() {
        return Err(format!("policy {name} does not build: see the messages above").into());
    }

    let stem = target.join(TARGET).join("policy").join(name.replace('-', "_"));
    rerun_if_sources_change(&stem.with_extension("d"))?;
    let folder = workspace.join("policies").join(name);
    let module = annotate(&fs::read(stem.with_extension("wasm"))?, &folder)
        .map_err(|error| format!("policies/{name}: {error}"))?;
    let path = out.join(format!("{name}.wasm"));
    fs::write(&path, module)?;
    Ok(path)
}

/// A module holds the paths of its sources in panic messages: they are made the same everywhere.
fn remapped_paths(workspace: &Path) -> Result<String> {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = || env::home_dir().map(|home| home.join(".cargo"));
    let cargo_home = cargo_home.or_else(home).ok_or("neither CARGO_HOME nor a home directory is known")?;
    let flags = [(workspace, "/upgrade-gate"), (&*cargo_home, "/cargo")]
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    Ok(flags.join("\x1f"))
}

/// `rerun-if-changed=policies` alone would embed stale modules after a change in core.
fn rerun_if_sources_change(dep_info: &Path) -> Result<()> {
    let text = fs::read_to_string(dep_info)?;
    // TARGET: PATH PATH …, with spaces inside a path as `\ `.
    let sources = text.lines().filter_map(|line| line.split_once(": ")).map(|(_, sources)| sources);
    let sources: BTreeSet<String> = sources
        .flat_map(|sources| {
            sources.replace("\\ ", "\0").split(' ').map(|path| path.replace('\0', " ")).collect::<Vec<_>>()
        })
        .filter(|path| !path.is_empty())
        .collect();
    for source in sources {
        println!("cargo::rerun-if-changed={source}");
    }
    Ok(())
}

/// Adds the custom section that `kwctl annotate` adds, with the same fields.
/// Source: kubewarden-controller 3460bb71, crates/kwctl/src/annotate.rs.
fn annotate(module: &[u8], folder: &Path) -> Result<Vec<u8>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut metadata: Map<String, Value> = serde_saphyr::from_str(&fs::read_to_string(folder.join("metadata.yml"))?)
        .map_err(|error| format!("metadata.yml: {error}"))?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    metadata::check(&metadata, &name).map_err(|error| format!("metadata.yml: {error}"))?;
    if !module.windows(9).any(|window| window == b"wapc_init") {
        return Err("the module exports no wapc_init: src/lib.rs wants upgrade_gate_guest::export_policy!(…)".into());
    }
    let annotations = metadata.get_mut("annotations").and_then(Value::as_object_mut).ok_or("no annotations")?;
    let version = env!("CARGO_PKG_VERSION");
    annotations.insert("io.kubewarden.policy.version".into(), version.into());
    // Several policies are released from one repository, each as `policy.wasm`.
    annotations.insert("com.github.release.tag".into(), format!("{name}/v{version}").into());
    annotations.insert("io.kubewarden.policy.usage".into(), fs::read_to_string(folder.join("README.md"))?.into());
    // What the module's own `protocol_version` answers; a test compares.
    metadata.insert("protocolVersion".into(), "v1".into());
    metadata.insert("policyType".into(), "kubernetes".into());
    let metadata = serde_json::to_vec(&metadata)?;

    let mut annotated = module.to_vec();
    let section =
        wasm_encoder::CustomSection { name: Cow::Borrowed("io.kubewarden.metadata"), data: Cow::Borrowed(&metadata) };
    wasm_encoder::Section::append_to(&section, &mut annotated);
    Ok(annotated)
}

/// Without the target rustc says that it cannot find crate `core`; nobody understands that.
#[allow(clippy::print_stderr, reason = "a build script speaks to whoever builds")]
fn require_target() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let libraries = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let there = libraries.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir());
    if !there {
        eprintln!(
            "\nThe policies are WebAssembly, and this toolchain cannot build it yet. Run\n\n    rustup target add {TARGET}\n"
        );
        std::process::exit(1);
    }
}
