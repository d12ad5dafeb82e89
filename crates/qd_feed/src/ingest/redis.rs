//! The bus read directly: a hub of our own in place of a gateway. Read-only; what only REST knows stays unknown.
//!
//! The same messages go through the same lanes into the same reducer; only hello, resync and beat are made here.

use std::sync::Arc;

use qd_bus::{Bus, BusError, Hub, LinkState, RedisConfig, RouteSink, Routed, SubscriptionGuard};
use qd_state::{Event, RestAnswer, RestAsk, Session, SocketClosed, Welcome};
use qd_types::{Clock, Permission, StreamName, StreamPos, UserId, UtcMicros};
use tokio::sync::watch;

use super::Ingest;
use super::job::Job;
use crate::config::FeedSource;
use crate::lanes::{LanePort, MessageBytes, StreamWhat};
use crate::rt::{Rt, TaskGuard, random_u64};
use crate::signal::Signal;
use crate::translate;

/// The hub's places are passed on this often, and faster just after the connection came up.
const BEAT_MICROS: i64 = 5_000_000;
const FIRST_BEATS_MICROS: i64 = 250_000;

/// A flood of rubbish is counted up to here each time; the log of the hub has the rest.
const MAX_UNREADABLE_PER_BEAT: u64 = 1_000;

/// One page of the log, half of what a lane may hold.
const PAGE_MESSAGES: usize = 50;
const PAGE_BYTES: usize = 512 * 1024;

/// Everything goes by one connection: there is no other to mistake it for.
const CONNECTION_ID: u64 = 0;

/// The bus and what we hold of it.
#[derive(Debug, Default)]
pub(super) struct RedisSide {
    state: BusState,
}

#[derive(Debug, Default)]
enum BusState {
    #[default]
    Idle,
    Waiting {
        until: i64,
    },
    Connecting,
    Connected(Box<Connected>),
}

#[derive(Debug)]
struct Connected {
    hub: Hub,
    link: watch::Receiver<LinkState>,
    is_up: bool,
    up_at: i64,
    beat_due_at: i64,
    /// Answers of the log that are awaited since the connection came up: until they are there nobody knows how far the
    /// bus is, and a beat would prove nothing.
    num_unanswered: usize,
    /// What the hub could not read so far.
    num_unreadable: u64,
    _subscriptions: Vec<SubscriptionGuard>,
    _watcher: TaskGuard,
}

/// Puts what the hub routes into the lanes.
struct LaneSink {
    port: Arc<LanePort>,
    rt: Rt,
}

impl RouteSink for LaneSink {
    fn route(&self, routed: &Arc<Routed>) {
        let what = StreamWhat::Messages {
            routed_at: routed.routed_at,
            skipped: None,
            messages: vec![MessageBytes::Shared(routed.bytes.clone())],
        };
        if self
            .port
            .push_stream(&routed.stream, CONNECTION_ID, self.rt.now(), what)
            .is_err()
        {
            tracing::error!(stream = %routed.stream, "the hub routed a stream that has no lane");
        }
    }
}

impl Ingest {
    /// Connects when it is due, watches the hub's connection, passes on its places.
    pub(super) fn advance_bus(&mut self, now: i64) {
        match &mut self.redis.state {
            BusState::Idle => self.connect_bus(),
            BusState::Waiting { until } if *until <= now => self.connect_bus(),
            BusState::Waiting { .. } | BusState::Connecting => {}
            BusState::Connected(connected) => {
                let link = connected.link.borrow_and_update().clone();
                match link {
                    LinkState::Up { .. } if !connected.is_up => {
                        connected.is_up = true;
                        connected.up_at = now;
                        connected.beat_due_at = now;
                        self.bus_up();
                    }
                    LinkState::Down { last_error, .. } if connected.is_up => {
                        connected.is_up = false;
                        self.bus_down(last_error, now);
                    }
                    LinkState::Up { .. } => self.bus_beat(now),
                    LinkState::Down { .. } => {}
                }
            }
        }
    }

