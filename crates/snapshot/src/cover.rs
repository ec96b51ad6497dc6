//! Which bytes of a zip file belong to its members. A zip file is read by its directory; another program may read it
//! from its start, or by another directory, and what it finds there has to be in ours.

use std::{collections::BTreeMap, io};

use flate2::Crc;
use rawzip::{ReaderAt, ZipArchive, ZipEntry, ZipFileHeaderRecord, ZipLocalFileHeader};

use crate::flaw::limit;

/// Maximum number of gaps between members, which may lie in another order than the directory has them; a zip file with
/// more is not read.
const MAX_GAPS: usize = 1_000_000;

/// A name and what else a local header has.
const MAX_HEADER: usize = 2 * (u16::MAX as usize);

/// What stands before the first member where a zip file was to be split, and was not.
///
/// Source: APPNOTE.TXT 6.3.10, 8.5.4 and 8.5.5.
pub(crate) const SPLIT_MARKS: [&[u8; 4]; 2] = [b"PK\x07\x08", b"PK00"];

/// The parts of a file that are accounted for.
pub(crate) struct Cover {
    /// Start and end, neither touching nor overlapping.
    parts: BTreeMap<u64, u64>,
    header: Vec<u8>,
}

impl Cover {
    pub(crate) fn new() -> Self {
        Self { parts: BTreeMap::new(), header: vec![0; MAX_HEADER] }
    }

    /// Takes in a member: from its header to its data, and what comes behind them. Whether both headers say the same
    /// of it.
    ///
    /// # Errors
    /// It overlaps another member.
    pub(crate) fn member<R: ReaderAt>(
        &mut self,
        archive: &ZipArchive<R>,
        record: &ZipFileHeaderRecord<'_>,
        member: &ZipEntry<'_, R>,
    ) -> io::Result<bool> {
        let (start, (_, mut end), limit) =
            (record.local_header_offset(), member.compressed_data_range(), archive.directory_offset());
        if end > limit {
            // What it has of the directory is no member's.
            return if start < limit { self.add(start, limit).map(|()| false) } else { Ok(false) };
        }
        let Ok(header) = member.local_header(&mut self.header) else { return Ok(false) };
        let is_same = say_the_same(record, &header);
        if record.flags().has_data_descriptor() || header.flags().has_data_descriptor() {
            end += descriptor(archive, record, end)?;
        }
        self.add(start, end.min(limit))?;
        Ok(is_same)
    }

    fn add(&mut self, mut start: u64, mut end: u64) -> io::Result<()> {
        let before = self.parts.range(..=start).next_back().map(|(start, end)| (*start, *end));
        let after = self.parts.range(start..).next().map(|(start, end)| (*start, *end));
        if before.is_some_and(|(_, to)| to > start) || after.is_some_and(|(from, _)| from < end) {
            // How a few bytes become very many.
            return Err(limit("its members overlap"));
        }
        if let Some((from, _)) = before.filter(|(_, to)| *to == start) {
            start = from;
        }
        if let Some((from, to)) = after.filter(|(from, _)| *from == end) {
            self.parts.remove(&from);
            end = to;
        }
        self.parts.insert(start, end);
        if self.parts.len() > MAX_GAPS {
            return Err(limit("its members lie in no order"));
        }
        Ok(())
    }

    /// Whether nothing but members, the directory, which ends at `directory_end`, and the end of the file is in it.
    pub(crate) fn is_whole<R: ReaderAt>(
        &self,
        archive: &ZipArchive<R>,
        directory_end: u64,
        size: u64,
    ) -> io::Result<bool> {
        let file = archive.get_ref();
        let mut start = 0;
        let mut mark = [0; 4];
        if self.parts.contains_key(&4) && file.read_at(&mut mark, 0)? == 4 && SPLIT_MARKS.contains(&&mark) {
            start = 4;
        }
        for (from, to) in self.parts.iter().map(|(from, to)| (*from, *to)).chain([(archive.directory_offset(), 0)]) {
            if !is_zeros(file, start, from)? {
                return Ok(false);
            }
            start = to;
        }
        Ok(is_end(file, directory_end, archive.eocd_offset())? && is_zeros(file, archive.end_offset(), size)?)
    }
}

