//! Where input comes from: paths of the command line, read file by file.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use upgrade_gate_core::GroupResource;
use upgrade_gate_snapshot::{Builder, Snapshot, Wanted};
use walkdir::WalkDir;

use crate::error::Error;

/// Reads every source. What is inside a directory and cannot be read is part of the snapshot's
/// report; a source that cannot be opened ends the run.
pub(crate) fn read(sources: &[PathBuf], wanted: Wanted, assumed: &[GroupResource]) -> Result<Snapshot, Error> {
    let mut builder = Builder::new(wanted);
    for resource in assumed {
        builder.assume_captured(resource.clone());
    }
    for path in sources {
        builder.source(&shown(path));
        read_source(path, &mut builder).map_err(|error| Error::Source { path: path.clone(), error })?;
    }
    Ok(builder.finish())
}

fn read_source(path: &Path, builder: &mut Builder) -> io::Result<()> {
    if path == Path::new("-") {
        builder.read("-", io::stdin().lock());
    } else if path.metadata()?.is_dir() {
        path.read_dir()?;
        read_directory(path, builder);
    } else {
        builder.read(&shown(path), File::open(path)?);
    }
    Ok(())
}

/// In the order of names, so that a report does not depend on the file system. Links are followed,
/// as in a mounted ConfigMap; a link to a folder above itself is an entry that cannot be read.
fn read_directory(path: &Path, builder: &mut Builder) {
    for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_file() => match File::open(entry.path()) {
                Ok(file) => builder.read(&shown(entry.path()), file),
                Err(error) => builder.unreadable(&shown(entry.path()), &error),
            },
            Ok(_) => {}
            Err(error) => {
                let place = error.path().map_or_else(|| shown(path), shown);
                if error.loop_ancestor().is_some() {
                    builder.link_cycle(&place);
                } else if error.path().is_some_and(Path::is_dir) {
                    builder.unreadable_folder(&place, &error.into());
                } else {
                    builder.unreadable(&place, &error.into());
                }
            }
        }
    }
}

/// With `/` between the parts, whatever the system.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' { text.into_owned() } else { text.replace(std::path::MAIN_SEPARATOR, "/") }
}
