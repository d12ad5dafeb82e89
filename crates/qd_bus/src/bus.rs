//! One type for both stores: the atomic step, log reads, plain publishing and keys with expiry.
//! Not here: when to publish what (`publishers`) and what to do with what arrives (`hub`).

use std::sync::Arc;

use bytes::Bytes;
use qd_types::{Clock, StreamName, StreamPos};
use tokio::sync::watch;

use crate::counters::{BusCounters, BusCounts, add};
use crate::embedded::EmbeddedStore;
use crate::error::BusError;
use crate::link::LinkState;
use crate::log::{AppendOutcome, AppendRequest, LogEntry, LogPage};
use crate::redis_link::RedisConfig;
use crate::redis_store::RedisStore;

/// A bus: embedded in this process, or a Redis server. Cloning is cheap and shares everything.
#[derive(Clone)]
pub struct Bus {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) counters: Arc<BusCounters>,
    link: watch::Receiver<LinkState>,
}

pub(crate) enum Store {
    Embedded(Arc<EmbeddedStore>),
    Redis(Box<RedisStore>),
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.inner.store {
            Store::Embedded(_) => "Bus(embedded)",
            Store::Redis(_) => "Bus(redis)",
        })
    }
}

impl Bus {
    /// A bus inside this process. `clock` decides when keys expire.
    pub fn embedded(clock: Arc<dyn Clock>) -> Self {
        let (_, link) = watch::channel(LinkState::Up { since: clock.now() });
        Self {
            inner: Arc::new(Inner {
                store: Store::Embedded(EmbeddedStore::new(clock)),
                counters: Arc::default(),
                link,
            }),
        }
    }

    /// A bus over a Redis server. The first connection has to work; later ones are made anew for ever.
    ///
    /// Must be called inside a tokio runtime, in which the connection's keeper runs until the last clone is dropped.
    ///
    /// # Errors
    /// [`BusError::BadAddress`] or [`BusError::Unreachable`].
    pub async fn redis(config: RedisConfig, clock: Arc<dyn Clock>) -> Result<Self, BusError> {
        let counters = Arc::default();
        let store = RedisStore::connect(config, clock, Arc::clone(&counters)).await?;
        let link = store.link();
        Ok(Self {
            inner: Arc::new(Inner {
                store: Store::Redis(Box::new(store)),
                counters,
                link,
            }),
        })
    }

    /// Whether commands reach the store at present. An embedded bus is always up, and its receiver is closed from the
    /// start: waiting for a change returns an error at once.
    pub fn link(&self) -> watch::Receiver<LinkState> {
        self.inner.link.clone()
    }

    /// The counters now.
    pub fn counts(&self) -> BusCounts {
        self.inner.counters.read()
    }

    /// The atomic step: check what the store holds, append, publish.
    pub async fn append(&self, request: &AppendRequest) -> Result<AppendOutcome, BusError> {
        let outcome = self.counted(match &self.inner.store {
            Store::Embedded(store) => Ok(store.append(request)),
            Store::Redis(store) => store.append(request).await,
        })?;
        match outcome {
            AppendOutcome::Appended => add(&self.inner.counters.published, 1),
            AppendOutcome::Mismatch { .. } => add(&self.inner.counters.mismatches, 1),
        }
        Ok(outcome)
    }

    /// Replaces the log of `stream` by `entries`, consecutive numbers up to `position`; publishes nothing.
    ///
    /// Without entries the store only knows the number: how an event stream says its epoch before its first event.
    pub async fn refill(
        &self,
        stream: &StreamName,
        position: StreamPos,
        entries: Vec<LogEntry>,
    ) -> Result<(), BusError> {
        self.counted(match &self.inner.store {
            Store::Embedded(store) => {
                store.refill(stream, position, entries);
                Ok(())
            }
            Store::Redis(store) => store.refill(stream, &position, &entries).await,
        })?;
        add(&self.inner.counters.refills, 1);
        Ok(())
    }

    /// One atomic read of what the log has behind `after`: at most `max_messages` and `max_bytes`, but one entry at
    /// least if there is one. `after` of another epoch, or older than the log, reads from the log's start.
    pub async fn read_log(
        &self,
        stream: &StreamName,
        after: Option<&StreamPos>,
        max_messages: usize,
        max_bytes: usize,
    ) -> Result<LogPage, BusError> {
        self.counted(match &self.inner.store {
            Store::Embedded(store) => Ok(store.read_log(stream, after, max_messages, max_bytes)),
            Store::Redis(store) => store.read_log(stream, after, max_messages, max_bytes).await,
        })
    }

    /// The newest number of `stream`; absent when the store holds nothing of it.
    pub async fn position(&self, stream: &StreamName) -> Result<Option<StreamPos>, BusError> {
        let mut positions = self.positions(std::slice::from_ref(stream)).await?;
        Ok(positions.pop().flatten())
    }

