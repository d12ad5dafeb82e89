//! The hub's one task: connection, channels, log reads, and handing messages to sinks.
//!
//! It decides nothing about a channel (`hub_core` does) and knows no client: sinks are called without any lock held.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use qd_types::{Clock, StreamName, StreamPos};
use qd_wire::head::{MAX_MESSAGE_BYTES, read_head};
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, sleep, timeout};

use crate::bus::Bus;
use crate::counters::add;
use crate::error::BusError;
use crate::hub::{HubConfig, Routed, Shared};
use crate::hub_core::{HubAction, HubChannelCore, HubCounts};
use crate::link::{Backoff, LinkState, step};
use crate::log::LogPage;
use crate::subscriber::{Subscriber, SubscriberItem};

const READ_MAX_MESSAGES: usize = 256;
const READ_MAX_BYTES: usize = 256 * 1024;
/// Reads under way at a time: enough to fill the connection, too few to make answers late behind one another.
const MAX_READS: usize = 16;
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

struct Channel {
    stream: StreamName,
    core: HubChannelCore,
    is_subscribed: bool,
    /// When the log or the store's number was last read.
    checked_at: Option<Instant>,
    /// Tells this channel from a former one of the same name, whose reads may still be under way.
    incarnation: u64,
}

struct PendingRead {
    channel: String,
    incarnation: u64,
    read_id: u64,
    after: Option<StreamPos>,
}

enum Done {
    Subscribed(Vec<String>, Result<(), String>),
    Unsubscribed(Vec<String>, Result<(), String>),
    Read(PendingRead, Result<LogPage, BusError>),
    Checked(Vec<StreamName>, Result<Vec<Option<StreamPos>>, BusError>),
    Pinged(Result<(), String>),
}

type Operations = FuturesUnordered<BoxFuture<'static, Done>>;

/// What the task owns.
pub(crate) struct Driver {
    bus: Bus,
    clock: Arc<dyn Clock>,
    config: HubConfig,
    shared: Arc<Shared>,
    channels: BTreeMap<String, Channel>,
    last_incarnation: u64,
    reads: VecDeque<PendingRead>,
    sampled_at: Option<Instant>,
    num_unsampled: u64,
}

