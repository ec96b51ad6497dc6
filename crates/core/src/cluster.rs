//! The port through which a policy asks for other objects. A snapshot implements it, the guest's
//! host calls do, and a live cluster can.

use std::{collections::BTreeSet, sync::Arc};

use crate::{fields::Fields, resource::CustomResource};

/// Objects other than the one under review, read only.
pub trait Cluster {
    /// One object as JSON, cut down to the query's fields.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] where there is no such object, [`ReadError::Unavailable`] where that
    /// cannot be told.
    fn get(&self, query: &GetQuery) -> Result<Answer, ReadError>;

    /// A Kubernetes list as JSON: an object with `items`, each cut down to the query's fields.
    /// Items of a list need not carry `apiVersion` and `kind`. A list that may not be whole has
    /// `metadata.continue`, as one of the API server has of which more follows.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] where the kind is not served or may not be read.
    fn list(&self, query: &ListQuery) -> Result<Answer, ReadError>;
}

/// Paths of fields, for a query. Not by `collect`, which would sort them first: kilobytes of code in a
/// policy, for three names.
#[must_use]
pub fn paths(fields: &[&str]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    paths.extend(fields.iter().map(|&field| field.to_owned()));
    paths
}

/// Which object, and which of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GetQuery {
    /// `GROUP/VERSION`, or the version alone for the core group.
    pub api_version: String,
    /// Singular, as in an object's `kind`.
    pub kind: String,
    /// Absent for kinds of cluster scope.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// Dotted paths to keep, arrays transparent; `apiVersion`, `kind` and `metadata` are always
    /// kept. Empty: the whole object.
    pub fields: BTreeSet<String>,
    /// Ask the API server itself, not a cache of it. A snapshot answers the same.
    pub disable_cache: bool,
}

/// Which objects, and which of their fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListQuery {
    /// `GROUP/VERSION`, or the version alone for the core group.
    pub api_version: String,
    /// Singular, as in an object's `kind`.
    pub kind: String,
    /// Absent: objects of every namespace, and of cluster scope.
    pub namespace: Option<String>,
    /// As `kubectl get -l` takes it.
    pub label_selector: Option<String>,
    /// As `kubectl get --field-selector` takes it.
    pub field_selector: Option<String>,
    /// As [`GetQuery::fields`].
    pub fields: BTreeSet<String>,
}

/// What a cluster answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The object or the list.
    pub json: Arc<str>,
    /// False where there may be more than the answer shows: a partial snapshot answers from what it
    /// holds, and says so.
    pub complete: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no object of that name, for certain.
    #[error("there is no such object")]
    NotFound,
    /// It cannot be told whether there is one, in the words of whoever was asked.
    #[error("{0}")]
    Unavailable(String),
}

/// Nothing can be read: every question is [`ReadError::Unavailable`].
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCluster;

impl Cluster for NoCluster {
    fn get(&self, _: &GetQuery) -> Result<Answer, ReadError> {
        Err(ReadError::Unavailable("there is no cluster to ask".into()))
    }

    fn list(&self, _: &ListQuery) -> Result<Answer, ReadError> {
        Err(ReadError::Unavailable("there is no cluster to ask".into()))
    }
}

/// All objects of a kind, or the knowledge that the kind is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// No CustomResourceDefinition of the kind: there can be no objects.
    NotInstalled,
    /// The list.
    Objects(Answer),
}

impl Answer {
    /// The objects of a list, in its order; what is not an object is left out.
    #[must_use]
    pub fn items(&self) -> Vec<Fields<'_>> {
        Fields::parse(&self.json).map(|list| list.objects("items")).unwrap_or_default()
    }
}

impl Listing {
    /// The objects, none where the kind is not installed.
    #[must_use]
    pub fn items(&self) -> Vec<Fields<'_>> {
        match self {
            Self::NotInstalled => Vec::new(),
            Self::Objects(answer) => answer.items(),
        }
    }

    /// What was found among the objects. That there is none is an answer only where the list is whole.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] where nothing was found, and there may be more objects.
    pub fn conclude<T>(&self, found: Option<T>) -> Result<Option<T>, ReadError> {
        match self {
            Self::Objects(answer) if !answer.complete && found.is_none() => {
                Err(ReadError::Unavailable("the source may not hold all of them".into()))
            }
            _ => Ok(found),
        }
    }
}

/// A name that nobody gives an object, in a namespace that every cluster has: asking for it tells
/// whether the kind may be read, and "not found" is the good answer, also of a partial snapshot.
pub const PROBE: (&str, &str) = ("upgrade-gate-permission-probe", "kube-system");

