//! Small clusters as data, and what is true of each.

use serde_json::{Map, Value, json};

/// A cluster: every object that it has of the kinds that somebody collects.
#[derive(Clone)]
pub struct Cluster {
    pub name: &'static str,
    pub objects: Vec<Value>,
    /// What a complete source of it deserves.
    pub truth: Truth,
    /// Whether the upgrade goes past HCO 1.7, so that NodeMaintenance objects decide.
    pub passes_boundary: bool,
}

/// A verdict, as the report writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    Ready,
    Warning,
    Blocked,
}

impl Truth {
    pub fn verdict(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Warning => "warning",
            Self::Blocked => "blocked",
        }
    }
}

const NAMESPACE: &str = "kubevirt-hyperconverged";
const PRODUCT_NAMESPACE: &str = "openshift-cnv";

/// Group and version, kind, and plural.
pub type Kind = [&'static str; 3];

pub const NODE_MAINTENANCE: Kind = ["nodemaintenance.kubevirt.io/v1beta1", "NodeMaintenance", "nodemaintenances"];
pub const HYPERCONVERGED: Kind = ["hco.kubevirt.io/v1beta1", "HyperConverged", "hyperconvergeds"];
pub const SSP: Kind = ["ssp.kubevirt.io/v1beta1", "SSP", "ssps"];
const VIRTUAL_MACHINE: Kind = ["kubevirt.io/v1", "VirtualMachine", "virtualmachines"];
pub const CRD: Kind = ["apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions"];
pub const NODE: Kind = ["v1", "Node", "nodes"];
const CSV: Kind = ["operators.coreos.com/v1alpha1", "ClusterServiceVersion", "clusterserviceversions"];
const INSTALL_PLAN: Kind = ["operators.coreos.com/v1alpha1", "InstallPlan", "installplans"];
const SUBSCRIPTION: Kind = ["operators.coreos.com/v1alpha1", "Subscription", "subscriptions"];
const OPERATOR_CONDITION: Kind = ["operators.coreos.com/v2", "OperatorCondition", "operatorconditions"];
const CLUSTER_EXTENSION: Kind = ["olm.operatorframework.io/v1", "ClusterExtension", "clusterextensions"];

/// Every kind of these clusters, in the order in which a collector would ask for it.
pub const KINDS: [Kind; 11] = [
    CRD,
    NODE_MAINTENANCE,
    HYPERCONVERGED,
    NODE,
    CSV,
    INSTALL_PLAN,
    SUBSCRIPTION,
    OPERATOR_CONDITION,
    CLUSTER_EXTENSION,
    SSP,
    VIRTUAL_MACHINE,
];

/// The clusters. Of `later` there are objects: the kind that kubevirt's collector goes on to after NodeMaintenance.
pub fn clusters() -> Vec<Cluster> {
    use Truth::{Blocked, Ready, Warning};
    let new = |name, version, later, truth, change: fn(&mut Builder)| {
        let mut builder = Builder::new(version);
        builder.base(later);
        change(&mut builder);
        let passes_boundary = ["1.6.0", "4.10.5"].contains(&version);
        Cluster { name, objects: builder.objects, truth, passes_boundary }
    };
    vec![
        new("upstream", "1.6.0", SSP, Ready, |_| {}),
        new("upstream-maintenances", "1.6.0", SSP, Blocked, |it| {
            it.maintenance("nm-1", "worker-1");
            it.maintenance("nm-2", "worker-gone");
        }),
        new("upstream-held-back", "1.6.0", VIRTUAL_MACHINE, Blocked, |it| it.hold_back()),
        new("upstream-plan", "1.6.0", SSP, Ready, |it| it.plan("1.7.0")),
        new("upstream-no-nmo", "1.6.0", SSP, Ready, |it| it.forget_maintenances()),
        new("product", "4.10.5", VIRTUAL_MACHINE, Ready, |_| {}),
        new("product-maintenance", "4.10.5", VIRTUAL_MACHINE, Blocked, |it| it.maintenance("nm-1", "worker-1")),
        new("upstream-without-olm", "1.6.0", SSP, Ready, |it| it.forget_olm()),
        new("later", "1.14.0", SSP, Ready, |_| {}),
        new("later-maintenance", "1.14.0", SSP, Warning, |it| it.maintenance("nm-1", "worker-1")),
    ]
}

/// An object of a kind, as an API server stores it.
struct Builder {
    version: &'static str,
    namespace: &'static str,
    objects: Vec<Value>,
}

impl Builder {
    fn new(version: &'static str) -> Self {
        let namespace = if version.starts_with('4') { PRODUCT_NAMESPACE } else { NAMESPACE };
        Self { version, namespace, objects: Vec::new() }
    }

    fn add(&mut self, [api_version, kind, _]: Kind, namespace: Option<&str>, name: &str, rest: Value) {
        let number = 1_000 + self.objects.len();
        let mut metadata = json!({
            "creationTimestamp": "2022-03-28T12:14:20Z",
            "labels": {"example.com/of": name},
            "name": name,
            "resourceVersion": number.to_string(),
            "uid": format!("5d9c1c6e-0000-4000-8000-{number:012}"),
        });
        if let Some(namespace) = namespace {
            metadata["namespace"] = namespace.into();
        }
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata});
        let rest = rest.as_object().cloned().unwrap_or_default();
        object.as_object_mut().unwrap().extend(rest);
        self.objects.push(object);
    }

    fn base(&mut self, later: Kind) {
        for [api_version, kind, plural] in [HYPERCONVERGED, NODE_MAINTENANCE, CSV, INSTALL_PLAN, SUBSCRIPTION, later] {
            let (group, version) = api_version.split_once('/').unwrap();
            let names = json!({"kind": kind, "listKind": format!("{kind}List"), "plural": plural});
            let versions = json!([{"name": version, "served": true, "storage": true}]);
            let spec = json!({"spec": {"group": group, "names": names, "versions": versions}});
            self.add(CRD, None, &format!("{plural}.{group}"), spec);
        }
        self.add(NODE, None, "worker-1", json!({"status": {"nodeInfo": {"kubeletVersion": "v1.23.5"}}}));
        let condition = |kind: &str, status: &str| {
            json!({"message": "Reconcile completed successfully", "reason": "ReconcileCompleted", "status": status,
                   "type": kind})
        };
        let conditions =
            [("Available", "True"), ("Progressing", "False"), ("Degraded", "False"), ("Upgradeable", "True")];
        let conditions: Vec<Value> = conditions.into_iter().map(|(kind, status)| condition(kind, status)).collect();
        let versions = json!([{"name": "operator", "version": self.version}]);
        let status = json!({"spec": {}, "status": {"conditions": conditions, "versions": versions}});
        let namespace = Some(self.namespace);
        self.add(HYPERCONVERGED, namespace, NAMESPACE, status);
        let csv = format!("kubevirt-hyperconverged-operator.v{}", self.version);
        let owned =
            json!([{"kind": HYPERCONVERGED[1], "name": "hyperconvergeds.hco.kubevirt.io", "version": "v1beta1"}]);
        let spec = json!({"customresourcedefinitions": {"owned": owned}, "version": self.version});
        self.add(CSV, namespace, &csv, json!({"spec": spec, "status": {"phase": "Succeeded"}}));
        let package = if self.namespace == NAMESPACE { "community-kubevirt-hyperconverged" } else { NAMESPACE };
        let channel = if self.namespace == NAMESPACE { self.version } else { "stable" };
        let spec = json!({"channel": channel, "installPlanApproval": "Manual", "name": package, "source": "s",
                          "sourceNamespace": "olm"});
        let status = json!({"spec": spec, "status": {"installedCSV": csv, "state": "AtLatestKnown"}});
        self.add(SUBSCRIPTION, namespace, package, status);
        self.add(later, namespace, "one-that-comes-later", json!({"spec": {}, "status": {"phase": "Deployed"}}));
    }

    fn maintenance(&mut self, name: &str, node: &str) {
        let spec =
            json!({"spec": {"nodeName": node, "reason": "disk: \"sda\" fails"}, "status": {"phase": "Succeeded"}});
        self.add(NODE_MAINTENANCE, None, name, spec);
    }

    fn hold_back(&mut self) {
        let hco = self.objects.iter_mut().find(|object| object["kind"] == HYPERCONVERGED[1]).unwrap();
        let held_back = json!({"message": "Not now", "reason": "Because", "status": "False", "type": "Upgradeable"});
        *hco["status"]["conditions"].as_array_mut().unwrap().last_mut().unwrap() = held_back;
    }

    fn plan(&mut self, version: &str) {
        let spec = json!({"approval": "Manual", "approved": false,
                          "clusterServiceVersionNames": [format!("kubevirt-hyperconverged-operator.v{version}")]});
        let plan = json!({"spec": spec, "status": {"phase": "RequiresApproval"}});
        self.add(INSTALL_PLAN, Some(self.namespace), "install-abcde", plan);
    }

    /// HCO was installed by manifests, so nothing but HyperConverged says of which version it is.
    fn forget_olm(&mut self) {
        self.objects.retain(|object| object["apiVersion"] != CSV[0]);
    }

    /// The operator inside HCO was never there.
    fn forget_maintenances(&mut self) {
        self.objects.retain(|object| object["metadata"]["name"] != "nodemaintenances.nodemaintenance.kubevirt.io");
    }
}

