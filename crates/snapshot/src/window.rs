//! The part of a stream that is looked at: from what is still needed to what was read last.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};

/// So many bytes are read at once: more would not stay in the processor's cache.
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
}

impl<'r> Window<'r> {
    /// `begun`: what was read before.
    pub(crate) fn new(begun: Vec<u8>, reader: &'r mut dyn Read) -> Self {
        Self { reader, bytes: begun, start: 0, line: (0, 1), line_start: 0, failure: None, unifies_line_ends: false }
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
        match (&mut *self.reader).take(CHUNK).read_to_end(&mut self.bytes) {
            // What came before a failure counts.
            Err(error) if self.bytes.len() > known => self.failure = Some(error),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        if self.unifies_line_ends {
            self.unify_line_ends(known);
        }
        Ok(self.bytes.len() > known)
    }

    fn unify_line_ends(&mut self, known: usize) {
        // The byte behind a carriage return has to be known.
        while self.bytes.ends_with(b"\r") && self.failure.is_none() {
            match (&mut *self.reader).take(1).read_to_end(&mut self.bytes) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => self.failure = Some(error),
            }
        }
        let mut rest = self.bytes.get_mut(known..).unwrap_or_default();
        while let Some(found) = memchr(b'\r', rest) {
            let Some((end, behind)) = rest.get_mut(found..).and_then(<[u8]>::split_first_mut) else { return };
            if behind.first() != Some(&b'\n') {
                *end = b'\n';
            }
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