    /// When something of the bus is due.
    pub(super) fn bus_deadline(&self) -> Option<i64> {
        match &self.redis.state {
            BusState::Waiting { until } => Some(*until),
            BusState::Connected(connected) if connected.is_up && connected.num_unanswered == 0 => {
                Some(connected.beat_due_at)
            }
            _ => None,
        }
    }

    fn connect_bus(&mut self) {
        let FeedSource::Redis { url, .. } = &self.config.source else {
            return;
        };
        self.redis.state = BusState::Connecting;
        let (config, rt) = (RedisConfig::new(url.clone()), self.rt.clone());
        self.jobs.push(Box::pin(async move {
            let clock: Arc<dyn Clock> = Arc::new(rt);
            Job::BusConnected(Box::new(Bus::redis(config, clock).await))
        }));
    }

    /// The bus answered, or did not.
    pub(super) fn bus_connected(&mut self, result: Result<Bus, BusError>) {
        let FeedSource::Redis { user, .. } = &self.config.source else {
            return;
        };
        let user = user.clone();
        let bus = match result {
            Ok(bus) => bus,
            Err(err) => {
                let wait = self.backoff.next_millis(None, random_u64());
                let wait = i64::try_from(wait).unwrap_or(i64::MAX).saturating_mul(1000);
                let until = self.rt.monotonic_micros().saturating_add(wait);
                self.redis.state = BusState::Waiting { until };
                tracing::warn!(%err, "the bus cannot be reached");
                return self.apply(Event::SocketClosed(SocketClosed {
                    code: None,
                    reason: err.to_string(),
                    retry_at: Some(self.wall_at(until)),
                }));
            }
        };
        self.backoff.reset();
        self.apply(Event::SessionLoaded(session(&user)));
        self.session_known();
        let Some(lanes) = &self.lanes else {
            return;
        };
        let hub = Hub::new(bus, Arc::new(self.rt.clone()));
        let sink: Arc<dyn RouteSink> = Arc::new(LaneSink {
            port: lanes.port(),
            rt: self.rt.clone(),
        });
        let subscriptions = lanes
            .streams()
            .map(|stream| hub.subscribe(stream.clone(), Arc::clone(&sink)))
            .collect();
        let link = hub.link();
        let watcher = self
            .rt
            .spawn(watch_link(link.clone(), Arc::clone(&self.signal)));
        let now = self.rt.monotonic_micros();
        self.redis.state = BusState::Connected(Box::new(Connected {
            hub,
            link,
            is_up: false,
            up_at: now,
            beat_due_at: now,
            num_unanswered: 0,
            num_unreadable: 0,
            _subscriptions: subscriptions,
            _watcher: watcher,
        }));
    }

    fn bus_up(&mut self) {
        let FeedSource::Redis {
            user, environment, ..
        } = &self.config.source
        else {
            return;
        };
        let welcome = Welcome {
            session: session(user),
            environment: *environment,
            server_version: String::new(),
            served: None,
            node: "bus".to_owned(),
            server_time: self.rt.now(),
        };
        self.apply(Event::SocketOpened);
        self.apply(Event::SessionWelcomed(welcome));
        let resume = self.store.resume();
        if let BusState::Connected(connected) = &mut self.redis.state {
            connected.num_unanswered = resume.len();
        }
        for (stream, pos) in resume {
            self.redis_resync(stream, pos);
        }
    }

    /// Reads everything anew over the connection that stands.
    pub(super) fn bus_refreshed(&mut self) {
        self.read_bus_anew("refreshed by the user");
    }

    /// Nothing of ours ran for a while: what the hub believes is as old.
    pub(super) fn bus_slept(&mut self) {
        self.read_bus_anew("this machine slept");
    }

    fn read_bus_anew(&mut self, reason: &str) {
        let now = self.rt.monotonic_micros();
        if let BusState::Connected(connected) = &mut self.redis.state
            && connected.is_up
        {
            connected.is_up = false;
            self.bus_down(reason.to_owned(), now);
            self.signal.notify();
        }
    }

