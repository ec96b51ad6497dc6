//! Packed files as readers of what is in them: gzip, zstd and xz, to their very end, within limits.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

/// An archive may hold so many bytes when it is unpacked.
pub const MAX_INFLATED: u64 = 64 << 30;

/// And so many times the bytes that it has packed.
pub const MAX_RATIO: u64 = 1_000;

/// Below this nobody asks how well it is packed.
const RATIO_FROM: u64 = 64 << 20;

/// What a decoder may remember, in bytes: `zstd --long=27` asks for as much, `xz -9` for half of it.
const MAX_WINDOW: u64 = 128 << 20;

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
    pub(crate) fn unpack<'r>(self, reader: &'r mut dyn Read) -> Box<dyn Read + 'r> {
        let packed = Rc::new(Cell::new(0));
        let reader = Counted { inner: reader, count: packed.clone() };
        let inner: Box<dyn Read + 'r> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(reader)),
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
        Box::new(Inflated { inner, packed, count: 0 })
    }
}

/// Counts what is read.
struct Counted<'r> {
    inner: &'r mut dyn Read,
    count: Rc<Cell<u64>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// Ends with an error where there is more than an archive may hold.
struct Inflated<'r> {
    inner: Box<dyn Read + 'r>,
    packed: Rc<Cell<u64>>,
    count: u64,
}

impl Read for Inflated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count += read as u64;
        if self.count > MAX_INFLATED {
            return Err(io::Error::other(format!("it holds more than {MAX_INFLATED} bytes")));
        }
        if self.count > RATIO_FROM && self.count / MAX_RATIO > self.packed.get() {
            return Err(io::Error::other(format!("it holds more than {MAX_RATIO} times what it has packed")));
        }
        Ok(read)
    }
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
