//! Whether a source holds all objects of a kind. Partial captures are the rule, so what counts is
//! evidence of completeness, not the presence of objects.

use std::collections::{BTreeMap, BTreeSet};

use upgrade_gate_core::{GroupResource, HYPERCONVERGED};

use crate::{
    kinds::is_built_in,
    path::{Place, ResourcePath},
    wanted::Kind,
};

/// What is known about the objects of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// All of them are here.
    Captured,
    /// The cluster does not have the kind: there can be none.
    NotInstalled,
    /// There may be more than are here.
    NotCaptured,
}

/// What is known about one kind, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindReport {
    /// The kind.
    pub kind: Kind,
    /// See [`State`].
    pub state: State,
    /// What the state follows from, for people.
    pub evidence: String,
    /// How many objects of it are here.
    pub objects: usize,
    /// Whether one that is missing may decide something ([`Wanted::add_dispensable`](crate::Wanted::add_dispensable)).
    pub is_needed: bool,
}

/// What was seen that says something about completeness. Paths are for people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// Whole typed lists of all namespaces, by the kind of their items.
    lists: BTreeMap<Kind, String>,
    /// Objects and list files where a must-gather puts all there are.
    places: BTreeMap<GroupResource, String>,
    /// Files where an object belongs that hold none, and why.
    broken: BTreeMap<GroupResource, String>,
    /// The CRDs of whole CustomResourceDefinitionLists, and where the list is.
    crd_lists: BTreeMap<String, BTreeSet<String>>,
    /// CRDs that are there as objects.
    crds: BTreeSet<String>,
    /// Image folders of must-gathers.
    images: BTreeMap<String, Image>,
    /// What an API server did not list, or not to the end.
    unlisted: BTreeMap<GroupResource, Unlisted>,
    /// What the user vouches for.
    assumed: BTreeSet<GroupResource>,
}

#[derive(Clone, Debug, Default)]
struct Image {
    /// Folders that kubevirt's collector wrote, which are named after CRDs.
    folders: BTreeSet<String>,
    /// CRDs, by the names of their files.
    crds: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Unlisted {
    is_not_served: bool,
    why: String,
}

const ASSUMED: &str = "assumed, as --assume-captured says";

const CRDS: &str = "customresourcedefinitions.apiextensions.k8s.io";

impl Evidence {
    pub(crate) fn assume(&mut self, resource: GroupResource) {
        self.assumed.insert(resource);
    }

    /// Takes in what came of the next file; what was there first stays.
    pub(crate) fn add(&mut self, next: Self) {
        let Self { lists, places, broken, crd_lists, crds, images, unlisted, assumed } = next;
        lists.into_iter().for_each(|(kind, path)| {
            self.lists.entry(kind).or_insert(path);
        });
        places.into_iter().for_each(|(resource, path)| {
            self.places.entry(resource).or_insert(path);
        });
        broken.into_iter().for_each(|(resource, why)| {
            self.broken.entry(resource).or_insert(why);
        });
        self.crd_lists.extend(crd_lists);
        self.crds.extend(crds);
        self.unlisted.extend(unlisted);
        self.assumed.extend(assumed);
        for (name, image) in images {
            let known = self.images.entry(name).or_default();
            known.folders.extend(image.folders);
            known.crds.extend(image.crds);
        }
    }

    /// A whole list; `crds` where it is one of CustomResourceDefinitions.
    pub(crate) fn list(&mut self, kind: Kind, path: &str, crds: Option<BTreeSet<String>>) {
        if let Some(crds) = crds {
            self.crd_lists.insert(path.into(), crds);
        }
        self.lists.entry(kind).or_insert_with(|| path.into());
    }

    /// A CustomResourceDefinition.
    pub(crate) fn crd(&mut self, name: &str) {
        self.crds.insert(name.into());
    }

    /// The mere path of a file, whatever is in it.
    pub(crate) fn path(&mut self, path: &str, place: &ResourcePath) {
        let image = self.images.entry(place.image.clone()).or_default();
        let resource = place.resource.to_string();
        match place.place {
            Place::KubevirtObject => {
                image.folders.insert(resource);
            }
            Place::InspectObject if resource == CRDS => {
                let file = path.rsplit('/').next().unwrap_or_default();
                image.crds.insert(file.rsplit_once('.').map_or(file, |(stem, _)| stem).into());
            }
            Place::InspectObject | Place::InspectList | Place::KubevirtFile => {}
        }
    }

