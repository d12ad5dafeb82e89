//! The store inside one process: logs, subscriptions and keys behind one lock, with the same rules as the Redis scripts.
//!
//! Nothing here waits or fails; a subscriber that does not keep up loses its inbox and is told so, it never holds up
//! a publisher.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;
use qd_types::{Clock, StreamName, StreamPos, UtcMicros};

use crate::log::{AppendOutcome, AppendRequest, LogEntry, LogPage, StreamLog};

const INBOX_MAX_MESSAGES: usize = 4096;
const INBOX_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Logs, subscriptions and keys of one process.
pub(crate) struct EmbeddedStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    logs: HashMap<StreamName, StreamLog>,
    inboxes: Vec<Weak<Inbox>>,
    values: HashMap<String, Value>,
    writes_since_sweep: usize,
}

struct Value {
    bytes: Bytes,
    expires_at: UtcMicros,
}

impl EmbeddedStore {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            state: Mutex::default(),
        })
    }

    pub(crate) fn append(&self, request: &AppendRequest) -> AppendOutcome {
        profiling::function_scope!();
        let mut state = self.state.lock();
        let log = state
            .logs
            .entry(request.stream.clone())
            .or_insert_with(|| StreamLog::new(request.stream.class()));
        let outcome = log.append(request);
        if outcome == AppendOutcome::Appended {
            state.publish(&request.stream.to_string(), &request.bytes);
        }
        outcome
    }

    pub(crate) fn refill(&self, stream: &StreamName, position: StreamPos, entries: Vec<LogEntry>) {
        self.state
            .lock()
            .logs
            .entry(stream.clone())
            .or_insert_with(|| StreamLog::new(stream.class()))
            .refill(position, entries);
    }

    pub(crate) fn read_log(
        &self,
        stream: &StreamName,
        after: Option<&StreamPos>,
        max_messages: usize,
        max_bytes: usize,
    ) -> LogPage {
        self.state
            .lock()
            .logs
            .get(stream)
            .map(|log| log.read(after, max_messages, max_bytes))
            .unwrap_or_default()
    }

    pub(crate) fn position(&self, stream: &StreamName) -> Option<StreamPos> {
        self.state.lock().logs.get(stream)?.position()
    }

    pub(crate) fn publish_raw(&self, channel: &str, bytes: &Bytes) {
        self.state.lock().publish(channel, bytes);
    }

    pub(crate) fn num_subscribers(&self, channel: &str) -> usize {
        self.state
            .lock()
            .inboxes
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|inbox| inbox.state.lock().channels.contains(channel))
            .count()
    }

    /// Forgets logs and keys, as a server that comes back empty does; inboxes stay.
    pub(crate) fn lose_everything(&self) {
        let mut state = self.state.lock();
        state.logs.clear();
        state.values.clear();
    }

    pub(crate) fn open_inbox(self: &Arc<Self>) -> Arc<Inbox> {
        let inbox = Arc::new(Inbox {
            state: Mutex::default(),
        });
        let mut state = self.state.lock();
        state.inboxes.retain(|inbox| inbox.strong_count() > 0);
        state.inboxes.push(Arc::downgrade(&inbox));
        inbox
    }

    pub(crate) fn kv_get(&self, key: &str) -> Option<Bytes> {
        let now = self.clock.now();
        self.state.lock().live(key, now).map(|v| v.bytes.clone())
    }

    pub(crate) fn kv_set(&self, key: &str, bytes: Bytes, ttl_millis: u64) {
        let now = self.clock.now();
        self.state.lock().put(key, bytes, ttl_millis, now);
    }

    pub(crate) fn kv_delete(&self, key: &str) -> bool {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let was_live = state.live(key, now).is_some();
        state.values.remove(key);
        was_live
    }

    pub(crate) fn kv_add_if_absent(&self, key: &str, bytes: Bytes, ttl_millis: u64) -> bool {
        let now = self.clock.now();
        let mut state = self.state.lock();
        if state.live(key, now).is_some() {
            return false;
        }
        state.put(key, bytes, ttl_millis, now);
        true
    }

    pub(crate) fn kv_compare_and_set(
        &self,
        key: &str,
        expected: &[u8],
        bytes: Bytes,
        ttl_millis: u64,
    ) -> bool {
        let now = self.clock.now();
        let mut state = self.state.lock();
        if state.live(key, now).is_none_or(|v| v.bytes != expected) {
            return false;
        }
        state.put(key, bytes, ttl_millis, now);
        true
    }

    pub(crate) fn kv_expire(&self, key: &str, ttl_millis: u64) -> bool {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let Some(bytes) = state.live(key, now).map(|v| v.bytes.clone()) else {
            return false;
        };
        state.put(key, bytes, ttl_millis, now);
        true
    }
}

impl State {
    fn publish(&mut self, channel: &str, bytes: &Bytes) {
        self.inboxes.retain(|inbox| match inbox.upgrade() {
            Some(inbox) => {
                inbox.push(channel, bytes);
                true
            }
            None => false,
        });
    }

    fn live(&self, key: &str, now: UtcMicros) -> Option<&Value> {
        self.values.get(key).filter(|value| value.expires_at > now)
    }

