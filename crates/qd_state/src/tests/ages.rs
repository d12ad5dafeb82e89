//! What is old, missing or netted must not look young, whole or flat.
//!
//! How the ages are drawn is the pages' to test.

use qd_types::{HaltState, MarketPhase, Money, UtcMicros};

use super::fixtures::*;
use crate::{DayStats, Event, Freshness, LimitUse, MarketClock, PollAnswer, TapeClock, TapeMotion};

fn clock(phase: MarketPhase, next_change_millis: Option<i64>) -> Event {
    Event::PollLoaded(PollAnswer::MarketClock(MarketClock {
        phase,
        next_change_at: next_change_millis.map(at),
        tape: None,
    }))
}

fn beat(seq: u64, now_millis: i64) -> Event {
    Event::BeatReceived {
        positions: vec![(positions(), pos(seq))],
        at: at(now_millis),
    }
}

#[test]
fn the_parts_of_a_row_keep_their_own_signs() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(
        1,
        vec![
            held_by("alpha", "AAPL", 40, "10", "12", 0),
            held_by("beta", "AAPL", -40, "11", "12", 0),
        ],
    )]);
    let shares = |desk: &mut Desk| -> Vec<String> {
        let snapshot = desk.snapshot();
        let row = &snapshot.positions.rows[0];
        row.parts
            .iter()
            .map(|part| format!("{} {}", part.key.strategy, qd_types::fmt::qty(part.qty)))
            .collect()
    };
    assert_eq!(shares(&mut desk), ["alpha 40", "beta \u{2212}40"]);
    // Netted cost over netted shares would be a price at which nobody ever traded.
    assert_eq!(&*desk.snapshot().positions.rows[0].avg_entry.text, "mixed");
    // One part moves against the other: the sum stands, the parts do not.
    desk.play([positions_delta(
        2,
        vec![
            held_by("alpha", "AAPL", 30, "10", "12", 0),
            held_by("beta", "AAPL", -30, "11", "12", 0),
        ],
        &[],
    )]);
    assert_eq!(shares(&mut desk), ["alpha 30", "beta \u{2212}30"]);
}

#[test]
fn the_oldest_mark_counts_and_a_missing_price_is_unknown() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(
        1,
        vec![
            held_by("manual", "AAPL", 100, "10", "12", 4_000),
            held_by("manual", "MSFT", 10, "20", "20", -42_000),
            held_by("manual", "XOM", 10, "20", "20", 9_000),
        ],
    )]);
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.positions.marked_at, Some(at(-42_000)));
    assert_eq!(snapshot.cards.unrealized.marked_at, Some(at(-42_000)));

    let mut unpriced = held("TSLA", 5, "40", "40");
    unpriced.current_price = None;
    unpriced.price_at = None;
    desk.play([positions_delta(2, vec![unpriced], &[])]);
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.positions.marked_at, None);
    assert_eq!(
        &*snapshot.cards.unrealized.context,
        "1 price unknown \u{b7} 4 positions"
    );
}

// covers: RT-8
#[test]
fn a_market_clock_that_is_old_or_over_excuses_nothing() {
    let is_stale = |desk: &mut Desk| desk.snapshot().positions.rows[0].price_is_stale;
    let with_row = || positions_snapshot(1, vec![held("AAPL", 100, "10", "12")]);

    // The phase is over: closed no longer, and nobody has said what instead.
    let mut desk = Desk::connected();
    desk.play([clock(MarketPhase::Closed, Some(60_000)), with_row()]);
    desk.wait(59_000);
    assert!(!is_stale(&mut desk), "a closed market is quiet");
    desk.wait(2_000);
    assert!(is_stale(&mut desk), "past its own change");

    // The answer is too old to be believed.
    let mut desk = Desk::connected();
    desk.play([clock(MarketPhase::Closed, None), with_row()]);
    desk.wait(179_000);
    assert!(!is_stale(&mut desk));
    desk.wait(2_000);
    assert!(is_stale(&mut desk), "six intervals without an answer");
}

#[test]
fn a_card_drops_what_an_old_poll_said() {
    let mut desk = Desk::connected();
    desk.play([
        positions_snapshot(1, vec![held("AAPL", 100, "10", "12")]),
        Event::PollLoaded(PollAnswer::Stats(DayStats {
            fills_today: 31,
            fees_today: Money::parse("18.4").unwrap(),
            limit_use: vec![LimitUse {
                rule: "gross_exposure".to_owned(),
                value: Money::ZERO,
                limit: Money::from_units(10_000, 0),
            }],
            ..DayStats::default()
        })),
    ]);
    let contexts = |desk: &mut Desk| {
        let cards = desk.snapshot().cards;
        (
            cards.realized.context.to_string(),
            cards.exposure.context.to_string(),
        )
    };
    assert_eq!(
        contexts(&mut desk),
        (
            "31 fills \u{b7} fees $18.40".to_owned(),
            "net +$1k \u{b7} gross 12 % of limit".to_owned()
        )
    );
    for step in 1..=40 {
        desk.wait(5_000).play([beat(1, step * 5_000)]);
    }
    assert_eq!(
        contexts(&mut desk),
        (
            "fills and fees not current".to_owned(),
            "net +$1k".to_owned()
        )
    );
}

