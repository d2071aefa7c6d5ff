//! Whether what the server publishes is what the committed schema of events says.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::Value;

/// As it is committed; a test holds it to what the binary says.
const COMMITTED: &str = include_str!("../../../docs/api/events.schema.json");

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(COMMITTED).unwrap_or_default());
static VALIDATORS: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);

/// What is wrong with an envelope, if anything is.
pub fn wrong_with(envelope: &Value) -> Option<String> {
    let kind = envelope["type"].as_str().unwrap_or_default().to_owned();
    if DOCUMENT["$defs"].get(&kind).is_none() {
        return Some(format!("no event is called {kind:?}: {envelope}"));
    }
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = validators.entry(kind).or_insert_with_key(|kind| {
        let mut schema = DOCUMENT.clone();
        if let Some(fields) = schema.as_object_mut() {
            fields.remove("oneOf");
            fields.insert("$ref".to_owned(), format!("#/$defs/{kind}").into());
        }
        match jsonschema::draft202012::new(&schema) {
            Ok(validator) => validator,
            Err(error) => panic!("the schema of {kind}: {error}"),
        }
    });
    let errors: Vec<String> = validator
        .iter_errors(envelope)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    (!errors.is_empty()).then(|| format!("{}: {envelope}", errors.join("; ")))
}
