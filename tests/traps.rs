//! The ways in which a policy that passes its own tests fails in a policy server or under audit-scanner, each tried with every
//! case of every bundled policy.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]

mod program;

use std::{path::Path, sync::Arc};

use program::{EXAMPLE, program, stdout};
use serde_json::{Map, Value, json};
use upgrade_gate_bundle::BUNDLED;
use upgrade_gate_core::{Answer, Cluster, GetQuery, ListQuery, ReadError};
use upgrade_gate_host::{Compiler, Context, Grants, Host, Limits, Policy, Response};
use upgrade_gate_snapshot::{Snapshot, Wanted};
use upgrade_gate_testing::{Case, cases};

/// Shows each case to `test`, with its policy.
fn with_every_case(test: impl Fn(&Asked, &Case, &Wanted)) {
    let host = Host::new(Limits::default()).unwrap();
    for bundled in BUNDLED {
        let policy = host.load(bundled.wasm, Compiler::Winch).unwrap();
        let grants = Grants::declared(policy.metadata().unwrap());
        let (cases, wanted) = cases(&Path::new("policies").join(bundled.name));
        let asked = Asked { policy, grants };
        cases.iter().for_each(|case| test(&asked, case, &wanted));
    }
}

struct Asked {
    policy: Policy,
    grants: Grants,
}

impl Asked {
    fn answer(&self, case: &Case, request: &str, cluster: impl Cluster + Send + Sync + 'static) -> Response {
        let context = Context::new(Arc::new(cluster));
        self.policy.evaluate(request, &case.settings(), &self.grants, &context).unwrap().response
    }
}

fn is_audit(request: &Value) -> bool {
    request["userInfo"] == json!({}) && request["object"]["metadata"]["resourceVersion"].is_string()
}

/// audit-scanner takes code 500 for a policy that is broken, and OLM any code but 403 for the end of the plan.
#[test]
fn a_violation_is_forbidden_and_never_an_internal_error() {
    with_every_case(|asked, case, wanted| {
        let response = asked.answer(case, &case.request(), case.snapshot(wanted));
        assert_eq!(response.code, (!response.allowed).then_some(403), "{}", case.case);
    });
}

/// An audited object is in the lists that the policy asks for, too.
#[test]
fn an_object_is_not_in_its_own_way() {
    with_every_case(|asked, case, wanted| {
        let request: Value = serde_json::from_str(&case.request()).unwrap();
        if !is_audit(&request) {
            return;
        }
        let alone = asked.answer(case, &case.request(), case.snapshot(wanted));
        let mut with_itself = case.clone();
        with_itself.given.push(request["object"].clone());
        let answer = asked.answer(case, &case.request(), with_itself.snapshot(wanted));
        // Where it was not known whether there are any of its kind, it now is known that there is one.
        if alone.findings().unwrap_or_default().iter().all(|finding| finding.rule != "missing-data") {
            assert_eq!(answer, alone, "{}", case.case);
        }
    });
}

/// A cluster that answers as policy-server's cache does: items with or without their type, no managedFields, annotations where
/// there were none.
///
/// Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/callback_handler/kubernetes/reflector.rs`.
struct Cached {
    snapshot: Snapshot,
    typed: bool,
}

impl Cluster for Cached {
    fn get(&self, query: &GetQuery) -> Result<Answer, ReadError> {
        self.snapshot.get(query)
    }

    fn list(&self, query: &ListQuery) -> Result<Answer, ReadError> {
        let answer = self.snapshot.list(query)?;
        let mut list: Value = serde_json::from_str(&answer.json).unwrap();
        for item in list["items"].as_array_mut().unwrap() {
            let item = item.as_object_mut().unwrap();
            let (api_version, kind) = (query.api_version.clone(), query.kind.clone());
            for (field, value) in [("apiVersion", api_version), ("kind", kind)] {
                item.remove(field);
                if self.typed {
                    item.insert(field.into(), value.into());
                }
            }
            let metadata = item.entry("metadata").or_insert(json!({})).as_object_mut().unwrap();
            metadata.insert("managedFields".into(), json!([]));
            metadata.entry("annotations").or_insert_with(|| Map::new().into());
        }
        Ok(Answer { json: list.to_string().into(), ..answer })
    }
}

#[test]
fn the_items_of_a_list_need_no_type() {
    with_every_case(|asked, case, wanted| {
        let expected = asked.answer(case, &case.request(), case.snapshot(wanted));
        for typed in [false, true] {
            let cluster = Cached { snapshot: case.snapshot(wanted), typed };
            assert_eq!(asked.answer(case, &case.request(), cluster), expected, "{}, typed: {typed}", case.case);
        }
    });
}

/// `resource.resource` is the Kind, the user is empty, and what does not apply is null.
///
/// Source: kubewarden-controller 3460bb71, `internal/audit-scanner/scanner/admission_request.go`.
#[test]
fn audit_scanner_asks_in_its_own_way() {
    with_every_case(|asked, case, wanted| {
        let mut request: Value = serde_json::from_str(&case.request()).unwrap();
        if !is_audit(&request) {
            return;
        }
        request["resource"]["resource"] = request["kind"]["kind"].clone();
        request["requestKind"] = request["kind"].clone();
        request["uid"] = request["object"]["metadata"]["uid"].clone();
        for absent in ["oldObject", "options"] {
            request[absent] = Value::Null;
        }
        request.as_object_mut().unwrap().remove("subResource");
        let answer = asked.answer(case, &request.to_string(), case.snapshot(wanted));
        assert_eq!(answer, asked.answer(case, &case.request(), case.snapshot(wanted)), "{}", case.case);
    });
}

/// What an API server leaves out, another caller sends as null.
#[test]
fn null_is_as_good_as_absent() {
    with_every_case(|asked, case, wanted| {
        let request: Value = serde_json::from_str(&case.request()).unwrap();
        let expected = asked.answer(case, &case.request(), case.snapshot(wanted));
        let mut nulls = request.clone();
        let optional = ["subResource", "requestKind", "requestResource", "requestSubResource", "name", "namespace"];
        for field in optional.into_iter().chain(["object", "oldObject", "dryRun", "options"]) {
            if nulls[field].is_null() {
                nulls[field] = Value::Null;
            }
        }
        let mut absent = request;
        absent.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        for request in [nulls, absent] {
            let answer = asked.answer(case, &request.to_string(), case.snapshot(wanted));
            assert_eq!(answer, expected, "{}", case.case);
        }
    });
}

/// A policy that prints would spoil the line; ours import nothing to print with.
#[test]
fn standard_output_is_one_line() {
    for policy in BUNDLED {
        let request = "examples/requests/approve-install-plan.json";
        let output = program(&["run", policy.name, "--request", request, "--snapshot", EXAMPLE]);
        let text = stdout(&output);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(serde_json::from_str::<Value>(&text).is_ok());
    }
}
