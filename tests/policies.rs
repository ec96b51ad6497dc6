//! The bundled policies as Wasm, through the host: every case of every policy, and what a policy
//! server expects of a module.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a panic is how a test says no")]

use std::{collections::BTreeSet, path::Path, sync::Arc};

use upgrade_gate_bundle::BUNDLED;
use upgrade_gate_core::{Cluster, GetQuery, ListQuery, ReadError};
use upgrade_gate_host::{Compiler, Context, Grants, Host, Limits, Metadata, Policy};
use upgrade_gate_snapshot::Snapshot;
use upgrade_gate_testing::{Answer, cases, check};

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").join(name)
}

fn load(host: &Host, wasm: &[u8], compiler: Compiler) -> Policy {
    host.load(wasm, compiler).unwrap()
}

/// The same cases, and the same whole answers, as in each policy's own native tests.
#[test]
fn every_case_is_answered_in_wasm_as_it_is_natively() {
    let host = Host::new(Limits::default()).unwrap();
    for bundled in BUNDLED {
        for compiler in [Compiler::Cranelift, Compiler::Winch] {
            let policy = load(&host, bundled.wasm, compiler);
            let grants = Grants::declared(policy.metadata().unwrap());
            let (cases, wanted) = cases(&folder(bundled.name));
            for case in cases {
                let context = Context::new(Arc::new(case.snapshot(&wanted)));
                let response = policy.evaluate(&case.request(), &case.settings(), &grants, &context).unwrap().response;
                let findings = response.findings().unwrap_or_default();
                let annotations = response.audit_annotations.as_ref().map_or(0, |annotations| annotations.len());
                assert_eq!(annotations, usize::from(!findings.is_empty()), "{}", case.case);
                assert_eq!(response.mutated_object, None, "{}", case.case);
                let answer = Answer {
                    allowed: response.allowed,
                    code: response.code,
                    message: response.message,
                    warnings: response.warnings.unwrap_or_default(),
                    findings,
                };
                check(&case, &answer);
            }
        }
    }
}

/// What is recorded of a case answers it again, to the last field: the questions come in a fixed order.
#[test]
fn every_case_comes_back_equal_from_its_own_record() {
    let host = Host::new(Limits::default()).unwrap();
    for bundled in BUNDLED {
        let policy = load(&host, bundled.wasm, Compiler::Winch);
        let grants = Grants::declared(policy.metadata().unwrap());
        let (cases, wanted) = cases(&folder(bundled.name));
        for case in cases {
            let ask = |context: &Context| policy.evaluate(&case.request(), &case.settings(), &grants, context).unwrap();
            let recording = Context::recording(Arc::new(case.snapshot(&wanted)));
            let recorded = ask(&recording).response;
            let replaying = Context::replaying(recording.exchanges());
            assert_eq!(ask(&replaying).response, recorded, "{}", case.case);
            assert_eq!(replaying.exchanges(), [], "{}: not all was asked again", case.case);
        }
    }
}

/// Fails where a field is asked for that the policy's metadata does not name.
struct Declared {
    snapshot: Snapshot,
    metadata: Metadata,
}

impl Declared {
    fn names(&self, kind: &str, asked: &BTreeSet<String>) {
        let declared = self.metadata.fields_read(kind).unwrap_or_else(|| panic!("of {kind} no fields are declared"));
        let is_declared = |field: &String| declared.contains(field) || field.starts_with("metadata");
        assert!(!asked.is_empty() && asked.iter().all(is_declared), "{kind}: {asked:?} is not {declared:?}");
    }
}

impl Cluster for Declared {
    fn get(&self, query: &GetQuery) -> Result<upgrade_gate_core::Answer, ReadError> {
        self.names(&query.kind, &query.fields);
        self.snapshot.get(query)
    }

    fn list(&self, query: &ListQuery) -> Result<upgrade_gate_core::Answer, ReadError> {
        self.names(&query.kind, &query.fields);
        self.snapshot.list(query)
    }
}

/// For a live cluster only these fields are kept.
#[test]
fn a_policy_asks_for_the_fields_that_it_declares() {
    let host = Host::new(Limits::default()).unwrap();
    for bundled in BUNDLED {
        let policy = load(&host, bundled.wasm, Compiler::Winch);
        let metadata = policy.metadata().unwrap();
        let (cases, wanted) = cases(&folder(bundled.name));
        for case in cases {
            let cluster = Declared { snapshot: case.snapshot(&wanted), metadata: metadata.clone() };
            let context = Context::new(Arc::new(cluster));
            policy.evaluate(&case.request(), &case.settings(), &Grants::declared(metadata), &context).unwrap();
        }
    }
}

#[test]
fn a_policy_imports_nothing_but_wapc_and_says_what_it_is() {
    let host = Host::new(Limits::default()).unwrap();
    for bundled in BUNDLED {
        let mut modules = BTreeSet::new();
        for payload in wasmparser::Parser::new(0).parse_all(bundled.wasm) {
            if let wasmparser::Payload::ImportSection(imports) = payload.unwrap() {
                modules.extend(imports.into_imports().map(|import| import.unwrap().module.to_owned()));
            }
        }
        assert_eq!(modules, BTreeSet::from(["wapc".to_owned()]), "{}", bundled.name);

        let policy = load(&host, bundled.wasm, Compiler::Cranelift);
        let metadata = policy.metadata().unwrap();
        assert_eq!(metadata.protocol_version, policy.protocol_version().ok(), "{}", bundled.name);
        assert_eq!(metadata.annotation("title"), Some(bundled.name));
        assert_eq!(metadata.annotation("version"), Some(env!("CARGO_PKG_VERSION")), "{}", bundled.name);
        for rule in &metadata.rules {
            let wildcards = [&rule.api_groups, &rule.api_versions, &rule.resources].into_iter().flatten();
            assert!(wildcards.clone().all(|word| word != "*"), "audit-scanner drops a rule with a wildcard");
        }
    }
}

/// Panic messages hold the paths of sources; the same commit has to give the same bytes everywhere.
#[test]
fn a_module_holds_no_path_of_the_machine_that_built_it() {
    let home = std::env::var("HOME").unwrap();
    for bundled in BUNDLED {
        for path in [env!("CARGO_MANIFEST_DIR"), &format!("{home}/.cargo")] {
            let found = bundled.wasm.windows(path.len()).any(|window| window == path.as_bytes());
            assert!(!found, "{} holds `{path}`", bundled.name);
        }
    }
}

#[test]
fn settings_are_refused_in_wasm_as_they_are_natively() {
    let host = Host::new(Limits::default()).unwrap();
    for bundled in BUNDLED {
        let policy = load(&host, bundled.wasm, Compiler::Winch);
        assert!(policy.validate_settings("{}").is_ok(), "{}", bundled.name);
        let error = policy.validate_settings(r#"{"noSuchField": 1}"#).unwrap_err().to_string();
        assert!(error.starts_with("settings: `noSuchField` is not known; "), "{error}");
    }
}
