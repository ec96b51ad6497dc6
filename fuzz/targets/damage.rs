//! No damage of one file makes a snapshot claim more than is true, and every packing of the files is the same snapshot.
//! The clusters, the damages and the packings are those of `tests/damage`.

#![no_main]
#![allow(dead_code, reason = "the test uses more of these files")]

use std::io::Cursor;

use clusters::{CRD, Cluster, HYPERCONVERGED, NODE, NODE_MAINTENANCE, clusters};
use damages::{Change, Damage, Effect};
use layouts::{File, LAYOUTS, files};
use libfuzzer_sys::fuzz_target;
use packings::{Content, PACKINGS};
use serde_json::Value;
use upgrade_gate_core::{Cluster as _, GetQuery, ListQuery, ReadError};
use upgrade_gate_fuzz::reading::Pieces;
use upgrade_gate_snapshot::{Builder, Kind, Snapshot, State, Wanted};

#[path = "../../tests/damage/clusters.rs"]
mod clusters;
#[path = "../../tests/damage/damages.rs"]
mod damages;
#[path = "../../tests/damage/layouts.rs"]
mod layouts;
#[path = "../../tests/damage/lists.rs"]
mod lists;
#[path = "../../tests/damage/nested.rs"]
mod nested;
#[path = "../../tests/damage/packings.rs"]
mod packings;
#[path = "../../tests/damage/yaml.rs"]
mod yaml;

/// What is asked about.
const ASKED: [clusters::Kind; 4] = [CRD, NODE_MAINTENANCE, HYPERCONVERGED, NODE];

/// A letter of the input for each choice, and what is left.
struct Choices<'b>(&'b [u8]);

impl Choices<'_> {
    /// A number below a limit; 0 where nothing is left.
    fn below(&mut self, limit: usize) -> usize {
        let (head, rest) = self.0.split_at(self.0.len().min(2));
        self.0 = rest;
        head.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)) % limit.max(1)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices(bytes);
    let clusters = clusters();
    let cluster = &clusters[choices.below(clusters.len())];
    let files = files(cluster, LAYOUTS[choices.below(LAYOUTS.len())]);
    let index = choices.below(files.len());
    let damage = damage(cluster, &files[index], &mut choices);
    let damaged = damage.done_to(&files, index);

    let snapshot = read(&each(&damaged), false);
    // Where the file is gone nothing tells that it was there; where two things are said the program says so.
    if !matches!(damage.change, Change::Remove) && snapshot.clash().is_none() && snapshot.copies().is_empty() {
        // A definition that somebody chose to leave out is missed only where there are objects of it.
        let is_chosen = damage.name.starts_with("without ");
        let asked = ASKED.iter().filter(|kind| **kind != CRD || !is_chosen);
        asked.for_each(|kind| claims(cluster, &snapshot, *kind, &damage.name));
    }

    if damaged.is_empty() {
        return;
    }
    let packing = &PACKINGS[choices.below(PACKINGS.len())];
    let packed: Option<Vec<(String, Vec<u8>)>> = (packing.pack)(&damaged)
        .into_iter()
        .map(|entry| if let Content::Bytes(bytes) = entry.content { Some((entry.path, bytes)) } else { None })
        .collect();
    let Some(mut packed) = packed else { return };
    packed.sort();
    let expected = said(&snapshot);
    assert_eq!(said(&read(&packed, false)), expected, "{} in {}", damage.name, packing.name);
    if packed.len() == 1 {
        assert_eq!(said(&read(&packed, true)), expected, "{} in a stream of {}", damage.name, packing.name);
    }
});

