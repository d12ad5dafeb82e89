//! The paper venue: takes orders, answers late, and fills no better than the rules of `docs/specs/paper-venue.md`.
//!
//! Here are the messages: what comes in, when it arrives, what is answered. Who fills, at which price and how much is in
//! `matching`. Knows no accounts and no rules of the desk; whom an order belongs to matters only for reduce-only
//! orders, whose cap it asks for before every fill. Everything it says comes as [`VenueEvent`]s, one at a time, in one
//! order per seed.

mod matching;
mod replace;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use qd_types::{
    FillId, OrderTerms, OrderType, PositionKey, Price, Qty, Side, Symbol, TimeInForce, UtcMicros,
    VenueOrderId,
};

use self::matching::{Standing, Visit};
use crate::chance::Chance;
use crate::config::VenueConfig;
use crate::ledger::OrderKey;
use crate::market::{Market, Traded};

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
    /// It has new terms, and all before are void. When nothing of it is left then, it is off the book, filled.
    Replaced {
        /// Which order.
        key: OrderKey,
        /// What it asks for from now on: never less than what had been filled.
        terms: OrderTerms,
    },
    /// It was not changed: it is what it was, also when that is gone.
    ReplaceRejected {
        /// Which order.
        key: OrderKey,
        /// Stable `snake_case`.
        reason: &'static str,
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
            | Self::Replaced { key, .. }
            | Self::ReplaceRejected { key, .. }
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

/// What the venue does at a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hours {
    /// Orders are taken and trade.
    Open,
    /// Outside the session: nothing trades, and orders that cannot wait are rejected.
    #[default]
    Closed,
    /// A tape that was stopped by hand: orders are taken, and nothing happens to them until it goes on.
    StandsStill,
}

/// An order that the venue has, or that is on its way to it.
#[derive(Clone, Debug)]
struct Entry {
    order: VenueOrder,
    remaining: Qty,
    /// When it may first match: its arrival.
    arrives_at: UtcMicros,
    standing: Standing,
    /// Time priority: counts arrivals, triggers and places taken in a queue.
    rank: u64,
    /// The step in which it came onto the book: what traded before that is not for it.
    since_step: u64,
}

#[derive(Clone, Debug)]
enum Message {
    Arrive(u64),
    Cancel(OrderKey),
    Replace(OrderKey, OrderTerms),
    Ask(OrderKey),
}

