//! What the path of a file says about it, in the layouts of must-gathers.

use upgrade_gate_core::GroupResource;

/// A place where a must-gather puts objects of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    /// What comes before the layout's first folder. Several collectors may have run: each image has
    /// a folder of its own.
    pub(crate) image: String,
    /// Set where the place holds the objects of one namespace only.
    pub(crate) namespace: Option<String>,
    pub(crate) resource: GroupResource,
    pub(crate) place: Place,
}

/// Who puts objects there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `oc adm inspect`: `GROUP/PLURAL/NAME.yaml`.
    InspectObject,
    /// `oc adm inspect`: `GROUP/PLURAL.yaml`, a list.
    InspectList,
    /// kubevirt's must-gather: `PLURAL.GROUP/NAME.yaml`.
    KubevirtObject,
    /// kubevirt's must-gather: one file without extension, the objects separated by dashes.
    KubevirtFile,
}

const CLUSTER: &str = "cluster-scoped-resources";
const NAMESPACES: &str = "namespaces";

/// Reads a path with `/` between its parts; `None` where it is no place of a known layout.
///
/// Sources: openshift/oc `pkg/cli/admin/inspect/util.go` (dirPathForInfo); kubevirt/must-gather
/// release-4.10 `collection-scripts/gather_crs`, `gather_hco`.
pub(crate) fn resource_path(path: &str) -> Option<ResourcePath> {
    let parts: Vec<&str> = path.split('/').collect();
    let root = parts
        .iter()
        .rposition(|part| *part == CLUSTER)
        .or_else(|| parts.iter().rposition(|part| *part == NAMESPACES))?;
    let image = parts.get(..root)?.join("/");
    let rest = parts.get(root + 1..)?;
    let (namespace, rest) = match (parts.get(root), rest) {
        (Some(&NAMESPACES), [namespace, rest @ ..]) => (Some((*namespace).to_owned()), rest),
        (_, rest) => (None, rest),
    };
    let (resource, place) = match rest {
        ["crs", folder, _] if namespace.is_some() => (folder.parse().ok()?, Place::KubevirtObject),
        [group, plural, name] if is_yaml(name) => (inspect_resource(group, plural), Place::InspectObject),
        [folder, name] if namespace.is_none() && is_crd_name(folder) && is_yaml(name) => {
            (folder.parse().ok()?, Place::KubevirtObject)
        }
        [group, list] if is_yaml(list) => (inspect_resource(group, stem(list)), Place::InspectList),
        [plural @ ("subscriptions" | "installplans")] if namespace.is_some() => {
            (inspect_resource("operators.coreos.com", plural), Place::KubevirtFile)
        }
        _ => return None,
    };
    Some(ResourcePath { image, namespace, resource, place })
}

/// Whether a folder may hold such places of a resource that is needed: it is one of the layout's own folders, or one
/// of such a resource.
pub(crate) fn may_hold(path: &str, needs: impl Fn(&GroupResource) -> bool) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let Some(root) = parts.iter().rposition(|part| [CLUSTER, NAMESPACES].contains(part)) else { return false };
    let rest = parts.get(root + 1..).unwrap_or_default();
    let rest = if parts.get(root) == Some(&NAMESPACES) { rest.get(1..).unwrap_or_default() } else { rest };
    match rest {
        // Logs.
        ["pods", ..] => false,
        [] | [_] => true,
        ["crs", folder] => folder.parse().is_ok_and(|resource| needs(&resource)),
        [group, plural] => needs(&inspect_resource(group, plural)),
        _ => false,
    }
}

/// Whether a folder is named after a CRD (`PLURAL.GROUP`) and not after a group, as inspect's are.
/// kubevirt's collector takes CRDs of kubevirt.io only, and those of cluster scope all have a group
/// of three parts at least, so the number of dots tells.
fn is_crd_name(folder: &str) -> bool {
    folder.ends_with(".kubevirt.io") && folder.matches('.').count() >= 3
}

fn inspect_resource(group: &str, plural: &str) -> GroupResource {
    let group = if group == "core" { "" } else { group };
    GroupResource { group: group.into(), resource: plural.into() }
}

fn is_yaml(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|extension| name.ends_with(extension))
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_may_hold_a_place() {
        let needs = |resource: &GroupResource| ["nodes", "hyperconvergeds"].contains(&&*resource.resource);
        let cases = [
            ("i/cluster-scoped-resources", true),
            ("i/cluster-scoped-resources/core", true),
            ("i/cluster-scoped-resources/core/nodes", true),
            ("i/cluster-scoped-resources/core/persistentvolumes", false),
            ("i/cluster-scoped-resources/core/nodes/a.yaml", false),
            ("namespaces", true),
            ("namespaces/cnv", true),
            ("namespaces/cnv/crs", true),
            ("namespaces/cnv/crs/hyperconvergeds.hco.kubevirt.io", true),
            ("namespaces/cnv/crs/ssps.ssp.kubevirt.io", false),
            ("namespaces/cnv/hco.kubevirt.io/hyperconvergeds", true),
            ("namespaces/cnv/pods", false),
            ("namespaces/cnv/pods/a", false),
            ("logs/latest", false),
        ];
        for (path, expected) in cases {
            assert_eq!(may_hold(path, needs), expected, "{path}");
        }
    }

    #[test]
    fn places() {
        let nm = "nodemaintenances.nodemaintenance.kubevirt.io";
        let hco = "hyperconvergeds.hco.kubevirt.io";
        let cases = [
            (
                "mg/img/cluster-scoped-resources/core/nodes/worker-1.yaml",
                Some(("mg/img", None, "nodes", Place::InspectObject)),
            ),
            (
                "cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances/a.yaml",
                Some(("", None, nm, Place::InspectObject)),
            ),
            (
                "cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances.yaml",
                Some(("", None, nm, Place::InspectList)),
            ),
            (
                "i/cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io/a.yaml",
                Some(("i", None, nm, Place::KubevirtObject)),
            ),
            (
                "i/namespaces/cnv/crs/hyperconvergeds.hco.kubevirt.io/k.yaml",
                Some(("i", Some("cnv"), hco, Place::KubevirtObject)),
            ),
            (
                "i/namespaces/cnv/hco.kubevirt.io/hyperconvergeds/k.yaml",
                Some(("i", Some("cnv"), hco, Place::InspectObject)),
            ),
            (
                "i/namespaces/cnv/hco.kubevirt.io/hyperconvergeds.yaml",
                Some(("i", Some("cnv"), hco, Place::InspectList)),
            ),
            (
                "i/namespaces/cnv/installplans",
                Some(("i", Some("cnv"), "installplans.operators.coreos.com", Place::KubevirtFile)),
            ),
            (
                "namespaces/old/cluster-scoped-resources/core/namespaces/a.yaml",
                Some(("namespaces/old", None, "namespaces", Place::InspectObject)),
            ),
            ("i/namespaces/cnv/pods/p/p/p/logs/current.log", None),
            ("i/namespaces/cnv/cnv.yaml", None),
            ("manifests/a.yaml", None),
        ];
        for (path, expected) in cases {
            let found = resource_path(path);
            let found =
                found.as_ref().map(|p| (p.image.as_str(), p.namespace.as_deref(), p.resource.to_string(), p.place));
            let expected =
                expected.map(|(image, namespace, resource, place)| (image, namespace, resource.to_owned(), place));
            assert_eq!(found, expected, "{path}");
        }
    }
}
