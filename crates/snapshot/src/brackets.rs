//! The brackets of a JSON text that are in no string, and backslashes, which have no place there: 64 bytes at
//! a time.

use wide::u8x16;

use crate::window::Window;

/// Number of bytes that are looked at together.
const BLOCK: u64 = 64;

/// Finds one bracket after the other.
#[derive(Default)]
pub(crate) struct Brackets {
    /// Where the next block starts.
    next: u64,
    /// A bit for each bracket and backslash of the block before it that was not taken yet.
    found: u64,
    /// All ones where the next block starts inside a string.
    in_string: u64,
    /// One where the first byte of the next block is escaped.
    escaped: u64,
}

impl Brackets {
    /// The next bracket or backslash and its position; `None` where it is not in the window.
    #[inline]
    pub(crate) fn next(&mut self, window: &Window<'_>) -> Option<(u64, u8)> {
        while self.found == 0 {
            self.look(window.from(self.next).first_chunk()?);
        }
        self.take(window)
    }

    /// The same at the end of the stream, whose last block is not whole.
    pub(crate) fn last(&mut self, window: &Window<'_>) -> Option<(u64, u8)> {
        if self.found == 0 {
            let mut block = [b' '; BLOCK as usize];
            block.iter_mut().zip(window.from(self.next)).for_each(|(byte, rest)| *byte = *rest);
            self.look(&block);
        }
        self.take(window)
    }

    /// Where the bytes start that were not looked at.
    pub(crate) fn position(&self) -> u64 {
        self.next
    }

    fn take(&mut self, window: &Window<'_>) -> Option<(u64, u8)> {
        if self.found == 0 {
            return None;
        }
        let position = self.next - BLOCK + u64::from(self.found.trailing_zeros());
        self.found &= self.found - 1;
        Some((position, *window.from(position).first()?))
    }

    fn look(&mut self, block: &[u8; BLOCK as usize]) {
        let (mut quotes, mut backslashes, mut brackets) = (0, 0, 0);
        for (index, part) in block.as_chunks().0.iter().enumerate() {
            let part = u8x16::new(*part);
            let bits = |found: u8x16| u64::from(found.to_bitmask()) << (16 * index);
            let is = |byte: u8| part.simd_eq(u8x16::splat(byte));
            // `[` and `{`, and `]` and `}`, differ in one bit.
            let lower = part | u8x16::splat(b'[' ^ b'{');
            brackets |= bits(lower.simd_eq(u8x16::splat(b'{')) | lower.simd_eq(u8x16::splat(b'}')));
            quotes |= bits(is(b'"'));
            backslashes |= bits(is(b'\\'));
        }
        if backslashes | self.escaped != 0 {
            quotes &= !self.escaped_by(backslashes);
        }
        let inside = parity(quotes) ^ self.in_string;
        self.in_string = if inside >> (BLOCK - 1) == 1 { u64::MAX } else { 0 };
        self.found = (brackets | backslashes) & !inside;
        self.next += BLOCK;
    }

    /// The bytes that come after a backslash which is not escaped itself.
    fn escaped_by(&mut self, mut backslashes: u64) -> u64 {
        let mut escaped = self.escaped;
        self.escaped = 0;
        backslashes &= !escaped;
        while backslashes != 0 {
            let after = 2 << backslashes.trailing_zeros();
            if after == 0 {
                self.escaped = 1;
            }
            escaped |= after;
            backslashes &= (backslashes - 1) & !after;
        }
        escaped
    }
}

/// For each bit whether the number of bits up to it is odd: between two quotes it is.
fn parity(mut bits: u64) -> u64 {
    for distance in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << distance;
    }
    bits
}

/// Which brackets are open, and so which one may close. Levels beyond memory are counted only.
#[derive(Default)]
pub(crate) struct Open {
    depth: u64,
    /// One bit for a level: whether it is a list.
    lists: Vec<u64>,
}

/// 8 MiB of bits.
const MAX_KNOWN: u64 = 64 << 20;

impl Open {
    pub(crate) fn depth(&self) -> u64 {
        self.depth
    }

    pub(crate) fn open(&mut self, bracket: u8) {
        if self.depth < MAX_KNOWN {
            let (word, bit) = place(self.depth);
            if word == self.lists.len() {
                self.lists.push(0);
            }
            if let Some(word) = self.lists.get_mut(word) {
                *word = (*word & !bit) | if bracket == b'[' { bit } else { 0 };
            }
        }
        self.depth += 1;
    }

    /// False where another bracket is open, or none.
    pub(crate) fn close(&mut self, bracket: u8) -> bool {
        let Some(depth) = self.depth.checked_sub(1) else { return false };
        self.depth = depth;
        let (word, bit) = place(depth);
        self.lists.get(word).is_none_or(|word| (word & bit != 0) == (bracket == b']'))
    }
}

/// The word and the bit of a level.
fn place(depth: u64) -> (usize, u64) {
    (usize::try_from(depth / 64).unwrap_or(usize::MAX), 1 << (depth % 64))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test says no")]
mod tests {
    use std::io;

    use super::*;

    /// Gives a few bytes at a time.
    struct Slow<'t>(&'t [u8], usize);

    impl io::Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(buffer.len());
            self.0.read(&mut buffer[..count])
        }
    }

    fn found(text: &[u8]) -> Vec<(u64, u8)> {
        let mut reader = Slow(text, 7);
        let mut window = Window::new(Vec::new(), &mut reader);
        let mut brackets = Brackets::default();
        let mut found = Vec::new();
        loop {
            found.extend(std::iter::from_fn(|| brackets.next(&window)));
            if !window.read_on(brackets.position()).unwrap() {
                found.extend(std::iter::from_fn(|| brackets.last(&window)));
                return found;
            }
        }
    }

    /// The same, one byte after the other.
    fn expected(text: &[u8]) -> Vec<(u64, u8)> {
        let (mut in_string, mut escaped, mut found) = (false, false, Vec::new());
        for (at, byte) in text.iter().enumerate() {
            match byte {
                b'"' if !escaped => in_string = !in_string,
                b'{' | b'}' | b'[' | b']' | b'\\' if !in_string => found.push((at as u64, *byte)),
                _ => {}
            }
            escaped = *byte == b'\\' && !escaped;
        }
        found
    }

    #[test]
    fn brackets_in_no_string_are_found() {
        // Every run of backslashes at every place of a block, and every text of these letters.
        let letters = b"\\\"{]a";
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        for shift in 0..70 {
            for backslashes in 0..4 {
                let text = [" ".repeat(shift), "{\"a".into(), "\\".repeat(backslashes), "\"}]\"}".repeat(30)].concat();
                texts.push(text.into_bytes());
            }
        }
        for number in 0..5_usize.pow(6) {
            let digit = |place: u32| letters[number / 5_usize.pow(place) % 5];
            texts.push((0..6).map(digit).chain(*b"\"{").collect());
        }
        for text in texts {
            assert_eq!(found(&text), expected(&text), "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn only_what_is_open_closes() {
        let mut open = Open::default();
        let text = "[{".repeat(100);
        text.bytes().for_each(|bracket| open.open(bracket));
        assert_eq!(open.depth(), 200);
        assert!("}]".repeat(100).bytes().all(|bracket| open.close(bracket)));
        assert!(!open.close(b']'));
        open.open(b'{');
        assert!(!open.close(b']'));
    }
}
