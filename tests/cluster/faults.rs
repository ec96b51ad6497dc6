//! What goes wrong. After each: the right answer, or `unknown`, never a stale one that passes.

use std::{process::Command, sync::Arc, time::Instant};

use kube::{
    Api, Client, Config,
    api::{DynamicObject, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
};
use tokio::{runtime::Runtime, sync::Semaphore, task::JoinSet};

use crate::{
    gate::{Answer, Gate, cluster_service_version, install_plan, maintenance},
    kinds,
    program::{server::until, stderr},
};

const NODE_MAINTENANCES: &str = "nodemaintenances.nodemaintenance.kubevirt.io";

pub fn a_certificate_is_rotated(gate: &mut Gate) {
    let served = || {
        let command = format!(
            "openssl s_client -connect {} </dev/null 2>/dev/null | openssl x509 -noout -serial",
            gate.server().api
        );
        Command::new("sh").args(["-c", &command]).output().unwrap().stdout
    };
    let before = served();
    gate.api.certify();
    until("the new certificate is served", || served() != before);
    assert!(gate.would_refuse());
}

pub fn the_webhook_is_away(gate: &mut Gate) {
    gate.server = None;
    let said = stderr(&gate.approval(&["--dry-run=server"]));
    assert!(said.contains("failed calling webhook"), "fails closed: {said}");
    gate.passes(&["create", "--dry-run=server", "-f", "-"], &maintenance("unseen").to_string());
    let others = [cluster_service_version("cert-manager", "1.9.0"), install_plan("other", "cert-manager.v1.9.0", true)];
    for other in others {
        gate.passes(&["create", "--dry-run=server", "-f", "-"], &other.to_string());
    }
    gate.serve();
    assert!(gate.would_refuse());
}

pub fn the_kind_goes_and_comes_back(gate: &mut Gate) {
    gate.passes(&["delete", NODE_MAINTENANCES, "--all"], "");
    until("the gate opens", || !gate.would_refuse());
    gate.passes(&["delete", "crd", NODE_MAINTENANCES], "");
    // Meanwhile it may be unknown: the CustomResourceDefinition goes before its kind, or comes before it.
    until("the kind is gone", || {
        gate.answer() == Answer::Allowed
            && gate
                .server()
                .get("/readiness")
                .body
                .contains("[+]watch nodemaintenances.nodemaintenance.kubevirt.io ok: not installed")
    });
    let crds = kinds::crds();
    gate.applies(&crds[..1]);
    until("the kind is served", || {
        gate.api.kubectl_as("admin", &["create", "-f", "-"], &maintenance("nm-1").to_string()).status.success()
    });
    let there = Instant::now();
    let answer = gate.answer();
    assert_ne!(answer, Answer::Allowed);
    until("the gate closes", || gate.answer() == Answer::Refused);
    println!("    after the kind came back: {answer:?}, and Refused after {} ms", there.elapsed().as_millis());
}

pub fn rights_are_withdrawn(gate: &mut Gate) {
    gate.passes(&["delete", "clusterrolebinding", "test-gate"], "");
    let gone = Instant::now();
    until("a watch is opened anew", || {
        let answer = gate.answer();
        assert_ne!(answer, Answer::Allowed);
        answer == Answer::Unknown
    });
    println!("    without rights: Unknown after {} s", gone.elapsed().as_secs());
    assert!(gate.server().get("/readiness").body.contains("cannot list"));
    gate.binds("upgrade-gate", "gate");
    until("the rights are back", || gate.answer() == Answer::Refused);
}

/// Stopped, and silent: a connection that stays, and says nothing.
pub fn the_api_server_is_away(gate: &mut Gate) {
    for silent in [false, true] {
        if silent {
            gate.api.freeze(true);
        } else {
            gate.api.stop();
        }
        let away = Instant::now();
        until("what was known is too old", || {
            let answer = gate.answer();
            assert_ne!(answer, Answer::Allowed);
            answer == Answer::Unknown
        });
        println!(
            "    API server {}: Unknown after {} s",
            if silent { "silent" } else { "stopped" },
            away.elapsed().as_secs()
        );
        if silent {
            gate.api.freeze(false);
        } else {
            gate.api.begin();
        }
        let back = Instant::now();
        until("it is watched again", || gate.answer() == Answer::Refused);
        println!("    and Refused {} ms after it was back", back.elapsed().as_millis());
        until("the API server asks", || gate.would_refuse());
    }
}

pub fn ten_thousand_objects(gate: &mut Gate) {
    let before = gate.server().resident();
    let started = Instant::now();
    Runtime::new().unwrap().block_on(create(gate, 10_000));
    println!("    10,000 objects created in {} s, past the webhook", started.elapsed().as_secs());
    let objects = r#"upgrade_gate_watched_objects{resource="nodemaintenances.nodemaintenance.kubevirt.io"}"#;
    gate.server().reaches(objects, 10_001.);
    let (server, first) = (gate.server(), Instant::now());
    assert_eq!(gate.answer(), Answer::Refused);
    println!(
        "    first answer after {} ms; {before} kB before, {} kB after",
        first.elapsed().as_millis(),
        server.resident()
    );
    gate.passes(&["delete", NODE_MAINTENANCES, "--all", "--wait=false"], "");
    gate.server().reaches(objects, 0.);
    until("the gate opens", || !gate.would_refuse());
    gate.passes(&["create", "-f", "-"], &maintenance("nm-1").to_string());
    until("the gate closes", || gate.would_refuse());
}

async fn create(gate: &Gate, count: usize) {
    let kubeconfig = Kubeconfig::read_from(gate.api.kubeconfig("admin")).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let kind = GroupVersionKind::gvk("nodemaintenance.kubevirt.io", "v1beta1", "NodeMaintenance");
    let api: Api<DynamicObject> = Api::all_with(Client::try_from(config).unwrap(), &ApiResource::from_gvk(&kind));
    let (mut tasks, places) = (JoinSet::new(), Arc::new(Semaphore::new(20)));
    for number in 0..count {
        let (api, place) = (api.clone(), places.clone().acquire_owned().await.unwrap());
        tasks.spawn(async move {
            let object = serde_json::from_value(maintenance(&format!("many-{number}"))).unwrap();
            api.create(&PostParams::default(), &object).await.unwrap();
            drop(place);
        });
    }
    tasks.join_all().await;
}
