//! The steps between the states of a stream's client: where each leads, and what it asks for on the way.
//!
//! Called by `super` only, which knows what happened and counts it.

use qd_types::{Epoch, MessageKind, Seq, StreamClass, StreamPos, UtcMicros};

use super::state::{
    Ask, ClientState, HoleReason, MissingRange, REST_RETRY_MILLIS, REST_TIMEOUT_MILLIS,
    RESYNC_WAITS_MILLIS, UNVERIFIED_POLL_MILLIS, Verdict,
};
use super::{Ahead, StreamClient};
use crate::event::MessageHead;

const MAX_EPOCHS: usize = 8;
const MAX_MISSING: usize = 16;

impl StreamClient {
    pub(super) fn numbered(
        &mut self,
        head: &MessageHead,
        now: UtcMicros,
    ) -> (Verdict, Option<Ask>) {
        let is_snapshot = head.kind == MessageKind::Snapshot && self.class == StreamClass::State;
        match &self.state {
            ClientState::Empty | ClientState::Unverified { .. } if is_snapshot => {
                self.place(head.pos.clone(), now);
                (Verdict::Apply, None)
            }
            ClientState::Empty => match head.kind {
                MessageKind::Refetch => (
                    Verdict::SetAside,
                    self.enter_refetch(HoleReason::RefetchAsked, now),
                ),
                MessageKind::Snapshot | MessageKind::Delta | MessageKind::Event => {
                    (Verdict::SetAside, None)
                }
            },
            ClientState::Unverified { .. } => {
                let ask = match self.class {
                    // The producer numbers now: REST gives the place to go on from.
                    StreamClass::Event => self.want_rest_sooner(now),
                    StreamClass::State => None,
                };
                (Verdict::SetAside, ask)
            }
            ClientState::Verified { pos } => {
                if pos.epoch != head.pos.epoch {
                    return (Verdict::SetAside, self.lose(HoleReason::OtherEpoch, now));
                }
                if head.pos.seq <= pos.seq {
                    return (Verdict::Duplicate, None);
                }
                if head.kind == MessageKind::Refetch {
                    return (Verdict::SetAside, self.lose(HoleReason::RefetchAsked, now));
                }
                if is_snapshot || follows(pos, head) {
                    self.enter_verified_further(head.pos.clone(), now);
                    return (Verdict::Apply, None);
                }
                (Verdict::SetAside, self.lose(HoleReason::NumberJumped, now))
            }
            ClientState::Hole { pos, .. } => {
                if pos.epoch != head.pos.epoch {
                    return match self.class {
                        StreamClass::Event => (
                            Verdict::SetAside,
                            self.enter_refetch(HoleReason::OtherEpoch, now),
                        ),
                        StreamClass::State if is_snapshot => {
                            self.place(head.pos.clone(), now);
                            (Verdict::Apply, None)
                        }
                        StreamClass::State if head.kind == MessageKind::Refetch => (
                            Verdict::SetAside,
                            self.enter_refetch(HoleReason::RefetchAsked, now),
                        ),
                        StreamClass::State => (Verdict::SetAside, None),
                    };
                }
                if is_snapshot && head.pos.seq >= pos.seq {
                    self.place(head.pos.clone(), now);
                    return (Verdict::Apply, None);
                }
                if head.pos.seq <= pos.seq {
                    return (Verdict::Duplicate, None);
                }
                if head.kind == MessageKind::Refetch {
                    return (
                        Verdict::SetAside,
                        self.enter_refetch(HoleReason::RefetchAsked, now),
                    );
                }
                if follows(pos, head) {
                    self.place(head.pos.clone(), now);
                    return (Verdict::Apply, None);
                }
                (Verdict::SetAside, None)
            }
            ClientState::Refetch { last, .. } => {
                let is_older = last
                    .as_ref()
                    .is_some_and(|last| last.epoch == head.pos.epoch && head.pos.seq < last.seq);
                if is_snapshot && !is_older {
                    self.place(head.pos.clone(), now);
                    return (Verdict::Apply, None);
                }
                (Verdict::SetAside, None)
            }
        }
    }

