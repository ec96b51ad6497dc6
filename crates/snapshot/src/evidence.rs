//! Whether a source holds all objects of a kind. Partial captures are the rule, so what counts is
//! evidence of completeness, not the presence of objects.

use std::collections::{BTreeMap, BTreeSet};

use upgrade_gate_core::{GroupResource, GroupVersionKind, HYPERCONVERGED};

use crate::{
    kinds::{is_built_in, is_namespaced},
    path::{Place, ResourcePath},
    record::Records,
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
    /// Whole typed lists that are not of one namespace for sure, by the kind of their items.
    lists: BTreeMap<Kind, Lists>,
    /// What was asked of an API server for the lists of a file.
    records: Records,
    /// Stored objects, and whole lists of the whole cluster, where a must-gather puts all there are.
    places: BTreeMap<GroupResource, String>,
    /// Files where an object belongs that hold none, or a broken one, and why.
    broken: BTreeMap<GroupResource, String>,
    /// The CRDs of whole CustomResourceDefinitionLists, and where the list is.
    crd_lists: BTreeMap<String, BTreeSet<String>>,
    /// CRDs that are there as objects, or as files that are named after one.
    crds: BTreeSet<String>,
    /// Resources that only a CRD defines, and of which stored objects are there, and how the CRD may be called.
    stored: BTreeMap<GroupResource, [String; 2]>,
    /// Image folders of must-gathers.
    images: BTreeMap<String, Image>,
    /// What an API server did not list, or not to the end.
    unlisted: BTreeMap<GroupResource, Unlisted>,
    /// What the user vouches for.
    assumed: BTreeSet<GroupResource>,
}

/// Lists of one kind.
#[derive(Clone, Debug, Default)]
struct Lists {
    /// Those that prove by themselves that they are of the whole cluster, by file, with their words.
    proof: BTreeMap<String, String>,
    /// The same of empty lists of a namespaced kind: they may be of one namespace.
    empty: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default)]
struct Image {
    /// CRDs of whose kinds kubevirt's collector wrote stored objects.
    folders: BTreeSet<String>,
    /// Stored CRDs, where a must-gather puts them.
    crds: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Unlisted {
    is_not_served: bool,
    why: String,
}

/// A whole typed list.
pub(crate) struct WholeList<'a> {
    /// What its items are.
    pub(crate) kind: Kind,
    /// The file that it is in.
    pub(crate) path: &'a str,
    pub(crate) resource_version: Option<String>,
    pub(crate) is_empty: bool,
    /// The names of its items, where it is one of CustomResourceDefinitions.
    pub(crate) crds: Option<BTreeSet<String>>,
}

impl WholeList<'_> {
    fn may_be_of_one_namespace(&self) -> bool {
        self.is_empty && is_namespaced(self.kind.group(), &self.kind.kind)
    }
}

const ASSUMED: &str = "assumed, as --assume-captured says";

const CRDS: &str = "customresourcedefinitions.apiextensions.k8s.io";

const CRDS_PATH: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

impl Evidence {
    pub(crate) fn assume(&mut self, resource: GroupResource) {
        self.assumed.insert(resource);
    }

    /// Takes in what came of the next file; what was there first stays.
    pub(crate) fn add(&mut self, next: Self) {
        let Self { lists, records, places, broken, crd_lists, crds, stored, images, unlisted, assumed } = next;
        for (kind, Lists { proof, empty }) in lists {
            let known = self.lists.entry(kind).or_default();
            known.proof.extend(proof);
            known.empty.extend(empty);
        }
        places.into_iter().for_each(|(resource, path)| {
            self.places.entry(resource).or_insert(path);
        });
        broken.into_iter().for_each(|(resource, why)| {
            self.broken.entry(resource).or_insert(why);
        });
        self.records.add(records);
        self.crd_lists.extend(crd_lists);
        self.crds.extend(crds);
        self.stored.extend(stored);
        self.unlisted.extend(unlisted);
        self.assumed.extend(assumed);
        for (name, image) in images {
            let known = self.images.entry(name).or_default();
            known.folders.extend(image.folders);
            known.crds.extend(image.crds);
        }
    }

    /// A whole list. One that is empty proves nothing by itself where its kind lives in namespaces: `kubectl get --raw`
    /// writes the same bytes for all of them and for one.
    pub(crate) fn list(&mut self, list: WholeList<'_>) {
        let may_be_of_one_namespace = list.may_be_of_one_namespace();
        let WholeList { kind, path, resource_version, crds, .. } = list;
        if let Some(crds) = crds {
            self.crd_lists.insert(path.into(), crds);
        }
        let version = resource_version.map_or(String::new(), |version| format!(" at resourceVersion {version}"));
        let words = format!("{}List in {path}{version}", kind.kind);
        let lists = self.lists.entry(kind).or_default();
        let of_its_sort = if may_be_of_one_namespace { &mut lists.empty } else { &mut lists.proof };
        of_its_sort.entry(path.into()).or_insert(words);
    }

    /// All lists are of the whole cluster, as whoever asked for them knows.
    pub(crate) fn are_of_all_namespaces(&mut self) {
        for lists in self.lists.values_mut() {
            lists.proof.append(&mut lists.empty);
        }
    }

