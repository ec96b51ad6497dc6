//! Archives that are anything, or were packed and then damaged, alone or in another archive: no panic, little memory,
//! and no object that the intact archive does not have.

#![no_main]

use std::{collections::BTreeSet, io::Write};

use bzip2::write::BzEncoder;
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder},
};
use libfuzzer_sys::fuzz_target;
use lzma_rust2::{XzOptions, XzWriter};
use rawzip::{CompressionMethod, ZipArchiveWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use upgrade_gate_fuzz::reading::{expand, read, read_file, says_lost};
use upgrade_gate_snapshot::Snapshot;

/// Begins each member.
const MEMBER: u8 = 0x1c;

/// A member of this content is an object whose name cannot be cut without breaking it.
const OBJECT: u8 = b'!';

/// By its letter, the end of a member's name.
const ENDS: [&str; 6] = [".json", ".yaml", ".log", "", "/nodemaintenances.json", ".json.gz"];

/// A member of this content is a link to what follows.
const LINK: u8 = b'@';

const TAR_HEADER: usize = 512;

/// How it is packed, the damages, and the members: a letter of the name, and the content.
struct Input<'b> {
    packing: u8,
    /// Whether it is in another archive, and in which.
    outer: u8,
    damages: Vec<[u8; 4]>,
    members: Vec<(String, Vec<u8>)>,
    /// Whether all members are objects or nothing.
    is_known: bool,
    raw: &'b [u8],
}

impl<'b> Input<'b> {
    fn new(bytes: &'b [u8]) -> Option<Self> {
        let ([packing, count], raw) = bytes.split_first_chunk()?;
        let (damages, members) = raw.split_at_checked(usize::from(*count) * 4).unwrap_or((&[], raw));
        let members: Vec<_> = members.split(|byte| *byte == MEMBER).filter_map(<[u8]>::split_first).take(8).collect();
        let name = |letter: &u8| format!("x/{}{}", char::from(b'a' + letter % 26), ENDS[usize::from(*letter) % 6]);
        let content = |content: &[u8]| match content {
            [OBJECT, number, ..] => object(*number),
            _ => expand(content),
        };
        let is_known = members.iter().all(|(_, content)| content.first().is_none_or(|byte| *byte == OBJECT));
        let members = members.into_iter().map(|(letter, text)| (name(letter), content(text))).collect();
        Some(Self {
            packing: packing % 9,
            outer: packing / 9 % 6,
            damages: damages.as_chunks().0.to_vec(),
            members,
            is_known,
            raw,
        })
    }

    /// The archive, with the damages that are to be done before it is packed and after, in another one.
    fn archive(&self, damages: &[[u8; 4]]) -> Vec<u8> {
        let inner = self.alone(damages);
        let member = [("x/mg".to_owned(), inner)];
        match self.outer {
            1 => tar(&member, &[]),
            2 => gzip(&tar(&member, &[])),
            3 => zip(&member, CompressionMethod::STORE),
            // Two levels deep.
            4 => tar(&[("y".to_owned(), tar(&member, &[]))], &[]),
            _ => {
                let [(_, inner)] = member;
                inner
            }
        }
    }

    fn alone(&self, damages: &[[u8; 4]]) -> Vec<u8> {
        let (inner, outer): (Vec<_>, Vec<_>) = damages.iter().partition(|damage| damage[3] & 1 == 0);
        let tar = || tar(&self.members, &inner);
        let mut archive = match self.packing {
            0 => return self.raw.to_vec(),
            1 => return tar(),
            2 => gzip(&tar()),
            3 => compress_to_vec(&*tar(), CompressionLevel::Fastest),
            4 => xz(&tar()),
            5 => zip(&self.members, CompressionMethod::STORE),
            6 => zip(&self.members, CompressionMethod::DEFLATE),
            7 => bzip2(&tar()),
            _ => self.members.iter().flat_map(|(_, content)| gzip(content)).collect(),
        };
        for [low, high, value, how] in outer {
            let place = usize::from(u16::from_le_bytes([low, high])) % archive.len().max(1);
            match (archive.get_mut(place), how & 6) {
                (_, 6) => archive.truncate(place),
                (Some(byte), 4) => *byte ^= value,
                (Some(byte), _) => *byte = value,
                (None, _) => {}
            }
        }
        archive
    }
}

fn object(number: u8) -> Vec<u8> {
    let name = format!("nm-{}", number % 10);
    let head = r#""apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenance""#;
    format!(r#"{{{head}, "metadata": {{"name": "{name}"}}, "x": "{}"}}"#, "x".repeat(number.into())).into_bytes()
}

/// Damages are done to headers only: nothing guards the content.
fn tar(members: &[(String, Vec<u8>)], damages: &[[u8; 4]]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (index, (name, content)) in members.iter().enumerate() {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        let target = content.strip_prefix(&[LINK]).filter(|target| target.len() < 100);
        if let Some(target) = target {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
        }
        let content = if target.is_some() { &[] } else { content.as_slice() };
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        for [low, high, value, how] in damages {
            let place = usize::from(u16::from_le_bytes([*low, *high]));
            if place / TAR_HEADER % members.len() == index {
                header.as_mut_bytes()[place % TAR_HEADER] = *value;
                if how & 2 == 0 {
                    header.set_cksum();
                }
            }
        }
        tar.append(&header, content).expect("memory");
    }
    tar.into_inner().expect("memory")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(0)).expect("a preset");
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

fn zip(members: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for (name, content) in members {
        let (mut member, config) = archive.new_file(name).compression_method(method).start().expect("a name");
        if method == CompressionMethod::STORE {
            let mut writer = config.wrap(&mut member);
            writer.write_all(content).expect("memory");
            let (_, descriptor) = writer.finish().expect("memory");
            member.finish(descriptor).expect("memory");
        } else {
            let mut writer = config.wrap(DeflateEncoder::new(&mut member, Compression::fast()));
            writer.write_all(content).expect("memory");
            let (encoder, descriptor) = writer.finish().expect("memory");
            encoder.finish().expect("memory");
            member.finish(descriptor).expect("memory");
        }
    }
    archive.finish().expect("memory");
    bytes
}

fn names(snapshot: &Snapshot) -> BTreeSet<&str> {
    snapshot.objects().map(|object| object.name.as_str()).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let Some(input) = Input::new(bytes) else { return };
    let archive = input.archive(&input.damages);
    let stream = read("a.archive", archive.as_slice());
    let file = read_file("a.archive", &archive);
    assert_eq!(names(&stream), names(&file));
    assert_eq!(stream.skipped(), file.skipped());

    if input.is_known && input.packing > 0 {
        let intact = read("a.archive", input.archive(&[]).as_slice());
        // A checksum comes after what was read.
        assert!(names(&stream).is_subset(&names(&intact)) || says_lost(&stream));
        let fewer = names(&stream).len() < names(&intact).len();
        let is_packed = input.packing > 1 && input.damages.iter().all(|damage| damage[3] & 1 == 1);
        // Whatever is wrong with a packed file is seen.
        // Without its first bytes it is no archive, but nothing else either.
        let is_said = !stream.skipped().is_empty() || stream.sources().iter().all(|source| source.documents == 0);
        assert!(!fewer || !is_packed || is_said, "lost in silence");
    }
});
