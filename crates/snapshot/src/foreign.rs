//! Files that hold others and are not read: archives of other kinds, parts of archives, and what is encrypted, told
//! by how they begin and by their names.

use crate::{
    bytes::{ends_with, is_named_as_archive, is_named_as_document, is_plain_text},
    packed,
};

/// How an archive of a kind begins that is not read.
///
/// Sources: the magic files of file 5.46 (`archive`, `compress`, `filesystems`, `pgp`, `rpm`), and the formats' own
/// pages: 7zFormat.txt, RAR 5.0 technote, `lz4_Frame_format.md`, age-encryption.org/v1, openssl-enc(1).
const MAGICS: [(&[u8], &str); 26] = [
    (b"7z\xbc\xaf\x27\x1c", SEVEN_ZIP),
    (b"Rar!\x1a\x07", RAR),
    (b"\x04\x22\x4d\x18", LZ4),
    (b"\x02\x21\x4c\x18", LZ4),
    (b"\x1f\x9d", COMPRESS),
    (b"\x1f\xa0", COMPRESS),
    (b"\x1f\x1e", COMPRESS),
    (b"LZIP\x01", LZIP),
    (b"\x89LZO\0\r\n\x1a\n", LZO),
    (b"\xff\x06\0\0sNaPpY", SNAPPY),
    (b"!<arch>\n", AR),
    (b"\xed\xab\xee\xdb", RPM),
    (b"MSCF\0\0\0\0", CAB),
    (b"xar!", XAR),
    (b"hsqs", SQUASHFS),
    (b"sqsh", SQUASHFS),
    (b"7kSt\xa0\x31\x83\xd3\x8c\xb2\x28\xb0\xd3", ZPAQ),
    (b"age-encryption.org/", ENCRYPTED),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", ENCRYPTED),
    (b"-----BEGIN PGP MESSAGE-----", ENCRYPTED),
    (b"Salted__", ENCRYPTED),
    (b"U2FsdGVkX1", ENCRYPTED),
    // OpenPGP: a session key for RSA of 2048, 3072 or 4096 bits, and one made from a passphrase.
    (b"\x85\x01\x0c\x03", ENCRYPTED),
    (b"\x85\x01\x8c\x03", ENCRYPTED),
    (b"\x85\x02\x0c\x03", ENCRYPTED),
    (b"\x8c\x0d\x04", ENCRYPTED),
];

/// How the names of such files end.
const NAMES: [(&str, &str); 33] = [
    (".7z", SEVEN_ZIP),
    (".rar", RAR),
    (".lz4", LZ4),
    (".z", COMPRESS),
    (".taz", COMPRESS),
    (".lz", LZIP),
    (".tlz", LZIP),
    (".lzma", LZMA),
    (".lzo", LZO),
    (".sz", SNAPPY),
    (".snappy", SNAPPY),
    (".br", BROTLI),
    (".cpio", CPIO),
    (".ar", AR),
    (".deb", AR),
    (".rpm", RPM),
    (".cab", CAB),
    (".xar", XAR),
    (".arj", "an ARJ archive"),
    (".lha", "an LHA archive"),
    (".lzh", "an LHA archive"),
    (".squashfs", SQUASHFS),
    (".sqsh", SQUASHFS),
    (".zpaq", ZPAQ),
    (".zipx", "a zip file of another kind"),
    (".iso", "an image of a disk"),
    (".dmg", "an image of a disk"),
    (".exe", "a program, which may hold an archive"),
    (".gpg", ENCRYPTED),
    (".pgp", ENCRYPTED),
    (".age", ENCRYPTED),
    (".enc", ENCRYPTED),
    (".aes", ENCRYPTED),
];

/// Nobody gives a text such a name. One that has it came instead of an archive, as the error page of a download does.
const SURE: [&str; 5] = [".7z", ".rar", ".taz", ".tlz", ".zipx"];

/// What is shorter may be a hash: SHA-512 in hexadecimal digits, and the end of its line.
const MIN_BASE64: usize = 131;

const SEVEN_ZIP: &str = "a 7z archive";
const RAR: &str = "a RAR archive";
const LZ4: &str = "an LZ4 file";
const COMPRESS: &str = "a file that compress or pack wrote";
const LZIP: &str = "an lzip file";
const LZMA: &str = "an LZMA file";
const LZO: &str = "an LZO file";
const SNAPPY: &str = "a Snappy file";
const BROTLI: &str = "a Brotli file";
const CPIO: &str = "a cpio archive";
const AR: &str = "an ar archive";
const RPM: &str = "an RPM package";
const CAB: &str = "a cabinet file";
const XAR: &str = "a xar archive";
const SQUASHFS: &str = "a SquashFS image";
const ZPAQ: &str = "a ZPAQ archive";
const ENCRYPTED: &str = "encrypted";
const PART: &str = "a part of an archive";

