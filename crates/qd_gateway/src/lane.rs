//! The lane: what one socket still has to be told of one stream, as a pure state machine.
//!
//! Inputs are routed messages, pages of the log, beats and requests of the client; outputs are frames, log pages wanted, and how long to wait.
//! It holds no socket, no runtime and no clock: the owner passes the time in, and calls [`Lane::poll`] only while the socket has room.
//! It reads heads, never bodies.
//!
//! Invariants:
//! - Numbered messages leave in order and without a hole inside one epoch; where a state stream jumps, the frame says how many numbers were skipped, and where an event stream cannot go on, `gone` says so.
//! - Every answer (open, resume, resync, overflow) ends with a beat, and there is no beat before the first answer.
//! - What waits is bounded in messages and in bytes; running over is never a loss, because the log is read instead.
//! - `received + read = delivered + duplicate + conflated + skipped + dropped + unreadable + queued`, at any time.

mod counters;
mod frame;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::Bytes;
use qd_bus::{LogPage, Routed};
use qd_types::{MessageKind, Seq, StreamClass, StreamName, StreamPos, UtcMicros};
use qd_wire::head::Head;

pub use self::counters::LaneCounters;
pub use self::frame::LaneFrame;

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

/// One numbered message on its way.
#[derive(Clone, Debug)]
struct Item {
    head: Head,
    bytes: Bytes,
    routed_at: UtcMicros,
}

impl Item {
    fn pos(&self) -> StreamPos {
        self.head.pos()
    }

    fn is_snapshot(&self) -> bool {
        self.head.kind == MessageKind::Snapshot
    }

    /// What it takes of the bound; a snapshot is one shared buffer and takes nothing.
    fn weight(&self) -> usize {
        if self.is_snapshot() {
            0
        } else {
            self.bytes.len()
        }
    }
}

/// A message of a producer that does not number, with the time it was routed.
#[derive(Clone, Debug)]
struct Loose {
    bytes: Bytes,
    routed_at: UtcMicros,
}

