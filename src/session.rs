//! Sessions of `kwctl run --record-host-capabilities-interactions`: files that hold what a policy asked its host,
//! and the answers.
//!
//! Source: kubewarden-controller 3460bb71, `crates/kwctl/src/callback_handler/proxy.rs`.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use upgrade_gate_host::{Exchange, Question};

use crate::{error::Error, yaml::yaml};

#[derive(Serialize, Deserialize)]
#[serde(tag = "type")]
enum Recorded {
    /// The request is YAML in YAML: its name as a tag, then its fields.
    Exchange { request: String, response: Response },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type")]
enum Response {
    Success { payload: String },
    Error { message: String },
}

/// # Errors
/// [`Error::Session`]: the file, or what in it is no session.
pub(crate) fn read(path: &Path) -> Result<Vec<Exchange>, Error> {
    let wrong = |reason: String| Error::Session { path: path.into(), reason };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let recorded: Vec<Recorded> = yaml(&text).map_err(|line| wrong(format!("is no session: line {line}")))?;
    let exchanges = recorded.into_iter().enumerate().map(|(index, Recorded::Exchange { request, response })| {
        let question = question(&request).ok_or_else(|| {
            wrong(format!(
                "exchange {}: expected a request such as `!KubernetesGetResource` with its fields",
                index + 1
            ))
        })?;
        let answer = match response {
            Response::Success { payload } => Ok(payload),
            Response::Error { message } => Err(message),
        };
        Ok(Exchange { question, answer })
    });
    exchanges.collect()
}

/// # Errors
/// [`Error::Session`]: the file.
pub(crate) fn write(path: &Path, exchanges: Vec<Exchange>) -> Result<(), Error> {
    let wrong = |reason: String| Error::Session { path: path.into(), reason };
    let recorded = exchanges.into_iter().map(|Exchange { question, answer }| {
        // Without the nulls that kwctl's own sessions have: it reads an absent field as one.
        let fields = serde_saphyr::to_string(question.fields())?;
        let response = match answer {
            Ok(payload) => Response::Success { payload },
            Err(message) => Response::Error { message },
        };
        Ok(Recorded::Exchange { request: format!("!{}\n{fields}", question.name()), response })
    });
    let text =
        recorded.collect::<Result<Vec<_>, serde_saphyr::ser::Error>>().and_then(|all| serde_saphyr::to_string(&all));
    let text = text.map_err(|error| wrong(error.to_string()))?;
    fs::write(path, text).map_err(|error| wrong(error.to_string()))
}

fn question(request: &str) -> Option<Question> {
    let (name, fields) = request.trim_start().strip_prefix('!')?.split_once(char::is_whitespace)?;
    let fields: Map<String, Value> = yaml(fields).ok()?;
    Some(Question::new(name, fields))
}
