//! An open socket between welcome and farewell: lanes out, client frames in, beats, pings, and the session's lease.
//!
//! It writes only what the peer has room for, so that lanes conflate instead of a buffer growing; it closes nothing itself, but says why it ended.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, SplitSink, SplitStream};
use futures_util::{Sink as _, StreamExt as _};
use qd_auth::SessionVerdict;
use qd_bus::{BusError, LinkState, LogPage, SubscriptionGuard};
use qd_types::{StreamName, UtcMicros};
use qd_wire::WireError;
use qd_wire::frame::{ClientFrame, beat_frame, clock_frame, close_code, degraded_frame};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::lane::{LaneFrame, LaneStep};
use crate::registry::Registered;
use crate::sessions::{LiveSession, Lookup};
use crate::shared_lane::SharedLane;
use crate::state::AppState;
use crate::transport::Transport;

/// What waits beside the lanes: beats, clock answers and the like.
const MAX_CONTROL: usize = 16;
/// Frames that cannot be read, before the peer is taken for something else than a console.
const MAX_BAD_FRAMES: u32 = 10;
/// Protocol error, from the WebSocket standard.
const CODE_PROTOCOL: u16 = 1002;

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer went, or the connection broke.
    Left,
    /// We close it.
    Close {
        code: u16,
        reason: &'static str,
        retry: Retry,
    },
}

/// Whether the peer is told when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Spread,
    No,
}

/// Closes for good.
pub(crate) const fn close(code: u16, reason: &'static str) -> End {
    End::Close {
        code,
        reason,
        retry: Retry::No,
    }
}

/// Closes, and says when to come back.
pub(crate) const fn close_for_now(code: u16, reason: &'static str) -> End {
    End::Close {
        code,
        reason,
        retry: Retry::Spread,
    }
}

/// A short frame that waits beside the lanes.
enum Control {
    Text(String),
    Ping,
    /// Answered at the moment of writing, so that waiting does not look like distance.
    Clock {
        t0: UtcMicros,
        t1: UtcMicros,
    },
}

/// Something that was asked of the store.
enum Job {
    Page {
        lane: usize,
        read_id: u64,
        page: Result<LogPage, BusError>,
    },
    Session(Result<Lookup, BusError>),
    Touched(Result<Box<LiveSession>, BusError>),
}

/// A lane with its subscription.
pub(crate) struct Slot {
    pub(crate) stream: StreamName,
    pub(crate) lane: Arc<SharedLane>,
    /// Dropping it ends the subscription.
    pub(crate) _subscription: SubscriptionGuard,
}

/// When a write began that the peer has not taken yet, and how far the connection was then.
struct Flushing {
    since: Instant,
    bytes_written: u64,
}

/// An open socket of a live session.
pub(crate) struct SocketSession {
    state: AppState,
    session: LiveSession,
    transport: Option<Arc<Transport>>,
    sink: SplitSink<WebSocket, Message>,
    control: VecDeque<Control>,
    slots: Vec<Slot>,
    /// How many slots come before all others: halts and breakers.
    num_urgent: usize,
    next_slot: usize,
    jobs: FuturesUnordered<BoxFuture<'static, Job>>,
    is_session_asked: bool,
    flushing: Option<Flushing>,
    wants_touch: bool,
    next_beat: Instant,
    next_ping: Instant,
    is_ping_waiting: bool,
    ping_sent: Option<Instant>,
    next_session_check: Instant,
    frames_since: Instant,
    num_frames: u32,
    num_bad_frames: u32,
}

impl SocketSession {
    /// A socket that has been welcomed; `num_urgent` of its slots come before the others.
    pub(crate) fn new(
        state: AppState,
        session: LiveSession,
        transport: Option<Arc<Transport>>,
        sink: SplitSink<WebSocket, Message>,
        slots: Vec<Slot>,
        num_urgent: usize,
    ) -> Self {
        let now = Instant::now();
        let timing = state.config.timing;
        Self {
            state,
            session,
            transport,
            sink,
            control: VecDeque::new(),
            slots,
            num_urgent,
            next_slot: 0,
            jobs: FuturesUnordered::new(),
            is_session_asked: false,
            flushing: None,
            wants_touch: false,
            next_beat: now + timing.beat_every,
            next_ping: now + timing.ping_every,
            is_ping_waiting: false,
            ping_sent: None,
            next_session_check: now,
            frames_since: now,
            num_frames: 0,
            num_bad_frames: 0,
        }
    }

