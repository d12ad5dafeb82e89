//! The session cookie: `__Host-qd_sid=v1.<key id>.<id>.<mac>`, and the key its session is stored under.
//!
//! The signature lets junk be refused before the store is asked; the store knows a hash of the id only, so its contents make no usable cookie.
//! It does not read or write headers beyond their values.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sha2::{Digest as _, Sha256};

use crate::{KeyError, KeyRing};

/// The cookie's name; the prefix makes browsers insist on `Secure`, `Path=/` and no `Domain`.
pub const COOKIE_NAME: &str = "__Host-qd_sid";
const LABEL: &str = "qd.session.v1";
const ID_BYTES: usize = 32;

/// 32 random bytes that name a session. `Debug` shows nothing of them.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId([u8; ID_BYTES]);

/// Why a cookie names no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CookieError {
    /// There is none.
    #[error("there is no session cookie")]
    Absent,
    /// Not the form that we write, or more than one of different content.
    #[error("the session cookie is malformed")]
    Malformed,
    /// The form is right, the signature is not, or its key is unknown.
    #[error("the session cookie is not signed by us")]
    BadSignature,
}

impl SessionId {
    /// A new one from the system's randomness.
    pub fn random() -> Result<Self, KeyError> {
        let mut bytes = [0; ID_BYTES];
        getrandom::fill(&mut bytes).map_err(|err| KeyError::NoRandomness(err.to_string()))?;
        Ok(Self(bytes))
    }

    /// An id with known bytes, for tests.
    pub fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
        Self(bytes)
    }

    /// The store's key: a hash, so that reading the store gives no id.
    pub fn store_key(&self) -> String {
        format!("qd:sess:{}", self.public_name())
    }

    /// A name for the session that may be logged and sent to the execution side: the hash in hexadecimal.
    pub fn public_name(&self) -> String {
        use fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in Sha256::digest(self.0) {
            write!(text, "{byte:02x}").ok();
        }
        text
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

/// The value of `Set-Cookie` that gives a browser its session.
///
/// It has no lifetime of its own: the limits live on the server, and the browser forgets it when it closes.
pub fn set_cookie(keys: &KeyRing, session_id: &SessionId) -> String {
    let key_id = keys.signing().key_id();
    let mac = keys
        .sign(LABEL, &[key_id.as_bytes(), session_id.as_bytes()])
        .unwrap_or_default();
    format!(
        "{COOKIE_NAME}=v1.{key_id}.{}.{}; Path=/; Secure; HttpOnly; SameSite=Lax",
        BASE64.encode(session_id.as_bytes()),
        BASE64.encode(mac)
    )
}

/// The value of `Set-Cookie` that takes it away again.
pub fn clear_cookie() -> String {
    format!("{COOKIE_NAME}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// Reads the session from the values of all `Cookie` headers of a request.
pub fn read_cookie<'a>(
    keys: &KeyRing,
    headers: impl IntoIterator<Item = &'a str>,
) -> Result<SessionId, CookieError> {
    let mut values = headers
        .into_iter()
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, value)| value);
    let value = values.next().ok_or(CookieError::Absent)?;
    if values.any(|other| other != value) {
        // Two different ones mean that somebody planted one: believe neither.
        return Err(CookieError::Malformed);
    }
    if value.is_empty() {
        return Err(CookieError::Absent);
    }
    let mut parts = value.split('.');
    let (Some("v1"), Some(key_id), Some(id), Some(mac), None) = (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ) else {
        return Err(CookieError::Malformed);
    };
    let decode = |text: &str| -> Result<[u8; 32], CookieError> {
        let mut bytes = [0; 32];
        match BASE64.decode_slice(text, &mut bytes) {
            Ok(32) => Ok(bytes),
            _ => Err(CookieError::Malformed),
        }
    };
    let (id, mac) = (decode(id)?, decode(mac)?);
    if keys.verify(key_id, LABEL, &[key_id.as_bytes(), &id], &mac) {
        Ok(SessionId(id))
    } else {
        Err(CookieError::BadSignature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn ring() -> KeyRing {
        KeyRing::new(Key::new("a", &[9; 32]).unwrap())
    }

    fn pair(keys: &KeyRing, session_id: &SessionId) -> String {
        set_cookie(keys, session_id)
            .split(';')
            .next()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn a_cookie_comes_back_as_the_session_it_was_made_for() {
        let keys = ring();
        let id = SessionId::random().unwrap();
        let cookie = pair(&keys, &id);
        assert_eq!(read_cookie(&keys, [cookie.as_str()]), Ok(id.clone()));
        let among = format!("theme=dark; {cookie}; other=1");
        assert_eq!(read_cookie(&keys, ["x=1", among.as_str()]), Ok(id));
        assert!(cookie.len() < 130, "{} bytes", cookie.len());
    }

    #[test]
    fn the_attributes_are_what_the_prefix_demands() {
        let text = set_cookie(&ring(), &SessionId::from_bytes([1; 32]));
        for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
            assert!(text.contains(attribute), "{attribute} in {text}");
        }
        assert!(!text.to_lowercase().contains("domain"));
        assert!(clear_cookie().contains("Max-Age=0"));
    }

    #[test]
    fn whatever_is_changed_is_refused() {
        let keys = ring();
        let id = SessionId::from_bytes([3; 32]);
        let cookie = pair(&keys, &id);
        let value = cookie.split_once('=').unwrap().1;
        for at in 0..value.len() {
            let mut bytes = value.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = format!("{COOKIE_NAME}={}", String::from_utf8(bytes).unwrap());
            assert!(read_cookie(&keys, [changed.as_str()]).is_err(), "{changed}");
        }
        for junk in [
            "",
            "v1",
            "v1.a",
            "v1.a.b.c",
            "v2.a.b.c",
            "v1.a.b.c.d",
            "….…",
        ] {
            let junk = format!("{COOKIE_NAME}={junk}");
            assert!(read_cookie(&keys, [junk.as_str()]).is_err(), "{junk}");
        }
    }

    #[test]
    fn absent_twisted_and_foreign_are_told_apart() {
        let keys = ring();
        assert_eq!(read_cookie(&keys, []), Err(CookieError::Absent));
        assert_eq!(
            read_cookie(&keys, ["qd_sid=v1.a.b.c"]),
            Err(CookieError::Absent)
        );
        let (one, two) = (
            pair(&keys, &SessionId::from_bytes([1; 32])),
            pair(&keys, &SessionId::from_bytes([2; 32])),
        );
        let both = format!("{one}; {two}");
        assert_eq!(
            read_cookie(&keys, [both.as_str()]),
            Err(CookieError::Malformed)
        );
        let other = KeyRing::new(Key::new("a", &[8; 32]).unwrap());
        assert_eq!(
            read_cookie(&other, [one.as_str()]),
            Err(CookieError::BadSignature)
        );
        let unknown = KeyRing::new(Key::new("b", &[9; 32]).unwrap());
        assert_eq!(
            read_cookie(&unknown, [one.as_str()]),
            Err(CookieError::BadSignature)
        );
    }

    #[test]
    fn the_store_sees_a_hash_and_logs_see_nothing() {
        let id = SessionId::from_bytes([0; 32]);
        assert_eq!(
            id.store_key(),
            "qd:sess:66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
        );
        assert_eq!(format!("{id:?}"), "SessionId(..)");
    }

    #[test]
    fn ids_do_not_repeat() {
        let ids: std::collections::BTreeSet<_> = (0..1000)
            .map(|_| SessionId::random().unwrap().public_name())
            .collect();
        assert_eq!(ids.len(), 1000);
    }
}
