//! How far reading has come, for whoever waits for it.

use std::{
    cell::Cell,
    io::{self, Read},
    sync::atomic::{AtomicU64, Ordering},
};

/// Counts while sources are read.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    documents: AtomicU64,
}

impl Progress {
    /// Bytes read; inside archives, after unpacking.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Kubernetes documents and items of lists, wanted or not.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.documents.load(Ordering::Relaxed)
    }

    pub(crate) fn add_bytes(&self, count: usize) {
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_document(&self) {
        self.documents.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts what is read of one file.
pub(crate) struct Counted<'r> {
    pub(crate) inner: &'r mut dyn Read,
    pub(crate) count: &'r Cell<u64>,
    pub(crate) progress: Option<&'r Progress>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        if let Some(progress) = self.progress {
            progress.add_bytes(read);
        }
        Ok(read)
    }
}