impl Driver {
    pub(crate) fn new(
        bus: Bus,
        clock: Arc<dyn Clock>,
        config: HubConfig,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            bus,
            clock,
            config,
            shared,
            channels: BTreeMap::new(),
            last_incarnation: 0,
            reads: VecDeque::new(),
            sampled_at: None,
            num_unsampled: 0,
        }
    }

    #[expect(
        clippy::infinite_loop,
        reason = "the task runs until the last hub handle is dropped, which aborts it"
    )]
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new();
        let mut was_up = false;
        let mut num_panics = 0_u32;
        let mut down_since = self.clock.now();
        loop {
            let mut least_wait = Duration::ZERO;
            let reason = match Subscriber::open(&self.bus).await {
                Ok(subscriber) => {
                    if was_up {
                        add(&self.bus.inner.counters.hub_reconnects, 1);
                        tracing::info!("the hub's connection is back");
                    }
                    was_up = true;
                    backoff.reset();
                    let since = self.clock.now();
                    self.shared.link.send_replace(LinkState::Up { since });
                    let served = AssertUnwindSafe(self.serve(subscriber))
                        .catch_unwind()
                        .await;
                    let reason = served.unwrap_or_else(|_panic| {
                        tracing::error!("the hub's task panicked; every channel is read anew");
                        self.forget_channels();
                        num_panics = num_panics.saturating_add(1);
                        // What panics every time must not fill the log.
                        least_wait = step(num_panics);
                        "a panic".to_owned()
                    });
                    down_since = self.clock.now();
                    tracing::warn!(%reason, "the hub lost its connection and makes it anew");
                    reason
                }
                Err(err) => err.to_string(),
            };
            self.disconnect();
            let wait = backoff.next_wait().max(least_wait);
            self.shared.link.send_replace(LinkState::Down {
                since: down_since,
                attempts: backoff.attempts(),
                last_error: reason,
            });
            sleep(wait).await;
        }
    }

    /// What a panic left behind is not to be relied on.
    fn forget_channels(&mut self) {
        self.disconnect();
        self.channels.clear();
    }

    fn disconnect(&mut self) {
        self.reads.clear();
        for channel in self.channels.values_mut() {
            channel.is_subscribed = false;
            let before = channel.core.counts();
            channel.core.on_disconnected();
            settle(&self.bus, &self.shared, channel, before);
        }
    }

    /// Works until the connection ends, and says why it did.
    async fn serve(&mut self, mut subscriber: Subscriber) -> String {
        let mut operations = Operations::new();
        let mut is_subscribing = false;
        let mut must_reconcile = true;
        let mut is_pinging = false;
        let mut is_checking = false;
        let mut num_reads = 0;
        let mut check = interval_at(
            Instant::now() + self.config.check_every,
            self.config.check_every,
        );
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ping = interval(self.config.ping_every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut retry = interval(self.config.retry_every);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if must_reconcile && !is_subscribing {
                is_subscribing = self.reconcile(&subscriber, &operations);
                // After the operation there may be more of it, or its opposite.
                must_reconcile = is_subscribing;
            }
            while num_reads < MAX_READS
                && let Some(read) = self.reads.pop_front()
            {
                if let Some(operation) = self.read(read) {
                    num_reads += 1;
                    operations.push(operation);
                }
            }
            tokio::select! {
                item = subscriber.next() => match item {
                    SubscriberItem::Message(channel, bytes) => self.on_message(&channel, bytes),
                    SubscriberItem::Overflowed => self.each(|_, core| core.on_messages_lost()),
                    SubscriberItem::Closed => return "the server closed it".to_owned(),
                },
                () = self.shared.changed.notified() => must_reconcile = true,
                Some(done) = operations.next() => match done {
                    Done::Subscribed(_, Err(reason))
                    | Done::Unsubscribed(_, Err(reason))
                    | Done::Pinged(Err(reason)) => return reason,
                    Done::Subscribed(channels, Ok(())) => {
                        is_subscribing = false;
                        add(&self.bus.inner.counters.resubscribes, channels.len() as u64);
                        for channel in channels {
                            self.with(&channel, |channel| {
                                channel.is_subscribed = true;
                                channel.core.on_subscribed()
                            });
                        }
                    }
                    Done::Unsubscribed(channels, Ok(())) => {
                        is_subscribing = false;
                        for channel in channels {
                            self.channels.remove(&channel);
                        }
                    }
                    Done::Pinged(Ok(())) => is_pinging = false,
                    Done::Read(read, result) => {
                        num_reads -= 1;
                        self.on_read(&read, result);
                    }
                    Done::Checked(streams, result) => {
                        is_checking = false;
                        self.on_checked(&streams, result);
                    }
                },
                _ = check.tick(), if !is_checking => {
                    is_checking = true;
                    operations.push(self.check());
                }
                _ = ping.tick(), if !is_pinging && subscriber.needs_pings() => {
                    is_pinging = true;
                    let (mut commands, deadline) = (subscriber.commands(), self.config.ping_deadline);
                    operations.push(Box::pin(async move {
                        Done::Pinged(in_time(deadline, "PING", commands.ping()).await)
                    }));
                }
                _ = retry.tick() => self.each(|_, core| core.retry()),
            }
        }
    }

    /// Subscribes and unsubscribes what differs from the registry; one such operation is under way at a time, so that
    /// a channel's two can never pass one another. Says whether one was begun.
    fn reconcile(&mut self, subscriber: &Subscriber, operations: &Operations) -> bool {
        let mut missing = Vec::new();
        let mut surplus = Vec::new();
        {
            let registry = self.shared.registry.lock();
            for stream in registry.channels.keys() {
                let name = stream.to_string();
                let channel = self.channels.entry(name).or_insert_with(|| {
                    self.last_incarnation += 1;
                    Channel {
                        stream: stream.clone(),
                        core: HubChannelCore::new(stream.clone()),
                        is_subscribed: false,
                        checked_at: None,
                        incarnation: self.last_incarnation,
                    }
                });
                if !channel.is_subscribed {
                    missing.push(stream.to_string());
                }
            }
            self.channels.retain(|name, channel| {
                let is_wanted = registry.channels.contains_key(&channel.stream);
                if !is_wanted && channel.is_subscribed {
                    surplus.push(name.clone());
                }
                is_wanted || channel.is_subscribed
            });
        }
        let deadline = self.config.ping_deadline;
        let mut commands = subscriber.commands();
        if !missing.is_empty() {
            missing.truncate(1000);
            operations.push(Box::pin(async move {
                let result = in_time(deadline, "SUBSCRIBE", commands.subscribe(&missing)).await;
                Done::Subscribed(missing, result)
            }));
            true
        } else if !surplus.is_empty() {
            surplus.truncate(1000);
            operations.push(Box::pin(async move {
                let result = in_time(deadline, "UNSUBSCRIBE", commands.unsubscribe(&surplus)).await;
                Done::Unsubscribed(surplus, result)
            }));
            true
        } else {
            false
        }
    }

    fn read(&self, read: PendingRead) -> Option<BoxFuture<'static, Done>> {
        let stream = self.channels.get(&read.channel)?.stream.clone();
        let bus = self.bus.clone();
        add(&bus.inner.counters.log_reads, 1);
        Some(Box::pin(async move {
            let result = bus
                .read_log(
                    &stream,
                    read.after.as_ref(),
                    READ_MAX_MESSAGES,
                    READ_MAX_BYTES,
                )
                .await;
            Done::Read(read, result)
        }))
    }

    fn check(&self) -> BoxFuture<'static, Done> {
        let bus = self.bus.clone();
        let streams: Vec<_> = self
            .channels
            .values()
            .filter(|channel| channel.core.is_live())
            .map(|channel| channel.stream.clone())
            .collect();
        Box::pin(async move {
            let result = bus.positions(&streams).await;
            Done::Checked(streams, result)
        })
    }

    fn on_checked(
        &mut self,
        streams: &[StreamName],
        result: Result<Vec<Option<StreamPos>>, BusError>,
    ) {
        match result {
            Ok(positions) => {
                for (stream, holds) in streams.iter().zip(positions) {
                    self.with(&stream.to_string(), |channel| {
                        channel.checked_at = Some(Instant::now());
                        channel.core.on_store_position(holds.as_ref())
                    });
                }
            }
            Err(err) => tracing::debug!(error = %err, "the hub could not compare with the store"),
        }
    }

    fn on_read(&mut self, read: &PendingRead, result: Result<LogPage, BusError>) {
        self.with(&read.channel, |channel| match result {
            _ if channel.incarnation != read.incarnation => Vec::new(),
            Ok(page) => {
                channel.checked_at = Some(Instant::now());
                channel.core.on_log_page(read.read_id, page)
            }
            Err(err) => {
                tracing::debug!(channel = read.channel, error = %err, "the hub could not read a log");
                channel.core.on_log_failed(read.read_id);
                Vec::new()
            }
        });
    }

    fn on_message(&mut self, name: &str, bytes: Bytes) {
        profiling::function_scope!();
        let Some(channel) = self.channels.get(name) else {
            return;
        };
        let head = if bytes.len() > MAX_MESSAGE_BYTES {
            Err(format!(
                "{} bytes, at most {MAX_MESSAGE_BYTES} are read",
                bytes.len()
            ))
        } else {
            match read_head(&bytes) {
                Ok(Some(head)) if head.stream != channel.stream => {
                    Err(format!("it says it belongs to {}", head.stream))
                }
                Ok(head) => Ok(head),
                Err(err) => Err(err.to_string()),
            }
        };
        match head {
            Ok(head) => self.with(name, |channel| channel.core.on_message(head, bytes)),
            Err(reason) => {
                self.sample(name, &reason, &bytes);
                self.with(name, |channel| {
                    channel.core.on_unreadable();
                    Vec::new()
                });
            }
        }
    }

    /// Logs one unreadable message in ten seconds, with the number of those not logged since.
    fn sample(&mut self, channel: &str, reason: &str, bytes: &[u8]) {
        if self
            .sampled_at
            .is_some_and(|at| at.elapsed() < SAMPLE_EVERY)
        {
            self.num_unsampled += 1;
            return;
        }
        self.sampled_at = Some(Instant::now());
        let start = bytes.get(..bytes.len().min(200)).unwrap_or_default();
        tracing::warn!(
            channel,
            reason,
            num_bytes = bytes.len(),
            num_unlogged = std::mem::take(&mut self.num_unsampled),
            sample = ?String::from_utf8_lossy(start),
            "an unreadable message was passed over"
        );
    }

    fn each(&mut self, mut apply: impl FnMut(&StreamName, &mut HubChannelCore) -> Vec<HubAction>) {
        let names: Vec<String> = self.channels.keys().cloned().collect();
        for name in names {
            self.with(&name, |channel| apply(&channel.stream, &mut channel.core));
        }
    }

    /// Lets a channel decide, then carries out what it decided.
    fn with(&mut self, name: &str, decide: impl FnOnce(&mut Channel) -> Vec<HubAction>) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        let before = channel.core.counts();
        let actions = decide(channel);
        let sinks = (!actions.is_empty())
            .then(|| self.shared.registry.lock().sinks_of(&channel.stream))
            .flatten();
        for action in actions {
            match action {
                HubAction::ReadLog { read_id, after } => self.reads.push_back(PendingRead {
                    channel: name.to_owned(),
                    incarnation: channel.incarnation,
                    read_id,
                    after,
                }),
                HubAction::Route { head, bytes } => {
                    let routed = Arc::new(Routed {
                        stream: channel.stream.clone(),
                        head,
                        bytes,
                        routed_at: self.clock.now(),
                    });
                    for (_, sink) in sinks.iter().flat_map(|sinks| sinks.iter()) {
                        if catch_unwind(AssertUnwindSafe(|| sink.route(&routed))).is_err() {
                            tracing::error!(channel = name, "a sink panicked; the others go on");
                        }
                    }
                }
            }
        }
        // AFTER routing: whoever reads a position may rely on the sinks having been handed everything up to it.
        settle(&self.bus, &self.shared, channel, before);
    }
}

