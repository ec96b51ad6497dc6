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
        disable_cache: false,
    };
    match cluster.get(&query) {
        Ok(answer) => match Fields::parse(&answer.json) {
            Some(object) => Ok(Some(HyperConverged::read(&object))),
            None => Err(ReadError::Unavailable("the answer is not an object".into())),
        },
        Err(ReadError::NotFound) => Ok(None),
        // A kind that is not served is an error in words only.
        Err(error) => match is_installed(cluster, &HYPERCONVERGED) {
            Ok(false) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Of several, which HCO does not support, the one of the lowest version: that one is upgraded.
fn anywhere(cluster: &dyn Cluster) -> Result<Option<HyperConverged>, ReadError> {
    let listing = list_all(cluster, HYPERCONVERGED, &HyperConverged::FIELDS)?;
    listing.conclude(of_many(listing.items().iter().map(HyperConverged::read)))
}

/// The one that counts of several HyperConverged objects: of the name that HCO takes, of these a stored one
/// rather than a manifest, and then the one of the lowest version; one without a version is lower than all.
pub fn of_many(objects: impl IntoIterator<Item = HyperConverged>) -> Option<HyperConverged> {
    let of_name = objects.into_iter().filter(|object| object.name == NAME);
    let rank = |hco: &HyperConverged| (!hco.is_stored, hco.version());
    of_name.min_by(|a, b| (rank(a), &a.namespace).cmp(&(rank(b), &b.namespace)))
}
