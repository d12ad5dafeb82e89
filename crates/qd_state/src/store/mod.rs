//! The reducer: one total match over [`Event`], and the effects that it leaves.
//!
//! Each part of the picture has its own file; this one only says which event goes where. Publication is `publish`.

mod activity;
mod alerts;
mod asked;
mod cards;
mod cells;
mod commands;
mod connection;
mod desk;
mod meters;
mod orders;
mod polls;
mod position_rows;
mod positions;
mod publish;
mod safety;
mod seals;
mod streams;
mod unreadable;

use std::sync::Arc;

use qd_types::{
    Environment, MarketPhase, Permission, StreamName, StreamPos, Symbol, Tone, UtcMicros,
    ZoneChoice,
};

use self::connection::Connection;
use self::desk::Desk;
use self::meters::Meters;
use self::polls::Polls;
use self::seals::Sealed;
use crate::effect::{Effect, ReconnectReason, RestAsk};
use crate::event::{
    Event, HistoryPage, PageAnswer, PageQuestionId, Poll, PollAnswer, RestAnswer, Session,
    SocketClosed, StreamMessage, StreamPayload, Welcome,
};
use crate::snapshot::{LastMessage, Seal, Snapshot, Urgency};
use crate::stream_client::{Ask, HoleReason, REST_RETRY_MILLIS, Verdict};

/// A clock that goes back by less is being steered, and nothing notices.
const CLOCK_STEP_MILLIS: i64 = 1_000;

/// What the reducer is told at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreConfig {
    /// The zone of the times on screen.
    pub zone: ZoneChoice,
}

/// What every part may know of the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ctx {
    pub(crate) now: UtcMicros,
    pub(crate) zone: ZoneChoice,
    pub(crate) phase: Option<MarketPhase>,
    /// Server's clock minus client's clock.
    pub(crate) offset_micros: i64,
}

impl Ctx {
    pub(crate) fn to_client_clock(self, server: UtcMicros) -> UtcMicros {
        server.plus_micros(-self.offset_micros)
    }

    pub(crate) fn now_on_server(self) -> UtcMicros {
        self.now.plus_micros(self.offset_micros)
    }
}

/// The console's state. One writer: the ingest task.
#[derive(Debug)]
pub struct Store {
    config: StoreConfig,
    session: Option<Arc<Session>>,
    environment: Option<Environment>,
    connection: Connection,
    desk: Desk,
    polls: Polls,
    meters: Meters,
    published: Arc<Snapshot>,
    last_urgency: Urgency,
    /// When the last event came, to find a clock that was set back.
    last_now: Option<UtcMicros>,
    /// The seal of tables whose stream is not there.
    blank_seal: Arc<Seal>,
}

impl Store {
    /// A store that knows nothing.
    pub fn new(config: StoreConfig) -> Self {
        Self {
            config,
            session: None,
            environment: None,
            connection: Connection::default(),
            desk: Desk::default(),
            polls: Polls::default(),
            meters: Meters::default(),
            published: Arc::new(Snapshot::empty()),
            last_urgency: Urgency::Now,
            last_now: None,
            blank_seal: Arc::default(),
        }
    }

