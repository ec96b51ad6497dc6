//! Kubernetes objects to be read by benchmarks: each a function of a seed and its number, written as kubectl
//! writes them and as must-gathers lay them out, never held in memory as a whole.
//!
//! Of 1,000 objects in a row, with the mean size of one in bytes of `kubectl get -o json`, where the mean of all
//! is 5,300, and of `-o yaml`, where it is 2,800:
//!
//! | kind | objects | JSON | YAML |
//! |---|---|---|---|
//! | Event | 340 | 1,300 | 800 |
//! | Pod | 240 | 9,100 (7,200 to 16,300) | 3,800 |
//! | ReplicaSet | 100 | 5,900 | 2,300 |
//! | ConfigMap | 80 | 8,300 (1,900 to 50,500) | 7,700 |
//! | Lease | 78 | 600 | 300 |
//! | Secret | 70 | 4,600 | 4,300 |
//! | VirtualMachine | 50 | 10,000 | 4,100 |
//! | Deployment | 40 | 8,600 | 4,100 |
//! | Node | 1 | 17,000 | 8,200 |
//! | CustomResourceDefinition | 1 | 142,000 (93,000 to 186,000) | 88,000 |
//!
//! NodeMaintenance objects, of 1,500 and 700 bytes, take the places of some of these.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use serde::Serialize as _;
use serde_json::{Map, Serializer, Value, ser::PrettyFormatter};

use parts::Random;

pub mod forms;
mod objects;
mod parts;

/// In a new version the same seed gives other objects.
pub const VERSION: u32 = 1;

/// So many files are in a folder.
const FILES_IN_FOLDER: usize = 500;

/// How many of 1,000 objects are of a kind. Policies look at those that are `wanted`.
const KINDS: [Kind; 10] = [
    Kind { share: 240, wanted: false, make: objects::pod },
    Kind { share: 340, wanted: false, make: objects::event },
    Kind { share: 80, wanted: false, make: objects::config_map },
    Kind { share: 70, wanted: false, make: objects::secret },
    Kind { share: 100, wanted: false, make: objects::replica_set },
    Kind { share: 78, wanted: false, make: objects::lease },
    Kind { share: 50, wanted: false, make: objects::virtual_machine },
    Kind { share: 40, wanted: true, make: objects::deployment },
    Kind { share: 1, wanted: true, make: objects::node },
    Kind { share: 1, wanted: true, make: objects::custom_resource_definition },
];

struct Kind {
    share: usize,
    wanted: bool,
    make: fn(&mut Random, usize) -> Value,
}

/// So many objects, all different.
#[derive(Clone, Copy)]
pub struct Mix {
    pub seed: u64,
    pub objects: usize,
    /// So many of them are NodeMaintenance objects, evenly spread.
    pub node_maintenances: usize,
    /// Pods stand in for the other kinds that policies look at.
    pub only_unwanted: bool,
}

impl Mix {
    /// The object of a number.
    pub fn object(&self, index: usize) -> Value {
        let mut random = Random::new(self.seed, index);
        let until = |index: usize| index * self.node_maintenances / self.objects;
        if until(index + 1) > until(index) {
            return objects::node_maintenance(&mut random, index);
        }
        // 617 and 1,000 have no common divisor: each slot comes once in 1,000 objects, in another order.
        let mut slot = index * 617 % 1000;
        let of_slot = |kind: &&Kind| {
            let found = slot < kind.share;
            slot = slot.wrapping_sub(kind.share);
            found
        };
        let kind = KINDS.iter().find(of_slot).filter(|kind| !(self.only_unwanted && kind.wanted));
        (kind.unwrap_or(&KINDS[0]).make)(&mut random, index)
    }

