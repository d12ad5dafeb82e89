//! Whether a new picture deserves a frame of its own, or may wait for the clock's next one.
//!
//! A beat that proves again what is on screen, a counter, a poll with the answer of the one before: each makes a new
//! snapshot, none changes what a trader acts on. Waking a frame for them would keep an idle console drawing. They are
//! seen with the clock's frame, at most a second later.

use std::sync::Arc;

use super::{
    AlertsView, BreakersView, Card, CardsView, ConnectionView, HaltView, MarketView, OrdersView,
    PositionsView, Seal, SealState, Snapshot, StatsView, TapeView,
};
use crate::event::TapeMotion;

/// When a snapshot wants to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// With the next frame, which must be asked for.
    Now,
    /// With whatever frame comes next; the clock's comes within a second.
    WithTheClock,
}

impl Snapshot {
    /// How soon this picture must follow `before` on screen.
    pub fn urgency_after(&self, before: &Self) -> Urgency {
        // Named one by one: a new part must say here whether it can wait.
        let Self {
            version: _,
            as_of: _,
            clock_offset_micros: _,
            feed: _,
            zone,
            session,
            environment,
            connection: new_connection,
            halt: new_halt,
            breakers: new_breakers,
            cards: new_cards,
            positions: new_positions,
            orders: new_orders,
            alerts: new_alerts,
            activity,
            order_detail,
            history,
            market: new_market,
            health,
            stats: new_stats,
            commands,
            notices,
        } = self;
        let is_calm = before.version > 0
            && *session == before.session
            && *zone == before.zone
            && *environment == before.environment
            && connection(new_connection, &before.connection)
            && halt(new_halt, &before.halt)
            && breakers(new_breakers, &before.breakers)
            && cards(new_cards, &before.cards)
            && positions(new_positions, &before.positions)
            && orders(new_orders, &before.orders)
            && alerts(new_alerts, &before.alerts)
            && *activity == before.activity
            && *order_detail == before.order_detail
            && *history == before.history
            && market(new_market, &before.market)
            && health.status == before.health.status
            && health.freshness == before.health.freshness
            && stats(new_stats, &before.stats)
            && *commands == before.commands
            && *notices == before.notices;
        if is_calm {
            Urgency::WithTheClock
        } else {
            Urgency::Now
        }
    }
}

/// Without the age of the newest word, which runs anyway, and the latency's figures.
fn connection(new: &Arc<ConnectionView>, old: &Arc<ConnectionView>) -> bool {
    Arc::ptr_eq(new, old)
        || ConnectionView {
            text: Arc::clone(&old.text),
            newest_stamp_at: old.newest_stamp_at,
            clock: old.clock,
            ..ConnectionView::clone(new)
        } == **old
}

/// The number may run; whether it may be believed may not.
fn seal(new: &Arc<Seal>, old: &Arc<Seal>) -> bool {
    Arc::ptr_eq(new, old)
        || (new.tone == old.tone
            && new.missing == old.missing
            && match (&new.state, &old.state) {
                (SealState::Verified { pos: new, .. }, SealState::Verified { pos: old, .. }) => {
                    new.epoch == old.epoch
                }
                (new, old) => new == old,
            })
}

fn halt(new: &Arc<HaltView>, old: &Arc<HaltView>) -> bool {
    Arc::ptr_eq(new, old)
        || (seal(&new.seal, &old.seal)
            && HaltView {
                seal: Arc::clone(&old.seal),
                confirmed_at: old.confirmed_at,
                ..HaltView::clone(new)
            } == **old)
}

fn breakers(new: &Arc<BreakersView>, old: &Arc<BreakersView>) -> bool {
    Arc::ptr_eq(new, old)
        || (seal(&new.seal, &old.seal)
            && BreakersView {
                seal: Arc::clone(&old.seal),
                ..BreakersView::clone(new)
            } == **old)
}

fn alerts(new: &Arc<AlertsView>, old: &Arc<AlertsView>) -> bool {
    Arc::ptr_eq(new, old)
        || (seal(&new.seal, &old.seal)
            && AlertsView {
                seal: Arc::clone(&old.seal),
                ..AlertsView::clone(new)
            } == **old)
}

fn cards(new: &Arc<CardsView>, old: &Arc<CardsView>) -> bool {
    let card = |new: &Card, old: &Card| {
        Card {
            confirmed_at: old.confirmed_at,
            marked_at: old.marked_at,
            // A line that grows by the value that stands is no news.
            points: Arc::clone(&old.points),
            ..new.clone()
        } == *old
    };
    Arc::ptr_eq(new, old)
        || (card(&new.unrealized, &old.unrealized)
            && card(&new.realized, &old.realized)
            && card(&new.count, &old.count)
            && card(&new.buying_power, &old.buying_power)
            && card(&new.exposure, &old.exposure))
}

fn positions(new: &Arc<PositionsView>, old: &Arc<PositionsView>) -> bool {
    Arc::ptr_eq(new, old)
        || (seal(&new.seal, &old.seal)
            && PositionsView {
                seal: Arc::clone(&old.seal),
                confirmed_at: old.confirmed_at,
                marked_at: old.marked_at,
                ..PositionsView::clone(new)
            } == **old)
}

fn orders(new: &Arc<OrdersView>, old: &Arc<OrdersView>) -> bool {
    Arc::ptr_eq(new, old)
        || (seal(&new.seal, &old.seal)
            && OrdersView {
                seal: Arc::clone(&old.seal),
                confirmed_at: old.confirmed_at,
                ..OrdersView::clone(new)
            } == **old)
}

fn market(new: &Arc<MarketView>, old: &Arc<MarketView>) -> bool {
    // A tape that plays goes on by itself between two answers; where one stands still is news.
    let course = |tape: TapeView| {
        let stands_at = (tape.motion != TapeMotion::Plays).then_some(tape.at);
        (tape.speed, tape.motion, tape.day, tape.num_days, stands_at)
    };
    let is_same_tape = new.tape.map(course) == old.tape.map(course);
    Arc::ptr_eq(new, old)
        || is_same_tape
            && MarketView {
                tape: old.tape,
                loaded_at: old.loaded_at,
                ..MarketView::clone(new)
            } == **old
}

fn stats(new: &Arc<StatsView>, old: &Arc<StatsView>) -> bool {
    Arc::ptr_eq(new, old)
        || StatsView {
            loaded_at: old.loaded_at,
            ..StatsView::clone(new)
        } == **old
}
