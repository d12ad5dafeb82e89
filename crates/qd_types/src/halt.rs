//! Halts and circuit breakers: their states, scopes and what each allows.

use crate::order::words;
use crate::{AccountId, StrategyId, Symbol, Tone, UserId, UtcMicros};

words!(
    /// Whether risk may grow. Unknown never lets it.
    HaltState {
        /// Trading allowed.
        Active = "ACTIVE",
        /// Only what lowers risk.
        ReduceOnly = "REDUCE_ONLY",
        /// Halted: the kill switch is engaged.
        Halted = "ENGAGED",
        /// Nobody could say: treated as halted.
        Unknown = "UNKNOWN",
    }
);

impl HaltState {
    /// Whether orders that raise risk are accepted.
    pub fn allows_risk(self) -> bool {
        self == Self::Active
    }

    /// The words of the header's badge.
    pub fn badge(self) -> &'static str {
        match self {
            Self::Active => "TRADING ACTIVE",
            Self::ReduceOnly => "REDUCE ONLY",
            Self::Halted => "KILL SWITCH ENGAGED",
            Self::Unknown => "HALT STATE UNKNOWN",
        }
    }

    /// The tone of the header's badge.
    pub fn tone(self) -> Tone {
        match self {
            Self::Active => Tone::Gain,
            Self::ReduceOnly | Self::Unknown => Tone::Warn,
            Self::Halted => Tone::Danger,
        }
    }
}

/// What a halt applies to; the strictest of all that apply wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HaltScope {
    /// Everything.
    Firm,
    /// One account.
    Account(AccountId),
    /// One strategy, on all accounts.
    Strategy(StrategyId),
    /// One symbol, on all accounts.
    Symbol(Symbol),
}

/// A halt on one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopedHalt {
    /// What it applies to.
    pub scope: HaltScope,
    /// What it allows there.
    pub state: HaltState,
}

/// The halt machine's word, as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaltStatus {
    /// The firm's state.
    pub state: HaltState,
    /// Narrower halts.
    pub scopes: Vec<ScopedHalt>,
    /// Counts every change; an order carries the one its author saw.
    pub halt_epoch: u64,
    /// Who changed it last.
    pub by: Option<UserId>,
    /// When it changed last.
    pub at: Option<UtcMicros>,
    /// Why.
    pub reason: Option<String>,
}

words!(
    /// A circuit breaker's state; "open" is the normal one, trading allowed.
    BreakerState {
        /// Normal.
        Open = "OPEN",
        /// Tripped: no new risk.
        Tripped = "TRIPPED",
        /// Waiting before it may be reset.
        QuietPeriod = "QUIET_PERIOD",
    }
);

/// One circuit breaker, as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Stable name, `daily_loss`.
    pub name: String,
    /// Its state.
    pub state: BreakerState,
    /// Why it tripped.
    pub reason: Option<String>,
    /// Since when.
    pub at: Option<UtcMicros>,
    /// Who tripped or reset it; absent when it was the machine.
    pub by: Option<UserId>,
    /// Trips since the trading day began.
    pub trip_count_today: u32,
}
