//! Session, socket, halt state and counters: what the header and the footer say.
//!
//! The steps of a stream's client are tested beside it; here only that the store drives it.

use qd_types::{Breaker, BreakerState, HaltState, MessageKind, ZoneChoice};

use super::fixtures::*;
use crate::{
    ClockOffset, ConnectionState, Event, Freshness, ProgramUpdate, RestAnswer, RestAsk, SealState,
    ServedProgram, SocketClosed, StreamPayload,
};

fn closed(code: Option<u16>, retry_millis: Option<i64>) -> Event {
    Event::SocketClosed(SocketClosed {
        code,
        reason: "going away".to_owned(),
        retry_at: retry_millis.map(at),
    })
}

fn beat(at: qd_types::UtcMicros) -> Event {
    Event::BeatReceived {
        positions: vec![(positions(), pos(1))],
        at,
    }
}

// covers: DB-2
// covers: RT-6
#[test]
fn the_connection_goes_from_connecting_to_live_and_back() {
    let mut desk = Desk::new();
    let state = |desk: &mut Desk| desk.snapshot().connection.state;
    assert_eq!(state(&mut desk), ConnectionState::Connecting);
    desk.play([closed(None, Some(500))]);
    desk.play([Event::SocketOpened, closed(None, Some(900))]);
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.connection.state, ConnectionState::Reconnecting);
    assert_eq!(snapshot.connection.num_failed_attempts, 2);
    assert_eq!(snapshot.connection.retry_at, Some(at(900)));
    desk.play([Event::SocketOpened, welcomed()]);
    assert_eq!(state(&mut desk), ConnectionState::Live);
    assert_eq!(desk.snapshot().connection.num_failed_attempts, 0);
    desk.play([
        positions_snapshot(1, Vec::new()),
        closed(Some(1012), Some(1_500)),
    ]);
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.connection.state, ConnectionState::Reconnecting);
    assert_eq!(
        snapshot.connection.num_failed_attempts, 0,
        "it was connected"
    );
    assert!(matches!(
        snapshot.positions.seal.state,
        SealState::Resyncing { .. }
    ));
    assert_eq!(desk.store.resume(), [(positions(), pos(1))]);
    desk.play([welcomed()]);
    assert_eq!(state(&mut desk), ConnectionState::Resyncing);
    let now = desk.now;
    desk.play([beat(now)]);
    assert_eq!(state(&mut desk), ConnectionState::Live);
    desk.play([closed(Some(4401), None)]);
    assert_eq!(state(&mut desk), ConnectionState::Ended);
}

#[test]
fn twelve_seconds_without_a_server_stamp_end_the_socket_once() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(1, Vec::new())]);
    assert_eq!(
        desk.store.next_wake_at(),
        Some(at(2_000)),
        "the empty streams ask REST"
    );
    desk.wait(7_000);
    desk.asked();
    // A frame that took 7 s on its way proves nothing newer than its stamp.
    desk.play([beat(at(0))]);
    desk.wait(5_000);
    assert_eq!(
        desk.asked(),
        "Reconnect { reason: ServerSilent }",
        "and nothing else is sent"
    );
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.connection.state, ConnectionState::Reconnecting);
    assert!(!snapshot.positions.seal.state.is_verified());
    desk.wait(60_000);
    assert_eq!(desk.asked(), "");
}

#[test]
fn stamps_are_read_on_the_servers_clock() {
    let mut desk = Desk::connected();
    desk.play([
        positions_snapshot(1, Vec::new()),
        Event::ClockMeasured(ClockOffset {
            offset_micros: -3_600_000_000,
            error_micros: 700,
        }),
    ]);
    desk.wait(10_000);
    // The server's clock is an hour behind: this stamp is of now.
    desk.play([beat(at(10_000 - 3_600_000))]);
    desk.wait(11_000);
    assert!(!desk.asked().contains("Reconnect"));
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.connection.newest_stamp_at, Some(at(10_000)));
    assert_eq!(snapshot.clock_offset_micros, Some(-3_600_000_000));
    assert_eq!(snapshot.to_client_clock(at(-3_600_000)), at(0));
}

