//! The client's half of the stream contract: which message may be applied, and what to ask for when one may not.
//!
//! It sees heads and instants, never rows: the caller applies what [`Verdict::Apply`] allows, and does what [`Ask`]
//! says. No IO, no clock, no payload, so the same code runs in the console and in the model test.
//!
//! `Verified` is entered only with a number not below `to`, the highest of the epoch ever seen in any state.

mod state;
mod steps;
#[cfg(test)]
mod tests;

use qd_types::{Epoch, Seq, StreamClass, StreamPos, UtcMicros};

pub use self::state::{
    Ask, BEAT_GRACE_MILLIS, ClientCounters, ClientState, EMPTY_GRACE_MILLIS, HoleReason,
    LAST_WAIT_MILLIS, MissingRange, REST_RETRY_MILLIS, REST_TIMEOUT_MILLIS, RESYNC_WAITS_MILLIS,
    SILENCE_MILLIS, UNVERIFIED_POLL_MILLIS, Verdict,
};
use crate::event::MessageHead;

#[derive(Clone, Debug)]
struct Ahead {
    pos: StreamPos,
    since: UtcMicros,
}

/// The state machine of one stream.
#[derive(Clone, Debug)]
pub struct StreamClient {
    class: StreamClass,
    state: ClientState,
    is_link_up: bool,
    /// Something was asked of the lane, and no beat has closed its answer. An answer comes in pages: between two of
    /// them the rows may be level with every number seen and still be old.
    is_being_answered: bool,
    /// Highest number per epoch, oldest epoch first.
    seen: Vec<(Epoch, Seq)>,
    /// A beat that is further than we are.
    ahead: Option<Ahead>,
    /// Newest server stamp of this stream, client's clock.
    stamp_at: UtcMicros,
    /// When the values were last known to hold.
    proven_at: Option<UtcMicros>,
    /// When REST is to be asked next; only while a REST answer is wanted.
    rest_due_at: Option<UtcMicros>,
    rest_asked_at: Option<UtcMicros>,
    missing: Vec<MissingRange>,
    counters: ClientCounters,
}

impl StreamClient {
    /// A client that has nothing and is not connected.
    pub fn new(class: StreamClass) -> Self {
        Self {
            class,
            state: ClientState::Empty,
            is_link_up: false,
            is_being_answered: false,
            seen: Vec::new(),
            ahead: None,
            stamp_at: UtcMicros(i64::MIN),
            proven_at: None,
            rest_due_at: None,
            rest_asked_at: None,
            missing: Vec::new(),
            counters: ClientCounters::default(),
        }
    }

    /// Where it stands.
    pub fn state(&self) -> &ClientState {
        &self.state
    }

    /// The last place applied: what a `hello` resumes from. Absent when there is none, or none that counts.
    pub fn pos(&self) -> Option<&StreamPos> {
        match &self.state {
            ClientState::Verified { pos } | ClientState::Hole { pos, .. } => Some(pos),
            ClientState::Refetch { last, .. } => last.as_ref(),
            ClientState::Empty | ClientState::Unverified { .. } => None,
        }
    }

    /// Whether every message up to the highest number seen is applied.
    pub fn is_verified(&self) -> bool {
        matches!(self.state, ClientState::Verified { .. })
    }

    /// When the values were last known to hold; absent before the first value.
    pub fn proven_at(&self) -> Option<UtcMicros> {
        self.proven_at
    }

    /// Events that were jumped over, oldest first.
    pub fn missing(&self) -> &[MissingRange] {
        &self.missing
    }

    /// The counters.
    pub fn counters(&self) -> ClientCounters {
        self.counters
    }

