//! `upgrade-gate-artifacthub DIR`: writes `DIR/POLICY/VERSION/` for each policy, as a repository of Artifact Hub holds them.

use std::{env, fs, path::Path};

use upgrade_gate_artifacthub::{Error, package};
use upgrade_gate_bundle::BUNDLED;
use upgrade_gate_host::Metadata;

fn main() -> Result<(), Error> {
    let folder = env::args_os().nth(1).ok_or("expected a folder to write to")?;
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    for policy in BUNDLED {
        let metadata = Metadata::of(policy.wasm)?.unwrap_or_default();
        let questions = fs::read_to_string(policies.join(policy.name).join("questions-ui.yml"))?;
        let text = package(&metadata, &questions).map_err(|error| format!("{}: {error}", policy.name))?;
        let version = metadata.annotation("version").unwrap_or_default();
        let folder = Path::new(&folder).join(policy.name).join(version);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("artifacthub-pkg.yml"), text)?;
        fs::write(folder.join("README.md"), metadata.annotation("usage").unwrap_or_default())?;
    }
    Ok(())
}