#[test]
fn an_empty_desk_asks_rest_for_what_no_snapshot_brings() {
    let mut desk = Desk::new();
    desk.play([welcomed()]);
    insta::assert_snapshot!(desk.asked(), @r"
    AskRest(Orders)
    AskRest(History)
    AskRest(Alerts)
    ");
    desk.wait(2_000);
    insta::assert_snapshot!(desk.asked(), @r"
    AskRest(Positions)
    AskRest(Pnl)
    AskRest(Halt)
    AskRest(Breakers)
    ");
    // What has no stream of its own is asked again when it fails.
    desk.play([Event::RestFailed {
        ask: RestAsk::History,
        detail: "503".to_owned(),
    }]);
    assert_eq!(desk.store.next_wake_at(), Some(at(3_000)));
    desk.wait(1_000);
    assert_eq!(desk.asked(), "AskRest(History)");
}

#[test]
fn the_halt_state_is_unknown_until_said_and_offers_risk_only_while_proven() {
    let mut desk = Desk::connected();
    let halt_is = |desk: &mut Desk| {
        let snapshot = desk.snapshot();
        (snapshot.halt.text, snapshot.halt.allows_risk())
    };
    assert_eq!(halt_is(&mut desk), ("HALT STATE UNKNOWN", false));
    desk.play([halt_message(1, HaltState::Active)]);
    assert_eq!(halt_is(&mut desk), ("TRADING ACTIVE", true));
    desk.play([halt_message(2, HaltState::Halted)]);
    assert_eq!(halt_is(&mut desk), ("KILL SWITCH ENGAGED", false));
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.halt.reason.as_deref(), Some("drill"));
    assert_eq!(snapshot.halt.halt_epoch, 3);
    desk.play([halt_message(3, HaltState::Active), closed(None, Some(500))]);
    assert_eq!(
        halt_is(&mut desk),
        ("TRADING ACTIVE", false),
        "nobody vouches for it now"
    );
    desk.wait(31_000);
    assert_eq!(desk.snapshot().halt.freshness, Freshness::Stale);
}

#[test]
fn breakers_come_sorted_with_their_badges() {
    let mut desk = Desk::connected();
    let breaker = |name: &str, state| Breaker {
        name: name.to_owned(),
        state,
        reason: None,
        at: None,
        by: None,
        trip_count_today: 1,
    };
    desk.play([Event::RestLoaded(RestAnswer::Breakers {
        pos: None,
        breakers: vec![
            breaker("message_rate", BreakerState::Tripped),
            breaker("daily_loss", BreakerState::Open),
        ],
    })]);
    let snapshot = desk.snapshot();
    let rows: Vec<_> = snapshot
        .breakers
        .rows
        .iter()
        .map(|r| (&*r.name, r.text))
        .collect();
    assert_eq!(
        rows,
        [("daily_loss", "normal"), ("message_rate", "tripped")]
    );
    assert_eq!(snapshot.breakers.num_tripped, 1);
    assert_eq!(&*snapshot.breakers.seal.text, "unverified");
}

#[test]
fn another_user_sees_nothing_of_the_one_before() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(1, vec![held("AAPL", 100, "10", "12")])]);
    assert_eq!(desk.snapshot().positions.rows.len(), 1);
    desk.play([Event::SessionEnded {
        reason: "signed out".to_owned(),
    }]);
    let snapshot = desk.snapshot();
    assert!(snapshot.session.is_none() && snapshot.positions.rows.is_empty());
    assert_eq!(snapshot.cards.unrealized.value, None);
    assert_eq!(snapshot.connection.text.as_ref(), "Signed out");
    assert!(desk.store.snapshot_if_changed(desk.now).is_none());
    desk.play([Event::SessionLoaded(session("bob"))]);
    let names: Vec<String> = desk
        .store
        .wanted()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        names,
        [
            "positions:bob",
            "orders:bob",
            "alerts:bob",
            "kill_switch:state",
            "circuit_breaker:state"
        ]
    );
    // A late message of the first user is nobody's.
    desk.play([positions_snapshot(2, vec![held("AAPL", 100, "10", "12")])]);
    let snapshot = desk.snapshot();
    assert!(snapshot.positions.rows.is_empty());
}

#[test]
fn what_a_stream_does_not_carry_is_unreadable_and_heals_like_a_hole() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(1, vec![held("AAPL", 100, "10", "12")])]);
    desk.asked();
    let wrong = message(
        positions(),
        MessageKind::Delta,
        2,
        StreamPayload::HaltChanged(halt(HaltState::Active)),
    );
    desk.play([wrong]);
    insta::assert_snapshot!(desk.asked(), @r"
    SendResync { stream: positions:alice, pos: StreamPos { epoch: e1, seq: Seq(1) } }
    ");
    let snapshot = desk.wait(1_000).snapshot();
    assert_eq!(snapshot.halt.state, HaltState::Unknown);
    assert_eq!(snapshot.feed.num_unreadable, 1);
    assert_eq!(snapshot.feed.num_gaps, 1);
    assert!(
        snapshot
            .feed
            .last_unreadable
            .as_deref()
            .unwrap()
            .contains("positions:alice")
    );
}

#[test]
fn skipped_states_are_said_on_the_seal_and_counted() {
    let mut desk = Desk::connected();
    let mut jump = |seq, skipped| {
        let Event::MessageReceived(mut message) = positions_snapshot(seq, Vec::new()) else {
            panic!("a message");
        };
        message.skipped = skipped;
        desk.play([Event::MessageReceived(message)]);
        desk.wait(1_000).snapshot()
    };
    assert_eq!(jump(1, None).positions.seal.last_skipped, None);
    let snapshot = jump(40, Some(38));
    assert_eq!(snapshot.positions.seal.last_skipped, Some((38, at(1_000))));
    assert_eq!(snapshot.feed.num_skipped, 38);
    assert_eq!(snapshot.feed.num_applied, 2);
}

