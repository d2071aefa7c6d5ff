//! `docs/query.md`, of which the tables are written from the table of fields.

use std::path::Path;

use super::fields::{ALL, Field, Kind};
use super::filter::operators;

const BEGIN: &str = "<!-- fields: written from the code -->\n";
const END: &str = "<!-- end of fields -->\n";

fn kind(field: &Field) -> &'static str {
    match field.kind {
        Kind::Text => "text",
        Kind::Id => "UUID",
        Kind::Int => "integer",
        Kind::Bool => "boolean",
        Kind::Time => "time",
        Kind::List => "list of texts",
        Kind::Members => "user ids",
        Kind::Custom => "any",
    }
}

fn tables() -> String {
    let mut text = String::new();
    for resource in ALL {
        text.push_str(&format!(
            "\n### {}\n\n| field | type | operators | order | found by |\n|---|---|---|---|---|\n",
            resource.name
        ));
        for field in resource.fields.iter().chain([&resource.custom]) {
            let operators: Vec<String> =
                operators(field).into_iter().map(|operator| format!("`${operator}`")).collect();
            let own = if field.own { " (users only)" } else { "" };
            let order = if field.sort { "yes" } else { "" };
            let index = field.index.unwrap_or_default();
            let (name, kind) = (field.name, kind(field));
            text.push_str(&format!(
                "| `{name}`{own} | {kind} | {} | {order} | {index} |\n",
                operators.join(" ")
            ));
        }
    }
    text
}

#[test]
fn the_page_says_what_the_table_of_fields_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/query.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let written = format!("{before}{BEGIN}{}\n{END}{after}", tables());
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(page == written, "UPDATE_SNAPSHOTS=1 cargo test -p parlor-chat query::docs, and commit it");
}
