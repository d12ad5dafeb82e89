//! The outbox of an event stream without IO: numbers are given here, once, and what has a number keeps it.
//!
//! An entry's number and content never change, so sending one again after an unknown outcome is harmless: readers drop
//! what they have. A store that lost the log is filled again from here, in the same epoch.
//!
//! It keeps as much as the log does. What is pushed out unsent, because the store was away for so long, readers are
//! told of by the hole in the numbers. It does not store anything durably: an owner with a database restores it.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use qd_types::{Epoch, MessageKind, Seq, StreamName, StreamPos, UtcMicros};
use qd_wire::head::{Body, Head, MAX_EVENT_BYTES, write_message};
use thiserror::Error;

use crate::error::BusError;
use crate::link::{LONGEST_WAIT_MILLIS, is_due, step_millis};
use crate::log::{
    AppendOutcome, AppendRequest, EVENT_LOG_MAX_BYTES, EVENT_LOG_MAX_ENTRIES, LogEntry,
};

/// More than the fields of any head take.
const HEAD_ROOM_BYTES: usize = 512;
/// What the fields of a head usually take; entries are measured once they are written.
const HEAD_USUAL_BYTES: usize = 224;

/// An event is larger than the contract allows; it got no number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("an event of {num_bytes} bytes for {stream}; at most {limit} fit a message")]
pub struct EventTooLarge {
    /// The channel.
    pub stream: StreamName,
    /// Bytes of the body.
    pub num_bytes: usize,
    /// Most that a body may have.
    pub limit: usize,
}

/// Time between looks at what the store holds: a lost log is filled again before the next event.
pub const EVENT_LOOK_EVERY_MILLIS: i64 = 5_000;

/// What the outbox wants done next.
#[derive(Debug)]
pub enum EventStep {
    /// Carry out this atomic step and answer with [`EventOutbox::on_append`].
    Append(AppendRequest),
    /// Replace the store's log by these entries and answer with [`EventOutbox::on_refill`].
    Refill {
        /// What the store is to hold afterwards.
        position: StreamPos,
        /// Consecutive entries up to `position`, all sent before; empty when none is left, or was ever sent.
        entries: Vec<LogEntry>,
    },
    /// Look what the store holds and answer with [`EventOutbox::on_look`].
    Look,
    /// Nothing before this instant, unless an event comes first; absent while an answer is due.
    Wait(Option<UtcMicros>),
}

/// Counters: `given = sent + pushed_out + queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Numbers given.
    pub given: u64,
    /// Numbers the store is known to have had.
    pub sent: u64,
    /// Numbers pushed out of the outbox unsent.
    pub pushed_out: u64,
    /// Numbers that wait.
    pub queued: u64,
    /// Logs filled again.
    pub refills: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InFlight {
    Nothing,
    Append(Seq),
    Refill,
    Look,
}

/// What the outbox takes the store to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Store {
    /// Not asked yet.
    Unknown,
    /// Nothing of ours, or not enough: the log has to be written anew.
    NotOurs,
    /// This number.
    Holds(StreamPos),
}

struct Kept {
    made_at: UtcMicros,
    body: Body,
    /// Written when first sent, so that `published_at` is true; the same bytes ever after.
    sent: Option<LogEntry>,
}

impl Kept {
    fn num_bytes(&self) -> usize {
        match &self.sent {
            Some(entry) => entry.bytes.len(),
            None => self.body.len() + HEAD_USUAL_BYTES,
        }
    }
}

/// The outbox of one event stream.
pub struct EventOutbox {
    stream: StreamName,
    epoch: Epoch,
    /// The last number given.
    last: Seq,
    /// The last number the store is known to hold, or that was pushed out before it could.
    acked: Seq,
    store: Store,
    /// Consecutive numbers up to `last`.
    kept: VecDeque<Kept>,
    look_at: UtcMicros,
    in_flight: InFlight,
    failures: u32,
    retry_at: Option<UtcMicros>,
    counts: EventCounts,
}