    fn put(&mut self, key: &str, bytes: Bytes, ttl_millis: u64, now: UtcMicros) {
        let ttl = i64::try_from(ttl_millis).unwrap_or(i64::MAX);
        let expires_at = now.plus_millis(ttl);
        self.values
            .insert(key.to_owned(), Value { bytes, expires_at });
        // Swept in proportion to the writes, so that what nobody asks for again does not pile up.
        self.writes_since_sweep += 1;
        if self.writes_since_sweep > 64 + self.values.len() / 2 {
            self.writes_since_sweep = 0;
            self.values.retain(|_, value| value.expires_at > now);
        }
    }
}

/// What one hub is subscribed to and has not taken yet.
pub(crate) struct Inbox {
    state: Mutex<InboxState>,
}

#[derive(Default)]
struct InboxState {
    channels: HashSet<String>,
    queue: VecDeque<(String, Bytes)>,
    queued_bytes: usize,
    overflowed: bool,
    waker: Option<Waker>,
}

/// What a hub takes out of its inbox.
#[derive(Debug)]
pub(crate) enum InboxItem {
    Message(String, Bytes),
    /// Messages were lost because the hub did not keep up: every channel is to be read again from its log.
    Overflowed,
}

impl Inbox {
    pub(crate) fn subscribe(&self, channels: impl IntoIterator<Item = String>) {
        self.state.lock().channels.extend(channels);
    }

    pub(crate) fn unsubscribe(&self, channels: &[String]) {
        let mut state = self.state.lock();
        for channel in channels {
            state.channels.remove(channel);
        }
    }

    /// The next item; waits for ever when none comes. Cancel-safe; one waiter at a time.
    pub(crate) async fn next(&self) -> InboxItem {
        poll_fn(|cx| {
            let mut state = self.state.lock();
            if std::mem::take(&mut state.overflowed) {
                return Poll::Ready(InboxItem::Overflowed);
            }
            if let Some((channel, bytes)) = state.queue.pop_front() {
                state.queued_bytes -= bytes.len();
                return Poll::Ready(InboxItem::Message(channel, bytes));
            }
            state.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn push(&self, channel: &str, bytes: &Bytes) {
        let mut state = self.state.lock();
        if !state.channels.contains(channel) {
            return;
        }
        if state.queue.len() >= INBOX_MAX_MESSAGES
            || state.queued_bytes + bytes.len() > INBOX_MAX_BYTES
        {
            // What waits is older than the log's newest entries, and those will be read: letting all of it go keeps
            // the order simple.
            state.queue.clear();
            state.queued_bytes = 0;
            state.overflowed = true;
        } else {
            state.queued_bytes += bytes.len();
            state.queue.push_back((channel.to_owned(), bytes.clone()));
        }
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use qd_types::ManualClock;

    use super::*;

    #[test]
    fn keys_expire_by_the_injected_clock_and_are_swept() {
        let clock = Arc::new(ManualClock::new(UtcMicros(0)));
        let store = EmbeddedStore::new(Arc::clone(&clock) as Arc<dyn Clock>);
        assert!(store.kv_add_if_absent("a", Bytes::from_static(b"1"), 1000));
        assert!(!store.kv_add_if_absent("a", Bytes::from_static(b"2"), 1000));
        assert!(store.kv_compare_and_set("a", b"1", Bytes::from_static(b"3"), 1000));
        assert!(!store.kv_compare_and_set("a", b"1", Bytes::from_static(b"4"), 1000));
        clock.advance_millis(900);
        assert!(store.kv_expire("a", 1000));
        clock.advance_millis(900);
        assert_eq!(store.kv_get("a").as_deref(), Some(b"3".as_slice()));
        clock.advance_millis(100);
        assert_eq!(store.kv_get("a"), None);
        assert!(!store.kv_expire("a", 1000));
        assert!(!store.kv_compare_and_set("a", b"3", Bytes::from_static(b"4"), 1000));
        assert!(!store.kv_delete("a"));
        assert!(store.kv_add_if_absent("a", Bytes::from_static(b"5"), 1000));
        assert!(store.kv_delete("a"));
        for n in 0..10_000 {
            store.kv_set(&format!("k{n}"), Bytes::new(), 10);
            clock.advance_millis(1);
        }
        let kept = store.state.lock().values.len();
        assert!(kept < 300, "{kept} keys kept of which 10 live");
    }

    #[test]
    fn an_inbox_that_is_not_read_overflows_and_says_so_once() {
        let store = EmbeddedStore::new(Arc::new(ManualClock::default()));
        let inbox = store.open_inbox();
        inbox.subscribe(["c".to_owned()]);
        assert_eq!(store.num_subscribers("c"), 1);
        let message = Bytes::from(vec![0; 1024 * 1024]);
        for _ in 0..9 {
            store.publish_raw("c", &message);
        }
        store.publish_raw("c", &Bytes::from_static(b"last"));
        store.publish_raw("other", &Bytes::from_static(b"not for us"));
        let mut cx = std::task::Context::from_waker(Waker::noop());
        let mut next = || match std::pin::pin!(inbox.next()).poll(&mut cx) {
            Poll::Ready(item) => Some(item),
            Poll::Pending => None,
        };
        assert!(matches!(next(), Some(InboxItem::Overflowed)));
        assert!(matches!(next(), Some(InboxItem::Message(_, bytes)) if &bytes[..] == b"last"));
        assert!(next().is_none());
        drop(inbox);
        assert_eq!(store.num_subscribers("c"), 0);
    }
}
