//! Typed ids, each with the one rule for what it may look like.

use std::fmt;
use std::sync::Arc;

/// Why a text is not the value it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What was expected: "symbol", "price".
    pub what: &'static str,
    /// The offending text, cut to 64 characters so that it can be logged.
    pub text: String,
    /// The rule that it breaks.
    pub reason: String,
}

impl ParseError {
    /// An error for `what`, with `text` cut to a length that is safe to log.
    pub fn new(what: &'static str, text: &str, reason: impl Into<String>) -> Self {
        Self {
            what,
            text: text.chars().take(64).collect(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no {}: {}", self.text, self.what, self.reason)
    }
}

impl std::error::Error for ParseError {}

/// A ticker such as `BRK.B`: 1 to 12 of `[A-Z0-9.-]`, kept inline so that it copies.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Symbol {
    len: u8,
    bytes: [u8; 12],
}

impl Symbol {
    /// Reads a symbol.
    ///
    /// # Errors
    /// [`ParseError`] when the text is empty, longer than 12 or holds another character.
    pub fn new(text: &str) -> Result<Self, ParseError> {
        let ok = (1..=12).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
        if !ok {
            return Err(ParseError::new("symbol", text, "1 to 12 of [A-Z0-9.-]"));
        }
        let mut bytes = [0; 12];
        for (to, from) in bytes.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked above: at most 12")]
        let len = text.len() as u8;
        Ok(Self { len, bytes })
    }

    /// The ticker.
    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.len))
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Symbol {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::new(text)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            #[doc = concat!("Reads a ", $what, ".")]
            ///
            /// # Errors
            /// [`ParseError`] when the text is empty, too long or holds another character.
            pub fn new(text: &str) -> Result<Self, ParseError> {
                let ok = (1..=$max).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if ok {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(ParseError::new($what, text, concat!("1 to ", $max, " of [A-Za-z0-9_-]")))
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                Self::new(text)
            }
        }
    };
}

text_id!(
    /// Who is signed in; also the tail of the per-user channel names, hence the narrow alphabet.
    UserId, "user id", 64
);
text_id!(
    /// A trading account.
    AccountId, "account", 64
);
text_id!(
    /// A strategy inside an account; `manual` for orders by hand.
    StrategyId, "strategy", 64
);
text_id!(
    /// The id a decision keeps from the ticket to the fill, unique per account.
    ClientOrderId, "client order id", 48
);
text_id!(
    /// The venue's own id of an order, once it has acknowledged it.
    VenueOrderId, "venue order id", 64
);
text_id!(
    /// One execution.
    FillId, "fill id", 64
);
text_id!(
    /// One alert.
    AlertId, "alert id", 64
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_take_dots_and_dashes_and_nothing_else() {
        for good in ["A", "BRK.B", "BF-B", "ABCDEFGHIJKL", "7203"] {
            assert_eq!(Symbol::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "aapl", "ABCDEFGHIJKLM", "A B", "A*", "É"] {
            assert!(Symbol::new(bad).is_err(), "{bad:?} should be refused");
        }
    }

    #[test]
    fn user_ids_cannot_carry_a_glob_or_a_colon() {
        for bad in ["", "*", "a:b", "a b", "a/b", "ü"] {
            assert!(UserId::new(bad).is_err(), "{bad:?} should be refused");
        }
        assert!(UserId::new(&"x".repeat(64)).is_ok());
        assert!(UserId::new(&"x".repeat(65)).is_err());
    }
}
