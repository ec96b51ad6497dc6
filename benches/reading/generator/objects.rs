//! Objects of a Kubernetes cluster, kind by kind, as the API server hands them out. All of it is made up.

use serde_json::{Map, Value, json};

use super::parts::{
    APPS, NAMESPACES, Random, VALUES, apply, conditions, container, description, image, manage, metadata, owner, title,
};

pub(super) fn pod(random: &mut Random, _: usize) -> Value {
    let (app, namespace, node) = (random.pick(APPS), random.pick(NAMESPACES), random.below(500));
    let replica_set = format!("{app}-{}", random.suffix(9));
    let mut containers = vec![container(random, app, "app")];
    if random.below(8) == 0 {
        containers.push(container(random, "sidecar", "sidecar"));
    }
    let mut running = |container: &Value| {
        json!({
            "containerID": format!("cri-o://{}", random.hex(64)), "image": container["image"],
            "imageID": container["image"], "lastState": {}, "name": container["name"], "ready": true,
            "restartCount": random.below(4), "started": true, "state": {"running": {"startedAt": random.time()}},
        })
    };
    let statuses: Vec<Value> = containers.iter().map(&mut running).collect();
    let labels = json!({"app.kubernetes.io/name": app, "pod-template-hash": random.suffix(9)});
    let owners = owner(random, "apps/v1", "ReplicaSet", &replica_set);
    let name = format!("{replica_set}-{}", random.suffix(5));
    let more = json!({"generateName": format!("{replica_set}-"), "labels": labels, "ownerReferences": owners});
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": metadata(random, name, Some(namespace), more),
        "spec": {
            "containers": containers,
            "dnsPolicy": "ClusterFirst",
            "nodeName": format!("worker-{node}.example.com"),
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {"fsGroup": 1000 + node},
            "serviceAccountName": app,
            "tolerations": [{"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists"}],
            "volumes": [
                {"configMap": {"defaultMode": 420, "name": format!("{app}-config")}, "name": "config"},
                {"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                ]}},
            ],
        },
        "status": {
            "conditions": conditions(random, &["Initialized", "Ready", "PodScheduled"]),
            "containerStatuses": statuses,
            "hostIP": format!("10.0.{}.{}", node / 256, node % 256),
            "phase": "Running",
            "podIP": format!("10.128.{}.{}", random.below(256), random.below(256)),
            "qosClass": "Burstable",
            "startTime": random.time(),
        },
    });
    if random.below(3) == 0 {
        manage(random, &mut pod, "kubelet", "status");
    }
    pod
}

pub(super) fn event(random: &mut Random, _: usize) -> Value {
    let (app, namespace) = (random.pick(APPS), random.pick(NAMESPACES));
    let pod = format!("{app}-{}", random.suffix(9));
    let (reason, message) = match random.below(4) {
        0 => ("Pulled", format!("Container image \"{}\" already present on machine", image(random, app))),
        1 => ("Unhealthy", "Readiness probe failed: Get \"http://10.128.3.7:8080/healthz\": EOF\n".into()),
        2 => ("FailedScheduling", format!("0/{} nodes are available: → {}.", random.below(500), title(random, 12))),
        _ => ("BackOff", format!("Back-off restarting failed container app in pod {pod}")),
    };
    let name = format!("{pod}.{}", random.hex(16));
    let times = (random.time(), random.time());
    json!({
        "apiVersion": "v1", "count": 1 + random.below(90), "eventTime": null, "firstTimestamp": times.0,
        "involvedObject": {
            "apiVersion": "v1", "fieldPath": "spec.containers{app}", "kind": "Pod", "name": pod,
            "namespace": namespace, "resourceVersion": random.below(90_000_000).to_string(), "uid": random.uid(),
        },
        "kind": "Event", "lastTimestamp": times.1, "message": message,
        "metadata": metadata(random, name, Some(namespace), json!({})),
        "reason": reason, "reportingComponent": "kubelet", "reportingInstance": "",
        "source": {"component": "kubelet", "host": format!("worker-{}.example.com", random.below(500))},
        "type": "Normal",
    })
}

