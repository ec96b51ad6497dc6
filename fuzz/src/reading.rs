//! Reading bytes into a snapshot, at once and in pieces, and what holds for every snapshot.

use std::io::{self, Cursor, Read};

use serde_json::Value;
use upgrade_gate_snapshot::{Builder, Flaw, Kind, MAX_OBJECT, MAX_UNBOUNDED, Snapshot, Wanted};

use crate::{
    naive::{NODE, NODE_MAINTENANCE},
    tree::Tree,
};

/// Runs that cross the borders of blocks, of what is read at once, of the first bytes of a file, and of what an
/// object may have; the limits of a build for fuzzing are small. Neither JSON nor YAML has a use for the bytes
/// that stand for them.
const RUNS: [(u8, u8, usize); 5] =
    [(1, b' ', 61), (2, b'a', 331), (3, b' ', 1_021), (4, b'a', MAX_OBJECT - 100), (5, b'a', MAX_OBJECT + 1)];

/// So long a text may become; runs beyond it are left out.
const MAX_TEXT: usize = 8 * MAX_OBJECT;

/// The text that a fuzzer's bytes stand for.
pub fn expand(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match RUNS.iter().find(|(mark, ..)| mark == byte) {
            None => text.push(*byte),
            Some((_, _, length)) if text.len() + length > MAX_TEXT => {}
            Some((_, letter, length)) => text.resize(text.len() + length, *letter),
        }
    }
    text
}

/// A number that follows from bytes.
pub fn number(bytes: &[u8]) -> usize {
    let mix = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
    bytes.iter().take(4_096).fold(2_166_136_261, mix) as usize
}

/// Gives 1 to 100 bytes at a time, of long texts more, and is interrupted now and then.
pub struct Pieces<'t> {
    rest: &'t [u8],
    size: usize,
    count: usize,
}

impl<'t> Pieces<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Self { rest: text, size: 1 + number(text) % 100 + text.len() / 1_000, count: 0 }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.count += 1;
        if self.count.is_multiple_of(50) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let (piece, _) = self.rest.split_at(self.size.min(buffer.len()).min(self.rest.len()));
        buffer[..piece.len()].copy_from_slice(piece);
        self.rest = &self.rest[piece.len()..];
        Ok(piece.len())
    }
}

pub fn builder() -> Builder {
    let mut wanted = Wanted::default();
    for (api_version, kind) in [NODE_MAINTENANCE, NODE] {
        wanted.add_kind(Kind::new(api_version, kind));
    }
    let mut builder = Builder::new(wanted);
    builder.source("fuzz");
    builder
}

/// Every object that is found in one file, each time that it is found.
pub fn read(path: &str, reader: impl Read + Send) -> Snapshot {
    let mut builder = builder();
    builder.keep_each();
    builder.read(path, reader);
    let snapshot = builder.finish();
    check(&snapshot);
    snapshot
}

/// The same of a file, which can be read a second time.
pub fn read_file(path: &str, text: &[u8]) -> Snapshot {
    let mut builder = builder();
    builder.keep_each();
    builder.read_files(vec![(path.to_owned(), || Ok(Cursor::new(text)))]);
    let snapshot = builder.finish();
    check(&snapshot);
    snapshot
}

/// Reads a text at once and in pieces, which gives the same; and as a file where that may differ.
pub fn read_twice(path: &str, text: &[u8]) -> Snapshot {
    let whole = read(path, text);
    assert_same(&whole, &read(path, Pieces::new(text)));
    if (text.len() as u64) <= MAX_UNBOUNDED {
        return whole;
    }
    let file = read_file(path, text);
    let is_unbounded = whole.skipped().iter().any(|skipped| skipped.flaw == Flaw::Unbounded);
    if !is_unbounded {
        assert_same(&whole, &file);
    }
    file
}

fn assert_same(one: &Snapshot, other: &Snapshot) {
    let objects = |snapshot: &Snapshot| format!("{:?}", snapshot.objects().collect::<Vec<_>>());
    assert_eq!(one.skipped(), other.skipped());
    assert_eq!(one.kinds(), other.kinds());
    assert_eq!(one.sources(), other.sources());
    assert!(objects(one) == objects(other), "{} and {}", objects(one), objects(other));
}

/// What is kept is JSON that says what it is, once.
pub fn check(snapshot: &Snapshot) {
    for object in snapshot.objects() {
        let tree: Tree = serde_json::from_str(&object.json).expect("JSON");
        assert!(!tree.is_doubled(), "{}", object.json);
        let text = |key: &str| tree.get(key).and_then(Tree::text);
        let metadata = |key: &str| tree.get("metadata").and_then(|metadata| metadata.get(key)).and_then(Tree::text);
        assert_eq!(text("apiVersion"), Some(&*object.kind.api_version));
        assert_eq!(text("kind"), Some(&*object.kind.kind));
        assert_eq!(metadata("name").unwrap_or_default(), object.name);
        assert_eq!(metadata("namespace").filter(|text| !text.is_empty()), object.namespace.as_deref());
        assert!([NODE_MAINTENANCE, NODE].contains(&(&*object.kind.api_version, &*object.kind.kind)));
    }
}

/// The objects of a snapshot, parsed.
pub fn values(snapshot: &Snapshot) -> Vec<Value> {
    snapshot.objects().map(|object| serde_json::from_str(&object.json).expect("JSON")).collect()
}

/// As texts in order, to be compared.
pub fn sorted(values: &[Value]) -> Vec<String> {
    let mut texts: Vec<String> = values.iter().map(Value::to_string).collect();
    texts.sort();
    texts
}

/// Whether something may be lost that decides.
pub fn says_lost(snapshot: &Snapshot) -> bool {
    snapshot.skipped().iter().any(|skipped| skipped.matters)
}

/// Whether a text begins as JSON does, which is told from its first 8 KiB.
pub fn begins_as_json(text: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&text[..text.len().min(8 << 10)]);
    let mut letters = head.chars().filter(|letter| !letter.is_whitespace());
    letters.next() == Some('{') && matches!(letters.next(), Some('"' | '}') | None)
}
