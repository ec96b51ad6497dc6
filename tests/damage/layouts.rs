//! The files of a cluster, in each layout in which somebody collects it.

use serde_json::{Value, json};

use crate::{
    clusters::{CRD, Cluster, HYPERCONVERGED, KINDS, Kind, NODE_MAINTENANCE, SSP, group, plural},
    yaml,
};

/// A file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// In the source, with `/` between its parts.
    pub path: String,
    pub content: Vec<u8>,
    /// The kind of the objects in it, as far as it is about one.
    pub kind: &'static str,
    /// Whether the verdict rests on this file alone.
    pub decides: bool,
}

/// How a cluster was collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `policies collect`, and `check --save FOLDER`.
    Collected,
    /// `check --save FILE.json`.
    Saved,
    /// `oc adm inspect`.
    Inspected,
    /// kubevirt's must-gather.
    Kubevirt,
    /// `kubectl get -o json`.
    ListJson,
    /// `kubectl get -o yaml`.
    ListYaml,
    /// `kubectl get -o kyaml`.
    ListFlow,
    /// A YAML file for each object.
    Manifests,
    /// One YAML file.
    Documents,
}

pub const LAYOUTS: [Layout; 9] = {
    use Layout::{Collected, Documents, Inspected, Kubevirt, ListFlow, ListJson, ListYaml, Manifests, Saved};
    [Collected, Saved, Inspected, Kubevirt, ListJson, ListYaml, ListFlow, Manifests, Documents]
};

impl Layout {
    /// Whether a source of it can show that there are no more objects of a kind than it holds.
    pub fn proves(self) -> bool {
        matches!(self, Self::Collected | Self::Saved | Self::Inspected | Self::Kubevirt)
    }
}

/// What `policies collect` asks for.
fn is_asked_for(kind: &str) -> bool {
    ![SSP[1], "VirtualMachine"].contains(&kind)
}

pub fn files(cluster: &Cluster, layout: Layout) -> Vec<File> {
    let lists = || KINDS.into_iter().filter(|kind| is_asked_for(kind[1]) && cluster.serves(*kind));
    let all =
        || json!({"apiVersion": "v1", "items": cluster.objects, "kind": "List", "metadata": {"resourceVersion": ""}});
    let one = |path: &str, text: String| vec![file(path, text, "List", true)];
    match layout {
        Layout::Collected => {
            let records = lists().map(|kind| format!("{}\n", record(kind, Some(&list_name(kind)))));
            let records = file("upgrade-gate-lists.json", records.collect(), "ListRecord", false);
            let files = lists().map(|kind| {
                let decides = list_decides(cluster, kind[1]);
                file(&list_name(kind), format!("{}\n", cluster.list(kind)), kind[1], decides)
            });
            files.chain([records]).collect()
        }
        Layout::Saved => {
            let documents = lists().map(|kind| format!("{}\n{}\n", record(kind, None), cluster.list(kind)));
            vec![file("cluster.json", documents.collect(), "Lists", true)]
        }
        Layout::Inspected => inspected(cluster),
        Layout::Kubevirt => kubevirt(cluster),
        Layout::ListJson => one("all.json", serde_json::to_string_pretty(&all()).unwrap()),
        Layout::ListYaml => one("all.yaml", yaml::block(&all())),
        Layout::ListFlow => one("all.yaml", format!("---\n{}", yaml::flow(&all()))),
        Layout::Manifests => {
            let each = cluster.objects.iter().map(|object| {
                let path = format!("{}/{}.yaml", plural(object), name(object));
                object_file(&path, object, object["kind"] == HYPERCONVERGED[1])
            });
            each.collect()
        }
        Layout::Documents => {
            let documents = cluster.objects.iter().map(|object| format!("---\n{}", yaml::block(object)));
            one("all.yaml", documents.collect())
        }
    }
}

pub fn file(path: &str, content: String, kind: &'static str, decides: bool) -> File {
    File { path: path.into(), content: content.into_bytes(), kind, decides }
}

