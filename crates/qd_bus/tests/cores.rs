//! The four cores together under random schedules of faults, without tokio, sockets or real time.
//!
//! A world of two publishers, one store, one wire and one hub is driven through losses, set-backs, cut connections and
//! unanswered commands; then everything is let run, and what the hub routed must be what the publishers hold.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use proptest::prelude::*;
use qd_bus::{
    AppendOutcome, BusError, EMPTY_READS_MAX, EventOutbox, EventStep, HubAction, HubChannelCore,
    LogEntry, StatePublisherCore, StateSource, StateStep, StreamLog,
};
use qd_types::{Epoch, MessageKind, Seq, StreamName, StreamPos, UserId, UtcMicros};
use qd_wire::head::{Body, Head, read_head};
use serde_json::{Value, json};

#[derive(Default)]
struct Rows(Mutex<BTreeMap<String, u64>>);

impl StateSource for Rows {
    fn snapshot(&self) -> (Body, UtcMicros) {
        (body(&json!({ "rows": *self.0.lock() })), UtcMicros(1))
    }

    fn delta(&self, keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        let rows = self.0.lock();
        let changed: BTreeMap<_, _> = keys.iter().map(|key| (key, rows.get(key))).collect();
        (body(&json!({ "changed": changed })), UtcMicros(1))
    }
}

fn body(value: &Value) -> Body {
    Body::from_bytes(value.to_string().as_bytes()).unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Fine,
    /// Carried out, but the answer is lost.
    AnswerLost,
    /// Lost on the way to the store.
    RequestLost,
    /// No connection.
    Away,
}

#[derive(Clone, Debug)]
enum Op {
    Change(u8),
    Events(u16),
    StepState(Fate),
    StepEvents(Fate),
    Deliver(u8),
    Disconnect,
    Acknowledge,
    Read { fine: bool },
    Check,
    LoseStore,
    Backup,
    SetBack,
    Advance(u16),
    Foreign,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Fine),
        1 => Just(Fate::AnswerLost),
        1 => Just(Fate::RequestLost),
        1 => Just(Fate::Away),
    ]
}

fn op(most_events: u16) -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0_u8..6).prop_map(Op::Change),
        4 => (1..=most_events).prop_map(Op::Events),
        8 => fate().prop_map(Op::StepState),
        8 => fate().prop_map(Op::StepEvents),
        8 => (1_u8..5).prop_map(Op::Deliver),
        1 => Just(Op::Disconnect),
        3 => Just(Op::Acknowledge),
        6 => prop::bool::weighted(0.8).prop_map(|fine| Op::Read { fine }),
        1 => Just(Op::Check),
        1 => Just(Op::LoseStore),
        1 => Just(Op::Backup),
        1 => Just(Op::SetBack),
        5 => (1_u16..400).prop_map(Op::Advance),
        1 => Just(Op::Foreign),
    ]
}

struct Channel {
    stream: StreamName,
    log: StreamLog,
    backup: StreamLog,
    wire: VecDeque<Bytes>,
    core: HubChannelCore,
    subscribed: bool,
    reads: VecDeque<(u64, Option<StreamPos>)>,
    retry_at: UtcMicros,
    routed: Vec<(Head, Bytes)>,
    num_unnumbered: usize,
}

impl Channel {
    fn new(stream: StreamName) -> Self {
        Self {
            log: StreamLog::new(stream.class()),
            backup: StreamLog::new(stream.class()),
            wire: VecDeque::new(),
            core: HubChannelCore::new(stream.clone()),
            subscribed: false,
            reads: VecDeque::new(),
            retry_at: UtcMicros(0),
            routed: Vec::new(),
            num_unnumbered: 0,
            stream,
        }
    }

