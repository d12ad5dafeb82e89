//! The client's half of the stream contract: which message may be applied, and what to ask for when one may not.
//!
//! It sees heads and instants, never rows: the caller applies what [`Verdict::Apply`] allows, and does what [`Ask`]
//! says. No IO, no clock, no payload, so the same code runs in the console and in the model test.
//!
//! `Verified` is entered only with a number not below `to`, the highest of the epoch ever seen in any state.

use qd_types::{Epoch, MessageKind, Seq, StreamClass, StreamPos, UtcMicros};

use crate::event::MessageHead;

/// Waits before the `resync` is sent again; after the last one more of [`LAST_WAIT_MILLIS`], then REST.
pub const RESYNC_WAITS_MILLIS: [i64; 4] = [2_000, 4_000, 8_000, 10_000];
/// The wait after the last repeated `resync`.
pub const LAST_WAIT_MILLIS: i64 = 10_000;
/// How long a beat may be ahead while nothing comes.
pub const BEAT_GRACE_MILLIS: i64 = 2_000;
/// How old the newest server stamp may be.
pub const SILENCE_MILLIS: i64 = 12_000;
/// A failed REST question is asked again after this, and no question is asked sooner after the last.
pub const REST_RETRY_MILLIS: i64 = 1_000;
/// A REST question that nobody answered is asked again after this.
pub const REST_TIMEOUT_MILLIS: i64 = 15_000;
/// How often REST is asked while the producer does not number its messages.
pub const UNVERIFIED_POLL_MILLIS: i64 = 10_000;
/// How long a connected state stream waits for its first snapshot before it asks REST.
pub const EMPTY_GRACE_MILLIS: i64 = 2_000;

const MAX_EPOCHS: usize = 8;
const MAX_MISSING: usize = 16;

/// Where a stream's client stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientState {
    /// Nothing applied yet.
    Empty,
    /// Everything up to `pos` is applied.
    Verified {
        /// The last place applied.
        pos: StreamPos,
    },
    /// Something after `pos` is missing.
    Hole {
        /// The last place applied.
        pos: StreamPos,
        /// Since when.
        since: UtcMicros,
        /// What showed it.
        reason: HoleReason,
        /// Repeated resyncs without progress.
        num_repeats: usize,
        /// When the next step is due, if the socket is up.
        retry_at: UtcMicros,
    },
    /// The log cannot help: REST is being asked.
    Refetch {
        /// The last place applied; absent when there was none.
        last: Option<StreamPos>,
        /// Since when there is a hole.
        since: UtcMicros,
        /// What showed it.
        reason: HoleReason,
    },
    /// The producer does not number its messages.
    Unverified {
        /// The last place applied before that; absent when there was none.
        last: Option<StreamPos>,
        /// Since when.
        since: UtcMicros,
    },
}

/// What showed that something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoleReason {
    /// A number was jumped.
    NumberJumped,
    /// The lane's log no longer has it.
    Gone,
    /// The snapshot was too large for the bus.
    RefetchAsked,
    /// Our own queue dropped it.
    QueueDropped,
    /// It could not be read.
    Unreadable,
    /// The publisher started another epoch.
    OtherEpoch,
    /// The hub is further, and nothing came.
    BeatAhead,
    /// The socket closed.
    Disconnected,
    /// No server stamp for too long.
    Silent,
    /// Applied from a snapshot or REST, not yet proven to be the newest.
    NotProven,
}

/// Events that were jumped over and will never be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRange {
    /// The epoch of `from`.
    pub epoch: Epoch,
    /// The first one missing.
    pub from: Seq,
    /// The last one missing; absent when the epoch ended somewhere behind `from`.
    pub to: Option<Seq>,
    /// When it was jumped.
    pub at: UtcMicros,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Apply it.
    Apply,
    /// It was applied before.
    Duplicate,
    /// It does not fit: a resync or REST brings what it said.
    SetAside,
}

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Send `resync` from here.
    Resync(StreamPos),
    /// Ask REST.
    Rest,
}