    /// The store took the bus for silent. Its connection is the hub's business; the next turn greets the store anew, as
    /// soon as the hub has one.
    pub(super) fn bus_anew(&mut self) {
        if let BusState::Connected(connected) = &mut self.redis.state {
            connected.is_up = false;
            self.signal.notify();
        }
    }

    fn bus_down(&mut self, last_error: String, now: i64) {
        tracing::warn!(last_error, "the bus is away");
        // The hub tries again for ever and by itself; when is its own business.
        self.apply(Event::SocketClosed(SocketClosed {
            code: None,
            reason: last_error,
            retry_at: Some(self.wall_at(now)),
        }));
    }

    /// All pages of an answer are in their lane: the beat that ends it is due.
    pub(super) fn bus_answered(&mut self) {
        if let BusState::Connected(connected) = &mut self.redis.state {
            connected.num_unanswered = connected.num_unanswered.saturating_sub(1);
            connected.beat_due_at = i64::MIN;
        }
    }

    fn bus_beat(&mut self, now: i64) {
        let BusState::Connected(connected) = &mut self.redis.state else {
            return;
        };
        if connected.beat_due_at > now || connected.num_unanswered > 0 {
            return;
        }
        let is_young = now.saturating_sub(connected.up_at) < BEAT_MICROS;
        connected.beat_due_at = now.saturating_add(if is_young {
            FIRST_BEATS_MICROS
        } else {
            BEAT_MICROS
        });
        let positions: Vec<(StreamName, StreamPos)> = self
            .store
            .wanted()
            .into_iter()
            .filter_map(|stream| {
                let pos = connected.hub.position(&stream)?;
                Some((stream, pos))
            })
            .collect();
        let num_unreadable = connected.hub.bus().counts().unreadable;
        let num_new = num_unreadable.saturating_sub(connected.num_unreadable);
        connected.num_unreadable = num_unreadable;
        let at = self.rt.now();
        self.apply(Event::BeatReceived { positions, at });
        // The hub keeps the samples in the log; what counts here is that somebody sees the number.
        for _ in 0..num_new.min(MAX_UNREADABLE_PER_BEAT) {
            self.apply(Event::MessageUnreadable {
                stream: None,
                pos: None,
                detail: "a message on the bus that is too large or no message".to_owned(),
            });
        }
    }

    /// What the gateway does on a `resync` frame: the log behind `pos` goes into the lane, page by page.
    pub(super) fn redis_resync(&self, stream: StreamName, pos: StreamPos) {
        let (BusState::Connected(connected), Some(lanes)) = (&self.redis.state, &self.lanes) else {
            return;
        };
        let reader = LogReader {
            hub: connected.hub.clone(),
            port: lanes.port(),
            rt: self.rt.clone(),
        };
        self.jobs.push(Box::pin(async move {
            Job::LogRead(reader.read_behind(&stream, pos).await)
        }));
    }

    /// The bus has no REST. An event stream's log tells its own story from its first entry; nothing else is known.
    pub(super) fn ask_bus(&mut self, ask: RestAsk) {
        let (BusState::Connected(connected), FeedSource::Redis { user, .. }) =
            (&self.redis.state, &self.config.source)
        else {
            self.asking.remove(&ask);
            return;
        };
        let (hub, user) = (connected.hub.clone(), user.clone());
        self.jobs.push(Box::pin(async move {
            Job::BusAsked(ask, Box::new(answer_from_log(&hub, &user, ask).await))
        }));
    }
}

async fn watch_link(mut link: watch::Receiver<LinkState>, signal: Arc<Signal>) {
    while link.changed().await.is_ok() {
        signal.notify();
    }
}

struct LogReader {
    hub: Hub,
    port: Arc<LanePort>,
    rt: Rt,
}

