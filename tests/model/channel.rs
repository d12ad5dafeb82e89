//! One stream's producer side: the facts, the real publisher core over them, and the store's log.
//!
//! It also keeps the truth that `oracle` compares with: every message that the store ever appended, and what it said.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use qd_bus::{
    AppendOutcome, AppendRequest, BusError, EventOutbox, EventStep, LogEntry, StatePublisherCore,
    StateSource, StateStep, StreamLog,
};
use qd_types::{Epoch, StreamClass, StreamName, StreamPos, UtcMicros};
use qd_wire::head::{Body, MAX_MESSAGE_BYTES};

/// Row keys with their values; a value is never given twice.
pub(crate) type Content = BTreeMap<String, u64>;

/// What becomes of a command to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Fine,
    /// Carried out, but the answer is lost.
    AnswerLost,
    /// Lost on the way.
    RequestLost,
    /// No connection.
    Away,
}

impl Fate {
    fn wrap<T>(self, act: impl FnOnce() -> T) -> Result<T, BusError> {
        let no_answer = || BusError::NoAnswer {
            operation: "model",
            reason: "model".to_owned(),
        };
        match self {
            Self::Fine => Ok(act()),
            Self::AnswerLost => {
                act();
                Err(no_answer())
            }
            Self::RequestLost => Err(no_answer()),
            Self::Away => Err(BusError::Away {
                last_error: "model".to_owned(),
            }),
        }
    }
}

/// The facts of a state stream, shared with its publisher as the real owner shares them.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) content: Mutex<Content>,
    /// Snapshots are larger than the bus takes.
    pub(crate) is_fat: Mutex<bool>,
    /// Bytes that make each row of a delta larger.
    pub(crate) row_pad: Mutex<usize>,
}

