//! Domain values that the golden files hold.

use qd_types::{
    AccountId, Alert, AlertId, AlertSeverity, AlertState, Breaker, BreakerState, ClientOrderId,
    Epoch, Fill, FillId, HaltScope, HaltState, HaltStatus, MessageKind, Money, Order, OrderStatus,
    OrderType, Position, PositionKey, Price, Qty, Ratio, ScopedHalt, Seq, Side, StrategyId,
    StreamName, StreamPos, Symbol, TimeInForce, UserId, UtcMicros, VenueOrderId,
};
use qd_wire::Head;
use qd_wire::message::PositionTotals;

pub(crate) fn at(text: &str) -> UtcMicros {
    UtcMicros::parse_rfc3339(text).unwrap()
}

/// A moment of the sample day, `millis` after 14:38:16 UTC.
pub(crate) fn moment(millis: i64) -> UtcMicros {
    at("2026-11-20T14:38:16Z").plus_millis(millis)
}

pub(crate) fn user() -> UserId {
    UserId::new("alice").unwrap()
}

pub(crate) fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

pub(crate) fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

pub(crate) fn qty(text: &str) -> Qty {
    Qty::parse(text).unwrap()
}

pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

pub(crate) fn epoch() -> Epoch {
    Epoch::new("01JD4Q7Z").unwrap()
}

pub(crate) fn pos(seq: u64) -> StreamPos {
    StreamPos {
        epoch: epoch(),
        seq: Seq(seq),
    }
}

pub(crate) fn head(stream: StreamName, kind: MessageKind, seq: u64) -> Head {
    Head {
        stream,
        epoch: epoch(),
        seq: Seq(seq),
        base_seq: (kind == MessageKind::Delta).then(|| Seq(seq - 1)),
        kind,
        made_at: moment(204),
        published_at: moment(206),
    }
}

pub(crate) fn totals() -> PositionTotals {
    PositionTotals {
        unrealized_pl: money("-943.6"),
        num_positions: 2,
        realized_pl_today: money("-1204.1"),
        buying_power: Some(money("187220.54")),
        margin_used: None,
    }
}

pub(crate) fn long() -> Position {
    Position {
        account: AccountId::new("main").unwrap(),
        strategy: StrategyId::new("momentum").unwrap(),
        symbol: symbol("AAPL"),
        qty: qty("82"),
        avg_entry_price: price("229.52"),
        current_price: Some(price("217.19")),
        price_at: Some(moment(180)),
        unrealized_pl: money("-1011.06"),
        unrealized_plpc: Some(Ratio::parse("-0.05372081").unwrap()),
        market_value: money("17809.58"),
        realized_pl_today: Money::ZERO,
        updated_at: moment(204),
    }
}

/// A short without a price yet, in a symbol with a dot.
pub(crate) fn short() -> Position {
    Position {
        account: AccountId::new("main").unwrap(),
        strategy: StrategyId::new("manual").unwrap(),
        symbol: symbol("BRK.B"),
        qty: qty("-57"),
        avg_entry_price: price("40.1166666667"),
        current_price: None,
        price_at: None,
        unrealized_pl: Money::ZERO,
        unrealized_plpc: None,
        market_value: Money::ZERO,
        realized_pl_today: money("12.5"),
        updated_at: moment(100),
    }
}

pub(crate) fn gone_key() -> PositionKey {
    PositionKey {
        account: AccountId::new("main").unwrap(),
        strategy: StrategyId::new("manual").unwrap(),
        symbol: symbol("TSLA"),
    }
}

pub(crate) fn order() -> Order {
    Order {
        account: AccountId::new("main").unwrap(),
        strategy: StrategyId::new("manual").unwrap(),
        client_order_id: ClientOrderId::new("qd-7f3a-0001").unwrap(),
        venue_order_id: Some(VenueOrderId::new("paper-4711").unwrap()),
        symbol: symbol("NVDA"),
        side: Side::Sell,
        qty: qty("320"),
        filled_qty: qty("106"),
        filled_avg_price: Some(price("106.985")),
        order_type: OrderType::Limit,
        limit_price: Some(price("106.98")),
        stop_price: None,
        time_in_force: TimeInForce::Day,
        status: OrderStatus::PartiallyFilled,
        status_since: moment(1),
        reason_code: None,
        created_at: moment(-45_000),
        updated_at: moment(2),
        source: "manual".to_owned(),
        parent_id: None,
    }
}

pub(crate) fn fill() -> Fill {
    Fill {
        fill_id: FillId::new("paper-4711-2").unwrap(),
        qty: qty("6"),
        price: price("106.99"),
        at: moment(1),
        realized_pl: money("4.26"),
    }
}

pub(crate) fn halt() -> HaltStatus {
    HaltStatus {
        state: HaltState::ReduceOnly,
        scopes: vec![
            ScopedHalt {
                scope: HaltScope::Firm,
                state: HaltState::ReduceOnly,
            },
            ScopedHalt {
                scope: HaltScope::Symbol(symbol("BRK.B")),
                state: HaltState::Halted,
            },
        ],
        halt_epoch: 7,
        by: Some(UserId::new("oscar").unwrap()),
        at: Some(moment(-60_000)),
        reason: Some("daily loss at 80 %, \"stop adding\"".to_owned()),
    }
}

pub(crate) fn breakers() -> Vec<Breaker> {
    vec![
        Breaker {
            name: "daily_loss".to_owned(),
            state: BreakerState::Tripped,
            reason: Some("loss 5012.4 of 5000".to_owned()),
            at: Some(moment(-1_000)),
            by: None,
            trip_count_today: 1,
        },
        Breaker {
            name: "order_rate".to_owned(),
            state: BreakerState::Open,
            reason: None,
            at: None,
            by: None,
            trip_count_today: 0,
        },
    ]
}

pub(crate) fn alert() -> Alert {
    Alert {
        alert_id: AlertId::new("al-19").unwrap(),
        rule: "daily_loss_80".to_owned(),
        severity: AlertSeverity::Critical,
        title: "Daily loss at 80 % of its limit".to_owned(),
        detail: "4012.40 of 5000".to_owned(),
        at: moment(0),
        state: AlertState::Acknowledged,
        by: Some(user()),
    }
}
