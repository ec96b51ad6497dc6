//! The forms in which tools write the same objects: a list, or documents one after the other.

use std::io::{self, Write};

use serde_json::Value;

use super::{Mix, json, spaces, yaml};

#[derive(Clone, Copy)]
pub enum Form {
    /// `kubectl get -o yaml` and `oc adm inspect`: a list in block style.
    Kubectl,
    /// `kubectl get -o json`
    Json,
    /// `kubectl get -o kyaml`. Source: KEP-5295.
    Kyaml,
    /// `helm template`: documents with a comment before each.
    Helm,
    /// Go's yaml.v3: four columns to a level.
    YamlV3,
    /// Ruby's Psych: documents with a marker before each.
    Psych,
    /// PyYAML with `default_flow_style=True`.
    PyYamlFlow,
    /// PyYAML with `default_style="'"`, ruamel of what was quoted.
    Quoted,
    /// PyYAML with `default_style='"'`: keys are in quotes, too.
    QuotedKeys,
    /// With an anchor at the kind, which no tool writes: it has to be parsed.
    Anchored,
}

impl Form {
    pub const ALL: [Self; 10] = [
        Self::Kubectl,
        Self::Json,
        Self::Kyaml,
        Self::Helm,
        Self::YamlV3,
        Self::Psych,
        Self::PyYamlFlow,
        Self::Quoted,
        Self::QuotedKeys,
        Self::Anchored,
    ];

    /// For files, and for people.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Kubectl => ("kubectl.yaml", "`kubectl -o yaml`, `oc adm inspect`: a list"),
            Self::Json => ("kubectl.json", "`kubectl -o json`: a list"),
            Self::Kyaml => ("kyaml.yaml", "`kubectl -o kyaml`: a list in flow style"),
            Self::Helm => ("helm.yaml", "`helm template`: documents with comments"),
            Self::YamlV3 => ("v3.yaml", "Go's yaml.v3: a list, four columns to a level"),
            Self::Psych => ("psych.yaml", "Ruby's Psych: documents"),
            Self::PyYamlFlow => ("pyyaml.yaml", "PyYAML in flow style: documents"),
            Self::Quoted => ("quoted.yaml", "`kind: 'Pod'`: documents"),
            Self::QuotedKeys => ("keys.yaml", "`\"kind\": \"Pod\"`: documents"),
            Self::Anchored => ("anchored.yaml", "`kind: &kind Pod`: documents, which have to be parsed"),
        }
    }

    pub fn write(self, mix: Mix, out: &mut impl Write) -> io::Result<()> {
        let (begin, end) = match self {
            Self::Json => return mix.json_list(out),
            Self::Kubectl | Self::YamlV3 => ("apiVersion: v1\nitems:\n", "kind: List\nmetadata: {}\n"),
            Self::Kyaml => ("---\n{\n  apiVersion: \"v1\",\n  items: [", "],\n  kind: \"List\",\n  metadata: {},\n}\n"),
            _ => ("", ""),
        };
        out.write_all(begin.as_bytes())?;
        for index in 0..mix.objects {
            let object = mix.object(index);
            let mut text = String::new();
            match self {
                Self::Json => {}
                Self::Kubectl => indented(&mut text, &plain(&object), "- ", "  "),
                Self::YamlV3 => {
                    let mut item = String::new();
                    block(&mut item, &object, 0, &Block { indent: 4, dash: 4, keys: None, values: None });
                    indented(&mut text, &item, "    - ", "      ");
                }
                Self::Kyaml => {
                    text.push_str(if index == 0 { "" } else { ", " });
                    kyaml(&mut text, &object, 2);
                }
                Self::Helm => text = format!("---\n# Source: shop/templates/{index}.yaml\n{}", plain(&object)),
                Self::Psych => text = format!("---\n{}", plain(&object)),
                Self::Anchored => text = format!("---\n{}", plain(&object).replacen("\nkind: ", "\nkind: &kind ", 1)),
                Self::PyYamlFlow => {
                    flow(&mut text, &object);
                    text = format!("--- {text}\n");
                }
                Self::Quoted => documents(&mut text, &object, None, Some('\'')),
                Self::QuotedKeys => documents(&mut text, &object, Some('"'), Some('"')),
            }
            out.write_all(text.as_bytes())?;
        }
        out.write_all(end.as_bytes())
    }
}

fn plain(object: &Value) -> String {
    let mut text = String::new();
    yaml(&mut text, object);
    text
}

fn indented(out: &mut String, text: &str, first: &str, others: &str) {
    for (index, line) in text.lines().enumerate() {
        if !line.is_empty() {
            out.push_str(if index == 0 { first } else { others });
        }
        out.push_str(line);
        out.push('\n');
    }
}

fn documents(out: &mut String, object: &Value, keys: Option<char>, values: Option<char>) {
    out.push_str("---\n");
    block(out, object, 0, &Block { indent: 2, dash: 0, keys, values });
}

/// How a block is written: columns to a level, columns before a dash, quotes of keys and of values.
struct Block {
    indent: usize,
    dash: usize,
    keys: Option<char>,
    values: Option<char>,
}

fn block(out: &mut String, value: &Value, column: usize, style: &Block) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 || out.ends_with('\n') || out.is_empty() {
                    spaces(out, column);
                }
                text(out, key, style.keys);
                out.push(':');
                let is_empty = value.as_object().is_none_or(serde_json::Map::is_empty);
                let is_list = value.as_array().is_some_and(|items| !items.is_empty());
                out.push(if is_empty && !is_list { ' ' } else { '\n' });
                block(out, value, column + if is_list { style.dash } else { style.indent }, style);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 || out.ends_with('\n') {
                    spaces(out, column);
                }
                out.push_str("- ");
                block(out, item, column + 2, style);
            }
        }
        Value::String(value) => {
            text(out, value, style.values);
            out.push('\n');
        }
        other => out.push_str(&format!("{other}\n")),
    }
}

/// In quotes, or as it is where that can be.
fn text(out: &mut String, text: &str, quote: Option<char>) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    match quote {
        None if text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_word) => out.push_str(text),
        Some('\'') if !text.contains(char::is_control) => out.push_str(&format!("'{}'", text.replace('\'', "''"))),
        _ => out.push_str(&Value::from(text).to_string()),
    }
}

fn flow(out: &mut String, value: &Value) {
    match value {
        Value::Object(map) => {
            out.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                out.push_str(if index > 0 { ",\n  " } else { "" });
                text(out, key, None);
                out.push_str(": ");
                flow(out, value);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                flow(out, item);
            }
            out.push(']');
        }
        Value::String(value) => text(out, value, None),
        other => out.push_str(&other.to_string()),
    }
}

fn kyaml(out: &mut String, value: &Value, column: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push_str("{\n");
            for (key, value) in map {
                spaces(out, column + 2);
                text(out, key, None);
                out.push_str(": ");
                kyaml(out, value, column + 2);
                out.push_str(",\n");
            }
            spaces(out, column);
            out.push('}');
        }
        // Collections stand on the lines of their brackets.
        Value::Array(items) if items.iter().any(Value::is_object) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                kyaml(out, item, column);
            }
            out.push(']');
        }
        Value::Array(items) if !items.is_empty() => {
            out.push_str("[\n");
            for item in items {
                spaces(out, column + 2);
                kyaml(out, item, column + 2);
                out.push_str(",\n");
            }
            spaces(out, column);
            out.push(']');
        }
        other => {
            let mut text = Vec::new();
            json(&mut text, other, 0);
            out.push_str(&String::from_utf8_lossy(&text));
        }
    }
}