#[test]
fn a_halt_word_is_current_only_while_somebody_vouches_for_it() {
    let mut desk = Desk::connected();
    desk.play([halt_message(1, HaltState::Active)]);
    assert!(desk.snapshot().halt.is_current());
    desk.wait(13_000);
    let snapshot = desk.snapshot();
    assert_ne!(snapshot.halt.freshness, Freshness::Fresh);
    assert!(!snapshot.halt.is_current(), "silent");

    let mut desk = Desk::connected();
    desk.play([
        halt_message(1, HaltState::Active),
        halt_message(3, HaltState::Active),
    ]);
    let is_hole = !desk.snapshot().halt.seal.state.is_verified();
    assert_eq!(desk.snapshot().halt.is_current(), !is_hole);
    desk.play([Event::SocketClosed(crate::SocketClosed {
        code: None,
        reason: "reset".to_owned(),
        retry_at: Some(at(1_000)),
    })]);
    assert!(!desk.snapshot().halt.is_current(), "disconnected");
}

#[test]
fn a_tape_s_clock_goes_on_at_its_speed_and_counts_down_in_seconds_of_life() {
    let mut desk = Desk::connected();
    let read = |motion| {
        Event::PollLoaded(PollAnswer::MarketClock(MarketClock {
            phase: MarketPhase::Open,
            next_change_at: Some(UtcMicros::parse_rfc3339("2013-10-07T20:00:00Z").unwrap()),
            tape: Some(TapeClock {
                at: UtcMicros::parse_rfc3339("2013-10-07T19:00:00Z").unwrap(),
                speed: 60,
                motion,
                day: 1,
                num_days: 1,
                until: UtcMicros::parse_rfc3339("2013-10-07T20:01:00Z").unwrap(),
            }),
        }))
    };
    desk.play([read(TapeMotion::Plays)]);
    let market = desk.snapshot().market;
    assert_eq!(market.next_change_at, Some(at(60_000)), "an hour at ×60");
    let tape = market.tape.unwrap();
    assert_eq!(
        tape.time(at(10_000)),
        UtcMicros::parse_rfc3339("2013-10-07T19:10:00Z").unwrap()
    );
    // Beyond its end nobody knows: it stops there, or has begun again.
    assert_eq!(tape.time(at(3_600_000)), tape.until);
    // A tape that stands still changes nothing by itself.
    for motion in [TapeMotion::Paused, TapeMotion::Over] {
        desk.play([read(motion)]);
        let market = desk.snapshot().market;
        assert_eq!(market.next_change_at, None);
        assert_eq!(
            market.tape.unwrap().time(at(10_000)),
            UtcMicros::parse_rfc3339("2013-10-07T19:00:00Z").unwrap()
        );
    }
}

// covers: RT-2
// covers: RT-8
#[test]
fn a_failing_poll_keeps_its_last_good_answer_with_its_age_and_the_reason() {
    use crate::{Poll, ServiceHealth, ServiceStatus};
    let mut desk = Desk::connected();
    desk.play([
        Event::PollLoaded(PollAnswer::Health(vec![ServiceHealth {
            name: "engine".to_owned(),
            status: ServiceStatus::Ok,
            detail: String::new(),
            latency_micros: Some(7),
        }])),
        Event::PollLoaded(PollAnswer::Stats(DayStats {
            fills_today: 31,
            ..DayStats::default()
        })),
    ]);
    let fail = |desk: &mut Desk| {
        for poll in [Poll::Health, Poll::Stats] {
            desk.play([Event::PollFailed {
                poll,
                detail: "503".to_owned(),
                retry_at: None,
            }]);
        }
    };
    desk.wait(9_000);
    fail(&mut desk);
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.health.status, ServiceStatus::Ok, "young enough");
    assert_eq!(snapshot.health.loaded_at, Some(at(0)), "its age is its own");
    assert_eq!(snapshot.health.last_error.as_deref(), Some("503"));
    desk.wait(52_000);
    fail(&mut desk);
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.health.freshness, Freshness::Stale);
    assert_eq!(
        snapshot.health.status,
        ServiceStatus::Unknown,
        "nobody vouches for it"
    );
    assert_eq!(
        snapshot.health.services.len(),
        1,
        "and still it is there to be read"
    );
    assert_eq!(snapshot.stats.fills_today, 31);
    assert_eq!(
        snapshot.stats.freshness,
        Freshness::Fresh,
        "asked for half as often"
    );
    desk.play([Event::PollLoaded(PollAnswer::Health(Vec::new()))]);
    assert_eq!(desk.snapshot().health.last_error, None);
}

// covers: RT-7
#[test]
fn old_facts_said_again_are_no_latency() {
    let mut desk = Desk::connected();
    // Made a minute before it was published, said twice more, and then something new.
    for (seq, made_before_millis) in [(1, 60_000), (2, 70_000), (3, 80_000), (4, 3)] {
        let mut event = halt_message(seq, HaltState::Active);
        if let Event::MessageReceived(message) = &mut event {
            let published_at = at(i64::try_from(seq).unwrap() * 10_000);
            message.stamps.published_at = Some(published_at);
            message.stamps.made_at = Some(published_at.plus_millis(-made_before_millis));
        }
        desk.play([event]);
    }
    desk.now = desk.now.plus_millis(1_000);
    desk.play([Event::Ticked]);
    desk.now = desk.now.plus_millis(1_000);
    desk.play([Event::Ticked]);
    let snapshot = desk.snapshot();
    let made = snapshot
        .feed
        .hops
        .iter()
        .find(|hop| hop.hop == crate::Hop::MadeToPublished);
    assert_eq!(
        made.map(|hop| (hop.p99_micros, hop.num_samples)),
        Some((3_000, 1))
    );
}
