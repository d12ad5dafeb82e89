//! Making the next snapshot: every part that changed is made again, every other is shared with the one before.
//!
//! Called at most once per frame interval; it decides nothing that an event should decide.

use std::sync::Arc;

use qd_types::{StreamName, UtcMicros};

use super::Store;
use super::cards::{CardInputs, GROSS_LIMIT};
use super::seals::Sealed;
use crate::snapshot::{Seal, Snapshot, Urgency};
use crate::stream_client::ClientState;

impl Store {
    /// The next snapshot, if anything visible changed since the last: call at most once per frame interval.
    pub fn snapshot_if_changed(&mut self, now: UtcMicros) -> Option<Arc<Snapshot>> {
        let new = self.snapshot(now);
        if is_same(&self.published, &new) {
            return None;
        }
        self.last_urgency = new.urgency_after(&self.published);
        self.meters.published(new.version, self.last_urgency);
        let new = Arc::new(new);
        self.published = Arc::clone(&new);
        Some(new)
    }

    /// How soon the newest snapshot must follow the one before on screen.
    pub fn last_urgency(&self) -> Urgency {
        self.last_urgency
    }

    /// The newest snapshot made, without making another.
    pub fn last_snapshot(&self) -> &Arc<Snapshot> {
        &self.published
    }

    fn snapshot(&mut self, now: UtcMicros) -> Snapshot {
        let ctx = self.ctx(now);
        let desk = &mut self.desk;
        let blank = Sealing {
            seal: Arc::clone(&self.blank_seal),
            confirmed_at: None,
        };
        let mut positions_seal = blank.clone();
        let mut orders_seal = blank.clone();
        let mut halt_seal = blank.clone();
        let mut breakers_seal = blank.clone();
        let mut alerts_seal = blank;
        let mut is_resyncing = false;
        for (name, sealed) in &mut desk.streams {
            is_resyncing |= matches!(
                sealed.client.state(),
                ClientState::Hole { .. } | ClientState::Refetch { .. }
            );
            let unreadable = match name {
                StreamName::Positions(_) => desk.positions.unreadable_text(),
                StreamName::Orders(_) => desk.orders.unreadable_text(),
                StreamName::KillSwitch | StreamName::CircuitBreakers | StreamName::Alerts(_) => {
                    None
                }
            };
            let sealing = Sealing::of(sealed, unreadable, &ctx);
            match name {
                StreamName::Positions(_) => positions_seal = sealing,
                StreamName::Orders(_) => orders_seal = sealing,
                StreamName::KillSwitch => halt_seal = sealing,
                StreamName::CircuitBreakers => breakers_seal = sealing,
                StreamName::Alerts(_) => alerts_seal = sealing,
            }
        }
        let positions =
            desk.positions
                .view(&positions_seal.seal, positions_seal.confirmed_at, &ctx);
        let stats = self.polls.stats_view(&ctx);
        let inputs = CardInputs {
            positions: &positions,
            totals: desk.positions.totals(),
            unreadable: desk.positions.unreadable_figures(),
            stats: &stats,
            gross_limit: self.polls.limit_use(GROSS_LIMIT),
        };
        let cards = desk.cards.view(&inputs, &ctx);
        let (commands, notices) = desk.commands.views();
        let activity = desk.activity.view();
        let order_detail = desk.asked.order_view(&ctx);
        let history = desk.asked.history_view(&activity, &ctx);
        Snapshot {
            version: self.published.version + 1,
            as_of: now,
            zone: ctx.zone,
            clock_offset_micros: self.connection.clock().map(|clock| clock.offset_micros),
            session: self.session.clone(),
            environment: self.environment,
            connection: self
                .connection
                .view(is_resyncing, self.meters.link_latency()),
            halt: desk
                .halt
                .view(&halt_seal.seal, halt_seal.confirmed_at, &ctx),
            breakers: desk
                .breakers
                .view(&breakers_seal.seal, breakers_seal.confirmed_at, &ctx),
            cards,
            positions,
            orders: desk
                .orders
                .view(&orders_seal.seal, orders_seal.confirmed_at, &ctx),
            alerts: desk.alerts.view(&alerts_seal.seal),
            activity,
            order_detail,
            history,
            market: self.polls.market_view(&ctx),
            health: self.polls.health_view(&ctx),
            stats,
            feed: self.meters.view(),
            commands,
            notices,
        }
    }
}

/// A seal with the instant that its table's age counts from.
#[derive(Clone)]
struct Sealing {
    seal: Arc<Seal>,
    confirmed_at: Option<UtcMicros>,
}

impl Sealing {
    fn of(sealed: &mut Sealed, unreadable: Option<Arc<str>>, ctx: &super::Ctx) -> Self {
        Self {
            seal: sealed.seal(unreadable, ctx),
            confirmed_at: sealed.client.proven_at(),
        }
    }
}

/// Whether every part is the very one of the snapshot before.
fn is_same(old: &Snapshot, new: &Snapshot) -> bool {
    // Before the first publication even the empty picture is news.
    old.version > 0
        && is_same_part(old.session.as_ref(), new.session.as_ref())
        && old.zone == new.zone
        && old.clock_offset_micros == new.clock_offset_micros
        && old.environment == new.environment
        && Arc::ptr_eq(&old.connection, &new.connection)
        && Arc::ptr_eq(&old.halt, &new.halt)
        && Arc::ptr_eq(&old.breakers, &new.breakers)
        && Arc::ptr_eq(&old.cards, &new.cards)
        && Arc::ptr_eq(&old.positions, &new.positions)
        && Arc::ptr_eq(&old.orders, &new.orders)
        && Arc::ptr_eq(&old.alerts, &new.alerts)
        && Arc::ptr_eq(&old.activity, &new.activity)
        && is_same_part(old.order_detail.as_ref(), new.order_detail.as_ref())
        && is_same_part(old.history.as_ref(), new.history.as_ref())
        && Arc::ptr_eq(&old.market, &new.market)
        && Arc::ptr_eq(&old.health, &new.health)
        && Arc::ptr_eq(&old.stats, &new.stats)
        && Arc::ptr_eq(&old.feed, &new.feed)
        && Arc::ptr_eq(&old.commands, &new.commands)
        && Arc::ptr_eq(&old.notices, &new.notices)
}

fn is_same_part<T>(old: Option<&Arc<T>>, new: Option<&Arc<T>>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => Arc::ptr_eq(old, new),
        (None, None) => true,
        _ => false,
    }
}
