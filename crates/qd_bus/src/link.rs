//! What a connection says about itself, and how long to wait before the next attempt.
//! Not here: the connections.

use std::time::Duration;

use qd_types::UtcMicros;

/// Whether a connection works, for health pages and banners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It works.
    Up {
        /// Since when.
        since: UtcMicros,
    },
    /// It does not; attempts go on for ever.
    Down {
        /// Since when.
        since: UtcMicros,
        /// Attempts made since then.
        attempts: u32,
        /// What the connection or the last attempt ended with.
        last_error: String,
    },
}

impl LinkState {
    /// Whether it works.
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Up { .. })
    }
}

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// [`LONGEST_WAIT`] in milliseconds of the clock.
pub(crate) const LONGEST_WAIT_MILLIS: i64 = 2_000;

/// Growing waits with jitter, so that the nodes of a farm do not come back in step.
#[derive(Debug)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { attempts: 0 }
    }

    /// Attempts counted since the last reset.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Counts a failed attempt and says how long to wait: between half and all of the present step.
    pub(crate) fn next_wait(&mut self) -> Duration {
        self.attempts = self.attempts.saturating_add(1);
        jittered(step(self.attempts))
    }
}

/// The longest wait before attempt number `attempts + 1`: 50 ms, doubled each time, at most 2 s.
pub(crate) fn step(attempts: u32) -> Duration {
    FIRST_WAIT
        .saturating_mul(1_u32 << attempts.saturating_sub(1).min(10))
        .min(LONGEST_WAIT)
}

/// Whether an instant that was set at most `longest_millis` ahead is due. One that lies further ahead is due too: the
/// clock was set back since, and nothing may stand still until it is there again.
pub(crate) fn is_due(at: UtcMicros, now: UtcMicros, longest_millis: i64) -> bool {
    at <= now || at > now.plus_millis(longest_millis)
}

/// [`step`] in milliseconds of the clock.
pub(crate) fn step_millis(attempts: u32) -> i64 {
    i64::try_from(step(attempts).as_millis()).unwrap_or(i64::MAX)
}

fn jittered(wait: Duration) -> Duration {
    let share = u64::from(getrandom::u32().unwrap_or(u32::MAX)) + 1;
    let half = wait / 2;
    let half_micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
    half + Duration::from_micros(half_micros.saturating_mul(share) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_two_seconds_and_stay_within_half_of_the_step() {
        let mut backoff = Backoff::new();
        let mut steps = Vec::new();
        for _ in 0..8 {
            let wait = backoff.next_wait();
            let step = step(backoff.attempts());
            assert!(wait >= step / 2 && wait <= step, "{wait:?} of {step:?}");
            steps.push(step.as_millis());
        }
        assert_eq!(steps, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        backoff.reset();
        assert!(backoff.next_wait() <= FIRST_WAIT);
    }
}