    pub(super) fn unnumbered(&mut self, now: UtcMicros) -> Option<Ask> {
        let last = match &self.state {
            ClientState::Unverified { .. } => return None,
            ClientState::Empty => None,
            ClientState::Verified { pos } | ClientState::Hole { pos, .. } => Some(pos.clone()),
            ClientState::Refetch { last, .. } => last.clone(),
        };
        self.enter_unverified(last, now);
        None
    }

    /// A message at `pos` will not be applied, though it was seen.
    pub(super) fn lost(
        &mut self,
        pos: &StreamPos,
        reason: HoleReason,
        now: UtcMicros,
    ) -> Option<Ask> {
        match &self.state {
            ClientState::Verified { pos: own } if own.epoch != pos.epoch || own.seq < pos.seq => {
                self.lose(reason, now)
            }
            _ => None,
        }
    }

    /// From `Verified` into `Hole`, with the first `resync`.
    pub(super) fn lose(&mut self, reason: HoleReason, now: UtcMicros) -> Option<Ask> {
        let ClientState::Verified { pos } = &self.state else {
            return None;
        };
        let pos = pos.clone();
        self.counters.gaps += 1;
        self.enter_hole(pos, reason, now);
        self.ask_resync()
    }

    /// Into `Verified` or `Hole`, by `to`: the one door into `Verified` for values. It is closed while the socket is
    /// gone, and while an answer is on its way: the beat that ends the answer seals.
    pub(super) fn place(&mut self, pos: StreamPos, now: UtcMicros) {
        self.rest_due_at = None;
        if self.is_link_up && !self.is_being_answered && pos.seq >= self.to(&pos.epoch) {
            self.enter_verified(pos);
        } else {
            self.enter_hole(pos, HoleReason::NotProven, now);
        }
    }

    pub(super) fn enter_verified(&mut self, pos: StreamPos) {
        self.ahead = None;
        self.rest_due_at = None;
        self.state = ClientState::Verified { pos };
    }

    /// Forward inside `Verified`: a beat that is still ahead gets its grace anew, for something came.
    pub(super) fn enter_verified_further(&mut self, pos: StreamPos, now: UtcMicros) {
        let ahead = self
            .ahead
            .take()
            .filter(|ahead| ahead.pos.epoch != pos.epoch || ahead.pos.seq > pos.seq)
            .map(|ahead| Ahead {
                since: now,
                ..ahead
            });
        self.enter_verified(pos);
        self.ahead = ahead;
    }

    pub(super) fn enter_hole(&mut self, pos: StreamPos, reason: HoleReason, now: UtcMicros) {
        let (since, reason) = match &self.state {
            // Progress inside one hole does not make it younger.
            ClientState::Hole { since, reason, .. }
            | ClientState::Refetch { since, reason, .. } => (*since, *reason),
            ClientState::Empty | ClientState::Verified { .. } | ClientState::Unverified { .. } => {
                (now, reason)
            }
        };
        self.ahead = None;
        self.state = ClientState::Hole {
            pos,
            since,
            reason,
            num_repeats: 0,
            retry_at: now.plus_millis(RESYNC_WAITS_MILLIS[0]),
        };
    }

    pub(super) fn enter_refetch(&mut self, reason: HoleReason, now: UtcMicros) -> Option<Ask> {
        let (last, since) = match &self.state {
            ClientState::Hole { pos, since, .. } => (Some(pos.clone()), *since),
            ClientState::Verified { pos } => (Some(pos.clone()), now),
            ClientState::Refetch { last, since, .. } => (last.clone(), *since),
            ClientState::Unverified { last, .. } => (last.clone(), now),
            ClientState::Empty => (None, now),
        };
        self.ahead = None;
        self.state = ClientState::Refetch {
            last,
            since,
            reason,
        };
        self.want_rest_sooner(now)
    }

