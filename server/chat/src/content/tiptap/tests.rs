//! What is a document and what is not, what it says in words, and that nothing breaks it.

use super::*;
use parlor_protocol::limits::CONTENT_BYTES;
use parlor_protocol::{Content, ErrorCode};
use proptest::prelude::*;
use serde_json::json;

fn of(document: &Value) -> Result<Document, String> {
    read(document.as_object().unwrap()).map_err(|error| {
        assert_eq!(error.code(), ErrorCode::InvalidContent);
        error.message().to_owned()
    })
}

fn doc(blocks: Value) -> Value {
    json!({ "type": "doc", "content": blocks })
}

fn text(words: &str) -> Value {
    json!({ "type": "text", "text": words })
}

fn paragraph(inline: Value) -> Value {
    json!({ "type": "paragraph", "content": inline })
}

fn item(blocks: Value) -> Value {
    json!({ "type": "listItem", "content": blocks })
}

#[test]
fn a_document_is_told_in_plain_words() {
    let document = doc(json!([
        { "type": "heading", "attrs": { "level": 2, "textAlign": null }, "content": [text("Plan")] },
        paragraph(json!([
            { "type": "text", "text": "bold", "marks": [{ "type": "bold" }, { "type": "link", "attrs": {
                "href": "https://a.example/x?y=1#z", "target": "_blank", "rel": "noopener noreferrer nofollow", "class": null,
            } }] },
            text(" and "),
            { "type": "mention", "attrs": { "id": "ann", "label": "Ann B.", "mentionSuggestionChar": "@" } },
            { "type": "hardBreak" },
            text("next"),
        ])),
        { "type": "paragraph" },
        { "type": "bulletList", "content": [
            item(json!([paragraph(json!([text("one")])), paragraph(json!([text("more")]))])),
            item(json!([paragraph(json!([text("two")])), { "type": "orderedList", "attrs": { "start": 9 }, "content": [
                item(json!([paragraph(json!([text("nine")]))])), item(json!([paragraph(json!([text("ten")]))])),
            ] }])),
        ] },
        { "type": "taskList", "content": [
            { "type": "taskItem", "attrs": { "checked": true }, "content": [paragraph(json!([text("done")]))] },
            { "type": "taskItem", "content": [paragraph(json!([text("open")]))] },
        ] },
        { "type": "horizontalRule" },
        { "type": "blockquote", "content": [paragraph(json!([text("said")]))] },
        { "type": "codeBlock", "attrs": { "language": "rust" }, "content": [text("fn a() {\n    b()\n}")] },
        { "type": "paragraph" },
    ]));
    let read = of(&document).unwrap();
    assert_eq!(
        read.text,
        "Plan\nbold and @Ann B.\nnext\n\n• one\n  more\n• two\n  9. nine\n  10. ten\n☑ done\n☐ open\nsaid\nfn a() {\n    b()\n}"
    );
    assert_eq!(json!(read.mentions), json!(["ann"]));
    assert!(read.groups.is_empty());
}

#[test]
fn mentions_of_all_kinds_are_noted() {
    let group = "0198c0de-d7a3-7b14-9c60-4e1b8f5d2a06";
    let mention = |attrs: Value| json!({ "type": "mention", "attrs": attrs });
    let read = of(&doc(json!([paragraph(json!([
        mention(json!({ "id": "ann" })),
        mention(json!({ "id": "ann", "kind": "user" })),
        mention(json!({ "id": "channel", "kind": "channel" })),
        mention(json!({ "id": "here", "kind": "here", "label": "here" })),
        mention(json!({ "id": "admin", "kind": "role" })),
        mention(json!({ "id": group, "kind": "group", "label": "couriers" })),
    ]))])))
    .unwrap();
    assert_eq!(read.text, "@ann@ann@channel@here@admin@couriers");
    assert_eq!(json!(read.mentions), json!(["ann"]));
    assert_eq!(
        json!(read.groups),
        json!({ "channel": true, "here": true, "roles": ["admin"], "groups": [group] })
    );
}

