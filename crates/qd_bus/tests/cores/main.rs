//! The four cores together under random schedules of faults, without tokio, sockets or real time.
//!
//! A world of two publishers, one store, one wire and one hub is driven through losses, set-backs, cut connections and
//! unanswered commands; then everything is let run, and what the hub routed must be what the publishers hold.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    unreachable_pub,
    reason = "the world's parts are shared with its tests only"
)]

mod world;

use bytes::Bytes;
use proptest::prelude::*;
use qd_bus::{EMPTY_READS_MAX, LogEntry};
use qd_types::{Epoch, MessageKind, Seq, StreamName, StreamPos, UserId, UtcMicros};
use qd_wire::head::Head;
use world::{Channel, Fate, Op, World, op};

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Whatever happened, readers end with the publisher's rows, and every event arrives once and in order.
    #[test]
    fn prop_nothing_is_lost_or_repeated(ops in prop::collection::vec(op(3), 0..150)) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
        }
        world.settle();
        world.verify_common();
        world.verify_state();
        let last = world.outbox.position().seq.0;
        prop_assert_eq!(world.event_numbers(), (1..=last).collect::<Vec<_>>());
        prop_assert_eq!(world.outbox.counts().pushed_out, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// More events than any log keeps: what is missing is counted as a hole, what is there is in order, and the end is
    /// reached.
    #[test]
    fn prop_what_no_log_kept_is_a_counted_hole(ops in prop::collection::vec(op(900), 0..60)) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
        }
        world.settle();
        world.verify_common();
        world.verify_state();
        let numbers = world.event_numbers();
        let last = world.outbox.position().seq.0;
        if last > 0 {
            prop_assert_eq!(numbers.last().copied(), Some(last));
        }
        let is_whole = numbers.first().is_none_or(|first| *first == 1)
            && numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        let num_gaps = world.events.core.counts().gaps;
        // Numbers that were gone before the hub's first read are a hole to nobody behind this hub.
        let starts_late = numbers.first().is_some_and(|first| *first > 1);
        prop_assert!(is_whole == (num_gaps == 0) || starts_late, "{num_gaps} holes in {numbers:?}");
    }
}

#[test]
fn a_number_is_never_given_to_two_contents() {
    let mut world = World::new();
    world.settle();
    world.apply(&Op::Change(1));
    world.apply(&Op::Failover);
    world.settle();
    world.verify_common();
    world.verify_state();
    assert_eq!(world.event_numbers(), [1]);
    assert_eq!(world.publisher.counts().epochs, 2);
}

#[test]
fn a_lost_log_is_written_anew_although_nobody_listens_and_nothing_changes() {
    let mut world = World::new();
    while world.step_state(Fate::Fine) || world.step_events(Fate::Fine) {}
    world.apply(&Op::LoseStore);
    world.now = world.now.plus_millis(5000);
    while world.step_state(Fate::Fine) || world.step_events(Fate::Fine) {}
    assert_eq!(
        world.state.log.position().as_ref(),
        world.publisher.position()
    );
    assert_eq!(world.events.log.position(), Some(world.outbox.position()));
    assert_eq!(world.publisher.counts().epochs, 2);
}

#[test]
fn what_overflows_while_the_log_is_read_is_read_again_at_once() {
    let mut world = World::new();
    world.apply(&Op::Acknowledge);
    world.settle();
    world.events.disconnect();
    world.apply(&Op::Acknowledge);
    // The read is answered late; meanwhile more arrives than may be held.
    assert!(world.events.read(true));
    world.apply(&Op::Events(300));
    while world.step_events(Fate::Fine) {}
    while world.events.deliver() {}
    assert_eq!(
        world.events.core.counts().queued,
        0,
        "held messages were let go"
    );
    while world.events.arrive() || world.events.read(true) {}
    assert_eq!(world.event_numbers(), (1..=300).collect::<Vec<_>>());
    assert!(world.events.core.is_live());
}

#[test]
fn a_message_of_a_former_epoch_is_let_go_without_a_look_at_the_log() {
    let mut world = World::new();
    world.apply(&Op::Acknowledge);
    world.apply(&Op::Change(1));
    world.settle();
    let (head, bytes) = world.state.routed.last().cloned().unwrap();
    world.apply(&Op::LoseStore);
    world.settle();
    let num_routed = world.state.routed.len();
    assert_ne!(world.state.routed.last().unwrap().0.epoch, head.epoch);
    let late = Head {
        seq: head.seq.next(),
        ..head
    };
    assert!(world.state.core.on_message(Some(late), bytes).is_empty());
    assert!(world.state.core.is_live());
    assert_eq!(world.state.routed.len(), num_routed);
}

#[test]
fn an_event_stream_says_its_epoch_before_its_first_event() {
    let mut world = World::new();
    world.settle();
    let expected = StreamPos {
        epoch: Epoch::new("orders-epoch").unwrap(),
        seq: Seq(0),
    };
    assert_eq!(world.events.log.position(), Some(expected.clone()));
    assert_eq!(world.events.core.verified(), Some(&expected));
    assert!(world.events.routed.is_empty());
}

#[test]
fn a_numbered_producer_without_a_log_is_routed_with_its_holes() {
    let stream = StreamName::Alerts(UserId::new("bob").unwrap());
    let mut channel = Channel::new(stream.clone());
    channel.acknowledge();
    let entry = |seq| LogEntry {
        head: Head {
            stream: stream.clone(),
            epoch: Epoch::new("e").unwrap(),
            seq: Seq(seq),
            base_seq: None,
            kind: MessageKind::Event,
            made_at: UtcMicros(1),
            published_at: UtcMicros(2),
        },
        bytes: Bytes::from_static(b"{}"),
    };
    let mut num_reads = 0;
    for seq in [4, 5, 5, 9, 8, 10] {
        let LogEntry { head, bytes } = entry(seq);
        let actions = channel.core.on_message(Some(head), bytes);
        channel.perform(actions);
        while channel.read(true) {
            channel.arrive();
            num_reads += 1;
            channel.retry(UtcMicros(num_reads * 250_000));
        }
    }
    // Only the first message has to wait until it is certain that there is no log.
    let patience = i64::from(EMPTY_READS_MAX);
    assert!((patience..patience + 5).contains(&num_reads), "{num_reads}");
    let seqs: Vec<u64> = channel.routed.iter().map(|(head, _)| head.seq.0).collect();
    assert_eq!(seqs, [4, 5, 9, 10]);
    let counts = channel.core.counts();
    assert_eq!((counts.gaps, counts.duplicate), (1, 2), "{counts:?}");
}
