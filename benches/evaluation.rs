//! What one evaluation costs: through the host (a fresh instance, limits, deadline), on a bare
//! wasmtime with a fresh instance, and on a bare wasmtime with one instance used over and over, which
//! the host never does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic is how a benchmark says no")]

use std::sync::Arc;

use divan::Bencher;
use upgrade_gate_core::NoCluster;
use upgrade_gate_host::{Compiler, Context, Grants, Host, Limits, Policy};
use upgrade_gate_testing::node_maintenance;
use wasmtime::{
    Caller, Config, Engine, Extern, InstanceAllocationStrategy, InstancePre, Linker, Module, PoolingAllocationConfig,
    Store,
};

fn main() {
    divan::main();
}

fn wasm() -> &'static [u8] {
    upgrade_gate_bundle::find("integrated-nmo").unwrap().wasm
}

/// A CREATE that is accepted without a host call.
fn accepted() -> String {
    let request = node_maintenance("nm-1").of_node("worker-1").audit_request().to_string();
    request.replace("nodemaintenance.kubevirt.io", "nodemaintenance.medik8s.io")
}

/// An existing object in an audit: refused, with one host call.
fn in_use() -> String {
    node_maintenance("nm-1").of_node("worker-1").because("disk replacement").audit_request().to_string()
}

fn load(compiler: Compiler) -> Policy {
    Host::new(Limits::default()).unwrap().load(wasm(), compiler).unwrap()
}

#[divan::bench(args = [Compiler::Cranelift, Compiler::Winch])]
fn host_accepts(bencher: Bencher<'_, '_>, compiler: Compiler) {
    evaluate(bencher, compiler, &accepted(), true);
}

#[divan::bench(args = [Compiler::Cranelift, Compiler::Winch])]
fn host_finds_in_use(bencher: Bencher<'_, '_>, compiler: Compiler) {
    evaluate(bencher, compiler, &in_use(), false);
}

fn evaluate(bencher: Bencher<'_, '_>, compiler: Compiler, request: &str, allowed: bool) {
    let policy = load(compiler);
    let grants = Grants::declared(policy.metadata().unwrap());
    let context = Context::new(Arc::new(NoCluster));
    bencher.bench(|| {
        let evaluation = policy.evaluate(request, "{}", &grants, &context).unwrap();
        assert_eq!(evaluation.response.allowed, allowed);
    });
}

#[divan::bench(args = [Compiler::Cranelift, Compiler::Winch])]
fn load_policy(bencher: Bencher<'_, '_>, compiler: Compiler) {
    let host = Host::new(Limits::default()).unwrap();
    bencher.bench(|| host.load(wasm(), compiler).unwrap());
}

/// The request, and what the guest answered.
#[derive(Default)]
struct Bare {
    payload: Vec<u8>,
    answer: Vec<u8>,
}

fn bare() -> InstancePre<Bare> {
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::default()));
    let engine = Engine::new(&config).unwrap();
    let module = Module::from_binary(&engine, wasm()).unwrap();
    let mut linker: Linker<Bare> = Linker::new(&engine);
    let memory = |caller: &mut Caller<'_, Bare>| match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => memory,
        _ => panic!("a policy has a memory"),
    };
    linker
        .func_wrap("wapc", "__guest_request", move |mut caller: Caller<'_, Bare>, operation: u32, payload: u32| {
            let bytes = caller.data().payload.clone();
            let memory = memory(&mut caller);
            memory.write(&mut caller, operation as usize, b"validate").unwrap();
            memory.write(&mut caller, payload as usize, &bytes).unwrap();
        })
        .unwrap();
    linker
        .func_wrap("wapc", "__guest_response", move |mut caller: Caller<'_, Bare>, start: u32, length: u32| {
            let memory = memory(&mut caller);
            let answer = memory.data(&caller)[start as usize..][..length as usize].to_vec();
            caller.data_mut().answer = answer;
        })
        .unwrap();
    linker.define_unknown_imports_as_traps(&module).unwrap();
    linker.instantiate_pre(&module).unwrap()
}

fn payload() -> Vec<u8> {
    format!(r#"{{"request":{},"settings":{{}}}}"#, accepted()).into_bytes()
}

fn store(pre: &InstancePre<Bare>, payload: &[u8]) -> Store<Bare> {
    Store::new(pre.module().engine(), Bare { payload: payload.to_vec(), answer: Vec::new() })
}

#[divan::bench]
fn bare_fresh_instance_accepts(bencher: Bencher<'_, '_>) {
    let (pre, payload) = (bare(), payload());
    bencher.bench(|| {
        let mut store = store(&pre, &payload);
        let instance = pre.instantiate(&mut store).unwrap();
        instance.get_typed_func::<(), ()>(&mut store, "wapc_init").unwrap().call(&mut store, ()).unwrap();
        let call = instance.get_typed_func::<(i32, i32), i32>(&mut store, "__guest_call").unwrap();
        assert_eq!(call.call(&mut store, (8, i32::try_from(payload.len()).unwrap())).unwrap(), 1);
        assert!(store.data().answer.starts_with(br#"{"accepted":true"#));
    });
}

#[divan::bench]
fn bare_reused_instance_accepts(bencher: Bencher<'_, '_>) {
    let (pre, payload) = (bare(), payload());
    let mut store = store(&pre, &payload);
    let instance = pre.instantiate(&mut store).unwrap();
    instance.get_typed_func::<(), ()>(&mut store, "wapc_init").unwrap().call(&mut store, ()).unwrap();
    let call = instance.get_typed_func::<(i32, i32), i32>(&mut store, "__guest_call").unwrap();
    bencher.bench_local(move || {
        assert_eq!(call.call(&mut store, (8, i32::try_from(payload.len()).unwrap())).unwrap(), 1);
        assert!(store.data().answer.starts_with(br#"{"accepted":true"#));
    });
}
