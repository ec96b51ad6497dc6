//! How far a long read has come, on a terminal.

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use upgrade_gate_snapshot::Progress;

use crate::report::is_dumb;

/// Before, nobody has begun to wonder.
const FIRST: Duration = Duration::from_secs(1);

const EVERY: Duration = Duration::from_millis(200);

/// Puts the cursor back to the start of the line, and clears the line.
///
/// Source: ECMA-48, EL.
const CLEAR: &str = "\r\x1b[K";

/// Reads, and meanwhile shows what was read.
pub(crate) fn shown<T>(progress: &Progress, quiet: bool, read: impl FnOnce() -> T) -> T {
    if quiet || !io::stderr().is_terminal() || is_dumb(env::var_os("TERM")) {
        return read();
    }
    let (reading, ended) = mpsc::channel();
    thread::scope(|scope| {
        // Where there is no thread left, the read goes on unseen.
        let _ = thread::Builder::new().spawn_scoped(scope, || show(progress, ended));
        let outcome = read();
        drop(reading);
        outcome
    })
}

/// Until the other end of the channel is gone. Nobody may be looking: that changes nothing.
fn show(progress: &Progress, ended: Receiver<()>) {
    let start = Instant::now();
    let mut wait = FIRST;
    while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
        wait = EVERY;
        let _ = write!(io::stderr(), "{CLEAR}{}", line(progress.bytes(), progress.documents(), start.elapsed()));
    }
    if wait == EVERY {
        let _ = write!(io::stderr(), "{CLEAR}");
    }
}

fn line(bytes: u64, objects: u64, time: Duration) -> String {
    let megabytes = bytes / 1_000_000;
    let each_second = bytes as f64 / 1e6 / time.as_secs_f64();
    format!("reading: {megabytes} MB, {objects} objects, {each_second:.0} MB/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_bytes_objects_and_rate() {
        assert_eq!(line(1_234_567_890, 42, Duration::from_secs(2)), "reading: 1234 MB, 42 objects, 617 MB/s");
    }
}