/// What is being read from the log, and how far it is.
#[derive(Debug, Default)]
struct Answer {
    /// The page that was read and is not sent yet.
    page: VecDeque<Item>,
    /// To be said when the page is sent: the log does not have what comes next.
    gone: Option<StreamPos>,
    /// The log's number when the last page was read, which is where the answer ends.
    end: Option<StreamPos>,
    /// The newest live message left to the log since the last question was asked.
    fresh: Option<StreamPos>,
    /// Whether nothing is left to read behind the page.
    at_head: bool,
    /// Not before this instant is the next page asked for, after a failure.
    retry_at: Option<UtcMicros>,
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

/// A question to the log that is on its way.
#[derive(Clone, Copy, Debug)]
struct Asked {
    read_id: u64,
    /// The answer that wanted it was started anew: what comes back is thrown away.
    stale: bool,
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
    answered: bool,
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
            answered: false,
            asked: None,
            next_read_id: 1,
            counters: LaneCounters::default(),
        }
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
        let pos = head.pos();
        match &mut self.phase {
            Phase::Closed => self.counters.conflated += 1,
            Phase::Answering(answer) => {
                answer.fresh = Some(pos);
                self.counters.conflated += 1;
            }
            Phase::Live => self.on_live(Item {
                head: head.clone(),
                bytes: routed.bytes.clone(),
                routed_at: routed.routed_at,
            }),
        }
        None
    }

    /// Takes an event that was lifted out of another producer's message: it has no number and waits with the events.
    pub fn on_lifted(&mut self, bytes: Bytes, routed_at: UtcMicros) {
        self.counters.received += 1;
        self.on_unnumbered(bytes, routed_at);
    }

    /// Takes the page that [`LaneStep::Read`] asked for; an answer to an older question is ignored.
    pub fn on_page(&mut self, read_id: u64, page: LogPage, now: UtcMicros) {
        let Some(asked) = self.asked.filter(|asked| asked.read_id == read_id) else {
            return;
        };
        self.asked = None;
        let Phase::Answering(answer) = &mut self.phase else {
            return;
        };
        if asked.stale {
            return;
        }
        let class = self.stream.class();
        answer.retry_at = None;

        let Some(log_head) = page.head else {
            // The store has nothing: what the reader said is kept, so that the next number continues it.
            answer.at_head = true;
            answer.end.clone_from(&self.sent);
            return;
        };
        answer.end = Some(log_head.clone());
        if class == StreamClass::Event && self.sent.is_none() {
            // Without a resume an event stream begins at the present number; what came before is asked by REST.
            answer.at_head = true;
            return;
        }

        let mut at = self.sent.clone();
        let mut gone = None;
        for entry in page.entries {
            self.counters.read += 1;
            let pos = entry.head.pos();
            if gone.is_some() {
                self.counters.skipped += 1;
                continue;
            }
            let same_epoch = at.as_ref().is_some_and(|at| at.epoch == pos.epoch);
            let behind = at.as_ref().map_or(0, |at| at.seq.0);
            if same_epoch && pos.seq.0 <= behind {
                self.counters.duplicate += 1;
                continue;
            }
            let continues = same_epoch && pos.seq.0 == behind.saturating_add(1);
            let may_jump = class == StreamClass::State
                && matches!(
                    entry.head.kind,
                    MessageKind::Snapshot | MessageKind::Refetch
                );
            if continues || may_jump {
                at = Some(pos);
                answer.page.push_back(Item {
                    head: entry.head,
                    bytes: entry.bytes,
                    routed_at: now,
                });
            } else {
                let last_gone = Seq(pos.seq.0.saturating_sub(1));
                gone = Some(StreamPos {
                    epoch: pos.epoch,
                    seq: last_gone,
                });
                self.counters.skipped += 1;
            }
        }
        // A reader that claims more than the store has is at the head too: the store's number is what the next one continues.
        let reached = at.is_some_and(|at| at.epoch == log_head.epoch && at.seq >= log_head.seq);
        if !reached && gone.is_none() && answer.page.is_empty() {
            // The log has a higher number and nothing that leads to it.
            gone = Some(log_head);
        }
        answer.at_head = reached || gone.is_some();
        answer.gone = gone;
    }

    /// The page could not be read: it is asked for again a little later.
    pub fn on_page_failed(&mut self, read_id: u64, now: UtcMicros) {
        if self.asked.is_none_or(|asked| asked.read_id != read_id) {
            return;
        }
        self.asked = None;
        if let Phase::Answering(answer) = &mut self.phase {
            answer.retry_at = Some(now.plus_millis(READ_RETRY_MILLIS));
        }
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
            (None, tail) => tail,
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

    fn poll_answer(&mut self, now: UtcMicros, waiting_loose: Option<UtcMicros>) -> LaneStep {
        let Phase::Answering(answer) = &mut self.phase else {
            return LaneStep::Wait(None);
        };
        if !answer.page.is_empty() {
            let frame = take_frame(&self.stream, &mut answer.page, self.sent.as_ref());
            return self.note_sent(frame, now);
        }
        if let Some(pos) = answer.gone.take() {
            return LaneStep::Send(LaneFrame::Gone {
                stream: self.stream.clone(),
                pos,
            });
        }
        if self.asked.is_some() {
            return LaneStep::Wait(waiting_loose);
        }
        // A live message that came after the question was asked may lie behind the page: then one more page is read.
        let covered = answer.fresh.as_ref().is_none_or(|fresh| {
            answer
                .end
                .as_ref()
                .is_some_and(|end| end.epoch == fresh.epoch && fresh.seq <= end.seq)
        });
        if answer.at_head && covered {
            self.sent = answer.end.take();
            self.phase = Phase::Live;
            self.answered = true;
            return match &self.sent {
                Some(pos) => LaneStep::Send(LaneFrame::Beat {
                    stream: self.stream.clone(),
                    pos: pos.clone(),
                    at: now,
                }),
                None => LaneStep::Wait(waiting_loose),
            };
        }
        if let Some(retry_at) = answer.retry_at
            && now < retry_at
        {
            return LaneStep::Wait(Some(waiting_loose.map_or(retry_at, |at| at.min(retry_at))));
        }
        let read_id = self.next_read_id;
        self.next_read_id += 1;
        self.asked = Some(Asked {
            read_id,
            stale: false,
        });
        if answer.at_head {
            self.sent = answer.end.take();
        }
        answer.fresh = None;
        answer.at_head = false;
        // An event stream that begins at the present needs the log's number only.
        let probe = self.sent.is_none() && self.stream.class() == StreamClass::Event;
        LaneStep::Read(LogRead {
            read_id,
            after: self.sent.clone(),
            max_messages: if probe { 1 } else { MAX_PAGE_MESSAGES },
            max_bytes: if probe { 1 } else { MAX_PAGE_BYTES },
        })
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
            self.counters.conflated += 1;
            self.start_answer();
            self.note_fresh(pos);
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
            self.counters.conflated += 1;
            self.start_answer();
            self.note_fresh(pos);
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
        if let Phase::Answering(answer) = &self.phase {
            self.counters.conflated += answer.page.len() as u64;
        }
        if let Some(asked) = &mut self.asked {
            asked.stale = true;
        }
        self.phase = Phase::Answering(Answer::default());
    }

    fn note_fresh(&mut self, pos: StreamPos) {
        if let Phase::Answering(answer) = &mut self.phase {
            answer.fresh = Some(pos);
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
            Phase::Answering(answer) => answer.page.len(),
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
            if self.sent_at.len() > MAX_FRAMES_PER_SECOND {
                self.sent_at.pop_front();
            }
        }
    }

    /// When the next frame may go; absent: now.
    fn free_at(&self, now: UtcMicros) -> Option<UtcMicros> {
        if self.sent_at.len() < MAX_FRAMES_PER_SECOND {
            return None;
        }
        let at = self.sent_at.front()?.plus_millis(1000);
        // A clock that was set back must not hold the lane for longer than a second.
        (now < at && at <= now.plus_millis(1000)).then_some(at)
    }
}

