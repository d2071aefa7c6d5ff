//! Messages that are to be sent at a time.
//!
//! States: waiting → sending → sent, pending or failed; or waiting → cancelled. A [worker](crate::due) claims what is due, marks it
//! as being sent, from when on nobody changes it any more, and gives it to the writers of messages under the id that it
//! has had from the beginning ([`deliver`]): whoever repeats it, after a crash or beside another worker, sends the same
//! message. What its author may not send at that time fails with the error that they would have been given, and they are
//! told; what the service could not take is tried again. Where messages need approval it waits for that then, which is
//! [another list](crate::pending).

mod change;
mod create;
pub mod deliver;
pub mod routes;
pub mod store;

pub use create::{require_content, require_named};
