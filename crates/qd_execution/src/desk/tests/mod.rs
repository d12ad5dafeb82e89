//! The whole desk under its strategies and under random hands: alive, bounded, exact, repeatable, never flipped by a close.

mod cancel_all;
mod closes;
mod living;
mod watching;

use std::collections::BTreeMap;

use qd_types::{
    ClientOrderId, HaltState, Money, Order, OrderType, PositionKey, PositionMath, Price, Qty,
    Ratio, Side, StrategyId, Symbol, TimeInForce, UserId,
};

use super::*;
use crate::config::{AccountConfig, Holding, VenueConfig};
use crate::ledger::{OrderChange, PriceSeen};

const START: UtcMicros = UtcMicros(1_763_821_096_204_000);

fn demo(seed: u64) -> ExecutionConfig {
    let demo = ExecutionConfig::demo(seed).unwrap();
    ExecutionConfig {
        warmup_ticks: 0,
        // More forgetful than the demo's, so that a short run meets the orders nobody answered for.
        venue: VenueConfig {
            lost_acks_per_mille: 30,
            ..demo.venue
        },
        ..demo
    }
}

fn at(step: i64) -> UtcMicros {
    START.plus_millis(50 * step)
}

/// Books every fill of the day again, from the opening holdings, and compares all rows and the cash.
#[track_caller]
fn check_books(config: &ExecutionConfig, desk: &Desk) {
    let mut rows: BTreeMap<PositionKey, PositionMath> = BTreeMap::new();
    for account in &config.accounts {
        let mut cash = account.opening_cash;
        let mut opening = Money::ZERO;
        for holding in &account.holdings {
            let key = PositionKey {
                account: account.account.clone(),
                strategy: holding.strategy.clone(),
                symbol: holding.symbol,
            };
            let side = if holding.qty.is_negative() {
                Side::Sell
            } else {
                Side::Buy
            };
            rows.entry(key).or_default().apply_fill(
                side,
                holding.qty.abs(),
                holding.avg_entry_price,
            );
        }
        let mut realized = Money::ZERO;
        let (mut fees, mut turnover, mut num_fills) = (Money::ZERO, Money::ZERO, 0);
        for entry in desk.ledger().fills() {
            assert_eq!(entry.position.account, account.account);
            let by = rows.entry(entry.position.clone()).or_default().apply_fill(
                entry.side,
                entry.fill.qty,
                entry.fill.price,
            );
            assert_eq!(by, entry.fill.realized_pl, "{entry:?}");
            realized += by;
            fees += entry.fee;
            turnover += entry.fill.price.times(entry.fill.qty);
            num_fills += 1;
            cash -= entry.fill.price.times(entry.side.signed(entry.fill.qty)) + entry.fee;
        }
        opening += cash;
        let book = desk.ledger().book(&account.account).unwrap();
        assert_eq!(book.cash(), opening);
        assert_eq!(
            (book.day.fees, book.day.turnover, book.day.num_fills),
            (fees, turnover, num_fills)
        );
        let totals = book.totals(Ratio::from_units(5, 1), START);
        assert_eq!(totals.realized_pl_today, realized);
        let mut unrealized = Money::ZERO;
        let mut num_positions = 0;
        for (key, math) in &rows {
            match book.position(key) {
                None => assert!(math.qty.is_zero(), "{key:?} is missing"),
                Some(row) => {
                    assert_eq!(
                        (row.qty, row.avg_entry_price),
                        (math.qty, math.avg_entry_price),
                        "{key:?}"
                    );
                    assert_eq!(
                        row.unrealized_pl,
                        math.unrealized_pl(row.current_price.unwrap())
                    );
                    unrealized += row.unrealized_pl;
                    num_positions += 1;
                }
            }
        }
        assert_eq!(
            (totals.unrealized_pl, totals.num_positions),
            (unrealized, num_positions)
        );
        assert_eq!(book.positions().count(), num_positions as usize);
    }
}

