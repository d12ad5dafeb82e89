//! Halts and circuit breakers: their states, scopes and what each allows.

use std::fmt;

use crate::order::words;
use crate::{AccountId, ParseError, PositionKey, StrategyId, Symbol, Tone, UserId, UtcMicros};

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

/// What a halt applies to, and what "cancel all" takes off the book; of all halts that apply the strictest wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HaltScope {
    /// Everything. A command by hand reaches the accounts granted to its author and no further.
    Firm,
    /// One account.
    Account(AccountId),
    /// One strategy, on all accounts.
    Strategy(StrategyId),
    /// One symbol, on all accounts.
    Symbol(Symbol),
}

impl HaltScope {
    /// Reads what [`fmt::Display`] writes.
    ///
    /// # Errors
    /// [`ParseError`] when it is none of the four forms, or names what cannot be.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match text.split_once(':') {
            None if text == "firm" => Ok(Self::Firm),
            Some(("account", name)) => AccountId::new(name).map(Self::Account),
            Some(("strategy", name)) => StrategyId::new(name).map(Self::Strategy),
            Some(("symbol", name)) => Symbol::new(name).map(Self::Symbol),
            _ => Err(ParseError::new(
                "scope",
                text,
                "firm, account:, strategy: or symbol: with a name",
            )),
        }
    }

    /// Whether the row of that account, strategy and symbol is within it.
    pub fn covers(&self, account: &AccountId, strategy: &StrategyId, symbol: Symbol) -> bool {
        match self {
            Self::Firm => true,
            Self::Account(wanted) => wanted == account,
            Self::Strategy(wanted) => wanted == strategy,
            Self::Symbol(wanted) => *wanted == symbol,
        }
    }

    /// [`Self::covers`] for a row's key.
    pub fn covers_row(&self, row: &PositionKey) -> bool {
        self.covers(&row.account, &row.strategy, row.symbol)
    }
}

/// One word each: `firm`, `account:main`, `strategy:manual`, `symbol:AAPL`.
impl fmt::Display for HaltScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firm => f.write_str("firm"),
            Self::Account(account) => write!(f, "account:{account}"),
            Self::Strategy(strategy) => write!(f, "strategy:{strategy}"),
            Self::Symbol(symbol) => write!(f, "symbol:{symbol}"),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written_and_cover_their_own() {
        let account = AccountId::new("PAPER-1").unwrap();
        let strategy = StrategyId::new("momentum").unwrap();
        let symbol = Symbol::new("BRK.B").unwrap();
        for (text, covers) in [
            ("firm", true),
            ("account:PAPER-1", true),
            ("account:PAPER-2", false),
            ("strategy:momentum", true),
            ("strategy:manual", false),
            ("symbol:BRK.B", true),
            ("symbol:BRK.A", false),
        ] {
            let scope = HaltScope::parse(text).unwrap();
            assert_eq!(scope.to_string(), text);
            assert_eq!(scope.covers(&account, &strategy, symbol), covers, "{text}");
        }
        for text in ["", "FIRM", "all", "symbol:", "symbol:aapl", "desk:1"] {
            assert!(HaltScope::parse(text).is_err(), "{text:?}");
        }
    }
}
