//! The lane: what one socket still has to be told of one stream, as a pure state machine.
//!
//! Inputs are routed messages, pages of the log, beats and requests of the client; outputs are frames, log pages wanted, and how long to wait.
//! It holds no socket, no runtime and no clock: the owner passes the time in, and calls [`Lane::poll`] only while the socket has room.
//! It reads heads, never bodies.
//!
//! Invariants:
//! - Numbered messages leave in order and without a hole inside one epoch; where a state stream jumps, the frame says how many numbers were skipped, and where an event stream cannot go on, `gone` says so. Only where there is no log at all do messages leave as they come: the client sees the jump.
//! - Every answer (open, resume, resync, overflow) ends with a beat, unless the store has nothing that could prove it; there is no beat before the first answer.
//! - What waits is bounded in messages and in bytes; running over is never a loss, because the log is read instead.
//! - `received + read = delivered + duplicate + conflated + skipped + dropped + unreadable + queued`, at any time.

mod answer;
mod counters;
mod frame;
#[cfg(test)]
mod hidden_tests;
mod item;
#[cfg(test)]
mod no_log_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod queue_tests;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::Bytes;
use qd_bus::Routed;
use qd_types::{StreamClass, StreamName, StreamPos, UtcMicros};
use qd_wire::head::Head;

use self::answer::{Answer, Asked};
pub use self::counters::LaneCounters;
pub use self::frame::LaneFrame;
use self::item::{Item, Loose, take_frame};

/// How much may wait in a lane, in bytes; a waiting snapshot does not count, for there is only ever one.
pub const MAX_WAITING_BYTES: usize = 64 * 1024;
/// How many messages may wait in a lane.
pub const MAX_WAITING_MESSAGES: usize = 256;
/// A page of the log is at most half of what may wait.
pub const MAX_PAGE_BYTES: usize = MAX_WAITING_BYTES / 2;
/// A page of the log is at most half of what may wait.
pub const MAX_PAGE_MESSAGES: usize = MAX_WAITING_MESSAGES / 2;
/// Frames a second of a throttled state stream.
pub const MAX_FRAMES_PER_SECOND: usize = 10;

/// And of a throttled stream while nobody looks.
pub const HIDDEN_FRAMES_PER_SECOND: usize = 1;
/// How long a lane waits before it asks for a page again that could not be read.
pub const READ_RETRY_MILLIS: i64 = 500;

/// A page of the log that the lane wants to have read for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRead {
    /// Which question this is: the answer names it, so that an answer to an older question is ignored.
    pub read_id: u64,
    /// Read behind this place; absent: from the first entry kept.
    pub after: Option<StreamPos>,
    /// At most so many entries.
    pub max_messages: usize,
    /// At most so many bytes, but always at least one entry.
    pub max_bytes: usize,
}

/// What to do next for a lane whose socket has room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneStep {
    /// Send this; poll again when the socket has room.
    Send(LaneFrame),
    /// Read this page and hand it to [`Lane::on_page`], or say [`Lane::on_page_failed`].
    Read(LogRead),
    /// Nothing to do until an input arrives, or until the instant given.
    Wait(Option<UtcMicros>),
}

#[derive(Debug)]
enum Phase {
    /// Nobody said hello yet.
    Closed,
    /// Sends the log; live messages are left to it.
    Answering(Answer),
    /// Sends what is routed.
    Live,
}

/// One stream of one socket.
#[derive(Debug)]
pub struct Lane {
    stream: StreamName,
    phase: Phase,
    /// Live messages that wait, in order, contiguous behind `sent` (or jumping with a snapshot).
    queue: VecDeque<Item>,
    queue_bytes: usize,
    /// Messages without numbers that wait: at most one on a state stream, bounded on an event stream.
    loose: VecDeque<Loose>,
    loose_bytes: usize,
    /// The last number handed to the socket, or where the reader said it stands.
    sent: Option<StreamPos>,
    /// When the last frames went out, newest last; only as many as the rate needs.
    sent_at: VecDeque<UtcMicros>,
    /// Fewer while nobody looks.
    max_frames_per_second: usize,
    answered: bool,
    /// The last page found no log at all: nothing was ever published, the store lost it, or its producer keeps none.
    log_is_absent: bool,
    /// There is never more than one question on its way, however often the client asks.
    asked: Option<Asked>,
    next_read_id: u64,
    counters: LaneCounters,
}

impl Lane {
    /// A lane that says nothing until it is opened.
    pub fn new(stream: StreamName) -> Self {
        Self {
            stream,
            phase: Phase::Closed,
            queue: VecDeque::new(),
            queue_bytes: 0,
            loose: VecDeque::new(),
            loose_bytes: 0,
            sent: None,
            sent_at: VecDeque::new(),
            max_frames_per_second: MAX_FRAMES_PER_SECOND,
            answered: false,
            log_is_absent: false,
            asked: None,
            next_read_id: 1,
            counters: LaneCounters::default(),
        }
    }