    /// The next instant at which [`Self::tick`] may have something to do.
    pub fn next_deadline(&self) -> Option<UtcMicros> {
        if !self.is_link_up {
            return None;
        }
        let own = match &self.state {
            ClientState::Verified { .. } => {
                let silent_at = self.stamp_at.plus_millis(SILENCE_MILLIS);
                let ahead_at = self
                    .ahead
                    .as_ref()
                    .map(|ahead| ahead.since.plus_millis(BEAT_GRACE_MILLIS));
                Some(ahead_at.map_or(silent_at, |at| at.min(silent_at)))
            }
            ClientState::Hole { retry_at, .. } => Some(*retry_at),
            ClientState::Empty | ClientState::Refetch { .. } | ClientState::Unverified { .. } => {
                None
            }
        };
        match (own, self.rest_due_at) {
            (Some(own), Some(rest)) => Some(own.min(rest)),
            (own, rest) => own.or(rest),
        }
    }

    /// The server answered the hello; what could be resumed was asked for in it.
    pub fn link_up(&mut self, now: UtcMicros) -> Option<Ask> {
        self.is_link_up = true;
        // The hello resumes from a hole's place; there is nothing else to resume from.
        self.is_being_answered = matches!(self.state, ClientState::Hole { .. });
        self.stamp_at = now;
        self.ahead = None;
        match &mut self.state {
            ClientState::Empty => match self.class {
                StreamClass::Event => return self.want_rest(now),
                StreamClass::State => {
                    self.rest_due_at = Some(now.plus_millis(EMPTY_GRACE_MILLIS));
                }
            },
            ClientState::Hole {
                num_repeats,
                retry_at,
                ..
            } => {
                *num_repeats = 0;
                *retry_at = now.plus_millis(RESYNC_WAITS_MILLIS[0]);
            }
            ClientState::Refetch { .. } | ClientState::Unverified { .. } => {
                return self.want_rest(now);
            }
            ClientState::Verified { .. } => {}
        }
        None
    }

    /// The socket is gone, or nothing was heard on it for too long.
    pub fn link_down(&mut self, reason: HoleReason, now: UtcMicros) {
        self.is_link_up = false;
        self.ahead = None;
        if let ClientState::Verified { pos } = &self.state {
            let pos = pos.clone();
            if reason != HoleReason::Disconnected {
                self.counters.gaps += 1;
            }
            self.enter_hole(pos, reason, now);
        }
    }

    /// The client's clock was set back: no instant of ours may lie further ahead than its own wait.
    pub fn clock_set_back(&mut self, now: UtcMicros) {
        self.stamp_at = self.stamp_at.min(now);
        self.proven_at = self.proven_at.map(|at| at.min(now));
        self.rest_asked_at = self.rest_asked_at.map(|at| at.min(now));
        let latest = now.plus_millis(REST_TIMEOUT_MILLIS);
        self.rest_due_at = self.rest_due_at.map(|at| at.min(latest));
        if let Some(ahead) = &mut self.ahead {
            ahead.since = ahead.since.min(now);
        }
        match &mut self.state {
            ClientState::Empty | ClientState::Verified { .. } => {}
            ClientState::Refetch { since, .. } | ClientState::Unverified { since, .. } => {
                *since = (*since).min(now);
            }
            ClientState::Hole {
                since,
                num_repeats,
                retry_at,
                ..
            } => {
                *since = (*since).min(now);
                *retry_at = (*retry_at).min(now.plus_millis(resync_wait(*num_repeats)));
            }
        }
    }

    /// A message came; `stamp_at` is its newest server stamp on the client's clock.
    pub fn message(
        &mut self,
        head: Option<&MessageHead>,
        stamp_at: UtcMicros,
        now: UtcMicros,
    ) -> (Verdict, Option<Ask>) {
        self.counters.received += 1;
        self.stamp_at = self.stamp_at.max(stamp_at);
        let (verdict, ask) = match head {
            Some(head) => {
                self.note(&head.pos);
                self.numbered(head, now)
            }
            None => (Verdict::Apply, self.unnumbered(now)),
        };
        match verdict {
            Verdict::Apply => {
                self.counters.applied += 1;
                self.proven_at = Some(now);
            }
            Verdict::Duplicate => self.counters.duplicates += 1,
            Verdict::SetAside => self.counters.set_aside += 1,
        }
        (verdict, ask)
    }

