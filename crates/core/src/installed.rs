//! Which HCO is installed, as HyperConverged says.

use crate::{
    cluster::{Cluster, GetQuery, ReadError, is_installed, list_all, paths},
    fields::Fields,
    object::HyperConverged,
    resource::HYPERCONVERGED,
};

/// The only name that HCO takes.
///
/// Source: HCO branch release-1.6, `deploy/hco.cr.yaml`.
const NAME: &str = "kubevirt-hyperconverged";

/// The HyperConverged object of a namespace, or of the cluster where it is not known in which namespace
/// HCO is; `None` where there is none: then no HCO is installed, or not yet.
///
/// # Errors
/// [`ReadError::Unavailable`] where that cannot be told.
pub fn installed(cluster: &dyn Cluster, namespace: Option<&str>) -> Result<Option<HyperConverged>, ReadError> {
    let Some(namespace) = namespace else { return anywhere(cluster) };
    let query = GetQuery {
        api_version: HYPERCONVERGED.api_version.into(),
        kind: HYPERCONVERGED.kind.into(),
        namespace: Some(namespace.into()),
        name: NAME.into(),
        fields: paths(&HyperConverged::FIELDS),
    };
    match cluster.get(&query) {
        Ok(answer) => Ok(Fields::parse(&answer.json).map(|object| HyperConverged::read(&object))),
        Err(ReadError::NotFound { .. }) => Ok(None),
        // A kind that is not served is an error in words only.
        Err(error) => match is_installed(cluster, &HYPERCONVERGED) {
            Ok(false) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Of several, which HCO does not support, the one of the highest version.
fn anywhere(cluster: &dyn Cluster) -> Result<Option<HyperConverged>, ReadError> {
    let listing = list_all(cluster, HYPERCONVERGED, &HyperConverged::FIELDS)?;
    let objects: Vec<HyperConverged> = listing.items().iter().map(HyperConverged::read).collect();
    Ok(objects.into_iter().max_by(|a, b| rank(a).cmp(&rank(b))))
}

fn rank(object: &HyperConverged) -> impl Ord + use<'_> {
    (object.version(), object.namespace.as_deref(), object.name.as_str())
}
