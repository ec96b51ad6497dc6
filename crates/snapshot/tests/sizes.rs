//! What is larger than memory should be, or changes while it is read: made up as it is read.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use upgrade_gate_core::NODE_MAINTENANCE;
use upgrade_gate_snapshot::{Builder, Kind, MAX_OBJECT, MAX_UNBOUNDED, Wanted};

const VERSION: &str = "nodemaintenance.kubevirt.io/v1beta1";

fn builder() -> Builder {
    let mut wanted = Wanted::default();
    wanted.add_kind(Kind::new(NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.kind));
    let mut builder = Builder::new(wanted);
    builder.source("a");
    builder
}

/// How many objects are kept, and what is skipped.
fn found(builder: Builder) -> (usize, Vec<(String, bool)>) {
    let snapshot = builder.finish();
    let skipped = snapshot.skipped().iter().map(|skipped| (skipped.reason(), skipped.matters)).collect();
    (snapshot.objects().len(), skipped)
}

/// Parts, one after the other, that nobody holds in memory.
struct Made<F> {
    part: F,
    next: usize,
    rest: Cursor<Vec<u8>>,
}

fn made<F: FnMut(usize) -> Option<String>>(part: F) -> Made<F> {
    Made { part, next: 0, rest: Cursor::default() }
}

impl<F: FnMut(usize) -> Option<String>> Read for Made<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.position() == self.rest.get_ref().len() as u64 {
            self.rest = Cursor::new((self.part)(self.next).unwrap_or_default().into_bytes());
            self.next += 1;
        }
        self.rest.read(buffer)
    }
}

/// Back to the start and nowhere else.
impl<F> Seek for Made<F> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        assert_eq!(position, SeekFrom::Start(0));
        (self.next, self.rest) = (0, Cursor::default());
        Ok(0)
    }
}

/// More items than are held in memory, which leave their type to a list that says it after them.
const ITEMS: usize = MAX_UNBOUNDED as usize / (1 << 20) + 2;

fn list_of(kind: &'static str) -> impl FnMut(usize) -> Option<String> + Send {
    let filling = "x".repeat(1 << 20);
    move |part| match part {
        0 => Some("{\"items\": [".into()),
        1..=ITEMS => {
            let comma = if part > 1 { "," } else { "" };
            Some(format!("{comma}\n{{\"metadata\": {{\"name\": \"nm-{part}\"}}, \"filling\": \"{filling}\"}}"))
        }
        _ if part == ITEMS + 1 => {
            Some(format!("], \"kind\": \"{kind}\", \"apiVersion\": \"{VERSION}\", \"metadata\": {{}}}}"))
        }
        _ => None,
    }
}

#[test]
fn items_that_wait_for_the_kind_of_their_list_are_bounded_and_a_file_is_read_twice() {
    let mut stream = builder();
    stream.read("-", made(list_of("NodeMaintenanceList")));
    let reason = "has more than 67108864 bytes of items before the kind of their list: save it as a file";
    assert_eq!(found(stream), (0, vec![(reason.into(), true)]));

    let mut file = builder();
    file.read_files(vec![("a.json".into(), || Ok(made(list_of("NodeMaintenanceList"))))]);
    assert_eq!(found(file), (ITEMS, Vec::new()));

    // Of another kind none is missed.
    let mut other = builder();
    other.read("-", made(list_of("PodList")));
    assert_eq!(found(other), (0, Vec::new()));
}

/// Its second reading finds another file.
#[test]
fn a_file_that_changes_between_two_readings_is_no_disaster() {
    for (second, kept) in [("", 0), ("{\"items\": [7", 0), ("{\"kind\": \"Pod\", \"apiVersion\": \"v1\"}", 0)] {
        let mut first = list_of("NodeMaintenanceList");
        let mut readings = 0;
        let parts = move |part: usize| {
            readings += usize::from(part == 0);
            if readings == 1 { first(part) } else { (part == 0).then(|| second.to_owned()) }
        };
        let mut builder = builder();
        let mut once = Some(parts);
        builder.read_files(vec![("a.json".into(), move || Ok(made(once.take().unwrap())))]);
        assert_eq!(found(builder).0, kept, "{second}");
    }
}