/// Makes a channel's new position and counters known.
fn settle(bus: &Bus, shared: &Shared, channel: &Channel, before: HubCounts) {
    let now = channel.core.counts();
    let counters = &bus.inner.counters;
    for (counter, by) in [
        (&counters.received, now.received - before.received),
        (&counters.log_messages_read, now.read - before.read),
        (&counters.routed, now.delivered - before.delivered),
        (
            &counters.routed_unnumbered,
            now.unnumbered - before.unnumbered,
        ),
        (&counters.duplicates, now.duplicate - before.duplicate),
        (&counters.dropped, now.dropped - before.dropped),
        (&counters.gaps, now.gaps - before.gaps),
        (&counters.unreadable, now.unreadable - before.unreadable),
    ] {
        if by > 0 {
            add(counter, by);
        }
    }
    let mut registry = shared.registry.lock();
    if let Some(registered) = registry.channels.get_mut(&channel.stream) {
        registered.counts = now;
        registered.checked_at = channel.checked_at;
        if registered.verified.as_ref() != channel.core.verified() {
            registered.verified = channel.core.verified().cloned();
        }
    }
}

async fn in_time(
    deadline: Duration,
    what: &'static str,
    operation: impl Future<Output = Result<(), String>>,
) -> Result<(), String> {
    match timeout(deadline, operation).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err(format!("{what}: {reason}")),
        Err(_) => Err(format!(
            "{what}: no answer within {} ms",
            deadline.as_millis()
        )),
    }
}
