//! The host's side of waPC: nine functions, and the state of one call.
//!
//! Source: the crate wapc 2.2.0, `src/wapc_functions.rs`.

use std::{collections::BTreeSet, time::Instant};

use wasmtime::{Caller, Extern, Linker, ResourceLimiter, Result};
use wasmtime_wasi::{WasiCtxBuilder, p1::WasiP1Ctx};

use crate::{
    capabilities::{self, Grants, HostCall, Reply},
    context::Context,
    error::EvaluationError,
    limits::Limits,
    metadata::ContextAwareResource,
};

/// How much of what a policy logs is kept, in bytes of one evaluation.
const MAX_LOG: usize = 64 << 10;

/// What a line of log costs on top of its text.
const LOG_LINE: usize = 32;

/// The largest question of a policy, in bytes: a selector is checked against every object, and no
/// deadline reaches into an answer that is being made.
const MAX_HOST_CALL: usize = 64 << 10;

/// Everything that belongs to one evaluation.
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) payload: Vec<u8>,
    pub(crate) limits: Limits,
    pub(crate) started: Instant,
    pub(crate) grants: Grants,
    pub(crate) context: Context,
    host_answer: Vec<u8>,
    host_error: String,
    pub(crate) response: Vec<u8>,
    pub(crate) guest_error: String,
    pub(crate) log: Vec<String>,
    log_bytes: usize,
    /// Whether an answer was given that may not be whole.
    pub(crate) incomplete: BTreeSet<ContextAwareResource>,
    /// What it may ask, but nobody here can answer.
    pub(crate) refused: BTreeSet<String>,
    /// How large its memory has grown.
    pub(crate) memory_bytes: usize,
    /// Made for modules that use it.
    wasi: Option<Box<WasiP1Ctx>>,
}

impl Call {
    pub(crate) fn new(
        operation: &'static str,
        payload: Vec<u8>,
        limits: Limits,
        grants: Grants,
        context: Context,
    ) -> Self {
        Self {
            operation,
            payload,
            limits,
            started: Instant::now(),
            grants,
            context,
            host_answer: Vec::new(),
            host_error: String::new(),
            response: Vec::new(),
            guest_error: String::new(),
            log: Vec::new(),
            log_bytes: 0,
            incomplete: BTreeSet::new(),
            refused: BTreeSet::new(),
            memory_bytes: 0,
            wasi: None,
        }
    }

    /// # Errors
    /// [`EvaluationError::WallTime`] once the time is up.
    pub(crate) fn check_time(&self) -> Result<(), EvaluationError> {
        let (limit, seen) = (self.limits.wall_time, self.started.elapsed());
        if seen < limit { Ok(()) } else { Err(EvaluationError::WallTime { limit, seen }) }
    }

    fn log(&mut self, text: &[u8]) {
        let size = text.len() + LOG_LINE;
        if self.log_bytes + size <= MAX_LOG {
            self.log_bytes += size;
            self.log.push(String::from_utf8_lossy(text).into_owned());
        }
    }
}

/// A refused growth ends the evaluation: a guest that is merely told no crashes in ways that say
/// nothing.
impl ResourceLimiter for Call {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let limit = self.limits.memory_bytes;
        if desired > limit {
            return Err(EvaluationError::Memory { limit, seen: desired }.into());
        }
        self.memory_bytes = desired;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= crate::engine::MAX_TABLE_ELEMENTS)
    }

    // The limit of memory is one of all memories, because there is one.
    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        1
    }

    fn instances(&self) -> usize {
        1
    }
}

/// Provides the functions that Kubewarden provides.
pub(crate) fn add_to_linker(linker: &mut Linker<Call>) -> Result<()> {
    linker.func_wrap("wapc", "__guest_request", |mut caller: Caller<'_, Call>, operation: u32, payload: u32| {
        let call = caller.data_mut();
        let (name, bytes) = (call.operation, std::mem::take(&mut call.payload));
        write(&mut caller, "__guest_request", operation, name.as_bytes())?;
        write(&mut caller, "__guest_request", payload, &bytes)
    })?;
    linker.func_wrap("wapc", "__guest_response", |mut caller: Caller<'_, Call>, start: u32, length: u32| {
        let limit = caller.data().limits.response_bytes;
        if length as usize > limit {
            return Err(EvaluationError::Response { limit, seen: length as usize }.into());
        }
        caller.data_mut().response = read(&mut caller, "__guest_response", start, length)?;
        Ok(())
    })?;
    linker.func_wrap("wapc", "__guest_error", |mut caller: Caller<'_, Call>, start: u32, length: u32| {
        let text = read(&mut caller, "__guest_error", start, length)?;
        caller.data_mut().guest_error = String::from_utf8_lossy(&text).into_owned();
        Result::Ok(())
    })?;
    linker.func_wrap("wapc", "__console_log", |mut caller: Caller<'_, Call>, start: u32, length: u32| {
        caller.data().check_time()?;
        let text = read(&mut caller, "__console_log", start, length)?;
        caller.data_mut().log(&text);
        Result::Ok(())
    })?;
    linker.func_wrap("wapc", "__host_call", host_call)?;
    linker.func_wrap("wapc", "__host_response_len", |caller: Caller<'_, Call>| length(&caller.data().host_answer))?;
    linker.func_wrap("wapc", "__host_response", |mut caller: Caller<'_, Call>, start: u32| {
        let answer = std::mem::take(&mut caller.data_mut().host_answer);
        write(&mut caller, "__host_response", start, &answer)
    })?;
    linker.func_wrap("wapc", "__host_error_len", |caller: Caller<'_, Call>| {
        length(caller.data().host_error.as_bytes())
    })?;
    linker.func_wrap("wapc", "__host_error", |mut caller: Caller<'_, Call>, start: u32| {
        let error = std::mem::take(&mut caller.data_mut().host_error);
        write(&mut caller, "__host_error", start, error.as_bytes())
    })?;
    Ok(())
}

