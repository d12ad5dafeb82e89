//! JSON text that is carried and not read: bus messages inside frames and log pages.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::WireError;

/// One JSON value as text, checked to be one and otherwise left as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// Takes up bytes that are one JSON value.
    ///
    /// # Errors
    /// [`WireError::Malformed`] when they are not.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        serde_json::from_slice::<&RawValue>(bytes)
            .map(|raw| Self(raw.to_owned()))
            .map_err(|err| WireError::malformed("JSON value", err))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Its text as bytes, for [`crate::decode`] and [`crate::read_head`].
    pub fn as_bytes(&self) -> &[u8] {
        self.0.get().as_bytes()
    }

    pub(crate) fn from_raw(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }
}

impl AsRef<[u8]> for RawJson {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Two values are the same when their text is: this type does not look inside.
impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RawJson {}