    pub(super) fn enter_unverified(&mut self, last: Option<StreamPos>, now: UtcMicros) {
        let since = match &self.state {
            ClientState::Unverified { since, .. } => *since,
            _ => now,
        };
        self.ahead = None;
        self.state = ClientState::Unverified { last, since };
        self.rest_due_at = Some(now.plus_millis(UNVERIFIED_POLL_MILLIS));
    }

    pub(super) fn ask_resync(&mut self) -> Option<Ask> {
        let ClientState::Hole { pos, .. } = &self.state else {
            return None;
        };
        // Without a socket the next hello resumes from the same place.
        let ask = self.is_link_up.then(|| Ask::Resync(pos.clone()))?;
        self.counters.resyncs += 1;
        self.is_being_answered = true;
        Some(ask)
    }

    /// Asks REST now, or as soon as the last question is a second old.
    pub(super) fn want_rest_sooner(&mut self, now: UtcMicros) -> Option<Ask> {
        let earliest = self
            .rest_asked_at
            .map_or(now, |at| at.plus_millis(REST_RETRY_MILLIS));
        if earliest <= now && self.is_link_up {
            return self.want_rest(now);
        }
        self.rest_due_at = Some(earliest.max(now));
        None
    }

    pub(super) fn want_rest(&mut self, now: UtcMicros) -> Option<Ask> {
        if !self.is_link_up {
            self.rest_due_at = Some(now);
            return None;
        }
        self.rest_asked_at = Some(now);
        self.rest_due_at = Some(now.plus_millis(REST_TIMEOUT_MILLIS));
        self.counters.refetches += 1;
        Some(Ask::Rest)
    }

    /// The highest number of `epoch` ever seen.
    pub(super) fn to(&self, epoch: &Epoch) -> Seq {
        self.seen
            .iter()
            .find(|(seen, _)| seen == epoch)
            .map_or(Seq(0), |(_, seq)| *seq)
    }

    pub(super) fn note(&mut self, pos: &StreamPos) {
        if let Some((_, seq)) = self.seen.iter_mut().find(|(seen, _)| *seen == pos.epoch) {
            *seq = pos.seq.max(*seq);
            return;
        }
        if self.seen.len() >= MAX_EPOCHS {
            let own = self.pos().map(|own| own.epoch.clone());
            let oldest = self
                .seen
                .iter()
                .position(|(seen, _)| Some(seen) != own.as_ref());
            self.seen.remove(oldest.unwrap_or(0));
        }
        self.seen.push((pos.epoch.clone(), pos.seq));
    }

    /// Writes down what REST jumped over, for event streams.
    pub(super) fn note_missing(
        &mut self,
        last: Option<StreamPos>,
        pos: &StreamPos,
        now: UtcMicros,
    ) {
        let Some(last) = last.filter(|_| self.class == StreamClass::Event) else {
            return;
        };
        let to = (last.epoch == pos.epoch).then_some(pos.seq);
        if to.is_some_and(|to| to <= last.seq) {
            return;
        }
        self.missing.push(MissingRange {
            epoch: last.epoch,
            from: last.seq.next(),
            to,
            at: now,
        });
        self.bound_missing();
    }

    pub(super) fn bound_missing(&mut self) {
        if self.missing.len() > MAX_MISSING {
            // The list is bounded, but nothing leaves it: the oldest two become one of unknown end.
            self.missing.remove(1);
            if let Some(first) = self.missing.first_mut() {
                first.to = None;
            }
        }
    }
}

/// Whether `head` is the next message after `pos`, and applies on it.
fn follows(pos: &StreamPos, head: &MessageHead) -> bool {
    head.pos.epoch == pos.epoch
        && head.pos.seq == pos.seq.next()
        && head.base_seq.is_none_or(|base| base == pos.seq)
}