/// Every fill of `changes` either takes what the quote shows, at the quote, or is at the order's own limit because the
/// market came to it in this very tick; never beyond its limit, never more than was shown and traded, never in a halt.
#[track_caller]
fn check_fills(
    desk: &Desk,
    changes: &[OrderChange],
    is_tick: bool,
    taken: &mut BTreeMap<(Symbol, Side), Qty>,
) {
    let market = desk.market();
    if is_tick {
        taken.retain(|(symbol, _), _| !market.requoted().contains(symbol));
    }
    // What traded as far as it was for us, and how much of it we had.
    let mut passive: BTreeMap<(Symbol, Side), (Qty, Qty)> = BTreeMap::new();
    for OrderChange { order, fill } in changes {
        assert!(
            !order.remaining().is_negative(),
            "{order:?} is filled beyond its size"
        );
        let Some(fill) = fill else { continue };
        let quote = market.quote(order.symbol).unwrap();
        assert!(!quote.is_halted, "{order:?} traded in a halt");
        let (touch, size) = match order.side {
            Side::Buy => (quote.ask, quote.ask_size),
            Side::Sell => (quote.bid, quote.bid_size),
        };
        let is_no_worse = |price: Price, than: Price| match order.side {
            Side::Buy => price <= than,
            Side::Sell => price >= than,
        };
        let is_good = order
            .limit_price
            .is_none_or(|limit| is_no_worse(fill.price, limit));
        assert!(is_good, "{order:?} traded through its limit");
        // At its own limit it may be part of what traded in this tick, at that price or beyond.
        let is_at_limit = is_tick && Some(fill.price) == order.limit_price;
        let traded: Qty = market
            .traded()
            .filter(|one| is_at_limit && one.symbol == order.symbol)
            .filter(|one| is_no_worse(one.price, fill.price))
            .map(|one| one.qty)
            .sum();
        let (most, used) = passive.entry((order.symbol, order.side)).or_default();
        *most = traded.max(*most);
        let by_trade = fill.qty.min(traded).min(*most - *used);
        *used += by_trade;
        let rest = fill.qty - by_trade;
        if rest.is_zero() {
            continue;
        }
        // The rest is of the quote: at its price, or at the limit that it has just come to.
        let came = is_at_limit
            && market.requoted().contains(&order.symbol)
            && is_no_worse(touch, fill.price);
        assert!(
            fill.price == touch || came,
            "{order:?} traded beside the quote {quote:?}"
        );
        let sum = taken.entry((order.symbol, order.side)).or_default();
        *sum += rest;
        assert!(*sum <= size, "{order:?} took {sum} of {size}");
    }
}

fn run(seed: u64, num_steps: i64) -> (Desk, Vec<OrderChange>) {
    let config = demo(seed);
    let mut desk = Desk::new(&config, START);
    let mut all = Vec::new();
    let mut taken = BTreeMap::new();
    for step in 0..num_steps {
        desk.step(at(step));
        let changes = desk.take_changes().orders;
        check_fills(&desk, &changes, step % 4 == 0, &mut taken);
        all.extend(changes);
    }
    check_books(&config, &desk);
    (desk, all)
}

// covers: DB-3
// covers: DB-7
#[test]
fn the_desk_lives_within_its_bounds_and_its_books_can_be_made_again_from_its_fills() {
    let (desk, changes) = run(7, 20_000);
    let num_fills = changes
        .iter()
        .filter(|change| change.fill.is_some())
        .count();
    // A thousand seconds: a fill every couple of them.
    assert!((250..1_500).contains(&num_fills), "{num_fills} fills");
    let book = desk.ledger().books().next().unwrap();
    let num_positions = book.positions().count();
    assert!(
        (10..=22).contains(&num_positions),
        "{num_positions} positions"
    );
    assert!(book.positions().any(|row| row.qty.is_negative()));
    let totals = book.totals(desk.ledger().rails().margin_rate, START);
    let gross = totals.exposure.gross.to_f64_lossy();
    assert!((150_000.0..500_000.0).contains(&gross), "gross {gross}");
    assert!(totals.buying_power.unwrap().is_positive());
    assert!((1..30).contains(&desk.ledger().open_orders().count()));
    assert_eq!(desk.ledger().counters().anomalies, 0);
    let seen = |status: OrderStatus| changes.iter().any(|change| change.order.status == status);
    for status in [
        OrderStatus::Accepted,
        OrderStatus::Sent,
        OrderStatus::Working,
        OrderStatus::PartiallyFilled,
        OrderStatus::CancelSent,
        OrderStatus::Cancelled,
        OrderStatus::Rejected,
        OrderStatus::Filled,
        OrderStatus::Unknown,
    ] {
        assert!(seen(status), "no order was ever {status}");
    }
}

