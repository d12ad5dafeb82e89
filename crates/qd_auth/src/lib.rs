//! Who somebody is, what they may do, and how long a session lives: pure decisions over inputs already read.
//!
//! **Owns**: identities, the session record and its two time limits, the cookie's format and signature, the anti-forgery token, the table of operations and permissions, how passwords are hashed and which are refused, and the fixed users of the `dev` sign-in.
//! **Does not own**: where sessions are stored, how a record is written, HTTP, redirects: that is the gateway's.
//! **Threading**: plain values; every function returns at once.
//! **Failure**: a cookie that is not ours is [`CookieError`], a session that ended is [`SessionVerdict`]; neither says anything about the store, whose trouble the caller answers with 503.

mod cookie;
mod csrf;
mod dev;
mod identity;
mod keys;
mod operation;
mod password;
mod session;

pub use self::cookie::{
    COOKIE_NAME, CookieError, SessionId, clear_cookie, read_cookie, set_cookie,
};
pub use self::csrf::{csrf_token, verify_csrf};
pub use self::dev::dev_users;
pub use self::identity::Identity;
pub use self::keys::{Key, KeyError, KeyRing, MIN_KEY_BYTES};
pub use self::operation::{Effect, Operation, Refusal, STEP_UP_FRESH_MILLIS};
pub use self::password::{
    MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS, PasswordError, PasswordHash, PasswordRefusal,
    check_new_password, hash_password, verify_nobody, verify_password,
};
pub use self::session::{SessionRecord, SessionRules, SessionVerdict, SignInMethod};