    /// What `event` changes, and what is to be done about it; `now` is the client's clock.
    pub fn apply(&mut self, event: Event, now: UtcMicros) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.watch_clock(now, &mut effects);
        match event {
            Event::SessionLoaded(session) => self.sign_in(session),
            Event::SessionEnded { reason } => self.sign_out(&reason, now),
            Event::SignOutFailed { detail } => {
                let text = format!("still signed in: {detail}");
                self.desk.commands.notice(Tone::Danger, text, None, now);
            }
            Event::TapeRefused { detail } => {
                let text = format!("the tape plays as before: {detail}");
                self.desk.commands.notice(Tone::Danger, text, None, now);
            }
            Event::SocketOpened => self.connection.opened(now),
            Event::SessionWelcomed(welcome) => self.welcomed(welcome, now, &mut effects),
            Event::SocketClosed(closed) => self.closed(&closed, now),
            Event::MessageReceived(message) => self.received(message, now, &mut effects),
            Event::GoneReceived { stream, pos } => {
                self.with_client(&stream, &mut effects, |client| client.gone(&pos, now));
            }
            Event::BeatReceived { positions, at } => {
                let stamp_at = self.connection.stamped(Some(at), now);
                for (stream, pos) in positions {
                    self.with_client(&stream, &mut effects, |client| {
                        client.beat(&pos, stamp_at, now)
                    });
                }
            }
            Event::DegradedReceived { what, since: _ } => self.connection.degraded(what),
            Event::DegradedEnded { what } => self.connection.works_again(&what),
            Event::QueueDropped {
                stream,
                pos,
                num_messages,
            } => self.with_client(&stream, &mut effects, |client| {
                client.queue_dropped(pos.as_ref(), num_messages, now)
            }),
            Event::MessageUnreadable {
                stream,
                pos,
                detail,
            } => self.unreadable(stream.as_ref(), pos.as_ref(), &detail, now, &mut effects),
            Event::RestLoaded(answer) => self.rest_loaded(answer, now, &mut effects),
            Event::RestFailed { ask, detail: _ } => self.rest_failed(ask, now),
            Event::PollLoaded(answer) => self.poll_loaded(answer, now),
            Event::PollFailed {
                poll,
                detail,
                retry_at: _,
            } => match poll {
                Poll::Prices => self.desk.positions.price_poll_failed(&detail),
                Poll::Series | Poll::MarketClock | Poll::Health | Poll::Stats => {
                    self.polls.failed(poll, &detail);
                }
            },
            Event::PageAsked(ask) => {
                let question = self.desk.asked.ask(ask);
                effects.extend(question.map(|(question_id, question)| Effect::AskForPage {
                    question_id,
                    question,
                }));
            }
            Event::PageAnswered {
                question_id,
                answer,
            } => self.page_answered(question_id, answer, now),
            Event::CommandRequested(command) => {
                self.desk.commands.request(command, now);
                self.show_commands();
            }
            Event::CommandAnswered {
                command_id,
                outcome,
            } => {
                self.desk.commands.answer(command_id, outcome, now);
                self.show_commands();
            }
            Event::ClockMeasured(clock) => self.connection.measured(clock),
            Event::Painted {
                version,
                at,
                frame_micros,
            } => self.meters.painted(version, at, frame_micros),
            Event::ZoneChosen(zone) => self.show_in(zone, now),
            Event::Ticked => self.tick(now, &mut effects),
        }
        self.desk.note_live_alerts();
        effects
    }

    /// The streams to ask for in a `hello`: none before the user is known.
    pub fn wanted(&self) -> Vec<StreamName> {
        self.desk.streams.keys().cloned().collect()
    }

    /// The places to resume from in a `hello`: one for each wanted stream that has a place.
    pub fn resume(&self) -> Vec<(StreamName, StreamPos)> {
        let with_pos = |(name, sealed): (&StreamName, &Sealed)| {
            sealed.client.pos().map(|pos| (name.clone(), pos.clone()))
        };
        self.desk.streams.iter().filter_map(with_pos).collect()
    }

    /// The symbols to poll prices and lines for, sorted.
    pub fn held_symbols(&self) -> Vec<Symbol> {
        self.desk.positions.symbols()
    }

    /// How many things are kept: rows, lines, samples, notices. It is bounded however long nobody looks.
    pub fn num_retained(&self) -> usize {
        self.desk.num_retained() + self.meters.num_retained()
    }

    /// When [`Event::Ticked`] is due at the latest for the streams' sake; ages want one a second besides.
    pub fn next_wake_at(&self) -> Option<UtcMicros> {
        let clients = self
            .desk
            .streams
            .values()
            .filter_map(|sealed| sealed.client.next_deadline());
        let asks = self.desk.ask_again_at.values().copied();
        clients.chain(asks).chain(self.connection.silent_at()).min()
    }

    fn ctx(&self, now: UtcMicros) -> Ctx {
        let offset_micros = self.connection.offset_micros();
        Ctx {
            now,
            zone: self.config.zone,
            phase: self.polls.phase(now, now.plus_micros(offset_micros)),
            offset_micros,
        }
    }

    /// Every deadline stands on the client's clock: one that was set back would switch the watch over silence off.
    fn watch_clock(&mut self, now: UtcMicros, effects: &mut Vec<Effect>) {
        let last = self.last_now.replace(now);
        if last.is_none_or(|last| last.millis_since(now) <= CLOCK_STEP_MILLIS) {
            return;
        }
        let was_up = self.connection.clock_set_back(now);
        self.polls.clock_set_back(now);
        let latest = now.plus_millis(REST_RETRY_MILLIS);
        for at in self.desk.ask_again_at.values_mut() {
            *at = (*at).min(latest);
        }
        for sealed in self.desk.streams.values_mut() {
            sealed.client.clock_set_back(now);
            if was_up {
                sealed.client.link_down(HoleReason::Disconnected, now);
            }
        }
        if was_up {
            effects.push(Effect::Reconnect {
                reason: ReconnectReason::ClockSetBack,
            });
        }
    }

    fn sign_in(&mut self, session: Session) {
        if self
            .session
            .as_ref()
            .is_none_or(|known| known.user_id != session.user_id)
        {
            // Another user: nothing of the one before may stay.
            self.desk = Desk::default();
            let user = &session.user_id;
            let names = vec![
                StreamName::Positions(user.clone()),
                StreamName::Orders(user.clone()),
                StreamName::KillSwitch,
                StreamName::CircuitBreakers,
            ];
            self.desk.streams = names
                .into_iter()
                .map(|name| {
                    let sealed = Sealed::new(name.class());
                    (name, sealed)
                })
                .collect();
        }
        // Granted or taken while the same user goes on.
        let stream = StreamName::Alerts(session.user_id.clone());
        if session.allows(Permission::AlertsView) {
            let class = stream.class();
            let streams = &mut self.desk.streams;
            streams.entry(stream).or_insert_with(|| Sealed::new(class));
        } else {
            self.desk.streams.remove(&stream);
            self.desk.alerts = alerts::Alerts::default();
        }
        if self.session.as_deref() != Some(&session) {
            self.session = Some(Arc::new(session));
        }
    }

    fn sign_out(&mut self, reason: &str, now: UtcMicros) {
        self.session = None;
        self.desk = Desk::default();
        self.polls = Polls::default();
        self.meters = Meters::default();
        self.connection.ended(reason, now);
    }

    fn welcomed(&mut self, welcome: Welcome, now: UtcMicros, effects: &mut Vec<Effect>) {
        self.connection.welcomed(&welcome, now);
        self.environment = Some(welcome.environment);
        self.sign_in(welcome.session);
        for (name, sealed) in &mut self.desk.streams {
            streams::push_ask(name, sealed.client.link_up(now), effects);
        }
    }

    fn closed(&mut self, closed: &SocketClosed, now: UtcMicros) {
        self.connection.closed(closed, now);
        for sealed in self.desk.streams.values_mut() {
            sealed.client.link_down(HoleReason::Disconnected, now);
        }
    }

    fn with_client(
        &mut self,
        stream: &StreamName,
        effects: &mut Vec<Effect>,
        step: impl FnOnce(&mut crate::StreamClient) -> Option<Ask>,
    ) {
        if let Some(sealed) = self.desk.streams.get_mut(stream) {
            let ask = step(&mut sealed.client);
            streams::push_ask(stream, ask, effects);
        }
    }

    fn unreadable(
        &mut self,
        stream: Option<&StreamName>,
        pos: Option<&StreamPos>,
        detail: &str,
        now: UtcMicros,
        effects: &mut Vec<Effect>,
    ) {
        self.meters.received();
        let is_wanted = stream.is_some_and(|name| self.desk.streams.contains_key(name));
        self.meters.unreadable(detail, is_wanted);
        if let Some(stream) = stream {
            self.with_client(stream, effects, |client| client.unreadable(pos, now));
        }
    }

    fn received(&mut self, message: StreamMessage, now: UtcMicros, effects: &mut Vec<Effect>) {
        let StreamMessage {
            stream,
            head,
            stamps,
            skipped,
            payload,
        } = message;
        let stamp = stamps.routed_at.or(stamps.published_at);
        let stamp_at = self.connection.stamped(stamp, now);
        if !streams::fits(&stream, &payload) || !self.desk.streams.contains_key(&stream) {
            let pos = head.map(|head| head.pos);
            let detail = format!("{stream}: not what this stream carries");
            self.unreadable(Some(&stream), pos.as_ref(), &detail, now, effects);
            return;
        }
        self.meters.received();
        let Some(sealed) = self.desk.streams.get_mut(&stream) else {
            return;
        };
        let (verdict, ask) = sealed.client.message(head.as_ref(), stamp_at, now);
        streams::push_ask(&stream, ask, effects);
        if let Some(num) = skipped.filter(|num| *num > 0) {
            self.meters.skipped(num);
            sealed.skipped(num, now);
        }
        match verdict {
            Verdict::Apply => {
                let message = LastMessage {
                    seq: head.as_ref().map(|head| head.pos.seq),
                    stamps,
                    applied_at: now,
                };
                let is_news = sealed.tells_news(&stamps);
                sealed.applied(message);
                let ctx = self.ctx(now);
                let mut measured = message;
                // The age of old facts is no latency.
                measured.stamps.made_at = stamps.made_at.filter(|_| is_news);
                self.meters.applied(&measured, &ctx);
                self.take_payload(payload, &ctx);
            }
            Verdict::Duplicate | Verdict::SetAside => {}
        }
    }

    fn take_payload(&mut self, payload: StreamPayload, ctx: &Ctx) {
        match payload {
            StreamPayload::PositionsReplaced(picture) => {
                self.desk.positions.replace(picture, ctx);
                self.desk.show_position_commands();
            }
            StreamPayload::PositionsChanged(delta) => {
                self.desk.positions.change(delta, ctx);
                self.desk.show_position_commands();
            }
            StreamPayload::PositionsSalvaged(salvaged) => {
                self.desk.positions.replace_salvaged(*salvaged, ctx);
                self.desk.show_position_commands();
            }
            StreamPayload::PositionsChangeSalvaged(salvaged) => {
                self.desk.positions.change_salvaged(*salvaged, ctx);
                self.desk.show_position_commands();
            }
            StreamPayload::OrderChanged(change) => self.desk.take_order(&change, ctx),
            StreamPayload::OrderSalvaged(odd) => self.desk.take_odd_order(*odd, ctx),
            StreamPayload::HaltChanged(status) => self.desk.halt.replace(status),
            StreamPayload::BreakersReplaced(breakers) => self.desk.breakers.replace(breakers),
            StreamPayload::AlertChanged(alert) => {
                self.desk.note_live_alerts();
                let notice = self.desk.alerts.change(*alert, ctx);
                self.desk.say(notice, ctx);
            }
            StreamPayload::RefetchAsked => {}
        }
    }

    fn rest_loaded(&mut self, answer: RestAnswer, now: UtcMicros, effects: &mut Vec<Effect>) {
        let ctx = self.ctx(now);
        self.desk.ask_again_at.remove(&streams::ask_of(&answer));
        let mut is_new_log = false;
        let verdict = match streams::asked_for(&answer) {
            Some((kind, pos)) => {
                let pos = pos.cloned();
                let Some(name) = self.stream_of(kind) else {
                    return;
                };
                let mut verdict = Verdict::Duplicate;
                let is_log_only = matches!(
                    answer,
                    RestAnswer::OrdersLog { .. } | RestAnswer::AlertsLog { .. }
                );
                self.with_client(&name, effects, |client| {
                    if let Some(pos) = pos.as_ref().filter(|_| is_log_only) {
                        is_new_log = client.log_begins_behind(pos, now);
                    }
                    let (answered, ask) = client.rest_loaded(pos.as_ref(), now);
                    verdict = answered;
                    ask
                });
                verdict
            }
            None => Verdict::Apply,
        };
        if verdict != Verdict::Apply {
            // The stream is further than the answer.
            return;
        }
        match answer {
            RestAnswer::Positions {
                pos: _,
                positions,
                realized_pl_today,
            } => {
                self.desk
                    .positions
                    .replace_from_rest(positions, realized_pl_today, &ctx);
                self.desk.show_position_commands();
            }
            RestAnswer::PositionsSalvaged { pos: _, salvaged } => {
                self.desk
                    .positions
                    .replace_salvaged_from_rest(*salvaged, &ctx);
                self.desk.show_position_commands();
            }
            RestAnswer::Orders { pos: _, orders } => {
                self.desk.orders.replace(orders, &ctx);
                self.desk.asked.stream_was_refetched();
            }
            RestAnswer::OrdersSalvaged {
                pos: _,
                orders,
                unreadable,
                nameless,
            } => {
                // What is odd keeps its row: gone would be a lie.
                self.desk
                    .orders
                    .replace_salvaged(orders, unreadable, nameless, &ctx);
                self.desk.asked.stream_was_refetched();
            }
            // A new run of numbers begins with no orders. In the same run what was known is still the best there is.
            RestAnswer::OrdersLog { pos: _ } if is_new_log => {
                self.desk.orders.replace(Vec::new(), &ctx);
            }
            RestAnswer::History {
                entries,
                total_today,
            } => self.desk.activity.load(&entries, total_today, &ctx),
            RestAnswer::Pnl(totals) => self.desk.positions.take_pnl(totals),
            RestAnswer::Halt { pos: _, status } => self.desk.halt.replace(status),
            RestAnswer::Breakers { pos: _, breakers } => self.desk.breakers.replace(breakers),
            RestAnswer::Alerts { pos: _, alerts } => {
                let notice = self.desk.alerts.replace(alerts, &ctx);
                self.desk.say(notice, &ctx);
            }
            RestAnswer::AlertsLog { pos } if is_new_log => self.desk.alerts.begin_log(pos.seq),
            RestAnswer::AlertsLog { pos: _ } => self.desk.alerts.log_jumped(),
            RestAnswer::OrdersLog { pos: _ } => {}
        }
    }

    fn rest_failed(&mut self, ask: RestAsk, now: UtcMicros) {
        if let Some(name) = self.stream_of(ask) {
            if let Some(sealed) = self.desk.streams.get_mut(&name) {
                sealed.client.rest_failed(now);
            }
        } else {
            let at = now.plus_millis(REST_RETRY_MILLIS);
            self.desk.ask_again_at.insert(ask, at);
        }
    }

    /// The stream whose place an answer to `ask` carries; none for answers without a place.
    fn stream_of(&self, ask: RestAsk) -> Option<StreamName> {
        let user = &self.session.as_ref()?.user_id;
        match ask {
            RestAsk::Positions => Some(StreamName::Positions(user.clone())),
            RestAsk::Orders => Some(StreamName::Orders(user.clone())),
            RestAsk::Alerts => Some(StreamName::Alerts(user.clone())),
            RestAsk::Halt => Some(StreamName::KillSwitch),
            RestAsk::Breakers => Some(StreamName::CircuitBreakers),
            RestAsk::History | RestAsk::Pnl => None,
        }
    }

    fn poll_loaded(&mut self, answer: PollAnswer, now: UtcMicros) {
        match answer {
            PollAnswer::Prices(quotes) => {
                let ctx = self.ctx(now);
                self.desk.positions.mark(quotes, &ctx);
            }
            PollAnswer::PricesSalvaged(quotes, detail) => {
                let ctx = self.ctx(now);
                self.desk.positions.mark(quotes, &ctx);
                self.desk.positions.price_poll_failed(&detail);
            }
            PollAnswer::Series(series) => self.desk.positions.take_series(series),
            PollAnswer::MarketClock(clock) => {
                let ctx = self.ctx(now);
                self.polls.take_market(clock, &ctx);
            }
            PollAnswer::Health(services) => self.polls.take_health(services, now),
            PollAnswer::Stats(stats) => self.polls.take_stats(stats, now),
        }
    }

    fn page_answered(&mut self, question_id: PageQuestionId, answer: PageAnswer, now: UtcMicros) {
        let ctx = self.ctx(now);
        if let Some(newest) = self.desk.asked.answer(question_id, answer, &ctx) {
            // One count of today, in the list and in the history.
            let HistoryPage {
                entries,
                total_today,
                next: _,
            } = newest;
            self.desk.activity.load(&entries, total_today, &ctx);
        }
    }

    fn show_in(&mut self, zone: ZoneChoice, now: UtcMicros) {
        self.config.zone = zone;
        let ctx = self.ctx(now);
        self.desk.orders.show_in(zone);
        self.desk.activity.show_in(zone);
        self.desk.alerts.show_in(zone);
        self.desk.asked.show_in(zone);
        for sealed in self.desk.streams.values_mut() {
            sealed.show_in(&ctx);
        }
    }

    fn tick(&mut self, now: UtcMicros, effects: &mut Vec<Effect>) {
        if self.connection.is_silent(now) {
            for sealed in self.desk.streams.values_mut() {
                sealed.client.link_down(HoleReason::Silent, now);
            }
            effects.push(Effect::Reconnect {
                reason: ReconnectReason::ServerSilent,
            });
        }
        for (name, sealed) in &mut self.desk.streams {
            streams::push_ask(name, sealed.client.tick(now), effects);
        }
        if self.connection.is_up() {
            self.desk.ask_again_at.retain(|ask, at| {
                let is_due = *at <= now;
                if is_due {
                    effects.push(Effect::AskRest(*ask));
                }
                !is_due
            });
        }
        let ctx = self.ctx(now);
        self.desk.positions.tick(&ctx);
        self.desk.activity.tick(&ctx);
        self.desk.commands.tick(now);
        self.show_commands();
        let counters = streams::sum(self.desk.streams.values().map(|s| s.client.counters()));
        self.meters.tick(&counters, self.connection.clock(), now);
    }

    fn show_commands(&mut self) {
        for row in self.desk.commands.take_changed_rows() {
            self.desk.show_command(&row);
        }
    }
}
