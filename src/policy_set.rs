//! The policies of one run.

use std::{collections::BTreeMap, fs, iter, path::Path, sync::Arc};

use rayon::prelude::*;
use upgrade_gate_bundle::{BUNDLED, Bundled};
use upgrade_gate_core::{
    CLUSTER_EXTENSION, CLUSTER_SERVICE_VERSION, CLUSTER_VERSION, GroupResource, HYPERCONVERGED, INSTALL_PLAN,
    NODE_MAINTENANCE, NoCluster, OPERATOR_CONDITION, SUBSCRIPTION, shorten,
};
use upgrade_gate_host::{Compiler, Context, Grants, Host, Limits, Metadata, Policy, SettingsError};
use upgrade_gate_snapshot::{Kind, Wanted};

use crate::{
    cli::PolicyName,
    error::Error,
    live::Resource,
    policies_file::{self, Constraints, Entry},
};

/// A policy that is ready to judge.
pub(crate) struct Loaded {
    pub(crate) name: String,
    /// As the command line names it.
    pub(crate) shown: String,
    /// As its metadata says; empty where it does not.
    pub(crate) version: String,
    pub(crate) policy: Policy,
    pub(crate) metadata: Metadata,
    pub(crate) grants: Grants,
    /// A JSON object, which the policy takes.
    pub(crate) settings: String,
    pub(crate) constraints: Constraints,
    /// One that comes with the program.
    pub(crate) is_bundled: bool,
    /// A policies file names it.
    pub(crate) is_listed: bool,
}

/// Maximum number of characters that are shown of an annotation: those of a module from elsewhere may be anything.
const MAX_ANNOTATION: usize = 100;

/// Settings where none are given: every policy's defaults.
pub(crate) const DEFAULT_SETTINGS: &str = "{}";

/// Loads the policies that were named, or all that are bundled, and sees that each can be asked. The fast compiler
/// serves: the run is over before the other one's code would pay.
pub(crate) fn load(names: &[PolicyName]) -> Result<Vec<Loaded>, Error> {
    let host = Host::new(Limits::default())?;
    let repeated = |index: usize, name: &PolicyName| names.iter().take(index).any(|earlier| earlier == name);
    let policies: Vec<Loaded> = if names.is_empty() {
        BUNDLED.par_iter().map(|bundled| load_bundled(&host, *bundled, Compiler::Winch)).collect::<Result<_, _>>()?
    } else {
        let once = names.iter().enumerate().filter(|(index, name)| !repeated(*index, name));
        once.map(|(_, name)| load_one(&host, name, Compiler::Winch)).collect::<Result<_, _>>()?
    };
    policies.iter().try_for_each(Loaded::can_judge)?;
    Ok(policies)
}

/// Loads what a policies file names, under its names, and sees that each can be asked.
pub(crate) fn load_file(path: &Path) -> Result<Vec<Loaded>, Error> {
    let host = Host::new(Limits::default())?;
    let policies = load_listed(&host, path, Compiler::Winch)?;
    let policies: Vec<Loaded> = policies.into_values().collect::<Result<_, _>>()?;
    policies.iter().try_for_each(Loaded::can_judge)?;
    Ok(policies)
}

/// Loads what a policies file names, under its names: each policy, or why there is none. Those that are bundled are
/// compiled by that compiler.
pub(crate) fn load_listed(
    host: &Host,
    path: &Path,
    compiler: Compiler,
) -> Result<BTreeMap<String, Result<Loaded, Error>>, Error> {
    let entries = policies_file::read(path)?.into_par_iter();
    Ok(entries.map(|(id, entry)| (id, entry.and_then(|entry| load_entry(host, path, entry, compiler)))).collect())
}

fn load_entry(host: &Host, path: &Path, entry: Entry, compiler: Compiler) -> Result<Loaded, Error> {
    let loaded = load_one(host, &entry.module, compiler)?;
    // Absent means what a bundled policy declares, and of any other nothing, as in policy-server.
    let declared = match entry.module {
        PolicyName::Bundled(_) => loaded.metadata.clone(),
        PolicyName::File(_) => Metadata::default(),
    };
    let reads = entry.context_aware_resources.unwrap_or(declared.context_aware_resources);
    let capabilities = entry.host_capabilities.or(declared.host_capabilities).unwrap_or_default();
    let grants = Grants::new(reads, capabilities).map_err(|error| Error::PoliciesFile {
        path: path.into(),
        reason: format!("policy `{}`: hostCapabilities: {error}", entry.id),
    })?;
    let policy = match entry.timeout {
        Some(timeout) => loaded.policy.within(timeout),
        None => loaded.policy,
    };
    Ok(Loaded {
        shown: entry.id.clone(),
        name: entry.id,
        grants,
        settings: entry.settings,
        constraints: entry.constraints,
        is_listed: true,
        policy,
        ..loaded
    })
}

