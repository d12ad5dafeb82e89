//! One hub per node: one subscribing connection, many channels, shared buffers to everybody who listens.
//!
//! The rules of a channel are `hub_core`'s; this file carries them out. It reads heads only, never bodies, and holds
//! nothing for slow listeners: that is the lanes' part.
//!
//! Threading: one task. [`RouteSink::route`] is called from it without any lock held, one message at a time and in
//! order; it must not block.
//! Failure: a lost connection is made anew for ever, every channel is subscribed to again and read on from its log.
//! What cannot be read is counted and passed over; a sink that panics is logged and the others go on. A panic of the
//! task itself counts as a lost connection: every channel is read anew from its log.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use qd_types::{Clock, StreamName, StreamPos, UtcMicros};
use qd_wire::head::Head;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::bus::Bus;
use crate::error::BusError;
use crate::hub_core::HubCounts;
use crate::hub_driver::Driver;
use crate::link::LinkState;
use crate::log::LogPage;

/// One message on its way to the sinks; shared, never copied.
#[derive(Debug)]
pub struct Routed {
    /// The channel it came by.
    pub stream: StreamName,
    /// Its numbers; absent for another producer's message without any.
    pub head: Option<Head>,
    /// The whole message: one JSON object in UTF-8.
    pub bytes: Bytes,
    /// When the hub handed it on.
    pub routed_at: UtcMicros,
}

/// Where messages of a channel go. Called on the hub's task: it must not block.
pub trait RouteSink: Send + Sync {
    /// Takes one message. Within an epoch the numbers rise; holes are possible and mean that nobody has the rest.
    fn route(&self, routed: &Arc<Routed>);
}

/// The hub's intervals; the defaults are those of the contract.
#[derive(Clone, Copy, Debug)]
pub struct HubConfig {
    /// Time between comparisons of every channel with the store.
    pub check_every: Duration,
    /// Time between signs of life on the subscribing connection.
    pub ping_every: Duration,
    /// How long such a sign, or an acknowledgement, may take before the connection counts as dead.
    pub ping_deadline: Duration,
    /// Wait before a failed log read is tried again.
    pub retry_every: Duration,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            check_every: Duration::from_secs(5),
            ping_every: Duration::from_millis(500),
            ping_deadline: Duration::from_millis(500),
            retry_every: Duration::from_millis(250),
        }
    }
}

pub(crate) type Sinks = Arc<[(u64, Arc<dyn RouteSink>)]>;

pub(crate) struct Registered {
    pub(crate) sinks: Sinks,
    /// What the hub's last check confirmed.
    pub(crate) verified: Option<StreamPos>,
    /// When the log or the store's number was last read; absent before.
    pub(crate) checked_at: Option<Instant>,
    pub(crate) counts: HubCounts,
}

#[derive(Default)]
pub(crate) struct Registry {
    pub(crate) channels: BTreeMap<StreamName, Registered>,
    last_sink_id: u64,
}

impl Registry {
    pub(crate) fn sinks_of(&self, stream: &StreamName) -> Option<Sinks> {
        Some(Arc::clone(&self.channels.get(stream)?.sinks))
    }
}

pub(crate) struct Shared {
    pub(crate) registry: Mutex<Registry>,
    /// A channel was added to or removed from the registry.
    pub(crate) changed: Notify,
    pub(crate) link: watch::Sender<LinkState>,
}

/// The hub; cloning shares it, and its task ends with the last clone.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
    bus: Bus,
    /// How long a check counts: two missed ones are too many.
    trusted_for: Duration,
    _task: Arc<TaskGuard>,
}

struct TaskGuard(JoinHandle<()>);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whatever ends the hub's task, nobody may go on trusting what it said last.
struct EndOfTask {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
}

impl Drop for EndOfTask {
    fn drop(&mut self) {
        for channel in self.shared.registry.lock().channels.values_mut() {
            channel.verified = None;
        }
        self.shared.link.send_replace(LinkState::Down {
            since: self.clock.now(),
            attempts: 0,
            last_error: "the hub's task ended".to_owned(),
        });
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("num_channels", &self.shared.registry.lock().channels.len())
            .finish_non_exhaustive()
    }
}

