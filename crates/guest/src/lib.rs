//! The waPC side of a policy: what makes a plain [`Policy`](upgrade_gate_core::Policy) a module that Kubewarden's
//! policy-server, kwctl and our own host can load.
//!
//! ```
//! use upgrade_gate_guest::core::{Cluster, Finding, Policy, Review, SettingsError, SettingsReader};
//!
//! pub struct AcceptAll;
//!
//! impl Policy for AcceptAll {
//!     const NAME: &'static str = "accept-all";
//!     type Settings = ();
//!
//!     fn settings(_: &mut SettingsReader) -> Result<(), SettingsError> {
//!         Ok(())
//!     }
//!
//!     fn check((): &(), _: &Review, _: &dyn Cluster) -> Vec<Finding> {
//!         Vec::new()
//!     }
//! }
//!
//! upgrade_gate_guest::export_policy!(AcceptAll);
//! # fn main() {}
//! ```

mod call;
mod serve;

#[doc(hidden)]
pub use serve::register;
pub use upgrade_gate_core as core;

/// Makes a [`Policy`](upgrade_gate_core::Policy) a waPC module with the operations `validate`,
/// `validate_settings` and `protocol_version`. Once in a crate; outside wasm32 it does nothing, so
/// that several policies fit into one test binary.
#[macro_export]
macro_rules! export_policy {
    ($policy:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            // The host calls this symbol by its name; nothing else in the module has it.
            #[allow(unsafe_code)]
            #[unsafe(no_mangle)]
            extern "C" fn wapc_init() {
                $crate::register::<$policy>();
            }
        };
    };
}
