//! The members of a zip file, one after the other, each as a stream. What its central directory says of them
//! counts; of a member's own header only the lengths do. Memory is the same for any number of members.

use std::{
    cell::Cell,
    io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom},
    sync::{Mutex, PoisonError},
};

use flate2::{CrcReader, read::DeflateDecoder};
use rawzip::{
    CompressionMethod, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ReaderAt, ZipFileHeaderRecord, ZipLocator, ZipVerification,
};

use crate::{bytes::legible, flaw::limit, packed::within_limits};

/// How a zip file begins, and how an empty one does.
///
/// Source: APPNOTE.TXT 6.3.10.
const MAGICS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

pub(crate) fn is_zip(head: &[u8]) -> bool {
    MAGICS.iter().any(|magic| head.starts_with(magic))
}

/// The mark of the directory's end may stand in a comment, too; so often it is passed over.
const MAX_FALSE_ENDS: usize = 64;

/// So many bytes are read at once.
const BUFFER: usize = 64 << 10;

/// A decoder may read so many bytes more than it needs.
const READ_AHEAD: u64 = 256 << 10;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberKind {
    File,
    /// Without content: what has some is a file, whatever it is named.
    Directory,
    /// Its content is the target.
    Symlink,
}

/// One member.
pub(crate) struct Member<'m> {
    /// As the directory has it, made UTF-8: it may be anything.
    pub(crate) name: String,
    pub(crate) kind: MemberKind,
    /// As the directory has it, in bytes.
    pub(crate) size: u64,
    /// Nothing of the member is read before the first read of it.
    pub(crate) content: &'m mut dyn Read,
}

/// Calls `each` for every member, in the order of the directory. What is wrong with a member is an error of its
/// content; an error here is the directory's or a limit's, and may come after some members.
pub(crate) fn members<R: ReaderAt>(
    file: &R,
    size: u64,
    each: &mut dyn FnMut(Member<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let mut found = ZipLocator::new().locate_in_reader(file, &mut buffer, size);
    for _ in 0..MAX_FALSE_ENDS {
        let Some(end) = found.as_ref().err().and_then(|(_, error)| error.eocd_offset()) else { break };
        found = ZipLocator::new().locate_in_reader(file, &mut buffer, end);
    }
    let archive = found.map_err(|(_, error)| corrupt(error))?;
    let expected = archive.entries_hint();
    let mut entries = archive.entries(&mut buffer);
    let (mut count, inflated, fetched) = (0, Cell::new(0), Cell::new(0));
    loop {
        let entry = match entries.next_entry() {
            Ok(Some(entry)) => entry,
            Ok(None) if count >= expected => return Ok(()),
            Ok(None) => return Err(io::Error::new(ErrorKind::InvalidData, "the directory is cut short")),
            // Other bytes between the directory and its end.
            Err(_) if count == expected && count > 0 => return Ok(()),
            Err(error) => return Err(corrupt(error)),
        };
        count += 1;
        let (packed, before) = (entry.compressed_size_hint().min(size), inflated.get());
        let check = || {
            within_limits(inflated.get() - before, packed)?;
            within_limits(inflated.get(), u64::MAX)?;
            // How a few bytes become very many.
            let overlap = fetched.get() > size.saturating_add(READ_AHEAD);
            if overlap { Err(limit("its members overlap")) } else { Ok(()) }
        };
        let open = || {
            let member = archive.get_entry(entry.wayfinder()).map_err(corrupt)?;
            let raw = member.reader();
            let expected = raw.claim_verifier();
            let raw = Counted { inner: raw, count: &fetched };
            let content: Box<dyn Read + '_> = match entry.compression_method() {
                _ if entry.flags().is_encrypted() => return Err(limit("it is encrypted")),
                CompressionMethod::STORE => Box::new(raw),
                CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(raw)),
                _ => return Err(limit("it is compressed by a method that is not known")),
            };
            let content = Counted { inner: CrcReader::new(content), count: &inflated };
            Ok(Verified { content, before, expected })
        };
        let mut opened = None;
        let mut content = ReadBy(|buffer: &mut [u8]| {
            let content = match &mut opened {
                Some(content) => content,
                closed => closed.insert(open()?),
            };
            let read = content.read(buffer).map_err(corrupt)?;
            check().map(|()| read)
        });
        let name = legible(entry.file_path().as_bytes()).into_owned();
        let size = entry.uncompressed_size_hint();
        each(Member { name, kind: kind(&entry), size, content: &mut content })?;
        check()?;
    }
}

fn kind(entry: &ZipFileHeaderRecord<'_>) -> MemberKind {
    let attributes = entry.external_attributes();
    let is_directory = entry.is_dir() || attributes >> 28 == 0o4 || attributes & 0x10 != 0;
    match attributes >> 28 {
        _ if is_directory && entry.uncompressed_size_hint() == 0 => MemberKind::Directory,
        // Of the mode that Unix has in the upper half, the type.
        0o12 => MemberKind::Symlink,
        _ => MemberKind::File,
    }
}

/// What the decoders call invalid input or an early end is corrupt data.
fn corrupt(error: impl Into<rawzip::Error>) -> io::Error {
    match error.into().into_kind() {
        rawzip::ErrorKind::IO(error) => match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => io::Error::new(ErrorKind::InvalidData, error),
            _ => error,
        },
        kind => io::Error::new(ErrorKind::InvalidData, kind.to_string()),
    }
}

/// A function that reads.
struct ReadBy<F>(F);

impl<F: FnMut(&mut [u8]) -> io::Result<usize>> Read for ReadBy<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (self.0)(buffer)
    }
}

/// Counts what is read.
struct Counted<'c, R> {
    inner: R,
    count: &'c Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// Content that ends with an error where it is not what the directory says.
struct Verified<'c, R> {
    content: Counted<'c, CrcReader<R>>,
    /// How much the members before it held.
    before: u64,
    expected: ZipVerification,
}

impl<R: Read> Read for Verified<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        let ZipVerification { crc, uncompressed_size } = self.expected;
        let size = self.content.count.get() - self.before;
        let is_as_said = self.content.inner.crc().sum() == crc && size == uncompressed_size;
        if read == 0 && !buffer.is_empty() && !is_as_said {
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(read)
    }
}

/// A file, whose members mostly lie in the order of its directory: what is behind a place is read with it.
pub(crate) struct SeekAt<S>(Mutex<(BufReader<S>, u64)>);

impl<S: Read + Seek> SeekAt<S> {
    /// With its size.
    pub(crate) fn new(mut file: S) -> io::Result<(Self, u64)> {
        let size = file.seek(SeekFrom::End(0))?;
        Ok((Self(Mutex::new((BufReader::with_capacity(BUFFER, file), size))), size))
    }
}

impl<S: Read + Seek> ReaderAt for SeekAt<S> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let (file, position) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek_relative(offset.wrapping_sub(*position).cast_signed())?;
        *position = offset;
        let read = file.read(buffer)?;
        *position += read as u64;
        Ok(read)
    }
}