fn object_file(path: &str, object: &Value, decides: bool) -> File {
    let kind = KINDS.iter().map(|[_, kind, _]| *kind).find(|kind| object["kind"] == *kind).unwrap();
    file(path, yaml::block(object), kind, decides)
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

fn list_name([api_version, _, plural]: Kind) -> String {
    match group(api_version) {
        "" => format!("{plural}.json"),
        group => format!("{plural}.{group}.json"),
    }
}

/// What was asked of the API server for a list.
fn record([api_version, _, plural]: Kind, file: Option<&str>) -> Value {
    let root = if group(api_version).is_empty() { "api" } else { "apis" };
    let path = format!("/{root}/{api_version}/{plural}");
    let mut record = json!({"apiVersion": "upgrade-gate.io/v1", "kind": "ListRecord", "path": path});
    if let Some(file) = file {
        record["file"] = file.into();
    }
    record
}

/// HyperConverged says which version is installed. Where the upgrade goes past the boundary, either the list of
/// NodeMaintenance objects or that of all definitions shows whether there are any.
fn list_decides(cluster: &Cluster, kind: &str) -> bool {
    let is_served = cluster.serves(NODE_MAINTENANCE);
    match kind {
        kind if kind == HYPERCONVERGED[1] => true,
        kind if kind == NODE_MAINTENANCE[1] => cluster.passes_boundary,
        kind if kind == CRD[1] => cluster.passes_boundary && !is_served,
        _ => false,
    }
}

fn folder(image: &str, object: &Value) -> String {
    match object["metadata"]["namespace"].as_str() {
        None => format!("{image}/cluster-scoped-resources"),
        Some(namespace) => format!("{image}/namespaces/{namespace}"),
    }
}

/// Objects of `kubevirt.io` and what `oc adm inspect` is asked for. A list file shows that there is no NodeMaintenance.
fn inspected(cluster: &Cluster) -> Vec<File> {
    let image = "inspect.local.1";
    let objects = cluster.objects.iter().map(|object| {
        let api_version = object["apiVersion"].as_str().unwrap();
        let group = if api_version == "v1" { "core" } else { group(api_version) };
        let path = format!("{}/{group}/{}/{}.yaml", folder(image, object), plural(object), name(object));
        object_file(&path, object, object["kind"] == HYPERCONVERGED[1])
    });
    let mut files: Vec<File> = objects.collect();
    let path = |[api_version, _, plural]: Kind| {
        format!("{image}/cluster-scoped-resources/{}/{plural}.yaml", group(api_version))
    };
    let list = |kind: Kind| file(&path(kind), format!("---\n{}", yaml::block(&cluster.list(kind))), kind[1], true);
    if !cluster.serves(NODE_MAINTENANCE) {
        files.push(list(CRD));
    } else if cluster.of_kind(NODE_MAINTENANCE[1]).next().is_none() {
        files.push(File { decides: cluster.passes_boundary, ..list(NODE_MAINTENANCE) });
    }
    files
}

/// Each custom resource of `kubevirt.io` by the names of their definitions, and what `oc adm inspect` adds.
fn kubevirt(cluster: &Cluster) -> Vec<File> {
    let image = "quay-io-kubevirt-must-gather";
    let objects = cluster.objects.iter().filter_map(|object| {
        let (api_version, plural) = (object["apiVersion"].as_str().unwrap(), plural(object));
        let folder = folder(image, object);
        let crs = if object["metadata"]["namespace"].is_null() { "" } else { "/crs" };
        let path = match group(api_version) {
            group if group.ends_with("kubevirt.io") => format!("{folder}{crs}/{plural}.{group}/{}.yaml", name(object)),
            "" => format!("{folder}/core/{plural}/{}.yaml", name(object)),
            // It takes the definitions that it knows.
            "apiextensions.k8s.io" if !name(object).ends_with("kubevirt.io") => return None,
            _ if ["subscriptions", "installplans"].contains(&plural) => format!("{folder}/{plural}"),
            group => format!("{folder}/{group}/{plural}/{}.yaml", name(object)),
        };
        let kind = object["kind"].as_str().unwrap();
        let is_later = [SSP[1], "VirtualMachine"].contains(&kind);
        let has_none = cluster.of_kind(NODE_MAINTENANCE[1]).next().is_none();
        // Without NodeMaintenance's definition there are two proofs.
        let proves = is_later && has_none && cluster.passes_boundary && cluster.serves(NODE_MAINTENANCE);
        Some(object_file(&path, object, kind == HYPERCONVERGED[1] || proves))
    });
    objects.collect()
}
