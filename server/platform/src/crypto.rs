//! Secrets at rest: envelope encryption under master keys that live outside the database.
//!
//! A ciphertext is `version 1 | key id (4 bytes) | nonce (12) | AES-256-GCM ciphertext`, bound to its
//! place by associated data, so that a row copied to another tenant does not decrypt. New secrets are
//! sealed under the first master key; the others only open, which is how a master key is rotated.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

const VERSION: u8 = 1;
const HEADER: usize = 1 + 4 + 12;

/// The master keys, newest first.
#[derive(Clone)]
pub struct Vault {
    keys: Vec<([u8; 4], Aes256Gcm)>,
}

impl Vault {
    /// Takes keys of 32 bytes in base64, newest first.
    pub fn new(master_keys: &[String]) -> Result<Self, String> {
        let mut keys = Vec::new();
        for key in master_keys {
            let bytes = STANDARD.decode(key.trim()).map_err(|_| "a master key is not base64".to_owned())?;
            let cipher =
                Aes256Gcm::new_from_slice(&bytes).map_err(|_| "a master key has not 32 bytes".to_owned())?;
            let digest = Sha256::digest(&bytes);
            keys.push(([digest[0], digest[1], digest[2], digest[3]], cipher));
        }
        if keys.is_empty() { Err("there is no master key".to_owned()) } else { Ok(Self { keys }) }
    }

    /// Encrypts; `place` must be the same when it is opened.
    pub fn seal(&self, plaintext: &[u8], place: &str) -> Result<Vec<u8>> {
        let (id, cipher) = self.keys.first().ok_or_else(|| Error::internal("no master key"))?;
        let nonce: [u8; 12] = rand::random();
        let sealed = cipher
            .encrypt(&Nonce::from(nonce), Payload { msg: plaintext, aad: place.as_bytes() })
            .map_err(|_| Error::internal("encryption failed"))?;
        Ok([&[VERSION][..], id, &nonce, &sealed].concat())
    }

    /// Decrypts what [`Self::seal`] made for the same place.
    pub fn open(&self, ciphertext: &[u8], place: &str) -> Result<Vec<u8>> {
        let fail = || Error::internal(format!("the secret of {place} does not decrypt"));
        let (head, sealed) = ciphertext.split_at_checked(HEADER).ok_or_else(fail)?;
        let (id, nonce) = (&head[1..5], <[u8; 12]>::try_from(&head[5..]).map_err(|_| fail())?);
        let (_, cipher) = self.keys.iter().find(|(key, _)| key == id).ok_or_else(fail)?;
        cipher
            .decrypt(&Nonce::from(nonce), Payload { msg: sealed, aad: place.as_bytes() })
            .map_err(|_| fail())
    }
}

/// A new master key: 32 random bytes in base64.
pub fn new_master_key() -> String {
    STANDARD.encode(rand::random::<[u8; 32]>())
}

/// A random secret of 32 bytes, URL-safe text.
pub fn new_secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// SHA-256.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// SHA-256 of all that a reader gives.
pub fn sha256_of(mut reader: impl std::io::Read) -> std::io::Result<[u8; 32]> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(digest.finalize().into()),
            count => digest.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_at_its_place_and_under_known_keys() {
        let (old, new) = (new_master_key(), new_master_key());
        let sealed = Vault::new(std::slice::from_ref(&old)).unwrap().seal(b"secret", "app/1").unwrap();
        let rotated = Vault::new(&[new.clone(), old]).unwrap();
        assert_eq!(rotated.open(&sealed, "app/1").unwrap(), b"secret");
        assert!(rotated.open(&sealed, "app/2").is_err());
        assert!(rotated.open(&sealed[..10], "app/1").is_err());
        assert!(Vault::new(&[new]).unwrap().open(&sealed, "app/1").is_err());
    }

    #[test]
    fn a_master_key_has_32_bytes() {
        assert!(Vault::new(&[]).is_err());
        assert!(Vault::new(&["c2hvcnQ=".to_owned()]).is_err());
        assert!(Vault::new(&["not base64!".to_owned()]).is_err());
    }
}
