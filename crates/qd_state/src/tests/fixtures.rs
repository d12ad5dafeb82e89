//! Values that tests are made of, and the text that a snapshot is compared by.
//!
//! Short on purpose: a test says only what it is about.

use std::fmt::Write as _;

use qd_types::{
    AccountId, ClientOrderId, Environment, Epoch, Fill, FillId, HaltState, HaltStatus, MessageKind,
    Money, Order, OrderStatus, OrderType, Position, Price, Qty, Role, Seq, Side, StrategyId,
    StreamName, StreamPos, Symbol, TimeInForce, UserId, UtcMicros,
};

use crate::{
    Card, Cell, Effect, Event, MessageHead, MessageStamps, OrderChange, PositionTotals,
    PositionsChange, PositionsPicture, PriceQuote, Session, Snapshot, Store, StoreConfig,
    StreamMessage, StreamPayload, Welcome,
};

/// 10:38:16 in New York, the instant at which every test starts.
pub(crate) fn start() -> UtcMicros {
    UtcMicros::parse_rfc3339("2026-11-23T15:38:16Z").unwrap()
}

pub(crate) fn at(millis: i64) -> UtcMicros {
    start().plus_millis(millis)
}

pub(crate) fn alice() -> UserId {
    UserId::new("alice").unwrap()
}

pub(crate) fn positions() -> StreamName {
    StreamName::Positions(alice())
}

pub(crate) fn orders() -> StreamName {
    StreamName::Orders(alice())
}

pub(crate) fn session(user: &str) -> Session {
    Session {
        user_id: UserId::new(user).unwrap(),
        name: user.to_owned(),
        roles: vec![Role::Trader],
        permissions: Role::Trader.permissions(),
        accounts: vec![account()],
        idle_at: None,
        absolute_at: None,
    }
}

pub(crate) fn account() -> AccountId {
    AccountId::new("main").unwrap()
}

pub(crate) fn welcomed() -> Event {
    Event::SessionWelcomed(welcome())
}

pub(crate) fn welcome() -> Welcome {
    Welcome {
        session: session("alice"),
        environment: Environment::Paper,
        server_version: "0.1.0".to_owned(),
        served: None,
        node: "n1".to_owned(),
        server_time: start(),
    }
}

pub(crate) fn pos(seq: u64) -> StreamPos {
    StreamPos {
        epoch: Epoch::new("e1").unwrap(),
        seq: Seq(seq),
    }
}