#[test]
fn times_follow_the_chosen_zone() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(18_402, Vec::new())]);
    let text = |desk: &mut Desk| desk.snapshot().positions.seal.text.to_string();
    assert_eq!(
        text(&mut desk),
        "\u{2713} verified to #18,402 \u{b7} 10:38:16.000"
    );
    desk.play([Event::ZoneChosen(ZoneChoice::Utc)]);
    assert_eq!(
        text(&mut desk),
        "\u{2713} verified to #18,402 \u{b7} 15:38:16.000"
    );
}

#[test]
fn the_server_says_what_does_not_work_until_it_says_that_it_works_again() {
    let mut desk = Desk::connected();
    let degraded = |what: &str| Event::DegradedReceived {
        what: what.to_owned(),
        since: start(),
    };
    let ended = |what: &str| Event::DegradedEnded {
        what: what.to_owned(),
    };
    let shown = |desk: &mut Desk| desk.snapshot().connection.degraded.clone();
    desk.play([degraded("execution"), degraded("bus"), degraded("bus")]);
    assert_eq!(shown(&mut desk).as_deref(), Some("bus, execution"));
    desk.play([ended("bus")]);
    assert_eq!(shown(&mut desk).as_deref(), Some("execution"));
    // Another socket tells anew.
    desk.play([welcomed()]);
    assert_eq!(shown(&mut desk), None);
}

#[test]
fn a_clock_that_is_set_back_does_not_switch_the_watch_over_silence_off() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(1, Vec::new())]);
    assert!(desk.snapshot().positions.seal.state.is_verified());
    desk.asked();
    // Steered by a little: nobody notices.
    desk.wait(-900);
    assert_eq!(desk.asked(), "");
    desk.wait(-3_600_000);
    assert_eq!(desk.asked(), "Reconnect { reason: ClockSetBack }");
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.connection.state, ConnectionState::Reconnecting);
    assert!(!snapshot.positions.seal.state.is_verified());
    assert_eq!(snapshot.connection.newest_stamp_at, Some(desk.now));
    // The deadlines of the new socket stand on the new time.
    desk.play([Event::SocketOpened, welcomed()]);
    desk.asked();
    desk.wait(2_000);
    assert!(desk.asked().contains("SendResync"));
    desk.wait(10_000);
    assert!(desk.asked().contains("ServerSilent"));
}

#[test]
fn a_sign_out_that_was_not_confirmed_is_said_and_nobody_is_signed_out() {
    let mut desk = Desk::connected();
    desk.play([Event::SignOutFailed {
        detail: "no answer within 10 s".to_owned(),
    }]);
    let snapshot = desk.snapshot();
    assert!(snapshot.session.is_some());
    let notice = snapshot.notices.first().unwrap();
    assert_eq!(notice.tone, qd_types::Tone::Danger);
    assert_eq!(
        notice.text.as_ref(),
        "still signed in: no answer within 10 s"
    );
}

#[test]
fn a_tape_that_did_not_obey_is_said() {
    let mut desk = Desk::connected();
    desk.play([Event::TapeRefused {
        detail: "pause it before a step".to_owned(),
    }]);
    let snapshot = desk.snapshot();
    let notice = snapshot.notices.first().unwrap();
    assert_eq!(notice.tone, qd_types::Tone::Danger);
    assert!(
        notice.text.ends_with("pause it before a step"),
        "{}",
        notice.text
    );
}

#[test]
fn another_program_on_the_server_is_offered_and_the_own_one_again_is_none() {
    let mut desk = Desk::connected();
    let served = |desk: &mut Desk, build: &str, auto_reload| {
        let Event::SessionWelcomed(mut welcome) = welcomed() else {
            unreachable!()
        };
        welcome.served = Some(ServedProgram {
            build: build.to_owned(),
            auto_reload,
        });
        desk.play([closed(Some(1012), Some(1_000)), Event::SocketOpened]);
        desk.play([Event::SessionWelcomed(welcome)]);
        desk.snapshot().connection.update
    };
    assert_eq!(desk.snapshot().connection.update, ProgramUpdate::None);
    assert_eq!(served(&mut desk, "a", false), ProgramUpdate::None);
    assert_eq!(served(&mut desk, "b", false), ProgramUpdate::Offered);
    assert_eq!(served(&mut desk, "c", true), ProgramUpdate::Wanted);
    // Rolled back: this page is the right one after all.
    assert_eq!(served(&mut desk, "a", true), ProgramUpdate::None);
}
