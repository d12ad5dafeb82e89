//! The runtime on the desktop: a tokio handle that the shell owns. It starts no runtime of its own.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use qd_types::{Clock, UtcMicros};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::BoxFuture;

/// What the desktop offers.
#[derive(Clone)]
pub(super) struct Platform {
    handle: Handle,
    started_at: Instant,
    /// In place of the system's wall clock.
    clock: Option<Arc<dyn Clock>>,
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform").finish_non_exhaustive()
    }
}

impl Platform {
    pub(super) fn new(handle: Handle, clock: Option<Arc<dyn Clock>>) -> Self {
        Self {
            handle,
            started_at: Instant::now(),
            clock,
        }
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(task));
    }

    pub(super) fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let _context = self.handle.enter();
        Box::pin(tokio::time::sleep(duration))
    }

    pub(super) fn monotonic_micros(&self) -> i64 {
        i64::try_from(self.started_at.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock for the feed"
    )]
    pub(super) fn now(&self) -> UtcMicros {
        if let Some(clock) = &self.clock {
            return clock.now();
        }
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UtcMicros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

pub(super) fn random_u64() -> u64 {
    // Without chance the jitter is gone and ids repeat; the time at least differs between two runs.
    getrandom::u64().unwrap_or_else(|err| {
        tracing::warn!(%err, "the system gives no random numbers");
        u64::from(std::process::id())
    })
}
