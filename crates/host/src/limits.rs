//! How much a policy may use.

use std::time::Duration;

/// What one evaluation may use. Beyond it the evaluation ends in an error that names the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the start of the instance to its answer, host calls included. 2 s.
    pub wall_time: Duration,
    /// Linear memory. 64 MiB.
    pub memory_bytes: usize,
    /// One answer of the host. 24 MiB: JSON of that size and what a policy makes of it still fit
    /// into the memory.
    pub host_answer_bytes: usize,
    /// The policy's answer. 4 MiB: above what the API server takes for an object.
    pub response_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(2),
            memory_bytes: 64 << 20,
            host_answer_bytes: 24 << 20,
            response_bytes: 4 << 20,
        }
    }
}
