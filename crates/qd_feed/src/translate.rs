//! From the wire's words to the store's: one place where the two vocabularies meet. It decides nothing.

mod salvaged;

use qd_state::{
    DayStats, Event, LimitUse, MarketClock, MessageHead, MessageStamps, OrderChange, PollAnswer,
    PositionTotals, PositionsChange, PositionsPicture, PriceQuote, PriceSeries, RestAnswer,
    ServedProgram, ServiceHealth, ServiceStatus, Session, StreamMessage, StreamPayload, TapeClock,
    TapeMotion, Welcome,
};
#[cfg(not(target_arch = "wasm32"))]
use qd_types::Seq;
use qd_types::{Alert, Breaker, HaltStatus, Money, Order, StreamName, StreamPos, UtcMicros, fmt};
use qd_wire::frame::SessionInfo;
use qd_wire::rest::{
    AlertsResponse, BreakersResponse, HaltResponse, HealthResponse, HistoryEntry, HistoryResponse,
    MarketClockResponse, PriceQuote as WireQuote, RealtimePnlResponse, SeriesResponse,
    StatsResponse, StreamRef,
};
use qd_wire::salvage::{self, BootstrapAnswer, OrdersAnswer, PositionsAnswer, Salvage};
use qd_wire::{Head, Message, OrderEvent, Payload, WireError};

/// The longest name of anything that somebody else names.
const NAME_CHARS: usize = 80;

/// The longest text of anything that somebody else writes.
const TEXT_CHARS: usize = 300;

fn name(text: &str) -> String {
    fmt::line(text, NAME_CHARS)
}

/// Somebody else's words, as they may stand on screen.
pub(crate) fn words(text: &str) -> String {
    fmt::line(text, TEXT_CHARS)
}

fn words_of(text: Option<String>) -> Option<String> {
    text.map(|text| words(&text))
}

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
    profiling::scope!("decode");
    match qd_wire::decode(stream, bytes) {
        Ok(message) => {
            let published = message.head.as_ref().map(|head| Published {
                pos: head.pos(),
                published_at: head.published_at,
            });
            (decoded_events(stream, message, arrival), published)
        }
        Err(err) => {
            if let Some((head, salvage)) = salvage::salvage(stream, bytes) {
                return salvaged_events(stream, bytes, (head, salvage), arrival);
            }
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
        detail: words(&err.to_string()),
    }
}

fn salvaged_events(
    stream: &StreamName,
    bytes: &[u8],
    (head, salvage): (Option<Head>, Salvage),
    arrival: Arrival,
) -> (Vec<Event>, Option<Published>) {
    let published = head.as_ref().map(|head| Published {
        pos: head.pos(),
        published_at: head.published_at,
    });
    let stamps = stamps(head.as_ref(), arrival);
    let payload = match salvage {
        Salvage::Positions(salvaged) => {
            StreamPayload::PositionsSalvaged(Box::new(salvaged::positions(salvaged)))
        }
        Salvage::PositionsDelta(salvaged) => {
            StreamPayload::PositionsChangeSalvaged(Box::new(salvaged::positions(salvaged)))
        }
        Salvage::Order(odd) => StreamPayload::OrderSalvaged(Box::new(salvaged::order(odd))),
    };
    let event = Event::MessageReceived(StreamMessage {
        stream: stream.clone(),
        head: head.map(message_head),
        stamps,
        skipped: arrival.skipped,
        payload,
    });
    let mut events = vec![event];
    if let StreamName::Positions(user) = stream {
        // The event that another producer left in it is none of the rows' business.
        let orders = StreamName::Orders(user.clone());
        match qd_wire::message::lift_event(bytes) {
            Ok(Some(lifted)) => events.extend(message_events(&orders, &lifted, arrival).0),
            Ok(None) => {}
            Err(err) => events.push(unreadable(Some(orders), None, &err)),
        }
    }
    (events, published)
}

fn stamps(head: Option<&Head>, arrival: Arrival) -> MessageStamps {
    MessageStamps {
        made_at: head.map(|head| head.made_at),
        published_at: head.map(|head| head.published_at),
        routed_at: Some(arrival.routed_at),
        received_at: arrival.received_at,
    }
}

/// The order with its free texts as they may stand on screen.
fn clean_order(order: Order) -> Order {
    Order {
        reason_code: words_of(order.reason_code),
        source: name(&order.source),
        ..order
    }
}

fn clean_halt(status: HaltStatus) -> HaltStatus {
    HaltStatus {
        reason: words_of(status.reason),
        ..status
    }
}

fn clean_breakers(breakers: Vec<Breaker>) -> Vec<Breaker> {
    let clean = |breaker: Breaker| Breaker {
        reason: words_of(breaker.reason),
        name: name(&breaker.name),
        ..breaker
    };
    breakers.into_iter().map(clean).collect()
}

fn clean_alert(alert: Alert) -> Alert {
    Alert {
        rule: name(&alert.rule),
        title: words(&alert.title),
        detail: words(&alert.detail),
        ..alert
    }
}

