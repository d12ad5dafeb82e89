//! What is polled rather than pushed, as values.
//!
//! How often and by whom is the feed's.

use qd_types::{MarketPhase, Money, Price, Symbol, UtcMicros};

/// What is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Poll {
    /// Prices of the symbols held, every 5 s.
    Prices,
    /// The day's lines, every 30 s.
    Series,
    /// The market's clock, every 30 s.
    MarketClock,
    /// System health, every 10 s.
    Health,
    /// The day's statistics, every 30 s.
    Stats,
}

/// Polls that somebody looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PollSet(u8);

impl PollSet {
    /// No poll at all.
    pub const NONE: Self = Self(0);

    /// Every poll.
    pub const ALL: Self = Self(u8::MAX);

    /// Adds a poll.
    #[must_use]
    pub const fn with(self, poll: Poll) -> Self {
        Self(self.0 | Self::bit(poll))
    }

    /// Whether a poll is one of them.
    pub const fn contains(self, poll: Poll) -> bool {
        self.0 & Self::bit(poll) != 0
    }

    const fn bit(poll: Poll) -> u8 {
        match poll {
            Poll::Prices => 1,
            Poll::Series => 2,
            Poll::MarketClock => 4,
            Poll::Health => 8,
            Poll::Stats => 16,
        }
    }
}

/// A poll's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollAnswer {
    /// Prices.
    Prices(Vec<PriceQuote>),
    /// Prices, and what is wrong with those that could not be read.
    PricesSalvaged(Vec<PriceQuote>, String),
    /// The day's lines.
    Series(Vec<PriceSeries>),
    /// The market's clock.
    MarketClock(MarketClock),
    /// Services.
    Health(Vec<ServiceHealth>),
    /// The day's statistics.
    Stats(DayStats),
}

/// A price as the market data side saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceQuote {
    /// Of what.
    pub symbol: Symbol,
    /// The last price, or the middle.
    pub price: Price,
    /// When it was made, server's clock; the newer of push and poll wins.
    pub at: UtcMicros,
    /// The exchange has stopped trading in it.
    pub is_halted: bool,
}

/// The day's line of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceSeries {
    /// Of what.
    pub symbol: Symbol,
    /// Oldest first, at most 120.
    pub points: Vec<Price>,
}

/// What the market is doing and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketClock {
    /// The phase.
    pub phase: MarketPhase,
    /// When it changes, server's clock; absent when nobody knows.
    pub next_change_at: Option<UtcMicros>,
    /// The tape that is the market; absent where nothing is replayed. Then `next_change_at` is in its time.
    pub tape: Option<TapeClock>,
}

/// Where a tape stands and how it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapeClock {
    /// The tape's time when the answer was made.
    pub at: UtcMicros,
    /// Tape seconds per second while it plays.
    pub speed: u32,
    /// Whether it plays.
    pub motion: TapeMotion,
    /// Which of the days is played, counted from one.
    pub day: u32,
    /// How many days are played one after the other.
    pub num_days: u32,
    /// Where it stops or begins again.
    pub until: UtcMicros,
}

/// Whether a tape plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapeMotion {
    /// At its speed.
    Plays,
    /// Stopped by hand; nothing trades.
    Paused,
    /// Played to its end.
    Over,
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceStatus {
    /// Works.
    Ok,
    /// Works in part.
    Degraded,
    /// Does not work.
    Down,
    /// Nobody could say.
    Unknown,
}

/// One service as system health reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceHealth {
    /// Its name.
    pub name: String,
    /// How it is.
    pub status: ServiceStatus,
    /// One line more, perhaps empty.
    pub detail: String,
    /// How long it took to answer, when measured.
    pub latency_micros: Option<i64>,
}

/// How much of a limit is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitUse {
    /// Stable `snake_case`, `gross_exposure`.
    pub rule: String,
    /// Used.
    pub value: Money,
    /// Allowed.
    pub limit: Money,
}

/// The day so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayStats {
    /// Orders recorded.
    pub orders_today: u64,
    /// Executions.
    pub fills_today: u64,
    /// Fees paid.
    pub fees_today: Money,
    /// Money that changed hands.
    pub turnover_today: Money,
    /// Limits and their use.
    pub limit_use: Vec<LimitUse>,
}
