//! Words of a text, folded so that case and accents don't count.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// Characters of a word that count; what is longer is no word that anybody types again.
const WORD_CHARS: usize = 64;

/// A word, or one character of a writing without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Folded.
    pub text: String,
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
    /// Whether it is a single character of a writing without spaces.
    pub single: bool,
}

impl Word {
    /// Whether the two stand together without a space, as characters of such a writing.
    pub fn joins(&self, next: &Self) -> bool {
        self.single && next.single && self.range.end == next.range.start
    }
}

/// All words, in order.
pub fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (start, part) in text.unicode_word_indices() {
        if !part.chars().any(is_spaceless) {
            push(&mut words, part, start, false);
            continue;
        }
        let mut run = start;
        for (at, char) in part.char_indices() {
            let (from, to) = (start + at, start + at + char.len_utf8());
            if is_spaceless(char) {
                push_slice(&mut words, text, run..from, false);
                push_slice(&mut words, text, from..to, true);
                run = to;
            }
        }
        push_slice(&mut words, text, run..start + part.len(), false);
    }
    words
}

fn push_slice(words: &mut Vec<Word>, text: &str, range: Range<usize>, single: bool) {
    if let Some(part) = text.get(range.clone()) {
        push(words, part, range.start, single);
    }
}

fn push(words: &mut Vec<Word>, part: &str, start: usize, single: bool) {
    let text = fold(part);
    if !text.is_empty() {
        words.push(Word { text, range: start..start + part.len(), single });
    }
}

/// What of the index finds a text: lexemes with their places, from 1. Neighbouring characters of a writing without
/// spaces are pairs; the last of a run stands alone, so that a single one is found by its beginning.
pub fn lexemes(words: &[Word]) -> impl Iterator<Item = (usize, String)> {
    words.iter().enumerate().map(|(at, word)| {
        let next = words.get(at + 1).filter(|next| word.joins(next));
        (at + 1, next.map_or_else(|| word.text.clone(), |next| format!("{}{}", word.text, next.text)))
    })
}

/// Lower case, without accents, ligatures and letters with strokes spelled out.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        // Most words are, and nothing below changes more of them.
        return text.get(..WORD_CHARS).unwrap_or(text).to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    let plain = text.nfkd().filter(|char| !is_combining_mark(*char) || is_voicing(*char));
    for char in plain.flat_map(char::to_lowercase).nfc().take(WORD_CHARS) {
        match char {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            // A dot that lower case left behind.
            '\u{307}' => {}
            other => folded.push(other),
        }
    }
    folded
}

/// The marks that make another sound of a Japanese one: が is not か.
fn is_voicing(char: char) -> bool {
    matches!(char, '\u{3099}' | '\u{309A}')
}

/// Whether a character belongs to a writing that puts no spaces between words: Han, Kana, Thai, Lao, Khmer, Burmese.
fn is_spaceless(char: char) -> bool {
    matches!(char,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFD}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn case_and_accents_do_not_count() {
        for (written, folded) in [
            ("Crème Brûlée", vec!["creme", "brulee"]),
            ("STRASSE Straße", vec!["strasse", "strasse"]),
            ("İstanbul ISTANBUL ılık", vec!["istanbul", "istanbul", "ilik"]),
            ("Łódź, Ærø & Đà Nẵng!", vec!["lodz", "aero", "da", "nang"]),
            ("Ёлка ЕЛКА", vec!["елка", "елка"]),
            ("ﬁne １２３", vec!["fine", "123"]),
            ("don't stop-me", vec!["don't", "stop", "me"]),
            ("한국어 말", vec!["한국어", "말"]),
            ("👍 --- ...", vec![]),
        ] {
            assert_eq!(texts(written), folded, "{written}");
        }
    }

    #[test]
    fn a_writing_without_spaces_is_found_by_pairs() {
        let of =
            |text: &str| lexemes(&words(text)).map(|(at, text)| format!("{at}:{text}")).collect::<Vec<_>>();
        assert_eq!(of("日本語 ok"), ["1:日本", "2:本語", "3:語", "4:ok"]);
        assert_eq!(of("日 本"), ["1:日", "2:本"]);
        assert_eq!(of("がか"), ["1:がか", "2:か"]);
        assert_eq!(of("iPhone買う"), ["1:iphone", "2:買う", "3:う"]);
    }

    proptest! {
        #[test]
        fn every_word_stands_where_it_says(text in "\\PC{0,60}") {
            let mut end = 0;
            for word in words(&text) {
                prop_assert!(word.range.start >= end);
                end = word.range.end;
                prop_assert_eq!(fold(&text[word.range.clone()]), word.text);
            }
        }
    }
}
