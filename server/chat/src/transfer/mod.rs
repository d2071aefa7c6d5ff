//! Moving in and out.
//!
//! Both speak the lines of [`parlor_protocol::transfer`]. An import ([`import`]) reads them from a file or from uploaded
//! parts; an export ([`export`]) writes them; [`from`] makes them of what other systems export.

pub mod export;
pub mod from;
pub mod import;
pub mod lines;
pub mod routes;
pub mod store;
mod work;

use parlor_platform::broker::Binding;
use parlor_protocol::{ExportId, ImportId};
use serde::{Deserialize, Serialize};

pub use work::Transfers;

/// An import or export has work left.
const TOPIC: &str = "chat.transfer.step";

/// How the worker is bound.
pub const BINDING: Binding = Binding { name: "transfers", topics: &[TOPIC], at_once: 1 };

/// Which work.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Import(ImportId),
    Export(ExportId),
}
