//! The figures of a lane, in messages, that the counting law of the streams' contract is about.
//!
//! It does not turn them into metrics: the owner adds them up over all lanes.

/// What happened to every message that came into a lane.
///
/// The law: `received + read = delivered + duplicate + conflated + skipped + dropped + unreadable + queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneCounters {
    /// Came from the hub.
    pub received: u64,
    /// Came from a page of the log.
    pub read: u64,
    /// Handed to the socket; a batch counts its messages.
    pub delivered: u64,
    /// The number was here before.
    pub duplicate: u64,
    /// Left to the log, which has them too, or replaced by a newer unnumbered message.
    pub conflated: u64,
    /// Passed over because a newer snapshot stands for them, or because they came behind a hole.
    pub skipped: u64,
    /// Lost: they waited when the socket closed, or were unnumbered events at the bound.
    pub dropped: u64,
    /// Always zero: a lane reads heads, and what has no readable head never comes here.
    pub unreadable: u64,
    /// Waiting now.
    pub queued: u64,
    /// Outside the law: numbers that snapshots jumped over, as told to the client.
    pub told_skipped: u64,
    /// Outside the law: how often the log was read behind a place, for whatever reason.
    pub answers: u64,
    /// Outside the law: answers that the client asked for.
    pub resyncs: u64,
    /// Outside the law: answers because too much waited.
    pub overflows: u64,
}

impl LaneCounters {
    /// Whether the law holds.
    pub fn balances(&self) -> bool {
        self.received + self.read
            == self.delivered
                + self.duplicate
                + self.conflated
                + self.skipped
                + self.dropped
                + self.unreadable
                + self.queued
    }

    /// Adds the figures of another lane.
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.read += other.read;
        self.delivered += other.delivered;
        self.duplicate += other.duplicate;
        self.conflated += other.conflated;
        self.skipped += other.skipped;
        self.dropped += other.dropped;
        self.unreadable += other.unreadable;
        self.queued += other.queued;
        self.told_skipped += other.told_skipped;
        self.answers += other.answers;
        self.resyncs += other.resyncs;
        self.overflows += other.overflows;
    }
}