    /// An object, or its list, where a must-gather puts it.
    pub(crate) fn at_place(&mut self, path: &str, place: &ResourcePath) {
        let complete = match place.place {
            // A default must-gather inspects some CRDs by name.
            Place::InspectObject => place.resource.to_string() != CRDS,
            Place::KubevirtObject => true,
            Place::InspectList => place.namespace.is_none(),
            Place::KubevirtFile => false,
        };
        if complete {
            self.places.entry(place.resource.clone()).or_insert_with(|| path.into());
        }
    }

    /// A file where an object belongs, but none could be read.
    pub(crate) fn broken(&mut self, path: &str, place: &ResourcePath, why: &str) {
        self.broken.entry(place.resource.clone()).or_insert_with(|| format!("{path} {why}"));
    }

    /// An API server that was asked did not list all of it, and why.
    pub(crate) fn not_listed(&mut self, resource: &GroupResource, is_not_served: bool, why: &str) {
        self.unlisted.insert(resource.clone(), Unlisted { is_not_served, why: why.into() });
    }

    pub(crate) fn report(&self, kind: &Kind, objects: usize, is_needed: bool) -> KindReport {
        let (state, mut evidence) = self.state(kind, objects);
        if self.assumed.contains(&kind.resource()) && evidence != ASSUMED {
            evidence += "; also ";
            evidence += ASSUMED;
        }
        KindReport { kind: kind.clone(), state, evidence, objects, is_needed }
    }

    /// Objects come first, then lists, then "not installed".
    fn state(&self, kind: &Kind, objects: usize) -> (State, String) {
        let resource = kind.resource();
        if let Some(path) = self.places.get(&resource).filter(|_| objects > 0) {
            return (State::Captured, format!("a must-gather wrote it to {path}"));
        }
        if let Some(path) = self.lists.get(kind) {
            return (State::Captured, format!("{}List in {path}", kind.kind));
        }
        if let Some(path) = self.places.get(&resource) {
            return (State::Captured, format!("a must-gather wrote its list to {path}"));
        }
        if let Some((image, folder)) = self.image_that_went_on(&resource) {
            return (State::Captured, format!("the must-gather in {} went on to {folder}", shown(image)));
        }
        if self.assumed.contains(&resource) {
            return (State::Captured, ASSUMED.into());
        }
        let unlisted = self.unlisted.get(&resource);
        if objects > 0 {
            let evidence = match unlisted {
                Some(Unlisted { why, .. }) => format!("not all objects of it were listed: {why}"),
                None => "objects of it, but nothing shows that there are no more".into(),
            };
            return (State::NotCaptured, evidence);
        }
        if !is_built_in(kind.group(), &kind.kind)
            && let Some(evidence) = self.not_installed(&resource)
        {
            return (State::NotInstalled, evidence);
        }
        match unlisted.map(|unlisted| &unlisted.why).or_else(|| self.broken.get(&resource)) {
            Some(file) => (State::NotCaptured, file.clone()),
            None => (State::NotCaptured, "no object and no list of it".into()),
        }
    }

    fn not_installed(&self, resource: &GroupResource) -> Option<String> {
        let crd = resource.to_string();
        // One source that has it is enough: lists may be of different days.
        let images = self.images.values().map(|image| &image.crds);
        if self.crd_lists.values().chain(images).chain([&self.crds]).any(|crds| crds.contains(&crd)) {
            return None;
        }
        if let Some(path) = self.crd_lists.keys().next() {
            return Some(format!("no CRD of it in the CustomResourceDefinitionList in {path}"));
        }
        if let Some(unlisted) = self.unlisted.get(resource).filter(|unlisted| unlisted.is_not_served) {
            return Some(unlisted.why.clone());
        }
        let (image, _) = self.images.iter().find(|(_, image)| {
            let collector = is_collected(resource) && !image.folders.is_empty();
            collector && image.crds.contains(HYPERCONVERGED.crd)
        })?;
        Some(format!("no CRD of it in {}, which has the one of HyperConverged", shown(image)))
    }

    /// kubevirt's collector walks the CRDs in the order of their names: a folder of a later one
    /// means that it has been at this one, and that there was nothing.
    fn image_that_went_on(&self, resource: &GroupResource) -> Option<(&str, &str)> {
        let crd = resource.to_string();
        self.images.iter().filter(|_| is_collected(resource)).find_map(|(image, seen)| {
            let later = seen.folders.iter().find(|folder| **folder > crd)?;
            Some((image.as_str(), later.as_str()))
        })
    }
}

/// kubevirt's collector takes the CRDs whose name matches `kubevirt.io`.
/// Source: kubevirt/must-gather release-4.10, `collection-scripts/gather_crs`.
fn is_collected(resource: &GroupResource) -> bool {
    resource.group.ends_with("kubevirt.io")
}

fn shown(image: &str) -> &str {
    if image.is_empty() { "." } else { image }
}
