//! The mark in a message's text by which a subscriber knows when it was meant to be sent.
//!
//! `@~` and sixteen hexadecimal digits: nanoseconds of [`crate::clock`]. It has a fixed length, so that a sender
//! overwrites it in a request that was built once, and it is found without parsing JSON.

use memchr::memmem::Finder;

/// Bytes of a stamp.
pub const LEN: usize = MARK.len() + DIGITS;
const MARK: &[u8] = b"@~";
const DIGITS: usize = 16;

/// Overwrites the first [`LEN`] bytes of `place`.
pub fn write(place: &mut [u8], nanos: u64) {
    place[..MARK.len()].copy_from_slice(MARK);
    for (index, digit) in place[MARK.len()..LEN].iter_mut().enumerate() {
        let nibble = (nanos >> (4 * (DIGITS - 1 - index))) & 0xf;
        *digit = b"0123456789abcdef"[nibble as usize];
    }
}

/// Finds stamps.
pub struct Scanner(Finder<'static>);

impl Default for Scanner {
    fn default() -> Self {
        Self(Finder::new(MARK))
    }
}

impl Scanner {
    /// The stamps in `bytes`, in their order.
    pub fn scan<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = u64> + 'a {
        self.0.find_iter(bytes).filter_map(|at| read(bytes.get(at + MARK.len()..at + LEN)?))
    }
}

fn read(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| {
        let nibble = (*digit as char).to_digit(16)?;
        Some(number << 4 | u64::from(nibble))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_found_again_in_order() {
        let mut text = [b' '; 100];
        write(&mut text[3..], 0x0123_4567_89ab_cdef);
        write(&mut text[60..], 7);
        assert_eq!(Scanner::default().scan(&text).collect::<Vec<_>>(), [0x0123_4567_89ab_cdef, 7]);
    }

    #[test]
    fn what_only_looks_like_a_stamp_is_passed_over() {
        let scanner = Scanner::default();
        for bytes in [&b""[..], b"@~", b"@~0123", b"@~0123456789abcdeg", b"@ ~0123456789abcdef"] {
            assert_eq!(scanner.scan(bytes).count(), 0, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