/// Provides WASI preview 1 without files, environment, arguments or standard streams.
pub(crate) fn add_wasi_to_linker(linker: &mut Linker<Call>) -> Result<()> {
    fn context(call: &mut Call) -> &mut WasiP1Ctx {
        call.wasi.get_or_insert_with(|| Box::new(WasiCtxBuilder::new().build_p1()))
    }
    wasmtime_wasi::p1::add_to_linker_sync(linker, context)?;
    // It would sleep as long as the guest likes, and no deadline reaches a sleeping host call.
    linker.allow_shadowing(true);
    const ENOTSUP: u32 = 58;
    linker.func_wrap("wasi_snapshot_preview1", "poll_oneoff", |_: u32, _: u32, _: u32, _: u32| ENOTSUP)?;
    Ok(())
}

type Range = (u32, u32);

#[allow(clippy::too_many_arguments, reason = "the signature is waPC's")]
fn host_call(
    mut caller: Caller<'_, Call>,
    binding_start: u32,
    binding_length: u32,
    namespace_start: u32,
    namespace_length: u32,
    operation_start: u32,
    operation_length: u32,
    payload_start: u32,
    payload_length: u32,
) -> Result<u32> {
    caller.data().check_time()?;
    let ranges: [Range; 4] = [
        (binding_start, binding_length),
        (namespace_start, namespace_length),
        (operation_start, operation_length),
        (payload_start, payload_length),
    ];
    let seen = ranges.iter().map(|(_, length)| *length as usize).sum();
    if seen > MAX_HOST_CALL {
        return Err(EvaluationError::HostCall { limit: MAX_HOST_CALL, seen }.into());
    }
    let [binding, namespace, operation, payload] =
        ranges.map(|(start, length)| read(&mut caller, "__host_call", start, length));
    let payload = payload?;
    let text =
        |bytes: Result<Vec<u8>, EvaluationError>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (binding, namespace, operation) = (text(binding)?, text(namespace)?, text(operation)?);

    let call = caller.data_mut();
    let question = HostCall { binding: &binding, namespace: &namespace, operation: &operation, payload: &payload };
    let reply = capabilities::answer(&question, &call.grants, &call.context);
    call.check_time()?;
    call.host_answer.clear();
    call.host_error.clear();
    match reply {
        Reply::Logged => {
            call.log(&payload);
            Ok(1)
        }
        Reply::Answer { json, incomplete } => {
            let (limit, seen) = (call.limits.host_answer_bytes, json.len());
            if seen > limit {
                let operation = format!("{namespace}/{operation}");
                return Err(EvaluationError::HostAnswer { operation, limit, seen }.into());
            }
            call.incomplete.extend(incomplete);
            call.host_answer = json.as_bytes().to_vec();
            Ok(1)
        }
        Reply::Error { text } => {
            call.host_error = text;
            Ok(0)
        }
        Reply::Refused { capability } => {
            call.host_error = capabilities::denied(&capability);
            call.refused.insert(capability);
            Ok(0)
        }
    }
}

fn length(bytes: &[u8]) -> u32 {
    // Bounded by the limits above.
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn memory<'m>(caller: &'m mut Caller<'_, Call>) -> Option<&'m mut [u8]> {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => Some(memory.data_mut(caller)),
        _ => None,
    }
}

fn read(
    caller: &mut Caller<'_, Call>,
    function: &'static str,
    start: u32,
    length: u32,
) -> Result<Vec<u8>, EvaluationError> {
    let (start, length) = (start as usize, length as usize);
    let bytes = memory(caller).and_then(|memory| memory.get(start..start.checked_add(length)?));
    bytes.map(<[u8]>::to_vec).ok_or(EvaluationError::OutOfBounds { function })
}

fn write(caller: &mut Caller<'_, Call>, function: &'static str, start: u32, bytes: &[u8]) -> Result<()> {
    let start = start as usize;
    let place = memory(caller).and_then(|memory| memory.get_mut(start..start.checked_add(bytes.len())?));
    place.ok_or(EvaluationError::OutOfBounds { function })?.copy_from_slice(bytes);
    Ok(())
}
