//! The servers' wall clock: the one place of this binary that reads it.

use std::time::{SystemTime, UNIX_EPOCH};

use qd_types::{Clock, UtcMicros};

/// What the machine says the time is.
#[derive(Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everybody else is handed"
    )]
    fn now(&self) -> UtcMicros {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UtcMicros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}
