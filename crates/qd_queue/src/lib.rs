//! The one bounded, drop-oldest queue of the house, with counters and a waker.
//!
//! **Owns**: what happens when a reader is slower than its writers: the oldest item goes, is handed back to the writer and
//! is counted. The contract is `docs/specs/queues.md`.
//! **Does not own**: what a drop means. For numbered streams that is a hole to be closed, said by `qd_state`.
//! **Threading**: any number of senders, one receiver, any threads or none (wasm). No call ever waits for the other side:
//! senders exclude each other for a fixed number of non-blocking steps, readers exclude nobody.
//! **Failure**: none; a send into a queue whose receiver is gone hands the item back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crossbeam_channel::TrySendError;
use parking_lot::Mutex;

/// What a queue has seen since it was made.
///
/// `received = delivered + dropped + queued` at all times, whatever the other threads do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Items given to [`Sender::push`].
    pub received: u64,
    /// Items given to the reader.
    pub delivered: u64,
    /// Items displaced by newer ones, or left when the receiver went away.
    pub dropped: u64,
    /// Items waiting; one that is just changing hands counts as waiting.
    pub queued: u64,
    /// The most that ever waited.
    pub high_water: u64,
}

type Waker = Arc<dyn Fn() + Send + Sync>;

/// What both ends share.
struct Shared {
    received: AtomicU64,
    delivered: AtomicU64,
    dropped: AtomicU64,
    high_water: AtomicU64,
    num_senders: AtomicUsize,
    /// Written under `senders`, so that no push can slip in behind the receiver's last drain.
    is_closed: AtomicBool,
    /// One push at a time, so that a push displaces one item at most and closing is final.
    senders: Mutex<()>,
    waker: Mutex<Option<Waker>>,
}

impl Shared {
    fn counters(&self) -> Counters {
        // ORDER MATTERS: an item is counted as received before it can be counted as gone, so reading what went first
        // and what came last never sees more go than came.
        let delivered = self.delivered.load(Ordering::SeqCst);
        let dropped = self.dropped.load(Ordering::SeqCst);
        let received = self.received.load(Ordering::SeqCst);
        Counters {
            received,
            delivered,
            dropped,
            queued: received.saturating_sub(delivered.saturating_add(dropped)),
            high_water: self.high_water.load(Ordering::SeqCst),
        }
    }

    fn wake(&self) {
        // Called outside the lock: a waker may push, or set another waker.
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker();
        }
    }

    fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        let old = self.waker.lock().replace(Arc::new(waker));
        // Dropped outside the lock: it may hold anything.
        drop(old);
    }
}

/// Makes a queue that holds at most `capacity` items, at least one.
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = crossbeam_channel::bounded(capacity.max(1));
    let shared = Arc::new(Shared {
        received: AtomicU64::new(0),
        delivered: AtomicU64::new(0),
        dropped: AtomicU64::new(0),
        high_water: AtomicU64::new(0),
        num_senders: AtomicUsize::new(1),
        is_closed: AtomicBool::new(false),
        senders: Mutex::new(()),
        waker: Mutex::new(None),
    });
    let sender = Sender {
        tx,
        rx: rx.clone(),
        shared: Arc::clone(&shared),
    };
    (sender, Receiver { rx, shared })
}

/// The writing end; clones write into the same queue.
pub struct Sender<T> {
    tx: crossbeam_channel::Sender<T>,
    /// For taking out the oldest item when there is no room.
    rx: crossbeam_channel::Receiver<T>,
    shared: Arc<Shared>,
}

impl<T> Sender<T> {
    /// Puts `item` at the end and returns what had to go for it: the oldest item when there was no room, or `item`
    /// itself when the receiver is gone. Wakes the reader. Never waits for the reader.
    pub fn push(&self, item: T) -> Option<T> {
        let displaced = {
            let _one_at_a_time = self.shared.senders.lock();
            self.shared.received.fetch_add(1, Ordering::SeqCst);
            if self.shared.is_closed.load(Ordering::SeqCst) {
                self.shared.dropped.fetch_add(1, Ordering::SeqCst);
                return Some(item);
            }
            self.make_room_and_send(item)
        };
        self.shared.wake();
        displaced
    }

    /// Under the lock of the senders.
    fn make_room_and_send(&self, item: T) -> Option<T> {
        let mut displaced = None;
        let mut item = item;
        loop {
            match self.tx.try_send(item) {
                Ok(()) => break,
                Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => {
                    item = back;
                    // Nothing there means that the reader was faster: then there is room now. Nobody else sends.
                    if let Ok(oldest) = self.rx.try_recv() {
                        self.shared.dropped.fetch_add(1, Ordering::SeqCst);
                        displaced = Some(oldest);
                    }
                }
            }
        }
        let waiting = u64::try_from(self.tx.len()).unwrap_or(u64::MAX);
        self.shared.high_water.fetch_max(waiting, Ordering::SeqCst);
        displaced
    }

    /// Calls `waker` after every push and when the last sender goes away, in the sender's thread, instead of the waker
    /// set before. It must not block.
    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        self.shared.set_waker(waker);
    }

    /// What the queue has seen.
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// Whether the receiver is gone.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed.load(Ordering::SeqCst)
    }

    /// How many items fit.
    pub fn capacity(&self) -> usize {
        self.tx.capacity().unwrap_or(1)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.num_senders.fetch_add(1, Ordering::SeqCst);
        Self {
            tx: self.tx.clone(),
            rx: self.rx.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.shared.num_senders.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.shared.wake();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.counters()).finish()
    }
}

/// The reading end. Dropping it closes the queue: what waits is dropped and counted.
pub struct Receiver<T> {
    rx: crossbeam_channel::Receiver<T>,
    shared: Arc<Shared>,
}

impl<T> Receiver<T> {
    /// Takes the oldest item, or `None` when nothing waits. Never waits for a sender.
    pub fn pop(&self) -> Option<T> {
        let item = self.rx.try_recv().ok()?;
        self.shared.delivered.fetch_add(1, Ordering::SeqCst);
        Some(item)
    }

    /// Takes what waits now, oldest first; what comes while it is being taken may stay for the next time.
    pub fn drain(&self) -> impl Iterator<Item = T> + '_ {
        let waiting = self.len();
        std::iter::from_fn(|| self.pop()).take(waiting)
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.rx.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.rx.is_empty()
    }

    /// Whether all senders are gone and nothing waits: nothing will ever come.
    pub fn is_finished(&self) -> bool {
        // ORDER MATTERS: once no sender is left, nothing can come after the look at the queue.
        self.shared.num_senders.load(Ordering::SeqCst) == 0 && self.is_empty()
    }

    /// As [`Sender::set_waker`].
    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        self.shared.set_waker(waker);
    }

    /// What the queue has seen.
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        {
            let _no_push = self.shared.senders.lock();
            self.shared.is_closed.store(true, Ordering::SeqCst);
        }
        while let Ok(item) = self.rx.try_recv() {
            self.shared.dropped.fetch_add(1, Ordering::SeqCst);
            drop(item);
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.counters()).finish()
    }
}

#[cfg(test)]
mod tests;
