//! A file that does not parse proves nothing, wherever a must-gather has it; and every question has an answer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use upgrade_gate_core::{Cluster, GetQuery, ListQuery};
use upgrade_gate_fuzz::{
    reading::{builder, check, expand, says_lost},
    tree::Tree,
};
use upgrade_gate_snapshot::{Kind, State};

/// A letter of a file stands for its path: one of each layout, for what is wanted and for what proves something.
const PATHS: [&str; 20] = [
    "a.yaml",
    "a.json",
    "a",
    "i/cluster-scoped-resources/core/nodes/a.yaml",
    "i/cluster-scoped-resources/core/nodes.yaml",
    "i/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances/a.yaml",
    "i/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances.yaml",
    "i/cluster-scoped-resources/nodemaintenance.kubevirt.io/nodemaintenances.json",
    "k/cluster-scoped-resources/nodemaintenances.nodemaintenance.kubevirt.io/a.yaml",
    "k/cluster-scoped-resources/networkaddonsconfigs.networkaddonsoperator.network.kubevirt.io/a.yaml",
    "k/cluster-scoped-resources/apiextensions.k8s.io/customresourcedefinitions/hyperconvergeds.hco.kubevirt.io.yaml",
    "k/cluster-scoped-resources/apiextensions.k8s.io/customresourcedefinitions/a.yaml",
    "i/cluster-scoped-resources/apiextensions.k8s.io/customresourcedefinitions.yaml",
    "i/namespaces/n/nodemaintenance.kubevirt.io/nodemaintenances.yaml",
    "i/namespaces/n/nodemaintenance.kubevirt.io/nodemaintenances/a.yaml",
    "k/namespaces/n/crs/hyperconvergeds.hco.kubevirt.io/a.yaml",
    "k/namespaces/n/crs/ssps.ssp.kubevirt.io/a.yaml",
    "k/namespaces/n/installplans",
    "i/namespaces/n/core/configmaps.yaml",
    "i/namespaces/n/pods/p/p/p/logs/current.log",
];

/// Begins each file: ASCII's own mark for that.
const FILE: u8 = 0x1c;

fuzz_target!(|bytes: &[u8]| {
    let mut builder = builder();
    let mut parses = false;
    for file in bytes.split(|byte| *byte == FILE).take(4) {
        let Some((letter, content)) = file.split_first() else { continue };
        let content = expand(content);
        let path = PATHS[usize::from(letter.wrapping_sub(b'A')) % PATHS.len()];
        parses |= has_document(&content);
        builder.read(path, content.as_slice());
    }
    let snapshot = builder.finish();
    check(&snapshot);
    for report in snapshot.kinds() {
        // What must-gathers do is known from paths alone.
        let is_by_path = ["the must-gather in ", "no CRD of it in k, "].iter().any(|it| report.evidence.starts_with(it));
        let is_proved = report.state != State::NotCaptured && !is_by_path;
        assert!(!is_proved || parses || says_lost(&snapshot), "{report:?}");
        let count = snapshot.objects().filter(|object| object.kind == report.kind).count();
        assert_eq!(report.objects, count);
        ask(&snapshot, &report.kind, bytes);
    }
});

/// Whether there is one document that parses.
fn has_document(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    let is_border = |line: &&str| line.starts_with("---") || line.starts_with("...");
    let lines: Vec<&str> = text.lines().collect();
    let mut yaml = lines.split(is_border).map(|lines| lines.join("\n"));
    let is_map = |tree: Tree| matches!(tree, Tree::Map(_));
    serde_json::Deserializer::from_slice(content).into_iter::<Tree>().next().is_some_and(|tree| tree.is_ok())
        || yaml.any(|text| serde_saphyr::from_str::<Tree>(&text).is_ok_and(is_map))
        // A byte order mark, or UTF-16: not worth a parser of its own.
        || content.first().is_some_and(|byte| *byte >= 0xef)
}

/// Questions of a policy, with selectors from the input.
fn ask(snapshot: &impl Cluster, kind: &Kind, bytes: &[u8]) {
    let words = String::from_utf8_lossy(&bytes[..bytes.len().min(50)]).into_owned();
    let mut query = ListQuery { api_version: kind.api_version.clone(), kind: kind.kind.clone(), ..ListQuery::default() };
    let all = snapshot.list(&query).map(|answer| serde_json::from_str::<Tree>(&answer.json).expect("JSON"));
    assert!(all.is_ok_and(|tree| tree.get("items").is_some()) || snapshot.list(&query).is_err());
    query.label_selector = Some(words.clone());
    query.fields = ["metadata.name", &words].map(str::to_owned).into_iter().collect();
    for answer in [snapshot.list(&query), snapshot.list(&ListQuery { field_selector: Some(words.clone()), ..query })] {
        assert!(answer.is_err() || answer.is_ok_and(|answer| serde_json::from_str::<Tree>(&answer.json).is_ok()));
    }
    let crd = ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "nodemaintenances.nodemaintenance.kubevirt.io");
    for (api_version, kind, name) in [crd, (&kind.api_version, &kind.kind, "a")] {
        let [api_version, kind, name] = [api_version, kind, name].map(str::to_owned);
        let fields = ["metadata.name".to_owned(), words.clone()].into_iter().collect();
        if let Ok(answer) = snapshot.get(&GetQuery { api_version, kind, namespace: None, name, fields, disable_cache: false }) {
            assert!(serde_json::from_str::<Tree>(&answer.json).is_ok());
        }
    }
}