fn decoded_events(stream: &StreamName, message: Message, arrival: Arrival) -> Vec<Event> {
    let stamps = stamps(message.head.as_ref(), arrival);
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
        Payload::Halt(status) => StreamPayload::HaltChanged(clean_halt(status)),
        Payload::Breakers(breakers) => StreamPayload::BreakersReplaced(clean_breakers(breakers)),
        Payload::Alert(alert) => StreamPayload::AlertChanged(Box::new(clean_alert(alert))),
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
        order: clean_order(event.order),
        fill: event.fill,
    }
}

/// Who is signed in, without the secrets.
pub(crate) fn session(info: &SessionInfo) -> Session {
    Session {
        user_id: info.user_id.clone(),
        name: name(&info.name),
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
        server_version: name(&welcome.server.version),
        served: welcome
            .server
            .app
            .as_ref()
            .filter(|_| came_from_server)
            .map(|app| ServedProgram {
                build: app.build.clone(),
                auto_reload: app.auto_reload,
            }),
        node: name(&welcome.server.node),
        server_time: welcome.server.time,
    }
}

fn pos(stream: Option<StreamRef>) -> Option<StreamPos> {
    stream.map(|stream| stream.pos)
}

/// A REST answer about positions.
pub(crate) fn positions(answer: PositionsAnswer) -> RestAnswer {
    let pos = pos(answer.stream);
    let rows = answer.positions;
    if rows.unreadable.is_empty() && rows.figures.is_empty() {
        return RestAnswer::Positions {
            pos,
            positions: rows.rows,
            realized_pl_today: rows.totals.realized_pl_today,
        };
    }
    RestAnswer::PositionsSalvaged {
        pos,
        salvaged: Box::new(salvaged::positions(rows)),
    }
}

/// A REST answer about open orders.
pub(crate) fn orders(answer: OrdersAnswer) -> RestAnswer {
    let pos = pos(answer.stream);
    let orders = answer.orders.into_iter().map(clean_order).collect();
    if answer.unreadable.is_empty() && answer.nameless.is_empty() {
        return RestAnswer::Orders { pos, orders };
    }
    RestAnswer::OrdersSalvaged {
        pos,
        orders,
        unreadable: answer.unreadable.into_iter().map(salvaged::order).collect(),
        nameless: answer.nameless.iter().map(|text| words(text)).collect(),
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
        order: clean_order(entry.order),
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
        status: clean_halt(answer.status),
    }
}

/// A REST answer about breakers.
pub(crate) fn breakers(answer: BreakersResponse) -> RestAnswer {
    RestAnswer::Breakers {
        pos: pos(answer.stream),
        breakers: clean_breakers(answer.breakers),
    }
}

/// A REST answer about alerts.
pub(crate) fn alerts(answer: AlertsResponse) -> RestAnswer {
    RestAnswer::Alerts {
        pos: pos(answer.stream),
        alerts: answer.alerts.into_iter().map(clean_alert).collect(),
    }
}

/// Everything that the first answer says, the session first.
pub(crate) fn bootstrap(answer: BootstrapAnswer) -> Vec<Event> {
    let mut events = vec![Event::SessionLoaded(session(&answer.session))];
    // The first page alone must not pass for all open orders: without it the stream asks for every page by itself.
    let open_orders = answer.orders.filter(|orders| orders.next.is_none());
    let loaded = [
        answer.positions.map(positions),
        answer.pnl.as_ref().map(pnl),
        open_orders.map(orders),
        answer.history.map(history),
        answer.halt.map(halt),
        answer.breakers.map(breakers),
    ];
    events.extend(loaded.into_iter().flatten().map(Event::RestLoaded));
    let polled = [
        answer.clock.as_ref().map(market_clock),
        answer.stats.map(stats),
    ];
    events.extend(polled.into_iter().flatten().map(Event::PollLoaded));
    events
}

/// A poll's answer about prices, and what is wrong with those that are none.
pub(crate) fn prices(prices: Vec<WireQuote>, odd: &[String]) -> PollAnswer {
    let quotes = prices
        .into_iter()
        .map(|quote| PriceQuote {
            symbol: quote.symbol,
            price: quote.price,
            at: quote.at,
            is_halted: quote.halted,
        })
        .collect();
    match odd {
        [] => PollAnswer::Prices(quotes),
        [one] => {
            PollAnswer::PricesSalvaged(quotes, words(&format!("a price is unreadable: {one}")))
        }
        [one, ..] => {
            let num = fmt::count(odd.len() as u64);
            let detail = format!("{num} prices are unreadable, among them {one}");
            PollAnswer::PricesSalvaged(quotes, words(&detail))
        }
    }
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
                name: name(&service.name),
                status: match service.status {
                    qd_wire::rest::ServiceStatus::Ok => ServiceStatus::Ok,
                    qd_wire::rest::ServiceStatus::Degraded => ServiceStatus::Degraded,
                    qd_wire::rest::ServiceStatus::Down => ServiceStatus::Down,
                    qd_wire::rest::ServiceStatus::Unknown => ServiceStatus::Unknown,
                },
                detail: words(&service.detail),
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
