//! Damages of one file of a source: what is cut, replaced, renamed, lost, or added beside it.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::{
    clusters::{Cluster, HYPERCONVERGED, NODE_MAINTENANCE},
    layouts::File,
    lists, nested, yaml,
};

/// What is done to a source.
pub struct Damage {
    pub name: String,
    pub change: Change,
    pub effect: Effect,
}

pub enum Change {
    Content(Vec<u8>),
    /// The same content at another path.
    Path(String),
    Remove,
    /// A file beside the others.
    Add(File),
}

/// What it means, where that does not follow from reading the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The same content in another form: nothing changes.
    Same,
    /// The same content in a form that need not be read.
    MayBeRead,
    /// Whatever a reading of the file says.
    AsRead,
    /// The file does not say any more what it said.
    Broken,
    /// There may be an object of any kind that cannot be read.
    Hides,
    /// There may be another NodeMaintenance.
    HidesMaintenance,
    /// Two things are said that cannot both be so, whichever is right.
    Contradicts,
}

use Effect::{AsRead, Broken, Contradicts, Hides, MayBeRead, Same};

impl Damage {
    pub fn content(name: impl Into<String>, content: impl Into<Vec<u8>>, effect: Effect) -> Self {
        Self { name: name.into(), change: Change::Content(content.into()), effect }
    }

    /// The files with the damage done to the one of that index.
    pub fn done_to(&self, files: &[File], index: usize) -> Vec<File> {
        let mut files = files.to_vec();
        match &self.change {
            Change::Content(content) => files[index].content.clone_from(content),
            Change::Path(path) => files[index].path.clone_from(path),
            Change::Add(file) => {
                let place = files.iter().position(|other| other.path > file.path).unwrap_or(files.len());
                files.insert(place, file.clone());
            }
            Change::Remove => {
                files.remove(index);
            }
        }
        files
    }
}

/// Every damage of a file, but for the large ones.
pub fn damages(cluster: &Cluster, file: &File) -> Vec<Damage> {
    let text = str::from_utf8(&file.content).unwrap();
    let mut damages = replaced(text);
    damages.extend(encoded(text));
    damages.extend(appended(text));
    damages.extend(cuts(text));
    damages.extend(moved(file));
    damages.extend(beside(cluster, file));
    damages.extend(lists::damages(cluster, file.kind, text));
    damages.extend(nested::damages(cluster, file));
    damages
}

/// Something else is where the file was.
fn replaced(text: &str) -> Vec<Damage> {
    let status = json!({"apiVersion": "v1", "code": 403, "details": {}, "kind": "Status", "metadata": {}, "message":
        "nodemaintenances.nodemaintenance.kubevirt.io is forbidden", "reason": "Forbidden", "status": "Failure"});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "resourceVersion": "1"}});
    let html = "<!DOCTYPE html>\n<html><head><title>503</title></head><body>Service Unavailable</body></html>\n";
    let others = [
        ("empty", String::new()),
        ("white space", " \n\t\n\n".into()),
        ("null", "null\n".into()),
        ("an empty object", "{}\n".into()),
        ("an empty array", "[]\n".into()),
        ("a border", "---\n".into()),
        ("borders", "---\n---\n...\n".into()),
        ("dashes", "-------------------\n".into()),
        ("NUL bytes", "\0".repeat(300)),
        ("a Status", status.to_string()),
        ("a Status in YAML", yaml::block(&status)),
        ("an HTML page", html.into()),
        ("kubectl's error", "Error from server (Forbidden): nodemaintenances is forbidden\n".into()),
        ("kubectl's nothing", "No resources found\n".into()),
        ("oc's error", "error: the server doesn't have a resource type \"nodemaintenances\"\n".into()),
        ("another kind", yaml::block(&pod)),
        ("another kind in JSON", pod.to_string()),
        ("a comment", "# nothing\n".into()),
        ("a number", "5\n".into()),
        ("a text", "\"apiVersion: v1\"\n".into()),
    ];
    let mut damages: Vec<Damage> =
        others.into_iter().map(|(name, content)| Damage::content(name, content, Broken)).collect();
    for [_, kind, _] in crate::clusters::KINDS {
        for (mark, close) in [("kind: ", "\n"), ("kind: \"", "\""), ("\"kind\":\"", "\""), ("\"kind\": \"", "\"")] {
            for suffix in ["", "List"] {
                let (from, to) = (format!("{mark}{kind}{suffix}{close}"), kind.to_lowercase());
                let lower = text.replace(&from, &format!("{mark}{to}{}{close}", suffix.to_lowercase()));
                if lower != text {
                    damages.push(Damage::content(format!("{kind}{suffix} in lower case"), lower, AsRead));
                }
            }
        }
    }
    damages
}