/// Every message counted once: `received = applied + duplicates + set_aside + unreadable`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCounters {
    /// Messages that came, readable or not.
    pub received: u64,
    /// Messages applied.
    pub applied: u64,
    /// Messages that had been applied before.
    pub duplicates: u64,
    /// Messages that did not fit and were left.
    pub set_aside: u64,
    /// Messages that could not be read.
    pub unreadable: u64,
    /// Messages that the own queue dropped; they never counted as received here.
    pub queue_dropped: u64,
    /// Times `Verified` was lost for another reason than a closed socket.
    pub gaps: u64,
    /// `resync` frames asked for.
    pub resyncs: u64,
    /// REST questions asked for.
    pub refetches: u64,
}

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
                if pos.seq <= own.seq && own.seq >= self.to(&own.epoch) {
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
                let wait = RESYNC_WAITS_MILLIS
                    .get(*num_repeats)
                    .copied()
                    .unwrap_or(LAST_WAIT_MILLIS);
                *retry_at = now.plus_millis(wait);
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

    fn numbered(&mut self, head: &MessageHead, now: UtcMicros) -> (Verdict, Option<Ask>) {
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

    fn unnumbered(&mut self, now: UtcMicros) -> Option<Ask> {
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
    fn lost(&mut self, pos: &StreamPos, reason: HoleReason, now: UtcMicros) -> Option<Ask> {
        match &self.state {
            ClientState::Verified { pos: own } if own.epoch != pos.epoch || own.seq < pos.seq => {
                self.lose(reason, now)
            }
            _ => None,
        }
    }

    /// From `Verified` into `Hole`, with the first `resync`.
    fn lose(&mut self, reason: HoleReason, now: UtcMicros) -> Option<Ask> {
        let ClientState::Verified { pos } = &self.state else {
            return None;
        };
        let pos = pos.clone();
        self.counters.gaps += 1;
        self.enter_hole(pos, reason, now);
        self.ask_resync()
    }

    /// Into `Verified` or `Hole`, by `to`: the one door into `Verified` for values.
    fn place(&mut self, pos: StreamPos, now: UtcMicros) {
        self.rest_due_at = None;
        if pos.seq >= self.to(&pos.epoch) {
            self.enter_verified(pos);
        } else {
            self.enter_hole(pos, HoleReason::NotProven, now);
        }
    }

    fn enter_verified(&mut self, pos: StreamPos) {
        self.ahead = None;
        self.rest_due_at = None;
        self.state = ClientState::Verified { pos };
    }

    /// Forward inside `Verified`: a beat that is still ahead gets its grace anew, for something came.
    fn enter_verified_further(&mut self, pos: StreamPos, now: UtcMicros) {
        let ahead = self
            .ahead
            .take()
            .filter(|ahead| ahead.pos.epoch != pos.epoch || ahead.pos.seq > pos.seq)
            .map(|ahead| Ahead { since: now, ..ahead });
        self.enter_verified(pos);
        self.ahead = ahead;
    }

    fn enter_hole(&mut self, pos: StreamPos, reason: HoleReason, now: UtcMicros) {
        let (since, reason) = match &self.state {
            // Progress inside one hole does not make it younger.
            ClientState::Hole { since, reason, .. } | ClientState::Refetch { since, reason, .. } => {
                (*since, *reason)
            }
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

    fn enter_refetch(&mut self, reason: HoleReason, now: UtcMicros) -> Option<Ask> {
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

    fn enter_unverified(&mut self, last: Option<StreamPos>, now: UtcMicros) {
        let since = match &self.state {
            ClientState::Unverified { since, .. } => *since,
            _ => now,
        };
        self.ahead = None;
        self.state = ClientState::Unverified { last, since };
        self.rest_due_at = Some(now.plus_millis(UNVERIFIED_POLL_MILLIS));
    }

    fn ask_resync(&mut self) -> Option<Ask> {
        let ClientState::Hole { pos, .. } = &self.state else {
            return None;
        };
        // Without a socket the next hello resumes from the same place.
        let ask = self.is_link_up.then(|| Ask::Resync(pos.clone()))?;
        self.counters.resyncs += 1;
        Some(ask)
    }

    /// Asks REST now, or as soon as the last question is a second old.
    fn want_rest_sooner(&mut self, now: UtcMicros) -> Option<Ask> {
        let earliest = self
            .rest_asked_at
            .map_or(now, |at| at.plus_millis(REST_RETRY_MILLIS));
        if earliest <= now && self.is_link_up {
            return self.want_rest(now);
        }
        self.rest_due_at = Some(earliest.max(now));
        None
    }

    fn want_rest(&mut self, now: UtcMicros) -> Option<Ask> {
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
    fn to(&self, epoch: &Epoch) -> Seq {
        self.seen
            .iter()
            .find(|(seen, _)| seen == epoch)
            .map_or(Seq(0), |(_, seq)| *seq)
    }

    fn note(&mut self, pos: &StreamPos) {
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
    fn note_missing(&mut self, last: Option<StreamPos>, pos: &StreamPos, now: UtcMicros) {
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
