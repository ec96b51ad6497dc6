//! Small clusters in every layout, one file damaged or all of them packed in another way: no damage makes a verdict
//! `ready` or `warning`, and no packing changes a report.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a panic is how a test says no"
)]

mod clusters;
mod damages;
mod layouts;
mod lists;
mod model;
mod nested;
mod packings;
mod program;
mod yaml;

use std::env;

use clusters::{Cluster, NODE_MAINTENANCE, clusters};
use damages::{Change, Damage, Effect};
use layouts::{File, LAYOUTS, Layout, files};
use packings::PACKINGS;
use program::Program;
use rayon::prelude::*;

fn sources() -> Vec<(Cluster, Layout)> {
    clusters().into_iter().flat_map(|cluster| LAYOUTS.map(|layout| (cluster.clone(), layout))).collect()
}

#[test]
fn a_source_as_it_was_collected_has_the_verdict_of_its_cluster() {
    let program = Program::load();
    for cluster in clusters() {
        for layout in LAYOUTS {
            let report = program.check(&files(&cluster, layout));
            assert_eq!(
                report["verdict"],
                model::undamaged(&cluster, layout),
                "{} {layout:?}: {report:#}",
                cluster.name
            );
        }
    }
}

/// One of so many damages is tried; all are where the environment says `DAMAGES=all`.
const SAMPLE: usize = 37;

/// One of so many of these is packed, too.
const PACKED: usize = 8;

#[test]
fn no_damage_makes_a_verdict_better() {
    let program = Program::load();
    let step = if env::var("DAMAGES").is_ok_and(|which| which == "all") { 1 } else { SAMPLE };
    let of_source = |(number, (cluster, layout)): (usize, (Cluster, Layout))| {
        let files = files(&cluster, layout);
        let each = files.iter().enumerate().flat_map(|(index, file)| {
            damages::damages(&cluster, file).into_iter().map(move |damage| (index, file, damage))
        });
        let mut failures = Vec::new();
        for (count, (index, file, damage)) in each.skip(number % step).step_by(step).enumerate() {
            let what = format!("{layout:?} | {} | {} | {}", cluster.name, file.path, damage.name);
            let damaged = damage.done_to(&files, index);
            let allowed = model::allowed(&cluster, layout, file, &damage);
            let report = program.check(&damaged);
            let verdict = report["verdict"].as_str().unwrap();
            if !allowed.contains(&verdict) {
                failures.push(format!("{what} | {verdict}, and not {}", allowed.join(", ")));
            }
            let turn = number + count;
            if turn.is_multiple_of(PACKED) {
                let packing = &PACKINGS[turn / PACKED % PACKINGS.len()];
                failures.extend(program.changes(packing, &damaged, &report).map(|words| format!("{what} | {words}")));
            }
        }
        failures
    };
    let failures: Vec<String> = sources().into_par_iter().enumerate().flat_map_iter(of_source).collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// Each layout of three clusters.
#[test]
fn every_packing_gives_the_same_report() {
    let program = Program::load();
    let of_source = |(cluster, layout): (Cluster, Layout)| {
        let files = files(&cluster, layout);
        let expected = program.check(&files);
        let changes = PACKINGS.iter().filter_map(|packing| program.changes(packing, &files, &expected));
        changes.map(|words| format!("{layout:?} | {} | {words}", cluster.name)).collect::<Vec<_>>()
    };
    let failures: Vec<String> = sources().into_par_iter().step_by(3).flat_map_iter(of_source).collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// What the program itself is given; the fuzz target gives all of them to the reader.
const STREAMED: [&str; 5] = ["tar", "tar.xz", "gzip members", "zip with backslashes", "tar.gz in a zip"];

#[test]
fn standard_input_gives_the_same_report() {
    let program = Program::load();
    let (cluster, layout) = sources().into_iter().find(|(_, layout)| *layout == Layout::Kubevirt).unwrap();
    let files = files(&cluster, layout);
    let expected = program::comparable(program.check(&files));
    for name in STREAMED {
        let packing = PACKINGS.iter().find(|packing| packing.name == name).unwrap();
        let report = program::check_stream(&packing.archive(&files).unwrap());
        assert_eq!(program::difference(&expected, &program::comparable(report)), "", "{name}");
    }
}

/// More than is looked at before the first border of a document.
#[test]
fn nothing_vanishes_behind_a_long_comment() {
    let program = Program::load();
    let comment = "# a comment of sixty-four bytes, with its line end, again again\n".repeat((17 << 20) / 64);
    let (cluster, layout) = sources().into_iter().find(|(_, layout)| *layout == Layout::Inspected).unwrap();
    let files = files(&cluster, layout);
    let [api_version, kind, _] = NODE_MAINTENANCE;
    let object = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: nm-9\n");
    for content in [format!("{comment}---\n{object}"), format!("{comment}{object}"), format!("{object}{comment}---\n")]
    {
        let change =
            Change::Add(File { path: "notes.yaml".into(), content: content.into_bytes(), kind: "", decides: false });
        let damage = Damage { name: "a long comment".into(), change, effect: Effect::HidesMaintenance };
        let report = program.check(&damage.done_to(&files, 0));
        let allowed = model::allowed(&cluster, layout, &files[0], &damage);
        assert!(allowed.contains(&report["verdict"].as_str().unwrap()), "{}", report["verdict"]);
    }
}
