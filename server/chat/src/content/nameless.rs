//! Taking somebody out of a document that mentions them. Pure.

use parlor_platform::Result;
use serde_json::Value;

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

fn is_mention(node: &Value, user: &str) -> bool {
    let kind = node.pointer("/attrs/kind").and_then(Value::as_str).unwrap_or("user");
    node["type"] == "mention" && kind == "user" && node.pointer("/attrs/id").is_some_and(|id| id == user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
