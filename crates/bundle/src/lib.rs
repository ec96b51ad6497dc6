//! The policies of this repository, built to annotated Wasm by this crate's build script and embedded.
//!
//! Each folder below `policies/` that has a `metadata.yml` is one policy: adding one edits no list.
//!
//! ```
//! let policy = upgrade_gate_bundle::find("integrated-nmo").unwrap();
//! assert!(policy.wasm.starts_with(b"\0asm"));
//! assert!(upgrade_gate_bundle::find("no-such-policy").is_none());
//! ```

/// A policy that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// Its folder's name, which is its package's too.
    pub name: &'static str,
    /// The module with its metadata, as a policy server loads it.
    pub wasm: &'static [u8],
}

/// All of them, by name. The default policy set.
pub const BUNDLED: &[Bundled] = include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// The policy of that name.
#[must_use]
pub fn find(name: &str) -> Option<Bundled> {
    BUNDLED.iter().copied().find(|policy| policy.name == name)
}
