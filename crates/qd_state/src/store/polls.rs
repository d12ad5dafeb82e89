//! What is polled rather than pushed: the market's clock, system health, the day's statistics.
//!
//! The last good value stays, with its age and the reason why there is no newer one. Prices belong to `positions`.

use std::sync::Arc;

use qd_types::{MarketPhase, UtcMicros};

use super::Ctx;
use crate::event::{
    DayStats, LimitUse, MarketClock, Poll, ServiceHealth, ServiceStatus, TapeMotion,
};
use crate::freshness::{Freshness, FreshnessRule};
use crate::snapshot::{HealthView, MarketView, StatsView, TapeView};

const MARKET: FreshnessRule = FreshnessRule::polled_every(30_000);
const HEALTH: FreshnessRule = FreshnessRule::polled_every(10_000);
const STATS: FreshnessRule = FreshnessRule::polled_every(30_000);

/// The polled parts.
#[derive(Debug)]
pub(crate) struct Polls {
    market: Arc<MarketView>,
    health: Arc<HealthView>,
    stats: Arc<StatsView>,
    limit_use: Vec<LimitUse>,
}

impl Default for Polls {
    fn default() -> Self {
        Self {
            market: Arc::new(market_view(None, None)),
            health: Arc::default(),
            stats: Arc::default(),
            limit_use: Vec::new(),
        }
    }
}

impl Polls {
    /// The market's clock.
    pub(crate) fn take_market(&mut self, mut clock: MarketClock, ctx: &Ctx) {
        let tape = clock.tape.map(|tape| TapeView {
            at: tape.at,
            read_at: ctx.now,
            speed: tape.speed,
            motion: tape.motion,
            day: tape.day,
            num_days: tape.num_days,
            until: tape.until,
        });
        if let Some(tape) = clock.tape {
            // In our time: a countdown counts seconds of life.
            let plays = tape.motion == TapeMotion::Plays;
            clock.next_change_at = clock.next_change_at.filter(|_| plays).and_then(|at| {
                let left = at
                    .micros_since(tape.at)
                    .checked_div(i64::from(tape.speed))?;
                Some(ctx.now_on_server().plus_micros(left))
            });
        }
        self.market = Arc::new(MarketView {
            tape,
            ..market_view(Some(clock), Some(ctx.now))
        });
    }

    /// The clock went back: nothing was loaded later than now.
    pub(crate) fn clock_set_back(&mut self, now: UtcMicros) {
        for loaded_at in [
            &mut Arc::make_mut(&mut self.market).loaded_at,
            &mut Arc::make_mut(&mut self.health).loaded_at,
            &mut Arc::make_mut(&mut self.stats).loaded_at,
        ] {
            *loaded_at = loaded_at.map(|at| at.min(now));
        }
    }

    /// System health.
    pub(crate) fn take_health(&mut self, mut services: Vec<ServiceHealth>, now: UtcMicros) {
        services.sort_by(|a, b| a.name.cmp(&b.name));
        self.health = Arc::new(HealthView {
            status: worst_of(&services),
            services: services.into(),
            loaded_at: Some(now),
            last_error: None,
            freshness: Freshness::Fresh,
        });
    }

    /// The day's statistics.
    pub(crate) fn take_stats(&mut self, stats: DayStats, now: UtcMicros) {
        self.limit_use = stats.limit_use;
        self.stats = Arc::new(StatsView {
            orders_today: stats.orders_today,
            fills_today: stats.fills_today,
            fees_today: stats.fees_today,
            turnover_today: stats.turnover_today,
            loaded_at: Some(now),
            last_error: None,
            freshness: Freshness::Fresh,
        });
    }

    /// A poll failed: the value stays, the reason is shown beside its age.
    pub(crate) fn failed(&mut self, poll: Poll, detail: &str) {
        let detail = Some(Arc::from(detail));
        match poll {
            Poll::Health => Arc::make_mut(&mut self.health).last_error = detail,
            Poll::Stats => Arc::make_mut(&mut self.stats).last_error = detail,
            // The clock and the lines show their age; prices are the positions table's.
            Poll::MarketClock | Poll::Series | Poll::Prices => {}
        }
    }

    /// What the market is doing, when that is known and not too old.
    pub(crate) fn phase(&self, now: UtcMicros, now_on_server: UtcMicros) -> Option<MarketPhase> {
        let is_stale = MARKET.of(self.market.loaded_at, None, now) == Freshness::Stale;
        let is_over = self
            .market
            .next_change_at
            .is_some_and(|at| at <= now_on_server);
        self.market.phase.filter(|_| !is_stale && !is_over)
    }

    /// How much of a limit is used.
    pub(crate) fn limit_use(&self, rule: &str) -> Option<&LimitUse> {
        self.limit_use.iter().find(|used| used.rule == rule)
    }

    /// The market's clock.
    pub(crate) fn market_view(&mut self, ctx: &Ctx) -> Arc<MarketView> {
        let freshness = MARKET.of(self.market.loaded_at, None, ctx.now);
        if self.market.freshness != freshness {
            Arc::make_mut(&mut self.market).freshness = freshness;
        }
        Arc::clone(&self.market)
    }

    /// System health; nobody vouches for an answer that is too old.
    pub(crate) fn health_view(&mut self, ctx: &Ctx) -> Arc<HealthView> {
        let freshness = HEALTH.of(self.health.loaded_at, None, ctx.now);
        if self.health.freshness != freshness {
            let view = Arc::make_mut(&mut self.health);
            view.freshness = freshness;
            view.status = match freshness {
                Freshness::Stale | Freshness::Unknown => ServiceStatus::Unknown,
                Freshness::Fresh | Freshness::Quiet | Freshness::Aging => worst_of(&view.services),
            };
        }
        Arc::clone(&self.health)
    }

    /// The day so far.
    pub(crate) fn stats_view(&mut self, ctx: &Ctx) -> Arc<StatsView> {
        let freshness = STATS.of(self.stats.loaded_at, None, ctx.now);
        if self.stats.freshness != freshness {
            Arc::make_mut(&mut self.stats).freshness = freshness;
        }
        Arc::clone(&self.stats)
    }
}

fn worst_of(services: &[ServiceHealth]) -> ServiceStatus {
    let weight = |status: &ServiceStatus| match status {
        ServiceStatus::Ok => 0,
        ServiceStatus::Unknown => 1,
        ServiceStatus::Degraded => 2,
        ServiceStatus::Down => 3,
    };
    services
        .iter()
        .map(|service| service.status)
        .max_by_key(weight)
        .unwrap_or(ServiceStatus::Unknown)
}

fn market_view(clock: Option<MarketClock>, loaded_at: Option<UtcMicros>) -> MarketView {
    let phase = clock.map(|clock| clock.phase);
    let (text, countdown_label) = match phase {
        Some(MarketPhase::PreOpen) => ("NYSE pre-open", "opens in"),
        Some(MarketPhase::Open) => ("NYSE open", "closes in"),
        Some(MarketPhase::AfterHours) => ("NYSE after hours", "ends in"),
        Some(MarketPhase::Closed) => ("NYSE closed", "opens in"),
        None => ("market clock unknown", ""),
    };
    MarketView {
        tape: None,
        phase,
        text: Arc::from(text),
        countdown_label,
        next_change_at: clock.and_then(|clock| clock.next_change_at),
        loaded_at,
        freshness: loaded_at.map_or(Freshness::Unknown, |_| Freshness::Fresh),
    }
}