/// Whether there is such an object; of kinds of cluster scope without `namespace`.
///
/// # Errors
/// [`ReadError::Unavailable`] as the cluster said it.
pub fn exists(
    cluster: &dyn Cluster,
    api_version: &str,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
) -> Result<bool, ReadError> {
    let query = GetQuery {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: namespace.map(Into::into),
        name: name.into(),
        // The least that can be asked for: metadata is always part of an answer.
        fields: paths(&["metadata.name"]),
        disable_cache: false,
    };
    match cluster.get(&query) {
        Ok(_) => Ok(true),
        Err(ReadError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether there is a CustomResourceDefinition of the kind.
///
/// # Errors
/// [`ReadError::Unavailable`] as the cluster said it.
pub fn is_installed(cluster: &dyn Cluster, resource: &CustomResource) -> Result<bool, ReadError> {
    exists(cluster, "apiextensions.k8s.io/v1", "CustomResourceDefinition", None, resource.crd)
}

/// Lists all objects of a kind in three steps, because a policy server answers a list that it may
/// not make by waiting for ever, and a list of a kind that is not served in words only: is the kind
/// installed, may it be read, and only then the list.
///
/// # Errors
/// [`ReadError::Unavailable`] where one of the steps could not be answered, or the answer is no list.
pub fn list_all(cluster: &dyn Cluster, resource: CustomResource, fields: &[&str]) -> Result<Listing, ReadError> {
    if !is_installed(cluster, &resource)? {
        return Ok(Listing::NotInstalled);
    }
    let (name, namespace) = PROBE;
    let namespace = resource.namespaced.then_some(namespace);
    exists(cluster, resource.api_version, resource.kind, namespace, name)?;
    let list = ListQuery {
        api_version: resource.api_version.into(),
        kind: resource.kind.into(),
        fields: paths(fields),
        ..ListQuery::default()
    };
    let Answer { json, complete } = cluster.list(&list)?;
    let list = Fields::parse(&json).unwrap_or_default();
    let goes_on = list.object("metadata").words("continue").is_some();
    if list.raw("items").is_some_and(|items| items.get().starts_with('[')) {
        Ok(Listing::Objects(Answer { complete: complete && !goes_on, json }))
    } else {
        Err(ReadError::Unavailable("the answer is not a list".into()))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::resource::HYPERCONVERGED;

    /// Answers the n-th question with the n-th answer, and remembers what was asked.
    struct Script {
        answers: RefCell<Vec<Result<&'static str, ReadError>>>,
        asked: RefCell<Vec<String>>,
    }

    impl Script {
        fn next(&self, asked: String) -> Result<Answer, ReadError> {
            self.asked.borrow_mut().push(asked);
            self.answers.borrow_mut().remove(0).map(|json| Answer { json: json.into(), complete: true })
        }
    }

    impl Cluster for Script {
        fn get(&self, query: &GetQuery) -> Result<Answer, ReadError> {
            self.next(format!("get {} {}", query.kind, query.name))
        }

        fn list(&self, query: &ListQuery) -> Result<Answer, ReadError> {
            self.next(format!("list {}", query.kind))
        }
    }

    #[test]
    fn a_list_is_made_only_after_it_is_known_to_be_answered() {
        let not_found = || Err(ReadError::NotFound);
        let refused = || Err(ReadError::Unavailable("forbidden".into()));
        let (crd, probe, list) = (
            "get CustomResourceDefinition hyperconvergeds.hco.kubevirt.io",
            "get HyperConverged upgrade-gate-permission-probe",
            "list HyperConverged",
        );
        let cases = [
            (vec![not_found()], "NotInstalled", vec![crd]),
            (vec![refused()], "forbidden", vec![crd]),
            (vec![Ok("{}"), refused()], "forbidden", vec![crd, probe]),
            (vec![Ok("{}"), not_found(), refused()], "forbidden", vec![crd, probe, list]),
            (vec![Ok("{}"), not_found(), Ok(r#"{"items":[{}]}"#)], "1", vec![crd, probe, list]),
            (vec![Ok("{}"), not_found(), Ok(r#"{"items": []}"#)], "0", vec![crd, probe, list]),
            (
                vec![Ok("{}"), not_found(), Ok(r#"{"items": [], "metadata": {"continue": ""}}"#)],
                "0",
                vec![crd, probe, list],
            ),
            (
                vec![Ok("{}"), not_found(), Ok(r#"{"items": [], "metadata": {"continue": "x"}}"#)],
                "the source may not hold all of them",
                vec![crd, probe, list],
            ),
            (
                vec![Ok("{}"), not_found(), Ok(r#"{"items": [{}], "metadata": {"continue": "x"}}"#)],
                "1",
                vec![crd, probe, list],
            ),
            (vec![Ok("{}"), not_found(), Ok("[]")], "the answer is not a list", vec![crd, probe, list]),
            (vec![Ok("{}"), not_found(), Ok("{}")], "the answer is not a list", vec![crd, probe, list]),
        ];
        for (answers, expected, asked) in cases {
            let script = Script { answers: RefCell::new(answers), asked: RefCell::default() };
            let outcome = match list_all(&script, HYPERCONVERGED, &["status.versions"]) {
                Ok(Listing::NotInstalled) => "NotInstalled".into(),
                Ok(listing) => match listing.conclude(listing.items().first()) {
                    Ok(_) => listing.items().len().to_string(),
                    Err(error) => error.to_string(),
                },
                Err(error) => error.to_string(),
            };
            assert_eq!(outcome, expected);
            assert_eq!(*script.asked.borrow(), asked);
        }
    }
}
