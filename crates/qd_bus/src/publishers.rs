//! The tasks that carry out what the publishers' cores decide, one per stream.
//!
//! Threading: `mark` and `publish` may be called from any thread and under any lock of the caller's; they take a short
//! lock of their own and never wait. A publisher's task ends when the publisher is dropped.
//! Failure: while the store is away nothing is lost but what the bounds say, and retries go on for ever. A panic, of a
//! source for instance, is logged and begins the publisher's work anew, after a growing wait.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use qd_types::{Clock, Epoch, StreamName, StreamPos, UtcMicros};
use qd_wire::head::Body;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::bus::Bus;
use crate::event_core::{EventCounts, EventOutbox, EventStep, EventTooLarge};
use crate::link::LinkState;
use crate::state_core::{StateCounts, StatePublisherCore, StateSource, StateStep};

/// Longest sleep of a task, so that a clock that jumps is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// A fresh opaque token for a run of numbers: 96 random bits.
pub fn fresh_epoch() -> Epoch {
    loop {
        // Without random bytes no two runs could be told apart, and the system has them after its first second.
        if let (Ok(high), Ok(low)) = (getrandom::u32(), getrandom::u64())
            && let Ok(epoch) = Epoch::new(&format!("{high:08x}{low:016x}"))
        {
            return epoch;
        }
    }
}

/// Row keys on their way to the task, merged already.
#[derive(Default)]
struct Marks {
    keys: BTreeSet<String>,
    num_conflated: u64,
}

struct StateShared {
    marks: Mutex<Marks>,
    changed: Notify,
    position: watch::Sender<Option<StreamPos>>,
    counts: Mutex<StateCounts>,
}

/// Publishes one state stream: conflated by row, throttled, with a snapshot first.
pub struct StatePublisher {
    stream: StreamName,
    shared: Arc<StateShared>,
    task: JoinHandle<()>,
}

impl fmt::Debug for StatePublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatePublisher")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

impl StatePublisher {
    /// Starts to publish `stream`, with a snapshot in a new epoch at once. Must be called inside a tokio runtime.
    pub fn new(
        bus: Bus,
        stream: StreamName,
        source: Arc<dyn StateSource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let shared = Arc::new(StateShared {
            marks: Mutex::default(),
            changed: Notify::new(),
            position: watch::channel(None).0,
            counts: Mutex::default(),
        });
        let core = StatePublisherCore::new(stream.clone(), fresh_epoch);
        let task = tokio::spawn(run_state(
            bus,
            stream.clone(),
            core,
            source,
            clock,
            Arc::clone(&shared),
        ));
        Self {
            stream,
            shared,
            task,
        }
    }

    /// The channel.
    pub fn stream(&self) -> &StreamName {
        &self.stream
    }

    /// A row changed, came or went. What its values are is asked when the message is built.
    pub fn mark(&self, key: impl Into<String>) {
        {
            let mut marks = self.shared.marks.lock();
            if !marks.keys.insert(key.into()) {
                marks.num_conflated += 1;
            }
        }
        self.shared.changed.notify_one();
    }

    /// The last number the store is known to hold: what a REST answer names, read BEFORE its rows. Absent until the
    /// first snapshot went out, and between a loss and the next epoch.
    pub fn position(&self) -> Option<StreamPos> {
        self.shared.position.borrow().clone()
    }

    /// Changes of [`Self::position`].
    pub fn positions(&self) -> watch::Receiver<Option<StreamPos>> {
        self.shared.position.subscribe()
    }

    /// The counters after the last step.
    pub fn counts(&self) -> StateCounts {
        *self.shared.counts.lock()
    }
}

impl Drop for StatePublisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[expect(
    clippy::infinite_loop,
    reason = "the task runs until its publisher is dropped, which aborts it"
)]
async fn run_state(
    bus: Bus,
    stream: StreamName,
    mut core: StatePublisherCore,
    source: Arc<dyn StateSource>,
    clock: Arc<dyn Clock>,
    shared: Arc<StateShared>,
) {
    loop {
        let work = publish_state(&bus, &stream, &mut core, &source, &clock, &shared);
        let Err(_panic) = AssertUnwindSafe(work).catch_unwind().await;
        tracing::error!(%stream, "a publisher panicked; it goes on in a new epoch");
        core.on_panic(clock.now());
    }
}

async fn publish_state(
    bus: &Bus,
    stream: &StreamName,
    core: &mut StatePublisherCore,
    source: &Arc<dyn StateSource>,
    clock: &Arc<dyn Clock>,
    shared: &StateShared,
) -> Infallible {
    let mut link = bus.link();
    loop {
        let marks = std::mem::take(&mut *shared.marks.lock());
        core.count_conflated(marks.num_conflated);
        for key in marks.keys {
            core.mark(key);
        }
        let step = {
            profiling::scope!("publish_state");
            core.step(clock.now(), source.as_ref())
        };
        match step {
            StateStep::Append(request) => {
                let result = bus.append(&request).await;
                if let Err(err) = &result {
                    tracing::debug!(%stream, error = %err, "a state message did not go out");
                }
                core.on_append(clock.now(), &result);
            }
            StateStep::Look => {
                let result = match bus.position(stream).await {
                    Ok(holds) => bus.num_subscribers(stream).await.map(|num| (holds, num)),
                    Err(err) => Err(err),
                };
                core.on_look(clock.now(), &result);
            }
            StateStep::Wait(until) => {
                tokio::select! {
                    () = shared.changed.notified() => {}
                    () = sleep_until(clock.as_ref(), until) => {}
                    came_up = link_came_up(&mut link) => if came_up { core.look_soon() },
                }
            }
        }
        *shared.counts.lock() = core.counts();
        shared.position.send_if_modified(|position| {
            let changed = position.as_ref() != core.position();
            if changed {
                *position = core.position().cloned();
            }
            changed
        });
    }
}