/// Loads one policy, by name or file. It may have no metadata: then nothing says what it judges, and it is granted
/// no access to the cluster. A bundled one is compiled by that compiler, a module from elsewhere never by the fast
/// one: that has been attacked less.
pub(crate) fn load_one(host: &Host, name: &PolicyName, compiler: Compiler) -> Result<Loaded, Error> {
    match name {
        PolicyName::Bundled(name) => load_bundled(host, bundled(name)?, compiler),
        PolicyName::File(path) => {
            let wasm = fs::read(path).map_err(|error| Error::PolicyFile { path: path.clone(), error })?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            prepare(host, &path.to_string_lossy(), &stem, &wasm, Compiler::Cranelift)
        }
    }
}

/// The bundled policy of that name.
pub(crate) fn bundled(name: &str) -> Result<Bundled, Error> {
    upgrade_gate_bundle::find(name).ok_or_else(|| Error::NoSuchPolicy {
        name: name.into(),
        bundled: BUNDLED.iter().map(|policy| format!("`{}`", policy.name)).collect::<Vec<_>>().join(", "),
    })
}

impl Loaded {
    fn can_judge(&self) -> Result<(), Error> {
        if self.policy.metadata().is_none() {
            return Err(Error::NoMetadata { name: self.shown.clone() });
        }
        self.accepts(&self.settings, &Context::new(Arc::new(NoCluster)))
    }

    /// Whether the upgrade that the program simulates is shown to it.
    fn judges_upgrades(&self) -> bool {
        let plan = Kind::new(INSTALL_PLAN.api_version, INSTALL_PLAN.kind);
        self.metadata.rules.iter().any(|rule| rule.matches(&plan.resource(), "v1alpha1", "UPDATE"))
    }

    /// Whether the policy takes these settings, a JSON object, of which it may ask the cluster or a session.
    pub(crate) fn accepts(&self, settings: &str, context: &Context) -> Result<(), Error> {
        let refused = |error: SettingsError| {
            let words = error.to_string();
            let reason = match &error {
                SettingsError::Invalid(_) if !words.starts_with("settings: ") => format!("settings: {words}"),
                _ => words,
            };
            Error::Settings { name: self.shown.clone(), reason }
        };
        self.policy.validate_settings_in(settings, &self.grants, context).map_err(refused)
    }
}

fn load_bundled(host: &Host, bundled: Bundled, compiler: Compiler) -> Result<Loaded, Error> {
    prepare(host, bundled.name, bundled.name, bundled.wasm, compiler)
}

fn prepare(host: &Host, shown: &str, name: &str, wasm: &[u8], compiler: Compiler) -> Result<Loaded, Error> {
    let policy = host.load(wasm, compiler).map_err(|error| Error::Load { name: shown.into(), error })?;
    let metadata = policy.metadata().cloned().unwrap_or_default();
    let annotation = |key: &str| metadata.annotation(key).map(|text| shorten(text, MAX_ANNOTATION));
    Ok(Loaded {
        shown: shown.into(),
        name: annotation("title").unwrap_or_else(|| name.into()),
        version: annotation("version").unwrap_or_default(),
        grants: Grants::declared(&metadata),
        settings: DEFAULT_SETTINGS.into(),
        constraints: Constraints::default(),
        is_listed: false,
        is_bundled: BUNDLED.iter().any(|bundled| bundled.wasm == wasm),
        metadata,
        policy,
    })
}

/// The kinds that the policies judge or may ask for, and so the only ones that are kept.
pub(crate) fn wanted<'p>(policies: impl IntoIterator<Item = &'p Loaded>) -> Wanted {
    let mut wanted = Wanted::default();
    for Loaded { metadata, grants, .. } in policies {
        for resource in metadata.context_aware_resources.iter().chain(grants.reads()) {
            wanted.add_kind(Kind::new(&resource.api_version, &resource.kind));
        }
        for rule in &metadata.rules {
            wanted.add_rule(&rule.api_groups, &rule.api_versions, &rule.resources);
        }
    }
    wanted
}

