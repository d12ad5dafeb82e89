//! Why bytes could not be read. It does not decide what to do about it: readers count, sample and go on.

use qd_types::ParseError;
use thiserror::Error;

/// Why a message, a frame or a body was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// More bytes than the contract allows; nothing of it was read.
    #[error("{what} of {len} bytes, at most {limit} are read")]
    TooLarge {
        /// What it was: `message`, `event`, `frame`.
        what: &'static str,
        /// How many bytes came.
        len: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// Not the JSON it should be.
    #[error("{what} cannot be read: {detail}")]
    Malformed {
        /// What was being read: `message head`, `positions`.
        what: &'static str,
        /// The rule that it breaks, with the place where known; safe to log.
        detail: String,
    },
    /// A numbered message of another version of the envelope.
    #[error("version {found} of the envelope, this program reads 1")]
    Version {
        /// The version found, cut to a length that is safe to log.
        found: String,
    },
    /// A message that says it belongs to another stream than the one it came by.
    #[error("a message of {found:?} on stream {expected}")]
    WrongStream {
        /// Where it came by.
        expected: String,
        /// What it says, cut to a length that is safe to log.
        found: String,
    },
    /// A socket frame of a kind this program does not know; a newer peer may send them.
    #[error("unknown frame kind {kind:?}")]
    UnknownFrame {
        /// Its `t`, cut to a length that is safe to log.
        kind: String,
    },
}

impl WireError {
    /// [`WireError::Malformed`] from anything that can say what is wrong.
    pub(crate) fn malformed(what: &'static str, detail: impl std::fmt::Display) -> Self {
        let mut detail = detail.to_string();
        if let Some((at, _)) = detail.char_indices().nth(300) {
            detail.truncate(at);
        }
        Self::Malformed { what, detail }
    }
}

/// Cuts foreign text to what may stand in a log line.
pub(crate) fn sample(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Fails when `len` is over `limit`.
pub(crate) fn bounded(what: &'static str, len: usize, limit: usize) -> Result<(), WireError> {
    if len > limit {
        return Err(WireError::TooLarge { what, len, limit });
    }
    Ok(())
}

/// The text of a JSON object.
///
/// Everything we read is one, and serde would take a list for a struct too, field by field.
pub(crate) fn object_text<'a>(what: &'static str, bytes: &'a [u8]) -> Result<&'a str, WireError> {
    let text = std::str::from_utf8(bytes).map_err(|err| WireError::malformed(what, err))?;
    if text.trim_ascii_start().starts_with('{') {
        Ok(text)
    } else {
        Err(WireError::malformed(what, "no JSON object"))
    }
}

impl From<ParseError> for WireError {
    fn from(err: ParseError) -> Self {
        Self::malformed(err.what, &err)
    }
}
