//! The publisher of a state stream without IO: what goes out when, under which number.
//!
//! Changes collect by row key; the rows themselves are picked when a message is built, so the newest always win and
//! the last value is always sent. Time and epochs come from outside: the driver (`publishers`) and the model test
//! share this code.
//!
//! A number is never given to two different contents: whenever it is unknown whether a message went out, the next one
//! begins a new epoch with a snapshot.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use qd_types::{Epoch, MessageKind, Seq, StreamName, StreamPos, UtcMicros};
use qd_wire::head::{Body, Head, write_message};

use crate::error::BusError;
use crate::link::{LONGEST_WAIT_MILLIS, is_due, step_millis};
use crate::log::{AppendOutcome, AppendRequest, SNAPSHOT_MAX_BYTES, STATE_LOG_MAX_DELTA_BYTES};

/// Least time between two messages of a throttled stream.
pub const THROTTLE_MILLIS: i64 = 100;
/// Time between snapshots while somebody is subscribed.
pub const SNAPSHOT_EVERY_MILLIS: i64 = 10_000;
/// Time between looks at what the store holds: a loss must not wait for the next change of a row.
pub const LOOK_EVERY_MILLIS: i64 = 5_000;

/// Where a state publisher gets its rows from, at the moment of sending.
///
/// Both functions are called without any lock of the bus held and may lock the caller's own state; they must not block
/// for long and must not wait for the publisher.
pub trait StateSource: Send + Sync {
    /// The whole state, and when it was made.
    fn snapshot(&self) -> (Body, UtcMicros);
    /// The present rows of `keys` (those that are gone as removed), and when they were made. Never called for streams
    /// that have no deltas: halts and breakers.
    fn delta(&self, keys: &BTreeSet<String>) -> (Body, UtcMicros);
}

/// What the core wants done next.
#[derive(Debug)]
pub enum StateStep {
    /// Carry out this atomic step and answer with [`StatePublisherCore::on_append`].
    Append(AppendRequest),
    /// Look what the store holds and answer with [`StatePublisherCore::on_look`].
    Look,
    /// Nothing before this instant, unless a row changes first; absent while an answer is due.
    Wait(Option<UtcMicros>),
}

/// Counters of rows: `marked + taken_back = conflated + sent + covered + queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    /// Row changes announced.
    pub marked: u64,
    /// Row changes that came back because their message did not go out.
    pub taken_back: u64,
    /// Row changes merged into one that already waited.
    pub conflated: u64,
    /// Rows that went out in deltas.
    pub sent: u64,
    /// Row changes that a snapshot covered.
    pub covered: u64,
    /// Row changes that wait.
    pub queued: u64,
    /// Snapshots that went out, `refetch` included.
    pub snapshots: u64,
    /// Deltas that went out.
    pub deltas: u64,
    /// Epochs begun.
    pub epochs: u64,
}

impl StateCounts {
    /// Whether the counting law holds.
    pub fn adds_up(&self) -> bool {
        self.marked + self.taken_back == self.conflated + self.sent + self.covered + self.queued
    }
}

/// The snapshot that has to come next, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Snapshot {
    NotWanted,
    /// In the present epoch: the ten seconds are over and somebody listens.
    Wanted,
    /// In a new epoch: the start, another number in the store, or a message of unknown fate.
    InNewEpoch,
}

struct InFlight {
    keys: BTreeSet<String>,
    pos: StreamPos,
    is_delta: bool,
    num_bytes: usize,
}

/// The publisher of one state stream.
pub struct StatePublisherCore {
    stream: StreamName,
    new_epoch: Box<dyn FnMut() -> Epoch + Send>,
    /// The last number the store is known to hold.
    acked: Option<StreamPos>,
    snapshot: Snapshot,
    marks: BTreeSet<String>,
    in_flight: Option<InFlight>,
    delta_bytes: usize,
    sent_at: Option<UtcMicros>,
    snapshot_at: UtcMicros,
    look_at: UtcMicros,
    is_looking: bool,
    failures: u32,
    retry_at: Option<UtcMicros>,
    counts: StateCounts,
}