    /// Gives the sink back for the farewell.
    pub(crate) fn into_sink(self) -> SplitSink<WebSocket, Message> {
        self.sink
    }

    /// Runs until something ends it.
    pub(crate) async fn run(
        &mut self,
        stream: &mut SplitStream<WebSocket>,
        registered: &Registered,
        wake: &Notify,
    ) -> End {
        let mut tick = interval(self.state.config.timing.tick);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let draining = self.state.draining.clone();
        let mut link = self.state.bus.link();
        let mut link_lives = true;
        if !link.borrow_and_update().is_up() {
            self.push_link(&link.borrow().clone());
        }
        loop {
            let lane_due = match self.write_next().await {
                Ok(lane_due) => lane_due,
                Err(end) => return end,
            };
            let lane_wait = lane_due.map(|at| {
                let micros = at.micros_since(self.state.now()).max(0);
                Duration::from_micros(micros.unsigned_abs())
            });
            let is_flushing = self.flushing.is_some();
            let step = tokio::select! {
                biased;
                () = registered.revoked.cancelled() => {
                    Err(close(close_code::NO_SESSION, "session_ended"))
                }
                () = draining.cancelled() => Err(close_for_now(close_code::RESTARTING, "restarting")),
                message = stream.next() => self.on_message(message),
                flushed = flush(&mut self.sink), if is_flushing => {
                    self.flushing = None;
                    flushed.map_err(|_broken| End::Left)
                }
                Some(job) = self.jobs.next(), if !self.jobs.is_empty() => self.on_job(job),
                changed = link.changed(), if link_lives => {
                    if changed.is_ok() {
                        let state = link.borrow_and_update().clone();
                        self.push_link(&state);
                    } else {
                        link_lives = false;
                    }
                    Ok(())
                }
                () = wake.notified() => Ok(()),
                () = sleep(lane_wait.unwrap_or_default()), if lane_wait.is_some() => Ok(()),
                _ = tick.tick() => self.on_tick(),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Writes one frame if the peer took the last one; says when a lane wants to be asked again.
    async fn write_next(&mut self) -> Result<Option<UtcMicros>, End> {
        if self.flushing.is_some() {
            return Ok(None);
        }
        let mut lane_due = None;
        let message = match self.control.pop_front() {
            Some(Control::Text(text)) => Some(Message::Text(text.into())),
            Some(Control::Ping) => {
                // From here on the answer is awaited: what still waited could not be answered.
                self.is_ping_waiting = false;
                self.ping_sent = Some(Instant::now());
                Some(Message::Ping(bytes::Bytes::new()))
            }
            Some(Control::Clock { t0, t1 }) => {
                Some(Message::Text(clock_frame(t0, t1, self.state.now()).into()))
            }
            None => {
                let (frame, due) = self.next_lane_frame();
                lane_due = due;
                // Rendered outside of the lane's lock.
                frame.map(|frame| {
                    profiling::scope!("render_frame");
                    Message::Text(frame.render().into())
                })
            }
        };
        let Some(message) = message else {
            return Ok(lane_due);
        };
        // Ready at once, because the last frame was taken whole.
        poll_fn(|cx| std::pin::Pin::new(&mut self.sink).poll_ready(cx))
            .await
            .map_err(|_broken| End::Left)?;
        std::pin::Pin::new(&mut self.sink)
            .start_send(message)
            .map_err(|_broken| End::Left)?;
        self.begin_flush();
        Ok(None)
    }

    /// Notes that something was handed to the peer that it has not taken yet.
    pub(crate) fn begin_flush(&mut self) {
        self.flushing = Some(Flushing {
            since: Instant::now(),
            bytes_written: self.bytes_written(),
        });
    }

    fn bytes_written(&self) -> u64 {
        self.transport
            .as_ref()
            .map_or(0, |transport| transport.bytes_written())
    }

    /// The next frame of any lane: halts and breakers first, the others in turn.
    fn next_lane_frame(&mut self) -> (Option<LaneFrame>, Option<UtcMicros>) {
        profiling::function_scope!();
        let now = self.state.now();
        let num_others = self.slots.len() - self.num_urgent;
        let turn = self.next_slot;
        let order = (0..self.num_urgent)
            .chain((0..num_others).map(|i| self.num_urgent + (turn + i) % num_others.max(1)));
        let mut due: Option<UtcMicros> = None;
        for index in order.collect::<Vec<_>>() {
            let Some(slot) = self.slots.get(index) else {
                continue;
            };
            match slot.lane.with(|lane| lane.poll(now)) {
                LaneStep::Send(frame) => {
                    if index >= self.num_urgent {
                        self.next_slot = (index - self.num_urgent + 1) % num_others.max(1);
                    }
                    if let LaneFrame::Gone { stream, .. } = &frame {
                        self.state.metrics.told_gone(stream);
                    }
                    return (Some(frame), None);
                }
                LaneStep::Read(read) => {
                    let (bus, stream) = (self.state.bus.clone(), slot.stream.clone());
                    self.jobs.push(Box::pin(async move {
                        let page = bus
                            .read_log(
                                &stream,
                                read.after.as_ref(),
                                read.max_messages,
                                read.max_bytes,
                            )
                            .await;
                        Job::Page {
                            lane: index,
                            read_id: read.read_id,
                            page,
                        }
                    }));
                }
                LaneStep::Wait(until) => {
                    due = match (due, until) {
                        (Some(due), Some(until)) => Some(due.min(until)),
                        (due, until) => due.or(until),
                    };
                }
            }
        }
        (None, due)
    }

    fn on_message(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let now = Instant::now();
        if now.duration_since(self.frames_since) >= Duration::from_secs(1) {
            self.frames_since = now;
            self.num_frames = 0;
        }
        self.num_frames += 1;
        if self.num_frames > self.state.config.limits.max_client_frames_per_second {
            return Err(close_for_now(close_code::TOO_MANY, "too_many_frames"));
        }
        match message {
            Some(Ok(Message::Text(text))) => self.on_frame(text.as_str()),
            Some(Ok(Message::Pong(_))) => {
                self.ping_sent = None;
                Ok(())
            }
            Some(Ok(Message::Ping(_))) => Ok(()),
            Some(Ok(Message::Binary(_))) => self.on_bad_frame(),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Left),
        }
    }

    fn on_frame(&mut self, text: &str) -> Result<(), End> {
        profiling::function_scope!();
        match ClientFrame::decode(text) {
            Ok(ClientFrame::Resync { stream, pos }) => {
                let Some(slot) = self.slots.iter().find(|slot| slot.stream == stream) else {
                    return Err(close(close_code::FORBIDDEN, "forbidden"));
                };
                slot.lane.with(|lane| lane.resync(pos));
                self.state.metrics.resync_asked(&stream);
                Ok(())
            }
            Ok(ClientFrame::Active) => {
                self.wants_touch = true;
                self.ask_session();
                Ok(())
            }
            Ok(ClientFrame::Clock { t0 }) => {
                let t1 = self.state.now();
                self.push(Control::Clock { t0, t1 });
                Ok(())
            }
            Ok(ClientFrame::Stats(stats)) => {
                self.state.metrics.client_reported(&stats);
                Ok(())
            }
            Ok(ClientFrame::Visible { on }) => {
                for slot in &self.slots {
                    slot.lane.with(|lane| lane.set_visible(on));
                }
                Ok(())
            }
            Err(WireError::UnknownFrame { .. }) => Ok(()),
            Ok(ClientFrame::Hello { .. }) | Err(_) => self.on_bad_frame(),
        }
    }

    fn on_bad_frame(&mut self) -> Result<(), End> {
        self.num_bad_frames += 1;
        if self.num_bad_frames > MAX_BAD_FRAMES {
            Err(close(CODE_PROTOCOL, "bad_frames"))
        } else {
            Ok(())
        }
    }

    fn on_job(&mut self, job: Job) -> Result<(), End> {
        match job {
            Job::Page {
                lane,
                read_id,
                page,
            } => {
                let now = self.state.now();
                if let Some(slot) = self.slots.get(lane) {
                    slot.lane.with(|lane| match page {
                        Ok(page) => lane.on_page(read_id, page, now),
                        Err(_) => lane.on_page_failed(read_id, now),
                    });
                }
                Ok(())
            }
            Job::Session(found) => {
                self.is_session_asked = false;
                match found {
                    Ok(Lookup::Live(session)) => {
                        self.session = *session;
                        if std::mem::take(&mut self.wants_touch) {
                            self.touch();
                        }
                        Ok(())
                    }
                    Ok(Lookup::Ended(verdict)) => Err(end_of(verdict)),
                    Ok(Lookup::Absent) => Err(close(close_code::NO_SESSION, "session_ended")),
                    // Nothing is known, so nobody is thrown out but by the clock.
                    Err(_) => self.judge(),
                }
            }
            Job::Touched(touched) => {
                if let Ok(session) = touched {
                    self.session = *session;
                }
                Ok(())
            }
        }
    }

    fn on_tick(&mut self) -> Result<(), End> {
        profiling::function_scope!();
        let now = Instant::now();
        let timing = self.state.config.timing;
        let bytes_written = self.bytes_written();
        let mut is_moving = false;
        if let Some(flushing) = &mut self.flushing {
            if flushing.bytes_written != bytes_written {
                is_moving = true;
                *flushing = Flushing {
                    since: now,
                    bytes_written,
                };
            } else if now.duration_since(flushing.since) >= timing.slow_after {
                return Err(close(close_code::TOO_SLOW, "too_slow"));
            }
        }
        if let Some(sent) = &mut self.ping_sent {
            if is_moving {
                // The ping lies behind what the peer is still taking.
                *sent = now;
            } else if now.duration_since(*sent) >= timing.pong_within {
                return Err(close(close_code::TOO_SLOW, "no_pong"));
            }
        } else if now >= self.next_ping && !self.is_ping_waiting {
            self.next_ping = now + timing.ping_every;
            self.is_ping_waiting = self.push(Control::Ping);
        }
        if now >= self.next_beat {
            self.next_beat = now + timing.beat_every;
            self.push_beat();
        }
        if now >= self.next_session_check
            || self.state.now() >= self.state.sessions.rules().deadline(&self.session.record)
        {
            self.next_session_check = now + timing.session_check_every;
            // The store is asked before anybody is thrown out: an action over REST may have extended the session.
            self.ask_session();
        }
        Ok(())
    }

    fn push_beat(&mut self) {
        let mut places = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let hub = self.state.hub.position(&slot.stream);
            if let Some(pos) = slot.lane.with(|lane| lane.on_beat_due(hub.as_ref())) {
                places.push((slot.stream.clone(), pos));
            }
        }
        self.push(Control::Text(beat_frame(&places, self.state.now())));
    }

    fn push_link(&mut self, link: &LinkState) {
        let since = match link {
            LinkState::Up { .. } => None,
            LinkState::Down { since, .. } => Some(*since),
        };
        self.push(Control::Text(degraded_frame("bus", since)));
    }

    /// Says whether there was room.
    fn push(&mut self, control: Control) -> bool {
        // A peer that takes nothing loses beats first, and then its socket.
        let has_room = self.control.len() < MAX_CONTROL;
        if has_room {
            self.control.push_back(control);
        }
        has_room
    }

    fn ask_session(&mut self) {
        if self.is_session_asked {
            return;
        }
        self.is_session_asked = true;
        let (sessions, session_id) = (self.state.sessions.clone(), self.session.session_id.clone());
        self.jobs.push(Box::pin(async move {
            Job::Session(sessions.look_up(&session_id).await)
        }));
    }

    fn touch(&self) {
        let (sessions, mut session) = (self.state.sessions.clone(), self.session.clone());
        self.jobs.push(Box::pin(async move {
            Job::Touched(
                sessions
                    .touch(&mut session)
                    .await
                    .map(|()| Box::new(session)),
            )
        }));
    }

    fn judge(&self) -> Result<(), End> {
        match self
            .state
            .sessions
            .rules()
            .judge(&self.session.record, self.state.now())
        {
            SessionVerdict::Live => Ok(()),
            ended => Err(end_of(ended)),
        }
    }
}

/// How a socket whose session is over is closed.
pub(crate) fn end_of(verdict: SessionVerdict) -> End {
    match verdict {
        SessionVerdict::Idle => close(close_code::IDLE, "idle"),
        SessionVerdict::Over | SessionVerdict::Live => {
            close(close_code::NO_SESSION, "session_over")
        }
    }
}

async fn flush(sink: &mut SplitSink<WebSocket, Message>) -> Result<(), axum::Error> {
    poll_fn(|cx| {
        profiling::scope!("socket_write");
        std::pin::Pin::new(&mut *sink).poll_flush(cx)
    })
    .await
}
