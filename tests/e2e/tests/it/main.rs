//! The story of two people who chat, and of everything that can go wrong, on both pairs of implementations.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conversation;
mod faults;
mod realtime;
