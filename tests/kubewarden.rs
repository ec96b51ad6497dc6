//! What Kubewarden's tools and Rancher want of a policy's folder.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Map, Value};
use upgrade_gate_bundle::BUNDLED;
use upgrade_gate_host::{Compiler, Host, Limits, Metadata};

fn page(policy: &str, file: &str) -> String {
    fs::read_to_string(Path::new("policies").join(policy).join(file)).unwrap()
}

/// One question for each setting, with its default and its choices, as the policy's page has them.
#[test]
fn every_setting_has_its_question() {
    let host = Host::new(Limits::default()).unwrap();
    for bundled in BUNDLED {
        let policy = host.load(bundled.wasm, Compiler::Winch).unwrap();
        let readme = page(bundled.name, "README.md");
        let file: Value = serde_saphyr::from_str(&page(bundled.name, "questions-ui.yml")).unwrap();
        let questions = file["questions"].as_array().unwrap();
        // The first one is a text that Rancher shows.
        let (first, settings) = questions.split_first().unwrap();
        assert_eq!((&first["variable"], &first["hide_input"]), (&Value::from("description"), &Value::from(true)));

        let mut asked = BTreeSet::new();
        for question in settings {
            let name = question["variable"].as_str().unwrap();
            let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), Into::into);
            let choices = match question["type"].as_str() {
                Some("boolean") => vec![Value::from(true), Value::from(false)],
                _ => question["options"].as_array().unwrap().clone(),
            };
            for choice in &choices {
                let settings = Value::from(Map::from_iter([(name.to_owned(), choice.clone())])).to_string();
                assert!(policy.validate_settings(&settings).is_ok(), "{}: {settings}", bundled.name);
            }
            let choices: Vec<String> = choices.iter().map(|choice| format!("`{}`", shown(choice))).collect();
            let row = format!("| `{name}` | {} | `{}` |", choices.join(", "), shown(&question["default"]));
            assert!(readme.contains(&row), "{}/README.md has no row that begins with {row}", bundled.name);
            asked.insert(format!("`{name}`"));
        }
        // The policy itself names all that it takes.
        let refusal = policy.validate_settings(r#"{"noSuchField": 1}"#).unwrap_err().to_string();
        let known: BTreeSet<String> =
            refusal.rsplit("one of ").next().unwrap().split(", ").map(|name| name.to_owned()).collect();
        assert_eq!(asked, known, "{}", bundled.name);
    }
}

/// What `kwctl scaffold artifacthub` and audit-scanner ask for; the module's page is its README.
#[test]
fn metadata_is_complete() {
    for bundled in BUNDLED {
        let metadata = Metadata::of(bundled.wasm).unwrap().unwrap();
        for name in
            ["title", "version", "description", "author", "url", "ociUrl", "source", "license", "severity", "category"]
        {
            assert!(metadata.annotation(name).is_some_and(|text| !text.is_empty()), "{}: {name}", bundled.name);
        }
        for name in ["displayName", "resources", "keywords"] {
            assert!(metadata.annotations.contains_key(&format!("io.artifacthub.{name}")), "{}: {name}", bundled.name);
        }
        assert_eq!(metadata.annotation("usage"), Some(page(bundled.name, "README.md").as_str()));
        for read in &metadata.context_aware_resources {
            assert!(
                metadata.reason_to_read(&read.kind).is_some(),
                "{} does not say why it reads {}",
                bundled.name,
                read.kind
            );
        }
        assert!(metadata.host_capabilities.is_some() && metadata.minimum_kubewarden_version.is_some());
    }
}