/// What kind of archive, that is not read, a file is, in words.
pub(crate) fn kind_of(path: &str, head: &[u8]) -> Option<&'static str> {
    let magic = MAGICS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, kind)| *kind);
    let other = || {
        let lha = matches!(head, [_, _, b'-', b'l', b'h', b'0'..=b'9' | b'd', b'-', ..]).then_some("an LHA archive");
        lha.or_else(|| is_cpio(head).then_some(CPIO)).or_else(|| is_lzma(head).then_some(LZMA))
    };
    magic.or_else(other).or_else(|| kind_by_name(path, head))
}

/// The same by its name. Hosts and branches are called `rack.r01` and `de.br`, too, so the name of a plain text has to
/// leave no doubt.
fn kind_by_name(path: &str, head: &[u8]) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_text = is_plain_text(head);
    let named = |name: &str| NAMES.iter().find(|(end, _)| ends_with(name, end)).copied();
    let is_meant = |(end, kind): &(&str, &str)| {
        let stem = name.get(..name.len().saturating_sub(end.len())).unwrap_or_default();
        let is_encrypted = *kind == ENCRYPTED && is_base64(head);
        !is_text || is_encrypted || SURE.contains(end) || is_named_as_archive(stem) || is_named_as_document(stem)
    };
    // `a.cpio.gz`, which is not packed after all.
    let unpacked = packed::unpacked_name(name).and_then(named);
    let found = named(name).filter(is_meant).or(unpacked).map(|(_, kind)| kind);
    found.or_else(|| is_part(name, is_text).then_some(PART))
}

