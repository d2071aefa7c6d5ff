//! Reads a TipTap document strictly, as [`parlor_protocol::content`] says, and makes its text. Pure.

mod attrs;
mod path;

use parlor_platform::Result;
use parlor_protocol::limits::{CONTENT_DEPTH, CONTENT_NODES};
use parlor_protocol::{GroupMentions, Role, UserId};
use serde_json::{Map, Value};

use attrs::{attrs, is_align, is_char, is_label, is_language, is_level, is_start, marks};
use path::{Path, Step, wrong};

/// What a document says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    pub text: String,
    pub mentions: Vec<UserId>,
    pub groups: GroupMentions,
}

/// Reads it, or says where it is no document.
pub fn read(document: &Map<String, Value>) -> Result<Document> {
    let root = Path { up: None, step: Step::Root };
    let mut reader = Reader::default();
    if kind(document, root)? != "doc" {
        return Err(wrong(root.key("type"), "a document is a `doc`"));
    }
    reader.known_keys(document, &["type", "content"], root)?;
    reader.count(root, 1)?;
    let lines = reader.blocks(document, root, 1)?;
    let text = lines.join("\n").trim_matches('\n').trim_end().to_owned();
    Ok(Document { text, ..reader.document })
}

#[derive(Default)]
struct Reader {
    document: Document,
    nodes: usize,
}

/// Lines of text.
type Lines = Vec<String>;
type Node = Map<String, Value>;

impl Reader {
    /// The blocks inside of a node, of which there is at least one.
    fn blocks(&mut self, node: &Node, path: Path<'_>, depth: usize) -> Result<Lines> {
        let mut lines = Lines::new();
        for_each(node, path, true, |node, path| {
            lines.extend(self.block(node, path, depth + 1)?);
            Ok(())
        })?;
        Ok(lines)
    }

    fn block(&mut self, node: &Node, path: Path<'_>, depth: usize) -> Result<Lines> {
        self.count(path, depth)?;
        let kind = kind(node, path)?;
        let keys: &[&str] = match kind {
            "horizontalRule" => &["type", "attrs"],
            "paragraph" | "heading" | "blockquote" | "bulletList" | "orderedList" | "taskList"
            | "codeBlock" => &["type", "attrs", "content"],
            _ => return Err(wrong(path.key("type"), "there is no such block")),
        };
        self.known_keys(node, keys, path)?;
        match kind {
            "paragraph" => {
                attrs(node, path, &[("textAlign", false, is_align)])?;
                self.inline(node, path, depth)
            }
            "heading" => {
                attrs(node, path, &[("level", true, is_level), ("textAlign", false, is_align)])?;
                self.inline(node, path, depth)
            }
            "blockquote" => {
                attrs(node, path, &[])?;
                self.blocks(node, path, depth)
            }
            "bulletList" => {
                attrs(node, path, &[])?;
                self.items(node, path, depth, "listItem", |_, _| Ok("• ".to_owned()))
            }
            "orderedList" => {
                let attrs =
                    attrs(node, path, &[("start", false, is_start), ("type", false, Value::is_null)])?;
                let mut next = attrs.get("start").and_then(Value::as_u64).unwrap_or(1);
                self.items(node, path, depth, "listItem", |_, _| {
                    next += 1;
                    Ok(format!("{}. ", next - 1))
                })
            }
            "taskList" => {
                attrs(node, path, &[])?;
                self.items(node, path, depth, "taskItem", |item, path| {
                    let attrs = attrs(item, path, &[("checked", false, Value::is_boolean)])?;
                    let done = attrs.get("checked").is_some_and(|checked| checked == true);
                    Ok(if done { "☑ " } else { "☐ " }.to_owned())
                })
            }
            "codeBlock" => {
                attrs(node, path, &[("language", false, is_language)])?;
                let mut code = String::new();
                for_each(node, path, false, |node, path| {
                    self.count(path, depth + 1)?;
                    self.known_keys(node, &["type", "text"], path)?;
                    code.push_str(text_of(node, path)?);
                    Ok(())
                })?;
                Ok(lines_of(&code))
            }
            _ => {
                attrs(node, path, &[])?;
                Ok(Lines::new())
            }
        }
    }