struct EventShared {
    outbox: Mutex<EventOutbox>,
    changed: Notify,
    drained: watch::Sender<bool>,
}

/// Publishes one event stream out of an outbox.
pub struct EventPublisher {
    stream: StreamName,
    shared: Arc<EventShared>,
    task: JoinHandle<()>,
}

impl fmt::Debug for EventPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventPublisher")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

impl EventPublisher {
    /// Starts to publish `stream` in a new epoch: for owners whose events do not outlive the process.
    /// Must be called inside a tokio runtime.
    pub fn new(bus: Bus, stream: StreamName, clock: Arc<dyn Clock>) -> Self {
        Self::with_outbox(
            bus,
            stream.clone(),
            EventOutbox::new(stream, fresh_epoch()),
            clock,
        )
    }

    /// Starts to publish `stream` out of an outbox that its owner restored.
    /// Must be called inside a tokio runtime.
    pub fn with_outbox(
        bus: Bus,
        stream: StreamName,
        outbox: EventOutbox,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let shared = Arc::new(EventShared {
            outbox: Mutex::new(outbox),
            changed: Notify::new(),
            drained: watch::channel(false).0,
        });
        let task = tokio::spawn(run_events(bus, clock, Arc::clone(&shared)));
        Self {
            stream,
            shared,
            task,
        }
    }

    /// The channel.
    pub fn stream(&self) -> &StreamName {
        &self.stream
    }

    /// Gives `body` the next number and returns it; sending follows by itself.
    ///
    /// Call it under the lock (or in the transaction) that makes the event, so that numbers follow the order of events.
    ///
    /// # Errors
    /// [`EventTooLarge`], and then no number is used.
    pub fn publish(&self, body: Body, made_at: UtcMicros) -> Result<StreamPos, EventTooLarge> {
        let position = self.shared.outbox.lock().push(body, made_at)?;
        self.shared.changed.notify_one();
        Ok(position)
    }

    /// The last number given: what a REST answer names, read BEFORE its rows. `seq` zero before the first event.
    pub fn position(&self) -> StreamPos {
        self.shared.outbox.lock().position()
    }

    /// Waits until everything that has a number is in the store; for an orderly end.
    pub async fn drained(&self) {
        let mut drained = self.shared.drained.subscribe();
        loop {
            if self.shared.outbox.lock().is_drained() {
                return;
            }
            if drained.changed().await.is_err() {
                return;
            }
        }
    }

    /// The counters now.
    pub fn counts(&self) -> EventCounts {
        self.shared.outbox.lock().counts()
    }
}

impl Drop for EventPublisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[expect(
    clippy::infinite_loop,
    reason = "the task runs until its publisher is dropped, which aborts it"
)]
async fn run_events(bus: Bus, clock: Arc<dyn Clock>, shared: Arc<EventShared>) {
    let stream = shared.outbox.lock().stream().clone();
    loop {
        let work = publish_events(&bus, &stream, &clock, &shared);
        let Err(_panic) = AssertUnwindSafe(work).catch_unwind().await;
        tracing::error!(%stream, "a publisher panicked; it looks at the store and goes on");
        shared.outbox.lock().on_panic(clock.now());
    }
}

async fn publish_events(
    bus: &Bus,
    stream: &StreamName,
    clock: &Arc<dyn Clock>,
    shared: &EventShared,
) -> Infallible {
    let mut link = bus.link();
    loop {
        let step = shared.outbox.lock().step(clock.now());
        match step {
            EventStep::Append(request) => {
                let result = bus.append(&request).await;
                shared.outbox.lock().on_append(clock.now(), &result);
            }
            EventStep::Refill { position, entries } => {
                let result = bus.refill(stream, position.clone(), entries).await;
                shared
                    .outbox
                    .lock()
                    .on_refill(clock.now(), position, &result);
            }
            EventStep::Look => {
                let result = bus.position(stream).await;
                shared.outbox.lock().on_look(clock.now(), &result);
            }
            EventStep::Wait(until) => {
                let is_drained = shared.outbox.lock().is_drained();
                shared.drained.send_replace(is_drained);
                tokio::select! {
                    () = shared.changed.notified() => {}
                    () = sleep_until(clock.as_ref(), until) => {}
                    came_up = link_came_up(&mut link) => {
                        if came_up {
                            shared.outbox.lock().look_soon();
                        }
                    }
                }
            }
        }
    }
}

/// Sleeps until `until` by `clock`, but never longer than a second: the caller looks again.
async fn sleep_until(clock: &dyn Clock, until: Option<UtcMicros>) {
    let wait = until.map_or(LONGEST_SLEEP, |until| {
        let micros = until.micros_since(clock.now()).max(0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0)).min(LONGEST_SLEEP)
    });
    tokio::time::sleep(wait).await;
}

/// Waits for the next change of the connection's state and says whether it works again.
async fn link_came_up(link: &mut watch::Receiver<LinkState>) -> bool {
    match link.changed().await {
        Ok(()) => link.borrow_and_update().is_up(),
        // An embedded bus has no connection that could change.
        Err(_) => std::future::pending().await,
    }
}
