//! The four cores together under random schedules of faults, without tokio, sockets or real time.
//!
//! A world of two publishers, one store, one wire and one hub is driven through losses, set-backs, cut connections and
//! unanswered commands; then everything is let run, and what the hub routed must be what the publishers hold.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    unreachable_pub,
    reason = "the world's parts are shared with its tests only"
)]

mod channel;
mod world;

use bytes::Bytes;
use channel::{Channel, body};
use proptest::prelude::*;
use qd_bus::{EMPTY_READS_MAX, EventOutbox, LogEntry};
use qd_types::{Epoch, MessageKind, Seq, StreamName, StreamPos, UserId, UtcMicros};
use qd_wire::head::{Body, Head, write_message};
use serde_json::json;
use world::{Did, Fate, Op, World, op};

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

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
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

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

fn event(stream: &StreamName, epoch: &str, seq: u64) -> LogEntry {
    let head = Head {
        stream: stream.clone(),
        epoch: Epoch::new(epoch).unwrap(),
        seq: Seq(seq),
        base_seq: None,
        kind: MessageKind::Event,
        made_at: UtcMicros(1),
        published_at: UtcMicros(2),
    };
    LogEntry {
        bytes: Bytes::from(write_message(&head, &Body::empty())),
        head,
    }
}

/// A live event channel whose log holds the numbers up to `last` of epoch "e", all of them routed.
fn live_channel(last: u64) -> Channel {
    let mut channel = Channel::new(StreamName::Orders(UserId::new("bob").unwrap()));
    store(&mut channel, last);
    channel.acknowledge();
    while channel.read(true) || channel.arrive() {}
    assert!(channel.core.is_live());
    channel
}

fn store(channel: &mut Channel, last: u64) {
    let entries: Vec<_> = (1..=last)
        .map(|seq| event(&channel.stream, "e", seq))
        .collect();
    let position = entries.last().map(|entry| entry.head.pos()).unwrap();
    channel.log.refill(position, entries);
}

fn arrives(channel: &mut Channel, epoch: &str, seq: u64) {
    let LogEntry { head, bytes } = event(&channel.stream, epoch, seq);
    let actions = channel.core.on_message(Some(head), bytes);
    channel.perform(actions);
}

fn numbers(channel: &Channel) -> Vec<u64> {
    channel.routed.iter().map(|(head, _)| head.seq.0).collect()
}

#[test]
fn a_message_that_overtakes_a_page_makes_the_hub_read_again() {
    let mut channel = live_channel(3);
    // 5 arrives without 4; while the log is read, 7 arrives without 6.
    store(&mut channel, 5);
    arrives(&mut channel, "e", 5);
    assert!(channel.read(true));
    store(&mut channel, 7);
    arrives(&mut channel, "e", 7);
    assert!(channel.arrive());
    assert_eq!(numbers(&channel), [1, 2, 3, 4, 5]);
    assert!(channel.read(true) && channel.arrive());
    assert_eq!(numbers(&channel), [1, 2, 3, 4, 5, 6, 7]);
    assert!(channel.core.is_live() && channel.reads.is_empty());
    assert_eq!(channel.core.counts().gaps, 0);
}

#[test]
fn a_message_of_which_the_log_knows_nothing_is_let_go_after_one_look() {
    let mut channel = live_channel(3);
    for (epoch, seq) in [("other", 9), ("e", 12)] {
        arrives(&mut channel, epoch, seq);
        assert!(channel.read(true) && channel.arrive());
        assert!(channel.core.is_live() && channel.reads.is_empty());
    }
    assert_eq!(numbers(&channel), [1, 2, 3]);
    assert_eq!(channel.core.counts().dropped, 2);
}

#[test]
fn only_the_present_read_is_answered() {
    let mut channel = live_channel(3);
    arrives(&mut channel, "e", 5);
    let (read_id, after) = channel.reads.front().cloned().unwrap();
    let page = channel.log.read(after.as_ref(), 10, 10_000);
    assert!(
        channel
            .core
            .on_log_page(read_id - 1, page.clone())
            .is_empty()
    );
    channel.core.on_log_failed(read_id - 1);
    assert!(!channel.core.is_live() && !channel.core.awaits_retry());
    // A connection later it is a former read as well.
    channel.disconnect();
    channel.acknowledge();
    assert!(channel.core.on_log_page(read_id, page).is_empty());
    assert!(!channel.core.is_live());
    assert_eq!(channel.core.verified(), None);
}