#[test]
fn five_thousand_ticks_of_the_same_seed_are_the_same_to_the_last_digit() {
    let (first, first_changes) = run(3, 20_000);
    let (second, second_changes) = run(3, 20_000);
    assert_eq!(first_changes, second_changes);
    assert_eq!(first.ledger().fills(), second.ledger().fills());
    assert!(first.market().quotes().eq(second.market().quotes()));
    let rows = |desk: &Desk| -> Vec<_> {
        desk.ledger()
            .books()
            .flat_map(|book| book.positions().cloned())
            .collect()
    };
    assert_eq!(rows(&first), rows(&second));
    let (_, other) = run(4, 400);
    assert_ne!(first_changes.get(..other.len()), Some(other.as_slice()));
}

#[test]
fn statuses_only_ever_move_forward() {
    let (_, changes) = run(11, 8_000);
    let mut last: BTreeMap<ClientOrderId, Order> = BTreeMap::new();
    for OrderChange { order, .. } in changes {
        if let Some(before) = last.get(&order.client_order_id) {
            assert!(
                before.status.is_open(),
                "{before:?} was over, then {order:?}"
            );
            assert!(
                order.status.rank() >= before.status.rank(),
                "{before:?} then {order:?}"
            );
            assert!(order.filled_qty >= before.filled_qty);
            assert!(order.updated_at >= before.updated_at);
        }
        last.insert(order.client_order_id.clone(), order);
    }
}

#[test]
fn a_warm_desk_has_a_past_and_announces_none_of_it() {
    let config = ExecutionConfig {
        warmup_ticks: 600,
        ..ExecutionConfig::demo(5).unwrap()
    };
    let mut desk = Desk::new(&config, START);
    assert!(desk.take_changes().orders.is_empty());
    assert!(desk.ledger().fills().len() > 20);
    assert!(
        desk.ledger()
            .fills()
            .iter()
            .all(|entry| entry.fill.at < START)
    );
    let symbol = Symbol::new("AAPL").unwrap();
    assert!(desk.market().series(symbol, 120).unwrap().len() > 40);
}

#[test]
fn a_new_exchange_day_starts_the_days_figures_anew_and_takes_day_orders_off() {
    let config = demo(5);
    let midnight = UtcMicros::parse_rfc3339("2026-11-24T05:00:00Z").unwrap();
    let start = midnight.plus_millis(-120_000);
    let mut desk = Desk::new(&config, start);
    let mut expired = 0;
    for step in 0..2_401 {
        let now = start.plus_millis(50 * step);
        desk.step(now);
        let changes = desk.take_changes();
        expired += changes
            .orders
            .iter()
            .filter(|change| change.order.status == OrderStatus::Expired)
            .count();
        if now < midnight {
            continue;
        }
        assert!(expired > 0, "day orders are gone");
        let book = desk.ledger().books().next().unwrap();
        let totals = book.totals(Ratio::from_units(5, 1), now);
        assert!(book.positions().count() > 9, "positions stay");
        assert!(desk.ledger().fills().len() < 5);
        assert_eq!(
            totals.realized_pl_today,
            desk.ledger()
                .fills()
                .iter()
                .map(|f| f.fill.realized_pl)
                .sum()
        );
        return;
    }
    panic!("the day never changed");
}