#[test]
fn what_is_not_listed_is_refused_with_its_place() {
    let line = |node: Value| doc(json!([paragraph(json!([text("x"), node]))]));
    let marked = |mark: Value| line(json!({ "type": "text", "text": "x", "marks": [mark] }));
    let link = |href: &str| marked(json!({ "type": "link", "attrs": { "href": href } }));
    let mention = |attrs: Value| line(json!({ "type": "mention", "attrs": attrs }));
    for (wrong, place) in [
        (json!({ "type": "paragraph" }), "/type"),
        (json!({ "content": [] }), "/type"),
        (doc(json!([])), "/content"),
        (doc(json!({})), "/content"),
        (doc(json!(["x"])), "/content/0"),
        (json!({ "type": "doc", "content": [paragraph(json!([]))], "version": 1 }), "/version"),
        (doc(json!([text("x")])), "/content/0/type"),
        (doc(json!([{ "type": "image", "attrs": { "src": "https://a.example/x.png" } }])), "/content/0/type"),
        (doc(json!([{ "type": "heading" }])), "/content/0/attrs/level"),
        (doc(json!([{ "type": "heading", "attrs": { "level": 7 } }])), "/content/0/attrs/level"),
        (doc(json!([{ "type": "paragraph", "attrs": { "style": "x" } }])), "/content/0/attrs/style"),
        (doc(json!([{ "type": "paragraph", "attrs": { "textAlign": "up" } }])), "/content/0/attrs/textAlign"),
        (doc(json!([{ "type": "paragraph", "marks": [] }])), "/content/0/marks"),
        (doc(json!([{ "type": "bulletList" }])), "/content/0/content"),
        (
            doc(json!([{ "type": "bulletList", "content": [paragraph(json!([]))] }])),
            "/content/0/content/0/type",
        ),
        (
            doc(json!([{ "type": "bulletList", "content": [item(json!([]))] }])),
            "/content/0/content/0/content",
        ),
        (doc(json!([{ "type": "horizontalRule", "content": [] }])), "/content/0/content"),
        (
            doc(json!([{ "type": "codeBlock", "content": [{ "type": "hardBreak" }] }])),
            "/content/0/content/0/type",
        ),
        (
            doc(json!([{ "type": "codeBlock", "content": [{ "type": "text", "text": "x", "marks": [] }] }])),
            "/content/0/content/0/marks",
        ),
        (line(json!({ "type": "text", "text": "" })), "/content/0/content/1/text"),
        (line(json!({ "type": "text" })), "/content/0/content/1/text"),
        (line(json!({ "type": "iframe" })), "/content/0/content/1/type"),
        (line(paragraph(json!([]))), "/content/0/content/1/type"),
        (
            marked(json!({ "type": "textStyle", "attrs": { "color": "red" } })),
            "/content/0/content/1/marks/0/type",
        ),
        (marked(json!({ "type": "bold", "attrs": { "x": 1 } })), "/content/0/content/1/marks/0/attrs/x"),
        (marked(json!({ "type": "link" })), "/content/0/content/1/marks/0/attrs/href"),
        (link("javascript:alert(1)"), "/content/0/content/1/marks/0/attrs/href"),
        (link("JavaScript:alert(1)"), "/content/0/content/1/marks/0/attrs/href"),
        (link("data:text/html,x"), "/content/0/content/1/marks/0/attrs/href"),
        (link(" https://a.example"), "/content/0/content/1/marks/0/attrs/href"),
        (link("/relative"), "/content/0/content/1/marks/0/attrs/href"),
        (mention(json!({})), "/content/0/content/1/attrs/id"),
        (mention(json!({ "id": "" })), "/content/0/content/1/attrs/id"),
        (mention(json!({ "id": "all", "kind": "channel" })), "/content/0/content/1/attrs/id"),
        (mention(json!({ "id": "king", "kind": "role" })), "/content/0/content/1/attrs/id"),
        (mention(json!({ "id": "x", "kind": "group" })), "/content/0/content/1/attrs/id"),
        (mention(json!({ "id": "x", "kind": "planet" })), "/content/0/content/1/attrs/kind"),
        (mention(json!({ "id": "x", "label": "a\nb" })), "/content/0/content/1/attrs/label"),
    ] {
        let why = of(&wrong).unwrap_err();
        assert!(why.starts_with(&format!("`content{place}`:")), "{wrong} at {place}: {why}");
    }
    for good in ["HTTPS://a.example", "mailto:ann@a.example", "http://a.example/%20"] {
        assert!(of(&link(good)).is_ok(), "{good}");
    }
}

#[test]
fn nodes_and_their_depth_are_limited() {
    // A document, its blocks.
    let blocks = |count: usize| doc(vec![json!({ "type": "paragraph" }); count].into());
    assert!(of(&blocks(CONTENT_NODES - 1)).is_ok());
    assert!(of(&blocks(CONTENT_NODES)).unwrap_err().contains("2,000"));
    let nested = |levels: usize| {
        let inner = (2..levels).fold(
            json!({ "type": "paragraph" }),
            |inner, _| json!({ "type": "blockquote", "content": [inner] }),
        );
        doc(json!([inner]))
    };
    assert!(of(&nested(CONTENT_DEPTH)).is_ok());
    assert!(of(&nested(CONTENT_DEPTH + 1)).unwrap_err().contains("12 deep"));
}

