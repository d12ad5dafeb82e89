//! The fill rules by table and by chance: never outside the quote, never more than it shows, never before the trigger.

use proptest::prelude::*;
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

fn quote(bid: i64, ask: i64, last: i64, size: i64, at: UtcMicros) -> Quote {
    Quote {
        symbol: symbol(),
        price: cents(last),
        bid: cents(bid),
        ask: cents(ask),
        bid_size: shares(size),
        ask_size: shares(size),
        at,
        quoted_at: at,
    }
}

fn order(number: u32, side: Side, qty: i64, limit: Option<i64>, stop: Option<i64>) -> VenueOrder {
    let account = AccountId::new("PAPER-1").unwrap();
    VenueOrder {
        key: OrderKey {
            account: account.clone(),
            client_order_id: ClientOrderId::new(&format!("o-{number}")).unwrap(),
        },
        position: PositionKey {
            account,
            strategy: StrategyId::new("manual").unwrap(),
            symbol: symbol(),
        },
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

/// A venue that answers at once and forgets nothing, on a market whose quotes the test sets.
struct Stage {
    market: Market,
    venue: PaperVenue,
    now: UtcMicros,
}

impl Stage {
    fn new(first: Quote) -> Self {
        let config = VenueConfig {
            ack_millis: (0, 1),
            cancel_millis: (0, 1),
            lost_acks_per_mille: 0,
            ..VenueConfig::default()
        };
        let mut market = Market::new(1, START);
        market.put(first);
        Self {
            market,
            venue: PaperVenue::new(1, config, "t"),
            now: START,
        }
    }

    /// Sets the quote and lets everything happen; the fills as `(order, shares, cents)`, other ends as words.
    fn step(&mut self, next: Quote) -> Vec<String> {
        self.now = self.now.plus_millis(50);
        self.market.put(next);
        self.venue.refresh(&[symbol()]);
        self.venue.begin_step(true);
        let mut said = Vec::new();
        while let Some(event) = self.venue.next_event(self.now, &self.market, |_| Qty::ZERO) {
            let id = event.key().client_order_id.to_string();
            match event {
                VenueEvent::Acknowledged { .. } => {}
                VenueEvent::Filled { qty, price, .. } => said.push(format!(
                    "{id} fills {} at {}",
                    qty.to_canonical(),
                    price.to_canonical()
                )),
                VenueEvent::Cancelled { reason, .. } | VenueEvent::Rejected { reason, .. } => {
                    said.push(format!("{id} ends: {reason}"));
                }
                VenueEvent::Expired { .. } | VenueEvent::NotFound { .. } => {
                    said.push(format!("{id} ends"));
                }
            }
        }
        said
    }
}

/// One order, the quotes after it as `(bid, ask, last, size)`, and what is said at each.
type Case = (
    VenueOrder,
    Vec<((i64, i64, i64, i64), &'static [&'static str])>,
);

#[test]
fn each_type_of_order_fills_where_and_when_its_rule_says() {
    let ioc = |order: VenueOrder| VenueOrder {
        time_in_force: TimeInForce::Ioc,
        ..order
    };
    let fok = |order: VenueOrder| VenueOrder {
        time_in_force: TimeInForce::Fok,
        ..order
    };
    let cases: Vec<Case> = vec![
        // A market order takes what is shown, and the rest of the next quote.
        (
            order(1, Side::Buy, 150, None, None),
            vec![
                ((9_990, 10_010, 10_000, 100), &["o-1 fills 100 at 100.1"]),
                ((9_995, 10_020, 10_000, 100), &["o-1 fills 50 at 100.2"]),
            ],
        ),
        // A limit fills at the quote, which may be better than it asked for, and never worse.
        (
            order(1, Side::Buy, 50, Some(10_050), None),
            vec![((9_990, 10_010, 10_000, 100), &["o-1 fills 50 at 100.1"])],
        ),
        (
            order(1, Side::Sell, 50, Some(10_050), None),
            vec![
                ((9_990, 10_010, 10_000, 100), &[]),
                ((10_049, 10_060, 10_055, 100), &[]),
                ((10_060, 10_070, 10_065, 30), &["o-1 fills 30 at 100.6"]),
                ((10_050, 10_070, 10_060, 30), &["o-1 fills 20 at 100.5"]),
            ],
        ),
        // A stop waits for a trade at its trigger, whatever the quote shows; then it is a market order.
        (
            order(1, Side::Buy, 50, None, Some(10_100)),
            vec![
                ((9_990, 10_010, 10_000, 100), &[]),
                ((10_100, 10_120, 10_099, 100), &[]),
                ((10_100, 10_120, 10_100, 30), &["o-1 fills 30 at 101.2"]),
                // The market turns back; the trigger stands.
                ((9_990, 10_010, 10_000, 100), &["o-1 fills 20 at 100.1"]),
            ],
        ),
        (
            order(1, Side::Sell, 50, None, Some(9_900)),
            vec![
                ((9_890, 9_910, 9_901, 100), &[]),
                ((9_880, 9_900, 9_890, 100), &["o-1 fills 50 at 98.8"]),
            ],
        ),
        // A stop-limit that is triggered rests at its limit.
        (
            order(1, Side::Sell, 50, Some(9_895), Some(9_900)),
            vec![
                ((9_890, 9_910, 9_901, 100), &[]),
                ((9_880, 9_900, 9_890, 100), &[]),
                ((9_895, 9_905, 9_900, 100), &["o-1 fills 50 at 98.95"]),
            ],
        ),
        // Now or not at all: what is shown, or everything.
        (
            ioc(order(1, Side::Buy, 150, Some(10_010), None)),
            vec![
                ((9_990, 10_010, 10_000, 100), &["o-1 fills 100 at 100.1"]),
                ((9_990, 10_010, 10_000, 100), &["o-1 ends: immediate_rest"]),
            ],
        ),
        (
            fok(order(1, Side::Buy, 150, Some(10_010), None)),
            vec![((9_990, 10_010, 10_000, 100), &["o-1 ends: not_all_at_once"])],
        ),
        (
            fok(order(1, Side::Buy, 100, Some(10_010), None)),
            vec![((9_990, 10_010, 10_000, 100), &["o-1 fills 100 at 100.1"])],
        ),
        // A limit far from the market never comes onto the book; a stop's is measured at its trigger.
        (
            order(1, Side::Buy, 10, Some(5_000), None),
            vec![(
                (9_990, 10_010, 10_000, 100),
                &["o-1 ends: price_outside_band"],
            )],
        ),
        (
            order(1, Side::Sell, 10, Some(7_990), Some(8_000)),
            vec![((9_990, 10_010, 10_000, 100), &[])],
        ),
        // An empty side trades nothing.
        (
            order(1, Side::Buy, 10, None, None),
            vec![((9_990, 10_010, 10_000, 0), &[])],
        ),
    ];
    for (i, (order, steps)) in cases.into_iter().enumerate() {
        let (bid, ask, last, size) = steps[0].0;
        let mut stage = Stage::new(quote(bid, ask, last, size, START));
        stage.venue.submit(order, START);
        for (j, ((bid, ask, last, size), expected)) in steps.into_iter().enumerate() {
            let said = stage.step(quote(bid, ask, last, size, START));
            assert_eq!(said, expected, "case {i}, step {j}");
        }
    }
}

#[test]
fn orders_at_one_quote_are_served_in_the_order_of_their_arrival() {
    let mut stage = Stage::new(quote(9_990, 10_010, 10_000, 100, START));
    for number in 1..=3 {
        stage
            .venue
            .submit(order(number, Side::Buy, 60, None, None), START);
    }
    assert_eq!(
        stage.step(quote(9_990, 10_010, 10_000, 100, START)),
        ["o-1 fills 60 at 100.1", "o-2 fills 40 at 100.1"]
    );
    assert_eq!(
        stage.step(quote(9_990, 10_010, 10_000, 100, START)),
        ["o-2 fills 20 at 100.1", "o-3 fills 60 at 100.1"]
    );
}

proptest! {
    #[test]
    fn prop_no_fill_is_outside_the_quote_beyond_its_size_through_a_limit_or_before_a_trigger(
        orders in prop::collection::vec((any::<bool>(), 1..300_i64, prop::option::of(9_700..10_300_i64), prop::option::of(9_800..10_200_i64)), 1..12),
        quotes in prop::collection::vec((9_800..10_200_i64, 1..30_i64, 0..120_i64), 1..30),
    ) {
        let mut stage = Stage::new(quote(9_990, 10_010, 10_000, 100, START));
        let mut sent = BTreeMap::new();
        for (number, (is_buy, qty, limit, stop)) in orders.into_iter().enumerate() {
            let side = if is_buy { Side::Buy } else { Side::Sell };
            let order = order(u32::try_from(number).unwrap(), side, qty, limit, stop);
            sent.insert(order.key.client_order_id.to_string(), order.clone());
            stage.venue.submit(order, START);
        }
        let mut filled: BTreeMap<String, Qty> = BTreeMap::new();
        let mut triggered: BTreeMap<String, bool> = BTreeMap::new();
        for (mid, spread, size) in quotes {
            let (bid, ask) = (mid - spread, mid + spread);
            for (id, order) in &sent {
                let hit = match (order.side, order.stop_price) {
                    (_, None) => true,
                    (Side::Buy, Some(stop)) => cents(mid) >= stop,
                    (Side::Sell, Some(stop)) => cents(mid) <= stop,
                };
                *triggered.entry(id.clone()).or_default() |= hit;
            }
            let mut taken: BTreeMap<Side, Qty> = BTreeMap::new();
            for said in stage.step(quote(bid, ask, mid, size, START)) {
                let Some((id, rest)) = said.split_once(" fills ") else { continue };
                let (qty, price) = rest.split_once(" at ").unwrap();
                let (qty, price) = (Qty::parse(qty).unwrap(), Price::parse(price).unwrap());
                let order = &sent[id];
                prop_assert_eq!(price, if order.side == Side::Buy { cents(ask) } else { cents(bid) });
                if let Some(limit) = order.limit_price {
                    let is_good = if order.side == Side::Buy { price <= limit } else { price >= limit };
                    prop_assert!(is_good, "through its limit");
                }
                prop_assert!(triggered[id], "{id} filled before its trigger");
                let sum = taken.entry(order.side).or_default();
                *sum += qty;
                prop_assert!(*sum <= shares(size), "more than the quote shows");
                let sum = filled.entry(id.to_owned()).or_default();
                *sum += qty;
                prop_assert!(*sum <= order.qty, "more than was asked for");
            }
        }
    }
}