/// How many bytes behind the data of a member repeat its sizes, in one of the four forms that there are.
///
/// Source: APPNOTE.TXT 6.3.10, 4.3.9.
fn descriptor<R: ReaderAt>(archive: &ZipArchive<R>, record: &ZipFileHeaderRecord<'_>, at: u64) -> io::Result<u64> {
    let mut found = [0; 24];
    let mut length = 0;
    while let Some(rest) = found.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match archive.get_ref().read_at(rest, at + length as u64)? {
            0 => break,
            read => length += read,
        }
    }
    let found = found.get(..length).unwrap_or_default();
    let crc = record.crc32().to_le_bytes();
    let sizes = [record.compressed_size_hint(), record.uncompressed_size_hint()];
    let long = sizes.map(u64::to_le_bytes).concat();
    // Of each the lower half.
    let short: Vec<u8> = long.chunks(8).filter_map(|size| size.get(..4)).flatten().copied().collect();
    let forms = [b"PK\x07\x08".as_slice(), b""].into_iter().flat_map(|mark| [(mark, &long), (mark, &short)]);
    let form = forms.map(|(mark, sizes)| [mark, &crc, sizes].concat()).find(|form| found.starts_with(form));
    Ok(form.map_or(0, |form| form.len() as u64))
}

fn say_the_same(record: &ZipFileHeaderRecord<'_>, header: &ZipLocalFileHeader<'_>) -> bool {
    let is_later = header.flags().has_data_descriptor();
    let sizes = (header.crc32(), header.compressed_size_hint(), header.uncompressed_size_hint());
    let expected = (record.crc32(), record.compressed_size_hint(), record.uncompressed_size_hint());
    record.file_path().as_bytes() == header.file_path().as_bytes()
        && record.compression_method() == header.compression_method()
        && record.flags().is_encrypted() == header.flags().is_encrypted()
        && (is_later || sizes == expected)
}

fn is_zeros(file: &impl ReaderAt, mut start: u64, end: u64) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    while start < end {
        let wanted = usize::try_from(end - start).unwrap_or(usize::MAX).min(buffer.len());
        let read = file.read_at(buffer.get_mut(..wanted).unwrap_or_default(), start)?;
        if read == 0 || buffer.iter().take(read).any(|byte| *byte != 0) {
            return Ok(false);
        }
        start += read as u64;
    }
    Ok(true)
}

/// Whether between the directory and its end there is nothing, or what a file of more than 4 GiB needs there.
///
/// Source: APPNOTE.TXT 6.3.10, 4.3.14 and 4.3.15.
fn is_end(file: &impl ReaderAt, start: u64, end: u64) -> io::Result<bool> {
    let (mut record, mut locator) = ([0; 12], [0; 4]);
    let Some(size) = end.checked_sub(start).filter(|size| *size > 0) else { return Ok(start == end) };
    if size < 76 || file.read_at(&mut record, start)? < 12 || file.read_at(&mut locator, end - 20)? < 4 {
        return Ok(false);
    }
    let said = record.last_chunk().copied().map_or(0, u64::from_le_bytes);
    Ok(record.starts_with(b"PK\x06\x06") && locator == *b"PK\x06\x07" && said.checked_add(12 + 20) == Some(size))
}

/// The name of a member: where a program has written it in Unicode, too, that counts, as it does for Info-ZIP and 7-Zip.
///
/// Source: APPNOTE.TXT 6.3.10, 4.6.9.
pub(crate) fn unicode_name(record: &ZipFileHeaderRecord<'_>) -> Option<Vec<u8>> {
    let field = record.extra_fields().find(|(id, _)| *id == rawzip::extra_fields::ExtraFieldId::INFO_ZIP_UNICODE_PATH);
    let (&[1, a, b, c, d], name) = field?.1.split_first_chunk()? else { return None };
    let mut crc = Crc::new();
    crc.update(record.file_path().as_bytes());
    (u32::from_le_bytes([a, b, c, d]) == crc.sum()).then(|| name.to_vec())
}