// covers: RT-8
#[test]
fn a_closed_market_is_quiet_refuses_what_raises_risk_and_still_takes_orders_off() {
    let config = ExecutionConfig {
        session: Session::Exchange,
        ..demo(5)
    };
    // A minute before the close of a Monday.
    let close = UtcMicros::parse_rfc3339("2026-11-23T21:00:00Z").unwrap();
    let start = close.plus_millis(-60_000);
    let mut desk = Desk::new(&config, start);
    let hand = Author::Hand(UserId::new("alice").unwrap());
    let symbol = Symbol::new("KO").unwrap();
    let request = |desk: &Desk, id: &str| OrderRequest {
        account: AccountId::new("PAPER-1").unwrap(),
        strategy: StrategyId::new("manual").unwrap(),
        client_order_id: ClientOrderId::new(id).unwrap(),
        symbol,
        side: Side::Buy,
        qty: Qty::from_units(5, 0),
        order_type: OrderType::Limit,
        limit_price: Some(desk.market().quote(symbol).unwrap().price - Price::from_units(300, 2)),
        stop_price: None,
        time_in_force: TimeInForce::Gtc,
        reason: "rests over night".to_owned(),
        halt_epoch_seen: None,
        price_seen: Some(PriceSeen {
            value: desk.market().quote(symbol).unwrap().price,
            at: desk.market().quote(symbol).unwrap().at,
        }),
    };
    let mut night_changes = Vec::new();
    for step in 0..3_600 {
        let now = start.plus_millis(50 * step);
        desk.step(now);
        let changes = desk.take_changes();
        match step {
            400 => {
                let placed = desk.place(request(&desk, "rests"), &hand, now);
                assert!(matches!(placed, PlaceOutcome::Recorded(_)), "{placed:?}");
            }
            2_400 => {
                let open: Vec<_> = desk.ledger().open_orders().collect();
                let lasts = |record: &&&OrderRecord| record.order.time_in_force == TimeInForce::Gtc;
                assert_eq!(
                    open.iter().filter(lasts).count(),
                    open.len(),
                    "day orders are gone"
                );
                let key = OrderKey {
                    account: AccountId::new("PAPER-1").unwrap(),
                    client_order_id: ClientOrderId::new("rests").unwrap(),
                };
                assert!(
                    open.iter().any(|record| record.key() == key),
                    "this one stays"
                );
                assert!(matches!(
                    desk.place(request(&desk, "late"), &hand, now),
                    PlaceOutcome::Blocked(_)
                ));
                assert!(matches!(
                    desk.cancel(&key, &hand, "after hours", now),
                    CancelOutcome::Recorded(_)
                ));
            }
            _ => {}
        }
        if now > close.plus_millis(1_000) {
            assert!(changes.rows.is_empty(), "nothing is marked at night");
            night_changes.extend(changes.orders);
        }
    }
    let statuses: Vec<_> = night_changes
        .iter()
        .map(|change| change.order.status.as_str())
        .collect();
    assert_eq!(statuses, ["blocked_rail", "cancel_sent", "cancelled"]);
}

#[test]
fn a_row_that_a_hand_has_closed_is_left_alone_by_its_strategy() {
    let mut desk = Desk::new(&demo(9), START);
    let accounts = vec![AccountId::new("PAPER-1").unwrap()];
    let hand = Author::Hand(UserId::new("alice").unwrap());
    let close = CloseRequest {
        symbol: Symbol::new("NVDA").unwrap(),
        account: None,
        strategy: None,
        client_order_id: ClientOrderId::new("close-1").unwrap(),
        qty: None,
        reason: "get out".to_owned(),
    };
    for step in 0..12_000 {
        desk.step(at(step));
        if step == 1_000 {
            let outcome = desk.close(&close, &accounts, &hand, at(step));
            assert!(matches!(outcome, CloseOutcome::Recorded(_)), "{outcome:?}");
        }
        if step > 3_000 {
            let book = desk.ledger().book(&accounts[0]).unwrap();
            assert!(
                book.positions().all(|row| row.symbol != close.symbol),
                "NVDA came back"
            );
        }
    }
}

#[test]
fn while_halted_no_strategy_trades_and_hands_may_still_cancel_and_close() {
    let mut desk = Desk::new(&demo(9), START);
    for step in 0..2_000 {
        desk.step(at(step));
    }
    let user = UserId::new("alice").unwrap();
    desk.ledger_mut()
        .set_halt(HaltState::Halted, Some(user.clone()), "a drill", at(2_000));
    let changes = desk.take_changes();
    assert!(changes.halt);
    let before = desk.ledger().counters().refusals.clone();
    for step in 2_000..4_000 {
        desk.step(at(step));
        for change in desk.take_changes().orders {
            let is_new = change.order.created_at >= at(2_000);
            assert!(
                !is_new || change.order.status == OrderStatus::BlockedHalt,
                "{change:?}"
            );
        }
    }
    let after = desk
        .ledger()
        .counters()
        .refusals
        .get("halt_state")
        .copied()
        .unwrap_or(0);
    assert!(
        after > before.get("halt_state").copied().unwrap_or(0) + 20,
        "{after} refused"
    );
    let accounts = vec![AccountId::new("PAPER-1").unwrap()];
    let close = CloseRequest {
        symbol: Symbol::new("META").unwrap(),
        account: None,
        strategy: None,
        client_order_id: ClientOrderId::new("close-1").unwrap(),
        qty: None,
        reason: "get out".to_owned(),
    };
    let outcome = desk.close(&close, &accounts, &Author::Hand(user), at(4_000));
    assert!(matches!(outcome, CloseOutcome::Recorded(_)), "{outcome:?}");
    for step in 4_000..4_200 {
        desk.step(at(step));
    }
    let book = desk.ledger().books().next().unwrap();
    assert!(
        book.positions().all(|row| row.symbol != close.symbol),
        "META is flat"
    );
}
