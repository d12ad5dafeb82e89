//! What is kept of changes that were decided: what became of each, how many, and for how long.

use super::changes::{change, modify, refused_by, rejected, replaced, sent, stands, working};
use super::*;

/// "k made, k2 sent", oldest first.
fn fates(ledger: &Ledger, id: &str) -> String {
    let decided = &ledger.order(&key(id)).unwrap().decided_changes;
    let words: Vec<_> = decided
        .iter()
        .map(|one| {
            let key = &one.request.idempotency_key;
            match &one.fate {
                ChangeFate::Sent => format!("{key} sent"),
                ChangeFate::Made => format!("{key} made"),
                ChangeFate::Rejected(reason) => format!("{key} rejected {reason}"),
                ChangeFate::OverFirst => format!("{key} over first"),
                ChangeFate::Blocked(refused) => format!("{key} blocked {}", refused.1.rule),
            }
        })
        .collect();
    words.join(", ")
}

// covers: OC-3
// covers: OC-8
#[test]
fn what_became_of_a_change_is_known_by_its_key_and_refusals_only_while_the_order_lives() {
    let mut ledger = ledger();
    working(&mut ledger, "a");
    sent(&mut ledger, "a", &change("k1", Some(15), None));
    assert_eq!(fates(&ledger, "a"), "k1 sent");
    // A fill says nothing of the change.
    ledger.apply(&fill("a", "F1", 1, "199"), NOW);
    assert_eq!(fates(&ledger, "a"), "k1 sent");
    ledger.apply(&replaced("a", 15, "199"), NOW);
    sent(&mut ledger, "a", &change("k2", Some(14), None));
    ledger.apply(&rejected("a"), NOW);
    refused_by(&mut ledger, "a", &change("k3", Some(10_001), None));
    sent(&mut ledger, "a", &change("k4", Some(13), None));
    let before = "k1 made, k2 rejected price_outside_band";
    assert_eq!(
        fates(&ledger, "a"),
        format!("{before}, k3 blocked max_order_qty, k4 sent")
    );
    ledger.cancel(&key("a"), "alice", NOW);
    ledger.apply(
        &VenueEvent::Cancelled {
            key: key("a"),
            reason: "requested",
        },
        NOW,
    );
    assert_eq!(fates(&ledger, "a"), format!("{before}, k4 over first"));
    // The venue's late word about it changes nothing.
    ledger.apply(&rejected("a"), NOW);
    assert_eq!(fates(&ledger, "a"), format!("{before}, k4 over first"));

    // The change that ends the order was made.
    working(&mut ledger, "b");
    sent(&mut ledger, "b", &change("k", Some(12), None));
    ledger.apply(&fill("b", "F2", 12, "199"), NOW);
    ledger.apply(&replaced("b", 12, "199"), NOW);
    assert_eq!(
        stands(&ledger, "b"),
        "filled 12/12 at 199 (change_met_fills)"
    );
    assert_eq!(fates(&ledger, "b"), "k made");
}

// covers: HS-1
// covers: OC-8
#[test]
fn however_often_it_was_changed_an_order_can_still_be_lowered() {
    let mut ledger = ledger();
    working(&mut ledger, "a");
    for i in 0..64 {
        let qty = if i % 2 == 0 { 11 } else { 12 };
        sent(&mut ledger, "a", &change(&format!("m{i}"), Some(qty), None));
        ledger.apply(&replaced("a", qty, "199"), NOW);
    }
    ledger.set_halt(HaltState::Halted, None, "test", NOW);
    let num_kept = |ledger: &Ledger| ledger.order(&key("a")).unwrap().decided_changes.len();
    let lower = |i: i64| Price::from_units(19_900 - i, 2);
    for i in 1..40 {
        let wanted = ChangeRequest {
            limit_price: Some(lower(i)),
            ..change(&format!("l{i}"), None, None)
        };
        let outcome = ledger.modify(&key("a"), &wanted, &hand(), None, NOW);
        assert!(
            matches!(outcome, ModifyOutcome::Recorded(..)),
            "{i}: {outcome:?}"
        );
        let raise = change(&format!("r{i}"), Some(13), None);
        ledger.apply(&replaced("a", 12, &lower(i).to_canonical()), NOW);
        let outcome = modify(&mut ledger, "a", &raise);
        assert!(
            matches!(
                outcome,
                ModifyOutcome::Conflicting(_, ChangeConflict::TooMany)
            ),
            "{outcome:?}"
        );
        let again = ledger.modify(&key("a"), &wanted, &hand(), None, NOW);
        assert!(
            matches!(again, ModifyOutcome::Repeated(_)),
            "{i}: {again:?}"
        );
        assert!(num_kept(&ledger) <= 80, "{}", num_kept(&ledger));
    }
    // Those that may have raised are known for good.
    let first = change("m0", Some(11), None);
    let outcome = modify(&mut ledger, "a", &first);
    assert!(matches!(outcome, ModifyOutcome::Repeated(_)), "{outcome:?}");
}

// covers: OC-5
// covers: OC-8
#[test]
fn a_sellers_limit_below_the_market_counts_at_the_market() {
    let mut ledger = ledger();
    let worth =
        |ledger: &Ledger, id: &str| Ledger::worth(ledger.order(&key(id)).unwrap()).to_canonical();
    let short = OrderRequest {
        strategy: StrategyId::new("scalper").unwrap(),
        side: Side::Sell,
        qty: shares(490),
        order_type: OrderType::Limit,
        limit_price: Some(price("201")),
        ..request("s")
    };
    placed(&mut ledger, short);
    ledger.mark_sent(&key("s"), NOW);
    ledger.apply(&acknowledged("s"), NOW);
    assert_eq!(worth(&ledger, "s"), "98490");
    sent(&mut ledger, "s", &change("k", None, Some("184")));
    assert_eq!(worth(&ledger, "s"), "98490", "the larger of both");
    ledger.apply(&replaced("s", 490, "184"), NOW);
    assert_eq!(worth(&ledger, "s"), "98000", "it sells at the market, 200");
    let now_seen = ledger.room(&account(), None, NOW).in_flight;
    assert_eq!(now_seen.to_canonical(), "98000");

    // A buyer pays no more than the limit.
    working(&mut ledger, "b");
    assert_eq!(worth(&ledger, "b"), "3980");
}
