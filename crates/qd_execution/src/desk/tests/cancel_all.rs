//! "Cancel all": within its scope and its accounts, once for each order, and honest about what may still fill.

use super::*;

/// Two accounts without strategies, so that nothing trades but what the test sends.
fn quiet_desk() -> Desk {
    let mut config = demo(11);
    config.strategies.clear();
    config.accounts = ["PAPER-1", "PAPER-2"]
        .map(|account| AccountConfig {
            account: AccountId::new(account).unwrap(),
            opening_cash: Money::from_units(500_000, 0),
            holdings: ["manual", "momentum"]
                .map(|strategy| Holding {
                    strategy: StrategyId::new(strategy).unwrap(),
                    symbol: Symbol::new("KO").unwrap(),
                    qty: Qty::from_units(100, 0),
                    avg_entry_price: Price::from_units(7_000, 2),
                })
                .into(),
        })
        .into();
    config.venue.lost_acks_per_mille = 0;
    let mut desk = Desk::new(&config, START);
    for step in 0..4 {
        desk.step(at(step));
    }
    desk
}

fn hand() -> Author {
    Author::Hand(UserId::new("alice").unwrap())
}

fn accounts(names: &[&str]) -> Vec<AccountId> {
    names
        .iter()
        .map(|name| AccountId::new(name).unwrap())
        .collect()
}

/// An order of ten shares; `cents_below` the market it rests, without it the order trades at once.
fn send(
    desk: &mut Desk,
    (account, strategy, symbol, id): (&str, &str, &str, &str),
    cents_below: Option<i64>,
    now: UtcMicros,
) {
    let symbol = Symbol::new(symbol).unwrap();
    let price = desk.market().quote(symbol).unwrap().price;
    let request = OrderRequest {
        account: AccountId::new(account).unwrap(),
        strategy: StrategyId::new(strategy).unwrap(),
        client_order_id: ClientOrderId::new(id).unwrap(),
        symbol,
        side: Side::Buy,
        qty: Qty::from_units(10, 0),
        order_type: cents_below.map_or(OrderType::Market, |_| OrderType::Limit),
        limit_price: cents_below.map(|cents| price - Price::from_units(cents, 2)),
        stop_price: None,
        time_in_force: TimeInForce::Day,
        reason: "as the plan of the day says".to_owned(),
        halt_epoch_seen: Some(1),
        price_seen: Some(PriceSeen {
            value: price,
            at: now,
        }),
    };
    let outcome = desk.place(request, &hand(), now);
    assert!(matches!(outcome, PlaceOutcome::Recorded(_)), "{outcome:?}");
}

const RESTING: [(&str, &str, &str, &str); 5] = [
    ("PAPER-1", "manual", "KO", "a"),
    ("PAPER-1", "momentum", "KO", "b"),
    ("PAPER-1", "manual", "AAPL", "c"),
    ("PAPER-2", "manual", "KO", "d"),
    ("PAPER-2", "momentum", "AAPL", "e"),
];

fn desk_with_resting_orders() -> Desk {
    let mut desk = quiet_desk();
    for order in RESTING {
        send(&mut desk, order, Some(200), at(4));
    }
    for step in 4..40 {
        desk.step(at(step));
    }
    assert_eq!(desk.ledger().open_orders().count(), RESTING.len());
    desk.take_changes();
    desk
}

fn ids(orders: &[Order]) -> Vec<&str> {
    orders
        .iter()
        .map(|order| order.client_order_id.as_str())
        .collect()
}

