//! One bit that wakes one task: what producers on any thread use to say "look again". It carries no data.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// Set from anywhere, awaited by one task; several notifications before the next look are one.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    is_set: AtomicBool,
    waker: AtomicWaker,
}

impl Signal {
    /// Wakes the task that waits, or lets its next wait return at once.
    pub(crate) fn notify(&self) {
        if !self.is_set.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// Ready when notified since the last time it was ready.
    pub(crate) fn poll_notified(&self, cx: &Context<'_>) -> Poll<()> {
        // Registered BEFORE the bit is read: the other way round a notification in between is lost.
        self.waker.register(cx.waker());
        if self.is_set.swap(false, Ordering::AcqRel) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Waits until notified.
    pub(crate) async fn notified(&self) {
        std::future::poll_fn(|cx| self.poll_notified(cx)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_notification_before_the_wait_is_not_lost_and_two_are_one() {
        let signal = Arc::new(Signal::default());
        signal.notify();
        signal.notify();
        signal.notified().await;
        let cx = Context::from_waker(std::task::Waker::noop());
        assert_eq!(signal.poll_notified(&cx), Poll::Pending);
        let waiter = tokio::spawn({
            let signal = Arc::clone(&signal);
            async move { signal.notified().await }
        });
        signal.notify();
        waiter.await.unwrap();
    }
}