    fn perform(&mut self, actions: Vec<HubAction>) {
        for action in actions {
            match action {
                HubAction::ReadLog { read_id, after } => self.reads.push_back((read_id, after)),
                HubAction::Route {
                    head: Some(head),
                    bytes,
                } => self.routed.push((head, bytes)),
                HubAction::Route { head: None, .. } => self.num_unnumbered += 1,
            }
        }
        assert!(self.core.counts().adds_up(), "{:?}", self.core.counts());
    }

    fn publish(&mut self, bytes: &Bytes) {
        if self.subscribed {
            self.wire.push_back(bytes.clone());
        }
    }

    fn deliver(&mut self) -> bool {
        let Some(bytes) = self.wire.pop_front() else {
            return false;
        };
        match read_head(&bytes) {
            Ok(head) => {
                let actions = self.core.on_message(head, bytes);
                self.perform(actions);
            }
            Err(_) => self.core.on_unreadable(),
        }
        true
    }

    fn disconnect(&mut self) {
        self.subscribed = false;
        self.wire.clear();
        self.reads.clear();
        self.core.on_disconnected();
        assert!(self.core.counts().adds_up());
    }

    fn acknowledge(&mut self) {
        if !self.subscribed {
            self.subscribed = true;
            let actions = self.core.on_subscribed();
            self.perform(actions);
        }
    }

    fn read(&mut self, fine: bool) -> bool {
        let Some((read_id, after)) = self.reads.pop_front() else {
            return false;
        };
        if fine {
            // Small pages, so that reads of several pages meet everything else.
            let page = self.log.read(after.as_ref(), 7, 1500);
            let actions = self.core.on_log_page(read_id, page);
            self.perform(actions);
        } else {
            self.core.on_log_failed(read_id);
        }
        true
    }

    fn retry(&mut self, now: UtcMicros) {
        if now >= self.retry_at {
            self.retry_at = now.plus_millis(250);
            let actions = self.core.retry();
            self.perform(actions);
        }
    }

    fn check(&mut self) {
        let holds = self.log.position();
        let actions = self.core.on_store_position(holds.as_ref());
        self.perform(actions);
    }
}

struct World {
    now: UtcMicros,
    rows: Arc<Rows>,
    publisher: StatePublisherCore,
    outbox: EventOutbox,
    next_value: u64,
    state: Channel,
    events: Channel,
}

fn away() -> BusError {
    BusError::Away {
        last_error: "test".to_owned(),
    }
}

fn no_answer() -> BusError {
    BusError::NoAnswer {
        operation: "append",
        reason: "test".to_owned(),
    }
}

fn with_fate<T>(fate: Fate, act: impl FnOnce() -> T) -> Result<T, BusError> {
    match fate {
        Fate::Fine => Ok(act()),
        Fate::AnswerLost => {
            act();
            Err(no_answer())
        }
        Fate::RequestLost => Err(no_answer()),
        Fate::Away => Err(away()),
    }
}

fn append(channel: &mut Channel, request: &qd_bus::AppendRequest) -> AppendOutcome {
    let outcome = channel.log.append(request);
    if outcome == AppendOutcome::Appended {
        channel.publish(&request.bytes);
    }
    outcome
}

impl World {
    fn new() -> Self {
        let user = UserId::new("alice").unwrap();
        let state = StreamName::Positions(user.clone());
        let events = StreamName::Orders(user);
        let mut num_epochs = 0;
        Self {
            now: UtcMicros::from_millis(1_000_000),
            rows: Arc::default(),
            publisher: StatePublisherCore::new(state.clone(), move || {
                num_epochs += 1;
                Epoch::new(&format!("s{num_epochs}")).unwrap()
            }),
            outbox: EventOutbox::new(events.clone(), Epoch::new("orders-epoch").unwrap()),
            next_value: 0,
            state: Channel::new(state),
            events: Channel::new(events),
        }
    }