#[test]
fn a_store_that_is_set_back_shows_nobody_an_old_picture() {
    let mut world = World::new();
    world.apply(&Op::Acknowledge);
    world.apply(&Op::Change(1));
    while world.step_state(Fate::Fine) {}
    world.apply(&Op::Backup);
    world.apply(&Op::LoseStore);
    world.settle();
    let second = world.publisher.position().unwrap().epoch.clone();
    world.apply(&Op::SetBack);
    let num_routed = world.state.routed.len();
    world.state.check();
    while world.state.read(true) || world.state.arrive() {}
    assert_eq!(world.state.routed.len(), num_routed);
    assert_eq!(world.state.core.routed().unwrap().epoch, second);
    assert_eq!(
        world.state.core.verified(),
        None,
        "and nothing is confirmed meanwhile"
    );
    world.settle();
    world.verify_common();
    world.verify_state();
}

#[test]
fn an_outbox_that_overflows_unsent_starts_its_log_behind_the_hole() {
    let mut world = World::new();
    world.apply(&Op::Events(1));
    while world.step_events(Fate::Fine) {}
    world.apply(&Op::Events(1200));
    let counts = world.outbox.counts();
    assert_eq!(
        (counts.pushed_out, counts.queued),
        (200, 1000),
        "{counts:?}"
    );
    while world.step_events(Fate::Fine) {}
    assert_eq!(world.events.log.base(), Seq(202));
    assert_eq!(world.events.log.num_entries(), 1000);
    assert_eq!(world.events.log.position(), Some(world.outbox.position()));
    world.settle();
    assert_eq!(world.event_numbers(), (202..=1201).collect::<Vec<_>>());
}

#[test]
fn a_restored_outbox_sends_what_the_store_lacks() {
    let stream = StreamName::Orders(UserId::new("alice").unwrap());
    let epoch = Epoch::new("orders-epoch").unwrap();
    for (stored, sent) in [(0, 10), (7, 3), (10, 0)] {
        let mut world = World::new();
        if stored > 0 {
            world.apply(&Op::Events(stored));
            while world.step_events(Fate::Fine) {}
        }
        let bodies = (1..=10).map(|n| (body(&json!({ "n": n })), UtcMicros(1)));
        world.outbox = EventOutbox::restore(stream.clone(), epoch.clone(), Seq(10), bodies);
        assert_eq!(world.outbox.position().seq, Seq(10));
        world.events.acknowledge();
        let mut num_appends = 0;
        while world.event_step(Fate::Fine, Fate::Fine) != Did::Nothing {
            num_appends = world.events.wire.len();
        }
        assert_eq!(num_appends, sent, "of 10 with {stored} in the store");
        world.settle();
        assert_eq!(world.event_numbers(), (1..=10).collect::<Vec<_>>());
        assert!(world.outbox.is_drained());
    }
}

#[test]
fn an_event_that_fits_no_message_gets_no_number() {
    let mut world = World::new();
    let large = body(&json!({ "pad": "x".repeat(16 * 1024) }));
    let err = world.outbox.push(large, UtcMicros(1)).unwrap_err();
    assert!(err.to_string().contains("orders:alice"), "{err}");
    assert_eq!(world.outbox.position().seq, Seq(0));
}

#[test]
fn a_clock_that_is_set_back_stops_no_publisher() {
    let mut world = World::new();
    world.apply(&Op::Change(1));
    world.apply(&Op::Events(1));
    world.settle();
    let seq = |world: &World| world.state.log.position().unwrap().seq;
    let before = seq(&world);
    world.now = world.now.plus_millis(-3_600_000);
    world.apply(&Op::Change(2));
    world.apply(&Op::Events(1));
    while world.step_state(Fate::Fine) || world.step_events(Fate::Fine) {}
    assert_eq!(seq(&world), before.next(), "the throttle holds nobody");
    assert_eq!(world.events.log.position().unwrap().seq, Seq(2));
    // Looks and retries go on as well.
    world.now = world.now.plus_millis(60_000);
    world.settle();
    world.apply(&Op::LoseStore);
    world.apply(&Op::Change(3));
    world.apply(&Op::Events(1));
    assert!(world.step_state(Fate::Away) && world.step_events(Fate::Away));
    world.now = world.now.plus_millis(-3_600_000);
    while world.step_state(Fate::Fine) || world.step_events(Fate::Fine) {}
    world.settle();
    world.verify_common();
    world.verify_state();
    assert_eq!(world.event_numbers(), [1, 2, 3]);
}