#[test]
fn an_object_may_be_so_large() {
    let object = |kind: &str, size: usize| {
        let filling = "x".repeat(size);
        format!(
            "{{\"apiVersion\": \"{VERSION}\", \"kind\": \"{kind}\", \"metadata\": {{\"name\": \"a\"}}, \"data\": {{\"x\": \"{filling}\"}}}}"
        )
    };
    let list = |item: String| {
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{item}, {}]}}",
            object("NodeMaintenance", 1).replace("\"a\"", "\"b\"")
        )
    };
    let yaml = |kind: &str| {
        let filling = "x".repeat(MAX_OBJECT);
        format!(
            "apiVersion: {VERSION}\nkind: {kind}\nmetadata:\n  name: a\nx: {filling}\n---\n\
             apiVersion: {VERSION}\nkind: NodeMaintenance\nmetadata:\n  name: b\n"
        )
    };
    let (wanted, other) = (|size| object("NodeMaintenance", size), |size| object("Pod", size));
    let cases = [
        ("just small enough", wanted(MAX_OBJECT - 200), 1, None),
        ("wanted", wanted(MAX_OBJECT), 0, Some(true)),
        ("other", other(MAX_OBJECT), 0, None),
        ("wanted, in a list", list(wanted(MAX_OBJECT)), 1, Some(true)),
        ("other, in a list", list(other(MAX_OBJECT)), 1, None),
        ("wanted, in YAML", yaml("NodeMaintenance"), 1, Some(true)),
        ("other, in YAML", yaml("Pod"), 1, None),
    ];
    for (name, text, kept, matters) in cases {
        let mut builder = builder();
        builder.read(if name.contains("YAML") { "a.yaml" } else { "a.json" }, text.as_bytes());
        let (objects, skipped) = found(builder);
        assert_eq!(objects, kept, "{name}");
        assert_eq!(skipped.first().map(|(_, matters)| *matters), matters, "{name}: {skipped:?}");
        assert!(skipped.iter().all(|(reason, _)| reason.contains("more than the 16777216")), "{name}: {skipped:?}");
    }
}

#[test]
fn a_line_of_fifty_megabytes_is_a_line() {
    let pod = format!("{{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"x\": \"{}\"}},", "\\\"{[".repeat(2_500));
    let last = format!(
        "{{\"apiVersion\": \"{VERSION}\", \"kind\": \"NodeMaintenance\", \"metadata\": {{\"name\": \"a\"}}}}]}}"
    );
    let parts = move |part: usize| match part {
        0 => Some("{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [".into()),
        1..=5_000 => Some(pod.clone()),
        5_001 => Some(last.clone()),
        _ => None,
    };
    let mut builder = builder();
    builder.read("a.json", made(parts));
    let snapshot = builder.finish();
    assert_eq!(snapshot.objects().map(|object| object.origin.line).collect::<Vec<_>>(), [1]);
    assert_eq!((snapshot.skipped().len(), snapshot.sources()[0].documents), (0, 5_002));
}

#[test]
fn of_many_files_with_the_same_flaw_some_are_listed() {
    let mut builder = builder();
    builder
        .read_files((0..1_500).map(|number| (format!("{number:04}.yaml"), || Ok(Cursor::new(Vec::new())))).collect());
    let (objects, skipped) = found(builder);
    assert_eq!((objects, skipped.len()), (0, 1_000));
    assert_eq!(skipped[999].0, "is empty; and 500 more files like it, which are not listed");
    assert!(skipped.iter().all(|(_, matters)| !matters));
}

/// Between the walk and its turn.
#[test]
fn a_file_that_vanishes_is_lost() {
    let mut builder = builder();
    let gone = || Err::<Cursor<Vec<u8>>, _>(io::Error::from(io::ErrorKind::NotFound));
    builder.read_files(["a.yaml", "a.log"].map(|path| (path.to_owned(), gone)).into());
    let reason = "cannot be read: entity not found".to_owned();
    assert_eq!(found(builder), (0, vec![(reason.clone(), false), (reason, true)]));
}
