//! Slack's way of marking text, as Markdown.

/// The text as Markdown, and the ids of users that it mentions. What is code stays as it is, but for its entities.
pub fn to_markdown(text: &str) -> (String, Vec<String>) {
    let (mut out, mut mentions) = (String::with_capacity(text.len()), Vec::new());
    for (at, block) in text.split("```").enumerate() {
        if at > 0 {
            out.push_str("```");
        }
        if at % 2 == 1 {
            out.push_str(&plain(block));
            continue;
        }
        for (at, part) in block.split('`').enumerate() {
            if at > 0 {
                out.push('`');
            }
            if at % 2 == 1 {
                out.push_str(&plain(part));
            } else {
                out.push_str(&entities(&emphasis(&angles(part, &mut mentions))));
            }
        }
    }
    (out, mentions)
}

/// Code: links are shown as what they lead to.
fn plain(text: &str) -> String {
    let mut nobody = Vec::new();
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inside, after)) = angle(rest) {
        out.push_str(before);
        let (target, label) = inside.split_once('|').unwrap_or((inside, inside));
        out.push_str(if target.starts_with(['@', '#', '!']) { "" } else { label });
        if target.starts_with(['@', '#', '!']) {
            out.push_str(&reference(target, label, &mut nobody));
        }
        rest = after;
    }
    out.push_str(rest);
    entities(&out)
}

/// The text before the first `<…>`, what is in it, and what follows.
fn angle(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('<')?;
    let (inside, after) = rest.split_once('>')?;
    Some((before, inside, after))
}

/// `<@U1>`, `<#C1|general>`, `<!here>`, `<https://a.example|label>`.
fn angles(text: &str, mentions: &mut Vec<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inside, after)) = angle(rest) {
        out.push_str(before);
        match inside.split_once('|') {
            _ if inside.starts_with(['@', '#', '!']) => {
                let (target, label) = inside.split_once('|').unwrap_or((inside, ""));
                out.push_str(&reference(target, label, mentions));
            }
            Some((url, label)) if label != url => out.push_str(&format!("[{label}]({url})")),
            Some((url, _)) => out.push_str(url),
            None => out.push_str(inside),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn reference(target: &str, label: &str, mentions: &mut Vec<String>) -> String {
    let (kind, id) = target.split_at(1);
    match kind {
        "@" => {
            mentions.push(id.to_owned());
            format!("@{id}")
        }
        "#" => format!("#{}", if label.is_empty() { id } else { label }),
        _ if !label.is_empty() => label.to_owned(),
        _ => format!("@{}", id.split('^').next().unwrap_or(id)),
    }
}

/// `*bold*` and `~struck~`; `_italic_` means the same in both.
fn emphasis(text: &str) -> String {
    double(&double(text, '*'), '~')
}

/// Doubles a mark that opens before a word and closes after one, on one line.
fn double(text: &str, mark: char) -> String {
    let chars: Vec<char> = text.chars().collect();
    let opens = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(at + 1);
        before.is_none_or(|char| !char.is_alphanumeric() && *char != mark)
            && after.is_some_and(|char| !char.is_whitespace() && *char != mark)
    };
    let closes = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(at + 1);
        before.is_some_and(|char| !char.is_whitespace() && *char != mark)
            && after.is_none_or(|char| !char.is_alphanumeric() && *char != mark)
    };
    let (mut out, mut at) = (String::new(), 0);
    while let Some(char) = chars.get(at) {
        let end = (*char == mark && opens(at))
            .then(|| {
                (at + 2..chars.len())
                    .take_while(|end| chars.get(*end) != Some(&'\n'))
                    .find(|end| chars.get(*end) == Some(&mark) && closes(*end))
            })
            .flatten();
        match end {
            Some(end) => {
                out.extend([mark, mark]);
                out.extend(chars.get(at + 1..end).unwrap_or_default());
                out.extend([mark, mark]);
                at = end + 1;
            }
            None => {
                out.push(*char);
                at += 1;
            }
        }
    }
    out
}

fn entities(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_markdown() {
        for (from, to) in [
            ("*bold* _it_ ~gone~", "**bold** _it_ ~~gone~~"),
            ("2*3*4 and * no *", "2*3*4 and * no *"),
            ("*two words*, *more*", "**two words**, **more**"),
            ("a *b\nc* d", "a *b\nc* d"),
            ("<https://a.example|here> <https://b.example>", "[here](https://a.example) https://b.example"),
            ("<mailto:a@b.example|a@b.example>", "[a@b.example](mailto:a@b.example)"),
            ("<#C1|general> <!here> <!subteam^S1|@team>", "#general @here @team"),
            ("a &lt;b&gt; &amp;amp;", "a <b> &amp;"),
            ("`*x*` *y*", "`*x*` **y**"),
            ("```*x* <https://a.example>\n&gt;``` *y*", "```*x* https://a.example\n>``` **y**"),
            ("1 < 2", "1 < 2"),
        ] {
            assert_eq!(to_markdown(from).0, to, "{from}");
        }
        let (text, mentions) = to_markdown("<@U1>, <@U2|ben> `<@U3>`");
        assert_eq!((text.as_str(), mentions), ("@U1, @U2 `@U3`", vec!["U1".to_owned(), "U2".to_owned()]));
    }
}
