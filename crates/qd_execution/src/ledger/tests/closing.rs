//! Closes: capped, repeatable, one order per stake.

use super::*;

#[test]
fn closing_is_capped_by_what_is_held_and_not_being_closed() {
    let mut ledger = ledger();
    let close = |ledger: &mut Ledger, id: &str, qty: Option<i64>| {
        let request = CloseRequest {
            qty: qty.map(shares),
            ..close_request(id)
        };
        ledger.close(&request, &[account()], &hand(), NOW)
    };
    match close(&mut ledger, "a", Some(30)) {
        CloseOutcome::Recorded(records) => {
            assert_eq!(records.len(), 1);
            let order = &records[0].order;
            assert_eq!(
                (order.side, order.qty, &*order.source),
                (Side::Sell, shares(30), "close")
            );
            assert!(records[0].reduce_only);
        }
        other => panic!("{other:?}"),
    }
    match close(&mut ledger, "b", Some(500)) {
        CloseOutcome::Recorded(records) => assert_eq!(records[0].order.qty, shares(70)),
        other => panic!("{other:?}"),
    }
    match close(&mut ledger, "c", None) {
        CloseOutcome::NothingLeft { closing } => assert_eq!(closing, shares(100)),
        other => panic!("{other:?}"),
    }
    assert!(
        matches!(close(&mut ledger, "a", Some(30)), CloseOutcome::Repeated(records) if records.len() == 1)
    );
    assert!(matches!(
        close(&mut ledger, "a", Some(31)),
        CloseOutcome::Conflicting(_)
    ));
    assert!(matches!(
        close(&mut ledger, "d", Some(0)),
        CloseOutcome::Malformed(_)
    ));
    let other = CloseRequest {
        symbol: Symbol::new("KO").unwrap(),
        ..close_request("e")
    };
    assert!(matches!(
        ledger.close(&other, &[account()], &hand(), NOW),
        CloseOutcome::NoPosition
    ));
    assert!(matches!(
        ledger.close(&close_request("f"), &[], &hand(), NOW),
        CloseOutcome::NoPosition
    ));
}

#[test]
fn closing_a_folded_symbol_closes_every_stake_under_one_parent() {
    let mut ledger = ledger();
    for (id, strategy, side, qty) in [
        ("x", "scalper", Side::Buy, 20),
        ("y", "maker", Side::Sell, 15),
    ] {
        let strategy = StrategyId::new(strategy).unwrap();
        placed(
            &mut ledger,
            OrderRequest {
                strategy,
                side,
                qty: shares(qty),
                ..request(id)
            },
        );
        ledger.apply(&fill(id, &format!("F{id}"), qty, "200"), NOW);
    }
    let parts = |records: &[OrderRecord]| -> Vec<(String, Side, Qty, bool)> {
        records
            .iter()
            .map(|record| {
                let order = &record.order;
                (
                    order.strategy.to_string(),
                    order.side,
                    order.qty,
                    order.parent_id.is_some(),
                )
            })
            .collect()
    };
    // A number of shares takes from the folded row's own side only.
    let some = CloseRequest {
        qty: Some(shares(110)),
        ..close_request("some")
    };
    match ledger.clone().close(&some, &[account()], &hand(), NOW) {
        CloseOutcome::Recorded(records) => assert_eq!(
            parts(&records),
            [
                ("manual".to_owned(), Side::Sell, shares(100), false),
                ("scalper".to_owned(), Side::Sell, shares(10), true),
            ]
        ),
        other => panic!("{other:?}"),
    }
    let all = [
        ("maker".to_owned(), Side::Buy, shares(15), false),
        ("manual".to_owned(), Side::Sell, shares(100), true),
        ("scalper".to_owned(), Side::Sell, shares(20), true),
    ];
    match ledger.close(&close_request("all"), &[account()], &hand(), NOW) {
        CloseOutcome::Recorded(records) => assert_eq!(parts(&records), all),
        other => panic!("{other:?}"),
    }
    match ledger.close(&close_request("all"), &[account()], &hand(), NOW) {
        CloseOutcome::Repeated(records) => assert_eq!(parts(&records), all),
        other => panic!("{other:?}"),
    }
}

// covers: HS-1
#[test]
fn a_resting_order_that_only_lowers_does_not_stand_in_the_way_of_a_close() {
    let mut ledger = ledger();
    ledger.set_halt(HaltState::ReduceOnly, None, "test", NOW);
    let resting = OrderRequest {
        side: Side::Sell,
        qty: shares(100),
        order_type: OrderType::Limit,
        limit_price: Some(price("210")),
        halt_epoch_seen: None,
        ..request("resting")
    };
    assert!(matches!(
        ledger.place(resting, &hand(), Some(&quote()), NOW),
        PlaceOutcome::Recorded(record) if record.reduce_only
    ));
    let outcome = ledger.close(&close_request("all"), &[account()], &hand(), NOW);
    assert!(
        matches!(&outcome, CloseOutcome::Recorded(records) if records[0].order.qty == shares(100)),
        "{outcome:?}"
    );
}

/// A row whose close the venue rejected is still held, and still its strategy's to protect.
#[test]
fn a_row_counts_as_closed_while_a_close_is_on_its_way_and_once_one_has_filled() {
    let mut ledger = ledger();
    let close = |ledger: &mut Ledger, id: &str| {
        let outcome = ledger.close(&close_request(id), &[account()], &hand(), NOW);
        assert!(matches!(outcome, CloseOutcome::Recorded(_)), "{outcome:?}");
        ledger.mark_sent(&key(id), NOW);
    };
    assert!(!ledger.was_closed(&row()));
    close(&mut ledger, "rejected");
    assert!(ledger.was_closed(&row()), "on its way");
    let rejected = VenueEvent::Rejected {
        key: key("rejected"),
        reason: "symbol_halted",
    };
    ledger.apply(&rejected, NOW);
    assert!(!ledger.was_closed(&row()), "nothing was closed");
    close(&mut ledger, "filled");
    ledger.apply(&acknowledged("filled"), NOW);
    ledger.apply(&fill("filled", "F-close", 40, "200"), NOW);
    ledger.apply(
        &VenueEvent::Cancelled {
            key: key("filled"),
            reason: "requested",
        },
        NOW,
    );
    assert!(ledger.was_closed(&row()), "even in part, for the day");
}
