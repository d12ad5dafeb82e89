//! Signing keys: one signs, several verify, so that keys can be exchanged while people work.
//!
//! It does not read keys from anywhere and does not decide when they change.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The least key length, in bytes: the output size of the hash.
pub const MIN_KEY_BYTES: usize = 32;

/// Why a key is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Too short to be worth signing with.
    #[error("a signing key needs at least {MIN_KEY_BYTES} bytes, this one has {0}")]
    TooShort(usize),
    /// The id would not survive in a cookie.
    #[error("a key id is 1 to 8 of [A-Za-z0-9], not {0:?}")]
    BadId(String),
    /// The system gave no randomness.
    #[error("the system gave no random bytes: {0}")]
    NoRandomness(String),
}

/// One key and the name it is known by. `Debug` shows the name only.
#[derive(Clone)]
pub struct Key {
    key_id: String,
    bytes: Vec<u8>,
}

impl Key {
    /// Takes a key of at least 32 bytes.
    pub fn new(key_id: &str, bytes: &[u8]) -> Result<Self, KeyError> {
        let named = (1..=8).contains(&key_id.len())
            && key_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !named {
            return Err(KeyError::BadId(key_id.chars().take(16).collect()));
        }
        if bytes.len() < MIN_KEY_BYTES {
            return Err(KeyError::TooShort(bytes.len()));
        }
        Ok(Self {
            key_id: key_id.to_owned(),
            bytes: bytes.to_vec(),
        })
    }

    /// A key that lives as long as the process: everybody signs in again after a restart.
    pub fn random(key_id: &str) -> Result<Self, KeyError> {
        let mut bytes = [0; MIN_KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(|err| KeyError::NoRandomness(err.to_string()))?;
        Self::new(key_id, &bytes)
    }

    /// The name it is known by.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    fn mac(&self, parts: &[&[u8]]) -> Option<[u8; 32]> {
        // HMAC takes keys of any length, so this is never absent.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.bytes).ok()?;
        for part in parts {
            // The length before each part, so that no two lists of parts are the same text.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// The key that signs, and those that only verify any more (or not yet).
#[derive(Clone, Debug)]
pub struct KeyRing {
    signing: Key,
    others: Vec<Key>,
}

impl KeyRing {
    /// A ring of one.
    pub fn new(signing: Key) -> Self {
        Self {
            signing,
            others: Vec::new(),
        }
    }

    /// Adds a key that verifies but does not sign.
    pub fn with_verifying(mut self, key: Key) -> Self {
        self.others.push(key);
        self
    }

    /// The key that signs.
    pub fn signing(&self) -> &Key {
        &self.signing
    }

    /// Signs `parts` under `label`, which keeps signatures for one purpose from being used for another.
    pub(crate) fn sign(&self, label: &str, parts: &[&[u8]]) -> Option<[u8; 32]> {
        sign_with(&self.signing, label, parts)
    }

    /// Whether `mac` is the signature of the key named; in constant time.
    pub(crate) fn verify(&self, key_id: &str, label: &str, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.keys()
            .find(|key| key.key_id == key_id)
            .and_then(|key| sign_with(key, label, parts))
            .is_some_and(|expected| bool::from(expected.as_slice().ct_eq(mac)))
    }

    /// Whether `mac` is the signature of any key of the ring; in constant time.
    pub(crate) fn verify_any(&self, label: &str, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.keys().fold(false, |found, key| {
            let same = sign_with(key, label, parts)
                .is_some_and(|expected| bool::from(expected.as_slice().ct_eq(mac)));
            found | same
        })
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.signing).chain(&self.others)
    }
}

fn sign_with(key: &Key, label: &str, parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut all: Vec<&[u8]> = Vec::with_capacity(parts.len() + 1);
    all.push(label.as_bytes());
    all.extend_from_slice(parts);
    key.mac(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_keys_and_odd_names_are_refused_and_debug_shows_no_bytes() {
        assert!(matches!(
            Key::new("a", &[7; 31]),
            Err(KeyError::TooShort(31))
        ));
        for bad in ["", "a.b", "123456789", "ü", "a b"] {
            assert!(
                matches!(Key::new(bad, &[7; 32]), Err(KeyError::BadId(_))),
                "{bad:?}"
            );
        }
        let key = Key::new("k1", &[7; 32]).unwrap();
        assert!(!format!("{key:?}").contains('7'));
    }

    #[test]
    fn an_old_key_still_verifies_and_a_label_separates_purposes() {
        let old = Key::new("a", &[1; 32]).unwrap();
        let new = Key::new("b", &[2; 32]).unwrap();
        let before = KeyRing::new(old.clone());
        let after = KeyRing::new(new).with_verifying(old);
        let mac = before.sign("cookie", &[b"x"]).unwrap();
        assert!(after.verify("a", "cookie", &[b"x"], &mac));
        assert!(!after.verify("b", "cookie", &[b"x"], &mac));
        assert!(!after.verify("a", "csrf", &[b"x"], &mac));
        assert!(!after.verify("a", "cookie", &[b"x", b""], &mac));
        assert!(after.verify_any("cookie", &[b"x"], &mac));
        assert!(!after.verify_any("cookie", &[b"y"], &mac));
    }
}
