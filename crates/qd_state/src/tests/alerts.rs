//! Alerts: the table, its order and bound, and what of it is said in passing.

use qd_types::{Alert, AlertId, AlertSeverity, AlertState, MessageKind, StreamName, Tone};

use super::fixtures::{Desk, alice, at, message, pos, welcomed};
use crate::event::{Event, RestAnswer, SocketClosed, StreamPayload};
use crate::snapshot::{AlertsView, Snapshot, Urgency};
use crate::{RestAsk, SealState};

fn alert(id: &str, severity: AlertSeverity, state: AlertState, millis: i64) -> Alert {
    Alert {
        alert_id: AlertId::new(id).unwrap(),
        rule: "limit_margin".to_owned(),
        severity,
        title: format!("title {id}"),
        detail: String::new(),
        at: at(millis),
        state,
        by: None,
    }
}

fn firing(id: &str, severity: AlertSeverity, millis: i64) -> Alert {
    alert(id, severity, AlertState::Firing, millis)
}

fn over(id: &str, millis: i64) -> Alert {
    alert(id, AlertSeverity::Warning, AlertState::Resolved, millis)
}

fn told(seq: u64, alert: Alert) -> Event {
    message(
        StreamName::Alerts(alice()),
        MessageKind::Event,
        seq,
        StreamPayload::AlertChanged(Box::new(alert)),
    )
}

fn loaded(seq: u64, alerts: Vec<Alert>) -> Event {
    Event::RestLoaded(RestAnswer::Alerts {
        pos: Some(pos(seq)),
        alerts,
    })
}

fn beat(desk: &Desk, seq: u64) -> Event {
    Event::BeatReceived {
        positions: vec![(StreamName::Alerts(alice()), pos(seq))],
        at: desk.now,
    }
}

/// Up, with these alerts loaded and proven to `seq`.
fn live(seq: u64, alerts: Vec<Alert>) -> Desk {
    let mut desk = Desk::connected();
    let beat = beat(&desk, seq);
    desk.play([loaded(seq, alerts), beat]);
    desk
}

fn rows(view: &AlertsView) -> Vec<&str> {
    let ids = view.rows.iter().map(|row| row.alert.alert_id.as_str());
    ids.collect()
}

fn said(snapshot: &Snapshot) -> Vec<(Tone, &str)> {
    let notices = snapshot.notices.iter().rev();
    notices.map(|one| (one.tone, &*one.text)).collect()
}

// covers: RT-1
#[test]
fn what_stands_at_the_first_load_is_shown_and_not_said_and_what_comes_after_is() {
    use AlertSeverity::{Critical, Warning};
    let mut desk = Desk::connected();
    assert!(!desk.snapshot().alerts.is_verified());
    // The rows are there, and not proven yet: what the log still tells is as old as they are.
    desk.play([
        loaded(4, vec![firing("a", Warning, 0), over("b", 1)]),
        told(5, firing("c", Critical, 2)),
    ]);
    let snapshot = desk.snapshot();
    assert!(!snapshot.alerts.is_verified() && snapshot.alerts.is_loaded);
    assert_eq!(said(&snapshot), []);
    let proof = beat(&desk, 5);
    desk.play([proof]);
    let snapshot = desk.snapshot();
    assert!(snapshot.alerts.is_verified());
    assert_eq!(rows(&snapshot.alerts), ["c", "a", "b"]);
    assert_eq!(said(&snapshot), []);

    let mut loud = firing("d", Warning, 3);
    loud.detail = "412 of 500 usd".to_owned();
    desk.play([told(6, loud.clone())]);
    let first = (Tone::Warn, "title d: 412 of 500 usd");
    assert_eq!(said(&desk.snapshot()), [first]);
    // Other figures of the same alert are no news.
    loud.at = at(4);
    loud.detail = "420 of 500 usd".to_owned();
    desk.play([told(7, loud.clone())]);
    let snapshot = desk.snapshot();
    assert_eq!(said(&snapshot), [first]);
    assert_eq!(snapshot.alerts.rows[1].alert.detail, "420 of 500 usd");
    loud.at = at(5);
    loud.severity = Critical;
    desk.play([told(8, loud.clone())]);
    let risen = (Tone::Danger, "title d: 420 of 500 usd");
    assert_eq!(said(&desk.snapshot()), [first, risen]);
    // Falling is told by the list alone; the end is said.
    loud.at = at(6);
    loud.severity = Warning;
    desk.play([told(9, loud)]);
    assert_eq!(said(&desk.snapshot()).len(), 2);
    desk.play([told(10, over("d", 7)), told(11, over("d", 8))]);
    let snapshot = desk.snapshot();
    assert_eq!(
        said(&snapshot),
        [first, risen, (Tone::Info, "Over: title d")]
    );
    assert_eq!(rows(&snapshot.alerts), ["c", "a", "d", "b"]);
}

