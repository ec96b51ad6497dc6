//! Which objects of a source are kept.

use std::collections::{BTreeMap, BTreeSet};

use upgrade_gate_core::{GroupResource, GroupVersionKind};

use crate::kinds::{group_of, resource_of};

/// The kinds that policies name: those they judge, by plural, and those they may ask for, by kind.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    rules: BTreeMap<GroupResource, BTreeSet<String>>,
    kinds: BTreeSet<Kind>,
    dispensable: BTreeSet<GroupResource>,
}

/// A kind as objects name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// `GROUP/VERSION`, or the version alone for the core group.
    pub api_version: String,
    /// Singular, as in an object's `kind`.
    pub kind: String,
}

impl Kind {
    /// From an object's own words.
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        Self { api_version: api_version.into(), kind: kind.into() }
    }

    /// What the items of a list are: `PodList` says that they are Pods, `List` says nothing.
    pub(crate) fn listed(api_version: &str, list_kind: &str) -> Option<Self> {
        let kind = list_kind.strip_suffix("List").filter(|kind| !kind.is_empty())?;
        Some(Self::new(api_version, kind))
    }

    /// Empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        group_of(&self.api_version)
    }

    /// Its name in rules, paths and CRDs.
    #[must_use]
    pub fn resource(&self) -> GroupResource {
        resource_of(self.group(), &self.kind)
    }
}

impl Wanted {
    /// A kind that is asked for by name, and whose completeness is reported even where no object of
    /// it is found.
    pub fn add_kind(&mut self, kind: Kind) {
        self.kinds.insert(kind);
    }

    /// Resources that are judged where they are found, as a rule of a policy names them: `*` stands
    /// for all, and of subresources only `PLURAL/*` is about whole objects too.
    pub fn add_rule(&mut self, groups: &[String], versions: &[String], resources: &[String]) {
        for group in groups {
            for resource in resources.iter().map(|name| name.strip_suffix("/*").unwrap_or(name)) {
                if !resource.contains('/') {
                    let resource = GroupResource { group: group.clone(), resource: resource.into() };
                    self.rules.entry(resource).or_default().extend(versions.iter().cloned());
                }
            }
        }
    }

    /// A kind that is judged where it is found, but whose absence proves nothing and hides nothing: what
    /// cannot be read of it does not matter.
    pub fn add_dispensable(&mut self, kind: &Kind) {
        let version = GroupVersionKind::new(&kind.api_version, &kind.kind).version;
        self.rules.entry(kind.resource()).or_default().insert(version);
        self.dispensable.insert(kind.resource());
    }

    /// Whether objects of this kind are kept.
    #[must_use]
    pub fn keeps(&self, kind: &Kind) -> bool {
        if self.kinds.contains(kind) {
            return true;
        }
        let version = kind.api_version.rsplit('/').next().unwrap_or_default();
        self.rules_of(&kind.resource()).any(|versions| versions.contains("*") || versions.contains(version))
    }

    /// Whether the kind is kept in some version, if perhaps not in this one.
    #[must_use]
    pub fn names(&self, kind: &Kind) -> bool {
        self.names_resource(&kind.resource())
    }

    /// Whether an object of it that is lost may have decided something.
    pub(crate) fn needs(&self, resource: &GroupResource) -> bool {
        self.names_resource(resource) && !self.dispensable.contains(resource)
    }

    /// Whether an object of this kind, in whatever group, may decide something. That of a CustomResourceDefinition in another
    /// document does not: the document is not the cluster.
    pub(crate) fn needs_kind(&self, kind: &str) -> bool {
        let is_needed = |resource: &GroupResource| !self.dispensable.contains(resource);
        kind != "CustomResourceDefinition"
            && (self.kinds.iter().any(|wanted| wanted.kind == kind && is_needed(&wanted.resource()))
                || self.rules.keys().any(|rule| is_needed(rule) && (rule.resource == "*" || is_plural(rule, kind))))
    }

