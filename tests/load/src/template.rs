//! A request that is built once and in which only bytes of fixed length are overwritten before each sending.

use anyhow::{Context, Result};
use memchr::memmem;

/// The request and the places in it that change.
pub struct Template {
    bytes: Vec<u8>,
    places: Vec<std::ops::Range<usize>>,
}

impl Template {
    /// Finds the first occurrence of each placeholder.
    pub fn new(bytes: Vec<u8>, placeholders: &[&str]) -> Result<Self> {
        let places = placeholders
            .iter()
            .map(|text| {
                let at = memmem::find(&bytes, text.as_bytes());
                at.map(|at| at..at + text.len()).with_context(|| format!("{text} is not in the template"))
            })
            .collect::<Result<_>>()?;
        Ok(Self { bytes, places })
    }

    /// The bytes of a place, to be overwritten.
    pub fn place(&mut self, index: usize) -> &mut [u8] {
        &mut self.bytes[self.places[index].clone()]
    }

    /// The request as it is now.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_overwritten_and_the_rest_stays() {
        let mut template = Template::new(b"POST /AAAA\r\n{\"id\":\"BB\"}".to_vec(), &["AAAA", "BB"]).unwrap();
        template.place(0).copy_from_slice(b"room");
        template.place(1).copy_from_slice(b"42");
        assert_eq!(template.bytes(), b"POST /room\r\n{\"id\":\"42\"}");
        assert!(Template::new(Vec::new(), &["AAAA"]).is_err());
    }
}
