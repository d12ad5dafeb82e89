//! A desk with known figures, brought to life through the real reducer: what pages, pictures and benches are fed.

use qd_state::{
    CommandOutcome, DayStats, Effect, Event, MarketClock, MessageHead, MessageStamps, OrderChange,
    PageAsk, PageQuestionId, PollAnswer, PositionTotals, PositionsChange, PositionsPicture,
    PriceQuote, PriceSeries, RestAnswer, ServiceHealth, ServiceStatus, Session, Snapshot,
    SocketClosed, Store, StoreConfig, StreamMessage, StreamPayload, TapeClock, Welcome,
};
use qd_types::{
    AccountId, ClientOrderId, Environment, Epoch, Fill, FillId, HaltState, HaltStatus, MarketPhase,
    MessageKind, Money, Order, OrderStatus, OrderType, Position, Price, Qty, Role, Seq, Side,
    StrategyId, StreamName, StreamPos, Symbol, TimeInForce, UserId, UtcMicros,
};
use std::sync::Arc;

mod alerts;

pub use self::alerts::alert;

/// A sample row: symbol, signed shares, average entry, current price.
type Holding = (&'static str, i64, &'static str, &'static str);

/// The rows of the design's picture, as far as its figures are consistent.
const HOLDINGS: [Holding; 16] = [
    ("AAPL", 82, "229.52", "217.19"),
    ("AMD", 60, "147.1", "147.67"),
    ("AMZN", 40, "443.18", "471.02"),
    ("BRK.B", 12, "489", "491.55"),
    ("GOOG", 259, "78.68", "78.55"),
    ("HD", -171, "367.52", "370.82"),
    ("JPM", 269, "51.09", "54.34"),
    ("MA", 283, "241.13", "230.77"),
    ("META", 317, "311.84", "331.77"),
    ("MSFT", 153, "241.19", "243.67"),
    ("NVDA", 46, "315.72", "318.34"),
    ("PG", 88, "371.2", "371.2"),
    ("TSLA", -57, "40.11", "38.49"),
    ("UNH", -250, "476.42", "469.14"),
    ("V", 340, "110.16", "115.39"),
    ("XOM", 127, "432.8", "448.46"),
];

/// A sample order: id, symbol, side, filled, shares, limit, status.
type Asked = (
    &'static str,
    &'static str,
    Side,
    i64,
    i64,
    &'static str,
    OrderStatus,
);

const ORDERS: [Asked; 6] = [
    (
        "o1",
        "AAPL",
        Side::Buy,
        0,
        300,
        "126.86",
        OrderStatus::Working,
    ),
    (
        "o2",
        "NVDA",
        Side::Sell,
        106,
        320,
        "106.98",
        OrderStatus::PartiallyFilled,
    ),
    ("o3", "GOOG", Side::Buy, 0, 110, "297.21", OrderStatus::Sent),
    (
        "o4",
        "TSLA",
        Side::Sell,
        0,
        220,
        "197.45",
        OrderStatus::CancelSent,
    ),
    (
        "o5",
        "XOM",
        Side::Sell,
        0,
        60,
        "302.75",
        OrderStatus::Working,
    ),
    (
        "o6",
        "V",
        Side::Sell,
        0,
        360,
        "210.53",
        OrderStatus::Unknown,
    ),
];

/// A desk whose clock stands where the test puts it.
pub struct SampleDesk {
    store: Store,
    now: UtcMicros,
    seq: u64,
    order_seq: u64,
    halt_seq: u64,
    alert_seq: u64,
    positions: Vec<Position>,
    last: Arc<Snapshot>,
}

impl SampleDesk {
    /// A live desk with sixteen positions, six open orders and a few fills, signed in as `role`.
    pub fn live(role: Role, now: UtcMicros) -> Self {
        let positions = HOLDINGS
            .iter()
            .map(|(symbol, qty, avg, mark)| position(symbol, *qty, avg, mark, now))
            .collect();
        Self::with_positions(role, now, positions)
    }

    /// A live desk with `num_rows` positions made up from their numbers.
    pub fn large(num_rows: usize, now: UtcMicros) -> Self {
        let rows = (0..num_rows)
            .map(|i| numbered_position(i, 0, now))
            .collect();
        Self::with_positions(Role::Trader, now, rows)
    }

    /// A live desk whose market is a tape.
    pub fn replaying(role: Role, now: UtcMicros, tape: TapeClock) -> Self {
        let mut desk = Self::live(role, now);
        desk.apply(Event::SessionWelcomed(Welcome {
            environment: Environment::Replay,
            ..welcome(role, now)
        }));
        desk.tell_tape(tape);
        desk.beat();
        desk
    }

    /// The market's clock is read again.
    pub fn tell_tape(&mut self, tape: TapeClock) {
        self.apply(Event::PollLoaded(PollAnswer::MarketClock(MarketClock {
            phase: MarketPhase::Open,
            next_change_at: None,
            tape: Some(tape),
        })));
    }

    /// The exchange stops trading in a symbol, or lets it go on.
    pub fn tell_symbol_halt(&mut self, symbol: &str, is_halted: bool) {
        let position = self
            .positions
            .iter()
            .find(|position| position.symbol.as_str() == symbol);
        let Some(position) = position else { return };
        if let Some((price, at)) = position.current_price.zip(position.price_at) {
            self.apply(Event::PollLoaded(PollAnswer::Prices(vec![PriceQuote {
                symbol: position.symbol,
                price,
                at,
                is_halted,
            }])));
        }
    }

    /// A live desk that holds these positions instead.
    pub fn holding(role: Role, now: UtcMicros, positions: Vec<Position>) -> Self {
        Self::with_positions(role, now, positions)
    }

    /// A desk that has not heard a word yet.
    pub fn silent(now: UtcMicros) -> Self {
        Self {
            store: Store::new(StoreConfig::default()),
            now,
            seq: 0,
            order_seq: 0,
            halt_seq: 0,
            alert_seq: 0,
            positions: Vec::new(),
            last: Arc::new(Snapshot::empty()),
        }
    }

    fn with_positions(role: Role, now: UtcMicros, positions: Vec<Position>) -> Self {
        let mut desk = Self {
            positions,
            seq: 18_401,
            order_seq: 9_117,
            ..Self::silent(now)
        };
        desk.apply(Event::SocketOpened);
        desk.apply(Event::SessionWelcomed(welcome(role, now)));
        desk.apply(Event::PollLoaded(PollAnswer::MarketClock(MarketClock {
            phase: MarketPhase::Open,
            next_change_at: Some(now.plus_millis(19_304_000)),
            tape: None,
        })));
        desk.publish_halt(HaltState::Active, None);
        desk.publish_snapshot();
        desk.apply(Event::RestLoaded(RestAnswer::Orders {
            pos: Some(pos(desk.order_seq)),
            orders: orders(now),
        }));
        desk.apply(Event::RestLoaded(RestAnswer::Alerts {
            pos: Some(pos(desk.alert_seq)),
            alerts: Vec::new(),
        }));
        desk.apply(Event::RestLoaded(RestAnswer::History {
            entries: history(now),
            total_today: 31,
        }));
        desk.apply(Event::PollLoaded(PollAnswer::Series(
            desk.positions
                .iter()
                .map(|position| series(position.symbol))
                .collect(),
        )));
        desk.apply(Event::PollLoaded(PollAnswer::Stats(DayStats {
            orders_today: 44,
            fills_today: 31,
            fees_today: money("18.40"),
            turnover_today: money("912304.5"),
            limit_use: vec![qd_state::LimitUse {
                rule: "gross_exposure".to_owned(),
                value: money("312904"),
                limit: money("500000"),
            }],
        })));
        desk.apply(Event::PollLoaded(PollAnswer::Health(vec![ServiceHealth {
            name: "engine".to_owned(),
            status: ServiceStatus::Ok,
            detail: String::new(),
            latency_micros: Some(120),
        }])));
        desk.beat();
        desk
    }

    /// Applies an event now.
    pub fn apply(&mut self, event: Event) {
        self.store.apply(event, self.now);
    }

    /// A page asks for something; gives the question that goes out, if one does.
    pub fn ask_page(&mut self, ask: PageAsk) -> Option<PageQuestionId> {
        let effects = self.store.apply(Event::PageAsked(ask), self.now);
        effects.into_iter().find_map(|effect| match effect {
            Effect::AskForPage { question_id, .. } => Some(question_id),
            _ => None,
        })
    }

    /// Moves the clock; time passes for the reducer too.
    pub fn advance_millis(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
        self.apply(Event::Ticked);
    }

    /// The instant at which the desk stands.
    pub fn now(&self) -> UtcMicros {
        self.now
    }

    /// The newest picture.
    pub fn snapshot(&mut self) -> Arc<Snapshot> {
        if let Some(snapshot) = self.store.snapshot_if_changed(self.now) {
            self.last = snapshot;
        }
        Arc::clone(&self.last)
    }

    /// The gateway proves that nothing is missing.
    pub fn beat(&mut self) {
        let positions = vec![
            (positions_stream(), pos(self.seq)),
            (orders_stream(), pos(self.order_seq)),
            (StreamName::KillSwitch, pos(self.halt_seq)),
            (StreamName::Alerts(user()), pos(self.alert_seq)),
        ];
        self.apply(Event::BeatReceived {
            positions,
            at: self.now,
        });
    }

    /// The gateway proves the orders and the halt state, and says nothing of the positions.
    pub fn beat_without_positions(&mut self) {
        let positions = vec![
            (orders_stream(), pos(self.order_seq)),
            (StreamName::KillSwitch, pos(self.halt_seq)),
            (StreamName::Alerts(user()), pos(self.alert_seq)),
        ];
        self.apply(Event::BeatReceived {
            positions,
            at: self.now,
        });
    }

    /// The places of the positions and of the orders, for beats made by hand.
    pub fn places(&self) -> ((StreamName, StreamPos), (StreamName, StreamPos)) {
        (
            (positions_stream(), pos(self.seq)),
            (orders_stream(), pos(self.order_seq)),
        )
    }

    /// An order is new, or has changed.
    pub fn publish_order(&mut self, order: Order) {
        self.order_seq += 1;
        let event = message(
            orders_stream(),
            MessageKind::Event,
            self.order_seq,
            StreamPayload::OrderChanged(Box::new(OrderChange { order, fill: None })),
            self.now,
        );
        self.apply(event);
    }

    /// The whole picture goes out under the next number.
    pub fn publish_snapshot(&mut self) {
        let picture = PositionsPicture {
            totals: totals(&self.positions),
            positions: self.positions.clone(),
        };
        self.seq += 1;
        let event = message(
            positions_stream(),
            MessageKind::Snapshot,
            self.seq,
            StreamPayload::PositionsReplaced(picture),
            self.now,
        );
        self.apply(event);
    }

    /// Marks every row anew and sends them all as one change, as a busy market does.
    pub fn publish_moved(&mut self, step: i64) {
        let event = self.moved_event(step);
        self.apply(event);
    }

    /// The message of [`Self::publish_moved`], not yet applied; the next one must be applied after it.
    pub fn moved_event(&mut self, step: i64) -> Event {
        for position in &mut self.positions {
            let moved = position.avg_entry_price + Price::from_units(step, 2);
            position.mark(moved, self.now);
        }
        let change = PositionsChange {
            totals: totals(&self.positions),
            changed: self.positions.clone(),
            removed: Vec::new(),
        };
        self.seq += 1;
        message(
            positions_stream(),
            MessageKind::Delta,
            self.seq,
            StreamPayload::PositionsChanged(change),
            self.now,
        )
    }

    /// One row gets another mark.
    pub fn publish_mark(&mut self, symbol: &str, mark: &str) {
        let now = self.now;
        let mut changed = Vec::new();
        for position in self
            .positions
            .iter_mut()
            .filter(|position| position.symbol.as_str() == symbol)
        {
            position.mark(price(mark), now);
            changed.push(position.clone());
        }
        let change = PositionsChange {
            totals: totals(&self.positions),
            changed,
            removed: Vec::new(),
        };
        self.seq += 1;
        let event = message(
            positions_stream(),
            MessageKind::Delta,
            self.seq,
            StreamPayload::PositionsChanged(change),
            now,
        );
        self.apply(event);
    }

    /// The rows of a symbol are gone: it was closed.
    pub fn publish_removed(&mut self, symbol: &str) {
        let is_gone = |position: &Position| position.symbol.as_str() == symbol;
        let removed = self.positions.iter().filter(|position| is_gone(position));
        let removed = removed.map(Position::key).collect();
        self.positions.retain(|position| !is_gone(position));
        let change = PositionsChange {
            totals: totals(&self.positions),
            changed: Vec::new(),
            removed,
        };
        self.seq += 1;
        let event = message(
            positions_stream(),
            MessageKind::Delta,
            self.seq,
            StreamPayload::PositionsChanged(change),
            self.now,
        );
        self.apply(event);
    }

    /// A number is left out, as when a message is lost.
    pub fn lose_message(&mut self) {
        self.seq += 1;
        self.publish_mark("AAPL", "217.2");
    }

    /// The halt machine speaks.
    pub fn publish_halt(&mut self, state: HaltState, reason: Option<&str>) {
        self.halt_seq += 1;
        let status = HaltStatus {
            state,
            scopes: Vec::new(),
            halt_epoch: self.halt_seq,
            by: reason.map(|_| UserId::new("olivia").unwrap()),
            at: Some(self.now),
            reason: reason.map(str::to_owned),
        };
        let event = message(
            StreamName::KillSwitch,
            MessageKind::Snapshot,
            self.halt_seq,
            StreamPayload::HaltChanged(status),
            self.now,
        );
        self.apply(event);
    }

    /// The socket breaks.
    pub fn lose_connection(&mut self, retry_in_millis: i64) {
        self.apply(Event::SocketClosed(SocketClosed {
            code: Some(1006),
            reason: "the connection was reset".to_owned(),
            retry_at: Some(self.now.plus_millis(retry_in_millis)),
        }));
    }

    /// A command of the console is refused.
    pub fn refuse(&mut self, command_id: qd_state::CommandId, code: &str, detail: &str) {
        self.apply(Event::CommandAnswered {
            command_id,
            outcome: CommandOutcome::Refused {
                code: code.to_owned(),
                detail: detail.to_owned(),
            },
        });
    }
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn user() -> UserId {
    UserId::new("alice").unwrap()
}

fn account() -> AccountId {
    AccountId::new("PAPER-1").unwrap()
}

fn positions_stream() -> StreamName {
    StreamName::Positions(user())
}

fn orders_stream() -> StreamName {
    StreamName::Orders(user())
}

fn pos(seq: u64) -> StreamPos {
    StreamPos {
        epoch: Epoch::new("e1").unwrap(),
        seq: Seq(seq),
    }
}

fn welcome(role: Role, now: UtcMicros) -> Welcome {
    Welcome {
        session: Session {
            user_id: user(),
            name: "Alice Archer".to_owned(),
            roles: vec![role],
            permissions: role.permissions(),
            accounts: vec![account()],
            idle_at: None,
            absolute_at: None,
        },
        environment: Environment::Paper,
        server_version: "0.1.0".to_owned(),
        served: None,
        node: "gateway-1".to_owned(),
        server_time: now,
    }
}

fn message(
    stream: StreamName,
    kind: MessageKind,
    seq: u64,
    payload: StreamPayload,
    now: UtcMicros,
) -> Event {
    Event::MessageReceived(StreamMessage {
        stream,
        head: Some(MessageHead {
            pos: pos(seq),
            base_seq: (kind == MessageKind::Delta).then(|| Seq(seq - 1)),
            kind,
        }),
        stamps: MessageStamps {
            made_at: Some(now.plus_micros(-3_000)),
            published_at: Some(now.plus_micros(-2_500)),
            routed_at: Some(now.plus_micros(-2_000)),
            received_at: now.plus_micros(-500),
        },
        skipped: None,
        payload,
    })
}

fn totals(positions: &[Position]) -> PositionTotals {
    PositionTotals {
        unrealized_pl: positions
            .iter()
            .map(|position| position.unrealized_pl)
            .sum(),
        num_positions: u32::try_from(positions.len()).unwrap(),
        realized_pl_today: money("-1204.1"),
        buying_power: Some(money("187220.54")),
        margin_used: Some(money("114747.99")),
    }
}

fn position(symbol: &str, qty: i64, avg: &str, mark: &str, now: UtcMicros) -> Position {
    position_of("momentum", symbol, qty, avg, mark, now)
}

/// A position of a strategy: symbol, signed shares, average entry and mark.
pub fn position_of(
    strategy: &str,
    symbol: &str,
    qty: i64,
    avg: &str,
    mark: &str,
    now: UtcMicros,
) -> Position {
    let mut position = Position {
        account: account(),
        strategy: StrategyId::new(strategy).unwrap(),
        symbol: Symbol::new(symbol).unwrap(),
        qty: Qty::from_units(qty, 0),
        avg_entry_price: price(avg),
        current_price: None,
        price_at: None,
        unrealized_pl: Money::ZERO,
        unrealized_plpc: None,
        market_value: Money::ZERO,
        realized_pl_today: Money::ZERO,
        updated_at: now,
    };
    position.mark(price(mark), now);
    position
}

/// A position that its number alone decides; `step` moves its mark.
pub fn numbered_position(i: usize, step: i64, now: UtcMicros) -> Position {
    let letter = |n: usize| char::from(b'A' + u8::try_from(n % 26).unwrap());
    let symbol = format!(
        "{}{}{}{}",
        letter(i / 17_576),
        letter(i / 676),
        letter(i / 26),
        letter(i)
    );
    let cents = i64::try_from(i % 40_000).unwrap() + 1_000;
    let shares = if i.is_multiple_of(5) { -40 } else { 120 };
    let (avg, mark) = (
        Price::from_units(cents, 2),
        Price::from_units(cents + step + 7, 2),
    );
    position(
        &symbol,
        shares,
        &avg.to_canonical(),
        &mark.to_canonical(),
        now,
    )
}

fn order(asked: &Asked, now: UtcMicros) -> Order {
    let (order_id, symbol, side, filled, qty, limit, status) = asked;
    Order {
        account: account(),
        strategy: StrategyId::new("momentum").unwrap(),
        client_order_id: ClientOrderId::new(order_id).unwrap(),
        venue_order_id: None,
        symbol: Symbol::new(symbol).unwrap(),
        side: *side,
        qty: Qty::from_units(*qty, 0),
        filled_qty: Qty::from_units(*filled, 0),
        filled_avg_price: None,
        order_type: OrderType::Limit,
        limit_price: Some(price(limit)),
        stop_price: None,
        time_in_force: TimeInForce::Day,
        status: *status,
        status_since: now.plus_millis(-60_000),
        reason_code: None,
        created_at: now.plus_millis(-496_008),
        updated_at: now.plus_millis(-60_000),
        source: "momentum".to_owned(),
        parent_id: None,
    }
}

fn orders(now: UtcMicros) -> Vec<Order> {
    ORDERS.iter().map(|asked| order(asked, now)).collect()
}

fn history(now: UtcMicros) -> Vec<OrderChange> {
    let fills = [
        ("f1", "AAPL", Side::Sell, 400, "153.41"),
        ("f2", "NVDA", Side::Buy, 70, "79.42"),
        ("f3", "XOM", Side::Buy, 180, "314.52"),
        ("f4", "PG", Side::Sell, 350, "371.71"),
        ("f5", "META", Side::Sell, 20, "272.05"),
    ];
    fills
        .iter()
        .zip(1_i64..)
        .map(|((fill_id, symbol, side, qty, at_price), i)| {
            let at = now.plus_millis(-17_000 * i);
            let asked = (
                *fill_id,
                *symbol,
                *side,
                *qty,
                *qty,
                *at_price,
                OrderStatus::Filled,
            );
            let mut order = order(&asked, now);
            order.status_since = at;
            order.updated_at = at;
            order.filled_avg_price = Some(price(at_price));
            OrderChange {
                order,
                fill: Some(Fill {
                    fill_id: FillId::new(fill_id).unwrap(),
                    qty: Qty::from_units(*qty, 0),
                    price: price(at_price),
                    at,
                    realized_pl: Money::ZERO,
                }),
            }
        })
        .collect()
}

fn series(symbol: Symbol) -> PriceSeries {
    let seed = symbol.as_str().bytes().map(i64::from).sum::<i64>();
    let points = (0..60)
        .map(|i: i64| {
            // A sawtooth of sawtooths: a line that looks like a day and needs no chance.
            let cents = 10_000 + (i * seed) % 37 + (i * i * seed) % 23 + i * (seed % 3 - 1);
            Price::from_units(cents, 2)
        })
        .collect();
    PriceSeries { symbol, points }
}
