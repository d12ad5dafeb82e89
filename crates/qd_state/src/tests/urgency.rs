//! Which pictures wake a frame and which wait for the clock's.

use qd_types::{HaltState, MarketPhase};

use super::fixtures::*;
use crate::{Event, MarketClock, PollAnswer, Snapshot, TapeClock, TapeMotion, Urgency};

/// A desk with one proven position, one halt picture and one order, and its snapshot.
fn proven() -> (Desk, Snapshot) {
    let mut desk = Desk::connected();
    desk.play([
        positions_snapshot(1, vec![held("AAPL", 100, "10", "12")]),
        beat(1),
    ]);
    let before = desk.snapshot();
    assert!(before.positions.seal.state.is_verified());
    (desk, before)
}

fn beat(seq: u64) -> Event {
    Event::BeatReceived {
        positions: vec![(positions(), pos(seq))],
        at: start(),
    }
}

#[track_caller]
fn check_urgency(event: Event, expected: Urgency) {
    let (mut desk, before) = proven();
    desk.wait(1_000);
    desk.play([event]);
    let after = desk.snapshot();
    assert!(after.version > before.version, "nothing changed at all");
    assert_eq!(after.urgency_after(&before), expected);
}

#[test]
fn what_proves_counts_or_repeats_waits_for_the_clock() {
    check_urgency(beat(1), Urgency::WithTheClock);
    let same = held("AAPL", 100, "10", "12");
    check_urgency(positions_snapshot(2, vec![same]), Urgency::WithTheClock);
    let same = PollAnswer::Prices(vec![quote("AAPL", "12", 0)]);
    check_urgency(Event::PollLoaded(same), Urgency::WithTheClock);
}

#[test]
fn what_a_trader_acts_on_does_not_wait() {
    let moved = held("AAPL", 100, "10", "12.01");
    check_urgency(positions_delta(2, vec![moved], &[]), Urgency::Now);
    let polled = PollAnswer::Prices(vec![quote("AAPL", "12.01", 900)]);
    check_urgency(Event::PollLoaded(polled), Urgency::Now);
    // A hole: the seal breaks although every value stands.
    let later = held("AAPL", 100, "10", "12");
    check_urgency(positions_delta(3, vec![later], &[]), Urgency::Now);
    let end = Event::SessionEnded {
        reason: "signed out".to_owned(),
    };
    check_urgency(end, Urgency::Now);
    let (mut desk, before) = proven();
    desk.play([halt_message(1, HaltState::Halted)]);
    assert_eq!(desk.snapshot().urgency_after(&before), Urgency::Now);
}

#[test]
fn where_a_tape_stands_is_news_and_where_it_plays_is_not() {
    let told = |motion, at_second: i64| {
        Event::PollLoaded(PollAnswer::MarketClock(MarketClock {
            phase: MarketPhase::Open,
            next_change_at: None,
            tape: Some(TapeClock {
                at: start().plus_millis(at_second * 1_000),
                speed: 60,
                motion,
                day: 1,
                num_days: 1,
                until: start().plus_millis(3_600_000),
            }),
        }))
    };
    for (motion, expected) in [
        (TapeMotion::Plays, Urgency::WithTheClock),
        (TapeMotion::Paused, Urgency::Now),
    ] {
        let mut desk = Desk::connected();
        desk.play([told(motion, 10)]);
        let before = desk.snapshot();
        desk.play([told(motion, 11)]);
        assert_eq!(
            desk.snapshot().urgency_after(&before),
            expected,
            "{motion:?}"
        );
    }
}

#[test]
fn the_first_picture_of_all_does_not_wait() {
    let mut desk = Desk::new();
    let first = desk.snapshot();
    assert_eq!(first.urgency_after(&Snapshot::empty()), Urgency::Now);
}
