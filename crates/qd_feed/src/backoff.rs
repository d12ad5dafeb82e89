//! How long to wait before the next try: exponential with full jitter, for ever. Pure; chance is passed in.

/// The shortest wait, so that a server that refuses at once is not hammered.
const FLOOR_MILLIS: u64 = 500;

/// What the waits grow to.
const CAP_MILLIS: u64 = 30_000;

/// Counts failures in a row and turns them into waits.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Starts again from the shortest wait.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure and gives the wait: anywhere between the floor and a cap that doubles up to 30 s.
    ///
    /// What the server asks for wins, with half a second of jitter on top so that not everybody comes back at once.
    pub(crate) fn next_millis(&mut self, retry_after_millis: Option<u64>, chance: u64) -> u64 {
        self.failures = self.failures.saturating_add(1);
        if let Some(asked) = retry_after_millis {
            // An absurd answer must not keep the console away for hours, nor make it knock without a pause.
            let floor = if self.failures > 1 { FLOOR_MILLIS } else { 0 };
            return asked.clamp(floor, 300_000).saturating_add(chance % 500);
        }
        let doublings = self.failures.min(8);
        let cap = (FLOOR_MILLIS << doublings).min(CAP_MILLIS);
        FLOOR_MILLIS + chance % (cap - FLOOR_MILLIS + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: RT-6
    #[test]
    fn waits_grow_to_thirty_seconds_and_never_leave_their_range() {
        let mut backoff = Backoff::default();
        let caps = [
            1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000,
        ];
        for cap in caps {
            let low = Backoff {
                failures: backoff.failures,
            }
            .next_millis(None, 0);
            assert_eq!(low, FLOOR_MILLIS);
            let mut worst = 0;
            for chance in 0..40_000 {
                let wait = Backoff {
                    failures: backoff.failures,
                }
                .next_millis(None, chance);
                assert!((FLOOR_MILLIS..=cap).contains(&wait), "{wait} of {cap}");
                worst = worst.max(wait);
            }
            assert_eq!(worst, cap, "the whole range must be used");
            backoff.next_millis(None, 7);
        }
        assert_eq!(backoff.failures, 10);
        backoff.reset();
        assert!(backoff.next_millis(None, u64::MAX) <= 1000);
    }

    // covers: RT-6
    #[test]
    fn what_the_server_asks_for_wins() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next_millis(Some(20), 0), 20, "once");
        for _ in 0..100 {
            let wait = backoff.next_millis(Some(0), 0);
            assert_eq!(wait, FLOOR_MILLIS, "no knocking without a pause");
        }
        for chance in [0, 1, 499, 500, u64::MAX] {
            let wait = backoff.next_millis(Some(7000), chance);
            assert!((7000..7500).contains(&wait), "{wait}");
        }
        assert!(backoff.next_millis(Some(u64::MAX), 0) <= 300_500);
    }
}