#[test]
fn an_alert_wakes_a_frame_and_its_proof_does_not() {
    let mut desk = live(1, Vec::new());
    desk.snapshot();
    desk.now = at(500);
    let proof = beat(&desk, 1);
    desk.play([proof]);
    desk.snapshot();
    assert_eq!(desk.store.last_urgency(), Urgency::WithTheClock);
    let mut quiet = firing("a", AlertSeverity::Warning, 1);
    quiet.rule = "order_blocked".to_owned();
    desk.play([told(2, quiet)]);
    desk.snapshot();
    assert_eq!(desk.store.last_urgency(), Urgency::Now);
}

#[test]
fn orders_that_are_refused_are_said_by_their_own_stream_alone() {
    let mut desk = live(1, Vec::new());
    let mut refused = firing("a", AlertSeverity::Warning, 1);
    refused.rule = "order_blocked".to_owned();
    desk.play([told(2, refused)]);
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.alerts.num_firing(), 1);
    assert_eq!(said(&snapshot), []);
}

#[test]
fn the_worst_that_fires_stands_first_and_is_counted() {
    use AlertSeverity::{Critical, Info, Warning};
    let taken = alert("taken", Critical, AlertState::Acknowledged, 9);
    let desk = |alerts| live(1, alerts).snapshot().alerts;
    let view = desk(vec![
        over("over", 8),
        firing("info", Info, 7),
        taken,
        firing("old", Warning, 1),
        firing("new", Warning, 2),
        firing("bad", Critical, 0),
    ]);
    assert_eq!(rows(&view), ["bad", "new", "old", "info", "taken", "over"]);
    let counts = (view.num_critical, view.num_warnings, view.num_infos);
    assert_eq!((counts, view.num_firing()), ((1, 2, 1), 4));
    assert_eq!(view.worst(), Some(Critical));
    assert_eq!(desk(vec![over("over", 8)]).worst(), None);
}