    fn names_resource(&self, resource: &GroupResource) -> bool {
        self.rules_of(resource).next().is_some() || self.kinds.iter().any(|kind| kind.resource() == *resource)
    }

    /// The versions of each rule for a resource; `*` stands for every group and every resource.
    fn rules_of<'w>(&'w self, resource: &'w GroupResource) -> impl Iterator<Item = &'w BTreeSet<String>> {
        let is = |rule: &str, word: &str| rule == "*" || rule == word;
        let of = move |rule: &GroupResource| is(&rule.group, &resource.group) && is(&rule.resource, &resource.resource);
        self.rules.iter().filter(move |(rule, _)| of(rule)).map(|(_, versions)| versions)
    }

    /// Whether a document of this kind, or of this kind of list, may hold something wanted.
    pub(crate) fn may_be_listed_as(&self, kind: &str) -> bool {
        let item = kind.strip_suffix("List").unwrap_or(kind);
        // The group is not known here.
        let is = |name: &str| name == kind || name == item;
        kind == "List"
            || is("CustomResourceDefinition")
            || self.kinds.iter().any(|wanted| is(&wanted.kind))
            || self.rules.keys().any(|rule| rule.resource == "*" || is_plural(rule, kind) || is_plural(rule, item))
    }

    /// The kinds that are asked for by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.iter()
    }

    /// Whether a text that could not be parsed may hold an object that decides something: the kind, its
    /// list or its plural is a word of it.
    pub(crate) fn mentioned_in(&self, text: &str) -> bool {
        text.as_bytes().split(|byte| !byte.is_ascii_alphanumeric()).any(|word| self.is_mention(word))
    }

    fn is_mention(&self, word: &[u8]) -> bool {
        let Ok(word) = str::from_utf8(word) else { return false };
        if word.is_empty() || word.len() > MAX_WORD {
            return false;
        }
        let word = word.strip_suffix("List").unwrap_or(word);
        let is_kind = |kind: &Kind| kind.kind == word && !self.dispensable.contains(&kind.resource());
        let rules = || self.rules.keys().filter(|rule| !self.dispensable.contains(rule));
        let is_rule = |rule: &GroupResource| {
            rule.resource == "*" || rule.resource.eq_ignore_ascii_case(word) || is_plural(rule, word)
        };
        self.kinds.iter().any(is_kind) || rules().any(is_rule)
    }
}

/// Whether a resource is that of a kind.
fn is_plural(resource: &GroupResource, kind: &str) -> bool {
    // Which is why most words are not looked up.
    let starts_like_it = |(a, b): (&u8, &u8)| a.eq_ignore_ascii_case(b);
    resource.resource.bytes().next().zip(kind.bytes().next()).is_some_and(|(a, b)| starts_like_it((&a, &b)))
        && resource_of(&resource.group, kind).resource == resource.resource
}

/// No kind and no plural is longer: they are names of DNS labels.
const MAX_WORD: usize = 67;

/// Whether a text mentions what is wanted, of which one part is seen after the other.
pub(crate) struct Mentions<'w> {
    wanted: &'w Wanted,
    /// The word that the last part ended in, as far as it can be one.
    word: Vec<u8>,
    found: bool,
}

impl<'w> Mentions<'w> {
    pub(crate) fn new(wanted: &'w Wanted) -> Self {
        Self { wanted, word: Vec::new(), found: false }
    }

    pub(crate) fn see(&mut self, part: &[u8]) {
        if self.found {
            return;
        }
        let mut words = part.split(|byte| !byte.is_ascii_alphanumeric());
        let first = words.next().unwrap_or_default();
        if self.word.len() <= MAX_WORD {
            self.word.extend(first.iter().take(MAX_WORD + 1));
        }
        for word in words {
            self.found |= self.wanted.is_mention(&self.word);
            self.word.clear();
            self.word.extend(word.iter().take(MAX_WORD + 1));
        }
    }

    /// Nothing more comes.
    pub(crate) fn end(self) -> bool {
        self.found || self.wanted.is_mention(&self.word)
    }
}
