//! How old a value may be before the screen says so.
//!
//! One rule for streams and pollers; what counts as "last known to hold" is the caller's to know.

use qd_types::{MarketPhase, UtcMicros};

/// How much a value's age weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Freshness {
    /// No value yet, or nobody can say.
    #[default]
    Unknown,
    /// As new as it can be.
    Fresh,
    /// Old because the market is quiet: nothing is wrong.
    Quiet,
    /// Older than it should be: dimmed.
    Aging,
    /// Too old to act on: "data may be stale".
    Stale,
}

/// The limits of one stream or poller, from how often it is expected to say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshnessRule {
    /// Older than this is aging, in milliseconds.
    pub aging_after_millis: i64,
    /// Older than this is stale, in milliseconds.
    pub stale_after_millis: i64,
    /// Whether silence is normal while the market is closed.
    pub follows_market: bool,
}

impl FreshnessRule {
    /// The cards' rule: dimmed past 30 s, "may be stale" past 60 s.
    pub const CARDS: Self = Self {
        aging_after_millis: 30_000,
        stale_after_millis: 60_000,
        follows_market: false,
    };

    /// A stream that is confirmed by a beat every 5 s at least.
    pub const STREAM: Self = Self {
        aging_after_millis: 12_000,
        stale_after_millis: 30_000,
        follows_market: false,
    };

    /// Marks of held symbols: polled every 5 s while the market trades.
    pub const PRICES: Self = Self {
        aging_after_millis: 15_000,
        stale_after_millis: 30_000,
        follows_market: true,
    };

    /// A poller with this interval: aging after two and a half, stale after six.
    pub const fn polled_every(interval_millis: i64) -> Self {
        Self {
            aging_after_millis: interval_millis * 5 / 2,
            stale_after_millis: interval_millis * 6,
            follows_market: false,
        }
    }

    /// The weight of a value last known to hold at `confirmed_at`, client's clock.
    pub fn of(
        self,
        confirmed_at: Option<UtcMicros>,
        phase: Option<MarketPhase>,
        now: UtcMicros,
    ) -> Freshness {
        let Some(confirmed_at) = confirmed_at else {
            return Freshness::Unknown;
        };
        let age_millis = now.millis_since(confirmed_at);
        if age_millis <= self.aging_after_millis {
            Freshness::Fresh
        } else if self.follows_market && phase.is_some_and(|phase| phase != MarketPhase::Open) {
            Freshness::Quiet
        } else if age_millis <= self.stale_after_millis {
            Freshness::Aging
        } else {
            Freshness::Stale
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: RT-8
    #[test]
    fn age_interval_and_market_phase_decide() {
        let rule = FreshnessRule::PRICES;
        let at = |secs: i64| Some(UtcMicros::from_millis(100_000 - secs * 1000));
        let now = UtcMicros::from_millis(100_000);
        let open = Some(MarketPhase::Open);
        assert_eq!(rule.of(None, open, now), Freshness::Unknown);
        assert_eq!(rule.of(at(15), open, now), Freshness::Fresh);
        assert_eq!(rule.of(at(16), open, now), Freshness::Aging);
        assert_eq!(rule.of(at(31), open, now), Freshness::Stale);
        assert_eq!(rule.of(at(31), None, now), Freshness::Stale);
        assert_eq!(
            rule.of(at(3600), Some(MarketPhase::Closed), now),
            Freshness::Quiet
        );
        // A stream's own silence is never excused by the market: beats go on.
        assert_eq!(
            FreshnessRule::STREAM.of(at(31), Some(MarketPhase::Closed), now),
            Freshness::Stale
        );
        assert_eq!(
            FreshnessRule::polled_every(10_000).of(at(26), open, now),
            Freshness::Aging
        );
        assert_eq!(
            FreshnessRule::polled_every(10_000).of(at(61), open, now),
            Freshness::Stale
        );
    }
}
