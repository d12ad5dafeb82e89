//! From the wire's words to the store's: one place where the two vocabularies meet. It decides nothing.

use qd_state::{
    AlertChange, DayStats, Event, LimitUse, MarketClock, MessageHead, MessageStamps, OrderChange,
    PollAnswer, PositionTotals, PositionsChange, PositionsPicture, PriceQuote, PriceSeries,
    RestAnswer, ServedProgram, ServiceHealth, ServiceStatus, Session, StreamMessage, StreamPayload,
    TapeClock, TapeMotion, Welcome,
};
#[cfg(not(target_arch = "wasm32"))]
use qd_types::Seq;
use qd_types::{Money, StreamName, StreamPos, UtcMicros};
use qd_wire::frame::SessionInfo;
use qd_wire::rest::{
    BootstrapResponse, BreakersResponse, HaltResponse, HealthResponse, HistoryEntry,
    HistoryResponse, MarketClockResponse, OrdersResponse, PositionsResponse, PricesResponse,
    RealtimePnlResponse, SeriesResponse, StatsResponse, StreamRef,
};
use qd_wire::{Head, Message, OrderEvent, Payload, WireError};

/// What is known of a message beside its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// When it came, client's clock.
    pub(crate) received_at: UtcMicros,
    /// When the gateway sent it on.
    pub(crate) routed_at: UtcMicros,
    /// How many messages the lane left out before it.
    pub(crate) skipped: Option<u64>,
}

/// The events that a message's bytes make: one, or two when an event was lifted out, or the word that it is unreadable.
pub(crate) fn message_events(
    stream: &StreamName,
    bytes: &[u8],
    arrival: Arrival,
) -> (Vec<Event>, Option<Published>) {
    match qd_wire::decode(stream, bytes) {
        Ok(message) => {
            let published = message.head.as_ref().map(|head| Published {
                pos: head.pos(),
                published_at: head.published_at,
            });
            (decoded_events(stream, message, arrival), published)
        }
        Err(err) => {
            // The number may be readable where the rows are not: then the hole is exact.
            let head = qd_wire::read_head(bytes).ok().flatten();
            let pos = head
                .filter(|head| head.stream == *stream)
                .map(|head| head.pos());
            (vec![unreadable(Some(stream.clone()), pos, &err)], None)
        }
    }
}

/// The place and the stamp of a numbered message, for the record of painted numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// Its place.
    pub(crate) pos: StreamPos,
    /// When its publisher sent it.
    pub(crate) published_at: UtcMicros,
}

/// Says that something could not be read.
pub(crate) fn unreadable(
    stream: Option<StreamName>,
    pos: Option<StreamPos>,
    err: &WireError,
) -> Event {
    Event::MessageUnreadable {
        stream,
        pos,
        detail: err.to_string(),
    }
}

fn decoded_events(stream: &StreamName, message: Message, arrival: Arrival) -> Vec<Event> {
    let stamps = MessageStamps {
        made_at: message.head.as_ref().map(|head| head.made_at),
        published_at: message.head.as_ref().map(|head| head.published_at),
        routed_at: Some(arrival.routed_at),
        received_at: arrival.received_at,
    };
    let mut events = vec![Event::MessageReceived(StreamMessage {
        stream: stream.clone(),
        head: message.head.map(message_head),
        stamps,
        skipped: arrival.skipped,
        payload: payload(message.payload),
    })];
    if let StreamName::Positions(user) = stream {
        // Whoever routes the message leaves the event in it: this is the one place that takes it out.
        let orders = StreamName::Orders(user.clone());
        if let Some(event) = message.lifted {
            events.push(Event::MessageReceived(StreamMessage {
                stream: orders,
                head: None,
                stamps,
                skipped: None,
                payload: StreamPayload::OrderChanged(Box::new(order_change(event))),
            }));
        } else if let Some(err) = message.lift_error {
            events.push(unreadable(Some(orders), None, &err));
        }
    }
    events
}

fn message_head(head: Head) -> MessageHead {
    MessageHead {
        pos: StreamPos {
            epoch: head.epoch,
            seq: head.seq,
        },
        base_seq: head.base_seq,
        kind: head.kind,
    }
}

