//! Must-gathers as people send them: packed, cut off, and meant to hurt.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use bzip2::write::BzEncoder;
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder},
};
use lzma_rust2::{XzOptions, XzWriter};
use program::{EXAMPLE, check, cluster::hyperconverged, folder, report, stdout, typed_list};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;
use tempfile::TempDir;
use upgrade_gate_testing::node_maintenance;

type Pack = fn(&[u8]) -> Vec<u8>;

const PACKINGS: [(&str, Pack); 5] =
    [("tar", <[u8]>::to_vec), ("tar.gz", gzip), ("tar.zst", zstd), ("tar.xz", xz), ("tar.bz2", bzip2)];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // Not by `set_path`, which takes no hostile name.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn example() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_dir_all("must-gather.local.123", Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLE)).unwrap();
    builder.into_inner().unwrap()
}

/// The members of a tar file, in a zip file.
fn zip(tar: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut zip = rawzip::ZipArchiveWriter::new(&mut bytes);
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let method = rawzip::CompressionMethod::DEFLATE;
            let (mut member, config) = zip.new_file(&name).compression_method(method).start().unwrap();
            let mut writer = config.wrap(DeflateEncoder::new(&mut member, Compression::default()));
            std::io::copy(&mut entry, &mut writer).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            member.finish(descriptor).unwrap();
        }
    }
    zip.finish().unwrap();
    bytes
}

fn saved(name: &str, bytes: &[u8]) -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

fn without_origins(report: &Value) -> Value {
    let mut findings = report["findings"].clone();
    findings.as_array_mut().unwrap().iter_mut().for_each(|finding| finding["origin"] = Value::Null);
    findings
}

#[test]
fn the_example_packed_is_the_example() {
    let expected = without_origins(&report(&[EXAMPLE]));
    for (name, pack) in PACKINGS.into_iter().chain([("zip", zip as Pack)]) {
        let packed = pack(&example());
        // Told by content: the name does not matter.
        for name in [format!("must-gather.{name}"), "download".into()] {
            let (_folder, path) = saved(&name, &packed);
            let report = report(&[&path]);
            assert_eq!(without_origins(&report), expected, "{name}");
            assert_eq!(report["snapshot"]["sources"][0]["layout"], "kubevirt-must-gather", "{name}");
            let origin = &report["findings"][0]["origin"];
            assert_eq!(origin["path"], path.as_str());
            let member = origin["member"].as_str().unwrap();
            assert!(member.starts_with("must-gather.local.123/") && member.ends_with("/nm-worker-1.yaml"), "{member}");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
        let mut child =
            command.args(["check", "-", "-q"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&packed).unwrap();
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1), "{name} from standard input");
    }
}

#[test]
fn the_report_is_the_same_on_any_number_of_threads() {
    let (_folder, path) = saved("must-gather.tar.gz", &gzip(&example()));
    for source in [EXAMPLE, &path] {
        let report = |threads: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade-gate"));
            command.env("RAYON_NUM_THREADS", threads).args(["check", source, "-o", "json"]).output().unwrap().stdout
        };
        let one = report("1");
        assert!(!one.is_empty());
        assert!(report("2") == one && report("8") == one, "{source}");
    }
}

