//! Packed files as readers of what is in them: gzip, zstd, xz and bzip2, to their very end, within limits.

use std::{
    io::{self, BufReader, Read},
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU64, Ordering},
    },
};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use crate::flaw::limit;

/// Maximum number of bytes of an archive when it is unpacked, those of the archives inside it included; what is beyond
/// is not read.
pub const MAX_INFLATED: u64 = 64 << 30;

/// Maximum of the same as a multiple of the bytes that it has packed.
pub const MAX_RATIO: u64 = 1_000;

/// Below this nobody asks how well it is packed.
const RATIO_FROM: u64 = if cfg!(fuzzing) { 1 << 20 } else { 64 << 20 };

/// What a decoder may remember, in bytes: `zstd --long=27` asks for as much, `xz -9` for half of it.
const MAX_WINDOW: u64 = 128 << 20;

/// Number of packed bytes that are read at once.
const BUFFER: usize = 128 << 10;

/// What programs append to the name of a file that they pack.
const EXTENSIONS: [&str; 6] = [".gz", ".zst", ".zstd", ".xz", ".bz2", ".bz"];

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Packing {
    /// By how a file begins.
    ///
    /// Sources: RFC 1952, RFC 8878, the xz file format 1.2.1, bzip2 1.0.8 `compress.c`.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let magics: [(&[u8], Self); 3] =
            [(b"\x1f\x8b", Self::Gzip), (b"\x28\xb5\x2f\xfd", Self::Zstd), (b"\xfd7zXZ\0", Self::Xz)];
        let found = magics.into_iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, packing)| packing);
        found.or_else(|| match head {
            // What pzstd writes begins with a frame of its own, which has no data.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            // Of a block, and of a stream without any.
            [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] => {
                let marks = [b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"];
                marks.iter().any(|mark| mark.iter().zip(block).all(|(a, b)| a == b)).then_some(Self::Bzip2)
            }
            _ => None,
        })
    }

    /// What is in it; how much was read of it is counted. An error of the limits says so in its words.
    pub(crate) fn unpack<R: Read>(self, reader: R, packed: Arc<AtomicU64>) -> Inflated<R> {
        let failure = Arc::new(AtomicI32::new(0));
        let reader = Counted { inner: reader, count: packed.clone(), failure: failure.clone() };
        let decoder = match self {
            Self::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, reader)))),
            Self::Zstd => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(MAX_WINDOW);
                Decoder::Zstd(Box::new(Frames { decoder, source: reader, is_in_frame: false }))
            }
            Self::Xz => {
                let kilobytes = u32::try_from(MAX_WINDOW >> 10).unwrap_or(u32::MAX);
                Decoder::Xz(Box::new(XzReader::new_mem_limit(reader, true, kilobytes)))
            }
            Self::Bzip2 => Decoder::Bzip2(Box::new(MultiBzDecoder::new(BufReader::with_capacity(BUFFER, reader)))),
        };
        Inflated { decoder, packed, failure, count: 0 }
    }
}

/// The name of a packed file without what the packing appended, or nothing where it is not named as one.
pub(crate) fn unpacked_name(name: &str) -> Option<&str> {
    let stem = |end: &str| {
        let (stem, extension) = name.split_at_checked(name.len().checked_sub(end.len())?)?;
        extension.eq_ignore_ascii_case(end).then_some(stem)
    };
    EXTENSIONS.iter().find_map(|end| stem(end))
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
    /// The number of the system's error: not every decoder hands on whose fault it was.
    failure: Arc<AtomicI32>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).inspect_err(|error| {
            self.failure.store(error.raw_os_error().unwrap_or(0), Ordering::Relaxed);
        })?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

enum Decoder<R: Read> {
    Gzip(Box<MultiGzDecoder<BufReader<Counted<R>>>>),
    Zstd(Box<Frames<R>>),
    Xz(Box<XzReader<Counted<R>>>),
    Bzip2(Box<MultiBzDecoder<BufReader<Counted<R>>>>),
}

/// Ends with an error where there is more than an archive may hold.
pub(crate) struct Inflated<R: Read> {
    decoder: Decoder<R>,
    packed: Arc<AtomicU64>,
    failure: Arc<AtomicI32>,
    count: u64,
}

impl<R: Read> Read for Inflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
            Decoder::Xz(decoder) => decoder.read(buffer),
            Decoder::Bzip2(decoder) => decoder.read(buffer),
        };
        let read = read.map_err(|error| match self.failure.load(Ordering::Relaxed) {
            0 => error,
            failure => io::Error::from_raw_os_error(failure),
        })?;
        self.count += read as u64;
        within_limits(self.count, self.packed.load(Ordering::Relaxed)).map(|()| read)
    }
}

/// An error where more has come out than may come of the packed bytes.
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
struct Frames<R> {
    decoder: FrameDecoder,
    source: Counted<R>,
    is_in_frame: bool,
}

impl<R: Read> Read for Frames<R> {
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

impl<R: Read> Frames<R> {
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
