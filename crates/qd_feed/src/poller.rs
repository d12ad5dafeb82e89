//! When each poll is due: never twice at once, later and later while it fails, not at all while nobody looks. Pure.
//!
//! It asks nothing; the last good answer is the store's to keep.

use qd_state::{Poll, PollSet};

use crate::backoff::Backoff;

/// A market's clock goes by a calendar.
pub(crate) const CLOCK_MILLIS: i64 = 30_000;

/// A tape goes as somebody tells it, and everybody should see that soon.
pub(crate) const TAPE_CLOCK_MILLIS: i64 = 2_000;

/// Every poll with its interval in milliseconds.
const INTERVALS: [(Poll, i64); 5] = [
    (Poll::Prices, 5_000),
    (Poll::Series, 30_000),
    (Poll::MarketClock, CLOCK_MILLIS),
    (Poll::Health, 10_000),
    (Poll::Stats, 30_000),
];

/// One poll's schedule; instants are monotonic microseconds.
#[derive(Debug)]
struct Poller {
    poll: Poll,
    interval_micros: i64,
    due_at: i64,
    is_running: bool,
    /// Asked for while running: once more when that is over.
    is_wanted_again: bool,
    backoff: Backoff,
}

/// All polls.
#[derive(Debug)]
pub(crate) struct Pollers {
    pollers: Vec<Poller>,
    wanted: PollSet,
    is_visible: bool,
    is_signed_in: bool,
}

impl Pollers {
    /// Everything is due as soon as somebody is signed in.
    pub(crate) fn new() -> Self {
        let pollers = INTERVALS
            .iter()
            .map(|&(poll, interval_millis)| Poller {
                poll,
                interval_micros: interval_millis * 1000,
                due_at: i64::MIN,
                is_running: false,
                is_wanted_again: false,
                backoff: Backoff::default(),
            })
            .collect();
        Self {
            pollers,
            wanted: PollSet::ALL,
            is_visible: true,
            is_signed_in: false,
        }
    }

    /// Nobody looks at a hidden console: nothing is due until it is shown.
    pub(crate) fn set_visible(&mut self, is_visible: bool) {
        self.is_visible = is_visible;
    }

    /// What no part of the console shows is not asked for; what is shown again is asked for when that is overdue.
    pub(crate) fn set_wanted(&mut self, wanted: PollSet) {
        self.wanted = wanted;
    }

    /// Without a session nothing is due; with a new one everything is.
    pub(crate) fn set_signed_in(&mut self, is_signed_in: bool) {
        if is_signed_in && !self.is_signed_in {
            for poller in &mut self.pollers {
                poller.due_at = i64::MIN;
                poller.backoff.reset();
            }
        }
        self.is_signed_in = is_signed_in;
    }

    /// Makes `poll` due now, or once more when it is running.
    pub(crate) fn refresh(&mut self, poll: Poll) {
        for poller in self.pollers.iter_mut().filter(|p| p.poll == poll) {
            poller.is_wanted_again = poller.is_running;
            poller.due_at = i64::MIN;
        }
    }

    /// From now on `poll` is due so often.
    pub(crate) fn set_interval(&mut self, poll: Poll, millis: i64) {
        for poller in self.pollers.iter_mut().filter(|p| p.poll == poll) {
            poller.interval_micros = millis * 1000;
        }
    }

    /// The polls to start now; each counts as running until [`Self::finished`].
    pub(crate) fn start_due(&mut self, now: i64) -> Vec<Poll> {
        if !self.is_on() {
            return Vec::new();
        }
        let mut due = Vec::new();
        for poller in &mut self.pollers {
            let is_wanted = self.wanted.contains(poller.poll);
            if is_wanted && !poller.is_running && poller.due_at <= now {
                poller.is_running = true;
                due.push(poller.poll);
            }
        }
        due
    }

    /// A poll is over; gives when it is due again.
    pub(crate) fn finished(
        &mut self,
        poll: Poll,
        result: Result<(), Option<u64>>,
        now: i64,
        chance: u64,
    ) -> Option<i64> {
        let poller = self.pollers.iter_mut().find(|p| p.poll == poll)?;
        poller.is_running = false;
        let again = std::mem::take(&mut poller.is_wanted_again);
        let wait = match result {
            Ok(()) => {
                poller.backoff.reset();
                poller.interval_micros
            }
            Err(retry_after_millis) => {
                let millis = poller.backoff.next_millis(retry_after_millis, chance);
                // Failing must never make a poll more frequent than succeeding.
                i64::try_from(millis)
                    .unwrap_or(i64::MAX)
                    .saturating_mul(1000)
                    .max(poller.interval_micros.min(5_000_000))
            }
        };
        poller.due_at = if again && result.is_ok() {
            now
        } else {
            now.saturating_add(wait)
        };
        Some(poller.due_at)
    }

    /// A poll had nothing to ask about: it is looked at again in a second.
    pub(crate) fn nothing_to_ask(&mut self, poll: Poll, now: i64) {
        for poller in self.pollers.iter_mut().filter(|p| p.poll == poll) {
            poller.is_running = false;
            poller.due_at = now.saturating_add(1_000_000);
        }
    }

    /// When the next poll is due; `None` while nothing can be.
    pub(crate) fn next_due_at(&self) -> Option<i64> {
        if !self.is_on() {
            return None;
        }
        self.pollers
            .iter()
            .filter(|poller| !poller.is_running && self.wanted.contains(poller.poll))
            .map(|poller| poller.due_at)
            .min()
    }

