//! The one place where the newest snapshot lies: written by the ingest task, loaded once per frame.
//!
//! It keeps no history and blocks nobody. A slow reader simply skips snapshots.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::{Snapshot, Urgency};

/// Wakes the frame: on both targets a call to egui's repaint request.
pub type Waker = dyn Fn() + Send + Sync;

/// The newest snapshot, and whom to wake for it.
pub struct SnapshotCell {
    newest: ArcSwap<Snapshot>,
    /// Something was published that no frame has loaded.
    is_dirty: AtomicBool,
    waker: ArcSwapOption<Box<Waker>>,
}

impl SnapshotCell {
    /// A cell that holds the empty snapshot and wakes nobody.
    pub fn new() -> Self {
        Self {
            newest: ArcSwap::from_pointee(Snapshot::empty()),
            is_dirty: AtomicBool::new(false),
            waker: ArcSwapOption::empty(),
        }
    }

    /// Whom to wake from now on. Called at once if something is waiting already.
    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        self.waker.store(Some(Arc::new(Box::new(waker))));
        if self.is_dirty.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Puts `snapshot` in place and, if that is urgent, wakes the frame, unless it was woken already and has not
    /// looked yet.
    pub fn publish(&self, snapshot: Arc<Snapshot>, urgency: Urgency) {
        self.newest.store(snapshot);
        if urgency == Urgency::WithTheClock {
            return;
        }
        // AFTER the store: a reader that clears the flag in between loads what is there now.
        if !self.is_dirty.swap(true, Ordering::SeqCst) {
            self.wake();
        }
    }

    /// The newest snapshot, for a frame: from here on the next publication wakes again.
    pub fn load_for_frame(&self) -> Arc<Snapshot> {
        // BEFORE the load: what is published after it must wake.
        self.is_dirty.store(false, Ordering::SeqCst);
        self.newest.load_full()
    }

    /// The newest snapshot, for anybody else: changes nothing.
    pub fn load(&self) -> Arc<Snapshot> {
        self.newest.load_full()
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.load() {
            waker();
        }
    }
}

impl Default for SnapshotCell {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SnapshotCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotCell")
            .field("version", &self.newest.load().version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    fn version(version: u64) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            version,
            ..Snapshot::empty()
        })
    }

    #[test]
    fn wakes_once_until_the_frame_has_looked() {
        let cell = SnapshotCell::new();
        let num_wakes = Arc::new(AtomicU32::new(0));
        cell.publish(version(1), Urgency::Now);
        let counter = Arc::clone(&num_wakes);
        cell.set_waker(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let wakes = || num_wakes.load(Ordering::SeqCst);
        assert_eq!(wakes(), 1, "what waited wakes the new waker");
        cell.publish(version(2), Urgency::Now);
        cell.publish(version(3), Urgency::Now);
        assert_eq!(cell.load().version, 3);
        assert_eq!(wakes(), 1, "one wake until a frame looks");
        assert_eq!(cell.load_for_frame().version, 3);
        assert_eq!(wakes(), 1, "looking wakes nobody");
        cell.publish(version(4), Urgency::WithTheClock);
        assert_eq!(wakes(), 1, "what can wait for the clock wakes nobody");
        cell.publish(version(5), Urgency::Now);
        assert_eq!(wakes(), 2);
        assert_eq!(cell.load_for_frame().version, 5);
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test's own writer, as the ingest task of the native console"
    )]
    fn no_publication_is_left_unseen_and_unwoken_under_two_threads() {
        let cell = Arc::new(SnapshotCell::new());
        let woken = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&woken);
        cell.set_waker(move || flag.store(true, Ordering::SeqCst));
        let writer = {
            let cell = Arc::clone(&cell);
            std::thread::Builder::new()
                .name("writer".to_owned())
                .spawn(move || (1..=20_000).for_each(|i| cell.publish(version(i), Urgency::Now)))
                .unwrap()
        };
        let mut seen = 0;
        while seen < 20_000 {
            if woken.swap(false, Ordering::SeqCst) {
                let newest = cell.load_for_frame().version;
                assert!(newest >= seen, "versions never go back");
                seen = newest;
            } else if writer.is_finished() && !woken.load(Ordering::SeqCst) {
                assert_eq!(
                    seen, 20_000,
                    "the last publication must have woken the frame"
                );
            }
        }
        writer.join().unwrap();
    }
}
