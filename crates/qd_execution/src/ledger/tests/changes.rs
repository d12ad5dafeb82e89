//! Changes of an open order: which are taken, what they count for on their way, and what the venue's word makes of them.

use super::*;

/// A working order to buy 20 at 199.
pub(super) fn working(ledger: &mut Ledger, id: &str) {
    let request = OrderRequest {
        qty: shares(20),
        order_type: OrderType::Limit,
        limit_price: Some(price("199")),
        ..request(id)
    };
    placed(ledger, request);
    ledger.mark_sent(&key(id), NOW);
    ledger.apply(&acknowledged(id), NOW);
}

pub(super) fn change(id: &str, qty: Option<i64>, limit: Option<&str>) -> ChangeRequest {
    ChangeRequest {
        idempotency_key: id.to_owned(),
        qty: qty.map(shares),
        limit_price: limit.map(price),
        stop_price: None,
    }
}

pub(super) fn modify(ledger: &mut Ledger, id: &str, request: &ChangeRequest) -> ModifyOutcome {
    ledger.modify(&key(id), request, &hand(), Some(&quote()), NOW)
}

#[track_caller]
pub(super) fn sent(ledger: &mut Ledger, id: &str, request: &ChangeRequest) {
    let outcome = modify(ledger, id, request);
    assert!(
        matches!(outcome, ModifyOutcome::Recorded(..)),
        "not sent: {outcome:?}"
    );
}