/// Something that may be a node, and often is.
fn node() -> impl Strategy<Value = Value> {
    let kinds = prop::sample::select(vec![
        "doc",
        "paragraph",
        "heading",
        "blockquote",
        "bulletList",
        "orderedList",
        "listItem",
        "taskList",
        "taskItem",
        "codeBlock",
        "horizontalRule",
        "hardBreak",
        "mention",
        "text",
        "x",
    ]);
    let attrs = prop::option::weighted(
        0.5,
        prop::collection::btree_map(
            prop::sample::select(vec![
                "level",
                "start",
                "checked",
                "language",
                "id",
                "label",
                "kind",
                "textAlign",
                "é/",
            ]),
            prop_oneof![
                Just(json!(null)),
                Just(json!(1)),
                Just(json!(true)),
                Just(json!("ann")),
                Just(json!("here"))
            ],
            0..3,
        ),
    );
    let marks = prop::option::weighted(
        0.2,
        prop::collection::vec(
            prop_oneof![
                Just(json!({ "type": "bold" })),
                Just(json!({ "type": "link", "attrs": { "href": "http://x" } })),
                Just(json!({ "type": 1 })),
            ],
            0..3,
        ),
    );
    let leaf = (kinds.clone(), attrs.clone(), marks, prop::option::of("(\\PC|\n|\r){0,9}")).prop_map(
        |(kind, attrs, marks, text)| {
            let mut node = json!({ "type": kind });
            for (key, value) in [
                ("attrs", attrs.map(|it| json!(it))),
                ("marks", marks.map(Into::into)),
                ("text", text.map(Into::into)),
            ] {
                if let Some(value) = value {
                    node[key] = value;
                }
            }
            node
        },
    );
    leaf.prop_recursive(14, 120, 6, move |inner| {
        (kinds.clone(), attrs.clone(), prop::collection::vec(inner, 0..6)).prop_map(
            |(kind, attrs, content)| {
                let mut node = json!({ "type": kind, "content": content });
                if let Some(attrs) = attrs {
                    node["attrs"] = json!(attrs);
                }
                node
            },
        )
    })
}

/// A document as an editor makes them.
fn good() -> impl Strategy<Value = Value> {
    let inline = prop_oneof![
        "(\\PC|\n){1,12}".prop_map(|words| json!({ "type": "text", "text": words })),
        Just(json!({ "type": "hardBreak" })),
        "[a-z]{1,9}".prop_map(|id| json!({ "type": "mention", "attrs": { "id": id } })),
    ];
    let block = prop_oneof![
        prop::collection::vec(inline, 0..4)
            .prop_map(|content| json!({ "type": "paragraph", "content": content })),
        "(\\PC|\n){1,20}"
            .prop_map(|code| json!({ "type": "codeBlock", "content": [{ "type": "text", "text": code }] })),
        Just(json!({ "type": "horizontalRule" })),
    ];
    let block = block.prop_recursive(4, 40, 4, |inner| {
        let blocks = prop::collection::vec(inner, 1..4);
        prop_oneof![
            blocks.clone().prop_map(|content| json!({ "type": "blockquote", "content": content })),
            (blocks, 0..12_u64).prop_map(|(content, start)| json!({
                "type": "orderedList", "attrs": { "start": start }, "content": [{ "type": "listItem", "content": content }],
            })),
        ]
    });
    prop::collection::vec(block, 1..5).prop_map(|content| json!({ "type": "doc", "content": content }))
}

/// Characters that a text of so many bytes of document may have: each line may stand as deep as nodes may be.
fn bound(document: &Value) -> usize {
    document.to_string().len() * (CONTENT_DEPTH * 9 + 1)
}

fn holds(document: &Value) -> Result<(), TestCaseError> {
    let Value::Object(fields) = document else { return Ok(()) };
    let Ok(first) = read(fields) else { return Ok(()) };
    prop_assert!(first.text.len() <= bound(document));
    prop_assert_eq!(first.text.trim_end(), &first.text);
    // As the database and another server read it.
    let back: Content = serde_json::from_str(&document.to_string()).unwrap();
    prop_assert_eq!(back.value(), document);
    prop_assert_eq!(read(back.fields()).unwrap(), first);
    Ok(())
}

proptest! {
    #[test]
    fn nothing_breaks_it(document in node()) {
        holds(&document)?;
        holds(&json!({ "type": "doc", "content": [document] }))?;
    }

    #[test]
    fn what_an_editor_makes_is_taken(document in good()) {
        prop_assert!(read(document.as_object().unwrap()).is_ok(), "{document}");
        prop_assert!(document.to_string().len() < CONTENT_BYTES);
        holds(&document)?;
    }
}
