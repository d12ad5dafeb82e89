//! Who fills, at which price and how much: the rules of `docs/specs/paper-venue.md`, one order at a time.
//!
//! Answers no messages and keeps no time; it is asked once a step, after everything that has arrived by then.

use std::collections::btree_map::Entry as MapEntry;

use qd_types::{FillId, PositionKey, Price, Qty, Side, Symbol, TimeInForce};

use super::{Entry, Hours, PaperVenue, VenueEvent};
use crate::market::{Market, Quote, Traded};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// On its way.
    EnRoute,
    /// A stop that waits for its trigger.
    Waiting,
    /// Takes what the other side shows, at the price that it shows.
    Taking,
    /// Stands in the queue at its own limit.
    Resting {
        /// Shares of others that trade first; unknown while its price is behind the best of its side.
        ahead: Option<Qty>,
    },
}

/// What an order is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Against {
    /// What traded on the market since the last tick.
    Traded,
    /// The present quote.
    Quote,
}

/// One look at one order. Sorted by who is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Visit {
    against: Against,
    symbol: Symbol,
    side: Side,
    /// The limit, so turned that the better one is smaller; market orders are before all.
    price: Option<Price>,
    rank: u64,
    number: u64,
}

/// An order's limit against a price, seen from the side that it trades on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// The price is better for the order than its limit: the market went through it.
    Through,
    /// It is the limit.
    At,
    /// It is worse.
    Away,
}

impl PaperVenue {
    pub(super) fn next_match(
        &mut self,
        market: &Market,
        held: impl Fn(&PositionKey) -> Qty,
    ) -> Option<VenueEvent> {
        if self.hours != Hours::Open {
            return None;
        }
        if self.visits.is_none() {
            self.trigger(market);
            self.visits = Some(self.plan(market));
        }
        while let Some(visit) = self.visits.as_mut().and_then(Vec::pop) {
            if let Some(event) = self.visit(visit, market, &held) {
                return Some(event);
            }
        }
        self.fresh.clear();
        self.traded.clear();
        None
    }

    /// Wakes stops: for good, a market that turns back does not take the trigger back.
    fn trigger(&mut self, market: &Market) {
        for entry in self.orders.values_mut() {
            let (Standing::Waiting, Some(stop)) = (entry.standing, entry.order.stop_price) else {
                continue;
            };
            let symbol = entry.symbol();
            let Some(quote) = market.quote(symbol).filter(|_| !market.is_halted(symbol)) else {
                continue;
            };
            let has_reached = |price: Price| match entry.order.side {
                Side::Buy => price >= stop,
                Side::Sell => price <= stop,
            };
            // What traded before it came is nothing to it.
            let is_earlier = entry.since_step < self.num_steps;
            let traded = self.traded.get(&symbol).filter(|_| is_earlier);
            let is_hit = has_reached(quote.price)
                || traded.is_some_and(|all| all.iter().any(|one| has_reached(one.price)));
            if is_hit {
                entry.standing = Standing::Taking;
                entry.rank = self.next_rank;
                self.next_rank += 1;
            }
        }
    }

    /// Every look of this step, last first.
    fn plan(&self, market: &Market) -> Vec<Visit> {
        let mut visits = Vec::with_capacity(self.orders.len());
        for (&number, entry) in &self.orders {
            let symbol = entry.symbol();
            if entry.standing == Standing::EnRoute || market.is_halted(symbol) {
                continue;
            }
            let side = entry.order.side;
            let visit = |against| Visit {
                against,
                symbol,
                side,
                price: entry.order.limit_price.map(|limit| match side {
                    Side::Buy => -limit,
                    Side::Sell => limit,
                }),
                rank: entry.rank,
                number,
            };
            let is_resting = matches!(entry.standing, Standing::Resting { .. });
            if is_resting && self.traded.contains_key(&symbol) {
                visits.push(visit(Against::Traded));
            }
            if !is_resting || entry.order.reduce_only || self.fresh.contains(&symbol) {
                visits.push(visit(Against::Quote));
            }
        }
        visits.sort_unstable_by(|one, other| other.cmp(one));
        visits
    }

