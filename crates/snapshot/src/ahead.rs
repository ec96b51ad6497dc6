//! Reading ahead on a thread of its own: unpacking and looking at what was unpacked overlap.

use std::{
    io::{self, Read},
    mem,
    sync::mpsc::{self, Receiver},
    thread,
};

/// Number of bytes that are handed over at once.
const CHUNK: usize = 256 << 10;
/// Maximum number of chunks that wait.
const CHUNKS: usize = 8;

/// Calls `read` with what the reader gives, which is read ahead where there are threads.
pub(crate) fn ahead(mut reader: impl Read + Send, read: impl FnOnce(&mut dyn Read)) {
    // A browser has none.
    if thread::available_parallelism().is_err() {
        return read(&mut reader);
    }
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(CHUNKS);
        let ahead = move || {
            loop {
                let mut chunk = vec![0; CHUNK];
                let (read, outcome) = fill(&mut reader, &mut chunk);
                chunk.truncate(read);
                // What came before an error counts.
                if read > 0 && sender.send(Ok(chunk)).is_err() {
                    return;
                }
                match outcome {
                    Ok(()) if read == CHUNK => {}
                    Ok(()) => return,
                    Err(error) => {
                        // Nobody may be listening.
                        let _ = sender.send(Err(error));
                        return;
                    }
                }
            }
        };
        match thread::Builder::new().spawn_scoped(scope, ahead) {
            Ok(_) => read(&mut Received { receiver, chunk: io::Cursor::default() }),
            Err(error) => read(&mut Failed(Some(error))),
        }
    });
}

/// Reads as much as there is room for, in steps as large as can be: decoders like that.
fn fill(reader: &mut impl Read, room: &mut [u8]) -> (usize, io::Result<()>) {
    let mut filled = 0;
    while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}

/// What comes from the other thread, to its end.
struct Received {
    receiver: Receiver<io::Result<Vec<u8>>>,
    chunk: io::Cursor<Vec<u8>>,
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.receiver.recv() {
                Ok(chunk) => self.chunk = io::Cursor::new(chunk?),
                Err(_) => return Ok(0),
            }
        }
    }
}

/// Fails once.
pub(crate) struct Failed(pub(crate) Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        mem::take(&mut self.0).map_or(Ok(0), Err)
    }
}