/// Whether a name is that of a part, as split(1), zip, 7-Zip and RAR call them.
fn is_part(name: &str, is_text: bool) -> bool {
    let Some((stem, part)) = name.rsplit_once(['.', '-', '_']) else { return false };
    let part = part.to_ascii_lowercase();
    let is_number = |text: &str| (2..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    // More than that many parts have a first one in any case; `.asc`, `.md` and `.sh` are others.
    let is_letters = matches!(part.as_bytes(), [b'a' | b'b', b'a'..=b'z'] | [b'a', b'a', b'a'..=b'z']);
    let is_numbered = part.strip_prefix(['z', 'r']).is_some_and(|number| number.len() == 2 && is_number(number));
    let is_of_zip = is_numbered && name.as_bytes().get(stem.len()) == Some(&b'.');
    let stem = stem.trim_end_matches(|letter: char| "._-".contains(letter));
    let stem = ["part", "PART"].iter().find_map(|word| stem.strip_suffix(word)).unwrap_or(stem);
    let stem = stem.trim_end_matches(|letter: char| "._-".contains(letter));
    let is_archive = || {
        // What a browser or a tool has not got to its end.
        let is_begun = ["part", "partial", "crdownload", "filepart", "download", "tmp"].contains(&&*part);
        let is_known = |end: &str| (!is_text || SURE.contains(&end)) && ends_with(stem, end);
        (is_begun || is_of_zip || is_number(&part) || is_letters || part.starts_with("part"))
            && (is_named_as_archive(stem) || NAMES.iter().any(|(end, _)| is_known(end)))
    };
    (is_of_zip && !is_text) || (!is_named_as_archive(name) && is_archive())
}

/// Whether a file begins as what openssl-enc(1) writes with `-a`.
fn is_base64(head: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(byte);
    head.len() >= MIN_BASE64 && head.iter().all(is_digit)
}

/// Sources: cpio(5); of the binary form the mark is too short to say it alone.
fn is_cpio(head: &[u8]) -> bool {
    let is_text = |magic: &[u8], size: usize, is_digit: fn(&u8) -> bool| {
        head.starts_with(magic) && head.get(..size).is_some_and(|header| header.iter().all(is_digit))
    };
    let is_binary = |unit: fn([u8; 2]) -> u16| {
        let unit = |offset: usize| head.get(offset..)?.first_chunk().copied().map(unit);
        unit(0) == Some(0o070_707)
            && unit(6).is_some_and(|mode| [0o01, 0o02, 0o04, 0o06, 0o10, 0o12, 0o14].contains(&(mode >> 12)))
            && unit(20).is_some_and(|name| (2..4096).contains(&name))
    };
    is_text(b"070701", 110, u8::is_ascii_hexdigit)
        || is_text(b"070702", 110, u8::is_ascii_hexdigit)
        || is_text(b"070707", 76, |byte| (b'0'..=b'7').contains(byte))
        || is_binary(u16::from_le_bytes)
        || is_binary(u16::from_be_bytes)
}

/// It has no mark: properties as everybody writes them, a size of the dictionary that is a power of two or half as
/// much again, and a size that is unknown or below 256 GiB.
///
/// Source: xz 5.6 `alone_decoder.c`.
fn is_lzma(head: &[u8]) -> bool {
    let Some((&[0x5d, a, b, c, d], rest)) = head.split_first_chunk() else { return false };
    let Some(size) = rest.first_chunk().copied().map(u64::from_le_bytes) else { return false };
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    let is_usual = dictionary.is_power_of_two() || (dictionary % 3 == 0 && (dictionary / 3).is_power_of_two());
    dictionary >= 4096 && is_usual && (size == u64::MAX || size < 256 << 30)
}

/// Whether a file is what macOS writes beside another one, to keep what other systems have no place for.
///
/// Source: RFC 1740, appendix B; the names are those of tar and of zip on macOS.
pub(crate) fn is_apple_double(path: &str, head: &[u8]) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with("._")) && head.starts_with(&[0, 5, 0x16, 7])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_how_a_file_begins() {
        let newc = format!("070701{}", "0".repeat(104));
        let odc = format!("070707{}", "1".repeat(70));
        let binary: Vec<u8> = [0o070_707, 0, 0, 0o100_644, 0, 0, 0, 0, 0, 0, 8, 0, 0].map(u16::to_le_bytes).concat();
        let lzma = b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0";
        let cases: [(&[u8], Option<&str>); 12] = [
            (b"7z\xbc\xaf\x27\x1c\0\x04", Some(SEVEN_ZIP)),
            (newc.as_bytes(), Some(CPIO)),
            (odc.as_bytes(), Some(CPIO)),
            (&binary, Some(CPIO)),
            (lzma, Some(LZMA)),
            (b"\x1f\x9d\x90", Some(COMPRESS)),
            (b"Salted__12345678", Some(ENCRYPTED)),
            (b"a0-lh5-", Some("an LHA archive")),
            // MySQL writes dates so.
            (b"070701 12:00:01 [Note] started", None),
            (b"\xc7\x71 and nothing like it", None),
            (b"]\0\0not lzma at all", None),
            (b"", None),
        ];
        for (head, expected) in cases {
            assert_eq!(kind_of("download", head), expected, "{}", head.escape_ascii());
        }
    }

    #[test]
    fn kinds_by_name() {
        let cases = [
            ("a/mg.7z", Some(SEVEN_ZIP)),
            ("MG.RAR", Some(RAR)),
            ("mg.tar.br", Some(BROTLI)),
            ("mg.cpio.gz", Some(CPIO)),
            ("mg.z01", Some(PART)),
            ("mg.part02.rar", Some(RAR)),
            ("mg.r00", Some(PART)),
            ("rack-r01", None),
            ("node_z12", None),
            ("mg.7z.001", Some(PART)),
            ("mg.tar.gz.aa", Some(PART)),
            ("mg.tar.gz.part-ab", Some(PART)),
            ("mg.tgz-part1", Some(PART)),
            ("mg.tar.gz.part3", Some(PART)),
            ("mg.zip.crdownload", Some(PART)),
            ("mg.tar.gz", None),
            ("mg.tar.xz", None),
            ("mg.tar.gz.asc", None),
            ("mg.tar.gz.sha256", None),
            ("mg.tar.gz.md", None),
            ("pod.log.1", None),
            ("audit-2026.log.gz", None),
            ("installplans", None),
            ("core.1234", None),
            ("a.part", None),
            ("x-aa", None),
        ];
        for (name, expected) in cases {
            assert_eq!(kind_by_name(name, b"\x01"), expected, "{name}");
        }
    }

    #[test]
    fn what_macos_writes_beside_a_file() {
        let double = b"\0\x05\x16\x07\0\x02\0\0Mac OS X";
        for (path, head, expected) in [
            ("a/._nm.yaml", double.as_slice(), true),
            ("__MACOSX/._nm.yaml", double, true),
            ("a/nm.yaml", double, false),
            ("a/._nm.yaml", b"apiVersion: v1", false),
        ] {
            assert_eq!(is_apple_double(path, head), expected, "{path}");
        }
    }
}
