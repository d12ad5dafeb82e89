//! Names and numbers of streams: what `(stream, epoch, seq)` is made of.

use std::fmt;
use std::sync::Arc;

use crate::order::words;
use crate::{ParseError, UserId};

/// A run of numbers; opaque, compared only for equality.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// Wraps a token of 1 to 64 of `[A-Za-z0-9_-]`.
    ///
    /// # Errors
    /// [`ParseError`] for any other text.
    pub fn new(text: &str) -> Result<Self, ParseError> {
        UserId::new(text)
            .map(|id| Self(Arc::from(id.as_str())))
            .map_err(|err| ParseError {
                what: "epoch",
                ..err
            })
    }

    /// The token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A number inside an epoch; the first message has 1, zero means "nothing yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// The number after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A place in a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamPos {
    /// The run.
    pub epoch: Epoch,
    /// The number in it.
    pub seq: Seq,
}

/// What may be skipped: older states, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamClass {
    /// The newest picture counts; older ones may be skipped, said out loud.
    State,
    /// Every message counts.
    Event,
}

words!(
    /// What a numbered message carries.
    MessageKind {
        /// The whole state.
        Snapshot = "snapshot",
        /// Changed and removed rows.
        Delta = "delta",
        /// A number without rows: the snapshot was too large, ask by REST.
        Refetch = "refetch",
        /// One event.
        Event = "event",
    }
);

/// A channel's name, built from the session and never from a request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamName {
    /// Positions and account P&L of a user.
    Positions(UserId),
    /// Order changes and fills of a user.
    Orders(UserId),
    /// Alerts of a user.
    Alerts(UserId),
    /// The halt machine.
    KillSwitch,
    /// The circuit breakers.
    CircuitBreakers,
}

impl StreamName {
    /// Reads a channel's name.
    ///
    /// # Errors
    /// [`ParseError`] when the name is none of the numbered channels.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match text {
            "kill_switch:state" => return Ok(Self::KillSwitch),
            "circuit_breaker:state" => return Ok(Self::CircuitBreakers),
            _ => {}
        }
        let unknown = || {
            ParseError::new(
                "stream",
                text,
                "positions:, orders:, alerts:, kill_switch:state or circuit_breaker:state",
            )
        };
        let (kind, user) = text.split_once(':').ok_or_else(unknown)?;
        let user = UserId::new(user)?;
        match kind {
            "positions" => Ok(Self::Positions(user)),
            "orders" => Ok(Self::Orders(user)),
            "alerts" => Ok(Self::Alerts(user)),
            _ => Err(unknown()),
        }
    }

    /// Which rules it lives by.
    pub fn class(&self) -> StreamClass {
        match self {
            Self::Positions(_) | Self::KillSwitch | Self::CircuitBreakers => StreamClass::State,
            Self::Orders(_) | Self::Alerts(_) => StreamClass::Event,
        }
    }

    /// Whether the ten-a-second throttle applies; halts and breakers go at once.
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Positions(_))
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Positions(user) => write!(f, "positions:{user}"),
            Self::Orders(user) => write!(f, "orders:{user}"),
            Self::Alerts(user) => write!(f, "alerts:{user}"),
            Self::KillSwitch => f.write_str("kill_switch:state"),
            Self::CircuitBreakers => f.write_str("circuit_breaker:state"),
        }
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_globs_are_refused() {
        for name in [
            "positions:alice",
            "orders:alice",
            "alerts:bob",
            "kill_switch:state",
            "circuit_breaker:state",
        ] {
            assert_eq!(StreamName::parse(name).unwrap().to_string(), name);
        }
        for bad in [
            "",
            "positions",
            "positions:",
            "positions:*",
            "positions:a:b",
            "price.updated.AAPL",
            "kill_switch",
        ] {
            assert!(StreamName::parse(bad).is_err(), "{bad:?} should be refused");
        }
    }
}