    fn step_state(&mut self, fate: Fate) -> bool {
        let rows = Arc::clone(&self.rows);
        let worked = match self.publisher.step(self.now, rows.as_ref()) {
            StateStep::Append(request) => {
                let result = with_fate(fate, || append(&mut self.state, &request));
                self.publisher.on_append(self.now, result.as_ref().cloned());
                true
            }
            StateStep::Look => {
                let result = with_fate(fate, || {
                    (
                        self.state.log.position(),
                        usize::from(self.state.subscribed),
                    )
                });
                self.publisher.on_look(self.now, result.as_ref().cloned());
                true
            }
            StateStep::Wait(_) => false,
        };
        assert!(self.publisher.counts().adds_up(), "{:?}", self.publisher);
        worked
    }

    fn step_events(&mut self, fate: Fate) -> bool {
        let worked = match self.outbox.step(self.now) {
            EventStep::Append(request) => {
                let result = with_fate(fate, || append(&mut self.events, &request));
                self.outbox.on_append(self.now, result.as_ref().cloned());
                true
            }
            EventStep::Refill { position, entries } => {
                let result = with_fate(fate, || self.events.log.refill(position.clone(), entries));
                self.outbox
                    .on_refill(self.now, position, result.as_ref().copied());
                true
            }
            EventStep::Look => {
                let result = with_fate(fate, || self.events.log.position());
                self.outbox.on_look(self.now, result.as_ref().cloned());
                true
            }
            EventStep::Wait(_) => false,
        };
        let counts = self.outbox.counts();
        assert_eq!(
            counts.given,
            counts.sent + counts.pushed_out + counts.queued,
            "{counts:?}"
        );
        worked
    }

