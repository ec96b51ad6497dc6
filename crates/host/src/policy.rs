//! A loaded policy, and one evaluation.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use kubewarden_policy_sdk::{response::ValidationResponse, settings::SettingsValidationResponse};
use sha2::{Digest, Sha256};
use upgrade_gate_core::NoCluster;
use wasmtime::{Engine, ExternType, InstancePre, Linker, Module, Store, Trap, UpdateDeadline};

use crate::{
    capabilities::Grants,
    context::Context,
    engine::Host,
    error::{EvaluationError, LoadError, SettingsError},
    metadata::{ContextAwareResource, Metadata},
    response::Response,
    wapc::{self, Call},
};

/// A compiled policy. Compiled once and instantiated afresh for each evaluation, so that no
/// evaluation can leave anything behind for the next.
#[derive(Clone)]
pub struct Policy {
    host: Host,
    instance: InstancePre<Call>,
    digest: String,
    metadata: Option<Metadata>,
}

/// An answer, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// What the policy answered.
    pub response: Response,
    /// The kinds of which there may be more than it was shown. An acceptance that rests on that is none.
    pub incomplete: BTreeSet<ContextAwareResource>,
    /// The host capabilities that it may use and used, but that need a network or a live cluster, such as
    /// `oci/v2/verify`. They were denied, and an answer that rests on that is none.
    pub refused: BTreeSet<String>,
    /// How much linear memory it had at the end, of which [`Limits::memory_bytes`](crate::Limits::memory_bytes) is the limit.
    pub memory_bytes: usize,
    /// What it logged, a line each; at most 64 KiB.
    pub log: Vec<String>,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// A policy's own words about an error may hold the object; so many characters of them are shown.
const MAX_GUEST_ERROR: usize = 300;

impl Policy {
    pub(crate) fn load(host: Host, engine: &Engine, wasm: &[u8]) -> Result<Self, LoadError> {
        let metadata = Metadata::of(wasm)?;
        let mode = metadata.as_ref().and_then(|metadata| metadata.execution_mode.as_deref());
        if let Some(mode) = mode.filter(|mode| *mode != "kubewarden-wapc") {
            return Err(LoadError::ExecutionMode(mode.into()));
        }
        let module = Module::from_binary(engine, wasm).map_err(|error| LoadError::Module(format!("{error:#}")))?;
        let exports = |name| module.get_export(name);
        let (Some(ExternType::Func(_)), Some(ExternType::Memory(_))) = (exports("__guest_call"), exports("memory"))
        else {
            return Err(LoadError::NotWapc);
        };

        let mut linker = Linker::new(engine);
        let set_up = |outcome: wasmtime::Result<()>| outcome.map_err(|error| LoadError::Runtime(error.to_string()));
        set_up(wapc::add_to_linker(&mut linker))?;
        if module.imports().any(|import| import.module() == "wasi_snapshot_preview1") {
            set_up(wapc::add_wasi_to_linker(&mut linker))?;
        }
        let instance = linker.instantiate_pre(&module).map_err(|error| {
            let unknown = error.downcast_ref::<wasmtime::UnknownImportError>();
            unknown.map_or(LoadError::Module(format!("{error:#}")), |import| LoadError::Import {
                module: import.module().into(),
                name: import.name().into(),
            })
        })?;
        let digest = Sha256::digest(wasm).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Ok(Self { host, instance, digest: format!("sha256:{digest}"), metadata })
    }

    /// The same policy with a time limit of its own: [`Limits::wall_time`](crate::Limits::wall_time).
    #[must_use]
    pub fn within(mut self, wall_time: Duration) -> Self {
        self.host.limits.wall_time = wall_time;
        self
    }