/// Some decoders stop after the first part without an error.
#[test]
fn what_several_programs_wrote_one_after_the_other_is_read_to_its_end() {
    let nm = |name: &str| node_maintenance(name).of_node("worker-1").json().to_string();
    let (first, second) = (nm("nm-1"), nm("nm-2"));
    let whole = tar(&[("a.json", first.as_bytes()), ("b.json", second.as_bytes())]);
    let (start, end) = whole.split_at(700);
    let skippable = [b"\x50\x2a\x4d\x18\x03\x00\x00\x00xyz".as_slice(), &zstd(end)].concat();
    let two = [tar(&[("a.json", first.as_bytes())]), tar(&[("b.json", second.as_bytes())])].concat();
    let cases = [
        ("gzip members", [gzip(start), gzip(end)].concat()),
        ("zstd frames", [zstd(start), zstd(end)].concat()),
        ("a frame of another program", [zstd(start), skippable].concat()),
        ("xz streams", [xz(start), xz(end)].concat()),
        ("bzip2 streams", [bzip2(start), bzip2(end)].concat()),
        ("a frame of another program first, as pzstd does", [b"\x50\x2a\x4d\x18\x01\0\0\0x", &*zstd(&whole)].concat()),
        ("tar files", two.clone()),
        ("tar files in gzip members", [gzip(&two[..1024]), gzip(&two[1024..])].concat()),
    ];
    for (name, bytes) in cases {
        let (_folder, path) = saved("a", &bytes);
        let names: Vec<Value> = report(&[&path])["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|f| f["policy"] == "integrated-nmo")
            .map(|f| f["resource"]["name"].clone())
            .collect();
        assert_eq!(names, ["nm-1", "nm-2"], "{name}");
    }
}

#[test]
fn a_file_that_is_packed_alone() {
    let list = typed_list(&[node_maintenance("nm-1").of_node("worker-1").json().clone()]);
    for (name, pack) in
        [("nm.json.gz", gzip as Pack), ("nm.json.zst", zstd), ("nm.json.xz", xz), ("nm.json.bz2", bzip2)]
    {
        let (_folder, path) = saved(name, &pack(list.as_bytes()));
        let report = report(&[&path]);
        assert_eq!(report["verdict"], "blocked", "{name}");
        assert_eq!(report["findings"][0]["origin"]["member"], "nm.json");
    }
}

/// Whatever is missing may have been an offender: never ready, and never a crash.
#[test]
fn what_is_cut_off_or_corrupt_is_not_ready() {
    let proof = typed_list(&[]);
    let hco = hyperconverged("1.6.0");
    let whole = tar(&[("hco.json", hco.as_bytes()), ("empty.json", proof.as_bytes()), ("log", &[b'x'; 3000])]);
    for (name, pack) in PACKINGS {
        let packed = pack(&whole);
        assert_eq!(verdict(&packed), "ready", "{name}");
        for cut in [packed.len() / 3, packed.len() / 2, packed.len() * 3 / 4] {
            let found = verdict(&packed[..cut]);
            // Of a plain tar file padding may be missing, and nothing else.
            assert!(found == "unknown" || (name == "tar" && cut > 5600), "{name} cut at {cut}: {found}");
        }
        for index in (0..packed.len()).step_by(packed.len() / 6) {
            let mut corrupt = packed.clone();
            corrupt[index] ^= 0x5A;
            let (_folder, path) = saved("a", &corrupt);
            let output = check(&[&path, "-q"]);
            assert!([Some(0), Some(3)].contains(&output.status.code()), "{name} at {index}: {output:?}");
        }
    }
    let (_folder, path) = saved("a.tar.gz", &gzip(&whole)[..200]);
    assert!(stdout(&check(&[&path])).contains("a.tar.gz cannot be read to its end: "), "{}", stdout(&check(&[&path])));
}

/// In a must-gather are many packed logs.
#[test]
fn a_packed_log_that_is_cut_off_is_a_broken_log() {
    let cut = |text: &str| gzip(text.as_bytes())[..14].to_vec();
    let cases =
        [("pod.log.gz", "ready"), ("nm.json.gz", "unknown"), ("logs.tar.gz", "unknown"), ("logs.tgz", "unknown")];
    for (name, expected) in cases {
        let folder = folder(&[("empty.json", typed_list(&[])), ("hco.json", hyperconverged("1.6.0"))]);
        fs::write(folder.path().join(name), cut("nothing of interest, several times over")).unwrap();
        assert_eq!(report(&[folder.path().to_str().unwrap()])["verdict"], expected, "{name}");
    }
}

fn verdict(bytes: &[u8]) -> String {
    let (_folder, path) = saved("a", bytes);
    report(&[&path])["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn names_and_links_in_an_archive_open_nothing() {
    let nm = node_maintenance("nm-1").of_node("worker-1").json().to_string();
    for name in ["../../etc/nm.json", "/etc/nm.json", "a/../nm.json", "nm\u{1b}[31m.json", "nm.json"] {
        let (_folder, path) = saved("a.tar", &tar(&[(name, nm.as_bytes()), (name, nm.as_bytes())]));
        let output = check(&[&path]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(!stdout(&output).contains('\u{1b}'), "{name}");
        assert_eq!(report(&[&path])["summary"]["fail"], 1, "{name}: the same object twice is one");
    }
    let link = |kind: tar::EntryType, target: &str| {
        let (hco, empty) = (hyperconverged("1.6.0"), typed_list(&[]));
        let files = tar(&[("hco.json", hco.as_bytes()), ("empty.json", empty.as_bytes())]);
        // Without the two blocks of its end.
        let mut builder = tar::Builder::new(files[..files.len() - 1024].to_vec());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        builder.append_link(&mut header, "folder/link.json", target).unwrap();
        builder.into_inner().unwrap()
    };
    let cases = [
        (tar::EntryType::Symlink, "../other/nm.json", "unknown"),
        (tar::EntryType::Symlink, "../empty.json", "ready"),
        (tar::EntryType::Symlink, "../../etc/passwd", "unknown"),
        (tar::EntryType::Symlink, "/etc/passwd", "unknown"),
        (tar::EntryType::Link, "../../nm.json", "unknown"),
        (tar::EntryType::Char, "x", "unknown"),
        (tar::EntryType::Fifo, "x", "unknown"),
    ];
    for (kind, target, expected) in cases {
        assert_eq!(verdict(&link(kind, target)), expected, "{kind:?} to {target}");
    }
}

/// What inflates beyond measure, and headers without end, are not read, and that is said.
#[test]
fn bombs_are_not_read() {
    let zeros = |bytes: u64| {
        let mut writer = GzEncoder::new(Vec::new(), Compression::best());
        std::io::copy(&mut std::io::repeat(0).take(bytes), &mut writer).unwrap();
        writer.finish().unwrap()
    };
    let mut long_name = tar::Header::new_gnu();
    long_name.set_entry_type(tar::EntryType::GNULongName);
    long_name.set_size(20 << 20);
    long_name.set_cksum();
    let long_name = [long_name.as_bytes().as_slice(), &vec![b'n'; 20 << 20]].concat();
    let mut large = tar::Header::new_gnu();
    large.set_path("zeros.bin").unwrap();
    large.set_size(1 << 30);
    large.set_cksum();
    let large = [gzip(large.as_bytes()), zeros(80 << 20)].concat();
    let cases = [
        ("a member of a gigabyte of nothing", large, "it holds more than 1000 times what it has packed"),
        ("a name of 20 MB", gzip(&long_name), "it has a header of more than 16777216 bytes"),
    ];
    for (name, bytes, expected) in cases {
        let (_folder, path) = saved("a.tar.gz", &bytes);
        let output = check(&[&path]);
        assert_eq!(output.status.code(), Some(3), "{name}");
        assert!(stdout(&output).contains(expected), "{name}: {}", stdout(&output));
    }
}

/// A support case is often an archive of what somebody packed before.
#[test]
fn an_archive_in_an_archive_is_opened() {
    let inner = gzip(&example());
    let expected = without_origins(&report(&[EXAMPLE]));
    let case = folder(&[]);
    for (name, bytes) in
        [("case.zip", zip(&tar(&[("case/mg.tar.gz", &inner)]))), ("case.tar", tar(&[("mg.tar.gz", &inner)]))]
    {
        let path = case.path().join(name);
        fs::write(&path, bytes).unwrap();
        let report = report(&[path.to_str().unwrap()]);
        assert_eq!(without_origins(&report), expected, "{name}");
        let origin = report["findings"][0]["origin"]["member"].as_str().unwrap();
        assert!(origin.contains("mg.tar.gz!/must-gather.local.123/"), "{origin}");
        assert_eq!(report["snapshot"]["sources"][0]["layout"], "kubevirt-must-gather", "{name}");
    }
}

/// A must-gather holds archives of logs, which do not matter more because it was packed once more.
#[test]
fn a_packed_must_gather_with_archives_in_it_keeps_its_verdict() {
    let (empty, hco) = (typed_list(&[]), hyperconverged("1.6.0"));
    let logs = gzip(&tar(&[("ovnk.log", b"started"), ("pod.log.gz", &gzip(b"started"))]));
    let must_gather = |logs: &[u8]| {
        gzip(&tar(&[
            ("mg/empty.json", empty.as_bytes()),
            ("mg/hco.json", hco.as_bytes()),
            ("mg/network_logs/ovnk_database_store.tar.gz", logs),
        ]))
    };
    let deeper = gzip(&tar(&[("deep.tar.gz", &logs)]));
    for (logs, verdicts) in [(logs, ["ready", "ready", "unknown"]), (deeper, ["ready", "unknown", "unknown"])] {
        let alone = must_gather(&logs);
        let once = zip(&tar(&[("mg.tar.gz", &alone)]));
        let twice = tar(&[("case.zip", &once)]);
        for (bytes, verdict) in [&alone, &once, &twice].into_iter().zip(verdicts) {
            let (_folder, path) = saved("case", bytes);
            let report = report(&[&path]);
            assert_eq!(report["verdict"], verdict, "{:?}", report["snapshot"]["skipped"]);
            if verdict == "unknown" {
                let skipped = &report["snapshot"]["skipped"][0];
                assert!(skipped["reason"].as_str().unwrap().contains("three levels deep"), "{skipped}");
            }
        }
    }
}

/// What is wrong with one file says the same, whatever the files lie in.
#[test]
fn a_folder_and_an_archive_of_it_have_the_same_verdict() {
    let place = "cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io";
    let broken = [
        ("a link to nothing", format!("ln -s gone {place}/nm.yaml"), "unknown"),
        ("a link of a folder to nothing", "ln -s gone namespaces".into(), "unknown"),
        ("a link to nothing, of a log", "ln -s gone current.log".into(), "ready"),
        ("a link out", "ln -s /etc/hostname current.log".into(), "unknown"),
        ("a link to a list inside", format!("ln -s ../../empty.json {place}/nm.yaml"), "unknown"),
        ("a pipe", format!("mkfifo {place}/nm.yaml"), "unknown"),
        ("a pipe of nobody", "mkfifo pipe".into(), "ready"),
        ("a 7z archive", "printf '7z\\274\\257\\047\\034' > mg.bin".into(), "unknown"),
        ("a part of an archive", "printf x > mg.tar.gz.ab".into(), "unknown"),
        ("a text that is named like a part", "printf hello > rack-r01".into(), "ready"),
        ("an encrypted file", "printf 'Salted__1234' > mg".into(), "unknown"),
        ("a database", "printf '\\000\\001' > etcd.db".into(), "ready"),
        ("a packed object", format!("gzip < ../nm.yaml > {place}/nm.yaml.gz"), "blocked"),
        ("a packed object that is cut off", format!("gzip < ../nm.yaml | head -c 20 > {place}/nm.yaml.gz"), "unknown"),
    ];
    for (name, script, expected) in broken {
        let folder = folder(&[("mg/empty.json", typed_list(&[])), ("mg/hco.json", hyperconverged("1.6.0"))]);
        let root = folder.path().join("mg");
        fs::create_dir_all(root.join(place)).unwrap();
        let object = node_maintenance("nm-1").of_node("worker-1").json().to_string();
        fs::write(folder.path().join("nm.yaml"), object).unwrap();
        let run = |script: &str| Command::new("sh").args(["-ec", script]).current_dir(&root).status().unwrap();
        assert!(run(&script).success(), "{name}");
        assert!(run("tar czf ../mg.tar.gz .").success());
        for source in ["mg", "mg.tar.gz"] {
            let path = folder.path().join(source);
            assert_eq!(report(&[path.to_str().unwrap()])["verdict"], expected, "{name} in {source}");
        }
    }
}
