//! Runs Kubewarden policies: policy Wasm in, verdicts out. It loads every waPC policy, ours and
//! those of others, and answers their questions about the cluster from a [`Cluster`].
//!
//! ```
//! # let module = wat::parse_str(upgrade_gate_host::doctest::ACCEPT_ALL).unwrap();
//! use std::sync::Arc;
//! use upgrade_gate_core::NoCluster;
//! use upgrade_gate_host::{Compiler, Context, Grants, Host, Limits};
//!
//! let host = Host::new(Limits::default()).unwrap();
//! let policy = host.load(&module, Compiler::Cranelift).unwrap();
//! assert!(policy.digest().starts_with("sha256:"));
//!
//! let context = Context::new(Arc::new(NoCluster));
//! let request = r#"{"uid": "1", "operation": "CREATE", "kind": {"group": "", "version": "v1", "kind": "Pod"}}"#;
//! let evaluation = policy.evaluate(request, "{}", &Grants::none(), &context).unwrap();
//! assert!(evaluation.response.allowed);
//! ```
//!
//! What costs what: a [`Host`] owns the compilers and one watchdog thread, and is made once. Loading
//! compiles the module, which takes milliseconds; a [`Policy`] can be shared by threads and is
//! cheap to clone. Each evaluation gets a fresh instance, so nothing is shared between two of them;
//! at most [`Host::slots`] run at once, others wait. A [`Context`] remembers the lists that it has
//! serialised.
//!
//! A module can be hostile. Whatever it does ends in an [`EvaluationError`] that carries the limit
//! and what was seen: see [`Limits`].

mod error;
mod limits;
mod metadata;
mod response;
mod session;
mod capabilities;
mod context;
mod deadline;
mod wapc;
mod engine;
mod policy;

pub use capabilities::{Grants, UnknownCapability};
pub use context::Context;
pub use engine::{Compiler, Host};
pub use error::{EvaluationError, LoadError, SettingsError};
pub use limits::Limits;
pub use metadata::{ContextAwareResource, Metadata, PolicyType, Rule};
pub use policy::{Evaluation, Policy};
pub use response::Response;
pub use session::{Exchange, Question};
pub use upgrade_gate_core::Cluster;

#[doc(hidden)]
pub mod doctest {
    /// A module that accepts everything, as text.
    pub const ACCEPT_ALL: &str = r#"(module
        (import "wapc" "__guest_response" (func $answer (param i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "{\"accepted\":true}")
        (func (export "__guest_call") (param i32 i32) (result i32)
            (call $answer (i32.const 0) (i32.const 17))
            (i32.const 1)))"#;
}
