//! A live cluster, read only: through the API server of a kubeconfig's context, with get, list and watch.

mod connection;
mod pages;
mod source;
mod save;
mod followed;
mod follow;
mod watched;

pub(crate) use connection::Connection;
pub(crate) use followed::Standing;
pub(crate) use pages::{Refusal, Resource};
pub use save::Save;
pub(crate) use source::read;
pub(crate) use watched::Watched;