    /// `kubectl get -o json` of several kinds.
    pub fn json_list(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"{\n    \"apiVersion\": \"v1\",\n    \"items\": [")?;
        let mut item = Vec::new();
        for index in 0..self.objects {
            item.clear();
            item.extend_from_slice(if index == 0 { b"\n        " } else { b",\n        " });
            json(&mut item, &self.object(index), 8);
            out.write_all(&item)?;
        }
        let end =
            "\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n";
        out.write_all(end.as_bytes())
    }

    /// A tar archive of YAML files.
    pub fn tar_of_yaml(&self, out: impl Write, files: usize) -> io::Result<()> {
        let mut archive = tar::Builder::new(out);
        let mut text = String::new();
        for file in 0..files {
            self.file(&mut text, files, file);
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(1_655_200_000);
            archive.append_data(&mut header, path_of(file), text.as_bytes())?;
        }
        archive.into_inner()?.flush()
    }

    /// The same, packed as `tar -z` does it.
    pub fn tar_gz_of_yaml(&self, out: impl Write, files: usize) -> io::Result<()> {
        let mut gzip = GzEncoder::new(out, Compression::default());
        self.tar_of_yaml(&mut gzip, files)?;
        gzip.finish()?.flush()
    }

    /// The same files in a directory.
    pub fn directory_of_yaml(&self, path: &Path, files: usize) -> io::Result<()> {
        let mut text = String::new();
        for file in 0..files {
            self.file(&mut text, files, file);
            let path = path.join(path_of(file));
            if file % FILES_IN_FOLDER == 0 {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
            }
            fs::write(path, &text)?;
        }
        Ok(())
    }

    /// One of so many files.
    fn file(&self, text: &mut String, files: usize, file: usize) {
        text.clear();
        let first = file * self.objects / files;
        for index in first..(file + 1) * self.objects / files {
            if index > first {
                text.push_str("---\n");
            }
            yaml(text, &self.object(index));
        }
    }
}

/// `manifests/000/00001.yaml`
pub fn path_of(file: usize) -> String {
    format!("manifests/{:03}/{file:05}.yaml", file / FILES_IN_FOLDER)
}

/// Writes as Go's `json.MarshalIndent` does, but for the first line's indentation.
pub fn json(out: &mut Vec<u8>, value: &Value, indent: usize) {
    let mut text = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    value.serialize(&mut Serializer::with_formatter(&mut text, formatter)).unwrap();
    let mut rest = text.as_slice();
    while let Some(offset) = rest.iter().position(|byte| b"\n<>&".contains(byte)) {
        out.extend_from_slice(&rest[..offset]);
        match rest[offset] {
            b'\n' => {
                out.push(b'\n');
                out.resize(out.len() + indent, b' ');
            }
            // Go's encoder escapes what is special in HTML.
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
        rest = &rest[offset + 1..];
    }
    out.extend_from_slice(rest);
}

/// Writes as sigs.k8s.io/yaml does, whose emitter is the one of go-yaml v2.
///
/// Source: go-yaml v2.4.0, `emitterc.go` and `encode.go`.
pub fn yaml(out: &mut String, object: &Value) {
    if let Value::Object(map) = object {
        mapping(out, map, 0, true);
    }
}

/// A line is folded at the first space after so many columns.
const WIDTH: usize = 80;

fn mapping(out: &mut String, map: &Map<String, Value>, indent: usize, begun: bool) {
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 || !begun {
            spaces(out, indent);
        }
        scalar(out, key, indent, true);
        out.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                out.push('\n');
                mapping(out, map, indent + 2, false);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                sequence(out, items, indent, false);
            }
            _ => leaf(out, value, indent),
        }
    }
}

/// Dashes stand below the key, not to its right.
fn sequence(out: &mut String, items: &[Value], indent: usize, begun: bool) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 || !begun {
            spaces(out, indent);
        }
        out.push('-');
        match item {
            Value::Object(map) if !map.is_empty() => {
                out.push(' ');
                mapping(out, map, indent + 2, true);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push(' ');
                sequence(out, items, indent + 2, true);
            }
            _ => leaf(out, item, indent),
        }
    }
}

fn leaf(out: &mut String, value: &Value, indent: usize) {
    out.push(' ');
    match value {
        Value::String(text) => scalar(out, text, indent, false),
        // `{}`, `[]`, numbers, `true` and `null` are the same in both languages.
        other => out.push_str(&other.to_string()),
    }
    out.push('\n');
}

fn spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

fn scalar(out: &mut String, text: &str, indent: usize, is_key: bool) {
    let is_printable = |c: char| matches!(c, '\n' | ' '..='~' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FEFE}');
    let is_multi_line = text.contains('\n');
    if !text.chars().all(is_printable) || text.contains(" \n") || (is_multi_line && (is_key || text.ends_with(' '))) {
        double_quoted(out, text, indent, is_key);
    } else if is_multi_line {
        block(out, text, indent);
    } else if resolves_to_something_else(text) {
        double_quoted(out, text, indent, is_key);
    } else if is_plain(text) {
        folded(out, text, indent, is_key, false);
    } else {
        out.push('\'');
        folded(out, text, indent, is_key, true);
        out.push('\'');
    }
}

