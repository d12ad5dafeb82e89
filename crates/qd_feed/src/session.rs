//! What proves who we are, in memory only: the cookie (native) and the CSRF token. It is written nowhere else.
//!
//! In the browser the cookie is the browser's own business and this holds the CSRF token alone.

use std::fmt;

use parking_lot::Mutex;

/// The cookie that carries the session.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) const SESSION_COOKIE: &str = "__Host-qd_sid";

/// Shared by the socket and the REST client; replaced at sign-in, emptied at sign-out.
#[derive(Default)]
pub(crate) struct SessionKey {
    /// Value of the session's cookie; `None` before sign-in.
    #[cfg(not(target_arch = "wasm32"))]
    cookie: Mutex<Option<String>>,
    csrf: Mutex<Option<String>>,
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(secret)")
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl SessionKey {
    /// The text of a `Cookie` header.
    pub(crate) fn cookie_header(&self) -> Option<String> {
        let cookie = self.cookie.lock();
        cookie
            .as_ref()
            .map(|value| format!("{SESSION_COOKIE}={value}"))
    }

    /// Whether a cookie is held.
    pub(crate) fn has_cookie(&self) -> bool {
        self.cookie.lock().is_some()
    }

    /// Takes what a `Set-Cookie` header says about our cookie; other cookies are none of our business.
    pub(crate) fn take_set_cookie(&self, header: &str) {
        let pair = header.split(';').next().unwrap_or_default();
        let Some((name, value)) = pair.split_once('=') else {
            return;
        };
        if name.trim() != SESSION_COOKIE {
            return;
        }
        let value = value.trim();
        // An empty value is how a server clears a cookie.
        let is_sane = value.bytes().all(|byte| byte.is_ascii_graphic());
        *self.cookie.lock() = (is_sane && !value.is_empty()).then(|| value.to_owned());
    }
}

impl SessionKey {
    /// The token for everything but GET.
    pub(crate) fn csrf(&self) -> Option<String> {
        self.csrf.lock().clone()
    }

    /// Takes the token that bootstrap or welcome gave.
    pub(crate) fn set_csrf(&self, token: &str) {
        let mut csrf = self.csrf.lock();
        if csrf.as_deref() != Some(token) {
            *csrf = Some(token.to_owned());
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        #[cfg(not(target_arch = "wasm32"))]
        {
            *self.cookie.lock() = None;
        }
        *self.csrf.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_own_cookie_drops_a_cleared_one_and_never_prints_it() {
        let key = SessionKey::default();
        key.take_set_cookie("other=1; Path=/");
        assert_eq!(key.cookie_header(), None);
        key.take_set_cookie("__Host-qd_sid=v1.a.b=c; Path=/; Secure; HttpOnly; SameSite=Lax");
        assert_eq!(
            key.cookie_header().as_deref(),
            Some("__Host-qd_sid=v1.a.b=c")
        );
        assert!(!format!("{key:?}").contains("v1.a"));
        key.take_set_cookie("__Host-qd_sid=bad value; Path=/");
        assert!(!key.has_cookie());
        key.take_set_cookie("__Host-qd_sid=x");
        key.take_set_cookie("__Host-qd_sid=; Max-Age=0");
        assert!(!key.has_cookie());
    }
}