    fn channels(&mut self) -> [&mut Channel; 2] {
        [&mut self.state, &mut self.events]
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Change(key) => {
                self.next_value += 1;
                let key = format!("row{key}");
                if self.next_value % 5 == 0 {
                    self.rows.0.lock().remove(&key);
                } else {
                    self.rows.0.lock().insert(key.clone(), self.next_value);
                }
                self.publisher.mark(key);
            }
            Op::Events(num) => {
                for _ in 0..num {
                    let n = self.outbox.position().seq.0 + 1;
                    self.outbox
                        .push(body(&json!({ "n": n })), UtcMicros(1))
                        .unwrap();
                }
            }
            Op::StepState(fate) => {
                self.step_state(fate);
            }
            Op::StepEvents(fate) => {
                self.step_events(fate);
            }
            Op::Deliver(num) => {
                for channel in self.channels() {
                    for _ in 0..num {
                        channel.deliver();
                    }
                }
            }
            Op::Disconnect => self.channels().into_iter().for_each(Channel::disconnect),
            Op::Acknowledge => self.channels().into_iter().for_each(Channel::acknowledge),
            Op::Read { fine } => {
                let now = self.now;
                for channel in self.channels() {
                    channel.retry(now);
                    channel.read(fine);
                }
            }
            Op::Check => self.channels().into_iter().for_each(Channel::check),
            Op::LoseStore => self.channels().into_iter().for_each(|c| c.log.clear()),
            Op::Backup => self
                .channels()
                .into_iter()
                .for_each(|c| c.backup = c.log.clone()),
            Op::SetBack => self
                .channels()
                .into_iter()
                .for_each(|c| c.log = c.backup.clone()),
            Op::Advance(millis) => self.now = self.now.plus_millis(i64::from(millis)),
            Op::Foreign => {
                for channel in self.channels() {
                    channel.publish(&Bytes::from_static(br#"{"positions":[]}"#));
                    channel.publish(&Bytes::from_static(b"{not json"));
                }
            }
        }
    }

    /// Everything works from now on; seventeen seconds pass: the looks and checks of 5 s all happen, three times.
    fn settle(&mut self) {
        for round in 0..170 {
            self.now = self.now.plus_millis(100);
            self.channels().into_iter().for_each(Channel::acknowledge);
            if round % 50 == 49 {
                self.channels().into_iter().for_each(Channel::check);
            }
            while self.step_state(Fate::Fine) {}
            while self.step_events(Fate::Fine) {}
            let now = self.now;
            for channel in self.channels() {
                channel.retry(now);
                while channel.read(true) || channel.deliver() {}
            }
        }
    }

    fn verify_common(&self) {
        for channel in [&self.state, &self.events] {
            assert!(channel.core.is_live(), "{:?}", channel.core);
            assert_eq!(
                channel.core.verified(),
                channel.log.position().as_ref(),
                "{}: routed and stored",
                channel.stream
            );
            assert_eq!(channel.core.counts().queued, 0);
            for pair in channel.routed.windows(2) {
                let [(before, _), (after, _)] = pair else {
                    unreachable!()
                };
                assert!(
                    before.epoch != after.epoch || before.seq < after.seq,
                    "{before:?} then {after:?}"
                );
            }
        }
        // A former epoch never comes back.
        let mut seen = BTreeSet::new();
        let mut last = None;
        for (head, _) in &self.state.routed {
            if last != Some(&head.epoch) {
                assert!(seen.insert(head.epoch.clone()), "{} came back", head.epoch);
                last = Some(&head.epoch);
            }
        }
        assert!(self.outbox.is_drained(), "{:?}", self.outbox);
        assert_eq!(self.outbox.counts().queued, 0);
    }

    /// What a reader holds who applies what was routed.
    fn verify_state(&self) {
        let mut view: Option<(StreamPos, BTreeMap<String, u64>)> = None;
        for (head, bytes) in &self.state.routed {
            let message: Value = serde_json::from_slice(bytes).unwrap();
            match head.kind {
                MessageKind::Snapshot => {
                    let rows = serde_json::from_value(message["rows"].clone()).unwrap();
                    view = Some((head.pos(), rows));
                }
                MessageKind::Delta => {
                    let (pos, rows) = view.as_mut().expect("a snapshot comes first");
                    assert_eq!(
                        (&pos.epoch, Some(pos.seq)),
                        (&head.epoch, head.base_seq),
                        "a delta must apply on what came before"
                    );
                    *pos = head.pos();
                    for (key, value) in message["changed"].as_object().unwrap() {
                        match value.as_u64() {
                            Some(value) => rows.insert(key.clone(), value),
                            None => rows.remove(key),
                        };
                    }
                }
                MessageKind::Refetch | MessageKind::Event => {
                    panic!("{:?} on a state stream", head.kind)
                }
            }
        }
        let (pos, rows) = view.expect("something was routed");
        assert_eq!(Some(&pos), self.publisher.position());
        assert_eq!(rows, *self.rows.0.lock());
    }

    fn event_numbers(&self) -> Vec<u64> {
        self.events
            .routed
            .iter()
            .map(|(head, bytes)| {
                let message: Value = serde_json::from_slice(bytes).unwrap();
                assert_eq!(
                    message["n"].as_u64(),
                    Some(head.seq.0),
                    "number and content"
                );
                head.seq.0
            })
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60000, ..ProptestConfig::default() })]

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
        prop_assert_eq!(world.events.core.counts().gaps, 0);
        prop_assert_eq!(world.outbox.counts().pushed_out, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

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
    // The message with number 2 reaches readers of a master that then loses it; the publisher got no answer.
    let mut world = World::new();
    world.apply(&Op::Acknowledge);
    world.apply(&Op::Change(1));
    assert!(world.step_state(Fate::Fine));
    world.apply(&Op::Backup);
    world.now = world.now.plus_millis(200);
    world.apply(&Op::Change(1));
    while world.publisher.counts().deltas == 0 && world.step_state(Fate::AnswerLost) {
        world.now = world.now.plus_millis(200);
    }
    world.apply(&Op::Deliver(4));
    world.apply(&Op::SetBack);
    world.apply(&Op::Change(1));
    world.settle();
    world.verify_common();
    world.verify_state();
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