impl Cluster {
    pub fn of_kind<'c>(&'c self, kind: &'c str) -> impl Iterator<Item = &'c Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    /// Whether the API server serves a kind: of a custom resource there is a definition.
    pub fn serves(&self, [api_version, _, plural]: Kind) -> bool {
        let group = group(api_version);
        group.is_empty() || group == "apiextensions.k8s.io" || {
            let name = format!("{plural}.{group}");
            self.of_kind(CRD[1]).any(|crd| crd["metadata"]["name"] == name.as_str())
        }
    }

    /// The API server's list of a kind. Items of Kubernetes' own kinds do not say what they are.
    pub fn list(&self, [api_version, kind, _]: Kind) -> Value {
        let mut items: Vec<Value> = self.of_kind(kind).cloned().collect();
        if api_version == "v1" {
            items.iter_mut().filter_map(Value::as_object_mut).for_each(|item: &mut Map<_, _>| {
                item.retain(|key, _| !["apiVersion", "kind"].contains(&key.as_str()));
            });
        }
        let metadata = json!({"resourceVersion": "2000"});
        json!({"apiVersion": api_version, "items": items, "kind": format!("{kind}List"), "metadata": metadata})
    }
}

/// Of an apiVersion; empty for the core group.
pub fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The plural of an object's kind.
pub fn plural(object: &Value) -> &'static str {
    KINDS.iter().find(|[_, kind, _]| object["kind"] == *kind).map_or("others", |[_, _, plural]| plural)
}
