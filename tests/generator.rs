//! The benchmarks' generator: its YAML means what its JSON means, and it is the same each time.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test says no")]

#[allow(dead_code, reason = "the benchmarks use the rest")]
#[path = "../benches/reading/generator/mod.rs"]
mod generator;

use generator::{Mix, json, yaml};
use serde_json::Value;

#[test]
fn yaml_and_json_say_the_same() {
    let mix = Mix { seed: 1, objects: 2000, node_maintenances: 20, only_unwanted: false };
    let mut maintenances = 0;
    for index in 0..mix.objects {
        let object = mix.object(index);
        let (mut text, mut bytes) = (String::new(), Vec::new());
        yaml(&mut text, &object);
        json(&mut bytes, &object, 8);
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), object, "{text}");
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), object);
        assert_eq!(mix.object(index), object);
        maintenances += usize::from(object["kind"] == "NodeMaintenance");
    }
    assert_eq!(maintenances, 20);
}

#[test]
fn a_list_has_all_objects() {
    let mix = Mix { seed: 2, objects: 1000, node_maintenances: 3, only_unwanted: false };
    let mut bytes = Vec::new();
    mix.json_list(&mut bytes).unwrap();
    let list: Value = serde_json::from_slice(&bytes).unwrap();
    let of_kind = |kind: &str| list["items"].as_array().unwrap().iter().filter(|item| item["kind"] == kind).count();
    assert_eq!(["NodeMaintenance", "Deployment", "Node"].map(of_kind), [3, 40, 1]);
}
