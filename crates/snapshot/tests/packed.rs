//! gzip, zstd, xz and bzip2: cut off anywhere, corrupt, named as something else, and from a disk that fails.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod input;

use std::io::Cursor;

use input::{
    Failing, PACKINGS, Pack, assert_found, builder, found, gzip, is_said, json, read, read_file, tar, yaml,
    zip::{stored, zip},
};

const ALL: [&str; 2] = ["a", "b"];

fn whole() -> Vec<u8> {
    tar(&[("a.json", json("a").as_bytes()), ("b.json", json("b").as_bytes())])
}

/// Numbers that do not pack.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        for shift in [13, -7, 17] {
            state ^= if shift > 0 { state << shift } else { state >> -shift };
        }
        state.to_le_bytes()[0]
    };
    (0..size).map(|_| next()).collect()
}

/// How many bytes it takes to know how a file is packed.
fn mark(extension: &str) -> usize {
    match extension {
        "gz" => 2,
        "zst" | "bz2" => 4,
        _ => 6,
    }
}

#[test]
fn what_is_cut_off_anywhere_says_so() {
    for (extension, pack) in PACKINGS {
        let packed = pack(&whole());
        for cut in mark(extension)..=packed.len() {
            let found = read(&format!("a.tar.{extension}"), &packed[..cut]);
            assert!(is_said(&found, &ALL), "{extension} cut at {cut}: {found:?}");
            assert_eq!(found.1.is_empty(), cut == packed.len(), "{extension} cut at {cut}: {found:?}");
        }
        // A file that is packed alone.
        let packed = pack(yaml("a").as_bytes());
        for cut in mark(extension)..packed.len() {
            let found = read(&format!("a.yaml.{extension}"), &packed[..cut]);
            assert!(found.1[0].3, "{extension} cut at {cut}: {found:?}");
        }
    }
}

/// Such as a download that did not begin. Nothing but its name tells that it was an archive.
#[test]
fn an_archive_by_its_name_that_is_cut_off_before_its_mark_says_so() {
    let packings = PACKINGS.iter().map(|(extension, pack)| (format!("a.tar.{extension}"), pack(&whole())));
    for (name, packed) in packings.chain([("a.tar".into(), whole()), ("a.tgz".into(), gzip(&whole()))]) {
        for cut in [0, 1] {
            let found = read(&name, &packed[..cut]);
            assert!(is_said(&found, &ALL), "{name} cut at {cut}: {found:?}");
        }
    }
    let found = read("a.tar", &whole()[..200]);
    assert!(is_said(&found, &ALL), "{found:?}");
}

#[test]
fn what_is_corrupt_anywhere_says_so() {
    for (extension, pack) in PACKINGS {
        let packed = pack(&whole());
        for index in mark(extension)..packed.len() {
            let mut corrupt = packed.clone();
            corrupt[index] ^= 0x5A;
            let found = read(&format!("a.tar.{extension}"), &corrupt);
            assert!(is_said(&found, &ALL), "{extension} corrupt at {index}: {found:?}");
        }
    }
}

#[test]
fn the_name_of_a_file_does_not_decide_what_it_is() {
    let names = ["a", "a.json", "a.yaml", "a.zip", "a.tar.gz", "a.tar.xz", "a.log"];
    let list = zip(&[stored("a.json", json("a").as_bytes()), stored("b.json", json("b").as_bytes())]);
    let lines = format!("{}\n{}\n", json("a"), json("b")).into_bytes();
    let packed = PACKINGS.iter().flat_map(|(_, pack)| [pack(&whole()), pack(&lines)]);
    for bytes in packed.chain([whole(), list, lines.clone()]) {
        for name in names {
            assert_found(name, read(name, &bytes), &ALL, &[]);
            assert_found(name, read_file(name, Cursor::new(&bytes)), &ALL, &[]);
        }
    }
}

#[test]
fn garbage_behind_the_end_is_named() {
    for (extension, pack) in PACKINGS {
        let packed = [pack(&whole()), b"garbage".to_vec()].concat();
        let (kept, lost) = read(&format!("a.tar.{extension}"), &packed);
        assert_eq!(kept, ALL, "{extension}");
        assert!(lost[0].2.starts_with("cannot be read to its end: ") && lost[0].3, "{extension}: {lost:?}");
    }
}

/// A member of ten thousand times its size is met by the limit, in whatever it is packed.
#[test]
fn what_inflates_beyond_measure_is_not_read_on() {
    let reason = "cannot be read to its end: it holds more than 1000 times what it has packed";
    let large = tar(&[("a.json", json("a").as_bytes()), ("zeros.bin", &vec![0; 80 << 20])]);
    let packings: [(&str, Pack); 2] = [("gz", gzip), ("zst", input::zstd)];
    for (extension, pack) in packings {
        let packed = pack(&large);
        // Every part of it is packed a thousandfold at least.
        if packed.len() < (80 << 20) / 1_000 {
            assert_found(extension, read(&format!("a.tar.{extension}"), &packed), &["a"], &[("", 0, reason, true)]);
        } else {
            assert_found(extension, read(&format!("a.tar.{extension}"), &packed), &["a"], &[]);
        }
    }
}

const FAILED: &str = "Input/output error (os error 5)";

fn packed() -> Vec<(String, Vec<u8>)> {
    let files = [("a.json", json("a")), ("b.json", json("b"))];
    let noise = noise(400_000);
    let whole = tar(&[("a.json", files[0].1.as_bytes()), ("log", &noise), ("b.json", files[1].1.as_bytes())]);
    let packed = PACKINGS.iter().map(|(extension, pack)| (format!("a.tar.{extension}"), pack(&whole)));
    packed.chain([("a.tar".to_owned(), whole.clone())]).collect()
}

/// A disk that fails is no archive that is corrupt: collecting it again does not help.
#[test]
fn a_disk_that_fails_is_named_in_whatever_is_packed() {
    for (name, bytes) in packed() {
        for (at, kept) in [(bytes.len() * 3 / 4, 1), (bytes.len(), 2)] {
            let mut builder = builder();
            builder.read(&name, Failing(&bytes[..at]));
            let lost = format!("cannot be read to its end: {FAILED}");
            assert_found(&format!("{name} at {at}"), found(builder), &ALL[..kept], &[("", 0, &lost, true)]);
        }
    }
}

/// Whether it is an archive is known by its first bytes, or by its name.
#[test]
fn an_archive_that_fails_at_its_start_may_have_held_anything() {
    for (name, bytes) in packed() {
        for at in [0, 1, 1_000, 8_000] {
            let mut builder = builder();
            builder.read(&name, Failing(&bytes[..at]));
            let (_, lost) = found(builder);
            assert!(lost[0].2.ends_with(FAILED) && lost[0].3, "{name} at {at}: {lost:?}");
        }
    }
    let small = gzip(&whole());
    let mut builder = builder();
    builder.read("download", Failing(&*small));
    let (_, lost) = found(builder);
    assert!(lost[0].2.ends_with(FAILED) && lost[0].3, "{lost:?}");
}