/// Takes what goes into one frame: a snapshot or a refetch by itself, everything else together.
fn take_frame(
    stream: &StreamName,
    items: &mut VecDeque<Item>,
    sent: Option<&StreamPos>,
) -> Option<LaneFrame> {
    let first = items.pop_front()?;
    match first.head.kind {
        MessageKind::Snapshot => {
            let skipped = sent.and_then(|sent| {
                let from = if sent.epoch == first.head.epoch {
                    sent.seq.0
                } else {
                    0
                };
                let skipped = first.head.seq.0.saturating_sub(from).saturating_sub(1);
                (skipped > 0).then_some(skipped)
            });
            Some(LaneFrame::Snapshot {
                head: first.head,
                skipped,
                routed_at: first.routed_at,
                bytes: first.bytes,
            })
        }
        MessageKind::Refetch => Some(LaneFrame::Batch {
            stream: stream.clone(),
            last: first.pos(),
            routed_at: first.routed_at,
            msgs: vec![first.bytes],
        }),
        MessageKind::Delta | MessageKind::Event => {
            let mut last = first.pos();
            let routed_at = first.routed_at;
            let mut msgs = vec![first.bytes];
            while let Some(next) = items.front() {
                if matches!(next.head.kind, MessageKind::Snapshot | MessageKind::Refetch) {
                    break;
                }
                last = next.pos();
                if let Some(next) = items.pop_front() {
                    msgs.push(next.bytes);
                }
            }
            Some(LaneFrame::Batch {
                stream: stream.clone(),
                last,
                routed_at,
                msgs,
            })
        }
    }
}
