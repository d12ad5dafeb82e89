//! How a lane answers from the log: page by page, until it has reached what is live.
//!
//! It reads nothing itself; the lane's owner does, and hands the pages in.

use std::collections::VecDeque;

use qd_bus::LogPage;
use qd_types::{MessageKind, Seq, StreamClass, StreamPos, UtcMicros};

use super::item::{Item, take_frame};
use super::{
    Lane, LaneFrame, LaneStep, LogRead, MAX_PAGE_BYTES, MAX_PAGE_MESSAGES, MAX_WAITING_BYTES,
    MAX_WAITING_MESSAGES, Phase, READ_RETRY_MILLIS,
};

/// What is being read from the log, and how far it is.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The page that was read and is not sent yet.
    pub(super) page: VecDeque<Item>,
    /// To be said when the page is sent: the log does not have what comes next.
    pub(super) gone: Option<StreamPos>,
    /// The log's number when the last page was read, which is where the answer ends.
    pub(super) end: Option<StreamPos>,
    /// The newest live message left to the log since the last question was asked.
    pub(super) fresh: Option<StreamPos>,
    /// Whether nothing is left to read behind the page.
    pub(super) at_head: bool,
    /// Not before this instant is the next page asked for, after a failure.
    pub(super) retry_at: Option<UtcMicros>,
    /// Live messages that came while the log was not there: all there will be of them if it still is not. Bounded as
    /// what waits is.
    pub(super) held: VecDeque<Item>,
    held_bytes: usize,
    /// How many of the held had come before the last question was asked: what it did not find of those nobody has.
    num_covered: usize,
}

impl Answer {
    /// An answer begun anew, with what was held for the one before.
    pub(super) fn with_held_of(before: Self) -> Self {
        Self {
            held: before.held,
            held_bytes: before.held_bytes,
            ..Self::default()
        }
    }

    /// Keeps a message until it is known whether the log has it; gives how many it replaces.
    pub(super) fn hold(&mut self, item: Item) -> u64 {
        let is_full = self.held.len() >= MAX_WAITING_MESSAGES
            || self.held_bytes + item.weight() > MAX_WAITING_BYTES;
        // What is pushed out shows as a jump, like everything that a log does not have.
        let replaced = if is_full || item.is_snapshot() {
            self.let_go()
        } else {
            0
        };
        self.held_bytes += item.weight();
        self.held.push_back(item);
        replaced
    }

    fn let_go(&mut self) -> u64 {
        self.held_bytes = 0;
        self.num_covered = 0;
        self.held.drain(..).count() as u64
    }
}

/// A question to the log that is on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) read_id: u64,
    /// The answer that wanted it was started anew: what comes back is thrown away.
    pub(super) stale: bool,
}

impl Lane {
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
            // The store has nothing: what the reader said is kept, so that the next number continues it, and not proven.
            self.log_is_absent = true;
            answer.at_head = true;
            answer.end.clone_from(&self.sent);
            // What was published without a log is all there is: it goes out as it is, and the client sees the jump.
            let num_covered = answer.num_covered.min(answer.held.len());
            for item in answer.held.drain(..num_covered) {
                answer.held_bytes -= item.weight();
                let pos = item.pos();
                let is_old = |end: &StreamPos| end.epoch == pos.epoch && pos.seq <= end.seq;
                if answer.end.as_ref().is_some_and(is_old) {
                    self.counters.duplicate += 1;
                } else {
                    answer.end = Some(pos);
                    answer.page.push_back(item);
                }
            }
            return;
        };
        self.log_is_absent = false;
        if let Some(newest) = answer.held.back() {
            // The log is back, and has what was held, or a later page will.
            answer.fresh = Some(newest.pos());
            self.counters.conflated += answer.let_go();
        }
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

    pub(super) fn poll_answer(
        &mut self,
        now: UtcMicros,
        waiting_loose: Option<UtcMicros>,
    ) -> LaneStep {
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
        if answer.at_head && covered && answer.held.is_empty() {
            self.sent = answer.end.take();
            self.phase = Phase::Live;
            self.answered = true;
            return match &self.sent {
                // No beat: it would seal what the reader claimed, and nobody could say whether that is all there is.
                _ if self.log_is_absent => LaneStep::Wait(waiting_loose),
                Some(pos) => LaneStep::Send(LaneFrame::Beat {
                    stream: self.stream.clone(),
                    pos: pos.clone(),
                    at: now,
                }),
                None => LaneStep::Wait(waiting_loose),
            };
        }
        // A clock that was set back must not hold the question for longer than its wait.
        if let Some(retry_at) = answer.retry_at
            && now < retry_at
            && retry_at <= now.plus_millis(READ_RETRY_MILLIS)
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
        answer.num_covered = answer.held.len();
        // An event stream that begins at the present needs the log's number only.
        let probe = self.sent.is_none() && self.stream.class() == StreamClass::Event;
        LaneStep::Read(LogRead {
            read_id,
            after: self.sent.clone(),
            max_messages: if probe { 1 } else { MAX_PAGE_MESSAGES },
            max_bytes: if probe { 1 } else { MAX_PAGE_BYTES },
        })
    }
}
