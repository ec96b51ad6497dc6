//! Tar files: names, links and headers of every kind, cut off, and meant to hurt.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod input;

use input::{HEAD, assert_found, builder, found, gzip, header, is_said, json, of, read, sparse, tar, yaml};
use tar::EntryType;

type Lost = (&'static str, usize, &'static str, bool);

const LINK: &str = "is a link to a place outside the source: name that place as a source of its own";
const NOWHERE: &str = "is a link that leads nowhere";
const NO_FILE: &str = "is no plain file";
const CHECKSUM: &str = "cannot be read to its end: it is corrupt";

struct Case {
    name: &'static str,
    /// The member under test, between two others.
    bytes: Vec<u8>,
    kept: &'static [&'static str],
    lost: &'static [Lost],
}

fn file(name: &str, content: &str) -> Vec<u8> {
    of(&header(EntryType::Regular, name.as_bytes(), content.len() as u64), content.as_bytes())
}

/// A header that says something of the next one.
fn before(kind: EntryType, content: &[u8], member: Vec<u8>) -> Vec<u8> {
    [of(&header(kind, b"././@", content.len() as u64), content), member].concat()
}

fn link(kind: EntryType, target: &str) -> Vec<u8> {
    let mut header = header(kind, b"b/link.json", 0);
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    of(&header, b"")
}

fn content_of(kind: EntryType, name: &str, content: &str) -> Vec<u8> {
    let mut header = header(kind, name.as_bytes(), content.len() as u64);
    header.as_old_mut().linkname[..10].copy_from_slice(b"first.json");
    header.set_cksum();
    of(&header, content.as_bytes())
}

fn of_nobody(name: &str, content: &str) -> Vec<u8> {
    content_of(EntryType::new(b'Z'), name, content)
}

fn odd(kind: u8, name: &str) -> Vec<u8> {
    of(&header(EntryType::new(kind), name.as_bytes(), 0), b"")
}

fn pax(key: &str, value: &str) -> Vec<u8> {
    // The number counts itself.
    let rest = format!(" {key}={value}\n");
    let length = (1..).find(|length: &usize| length.to_string().len() + rest.len() == *length).unwrap();
    format!("{length}{rest}").into_bytes()
}

fn end() -> Vec<u8> {
    vec![0; 1024]
}

