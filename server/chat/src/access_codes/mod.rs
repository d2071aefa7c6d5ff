//! Codes by which users join a channel that they can't see.
//!
//! A code is as good as an invitation, so it is guarded: only admins see it, a new one ends the old one, and who names
//! codes that no channel has may do so ten times an hour. The tries are kept in the database, so that neither another node
//! nor a restart forgets them.

mod join;
pub mod routes;
mod store;

use uuid::Uuid;

use parlor_protocol::limits::ACCESS_CODE_CHARS;

/// Without characters that are taken for one another: no I, O, 0 or 1. As 32 divides 256, a random byte picks evenly.
const ALPHABET: [u8; 32] = *b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A new code: 40 random bits.
fn new_code() -> String {
    // The first six bytes of a random UUID and the last ones are random; its version and variant stand between.
    let bytes = Uuid::new_v4().into_bytes();
    let random = bytes.iter().take(6).chain(bytes.iter().skip(9)).take(ACCESS_CODE_CHARS);
    random.map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// The code as it is stored, of what somebody typed.
fn typed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_eight_characters_of_the_alphabet() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let code = new_code();
            assert_eq!(code.len(), ACCESS_CODE_CHARS);
            assert_eq!(typed(&format!(" {}-{} ", &code[..4].to_lowercase(), &code[4..])), code);
            seen.extend(code.bytes());
        }
        assert_eq!(seen, ALPHABET.into_iter().collect());
    }
}
