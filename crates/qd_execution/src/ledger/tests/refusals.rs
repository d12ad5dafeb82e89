//! What is refused, by which rule, and what is kept of it.

use super::*;

#[test]
fn what_is_malformed_names_its_field_and_stores_nothing() {
    let limit = |text: &str| OrderRequest {
        order_type: OrderType::Limit,
        limit_price: Some(price(text)),
        ..request("a")
    };
    let cases: Vec<(OrderRequest, Option<Quote>, &str, &str)> = vec![
        (request("a"), None, "symbol", "unknown_symbol"),
        (
            OrderRequest {
                qty: Qty::ZERO,
                ..request("a")
            },
            Some(quote()),
            "qty",
            "not_positive",
        ),
        (
            OrderRequest {
                qty: shares(-5),
                ..request("a")
            },
            Some(quote()),
            "qty",
            "not_positive",
        ),
        (
            OrderRequest {
                qty: Qty::parse("1.5").unwrap(),
                ..request("a")
            },
            Some(quote()),
            "qty",
            "not_whole",
        ),
        (
            OrderRequest {
                qty: Qty::parse("79228162514264337593543950335").unwrap(),
                ..request("a")
            },
            Some(quote()),
            "qty",
            "out_of_range",
        ),
        (limit("-1"), Some(quote()), "limit_price", "not_positive"),
        (limit("0"), Some(quote()), "limit_price", "not_positive"),
        (limit("200.005"), Some(quote()), "limit_price", "tick_size"),
        (
            limit("10000001"),
            Some(quote()),
            "limit_price",
            "out_of_range",
        ),
        (
            OrderRequest {
                limit_price: None,
                ..limit("1")
            },
            Some(quote()),
            "limit_price",
            "missing",
        ),
        (
            OrderRequest {
                limit_price: Some(price("1")),
                ..request("a")
            },
            Some(quote()),
            "limit_price",
            "not_allowed",
        ),
        (
            OrderRequest {
                stop_price: Some(price("1")),
                ..request("a")
            },
            Some(quote()),
            "stop_price",
            "not_allowed",
        ),
        (
            OrderRequest {
                order_type: OrderType::Stop,
                stop_price: Some(price("210")),
                time_in_force: TimeInForce::Ioc,
                ..request("a")
            },
            Some(quote()),
            "time_in_force",
            "not_allowed",
        ),
        (
            OrderRequest {
                reason: "too short".to_owned(),
                ..request("a")
            },
            Some(quote()),
            "reason",
            "too_short",
        ),
        (
            OrderRequest {
                reason: "x".repeat(513),
                ..request("a")
            },
            Some(quote()),
            "reason",
            "too_long",
        ),
        (
            OrderRequest {
                account: AccountId::new("OTHER").unwrap(),
                ..request("a")
            },
            Some(quote()),
            "account",
            "unknown_account",
        ),
        (
            OrderRequest {
                price_seen: Some(PriceSeen {
                    value: price("-3"),
                    at: NOW,
                }),
                ..request("a")
            },
            Some(quote()),
            "price_seen",
            "out_of_range",
        ),
    ];
    for (request, quote, name, code) in cases {
        let mut ledger = ledger();
        match ledger.place(request.clone(), &hand(), quote.as_ref(), NOW) {
            PlaceOutcome::Malformed(problems) => {
                let found: Vec<_> = problems.iter().map(|p| (p.name, p.code)).collect();
                assert_eq!(found, [(name, code)], "{request:?}");
            }
            other => panic!("{request:?} became {other:?}"),
        }
        assert_eq!(ledger.orders_newest_first().count(), 0);
        assert!(ledger.take_changes().orders.is_empty());
        assert_eq!(ledger.book(&account()).unwrap().day.num_orders, 0);
    }
}