/// The kinds that the policies may ask for, and no others: what they judge comes with the requests.
pub(crate) fn wanted_context<'p>(policies: impl IntoIterator<Item = &'p Loaded>) -> Wanted {
    let mut wanted = Wanted::default();
    let reads = policies.into_iter().flat_map(|policy| policy.grants.reads());
    reads.for_each(|resource| wanted.add_kind(Kind::new(&resource.api_version, &resource.kind)));
    wanted
}

/// What is kept of the sources: also what the program itself asks for, to show an upgrade to policies that judge one.
/// The kinds that only start an upgrade are judged where they are; that one of them is missing or broken hides nothing
/// from the bundled policies.
pub(crate) fn wanted_of_cluster(policies: &[Loaded]) -> Wanted {
    let of_others = wanted(policies.iter().filter(|policy| !policy.is_bundled));
    let mut wanted = wanted(policies);
    if wanted.names(&node_maintenance()) {
        wanted.add_kind(node_maintenance());
    }
    // It says which version is installed.
    let hyperconverged = Kind::new(HYPERCONVERGED.api_version, HYPERCONVERGED.kind);
    if wanted.names(&hyperconverged) || policies.iter().any(Loaded::judges_upgrades) {
        wanted.add_kind(hyperconverged);
    } else {
        wanted.add_dispensable(&hyperconverged);
    }
    let olm =
        [INSTALL_PLAN, CLUSTER_SERVICE_VERSION, SUBSCRIPTION, OPERATOR_CONDITION, CLUSTER_EXTENSION, CLUSTER_VERSION];
    let starts = olm.map(|resource| Kind::new(resource.api_version, resource.kind));
    let starts = starts.into_iter().chain([Kind::new("apps/v1", "Deployment")]);
    starts.filter(|kind| !of_others.names(kind)).for_each(|kind| wanted.add_dispensable(&kind));
    wanted
}

/// The resources that policies judge or may ask for, and that the program asks for itself; first the
/// CustomResourceDefinitions, which say what is installed. Metadata of a module from elsewhere may be anything: what is
/// no plain name gets into no script and no request.
pub(crate) fn resources(policies: &[Loaded]) -> Vec<Resource> {
    let mut versions = BTreeMap::<GroupResource, Vec<String>>::new();
    let mut add = |resource: GroupResource, version: &str| {
        let is_plain = version.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_plain && resource.to_string().parse::<GroupResource>().is_ok() {
            let versions = versions.entry(resource).or_default();
            if !versions.iter().any(|known| known == version) {
                versions.push(version.to_owned());
            }
        }
    };
    let crds = Kind::new("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    for kind in iter::once(&crds).chain(wanted_of_cluster(policies).kinds()) {
        add(kind.resource(), kind.api_version.rsplit('/').next().unwrap_or_default());
    }
    for rule in policies.iter().flat_map(|policy| &policy.metadata.rules) {
        for version in rule.api_versions.iter().rev() {
            let version = if version == "*" { "" } else { version };
            rule.group_resources().for_each(|resource| add(resource, version));
        }
    }
    let are_bundled = policies.iter().all(|policy| policy.is_bundled);
    let resources = versions.into_iter().filter_map(|(name, versions)| {
        let mut versions = versions.into_iter();
        Some(Resource {
            labels: Resource::labels_of(&name, are_bundled),
            // Their schemas are megabytes, which no policy of ours reads.
            is_metadata_only: are_bundled && name == crds.resource(),
            name,
            version: versions.next()?,
            older: versions.collect(),
        })
    });
    let mut resources: Vec<_> = resources.collect();
    resources.sort_by_key(|resource| !resource.is_crds());
    resources
}

/// What policies judge and [`resources`] has not: rules with a wildcard instead of a name.
pub(crate) fn wildcards(policies: &[Loaded]) -> Vec<String> {
    let rules = policies.iter().flat_map(|policy| policy.metadata.rules.iter().map(move |rule| (policy, rule)));
    let wild =
        rules.filter(|(_, rule)| [&rule.api_groups, &rule.resources].into_iter().flatten().any(|word| word == "*"));
    wild.map(|(policy, rule)| {
        format!("{} of {}, which {} judges", rule.resources.join(", "), rule.api_groups.join(", "), policy.shown)
    })
    .collect()
}

/// The kind whose absence has to be proved.
pub(crate) fn node_maintenance() -> Kind {
    Kind::new(NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.kind)
}
