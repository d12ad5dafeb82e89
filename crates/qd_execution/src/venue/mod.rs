//! The paper venue: takes orders, answers late, fills at the quote, and never more than the quote shows.
//!
//! Knows no accounts and no rules of the desk; whom an order belongs to matters only for reduce-only orders, whose cap
//! it asks for before every fill. Everything it says comes as [`VenueEvent`]s, one at a time, in one order per seed.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use qd_types::{
    FillId, OrderType, PositionKey, Price, Qty, Side, Symbol, TimeInForce, UtcMicros, VenueOrderId,
};

use crate::chance::Chance;
use crate::config::VenueConfig;
use crate::ledger::OrderKey;
use crate::market::Market;

/// What the venue reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VenueEvent {
    /// The order is on the book.
    Acknowledged {
        /// Which order.
        key: OrderKey,
        /// The venue's own id.
        venue_order_id: VenueOrderId,
    },
    /// Some of it traded.
    Filled {
        /// Which order.
        key: OrderKey,
        /// The execution's id, unique for ever.
        fill_id: FillId,
        /// Shares, above zero.
        qty: Qty,
        /// Dollars per share.
        price: Price,
    },
    /// It is off the book.
    Cancelled {
        /// Which order.
        key: OrderKey,
        /// Stable `snake_case`.
        reason: &'static str,
    },
    /// It was a day order and the day is over.
    Expired {
        /// Which order.
        key: OrderKey,
    },
    /// It never came on the book.
    Rejected {
        /// Which order.
        key: OrderKey,
        /// Stable `snake_case`.
        reason: &'static str,
    },
    /// The answer to a question by id: there is no such order here.
    NotFound {
        /// Which order.
        key: OrderKey,
    },
}

impl VenueEvent {
    /// The order it is about.
    pub fn key(&self) -> &OrderKey {
        match self {
            Self::Acknowledged { key, .. }
            | Self::Filled { key, .. }
            | Self::Cancelled { key, .. }
            | Self::Expired { key }
            | Self::Rejected { key, .. }
            | Self::NotFound { key } => key,
        }
    }
}

/// An order as it goes to the venue.
#[derive(Clone, Debug)]
pub struct VenueOrder {
    /// Which order.
    pub key: OrderKey,
    /// The row it trades for.
    pub position: PositionKey,
    /// Which way.
    pub side: Side,
    /// Shares.
    pub qty: Qty,
    /// A stop waits until the market trades at its trigger; then it is a market or a limit order like any other.
    pub order_type: OrderType,
    /// Worst price, for limit and stop-limit orders.
    pub limit_price: Option<Price>,
    /// Trigger, for stop and stop-limit orders.
    pub stop_price: Option<Price>,
    /// How long it stays.
    pub time_in_force: TimeInForce,
    /// Must never trade through a flat position.
    pub reduce_only: bool,
}

#[derive(Clone, Debug)]
struct Resting {
    order: VenueOrder,
    remaining: Qty,
    /// When it may first match: its arrival.
    arrives_at: UtcMicros,
    is_on_book: bool,
    /// A stop order has not been triggered yet.
    waits_for_trigger: bool,
    /// An immediate order has had its one chance.
    had_its_chance: bool,
}

#[derive(Clone, Debug)]
enum Message {
    Arrive(u64),
    Cancel(OrderKey),
    Ask(OrderKey),
}

/// The venue's book and what is on its way to it.
#[derive(Clone, Debug)]
pub struct PaperVenue {
    config: VenueConfig,
    chance: Chance,
    /// Sets the ids of one run apart from those of another.
    run: String,
    orders: BTreeMap<u64, Resting>,
    numbers: BTreeMap<OrderKey, u64>,
    /// By arrival, then by the order of sending.
    inbox: BTreeMap<(UtcMicros, u64), Message>,
    next_order: u64,
    next_fill: u64,
    next_message: u64,
    /// Shares of the present quote's sizes that are gone, per symbol and side.
    taken: BTreeMap<(Symbol, Side), Qty>,
    cursor: u64,
    matches: bool,
    num_events: u64,
}

impl PaperVenue {
    /// An empty book; `run` is part of every id.
    pub fn new(seed: u64, config: VenueConfig, run: &str) -> Self {
        Self {
            config,
            chance: Chance::new(seed, 2),
            run: run.to_owned(),
            orders: BTreeMap::new(),
            numbers: BTreeMap::new(),
            inbox: BTreeMap::new(),
            next_order: 1,
            next_fill: 1,
            next_message: 1,
            taken: BTreeMap::new(),
            cursor: 0,
            matches: false,
            num_events: 0,
        }
    }

