//! What the index knows a message by: lexemes and where in its text they stand.

use std::io::Write;

use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use parlor_platform::schema::Tsvector;

/// Bytes of a lexeme, which PostgreSQL keeps in eleven bits, but for the highest number.
const LEXEME_BYTES: usize = 2_046;
/// Places of one lexeme that a `tsvector` keeps, and the highest place.
const MOST_PLACES: usize = 255;
const LAST_PLACE: u16 = 16_383;

/// A `tsvector`, as it travels in binary: the number of lexemes, and for each its text up to a NUL, the number of its
/// places, and these. Written so, PostgreSQL need not read it as text, which was a seventh of what indexing costs it.
#[derive(Debug)]
pub struct Vector(Vec<u8>);

impl Vector {
    /// Of words with their places, from 1, and of tags, which have none.
    pub fn new(words: impl Iterator<Item = (usize, String)>, tags: impl Iterator<Item = String>) -> Self {
        let place = |at: usize| u16::try_from(at).map_or(LAST_PLACE, |at| at.min(LAST_PLACE));
        let words = words.map(|(at, word)| (word, Some(place(at))));
        // One word that is too long would keep all that are written with it out of the index.
        let fits = |(lexeme, _): &(String, _)| lexeme.len() <= LEXEME_BYTES;
        let mut all: Vec<_> = words.chain(tags.map(|tag| (tag, None))).filter(fits).collect();
        all.sort_unstable();
        all.dedup();
        let mut bytes = vec![0; 4];
        let mut count = 0_u32;
        for same in all.chunk_by(|one, next| one.0 == next.0) {
            let places: Vec<u16> = same.iter().filter_map(|(_, place)| *place).take(MOST_PLACES).collect();
            bytes.extend(same.iter().take(1).flat_map(|(lexeme, _)| lexeme.bytes()));
            bytes.push(0);
            bytes.extend(u16::try_from(places.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend(places.into_iter().flat_map(u16::to_be_bytes));
            count += 1;
        }
        bytes.splice(..4, count.to_be_bytes());
        Self(bytes)
    }
}

impl ToSql<Tsvector, Pg> for Vector {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.0)?;
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::{lexemes, words};
    use super::*;
    use parlor_protocol::limits::TEXT_CHARS;
    use proptest::prelude::*;

    /// Bytes of a `tsvector`, its words and their places together.
    const VECTOR_BYTES: usize = 1 << 20;

    fn vector(text: &str, tags: &[&str]) -> Vector {
        Vector::new(lexemes(&words(text)), tags.iter().map(|tag| (*tag).to_owned()))
    }

    /// As `tsvectorrecv` reads it.
    fn read(vector: &Vector) -> Vec<(String, Vec<u16>)> {
        fn number<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
            let (number, after) = rest.split_first_chunk().unwrap();
            *rest = after;
            *number
        }
        let mut rest = vector.0.as_slice();
        let count = u32::from_be_bytes(number(&mut rest));
        let mut found = Vec::new();
        for _ in 0..count {
            let end = rest.iter().position(|byte| *byte == 0).unwrap();
            let lexeme = String::from_utf8(rest[..end].to_vec()).unwrap();
            rest = &rest[end + 1..];
            let places = u16::from_be_bytes(number(&mut rest));
            found.push((lexeme, (0..places).map(|_| u16::from_be_bytes(number(&mut rest))).collect()));
        }
        assert!(rest.is_empty());
        found
    }

    #[test]
    fn each_lexeme_stands_once_with_its_places() {
        let found = read(&vector("b a b", &["\u{1}k", "\u{1}k"]));
        let expected = [("\u{1}k", vec![]), ("a", vec![2]), ("b", vec![1, 3])];
        assert_eq!(found, expected.map(|(lexeme, places)| (lexeme.to_owned(), places)));
        assert_eq!(read(&vector("", &[])), []);
        let many = read(&vector(&"x ".repeat(400), &[]));
        assert_eq!((many.len(), many[0].1.len()), (1, MOST_PLACES));
        let far = Vector::new(
            [(16_383, "x"), (16_384, "x"), (70_000, "x")].map(|(at, x)| (at, x.to_owned())).into_iter(),
            std::iter::empty(),
        );
        assert_eq!(read(&far), [("x".to_owned(), vec![LAST_PLACE])]);
    }

    #[test]
    fn no_word_is_longer_than_the_database_keeps() {
        let of = |length| read(&vector("", &[&"k".repeat(length)])).len();
        assert_eq!((of(LEXEME_BYTES), of(LEXEME_BYTES + 1)), (1, 0));
        // What takes most room when it is folded, alone and beside what makes each word another.
        for word in ["x", "\u{fdfa}", "\u{1d400}", "\u{3314}", "𠀀", "ß", "é"] {
            let text: String = word.repeat(TEXT_CHARS).chars().take(TEXT_CHARS).collect();
            assert!(lexemes(&words(&text)).all(|(_, lexeme)| lexeme.len() < LEXEME_BYTES), "{word}");
            let letters =
                ('\u{ac00}'..).take(TEXT_CHARS / 5).map(|other| format!("{}{other} ", word.repeat(3)));
            let text: String = letters.collect::<String>().chars().take(TEXT_CHARS).collect();
            assert!(vector(&text, &[]).0.len() < VECTOR_BYTES, "{word}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_can_be_indexed(text in "[\\PC]{0,400}", kind in "\\PC{0,3000}") {
            let found = read(&vector(&text, &[&kind]));
            prop_assert!(found.is_sorted_by(|one, next| one.0 < next.0));
            for (lexeme, places) in found {
                prop_assert!(lexeme.len() <= LEXEME_BYTES && places.is_sorted_by(|one, next| one < next));
            }
        }
    }
}