fn case(name: &'static str, member: impl AsRef<[u8]>, kept: &'static [&'static str], lost: &'static [Lost]) -> Case {
    let (first, last) = (file("first.json", &json("first")), file("last.json", &json("last")));
    Case { name, bytes: [&first, member.as_ref(), &last, &end()].concat(), kept, lost }
}

fn cases() -> Vec<Case> {
    let others: &[&str] = &["first", "last"];
    let all: &[&str] = &["a", "first", "last"];
    let a = || file("a.json", &json("a"));
    let long = [&b"folder/".repeat(40)[..], b"a.json\0"].concat();
    let bytes = |name: &[u8]| {
        let content = json("a");
        of(&header(EntryType::Regular, name, content.len() as u64), content.as_bytes())
    };
    let (old, new) = (version("a", 9), version("a", 10));
    let mut v7 = header(EntryType::Regular, b"a.json", json("a").len() as u64);
    v7.as_mut_bytes()[257..265].fill(0);
    v7.set_cksum();
    vec![
        case("a file", a(), all, &[]),
        case("a name that leads out", bytes(b"../../etc/a.json"), all, &[]),
        case("a name from the root", bytes(b"/etc/a.json"), all, &[]),
        case("a name that is not UTF-8", bytes(b"\xff\xfe.json"), all, &[]),
        case("a name of nothing", bytes(b""), all, &[]),
        case("a name of colours", bytes(b"\x1b[31ma.json"), all, &[]),
        case("a long name of GNU", before(EntryType::GNULongName, &long, bytes(b"folder/")), all, &[]),
        case("a name of pax", before(EntryType::XHeader, &pax("path", "ü/a.json"), bytes(b"x")), all, &[]),
        case("pax for all", before(EntryType::XGlobalHeader, &pax("comment", "x"), a()), all, &[]),
        case("pax that is broken", before(EntryType::XHeader, b"99 path", a()), all, &[]),
        case("a header of before POSIX", of(&v7, json("a").as_bytes()), all, &[]),
        case("a symbolic link inside", link(EntryType::Symlink, "../first.json"), others, &[]),
        case("a hard link inside", link(EntryType::Link, "first.json"), others, &[]),
        case("a link to nothing", link(EntryType::Symlink, "first.json"), others, &[("b/link.json", 0, NOWHERE, true)]),
        case(
            "a hard link to nothing",
            link(EntryType::Link, "../first.json"),
            others,
            &[("b/link.json", 0, LINK, true)],
        ),
        case("a link up", link(EntryType::Symlink, "../../a"), others, &[("b/link.json", 0, LINK, true)]),
        case("a link to the root", link(EntryType::Symlink, "/etc/a"), others, &[("b/link.json", 0, LINK, true)]),
        case("a hard link up", link(EntryType::Link, "../../../a"), others, &[("b/link.json", 0, LINK, true)]),
        case("a terminal", odd(b'3', "a.json"), others, &[("a.json", 0, NO_FILE, true)]),
        case("a disk", odd(b'4', "a.json"), others, &[("a.json", 0, NO_FILE, true)]),
        case("a pipe", odd(b'6', "a.json"), others, &[("a.json", 0, NO_FILE, true)]),
        case("a pipe of a log", odd(b'6', "a.log"), others, &[("a.log", 0, NO_FILE, false)]),
        case("a volume's name", odd(b'V', "backup"), others, &[("backup", 0, NO_FILE, false)]),
        case("a folder of a dump", odd(b'D', "folder/"), others, &[("folder/", 0, NO_FILE, false)]),
        case("a part of another volume", odd(b'M', "a"), others, &[("a", 0, NO_FILE, true)]),
        case("a header of Solaris", odd(b'X', "PaxHeaders/a"), others, &[("PaxHeaders/a", 0, NO_FILE, true)]),
        case("an object by its content", of_nobody("a", &json("a")), others, &[("a", 0, NO_FILE, true)]),
        case("a log of nobody", of_nobody("a.log", "started"), others, &[("a.log", 0, NO_FILE, false)]),
        case("a link that has content", content_of(EntryType::Link, "a.json", &json("a")), all, &[]),
        case("a folder that has content", content_of(EntryType::Directory, "a.json", &json("a")), all, &[]),
        case(
            "pax for all that renames",
            before(EntryType::XGlobalHeader, &pax("path", "b.json"), a()),
            all,
            &[("./@", 0, NO_FILE, true)],
        ),
        case(
            "a sparse file of pax",
            before(
                EntryType::XHeader,
                &[pax("GNU.sparse.major", "1"), pax("GNU.sparse.name", "a.json")].concat(),
                file("GNUSparseFile.1/a", &json("a")),
            ),
            others,
            &[("a.json", 0, NO_FILE, true)],
        ),
        case("a folder", of(&header(EntryType::Directory, b"a.json/", 0), b""), others, &[]),
        case("the same object twice, the newer one first", [new.clone(), old.clone()].concat(), all, &[]),
        case("and last", [old, new].concat(), all, &[]),
        case("a sparse file", sparse("a.json", 0, json("a").as_bytes()), all, &[]),
        case("a sparse log", sparse("a.log", 1 << 20, b"x"), others, &[]),
        case("zeros between", vec![0; 5 * 512], others, &[]),
        case("garbage between", vec![b'x'; 512], &["first"], &[("", 0, CHECKSUM, true)]),
    ]
}

fn version(name: &str, version: usize) -> Vec<u8> {
    let metadata = format!(r#""metadata": {{"name": "{name}", "resourceVersion": "{version}"}}"#);
    file(&format!("{version}.json"), &format!("{{{HEAD}, {metadata}}}"))
}

#[test]
fn members_of_every_kind_are_read_or_passed_over() {
    for Case { name, bytes, kept, lost } in cases() {
        for packed in [&bytes, &gzip(&bytes)] {
            assert_found(name, read("a.tar", packed), kept, lost);
        }
    }
}

#[test]
fn of_an_object_in_two_members_the_newer_one_counts() {
    for order in [[9, 10], [10, 9]] {
        let mut builder = builder();
        builder.read("a.tar", &*[version("a", order[0]), version("a", order[1]), end()].concat());
        let snapshot = builder.finish();
        let versions: Vec<_> = snapshot.objects().map(|object| object.resource_version.as_deref()).collect();
        assert_eq!(versions, [Some("10")], "{order:?}");
        assert_eq!(snapshot.sources()[0].objects, 2);
    }
}

/// Small members are read together, large ones as they come.
#[test]
fn the_size_of_a_member_changes_nothing_of_what_is_in_it() {
    let item = |name: &str| format!("- {}\n", yaml(name).trim_end().replace('\n', "\n  "));
    for lines in [1, (1 << 20) / 12 - 20, (1 << 20) / 12 + 20] {
        let comment = "# not much\n".repeat(lines);
        let list = format!("apiVersion: v1\nkind: List\nitems:\n{}{comment}- [\n{}", item("a"), item("b"));
        let bytes = tar(&[("list.yaml", list.as_bytes()), ("c.json", json("c").as_bytes())]);
        let line = 9 + lines;
        let reason = "is not valid YAML (column 3)";
        assert_found(
            &format!("{lines} lines"),
            read("a.tar", &bytes),
            &["a", "b", "c"],
            &[("list.yaml", line, reason, false)],
        );
    }
}

#[test]
fn what_is_cut_off_in_a_header_or_in_a_member_says_so() {
    let whole = tar(&[("a.json", json("a").as_bytes()), ("b.json", json("b").as_bytes())]);
    assert_eq!(whole.len(), 3072);
    for (cut, kept) in [(300, &[][..]), (600, &[]), (1100, &["a"]), (1600, &["a"])] {
        let found = read("a.tar", &whole[..cut]);
        assert_eq!(found.0, kept, "cut at {cut}");
        assert!(is_said(&found, &["a", "b"]), "cut at {cut}: {found:?}");
    }
    let large = tar(&[("a.yaml", "# nothing\n".repeat(200_000).as_bytes()), ("b.json", json("b").as_bytes())]);
    for bytes in [large[..large.len() / 2].to_vec(), gzip(&large)[..2_000].to_vec()] {
        let found = read("a.tar", &bytes);
        assert!(is_said(&found, &["b"]), "{found:?}");
    }
}

/// Its end is two blocks of zeros: what ends without any was cut off between two members.
#[test]
fn a_tar_file_that_ends_between_two_members_says_so() {
    let whole = tar(&[("a.json", json("a").as_bytes()), ("b.json", json("b").as_bytes())]);
    let found = read("a.tar", &whole[..1024]);
    assert!(is_said(&found, &["a", "b"]), "{found:?}");
    // Zeros that belong to a member are no mark: here content, and what fills it up.
    for content in [&[0; 2100][..], b"{}"] {
        let whole = tar(&[("a.json", json("a").as_bytes()), ("core.bin", content), ("b.json", json("b").as_bytes())]);
        let cut = 1024 + 512 + content.len().next_multiple_of(512);
        let found = read("a.tar", &whole[..cut]);
        assert!(is_said(&found, &["a", "b"]), "{} bytes: {found:?}", content.len());
    }
    // Some programs write one.
    assert_found("one block", read("a.tar", &whole[..2560]), &["a", "b"], &[]);
}

/// It has no mark, but its checksum fits.
#[test]
fn a_tar_file_of_before_posix_is_one() {
    let mut bytes = tar(&[("a", json("a").as_bytes()), ("b", json("b").as_bytes())]);
    for at in [0, 1024] {
        let mut header = header(EntryType::Regular, &bytes[at..=at], json("a").len() as u64);
        header.as_mut_bytes()[257..265].fill(0);
        header.set_cksum();
        bytes[at..at + 512].copy_from_slice(header.as_bytes());
    }
    assert_found("alone", read("download", &bytes), &["a", "b"], &[]);
    assert_found("packed", read("download", &gzip(&bytes)), &["a", "b"], &[]);
}

/// Holes take no place in the archive, and time to read.
#[test]
fn holes_count_as_what_an_archive_holds() {
    let large = [sparse("a.log", 70 << 30, b"x"), file("a.json", &json("a")), end()].concat();
    let reason = "cannot be read to its end: it holds more than 68719476736 bytes";
    assert_found("a large one", read("a.tar", &large), &[], &[("", 0, reason, true)]);
    let reason = "cannot be read to its end: it holds more than 1000 times what it has packed";
    let medium = [sparse("a.log", 65 << 20, b"x"), file("a.json", &json("a")), end()].concat();
    assert_found("one of 65 MiB", read("a.tar", &medium), &[], &[("", 0, reason, true)]);
    let many = [sparse("a.log", 60 << 20, b"x").repeat(1_200), file("a.json", &json("a")), end()].concat();
    let (kept, lost) = read("a.tar", &many);
    assert!(kept.is_empty() && lost[0].2.contains("it holds more than"), "{kept:?} {lost:?}");
}

#[test]
fn a_header_without_end_is_not_held_in_memory() {
    let reason = "cannot be read to its end: it has a header of more than 16777216 bytes";
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        let large = [file("a.json", &json("a")), of(&header(kind, b"x", 20 << 20), &vec![b'n'; 20 << 20])].concat();
        assert_found("header", read("a.tar", &large), &["a"], &[("", 0, reason, true)]);
    }
}

#[test]
fn garbage_behind_the_end_is_named() {
    let whole = [tar(&[("a.json", json("a").as_bytes())]), vec![b'x'; 512]].concat();
    assert_found("a block", read("a.tar", &whole), &["a"], &[("", 0, CHECKSUM, true)]);
    let whole = [tar(&[("a.json", json("a").as_bytes())]), vec![b'x'; 100]].concat();
    let (kept, lost) = read("a.tar", &whole);
    assert_eq!((kept, lost.len(), lost[0].3), (vec!["a".to_owned()], 1, true), "{lost:?}");
}

/// One entry for what is broken, and the others are read.
#[test]
fn a_name_at_the_place_of_an_object_proves_what_it_does_in_a_folder() {
    let place = "must-gather/i/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances.yaml";
    let list = "apiVersion: nodemaintenance.kubevirt.io/v1beta1\nkind: NodeMaintenanceList\nmetadata: {}\nitems: []\n";
    let mut builder = builder();
    builder.read("a.tar", &*tar(&[(place, list.as_bytes())]));
    let snapshot = builder.finish();
    let evidence = &snapshot.kinds()[1].evidence;
    assert_eq!(*evidence, format!("NodeMaintenanceList in a.tar!/{place}"));
    assert_found("place", found(empty_place(place)), &[], &[(place, 0, "is empty", true)]);
}

fn empty_place(place: &str) -> upgrade_gate_snapshot::Builder {
    let mut builder = builder();
    builder.read("a.tar", &*tar(&[(place, b"")]));
    builder
}
