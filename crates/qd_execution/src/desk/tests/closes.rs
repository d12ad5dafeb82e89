//! Closes among random orders, changes, cancels and halts: no fill of theirs crosses flat, and nothing fills beyond what
//! was confirmed or counted.

use proptest::prelude::*;

use super::*;

/// One thing that hands do to the desk.
#[derive(Clone, Debug)]
enum Move {
    Steps(u8),
    Place {
        side: Side,
        qty: i64,
        limit_cents: Option<i64>,
        tif: TimeInForce,
    },
    Close {
        qty: Option<i64>,
    },
    Cancel(usize),
    /// Of an order by its place: shares and cents of its limit more or less.
    Change {
        which: usize,
        qty: Option<i64>,
        limit_cents: Option<i64>,
    },
    Halt(HaltState),
}

fn a_move() -> impl Strategy<Value = Move> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let tif = prop_oneof![
        4 => Just(TimeInForce::Day),
        1 => Just(TimeInForce::Gtc),
        1 => Just(TimeInForce::Ioc),
        1 => Just(TimeInForce::Fok),
    ];
    let halt = prop_oneof![
        3 => Just(HaltState::Active),
        1 => Just(HaltState::ReduceOnly),
        1 => Just(HaltState::Halted),
    ];
    prop_oneof![
        4 => (1_u8..12).prop_map(Move::Steps),
        4 => (side, 1_i64..400, prop::option::of(-40_i64..40), tif)
            .prop_map(|(side, qty, limit_cents, tif)| Move::Place { side, qty, limit_cents, tif }),
        3 => prop::option::of(1_i64..300).prop_map(|qty| Move::Close { qty }),
        2 => (0_usize..20).prop_map(Move::Cancel),
        5 => (0_usize..30, prop::option::of(-150_i64..150), prop::option::of(-30_i64..30))
            .prop_map(|(which, qty, limit_cents)| Move::Change { which, qty, limit_cents }),
        1 => halt.prop_map(Move::Halt),
    ]
}

fn lone_desk(seed: u64, opening: i64) -> (ExecutionConfig, Desk) {
    let holdings = vec![Holding {
        strategy: StrategyId::new("manual").unwrap(),
        symbol: Symbol::new("KO").unwrap(),
        qty: Qty::from_units(opening, 0),
        avg_entry_price: Price::from_units(7_000, 2),
    }];
    let mut config = demo(seed);
    config.strategies.clear();
    config.accounts = vec![AccountConfig {
        account: AccountId::new("PAPER-1").unwrap(),
        opening_cash: Money::from_units(500_000, 0),
        holdings,
    }];
    let desk = Desk::new(&config, START);
    (config, desk)
}

/// What an order could still trade, as the ledger counts it: shares and dollars.
type Counted = BTreeMap<OrderKey, (Qty, Money)>;

fn counted(desk: &Desk) -> Counted {
    let open = desk.ledger().open_orders();
    open.map(|record| (record.key(), (record.most_open(), Ledger::worth(record))))
        .collect()
}

/// The highest market that each order was let through at; none of an order that no market was asked for.
type Judged = BTreeMap<OrderKey, Price>;

/// Notes the market at which `key` was let through.
fn judged(desk: &Desk, key: &OrderKey, at_market: &mut Judged) {
    let Some(record) = desk.ledger().order(key) else {
        return;
    };
    let market = desk.market().quote(record.order.symbol).unwrap().price;
    let highest = at_market.entry(key.clone()).or_insert(market);
    *highest = market.max(*highest);
}