    fn is_on(&self) -> bool {
        self.is_visible && self.is_signed_in
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn signed_in() -> Pollers {
        let mut pollers = Pollers::new();
        assert!(pollers.start_due(0).is_empty(), "nothing before sign-in");
        pollers.set_signed_in(true);
        pollers
    }

    // covers: RT-2
    #[test]
    fn a_poll_never_overlaps_itself_and_comes_again_after_its_interval() {
        let mut pollers = signed_in();
        assert_eq!(pollers.start_due(0).len(), 5);
        assert!(pollers.start_due(60 * SECOND).is_empty(), "all are running");
        assert_eq!(pollers.next_due_at(), None);
        pollers.finished(Poll::Prices, Ok(()), 60 * SECOND, 0);
        assert_eq!(pollers.next_due_at(), Some(65 * SECOND));
        assert!(pollers.start_due(65 * SECOND - 1).is_empty());
        assert_eq!(pollers.start_due(65 * SECOND), [Poll::Prices]);
    }

    // covers: RT-2
    #[test]
    fn failures_wait_longer_and_the_server_may_ask_for_more() {
        let mut pollers = signed_in();
        pollers.start_due(0);
        for _ in 0..10 {
            let due = pollers
                .finished(Poll::Prices, Err(None), 0, u64::MAX / 3)
                .unwrap();
            assert!((5 * SECOND..=30 * SECOND).contains(&due), "{due}");
        }
        let due = pollers.finished(Poll::Prices, Err(Some(45_000)), 0, 0);
        assert_eq!(due, Some(45 * SECOND));
    }

    // covers: RT-2
    #[test]
    fn hidden_means_silent_and_shown_means_due() {
        let mut pollers = signed_in();
        for poll in pollers.start_due(0) {
            pollers.finished(poll, Ok(()), 0, 0);
        }
        pollers.set_visible(false);
        assert_eq!(pollers.next_due_at(), None);
        assert!(pollers.start_due(3600 * SECOND).is_empty());
        pollers.set_visible(true);
        assert_eq!(pollers.start_due(3600 * SECOND).len(), 5);
    }

    // covers: RT-2
    #[test]
    fn what_nobody_shows_is_not_asked_for() {
        let mut pollers = signed_in();
        for poll in pollers.start_due(0) {
            pollers.finished(poll, Ok(()), 0, 0);
        }
        let header = PollSet::NONE.with(Poll::MarketClock).with(Poll::Health);
        pollers.set_wanted(header);
        assert_eq!(
            pollers.next_due_at(),
            Some(10 * SECOND),
            "health, not prices"
        );
        assert_eq!(
            pollers.start_due(3600 * SECOND),
            [Poll::MarketClock, Poll::Health]
        );
        pollers.refresh(Poll::Prices);
        assert_eq!(pollers.next_due_at(), None, "not even when it is asked for");
        pollers.set_wanted(header.with(Poll::Prices));
        assert_eq!(pollers.start_due(3600 * SECOND), [Poll::Prices], "overdue");
    }

    // covers: RT-2
    #[test]
    fn signed_out_means_silent_and_the_next_session_asks_at_once() {
        let mut pollers = signed_in();
        for poll in pollers.start_due(0) {
            // Everything failed for a while: the waits are long.
            for _ in 0..8 {
                pollers.finished(poll, Err(None), 0, u64::MAX);
            }
        }
        pollers.set_signed_in(false);
        assert_eq!(pollers.next_due_at(), None);
        assert!(pollers.start_due(3600 * SECOND).is_empty());
        pollers.set_signed_in(true);
        assert_eq!(
            pollers.start_due(3600 * SECOND).len(),
            5,
            "another session's failures are not this one's"
        );
        assert_eq!(
            pollers.finished(Poll::Prices, Err(None), 0, u64::MAX / 3),
            Some(5 * SECOND),
            "nor do its waits go on"
        );
    }

    // covers: RT-2
    #[test]
    fn a_failing_poll_waits_by_chance_and_never_less_than_its_interval() {
        let mut waits = std::collections::BTreeSet::new();
        for chance in 0..200_u64 {
            let mut pollers = signed_in();
            pollers.start_due(0);
            let mut due = 0;
            for _ in 0..6 {
                due = pollers
                    .finished(
                        Poll::Health,
                        Err(None),
                        0,
                        chance.wrapping_mul(0x9E37_79B9_7F4A_7C15),
                    )
                    .unwrap();
                assert!((5 * SECOND..=30 * SECOND).contains(&due), "{due}");
            }
            waits.insert(due);
        }
        assert!(waits.len() > 50, "two consoles do not come back together");
    }

    #[test]
    fn a_refresh_during_a_run_runs_once_more() {
        let mut pollers = signed_in();
        pollers.start_due(0);
        pollers.refresh(Poll::Health);
        pollers.refresh(Poll::Health);
        assert!(pollers.start_due(SECOND).is_empty());
        assert_eq!(
            pollers.finished(Poll::Health, Ok(()), SECOND, 0),
            Some(SECOND)
        );
        assert_eq!(pollers.start_due(SECOND), [Poll::Health]);
        assert_eq!(
            pollers.finished(Poll::Health, Ok(()), SECOND, 0),
            Some(11 * SECOND)
        );
    }
}