    /// What was asked of an API server, as a record says.
    pub(crate) fn record(&mut self, file: String, asked: String) {
        self.records.insert(file, asked);
    }

    /// A CustomResourceDefinition, stored or not.
    pub(crate) fn crd(&mut self, name: &str) {
        self.crds.insert(name.into());
    }

    /// A stored object of a resource: where only a CRD defines that, the cluster has the CRD.
    pub(crate) fn stored(&mut self, kind: &Kind) {
        self.stored.entry(kind.resource()).or_insert_with_key(|resource| {
            // Some kinds are plural already: TektonTasks.
            [resource.to_string(), format!("{}.{}", kind.kind.to_lowercase(), kind.group())]
        });
    }

    /// The mere path of a file: it may contradict what is proved, and proves nothing itself.
    pub(crate) fn path(&mut self, path: &str, place: &ResourcePath) {
        if place.place == Place::InspectObject && place.resource.to_string() == CRDS {
            let file = path.rsplit('/').next().unwrap_or_default();
            self.crds.insert(file.rsplit_once('.').map_or(file, |(stem, _)| stem).into());
        }
    }

    /// A whole list where `oc adm inspect` puts one.
    pub(crate) fn list_at_place(&mut self, list: &WholeList<'_>, place: &ResourcePath) {
        if !list.may_be_of_one_namespace() {
            self.at_place(list.path, place);
        }
    }

    /// A stored object, or a whole list, where a must-gather puts it.
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
        if place.place == Place::KubevirtObject && is_collected(&place.resource) {
            self.images.entry(place.image.clone()).or_default().folders.insert(place.resource.to_string());
        }
    }

    /// A stored CRD where a must-gather puts it.
    pub(crate) fn crd_at_place(&mut self, name: &str, place: &ResourcePath) {
        if place.place == Place::InspectObject && place.resource.to_string() == CRDS {
            self.images.entry(place.image.clone()).or_default().crds.insert(name.into());
        }
    }

    /// A file where an object belongs, and something of it could not be read.
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
        let broken = self.broken.get(&resource);
        // What a path proves, a broken file at such a path takes away.
        let place = self.places.get(&resource).filter(|_| broken.is_none());
        if let Some(path) = place.filter(|_| objects > 0) {
            return (State::Captured, format!("a must-gather wrote it to {path}"));
        }
        if let Some(words) = self.whole_list(kind) {
            return (State::Captured, words);
        }
        if let Some(path) = place {
            return (State::Captured, format!("a must-gather wrote its list to {path}"));
        }
        if broken.is_none()
            && let Some((image, folder)) = self.image_that_went_on(&resource)
        {
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
        if let Some(why) = unlisted.map(|unlisted| &unlisted.why).or(broken) {
            return (State::NotCaptured, why.clone());
        }
        let empty = self.lists.get(kind).and_then(|lists| lists.empty.values().next());
        let evidence = match empty {
            Some(words) => format!(
                "{words} is empty, and nothing shows that all namespaces were asked: collect it with `upgrade-gate \
                 policies collect`, which records that"
            ),
            None => "no object and no list of it".into(),
        };
        (State::NotCaptured, evidence)
    }

    /// A list that proves that it holds all objects of its kind, in words.
    fn whole_list(&self, kind: &Kind) -> Option<String> {
        let lists = self.lists.get(kind)?;
        // Somebody took some out of it.
        if kind.resource().to_string() == CRDS && self.plausible_crds().next().is_none() {
            return None;
        }
        let path = kind.resource().path(&GroupVersionKind::new(&kind.api_version, &kind.kind).version);
        let proof = lists.proof.iter().find(|(file, _)| !self.records.denies(file, &path));
        let recorded = || {
            let of_all = lists.empty.iter().find(|(file, _)| self.records.says(file, &path));
            of_all.map(|(_, words)| format!("{words}, of all namespaces as its record says"))
        };
        proof.map(|(_, words)| words.clone()).or_else(recorded)
    }

    /// The whole lists of CRDs that nobody filtered, as far as that shows, and where they are.
    fn plausible_crds(&self) -> impl Iterator<Item = &String> {
        let lists = self
            .crd_lists
            .iter()
            .filter(|(file, crds)| !self.records.denies(file, CRDS_PATH) && self.is_plausible(crds));
        lists.map(|(file, _)| file)
    }

    /// Whether a list of CRDs has those of all objects that are here.
    fn is_plausible(&self, crds: &BTreeSet<String>) -> bool {
        self.stored.values().all(|names| names.iter().any(|name| crds.contains(name)))
    }

    fn not_installed(&self, resource: &GroupResource) -> Option<String> {
        let crd = resource.to_string();
        // One source that has it is enough: lists may be of different days.
        let images = self.images.values().map(|image| &image.crds);
        let has = self.crd_lists.values().chain(images).chain([&self.crds]).any(|crds| crds.contains(&crd));
        if has || self.stored.contains_key(resource) {
            return None;
        }
        if let Some(path) = self.plausible_crds().next() {
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

    /// kubevirt's collector walks the CRDs in the order of their names: a stored object of a later one
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
