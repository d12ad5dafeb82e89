//! The signed identity that the gateway puts on every request to the execution side.
//!
//! `v1.<key id>.<base64url payload>.<base64url HMAC-SHA-256>`, the signature over everything before its dot. It does
//! not remember nonces (the verifier's caller does) and does not hold keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use qd_types::{AccountId, Permission, Role, UserId, UtcMicros};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// The header that carries it.
pub const IDENTITY_HEADER: &str = "x-qd-identity";

/// How far the signer's clock may be from the verifier's, either way; also how long a nonce must be remembered.
pub const WINDOW_MILLIS: i64 = 60_000;

/// Longer headers are refused unread.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Who asks for what: one request, one identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityClaims {
    /// The user.
    #[serde(with = "crate::codec")]
    pub sub: UserId,
    /// The user's roles.
    #[serde(with = "crate::codec")]
    pub roles: Vec<Role>,
    /// What the user may do.
    #[serde(with = "crate::codec")]
    pub permissions: Vec<Permission>,
    /// The accounts granted to the user.
    #[serde(with = "crate::codec")]
    pub accounts: Vec<AccountId>,
    /// The session's public id, for the audit; never its secret.
    pub session: String,
    /// The id of the request in both servers' logs.
    pub request_id: String,
    /// The HTTP method, upper case.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// [`sha256_hex`] of the raw query without its question mark; of nothing when there is none.
    pub query_sha256: String,
    /// [`sha256_hex`] of the body; of nothing when there is none.
    pub body_sha256: String,
    /// When the user last proved a second factor; absent without one.
    #[serde(default, with = "crate::codec")]
    pub mfa_at: Option<UtcMicros>,
    /// When it was signed.
    #[serde(with = "crate::codec")]
    pub iat: UtcMicros,
    /// Accepted once within the window.
    pub nonce: String,
}

/// Why an identity was refused. The words say nothing that helps a forger: answer 401 and log this.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// Not of the form, or the payload cannot be read.
    #[error("the identity is malformed: {0}")]
    Malformed(&'static str),
    /// Signed with a key that is not, or no longer, known.
    #[error("the identity is signed with an unknown key")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the identity's signature does not fit")]
    BadSignature,
    /// Signed too long ago or in the future.
    #[error("the identity was signed {age_millis} ms ago")]
    OutsideWindow {
        /// Age at verification, negative for the future.
        age_millis: i64,
    },
    /// Signed for another method, path, query or body.
    #[error("the identity is for another {0}")]
    OtherRequest(&'static str),
}

type HmacSha256 = Hmac<Sha256>;

fn mac(key: &[u8], text: &str) -> Option<HmacSha256> {
    let mut mac = HmacSha256::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac)
}

/// Lower-case hexadecimal SHA-256, the form of the two hashes in the claims.
pub fn sha256_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    Sha256::digest(bytes)
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| DIGITS.get(usize::from(nibble)).copied().map(char::from))
        .collect()
}

/// The header's value. `key_id` is 1 to 64 of `[A-Za-z0-9_-]`.
pub fn sign(key_id: &str, key: &[u8], claims: &IdentityClaims) -> String {
    let payload = URL_SAFE_NO_PAD.encode(crate::rest::to_json(claims));
    let signed = format!("v1.{key_id}.{payload}");
    // HMAC takes keys of every length.
    let signature = mac(key, &signed).map_or_else(String::new, |mac| {
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    });
    format!("{signed}.{signature}")
}

/// Checks a header against the request that it came with. The nonce is left to the caller.
///
/// # Errors
/// [`IdentityError`]; the signature is checked before anything of the payload is read.
pub fn verify(
    header: &str,
    keys: &dyn Fn(&str) -> Option<Vec<u8>>,
    now: UtcMicros,
    method: &str,
    path: &str,
    query: &str,
    body: &[u8],
) -> Result<IdentityClaims, IdentityError> {
    if header.len() > MAX_HEADER_BYTES {
        return Err(IdentityError::Malformed("too long"));
    }
    let form = IdentityError::Malformed("not v1.<key id>.<payload>.<signature>");
    let Some((signed, signature)) = header.rsplit_once('.') else {
        return Err(form);
    };
    let mut parts = signed.split('.');
    let (Some("v1"), Some(key_id), Some(payload), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(form);
    };
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_not_base64| IdentityError::Malformed("signature"))?;
    let key = keys(key_id).ok_or(IdentityError::UnknownKey)?;
    mac(&key, signed)
        .ok_or(IdentityError::UnknownKey)?
        .verify_slice(&signature)
        .map_err(|_mismatch| IdentityError::BadSignature)?;
    let payload = URL_SAFE_NO_PAD
        .decode(payload)
        .map_err(|_not_base64| IdentityError::Malformed("payload"))?;
    let claims: IdentityClaims = serde_json::from_slice(&payload)
        .map_err(|_unreadable| IdentityError::Malformed("claims"))?;
    let age_millis = now.millis_since(claims.iat);
    if age_millis.saturating_abs() > WINDOW_MILLIS {
        return Err(IdentityError::OutsideWindow { age_millis });
    }
    let same =
        |claimed: &str, actual: &str| bool::from(claimed.as_bytes().ct_eq(actual.as_bytes()));
    for (what, claimed, actual) in [
        ("method", claims.method.as_str(), method),
        ("path", claims.path.as_str(), path),
        (
            "query",
            claims.query_sha256.as_str(),
            &sha256_hex(query.as_bytes()),
        ),
        ("body", claims.body_sha256.as_str(), &sha256_hex(body)),
    ] {
        if !same(claimed, actual) {
            return Err(IdentityError::OtherRequest(what));
        }
    }
    if claims.nonce.is_empty() || claims.nonce.len() > 64 {
        return Err(IdentityError::Malformed("nonce"));
    }
    Ok(claims)
}
