//! Packed files as readers of what is in them: gzip, zstd and xz, to their very end, within limits.

use std::{
    io::{self, BufReader, Read},
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use crate::flaw::limit;

/// An archive may hold so many bytes when it is unpacked.
pub const MAX_INFLATED: u64 = 64 << 30;

/// And so many times the bytes that it has packed.
pub const MAX_RATIO: u64 = 1_000;

/// Below this nobody asks how well it is packed.
const RATIO_FROM: u64 = if cfg!(fuzzing) { 1 << 20 } else { 64 << 20 };

/// What a decoder may remember, in bytes: `zstd --long=27` asks for as much, `xz -9` for half of it.
const MAX_WINDOW: u64 = 128 << 20;

/// So many packed bytes are read at once.
const BUFFER: usize = 128 << 10;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
    Xz,
}

impl Packing {
    /// By how a file begins.
    ///
    /// Sources: RFC 1952, RFC 8878, the xz file format 1.2.1.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let magics: [(&[u8], Self); 3] =
            [(b"\x1f\x8b", Self::Gzip), (b"\x28\xb5\x2f\xfd", Self::Zstd), (b"\xfd7zXZ\0", Self::Xz)];
        magics.into_iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, packing)| packing)
    }

    /// What is in it. An error of the limits says so in its words.
    pub(crate) fn unpack<'r>(self, reader: &'r mut (dyn Read + Send)) -> Box<dyn Read + Send + 'r> {
        let (packed, failure) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicI32::new(0)));
        let reader = Counted { inner: reader, count: packed.clone(), failure: failure.clone() };
        let inner: Box<dyn Read + Send + 'r> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, reader))),
            Self::Zstd => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(MAX_WINDOW);
                Box::new(Frames { decoder, source: reader, is_in_frame: false })
            }
            Self::Xz => {
                let kilobytes = u32::try_from(MAX_WINDOW >> 10).unwrap_or(u32::MAX);
                Box::new(XzReader::new_mem_limit(reader, true, kilobytes))
            }
        };
        Box::new(Inflated { inner, packed, failure, count: 0 })
    }
}

/// Counts what is read.
struct Counted<'r> {
    inner: &'r mut (dyn Read + Send),
    count: Arc<AtomicU64>,
    /// The number of the system's error: not every decoder hands on whose fault it was.
    failure: Arc<AtomicI32>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).inspect_err(|error| {
            self.failure.store(error.raw_os_error().unwrap_or(0), Ordering::Relaxed);
        })?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Ends with an error where there is more than an archive may hold.
struct Inflated<'r> {
    inner: Box<dyn Read + Send + 'r>,
    packed: Arc<AtomicU64>,
    failure: Arc<AtomicI32>,
    count: u64,
}

impl Read for Inflated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).map_err(|error| match self.failure.load(Ordering::Relaxed) {
            0 => error,
            failure => io::Error::from_raw_os_error(failure),
        })?;
        self.count += read as u64;
        within_limits(self.count, self.packed.load(Ordering::Relaxed)).map(|()| read)
    }
}

/// An error where more has come out than may come of so many bytes.
pub(crate) fn within_limits(inflated: u64, packed: u64) -> io::Result<()> {
    if inflated > MAX_INFLATED {
        return Err(limit(format!("it holds more than {MAX_INFLATED} bytes")));
    }
    if inflated > RATIO_FROM && inflated / MAX_RATIO > packed {
        return Err(limit(format!("it holds more than {MAX_RATIO} times what it has packed")));
    }
    Ok(())
}

/// All frames of a zstd file, one after the other: what pzstd and `cat` write has several, and the decoder
/// knows one.
struct Frames<'r> {
    decoder: FrameDecoder,
    source: Counted<'r>,
    is_in_frame: bool,
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.is_in_frame || self.begin_frame()? {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                let (said, found) = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
                if said.is_some() && said != found {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                self.is_in_frame = false;
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, one).map_err(corrupt)?;
            }
        }
        Ok(0)
    }
}

impl Frames<'_> {
    /// False at the end of the file.
    fn begin_frame(&mut self) -> io::Result<bool> {
        let mut first = [0];
        while self.source.read(&mut first)? > 0 {
            match self.decoder.init(first.as_slice().chain(&mut self.source)) {
                Ok(()) => {
                    self.is_in_frame = true;
                    return Ok(true);
                }
                // Frames of other programs, without data.
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut self.source.by_ref().take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(corrupt(error)),
            }
        }
        Ok(false)
    }
}

fn corrupt(error: FrameDecoderError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
