//! The ingest task: the one writer of the store. Everything that happens comes through here, in order.
//!
//! It draws nothing and blocks nowhere: each turn takes what is there, decodes and reduces it, does what the store
//! asks for, and publishes at most one snapshot per frame interval.

mod command;
mod connection;
mod job;
mod link;
#[cfg(not(target_arch = "wasm32"))]
mod redis;
mod session;
mod stats;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use qd_state::{Effect, Event, RestAsk, SnapshotCell, Store};
use qd_types::{Clock as _, StreamName, UtcMicros};

use self::job::Job;
use self::link::Link;
use self::session::Phase;
use self::stats::StatsReport;
use crate::backoff::Backoff;
use crate::clock_sync::ClockSync;
use crate::command::FeedCommand;
use crate::config::FeedConfig;
use crate::lanes::{Arrived, Lanes, Next, StreamWhat};
use crate::meter::FeedMeter;
use crate::paint_log::PaintLog;
use crate::poller::Pollers;
use crate::rest::RestClient;
use crate::rt::{BoxFuture, Rt};
use crate::session::SessionKey;
use crate::signal::Signal;
use crate::translate::{self, Arrival};

/// A snapshot at most this often: a frame of a sixty-hertz screen.
const PUBLISH_INTERVAL_MICROS: i64 = 16_000;

/// Things taken before the snapshot is looked at again; a flood must not keep the screen from what is there.
const MAX_TAKEN_PER_TURN: usize = 256;

/// After this long the one thread of a browser goes to the screen first.
const MAX_TURN_MICROS: i64 = 6_000;

/// How often the store is told that time passes when nothing else happens.
const TICK_MICROS: i64 = 1_000_000;

/// And how seldom it is at most asked to look at its deadlines.
const MIN_TICK_MICROS: i64 = 5_000;

/// With a turn at least every second, this long without one means that the machine slept, or that a hidden page was not
/// run: what was green before may be hours old.
const SLEPT_MICROS: i64 = 5_000_000;

/// Unreadable messages are sampled into the log at most this often.
const UNREADABLE_LOG_MICROS: i64 = 10_000_000;

/// What the task is started with.
pub(crate) struct IngestParts {
    pub(crate) config: FeedConfig,
    pub(crate) store: Store,
    pub(crate) cell: Arc<SnapshotCell>,
    pub(crate) rt: Rt,
    pub(crate) commands: crossbeam_channel::Receiver<FeedCommand>,
    pub(crate) signal: Arc<Signal>,
    pub(crate) meter: Arc<FeedMeter>,
    pub(crate) paint_log: Arc<Mutex<PaintLog>>,
}

/// The task's own state.
pub(crate) struct Ingest {
    config: FeedConfig,
    store: Store,
    cell: Arc<SnapshotCell>,
    rt: Rt,
    commands: crossbeam_channel::Receiver<FeedCommand>,
    signal: Arc<Signal>,
    meter: Arc<FeedMeter>,
    paint_log: Arc<Mutex<PaintLog>>,
    session_key: Arc<SessionKey>,
    /// Absent when the source has no REST, or its address is none.
    rest: Option<RestClient>,
    phase: Phase,
    link: Link,
    backoff: Backoff,
    /// Absent while nobody is signed in: there are no streams then.
    lanes: Option<Lanes>,
    jobs: FuturesUnordered<BoxFuture<Job>>,
    asking: BTreeSet<RestAsk>,
    pollers: Pollers,
    clock_sync: ClockSync,
    stats: StatsReport,
    #[cfg(not(target_arch = "wasm32"))]
    redis: redis::RedisSide,
    /// Events that wait for those before them.
    events: VecDeque<Event>,
    is_applying: bool,
    num_unreadable: u64,
    unreadable_logged_at: Option<i64>,
    is_visible: bool,
    active_sent_at: Option<i64>,
    published_at: i64,
    ticked_at: i64,
    /// When the last turn was, wall clock.
    turned_at: UtcMicros,
}