// covers: DB-6, OC-6
#[test]
fn each_scope_takes_off_its_own_orders_and_no_other_account_is_touched() {
    let granted = accounts(&["PAPER-1"]);
    let both = accounts(&["PAPER-1", "PAPER-2"]);
    for (scope, accounts, expected) in [
        ("firm", &granted, &["a", "b", "c"][..]),
        ("firm", &both, &["a", "b", "c", "d", "e"]),
        ("account:PAPER-2", &both, &["d", "e"]),
        // Not granted: not reached, whatever the scope says.
        ("account:PAPER-2", &granted, &[]),
        ("strategy:momentum", &granted, &["b"]),
        ("strategy:momentum", &both, &["b", "e"]),
        ("symbol:KO", &both, &["a", "b", "d"]),
        ("symbol:MSFT", &both, &[]),
    ] {
        let mut desk = desk_with_resting_orders();
        let parsed = HaltScope::parse(scope).unwrap();
        let met = desk.cancel_all(&parsed, accounts, &hand(), "news", at(40));
        assert_eq!(ids(&met.asked), expected, "{scope}");
        assert!(met.already.is_empty() && met.left.is_empty(), "{scope}");
        for step in 40..80 {
            desk.step(at(step));
        }
        let open: Vec<&str> = desk
            .ledger()
            .open_orders()
            .map(|record| record.order.client_order_id.as_str())
            .collect();
        let stay: Vec<&str> = RESTING
            .iter()
            .map(|order| order.3)
            .filter(|id| !expected.contains(id))
            .collect();
        assert_eq!(open, stay, "{scope}");
    }
}

// covers: DB-6
#[test]
fn a_repeat_asks_for_nothing_twice_and_takes_off_what_came_since() {
    let mut desk = desk_with_resting_orders();
    let granted = accounts(&["PAPER-1"]);
    let firm = HaltScope::Firm;
    let first = desk.cancel_all(&firm, &granted, &hand(), "news", at(40));
    assert!(
        first
            .asked
            .iter()
            .all(|order| order.status == OrderStatus::CancelSent)
    );
    desk.take_changes();
    let again = desk.cancel_all(&firm, &granted, &hand(), "news", at(40));
    assert_eq!(
        (again.asked.len(), ids(&again.already)),
        (0, vec!["a", "b", "c"])
    );
    assert!(
        desk.take_changes().orders.is_empty(),
        "a repeat publishes nothing"
    );
    send(
        &mut desk,
        ("PAPER-1", "manual", "KO", "late"),
        Some(200),
        at(40),
    );
    let third = desk.cancel_all(&firm, &granted, &hand(), "news", at(40));
    assert_eq!((ids(&third.asked), third.already.len()), (vec!["late"], 3));
    for step in 40..80 {
        desk.step(at(step));
    }
    let empty = desk.cancel_all(&firm, &granted, &hand(), "news", at(80));
    assert_eq!(
        empty.asked.len() + empty.already.len() + empty.left.len(),
        0
    );
    let evidence = &desk
        .ledger()
        .order(&OrderKey {
            account: granted[0].clone(),
            client_order_id: ClientOrderId::new("a").unwrap(),
        })
        .unwrap()
        .transitions;
    let asked = evidence
        .iter()
        .filter(|step| step.status == OrderStatus::CancelSent)
        .map(|step| step.evidence.as_str());
    assert_eq!(asked.collect::<Vec<_>>(), ["alice: news"], "asked once");
}

// covers: DB-6
#[test]
fn an_order_on_its_way_to_a_fill_says_that_it_may_still_fill_and_then_what_it_did() {
    let mut desk = quiet_desk();
    let granted = accounts(&["PAPER-1"]);
    // At the market and just sent: the venue has not even acknowledged it.
    send(&mut desk, ("PAPER-1", "manual", "KO", "race"), None, at(4));
    let met = desk.cancel_all(&HaltScope::Firm, &granted, &hand(), "news", at(4));
    assert_eq!(met.asked[0].status, OrderStatus::CancelSent);
    assert_eq!(met.asked[0].status.badge(), "cancel sent: may still fill");
    desk.take_changes();
    let mut seen = Vec::new();
    for step in 4..80 {
        desk.step(at(step));
        seen.extend(desk.take_changes().orders);
    }
    let last = seen.last().unwrap();
    assert!(!last.order.status.is_open(), "{last:?}");
    let filled: Qty = seen
        .iter()
        .filter_map(|change| change.fill.as_ref())
        .map(|fill| fill.qty)
        .sum();
    assert_eq!(filled, last.order.filled_qty);
    assert_eq!(
        last.order.status == OrderStatus::Filled,
        last.order.remaining().is_zero(),
        "the end says what happened"
    );
}
