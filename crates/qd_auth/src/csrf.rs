//! The anti-forgery token: a signature of the session's id, which a foreign page can neither read nor make.
//!
//! It needs no storage and lives exactly as long as the session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::{KeyRing, SessionId};

const LABEL: &str = "qd.csrf.v1";

/// The token of a session, for `X-CSRF-Token`.
pub fn csrf_token(keys: &KeyRing, session_id: &SessionId) -> String {
    BASE64.encode(
        keys.sign(LABEL, &[session_id.as_bytes()])
            .unwrap_or_default(),
    )
}

/// Whether `token` belongs to the session; in constant time, with any key of the ring.
pub fn verify_csrf(keys: &KeyRing, session_id: &SessionId, token: &str) -> bool {
    let mut mac = [0; 32];
    matches!(BASE64.decode_slice(token, &mut mac), Ok(32))
        && keys.verify_any(LABEL, &[session_id.as_bytes()], &mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    #[test]
    fn a_token_serves_its_own_session_only() {
        let keys = KeyRing::new(Key::new("a", &[5; 32]).unwrap());
        let (mine, other) = (
            SessionId::from_bytes([1; 32]),
            SessionId::from_bytes([2; 32]),
        );
        let token = csrf_token(&keys, &mine);
        assert!(verify_csrf(&keys, &mine, &token));
        assert!(!verify_csrf(&keys, &other, &token));
        let cut = token.replacen(char::is_alphanumeric, "", 1);
        for bad in ["", "x", cut.as_str(), &format!("{token}A")] {
            assert!(!verify_csrf(&keys, &mine, bad), "{bad:?}");
        }
        let newer = KeyRing::new(Key::new("b", &[6; 32]).unwrap())
            .with_verifying(Key::new("a", &[5; 32]).unwrap());
        assert!(verify_csrf(&newer, &mine, &token));
    }
}
