//! The accepting step and the books by table: what is recorded, what is refused and why, what repeats.

mod changes;
mod closing;
mod decided;
mod life;
mod raises;
mod refusals;

use qd_types::{
    AccountId, BreakerState, ClientOrderId, FillId, HaltScope, HaltState, Money, OrderStatus,
    OrderTerms, OrderType, PositionKey, Price, Qty, Ratio, Side, StrategyId, Symbol, TimeInForce,
    UserId, UtcMicros, VenueOrderId,
};

use super::*;
use crate::config::Holding;
use crate::market::Quote;

const NOW: UtcMicros = UtcMicros(1_763_821_096_204_000);

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn shares(count: i64) -> Qty {
    Qty::from_units(count, 0)
}

fn account() -> AccountId {
    AccountId::new("PAPER-1").unwrap()
}

fn hand() -> Author {
    Author::Hand(UserId::new("alice").unwrap())
}

fn quote() -> Quote {
    Quote {
        symbol: Symbol::new("AAPL").unwrap(),
        price: price("200"),
        bid: price("199.95"),
        ask: price("200.05"),
        bid_size: shares(100),
        ask_size: shares(100),
        at: NOW,
        quoted_at: NOW,
        is_halted: false,
    }
}

fn row() -> PositionKey {
    PositionKey {
        account: account(),
        strategy: StrategyId::new("manual").unwrap(),
        symbol: quote().symbol,
    }
}

/// Books with 100 AAPL at 190 held by hand.
fn ledger() -> Ledger {
    let config = AccountConfig {
        account: account(),
        opening_cash: Money::from_units(80_000, 0),
        holdings: vec![Holding {
            strategy: row().strategy,
            symbol: row().symbol,
            qty: shares(100),
            avg_entry_price: price("190"),
        }],
    };
    let fees = FeeConfig {
        per_share: price("0.005"),
        minimum: Money::parse("0.35").unwrap(),
    };
    let strategies = ["maker", "scalper"].map(|name| StrategyId::new(name).unwrap());
    let mut ledger = Ledger::new(&[config], strategies, Rails::default(), fees, NOW);
    ledger.mark(row().symbol, quote().price, NOW);
    ledger.take_changes();
    ledger
}

fn request(id: &str) -> OrderRequest {
    OrderRequest {
        account: account(),
        strategy: row().strategy,
        client_order_id: ClientOrderId::new(id).unwrap(),
        symbol: row().symbol,
        side: Side::Buy,
        qty: shares(10),
        order_type: OrderType::Market,
        limit_price: None,
        stop_price: None,
        time_in_force: TimeInForce::Day,
        reason: "as the plan of the day says".to_owned(),
        halt_epoch_seen: Some(1),
        price_seen: Some(PriceSeen {
            value: price("200.01"),
            at: NOW,
        }),
    }
}

fn key(id: &str) -> OrderKey {
    OrderKey {
        account: account(),
        client_order_id: ClientOrderId::new(id).unwrap(),
    }
}

fn fill(id: &str, fill_id: &str, qty: i64, at: &str) -> VenueEvent {
    VenueEvent::Filled {
        key: key(id),
        fill_id: FillId::new(fill_id).unwrap(),
        qty: shares(qty),
        price: price(at),
    }
}

fn acknowledged(id: &str) -> VenueEvent {
    VenueEvent::Acknowledged {
        key: key(id),
        venue_order_id: VenueOrderId::new("V1").unwrap(),
    }
}

#[track_caller]
fn placed(ledger: &mut Ledger, request: OrderRequest) -> OrderRecord {
    match ledger.place(request, &hand(), Some(&quote()), NOW) {
        PlaceOutcome::Recorded(record) => *record,
        other => panic!("not recorded: {other:?}"),
    }
}

fn close_request(id: &str) -> CloseRequest {
    CloseRequest {
        symbol: row().symbol,
        account: None,
        strategy: None,
        client_order_id: ClientOrderId::new(id).unwrap(),
        qty: None,
        reason: "done with it".to_owned(),
    }
}