    /// Whether somebody looks. Nobody needs ten pictures a second of a hidden page: one is enough, made of all that came,
    /// so that it is never further behind than a beat may be ahead. What is not throttled at all stays so.
    pub fn set_visible(&mut self, is_visible: bool) {
        self.max_frames_per_second = if is_visible {
            MAX_FRAMES_PER_SECOND
        } else {
            HIDDEN_FRAMES_PER_SECOND
        };
        self.forget_old_frames();
    }

    /// The stream it carries.
    pub fn stream(&self) -> &StreamName {
        &self.stream
    }

    /// Whether the first answer is complete, which ends with a beat.
    pub fn is_answered(&self) -> bool {
        self.answered
    }

    /// Whether it sends live messages, rather than the log.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live)
    }

    /// Where the socket has been brought to; absent before anything numbered was sent.
    pub fn sent(&self) -> Option<&StreamPos> {
        self.sent.as_ref()
    }

    /// The figures of the counting law.
    pub fn counters(&self) -> LaneCounters {
        LaneCounters {
            queued: self.num_queued(),
            ..self.counters
        }
    }

    /// The client said hello: answer from where it stands, or from the log's snapshot (state) or the present number (events).
    pub fn open(&mut self, resume: Option<StreamPos>) {
        self.sent = resume;
        self.start_answer();
    }

    /// The client asks for everything behind `from`.
    pub fn resync(&mut self, from: StreamPos) {
        self.counters.resyncs += 1;
        self.sent = Some(from);
        self.start_answer();
    }

    /// Takes a message that the hub routed.
    ///
    /// Returns what an unnumbered message displaced, so that the owner can lift an event out of it before it is lost.
    pub fn on_routed(&mut self, routed: &Routed) -> Option<Bytes> {
        self.counters.received += 1;
        let Some(head) = &routed.head else {
            return self.on_unnumbered(routed.bytes.clone(), routed.routed_at);
        };
        match &self.phase {
            Phase::Closed => self.counters.conflated += 1,
            Phase::Answering(_) => self.leave_to_log(item_of(head, routed)),
            Phase::Live => self.on_live(item_of(head, routed)),
        }
        None
    }

    /// Takes an event that was lifted out of another producer's message: it has no number and waits with the events.
    pub fn on_lifted(&mut self, bytes: Bytes, routed_at: UtcMicros) {
        self.counters.received += 1;
        self.on_unnumbered(bytes, routed_at);
    }

    /// What the beat says of this stream, given the hub's number after its check; absent: leave the stream out.
    ///
    /// When the hub knows more than ever came here, the lane reads the log: the answer carries its own beat.
    pub fn on_beat_due(&mut self, hub: Option<&StreamPos>) -> Option<StreamPos> {
        if !self.answered || !self.is_live() {
            return None;
        }
        let tail = self.tail();
        match (hub, tail) {
            // The hub cannot say, so nobody can: a beat without its check would keep a seal over a hole for ever.
            (None, _) => None,
            (Some(hub), Some(tail)) if hub.epoch == tail.epoch && hub.seq <= tail.seq => Some(tail),
            (Some(hub), Some(tail)) if hub.epoch == tail.epoch => {
                self.start_answer();
                Some(hub.clone())
            }
            (Some(_), _) => {
                self.start_answer();
                None
            }
        }
    }

    /// What to do next; to be called only while the socket has room.
    pub fn poll(&mut self, now: UtcMicros) -> LaneStep {
        if matches!(self.phase, Phase::Closed) {
            return LaneStep::Wait(None);
        }
        let free_at = self.free_at(now);
        if free_at.is_none()
            && let Some(loose) = self.loose.pop_front()
        {
            self.loose_bytes = self.loose_bytes.saturating_sub(loose.bytes.len());
            self.counters.delivered += 1;
            self.note_frame(now);
            return LaneStep::Send(LaneFrame::Unnumbered {
                stream: self.stream.clone(),
                routed_at: loose.routed_at,
                bytes: loose.bytes,
            });
        }
        let waiting_loose = if self.loose.is_empty() { None } else { free_at };
        match &mut self.phase {
            Phase::Closed => LaneStep::Wait(None),
            Phase::Answering(_) => self.poll_answer(now, waiting_loose),
            Phase::Live if self.queue.is_empty() => LaneStep::Wait(waiting_loose),
            Phase::Live => {
                if let Some(at) = free_at {
                    return LaneStep::Wait(Some(at));
                }
                let frame = take_frame(&self.stream, &mut self.queue, self.sent.as_ref());
                self.queue_bytes = self.queue.iter().map(Item::weight).sum();
                self.note_sent(frame, now)
            }
        }
    }

    /// The socket is gone: what waits is dropped.
    pub fn close(&mut self) {
        self.counters.dropped += self.num_queued();
        self.queue.clear();
        self.queue_bytes = 0;
        self.loose.clear();
        self.loose_bytes = 0;
        self.phase = Phase::Closed;
    }

    fn on_live(&mut self, item: Item) {
        let pos = item.pos();
        let first = pos.seq.0 == 1;
        let (continues, may_jump) = match self.tail() {
            // Nothing was ever numbered here, so the first number follows.
            None => (first, false),
            Some(tail) if tail.epoch == pos.epoch => {
                if pos.seq <= tail.seq {
                    self.counters.duplicate += 1;
                    return;
                }
                let is_state = self.stream.class() == StreamClass::State;
                (pos.seq == tail.seq.next(), is_state && item.is_snapshot())
            }
            // Which of two epochs is newer only the store can say.
            Some(_) => (false, false),
        };
        if !continues && !may_jump {
            self.start_answer();
            self.leave_to_log(item);
            return;
        }
        if item.is_snapshot() && self.queue.iter().any(Item::is_snapshot) {
            // Only one snapshot ever waits, so that the bound on deltas bounds the lane.
            self.counters.skipped += self.queue.len() as u64;
            self.queue.clear();
            self.queue_bytes = 0;
        }
        if self.queue.len() >= MAX_WAITING_MESSAGES
            || self.queue_bytes + item.weight() > MAX_WAITING_BYTES
        {
            self.counters.overflows += 1;
            self.start_answer();
            self.leave_to_log(item);
            return;
        }
        self.queue_bytes += item.weight();
        self.queue.push_back(item);
    }

    fn on_unnumbered(&mut self, bytes: Bytes, routed_at: UtcMicros) -> Option<Bytes> {
        let mut displaced = None;
        match self.stream.class() {
            StreamClass::State => {
                if let Some(older) = self.loose.pop_front() {
                    self.loose_bytes = self.loose_bytes.saturating_sub(older.bytes.len());
                    self.counters.conflated += 1;
                    displaced = Some(older.bytes);
                }
            }
            // Events do not replace one another: they wait in order, and the oldest is lost, counted, at the bound.
            StreamClass::Event => {
                while !self.loose.is_empty()
                    && (self.loose.len() >= MAX_WAITING_MESSAGES
                        || self.loose_bytes + bytes.len() > MAX_WAITING_BYTES)
                {
                    if let Some(older) = self.loose.pop_front() {
                        self.loose_bytes = self.loose_bytes.saturating_sub(older.bytes.len());
                        self.counters.dropped += 1;
                    }
                }
            }
        }
        self.loose_bytes += bytes.len();
        self.loose.push_back(Loose { bytes, routed_at });
        displaced
    }

    /// Stops queueing and reads the log behind what was sent.
    fn start_answer(&mut self) {
        self.counters.answers += 1;
        self.counters.conflated += self.queue.len() as u64;
        self.queue.clear();
        self.queue_bytes = 0;
        if let Some(asked) = &mut self.asked {
            asked.stale = true;
        }
        self.phase = Phase::Answering(match std::mem::replace(&mut self.phase, Phase::Live) {
            Phase::Answering(answer) => {
                self.counters.conflated += answer.page.len() as u64;
                Answer::with_held_of(answer)
            }
            Phase::Closed | Phase::Live => Answer::default(),
        });
    }

    /// A live message while the log is read: it is the log's to bring. Where there was no log a moment ago it is kept.
    fn leave_to_log(&mut self, item: Item) {
        if let Phase::Answering(answer) = &mut self.phase {
            if self.log_is_absent {
                self.counters.conflated += answer.hold(item);
            } else {
                answer.fresh = Some(item.pos());
                self.counters.conflated += 1;
            }
        }
    }

    /// The last number that waits, or that was sent when nothing waits.
    fn tail(&self) -> Option<StreamPos> {
        self.queue
            .back()
            .map(Item::pos)
            .or_else(|| self.sent.clone())
    }

    fn num_queued(&self) -> u64 {
        let page = match &self.phase {
            Phase::Answering(answer) => answer.page.len() + answer.held.len(),
            Phase::Closed | Phase::Live => 0,
        };
        (self.queue.len() + page + self.loose.len()) as u64
    }

    fn note_sent(&mut self, frame: Option<LaneFrame>, now: UtcMicros) -> LaneStep {
        let Some(frame) = frame else {
            return LaneStep::Wait(None);
        };
        self.counters.delivered += frame.num_messages();
        if let Some(told) = frame.skipped() {
            self.counters.told_skipped += told;
        }
        if let Some(pos) = frame.last_pos() {
            self.sent = Some(pos);
        }
        self.note_frame(now);
        LaneStep::Send(frame)
    }

    fn note_frame(&mut self, now: UtcMicros) {
        if self.stream.is_throttled() {
            self.sent_at.push_back(now);
            self.forget_old_frames();
        }
    }

    fn forget_old_frames(&mut self) {
        while self.sent_at.len() > self.max_frames_per_second {
            self.sent_at.pop_front();
        }
    }

    /// When the next frame may go; absent: now.
    fn free_at(&self, now: UtcMicros) -> Option<UtcMicros> {
        if self.sent_at.len() < self.max_frames_per_second {
            return None;
        }
        let at = self.sent_at.front()?.plus_millis(1000);
        // A clock that was set back must not hold the lane for longer than a second.
        (now < at && at <= now.plus_millis(1000)).then_some(at)
    }
}

fn item_of(head: &Head, routed: &Routed) -> Item {
    Item {
        head: head.clone(),
        bytes: routed.bytes.clone(),
        routed_at: routed.routed_at,
    }
}