    /// Sends an order; the answer comes later.
    pub fn submit(&mut self, order: VenueOrder, now: UtcMicros) {
        let number = self.next_order;
        self.next_order += 1;
        let (least, most) = self.config.ack_millis;
        let arrives_at = now.plus_millis(i64::from(self.chance.between(least, most)));
        self.numbers.insert(order.key.clone(), number);
        self.orders.insert(
            number,
            Resting {
                remaining: order.qty,
                waits_for_trigger: order.stop_price.is_some(),
                order,
                arrives_at,
                is_on_book: false,
                had_its_chance: false,
            },
        );
        self.send(arrives_at, Message::Arrive(number));
    }

    /// Sends a cancel; the order may fill until it arrives.
    pub fn cancel(&mut self, key: &OrderKey, now: UtcMicros) {
        let (least, most) = self.config.cancel_millis;
        let mut arrives_at = now.plus_millis(i64::from(self.chance.between(least, most)));
        // A cancel never overtakes its own order.
        if let Some(resting) = self
            .numbers
            .get(key)
            .and_then(|number| self.orders.get(number))
        {
            arrives_at = arrives_at.max(resting.arrives_at);
        }
        self.send(arrives_at, Message::Cancel(key.clone()));
    }

    /// Asks what became of an order; answered with `Acknowledged` or `NotFound`.
    pub fn ask(&mut self, key: &OrderKey, now: UtcMicros) {
        let (least, most) = self.config.cancel_millis;
        let arrives_at = now.plus_millis(i64::from(self.chance.between(least, most)));
        self.send(arrives_at, Message::Ask(key.clone()));
    }

    fn send(&mut self, at: UtcMicros, message: Message) {
        self.inbox.insert((at, self.next_message), message);
        self.next_message += 1;
    }

    /// The quotes are new: what they show may be taken again.
    pub fn refresh(&mut self, symbols: &[Symbol]) {
        for symbol in symbols {
            self.taken.remove(&(*symbol, Side::Buy));
            self.taken.remove(&(*symbol, Side::Sell));
        }
    }

    /// Begins a step; then [`Self::next_event`] until it has nothing more to say.
    ///
    /// Orders trade only while the market is open; it answers, and takes orders off, at any hour.
    pub fn begin_step(&mut self, is_open: bool) {
        self.cursor = 0;
        self.matches = is_open;
    }

    /// The next thing the venue says at `now`. `held` tells the signed shares of a row, for reduce-only orders.
    ///
    /// Every event must be booked before the next is asked for: the next may depend on it.
    pub fn next_event(
        &mut self,
        now: UtcMicros,
        market: &Market,
        held: impl Fn(&PositionKey) -> Qty,
    ) -> Option<VenueEvent> {
        let event = self
            .next_answer(now, market)
            .or_else(|| self.next_match(market, held));
        self.num_events += u64::from(event.is_some());
        event
    }

    fn next_answer(&mut self, now: UtcMicros, market: &Market) -> Option<VenueEvent> {
        loop {
            let entry = self.inbox.first_entry()?;
            if entry.key().0 > now {
                return None;
            }
            let answer = match entry.remove() {
                Message::Arrive(number) => self.arrive(number, market),
                Message::Cancel(key) => self.take_off(&key, "requested"),
                Message::Ask(key) => Some(match self.numbers.get(&key) {
                    Some(&number) => self.acknowledgement(number, key),
                    None => VenueEvent::NotFound { key },
                }),
            };
            if answer.is_some() {
                return answer;
            }
        }
    }

    fn arrive(&mut self, number: u64, market: &Market) -> Option<VenueEvent> {
        let resting = self.orders.get_mut(&number)?;
        let key = resting.order.key.clone();
        let quote = market.quote(resting.order.symbol());
        let order = &resting.order;
        let reason = match (quote, order.limit_price) {
            (None, _) => Some("unknown_symbol"),
            (Some(quote), Some(limit)) => {
                // A stop's limit is measured where it will matter: at the trigger.
                let reference = order.stop_price.unwrap_or(quote.price);
                let off = (limit - reference).abs();
                let most = reference.get() * self.config.price_band.get();
                (off.get() > most).then_some("price_outside_band")
            }
            (Some(_), None) => None,
        };
        if let Some(reason) = reason {
            self.remove(number);
            return Some(VenueEvent::Rejected { key, reason });
        }
        resting.is_on_book = true;
        if self.chance.hits(self.config.lost_acks_per_mille) {
            return None;
        }
        Some(self.acknowledgement(number, key))
    }

