//! What objects of many kinds have in common: metadata, managed fields, conditions, containers, texts.

use serde_json::{Map, Value, json};

pub(super) const APPS: &[&str] =
    &["billing-api", "cart", "grafana", "ingest", "kube-state-metrics", "search", "virt-launcher"];
pub(super) const NAMESPACES: &[&str] =
    &["default", "kube-system", "monitoring", "openshift-cnv", "shop-prod", "shop-staging"];
/// Values that YAML has to quote, fold or put into a block are among them.
pub(super) const VALUES: &[&str] = &[
    "true",
    "8080",
    "",
    "1e3",
    "0x1F",
    "~",
    "no",
    "12:30:45",
    "2022-06-14",
    "info",
    "-Xms512m -Xmx512m -XX:+UseG1GC",
    "postgres://app@db.shop-prod.svc:5432/app?sslmode=disable&pool=10",
    r#"{"level":"info","sinks":["stdout","C:\\logs"],"unit":"ms"}"#,
    "Größe → 5 µm, „Prüfung“",
    "日本語",
    "a: b # c",
    "#hash",
    " leading and trailing ",
    "it's",
    "*",
    "- no list",
    "key:",
    "first line\nsecond line\n",
    "tab\there",
    "0 4 * * 1-5",
    "%d <b>bold</b> & more",
];
const WORDS: &[&str] = &[
    "the",
    "of",
    "a",
    "to",
    "is",
    "in",
    "and",
    "that",
    "be",
    "object",
    "value",
    "field",
    "name",
    "defaults",
    "node",
    "cluster",
    "resource",
    "volume",
    "disk",
    "may",
    "must",
    "not",
    "set",
    "when",
    "this",
    "controller",
    "references",
    "immutable",
    "optional",
    "specifies",
    "timeout",
    "seconds",
    "\"quoted\"",
    "don't",
    "e.g.",
    "Größe",
    "API",
    "(beta)",
];

/// SplitMix64.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
pub(super) struct Random(u64);

