//! `upgrade-gate policies list`, `show`, `export` and `manifests`: what comes with the program.

use std::{fs, io::Write, path::Path};

use upgrade_gate_bundle::{BUNDLED, Bundled};
use upgrade_gate_host::Metadata;

use crate::{
    cli::ManifestsArgs,
    error::{Error, print},
    manifests,
    policy_set::bundled,
    verdict::Outcome,
};

/// A line for each policy: name, version, severity, description.
///
/// # Errors
/// [`Error`]: standard output.
pub fn list() -> Result<Outcome, Error> {
    let width = BUNDLED.iter().map(|policy| policy.name.len()).max().unwrap_or(0);
    let lines = BUNDLED.iter().map(|policy| {
        let metadata = metadata(policy)?;
        let [version, severity, description] =
            ["version", "severity", "description"].map(|name| metadata.annotation(name).unwrap_or("-").to_owned());
        Ok(format!("{:width$}  {version}  {severity:8}  {description}\n", policy.name))
    });
    let lines = lines.collect::<Result<String, Error>>()?;
    print(|stdout| stdout.write_all(lines.as_bytes()))?;
    Ok(Outcome::Passed)
}

/// What the policy is granted and shown, then the page that is a part of its module.
///
/// # Errors
/// [`Error`]: the name, or standard output.
pub fn show(name: &str) -> Result<Outcome, Error> {
    let metadata = metadata(&bundled(name)?)?;
    let mut facts = format!("version       {}\n", metadata.annotation("version").unwrap_or("-"));
    for rule in &metadata.rules {
        let [groups, versions, resources, operations] =
            [&rule.api_groups, &rule.api_versions, &rule.resources, &rule.operations].map(|list| list.join(","));
        facts += &format!("judges        {groups}/{versions} {resources}: {operations}\n");
    }
    for resource in &metadata.context_aware_resources {
        let reason = metadata.reason_to_read(&resource.kind).unwrap_or_default();
        facts += &format!("may read      {} {}: {reason}\n", resource.api_version, resource.kind);
    }
    for capability in metadata.host_capabilities.iter().flatten() {
        facts += &format!("capability    {capability}\n");
    }
    let page = metadata.annotation("usage").unwrap_or_default();
    print(|stdout| write!(stdout, "{facts}\n{page}"))?;
    Ok(Outcome::Passed)
}

/// What an admin applies: the policy as ClusterAdmissionPolicies, and the rights that it needs; or behind a webhook.
///
/// # Errors
/// [`Error`]: the name, the certificate, or standard output.
pub fn manifests(args: &ManifestsArgs) -> Result<Outcome, Error> {
    let metadata = metadata(&bundled(&args.name)?)?;
    let text = match &args.webhook {
        None => manifests::of(&args.name, &metadata),
        Some(webhook) => {
            let ca = args.ca_file.as_deref().map(certificate).transpose()?;
            manifests::of_webhook(&args.name, &metadata, webhook, ca.as_deref())
        }
    };
    print(|stdout| stdout.write_all(text.as_bytes()))?;
    Ok(Outcome::Passed)
}

fn certificate(path: &Path) -> Result<Vec<u8>, Error> {
    let wrong = |reason: String| Error::Certificate { path: path.into(), reason };
    let text = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let head = b"-----BEGIN CERTIFICATE-----";
    if text.windows(head.len()).any(|window| window == head) {
        Ok(text)
    } else {
        Err(wrong("expected a certificate as PEM, `-----BEGIN CERTIFICATE-----`".into()))
    }
}

/// # Errors
/// [`Error::Export`]: the folder, or a file in it.
pub fn export(folder: &Path) -> Result<Outcome, Error> {
    fs::create_dir_all(folder).map_err(|error| Error::Export { path: folder.into(), error })?;
    let mut written = String::new();
    for policy in BUNDLED {
        let path = folder.join(format!("{}.wasm", policy.name));
        fs::write(&path, policy.wasm).map_err(|error| Error::Export { path: path.clone(), error })?;
        written += &format!("{}\n", path.display());
    }
    print(|stdout| stdout.write_all(written.as_bytes()))?;
    Ok(Outcome::Passed)
}

fn metadata(policy: &Bundled) -> Result<Metadata, Error> {
    Ok(Metadata::of(policy.wasm)?.unwrap_or_default())
}
