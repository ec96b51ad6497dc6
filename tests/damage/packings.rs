//! The files of a source, packed in every way in which people send them.

use std::io::Write;

use bzip2::write::BzEncoder;
use flate2::{Compression, write::DeflateEncoder};
use lzma_rust2::{XzOptions, XzWriter};
use rawzip::{CompressionMethod, ZipArchiveWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::{damages::gzip, layouts::File};

/// What lies in a folder instead of the files.
pub struct Packing {
    pub name: &'static str,
    pub pack: fn(&[File]) -> Vec<Entry>,
}

impl Packing {
    /// The one file that is all.
    pub fn archive(&self, files: &[File]) -> Option<Vec<u8>> {
        let mut entries = (self.pack)(files);
        let entry = entries.pop().filter(|_| entries.is_empty())?;
        if let Content::Bytes(bytes) = entry.content { Some(bytes) } else { None }
    }
}

/// A path and what is there.
pub struct Entry {
    pub path: String,
    pub content: Content,
}

pub enum Content {
    Bytes(Vec<u8>),
    /// A link to a path from the folder that it is in.
    Link(String),
}

pub const PACKINGS: [Packing; 17] = [
    Packing { name: "a folder", pack: |files| each(files, |file| (file.path.clone(), file.content.clone())) },
    Packing { name: "tar", pack: |files| one("a.tar", tar(files)) },
    Packing { name: "tar of another name", pack: |files| one("download", tar(files)) },
    Packing { name: "tar.gz", pack: |files| one("a.tar.gz", gzip(&tar(files))) },
    Packing { name: "tar.zst", pack: |files| one("a.tar.zst", zstd(&tar(files))) },
    Packing { name: "tar.xz", pack: |files| one("a.tar.xz", xz(&tar(files))) },
    Packing { name: "tar.bz2", pack: |files| one("a.tar.bz2", bzip2(&tar(files))) },
    Packing { name: "gzip members", pack: |files| one("a.tgz", in_members(&tar(files))) },
    Packing { name: "zip", pack: |files| one("a.zip", zip(files, CompressionMethod::DEFLATE)) },
    Packing { name: "zip, stored", pack: |files| one("a.zip", zip(files, CompressionMethod::STORE)) },
    Packing { name: "zip with backslashes", pack: |files| one("a.zip", with_backslashes(files)) },
    Packing {
        name: "gzip at its place",
        pack: |files| each(files, |file| (format!("{}.gz", file.path), gzip(&file.content))),
    },
    Packing { name: "gzip in a tar", pack: |files| one("a.tar", tar(&in_place(files))) },
    Packing {
        name: "tar.gz in a zip",
        pack: |files| one("a.zip", zip(&inner("x.tar.gz", gzip(&tar(files))), CompressionMethod::STORE)),
    },
    Packing {
        name: "zip in a tar.gz",
        pack: |files| one("a.tgz", gzip(&tar(&inner("x.zip", zip(files, CompressionMethod::DEFLATE))))),
    },
    Packing { name: "links", pack: linked },
    Packing { name: "a folder that is a link", pack: linked_folder },
];

fn one(path: &str, bytes: Vec<u8>) -> Vec<Entry> {
    vec![Entry { path: path.into(), content: Content::Bytes(bytes) }]
}

fn each(files: &[File], entry: impl Fn(&File) -> (String, Vec<u8>)) -> Vec<Entry> {
    let entries = files.iter().map(entry);
    entries.map(|(path, content)| Entry { path, content: Content::Bytes(content) }).collect()
}

fn inner(path: &str, content: Vec<u8>) -> Vec<File> {
    vec![File { path: path.into(), content, kind: "", decides: false }]
}

/// Each file packed alone.
fn in_place(files: &[File]) -> Vec<File> {
    let packed = |file: &File| File { path: format!("{}.gz", file.path), content: gzip(&file.content), ..file.clone() };
    files.iter().map(packed).collect()
}

/// Files of which none is named as what it is, and links to them.
fn linked(files: &[File]) -> Vec<Entry> {
    let stored = files.iter().enumerate().flat_map(|(number, file)| {
        let up = "../".repeat(file.path.matches('/').count());
        let name = format!("store/{number}");
        let link = Entry { path: file.path.clone(), content: Content::Link(format!("{up}{name}")) };
        [Entry { path: name, content: Content::Bytes(file.content.clone()) }, link]
    });
    stored.collect()
}

/// As in a mounted ConfigMap.
fn linked_folder(files: &[File]) -> Vec<Entry> {
    let mut entries = each(files, |file| (format!("..2026/{}", file.path), file.content.clone()));
    entries.push(Entry { path: "..data".into(), content: Content::Link("..2026".into()) });
    entries
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(0)).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn in_members(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(bytes.len() / 3 + 1).flat_map(gzip).collect()
}

pub fn tar(files: &[File]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, &file.path, file.content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

pub fn zip(files: &[File], method: CompressionMethod) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for file in files {
        let (mut member, config) = archive.new_file(&file.path).compression_method(method).start().unwrap();
        if method == CompressionMethod::STORE {
            let mut writer = config.wrap(&mut member);
            writer.write_all(&file.content).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            member.finish(descriptor).unwrap();
        } else {
            let mut writer = config.wrap(DeflateEncoder::new(&mut member, Compression::fast()));
            writer.write_all(&file.content).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            member.finish(descriptor).unwrap();
        }
    }
    archive.finish().unwrap();
    bytes
}

/// As some programs for Windows write it; the crate does not.
fn with_backslashes(files: &[File]) -> Vec<u8> {
    let mut bytes = zip(files, CompressionMethod::DEFLATE);
    for file in files {
        let (path, name) = (file.path.as_bytes(), file.path.replace('/', "\\"));
        let places: Vec<usize> =
            bytes.windows(path.len()).enumerate().filter(|(_, part)| *part == path).map(|(place, _)| place).collect();
        places.iter().for_each(|place| bytes[*place..place + path.len()].copy_from_slice(name.as_bytes()));
    }
    bytes
}