impl Random {
    /// Its own for each object, so that objects can be made in any order.
    pub(super) fn new(seed: u64, index: usize) -> Self {
        let start = Self(index as u64).next();
        Self(start ^ seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(super) fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    pub(super) fn hex(&mut self, length: usize) -> String {
        self.text(b"0123456789abcdef", 4, length)
    }

    /// As controllers make names unique: letters and digits that spell no word and no number.
    ///
    /// Source: k8s.io/apimachinery v0.34 `pkg/util/rand/rand.go`.
    pub(super) fn suffix(&mut self, length: usize) -> String {
        let alphabet = b"bcdfghjklmnpqrstvwxz2456789";
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    pub(super) fn base64(&mut self, length: usize) -> String {
        self.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6, length)
    }

    fn text(&mut self, alphabet: &[u8], bits: usize, length: usize) -> String {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let mut pool = self.next();
            for _ in 0..(64 / bits).min(length - text.len()) {
                text.push(char::from(alphabet[pool as usize & (alphabet.len() - 1)]));
                pool >>= bits;
            }
        }
        text
    }

    pub(super) fn uid(&mut self) -> String {
        format!("{}-{}-4{}-8{}-{}", self.hex(8), self.hex(4), self.hex(3), self.hex(3), self.hex(12))
    }

    pub(super) fn time(&mut self) -> String {
        let (month, day) = (1 + self.below(6), 1 + self.below(28));
        let (hour, minute, second) = (self.below(24), self.below(60), self.below(60));
        format!("2022-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

pub(super) fn title(random: &mut Random, words: usize) -> String {
    let words: Vec<&str> = (0..words).map(|_| random.pick(WORDS)).collect();
    words.join(" ")
}

/// A description as API documentation has it; every third has a colon, so that YAML quotes it.
pub(super) fn description(random: &mut Random) -> String {
    let length = 8 + random.below(30);
    let text = title(random, length);
    match random.below(6) {
        0 | 1 => format!("Note: {text}."),
        2 => format!("{text}.\n\nMore info: https://example.com/docs/{}", random.hex(6)),
        _ => format!("Specifies {text}."),
    }
}

pub(super) fn metadata(random: &mut Random, name: String, namespace: Option<&str>, more: Value) -> Value {
    let mut metadata = json!({
        "creationTimestamp": random.time(),
        "name": name,
        "resourceVersion": (1_000_000 + random.below(90_000_000)).to_string(),
        "uid": random.uid(),
    });
    if let (Value::Object(metadata), Value::Object(more)) = (&mut metadata, more) {
        metadata.extend(namespace.map(|namespace| ("namespace".into(), namespace.into())));
        metadata.extend(more);
    }
    metadata
}

pub(super) fn owner(random: &mut Random, api_version: &str, kind: &str, name: &str) -> Value {
    json!([{
        "apiVersion": api_version, "blockOwnerDeletion": true, "controller": true, "kind": kind, "name": name,
        "uid": random.uid(),
    }])
}

/// Adds who wrote which of an object's fields.
pub(super) fn manage(random: &mut Random, object: &mut Value, manager: &str, field: &str) {
    let mut fields = json!({ format!("f:{field}"): fields_of(&object[field]) });
    let owned = &object["metadata"];
    if field == "spec" && owned.get("labels").is_some() {
        fields["f:metadata"] = json!({ "f:labels": fields_of(&owned["labels"]) });
    }
    let mut entry = json!({
        "apiVersion": object["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": fields, "manager": manager,
        "operation": "Update", "time": random.time(),
    });
    if field == "status" {
        entry["subresource"] = "status".into();
    }
    match &mut object["metadata"]["managedFields"] {
        Value::Array(entries) => entries.push(entry),
        none => *none = json!([entry]),
    }
}

/// As server-side apply names fields: `f:` before a key, `k:` before what tells elements of a list apart.
fn fields_of(value: &Value) -> Value {
    let mut fields = Map::new();
    match value {
        Value::Object(map) => fields.extend(map.iter().map(|(key, value)| (format!("f:{key}"), fields_of(value)))),
        Value::Array(items) => {
            for item in items {
                if let Some(key) = ["name", "type"].into_iter().find(|key| item.get(key).is_some()) {
                    let mut below = fields_of(item);
                    below["."] = json!({});
                    fields.insert(format!("k:{}", json!({ key: item[key] })), below);
                }
            }
        }
        _ => {}
    }
    Value::Object(fields)
}

/// What `kubectl apply` notes down: the manifest, as JSON in a string.
pub(super) fn apply(object: &mut Value) {
    let metadata = &object["metadata"];
    let mut manifest = json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"],
        "metadata": {"annotations": {}, "name": metadata["name"], "namespace": metadata["namespace"]},
    });
    for part in ["data", "spec"] {
        if let Some(part_of_object) = object.get(part) {
            manifest[part] = part_of_object.clone();
        }
    }
    object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
        format!("{manifest}\n").into();
}

pub(super) fn conditions(random: &mut Random, types: &[&str]) -> Value {
    let condition = |of_type: &&str| {
        let mut condition =
            json!({"lastProbeTime": null, "lastTransitionTime": random.time(), "status": "True", "type": of_type});
        if random.below(4) == 0 {
            condition["message"] = format!("containers with unready status: [{}]", random.pick(APPS)).into();
            condition["reason"] = "ContainersNotReady".into();
            condition["status"] = "False".into();
        }
        condition
    };
    types.iter().map(condition).collect()
}

pub(super) fn image(random: &mut Random, app: &str) -> String {
    format!("registry.example.com/shop/{app}@sha256:{}", random.hex(64))
}

pub(super) fn container(random: &mut Random, app: &str, name: &str) -> Value {
    let mut env: Vec<Value> = (0..1 + random.below(4))
        .map(|index| json!({"name": format!("APP_OPTION_{index}"), "value": random.pick(VALUES)}))
        .collect();
    env.push(json!({"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}));
    json!({
        "args": ["--listen=:8080", format!("--log-level={}", random.below(5)), "--name=$(POD_NAME)"],
        "env": env,
        "image": image(random, app),
        "imagePullPolicy": "IfNotPresent",
        "livenessProbe": {"failureThreshold": 3, "httpGet": {"path": "/healthz", "port": "http"}},
        "name": name,
        "ports": [{"containerPort": 8080, "name": "http"}],
        "resources": {
            "limits": {"cpu": "1", "memory": "512Mi"},
            "requests": {"cpu": format!("{}m", 10 * (1 + random.below(50))), "memory": "128Mi"},
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            {"mountPath": "/etc/config", "name": "config", "readOnly": true},
            {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "kube-api-access", "readOnly": true},
        ],
    })
}
