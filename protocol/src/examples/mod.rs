//! What the documentation shows: one customer, Ann, who asks a shop's support about a parcel.
//!
//! Each is a whole body of its type; a test reads them all back.

mod channels;
mod later;
mod messages;
mod reads;
mod transfer;
mod users;

use serde_json::{Value, json};

pub(crate) use channels::*;
pub(crate) use later::*;
pub(crate) use messages::*;
pub(crate) use reads::*;
pub(crate) use transfer::*;
pub(crate) use users::*;

const CHANNEL: &str = "0198c0de-5a17-7c3e-9b1f-6d2a4e8f0b11";
const MESSAGE: &str = "0198c0de-7f42-7a90-8c55-1e3b9d7a6c02";
const QUESTION: &str = "0198c0de-6b08-7d14-a2e7-93f5c0d4b801";
const SCHEDULED: &str = "0198c0de-8c20-7b3f-9d44-5a7c1e2f3b03";
const REPLY: &str = "0198c0de-9c11-7f3b-b6a4-5d8e2c9f1a03";
const WAREHOUSE: &str = "0198c0de-1f20-7a4d-8e6b-0c3a9b5d7e12";
const TASK: &str = "0198c0de-b3e5-7c18-9d02-7a6f4b1c8e04";
const SESSION: &str = "0198c0de-c0f1-7d52-8a3b-6e1f9c4d2b05";
const SHOWN: &str = "0198c0de-c4d1-7e52-8b93-2f6a0d8e5c05";
const GROUP: &str = "0198c0de-d7a3-7b14-9c60-4e1b8f5d2a06";
const AT: &str = "2026-03-02T09:30:00Z";
const LATER: &str = "2026-03-02T09:31:12.345678Z";

pub(crate) fn error_body() -> Value {
    json!({
        "error": {
            "code": "rate_limited", "message": "Too many requests. Wait for `Retry-After` seconds.", "retryable": true,
            "doc": "/docs/errors#rate_limited", "request_id": "0198c0de-9a31-7e5f-b0c4-2d8a6f1e3c77",
        },
    })
}
