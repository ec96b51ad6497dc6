//! Case files: what is given, what is asked, what is answered.

use std::{collections::BTreeSet, fs, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use upgrade_gate_core::{Action, Finding, GroupVersionKind, Policy, Review, Verdict};
use upgrade_gate_snapshot::{Builder, Kind, Snapshot, Wanted, resource_of};

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// A sentence that says what holds.
    pub case: String,
    /// The documents of a snapshot: objects and lists. A typed list proves that it is all there is;
    /// what is not given cannot be read.
    #[serde(default)]
    pub given: Vec<Value>,
    /// The policy's settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// The request: `operation` (CREATE), `user` (somebody; absent in an audit), `object`,
    /// `oldObject`, `subResource`.
    pub when: When,
    /// The whole answer.
    pub then: Answer,
}

/// See [`Case::when`].
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct When {
    operation: Option<String>,
    user: Option<String>,
    sub_resource: Option<String>,
    object: Option<Value>,
    old_object: Option<Value>,
}

/// A policy's answer, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Whether the request is accepted.
    pub allowed: bool,
    /// Of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// With an acceptance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// As recorded in the audit annotations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        let Verdict { allowed, message, code, warnings, mut findings } = verdict;
        // What is not recorded shows in the answer itself.
        for finding in &mut findings {
            finding.warning.clear();
            finding.afterwards = "";
            finding.action = Action::default();
        }
        Self { allowed, code, message, warnings, findings }
    }
}

impl Case {
    /// The request as an `AdmissionRequest`; what `when` leaves out follows from the object.
    #[must_use]
    pub fn request(&self) -> String {
        let When { operation, user, sub_resource, object, old_object } = &self.when;
        let subject = object.as_ref().or(old_object.as_ref()).cloned().unwrap_or_default();
        let text = |path: &str| subject.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = GroupVersionKind::new(&text("/apiVersion"), &text("/kind"));
        let request = json!({
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": kind,
            "resource": {
                "group": kind.group,
                "version": kind.version,
                "resource": resource_of(&kind.group, &kind.kind).resource,
            },
            "name": text("/metadata/name"),
            "namespace": subject.pointer("/metadata/namespace"),
            "operation": operation.as_deref().unwrap_or("CREATE"),
            "subResource": sub_resource,
            "userInfo": user.as_ref().map_or_else(|| json!({}), |user| json!({"username": user})),
            "object": object,
            "oldObject": old_object,
        });
        request.to_string()
    }

    /// The settings as JSON.
    #[must_use]
    pub fn settings(&self) -> String {
        Value::from(self.settings.clone()).to_string()
    }

    /// What is given, read as the answers of an API server are: a typed list holds all objects of its kind.
    #[must_use]
    pub fn snapshot(&self, wanted: &Wanted) -> Snapshot {
        let mut builder = Builder::new(wanted.clone());
        builder.cluster("given");
        for (index, document) in self.given.iter().enumerate() {
            builder.read(&format!("given-{index}.json"), document.to_string().as_bytes());
        }
        builder.finish()
    }
}

/// The cases of a policy's folder (`tests/*.yaml`), by file and name, and the kinds that its
/// metadata names.
///
/// # Panics
/// Where a file cannot be read or is not a case file, where a name is there twice, and where no case
/// is accepted or none is refused: a policy that always says the same is not tested.
#[must_use]
pub fn cases(policy: &Path) -> (Vec<Case>, Wanted) {
    let folder = policy.join("tests");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: a policy has cases: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("a readable case file");
        let found: Vec<Case> = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        cases.extend(found.into_iter().map(|case| Case { case: format!("{name}: {}", case.case), ..case }));
    }
    let mut names = BTreeSet::new();
    for Case { case, .. } in &cases {
        assert!(names.insert(case), "two cases have the same name: {case}");
    }
    for allowed in [true, false] {
        let some = cases.iter().any(|case| case.then.allowed == allowed);
        assert!(some, "{}/*.yaml: no case has `allowed: {allowed}`", folder.display());
    }
    (cases, wanted(&policy.join("metadata.yml")))
}

fn wanted(metadata: &Path) -> Wanted {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        rules: Vec<Rule>,
        context_aware_resources: Vec<Context>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Rule {
        api_groups: Vec<String>,
        api_versions: Vec<String>,
        resources: Vec<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Context {
        api_version: String,
        kind: String,
    }
    let text = fs::read_to_string(metadata).expect("a policy has metadata.yml");
    let metadata: Metadata = serde_saphyr::from_str(&text).expect("metadata.yml is metadata");
    let mut wanted = Wanted::default();
    for Context { api_version, kind } in &metadata.context_aware_resources {
        wanted.add_kind(Kind::new(api_version, kind));
    }
    for Rule { api_groups, api_versions, resources } in &metadata.rules {
        wanted.add_rule(api_groups, api_versions, resources);
    }
    wanted
}

/// Compares a whole answer with what its case states.
///
/// # Panics
/// Where they differ, with both, and where a text is longer than the API server's clients show.
pub fn check(case: &Case, answer: &Answer) {
    let length = |text: &String| text.chars().count();
    assert!(answer.message.iter().all(|message| length(message) < 1_000), "{}: the message is too long", case.case);
    assert!(answer.warnings.iter().all(|warning| length(warning) < 200), "{}: a warning is too long", case.case);
    let shown = |answer: &Answer| serde_json::to_string_pretty(answer).unwrap_or_default();
    assert!(case.then == *answer, "{}\nexpected {}\nanswered {}", case.case, shown(&case.then), shown(answer),);
}

/// Runs every case of a policy's folder natively.
///
/// # Panics
/// Where an answer is not what its case states.
pub fn run<P: Policy>(policy: &str) {
    let (cases, wanted) = cases(Path::new(policy));
    for case in &cases {
        let request = case.request();
        let review: Review<'_> = serde_json::from_str(&request).expect("a case states a request");
        let settings = P::parse_settings(&case.settings()).expect("a case has good settings");
        check(case, &P::judge(&settings, &review, &case.snapshot(&wanted)).into());
    }
}
