//! Archives inside archives, files that are packed at their place, archives of kinds that are not read, and links
//! between members.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod input;

use std::io::Cursor;

use input::{
    PACKINGS, assert_found, builder, found, gzip, header, json, losses, names, read, read_file, sparse, tar, yaml,
    zip::{ENCRYPTED, Member, SYMLINK, deflated, stored, zip},
};
use tar::EntryType;
use upgrade_gate_snapshot::{Layout, Snapshot, State};

const DEEP: &str =
    "is an archive three levels deep, which is not opened: unpack the one that it is in, and check the folder";
const PLACE: &str = "i/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances/nm-1.yaml";

type Bytes = Vec<u8>;

fn snapshot(path: &str, bytes: &[u8]) -> Snapshot {
    let mut builder = builder();
    builder.read(path, bytes);
    builder.finish()
}

fn two() -> [(&'static str, Bytes); 2] {
    [("x/a.json", json("a").into_bytes()), ("x/b.json", json("b").into_bytes())]
}

fn tar_of(files: &[(&str, Bytes)]) -> Bytes {
    tar(&files.iter().map(|(name, content)| (*name, content.as_slice())).collect::<Vec<_>>())
}

fn zip_of(files: &[(&str, Bytes)]) -> Bytes {
    zip(&files.iter().map(|(name, content)| deflated(name, content)).collect::<Vec<_>>())
}

/// Every form of archive that is read, by how its name ends.
fn archives(files: &[(&str, Bytes)]) -> Vec<(String, Bytes)> {
    let whole = tar_of(files);
    let packed = PACKINGS.iter().map(|(extension, pack)| (format!(".tar.{extension}"), pack(&whole)));
    packed.chain([(".tar".into(), whole.clone()), (".zip".into(), zip_of(files))]).collect()
}

#[test]
fn an_archive_in_an_archive_is_opened() {
    for (inner_end, inner) in archives(&two()) {
        for (end, outer) in archives(&[(&*format!("case/mg{inner_end}"), inner), ("log", b"x".to_vec())]) {
            for found in [read("case", &outer), read_file("case", Cursor::new(&outer))] {
                assert_found(&format!("{inner_end} in {end}"), found, &["a", "b"], &[]);
            }
        }
    }
}

/// A small one is read together with others, a large one as it comes.
#[test]
fn a_large_archive_in_an_archive_is_opened() {
    let files = [two().to_vec(), vec![("x/core", vec![b'x'; 1_100_000])]].concat();
    let stored_zip = zip(&files.iter().map(|(name, content)| stored(name, content)).collect::<Vec<_>>());
    for (name, inner) in [("mg.tar", tar_of(&files)), ("mg.zip", stored_zip)] {
        for (form, outer) in [("tar", tar(&[(name, &inner)])), ("zip", zip(&[stored(name, &inner)]))] {
            assert_found(&format!("{name} in {form}"), read("case", &outer), &["a", "b"], &[]);
        }
    }
}

#[test]
fn what_is_in_an_inner_archive_has_its_place() {
    let inner = tar_of(&[(PLACE, yaml("a").into_bytes())]);
    let snapshot = snapshot("case.zip", &zip_of(&[("mg.tar.gz", gzip(&inner))]));
    assert_eq!(snapshot.sources()[0].layout, Layout::MustGather);
    assert_eq!(snapshot.kinds()[1].state, State::Captured);
    let origin = snapshot.objects().next().unwrap().origin.clone();
    assert_eq!((&*origin.path, origin.member), ("case.zip", Some(format!("mg.tar.gz!/{PLACE}").into())));
}

/// A must-gather that was packed once more holds archives of logs.
#[test]
fn an_archive_two_levels_deep_is_opened() {
    for (inner_end, logs) in archives(&[("ovn.log", b"started".to_vec()), ("x/b.json", json("b").into_bytes())]) {
        let inner = vec![(PLACE, yaml("a").into_bytes()), ("network_logs/logs", logs)];
        for (end, mg) in archives(&inner) {
            for outer in [zip_of(&[("mg", mg.clone())]), gzip(&tar_of(&[("mg", mg.clone())]))] {
                assert_found(&format!("{inner_end} in {end}"), read("case", &outer), &["a", "b"], &[]);
            }
        }
    }
}

#[test]
fn three_levels_deep_only_files_that_are_packed_alone_are_read() {
    let inner: Vec<(&str, Bytes)> = vec![
        ("deep.tar.gz", gzip(&tar_of(&two()))),
        ("deep.zip", zip_of(&two())),
        ("deep.tar", tar_of(&two())),
        ("twice.json.gz", gzip(&gzip(json("c").as_bytes()))),
        ("d.json.gz", gzip(json("d").as_bytes())),
        ("pod.log.gz", gzip(b"started")),
    ];
    let expected = [
        ("mg.tar!/logs.zip!/deep.tar", 0, DEEP, true),
        ("mg.tar!/logs.zip!/deep.tar.gz", 0, DEEP, true),
        ("mg.tar!/logs.zip!/deep.zip", 0, DEEP, true),
        ("mg.tar!/logs.zip!/twice.json.gz!/twice.json", 0, DEEP, true),
    ];
    let logs = zip_of(&inner);
    for (end, outer) in archives(&[("mg.tar", tar_of(&[("logs.zip", logs)]))]) {
        assert_found(&end, read("case", &outer), &["d"], &expected);
    }
}

/// As if it were not packed, in whatever it lies.
#[test]
fn a_packed_file_at_its_place_counts_as_the_object_there() {
    for (extension, pack) in PACKINGS {
        let packed = pack(yaml("a").as_bytes());
        let path = format!("{PLACE}.{extension}");
        let forms = |content: &[u8]| {
            archives(&[(&path, content.to_vec())]).into_iter().chain([(path.clone(), content.to_vec())])
        };
        for (name, bytes) in forms(&packed) {
            let snapshot = snapshot(&name, &bytes);
            assert_eq!(names(&snapshot), ["a"], "{name} {extension}");
            assert_eq!(losses(&snapshot), [], "{name} {extension}");
            assert_eq!(snapshot.kinds()[1].state, State::Captured, "{name} {extension}");
        }
        // Its name need not say so.
        for (name, bytes) in archives(&[(PLACE, packed.clone())]).into_iter().chain([(PLACE.into(), packed.clone())]) {
            let snapshot = snapshot(&name, &bytes);
            assert_eq!((names(&snapshot), snapshot.kinds()[1].state), (vec!["a".into()], State::Captured), "{name}");
        }
        // Broken, it is broken at its place.
        for (cut, name) in [(0, "empty"), (1, "one byte"), (12, "cut off")] {
            for (end, bytes) in forms(&packed[..cut]) {
                let lost = losses(&snapshot(&end, &bytes));
                assert!(lost.len() == 1 && lost[0].3, "{name} {end} {extension}: {lost:?}");
            }
        }
    }
}

/// Of each alone nobody would ask how well it is packed.
#[test]
fn inner_archives_count_together() {
    let inner = [sparse("core", 60 << 20, b"x"), tar_of(&two())].concat();
    assert_found("one", read("case.tar", &tar(&[("0.tar", &inner)])), &["a", "b"], &[]);
    let reason = "cannot be read to its end: it holds more than 1000 times what it has packed";
    let outer = tar(&[("0.tar", &inner), ("1.tar", &inner)]);
    assert_found("two", read("case.tar", &outer), &["a", "b"], &[("1.tar", 0, reason, true)]);
}

/// What is said of a file, in a folder and in every form of archive; nothing where it is passed over.
fn assert_named(name: &str, content: &[u8], reason: &str) {
    let check = |form: &str, lost: Vec<input::Loss>| {
        assert_eq!(lost.len(), usize::from(!reason.is_empty()), "{name} in {form}: {lost:?}");
        assert!(lost.iter().all(|lost| lost.2.starts_with(reason) && lost.3), "{name} in {form}: {lost:?}");
    };
    check("a folder", read(name, content).1);
    for (form, bytes) in archives(&[(name, content.to_vec())]) {
        check(&form, read("case", &bytes).1);
    }
}

#[test]
fn archives_of_other_kinds_are_named() {
    let cases: [(&str, &[u8], &str); 18] = [
        ("mg.7z", b"7z\xbc\xaf\x27\x1c\0\x04", "is a 7z archive"),
        ("download", b"7z\xbc\xaf\x27\x1c\0\x04", "is a 7z archive"),
        ("mg.log", b"Rar!\x1a\x07\x01\0", "is a RAR archive"),
        ("mg.tar.br", b"\x1b\x30\x00\xf8", "is a Brotli file"),
        ("mg.br", b"\x0b\x02\x80hello\x03", "is a Brotli file"),
        ("mg.tar.gz", b"\x04\x22\x4d\x18", "is an LZ4 file"),
        ("mg.tar.Z", b"\x1f\x9d\x90", "is a file that compress or pack wrote"),
        ("mg.zip.001", b"\x01\x02\x03", "is a part of an archive"),
        ("mg.tar.gz.ab", b"\x01\x02\x03", "is a part of an archive"),
        ("mg.z02", b"\x01\x02\x03", "is a part of an archive"),
        ("mg.R00", b"h\xe9llo", "is a part of an archive"),
        ("mg.lz.part1", b"\x01\x02\x03", "is a part of an archive"),
        ("mg.tgz.age", b"age-encryption.org/v1\n", "is encrypted"),
        ("secret", b"Salted__12345678", "is encrypted"),
        ("etcd.db", b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xed\xda\x0c\xed", ""),
        ("capture.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0", ""),
        ("system.journal", b"LPKSHHRH\0\0\0\0", ""),
        ("screen.png", b"\x89PNG\r\n\x1a\n", ""),
    ];
    for (name, content, reason) in cases {
        assert_named(name, content, reason);
    }
    let locked = Member { flags: ENCRYPTED, ..stored("mg", &tar_of(&two())) };
    assert_found("a zip file", read("a", &zip(&[locked])), &[], &[("mg", 0, "cannot be read: it is encrypted", true)]);
}

/// Names of hosts, branches and kinds of things end as those of archives do. A text is no archive because of that,
/// unless its name leaves no doubt that one was meant.
#[test]
fn a_text_that_is_named_like_an_archive_is_a_text() {
    let ordinary = [
        "rack-r01",
        ".git/refs/heads/release-r10",
        "node_z12",
        "core-r02",
        "core.r02",
        "zone.z01",
        "a.z",
        "pl.ar",
        "eth0.lz",
        "de.br",
        "a.sz",
        "x.aa",
        "x.001",
        "x.part1",
        "eth0.br.01",
        "a.ar-aa",
        "user.age",
        "a.enc",
        "keys.gpg",
        "setup.exe",
        "packages.rpm",
        "hosts.iso",
    ];
    let hash = "3f786850e387550fdab836ed7e6dc881de23001b\n";
    for content in ["hello", hash, "", &"Prüfung \u{1b}[1mÜ\u{1b}[0m\t1\r\n".repeat(1_000)] {
        for name in ordinary {
            assert_named(name, content.as_bytes(), "");
        }
    }
    let coded = "U2hhcmVk/0+".repeat(20) + "=\n";
    let meant = [
        ("mg.7z", "<html>", "is a 7z archive"),
        ("mg.rar", "", "is a RAR archive"),
        ("mg.tar.br", "<html>", "is a Brotli file"),
        ("nm.yaml.lz4", "<html>", "is an LZ4 file"),
        ("mg.cpio.gz", "<html>", "is a cpio archive"),
        ("mg.zip.z01", "hello", "is a part of an archive"),
        ("mg.tar.aa", "hello", "is a part of an archive"),
        ("mg.7z.002", "hello", "is a part of an archive"),
        ("mg.zip.001", "hello", "is a part of an archive"),
        ("mg.tar.gz.gpg", "hello", "is encrypted"),
        ("mg.enc", &coded, "is encrypted"),
    ];
    for (name, content, reason) in meant {
        assert_named(name, content.as_bytes(), reason);
    }
}

/// macOS writes such a file beside each one.
#[test]
fn what_macos_writes_beside_a_file_is_passed_over() {
    let double = b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ".to_vec();
    let beside = PLACE.replace("nm-1", "._nm-1");
    let files = [(&*beside, double.clone()), ("._mg.tar.gz", double), (PLACE, yaml("a").into_bytes())];
    for (form, bytes) in archives(&files) {
        assert_found(&form, read("mg", &bytes), &["a"], &[]);
    }
}

const FOLDER: &str = "cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io";
const AT: &str = "cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io/nm.yaml";
const NOWHERE: &str = "is a link that leads nowhere";
const AGAIN: &str = "is a link to a folder that is read by another name";
const UNKEPT: &str =
    "is a link to a member that cannot be read a second time: unpack the archive, and check the folder";

struct Linked {
    name: &'static str,
    /// Name and target.
    links: &'static [(&'static str, &'static str)],
    /// Whether the objects are found at the place of theirs.
    is_captured: bool,
    lost: &'static [(&'static str, usize, &'static str, bool)],
}

/// `data/a.yaml`, `logs/pod.log` and the links, in a tar file and in a zip file.
fn linked(links: &[(&str, &str)]) -> [Bytes; 2] {
    let files = [("data/a.yaml", yaml("a").into_bytes()), ("logs/pod.log", b"started".to_vec())];
    let mut bytes = Vec::new();
    for (name, target) in links {
        let mut header = header(EntryType::Symlink, name.as_bytes(), 0);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        bytes.extend(header.as_bytes());
    }
    let link = |(name, target): &(&str, &str)| Member { attributes: SYMLINK, ..stored(name, target.as_bytes()) };
    let members: Vec<Member> = links.iter().map(link).collect();
    let files_of_zip = files.iter().map(|(name, content)| deflated(name, content));
    [[bytes, tar_of(&files)].concat(), zip(&members.into_iter().chain(files_of_zip).collect::<Vec<_>>())]
}

#[test]
fn links_in_an_archive_are_followed_as_in_a_folder() {
    let cases = [
        Linked { name: "none", links: &[], is_captured: false, lost: &[] },
        Linked { name: "to a file", links: &[(AT, "../../data/a.yaml")], is_captured: true, lost: &[] },
        Linked { name: "to a folder", links: &[(FOLDER, "../data")], is_captured: true, lost: &[] },
        Linked {
            name: "to a folder in which nothing is",
            links: &[(FOLDER, "../logs")],
            is_captured: false,
            lost: &[(FOLDER, 0, UNKEPT, true)],
        },
        Linked {
            name: "through a folder and a link",
            links: &[("now", "./data"), ("then.yaml", "now/a.yaml"), (AT, "../../then.yaml")],
            is_captured: true,
            lost: &[],
        },
        Linked {
            name: "to a folder twice, and to the one above",
            links: &[("data/up", "../data"), ("one", "data"), ("two", "data")],
            is_captured: false,
            lost: &[("data/up", 0, AGAIN, false), ("two", 0, AGAIN, false)],
        },
        Linked {
            name: "to nothing",
            links: &[(AT, "../../a.yaml")],
            is_captured: false,
            lost: &[(AT, 0, NOWHERE, true)],
        },
        Linked {
            name: "of a folder to nothing",
            links: &[(FOLDER, "../gone")],
            is_captured: false,
            lost: &[(FOLDER, 0, NOWHERE, true)],
        },
        Linked {
            name: "of a log to nothing",
            links: &[("namespaces/a/pods/p/p/p/logs/previous.log", "gone.log")],
            is_captured: false,
            lost: &[("namespaces/a/pods/p/p/p/logs/previous.log", 0, NOWHERE, false)],
        },
        Linked {
            name: "to itself",
            links: &[("a.yaml", "b.yaml"), ("b.yaml", "a.yaml")],
            is_captured: false,
            lost: &[("a.yaml", 0, NOWHERE, true), ("b.yaml", 0, NOWHERE, true)],
        },
        Linked {
            name: "at a place to what holds nothing",
            links: &[(AT, "../../logs/pod.log")],
            is_captured: false,
            lost: &[(AT, 0, UNKEPT, true)],
        },
        Linked { name: "of a log to a log", links: &[("pod.log", "logs/pod.log")], is_captured: false, lost: &[] },
    ];
    for Linked { name, links, is_captured, lost } in cases {
        for bytes in linked(links) {
            let mut builder = builder();
            builder.read("a", &*bytes);
            let snapshot = builder.finish();
            let state = snapshot.kinds()[1].state;
            assert_eq!(state == State::Captured, is_captured, "{name}: {:?}", snapshot.kinds()[1]);
            assert_found(name, (names(&snapshot), losses(&snapshot)), &["a"], lost);
        }
    }
}

/// The same link, of which there are very many, is not read for ever.
#[test]
fn links_count_as_what_an_archive_holds() {
    let large = json("a").replace("\"metadata\"", &format!("\"x\": \"{}\", \"metadata\"", "x".repeat(1_000_000)));
    let mut bytes = Vec::new();
    for number in 0..70 {
        let mut header = header(EntryType::Symlink, format!("{number}.json").as_bytes(), 0);
        header.as_old_mut().linkname[..6].copy_from_slice(b"a.json");
        header.set_cksum();
        bytes.extend(header.as_bytes());
    }
    bytes.extend(tar(&[("a.json", large.as_bytes())]));
    let (kept, lost) = {
        let mut builder = builder();
        builder.read("a.tar.gz", &*gzip(&bytes));
        found(builder)
    };
    assert_eq!(kept, ["a"]);
    assert!(lost.iter().any(|(_, _, reason, matters)| reason.contains("more than 1000 times") && *matters), "{lost:?}");
}