// covers: RT-1
#[test]
fn a_hole_shows_and_is_closed_from_the_log_or_by_asking() {
    let mut desk = live(1, vec![firing("a", AlertSeverity::Critical, 0)]);
    desk.asked();
    desk.play([told(3, over("a", 2))]);
    assert_eq!(
        desk.asked(),
        "SendResync { stream: alerts:alice, pos: StreamPos { epoch: e1, seq: Seq(1) } }"
    );
    let snapshot = desk.snapshot();
    assert!(matches!(
        snapshot.alerts.seal.state,
        SealState::Resyncing { .. }
    ));
    assert_eq!(snapshot.alerts.num_firing(), 1, "nothing was jumped over");
    // What the log brings was not heard before: it is news.
    let proof = beat(&desk, 3);
    desk.play([
        told(2, firing("b", AlertSeverity::Warning, 1)),
        told(3, over("a", 2)),
        proof,
    ]);
    let snapshot = desk.snapshot();
    assert!(snapshot.alerts.is_verified());
    assert_eq!(rows(&snapshot.alerts), ["b", "a"]);
    assert_eq!(
        said(&snapshot),
        [(Tone::Warn, "title b"), (Tone::Info, "Over: title a")]
    );

    // What the log no longer has is asked for, and what fires in the answer is one word.
    desk.wait(1_500);
    desk.play([told(10, over("x", 7))]).asked();
    desk.play([Event::GoneReceived {
        stream: StreamName::Alerts(alice()),
        pos: pos(9),
    }]);
    assert_eq!(desk.asked(), "AskRest(Alerts)");
    desk.play([Event::RestFailed {
        ask: RestAsk::Alerts,
        detail: "503".to_owned(),
    }]);
    desk.wait(1_000);
    assert!(desk.asked().contains("AskRest(Alerts)"));
    desk.play([loaded(
        12,
        vec![
            firing("b", AlertSeverity::Warning, 1),
            firing("x", AlertSeverity::Warning, 5),
            firing("y", AlertSeverity::Critical, 6),
            over("z", 7),
        ],
    )]);
    let snapshot = desk.snapshot();
    assert_eq!(rows(&snapshot.alerts), ["y", "x", "b", "z"]);
    assert_eq!(
        said(&snapshot)[2..],
        [(Tone::Danger, "title y (and 1 more)")]
    );
    let proof = beat(&desk, 12);
    desk.play([proof]);
    let view = desk.snapshot().alerts;
    assert!(
        view.is_verified(),
        "an answer has all that fires, whatever was jumped over"
    );
    assert_eq!(view.seal.missing.len(), 1);
}

#[test]
fn an_answer_that_was_further_than_the_messages_behind_its_number_stands() {
    let mut desk = live(1, vec![firing("a", AlertSeverity::Warning, 0)]);
    desk.play([
        Event::SocketClosed(SocketClosed {
            code: None,
            reason: "reset".to_owned(),
            retry_at: None,
        }),
        Event::SocketOpened,
        welcomed(),
    ]);
    desk.play([told(2, over("a", 5))]);
    desk.play([told(3, firing("a", AlertSeverity::Critical, 4))]);
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.alerts.rows[0].alert.state, AlertState::Resolved);
    assert_eq!(said(&snapshot).len(), 1);
}

#[test]
fn memory_is_bounded_and_what_fires_is_forgotten_last() {
    let mut desk = live(0, vec![firing("first", AlertSeverity::Warning, 0)]);
    for n in 1..=400_u64 {
        let millis = i64::try_from(n).unwrap();
        desk.play([told(n, over(&format!("r-{n}"), millis))]);
    }
    let view = desk.snapshot().alerts;
    assert_eq!(view.rows.len(), 200);
    assert_eq!(rows(&view)[..2], ["first", "r-400"]);
    let all: Vec<Alert> = (0..300)
        .map(|n| firing(&format!("f-{n}"), AlertSeverity::Warning, n))
        .collect();
    desk.play([Event::GoneReceived {
        stream: StreamName::Alerts(alice()),
        pos: pos(900),
    }]);
    desk.play([loaded(1_000, all)]);
    assert_eq!(desk.snapshot().alerts.rows.len(), 200);
}

#[test]
fn a_log_alone_empties_the_list_when_it_is_another_run() {
    let mut desk = Desk::connected();
    let log = |seq| Event::RestLoaded(RestAnswer::AlertsLog { pos: pos(seq) });
    desk.play([log(0)]);
    assert!(desk.snapshot().alerts.is_loaded);
    let proof = beat(&desk, 1);
    desk.play([told(1, firing("a", AlertSeverity::Critical, 0)), proof]);
    let snapshot = desk.snapshot();
    assert!(snapshot.alerts.is_verified());
    assert_eq!(
        (rows(&snapshot.alerts), said(&snapshot).len()),
        (vec!["a"], 0)
    );
    // A log that has forgotten its beginning proves its own end and not what else may fire.
    let mut desk = Desk::connected();
    let proof = beat(&desk, 5);
    desk.play([log(4), told(5, over("b", 0)), proof]);
    let view = desk.snapshot().alerts;
    assert!(view.seal.state.is_verified() && !view.is_verified());
}
