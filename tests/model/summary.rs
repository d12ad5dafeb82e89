//! What happened in a schedule, in figures; and that enough of everything happened over many.
//!
//! It judges no schedule: `oracle` does.

/// What a schedule came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) num_published: u64,
    pub(crate) num_applied: u64,
    pub(crate) num_duplicates: u64,
    pub(crate) num_set_aside: u64,
    pub(crate) num_unreadable: u64,
    pub(crate) num_queue_dropped: u64,
    pub(crate) num_gaps: u64,
    pub(crate) num_resyncs: u64,
    pub(crate) num_refetches: u64,
    pub(crate) num_missing_ranges: u64,
    pub(crate) num_unverified: u64,
    pub(crate) num_sockets: u64,
    pub(crate) num_slow_closes: u64,
    pub(crate) num_silent: u64,
    pub(crate) num_lane_overflows: u64,
    pub(crate) num_told_skipped: u64,
    pub(crate) num_told_gone: u64,
    pub(crate) num_faultless: u64,
    pub(crate) longest_settle_millis: i64,
}

impl Summary {
    /// Adds another schedule's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.num_published += other.num_published;
        self.num_applied += other.num_applied;
        self.num_duplicates += other.num_duplicates;
        self.num_set_aside += other.num_set_aside;
        self.num_unreadable += other.num_unreadable;
        self.num_queue_dropped += other.num_queue_dropped;
        self.num_gaps += other.num_gaps;
        self.num_resyncs += other.num_resyncs;
        self.num_refetches += other.num_refetches;
        self.num_missing_ranges += other.num_missing_ranges;
        self.num_unverified += other.num_unverified;
        self.num_sockets += other.num_sockets;
        self.num_slow_closes += other.num_slow_closes;
        self.num_silent += other.num_silent;
        self.num_lane_overflows += other.num_lane_overflows;
        self.num_told_skipped += other.num_told_skipped;
        self.num_told_gone += other.num_told_gone;
        self.num_faultless += other.num_faultless;
        self.longest_settle_millis = self.longest_settle_millis.max(other.longest_settle_millis);
    }

    /// A model in which nothing goes wrong proves nothing.
    pub(crate) fn assert_that_faults_happened(&self, num_schedules: u64) {
        if num_schedules < 500 {
            return;
        }
        for (what, num) in [
            ("duplicates", self.num_duplicates),
            ("set aside", self.num_set_aside),
            ("unreadable", self.num_unreadable),
            ("queue dropped", self.num_queue_dropped),
            ("gaps", self.num_gaps),
            ("resyncs", self.num_resyncs),
            ("refetches", self.num_refetches),
            ("missing ranges", self.num_missing_ranges),
            ("unverified", self.num_unverified),
            ("slow closes", self.num_slow_closes),
            ("silent", self.num_silent),
            ("lane overflows", self.num_lane_overflows),
            ("told skipped", self.num_told_skipped),
            ("told gone", self.num_told_gone),
            ("faultless", self.num_faultless),
        ] {
            assert!(num > 0, "no schedule had any {what}");
        }
    }
}