    /// The newest numbers of `streams`, in their order.
    pub async fn positions(
        &self,
        streams: &[StreamName],
    ) -> Result<Vec<Option<StreamPos>>, BusError> {
        self.counted(match &self.inner.store {
            Store::Embedded(store) => Ok(streams.iter().map(|s| store.position(s)).collect()),
            Store::Redis(store) => store.positions(streams).await,
        })
    }

    /// How many hubs (and other subscribers) listen to `stream`.
    pub async fn num_subscribers(&self, stream: &StreamName) -> Result<usize, BusError> {
        let channel = stream.to_string();
        self.counted(match &self.inner.store {
            Store::Embedded(store) => Ok(store.num_subscribers(&channel)),
            Store::Redis(store) => store.num_subscribers(&channel).await,
        })
    }

    /// A plain publish without number or log, as producers of other systems do.
    pub async fn publish_raw(
        &self,
        channel: &str,
        bytes: impl Into<Bytes> + Send,
    ) -> Result<(), BusError> {
        let bytes = bytes.into();
        self.counted(match &self.inner.store {
            Store::Embedded(store) => {
                store.publish_raw(channel, &bytes);
                Ok(())
            }
            Store::Redis(store) => store.publish_raw(channel, &bytes).await,
        })
    }

    /// The value of `key`; absent when it was never set, deleted, or has expired.
    pub async fn kv_get(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        self.counted(match &self.inner.store {
            Store::Embedded(store) => Ok(store.kv_get(key)),
            Store::Redis(store) => store.kv_get(key).await,
        })
    }

    /// Sets `key` for `ttl_millis` milliseconds, whatever it was.
    pub async fn kv_set(
        &self,
        key: &str,
        bytes: impl Into<Bytes> + Send,
        ttl_millis: u64,
    ) -> Result<(), BusError> {
        let bytes = bytes.into();
        self.counted(match &self.inner.store {
            Store::Embedded(store) => {
                store.kv_set(key, bytes, ttl_millis);
                Ok(())
            }
            Store::Redis(store) => store.kv_set(key, &bytes, ttl_millis).await,
        })
    }

    /// Deletes `key` and says whether there was one.
    pub async fn kv_delete(&self, key: &str) -> Result<bool, BusError> {
        self.counted(match &self.inner.store {
            Store::Embedded(store) => Ok(store.kv_delete(key)),
            Store::Redis(store) => store.kv_delete(key).await,
        })
    }

    /// Sets `key` if there is none, and says whether it did: the gate for nonces and once-only tokens.
    pub async fn kv_add_if_absent(
        &self,
        key: &str,
        bytes: impl Into<Bytes> + Send,
        ttl_millis: u64,
    ) -> Result<bool, BusError> {
        let bytes = bytes.into();
        self.counted(match &self.inner.store {
            Store::Embedded(store) => Ok(store.kv_add_if_absent(key, bytes, ttl_millis)),
            Store::Redis(store) => store.kv_add_if_absent(key, &bytes, ttl_millis).await,
        })
    }

    /// Sets `key` if it holds `expected`, and says whether it did.
    pub async fn kv_compare_and_set(
        &self,
        key: &str,
        expected: &[u8],
        bytes: impl Into<Bytes> + Send,
        ttl_millis: u64,
    ) -> Result<bool, BusError> {
        let bytes = bytes.into();
        self.counted(match &self.inner.store {
            Store::Embedded(store) => {
                Ok(store.kv_compare_and_set(key, expected, bytes, ttl_millis))
            }
            Store::Redis(store) => {
                store
                    .kv_compare_and_set(key, expected, &bytes, ttl_millis)
                    .await
            }
        })
    }

    /// Gives `key` another `ttl_millis` milliseconds from now, and says whether there was one.
    pub async fn kv_expire(&self, key: &str, ttl_millis: u64) -> Result<bool, BusError> {
        self.counted(match &self.inner.store {
            Store::Embedded(store) => Ok(store.kv_expire(key, ttl_millis)),
            Store::Redis(store) => store.kv_expire(key, ttl_millis).await,
        })
    }

    /// Forgets every log and key of an embedded bus, as a server does that comes back empty; for tests of exactly that.
    /// Does nothing on Redis.
    #[doc(hidden)]
    pub fn lose_embedded_store(&self) {
        if let Store::Embedded(store) = &self.inner.store {
            store.lose_everything();
        }
    }

    fn counted<T>(&self, result: Result<T, BusError>) -> Result<T, BusError> {
        if result.is_err() {
            add(&self.inner.counters.failed_operations, 1);
        }
        result
    }
}
