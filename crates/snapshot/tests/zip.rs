//! Zip files: honest ones, cut off, corrupt, and meant to hurt.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod input;

use std::{io::Cursor, iter};

use flate2::{Compression, FlushCompress, write::DeflateEncoder};
use input::{
    Failing, Made, assert_found, builder, found, is_said, json, read, read_file, yaml,
    zip::{self, DESCRIPTOR, ENCRYPTED, Member, SYMLINK, deflated, entry, local, stored, zip},
};

use upgrade_gate_snapshot::Layout;

type Lost = (&'static str, usize, &'static str, bool);

const CORRUPT: &str = "cannot be read: invalid data";
const ENCRYPTED_WORDS: &str = "cannot be read: it is encrypted";
const METHOD: &str = "cannot be read: it is compressed by a method that is not known";
const LINK: &str = "is a link to a place outside the source: name that place as a source of its own";
const NOWHERE: &str = "is a link that leads nowhere";
const NO_FILE: &str = "is no plain file";
const TWICE: &str = "is described in two ways by its archive: other programs may read it differently";
const MORE: &str = "holds bytes that its directory does not account for, in which other programs may find more files";
const OVERLAP: &str = "its members overlap";

struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    kept: &'static [&'static str],
    lost: &'static [Lost],
}

fn case(name: &'static str, members: &[Member], kept: &'static [&'static str], lost: &'static [Lost]) -> Case {
    Case { name, bytes: zip(members), kept, lost }
}

fn member(name: &str) -> Member {
    deflated(name, json("a").as_bytes())
}

fn good() -> Member {
    stored("good.json", json("good").as_bytes())
}

fn link(name: &str, target: &str) -> Member {
    Member { attributes: SYMLINK, ..stored(name, target.as_bytes()) }
}

fn cases() -> Vec<Case> {
    let bytes = |name: &[u8]| Member { name: name.to_vec(), ..member("") };
    let twice = stored("a.json", json("b").as_bytes());
    let folder = Member { attributes: 0x10, ..stored("folder/", b"") };
    vec![
        case("an empty one", &[], &[], &[]),
        case("stored and deflated", &[member("a.json"), good()], &["a", "good"], &[]),
        case(
            "sizes behind the data",
            &[Member { flags: DESCRIPTOR, ..member("a.json") }, Member { flags: DESCRIPTOR, ..good() }],
            &["a", "good"],
            &[],
        ),
        case("a folder", &[folder, good()], &["good"], &[]),
        case("a folder that has content", &[member("folder/"), good()], &["a", "good"], &[]),
        case("a member twice: both are read", &[member("a.json"), twice], &["a", "b"], &[]),
        case("a name that leads out", &[member("../../a.json")], &["a"], &[]),
        case("a name from the root", &[member("/etc/a.json")], &["a"], &[]),
        case("a name of Windows", &[member("c:\\b\\a.json")], &["a"], &[]),
        case("a folder of Windows", &[stored("b\\", b""), member("b\\a.json")], &["a"], &[]),
        case("a name that is not UTF-8", &[bytes(b"\xff\xfe.json")], &["a"], &[]),
        case("a name of nothing", &[bytes(b"")], &["a"], &[]),
        case("a link inside", &[link("b/c", "../a.json"), member("a.json")], &["a"], &[]),
        case("a link to nothing", &[link("c.json", "a"), good()], &["good"], &[("c.json", 0, NOWHERE, true)]),
        case("a link of a log to nothing", &[link("c.log", "a"), good()], &["good"], &[("c.log", 0, NOWHERE, false)]),
        case(
            "a link that is an object where there are none",
            &[link("c", &yaml("a")), good()],
            &["good"],
            &[("c", 0, NO_FILE, true), ("c", 0, NOWHERE, false)],
        ),
        case("a link by its mode alone, of DOS", &[dos(link("c", &yaml("a")))], &["a"], &[]),
        case("a folder by its attributes alone", &[Member { attributes: 0x10, ..member("a.json") }], &["a"], &[]),
        case("a link out", &[link("b/c", "../../a.json"), good()], &["good"], &[("b/c", 0, LINK, true)]),
        case("a link to the root", &[link("c", "/etc/passwd"), good()], &["good"], &[("c", 0, LINK, true)]),
        case("another CRC", &[crc(member("a.json")), good()], &["good"], &[("a.json", 0, CORRUPT, true)]),
        case("another CRC of a log", &[crc(stored("a.log", b"x")), good()], &["good"], &[("a.log", 0, CORRUPT, false)]),
        case(
            "another size",
            &[Member { size: 7, ..member("a.json") }, good()],
            &["good"],
            &[("a.json", 0, CORRUPT, true)],
        ),
        case(
            "one that is encrypted",
            &[Member { flags: ENCRYPTED, ..member("a.json") }, good()],
            &["good"],
            &[("a.json", 0, ENCRYPTED_WORDS, true)],
        ),
        case(
            "a log that is encrypted, or is named as one",
            &[Member { flags: ENCRYPTED, ..stored("a.log", b"x") }, good()],
            &["good"],
            &[("a.log", 0, ENCRYPTED_WORDS, true)],
        ),
        case(
            "a method of others",
            &[Member { method: 12, ..member("a.json") }, good()],
            &["good"],
            &[("a.json", 0, METHOD, true)],
        ),
    ]
}

/// Made by a program of DOS, so its mode means nothing.
fn dos(member: Member) -> Member {
    Member { system: 0, ..member }
}

fn crc(member: Member) -> Member {
    Member { crc: !member.crc, ..member }
}

#[test]
fn what_is_in_a_zip_file_is_read_member_by_member() {
    for Case { name, bytes, kept, lost } in cases() {
        // Told by content: the name does not matter.
        for path in ["a.zip", "download", "a.tar.gz", "a.json"] {
            assert_found(name, read(path, &bytes), kept, lost);
            assert_found(name, read_file(path, Cursor::new(&bytes)), kept, lost);
        }
    }
}

/// What is lost may have been anything.
#[test]
fn a_zip_file_that_is_cut_off_or_corrupt_says_so() {
    let whole = zip(&[member("a.json"), Member { flags: DESCRIPTOR, ..good() }]);
    let all = ["a", "good"];
    for cut in 4..whole.len() {
        let found = read_file("a.zip", Cursor::new(&whole[..cut]));
        let last = found.1.last().unwrap_or_else(|| panic!("cut at {cut}: {found:?}"));
        assert!(last.2.starts_with("cannot be read to its end: ") && last.3, "cut at {cut}: {found:?}");
    }
    for index in 4..whole.len() {
        let mut corrupt = whole.clone();
        corrupt[index] ^= 0x55;
        let found = read("a.zip", &corrupt);
        assert!(is_said(&found, &all), "corrupt at {index}: {found:?}");
    }
}

/// Without its mark nothing tells that it was one, but its name.
#[test]
fn a_file_named_as_a_zip_file_that_is_none_is_said_to_be_lost() {
    let whole = zip(&[member("a.json")]);
    let mut corrupt = whole.clone();
    corrupt[0] ^= 0x55;
    for (name, bytes) in [("nothing", &[][..]), ("three bytes", &whole[..3]), ("another mark", &corrupt)] {
        let found = read("a.zip", bytes);
        assert!(is_said(&found, &["a"]), "{name}: {found:?}");
    }
}

/// A file of kubectl's output often has no extension.
#[test]
fn what_is_lost_of_a_member_is_judged_by_how_it_begins() {
    let document = |packed: fn(&str, &[u8]) -> Member| crc(packed("nodemaintenances", yaml("a").as_bytes()));
    for broken in [document(stored), document(deflated)] {
        let found = read("a.zip", &zip(&[broken, good()]));
        assert!(found.0.contains(&"good".to_owned()), "{found:?}");
        assert_eq!(found.1, [("nodemaintenances".to_owned(), 0, CORRUPT.to_owned(), true)]);
    }
}

/// So many zeros, deflated.
fn zeros(mebibytes: usize) -> Member {
    let mut deflate = flate2::Compress::new(Compression::best(), false);
    let mut one = Vec::with_capacity(8 << 10);
    deflate.compress_vec(&vec![0; 1 << 20], &mut one, FlushCompress::Full).unwrap();
    let end = DeflateEncoder::new(Vec::new(), Compression::best()).finish().unwrap();
    let data = iter::repeat_n(&one, mebibytes).flatten().chain(&end).copied().collect();
    Member { data, size: u32::try_from(mebibytes << 20).unwrap(), ..Member { method: 8, ..stored("zeros.json", b"") } }
}

#[test]
fn a_member_that_inflates_beyond_measure_is_not_read_on() {
    let reason = "it holds more than 1000 times what it has packed";
    let bytes = zip(&[zeros(80), good()]);
    assert!(bytes.len() < 90_000, "{}", bytes.len());
    let expected = [
        (String::new(), 0, format!("cannot be read to its end: {reason}"), true),
        ("zeros.json".to_owned(), 0, format!("cannot be read: {reason}"), true),
    ];
    let (kept, lost) = read("a.zip", &bytes);
    assert_eq!((kept, lost), (Vec::new(), expected.to_vec()));
}

#[test]
fn members_that_overlap_are_not_read_on() {
    let large = stored("a.yaml", "# nothing\n".repeat(50_000).as_bytes());
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    local(&mut file, &large);
    (0..1_000).for_each(|_| entry(&mut directory, &large, 0));
    let (kept, lost) = read("a.zip", &zip::end(file, &directory, 1_000));
    assert!(kept.is_empty());
    assert!(lost.contains(&(String::new(), 0, format!("cannot be read to its end: {OVERLAP}"), true)), "{lost:?}");
    assert!(lost.len() < 4, "{lost:?}");
}

#[test]
fn a_zip_file_in_a_stream_may_be_so_large() {
    let mut builder = builder();
    builder.read("-", Made::new(&[("PK\x03\x04", 1), (&"\0".repeat(4096), u64::MAX >> 16)]));
    let reason = "is a zip file of more than 268435456 bytes, whose end has to be read first: save it as a file";
    assert_found("stream", found(builder), &[], &[("", 0, reason, true)]);
}

#[test]
fn a_disk_that_fails_is_named() {
    let whole = zip(&[good(), stored("log", &vec![b'x'; 100_000]), member("a.json")]);
    let reason = "cannot be read to its end: Input/output error (os error 5)";
    for cut in [10_000, whole.len() - 1, whole.len()] {
        let mut builder = builder();
        builder.read("a.zip", Failing(&whole[..cut]));
        assert_found("stream", found(builder), &[], &[("", 0, reason, true)]);
    }
}

/// As `zip -Z store` of a must-gather does, in another order.
#[test]
fn the_directory_counts_and_not_the_order_of_members() {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    let members = [member("a.json"), Member { flags: DESCRIPTOR, ..good() }];
    let offsets: Vec<usize> = members.iter().map(|member| (file.len(), local(&mut file, member)).0).collect();
    members.iter().zip(&offsets).rev().for_each(|(member, offset)| entry(&mut directory, member, *offset));
    let bytes = zip::end(file, &directory, 2);
    assert_found("order", read_file("a.zip", Cursor::new(bytes)), &["a", "good"], &[]);
}

/// Other programs read a zip file from its start, or by another directory that is in it.
#[test]
fn what_the_directory_does_not_account_for_is_named() {
    let hidden = zip(&[member("a.json")]);
    let mut deleted = Vec::new();
    local(&mut deleted, &stored("deleted.json", json("deleted").as_bytes()));
    let of = |before: &[u8], between: &[u8], after: &[u8], comment: &[u8], behind: &[u8]| {
        let (mut file, mut directory) = (before.to_vec(), Vec::new());
        let offset = file.len();
        local(&mut file, &good());
        file.extend(between);
        entry(&mut directory, &good(), offset);
        let mut bytes = zip::end_with(file, &directory, 1, after);
        let length = bytes.len();
        bytes[length - 2..].copy_from_slice(&u16::try_from(comment.len()).unwrap().to_le_bytes());
        [&bytes, comment, behind].concat()
    };
    // As the end record of an archive in which there is nothing.
    let end = zip(&[]);
    let directory = "cannot be read to its end: invalid data";
    let cases = [
        ("nothing", of(b"", b"", b"", b"", b""), None),
        ("two archives, one after the other", [hidden.clone(), zip(&[good()])].concat(), Some(MORE)),
        ("a member before the first", of(&deleted, b"", b"", b"", b""), Some(MORE)),
        ("a member behind the last", of(b"", &deleted, b"", b"", b""), Some(MORE)),
        ("a member behind the directory", of(b"", b"", &deleted, b"", b""), Some(MORE)),
        ("an archive behind the end", of(b"", b"", b"", b"", &hidden[..hidden.len() - 30]), Some(MORE)),
        ("a comment", of(b"", b"", b"", b"from support", b""), None),
        ("a comment that looks like an end", of(b"", b"", b"", &end, b""), Some(directory)),
        ("a comment that looks like half an end", of(b"", b"", b"", b"PK\x05\x06 half", b""), None),
        ("zeros between", of(b"", &[0; 100], b"", b"", b""), None),
        ("zeros behind the end", of(b"", b"", b"", b"", &[0; 100]), None),
        ("the mark of one that was to be split", of(b"PK00", b"", b"", b"", b""), None),
    ];
    for (name, bytes, lost) in cases {
        let expected: Vec<_> = lost.iter().map(|reason| (String::new(), 0, (*reason).to_owned(), true)).collect();
        for found in [read("a.zip", &bytes), read_file("a.zip", Cursor::new(&bytes))] {
            assert_eq!(found.1, expected, "{name}");
            assert!(found.0 == ["good"] || lost == Some(directory), "{name}: {found:?}");
        }
    }
}

#[test]
fn a_member_of_two_headers_that_differ_is_named() {
    type Change = fn(&mut Member);
    let changes: [(&str, Change); 5] = [
        ("another name", |member| member.name = b"nodes.json".to_vec()),
        ("another method", |member| member.method = 8),
        ("another size", |member| member.size = 1),
        ("encrypted", |member| member.flags = ENCRYPTED),
        ("sizes later, which are not there", |member| member.flags = DESCRIPTOR),
    ];
    for (name, change) in changes {
        let mut other = good();
        change(&mut other);
        let (mut file, mut directory) = (Vec::new(), Vec::new());
        local(&mut file, &Member { flags: other.flags & !DESCRIPTOR, ..other.clone() });
        // The flag alone: nothing comes behind the data.
        file[6] |= u8::try_from(other.flags & DESCRIPTOR).unwrap();
        entry(&mut directory, &good(), 0);
        let (kept, lost) = read("a.zip", &zip::end(file, &directory, 1));
        // Without a descriptor nothing is hidden.
        let expected = if other.flags == DESCRIPTOR { vec![] } else { vec![("good.json", TWICE, true)] };
        let lost: Vec<_> = lost.iter().map(|(member, _, reason, matters)| (&**member, &**reason, *matters)).collect();
        assert_eq!((kept, lost), (vec!["good".to_owned()], expected), "{name}");
    }
}

/// As PowerShell's Compress-Archive wrote it.
#[test]
fn names_with_backslashes_keep_their_layout() {
    let place = r"must-gather\i\cluster-scoped-resources\nodemaintenance.kubevirt.io\nodemaintenances\a.yaml";
    let mut builder = builder();
    builder.read("a.zip", &*zip(&[deflated(place, yaml("a").as_bytes())]));
    let snapshot = builder.finish();
    assert_eq!(snapshot.sources()[0].layout, Layout::MustGather);
    let origin = snapshot.objects().next().unwrap().origin.member.clone();
    assert_eq!(origin.as_deref(), Some(&*place.replace('\\', "/")));
}

/// Where a program has written a name twice, the one in Unicode counts, as for Info-ZIP and 7-Zip.
#[test]
fn a_name_in_unicode_counts() {
    let mut crc = flate2::Crc::new();
    crc.update(b"a.json");
    let name = |crc: u32| [&b"\x75\x70\x0b\0\x01"[..], &crc.to_le_bytes(), "ü.json".as_bytes()].concat();
    for (crc, expected) in [(crc.sum(), "ü.json"), (7, "a.json")] {
        let mut extra = name(crc);
        extra[2] = u8::try_from(extra.len() - 4).unwrap();
        let broken = Member { extra, ..stored("a.json", b"{\"kind\": \"NodeMaintenance\"") };
        let (_, lost) = read("a.zip", &zip(&[broken]));
        assert_eq!(lost[0].0, expected);
    }
}
