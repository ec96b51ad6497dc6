//! The part of a stream that is looked at: from what is still needed to what was read last.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};

/// Maximum number of bytes that are read at once: more would not stay in the processor's cache.
const CHUNK: u64 = if cfg!(fuzzing) { 1 << 10 } else { 256 << 10 };

/// A stream, of which a part is in memory. Positions are counted from the start of the stream.
pub(crate) struct Window<'r> {
    reader: &'r mut dyn Read,
    bytes: Vec<u8>,
    /// The position of the first byte that is in memory.
    start: u64,
    /// The line of a position, from 1: places are asked for in rising order.
    line: (u64, usize),
    /// Behind the last line end before what is in memory.
    line_start: u64,
    /// Why the stream ends before its end.
    failure: Option<io::Error>,
    /// Whether a carriage return that stands alone becomes a line feed.
    unifies_line_ends: bool,
    /// A carriage return that was read last, of which it is not known whether it stands alone.
    pending: Option<u8>,
}

impl<'r> Window<'r> {
    /// `begun`: what was read before.
    pub(crate) fn new(begun: Vec<u8>, reader: &'r mut dyn Read) -> Self {
        let (line, line_start, failure) = ((0, 1), 0, None);
        Self { reader, bytes: begun, start: 0, line, line_start, failure, unifies_line_ends: false, pending: None }
    }

    /// A text of lines, which end in a line feed, a carriage return, or both. A carriage return alone is handed
    /// out as a line feed, which means the same to YAML wherever it stands. Source: YAML 1.2.2, 5.4.
    pub(crate) fn of_lines(reader: &'r mut dyn Read) -> Self {
        Self { unifies_line_ends: true, ..Self::new(Vec::new(), reader) }
    }

    /// The position behind the last byte that is in memory.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// What is in memory from a position on.
    pub(crate) fn from(&self, position: u64) -> &[u8] {
        self.between(position, self.end())
    }

    /// What lies between two positions, as far as it is in memory.
    pub(crate) fn between(&self, from: u64, to: u64) -> &[u8] {
        self.bytes.get(self.index(from)..self.index(to)).unwrap_or_default()
    }

    /// Reads on, and forgets what lies before `keep`; false at the end of the stream.
    pub(crate) fn read_on(&mut self, keep: u64) -> io::Result<bool> {
        let forgotten = self.index(keep);
        if forgotten > 0 {
            if self.line.0 < keep {
                self.line(keep);
            }
            if let Some(line_end) = memrchr(b'\n', self.bytes.get(..forgotten).unwrap_or_default()) {
                self.line_start = self.start + line_end as u64 + 1;
            }
            self.bytes.drain(..forgotten);
            self.start += forgotten as u64;
        }
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        let known = self.bytes.len();
        self.bytes.extend(self.pending.take());
        let is_end = match (&mut *self.reader).take(CHUNK).read_to_end(&mut self.bytes) {
            // What came before a failure counts.
            Err(error) if self.bytes.len() > known => {
                self.failure = Some(error);
                true
            }
            Err(error) => return Err(error),
            Ok(read) => (read as u64) < CHUNK,
        };
        if self.unifies_line_ends {
            if !is_end && self.bytes.ends_with(b"\r") {
                self.pending = self.bytes.pop();
            }
            self.unify_line_ends(known);
        }
        Ok(self.bytes.len() > known)
    }

    /// From a place on where no carriage return is the last byte that is known, but at the end of the stream.
    fn unify_line_ends(&mut self, known: usize) {
        let mut rest = self.bytes.get_mut(known..).unwrap_or_default();
        while let Some(found) = memchr(b'\r', rest) {
            let Some(run) = rest.get_mut(found..) else { return };
            let length = run.iter().take_while(|byte| **byte == b'\r').count();
            let Some((run, behind)) = run.split_at_mut_checked(length) else { return };
            let alone = length - usize::from(behind.first() == Some(&b'\n'));
            run.get_mut(..alone).unwrap_or_default().fill(b'\n');
            rest = behind;
        }
    }

    /// The line of a position, from 1.
    pub(crate) fn line(&mut self, position: u64) -> usize {
        let (known, line) = self.line;
        if known < position {
            self.line = (position, line + memchr_iter(b'\n', self.between(known, position)).count());
        }
        self.line.1
    }

    /// The column of a position, in bytes, from 1.
    pub(crate) fn column(&self, position: u64) -> usize {
        let before = self.between(self.start, position);
        let line_start = memrchr(b'\n', before).map_or(self.line_start, |line_end| self.start + line_end as u64 + 1);
        usize::try_from(position.saturating_sub(line_start)).unwrap_or(usize::MAX).saturating_add(1)
    }

    fn index(&self, position: u64) -> usize {
        let index = usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX);
        index.min(self.bytes.len())
    }
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used, reason = "a panic is how a test says no")]
mod tests {
    use super::*;

    /// Runs of carriage returns that end before, at and behind the end of what is read at once.
    #[test]
    fn a_run_of_carriage_returns_is_read_in_chunks() {
        let chunk = usize::try_from(CHUNK).unwrap();
        for end in ["", "a", "\n", "\na\r"] {
            for length in (chunk - 1..chunk + 3).chain(2 * chunk - 1..2 * chunk + 3) {
                let mut text = "\r".repeat(length) + end;
                let mut reader = text.as_bytes();
                let mut window = Window::of_lines(&mut reader);
                let (mut read, mut lines) = (Vec::<u8>::new(), 1);
                while window.read_on(window.end()).unwrap() {
                    let known = window.from(read.len() as u64);
                    assert!(known.len() <= chunk + 1, "{length} {end:?}: {} bytes are in memory", known.len());
                    read.extend(known);
                    lines = window.line(window.end());
                }
                text = text.replace("\r\n", "\0").replace('\r', "\n").replace('\0', "\r\n");
                assert!(read == text.as_bytes(), "{length} {end:?}");
                assert_eq!(lines, 1 + text.matches('\n').count(), "{length} {end:?}");
            }
        }
    }

    /// What was read before a stream fails counts, with a carriage return at its end.
    #[test]
    fn a_failure_behind_a_carriage_return_is_told() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let chunk = usize::try_from(CHUNK).unwrap();
        for length in [chunk - 1, chunk, chunk + 1, 2 * chunk] {
            let text = "\r".repeat(length);
            let mut reader = text.as_bytes().chain(Fails);
            let mut window = Window::of_lines(&mut reader);
            let mut read = Vec::<u8>::new();
            let error = loop {
                match window.read_on(window.end()) {
                    Ok(true) => read.extend(window.from(read.len() as u64)),
                    Ok(false) => panic!("{length}: the failure is lost"),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            assert!(read == "\n".repeat(length).as_bytes(), "{length}: {} bytes were read", read.len());
        }
    }
}
