//! What was read of a cluster, as files that `check` judges the same.

use std::{
    convert::Infallible,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use tempfile::NamedTempFile;
use upgrade_gate_core::GroupResource;

use crate::{error::Error, record};

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Save {
    /// One file of all lists: what ends in `.json`.
    File(PathBuf),
    /// A folder that does not exist yet, or is empty, with a file for each list.
    Folder(PathBuf),
}

impl FromStr for Save {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let is_file = text.ends_with(".json");
        Ok(if is_file { Self::File(text.into()) } else { Self::Folder(text.into()) })
    }
}

impl Save {
    /// Secrets are not saved, whatever policy asks for them.
    pub(super) fn takes(resource: &GroupResource) -> bool {
        !(resource.group.is_empty() && resource.resource == "secrets")
    }

    /// # Errors
    /// [`Error::Save`]
    pub(super) fn begin(&self) -> Result<Saving<'_>, Error> {
        match self {
            Self::File(path) => NamedTempFile::new_in(folder_of(path)).map(|file| Saving::File(path, file)),
            Self::Folder(path) => new_folder(path).map(|()| Saving::Folder(path)),
        }
        .map_err(|error| failed(self.path(), error))
    }

    fn path(&self) -> &Path {
        let (Self::File(path) | Self::Folder(path)) = self;
        path
    }
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::Save { path: path.into(), error }
}

/// Lists that are being saved.
pub(super) enum Saving<'s> {
    /// All in one, which only its owner can read. What was there stays until this is whole.
    File(&'s Path, NamedTempFile),
    /// Each in its own.
    Folder(&'s Path),
}

impl Saving<'_> {
    /// Where the list goes as it is read.
    ///
    /// # Errors
    /// [`Error::Save`]
    pub(super) fn list<R: Read>(&self, resource: &GroupResource, list: R) -> Result<Copied<R>, Error> {
        let file = match self {
            Self::File(_, file) => file.as_file().try_clone(),
            Self::Folder(path) => create(&path.join(file_of(resource))),
        };
        let file = file.map_err(|error| failed(self.path(), error))?;
        Ok(Copied { list, to: BufWriter::new(file), outcome: Ok(()) })
    }

    /// The rest of the list.
    ///
    /// # Errors
    /// [`Error::Save`]
    pub(super) fn rest<R: Read>(&self, mut list: Copied<R>) -> Result<R, Error> {
        let saved = io::copy(&mut list, &mut io::sink());
        let Copied { list, mut to, outcome } = list;
        saved.and(outcome).and_then(|()| to.flush()).map_err(|error| failed(self.path(), error))?;
        Ok(list)
    }

    /// That the list is whole, and what it is a list of: the last thing that is written of it.
    ///
    /// # Errors
    /// [`Error::Save`]
    pub(super) fn record(&self, resource: &GroupResource, asked: &str) -> Result<(), Error> {
        let write = |mut to: &File, file: Option<&str>| to.write_all(record::line(file, asked).as_bytes());
        match self {
            Self::File(_, file) => write(file.as_file(), None),
            Self::Folder(path) => {
                let records = OpenOptions::new().append(true).create(true).mode(0o600).open(path.join(record::FILE));
                records.and_then(|records| write(&records, Some(&file_of(resource))))
            }
        }
        .map_err(|error| failed(self.path(), error))
    }

    /// All lists are there.
    ///
    /// # Errors
    /// [`Error::Save`]
    pub(super) fn finish(self) -> Result<(), Error> {
        if let Self::File(path, file) = self {
            file.persist(path).map_err(|error| failed(path, error.error))?;
        }
        Ok(())
    }

    fn path(&self) -> &Path {
        let (Self::File(path, _) | Self::Folder(path)) = self;
        path
    }
}

/// A list that is written to a file while it is read.
pub(super) struct Copied<R> {
    list: R,
    to: BufWriter<File>,
    outcome: io::Result<()>,
}

impl<R: Read> Read for Copied<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.list.read(buffer)?;
        if self.outcome.is_ok() {
            self.outcome = self.to.write_all(buffer.get(..count).unwrap_or_default());
        }
        Ok(count)
    }
}

fn file_of(resource: &GroupResource) -> String {
    format!("{resource}.json")
}

/// Only its owner can read it.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// What an earlier run left would be judged as well.
fn new_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            let is_empty = fs::read_dir(path)?.next().is_none();
            if is_empty { Ok(()) } else { Err(io::Error::other("it is not empty")) }
        }
        outcome => outcome,
    }
}