impl StateSource for Rows {
    fn snapshot(&self) -> (Body, UtcMicros) {
        let rows = rows_text(
            self.content
                .lock()
                .iter()
                .map(|(key, value)| (key, Some(value))),
        );
        // As large as a body may be: with its head it is too large for a message.
        let num_pad = if *self.is_fat.lock() {
            MAX_MESSAGE_BYTES - 40 - rows.len()
        } else {
            0
        };
        let pad = "x".repeat(num_pad);
        (
            body(&format!(r#"{{"rows":{{{rows}}},"pad":"{pad}"}}"#)),
            UtcMicros(1),
        )
    }

    fn delta(&self, keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        let content = self.content.lock();
        let rows = rows_text(keys.iter().map(|key| (key, content.get(key))));
        let pad = "x".repeat(keys.len() * *self.row_pad.lock());
        (
            body(&format!(r#"{{"changed":{{{rows}}},"pad":"{pad}"}}"#)),
            UtcMicros(1),
        )
    }
}

fn rows_text<'a>(rows: impl Iterator<Item = (&'a String, Option<&'a u64>)>) -> String {
    let mut text = String::new();
    for (key, value) in rows {
        let comma = if text.is_empty() { "" } else { "," };
        match value {
            Some(value) => write!(text, r#"{comma}"{key}":{value}"#).unwrap(),
            None => write!(text, r#"{comma}"{key}":null"#).unwrap(),
        }
    }
    text
}

fn body(text: &str) -> Body {
    Body::from_bytes(text.as_bytes()).unwrap()
}

/// One event as its producer made it.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) pos: StreamPos,
    /// Counts up over all epochs.
    pub(crate) n: u64,
}

/// One message that the store appended.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) pos: StreamPos,
    pub(crate) at: UtcMicros,
    /// Not lost again by the store.
    pub(crate) is_alive: bool,
    /// What a reader of a state stream holds after it.
    pub(crate) content: Arc<Content>,
}

/// The store's side of a stream, with the memory of everything it ever appended.
pub(crate) struct Stored {
    pub(crate) log: StreamLog,
    pub(crate) records: Vec<Record>,
    /// A copy that the store may be set back to, with what was alive then.
    backup: (StreamLog, Vec<bool>),
    /// What the store published and nobody has taken yet.
    published: Vec<Bytes>,
}

impl Stored {
    fn new(class: StreamClass) -> Self {
        Self {
            log: StreamLog::new(class),
            records: Vec::new(),
            backup: (StreamLog::new(class), Vec::new()),
            published: Vec::new(),
        }
    }

    fn append(
        &mut self,
        request: &AppendRequest,
        content: Content,
        now: UtcMicros,
    ) -> AppendOutcome {
        let outcome = self.log.append(request);
        if outcome == AppendOutcome::Appended {
            self.published.push(request.bytes.clone());
            self.record(request.head.pos(), content, now);
        }
        outcome
    }

    fn refill(&mut self, position: StreamPos, entries: Vec<LogEntry>, now: UtcMicros) {
        for entry in &entries {
            let pos = entry.head.pos();
            let known = self.records.iter().rev().find(|record| record.pos == pos);
            if known.is_none_or(|record| !record.is_alive) {
                self.record(pos, Content::new(), now);
            }
        }
        self.log.refill(position, entries);
    }

    fn record(&mut self, pos: StreamPos, content: Content, now: UtcMicros) {
        self.records.push(Record {
            pos,
            at: now,
            is_alive: true,
            content: Arc::new(content),
        });
    }

    /// The store comes back empty.
    pub(crate) fn lose(&mut self) {
        self.log.clear();
        self.records
            .iter_mut()
            .for_each(|record| record.is_alive = false);
    }

    /// Keeps a copy that the store may be set back to.
    pub(crate) fn back_up(&mut self) {
        let alive = self.records.iter().map(|record| record.is_alive).collect();
        self.backup = (self.log.clone(), alive);
    }

    /// The store is set back to the copy: what came after is gone.
    pub(crate) fn set_back(&mut self) {
        self.log = self.backup.0.clone();
        for (i, record) in self.records.iter_mut().enumerate() {
            record.is_alive = self.backup.1.get(i).copied().unwrap_or(false);
        }
    }
}

/// The producer of a stream.
pub(crate) enum Producer {
    State {
        /// Absent while the process is down.
        core: Option<StatePublisherCore>,
        rows: Arc<Rows>,
    },
    Event {
        /// Absent while the process is down.
        outbox: Option<EventOutbox>,
        /// All events ever given, in order.
        given: Vec<Given>,
        /// What a database would hold: the newest bodies of the present epoch.
        durable: Vec<Body>,
    },
}

/// One stream from its facts to the store's log.
pub(crate) struct Channel {
    pub(crate) stream: StreamName,
    pub(crate) producer: Producer,
    pub(crate) stored: Stored,
    next_value: u64,
    num_epochs: Arc<Mutex<u32>>,
    pub(crate) wake_at: Option<UtcMicros>,
    /// When the process is back after a restart.
    pub(crate) back_at: Option<UtcMicros>,
    /// Whether the restart loses the outbox.
    forgets: bool,
    /// For streams of events: how many events came before each epoch.
    epoch_starts: Vec<(Epoch, u64)>,
}

impl Channel {
    pub(crate) fn new(stream: StreamName) -> Self {
        let class = stream.class();
        let mut channel = Self {
            producer: match class {
                StreamClass::State => Producer::State {
                    core: None,
                    rows: Arc::default(),
                },
                StreamClass::Event => Producer::Event {
                    outbox: None,
                    given: Vec::new(),
                    durable: Vec::new(),
                },
            },
            stored: Stored::new(class),
            next_value: 0,
            num_epochs: Arc::default(),
            wake_at: None,
            back_at: None,
            forgets: true,
            epoch_starts: Vec::new(),
            stream,
        };
        channel.start();
        channel
    }

    /// Starts the process: state anew, events out of what is durable unless that is forgotten.
    pub(crate) fn start(&mut self) {
        self.back_at = None;
        self.wake_at = Some(UtcMicros(0));
        let counter = Arc::clone(&self.num_epochs);
        let kind = match self.stream.class() {
            StreamClass::State => "s",
            StreamClass::Event => "o",
        };
        let new_epoch = move || {
            let mut num = counter.lock();
            *num += 1;
            Epoch::new(&format!("{kind}{num}")).unwrap()
        };
        let forgets = std::mem::take(&mut self.forgets);
        match &mut self.producer {
            Producer::State { core, .. } => {
                *core = Some(StatePublisherCore::new(self.stream.clone(), new_epoch));
            }
            Producer::Event {
                outbox,
                given,
                durable,
            } => {
                *outbox = Some(match given.last() {
                    Some(last) if !forgets => EventOutbox::restore(
                        self.stream.clone(),
                        last.pos.epoch.clone(),
                        last.pos.seq,
                        durable.iter().map(|body| (body.clone(), UtcMicros(1))),
                    ),
                    _ => {
                        durable.clear();
                        let epoch = new_epoch();
                        self.epoch_starts.push((epoch.clone(), given.len() as u64));
                        EventOutbox::new(self.stream.clone(), epoch)
                    }
                });
            }
        }
    }

    /// Stops the process until `back_at`; `forgets` says whether the outbox goes with it.
    pub(crate) fn stop(&mut self, back_at: UtcMicros, forgets: bool) {
        self.back_at = Some(back_at);
        self.forgets |= forgets;
        self.wake_at = None;
        match &mut self.producer {
            Producer::State { core, .. } => *core = None,
            Producer::Event { outbox, .. } => *outbox = None,
        }
    }

    /// Changes a row of a state stream: sets it, or removes it every fifth time.
    pub(crate) fn change_row(&mut self, key: u64) {
        self.next_value += 1;
        let value = self.next_value;
        let Producer::State { core, rows } = &mut self.producer else {
            return;
        };
        let key = format!("k{key}");
        if value.is_multiple_of(5) {
            rows.content.lock().remove(&key);
        } else {
            rows.content.lock().insert(key.clone(), value);
        }
        // While the process is down its facts may change too; it starts with a snapshot.
        if let Some(core) = core {
            core.mark(key);
            assert!(core.counts().adds_up(), "{:?}", core.counts());
            self.wake_at = Some(UtcMicros(0));
        }
    }

    /// Makes events; a broken one has a head but a body that no reader can read.
    pub(crate) fn make_events(&mut self, num: u64, pad: usize, is_broken: bool) {
        let Producer::Event {
            outbox: Some(outbox),
            given,
            durable,
        } = &mut self.producer
        else {
            return;
        };
        let pad = "x".repeat(pad);
        for _ in 0..num {
            self.next_value += 1;
            let n = self.next_value;
            let body = body(&format!(
                r#"{{"n":{n},"broken":{is_broken},"pad":"{pad}"}}"#
            ));
            durable.push(body.clone());
            let pos = outbox.push(body, UtcMicros(1)).unwrap();
            given.push(Given { pos, n });
        }
        // The outbox keeps 1000 at most.
        let surplus = durable.len().saturating_sub(1_000);
        durable.drain(..surplus);
        self.wake_at = Some(UtcMicros(0));
    }

    /// Lets the publisher do what is due; gives what the store published meanwhile.
    pub(crate) fn pump(
        &mut self,
        now: UtcMicros,
        num_subscribers: usize,
        mut fate: impl FnMut() -> Fate,
    ) -> Vec<Bytes> {
        if self.wake_at.is_some_and(|at| at <= now) {
            let stored = &mut self.stored;
            let mut num_steps = 0;
            let mut count_step = || {
                num_steps += 1;
                assert!(num_steps < 20_000, "a publisher is busy for ever");
            };
            self.wake_at = match &mut self.producer {
                Producer::State {
                    core: Some(core),
                    rows,
                } => loop {
                    count_step();
                    match core.step(now, rows.as_ref()) {
                        StateStep::Append(request) => {
                            let content = rows.content.lock().clone();
                            let result = fate().wrap(|| stored.append(&request, content, now));
                            core.on_append(now, &result);
                        }
                        StateStep::Look => {
                            let result = fate().wrap(|| (stored.log.position(), num_subscribers));
                            core.on_look(now, &result);
                        }
                        StateStep::Wait(until) => break until,
                    }
                    assert!(core.counts().adds_up(), "{:?}", core.counts());
                },
                Producer::Event {
                    outbox: Some(outbox),
                    ..
                } => loop {
                    count_step();
                    match outbox.step(now) {
                        EventStep::Append(request) => {
                            let result =
                                fate().wrap(|| stored.append(&request, Content::new(), now));
                            outbox.on_append(now, &result);
                        }
                        EventStep::Refill { position, entries } => {
                            let result = fate().wrap(|| {
                                stored.refill(position.clone(), entries, now);
                            });
                            outbox.on_refill(now, position, &result);
                        }
                        EventStep::Look => {
                            let result = fate().wrap(|| stored.log.position());
                            outbox.on_look(now, &result);
                        }
                        EventStep::Wait(until) => break until,
                    }
                    let counts = outbox.counts();
                    assert_eq!(
                        counts.given,
                        counts.sent + counts.pushed_out + counts.queued,
                        "{counts:?}"
                    );
                },
                Producer::State { core: None, .. } | Producer::Event { outbox: None, .. } => None,
            };
        }
        std::mem::take(&mut self.stored.published)
    }

    /// What a REST answer names, read before its rows.
    pub(crate) fn position(&self) -> Option<StreamPos> {
        match &self.producer {
            Producer::State { core, .. } => core.as_ref()?.position().cloned(),
            Producer::Event { outbox, .. } => Some(outbox.as_ref()?.position()),
        }
    }

    /// Whether the process answers.
    pub(crate) fn is_up(&self) -> bool {
        self.back_at.is_none()
    }

    /// The facts now: rows, or events as keys.
    pub(crate) fn facts(&self) -> Content {
        match &self.producer {
            Producer::State { rows, .. } => rows.content.lock().clone(),
            Producer::Event { given, .. } => given
                .iter()
                .map(|event| (event_key(event.n), event.n))
                .collect(),
        }
    }

    /// How many events had been given with this place, over all epochs.
    pub(crate) fn event_index(&self, pos: &StreamPos) -> u64 {
        let start = self
            .epoch_starts
            .iter()
            .find(|(epoch, _)| *epoch == pos.epoch);
        start.unwrap_or_else(|| panic!("no such epoch: {pos:?}")).1 + pos.seq.0
    }

    /// The newest message appended at or before `pos` in its epoch.
    pub(crate) fn record_index(&self, pos: &StreamPos) -> Option<usize> {
        self.stored
            .records
            .iter()
            .rposition(|record| record.pos.epoch == pos.epoch && record.pos.seq <= pos.seq)
    }
}

/// The key under which a client keeps an event.
pub(crate) fn event_key(n: u64) -> String {
    format!("e{n:06}")
}