impl Ingest {
    pub(crate) fn new(parts: IngestParts) -> Self {
        let session_key = Arc::<SessionKey>::default();
        let (rest, phase) = Self::beginning(&parts, &session_key);
        let now = parts.rt.monotonic_micros();
        let turned_at = parts.rt.now();
        Self {
            config: parts.config,
            store: parts.store,
            cell: parts.cell,
            rt: parts.rt,
            commands: parts.commands,
            signal: parts.signal,
            meter: parts.meter,
            paint_log: parts.paint_log,
            session_key,
            rest,
            phase,
            link: Link::default(),
            backoff: Backoff::default(),
            lanes: None,
            jobs: FuturesUnordered::new(),
            asking: BTreeSet::new(),
            pollers: Pollers::new(),
            clock_sync: ClockSync::default(),
            stats: StatsReport::default(),
            #[cfg(not(target_arch = "wasm32"))]
            redis: redis::RedisSide::default(),
            events: VecDeque::new(),
            is_applying: false,
            num_unreadable: 0,
            unreadable_logged_at: None,
            is_visible: true,
            active_sent_at: None,
            published_at: now.saturating_sub(PUBLISH_INTERVAL_MICROS),
            ticked_at: now,
            turned_at,
        }
    }

    /// Runs until its guard is dropped.
    #[expect(clippy::infinite_loop, reason = "the guard ends it")]
    pub(crate) async fn run(mut self) {
        loop {
            let has_more = self.turn();
            self.publish_if_due();
            let wait = if has_more {
                Duration::ZERO
            } else {
                self.until_next_deadline()
            };
            if let Some(job) = self.wait(wait).await {
                self.job_done(job);
            }
        }
    }

    /// Sleeps until something happens; gives a job that is done.
    async fn wait(&mut self, wait: Duration) -> Option<Job> {
        let mut sleep = self.rt.sleep(wait);
        let (jobs, signal) = (&mut self.jobs, &self.signal);
        std::future::poll_fn(|cx| {
            if !jobs.is_empty()
                && let std::task::Poll::Ready(Some(job)) = jobs.poll_next_unpin(cx)
            {
                return std::task::Poll::Ready(Some(job));
            }
            // With no wait the timer alone decides: in a browser it lets the screen go first.
            if !wait.is_zero() && signal.poll_notified(cx).is_ready() {
                return std::task::Poll::Ready(None);
            }
            sleep.poll_unpin(cx).map(|()| None)
        })
        .await
    }

    /// Takes what is there. Says whether more is waiting.
    fn turn(&mut self) -> bool {
        profiling::function_scope!();
        let started_at = self.rt.monotonic_micros();
        self.notice_sleep(started_at);
        while let Ok(command) = self.commands.try_recv() {
            self.command(command);
        }
        let has_more = self.take_arrived(started_at);
        let now = self.rt.monotonic_micros();
        self.advance_session(now);
        self.advance_link(now);
        self.start_polls(now);
        let wall = self.rt.now();
        let is_due = self.store.next_wake_at().is_some_and(|at| at <= wall);
        let waited = now.saturating_sub(self.ticked_at);
        if is_due && waited >= MIN_TICK_MICROS || waited >= TICK_MICROS {
            self.ticked_at = now;
            self.apply(Event::Ticked);
        }
        has_more
    }

    /// Time that nobody noticed comes BEFORE what waits in the queues: old messages must not pass for a sign of life.
    fn notice_sleep(&mut self, now: i64) {
        let wall = self.rt.now();
        let since = wall.micros_since(std::mem::replace(&mut self.turned_at, wall));
        if since < SLEPT_MICROS {
            return;
        }
        tracing::info!(seconds = since / 1_000_000, "not run for a while");
        self.ticked_at = now;
        #[cfg(not(target_arch = "wasm32"))]
        self.bus_slept();
        self.apply(Event::Ticked);
    }

    fn take_arrived(&mut self, started_at: i64) -> bool {
        let Some(lanes) = &mut self.lanes else {
            return false;
        };
        let dropped = lanes.take_dropped();
        if lanes.take_lost_control() {
            self.lose_connection("frames were lost");
        }
        for (stream, dropped) in dropped {
            self.apply(Event::QueueDropped {
                stream,
                pos: dropped.pos,
                num_messages: dropped.num_messages,
            });
        }
        for num_taken in 0.. {
            // The lanes are gone when the session ends in between.
            let Some(next) = self.lanes.as_mut().and_then(Lanes::next) else {
                return false;
            };
            match next {
                Next::Stream(stream, arrived) => self.arrived(&stream, arrived),
                Next::Control(arrived) => self.control(arrived),
            }
            if num_taken >= MAX_TAKEN_PER_TURN {
                return true;
            }
            if num_taken % 16 == 15
                && self.rt.monotonic_micros().saturating_sub(started_at) > MAX_TURN_MICROS
            {
                return true;
            }
        }
        false
    }

