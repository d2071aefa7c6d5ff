//! The part of a text that shows why it was found.

use std::ops::Range;

use parlor_protocol::search::SnippetPart;

use super::query::Query;
use super::words::words;

/// Characters before the first find.
const BEFORE: usize = 60;
/// Characters in all.
const LENGTH: usize = 200;

/// The text around the first find, in parts that were or were not looked for. From the text's beginning if nothing
/// is found any more.
pub fn snippet(query: &Query, text: &str) -> Vec<SnippetPart> {
    let found = query.found_in(&words(text));
    let first = found.first().map_or(0, |range| range.start);
    let start = back(text, first, BEFORE);
    let end = forth(text, start, LENGTH)
        .max(found.first().map_or(0, |range| range.end.min(forth(text, first, LENGTH))));
    let mut parts = Vec::new();
    if start > 0 {
        push(&mut parts, "…", false);
    }
    let mut at = start;
    for Range { start: from, end: to } in found {
        let (from, to) = (from.min(end), to.min(end));
        push(&mut parts, text.get(at..from).unwrap_or_default(), false);
        push(&mut parts, text.get(from..to).unwrap_or_default(), true);
        at = to;
    }
    push(&mut parts, text.get(at..end).unwrap_or_default(), false);
    if end < text.len() {
        push(&mut parts, "…", false);
    }
    parts
}

fn push(parts: &mut Vec<SnippetPart>, text: &str, found: bool) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.found == found => last.text.push_str(text),
        _ => parts.push(SnippetPart { text: text.to_owned(), found }),
    }
}

/// So many characters before, and then to the beginning of the word that is cut, if that is near.
fn back(text: &str, from: usize, chars: usize) -> usize {
    let before = text.get(..from).unwrap_or_default();
    let start = before.char_indices().rev().nth(chars - 1).map_or(0, |(at, _)| at);
    if start == 0 {
        return 0;
    }
    let cut = before.get(start..).unwrap_or_default();
    cut.char_indices()
        .find(|(_, char)| char.is_whitespace())
        .map_or(start, |(at, char)| start + at + char.len_utf8())
}

fn forth(text: &str, from: usize, chars: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.char_indices().nth(chars).map_or(text.len(), |(at, _)| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(typed: &str, text: &str) -> String {
        let parts = snippet(&Query::parse(typed).unwrap(), text);
        parts
            .into_iter()
            .map(|part| if part.found { format!("[{}]", part.text) } else { part.text })
            .collect()
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        assert_eq!(shown("b ", "a b c b"), "a [b] c [b]");
        assert_eq!(shown("gone ", "edited since"), "edited since");
    }

    #[test]
    fn a_long_text_is_cut_at_words_around_the_first_find() {
        let text = format!("{} needle {}", "filler ".repeat(100), "after ".repeat(100));
        let shown = shown("needle ", &text);
        assert!(shown.starts_with("…filler ") && shown.ends_with('…'), "{shown}");
        assert!(shown.contains("[needle] after"));
        assert!(shown.chars().count() <= LENGTH + 4);
    }

    proptest! {
        #[test]
        fn the_parts_are_parts_of_the_text(typed in "[a-c日本 ]{1,10}", text in "[a-d日本é \\n]{0,400}") {
            if let Ok(query) = Query::parse(&typed) {
                let whole: String = snippet(&query, &text).into_iter().map(|part| part.text).collect();
                let cut = whole.strip_prefix('…').unwrap_or(&whole);
                prop_assert!(text.contains(cut.strip_suffix('…').unwrap_or(cut)));
            }
        }
    }
}