fn certificates(random: &mut Random, count: usize) -> String {
    let certificate = |_| {
        let lines: Vec<String> = (0..20).map(|_| random.base64(64)).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    (0..count).map(certificate).collect()
}

pub(super) fn config_map(random: &mut Random, index: usize) -> Value {
    let (app, namespace) = (random.pick(APPS), random.pick(NAMESPACES));
    let data = match random.below(20) {
        0 | 1 => json!({ "ca-bundle.crt": certificates(random, 36) }),
        2 => {
            let panels: Vec<Value> = (0..120)
                .map(|id| json!({"id": id, "title": title(random, 5), "type": "graph", "unit": "<ms>"}))
                .collect();
            json!({ "dashboard.json": format!("{:#}", json!({"panels": panels, "refresh": "10s"})) })
        }
        _ => json!({
            "app.yaml": format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: {app}\nspec:\n  ports: [80]\n---\n"),
            "start.sh": format!("#!/bin/sh\nset -eu\n\n# {}\nexec {app} \"$@\" <&- 2>&1", title(random, 60)),
            "Makefile": "all:\n\tmake -C src\n",
            "settings.json": json!({"name": app, "notes": description(random)}).to_string(),
            "LOG_LEVEL": random.pick(VALUES),
        }),
    };
    let mut map = json!({
        "apiVersion": "v1", "data": data, "kind": "ConfigMap",
        "metadata": metadata(random, format!("{app}-config-{index}"), Some(namespace), json!({})),
    });
    manage(random, &mut map, "kube-controller-manager", "data");
    if random.below(2) == 0 && map.to_string().len() < 10_000 {
        apply(&mut map);
    }
    map
}

pub(super) fn secret(random: &mut Random, index: usize) -> Value {
    let (app, namespace) = (random.pick(APPS), random.pick(NAMESPACES));
    let size = 400 * (1 + random.below(10));
    json!({
        "apiVersion": "v1",
        "data": {".dockerconfigjson": random.base64(size), "token": random.base64(200), "tls.crt": random.base64(1600)},
        "kind": "Secret",
        "metadata": metadata(random, format!("{app}-token-{index}"), Some(namespace), json!({})),
        "type": "Opaque",
    })
}

fn replicas(random: &mut Random, app: &str) -> Value {
    json!({
        "replicas": 1 + random.below(5),
        "selector": {"matchLabels": {"app.kubernetes.io/name": app}},
        "template": {
            "metadata": {"creationTimestamp": null, "labels": {"app.kubernetes.io/name": app}},
            "spec": {"containers": [container(random, app, "app")], "restartPolicy": "Always"},
        },
    })
}

pub(super) fn replica_set(random: &mut Random, index: usize) -> Value {
    let (app, namespace) = (random.pick(APPS), random.pick(NAMESPACES));
    let owners = owner(random, "apps/v1", "Deployment", app);
    let more = json!({"labels": {"app.kubernetes.io/name": app}, "ownerReferences": owners});
    let name = format!("{app}-{index}-{}", random.suffix(9));
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata(random, name, Some(namespace), more),
        "spec": replicas(random, app), "status": {"observedGeneration": 1, "replicas": random.below(5)},
    });
    manage(random, &mut set, "kube-controller-manager", "status");
    set
}

pub(super) fn deployment(random: &mut Random, index: usize) -> Value {
    let (app, namespace) = (random.pick(APPS), random.pick(NAMESPACES));
    let more = json!({
        "annotations": {"deployment.kubernetes.io/revision": random.below(9).to_string()},
        "generation": 2, "labels": {"app.kubernetes.io/name": app},
    });
    let mut deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": metadata(random, format!("{app}-{index}"), Some(namespace), more),
        "spec": replicas(random, app),
        "status": {"conditions": conditions(random, &["Available", "Progressing"]), "observedGeneration": 2},
    });
    apply(&mut deployment);
    manage(random, &mut deployment, "kube-controller-manager", "status");
    deployment
}

pub(super) fn lease(random: &mut Random, index: usize) -> Value {
    let metadata = metadata(random, format!("worker-{index}.example.com"), Some("kube-node-lease"), json!({}));
    let renewed = random.time().replace('Z', ".123456Z");
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata,
        "spec": {"holderIdentity": format!("worker-{index}"), "leaseDurationSeconds": 40, "renewTime": renewed},
    })
}

