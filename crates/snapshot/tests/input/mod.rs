//! Input as tests make it up, and what became of it.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "shared by tests, each of which uses a part"
)]

pub mod zip;

use std::io::{self, Read, Seek, SeekFrom, Write};

use bzip2::write::BzEncoder;
use flate2::{Compression, write::GzEncoder};
use lzma_rust2::{XzOptions, XzWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use upgrade_gate_core::{HYPERCONVERGED, NODE_MAINTENANCE};
use upgrade_gate_snapshot::{Builder, Kind, Snapshot, Wanted};

pub const HEAD: &str = r#""apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenance""#;
pub const YAML_HEAD: &str = "apiVersion: nodemaintenance.kubevirt.io/v1beta1\nkind: NodeMaintenance\n";

/// Member of an archive or nothing, line, reason, and whether it may have been an object that a policy wants.
pub type Loss = (String, usize, String, bool);

pub fn builder() -> Builder {
    let mut wanted = Wanted::default();
    for kind in [NODE_MAINTENANCE, HYPERCONVERGED] {
        wanted.add_kind(Kind::new(kind.api_version, kind.kind));
    }
    let mut builder = Builder::new(wanted);
    builder.source("source");
    builder
}

pub fn json(name: &str) -> String {
    format!(r#"{{{HEAD}, "metadata": {{"name": "{name}", "resourceVersion": "1"}}}}"#)
}

pub fn yaml(name: &str) -> String {
    format!("{YAML_HEAD}metadata:\n  name: {name}\n  resourceVersion: \"1\"\n")
}

/// Names of what was kept, and what was not.
pub fn found(builder: Builder) -> (Vec<String>, Vec<Loss>) {
    let snapshot = builder.finish();
    (names(&snapshot), losses(&snapshot))
}

pub fn names(snapshot: &Snapshot) -> Vec<String> {
    snapshot.objects().map(|object| object.name.clone()).collect()
}

pub fn losses(snapshot: &Snapshot) -> Vec<Loss> {
    let loss = |skipped: &upgrade_gate_snapshot::Skipped| {
        let member = skipped.origin.member.as_deref().unwrap_or_default();
        (member.to_owned(), skipped.origin.line, skipped.reason(), skipped.matters)
    };
    snapshot.skipped().iter().map(loss).collect()
}

pub fn read(path: &str, bytes: &[u8]) -> (Vec<String>, Vec<Loss>) {
    let mut builder = builder();
    builder.read(path, bytes);
    found(builder)
}

/// As a file that can be read twice.
pub fn read_file(path: &str, file: impl Read + Seek + Send) -> (Vec<String>, Vec<Loss>) {
    let mut builder = builder();
    builder.read_files(vec![(path.to_owned(), || Ok(file))]);
    found(builder)
}

/// A file that is made up while it is read: each part so many times.
#[derive(Clone)]
pub struct Made {
    parts: Vec<(Vec<u8>, u64)>,
    position: u64,
}

impl Made {
    pub fn new(parts: &[(&str, u64)]) -> Self {
        let parts = parts.iter().map(|(part, times)| (part.as_bytes().to_vec(), *times)).collect();
        Self { parts, position: 0 }
    }

    fn size(&self) -> u64 {
        self.parts.iter().map(|(part, times)| part.len() as u64 * times).sum()
    }
}

impl Read for Made {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut start = 0;
        for (part, times) in &self.parts {
            let size = part.len() as u64 * times;
            if self.position < start + size {
                let offset = usize::try_from((self.position - start) % part.len() as u64).unwrap();
                let read = part.get(offset..).unwrap().read(buffer)?;
                self.position += read as u64;
                return Ok(read);
            }
            start += size;
        }
        Ok(0)
    }
}

impl Seek for Made {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(distance) => self.size().strict_add_signed(distance),
            SeekFrom::Current(distance) => self.position.strict_add_signed(distance),
        };
        Ok(self.position)
    }
}

/// Gives what it has, then fails as a disk does.
pub struct Failing<R>(pub R);

impl<R: Read> Read for Failing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::from_raw_os_error(5)),
            read => Ok(read),
        }
    }
}

/// Gives a few bytes at a time.
pub struct Slow<'t>(pub &'t [u8], pub usize);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(buffer.len());
        self.0.read(buffer.get_mut(..count).unwrap())
    }
}

pub type Pack = fn(&[u8]) -> Vec<u8>;

pub const PACKINGS: [(&str, Pack); 4] = [("gz", gzip), ("zst", zstd), ("xz", xz), ("bz2", bzip2)];

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub fn header(kind: tar::EntryType, name: &[u8], size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    // Not by `set_path`, which takes no hostile name.
    header.as_old_mut().name.get_mut(..name.len()).unwrap().copy_from_slice(name);
    header.set_cksum();
    header
}

/// A member with everything that belongs to it.
pub fn of(header: &tar::Header, content: &[u8]) -> Vec<u8> {
    let padding = vec![0; content.len().next_multiple_of(512) - content.len()];
    [header.as_bytes(), content, &padding].concat()
}

/// GNU's sparse file: a hole of so many bytes, and then the content.
pub fn sparse(name: &str, hole: u64, content: &[u8]) -> Vec<u8> {
    let mut header = header(tar::EntryType::GNUSparse, name.as_bytes(), content.len() as u64);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.set_real_size(hole + content.len() as u64);
    // Numbers of eight bytes, as GNU writes them where octal digits do not do.
    gnu.sparse[0].offset[0] = 0x80;
    gnu.sparse[0].offset[4..].copy_from_slice(&hole.to_be_bytes());
    gnu.sparse[0].numbytes.copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header.set_cksum();
    of(&header, content)
}

pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        builder.append(&header(tar::EntryType::Regular, name.as_bytes(), content.len() as u64), *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Names that are kept, and losses: member, line, reason, and whether it matters.
#[track_caller]
pub fn assert_found(
    name: &str,
    (kept, lost): (Vec<String>, Vec<Loss>),
    expected: &[&str],
    losses: &[(&str, usize, &str, bool)],
) {
    assert_eq!(kept, expected, "{name}: {lost:?}");
    let lost: Vec<_> = lost.iter().map(|(m, line, reason, matters)| (&**m, *line, &**reason, *matters)).collect();
    assert_eq!(lost, losses, "{name}");
}

/// Whether nothing is lost of these objects, or something is said to be.
pub fn is_said((kept, lost): &(Vec<String>, Vec<Loss>), all: &[&str]) -> bool {
    kept == all || lost.iter().any(|(_, _, _, matters)| *matters)
}
