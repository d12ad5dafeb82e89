//! Hidden for half an hour, asleep for minutes and hours: what is kept is bounded, and no light stays green over old data.
//!
//! The clock is the test's; that a waking feed proves its connection anew is the feed's to test.

use std::sync::Arc;

use qd_types::{HaltState, MarketPhase, OrderStatus};

use super::fixtures::*;
use super::truth::assert_agrees;
use crate::{
    ConnectionState, Effect, Event, Freshness, MarketClock, PollAnswer, RestAnswer, SealState,
    ServiceHealth, ServiceStatus, Snapshot,
};

fn beat(desk: &Desk, seq: u64, order_seq: u64) -> Event {
    Event::BeatReceived {
        positions: vec![
            (positions(), pos(seq)),
            (orders(), pos(order_seq)),
            (qd_types::StreamName::KillSwitch, pos(1)),
        ],
        at: desk.now,
    }
}

/// A desk on which every light is green.
fn green() -> Desk {
    let mut desk = Desk::connected();
    desk.play([
        Event::PollLoaded(PollAnswer::MarketClock(MarketClock {
            phase: MarketPhase::Open,
            next_change_at: None,
            tape: None,
        })),
        Event::PollLoaded(PollAnswer::Health(vec![ServiceHealth {
            name: "engine".to_owned(),
            status: ServiceStatus::Ok,
            detail: String::new(),
            latency_micros: None,
        }])),
        halt_message(1, HaltState::Active),
        positions_snapshot(1, vec![held("AAPL", 100, "10", "12")]),
        Event::RestLoaded(RestAnswer::Orders {
            pos: Some(pos(0)),
            orders: vec![order("o-1", "AAPL", OrderStatus::Working, 0)],
        }),
    ]);
    let beat = beat(&desk, 1, 0);
    desk.play([beat]);
    desk
}

#[track_caller]
fn assert_dark(snapshot: &Snapshot) {
    assert_eq!(snapshot.connection.state, ConnectionState::Reconnecting);
    assert_eq!(&*snapshot.connection.text, "Reconnecting");
    for seal in [
        &snapshot.positions.seal,
        &snapshot.orders.seal,
        &snapshot.halt.seal,
    ] {
        assert!(
            matches!(seal.state, SealState::Resyncing { .. }),
            "{seal:?}"
        );
        assert_eq!(&*seal.text, "resyncing\u{2026}");
    }
    assert!(!snapshot.alerts.is_verified());
    assert!(!snapshot.halt.allows_risk() && !snapshot.halt.is_current());
    assert!(snapshot.positions.rows[0].price_is_stale);
    assert_eq!(snapshot.positions.freshness, Freshness::Stale);
    assert_eq!(snapshot.orders.freshness, Freshness::Stale);
    assert_eq!(snapshot.cards.unrealized.freshness, Freshness::Stale);
    assert_eq!(snapshot.health.status, ServiceStatus::Unknown);
    assert_eq!(
        &*snapshot.positions.rows[0].current.text, "12.00",
        "it stays"
    );
}

// covers: RT-6
// covers: RT-8
#[test]
fn after_a_sleep_the_first_picture_is_dark_before_any_message_and_without_the_reducer() {
    for slept_millis in [180_000, 8 * 3_600_000] {
        let mut desk = green();
        let before = Arc::new(desk.snapshot());
        assert_eq!(before.connection.state, ConnectionState::Live);
        assert!(before.halt.allows_risk() && before.positions.seal.state.is_verified());
        let now = desk.now.plus_millis(slept_millis);

        // The screen is first.
        assert_dark(&before.looked_at(now));

        // Then the reducer, which gives the connection up; nothing of it was heard meanwhile.
        desk.wait(slept_millis);
        let asked = desk.asked();
        assert!(asked.contains("ServerSilent"), "{asked}");
        let woken = Arc::new(desk.snapshot());
        assert_dark(&woken);
        assert!(
            Arc::ptr_eq(&woken, &woken.looked_at(now.plus_millis(60_000))),
            "an honest picture is left alone"
        );

        // What the dead socket had left behind proves nothing of now: only the new one does.
        let old = Event::BeatReceived {
            positions: vec![(positions(), pos(1))],
            at: start(),
        };
        desk.play([old]);
        assert!(!desk.snapshot().positions.seal.state.is_verified());
        desk.play([Event::SessionWelcomed(crate::Welcome {
            server_time: desk.now,
            ..welcome()
        })]);
        assert!(!desk.snapshot().positions.seal.state.is_verified());
        let proof = beat(&desk, 1, 0);
        desk.play([proof]);
        let live = Arc::new(desk.snapshot());
        assert!(live.positions.seal.state.is_verified());
        assert!(Arc::ptr_eq(&live, &live.looked_at(desk.now)));
    }
}

#[test]
fn a_picture_that_somebody_keeps_true_is_shown_as_it_is() {
    let mut desk = green();
    let snapshot = Arc::new(desk.snapshot());
    for millis in [0, 5_000, 12_000, 13_499] {
        let shown = snapshot.looked_at(desk.now.plus_millis(millis));
        assert!(Arc::ptr_eq(&snapshot, &shown), "after {millis} ms");
    }
    let shown = snapshot.looked_at(desk.now.plus_millis(13_500));
    assert_eq!(shown.connection.state, ConnectionState::Reconnecting);
    // A clock that was set back is the reducer's business.
    assert!(Arc::ptr_eq(
        &snapshot,
        &snapshot.looked_at(desk.now.plus_millis(-3_600_000))
    ));
}

// covers: RT-4
// covers: RT-5
#[test]
fn half_an_hour_hidden_at_ten_messages_a_second_keeps_a_bounded_number_of_things() {
    let mut desk = green();
    let (mut seq, mut order_seq) = (1, 0);
    let mut most = 0;
    let mut after_five_minutes = 0;
    for tick in 1..=18_000_u64 {
        desk.now = desk.now.plus_millis(100);
        seq += 1;
        let cents = 1_000 + i64::try_from(tick % 997).unwrap();
        let mut row = held("AAPL", 100, "10", "12");
        row.mark(qd_types::Price::from_units(cents, 2), desk.now);
        desk.play([positions_delta(seq, vec![row], &[])]);
        if tick % 10 == 0 {
            order_seq += 1;
            let id = format!("o-{order_seq}");
            let filled = order(&id, "AAPL", OrderStatus::Filled, 320);
            let fill = fill(
                &format!("f-{order_seq}"),
                10,
                i64::try_from(tick).unwrap() * 100,
            );
            desk.play([order_event(order_seq, filled, Some(fill)), Event::Ticked]);
        }
        if tick % 50 == 0 {
            let beat = beat(&desk, seq, order_seq);
            desk.play([beat]);
        }
        // Nobody paints, and somebody may look.
        if tick % 100 == 0 {
            desk.snapshot();
        }
        if tick == 3_000 {
            after_five_minutes = desk.store.num_retained();
        }
        most = most.max(desk.store.num_retained());
    }
    assert!(
        most <= after_five_minutes + 700,
        "{most} things, {after_five_minutes} after five minutes"
    );
    assert!(most < 8_000, "{most} things");
    // On return everything equals the desk.
    let snapshot = desk.snapshot();
    assert_agrees(&snapshot);
    assert!(snapshot.positions.seal.state.is_verified());
    assert_eq!(snapshot.activity.total_today, 1_800);
    assert!(
        !desk
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Reconnect { .. })),
        "nothing was lost on the way"
    );
}