fn payload(payload: Payload) -> StreamPayload {
    match payload {
        Payload::PositionsSnapshot(body) => StreamPayload::PositionsReplaced(PositionsPicture {
            totals: totals(&body.totals),
            positions: body.positions,
        }),
        Payload::PositionsDelta(body) => StreamPayload::PositionsChanged(PositionsChange {
            totals: totals(&body.totals),
            changed: body.changed,
            removed: body.removed,
        }),
        Payload::Order(event) => StreamPayload::OrderChanged(Box::new(order_change(event))),
        Payload::Halt(status) => StreamPayload::HaltChanged(status),
        Payload::Breakers(breakers) => StreamPayload::BreakersReplaced(breakers),
        Payload::Alert(alert) => StreamPayload::AlertChanged(AlertChange {
            alert_id: alert.alert_id.as_str().to_owned(),
            tone: alert.severity.tone(),
            title: alert.title,
            detail: alert.detail,
            at: alert.at,
        }),
        Payload::Refetch => StreamPayload::RefetchAsked,
    }
}

fn totals(totals: &qd_wire::message::PositionTotals) -> PositionTotals {
    PositionTotals {
        unrealized_pl: totals.unrealized_pl,
        num_positions: totals.num_positions,
        realized_pl_today: totals.realized_pl_today,
        buying_power: totals.buying_power,
        margin_used: totals.margin_used,
    }
}

fn order_change(event: OrderEvent) -> OrderChange {
    OrderChange {
        order: event.order,
        fill: event.fill,
    }
}

/// Who is signed in, without the secrets.
pub(crate) fn session(info: &SessionInfo) -> Session {
    Session {
        user_id: info.user_id.clone(),
        name: info.name.clone(),
        roles: info.roles.clone(),
        permissions: info.permissions.clone(),
        accounts: info.accounts.clone(),
        idle_at: Some(info.idle_at),
        absolute_at: Some(info.absolute_at),
    }
}

/// The server's answer to the hello. What it serves browsers is news to a program that came from there only.
pub(crate) fn welcome(welcome: &qd_wire::frame::Welcome, came_from_server: bool) -> Welcome {
    Welcome {
        session: session(&welcome.session),
        environment: welcome.environment,
        server_version: welcome.server.version.clone(),
        served: welcome
            .server
            .app
            .as_ref()
            .filter(|_| came_from_server)
            .map(|app| ServedProgram {
                build: app.build.clone(),
                auto_reload: app.auto_reload,
            }),
        node: welcome.server.node.clone(),
        server_time: welcome.server.time,
    }
}

fn pos(stream: Option<StreamRef>) -> Option<StreamPos> {
    stream.map(|stream| stream.pos)
}

/// A REST answer about positions.
pub(crate) fn positions(answer: PositionsResponse) -> RestAnswer {
    RestAnswer::Positions {
        pos: pos(answer.stream),
        positions: answer.positions,
        realized_pl_today: answer.totals.realized_pl_today,
    }
}

/// A REST answer about open orders.
pub(crate) fn orders(answer: OrdersResponse) -> RestAnswer {
    RestAnswer::Orders {
        pos: pos(answer.stream),
        orders: answer.orders,
    }
}

/// A REST answer about fills and final states.
pub(crate) fn history(answer: HistoryResponse) -> RestAnswer {
    RestAnswer::History {
        entries: entries(answer.entries),
        total_today: answer.total_today,
    }
}

/// Entries of the history.
pub(crate) fn entries(entries: Vec<HistoryEntry>) -> Vec<OrderChange> {
    let change = |entry: HistoryEntry| OrderChange {
        order: entry.order,
        fill: entry.fill,
    };
    entries.into_iter().map(change).collect()
}

/// A REST answer about the account.
pub(crate) fn pnl(answer: &RealtimePnlResponse) -> RestAnswer {
    RestAnswer::Pnl(PositionTotals {
        unrealized_pl: answer.total_unrealized_pl,
        num_positions: answer.total_positions,
        realized_pl_today: answer.realized_pl_today,
        buying_power: answer.buying_power,
        margin_used: answer.margin_used,
    })
}

/// A REST answer about halts.
pub(crate) fn halt(answer: HaltResponse) -> RestAnswer {
    RestAnswer::Halt {
        pos: pos(answer.stream),
        status: answer.status,
    }
}