pub(super) fn node(random: &mut Random, index: usize) -> Value {
    let name = format!("worker-{index}.example.com");
    let images: Vec<Value> = (0..40)
        .map(|_| json!({"names": [image(random, "app")], "sizeBytes": 1_000_000 + random.below(900_000_000)}))
        .collect();
    let more = json!({"labels": {"kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name}});
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": metadata(random, name.clone(), None, more),
        "spec": {"podCIDR": "10.128.0.0/24", "providerID": format!("aws:///eu-central-1a/i-{}", random.hex(17))},
        "status": {
            "addresses": [{"address": name, "type": "Hostname"}], "allocatable": {"cpu": "31500m", "pods": "250"},
            "conditions": conditions(random, &["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"]),
            "images": images,
            "nodeInfo": {"architecture": "amd64", "kubeletVersion": "v1.23.5+3afdacb", "machineID": random.hex(32)},
        },
    });
    manage(random, &mut node, "kubelet", "status");
    node
}

pub(super) fn virtual_machine(random: &mut Random, index: usize) -> Value {
    let user_data = format!(
        "#cloud-config\nuser: fedora\npassword: {}\nchpasswd: {{ expire: False }}\nruncmd:\n  - [sh, -c, \"{}\"]\n",
        random.hex(12),
        random.pick(VALUES).escape_default(),
    );
    let name = format!("vm-{index}");
    let more = json!({"finalizers": ["kubevirt.io/virtualMachineControllerFinalize"], "labels": {"app": name}});
    let mut machine = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
        "metadata": metadata(random, name.clone(), Some("vms"), more),
        "spec": {
            "running": true,
            "template": {
                "metadata": {"annotations": {"vm.kubevirt.io/os": "fedora"}, "labels": {"kubevirt.io/domain": name}},
                "spec": {
                    "domain": {
                        "cpu": {"cores": 1 + random.below(8), "sockets": 1, "threads": 1},
                        "devices": {
                            "disks": [{"disk": {"bus": "virtio"}, "name": "root"}, {"name": "cloudinit"}],
                            "interfaces": [{"macAddress": "02:00:00:00:0a:1f", "masquerade": {}, "name": "default"}],
                        },
                        "resources": {"requests": {"memory": "4Gi"}},
                    },
                    "networks": [{"name": "default", "pod": {}}],
                    "volumes": [
                        {"dataVolume": {"name": format!("{name}-root")}, "name": "root"},
                        {"cloudInitNoCloud": {"userData": user_data}, "name": "cloudinit"},
                    ],
                },
            },
        },
        "status": {"conditions": conditions(random, &["Ready", "LiveMigratable"]), "printableStatus": "Running"},
    });
    apply(&mut machine);
    manage(random, &mut machine, "kubectl-client-side-apply", "spec");
    machine
}

fn schema(random: &mut Random, leaves: usize) -> Value {
    let mut properties = Map::new();
    let children = leaves.min(4 + random.below(5));
    for index in 0..children {
        let below = leaves / children;
        let property = match random.below(4) {
            _ if below > 1 => schema(random, below),
            0 => json!({"description": description(random), "format": "int32", "minimum": 0, "type": "integer"}),
            1 => json!({"description": description(random), "items": {"type": "string"}, "type": "array"}),
            _ => json!({"description": description(random), "type": "string"}),
        };
        properties.insert(format!("{}{index}", random.pick(&["spec", "ref", "policy", "limit"])), property);
    }
    json!({"description": description(random), "properties": properties, "type": "object"})
}

pub(super) fn custom_resource_definition(random: &mut Random, index: usize) -> Value {
    let (plural, leaves) = (format!("widgets{index}"), 120 + random.below(240));
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": metadata(random, format!("{plural}.example.com"), None, json!({"generation": 1})),
        "spec": {
            "conversion": {"strategy": "None"}, "group": "example.com",
            "names": {"kind": format!("Widget{index}"), "plural": plural}, "scope": "Namespaced",
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema(random, leaves)}, "served": true}],
        },
        "status": {"conditions": conditions(random, &["NamesAccepted", "Established"]), "storedVersions": ["v1"]},
    })
}

pub(super) fn node_maintenance(random: &mut Random, index: usize) -> Value {
    let reasons =
        ["disk replacement", "ticket #4711: \"sdb\" is failing", "Lüfter tauschen →", "firmware\nthen reboot\n"];
    let more = json!({"finalizers": ["foregroundDeleteNodeMaintenance"], "generation": 1});
    let mut maintenance = json!({
        "apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenance",
        "metadata": metadata(random, format!("nm-{index}"), None, more),
        "spec": {"nodeName": format!("worker-{index}.example.com"), "reason": random.pick(&reasons)},
        "status": {"evictionPods": random.below(40), "phase": "Succeeded", "totalpods": random.below(40)},
    });
    manage(random, &mut maintenance, "node-maintenance-operator", "status");
    maintenance
}
