//! What messages said before they were edited, for those who moderate.
//!
//! A version is a row, written by the edit that replaced it. Who deletes a message takes its versions back, too: they are
//! shown to nobody from then on, and erased with what the deletion keeps aside ([`crate::undelete`]), or at once where
//! nothing is kept. Erasing a message, truncating its channel, and its age erase them ([`crate::removal`]).

pub mod routes;
pub mod store;
