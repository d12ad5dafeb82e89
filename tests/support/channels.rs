//! One happening on every channel of a desk, and how a console shows that it heard: the same for each way to it.

use qd_execution::ledger::{Author, OrderRequest, PlaceOutcome};
use qd_execution::{Execution, ExecutionConfig, ExecutionHandle, Lane};
use qd_state::{SealState, Snapshot};
use qd_types::{
    AccountId, AlertState, BreakerState, ClientOrderId, Clock, HaltState, OrderType, Price, Qty,
    Ratio, Side, StrategyId, Symbol, TimeInForce, UserId,
};
use std::sync::Arc;

const RESTING: &str = "channels-rests";
const TOO_LARGE: &str = "channels-too-large";
const BREAKER: &str = "drawdown";

fn mine() -> AccountId {
    AccountId::new("PAPER-1").unwrap()
}

/// The demo desk with nobody trading on it but the test.
pub fn start_desk(bus: qd_bus::Bus, clock: Arc<dyn Clock>) -> ExecutionHandle {
    let config = ExecutionConfig::demo(7).unwrap().without_strategies();
    Execution::start(&config, bus, clock).unwrap()
}

/// Something happens on every channel: an order rests, one is refused, a breaker trips, trading is halted.
pub async fn stir(handle: &ExecutionHandle) {
    handle
        .change(Lane::Normal, |desk, now| {
            let symbol = Symbol::new("KO").unwrap();
            let quote = *desk.market().quote(symbol).unwrap();
            // Far enough from the market to rest, near enough to be taken.
            let away = Ratio::from_units(96, 2);
            let limit = Price::new(quote.bid.get() * away.get()).round(2);
            let request = |id: &str, qty: i64| OrderRequest {
                account: mine(),
                strategy: StrategyId::new("manual").unwrap(),
                client_order_id: ClientOrderId::new(id).unwrap(),
                symbol,
                side: Side::Buy,
                qty: Qty::from_units(qty, 0),
                order_type: OrderType::Limit,
                limit_price: Some(limit),
                stop_price: None,
                time_in_force: TimeInForce::Day,
                reason: "a happening on every channel".to_owned(),
                halt_epoch_seen: None,
                price_seen: Some(qd_execution::ledger::PriceSeen {
                    value: quote.price,
                    at: now,
                }),
            };
            let author = Author::Hand(UserId::new("alice").unwrap());
            let rests = desk.place(request(RESTING, 5), &author, now);
            assert!(matches!(rests, PlaceOutcome::Recorded(_)), "{rests:?}");
            let refused = desk.place(request(TOO_LARGE, 90_000), &author, now);
            assert!(matches!(refused, PlaceOutcome::Blocked(_)), "{refused:?}");
            let ledger = desk.ledger_mut();
            ledger.set_breaker(BREAKER, BreakerState::Tripped, "a drill", now);
            ledger.set_halt(HaltState::Halted, None, "a drill", now);
        })
        .await
        .unwrap();
}

/// It is over: trading is on again.
pub async fn calm(handle: &ExecutionHandle) {
    handle
        .change(Lane::Safety, |desk, now| {
            let ledger = desk.ledger_mut();
            ledger.set_halt(HaltState::Active, None, "over", now);
            ledger.set_breaker(BREAKER, BreakerState::Open, "over", now);
        })
        .await
        .unwrap();
}

/// Every channel is proven, and nothing has happened yet.
pub fn is_quiet(snapshot: &Snapshot) -> bool {
    is_proven(snapshot)
        && snapshot.halt.state == HaltState::Active
        && snapshot.breakers.num_tripped == 0
        && snapshot.alerts.num_firing() == 0
        && snapshot.positions.rows.len() > 9
}

/// All that [`stir`] did is on screen.
pub fn shows_the_stir(snapshot: &Snapshot) -> bool {
    let has_order = snapshot
        .orders
        .rows
        .iter()
        .any(|row| row.client_order_id.as_str() == RESTING);
    is_proven(snapshot)
        && has_order
        && snapshot.halt.state == HaltState::Halted
        && snapshot.breakers.num_tripped == 1
        && firing(snapshot) == ["breaker_not_normal", "halt_not_active", "order_blocked"]
}

/// Rows came by the stream since `before`.
pub fn positions_moved(before: &Snapshot, after: &Snapshot) -> bool {
    let seq = |snapshot: &Snapshot| match &snapshot.positions.seal.state {
        SealState::Verified { pos, .. } => Some((pos.epoch.clone(), pos.seq)),
        _ => None,
    };
    match (seq(before), seq(after)) {
        (Some((old_epoch, old)), Some((epoch, new))) => epoch == old_epoch && new > old,
        _ => false,
    }
}

/// All that [`calm`] did is on screen; the refused order is not forgotten so soon.
pub fn shows_the_calm(snapshot: &Snapshot) -> bool {
    is_proven(snapshot)
        && snapshot.halt.state == HaltState::Active
        && snapshot.breakers.num_tripped == 0
        && firing(snapshot) == ["order_blocked"]
        && snapshot
            .alerts
            .rows
            .iter()
            .any(|row| row.alert.state == AlertState::Resolved)
}

/// The rules that fire, sorted.
pub fn firing(snapshot: &Snapshot) -> Vec<&str> {
    let rows = snapshot.alerts.rows.iter().filter(|row| row.is_firing());
    let mut rules: Vec<&str> = rows.map(|row| row.alert.rule.as_str()).collect();
    rules.sort_unstable();
    rules
}

fn is_proven(snapshot: &Snapshot) -> bool {
    snapshot.positions.seal.state.is_verified()
        && snapshot.orders.seal.state.is_verified()
        && snapshot.halt.seal.state.is_verified()
        && snapshot.breakers.seal.state.is_verified()
        && snapshot.alerts.is_verified()
}