/// Holds a sink's subscription; dropping it ends it. One last message may still be on its way to the sink then.
pub struct SubscriptionGuard {
    shared: Arc<Shared>,
    stream: StreamName,
    sink_id: u64,
}

impl fmt::Debug for SubscriptionGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SubscriptionGuard")
            .field(&self.stream)
            .finish()
    }
}

impl Drop for SubscriptionGuard {
    fn drop(&mut self) {
        let mut registry = self.shared.registry.lock();
        if let Some(channel) = registry.channels.get_mut(&self.stream) {
            channel.sinks = channel
                .sinks
                .iter()
                .filter(|(sink_id, _)| *sink_id != self.sink_id)
                .cloned()
                .collect();
            if channel.sinks.is_empty() {
                registry.channels.remove(&self.stream);
                drop(registry);
                self.shared.changed.notify_one();
            }
        }
    }
}

impl Hub {
    /// Starts a hub with the contract's intervals. Must be called inside a tokio runtime.
    pub fn new(bus: Bus, clock: Arc<dyn Clock>) -> Self {
        Self::with_config(bus, clock, HubConfig::default())
    }

    /// Starts a hub. Must be called inside a tokio runtime.
    pub fn with_config(bus: Bus, clock: Arc<dyn Clock>, config: HubConfig) -> Self {
        let since = clock.now();
        let shared = Arc::new(Shared {
            registry: Mutex::default(),
            changed: Notify::new(),
            link: watch::channel(LinkState::Down {
                since,
                attempts: 0,
                last_error: "not connected yet".to_owned(),
            })
            .0,
        });
        let end = EndOfTask {
            shared: Arc::clone(&shared),
            clock: Arc::clone(&clock),
        };
        let driver = Driver::new(bus.clone(), clock, config, Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let _end = end;
            driver.run().await;
        });
        Self {
            shared,
            bus,
            trusted_for: config.check_every.saturating_mul(2),
            _task: Arc::new(TaskGuard(task)),
        }
    }

    /// Hands every message of `stream` to `sink` from now on, until the guard is dropped.
    ///
    /// Read the log AFTER this call for what came before: everything is then in the log, or handed to the sink, or
    /// both. A channel's first sink may also be handed the log from its start.
    pub fn subscribe(&self, stream: StreamName, sink: Arc<dyn RouteSink>) -> SubscriptionGuard {
        let mut registry = self.shared.registry.lock();
        registry.last_sink_id += 1;
        let sink_id = registry.last_sink_id;
        let channel = registry
            .channels
            .entry(stream.clone())
            .or_insert_with(|| Registered {
                sinks: Arc::from([]),
                verified: None,
                checked_at: None,
                counts: HubCounts::default(),
            });
        let is_first = channel.sinks.is_empty();
        channel.sinks = channel
            .sinks
            .iter()
            .cloned()
            .chain([(sink_id, sink)])
            .collect();
        drop(registry);
        if is_first {
            self.shared.changed.notify_one();
        }
        SubscriptionGuard {
            shared: Arc::clone(&self.shared),
            stream,
            sink_id,
        }
    }

    /// The last routed number after the hub's check: what a beat may say. Absent while the channel is not subscribed
    /// to, something is known to be missing, the connection is down, the store never held anything, or could not be
    /// asked for two checks.
    pub fn position(&self, stream: &StreamName) -> Option<StreamPos> {
        let registry = self.shared.registry.lock();
        let channel = registry.channels.get(stream)?;
        channel
            .checked_at
            .filter(|at| at.elapsed() <= self.trusted_for)?;
        channel.verified.clone()
    }

    /// The counters of one channel; absent when nobody listens to it.
    pub fn channel_counts(&self, stream: &StreamName) -> Option<HubCounts> {
        Some(self.shared.registry.lock().channels.get(stream)?.counts)
    }

    /// One page of the log; see [`Bus::read_log`].
    pub async fn read_log(
        &self,
        stream: &StreamName,
        after: Option<&StreamPos>,
        max_messages: usize,
        max_bytes: usize,
    ) -> Result<LogPage, BusError> {
        self.bus
            .read_log(stream, after, max_messages, max_bytes)
            .await
    }

    /// Whether the subscribing connection works.
    pub fn link(&self) -> watch::Receiver<LinkState> {
        self.shared.link.subscribe()
    }

    /// The bus it listens to.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }
}
