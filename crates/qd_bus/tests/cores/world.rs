//! The simulated world: two publishers, one store, one wire with delays, one hub, and everything that can go wrong.
//! What must hold at the end is checked here too; which schedules are driven is the tests' choice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use proptest::prelude::*;
use qd_bus::{BusError, EventOutbox, EventStep, StatePublisherCore, StateSource, StateStep};
use qd_types::{Epoch, MessageKind, StreamName, StreamPos, UserId, UtcMicros};
use qd_wire::head::Body;
use serde_json::{Value, json};

use crate::channel::{Channel, append, body};

#[derive(Default)]
pub struct Rows(pub Mutex<BTreeMap<String, u64>>);

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Fine,
    /// Carried out, but the answer is lost.
    AnswerLost,
    /// Lost on the way to the store.
    RequestLost,
    /// No connection.
    Away,
}

/// What a publisher did in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    Append,
    /// Looked at the store, or wrote a log anew: nothing that readers see.
    Look,
    Nothing,
}

#[derive(Clone, Debug)]
pub enum Op {
    Change(u8),
    Events(u16),
    StepState(Fate),
    StepEvents(Fate),
    Deliver(u8),
    Disconnect,
    Acknowledge,
    Read {
        fine: bool,
    },
    Check,
    Arrive,
    LoseStore,
    Backup,
    SetBack,
    /// A master takes a message, shows it to its readers, and is lost before it answers or hands it on.
    Failover,
    /// Somebody else begins an epoch of his own.
    Usurp,
    Advance(u16),
    Foreign,
}

pub fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Fine),
        1 => Just(Fate::AnswerLost),
        1 => Just(Fate::RequestLost),
        1 => Just(Fate::Away),
    ]
}

pub fn op(most_events: u16) -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0_u8..6).prop_map(Op::Change),
        4 => (1..=most_events).prop_map(Op::Events),
        8 => fate().prop_map(Op::StepState),
        8 => fate().prop_map(Op::StepEvents),
        8 => (1_u8..5).prop_map(Op::Deliver),
        1 => Just(Op::Disconnect),
        3 => Just(Op::Acknowledge),
        6 => prop::bool::weighted(0.8).prop_map(|fine| Op::Read { fine }),
        6 => Just(Op::Arrive),
        1 => Just(Op::Check),
        1 => Just(Op::Failover),
        1 => Just(Op::Usurp),
        1 => Just(Op::LoseStore),
        1 => Just(Op::Backup),
        1 => Just(Op::SetBack),
        5 => (1_u16..400).prop_map(Op::Advance),
        1 => Just(Op::Foreign),
    ]
}

pub struct World {
    pub now: UtcMicros,
    pub rows: Arc<Rows>,
    pub publisher: StatePublisherCore,
    pub outbox: EventOutbox,
    pub next_value: u64,
    pub state: Channel,
    pub events: Channel,
}

pub fn away() -> BusError {
    BusError::Away {
        last_error: "test".to_owned(),
    }
}

pub fn no_answer() -> BusError {
    BusError::NoAnswer {
        operation: "append",
        reason: "test".to_owned(),
    }
}

pub fn with_fate<T>(fate: Fate, act: impl FnOnce() -> T) -> Result<T, BusError> {
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

impl World {
    pub fn new() -> Self {
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

    pub fn step_state(&mut self, fate: Fate) -> bool {
        self.state_step(fate, fate) != Did::Nothing
    }

    pub fn state_step(&mut self, fate: Fate, look_fate: Fate) -> Did {
        let rows = Arc::clone(&self.rows);
        let worked = match self.publisher.step(self.now, rows.as_ref()) {
            StateStep::Append(request) => {
                let result = with_fate(fate, || append(&mut self.state, &request));
                self.publisher.on_append(self.now, &result);
                Did::Append
            }
            StateStep::Look => {
                let result = with_fate(look_fate, || {
                    (
                        self.state.log.position(),
                        usize::from(self.state.subscribed),
                    )
                });
                self.publisher.on_look(self.now, &result);
                Did::Look
            }
            StateStep::Wait(_) => Did::Nothing,
        };
        assert!(self.publisher.counts().adds_up(), "{:?}", self.publisher);
        worked
    }

    pub fn step_events(&mut self, fate: Fate) -> bool {
        self.event_step(fate, fate) != Did::Nothing
    }

    pub fn event_step(&mut self, fate: Fate, look_fate: Fate) -> Did {
        let worked = match self.outbox.step(self.now) {
            EventStep::Append(request) => {
                let result = with_fate(fate, || append(&mut self.events, &request));
                self.outbox.on_append(self.now, &result);
                Did::Append
            }
            EventStep::Refill { position, entries } => {
                let result = with_fate(look_fate, || {
                    self.events.log.refill(position.clone(), entries);
                });
                self.outbox.on_refill(self.now, position, &result);
                Did::Look
            }
            EventStep::Look => {
                let result = with_fate(look_fate, || self.events.log.position());
                self.outbox.on_look(self.now, &result);
                Did::Look
            }
            EventStep::Wait(_) => Did::Nothing,
        };
        let counts = self.outbox.counts();
        assert_eq!(
            counts.given,
            counts.sent + counts.pushed_out + counts.queued,
            "{counts:?}"
        );
        worked
    }

    pub fn channels(&mut self) -> [&mut Channel; 2] {
        [&mut self.state, &mut self.events]
    }

    pub fn apply(&mut self, op: &Op) {
        match *op {
            Op::Change(key) => {
                self.next_value += 1;
                let key = format!("row{key}");
                if self.next_value.is_multiple_of(5) {
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
            Op::Arrive => {
                for channel in self.channels() {
                    channel.arrive();
                }
            }
            Op::Usurp => self.channels().into_iter().for_each(Channel::usurp),
            Op::Failover => {
                self.apply(&Op::Backup);
                // Past every throttle, look and retry that would keep the message back.
                while self.step_state(Fate::Fine) || self.step_events(Fate::Fine) {}
                self.apply(&Op::Backup);
                self.now = self.now.plus_millis(2100);
                self.apply(&Op::Change(0));
                self.apply(&Op::Events(1));
                while self.state_step(Fate::AnswerLost, Fate::Fine) == Did::Look {}
                while self.event_step(Fate::AnswerLost, Fate::Fine) == Did::Look {}
                self.apply(&Op::Deliver(255));
                self.apply(&Op::SetBack);
                self.apply(&Op::Change(0));
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

    /// Everything works from now on; twenty seconds pass: looks and checks of 5 s all happen, four times.
    pub fn settle(&mut self) {
        for round in 0..200 {
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
                while channel.read(true) || channel.arrive() || channel.deliver() {}
            }
        }
    }

    pub fn verify_common(&self) {
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
        // A former epoch never comes back, unless two owners fought over the stream.
        let mut seen = BTreeSet::new();
        let mut last = None;
        for (head, _) in &self.state.routed {
            if last != Some(&head.epoch) {
                let is_new = seen.insert(head.epoch.clone());
                assert!(
                    is_new || self.state.num_usurpers > 0,
                    "{} came back",
                    head.epoch
                );
                last = Some(&head.epoch);
            }
        }
        assert!(self.outbox.is_drained(), "{:?}", self.outbox);
        assert_eq!(self.outbox.counts().queued, 0);
    }

    /// What a reader holds who applies what was routed.
    pub fn verify_state(&self) {
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

    pub fn event_numbers(&self) -> Vec<u64> {
        self.events
            .routed
            .iter()
            .filter(|(head, _)| head.epoch == self.outbox.position().epoch)
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
