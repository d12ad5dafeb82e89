//! The words of a stream's client: its states, what it says of a message, what it asks for, and its fixed waits.
//!
//! No behavior: that is `super` (what happens) and `steps` (where it leads).

use qd_types::{Epoch, Seq, StreamPos, UtcMicros};

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
