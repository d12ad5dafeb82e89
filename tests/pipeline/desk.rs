//! The publishing side: rows and orders that the test changes, sent by the real publishers; and foreign producers.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use qd_bus::{Bus, EventPublisher, RedisConfig, StatePublisher, StateSource};
use qd_types::{
    AccountId, ClientOrderId, Clock, Fill, FillId, HaltState, HaltStatus, Money, Order,
    OrderStatus, OrderType, Position, Price, Qty, Side, StrategyId, StreamName, Symbol,
    TimeInForce, UserId, UtcMicros,
};
use qd_wire::Body;
use qd_wire::message::{
    PositionTotals, halt_body, order_body, positions_delta_body, positions_snapshot_body,
};

pub(crate) fn user() -> UserId {
    UserId::new("alice").unwrap()
}

pub(crate) fn symbol(index: usize) -> Symbol {
    Symbol::new(&format!("S{index:03}")).unwrap()
}

pub(crate) fn position(index: usize, price_cents: i64) -> Position {
    let mut position = Position {
        account: AccountId::new("paper-1").unwrap(),
        strategy: StrategyId::new("manual").unwrap(),
        symbol: symbol(index),
        qty: Qty::from_units(10, 0),
        avg_entry_price: Price::from_units(100, 0),
        current_price: None,
        price_at: None,
        unrealized_pl: Money::ZERO,
        unrealized_plpc: None,
        market_value: Money::ZERO,
        realized_pl_today: Money::ZERO,
        updated_at: UtcMicros(1),
    };
    position.mark(Price::from_units(price_cents, 2), UtcMicros(1));
    position
}

pub(crate) fn totals(rows: &[Position]) -> PositionTotals {
    PositionTotals {
        unrealized_pl: rows.iter().map(|row| row.unrealized_pl).sum(),
        num_positions: u32::try_from(rows.len()).unwrap(),
        realized_pl_today: Money::ZERO,
        buying_power: None,
        margin_used: None,
    }
}

struct Rows {
    rows: Mutex<Vec<Position>>,
    clock: Arc<dyn Clock>,
}

impl StateSource for Rows {
    fn snapshot(&self) -> (Body, UtcMicros) {
        let rows = self.rows.lock();
        (
            positions_snapshot_body(&totals(&rows), &rows),
            self.clock.now(),
        )
    }

    fn delta(&self, keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        let rows = self.rows.lock();
        let changed: Vec<Position> = rows
            .iter()
            .filter(|row| keys.contains(row.symbol.as_str()))
            .cloned()
            .collect();
        (
            positions_delta_body(&totals(&rows), &changed, &[]),
            self.clock.now(),
        )
    }
}

struct Halts(Arc<dyn Clock>);

impl StateSource for Halts {
    fn snapshot(&self) -> (Body, UtcMicros) {
        let status = HaltStatus {
            state: HaltState::Active,
            scopes: Vec::new(),
            halt_epoch: 1,
            by: None,
            at: None,
            reason: None,
        };
        (halt_body(&status), self.0.now())
    }

    fn delta(&self, _keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        self.snapshot()
    }
}

/// The desk behind the bus.
pub(crate) struct Desk {
    pub(crate) bus: Bus,
    pub(crate) positions: StatePublisher,
    pub(crate) orders: EventPublisher,
    _halts: StatePublisher,
    rows: Arc<Rows>,
    clock: Arc<dyn Clock>,
}

impl Desk {
    /// A desk of `num_rows` positions at 110.00.
    pub(crate) async fn start(url: &str, num_rows: usize, clock: Arc<dyn Clock>) -> Self {
        let bus = Bus::redis(RedisConfig::new(url), Arc::clone(&clock))
            .await
            .unwrap();
        let rows = Arc::new(Rows {
            rows: Mutex::new((0..num_rows).map(|index| position(index, 11_000)).collect()),
            clock: Arc::clone(&clock),
        });
        let positions = StatePublisher::new(
            bus.clone(),
            StreamName::Positions(user()),
            Arc::<Rows>::clone(&rows),
            Arc::clone(&clock),
        );
        let halts = StatePublisher::new(
            bus.clone(),
            StreamName::KillSwitch,
            Arc::new(Halts(Arc::clone(&clock))),
            Arc::clone(&clock),
        );
        let orders =
            EventPublisher::new(bus.clone(), StreamName::Orders(user()), Arc::clone(&clock));
        Self {
            bus,
            positions,
            orders,
            _halts: halts,
            rows,
            clock,
        }
    }

    /// A price moved.
    pub(crate) fn mark(&self, index: usize, price_cents: i64) {
        self.rows.rows.lock()[index] = position(index, price_cents);
        self.positions.mark(symbol(index).as_str());
    }

    /// The sum that the console must show in the end, to the cent.
    pub(crate) fn unrealized_pl(&self) -> Money {
        totals(&self.rows.rows.lock()).unrealized_pl
    }

    /// Order number `index` filled.
    pub(crate) fn fill(&self, index: u64) {
        let body = order_event(index, self.clock.now());
        self.orders.publish(body, self.clock.now()).unwrap();
    }
}

pub(crate) fn order_event(index: u64, at: UtcMicros) -> Body {
    let order = Order {
        account: AccountId::new("paper-1").unwrap(),
        strategy: StrategyId::new("manual").unwrap(),
        client_order_id: ClientOrderId::new(&format!("o-{index}")).unwrap(),
        venue_order_id: None,
        symbol: symbol(0),
        side: Side::Buy,
        qty: Qty::from_units(10, 0),
        filled_qty: Qty::from_units(10, 0),
        filled_avg_price: Some(Price::from_units(110, 0)),
        order_type: OrderType::Market,
        limit_price: None,
        stop_price: None,
        time_in_force: TimeInForce::Day,
        status: OrderStatus::Filled,
        status_since: at,
        reason_code: None,
        created_at: at,
        updated_at: at,
        source: "test".to_owned(),
        parent_id: None,
    };
    let fill = Fill {
        fill_id: FillId::new(&format!("f-{index}")).unwrap(),
        qty: Qty::from_units(10, 0),
        price: Price::from_units(110, 0),
        at,
        realized_pl: Money::ZERO,
    };
    order_body(&order, Some(&fill))
}