    fn visit(
        &mut self,
        visit: Visit,
        market: &Market,
        held: impl Fn(&PositionKey) -> Qty,
    ) -> Option<VenueEvent> {
        let entry = self.orders.get_mut(&visit.number)?;
        let order = &entry.order;
        let mut want = entry.remaining;
        if order.reduce_only {
            let held = held(&order.position);
            let reduces =
                !held.is_zero() && held.is_negative() != order.side.signed(want).is_negative();
            if !reduces {
                let key = order.key.clone();
                return self.take_off(&key, "nothing_left_to_reduce");
            }
            want = want.min(held.abs());
        }
        let symbol = visit.symbol;
        if visit.against == Against::Traded {
            let traded = self.traded.get_mut(&symbol)?;
            let (qty, limit) = entry.meet_traded(want, traded)?;
            return self.fill(visit.number, qty, limit);
        }
        let quote = market.quote(symbol)?;
        match entry.standing {
            Standing::EnRoute | Standing::Waiting => None,
            Standing::Taking => self.take(visit, want, quote),
            Standing::Resting { .. } => {
                if !self.fresh.contains(&symbol) {
                    return None;
                }
                entry.find_place(quote);
                let taken = self.taken.entry((symbol, visit.side)).or_default();
                let (qty, limit) = entry.meet_quote(want, quote, taken)?;
                self.fill(visit.number, qty, limit)
            }
        }
    }

    /// An order that takes: what is shown and left, at the quote; it rests when the quote is beyond its limit.
    fn take(&mut self, visit: Visit, want: Qty, quote: &Quote) -> Option<VenueEvent> {
        let entry = self.orders.get_mut(&visit.number)?;
        let (price, shown) = other_side(visit.side, quote);
        let is_shown = shown.is_positive();
        let is_good = is_shown
            && entry
                .order
                .limit_price
                .is_none_or(|limit| compare(visit.side, limit, price) != Compared::Away);
        let taken = self.taken.entry((visit.symbol, visit.side)).or_default();
        let left = (shown - *taken).max(Qty::ZERO);
        let qty = if is_good { want.min(left) } else { Qty::ZERO };
        match entry.order.time_in_force {
            // A cap that leaves less than the whole order leaves nothing.
            TimeInForce::Fok if qty < entry.remaining => {
                let key = entry.order.key.clone();
                return self.take_off(&key, "not_all_at_once");
            }
            TimeInForce::Ioc => {
                if !qty.is_positive() {
                    let key = entry.order.key.clone();
                    return self.take_off(&key, "immediate_rest");
                }
                // Looked at once more in this same step, it finds nothing left and goes.
                if let Some(visits) = &mut self.visits {
                    visits.push(visit);
                }
            }
            TimeInForce::Fok | TimeInForce::Day | TimeInForce::Gtc => {
                // An empty side says nothing about the market: the order waits for one that does.
                if is_shown && !is_good {
                    entry.standing = Standing::Resting { ahead: None };
                    // It joins its queue now, whenever it came.
                    entry.rank = self.next_rank;
                    self.next_rank += 1;
                    entry.find_place(quote);
                }
            }
        }
        if !qty.is_positive() {
            return None;
        }
        *taken += qty;
        self.fill(visit.number, qty, price)
    }

    fn fill(&mut self, number: u64, qty: Qty, price: Price) -> Option<VenueEvent> {
        let fill_id = FillId::new(&format!("F{}-{}", self.run, self.next_fill)).ok()?;
        let MapEntry::Occupied(mut entry) = self.orders.entry(number) else {
            return None;
        };
        let key = entry.get().order.key.clone();
        entry.get_mut().remaining -= qty;
        if entry.get().remaining.is_zero() {
            entry.remove();
            self.numbers.remove(&key);
        }
        self.next_fill += 1;
        Some(VenueEvent::Filled {
            key,
            fill_id,
            qty,
            price,
        })
    }
}