pub(crate) fn sym(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

/// A position of a strategy: shares, average, mark, and the mark's age relative to the start.
pub(crate) fn held_by(
    strategy: &str,
    symbol: &str,
    qty: i64,
    avg: &str,
    mark: &str,
    marked_millis: i64,
) -> Position {
    let mut position = Position {
        account: account(),
        strategy: StrategyId::new(strategy).unwrap(),
        symbol: sym(symbol),
        qty: Qty::from_units(qty, 0),
        avg_entry_price: Price::parse(avg).unwrap(),
        current_price: None,
        price_at: None,
        unrealized_pl: Money::ZERO,
        unrealized_plpc: None,
        market_value: Money::ZERO,
        realized_pl_today: Money::ZERO,
        updated_at: at(marked_millis),
    };
    position.mark(Price::parse(mark).unwrap(), at(marked_millis));
    position
}

pub(crate) fn held(symbol: &str, qty: i64, avg: &str, mark: &str) -> Position {
    held_by("manual", symbol, qty, avg, mark, 0)
}

pub(crate) fn totals_of(positions: &[Position]) -> PositionTotals {
    PositionTotals {
        unrealized_pl: positions.iter().map(|p| p.unrealized_pl).sum(),
        num_positions: u32::try_from(positions.len()).unwrap(),
        realized_pl_today: Money::parse("-1204.1").unwrap(),
        buying_power: Some(Money::parse("187220.54").unwrap()),
        margin_used: Some(Money::parse("114747.99").unwrap()),
    }
}

pub(crate) fn message(
    stream: StreamName,
    kind: MessageKind,
    seq: u64,
    payload: StreamPayload,
) -> Event {
    let head = MessageHead {
        pos: pos(seq),
        base_seq: (kind == MessageKind::Delta).then(|| Seq(seq - 1)),
        kind,
    };
    Event::MessageReceived(StreamMessage {
        stream,
        head: Some(head),
        stamps: MessageStamps::default(),
        skipped: None,
        payload,
    })
}

pub(crate) fn positions_snapshot(seq: u64, positions: Vec<Position>) -> Event {
    let totals = totals_of(&positions);
    let picture = PositionsPicture { totals, positions };
    message(
        self::positions(),
        MessageKind::Snapshot,
        seq,
        StreamPayload::PositionsReplaced(picture),
    )
}

pub(crate) fn positions_delta(seq: u64, changed: Vec<Position>, removed: &[&Position]) -> Event {
    let delta = PositionsChange {
        totals: totals_of(&changed),
        changed,
        removed: removed.iter().map(|p| p.key()).collect(),
    };
    message(
        positions(),
        MessageKind::Delta,
        seq,
        StreamPayload::PositionsChanged(delta),
    )
}

pub(crate) fn quote(symbol: &str, price: &str, millis: i64) -> PriceQuote {
    PriceQuote {
        is_halted: false,
        symbol: sym(symbol),
        price: Price::parse(price).unwrap(),
        at: at(millis),
    }
}

pub(crate) fn order(id: &str, symbol: &str, status: OrderStatus, filled: i64) -> Order {
    Order {
        account: account(),
        strategy: StrategyId::new("manual").unwrap(),
        client_order_id: ClientOrderId::new(id).unwrap(),
        venue_order_id: None,
        symbol: sym(symbol),
        side: Side::Sell,
        qty: Qty::from_units(320, 0),
        filled_qty: Qty::from_units(filled, 0),
        filled_avg_price: None,
        order_type: OrderType::Limit,
        limit_price: Some(Price::parse("106.98").unwrap()),
        stop_price: None,
        time_in_force: TimeInForce::Day,
        status,
        status_since: at(filled),
        reason_code: None,
        created_at: at(-60_000),
        updated_at: at(filled),
        source: "manual".to_owned(),
        parent_id: None,
    }
}

pub(crate) fn fill(id: &str, qty: i64, millis: i64) -> Fill {
    Fill {
        fill_id: FillId::new(id).unwrap(),
        qty: Qty::from_units(qty, 0),
        price: Price::parse("106.98").unwrap(),
        at: at(millis),
        realized_pl: Money::ZERO,
    }
}

pub(crate) fn order_event(seq: u64, order: Order, fill: Option<Fill>) -> Event {
    message(
        orders(),
        MessageKind::Event,
        seq,
        StreamPayload::OrderChanged(Box::new(OrderChange { order, fill })),
    )
}

pub(crate) fn halt(state: HaltState) -> HaltStatus {
    HaltStatus {
        state,
        scopes: Vec::new(),
        halt_epoch: 3,
        by: Some(alice()),
        at: Some(start()),
        reason: Some("drill".to_owned()),
    }
}

pub(crate) fn halt_message(seq: u64, state: HaltState) -> Event {
    message(
        StreamName::KillSwitch,
        MessageKind::Snapshot,
        seq,
        StreamPayload::HaltChanged(halt(state)),
    )
}

/// A store that is fed event by event, and remembers what it asked for.
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) now: UtcMicros,
    pub(crate) effects: Vec<Effect>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            store: Store::new(StoreConfig::default()),
            now: start(),
            effects: Vec::new(),
        }
    }

    /// A desk whose socket is up and whose answers so far are forgotten.
    pub(crate) fn connected() -> Self {
        let mut desk = Self::new();
        desk.play([welcomed()]);
        desk.effects.clear();
        desk
    }

    pub(crate) fn play(&mut self, events: impl IntoIterator<Item = Event>) -> &mut Self {
        for event in events {
            self.effects.extend(self.store.apply(event, self.now));
        }
        self
    }

    pub(crate) fn wait(&mut self, millis: i64) -> &mut Self {
        self.now = self.now.plus_millis(millis);
        self.play([Event::Ticked])
    }

    /// The effects since the last call, a line each.
    pub(crate) fn asked(&mut self) -> String {
        let lines: Vec<String> = self.effects.drain(..).map(|e| format!("{e:?}")).collect();
        lines.join("\n")
    }

    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.store.snapshot_if_changed(self.now);
        Snapshot::clone(self.store.last_snapshot())
    }
}