impl fmt::Debug for StatePublisherCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatePublisherCore")
            .field("stream", &self.stream)
            .field("acked", &self.acked)
            .field("snapshot", &self.snapshot)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl StatePublisherCore {
    /// A publisher that begins with a snapshot in an epoch of its own. `new_epoch` gives a fresh token each time.
    pub fn new(stream: StreamName, new_epoch: impl FnMut() -> Epoch + Send + 'static) -> Self {
        Self {
            stream,
            new_epoch: Box::new(new_epoch),
            acked: None,
            snapshot: Snapshot::InNewEpoch,
            marks: BTreeSet::new(),
            in_flight: None,
            delta_bytes: 0,
            sent_at: None,
            snapshot_at: UtcMicros(0),
            look_at: UtcMicros(0),
            is_looking: false,
            failures: 0,
            retry_at: None,
            counts: StateCounts::default(),
        }
    }

    /// The last number the store is known to hold; absent before the first and after a loss.
    pub fn position(&self) -> Option<&StreamPos> {
        self.acked.as_ref()
    }

    /// The counters now.
    pub fn counts(&self) -> StateCounts {
        let in_flight = self.in_flight.as_ref().map_or(0, |sent| sent.keys.len());
        StateCounts {
            queued: (self.marks.len() + in_flight) as u64,
            ..self.counts
        }
    }

    /// A row changed (or came, or went).
    pub fn mark(&mut self, key: impl Into<String>) {
        self.counts.marked += 1;
        self.insert(key.into());
    }

    /// Row changes were merged before they came here: counted, so that the law holds from the first call on.
    pub fn count_conflated(&mut self, num_marks: u64) {
        self.counts.marked += num_marks;
        self.counts.conflated += num_marks;
    }

    /// Looks at the store at the next step: the connection was made anew.
    pub fn look_soon(&mut self) {
        self.look_at = UtcMicros(0);
        self.retry_at = None;
    }

    /// What to do now. Asks `source` for rows when a message is due.
    pub fn step(&mut self, now: UtcMicros, source: &dyn StateSource) -> StateStep {
        if self.in_flight.is_some() || self.is_looking {
            return StateStep::Wait(None);
        }
        if let Some(retry_at) = self.retry_at
            && !is_due(retry_at, now, LONGEST_WAIT_MILLIS)
        {
            return StateStep::Wait(Some(retry_at));
        }
        if self.snapshot == Snapshot::InNewEpoch {
            return self.send_snapshot(now, source);
        }
        if is_due(self.look_at, now, LOOK_EVERY_MILLIS) {
            self.is_looking = true;
            return StateStep::Look;
        }
        if self.snapshot == Snapshot::NotWanted && self.marks.is_empty() {
            return StateStep::Wait(Some(self.look_at));
        }
        if let Some(sent_at) = self.sent_at
            && self.stream.is_throttled()
        {
            let due_at = sent_at.plus_millis(THROTTLE_MILLIS);
            if !is_due(due_at, now, THROTTLE_MILLIS) {
                return StateStep::Wait(Some(due_at.min(self.look_at)));
            }
        }
        // Only the throttled stream has rows that travel alone; a halt or the breakers are one small whole.
        if self.snapshot == Snapshot::Wanted || !self.stream.is_throttled() {
            return self.send_snapshot(now, source);
        }
        self.send_delta(now, source)
    }

    /// The answer to [`StateStep::Look`]: what the store holds, and how many are subscribed.
    pub fn on_look(
        &mut self,
        now: UtcMicros,
        result: &Result<(Option<StreamPos>, usize), BusError>,
    ) {
        self.is_looking = false;
        self.look_at = now.plus_millis(LOOK_EVERY_MILLIS);
        // A look that failed changes nothing: the next one, or the next append, will tell.
        let Ok((holds, num_subscribers)) = result else {
            return;
        };
        if *holds != self.acked {
            self.begin_new_epoch();
        } else if *num_subscribers > 0
            && is_due(
                self.snapshot_at.plus_millis(SNAPSHOT_EVERY_MILLIS),
                now,
                SNAPSHOT_EVERY_MILLIS,
            )
            && self.snapshot == Snapshot::NotWanted
        {
            self.snapshot = Snapshot::Wanted;
        }
    }

    /// The answer to [`StateStep::Append`].
    pub fn on_append(&mut self, now: UtcMicros, result: &Result<AppendOutcome, BusError>) {
        let Some(sent) = self.in_flight.take() else {
            return;
        };
        match result {
            Ok(AppendOutcome::Appended) => {
                self.failures = 0;
                self.retry_at = None;
                self.acked = Some(sent.pos);
                if self.look_at == UtcMicros(0) {
                    self.look_at = now.plus_millis(LOOK_EVERY_MILLIS);
                }
                if sent.is_delta {
                    self.delta_bytes += sent.num_bytes;
                    self.counts.deltas += 1;
                    self.counts.sent += sent.keys.len() as u64;
                } else {
                    self.delta_bytes = 0;
                    self.snapshot_at = now;
                    self.snapshot = Snapshot::NotWanted;
                    self.counts.snapshots += 1;
                    self.counts.covered += sent.keys.len() as u64;
                }
            }
            Ok(AppendOutcome::Mismatch { .. }) => {
                self.take_back(sent.keys);
                self.begin_new_epoch();
            }
            Err(err) => {
                self.take_back(sent.keys);
                // HAZARD: an unanswered message may have reached readers of a server that then lost it. Its number
                // must not be used again, and which number comes next only a new epoch can say.
                if err.is_outcome_unknown() {
                    self.begin_new_epoch();
                }
                self.failures = self.failures.saturating_add(1);
                self.retry_at = Some(now.plus_millis(step_millis(self.failures)));
            }
        }
    }

    /// The driver panicked, in the source perhaps: what was on its way is of unknown fate.
    pub fn on_panic(&mut self, now: UtcMicros) {
        if let Some(sent) = self.in_flight.take() {
            self.take_back(sent.keys);
        }
        self.is_looking = false;
        self.begin_new_epoch();
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(now.plus_millis(step_millis(self.failures)));
    }

    fn begin_new_epoch(&mut self) {
        self.acked = None;
        self.snapshot = Snapshot::InNewEpoch;
    }

    fn insert(&mut self, key: String) {
        let waits_already = !self.marks.insert(key);
        if waits_already {
            self.counts.conflated += 1;
        }
    }

    fn take_back(&mut self, keys: BTreeSet<String>) {
        // They were queued before and are queued again, unless they changed once more in the meantime.
        for key in keys {
            if !self.marks.insert(key) {
                self.counts.conflated += 1;
            }
        }
    }

    fn send_snapshot(&mut self, now: UtcMicros, source: &dyn StateSource) -> StateStep {
        // Marks come between steps only; a source that panics here leaves them where they are.
        let (body, made_at) = source.snapshot();
        let keys = std::mem::take(&mut self.marks);
        let expected = self.acked.clone();
        let (epoch, seq) = if let Some(acked) = &expected {
            (acked.epoch.clone(), acked.seq.next())
        } else {
            self.counts.epochs += 1;
            ((self.new_epoch)(), Seq(1))
        };
        let mut head = Head {
            stream: self.stream.clone(),
            epoch,
            seq,
            base_seq: None,
            kind: MessageKind::Snapshot,
            made_at,
            published_at: now,
        };
        let mut bytes = write_message(&head, &body);
        if bytes.len() > SNAPSHOT_MAX_BYTES {
            head.kind = MessageKind::Refetch;
            bytes = write_message(&head, &Body::empty());
        }
        self.send(now, keys, expected, head, bytes)
    }

    fn send_delta(&mut self, now: UtcMicros, source: &dyn StateSource) -> StateStep {
        let Some(expected) = self.acked.clone() else {
            self.begin_new_epoch();
            return self.send_snapshot(now, source);
        };
        let (body, made_at) = source.delta(&self.marks);
        let keys = std::mem::take(&mut self.marks);
        let head = Head {
            stream: self.stream.clone(),
            epoch: expected.epoch.clone(),
            seq: expected.seq.next(),
            base_seq: Some(expected.seq),
            kind: MessageKind::Delta,
            made_at,
            published_at: now,
        };
        let bytes = write_message(&head, &body);
        if self.delta_bytes + bytes.len() > STATE_LOG_MAX_DELTA_BYTES {
            self.marks = keys;
            return self.send_snapshot(now, source);
        }
        self.send(now, keys, Some(expected), head, bytes)
    }

    fn send(
        &mut self,
        now: UtcMicros,
        keys: BTreeSet<String>,
        expected: Option<StreamPos>,
        head: Head,
        bytes: Vec<u8>,
    ) -> StateStep {
        let is_delta = head.kind == MessageKind::Delta;
        self.sent_at = Some(now);
        self.in_flight = Some(InFlight {
            keys,
            pos: head.pos(),
            is_delta,
            num_bytes: bytes.len(),
        });
        StateStep::Append(AppendRequest {
            stream: self.stream.clone(),
            expected,
            head,
            bytes: Bytes::from(bytes),
            reset: !is_delta,
        })
    }
}
