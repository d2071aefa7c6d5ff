//! The story of two people who chat, and of everything that can go wrong, on both pairs of implementations.

mod conversation;