/// Plays events into a connected desk and gives its picture as text.
pub(crate) fn check(events: impl IntoIterator<Item = Event>) -> String {
    let mut desk = Desk::connected();
    desk.play(events);
    picture(&desk.snapshot())
}

fn cell(cell: &Cell) -> String {
    let flash = match cell.flash {
        Some(flash) => format!("*{:?}", flash.direction),
        None => String::new(),
    };
    format!("{}{flash}", cell.text)
}

fn card(name: &str, card: &Card) -> String {
    let value = card.value.as_deref().unwrap_or("(skeleton)");
    format!(
        "{name}: {value} {:?} | {} | {:?}",
        card.tone, card.context, card.freshness
    )
}

/// The dashboard as text: what a reader would see, top to bottom.
pub(crate) fn picture(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    let environment = snapshot.environment.map_or("-", |e| e.as_str());
    let (halt, connection) = (&snapshot.halt, &snapshot.connection);
    writeln!(out, "{environment} | {} | {}", halt.text, connection.text).unwrap();
    let cards = &snapshot.cards;
    for (name, face) in [
        ("unrealized", &cards.unrealized),
        ("realized", &cards.realized),
        ("positions", &cards.count),
        ("buying power", &cards.buying_power),
        ("exposure", &cards.exposure),
    ] {
        writeln!(out, "{}", card(name, face)).unwrap();
    }
    let table = &snapshot.positions;
    writeln!(out, "positions [{}] {:?}", table.seal.text, table.freshness).unwrap();
    for row in table.rows.iter() {
        let cells = [
            &row.qty,
            &row.avg_entry,
            &row.current,
            &row.pl,
            &row.pl_percent,
            &row.value,
        ];
        let cells: Vec<String> = cells.into_iter().map(cell).collect();
        let stale = if row.price_is_stale { " stale" } else { "" };
        writeln!(out, "  {} {}{stale}", row.symbol, cells.join(" ")).unwrap();
    }
    let totals = &table.totals;
    let cells = [&totals.pl, &totals.pl_percent, &totals.value].map(cell);
    writeln!(out, "{}", format!("  total {}", cells.join(" ")).trim_end()).unwrap();
    let table = &snapshot.orders;
    writeln!(out, "orders [{}]", table.seal.text).unwrap();
    for row in table.rows.iter() {
        let cells = [
            &row.side,
            &row.filled,
            &row.order_type,
            &row.price,
            &row.status,
            &row.time,
        ];
        let cells = cells.map(cell).join(" ");
        writeln!(out, "  {} {cells}", row.symbol).unwrap();
    }
    writeln!(out, "activity [{}]", snapshot.activity.text).unwrap();
    for row in snapshot.activity.rows.iter() {
        let (time, symbol, side) = (&row.time, row.symbol, row.side);
        let (qty, price, status) = (&row.qty, &row.price, row.status);
        writeln!(out, "  {time} {symbol} {side} {qty} {price} {status}").unwrap();
    }
    for notice in snapshot.notices.iter() {
        writeln!(out, "notice {:?}: {}", notice.tone, notice.text).unwrap();
    }
    out
}