fn encoded(text: &str) -> Vec<Damage> {
    let utf16 = |mark: &[u8], unit: fn(u16) -> [u8; 2]| {
        [mark, &text.encode_utf16().flat_map(unit).collect::<Vec<_>>()].concat()
    };
    let middle = text.find("name").unwrap_or(text.len() / 2);
    let inserted = |bytes: &[u8]| [&text.as_bytes()[..middle], bytes, &text.as_bytes()[middle..]].concat();
    let is_yaml = !text.starts_with("{\"") && !text.starts_with("{\n  \"");
    let mut damages = vec![
        Damage::content("UTF-16, little endian", utf16(b"\xff\xfe", u16::to_le_bytes), Same),
        Damage::content("UTF-16, big endian", utf16(b"\xfe\xff", u16::to_be_bytes), Same),
        Damage::content("UTF-16 without a mark", utf16(b"", u16::to_le_bytes), MayBeRead),
        Damage::content("big endian without a mark", utf16(b"", u16::to_be_bytes), MayBeRead),
        Damage::content("a mark in front", format!("\u{feff}{text}"), Same),
        Damage::content("a mark inside", inserted("\u{feff}".as_bytes()), Broken),
        Damage::content("a byte that is no UTF-8", inserted(b"\xe9"), Broken),
        Damage::content("a NUL byte inside", inserted(b"\0"), Broken),
        Damage::content("CRLF line ends", text.replace('\n', "\r\n"), Same),
        Damage::content("CR line ends", text.replace('\n', "\r"), MayBeRead),
        Damage::content("empty lines in front", format!("\n\n\n{text}"), Same),
        Damage::content("a warning in front", format!("Warning: this is deprecated\n{text}"), AsRead),
        Damage::content("a letter in front", format!("x{text}"), AsRead),
        Damage::content(
            "packed, and cut",
            {
                let packed = gzip(text.as_bytes());
                packed[..packed.len() * 2 / 3].to_vec()
            },
            Broken,
        ),
        Damage::content("packed", gzip(text.as_bytes()), MayBeRead),
    ];
    if is_yaml {
        damages.push(Damage::content("a comment in front", format!("# a comment\n{text}"), Same));
        damages.push(Damage::content("indented by tabs", text.replace("\n  ", "\n\t"), AsRead));
    }
    damages
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// Something broken behind what the file says.
fn appended(text: &str) -> Vec<Damage> {
    let [api_version, kind, _] = NODE_MAINTENANCE;
    let json = format!("{{\"apiVersion\": \"{api_version}\", \"kind\": \"{kind}\", \"metadata\": {{\"name\": \"nm");
    let yaml = format!("---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: nm\n");
    let doubled = format!("---\napiVersion: {api_version}\nkind: {kind}\nkind: Pod\nmetadata:\n  name: nm\n");
    let tail = if text.starts_with('{') { &json } else { &yaml };
    let mut damages = vec![
        Damage::content("a broken document behind it", format!("{text}{tail}"), Hides),
        Damage::content("an error behind it", format!("{text}\nerror: connection reset by peer\n"), MayBeRead),
    ];
    if !text.starts_with('{') {
        damages.push(Damage::content("a doubled key behind it", format!("{text}{doubled}"), Hides));
        let hidden = yaml.replace("{name: nm", "\n  name: nm").replace('\n', "\r");
        damages.push(Damage::content("another line end behind it", format!("{}\r{hidden}", text.trim_end()), Hides));
    } else {
        damages.push(Damage::content("brackets behind it", format!("{text}}}]"), MayBeRead));
    }
    damages
}

/// So many places are tried at which a file may be cut, spread over it.
const CUTS: usize = 24;

/// Cut after every key, in texts, and between items, as far as that is not too often.
fn cuts(text: &str) -> Vec<Damage> {
    let is_border = |pair: &[u8]| pair[0].is_ascii_alphanumeric() != pair[1].is_ascii_alphanumeric();
    let borders: Vec<usize> =
        text.as_bytes().windows(2).enumerate().filter(|(_, pair)| is_border(pair)).map(|(at, _)| at + 1).collect();
    let step = borders.len().div_ceil(CUTS).max(1);
    let ends = (1..=4).filter_map(|back| text.len().checked_sub(back));
    let heads = ["kind", "metadata", "items", "NodeMaintenance", "conditions", "versions", "uid"]
        .into_iter()
        .filter_map(|word| text.find(word).map(|at| at + word.len()));
    let last_heads = ["kind", "metadata", "List", "status"]
        .into_iter()
        .filter_map(|word| text.rfind(word).map(|at| at + word.len()));
    let mut places: Vec<usize> = borders.into_iter().step_by(step).chain(ends).chain(heads).chain(last_heads).collect();
    let more: Vec<usize> = places.iter().map(|place| place + 2).filter(|place| *place < text.len()).collect();
    places.extend(more);
    places.sort_unstable();
    places.dedup();
    let places = places.into_iter().filter(|place| text.is_char_boundary(*place));
    places.map(|place| Damage::content(format!("cut at {place}"), &text.as_bytes()[..place], AsRead)).collect()
}

/// The file is at another place, or nowhere.
fn moved(file: &File) -> Vec<Damage> {
    let path = &file.path;
    let name = path.rsplit('/').next().unwrap();
    let paths = [
        format!("{path}.bak"),
        format!("{path}.txt"),
        format!("elsewhere/{name}"),
        format!("old/{path}"),
        format!("namespaces/x/{name}"),
    ];
    let moved =
        paths.into_iter().map(|to| Damage { name: format!("moved to {to}"), change: Change::Path(to), effect: AsRead });
    moved.chain([Damage { name: "removed".into(), change: Change::Remove, effect: Broken }]).collect()
}

/// A file that says something else.
fn beside(cluster: &Cluster, file: &File) -> Vec<Damage> {
    if ![HYPERCONVERGED[1], "List", "Lists"].contains(&file.kind) {
        return Vec::new();
    }
    let hco = cluster.of_kind(HYPERCONVERGED[1]).next().unwrap();
    let mut copy = hco.clone();
    let upgradeable = copy.pointer_mut("/status/conditions/3/status").unwrap();
    *upgradeable = if upgradeable == "True" { "False".into() } else { "True".into() };
    let node = cluster.of_kind("Node").next().unwrap();
    let mut foreign = node.clone();
    foreign["metadata"]["uid"] = "another".into();
    foreign["metadata"]["resourceVersion"] = "999999".into();
    let add = |name: &str, path: &str, object: &Value| {
        let content = format!("{object}\n").into_bytes();
        let file = File { path: path.into(), content, kind: "", decides: false };
        Damage { name: name.into(), change: Change::Add(file), effect: Contradicts }
    };
    vec![
        add("a copy that differs, in front", "0.json", &copy),
        add("a copy that differs, behind", "zzz.json", &copy),
        add("a Node of another cluster", "zzz.json", &foreign),
    ]
}
