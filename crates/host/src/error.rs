//! Every way to be wrong, with the limit and what was seen.

use std::time::Duration;

/// Why a module cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not a WebAssembly module, or one that uses what is not enabled.
    #[error("is not a WebAssembly module that can be run: {0}")]
    Module(String),
    /// No `__guest_call`.
    #[error("is not a waPC policy: it exports no function `__guest_call` and memory `memory`")]
    NotWapc,
    /// It was built for another host than Kubewarden's.
    #[error("imports `{module}.{name}`, which Kubewarden does not provide")]
    Import {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
    },
    /// `opa`, `gatekeeper` and `wasi` have protocols of their own.
    #[error("has execution mode `{0}`; only `kubewarden-wapc` is supported")]
    ExecutionMode(String),
    /// The custom section is there and cannot be read.
    #[error("has metadata that cannot be read: {0}")]
    Metadata(String),
    /// The compilers or the watchdog thread cannot be set up.
    #[error("the Wasm runtime cannot be set up: {0}")]
    Runtime(String),
}

/// Why settings were not taken.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// In the policy's own words.
    #[error("{0}")]
    Invalid(String),
    /// The policy could not be asked.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// Stopped: it ran too long.
    // Not what was seen: the same input gives the same report.
    #[error("the policy was stopped: it ran longer than {limit:?}")]
    WallTime {
        /// [`Limits::wall_time`](crate::Limits::wall_time).
        limit: Duration,
        /// When it was stopped.
        seen: Duration,
    },
    /// Stopped: it asked for too much memory.
    #[error("the policy asked for {seen} bytes of memory: the limit is {limit}")]
    Memory {
        /// [`Limits::memory_bytes`](crate::Limits::memory_bytes).
        limit: usize,
        /// What it asked for, in bytes.
        seen: usize,
    },
    /// Stopped: a question of its was too large.
    #[error("the policy asked a question of {seen} bytes: the limit is {limit}")]
    HostCall {
        /// In bytes.
        limit: usize,
        /// In bytes.
        seen: usize,
    },
    /// Stopped: the answer to a question of its was too large.
    #[error("the answer to {operation} has {seen} bytes: the limit is {limit}")]
    HostAnswer {
        /// What was asked: `kubernetes/list_resources_all`.
        operation: String,
        /// [`Limits::host_answer_bytes`](crate::Limits::host_answer_bytes).
        limit: usize,
        /// The size of the answer.
        seen: usize,
    },
    /// Stopped: its response was too large.
    #[error("the policy's response has {seen} bytes: the limit is {limit}")]
    Response {
        /// [`Limits::response_bytes`](crate::Limits::response_bytes).
        limit: usize,
        /// The size of the response.
        seen: usize,
    },
    /// It crashed: what it said when it panicked, else the runtime's words.
    #[error("the policy crashed: {reason}")]
    Trap {
        /// `wasm trap: …`, or the panic's message.
        reason: String,
    },
    /// It passed an address outside its memory.
    #[error("the policy passed a range outside its memory to `{function}`")]
    OutOfBounds {
        /// The waPC function.
        function: &'static str,
    },
    /// It reported an error, in its own words.
    #[error("the policy failed: {0}")]
    Guest(String),
    /// Its response is not what the protocol says.
    #[error("the policy's response to `{operation}` is not what the protocol says: {reason}")]
    Protocol {
        /// `validate`, `validate_settings` or `protocol_version`.
        operation: &'static str,
        /// What is wrong with it, and where.
        reason: String,
    },
}

impl EvaluationError {
    /// Which error it is, in a word that holds nothing of the request: for logs and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::WallTime { .. } => "wall_time",
            Self::Memory { .. } => "memory",
            Self::HostCall { .. } => "host_call",
            Self::HostAnswer { .. } => "host_answer",
            Self::Response { .. } => "response",
            Self::Trap { .. } => "trap",
            Self::OutOfBounds { .. } => "out_of_bounds",
            Self::Guest(_) => "guest",
            Self::Protocol { .. } => "protocol",
        }
    }

    /// What Kubewarden's tools answer a request with, code 500, where there is no verdict.
    ///
    /// Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/runtimes/wapc/runtime.rs`.
    #[must_use]
    pub fn to_rejection(&self) -> String {
        match self {
            Self::WallTime { .. } => {
                "Policy execution interrupted because it exceeded the allowed execution time".into()
            }
            Self::Protocol { reason, .. } => format!("internal server error: invalid response from policy: {reason}"),
            Self::Guest(words) => format!("internal server error: Guest call failure: {words}"),
            stopped => format!("internal server error: Guest call failure: {stopped}"),
        }
    }
}