    fn acknowledgement(&self, number: u64, key: OrderKey) -> VenueEvent {
        match VenueOrderId::new(&format!("V{}-{number}", self.run)) {
            Ok(venue_order_id) => VenueEvent::Acknowledged {
                key,
                venue_order_id,
            },
            // Only a run's name of strange characters could do this.
            Err(_) => VenueEvent::NotFound { key },
        }
    }

    fn take_off(&mut self, key: &OrderKey, reason: &'static str) -> Option<VenueEvent> {
        let number = *self.numbers.get(key)?;
        self.remove(number);
        Some(VenueEvent::Cancelled {
            key: key.clone(),
            reason,
        })
    }

    fn remove(&mut self, number: u64) {
        if let Some(resting) = self.orders.remove(&number) {
            self.numbers.remove(&resting.order.key);
        }
    }

    fn next_match(
        &mut self,
        market: &Market,
        held: impl Fn(&PositionKey) -> Qty,
    ) -> Option<VenueEvent> {
        if !self.matches {
            return None;
        }
        loop {
            let (&number, resting) = self.orders.range_mut(self.cursor + 1..).next()?;
            self.cursor = number;
            if !resting.is_on_book {
                continue;
            }
            let order = &resting.order;
            let (key, side, symbol) = (order.key.clone(), order.side, order.symbol());
            let mut want = resting.remaining;
            if order.reduce_only {
                let held = held(&order.position);
                let reduces =
                    !held.is_zero() && held.is_negative() != side.signed(want).is_negative();
                if !reduces {
                    return self.take_off(&key, "nothing_left_to_reduce");
                }
                want = want.min(held.abs());
            }
            let tif = order.time_in_force;
            let is_immediate = matches!(tif, TimeInForce::Ioc | TimeInForce::Fok);
            if is_immediate && resting.had_its_chance {
                return self.take_off(&key, "immediate_rest");
            }
            resting.had_its_chance = true;
            let Some(quote) = market.quote(symbol) else {
                continue;
            };
            if let Some(stop) = order.stop_price
                && resting.waits_for_trigger
            {
                let is_triggered = match side {
                    Side::Buy => quote.price >= stop,
                    Side::Sell => quote.price <= stop,
                };
                if !is_triggered {
                    continue;
                }
                // For good: a market that turns back does not take the trigger back.
                resting.waits_for_trigger = false;
            }
            let (price, shown) = match side {
                Side::Buy => (quote.ask, quote.ask_size),
                Side::Sell => (quote.bid, quote.bid_size),
            };
            let is_good = order.limit_price.is_none_or(|limit| match side {
                Side::Buy => price <= limit,
                Side::Sell => price >= limit,
            });
            let taken = self.taken.entry((symbol, side)).or_default();
            let qty = if is_good {
                want.min(shown - *taken)
            } else {
                Qty::ZERO
            };
            if tif == TimeInForce::Fok && qty < want {
                return self.take_off(&key, "not_all_at_once");
            }
            if !qty.is_positive() {
                continue;
            }
            *taken += qty;
            resting.remaining -= qty;
            let is_done = resting.remaining.is_zero();
            let Ok(fill_id) = FillId::new(&format!("F{}-{}", self.run, self.next_fill)) else {
                continue;
            };
            self.next_fill += 1;
            if is_done {
                self.remove(number);
            }
            return Some(VenueEvent::Filled {
                key,
                fill_id,
                qty,
                price,
            });
        }
    }

    /// Takes every day order off the book: the session is over.
    pub fn end_day(&mut self) -> Vec<VenueEvent> {
        let over: Vec<u64> = self
            .orders
            .iter()
            .filter(|(_, resting)| resting.order.time_in_force != TimeInForce::Gtc)
            .map(|(&number, _)| number)
            .collect();
        let mut events = Vec::with_capacity(over.len());
        for number in over {
            if let Some(resting) = self.orders.get(&number) {
                events.push(VenueEvent::Expired {
                    key: resting.order.key.clone(),
                });
            }
            self.remove(number);
        }
        events
    }

    /// Orders on the book or on their way to it.
    pub fn num_orders(&self) -> usize {
        self.orders.len()
    }

    /// How many events it has reported.
    pub fn num_events(&self) -> u64 {
        self.num_events
    }
}

impl VenueOrder {
    fn symbol(&self) -> Symbol {
        self.position.symbol
    }
}
