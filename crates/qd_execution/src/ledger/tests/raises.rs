//! Changes that raise risk: what tells them from those that lower it, and which rules they are held to.

use super::changes::{change, modify, refused_by, rejected, replaced, sent, stands, working};
use super::*;

// covers: OC-8
// covers: HS-1
#[test]
fn while_risk_may_not_grow_an_order_can_only_be_made_smaller_or_harder_to_reach() {
    let lowers = [
        change("k", Some(19), None),
        change("k", None, Some("198.99")),
        change("k", Some(1), Some("150")),
    ];
    let raises = [
        change("k", Some(21), None),
        change("k", None, Some("199.01")),
        change("k", Some(1), Some("199.01")),
        change("k", Some(21), Some("190")),
    ];
    for state in [
        HaltState::Active,
        HaltState::ReduceOnly,
        HaltState::Halted,
        HaltState::Unknown,
    ] {
        for wanted in &lowers {
            let mut ledger = ledger();
            working(&mut ledger, "a");
            ledger.set_halt(state, None, "test", NOW);
            // No quote, no rail, no breaker keeps back what lowers.
            ledger.set_breaker("drawdown", BreakerState::Tripped, "test", NOW);
            let outcome = ledger.modify(&key("a"), wanted, &hand(), None, NOW);
            assert!(
                matches!(outcome, ModifyOutcome::Recorded(..)),
                "{state}: {outcome:?}"
            );
        }
        for wanted in &raises {
            let mut ledger = ledger();
            working(&mut ledger, "a");
            ledger.set_halt(state, None, "test", NOW);
            if state == HaltState::Active {
                sent(&mut ledger, "a", wanted);
                continue;
            }
            let (status, words) = refused_by(&mut ledger, "a", wanted);
            assert_eq!(status, OrderStatus::BlockedHalt);
            assert_eq!(
                words,
                format!("halt_state {state} of {}", HaltState::Active)
            );
            assert_eq!(stands(&ledger, "a"), "working 0/20 at 199");
        }
    }
    let mut ledger = ledger();
    working(&mut ledger, "a");
    ledger.set_breaker("drawdown", BreakerState::Tripped, "test", NOW);
    let (status, _) = refused_by(&mut ledger, "a", &raises[0]);
    assert_eq!(status, OrderStatus::BlockedBreaker);
}

/// A stop is nearer when it is triggered sooner; a seller's prices count the other way round.
#[test]
fn which_prices_are_easier_to_reach_depends_on_the_side() {
    let raises =
        |side, order_type, limit: Option<&str>, stop: Option<&str>, wanted: ChangeRequest| {
            let mut ledger = ledger();
            let request = OrderRequest {
                strategy: StrategyId::new("maker").unwrap(),
                side,
                order_type,
                limit_price: limit.map(price),
                stop_price: stop.map(price),
                ..request("a")
            };
            placed(&mut ledger, request);
            ledger.apply(&acknowledged("a"), NOW);
            ledger.set_halt(HaltState::ReduceOnly, None, "test", NOW);
            matches!(
                modify(&mut ledger, "a", &wanted),
                ModifyOutcome::Blocked(..)
            )
        };
    let stop_at = |stop| ChangeRequest {
        stop_price: Some(price(stop)),
        ..change("k", None, None)
    };
    let limit_at = |limit| change("k", None, Some(limit));
    let (limit, stop) = (OrderType::Limit, OrderType::Stop);
    for (side, kind, at, wanted, expected) in [
        (Side::Buy, limit, "199", limit_at("199.5"), true),
        (Side::Buy, limit, "199", limit_at("198"), false),
        (Side::Sell, limit, "201", limit_at("200.5"), true),
        // Harder to reach, and more money: more of the account is at stake if it is.
        (Side::Sell, limit, "201", limit_at("202"), true),
        (Side::Buy, stop, "205", stop_at("204"), true),
        (Side::Buy, stop, "205", stop_at("206"), true),
        (Side::Sell, stop, "195", stop_at("196"), true),
        (Side::Sell, stop, "195", stop_at("194"), false),
    ] {
        let (limit, stop) = match kind {
            OrderType::Limit => (Some(at), None),
            _ => (None, Some(at)),
        };
        assert_eq!(
            raises(side, kind, limit, stop, wanted.clone()),
            expected,
            "{side} {wanted:?}"
        );
    }
}