    /// The items of a list: what marks one stands before its first line.
    fn items(
        &mut self,
        node: &Node,
        path: Path<'_>,
        depth: usize,
        item: &str,
        mut mark: impl FnMut(&Node, Path<'_>) -> Result<String>,
    ) -> Result<Lines> {
        let mut lines = Lines::new();
        for_each(node, path, true, |node, path| {
            self.count(path, depth + 1)?;
            if kind(node, path)? != item {
                return Err(wrong(path.key("type"), &format!("a `{item}` was expected")));
            }
            self.known_keys(node, &["type", "attrs", "content"], path)?;
            let mark = mark(node, path)?;
            if item == "listItem" {
                attrs(node, path, &[])?;
            }
            let inner = " ".repeat(mark.chars().count());
            for (at, line) in self.blocks(node, path, depth + 1)?.into_iter().enumerate() {
                let before = if at == 0 { &mark } else { &inner };
                lines.push(format!("{before}{line}").trim_end().to_owned());
            }
            Ok(())
        })?;
        Ok(lines)
    }

    /// What stands in a line of text.
    fn inline(&mut self, node: &Node, path: Path<'_>, depth: usize) -> Result<Lines> {
        let mut text = String::new();
        for_each(node, path, false, |node, path| {
            self.count(path, depth + 1)?;
            marks(node, path)?;
            match kind(node, path)? {
                "text" => {
                    self.known_keys(node, &["type", "text", "marks"], path)?;
                    text.push_str(text_of(node, path)?);
                }
                "hardBreak" => {
                    self.known_keys(node, &["type", "attrs", "marks"], path)?;
                    attrs(node, path, &[])?;
                    text.push('\n');
                }
                "mention" => {
                    self.known_keys(node, &["type", "attrs", "marks"], path)?;
                    text.push('@');
                    text.push_str(&self.mention(node, path)?);
                }
                _ => return Err(wrong(path.key("type"), "there is no such node in a line")),
            }
            Ok(())
        })?;
        Ok(lines_of(&text))
    }

    /// Notes who is mentioned and gives what they are called.
    fn mention(&mut self, node: &Node, path: Path<'_>) -> Result<String> {
        let attrs = attrs(
            node,
            path,
            &[
                ("id", true, Value::is_string),
                ("label", false, is_label),
                ("kind", false, Value::is_string),
                ("mentionSuggestionChar", false, is_char),
            ],
        )?;
        let id = attrs.get("id").and_then(Value::as_str).unwrap_or_default();
        let groups = &mut self.document.groups;
        let fits = match attrs.get("kind").and_then(Value::as_str) {
            None | Some("user") => UserId::new(id).is_ok_and(|user| {
                if !self.document.mentions.contains(&user) {
                    self.document.mentions.push(user);
                }
                true
            }),
            Some("channel") => {
                groups.channel = true;
                id == "channel"
            }
            Some("here") => {
                groups.here = true;
                id == "here"
            }
            Some("role") => Role::parse(id).is_some_and(|role| {
                groups.roles.push(role);
                true
            }),
            Some("group") => id.parse().is_ok_and(|group| {
                groups.groups.push(group);
                true
            }),
            Some(_) => return Err(wrong(path.key("attrs").key("kind"), "there is no such kind of mention")),
        };
        if !fits {
            return Err(wrong(path.key("attrs").key("id"), "this is nobody to mention"));
        }
        let label = attrs.get("label").and_then(Value::as_str).filter(|label| !label.trim().is_empty());
        Ok(label.unwrap_or(id).to_owned())
    }

    fn count(&mut self, path: Path<'_>, depth: usize) -> Result<()> {
        self.nodes += 1;
        if self.nodes > CONTENT_NODES {
            return Err(wrong(path, "a document has at most 2,000 nodes"));
        }
        if depth > CONTENT_DEPTH {
            return Err(wrong(path, "nodes are at most 12 deep"));
        }
        Ok(())
    }

    fn known_keys(&self, node: &Node, known: &[&str], path: Path<'_>) -> Result<()> {
        match node.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(wrong(path.key(key), "this has no place here")),
            None => Ok(()),
        }
    }
}

/// Does this with each node inside of one.
fn for_each(
    node: &Node,
    path: Path<'_>,
    needed: bool,
    mut each: impl FnMut(&Node, Path<'_>) -> Result<()>,
) -> Result<()> {
    let path = path.key("content");
    let nodes = match node.get("content") {
        None => &Vec::new(),
        Some(Value::Array(nodes)) => nodes,
        Some(_) => return Err(wrong(path, "a list of nodes was expected")),
    };
    if needed && nodes.is_empty() {
        return Err(wrong(path, "there is nothing in it"));
    }
    for (at, node) in nodes.iter().enumerate() {
        let path = Path { up: Some(&path), step: Step::Index(at) };
        each(node.as_object().ok_or_else(|| wrong(path, "a node was expected"))?, path)?;
    }
    Ok(())
}

fn kind<'a>(node: &'a Node, path: Path<'_>) -> Result<&'a str> {
    node.get("type").and_then(Value::as_str).ok_or_else(|| wrong(path.key("type"), "a node has a type"))
}

fn text_of<'a>(node: &'a Node, path: Path<'_>) -> Result<&'a str> {
    if kind(node, path)? != "text" {
        return Err(wrong(path.key("type"), "a `text` was expected"));
    }
    let text = node.get("text").and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| wrong(path.key("text"), "a text that is not empty was expected"))
}

fn lines_of(text: &str) -> Lines {
    text.split('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

#[cfg(test)]
mod tests;