impl Entry {
    /// Where a resting order stands behind the new quote: never behind more than before.
    fn find_place(&mut self, quote: &Quote) {
        let (Standing::Resting { ahead }, Some(limit)) =
            (&mut self.standing, self.order.limit_price)
        else {
            return;
        };
        let (best, shown) = match self.order.side {
            Side::Buy => (quote.bid, quote.bid_size),
            Side::Sell => (quote.ask, quote.ask_size),
        };
        if !shown.is_positive() {
            return;
        }
        match compare(self.order.side, limit, best) {
            // Its price is better than any that others show: it is alone there.
            Compared::Through => *ahead = Some(Qty::ZERO),
            Compared::At => *ahead = Some(ahead.map_or(shown, |ahead| ahead.min(shown))),
            Compared::Away => {}
        }
    }

    /// Takes its part of what traded on the market: those ahead of it first, then the order, at its limit.
    fn meet_traded(&mut self, want: Qty, traded: &mut [Traded]) -> Option<(Qty, Price)> {
        let side = self.order.side;
        let limit = self.order.limit_price?;
        let Standing::Resting { ahead } = &mut self.standing else {
            return None;
        };
        let mut qty = Qty::ZERO;
        for one in traded.iter_mut().filter(|one| one.price == limit) {
            if let Some(ahead) = ahead {
                qty += pass(ahead, want - qty, &mut one.qty);
            }
        }
        // Whoever trades beyond its price has served everybody at its price.
        for one in traded
            .iter_mut()
            .filter(|one| compare(side, limit, one.price) == Compared::Through)
        {
            *ahead = Some(Qty::ZERO);
            let part = (want - qty).min(one.qty);
            one.qty -= part;
            qty += part;
        }
        qty.is_positive().then_some((qty, limit))
    }

    /// Trades with the other side that has come to its price, at its limit; `taken` is what is gone of that side.
    fn meet_quote(&mut self, want: Qty, quote: &Quote, taken: &mut Qty) -> Option<(Qty, Price)> {
        let limit = self.order.limit_price?;
        let Standing::Resting { ahead } = &mut self.standing else {
            return None;
        };
        let (price, shown) = other_side(self.order.side, quote);
        if !shown.is_positive() {
            return None;
        }
        let left = (shown - *taken).max(Qty::ZERO);
        let qty = match compare(self.order.side, limit, price) {
            Compared::Away => return None,
            Compared::Through => {
                *ahead = Some(Qty::ZERO);
                want.min(left)
            }
            Compared::At => {
                let mut left = left;
                pass(ahead.as_mut()?, want, &mut left)
            }
        };
        *taken += qty;
        qty.is_positive().then_some((qty, limit))
    }
}

/// `left` shares come down a queue: what those `ahead` let through is the order's, as far as it wants it.
///
/// Only the order's own part leaves `left`: an order behind it stands behind the same others.
fn pass(ahead: &mut Qty, want: Qty, left: &mut Qty) -> Qty {
    let through = (*left - *ahead).max(Qty::ZERO);
    *ahead = (*ahead - *left).max(Qty::ZERO);
    let part = want.min(through);
    *left -= part;
    part
}

/// What an order on `side` can take: price and shares.
fn other_side(side: Side, quote: &Quote) -> (Price, Qty) {
    match side {
        Side::Buy => (quote.ask, quote.ask_size),
        Side::Sell => (quote.bid, quote.bid_size),
    }
}

fn compare(side: Side, limit: Price, price: Price) -> Compared {
    use std::cmp::Ordering;
    let better = match side {
        Side::Buy => price.cmp(&limit).reverse(),
        Side::Sell => price.cmp(&limit),
    };
    match better {
        Ordering::Greater => Compared::Through,
        Ordering::Equal => Compared::At,
        Ordering::Less => Compared::Away,
    }
}