#[track_caller]
pub(super) fn refused_by(
    ledger: &mut Ledger,
    id: &str,
    request: &ChangeRequest,
) -> (OrderStatus, String) {
    match modify(ledger, id, request) {
        ModifyOutcome::Blocked(order, (status, limit)) => {
            let record = ledger.order(&key(id)).unwrap();
            assert_eq!((&record.order, record.change), (&*order, None));
            let words = format!("{} {} of {}", limit.rule, limit.value, limit.limit);
            (status, words)
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn conflict(ledger: &mut Ledger, id: &str, request: &ChangeRequest) -> ChangeConflict {
    match modify(ledger, id, request) {
        ModifyOutcome::Conflicting(_, conflict) => conflict,
        other => panic!("no conflict: {other:?}"),
    }
}

pub(super) fn replaced(id: &str, qty: i64, limit: &str) -> VenueEvent {
    VenueEvent::Replaced {
        key: key(id),
        terms: OrderTerms {
            qty: shares(qty),
            limit_price: Some(price(limit)),
            stop_price: None,
        },
    }
}

pub(super) fn rejected(id: &str) -> VenueEvent {
    VenueEvent::ReplaceRejected {
        key: key(id),
        reason: "price_outside_band",
    }
}

fn cancelled(id: &str) -> VenueEvent {
    VenueEvent::Cancelled {
        key: key(id),
        reason: "requested",
    }
}

/// "working 20 at 199", with the reason when there is one.
pub(super) fn stands(ledger: &Ledger, id: &str) -> String {
    let order = &ledger.order(&key(id)).unwrap().order;
    let reason = order.reason_code.as_deref();
    format!(
        "{} {}/{} at {}{}",
        order.status,
        order.filled_qty.to_canonical(),
        order.qty.to_canonical(),
        order.limit_price.unwrap_or_default().to_canonical(),
        reason.map_or_else(String::new, |reason| format!(" ({reason})"))
    )
}

fn last_words(ledger: &Ledger, id: &str) -> String {
    let record = ledger.order(&key(id)).unwrap();
    record.transitions.last().unwrap().evidence.clone()
}

// covers: OC-8
#[test]
fn an_order_has_its_new_terms_with_the_venues_word_and_not_before() {
    let mut ledger = ledger();
    working(&mut ledger, "a");
    let wanted = change("k", Some(15), Some("198.5"));
    ledger.take_changes();
    sent(&mut ledger, "a", &wanted);
    assert_eq!(
        stands(&ledger, "a"),
        "replace_sent 0/20 at 199 (change_sent)"
    );
    assert_eq!(
        last_words(&ledger, "a"),
        "alice: 20 \u{2192} 15 shares, limit 199 \u{2192} 198.5"
    );
    assert_eq!(ledger.take_changes().orders.len(), 1, "published");
    // The venue may say once more that it has the order: the change is still on its way.
    ledger.apply(&acknowledged("a"), NOW);
    assert_eq!(
        stands(&ledger, "a"),
        "replace_sent 0/20 at 199 (change_sent)"
    );
    ledger.apply(&replaced("a", 15, "198.5"), NOW);
    assert_eq!(stands(&ledger, "a"), "working 0/15 at 198.5");
    assert_eq!(
        last_words(&ledger, "a"),
        "venue has changed it: 20 \u{2192} 15 shares, limit 199 \u{2192} 198.5"
    );
    assert_eq!(ledger.take_changes().orders.len(), 1, "published");

    let wanted = change("k2", None, Some("190"));
    sent(&mut ledger, "a", &wanted);
    ledger.apply(&rejected("a"), NOW);
    assert_eq!(
        stands(&ledger, "a"),
        "working 0/15 at 198.5 (change_rejected)"
    );
    assert_eq!(
        last_words(&ledger, "a"),
        "venue refused the change, price_outside_band: stays 15 shares, limit 198.5"
    );
    assert_eq!(ledger.counters().anomalies, 0);
}

// covers: OC-8
#[test]
fn a_fill_on_the_way_is_booked_and_the_change_meets_it() {
    let mut ledger = ledger();
    working(&mut ledger, "a");
    sent(&mut ledger, "a", &change("k", Some(10), None));
    ledger.apply(&fill("a", "F1", 4, "199"), NOW);
    assert_eq!(
        stands(&ledger, "a"),
        "partially_filled 4/20 at 199 (change_sent)"
    );
    // Below what was asked for, and not the last of it: the change is still on its way.
    ledger.apply(&fill("a", "F2", 8, "199"), NOW);
    assert_eq!(
        stands(&ledger, "a"),
        "partially_filled 12/20 at 199 (change_sent)"
    );
    ledger.apply(&replaced("a", 12, "199"), NOW);
    assert_eq!(
        stands(&ledger, "a"),
        "filled 12/12 at 199 (change_met_fills)"
    );
    assert_eq!(
        last_words(&ledger, "a"),
        "venue had filled 12 when the change came, the rest is taken off: 20 \u{2192} 12 shares"
    );
    assert_eq!(ledger.open_orders().count(), 0);
    assert_eq!(
        ledger.book(&account()).unwrap().held(&row()),
        shares(112),
        "what was filled is held"
    );

    // Of one that is partly filled before, only the reason can say it.
    working(&mut ledger, "b");
    ledger.apply(&fill("b", "F3", 4, "199"), NOW);
    sent(&mut ledger, "b", &change("k", None, Some("198")));
    assert_eq!(
        stands(&ledger, "b"),
        "partially_filled 4/20 at 199 (change_sent)"
    );
    ledger.apply(&replaced("b", 20, "198"), NOW);
    assert_eq!(stands(&ledger, "b"), "partially_filled 4/20 at 198");
    sent(&mut ledger, "b", &change("k2", None, Some("197")));
    ledger.apply(&rejected("b"), NOW);
    assert_eq!(
        stands(&ledger, "b"),
        "partially_filled 4/20 at 198 (change_rejected)"
    );
    // The last fill ends the order and the change with it; the venue's late word changes nothing.
    sent(&mut ledger, "b", &change("k3", None, Some("196")));
    ledger.apply(&fill("b", "F4", 16, "198"), NOW);
    ledger.apply(&rejected("b"), NOW);
    assert_eq!(stands(&ledger, "b"), "filled 20/20 at 198");
    assert_eq!(ledger.counters().anomalies, 0);
}

// covers: OC-8
#[test]
fn a_cancel_may_follow_a_change_and_either_may_arrive_first() {
    let both = |id: &str| {
        let mut ledger = ledger();
        working(&mut ledger, id);
        sent(&mut ledger, id, &change("k", Some(15), None));
        let outcome = ledger.cancel(&key(id), "alice: enough", NOW);
        assert!(matches!(outcome, CancelOutcome::Recorded(_)));
        assert_eq!(stands(&ledger, id), "cancel_sent 0/20 at 199 (requested)");
        ledger
    };
    let mut changed_first = both("a");
    changed_first.apply(&replaced("a", 15, "199"), NOW);
    assert_eq!(
        stands(&changed_first, "a"),
        "cancel_sent 0/15 at 199 (requested)"
    );
    changed_first.apply(&cancelled("a"), NOW);
    assert_eq!(
        stands(&changed_first, "a"),
        "cancelled 0/15 at 199 (requested)"
    );

    let mut cancelled_first = both("b");
    cancelled_first.apply(&cancelled("b"), NOW);
    assert_eq!(cancelled_first.order(&key("b")).unwrap().change, None);
    cancelled_first.apply(&rejected("b"), NOW);
    assert_eq!(
        stands(&cancelled_first, "b"),
        "cancelled 0/20 at 199 (requested)"
    );

    let mut refused = both("c");
    refused.apply(&rejected("c"), NOW);
    assert_eq!(stands(&refused, "c"), "cancel_sent 0/20 at 199 (requested)");

    let mut filled = both("d");
    filled.apply(&fill("d", "F1", 16, "199"), NOW);
    filled.apply(&replaced("d", 16, "199"), NOW);
    assert_eq!(
        stands(&filled, "d"),
        "filled 16/16 at 199 (change_met_fills)"
    );
    for ledger in [changed_first, cancelled_first, refused, filled] {
        assert_eq!(ledger.counters().anomalies, 0);
        assert_eq!(
            ledger.open_orders().count(),
            usize::from(ledger.order(&key("c")).is_some())
        );
    }
}

// covers: OC-8
#[test]
fn only_an_order_that_the_venue_has_is_changed_and_one_change_at_a_time() {
    let mut ledger = ledger();
    let wanted = change("k", Some(5), None);
    assert!(matches!(
        modify(&mut ledger, "none", &wanted),
        ModifyOutcome::NotFound
    ));
    placed(&mut ledger, request("a"));
    for step in ["accepted", "sent", "unknown"] {
        match step {
            "sent" => ledger.mark_sent(&key("a"), NOW),
            "unknown" => ledger.mark_unknown(&key("a"), NOW),
            _ => {}
        }
        assert_eq!(
            conflict(&mut ledger, "a", &wanted),
            ChangeConflict::NotAcknowledged,
            "{step}"
        );
    }
    ledger.apply(&acknowledged("a"), NOW);
    sent(&mut ledger, "a", &wanted);
    let other = change("k2", Some(4), None);
    assert_eq!(
        conflict(&mut ledger, "a", &other),
        ChangeConflict::ChangeUnderWay
    );
    ledger.apply(&fill("a", "F1", 3, "200"), NOW);
    assert_eq!(
        conflict(&mut ledger, "a", &other),
        ChangeConflict::ChangeUnderWay
    );
    ledger.cancel(&key("a"), "alice", NOW);
    assert_eq!(
        conflict(&mut ledger, "a", &other),
        ChangeConflict::CancelUnderWay
    );
    ledger.apply(&cancelled("a"), NOW);
    assert_eq!(conflict(&mut ledger, "a", &other), ChangeConflict::Final);

    working(&mut ledger, "b");
    ledger.apply(&fill("b", "F2", 8, "199"), NOW);
    for qty in [1, 7, 8] {
        assert_eq!(
            conflict(&mut ledger, "b", &change("k", Some(qty), None)),
            ChangeConflict::AlreadyFilled
        );
    }
    sent(&mut ledger, "b", &change("k", Some(9), None));
}

// covers: OC-8
#[test]
fn a_key_is_one_change_however_often_it_is_sent_and_whatever_became_of_it() {
    let mut ledger = ledger();
    working(&mut ledger, "a");
    let wanted = change("k", Some(15), None);
    sent(&mut ledger, "a", &wanted);
    ledger.take_changes();
    let repeats = |ledger: &mut Ledger| match modify(ledger, "a", &wanted) {
        ModifyOutcome::Repeated(order) => order.status,
        other => panic!("{other:?}"),
    };
    assert_eq!(repeats(&mut ledger), OrderStatus::ReplaceSent);
    let other = change("k", Some(16), None);
    assert!(matches!(
        modify(&mut ledger, "a", &other),
        ModifyOutcome::KeyTaken(_)
    ));
    ledger.apply(&replaced("a", 15, "199"), NOW);
    sent(&mut ledger, "a", &change("k2", Some(12), None));
    ledger.apply(&replaced("a", 12, "199"), NOW);
    assert_eq!(repeats(&mut ledger), OrderStatus::Working, "not made again");
    assert_eq!(stands(&ledger, "a"), "working 0/12 at 199");

    // A refusal too is the same however often it is asked for, also when the rule would let it through by now.
    let large = change("k3", Some(10_001), None);
    let refusal = refused_by(&mut ledger, "a", &large);
    assert_eq!(
        refusal,
        (
            OrderStatus::BlockedRail,
            "max_order_qty 10001 of 10000".to_owned()
        )
    );
    assert_eq!(refused_by(&mut ledger, "a", &large), refusal);
    assert_eq!(ledger.counters().refusals["max_order_qty"], 1);

    // Refused ones make room for others; those that were made stay, until there is room for none.
    for i in 0..100 {
        refused_by(
            &mut ledger,
            "a",
            &change(&format!("r{i}"), Some(10_001), None),
        );
    }
    for i in 2..64 {
        let qty = if i % 2 == 0 { 11 } else { 12 };
        sent(&mut ledger, "a", &change(&format!("m{i}"), Some(qty), None));
        ledger.apply(&replaced("a", qty, "199"), NOW);
    }
    assert_eq!(
        conflict(&mut ledger, "a", &change("last", Some(13), None)),
        ChangeConflict::TooMany
    );
    assert_eq!(
        repeats(&mut ledger),
        OrderStatus::Working,
        "the first is known"
    );
    assert_eq!(ledger.order(&key("a")).unwrap().decided_changes.len(), 80);
}

#[test]
fn a_change_is_held_to_the_orders_kind_and_to_whole_shares_and_cents() {
    let mut ledger = ledger();
    working(&mut ledger, "limit");
    placed(&mut ledger, request("market"));
    ledger.apply(&acknowledged("market"), NOW);
    let stop = |request: ChangeRequest| ChangeRequest {
        stop_price: Some(price("190")),
        ..request
    };
    for (id, request, field, code) in [
        ("limit", change("k", Some(20), None), "qty", "no_change"),
        ("limit", change("k", None, Some("199")), "qty", "no_change"),
        (
            "limit",
            change("k", None, Some("199.001")),
            "limit_price",
            "tick_size",
        ),
        (
            "limit",
            stop(change("k", None, None)),
            "stop_price",
            "not_allowed",
        ),
        (
            "market",
            change("k", None, Some("199")),
            "limit_price",
            "not_allowed",
        ),
        ("market", change("k", Some(0), None), "qty", "not_positive"),
        (
            "market",
            ChangeRequest {
                qty: Some(Qty::from_units(15, 1)),
                ..change("k", None, None)
            },
            "qty",
            "not_whole",
        ),
    ] {
        match modify(&mut ledger, id, &request) {
            ModifyOutcome::Malformed(problems) => {
                let names: Vec<_> = problems.iter().map(|one| (one.name, one.code)).collect();
                assert_eq!(names, [(field, code)]);
            }
            other => panic!("{request:?}: {other:?}"),
        }
    }
    sent(&mut ledger, "limit", &change("k", Some(19), None));
}

/// Words of the venue that nobody asked for are counted, and an order that is over stays over.
#[test]
fn a_change_that_nobody_asked_for_is_an_anomaly() {
    let mut ledger = ledger();
    working(&mut ledger, "a");
    ledger.apply(&rejected("a"), NOW);
    assert_eq!(ledger.counters().anomalies, 0);
    ledger.apply(&replaced("a", 15, "199"), NOW);
    assert_eq!(ledger.counters().anomalies, 1);
    assert_eq!(
        stands(&ledger, "a"),
        "working 0/15 at 199",
        "the venue's word all the same"
    );
    ledger.apply(&fill("a", "F1", 4, "199"), NOW);
    ledger.apply(&replaced("a", 3, "199"), NOW);
    assert_eq!(ledger.counters().anomalies, 2, "fewer than are filled");
    assert_eq!(stands(&ledger, "a"), "partially_filled 4/15 at 199");
    ledger.cancel(&key("a"), "alice", NOW);
    ledger.apply(&cancelled("a"), NOW);
    ledger.apply(&replaced("a", 10, "199"), NOW);
    assert_eq!(ledger.counters().anomalies, 3);
    assert_eq!(stands(&ledger, "a"), "cancelled 4/15 at 199 (requested)");
}