/// One of the generator's, or one byte that is another one, too many or missing. Two of these may hide an item of a list
/// in a text, which nobody can tell.
fn damage(cluster: &Cluster, file: &File, choices: &mut Choices<'_>) -> Damage {
    let how = choices.below(8);
    if how < 4 {
        let mut damages = damages::damages(cluster, file);
        let chosen = choices.below(damages.len());
        return damages.swap_remove(chosen);
    }
    let mut content = file.content.clone();
    let place = choices.below(content.len());
    let byte = u8::try_from(choices.below(256)).unwrap_or_default();
    match how {
        4 | 5 => content[place] = byte,
        6 => content.insert(place, byte),
        _ => {
            content.remove(place);
        }
    }
    let part = content[place.saturating_sub(40)..content.len().min(place + 40)].escape_ascii();
    Damage::content(format!("{}: {part}", file.path), content, Effect::AsRead)
}

fn each(files: &[File]) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = files.iter().map(|file| (file.path.clone(), file.content.clone())).collect();
    files.sort();
    files
}

fn read(files: &[(String, Vec<u8>)], as_stream: bool) -> Snapshot {
    let mut wanted = Wanted::default();
    for [api_version, kind, _] in clusters::KINDS {
        let kind = Kind::new(api_version, kind);
        if ASKED.iter().any(|[_, asked, _]| *asked == kind.kind) {
            wanted.add_kind(kind);
        } else if ![clusters::SSP[1], "VirtualMachine"].contains(&&*kind.kind) {
            wanted.add_dispensable(&kind);
        }
    }
    let mut builder = Builder::new(wanted);
    builder.source("x");
    if as_stream {
        files.iter().for_each(|(path, content)| builder.read(&format!("x/{path}"), Pieces::new(content)));
    } else {
        let files = files.iter().map(|(path, content)| (format!("x/{path}"), move || Ok(Cursor::new(content))));
        builder.read_files(files.collect());
    }
    builder.finish()
}

/// What a snapshot says of a kind is true of the cluster. An object may have lost its name, but it counts.
fn claims(cluster: &Cluster, snapshot: &Snapshot, [api_version, kind, _]: clusters::Kind, damage: &str) {
    let truth = cluster.of_kind(kind).count();
    let asked = Kind::new(api_version, kind);
    let here = snapshot.objects().filter(|object| object.kind == asked).count();
    match snapshot.state(&asked) {
        // What could not be read may have been one of them.
        _ if !snapshot.is_whole() => {}
        State::Captured => assert!(here >= truth, "{damage}: {here} of {truth} {kind} objects are all"),
        State::NotInstalled => assert_eq!(truth, 0, "{damage}: {kind} is there"),
        State::NotCaptured => {}
    }
    let query = ListQuery { api_version: api_version.into(), kind: kind.into(), ..ListQuery::default() };
    if let Ok(answer) = snapshot.list(&query)
        && answer.complete
    {
        let list: Value = serde_json::from_str(&answer.json).expect("JSON");
        let listed = list["items"].as_array().map_or(0, Vec::len);
        assert!(listed >= truth, "{damage}: a list of {listed} of {truth} {kind} objects is complete");
    }
    for object in cluster.of_kind(kind) {
        let text = |field: &str| object["metadata"][field].as_str().map(str::to_owned);
        let query = GetQuery {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: text("namespace"),
            name: text("name").unwrap_or_default(),
            ..GetQuery::default()
        };
        let is_denied = matches!(snapshot.get(&query), Err(ReadError::NotFound { .. }));
        assert!(!is_denied || here >= truth, "{damage}: {kind} {} is not found", query.name);
    }
}

/// What must not depend on how the files are packed.
fn said(snapshot: &Snapshot) -> String {
    let objects: Vec<_> = snapshot.objects().map(|object| &object.json).collect();
    let kinds: Vec<_> = snapshot.kinds().iter().map(|report| (&report.kind, report.state, report.objects)).collect();
    let mut skipped: Vec<_> =
        snapshot.skipped().iter().map(|skipped| format!("{:?} {}", skipped.flaw, skipped.matters)).collect();
    skipped.sort();
    format!("{objects:?} {kinds:?} {skipped:?}")
}