// covers: OC-5
// covers: OC-8
#[test]
fn a_raise_is_held_to_every_rail_with_the_larger_of_old_and_new() {
    // (what is asked for, the rule)
    for (wanted, rule) in [
        (
            change("k", Some(10_001), None),
            "max_order_qty 10001 of 10000",
        ),
        (
            change("k", Some(501), None),
            "max_order_notional 100200 of 100000",
        ),
        (change("k", None, Some("221")), "price_collar 0.105 of 0.1"),
    ] {
        let mut ledger = ledger();
        working(&mut ledger, "a");
        assert_eq!(refused_by(&mut ledger, "a", &wanted).1, rule);
    }
    let old_quote = Quote {
        quoted_at: NOW.plus_millis(-15_001),
        ..quote()
    };
    let mut books = ledger();
    working(&mut books, "a");
    let outcome = books.modify(
        &key("a"),
        &change("k", Some(21), None),
        &hand(),
        Some(&old_quote),
        NOW,
    );
    assert!(
        matches!(&outcome, ModifyOutcome::Blocked(_, (_, limit)) if limit.rule == "reference_price_age"),
        "{outcome:?}"
    );

    // 20,000 held, 80,000 cash: 180,000 can be bought. 400 of one order are 80,000, 490 of the other 98,000.
    let mut ledger = ledger();
    for (id, qty) in [("a", 400), ("b", 490)] {
        let request = OrderRequest {
            qty: shares(qty),
            order_type: OrderType::Limit,
            limit_price: Some(price("199")),
            ..request(id)
        };
        placed(&mut ledger, request);
        ledger.apply(&acknowledged(id), NOW);
    }
    // Its own 400 do not count beside the new ones: 97,510 and 80,400 fit, 97,510 and 82,600 do not.
    assert_eq!(
        refused_by(&mut ledger, "a", &change("k1", Some(415), None)).1,
        "buying_power 180510 of 180000"
    );
    sent(&mut ledger, "a", &change("k2", Some(405), None));
    // On its way it counts with 405: 80,595. With its 400 the other's 499 would fit.
    assert_eq!(
        refused_by(&mut ledger, "b", &change("k3", Some(499), None)).1,
        "buying_power 180395 of 180000"
    );
    ledger.apply(&rejected("a"), NOW);
    sent(&mut ledger, "b", &change("k4", Some(499), None));
}

// covers: OC-6
// covers: OC-8
#[test]
fn a_close_is_never_made_larger_than_what_is_held_beside_other_closes() {
    let mut ledger = ledger();
    for (id, qty) in [("a", 30), ("b", 40)] {
        let request = CloseRequest {
            qty: Some(shares(qty)),
            ..close_request(id)
        };
        ledger.close(&request, &[account()], &hand(), NOW);
        ledger.apply(&acknowledged(id), NOW);
    }
    ledger.set_halt(HaltState::Halted, None, "test", NOW);
    assert_eq!(
        refused_by(&mut ledger, "a", &change("k", Some(61), None)),
        (OrderStatus::BlockedRail, "reduce_only 61 of 60".to_owned())
    );
    ledger.apply(&fill("a", "F1", 10, "200"), NOW);
    // 90 are held, 40 are being closed: ten that are filled and fifty more.
    assert_eq!(
        refused_by(&mut ledger, "a", &change("k2", Some(61), None)).1,
        "reduce_only 51 of 50"
    );
    sent(&mut ledger, "a", &change("k3", Some(60), None));
    assert_eq!(
        ledger.closing(&row()),
        shares(90),
        "with the larger of both"
    );
    let all = ledger.close(&close_request("all"), &[account()], &hand(), NOW);
    assert!(matches!(all, CloseOutcome::NothingLeft { .. }), "{all:?}");
    // Fewer on the way free nothing until the venue says so.
    sent(&mut ledger, "b", &change("k4", Some(1), None));
    assert_eq!(ledger.closing(&row()), shares(90));
    let fewer = VenueEvent::Replaced {
        key: key("b"),
        terms: OrderTerms {
            qty: shares(1),
            limit_price: None,
            stop_price: None,
        },
    };
    ledger.apply(&fewer, NOW);
    assert_eq!(ledger.closing(&row()), shares(51));
}

#[test]
fn an_order_that_must_stay_reduce_only_takes_no_more_than_others_leave() {
    let mut ledger = ledger();
    ledger.set_halt(HaltState::ReduceOnly, None, "test", NOW);
    for (id, qty) in [("a", 40), ("b", 50)] {
        let request = OrderRequest {
            side: Side::Sell,
            qty: shares(qty),
            order_type: OrderType::Limit,
            limit_price: Some(price("205")),
            ..request(id)
        };
        let request = OrderRequest {
            halt_epoch_seen: None,
            ..request
        };
        assert!(placed(&mut ledger, request).reduce_only);
        ledger.apply(&acknowledged(id), NOW);
    }
    assert_eq!(
        refused_by(&mut ledger, "a", &change("k", Some(51), None)).1,
        "reduce_only 51 of 50"
    );
    sent(&mut ledger, "a", &change("k2", Some(50), None));
    // Its price is its own matter, within the collar: it can only lower.
    sent(&mut ledger, "b", &change("k", None, Some("201")));
    ledger.apply(&replaced("b", 50, "201"), NOW);
    assert_eq!(
        refused_by(&mut ledger, "b", &change("k2", None, Some("150"))).1,
        "price_collar 0.25 of 0.1"
    );
}
