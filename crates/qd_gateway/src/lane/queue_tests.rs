//! What waits in a lane: batches and their pace, the bounds, and what is left to the log beyond them.

use qd_types::MessageKind;

use super::tests::*;
use super::*;

#[test]
fn deltas_that_wait_leave_as_one_batch_at_most_ten_times_a_second() {
    let stream = positions();
    let mut lane = live(&stream, pos("e", 0));
    let mut frames = Vec::new();
    for seq in 1..=200u64 {
        // Two hundred messages in a second.
        let now = millis(i64::try_from(seq).unwrap() * 5);
        lane.on_routed(&routed(
            &entry(&stream, "e", seq, MessageKind::Delta, 10),
            now,
        ));
        if let LaneStep::Send(frame) = lane.poll(now) {
            frames.push((now, seqs(&frame)));
        }
    }
    assert_eq!(frames.len(), 10, "{frames:?}");
    let until = waits(&mut lane, millis(1000)).unwrap();
    assert_eq!(until, frames[0].0.plus_millis(1000));
    assert_eq!(
        seqs(&sent(&mut lane, until)),
        (11..=200).collect::<Vec<_>>(),
        "the last value always goes out"
    );
}

#[test]
fn halts_and_breakers_are_not_throttled() {
    for stream in [StreamName::KillSwitch, StreamName::CircuitBreakers] {
        let mut lane = live(&stream, pos("e", 0));
        for seq in 1..=50 {
            lane.on_routed(&routed(
                &entry(&stream, "e", seq, MessageKind::Snapshot, 10),
                T0,
            ));
            assert_eq!(seqs(&sent(&mut lane, T0)), [seq]);
        }
    }
}

#[test]
fn too_much_waiting_is_left_to_the_log_and_never_lost() {
    let stream = orders();
    let mut lane = live(&stream, pos("e", 0));
    for seq in 1..=256 {
        lane.on_routed(&routed(
            &entry(&stream, "e", seq, MessageKind::Event, 10),
            T0,
        ));
    }
    assert!(lane.is_live());
    lane.on_routed(&routed(
        &entry(&stream, "e", 257, MessageKind::Event, 10),
        T0,
    ));
    assert!(!lane.is_live());
    assert_eq!((lane.counters().overflows, lane.counters().queued), (1, 0));
    let wanted = read(&mut lane, T0);
    assert_eq!(
        wanted.after,
        Some(pos("e", 0)),
        "from what was sent, not from what waited"
    );
    assert_eq!((wanted.max_messages, wanted.max_bytes), (128, 32 * 1024));

    let stream = positions();
    let mut lane = live(&stream, pos("e", 0));
    lane.on_routed(&routed(
        &entry(&stream, "e", 1, MessageKind::Delta, 40 * 1024),
        T0,
    ));
    lane.on_routed(&routed(
        &entry(&stream, "e", 2, MessageKind::Delta, 24 * 1024),
        T0,
    ));
    assert!(lane.is_live());
    lane.on_routed(&routed(&entry(&stream, "e", 3, MessageKind::Delta, 1), T0));
    assert!(!lane.is_live());
    assert!(lane.counters().balances());
}

#[test]
fn a_snapshot_does_not_count_against_the_bound_and_only_one_waits() {
    let stream = positions();
    let mut lane = live(&stream, pos("e", 0));
    for seq in 1..=3 {
        lane.on_routed(&routed(
            &entry(&stream, "e", seq, MessageKind::Snapshot, 900 * 1024),
            T0,
        ));
    }
    assert!(lane.is_live());
    assert_eq!((lane.counters().queued, lane.counters().skipped), (1, 2));
    assert_eq!(sent(&mut lane, T0).skipped(), Some(2));
}

#[test]
fn an_unnumbered_state_waits_alone_and_gives_back_what_it_displaces() {
    let stream = positions();
    let mut lane = live(&stream, pos("e", 6));
    assert_eq!(lane.on_routed(&loose(&stream, "a:1")), None);
    assert_eq!(lane.on_routed(&loose(&stream, "b:2")), Some("a:1".into()));
    let frame = sent(&mut lane, T0);
    assert!(matches!(&frame, LaneFrame::Unnumbered { .. }));
    assert_eq!(seqs(&frame), [2]);
    assert_eq!(lane.counters().conflated, 1);
    assert!(lane.counters().balances());
}

#[test]
fn unnumbered_events_wait_in_order_and_lose_the_oldest_at_the_bound() {
    let stream = orders();
    let mut lane = live(&stream, pos("e", 6));
    for _ in 0..300 {
        assert_eq!(lane.on_routed(&loose(&stream, "a:1")), None);
    }
    lane.on_lifted("x:9".into(), T0);
    assert_eq!((lane.counters().queued, lane.counters().dropped), (256, 45));
    assert!(lane.counters().balances());
    lane.close();
    assert_eq!((lane.counters().queued, lane.counters().dropped), (0, 301));
    assert!(lane.counters().balances());
    assert_eq!(lane.poll(T0), LaneStep::Wait(None));
}
