//! The fill rules of `docs/specs/paper-venue.md`: row by row, and by chance over orders, quotes, halts and hours.

mod by_chance;
mod by_hours;
mod by_rule;
mod changes;
mod script;

use qd_types::{AccountId, ClientOrderId, StrategyId};

use super::*;
use crate::market::Quote;

const START: UtcMicros = UtcMicros(1_763_821_096_204_000);

fn symbol() -> Symbol {
    Symbol::new("AAPL").unwrap()
}

fn cents(cents: i64) -> Price {
    Price::from_units(cents, 2)
}

fn shares(count: i64) -> Qty {
    Qty::from_units(count, 0)
}

fn key(number: u32) -> OrderKey {
    OrderKey {
        account: AccountId::new("PAPER-1").unwrap(),
        client_order_id: ClientOrderId::new(&format!("o-{number}")).unwrap(),
    }
}

/// A day order that may be a limit, a stop, both or neither.
fn order(number: u32, side: Side, qty: i64, limit: Option<i64>, stop: Option<i64>) -> VenueOrder {
    let key = key(number);
    VenueOrder {
        position: PositionKey {
            account: key.account.clone(),
            strategy: StrategyId::new("manual").unwrap(),
            symbol: symbol(),
        },
        key,
        side,
        qty: shares(qty),
        order_type: match (limit, stop) {
            (None, None) => OrderType::Market,
            (Some(_), None) => OrderType::Limit,
            (None, Some(_)) => OrderType::Stop,
            (Some(_), Some(_)) => OrderType::StopLimit,
        },
        limit_price: limit.map(cents),
        stop_price: stop.map(cents),
        time_in_force: TimeInForce::Day,
        reduce_only: false,
    }
}

fn terms(qty: i64, limit: Option<i64>, stop: Option<i64>) -> OrderTerms {
    OrderTerms {
        qty: shares(qty),
        limit_price: limit.map(cents),
        stop_price: stop.map(cents),
    }
}

/// A quote as `(bid, shares)`, `(ask, shares)` and the last trade, in cents.
fn quote(bid: (i64, i64), ask: (i64, i64), last: i64) -> Quote {
    Quote {
        symbol: symbol(),
        price: cents(last),
        bid: cents(bid.0),
        ask: cents(ask.0),
        bid_size: shares(bid.1),
        ask_size: shares(ask.1),
        at: START,
        quoted_at: START,
        is_halted: false,
    }
}

/// A venue that answers at once and forgets nothing, on a market that the test moves.
struct Stage {
    market: Market,
    venue: PaperVenue,
    now: UtcMicros,
    hours: Hours,
    /// What the row holds, for reduce-only orders; moves with the fills.
    held: Qty,
}

impl Stage {
    /// An open market at 99.90 / 100.10, a hundred shares on each side.
    fn new() -> Self {
        let config = VenueConfig {
            ack_millis: (0, 0),
            cancel_millis: (0, 0),
            lost_acks_per_mille: 0,
            ..VenueConfig::default()
        };
        let mut stage = Self {
            market: Market::new(1, crate::market::Session::AlwaysOpen, START),
            venue: PaperVenue::new(1, config, "t"),
            now: START,
            hours: Hours::Open,
            held: Qty::ZERO,
        };
        stage
            .market
            .stage(&[quote((9_990, 100), (10_010, 100), 10_000)], &[]);
        stage.venue.refresh(&stage.market);
        stage.step();
        stage
    }

    fn send(&mut self, order: VenueOrder) {
        self.venue.submit(order, self.now);
    }

    /// A tick of the market: perhaps a new quote, and what traded, as `(cents, shares)`.
    fn tick(&mut self, new: Option<Quote>, traded: &[(i64, i64)]) {
        let traded: Vec<Traded> = traded
            .iter()
            .map(|&(price, qty)| Traded {
                symbol: symbol(),
                price: cents(price),
                qty: shares(qty),
            })
            .collect();
        self.market.stage(new.as_slice(), &traded);
        self.venue.refresh(&self.market);
    }

    fn halt(&mut self, is_halted: bool) {
        self.market.stage_halt(symbol(), is_halted);
    }

    /// A step of the venue and everything it says.
    fn step(&mut self) -> Vec<VenueEvent> {
        self.now = self.now.plus_millis(50);
        self.venue.begin_step(self.hours, &self.market);
        let mut said = Vec::new();
        while let Some(event) = self.venue.next_event(self.now, &self.market, |_| self.held) {
            if let VenueEvent::Filled { qty, .. } = &event {
                // Only reduce-only orders look at it, and the tests send those as sells.
                self.held -= *qty;
            }
            said.push(event);
        }
        said
    }
}

/// `o-1 fills 100 at 100.1`, `o-1 ends: reason`; nothing for an acknowledgement.
fn words(event: &VenueEvent) -> Option<String> {
    let id = &event.key().client_order_id;
    match event {
        VenueEvent::Acknowledged { .. } => None,
        VenueEvent::Filled { qty, price, .. } => Some(format!(
            "{id} fills {} at {}",
            qty.to_canonical(),
            price.to_canonical()
        )),
        VenueEvent::Replaced { terms, .. } => {
            let price = |name, price: Option<Price>| {
                price.map_or_else(String::new, |price| {
                    format!(", {name} {}", price.to_canonical())
                })
            };
            Some(format!(
                "{id} has {}{}{}",
                terms.qty.to_canonical(),
                price("limit", terms.limit_price),
                price("stop", terms.stop_price)
            ))
        }
        VenueEvent::ReplaceRejected { reason, .. } => Some(format!("{id} stays: {reason}")),
        VenueEvent::Cancelled { reason, .. } | VenueEvent::Rejected { reason, .. } => {
            Some(format!("{id} ends: {reason}"))
        }
        VenueEvent::Expired { .. } => Some(format!("{id} ends: expired")),
        VenueEvent::NotFound { .. } => Some(format!("{id} ends: not found")),
    }
}
