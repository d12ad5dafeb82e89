//! Producers that keep no log, and questions to the log that fail.

use qd_bus::LogPage;
use qd_types::{MessageKind, Seq};

use super::tests::*;
use super::*;

#[test]
fn a_page_that_cannot_be_read_is_asked_for_again() {
    let mut lane = Lane::new(positions());
    lane.open(None);
    let wanted = read(&mut lane, T0);
    lane.on_page_failed(wanted.read_id, T0);
    assert_eq!(waits(&mut lane, T0), Some(millis(READ_RETRY_MILLIS)));
    let again = read(&mut lane, millis(READ_RETRY_MILLIS));
    assert_ne!(again.read_id, wanted.read_id);
    lane.on_page_failed(wanted.read_id, T0);
    assert_eq!(
        lane.poll(millis(2000)),
        LaneStep::Wait(None),
        "the old question is over"
    );
}

/// A lane of a producer that numbers and keeps no log.
fn without_log(stream: &StreamName, resume: Option<StreamPos>) -> Lane {
    let mut lane = Lane::new(stream.clone());
    lane.open(resume);
    finds_no_log(&mut lane);
    lane
}

fn finds_no_log(lane: &mut Lane) {
    let wanted = read(lane, T0);
    lane.on_page(wanted.read_id, LogPage::default(), T0);
}

#[test]
fn a_numbered_producer_without_a_log_goes_out_as_it_comes() {
    let stream = orders();
    let mut lane = without_log(&stream, None);
    assert_eq!(waits(&mut lane, T0), None);
    let publish = |lane: &mut Lane, epoch: &str, seq: u64| {
        let entry = entry(&stream, epoch, seq, MessageKind::Event, 10);
        lane.on_routed(&routed(&entry, T0));
        assert!(lane.counters().balances());
    };
    publish(&mut lane, "e", 7);
    finds_no_log(&mut lane);
    assert_eq!(seqs(&sent(&mut lane, T0)), [7]);
    assert_eq!(waits(&mut lane, T0), None);
    // What follows needs no look; what jumps, or comes while one is taken, is not lost either.
    publish(&mut lane, "e", 8);
    assert_eq!(seqs(&sent(&mut lane, T0)), [8]);
    publish(&mut lane, "e", 11);
    publish(&mut lane, "e", 12);
    let wanted = read(&mut lane, T0);
    publish(&mut lane, "e", 13);
    lane.on_page(wanted.read_id, LogPage::default(), T0);
    assert_eq!(seqs(&sent(&mut lane, T0)), [11, 12]);
    finds_no_log(&mut lane);
    assert_eq!(seqs(&sent(&mut lane, T0)), [13]);
    assert_eq!(waits(&mut lane, T0), None);
    publish(&mut lane, "f", 5);
    finds_no_log(&mut lane);
    assert_eq!(seqs(&sent(&mut lane, T0)), [5]);
    assert_eq!(waits(&mut lane, T0), None);
    publish(&mut lane, "f", 5);
    assert_eq!(waits(&mut lane, T0), None);
    assert_eq!(lane.counters().conflated, 0);
    assert!(lane.counters().balances());
}

#[test]
fn a_log_that_comes_back_brings_what_was_held() {
    let stream = orders();
    let mut lane = without_log(&stream, Some(pos("e", 6)));
    assert_eq!(waits(&mut lane, T0), None);
    let held = entry(&stream, "e", 9, MessageKind::Event, 10);
    lane.on_routed(&routed(&held, T0));
    let wanted = read(&mut lane, T0);
    let entries = [7, 8, 9].map(|seq| entry(&stream, "e", seq, MessageKind::Event, 10));
    lane.on_page(wanted.read_id, page(pos("e", 9), entries.to_vec()), T0);
    assert_eq!(seqs(&sent(&mut lane, T0)), [7, 8, 9]);
    assert!(matches!(sent(&mut lane, T0), LaneFrame::Beat { pos, .. } if pos.seq == Seq(9)));
    assert!(lane.counters().balances());
}

#[test]
fn what_is_held_without_a_log_is_bounded() {
    let stream = orders();
    let mut lane = without_log(&stream, None);
    assert_eq!(waits(&mut lane, T0), None);
    for seq in 5..1_000 {
        let entry = entry(&stream, "e", seq, MessageKind::Event, 500);
        lane.on_routed(&routed(&entry, T0));
        assert!(lane.counters().balances());
        assert!(lane.counters().queued <= 131, "64 KiB");
    }
    lane.resync(pos("e", 900));
    finds_no_log(&mut lane);
    assert_eq!(seqs(&sent(&mut lane, T0)).last(), Some(&999));
    assert!(lane.counters().balances());
}

#[test]
fn a_clock_that_is_set_back_does_not_hold_a_question_that_failed() {
    let stream = orders();
    let mut lane = Lane::new(stream);
    lane.open(None);
    let wanted = read(&mut lane, T0);
    lane.on_page_failed(wanted.read_id, T0);
    assert_eq!(waits(&mut lane, T0), Some(T0.plus_millis(500)));
    let earlier = T0.plus_millis(-3_600_000);
    read(&mut lane, earlier);
}