    fn arrived(&mut self, stream: &StreamName, arrived: Arrived<StreamWhat>) {
        // What an older connection brought is as true as ever: numbers, not sockets, say what fits.
        match arrived.what {
            StreamWhat::Gone(pos) => self.apply(Event::GoneReceived {
                stream: stream.clone(),
                pos,
            }),
            StreamWhat::Messages {
                routed_at,
                mut skipped,
                messages,
            } => {
                for message in messages {
                    let arrival = Arrival {
                        received_at: arrived.received_at,
                        routed_at,
                        skipped: skipped.take(),
                    };
                    let (events, published) =
                        translate::message_events(stream, message.as_ref(), arrival);
                    if let Some(published) = published {
                        self.paint_log.lock().received(stream, published);
                    }
                    for event in events {
                        self.note_unreadable(&event);
                        self.apply(event);
                    }
                }
            }
        }
    }

    /// Reduces one event and everything that comes of it.
    fn apply(&mut self, event: Event) {
        self.events.push_back(event);
        if std::mem::replace(&mut self.is_applying, true) {
            // An outer call is at it already and takes this one next.
            return;
        }
        profiling::scope!("reduce");
        while let Some(event) = self.events.pop_front() {
            let now = self.rt.now();
            for effect in self.store.apply(event, now) {
                self.effect(effect);
            }
        }
        self.is_applying = false;
    }

    /// A sample of what cannot be read goes into the log, at most every ten seconds.
    fn note_unreadable(&mut self, event: &Event) {
        let Event::MessageUnreadable { stream, detail, .. } = event else {
            return;
        };
        let now = self.rt.monotonic_micros();
        self.num_unreadable += 1;
        if self
            .unreadable_logged_at
            .is_none_or(|at| now.saturating_sub(at) >= UNREADABLE_LOG_MICROS)
        {
            self.unreadable_logged_at = Some(now);
            tracing::warn!(
                stream = stream.as_ref().map(ToString::to_string),
                num = std::mem::take(&mut self.num_unreadable),
                detail,
                "unreadable messages; the stream goes on"
            );
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::SendResync { stream, pos } => self.send_resync(stream, pos),
            Effect::AskRest(ask) => self.ask_rest(ask),
            Effect::AskForPage {
                question_id,
                question,
            } => self.ask_for_page(question_id, question),
            Effect::Reconnect { reason } => self.reconnect(reason),
        }
    }

    fn publish_if_due(&mut self) {
        let now = self.rt.monotonic_micros();
        if now.saturating_sub(self.published_at) < PUBLISH_INTERVAL_MICROS {
            return;
        }
        profiling::scope!("publish_snapshot");
        let Some(snapshot) = self.store.snapshot_if_changed(self.rt.now()) else {
            return;
        };
        self.published_at = now;
        self.paint_log
            .lock()
            .snapshot_made(snapshot.version, &self.store.resume());
        self.meter.snapshot_published();
        self.cell.publish(snapshot, self.store.last_urgency());
    }

    fn until_next_deadline(&self) -> Duration {
        let now = self.rt.monotonic_micros();
        let publish_at = self.published_at.saturating_add(PUBLISH_INTERVAL_MICROS);
        let deadlines = [
            Some(self.ticked_at.saturating_add(TICK_MICROS)),
            // Whether anything changed is known only by asking, and asking too early is what must not be.
            Some(publish_at).filter(|at| *at > now),
            self.session_deadline(),
            self.link_deadline(),
            self.bus_deadline(),
            self.pollers.next_due_at().filter(|_| self.rest.is_some()),
            self.store.next_wake_at().map(|at| {
                let due_at = now.saturating_add(at.micros_since(self.rt.now()));
                // What a tick does not settle must not make the task spin.
                due_at.max(self.ticked_at.saturating_add(MIN_TICK_MICROS))
            }),
        ];
        let next = deadlines.into_iter().flatten().min().unwrap_or(now);
        Duration::from_micros(u64::try_from(next.saturating_sub(now)).unwrap_or_default())
    }

    #[cfg(target_arch = "wasm32")]
    #[expect(clippy::unused_self, reason = "the desktop can read a bus")]
    fn bus_deadline(&self) -> Option<i64> {
        None
    }

    /// When something on the monotonic clock will be, on the wall clock: for the reader.
    fn wall_at(&self, monotonic: i64) -> UtcMicros {
        let wait = monotonic.saturating_sub(self.rt.monotonic_micros());
        self.rt.now().plus_micros(wait.max(0))
    }
}
