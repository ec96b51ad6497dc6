//! JSON values as YAML, in the forms in which kubectl writes them.

use std::fmt::Write;

use serde_json::Value;

/// Block style, sorted keys, lists in the column of their key, as `kubectl get -o yaml` and `oc adm inspect` write it.
pub fn block(value: &Value) -> String {
    let mut text = String::new();
    write_block(&mut text, value, 0);
    text
}

fn write_block(text: &mut String, value: &Value, column: usize) {
    match value {
        Value::Object(fields) => {
            for (index, (key, value)) in fields.iter().enumerate() {
                // The first key stands behind the dash of its item.
                if index > 0 || !text.ends_with("- ") {
                    text.push_str(&" ".repeat(column));
                }
                write!(text, "{}:", scalar(key)).unwrap();
                match value {
                    Value::Object(fields) if !fields.is_empty() => {
                        text.push('\n');
                        write_block(text, value, column + 2);
                    }
                    Value::Array(items) if !items.is_empty() => {
                        text.push('\n');
                        write_block(text, value, column);
                    }
                    _ => writeln!(text, " {}", leaf(value)).unwrap(),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                write!(text, "{}- ", " ".repeat(column)).unwrap();
                match item {
                    Value::Object(fields) if !fields.is_empty() => write_block(text, item, column + 2),
                    _ => writeln!(text, "{}", leaf(item)).unwrap(),
                }
            }
        }
        _ => writeln!(text, "{}", leaf(value)).unwrap(),
    }
}

/// Flow style over several lines, keys without quotes and texts with, as `kubectl get -o kyaml` writes it.
pub fn flow(value: &Value) -> String {
    let mut text = String::new();
    write_flow(&mut text, value, 0);
    text + "\n"
}

fn write_flow(text: &mut String, value: &Value, column: usize) {
    let indent = " ".repeat(column + 2);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push_str("{\n");
            for (key, value) in fields {
                write!(text, "{indent}{}: ", scalar(key)).unwrap();
                write_flow(text, value, column + 2);
                text.push_str(",\n");
            }
            write!(text, "{}}}", " ".repeat(column)).unwrap();
        }
        Value::Array(items) if !items.is_empty() => {
            text.push_str("[\n");
            for item in items {
                text.push_str(&indent);
                write_flow(text, item, column + 2);
                text.push_str(",\n");
            }
            write!(text, "{}]", " ".repeat(column)).unwrap();
        }
        _ => text.push_str(&value.to_string()),
    }
}

fn leaf(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), scalar)
}

/// Plain where that means a text, and in quotes otherwise.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " ./-_,".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str())
        && text.parse::<f64>().is_err()
        && !text.ends_with(' ')
        && !is_time(text);
    if is_plain { text.into() } else { Value::from(text).to_string() }
}

fn is_time(text: &str) -> bool {
    text.len() > 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-'
}