/// The venue's book and what is on its way to it.
#[derive(Clone, Debug)]
pub struct PaperVenue {
    config: VenueConfig,
    chance: Chance,
    /// Sets the ids of one run apart from those of another.
    run: String,
    orders: BTreeMap<u64, Entry>,
    numbers: BTreeMap<OrderKey, u64>,
    /// By arrival, then by the order of sending.
    inbox: BTreeMap<(UtcMicros, u64), Message>,
    next_order: u64,
    next_rank: u64,
    next_fill: u64,
    next_message: u64,
    hours: Hours,
    /// The last step of a moving market was in the session.
    was_open: bool,
    /// Symbols that did not trade at the last step: their orders arrive anew when they do.
    halted: BTreeSet<Symbol>,
    /// Shares of the present quote's sizes that are gone, per symbol and side of the order.
    taken: BTreeMap<(Symbol, Side), Qty>,
    /// Symbols with a quote that no order has been held against yet.
    fresh: BTreeSet<Symbol>,
    /// What traded on the market and has not passed the queues yet, with the shares that are left of it.
    traded: BTreeMap<Symbol, Vec<Traded>>,
    /// The orders that are still to be looked at in this step, last first; `None` before the first look.
    visits: Option<Vec<Visit>>,
    num_steps: u64,
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
            next_rank: 1,
            next_fill: 1,
            next_message: 1,
            hours: Hours::Closed,
            was_open: false,
            halted: BTreeSet::new(),
            taken: BTreeMap::new(),
            fresh: BTreeSet::new(),
            traded: BTreeMap::new(),
            visits: None,
            num_steps: 0,
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
            Entry {
                remaining: order.qty,
                order,
                arrives_at,
                standing: Standing::EnRoute,
                rank: 0,
                since_step: 0,
            },
        );
        self.send(arrives_at, Message::Arrive(number));
    }

    /// Sends a cancel; the order may fill until it arrives.
    pub fn cancel(&mut self, key: &OrderKey, now: UtcMicros) {
        let arrives_at = self.arrival_behind(key, now);
        self.send(arrives_at, Message::Cancel(key.clone()));
    }

    /// Sends a change; the order may fill on its old terms until it arrives.
    pub fn replace(&mut self, key: &OrderKey, terms: OrderTerms, now: UtcMicros) {
        let arrives_at = self.arrival_behind(key, now);
        self.send(arrives_at, Message::Replace(key.clone(), terms));
    }

    /// When a message about an order arrives: it never overtakes the order itself.
    fn arrival_behind(&mut self, key: &OrderKey, now: UtcMicros) -> UtcMicros {
        let (least, most) = self.config.cancel_millis;
        let arrives_at = now.plus_millis(i64::from(self.chance.between(least, most)));
        let entry = self
            .numbers
            .get(key)
            .and_then(|number| self.orders.get(number));
        entry.map_or(arrives_at, |entry| arrives_at.max(entry.arrives_at))
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

    /// The market has made a tick: new quotes may be taken anew, and what traded passes the queues.
    pub fn refresh(&mut self, market: &Market) {
        for &symbol in market.requoted() {
            self.taken.remove(&(symbol, Side::Buy));
            self.taken.remove(&(symbol, Side::Sell));
            self.fresh.insert(symbol);
        }
        let is_awaited: BTreeSet<Symbol> = self.orders.values().map(Entry::symbol).collect();
        for one in market.traded() {
            if is_awaited.contains(&one.symbol) {
                self.traded.entry(one.symbol).or_default().push(one);
            }
        }
    }

    /// Begins a step; then [`Self::next_event`] until it has nothing more to say.
    ///
    /// Orders trade only while the market is open; it answers, and takes orders off, at any hour.
    pub fn begin_step(&mut self, hours: Hours, market: &Market) {
        self.num_steps += 1;
        self.visits = None;
        let opens = hours == Hours::Open && !self.was_open;
        // A tape that stands still is neither closed nor opened by it.
        if hours != Hours::StandsStill {
            self.was_open = hours == Hours::Open;
        }
        // What came meanwhile is nobody's.
        if hours != Hours::Open {
            self.fresh.clear();
            self.traded.clear();
        }
        self.hours = hours;
        for entry in self.orders.values_mut() {
            let symbol = entry.symbol();
            let reopens = self.halted.contains(&symbol) && !market.is_halted(symbol);
            if opens || reopens {
                entry.arrive_anew();
            }
        }
        self.halted.clone_from(market.halted());
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
            let first = self.inbox.first_entry()?;
            if first.key().0 > now {
                return None;
            }
            let answer = match first.remove() {
                Message::Arrive(number) => self.arrive(number, market),
                Message::Cancel(key) => self.take_off(&key, "requested"),
                Message::Replace(key, terms) => Some(self.change(key, terms, market)),
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
        let entry = self.orders.get_mut(&number)?;
        let key = entry.order.key.clone();
        if let Some(reason) = refusal(&entry.order, self.hours, self.config.price_band, market) {
            self.remove(number);
            return Some(VenueEvent::Rejected { key, reason });
        }
        entry.standing = if entry.order.stop_price.is_some() {
            Standing::Waiting
        } else {
            Standing::Taking
        };
        entry.since_step = self.num_steps;
        entry.rank = self.next_rank;
        self.next_rank += 1;
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
        if let Some(entry) = self.orders.remove(&number) {
            self.numbers.remove(&entry.order.key);
        }
    }

    /// Takes every day order off the book: the session is over.
    pub fn end_day(&mut self) -> Vec<VenueEvent> {
        let over: Vec<u64> = self
            .orders
            .iter()
            .filter(|(_, entry)| entry.order.time_in_force != TimeInForce::Gtc)
            .map(|(&number, _)| number)
            .collect();
        let mut events = Vec::with_capacity(over.len());
        for number in over {
            if let Some(entry) = self.orders.get(&number) {
                events.push(VenueEvent::Expired {
                    key: entry.order.key.clone(),
                });
            }
            self.remove(number);
        }
        events
    }

    /// What is still open of an order here, on the terms it has here.
    #[cfg(test)]
    pub(crate) fn standing(&self, key: &OrderKey) -> Option<(Qty, &VenueOrder)> {
        let entry = self.orders.get(self.numbers.get(key)?)?;
        Some((entry.remaining, &entry.order))
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

/// Why an order never comes onto the book, if there is a reason.
fn refusal(
    order: &VenueOrder,
    hours: Hours,
    band: qd_types::Ratio,
    market: &Market,
) -> Option<&'static str> {
    let Some(quote) = market.quote(order.symbol()) else {
        return Some("unknown_symbol");
    };
    if let Some(limit) = order.limit_price {
        // A stop's limit is measured where it will matter: at the trigger.
        let reference = order.stop_price.unwrap_or(quote.price);
        let off = (limit - reference).abs();
        if off.get() > reference.get() * band.get() {
            return Some("price_outside_band");
        }
    }
    let can_wait = order.order_type != OrderType::Market && !order.is_immediate();
    if can_wait {
        None
    } else if hours == Hours::Closed {
        Some("market_closed")
    } else if market.is_halted(order.symbol()) {
        Some("symbol_halted")
    } else {
        None
    }
}

impl VenueOrder {
    fn symbol(&self) -> Symbol {
        self.position.symbol
    }

    /// Now or not at all.
    fn is_immediate(&self) -> bool {
        matches!(self.time_in_force, TimeInForce::Ioc | TimeInForce::Fok)
    }
}

impl Entry {
    fn symbol(&self) -> Symbol {
        self.order.symbol()
    }

    /// Trading begins: what stood in a queue may take what the first quote shows, and finds its place after it.
    fn arrive_anew(&mut self) {
        if let Standing::Resting { .. } = self.standing {
            self.standing = Standing::Taking;
        }
    }
}
