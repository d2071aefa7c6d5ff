//! Taking somebody, or all, out of a document that mentions them. Pure.

use parlor_platform::Result;
use parlor_protocol::{Content, Custom};
use serde_json::{Map, Value};

use super::tiptap;

/// The document with a nameless user in the place of this one, and its text; `None` where it does not mention them.
pub fn without(document: &Value, user: &str, nameless: &str) -> Result<Option<(Value, String)>> {
    let mut document = document.clone();
    if !replace(&mut document, user, nameless) {
        return Ok(None);
    }
    let text = match document.as_object() {
        Some(fields) => tiptap::read(fields)?.text,
        None => String::new(),
    };
    Ok(Some((document, text)))
}

/// As what a document mentions a user, after the @.
pub fn labels(document: &Value, user: &str) -> Vec<String> {
    let mut labels = Vec::new();
    let mut nodes = vec![document];
    while let Some(node) = nodes.pop() {
        if is_mention(node, user) {
            labels.extend(node.pointer("/attrs/label").and_then(Value::as_str).map(str::to_owned));
        }
        nodes.extend(node.get("content").and_then(Value::as_array).into_iter().flatten());
    }
    labels
}

/// Whether there was somebody to replace.
fn replace(node: &mut Value, user: &str, nameless: &str) -> bool {
    let mut found = false;
    if is_mention(node, user)
        && let Some(Value::Object(attrs)) = node.get_mut("attrs")
    {
        attrs.insert("id".to_owned(), nameless.into());
        attrs.insert("label".to_owned(), "deleted".into());
        found = true;
    }
    if let Some(Value::Array(nodes)) = node.get_mut("content") {
        for node in nodes {
            found |= replace(node, user, nameless);
        }
    }
    found
}

/// The document with mentions as their text, for where nobody is to be called by it.
pub fn uncalled(document: &Content) -> Content {
    let mut fields = document.fields().clone();
    uncall(&mut fields);
    Content::from(Custom(fields))
}

fn uncall(node: &mut Map<String, Value>) {
    if node.get("type").is_some_and(|kind| kind == "mention") {
        let attr = |name: &str| node.get("attrs").and_then(|attrs| attrs.get(name)).and_then(Value::as_str);
        let label = attr("label").filter(|label| !label.trim().is_empty()).or_else(|| attr("id"));
        let text = format!("@{}", label.unwrap_or_default());
        node.retain(|key, _| key == "marks");
        node.insert("type".to_owned(), "text".into());
        node.insert("text".to_owned(), text.into());
    } else if let Some(Value::Array(nodes)) = node.get_mut("content") {
        nodes.iter_mut().filter_map(Value::as_object_mut).for_each(uncall);
    }
}

fn is_mention(node: &Value, user: &str) -> bool {
    let kind = node.pointer("/attrs/kind").and_then(Value::as_str).unwrap_or("user");
    node["type"] == "mention" && kind == "user" && node.pointer("/attrs/id").is_some_and(|id| id == user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_calls_nobody_reads_as_before() {
        let inline = json!([
            { "type": "mention", "attrs": { "id": "ben", "label": " " }, "marks": [{ "type": "bold" }] },
            { "type": "text", "text": " and " },
            { "type": "mention", "attrs": { "id": "here", "kind": "here" } },
            { "type": "mention", "attrs": { "id": "eve", "label": "Evie" } },
        ]);
        let document = json!({ "type": "doc", "content": [{ "type": "bulletList", "content": [{ "type": "listItem",
            "content": [{ "type": "paragraph", "content": inline }] }] }] });
        let content: Content = serde_json::from_value(document.clone()).unwrap();
        let after = uncalled(&content);
        let nodes = after.value().pointer("/content/0/content/0/content/0/content").unwrap();
        assert_eq!(nodes[0], json!({ "type": "text", "text": "@ben", "marks": [{ "type": "bold" }] }));
        assert_eq!(nodes[3], json!({ "type": "text", "text": "@Evie" }));
        let read = |document: &Value| tiptap::read(document.as_object().unwrap()).unwrap();
        let (before, read) = (read(&document), read(after.value()));
        assert_eq!(read.text, before.text);
        assert_eq!((before.mentions.len(), read.mentions.len(), read.groups.is_empty()), (2, 0, true));
        assert_eq!(uncalled(&after), after);
    }

    #[test]
    fn a_mention_becomes_that_of_a_nameless_user() {
        let mention = |id: &str, label: &str, kind: Value| json!({ "type": "mention", "attrs": { "id": id, "label": label, "kind": kind } });
        let document = |eve: Value| {
            let inline = json!([{ "type": "text", "text": "ask " }, eve, mention("ben", "Ben", json!("user")),
                mention("here", "here", json!("here"))]);
            json!({ "type": "doc", "content": [{ "type": "blockquote",
                "content": [{ "type": "paragraph", "content": inline }] }] })
        };
        let (after, text) =
            without(&document(mention("eve", "Evie", json!(null))), "eve", "deleted-1").unwrap().unwrap();
        assert_eq!(after, document(mention("deleted-1", "deleted", json!(null))));
        assert_eq!(text, "ask @deleted@Ben@here");
        assert_eq!(labels(&document(mention("eve", "Evie", json!(null))), "eve"), ["Evie"]);
        assert_eq!(labels(&after, "eve"), Vec::<String>::new());
        assert_eq!(without(&after, "eve", "deleted-1").unwrap(), None);
        // A word of all is nobody's id.
        assert_eq!(without(&after, "here", "deleted-1").unwrap(), None);
    }
}
