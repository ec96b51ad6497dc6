//! Links in an archive: where they lead, as if it were unpacked into a folder. Members come one after the other, so
//! what a link may lead to is remembered until the last one was read.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use crate::flaw::{Flaw, MAX_KEPT};

/// Maximum number of members, and folders above them, that are known; a link to what is beyond leads nowhere.
const MAX_KNOWN: usize = 10_000_000;

/// Maximum number of folders above a member that are known: paths that are longer are an attack.
const MAX_DEPTH: usize = 64;

/// Maximum number of links that are followed one after the other; what is beyond leads nowhere.
///
/// Source: Linux, `MAXSYMLINKS` of `include/linux/namei.h`.
const MAX_HOPS: usize = 40;

/// The members of one archive, as links see them. Paths have no `.` and `..` in them.
#[derive(Default)]
pub(crate) struct Links {
    /// The hashes of members and folders: a path may be long, and there may be millions.
    known: BTreeSet<u64>,
    /// The same of folders below which something is not kept.
    unkept: BTreeSet<u64>,
    /// Small members in which there was something.
    kept: BTreeMap<String, Vec<u8>>,
    /// Where each link leads.
    links: BTreeMap<String, String>,
    /// Of what is kept, and of links.
    bytes: usize,
}

/// What a link leads to.
pub(crate) enum End<'l> {
    Nowhere,
    /// A folder above it, or one to which another link leads.
    Again,
    /// A folder: what of it is kept, by paths below it, and whether that is all.
    Folder(Vec<(&'l str, &'l [u8])>, bool),
    /// A member that is kept.
    Member(&'l [u8]),
    /// One that is not, and its path.
    Unkept(String),
}

impl Links {
    /// A folder, which need not be there for a member to be in it.
    pub(crate) fn folder(&mut self, name: &str) {
        if let Some(path) = inside("", name) {
            self.know(&path);
        }
    }

    /// A member that is not kept.
    pub(crate) fn add(&mut self, name: &str) {
        let Some(path) = inside("", name) else { return };
        self.know(&path);
        if self.unkept.len() < MAX_KNOWN {
            self.unkept.extend(folders_of(&path).map(hash));
        }
    }

    /// A member that was read, where there is room for it.
    pub(crate) fn keep(&mut self, name: &str, content: Vec<u8>) {
        let Some(path) = inside("", name) else { return };
        if self.bytes + path.len() + content.len() > MAX_KEPT {
            return self.add(name);
        }
        self.know(&path);
        self.bytes += path.len() + content.len();
        // A member that is there twice is the last one once it is unpacked.
        self.kept.insert(path, content);
    }

    fn know(&mut self, path: &str) {
        if self.known.len() < MAX_KNOWN {
            self.known.extend(folders_of(path).map(hash));
            self.known.insert(hash(path));
        }
    }

    /// A link at `name`; the target of a symbolic one is read from the folder that it is in.
    ///
    /// # Errors
    /// [`Flaw::LinkOut`], or [`Flaw::LinkUnkept`] where there are too many links.
    pub(crate) fn link(&mut self, name: &str, target: &str, is_symbolic: bool) -> Result<(), Flaw> {
        let folder = name.rsplit_once('/').filter(|_| is_symbolic).map_or("", |(folder, _)| folder);
        let out = target.starts_with('/');
        let Some(target) = inside(folder, target).filter(|_| !out) else { return Err(Flaw::LinkOut) };
        let Some(path) = inside("", name) else { return Err(Flaw::LinkOut) };
        if self.bytes + path.len() + target.len() > MAX_KEPT {
            return Err(Flaw::LinkUnkept);
        }
        self.bytes += path.len() + target.len();
        self.known.extend(folders_of(&path).map(hash));
        self.links.insert(path, target);
        Ok(())
    }

    /// Where each link leads, in the order of their paths.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (&str, End<'_>)> {
        let mut followed = BTreeSet::new();
        self.links.keys().map(move |link| (link.as_str(), self.end(link, &mut followed)))
    }

    fn end(&self, link: &str, followed: &mut BTreeSet<String>) -> End<'_> {
        let Some(path) = self.resolve(link) else { return End::Nowhere };
        if let Some(content) = self.kept.get(&path) {
            return End::Member(content);
        }
        let below = format!("{path}/");
        if path.is_empty() || link.starts_with(&below) {
            return End::Again;
        }
        let kept = self.kept.range(below.clone()..).take_while(|(path, _)| path.starts_with(&below));
        let kept = kept.filter_map(|(path, content)| Some((path.strip_prefix(&below)?, content.as_slice())));
        let (kept, is_whole): (Vec<_>, _) = (kept.collect(), !self.unkept.contains(&hash(&path)));
        match (kept.is_empty(), is_whole) {
            (true, true) => End::Unkept(path),
            _ if followed.insert(path) => End::Folder(kept, is_whole),
            _ => End::Again,
        }
    }

    /// The member or the folder that a path is, through other links, or nothing.
    fn resolve(&self, link: &str) -> Option<String> {
        let mut path = link.to_owned();
        for _ in 0..MAX_HOPS {
            let through = folders_of(&path).chain([path.as_str()]).find_map(|part| Some((part, self.links.get(part)?)));
            match through {
                None => return (path.is_empty() || self.known.contains(&hash(&path))).then_some(path),
                Some((part, target)) => {
                    let rest = path.strip_prefix(part).unwrap_or_default();
                    path = inside(target, rest)?;
                }
            }
        }
        None
    }
}

/// The folders that a path lies in, from the outermost one on.
fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').take(MAX_DEPTH).filter_map(|(end, _)| path.get(..end))
}

/// A path without `.` and `..`, from a folder on; nothing where it leads out of the archive.
fn inside(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The same for the same path in one run, and nothing else follows from it.
fn hash(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}
