//! Zip files byte by byte, as no honest program writes them.

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};

/// A member, as its headers have it.
#[derive(Clone)]
pub struct Member {
    pub name: Vec<u8>,
    /// As it is packed.
    pub data: Vec<u8>,
    pub size: u32,
    pub crc: u32,
    pub method: u16,
    pub flags: u16,
    /// Of Unix, in the upper half.
    pub attributes: u32,
    /// Where it was made: 3 is Unix.
    pub system: u8,
    pub extra: Vec<u8>,
}

/// Sizes and CRC come after the data.
pub const DESCRIPTOR: u16 = 8;

pub const ENCRYPTED: u16 = 1;

/// The type of a mode.
pub const SYMLINK: u32 = 0o120_777 << 16;

pub fn stored(name: &str, content: &[u8]) -> Member {
    let mut crc = Crc::new();
    crc.update(content);
    Member {
        name: name.into(),
        data: content.to_vec(),
        size: u32::try_from(content.len()).unwrap(),
        crc: crc.sum(),
        method: 0,
        flags: 0,
        attributes: 0,
        system: 3,
        extra: Vec::new(),
    }
}

pub fn deflated(name: &str, content: &[u8]) -> Member {
    let mut writer = DeflateEncoder::new(Vec::new(), Compression::best());
    writer.write_all(content).unwrap();
    Member { data: writer.finish().unwrap(), method: 8, ..stored(name, content) }
}

/// Source: APPNOTE.TXT 6.3.10.
pub fn zip(members: &[Member]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let offset = file.len();
        local(&mut file, member);
        entry(&mut directory, member, offset);
    }
    end(file, &directory, members.len())
}

pub fn local(file: &mut Vec<u8>, member: &Member) {
    let is_after = member.flags & DESCRIPTOR != 0;
    file.extend(b"PK\x03\x04\x14\0");
    common(file, member, if is_after { [0; 3] } else { numbers(member) });
    file.extend(u16::try_from(member.extra.len()).unwrap().to_le_bytes());
    file.extend(&member.name);
    file.extend(&member.extra);
    file.extend(&member.data);
    if is_after {
        file.extend(b"PK\x07\x08");
        numbers(member).iter().for_each(|number| file.extend(number.to_le_bytes()));
    }
}

pub fn entry(directory: &mut Vec<u8>, member: &Member, offset: usize) {
    directory.extend([b"PK\x01\x02\x14".as_slice(), &[member.system], b"\x14\0"].concat());
    common(directory, member, numbers(member));
    directory.extend(u16::try_from(member.extra.len()).unwrap().to_le_bytes());
    directory.extend([0; 6]);
    directory.extend(member.attributes.to_le_bytes());
    directory.extend(u32::try_from(offset).unwrap().to_le_bytes());
    directory.extend(&member.name);
    directory.extend(&member.extra);
}

pub fn end(file: Vec<u8>, directory: &[u8], count: usize) -> Vec<u8> {
    end_with(file, directory, count, b"")
}

/// With something between the directory and its end.
pub fn end_with(mut file: Vec<u8>, directory: &[u8], count: usize, between: &[u8]) -> Vec<u8> {
    let [size, offset] = [directory.len(), file.len()].map(|number| u32::try_from(number).unwrap().to_le_bytes());
    let count = u16::try_from(count).unwrap().to_le_bytes();
    file.extend(directory);
    file.extend(between);
    file.extend([b"PK\x05\x06\0\0\0\0".as_slice(), &count, &count, &size, &offset, b"\0\0"].concat());
    file
}

/// CRC, packed size, size.
fn numbers(member: &Member) -> [u32; 3] {
    [member.crc, u32::try_from(member.data.len()).unwrap(), member.size]
}

/// What both headers have: flags, method, time, numbers, and the length of the name.
fn common(header: &mut Vec<u8>, member: &Member, numbers: [u32; 3]) {
    header.extend(member.flags.to_le_bytes());
    header.extend(member.method.to_le_bytes());
    header.extend([0; 4]);
    numbers.iter().for_each(|number| header.extend(number.to_le_bytes()));
    header.extend(u16::try_from(member.name.len()).unwrap().to_le_bytes());
}