/// Whatever the venue says: it has no order with more shares, or more money, than the ledger counts and counted `before`
/// the venue spoke. A seller below the market would get the market: it must count as much as it could get when it was let
/// through.
fn check_counted(desk: &Desk, before: &Counted, at_market: &Judged) -> Result<(), TestCaseError> {
    for record in desk.ledger().open_orders() {
        let Some((open, order)) = desk.venue.standing(&record.key()) else {
            continue;
        };
        if let Some((shares, dollars)) = before.get(&record.key()) {
            prop_assert!(
                record.most_open() <= *shares && Ledger::worth(record) <= *dollars,
                "{shares} and {dollars} were counted of {record:?}"
            );
        }
        prop_assert!(open <= record.most_open(), "{open} are open of {record:?}");
        let market = at_market.get(&record.key()).copied();
        let price = match record.order.side {
            Side::Buy => order.limit_price.or(market),
            Side::Sell => order.limit_price.max(market),
        };
        let worth = price.unwrap_or_default().times(open);
        prop_assert!(
            worth <= Ledger::worth(record),
            "{worth} are open of {record:?}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    // covers: OC-6
    // covers: OC-8
    // covers: DB-4
    /// Whatever else is in flight: a fill of a reduce-only order never crosses flat and never adds.
    #[test]
    fn prop_a_close_never_flips(
        seed in 0_u64..1_000,
        opening in prop_oneof![1_i64..600, -600_i64..-1],
        moves in prop::collection::vec(a_move(), 1..60),
    ) {
        let (config, mut desk) = lone_desk(seed, opening);
        let account = AccountId::new("PAPER-1").unwrap();
        let symbol = Symbol::new("KO").unwrap();
        let key = PositionKey {
            account: account.clone(),
            strategy: StrategyId::new("manual").unwrap(),
            symbol,
        };
        let hand = Author::Hand(UserId::new("alice").unwrap());
        let mut held = desk.ledger().book(&account).unwrap().held(&key);
        let mut step = 0;
        let mut ids: Vec<OrderKey> = Vec::new();
        let mut taken = BTreeMap::new();
        let mut at_market = Judged::new();
        for (i, one) in moves.into_iter().chain([Move::Steps(40)]).enumerate() {
            let now = at(step);
            let client_order_id = ClientOrderId::new(&format!("m-{i}")).unwrap();
            ids.push(OrderKey { account: account.clone(), client_order_id: client_order_id.clone() });
            match one {
                Move::Steps(count) => {
                    for _ in 0..count {
                        let before = counted(&desk);
                        desk.step(at(step));
                        let changes = desk.take_changes().orders;
                        check_fills(&desk, &changes, step % 4 == 0, &mut taken);
                        for OrderChange { order, fill } in changes {
                            let Some(fill) = fill else { continue };
                            let after = held + order.side.signed(fill.qty);
                            let record = desk.ledger().order(&OrderKey {
                                account: order.account.clone(),
                                client_order_id: order.client_order_id.clone(),
                            }).unwrap();
                            if record.reduce_only {
                                prop_assert!(after.is_zero() || after.is_negative() == held.is_negative(),
                                    "a close flipped {held} to {after}");
                                prop_assert!(after.abs() < held.abs(), "a close added: {held} to {after}");
                            }
                            // The order as published with the fill: the terms that the venue had confirmed by then.
                            prop_assert!(order.filled_qty <= order.qty, "{order:?}");
                            held = after;
                        }
                        check_counted(&desk, &before, &at_market)?;
                        step += 1;
                    }
                }
                Move::Place { side, qty, limit_cents, tif } => {
                    let price = desk.market().quote(symbol).unwrap().price;
                    let limit = limit_cents.map(|cents| price + Price::from_units(cents, 2));
                    let request = OrderRequest {
                        account: account.clone(),
                        strategy: key.strategy.clone(),
                        client_order_id,
                        symbol,
                        side,
                        qty: Qty::from_units(qty, 0),
                        order_type: if limit.is_some() { OrderType::Limit } else { OrderType::Market },
                        limit_price: limit,
                        stop_price: None,
                        time_in_force: tif,
                        reason: "a random hand".to_owned(),
                        halt_epoch_seen: None,
                        price_seen: Some(PriceSeen { value: price, at: now }),
                    };
                    if let PlaceOutcome::Recorded(record) = desk.place(request, &hand, now) {
                        judged(&desk, &record.key(), &mut at_market);
                    }
                    check_counted(&desk, &Counted::new(), &at_market)?;
                }
                Move::Close { qty } => {
                    let request = CloseRequest {
                        symbol,
                        account: None,
                        strategy: None,
                        client_order_id,
                        qty: qty.map(|qty| Qty::from_units(qty, 0)),
                        reason: "a random hand".to_owned(),
                    };
                    let outcome = desk.close(&request, std::slice::from_ref(&account), &hand, now);
                    if let CloseOutcome::Recorded(records) = outcome {
                        prop_assert!(desk.ledger().closing(&key) <= held.abs(), "{records:?} of {held}");
                    }
                }
                Move::Cancel(which) => {
                    if let Some(key) = ids.get(which).cloned() {
                        desk.cancel(&key, &hand, "a random hand", now);
                    }
                }
                Move::Change { which, qty, limit_cents } => {
                    let Some(record) = ids.get(which).and_then(|key| desk.ledger().order(key)) else {
                        continue;
                    };
                    let (key, before) = (record.key(), record.order.clone());
                    let limit = before.limit_price.zip(limit_cents);
                    let request = ChangeRequest {
                        idempotency_key: format!("k-{i}"),
                        qty: qty.map(|more| before.qty + Qty::from_units(more, 0)),
                        limit_price: limit.map(|(limit, cents)| limit + Price::from_units(cents, 2)),
                        stop_price: None,
                    };
                    let outcome = desk.modify(&key, &request, &hand, now);
                    if matches!(outcome, ModifyOutcome::Recorded(..)) {
                        judged(&desk, &key, &mut at_market);
                    }
                    let after = &desk.ledger().order(&key).unwrap().order;
                    let terms = |order: &Order| (order.qty, order.limit_price, order.filled_qty);
                    prop_assert_eq!(terms(&before), terms(after), "before the venue's word: {:?}", outcome);
                    check_counted(&desk, &Counted::new(), &at_market)?;
                }
                Move::Halt(state) => desk.ledger_mut().set_halt(state, None, "random", now),
            }
        }
        prop_assert_eq!(held, desk.ledger().book(&account).unwrap().held(&key));
        prop_assert_eq!(desk.ledger().counters().anomalies, 0);
        check_books(&config, &desk);
    }
}