    /// A message came that could not be read; its number counts, its rows do not.
    pub fn unreadable(&mut self, pos: Option<&StreamPos>, now: UtcMicros) -> Option<Ask> {
        self.counters.received += 1;
        self.counters.unreadable += 1;
        let pos = pos?;
        self.note(pos);
        match &self.state {
            ClientState::Hole { pos: own, .. }
                if own.epoch == pos.epoch && own.seq.next() == pos.seq =>
            {
                // Asking again would bring the same bytes.
                self.enter_refetch(HoleReason::Unreadable, now)
            }
            _ => self.lost(pos, HoleReason::Unreadable, now),
        }
    }

    /// The own queue dropped messages up to `pos`.
    pub fn queue_dropped(
        &mut self,
        pos: Option<&StreamPos>,
        num_messages: u64,
        now: UtcMicros,
    ) -> Option<Ask> {
        self.counters.queue_dropped += num_messages;
        let pos = pos?;
        self.note(pos);
        self.lost(pos, HoleReason::QueueDropped, now)
    }

    /// The lane said that its log no longer has what was asked for.
    pub fn gone(&mut self, pos: &StreamPos, now: UtcMicros) -> Option<Ask> {
        self.note(pos);
        match &self.state {
            ClientState::Verified { .. } => self.lose(HoleReason::Gone, now),
            ClientState::Hole { .. } => self.enter_refetch(HoleReason::Gone, now),
            ClientState::Empty | ClientState::Refetch { .. } | ClientState::Unverified { .. } => {
                None
            }
        }
    }

    /// The hub is at `pos`, after its check.
    pub fn beat(&mut self, pos: &StreamPos, stamp_at: UtcMicros, now: UtcMicros) -> Option<Ask> {
        self.is_being_answered = false;
        self.stamp_at = self.stamp_at.max(stamp_at);
        self.note(pos);
        match &self.state {
            ClientState::Verified { pos: own } => {
                if own.epoch == pos.epoch && pos.seq <= own.seq {
                    self.ahead = None;
                    self.proven_at = Some(now);
                } else {
                    let since = self.ahead.as_ref().map_or(now, |ahead| ahead.since);
                    self.ahead = Some(Ahead {
                        pos: pos.clone(),
                        since,
                    });
                }
                None
            }
            ClientState::Hole { pos: own, .. } => {
                if own.epoch != pos.epoch {
                    return match self.class {
                        StreamClass::Event => self.enter_refetch(HoleReason::OtherEpoch, now),
                        StreamClass::State => None,
                    };
                }
                // What a socket that is gone had left behind proves nothing of now.
                if self.is_link_up && pos.seq <= own.seq && own.seq >= self.to(&own.epoch) {
                    let pos = own.clone();
                    self.enter_verified(pos);
                    self.proven_at = Some(now);
                }
                None
            }
            ClientState::Empty | ClientState::Refetch { .. } | ClientState::Unverified { .. } => {
                None
            }
        }
    }

    /// Only the log tells of this stream, and it begins behind `pos`: what came before was never seen. To be said
    /// before [`Self::rest_loaded`] with the same place. Says whether the epoch is a new one for us.
    pub fn log_begins_behind(&mut self, pos: &StreamPos, now: UtcMicros) -> bool {
        let knows_epoch = match &self.state {
            ClientState::Verified { .. } | ClientState::Hole { .. } => true,
            ClientState::Empty => false,
            ClientState::Refetch { last, .. } | ClientState::Unverified { last, .. } => {
                last.as_ref().is_some_and(|last| last.epoch == pos.epoch)
            }
        };
        if pos.seq > Seq(0) && !knows_epoch {
            self.missing.push(MissingRange {
                epoch: pos.epoch.clone(),
                from: Seq(1),
                to: Some(pos.seq),
                at: now,
            });
            self.bound_missing();
        }
        !knows_epoch
    }