/// A REST answer about breakers.
pub(crate) fn breakers(answer: BreakersResponse) -> RestAnswer {
    RestAnswer::Breakers {
        pos: pos(answer.stream),
        breakers: answer.breakers,
    }
}

/// Everything that the first answer says, the session first.
pub(crate) fn bootstrap(answer: BootstrapResponse) -> Vec<Event> {
    let loaded = |answer| Event::RestLoaded(answer);
    // The first page alone must not pass for all open orders: without it the stream asks for every page by itself.
    let is_whole = answer.orders.next.is_none();
    let open_orders = is_whole.then(|| loaded(orders(answer.orders)));
    let before = [
        Event::SessionLoaded(session(&answer.session)),
        loaded(positions(answer.positions)),
        loaded(pnl(&answer.pnl)),
    ];
    let after = [
        loaded(history(answer.history)),
        loaded(halt(answer.halt)),
        loaded(breakers(answer.breakers)),
        Event::PollLoaded(market_clock(&answer.clock)),
        Event::PollLoaded(stats(answer.stats)),
    ];
    before.into_iter().chain(open_orders).chain(after).collect()
}

/// A poll's answer about prices.
pub(crate) fn prices(answer: PricesResponse) -> PollAnswer {
    PollAnswer::Prices(
        answer
            .prices
            .into_iter()
            .map(|quote| PriceQuote {
                symbol: quote.symbol,
                price: quote.price,
                at: quote.at,
                is_halted: quote.halted,
            })
            .collect(),
    )
}

/// A poll's answer about the day's lines.
pub(crate) fn series(answer: SeriesResponse) -> PollAnswer {
    PollAnswer::Series(
        answer
            .series
            .into_iter()
            .map(|series| PriceSeries {
                symbol: series.symbol,
                points: series.points,
            })
            .collect(),
    )
}

/// A poll's answer about the market's clock.
pub(crate) fn market_clock(answer: &MarketClockResponse) -> PollAnswer {
    PollAnswer::MarketClock(MarketClock {
        phase: answer.phase,
        next_change_at: answer.next_change_at,
        tape: answer.replay.map(|replay| TapeClock {
            at: answer.now,
            speed: replay.speed,
            motion: match (replay.over, replay.paused) {
                (true, _) => TapeMotion::Over,
                (false, true) => TapeMotion::Paused,
                (false, false) => TapeMotion::Plays,
            },
            day: replay.day,
            num_days: replay.num_days,
            until: replay.until,
        }),
    })
}

/// A poll's answer about services.
pub(crate) fn health(answer: HealthResponse) -> PollAnswer {
    PollAnswer::Health(
        answer
            .services
            .into_iter()
            .map(|service| ServiceHealth {
                name: service.name,
                status: match service.status {
                    qd_wire::rest::ServiceStatus::Ok => ServiceStatus::Ok,
                    qd_wire::rest::ServiceStatus::Degraded => ServiceStatus::Degraded,
                    qd_wire::rest::ServiceStatus::Down => ServiceStatus::Down,
                    qd_wire::rest::ServiceStatus::Unknown => ServiceStatus::Unknown,
                },
                detail: service.detail,
                latency_micros: service
                    .latency_micros
                    .and_then(|micros| i64::try_from(micros).ok()),
            })
            .collect(),
    )
}

/// A poll's answer about the day.
pub(crate) fn stats(answer: StatsResponse) -> PollAnswer {
    PollAnswer::Stats(DayStats {
        orders_today: answer.orders_today,
        fills_today: answer.fills_today,
        fees_today: answer.fees_today,
        turnover_today: answer.turnover_today,
        limit_use: answer
            .limit_use
            .into_iter()
            // The store's limits are money; others stay on the risk page.
            .filter(|limit| limit.unit == "usd")
            .map(|limit| LimitUse {
                rule: limit.rule,
                value: Money::new(limit.value),
                limit: Money::new(limit.limit),
            })
            .collect(),
    })
}

/// The place before the first message of an epoch: what a log that begins at `base` continues from.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn before(base: Seq) -> Seq {
    Seq(base.0.saturating_sub(1))
}
