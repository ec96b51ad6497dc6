//! The members of a zip file, one after the other, each as a stream. What its central directory says of them
//! counts; where something else in the file says more, or something else, that is said.

use std::{
    cell::Cell,
    io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom},
    sync::{Mutex, PoisonError},
};

use flate2::{CrcReader, read::DeflateDecoder};
use rawzip::{
    CompressionMethod, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ReaderAt, ZipFileHeaderRecord, ZipLocator, ZipVerification,
};

use crate::{
    bytes::legible,
    cover::{Cover, SPLIT_MARKS, unicode_name},
    flaw::limit,
    packed::within_limits,
};

/// How a member begins, and how an empty zip file does.
///
/// Source: APPNOTE.TXT 6.3.10.
const MAGICS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// A program that unpacks itself is a program, and not taken for an archive.
pub(crate) fn is_zip(head: &[u8]) -> bool {
    let head = SPLIT_MARKS.iter().find_map(|mark| head.strip_prefix(mark.as_slice())).unwrap_or(head);
    MAGICS.iter().any(|magic| head.starts_with(magic))
}

/// Maximum number of times that the mark of the directory's end is passed over, as it may stand in a comment, too.
const MAX_FALSE_ENDS: usize = 64;

/// How many bytes nothing is, deflated.
const EMPTY: u64 = 2;

/// The fixed part of a member's entry in the directory, in bytes.
const ENTRY: u64 = 46;

/// Number of bytes that are read at once.
const BUFFER: usize = 64 << 10;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberKind {
    File,
    /// Named as one, and without content: what has some is a file.
    Directory,
    /// Its content is the target.
    Symlink,
}

/// One member.
pub(crate) struct Member<'m> {
    /// As the directory has it, made UTF-8: it may be anything. Programs of Windows write `\` between its parts.
    pub(crate) name: String,
    pub(crate) kind: MemberKind,
    /// As the directory has it, in bytes.
    pub(crate) size: u64,
    /// Whether the directory and its own header say the same of it.
    pub(crate) is_plain: bool,
    /// Whether nothing can be known of its content.
    pub(crate) is_encrypted: bool,
    /// Nothing of it is read before the first read of it.
    pub(crate) content: &'m mut dyn Read,
}

/// Calls `each` for every member, in the order of the directory. Whether everything in the file is one of them.
///
/// # Errors
/// The directory's, or a limit's, which may come after some members. What is wrong with a member is an error of its
/// content.
pub(crate) fn members<R: ReaderAt>(
    file: &R,
    size: u64,
    each: &mut dyn FnMut(Member<'_>) -> io::Result<()>,
) -> io::Result<bool> {
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let mut found = ZipLocator::new().locate_in_reader(file, &mut buffer, size);
    for _ in 0..MAX_FALSE_ENDS {
        let Some(end) = found.as_ref().err().and_then(|(_, error)| error.eocd_offset()) else { break };
        found = ZipLocator::new().locate_in_reader(file, &mut buffer, end);
    }
    let archive = found.map_err(|(_, error)| corrupt(error))?;
    let expected = archive.entries_hint();
    let mut entries = archive.entries(&mut buffer);
    let (mut count, inflated, mut cover) = (0, Cell::new(0), Cover::new());
    let mut directory_end = archive.directory_offset();
    loop {
        let entry = match entries.next_entry() {
            Ok(Some(entry)) => entry,
            Ok(None) if count >= expected => break,
            Ok(None) => return Err(io::Error::new(ErrorKind::InvalidData, "the directory is cut short")),
            // Other bytes between the directory and its end.
            Err(_) if count == expected && count > 0 => break,
            Err(error) => return Err(corrupt(error)),
        };
        count += 1;
        let variable =
            [entry.file_path().len(), entry.extra_fields().remaining_bytes().len(), entry.comment().as_bytes().len()];
        directory_end = entry.central_directory_offset() + ENTRY + variable.iter().sum::<usize>() as u64;
        let (packed, before) = (entry.compressed_size_hint().min(size), inflated.get());
        let check = || {
            within_limits(inflated.get() - before, packed)?;
            within_limits(inflated.get(), u64::MAX)
        };
        let is_plain = match archive.get_entry(entry.wayfinder()) {
            Ok(member) => cover.member(&archive, &entry, &member)?,
            // Its content will say so.
            Err(_) => true,
        };
        let is_encrypted = entry.flags().is_encrypted();
        let open = || {
            let member = archive.get_entry(entry.wayfinder()).map_err(corrupt)?;
            let raw = member.reader();
            let expected = raw.claim_verifier();
            let content: Box<dyn Read + '_> = match entry.compression_method() {
                _ if is_encrypted => return Err(limit("it is encrypted")),
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
        let name = unicode_name(&entry).unwrap_or_else(|| entry.file_path().as_bytes().to_vec());
        let name = legible(&name).replace('\\', "/");
        let (kind, size) = (kind(&entry, &name), entry.uncompressed_size_hint());
        each(Member { name, kind, size, is_plain, is_encrypted, content: &mut content })?;
        check()?;
    }
    cover.is_whole(&archive, directory_end, size)
}

fn kind(entry: &ZipFileHeaderRecord<'_>, name: &str) -> MemberKind {
    let is_empty = entry.uncompressed_size_hint() == 0 && entry.compressed_size_hint() <= EMPTY;
    match () {
        () if name.ends_with('/') && is_empty => MemberKind::Directory,
        () if entry.mode().is_symlink() => MemberKind::Symlink,
        () => MemberKind::File,
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
