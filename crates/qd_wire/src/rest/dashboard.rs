//! What the dashboard polls: prices, the day's lines, the market clock, health and statistics.

use qd_types::{Decimal, MarketPhase, Money, Price, Symbol, UtcMicros};
use serde::{Deserialize, Serialize};

/// The newest price of a symbol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceQuote {
    /// Of what.
    #[serde(with = "crate::codec")]
    pub symbol: Symbol,
    /// The last trade or the middle, as the source has it.
    #[serde(with = "crate::codec")]
    pub price: Price,
    /// Best bid; absent when the source has none.
    #[serde(default, with = "crate::codec")]
    pub bid: Option<Price>,
    /// Best ask; absent when the source has none.
    #[serde(default, with = "crate::codec")]
    pub ask: Option<Price>,
    /// When the price was made.
    #[serde(with = "crate::codec")]
    pub at: UtcMicros,
    /// Who made it: `sim`, `replay`, a feed's name.
    pub source: String,
    /// The exchange has stopped trading in it: the price stands, and nothing fills.
    #[serde(default)]
    pub halted: bool,
}

/// `GET /api/v1/market/prices`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricesResponse {
    /// One per symbol asked for that is known, sorted by symbol.
    pub prices: Vec<PriceQuote>,
}

/// A symbol's line of the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceSeries {
    /// Of what.
    #[serde(with = "crate::codec")]
    pub symbol: Symbol,
    /// Oldest first, evenly spaced, at most 120.
    #[serde(with = "crate::codec")]
    pub points: Vec<Price>,
}

/// `GET /api/v1/market/series`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesResponse {
    /// One per symbol asked for that is known, sorted by symbol.
    pub series: Vec<PriceSeries>,
}

/// `GET /api/v1/market/clock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketClockResponse {
    /// What the market is doing.
    #[serde(with = "crate::codec")]
    pub phase: MarketPhase,
    /// When that changes; absent when nobody knows.
    #[serde(default, with = "crate::codec")]
    pub next_change_at: Option<UtcMicros>,
    /// The exchange's time zone, `America/New_York`.
    pub zone: String,
    /// The server's clock when it answered; in a replay, the tape's.
    #[serde(with = "crate::codec")]
    pub now: UtcMicros,
    /// How the tape plays; absent where nothing is replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayClock>,
}

/// How a tape plays: with it a reader goes on from [`MarketClockResponse::now`] by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayClock {
    /// Tape seconds per second.
    pub speed: u32,
    /// It was stopped by hand: nothing trades until it goes on.
    #[serde(default)]
    pub paused: bool,
    /// It was played to its end and stays there.
    pub over: bool,
    /// Which of the days is played, counted from one.
    #[serde(default = "first_day")]
    pub day: u32,
    /// How many days are played one after the other.
    #[serde(default = "first_day")]
    pub num_days: u32,
    /// The tape's time at which it stops or begins again: no reader goes on beyond.
    #[serde(with = "crate::codec")]
    pub until: UtcMicros,
}

fn first_day() -> u32 {
    1
}

/// How a part of the system does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceStatus {
    /// As it should.
    Ok,
    /// It answers, but not as it should.
    Degraded,
    /// It does not answer.
    Down,
    /// Nobody could say, or the word is of a newer server.
    #[serde(other)]
    Unknown,
}

/// A service or dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceHealth {
    /// Stable name: `execution`, `bus`, `venue`, `market_data`.
    pub name: String,
    /// How it does.
    pub status: ServiceStatus,
    /// One line of evidence; empty when there is nothing to say.
    #[serde(default)]
    pub detail: String,
    /// Its newest round trip in microseconds; absent when it was not measured.
    #[serde(default)]
    pub latency_micros: Option<u64>,
}

/// A count of the feed, for the health page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedCounter {
    /// Stable name, `published`.
    pub name: String,
    /// Since the service started.
    pub value: u64,
}

/// `GET /api/v1/system/health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthResponse {
    /// Services and dependencies, in a fixed order.
    pub services: Vec<ServiceHealth>,
    /// Counters of the feed, in a fixed order.
    #[serde(default)]
    pub feed: Vec<FeedCounter>,
    /// When it was looked at.
    #[serde(with = "crate::codec")]
    pub as_of: UtcMicros,
}

/// How much of a limit is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitUse {
    /// The rule's stable name, `gross_exposure`.
    pub rule: String,
    /// What is used.
    #[serde(with = "crate::codec")]
    pub value: Decimal,
    /// What is allowed.
    #[serde(with = "crate::codec")]
    pub limit: Decimal,
    /// In what: `usd`, `shares`, `orders_per_minute`.
    pub unit: String,
}

/// `GET /api/v1/dashboard/stats`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsResponse {
    /// Orders recorded since the trading day began.
    pub orders_today: u64,
    /// Executions since the trading day began.
    pub fills_today: u64,
    /// Fees since the trading day began.
    #[serde(with = "crate::codec")]
    pub fees_today: Money,
    /// Absolute value traded since the trading day began.
    #[serde(with = "crate::codec")]
    pub turnover_today: Money,
    /// Limits and their use, in a fixed order.
    pub limit_use: Vec<LimitUse>,
    /// When the figures were made.
    #[serde(with = "crate::codec")]
    pub as_of: UtcMicros,
}