impl LogReader {
    async fn read_behind(&self, stream: &StreamName, pos: StreamPos) -> Result<(), BusError> {
        let mut after = pos;
        loop {
            let page = self
                .hub
                .read_log(stream, Some(&after), PAGE_MESSAGES, PAGE_BYTES)
                .await?;
            let Some(first) = page.entries.first() else {
                return Ok(());
            };
            let goes_on = first.head.epoch == after.epoch && first.head.seq == after.seq.next();
            if !goes_on && first.head.stream.class() == qd_types::StreamClass::Event {
                let gone = StreamPos {
                    epoch: first.head.epoch.clone(),
                    seq: translate::before(first.head.seq),
                };
                self.push(stream, StreamWhat::Gone(gone));
            }
            if let Some(last) = page.entries.last() {
                after = last.head.pos();
            }
            let what = StreamWhat::Messages {
                routed_at: self.rt.now(),
                skipped: None,
                messages: page
                    .entries
                    .into_iter()
                    .map(|entry| MessageBytes::Shared(entry.bytes))
                    .collect(),
            };
            self.push(stream, what);
            if !page.more {
                return Ok(());
            }
        }
    }

    fn push(&self, stream: &StreamName, what: StreamWhat) {
        let pushed = self
            .port
            .push_stream(stream, CONNECTION_ID, self.rt.now(), what);
        if pushed.is_err() {
            tracing::error!(%stream, "a log was read for a stream that has no lane");
        }
    }
}

/// Where the log of an event stream begins; rows are none, the log brings them.
async fn answer_from_log(hub: &Hub, user: &UserId, ask: RestAsk) -> Result<RestAnswer, String> {
    let stream = match ask {
        RestAsk::Orders => StreamName::Orders(user.clone()),
        RestAsk::Alerts => StreamName::Alerts(user.clone()),
        RestAsk::Positions
        | RestAsk::History
        | RestAsk::Pnl
        | RestAsk::Halt
        | RestAsk::Breakers => return Err("a bus without a gateway does not say".to_owned()),
    };
    let pos = log_begin(hub, &stream).await?;
    Ok(match ask {
        RestAsk::Alerts => RestAnswer::AlertsLog { pos },
        _ => RestAnswer::OrdersLog { pos },
    })
}

/// The place behind which the log can be read to its end: before its first entry, or behind the last that is unreadable.
async fn log_begin(hub: &Hub, stream: &StreamName) -> Result<StreamPos, String> {
    let mut begin: Option<StreamPos> = None;
    let mut after: Option<StreamPos> = None;
    loop {
        let page = hub
            .read_log(stream, after.as_ref(), PAGE_MESSAGES, PAGE_BYTES)
            .await
            .map_err(|err| err.to_string())?;
        let head = page
            .head
            .ok_or_else(|| format!("{stream} has no log on this bus"))?;
        let at = |seq| StreamPos {
            epoch: head.epoch.clone(),
            seq,
        };
        let mut last = after
            .take()
            .unwrap_or_else(|| at(translate::before(page.base)));
        let mut found = begin.take().unwrap_or_else(|| last.clone());
        if last.epoch != head.epoch {
            return Err(format!("{stream} was written anew meanwhile"));
        }
        for entry in &page.entries {
            if entry.head.seq != last.seq.next() {
                found = at(translate::before(entry.head.seq));
            }
            last = entry.head.pos();
        }
        if !page.more || page.entries.is_empty() {
            return Ok(if last.seq < head.seq { head } else { found });
        }
        (begin, after) = (Some(found), Some(last));
    }
}

/// Whoever can read the bus can see; nobody can act through it.
fn session(user: &UserId) -> Session {
    Session {
        user_id: user.clone(),
        name: user.as_str().to_owned(),
        roles: Vec::new(),
        permissions: [
            Permission::PositionsView,
            Permission::OrdersView,
            Permission::PnlView,
            Permission::HaltView,
            Permission::AlertsView,
        ]
        .to_vec(),
        accounts: Vec::new(),
        idle_at: None::<UtcMicros>,
        absolute_at: None,
    }
}

#[cfg(test)]
mod tests;
