//! The words every other crate of Quarterdeck speaks: exact decimals, ids, states, formulas, formatting.
//!
//! **Owns**: the vocabulary, the one formula for every quantity, and how a number or an instant looks on screen.
//! **Does not own**: byte formats (`qd_wire`), state (`qd_state`), IO or the wall clock: time arrives through [`Clock`].
//! **Threading**: plain values, `Send + Sync`, no interior mutability.
//! **Failure**: constructors that can refuse return [`ParseError`]; arithmetic saturates nowhere and never goes through a float.

mod account;
mod alert;
mod clock;
mod decimal;
mod fill;
pub mod fmt;
mod halt;
mod ids;
mod order;
mod permission;
mod position;
mod stream;
mod tape;
mod tone;
mod zone;

pub use self::account::{AccountTotals, Exposure};
pub use self::alert::{Alert, AlertSeverity, AlertState};
pub use self::clock::{Clock, ManualClock, UtcMicros};
pub use self::decimal::{Money, Price, Qty, Ratio};
pub use self::fill::Fill;
pub use self::halt::{Breaker, BreakerState, HaltScope, HaltState, HaltStatus, ScopedHalt};
pub use self::ids::{
    AccountId, AlertId, ClientOrderId, FillId, ParseError, StrategyId, Symbol, UserId, VenueOrderId,
};
pub use self::order::{Order, OrderStatus, OrderTerms, OrderType, Side, TimeInForce};
pub use self::permission::{Permission, Role};
pub use self::position::{Position, PositionKey, PositionMath};
pub use self::stream::{Epoch, MessageKind, Seq, StreamClass, StreamName, StreamPos};
pub use self::tape::TapeAction;
pub use self::tone::Tone;
pub use self::zone::{LocalZone, ZoneChoice};

/// Re-exported so that callers spell decimals with the same version of the library.
pub use rust_decimal::Decimal;

/// Where the desk trades: shown in the header, so that nobody mistakes paper for money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Environment {
    /// The built-in paper venue over a simulated market.
    Paper,
    /// A real venue.
    Live,
    /// A recorded tape.
    Replay,
}

impl Environment {
    /// The word on the wire and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paper => "PAPER",
            Self::Live => "LIVE",
            Self::Replay => "REPLAY",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "PAPER" => Some(Self::Paper),
            "LIVE" => Some(Self::Live),
            "REPLAY" => Some(Self::Replay),
            _ => None,
        }
    }
}

/// What the market is doing, for the clock chip and for freshness: a closed market is quiet, not stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MarketPhase {
    /// Before the opening auction; quotes may be sparse.
    PreOpen,
    /// Regular trading hours.
    Open,
    /// After the close; quotes may be sparse.
    AfterHours,
    /// No trading at all.
    Closed,
}

impl MarketPhase {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreOpen => "pre_open",
            Self::Open => "open",
            Self::AfterHours => "after_hours",
            Self::Closed => "closed",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "pre_open" => Some(Self::PreOpen),
            "open" => Some(Self::Open),
            "after_hours" => Some(Self::AfterHours),
            "closed" => Some(Self::Closed),
            _ => None,
        }
    }
}
