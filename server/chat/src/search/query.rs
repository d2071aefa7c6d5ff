//! What was typed into the search field.
//!
//! Words must all be there, in any order. `"…"` is a phrase, `-word` must not be there, `wor*` is a beginning, and so is
//! the last word while it is being typed: as long as no space follows it.

use std::fmt::Write;
use std::ops::Range;

use parlor_platform::Result;
use parlor_protocol::ErrorCode;
use parlor_protocol::limits::{SEARCH_CHARS, SEARCH_TERMS};

use super::words::{Word, words};

/// A search that can be asked.
#[derive(Debug)]
pub struct Query {
    terms: Vec<Term>,
}

#[derive(Debug)]
struct Term {
    words: Vec<Word>,
    prefix: bool,
    excluded: bool,
}

impl Query {
    /// Reads what was typed; `invalid_search` if there is nothing to look for in it.
    pub fn parse(typed: &str) -> Result<Self> {
        if typed.chars().count() > SEARCH_CHARS {
            return Err(ErrorCode::InvalidSearch.into());
        }
        let mut terms = Vec::new();
        let mut rest = typed.trim_start();
        while !rest.is_empty() {
            let excluded = rest.starts_with('-');
            rest = rest.strip_prefix('-').unwrap_or(rest);
            let (text, prefix, after) = match rest.strip_prefix('"') {
                Some(quoted) => {
                    let (text, after) = quoted.split_once('"').unwrap_or((quoted, ""));
                    (text, false, after)
                }
                None => {
                    let end = rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len());
                    let (text, after) = rest.split_at(end);
                    (text, text.ends_with('*') || (after.is_empty() && !excluded), after)
                }
            };
            let words = words(text);
            if !words.is_empty() {
                terms.push(Term { words, prefix, excluded });
            }
            rest = after.trim_start();
        }
        let known = terms.iter().any(|term| !term.excluded);
        if !known || terms.len() > SEARCH_TERMS {
            return Err(ErrorCode::InvalidSearch.into());
        }
        Ok(Self { terms })
    }

    /// As a `tsquery`.
    pub fn tsquery(&self) -> String {
        let terms = self.terms.iter().map(|term| {
            let phrase = term.phrase();
            if term.excluded { format!("!({phrase})") } else { format!("({phrase})") }
        });
        terms.collect::<Vec<_>>().join(" & ")
    }

    /// Where in a text something is that was looked for, in bytes, in order and apart from each other.
    pub fn found_in(&self, text: &[Word]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for term in self.terms.iter().filter(|term| !term.excluded) {
            for window in text.windows(term.words.len()).filter(|window| term.is(window)) {
                if let (Some(first), Some(last)) = (window.first(), window.last()) {
                    found.push(first.range.start..last.range.end);
                }
            }
        }
        found.sort_by_key(|range| (range.start, range.end));
        found.dedup_by(|next, before| {
            let overlap = next.start < before.end;
            if overlap {
                before.end = before.end.max(next.end);
            }
            overlap
        });
        found
    }
}

impl Term {
    fn is(&self, window: &[Word]) -> bool {
        let last = self.words.len() - 1;
        self.words.iter().zip(window).enumerate().all(|(at, (wanted, word))| {
            wanted.text == word.text || (self.prefix && at == last && word.text.starts_with(&wanted.text))
        })
    }

    /// The words one after the other, with their distances.
    fn phrase(&self) -> String {
        let mut phrase = String::new();
        let mut before: Option<usize> = None;
        for (at, word) in self.words.iter().enumerate() {
            let next = self.words.get(at + 1).filter(|next| word.joins(next));
            let joined_before =
                at.checked_sub(1).and_then(|at| self.words.get(at)).is_some_and(|w| w.joins(word));
            let lexeme = match next {
                Some(next) => quoted(&format!("{}{}", word.text, next.text)),
                // The pair before holds the last character of a run.
                None if joined_before => continue,
                // A single character is the beginning of a pair.
                None if word.single => format!("{}:*", quoted(&word.text)),
                None if self.prefix && at + 1 == self.words.len() => format!("{}:*", quoted(&word.text)),
                None => quoted(&word.text),
            };
            if let Some(before) = before {
                // Writing to a String cannot fail.
                let _ = write!(phrase, " <{}> ", at - before);
            }
            phrase.push_str(&lexeme);
            before = Some(at);
        }
        phrase
    }
}

/// A lexeme as it stands in a `tsquery` or `tsvector`.
pub fn quoted(lexeme: &str) -> String {
    format!("'{}'", lexeme.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ts(typed: &str) -> String {
        Query::parse(typed).unwrap().tsquery()
    }

    #[test]
    fn what_is_typed_becomes_what_is_asked() {
        for (typed, asked) in [
            ("Hello wor", "('hello') & ('wor':*)"),
            ("hello wor ", "('hello') & ('wor')"),
            ("hel* world ", "('hel':*) & ('world')"),
            ("\"new York\" -\"old\" x ", "('new' <1> 'york') & !('old') & ('x')"),
            ("e-mail ", "('e' <1> 'mail')"),
            ("don't\\ ", "('don''t')"),
            ("日本語 ", "('日本' <1> '本語')"),
            ("日", "('日':*)"),
            ("\"ok 日本 go\"", "('ok' <1> '日本' <2> 'go')"),
            ("\"unclosed here", "('unclosed' <1> 'here')"),
        ] {
            assert_eq!(ts(typed), asked, "{typed}");
        }
    }

    #[test]
    fn a_search_for_nothing_is_refused() {
        for typed in ["", "  ", "-only", "👍 !!", "\"\""] {
            assert!(Query::parse(typed).is_err(), "{typed:?}");
        }
        let many = |terms: usize| Query::parse(&"a ".repeat(terms));
        assert!(many(SEARCH_TERMS).is_ok() && many(SEARCH_TERMS + 1).is_err());
        assert!(Query::parse(&"é".repeat(SEARCH_CHARS)).is_ok());
        assert!(Query::parse(&"é".repeat(SEARCH_CHARS + 1)).is_err());
    }

    #[test]
    fn what_was_found_is_shown_where_it_stands() {
        let shown = |typed: &str, text: &str| {
            let found = Query::parse(typed).unwrap().found_in(&words(text));
            found.into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(shown("creme bru", "Crème brûlée, crème"), ["Crème", "brûlée", "crème"]);
        assert_eq!(shown("\"a b\" ", "b a b a"), ["a b"]);
        assert_eq!(shown("本語 ", "日本語です"), ["本語"]);
        assert_eq!(shown("語で -x", "日本語です x"), ["語で"]);
        assert_eq!(shown("aa ", "b"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_asked_or_refused(typed in "\\PC{0,80}", text in "\\PC{0,80}") {
            if let Ok(query) = Query::parse(&typed) {
                prop_assert!(!query.tsquery().contains('\0'));
                for range in query.found_in(&words(&text)) {
                    prop_assert!(text.get(range).is_some());
                }
            }
        }
    }
}