// covers: OC-5
#[test]
fn rails_refuse_with_their_evidence_and_the_refused_order_is_kept() {
    let old_quote = Quote {
        quoted_at: NOW.plus_millis(-15_001),
        ..quote()
    };
    let limit = |text: &str| OrderRequest {
        order_type: OrderType::Limit,
        limit_price: Some(price(text)),
        ..request("a")
    };
    let seen = |value: &str, millis| OrderRequest {
        price_seen: Some(PriceSeen {
            value: price(value),
            at: NOW.plus_millis(millis),
        }),
        ..request("a")
    };
    let cases: Vec<(OrderRequest, Quote, &str, &str, &str)> = vec![
        (
            OrderRequest {
                qty: shares(10_001),
                ..request("a")
            },
            quote(),
            "max_order_qty",
            "10001",
            "10000",
        ),
        (
            OrderRequest {
                qty: shares(501),
                ..request("a")
            },
            quote(),
            "max_order_notional",
            "100200",
            "100000",
        ),
        (limit("220.01"), quote(), "price_collar", "0.10005", "0.1"),
        (limit("179.99"), quote(), "price_collar", "0.10005", "0.1"),
        (
            request("a"),
            old_quote,
            "reference_price_age",
            "15001",
            "15000",
        ),
        (
            seen("200", -30_001),
            quote(),
            "price_seen_age",
            "30001",
            "30000",
        ),
        (seen("211", 0), quote(), "price_seen", "0.055", "0.05"),
        (
            request("a"),
            Quote {
                is_halted: true,
                ..quote()
            },
            "symbol_halted",
            "halted",
            "trading",
        ),
        (
            OrderRequest {
                qty: shares(500),
                ..request("a")
            },
            Quote {
                price: price("0"),
                ..quote()
            },
            "reference_price",
            "none",
            "a price above zero",
        ),
    ];
    for (request, quote, rule, value, allowed) in cases {
        let mut ledger = ledger();
        match ledger.place(request.clone(), &hand(), Some(&quote), NOW) {
            PlaceOutcome::Blocked(record) => {
                let evidence = record.refused_by.clone().unwrap();
                assert_eq!(
                    (evidence.rule, &*evidence.value, &*evidence.limit),
                    (rule, value, allowed)
                );
                assert_eq!(record.order.status, OrderStatus::BlockedRail);
                assert_eq!(record.order.reason_code.as_deref(), Some(rule));
            }
            other => panic!("{request:?} became {other:?}"),
        }
        assert_eq!(ledger.orders_newest_first().count(), 1);
        assert_eq!(ledger.open_orders().count(), 0);
        assert_eq!(ledger.counters().refusals.get(rule), Some(&1));
        assert_eq!(ledger.take_changes().orders.len(), 1);
        match ledger.place(request, &hand(), Some(&quote), NOW) {
            PlaceOutcome::Repeated(record) => assert!(record.refused_by.is_some()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn orders_in_flight_count_against_buying_power_exposure_and_the_number_of_orders() {
    let mut ledger = ledger();
    // 100,000 of equity: 180,000 may be bought beside what is held.
    let big = |id: &str| OrderRequest {
        qty: shares(450),
        ..request(id)
    };
    placed(&mut ledger, big("a"));
    match ledger.place(big("b"), &hand(), Some(&quote()), NOW) {
        PlaceOutcome::Recorded(_) => {}
        other => panic!("{other:?}"),
    }
    match ledger.place(big("c"), &hand(), Some(&quote()), NOW) {
        PlaceOutcome::Blocked(record) => {
            assert_eq!(record.refused_by.as_ref().unwrap().rule, "buying_power");
        }
        other => panic!("{other:?}"),
    }
    // Selling what is held lowers risk: no room is needed for it.
    placed(
        &mut ledger,
        OrderRequest {
            side: Side::Sell,
            qty: shares(100),
            ..request("d")
        },
    );
    // But only once: the first sale is in flight.
    let again = OrderRequest {
        side: Side::Sell,
        qty: shares(100),
        ..request("e")
    };
    assert!(matches!(
        ledger.place(again, &hand(), Some(&quote()), NOW),
        PlaceOutcome::Blocked(_)
    ));
}

// covers: HS-1
#[test]
fn each_halt_state_lets_through_what_the_matrix_says() {
    let raise = || request("raise");
    let lower = || OrderRequest {
        side: Side::Sell,
        qty: shares(40),
        ..request("lower")
    };
    let strategy = Author::Strategy(row().strategy);
    for (state, raises, lowers, by_strategy) in [
        (HaltState::Active, true, true, true),
        (HaltState::ReduceOnly, false, true, true),
        (HaltState::Halted, false, true, false),
        (HaltState::Unknown, false, true, false),
    ] {
        let fresh = || {
            let mut ledger = ledger();
            ledger.set_halt(state, None, "test", NOW);
            ledger
        };
        let passes = |request: OrderRequest, author: &Author| {
            let request = OrderRequest {
                halt_epoch_seen: None,
                ..request
            };
            match fresh().place(request, author, Some(&quote()), NOW) {
                PlaceOutcome::Recorded(record) => {
                    // What was let through because it only lowers must stay so.
                    assert_eq!(record.reduce_only, record.order.side == Side::Sell);
                    true
                }
                PlaceOutcome::Blocked(record) => {
                    assert_eq!(record.order.status, OrderStatus::BlockedHalt);
                    assert_eq!(record.order.reason_code.as_deref(), Some("halt_state"));
                    false
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            passes(raise(), &hand()),
            raises,
            "raise by hand while {state}"
        );
        assert_eq!(
            passes(lower(), &hand()),
            lowers,
            "lower by hand while {state}"
        );
        assert_eq!(
            passes(lower(), &strategy),
            by_strategy,
            "lower by a strategy while {state}"
        );
        let mut ledger = fresh();
        let close = close_request("close");
        let outcome = ledger.close(&close, &[account()], &hand(), NOW);
        assert!(
            matches!(outcome, CloseOutcome::Recorded(_)),
            "close by hand while {state}"
        );
        let outcome = ledger.cancel(&key("close"), "alice", NOW);
        assert!(
            matches!(outcome, CancelOutcome::Recorded(_)),
            "cancel while {state}"
        );
    }
}

#[test]
fn the_strictest_scope_wins_and_every_change_counts_the_epoch() {
    let mut ledger = ledger();
    assert_eq!(ledger.halt_for(&row()), HaltState::Active);
    ledger.set_scoped_halt(HaltScope::Symbol(row().symbol), HaltState::ReduceOnly, NOW);
    assert_eq!(ledger.halt_for(&row()), HaltState::ReduceOnly);
    ledger.set_scoped_halt(HaltScope::Account(account()), HaltState::Halted, NOW);
    assert_eq!(ledger.halt_for(&row()), HaltState::Halted);
    ledger.set_scoped_halt(HaltScope::Account(account()), HaltState::Active, NOW);
    ledger.set_scoped_halt(
        HaltScope::Symbol(Symbol::new("KO").unwrap()),
        HaltState::Unknown,
        NOW,
    );
    assert_eq!(ledger.halt_for(&row()), HaltState::ReduceOnly);
    assert_eq!(ledger.halt().halt_epoch, 5);
    assert!(ledger.take_changes().halt);
    // An author who saw an older epoch may not raise risk.
    let mut ledger = self::ledger();
    ledger.set_halt(HaltState::Active, None, "over", NOW);
    match ledger.place(request("a"), &hand(), Some(&quote()), NOW) {
        PlaceOutcome::Blocked(record) => {
            assert_eq!(record.order.reason_code.as_deref(), Some("halt_epoch_seen"));
        }
        other => panic!("{other:?}"),
    }
    placed(
        &mut ledger,
        OrderRequest {
            side: Side::Sell,
            ..request("b")
        },
    );
}

#[test]
fn a_tripped_breaker_blocks_what_raises_risk() {
    let mut ledger = ledger();
    assert!(ledger.set_breaker("daily_loss", BreakerState::Tripped, "lost too much", NOW));
    assert!(!ledger.set_breaker("no_such", BreakerState::Tripped, "", NOW));
    assert_eq!(
        ledger
            .breakers()
            .iter()
            .map(|b| b.trip_count_today)
            .sum::<u32>(),
        1
    );
    match ledger.place(request("a"), &hand(), Some(&quote()), NOW) {
        PlaceOutcome::Blocked(record) => {
            assert_eq!(record.order.status, OrderStatus::BlockedBreaker);
        }
        other => panic!("{other:?}"),
    }
    placed(
        &mut ledger,
        OrderRequest {
            side: Side::Sell,
            ..request("b")
        },
    );
}

// covers: OC-3
#[test]
fn the_same_ticket_with_a_newer_price_is_the_same_order() {
    let mut ledger = ledger();
    let first = request("ticket");
    assert!(matches!(
        ledger.place(first.clone(), &hand(), Some(&quote()), NOW),
        PlaceOutcome::Recorded(_)
    ));
    let again = OrderRequest {
        halt_epoch_seen: None,
        price_seen: Some(PriceSeen {
            value: price("200.02"),
            at: NOW.plus_millis(900),
        }),
        ..first.clone()
    };
    assert!(matches!(
        ledger.place(again, &hand(), Some(&quote()), NOW),
        PlaceOutcome::Repeated(_)
    ));
    let other = OrderRequest {
        qty: shares(11),
        ..first
    };
    assert!(matches!(
        ledger.place(other, &hand(), Some(&quote()), NOW),
        PlaceOutcome::Conflicting(_)
    ));
}

#[test]
fn what_raises_by_hand_needs_a_price_that_was_seen_lately_and_not_tomorrow() {
    let place = |price_seen: Option<PriceSeen>, side: Side| {
        let asked = OrderRequest {
            side,
            price_seen,
            ..request("seen")
        };
        match ledger().place(asked, &hand(), Some(&quote()), NOW) {
            PlaceOutcome::Recorded(_) => None,
            PlaceOutcome::Blocked(record) => record.order.reason_code,
            other => panic!("{other:?}"),
        }
    };
    let seen = |millis| {
        Some(PriceSeen {
            value: price("200"),
            at: NOW.plus_millis(millis),
        })
    };
    assert_eq!(place(seen(0), Side::Buy), None);
    assert_eq!(place(None, Side::Buy).as_deref(), Some("price_seen"));
    assert_eq!(place(None, Side::Sell), None, "what lowers needs none");
    assert_eq!(
        place(seen(5_000), Side::Buy).as_deref(),
        Some("price_seen_age")
    );
}

#[test]
fn an_order_for_a_strategy_that_is_not_here_is_malformed() {
    let asked = OrderRequest {
        strategy: StrategyId::new("nobody").unwrap(),
        ..request("stray")
    };
    let outcome = ledger().place(asked, &hand(), Some(&quote()), NOW);
    assert!(
        matches!(&outcome, PlaceOutcome::Malformed(problems) if problems[0].code == "unknown_strategy"),
        "{outcome:?}"
    );
}

#[test]
fn a_full_day_takes_no_more_orders_of_its_account_and_still_cancels_and_closes() {
    let mut ledger = ledger();
    let first = placed(&mut ledger, request("first"));
    ledger.books.get_mut(&account()).unwrap().day.num_orders = super::super::MAX_ORDERS;
    assert!(matches!(
        ledger.place(request("more"), &hand(), Some(&quote()), NOW),
        PlaceOutcome::Full
    ));
    assert!(
        matches!(
            ledger.place(request("first"), &hand(), Some(&quote()), NOW),
            PlaceOutcome::Repeated(_)
        ),
        "what was taken is still found"
    );
    assert!(matches!(
        ledger.cancel(&first.key(), "test", NOW),
        CancelOutcome::Recorded(_)
    ));
    assert!(matches!(
        ledger.close(&close_request("close"), &[account()], &hand(), NOW),
        CloseOutcome::Recorded(_)
    ));
}