impl fmt::Debug for EventOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventOutbox")
            .field("stream", &self.stream)
            .field("epoch", &self.epoch)
            .field("last", &self.last)
            .field("acked", &self.acked)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl EventOutbox {
    /// An outbox at the start of `epoch`: its first step replaces whatever log the store holds by an empty one.
    pub fn new(stream: StreamName, epoch: Epoch) -> Self {
        Self {
            stream,
            epoch,
            last: Seq(0),
            acked: Seq(0),
            store: Store::NotOurs,
            kept: VecDeque::new(),
            look_at: UtcMicros(0),
            in_flight: InFlight::Nothing,
            failures: 0,
            retry_at: None,
            counts: EventCounts::default(),
        }
    }

    /// An outbox out of durable records: `bodies` are the newest events in order, the last of them numbered `last`.
    ///
    /// The store is asked what it holds by the first step, so it does not matter how much of it had been sent.
    pub fn restore(
        stream: StreamName,
        epoch: Epoch,
        last: Seq,
        bodies: impl IntoIterator<Item = (Body, UtcMicros)>,
    ) -> Self {
        let mut outbox = Self::new(stream, epoch);
        outbox
            .kept
            .extend(bodies.into_iter().map(|(body, made_at)| Kept {
                made_at,
                body,
                sent: None,
            }));
        outbox.last = last;
        outbox.acked = Seq(last.0.saturating_sub(outbox.kept.len() as u64));
        outbox.store = Store::Unknown;
        outbox.counts.given = last.0;
        outbox.counts.sent = outbox.acked.0;
        outbox.trim();
        outbox
    }

    /// The channel.
    pub fn stream(&self) -> &StreamName {
        &self.stream
    }

    /// The last number given: what a REST answer names, read before its rows. `seq` zero before the first event.
    pub fn position(&self) -> StreamPos {
        self.at(self.last)
    }

    /// Whether everything that has a number is in the store.
    pub fn is_drained(&self) -> bool {
        self.acked == self.last
            && self.in_flight == InFlight::Nothing
            && matches!(self.store, Store::Holds(_))
    }

    /// The counters now.
    pub fn counts(&self) -> EventCounts {
        EventCounts {
            queued: self.last.0 - self.acked.0,
            ..self.counts
        }
    }

    /// Gives `body` the next number.
    ///
    /// # Errors
    /// [`EventTooLarge`], and then no number is used.
    pub fn push(&mut self, body: Body, made_at: UtcMicros) -> Result<StreamPos, EventTooLarge> {
        let limit = MAX_EVENT_BYTES - HEAD_ROOM_BYTES;
        if body.len() > limit {
            return Err(EventTooLarge {
                stream: self.stream.clone(),
                num_bytes: body.len(),
                limit,
            });
        }
        self.last = self.last.next();
        self.counts.given += 1;
        self.kept.push_back(Kept {
            made_at,
            body,
            sent: None,
        });
        self.trim();
        Ok(self.position())
    }

    /// What to do now.
    pub fn step(&mut self, now: UtcMicros) -> EventStep {
        if self.in_flight != InFlight::Nothing {
            return EventStep::Wait(None);
        }
        if let Some(retry_at) = self.retry_at
            && !is_due(retry_at, now, LONGEST_WAIT_MILLIS)
        {
            return EventStep::Wait(Some(retry_at));
        }
        let holds = match &self.store {
            Store::NotOurs => {
                self.in_flight = InFlight::Refill;
                return EventStep::Refill {
                    position: self.at(self.acked),
                    entries: self.sent_entries(now),
                };
            }
            Store::Holds(holds) if !is_due(self.look_at, now, EVENT_LOOK_EVERY_MILLIS) => {
                holds.clone()
            }
            Store::Unknown | Store::Holds(_) => {
                self.in_flight = InFlight::Look;
                return EventStep::Look;
            }
        };
        let seq = self.acked.next();
        let Some(entry) = self.entry(seq, now) else {
            return EventStep::Wait(Some(self.look_at));
        };
        self.in_flight = InFlight::Append(seq);
        EventStep::Append(AppendRequest {
            stream: self.stream.clone(),
            expected: Some(holds),
            head: entry.head,
            bytes: entry.bytes,
            reset: false,
        })
    }

    /// Looks at the store at the next step: the connection was made anew.
    pub fn look_soon(&mut self) {
        self.look_at = UtcMicros(0);
        self.retry_at = None;
    }

    /// The answer to [`EventStep::Append`].
    pub fn on_append(&mut self, now: UtcMicros, result: &Result<AppendOutcome, BusError>) {
        let InFlight::Append(seq) = self.in_flight else {
            return;
        };
        self.in_flight = InFlight::Nothing;
        match result {
            Ok(AppendOutcome::Appended) => {
                self.succeeded(now);
                // Pushed out while it was on its way: the log has to be written anew behind it.
                if self.acked <= seq {
                    self.store = Store::Holds(self.at(seq));
                    self.counts.sent += seq.0 - self.acked.0;
                    self.acked = seq;
                }
            }
            Ok(AppendOutcome::Mismatch { holds }) => {
                self.succeeded(now);
                self.adopt(holds.as_ref());
            }
            Err(err) => self.failed(now, err),
        }
    }

    /// The answer to [`EventStep::Refill`].
    pub fn on_refill(
        &mut self,
        now: UtcMicros,
        position: StreamPos,
        result: &Result<(), BusError>,
    ) {
        if self.in_flight != InFlight::Refill {
            return;
        }
        self.in_flight = InFlight::Nothing;
        match result {
            Ok(()) => {
                self.succeeded(now);
                self.counts.refills += 1;
                if position.seq == self.acked {
                    self.store = Store::Holds(position);
                }
            }
            Err(err) => self.failed(now, err),
        }
    }

    /// The answer to [`EventStep::Look`].
    pub fn on_look(&mut self, now: UtcMicros, result: &Result<Option<StreamPos>, BusError>) {
        if self.in_flight != InFlight::Look {
            return;
        }
        self.in_flight = InFlight::Nothing;
        match result {
            Ok(holds) => {
                self.succeeded(now);
                self.adopt(holds.as_ref());
            }
            Err(err) => self.failed(now, err),
        }
    }

    /// The driver panicked: what was on its way is of unknown fate, and the store is asked.
    pub fn on_panic(&mut self, now: UtcMicros) {
        self.in_flight = InFlight::Nothing;
        self.store = Store::Unknown;
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(now.plus_millis(step_millis(self.failures)));
    }

    /// Finds out how much of ours the store has.
    fn adopt(&mut self, holds: Option<&StreamPos>) {
        let is_ours = |holds: &&StreamPos| {
            holds.epoch == self.epoch
                && holds.seq <= self.last
                && holds.seq.next() >= self.first_kept()
        };
        let Some(holds) = holds.filter(is_ours) else {
            self.store = Store::NotOurs;
            return;
        };
        // More than was answered for: an unanswered append went through. Less: the store was set back by a few
        // numbers, and they go out again.
        let queued_before = self.last.0 - self.acked.0;
        let queued = self.last.0 - holds.seq.0;
        self.counts.sent = (self.counts.sent + queued_before).saturating_sub(queued);
        self.acked = holds.seq;
        self.store = Store::Holds(holds.clone());
    }

    fn succeeded(&mut self, now: UtcMicros) {
        self.failures = 0;
        self.retry_at = None;
        self.look_at = now.plus_millis(EVENT_LOOK_EVERY_MILLIS);
    }

    fn failed(&mut self, now: UtcMicros, err: &BusError) {
        // Sent or not makes no difference here: the same number has the same content for ever.
        tracing::debug!(stream = %self.stream, error = %err, "the outbox waits for the store");
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(now.plus_millis(step_millis(self.failures)));
    }

    fn at(&self, seq: Seq) -> StreamPos {
        StreamPos {
            epoch: self.epoch.clone(),
            seq,
        }
    }

    fn first_kept(&self) -> Seq {
        Seq(self.last.0 - self.kept.len() as u64 + 1)
    }

    /// Keeps what the log may keep. An unsent entry that has to go leaves a hole, and the log starts anew behind it.
    fn trim(&mut self) {
        let mut num_bytes: usize = self.kept.iter().map(Kept::num_bytes).sum();
        while self.kept.len() > EVENT_LOG_MAX_ENTRIES
            || (num_bytes > EVENT_LOG_MAX_BYTES && self.kept.len() > 1)
        {
            let Some(gone) = self.kept.pop_front() else {
                return;
            };
            num_bytes -= gone.num_bytes();
            let last_gone = Seq(self.first_kept().0 - 1);
            if last_gone > self.acked {
                self.counts.pushed_out += last_gone.0 - self.acked.0;
                self.acked = last_gone;
                self.store = Store::NotOurs;
            }
        }
    }

    fn sent_entries(&mut self, now: UtcMicros) -> Vec<LogEntry> {
        let first = self.first_kept().0;
        (first..=self.acked.0)
            .filter_map(|seq| self.entry(Seq(seq), now))
            .collect()
    }

    fn entry(&mut self, seq: Seq, now: UtcMicros) -> Option<LogEntry> {
        let index = usize::try_from(seq.0.checked_sub(self.first_kept().0)?).ok()?;
        let (stream, epoch) = (&self.stream, &self.epoch);
        let kept = self.kept.get_mut(index)?;
        if kept.sent.is_none() {
            let head = Head {
                stream: stream.clone(),
                epoch: epoch.clone(),
                seq,
                base_seq: None,
                kind: MessageKind::Event,
                made_at: kept.made_at,
                published_at: now,
            };
            let bytes = Bytes::from(write_message(&head, &kept.body));
            kept.sent = Some(LogEntry { head, bytes });
        }
        kept.sent.clone()
    }
}
