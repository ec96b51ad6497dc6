//! Which HCO a snapshot shows, and whether it shows one.

use upgrade_gate_core::{
    CLUSTER_SERVICE_VERSION, CustomResource, Fields, HYPERCONVERGED, HyperConverged, INSTALL_PLAN, Product,
    SUBSCRIPTION, Severity, Version, is_hco_package, of_many, product_of_package, shorten,
    upgrade::ClusterServiceVersion,
};
use upgrade_gate_snapshot::{Kind, Object, Snapshot};

use crate::{
    missing::own,
    report::{Finding, Result},
};

/// What the snapshot says about HCO.
pub(crate) struct Installed {
    /// The version that HyperConverged reports (of several the lowest), else that of the one
    /// ClusterServiceVersion that succeeded.
    pub(crate) version: Option<Version>,
    /// Whose version that is; where nothing shows the version, what the Subscription or the namespace says.
    pub(crate) product: Option<Product>,
    /// Where HCO is, as far as that shows.
    pub(crate) namespace: Option<String>,
    /// Every version that is in the snapshot, and the object that says so; several HyperConverged objects
    /// even where they say none. Manifests are left out where something is stored.
    seen: Vec<(Option<Version>, String)>,
}

impl Installed {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let objects =
            |resource| of_kind(snapshot, resource).filter_map(|object| Some((object, Fields::parse(&object.json)?)));
        let mut hcos: Vec<HyperConverged> =
            objects(HYPERCONVERGED).map(|(_, fields)| HyperConverged::read(&fields)).collect();
        let csvs = objects(CLUSTER_SERVICE_VERSION).filter_map(|(object, fields)| {
            Some((object.resource_version.is_some(), ClusterServiceVersion::read(&fields)?))
        });
        let mut csvs: Vec<(bool, ClusterServiceVersion)> = csvs.collect();
        // A manifest beside what is stored, as of a GitOps folder or of a bundle, says nothing about the cluster.
        let hco_is_stored = hcos.iter().any(|hco| hco.is_stored);
        let csv_is_stored = csvs.iter().any(|(is_stored, _)| *is_stored);
        hcos.retain(|hco| hco.is_stored || !hco_is_stored);
        csvs.retain(|(is_stored, _)| *is_stored || !(hco_is_stored || csv_is_stored));
        let csvs: Vec<ClusterServiceVersion> = csvs.into_iter().map(|(_, csv)| csv).collect();
        let subscription = objects(SUBSCRIPTION)
            .map(|(_, fields)| fields)
            .find(|object| object.object("spec").text("name").is_some_and(|package| is_hco_package(&package)));

        let hco = of_many(hcos.iter().cloned());
        let mut succeeded = csvs.iter().filter(|csv| csv.phase == "Succeeded");
        let succeeded = succeeded.next().filter(|_| succeeded.next().is_none()).and_then(csv_version);
        let subscribed = || subscription.as_ref().and_then(|object| object.object("metadata").words("namespace"));
        let package = || product_of_package(&subscription.as_ref()?.object("spec").text("name")?);
        let version = hco.as_ref().and_then(HyperConverged::version).or(succeeded);
        let of_hco = hcos.iter().map(|hco| (hco.version(), "HyperConverged", &hco.namespace, &hco.name, ""));
        let of_csv = csvs
            .iter()
            .map(|csv| (csv_version(csv), "ClusterServiceVersion", &csv.namespace, &csv.name, csv.phase.as_str()));
        let seen = of_hco.chain(of_csv).filter_map(|(version, kind, namespace, name, phase)| {
            let namespace = namespace.as_ref().map_or(String::new(), |namespace| format!("{namespace}/"));
            let phase = if phase.is_empty() { String::new() } else { format!(", {phase}") };
            let object = shorten(&format!("{kind} {namespace}{name}{phase}"), 150);
            (version.is_some() || hcos.len() > 1).then_some((version, object))
        });
        let namespace = hco
            .and_then(|hco| hco.namespace)
            .or_else(|| csvs.iter().find_map(|csv| csv.namespace.clone()))
            .or_else(subscribed);
        let product = version.map(Version::product).or_else(package);
        let is_of_product =
            || (namespace.as_deref()? == NAMESPACE_OF_PRODUCT).then_some(Product::OpenShiftVirtualization);
        Self { version, product: product.or_else(is_of_product), namespace, seen: seen.collect() }
    }

    /// What people call it.
    pub(crate) fn product_name(&self) -> &'static str {
        self.product.unwrap_or(Product::Hco).name()
    }

    /// One finding where the snapshot shows more than one version: an upgrade is under way, or was when
    /// the snapshot was taken.
    pub(crate) fn mixed(&self) -> Option<Finding> {
        let (first, _) = self.seen.first()?;
        if self.seen.iter().all(|(version, _)| version == first) {
            return None;
        }
        let shown = |version: Option<Version>| version.map_or("none".into(), |version| version.to_string());
        let said = self.seen.iter().take(MAX_SAID).map(|(version, object)| format!("{} ({object})", shown(*version)));
        let said: Vec<String> = said.collect();
        let more = self.seen.len() - said.len();
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        let counts = self.version.map_or("No version".into(), |version| format!("Version {version}"));
        Some(Finding {
            message: format!(
                "The snapshot shows more than one version of {}: {}{more}. {counts} is taken as installed.",
                self.product_name(),
                said.join(", "),
            ),
            remedy:
                "An upgrade is under way, or was when the snapshot was taken: see that it ends, collect again, and \
                     check again."
                    .into(),
            ..own("mixed-versions", Result::Warn, Severity::Medium)
        })
    }
}

/// Where the product is installed.
///
/// Source: docs.openshift.com, OpenShift Virtualization 4.10, "Installing OpenShift Virtualization using the CLI".
const NAMESPACE_OF_PRODUCT: &str = "openshift-cnv";

/// So many objects are named; more than these are many copies of one mistake.
const MAX_SAID: usize = 5;

fn csv_version(csv: &ClusterServiceVersion) -> Option<Version> {
    csv.versions.first().copied()
}

/// Whether the program itself looks at objects of this kind once all were read.
pub(crate) fn is_looked_at(kind: &Kind) -> bool {
    let resources = [HYPERCONVERGED, CLUSTER_SERVICE_VERSION, SUBSCRIPTION, INSTALL_PLAN];
    resources.iter().any(|resource| kind.group() == resource.group() && kind.kind == resource.kind)
}

/// The objects of a kind, whatever the version of its group.
pub(crate) fn of_kind(snapshot: &Snapshot, resource: CustomResource) -> impl Iterator<Item = &Object> {
    snapshot
        .objects()
        .filter(move |object| object.kind.group() == resource.group() && object.kind.kind == resource.kind)
}
