//! Bytes in, [`Snapshot`] out: the state of a cluster as somebody captured it, from dumps and
//! must-gathers. It reads what it is given and never a file system, so it runs in a browser too.
//!
//! ```
//! use upgrade_gate_core::{Cluster, GetQuery, NODE_MAINTENANCE};
//! use upgrade_gate_snapshot::{Builder, Kind, State, Wanted};
//!
//! let mut wanted = Wanted::default();
//! wanted.add_kind(Kind::new(NODE_MAINTENANCE.api_version, NODE_MAINTENANCE.kind));
//!
//! let list = r#"{"apiVersion": "nodemaintenance.kubevirt.io/v1beta1", "kind": "NodeMaintenanceList",
//!                "metadata": {}, "items": [{"metadata": {"name": "nm-worker-1"}}]}"#;
//! let mut builder = Builder::new(wanted);
//! builder.source("raw");
//! builder.read("raw/nodemaintenances.json", list.as_bytes());
//! let snapshot = builder.finish();
//!
//! let object = snapshot.objects().next().unwrap();
//! assert_eq!(object.name, "nm-worker-1");
//! assert_eq!(object.origin.line, 2);
//! assert_eq!(snapshot.kinds()[0].state, State::Captured);
//! ```
//!
//! What is not proved to be complete is not believed to be: see [`State`].

mod kinds;
mod wanted;
mod flaw;
mod path;
mod bytes;
mod foreign;
mod text;
mod json;
mod yaml;
mod object;
mod record;
mod evidence;
mod identity;
mod progress;
mod file;
mod window;
mod brackets;
mod cut;
mod contents;
mod lists;
mod items;
mod nested;
mod copies;
mod builder;
mod ahead;
mod packed;
mod cover;
mod zip;
mod tar;
mod links;
mod archive;
pub mod select;
mod snapshot;

pub use archive::MAX_MEMBERS;
pub use builder::Builder;
pub use copies::Copies;
pub use evidence::{KindReport, State};
pub use flaw::{Flaw, MAX_DEPTH, MAX_KEPT, MAX_OBJECT, MAX_UNBOUNDED, MAX_ZIP_STREAM};
pub use identity::{Clash, Mark};
pub use kinds::resource_of;
pub use object::{Object, Origin};
pub use packed::{MAX_INFLATED, MAX_RATIO};
pub use progress::Progress;
pub use snapshot::{Layout, Skipped, Snapshot, Source};
pub use wanted::{Kind, Wanted};
