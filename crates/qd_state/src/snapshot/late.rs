//! A picture that is looked at late: the machine slept, or a hidden page was not run, and nobody has renewed it since.
//!
//! The reducer says by itself when a silence has lasted too long, but only when it runs. The first frame after waking may
//! come before its first turn, and must not show a green light over what may be hours old.

use std::sync::Arc;

use qd_types::{Tone, UtcMicros};

use super::{Card, CardsView, ConnectionState, Seal, SealState, Snapshot};
use crate::event::ServiceStatus;
use crate::freshness::{Freshness, FreshnessRule};
use crate::stream_client::{HoleReason, SILENCE_MILLIS};

/// How much later than due the reducer may say that nothing came, before the picture says so without it.
const GRACE_MILLIS: i64 = 1_500;

impl Snapshot {
    /// This picture as it may be shown at `now`: itself while somebody keeps it true, and otherwise with every light off
    /// that claims to know how things stand now. The values stay, with their age.
    #[must_use]
    pub fn looked_at(self: &Arc<Self>, now: UtcMicros) -> Arc<Self> {
        let is_lit = matches!(
            self.connection.state,
            ConnectionState::Live | ConnectionState::Resyncing
        );
        let heard_at = self.connection.newest_stamp_at.unwrap_or(self.as_of);
        if !is_lit || now.millis_since(heard_at) < SILENCE_MILLIS + GRACE_MILLIS {
            return Arc::clone(self);
        }
        Arc::new(self.unlit(heard_at.plus_millis(SILENCE_MILLIS), now))
    }

    fn unlit(&self, since: UtcMicros, now: UtcMicros) -> Self {
        let mut late = self.clone();
        let connection = Arc::make_mut(&mut late.connection);
        connection.state = ConnectionState::Reconnecting;
        connection.text = Arc::from(ConnectionState::Reconnecting.as_str());
        connection.since = Some(since);
        connection.retry_at = None;
        connection.last_error = Some(Arc::from("nothing heard since the machine slept"));

        let market = Arc::make_mut(&mut late.market);
        market.freshness = FreshnessRule::polled_every(30_000).of(market.loaded_at, None, now);
        let server_now = now.plus_micros(self.clock_offset_micros.unwrap_or(0));
        let is_over = market.next_change_at.is_some_and(|at| at <= server_now);
        let phase = market
            .phase
            .filter(|_| market.freshness != Freshness::Stale && !is_over);

        let halt = Arc::make_mut(&mut late.halt);
        halt.seal = unproven(&halt.seal, since);
        halt.freshness = FreshnessRule::STREAM.of(halt.confirmed_at, phase, now);
        let breakers = Arc::make_mut(&mut late.breakers);
        breakers.seal = unproven(&breakers.seal, since);
        if breakers.freshness != Freshness::Unknown {
            breakers.freshness = FreshnessRule::STREAM.of(Some(since), phase, now);
        }
        let alerts = Arc::make_mut(&mut late.alerts);
        alerts.seal = unproven(&alerts.seal, since);
        let orders = Arc::make_mut(&mut late.orders);
        orders.seal = unproven(&orders.seal, since);
        orders.freshness = FreshnessRule::STREAM.of(orders.confirmed_at, phase, now);
        let positions = Arc::make_mut(&mut late.positions);
        positions.seal = unproven(&positions.seal, since);
        positions.freshness = FreshnessRule::STREAM.of(positions.confirmed_at, phase, now);
        positions.rows = positions
            .rows
            .iter()
            .map(|row| {
                let at = row.figures.price_at.map(|at| self.to_client_clock(at));
                let is_stale = FreshnessRule::PRICES.of(at, phase, now) == Freshness::Stale;
                if row.price_is_stale || !is_stale {
                    return Arc::clone(row);
                }
                let mut row = Arc::clone(row);
                Arc::make_mut(&mut row).price_is_stale = true;
                row
            })
            .collect();

        let CardsView {
            unrealized,
            realized,
            count,
            buying_power,
            exposure,
        } = Arc::make_mut(&mut late.cards);
        let age = |card: &mut Card| {
            card.freshness = FreshnessRule::CARDS.of(card.confirmed_at, phase, now);
        };
        [unrealized, realized, count, buying_power, exposure]
            .into_iter()
            .for_each(age);

        let health = Arc::make_mut(&mut late.health);
        health.freshness = FreshnessRule::polled_every(10_000).of(health.loaded_at, None, now);
        if health.freshness == Freshness::Stale {
            health.status = ServiceStatus::Unknown;
        }
        let stats = Arc::make_mut(&mut late.stats);
        stats.freshness = FreshnessRule::polled_every(30_000).of(stats.loaded_at, None, now);
        late
    }
}

/// The seal without its claim: what was verified was so until `since`.
fn unproven(seal: &Arc<Seal>, since: UtcMicros) -> Arc<Seal> {
    match seal.state {
        SealState::Loading | SealState::Resyncing { .. } => Arc::clone(seal),
        SealState::Verified { .. } | SealState::Unverified { .. } => Arc::new(Seal {
            state: SealState::Resyncing {
                since,
                reason: HoleReason::Silent,
            },
            text: Arc::from("resyncing\u{2026}"),
            tone: Tone::Warn,
            ..Seal::clone(seal)
        }),
    }
}
