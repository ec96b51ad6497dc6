//! Where input comes from: paths of the command line, read file by file.

use std::{
    collections::BTreeSet,
    fs::File,
    io, mem,
    path::{Path, PathBuf},
};

use upgrade_gate_snapshot::{Builder, Flaw, Snapshot, Wanted};
use walkdir::{DirEntry, WalkDir};

use crate::error::Error;

/// Reads manifests: the same object may be in several of them, and each is applied.
pub(crate) fn read_apart(sources: &[PathBuf], wanted: Wanted) -> Result<Snapshot, Error> {
    let mut builder = Builder::new(wanted);
    builder.keep_each();
    read(sources, builder)
}

/// Reads every source. What is inside a directory and cannot be read is part of the snapshot's
/// report; a source that cannot be opened ends the run.
pub(crate) fn read(sources: &[PathBuf], mut builder: Builder) -> Result<Snapshot, Error> {
    for path in sources {
        builder.source(&shown(path));
        read_source(path, &mut builder).map_err(|error| Error::Source { path: path.clone(), error })?;
    }
    Ok(builder.finish())
}

fn read_source(path: &Path, builder: &mut Builder) -> io::Result<()> {
    if path == Path::new("-") {
        builder.read("-", io::stdin());
        return Ok(());
    }
    let kind = path.metadata()?.file_type();
    if kind.is_dir() {
        path.read_dir()?;
        read_directory(path, builder)?;
    } else if kind.is_file() {
        let file = File::open(path)?;
        builder.read_files(vec![(shown(path), || Ok(file))]);
    } else {
        // A pipe that a shell made, as in `check <(zcat a.gz)`.
        builder.read(&shown(path), File::open(path)?);
    }
    Ok(())
}

/// Number of files that are handed over at once: enough for all cores, and few to remember.
const BATCH: usize = 500;

/// In the order of names, so that a report does not depend on the file system. Links are followed,
/// as in a mounted ConfigMap, but not to a place outside the source: it may come from anybody.
fn read_directory(path: &Path, builder: &mut Builder) -> io::Result<()> {
    let root = path.canonicalize()?;
    let mut followed = BTreeSet::new();
    let mut batch = Vec::new();
    let mut entries = WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => match refused_link(&entry, &root, &mut followed) {
                None if entry.file_type().is_file() => {
                    batch.push((shown(entry.path()), move || File::open(entry.path())));
                }
                None if entry.file_type().is_dir() => {}
                None => builder.no_file(&shown(entry.path())),
                Some(flaw) => {
                    builder.link(&shown(entry.path()), flaw);
                    if entry.file_type().is_dir() {
                        entries.skip_current_dir();
                    }
                }
            },
            Err(error) => {
                let place = error.path().map_or_else(|| shown(path), shown);
                if error.loop_ancestor().is_some() {
                    builder.link(&place, Flaw::LinkCycle);
                } else if error.path().is_some_and(is_dangling) {
                    builder.link(&place, Flaw::LinkNowhere);
                } else if error.path().is_some_and(Path::is_dir) {
                    builder.unreadable_folder(&place, &error.into());
                } else {
                    builder.unreadable(&place, &error.into());
                }
            }
        }
        if batch.len() == BATCH {
            builder.read_files(mem::take(&mut batch));
        }
    }
    builder.read_files(batch);
    Ok(())
}

/// Why a link is not followed, if so. A folder is once: links to links may make more paths than
/// there is time.
fn refused_link(entry: &DirEntry, root: &Path, followed: &mut BTreeSet<PathBuf>) -> Option<Flaw> {
    if entry.depth() == 0 || !entry.path_is_symlink() {
        return None;
    }
    match entry.path().canonicalize() {
        Ok(target) if target.starts_with(root) => {
            let again = entry.file_type().is_dir() && !followed.insert(target);
            again.then_some(Flaw::LinkCycle)
        }
        _ => Some(Flaw::LinkOut),
    }
}

fn is_dangling(path: &Path) -> bool {
    path.is_symlink() && path.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// With `/` between the parts, whatever the system.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' { text.into_owned() } else { text.replace(std::path::MAIN_SEPARATOR, "/") }
}