    /// `sha256:` and 64 hexadecimal digits, over the module as it was loaded.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the policy says of itself; `None` for a module that was not annotated.
    #[must_use]
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// Judges one request: an `AdmissionRequest` and the settings, both as JSON.
    ///
    /// # Errors
    /// [`EvaluationError`]: there is no verdict, neither good nor bad.
    pub fn evaluate(
        &self,
        request: &str,
        settings: &str,
        grants: &Grants,
        context: &Context,
    ) -> Result<Evaluation, EvaluationError> {
        let payload = format!(r#"{{"request":{request},"settings":{settings}}}"#);
        let call = self.call("validate", payload.into_bytes(), grants.clone(), context.clone())?;
        let response: ValidationResponse = parse("validate", &call.response)?;
        let Call { incomplete, refused, memory_bytes, log, .. } = call;
        Ok(Evaluation { response: response.into(), incomplete, refused, memory_bytes, log })
    }

    /// Asks the policy whether it takes the settings, a JSON object, without a look at anything else.
    ///
    /// # Errors
    /// As [`Policy::validate_settings_in`].
    pub fn validate_settings(&self, settings: &str) -> Result<(), SettingsError> {
        let (grants, nothing) = (Grants::none(), Context::new(Arc::new(NoCluster)));
        self.validate_settings_in(settings, &grants, &nothing)
    }

    /// Asks the policy whether it takes the settings, a JSON object; it may use its host capabilities for that.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`] in the policy's words.
    pub fn validate_settings_in(
        &self,
        settings: &str,
        grants: &Grants,
        context: &Context,
    ) -> Result<(), SettingsError> {
        let call = self.call("validate_settings", settings.as_bytes().to_vec(), grants.clone(), context.clone())?;
        let answer: SettingsValidationResponse = parse("validate_settings", &call.response)?;
        if answer.valid {
            return Ok(());
        }
        Err(SettingsError::Invalid(answer.message.unwrap_or_else(|| "the settings are not valid".into())))
    }

    /// The version of the protocol that the module itself says it speaks: `v1`.
    ///
    /// # Errors
    /// [`EvaluationError`].
    pub fn protocol_version(&self) -> Result<String, EvaluationError> {
        let nothing = Context::new(Arc::new(NoCluster));
        let call = self.call("protocol_version", Vec::new(), Grants::none(), nothing)?;
        parse("protocol_version", &call.response)
    }

    /// One waPC call on a fresh instance.
    fn call(
        &self,
        operation: &'static str,
        payload: Vec<u8>,
        grants: Grants,
        context: Context,
    ) -> Result<Call, EvaluationError> {
        let _slot = self.host.slot();
        let length = |bytes: usize| i32::try_from(bytes).unwrap_or(i32::MAX);
        let lengths = (length(operation.len()), length(payload.len()));
        let limits = self.host.limits();
        let mut store =
            Store::new(self.instance.module().engine(), Call::new(operation, payload, limits, grants, context));
        store.limiter(|call| call);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            context.data().check_time()?;
            Ok(UpdateDeadline::Continue(1))
        });
        // A limit beyond what a clock can say is none.
        let deadline = store.data().started.checked_add(limits.wall_time);
        let _watch = deadline.map(|deadline| self.host.watchdog().watch(deadline));

        let outcome = run(&self.instance, &mut store, lengths);
        let call = store.into_data();
        match outcome {
            Ok(1) => Ok(call),
            Ok(_) => Err(EvaluationError::Guest(upgrade_gate_core::shorten(&call.guest_error, MAX_GUEST_ERROR))),
            Err(error) => Err(reason(&error, &call)),
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(operation: &'static str, response: &[u8]) -> Result<T, EvaluationError> {
    serde_json::from_slice(response).map_err(|error| {
        let reason = upgrade_gate_core::shorten(&error.to_string(), MAX_GUEST_ERROR);
        EvaluationError::Protocol { operation, reason }
    })
}

fn run(instance: &InstancePre<Call>, store: &mut Store<Call>, lengths: (i32, i32)) -> wasmtime::Result<i32> {
    let instance = instance.instantiate(&mut *store)?;
    for start in ["_start", "wapc_init"] {
        if let Ok(function) = instance.get_typed_func::<(), ()>(&mut *store, start) {
            function.call(&mut *store, ())?;
        }
    }
    instance.get_typed_func::<(i32, i32), i32>(&mut *store, "__guest_call")?.call(&mut *store, lengths)
}

fn reason(error: &wasmtime::Error, call: &Call) -> EvaluationError {
    if let Some(known) = error.downcast_ref::<EvaluationError>() {
        return known.clone();
    }
    // A panic writes its message to the console, then traps.
    let last_words = call.log.last().filter(|line| line.contains("panicked"));
    let trap = error.downcast_ref::<Trap>().map(ToString::to_string);
    let reason = last_words.cloned().or(trap).unwrap_or_else(|| format!("{error:#}"));
    EvaluationError::Trap { reason: upgrade_gate_core::shorten(&reason, MAX_GUEST_ERROR) }
}