/// Whether a text without quotes would be a number, a time, a boolean or null.
fn resolves_to_something_else(text: &str) -> bool {
    let words = ["", "~", "null", "y", "n", "yes", "no", "on", "off", "true", "false", "<<", ".nan", ".inf"];
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins_as_number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let is_number = || {
        let digits = unsigned.replace('_', "");
        // What is beyond all numbers is a text to go-yaml.
        digits.parse::<f64>().is_ok_and(f64::is_finite)
            || [("0b", 2), ("0o", 8), ("0x", 16)]
                .iter()
                .any(|(base, radix)| digits.strip_prefix(base).is_some_and(|d| u64::from_str_radix(d, *radix).is_ok()))
            // Sixty to the next place, as YAML 1.1 had it.
            || (digits.contains(':') && digits.bytes().all(|byte| byte.is_ascii_digit() || b":.".contains(&byte)))
    };
    let is_time = || text.bytes().position(|byte| !byte.is_ascii_digit()) == Some(4) && text.as_bytes()[4] == b'-';
    (text.len() <= 5 && words.contains(&unsigned.to_ascii_lowercase().as_str()))
        || (begins_as_number && (is_number() || is_time()))
}

/// Whether a text of one line can stand in a block without quotes.
fn is_plain(text: &str) -> bool {
    let first = text.chars().next().unwrap_or(' ');
    let second_is_space = text.chars().nth(1).is_none_or(|c| c == ' ');
    !("#,[]{}&*!|>'\"%@` ".contains(first)
        || ("?:-".contains(first) && second_is_space)
        || text.ends_with([' ', ':'])
        || text.starts_with("---")
        || text.starts_with("...")
        || text.contains(": ")
        || text.contains(" #"))
}

/// Text without escapes: plain, or what is inside single quotes.
fn folded(out: &mut String, text: &str, indent: usize, is_key: bool, quoted: bool) {
    let mut column = column(out);
    let mut chars = text.chars().peekable();
    let (mut first, mut after_space) = (true, false);
    while let Some(c) = chars.next() {
        let alone = !after_space && chars.peek().is_some_and(|next| *next != ' ') && !(quoted && first);
        column += 1;
        if c == ' ' && !is_key && alone && column > WIDTH + 1 {
            column = fold(out, indent);
        } else if c == '\'' && quoted {
            column += 1;
            out.push_str("''");
        } else {
            out.push(c);
        }
        (first, after_space) = (false, c == ' ');
    }
}

fn double_quoted(out: &mut String, text: &str, indent: usize, is_key: bool) {
    out.push('"');
    let mut line = out.len() - column(out);
    let mut chars = text.chars().peekable();
    let (mut first, mut after_space) = (true, false);
    while let Some(c) = chars.next() {
        match c {
            ' ' if !is_key && !after_space && !first && chars.peek().is_some() && out.len() - line > WIDTH => {
                line = out.len() + 1;
                fold(out, indent);
                if chars.peek() == Some(&' ') {
                    out.push('\\');
                }
            }
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\x{:02X}", u32::from(c))),
            c if u32::from(c) > 0xFFFF => out.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => {
                // Columns are characters.
                line += c.len_utf8() - 1;
                out.push(c);
            }
        }
        (first, after_space) = (false, c == ' ');
    }
    out.push('"');
}

/// Ends a line in the middle of a text; gives the column where the next one goes on.
fn fold(out: &mut String, indent: usize) -> usize {
    out.push('\n');
    spaces(out, indent + 2);
    indent + 2
}

fn column(out: &str) -> usize {
    out.rsplit('\n').next().unwrap_or_default().chars().count()
}

/// A text of several lines; the last line's break is left to the caller.
fn block(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    let lines = match text.strip_suffix('\n') {
        None => {
            out.push('-');
            text
        }
        Some(lines) => {
            if lines.is_empty() || lines.ends_with('\n') {
                out.push('+');
            }
            lines
        }
    };
    for line in lines.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            spaces(out, indent + 2);
            out.push_str(line);
        }
    }
}