    /// A REST answer came, with the stream's place read before its rows. Says whether to apply it.
    pub fn rest_loaded(
        &mut self,
        pos: Option<&StreamPos>,
        now: UtcMicros,
    ) -> (Verdict, Option<Ask>) {
        let (last, is_unverified) = match &self.state {
            ClientState::Verified { .. } | ClientState::Hole { .. } => {
                return (Verdict::Duplicate, None);
            }
            ClientState::Empty => (None, false),
            ClientState::Refetch { last, .. } => (last.clone(), false),
            ClientState::Unverified { last, .. } => (last.clone(), true),
        };
        let Some(pos) = pos else {
            self.proven_at = Some(now);
            self.enter_unverified(last, now);
            return (Verdict::Apply, None);
        };
        if is_unverified && self.class == StreamClass::State {
            // Numbers exist, so a snapshot will come; until then REST keeps the rows right.
            self.note(pos);
            self.proven_at = Some(now);
            self.rest_due_at = Some(now.plus_millis(UNVERIFIED_POLL_MILLIS));
            return (Verdict::Apply, None);
        }
        self.note(pos);
        self.rest_due_at = None;
        let is_older = last
            .as_ref()
            .is_some_and(|last| last.epoch == pos.epoch && pos.seq < last.seq);
        let (place, verdict) = match last {
            Some(last) if is_older => (last, Verdict::Duplicate),
            last => {
                self.note_missing(last, pos, now);
                self.proven_at = Some(now);
                (pos.clone(), Verdict::Apply)
            }
        };
        self.enter_hole(place, HoleReason::NotProven, now);
        (verdict, self.ask_resync())
    }

    /// A REST question failed.
    pub fn rest_failed(&mut self, now: UtcMicros) {
        if self.rest_due_at.is_some() {
            let wait = match self.state {
                ClientState::Unverified { .. } => UNVERIFIED_POLL_MILLIS,
                _ => REST_RETRY_MILLIS,
            };
            self.rest_due_at = Some(now.plus_millis(wait));
        }
    }

    /// Time passed.
    pub fn tick(&mut self, now: UtcMicros) -> Option<Ask> {
        if !self.is_link_up {
            return None;
        }
        match &mut self.state {
            ClientState::Verified { .. } => {
                let is_due = |since: UtcMicros, millis| now.millis_since(since) >= millis;
                if let Some(ahead) = &self.ahead
                    && is_due(ahead.since, BEAT_GRACE_MILLIS)
                {
                    return self.lose(HoleReason::BeatAhead, now);
                }
                if is_due(self.stamp_at, SILENCE_MILLIS) {
                    return self.lose(HoleReason::Silent, now);
                }
                None
            }
            ClientState::Hole {
                num_repeats,
                retry_at,
                reason,
                ..
            } => {
                if now < *retry_at {
                    return None;
                }
                if *num_repeats >= RESYNC_WAITS_MILLIS.len() {
                    let reason = *reason;
                    return self.enter_refetch(reason, now);
                }
                *num_repeats += 1;
                *retry_at = now.plus_millis(resync_wait(*num_repeats));
                self.ask_resync()
            }
            ClientState::Empty | ClientState::Refetch { .. } | ClientState::Unverified { .. } => {
                match self.rest_due_at {
                    Some(due_at) if due_at <= now => self.want_rest(now),
                    _ => None,
                }
            }
        }
    }
}

/// The wait behind a `resync` that was repeated so often.
fn resync_wait(num_repeats: usize) -> i64 {
    let wait = RESYNC_WAITS_MILLIS.get(num_repeats).copied();
    wait.unwrap_or(LAST_WAIT_MILLIS)
}
