//! From accepted to its end: transitions, fills, cancels, repeats.

use super::*;

#[test]
fn an_order_lives_through_its_statuses_and_the_books_follow() {
    let mut ledger = ledger();
    placed(&mut ledger, request("a"));
    ledger.mark_sent(&key("a"), NOW);
    ledger.apply(&acknowledged("a"), NOW.plus_millis(10));
    ledger.apply(&fill("a", "F1", 4, "200.05"), NOW.plus_millis(20));
    ledger.apply(&fill("a", "F2", 6, "200.1"), NOW.plus_millis(30));
    let record = ledger.order(&key("a")).unwrap().clone();
    let statuses: Vec<_> = record
        .transitions
        .iter()
        .map(|step| step.status.as_str())
        .collect();
    assert_eq!(
        statuses,
        ["accepted", "sent", "working", "partially_filled", "filled"]
    );
    assert_eq!(record.order.filled_avg_price, Some(price("200.08")));
    assert_eq!(
        record.order.venue_order_id,
        Some(VenueOrderId::new("V1").unwrap())
    );
    assert_eq!(record.order.status_since, NOW.plus_millis(30));
    let book = ledger.book(&account()).unwrap();
    let position = book.position(&row()).unwrap();
    assert_eq!(position.qty, shares(110));
    assert_eq!(position.avg_entry_price, price("190.9163636363"));
    assert_eq!(book.cash(), Money::parse("77998.5").unwrap());
    assert_eq!(
        (
            book.day.num_orders,
            book.day.num_fills,
            book.day.num_activity
        ),
        (1, 2, 2)
    );
    assert_eq!(ledger.open_orders().count(), 0);
    let changes = ledger.take_changes();
    assert_eq!(changes.orders.len(), 5);
    assert!(changes.rows.contains(&row()));
    let filled: Vec<_> = changes
        .orders
        .iter()
        .filter(|change| change.fill.is_some())
        .collect();
    assert_eq!(filled.len(), 2);
}

#[test]
fn selling_realizes_and_a_flat_row_still_counts_for_the_day() {
    let mut ledger = ledger();
    placed(
        &mut ledger,
        OrderRequest {
            side: Side::Sell,
            qty: shares(100),
            ..request("a")
        },
    );
    ledger.apply(&fill("a", "F1", 100, "199.95"), NOW);
    let book = ledger.book(&account()).unwrap();
    assert!(book.position(&row()).is_none());
    let totals = book.totals(Ratio::from_units(5, 1), NOW);
    assert_eq!(totals.realized_pl_today, Money::from_units(995, 0));
    assert_eq!(
        (totals.num_positions, totals.unrealized_pl),
        (0, Money::ZERO)
    );
    assert_eq!(
        totals.buying_power,
        Some((book.cash() + book.cash()).round(2))
    );
    assert_eq!(
        ledger.fills()[0].fill.realized_pl,
        Money::from_units(995, 0)
    );
}

// covers: OC-3
#[test]
fn one_id_is_one_order_however_often_it_is_sent() {
    let mut ledger = ledger();
    let first = placed(&mut ledger, request("a"));
    ledger.take_changes();
    match ledger.place(
        request("a"),
        &hand(),
        Some(&quote()),
        NOW.plus_millis(5_000),
    ) {
        PlaceOutcome::Repeated(record) => assert_eq!(record.number, first.number),
        other => panic!("{other:?}"),
    }
    let other = OrderRequest {
        qty: shares(11),
        ..request("a")
    };
    match ledger.place(other, &hand(), Some(&quote()), NOW) {
        PlaceOutcome::Conflicting(record) => assert_eq!(record.order.qty, shares(10)),
        other => panic!("{other:?}"),
    }
    assert_eq!(ledger.orders_newest_first().count(), 1);
    assert!(ledger.take_changes().orders.is_empty());
}

// covers: DB-6
#[test]
fn a_cancel_may_still_fill_repeats_quietly_and_comes_too_late_with_the_order() {
    let mut ledger = ledger();
    placed(&mut ledger, request("a"));
    ledger.mark_sent(&key("a"), NOW);
    assert!(matches!(
        ledger.cancel(&key("a"), "alice", NOW),
        CancelOutcome::Recorded(_)
    ));
    assert!(matches!(
        ledger.cancel(&key("a"), "alice", NOW),
        CancelOutcome::Repeated(_)
    ));
    // The acknowledgement comes late: the id is news, the status is not.
    ledger.apply(&acknowledged("a"), NOW);
    ledger.apply(&fill("a", "F1", 4, "200"), NOW);
    let order = &ledger.order(&key("a")).unwrap().order;
    assert_eq!(
        (order.status, order.filled_qty),
        (OrderStatus::CancelSent, shares(4))
    );
    assert!(order.venue_order_id.is_some());
    ledger.apply(
        &VenueEvent::Cancelled {
            key: key("a"),
            reason: "requested",
        },
        NOW,
    );
    assert_eq!(
        ledger.order(&key("a")).unwrap().order.status,
        OrderStatus::Cancelled
    );
    assert!(matches!(
        ledger.cancel(&key("a"), "alice", NOW),
        CancelOutcome::Repeated(_)
    ));
    // A fill that crossed the cancel on the wire is the truth.
    ledger.apply(&fill("a", "F2", 6, "200"), NOW);
    assert_eq!(
        ledger.order(&key("a")).unwrap().order.status,
        OrderStatus::Filled
    );
    assert!(matches!(
        ledger.cancel(&key("a"), "alice", NOW),
        CancelOutcome::TooLate(_)
    ));
    assert!(matches!(
        ledger.cancel(&key("z"), "alice", NOW),
        CancelOutcome::NotFound
    ));
    assert_eq!(ledger.book(&account()).unwrap().held(&row()), shares(110));
}

#[test]
fn reports_that_fit_no_order_are_counted_and_never_booked() {
    let mut ledger = ledger();
    placed(&mut ledger, request("a"));
    ledger.apply(&fill("a", "F1", 4, "200"), NOW);
    for wrong in [
        fill("a", "F1", 4, "200"),
        fill("a", "F2", 7, "200"),
        fill("a", "F3", 0, "200"),
        fill("a", "F4", 1, "0"),
        fill("nobody", "F5", 1, "200"),
    ] {
        let before = ledger.counters().anomalies;
        ledger.apply(&wrong, NOW);
        assert_eq!(ledger.counters().anomalies, before + 1, "{wrong:?}");
    }
    assert_eq!(ledger.book(&account()).unwrap().held(&row()), shares(104));
    assert_eq!(ledger.fills().len(), 1);
}
