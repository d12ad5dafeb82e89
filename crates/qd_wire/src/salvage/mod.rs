//! What can still be read of a message or an answer that the strict readers refused: the good rows, and which are not.
//!
//! The readers of `message` and `rest` take all or nothing, which is fast and right for everything that we write. One odd
//! figure of one row must not hide the other rows, though, nor pass for a good one: here every row is read by itself.
//! Nothing is made up: what is not readable is named, with the reason, and left out.

mod answers;

use std::collections::BTreeMap;

use qd_types::{
    AccountId, ClientOrderId, MessageKind, Money, Order, OrderStatus, Position, PositionKey,
    StreamName, Symbol, UtcMicros,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::codec::{Codec, De, Names, OrderWire, PositionWire, text_from_json};
use crate::error::{bounded, object_text};
use crate::head::{EnvelopeWire, Head, MAX_EVENT_BYTES, MAX_MESSAGE_BYTES};
use crate::message::PositionTotals;

pub use self::answers::{
    BootstrapAnswer, OrdersAnswer, PositionsAnswer, bootstrap_answer, orders_answer,
    positions_answer, prices_answer,
};

/// The most unreadable rows that are named one by one; a flood of rubbish must not fill the memory.
const MAX_NAMED: usize = 200;

/// A row of positions that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRow {
    /// Whose and of what it is; absent when even that cannot be read.
    pub key: Option<PositionKey>,
    /// In what; absent when even that cannot be read.
    pub symbol: Option<Symbol>,
    /// What is wrong with it, short enough for a tooltip.
    pub reason: String,
}

/// A figure of the account that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableFigure {
    /// The field's name, `buying_power`.
    pub name: &'static str,
    /// What is wrong with it, short enough for a tooltip.
    pub reason: String,
}

/// What is left of a positions message or answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalvagedPositions {
    /// Rows that could be read: all of them in a whole picture, new and changed ones in a delta.
    pub rows: Vec<Position>,
    /// Rows that are no more; only of a delta.
    pub removed: Vec<PositionKey>,
    /// Rows that could not be read.
    pub unreadable: Vec<UnreadableRow>,
    /// The account's figures that could be read; of the others `figures` tells.
    pub totals: PositionTotals,
    /// Unreadable rows past those that are listed.
    pub num_unnamed: usize,
    /// The figures that could not be read; `totals` has nothing or zero in their place.
    pub figures: Vec<UnreadableFigure>,
}

/// An order of which something cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalvagedOrder {
    /// Whose money.
    pub account: AccountId,
    /// Which order.
    pub client_order_id: ClientOrderId,
    /// The order when only its status (then [`OrderStatus::Unknown`]) or its fill is odd; absent otherwise.
    pub order: Option<Order>,
    /// What is wrong with it, short enough for a tooltip.
    pub reason: String,
}

/// What is left of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Salvage {
    /// All positions, of a snapshot or of a producer without numbers.
    Positions(SalvagedPositions),
    /// Changed positions.
    PositionsDelta(SalvagedPositions),
    /// One order.
    Order(SalvagedOrder),
}

/// Reads what can be read of a message that [`crate::decode`] refused; `None` when too little is left to go on with.
///
/// A head must be whole, and a delta must say which row every part of it is about: otherwise the hole is the honest answer.
pub fn salvage(stream: &StreamName, bytes: &[u8]) -> Option<(Option<Head>, Salvage)> {
    let limit = match stream {
        StreamName::Orders(_) | StreamName::Alerts(_) => MAX_EVENT_BYTES,
        _ => MAX_MESSAGE_BYTES,
    };
    bounded("message", bytes.len(), limit).ok()?;
    let text = object_text("message", bytes).ok()?;
    let envelope: EnvelopeWire<'_> = serde_json::from_str(text).ok()?;
    let fields = envelope.head_fields();
    let head = fields.read().ok()?;
    if head.as_ref().is_some_and(|head| head.stream != *stream) {
        return None;
    }
    let made_at = fields.made_at(head.as_ref());
    let kind = head.as_ref().map(|head| head.kind);
    let salvage = match (stream, kind) {
        (_, Some(MessageKind::Refetch)) => return None,
        (StreamName::Positions(_), Some(MessageKind::Delta)) => {
            Salvage::PositionsDelta(delta(text, made_at)?)
        }
        (StreamName::Positions(_), _) => Salvage::Positions(picture(text, made_at)?),
        (StreamName::Orders(_), _) => Salvage::Order(order_event(text, made_at)?),
        _ => return None,
    };
    Some((head, salvage))
}

impl SalvagedPositions {
    fn note(&mut self, name: &'static str, reason: String) {
        self.figures.push(UnreadableFigure { name, reason });
    }
}

/// The figures and lists of a positions message, each by itself.
#[derive(Deserialize)]
struct RawPositions<'a> {
    #[serde(borrow, default)]
    total_unrealized_pl: Option<&'a RawValue>,
    #[serde(borrow, default)]
    total_positions: Option<&'a RawValue>,
    #[serde(borrow, default)]
    realized_pl_today: Option<&'a RawValue>,
    #[serde(borrow, default)]
    buying_power: Option<&'a RawValue>,
    #[serde(borrow, default)]
    margin_used: Option<&'a RawValue>,
    #[serde(borrow, default)]
    positions: Option<&'a RawValue>,
    #[serde(borrow, default)]
    changed: Option<&'a RawValue>,
    #[serde(borrow, default)]
    removed: Option<&'a RawValue>,
}

fn list(raw: Option<&RawValue>) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw?.get()).ok()
}

fn picture(text: &str, made_at: UtcMicros) -> Option<SalvagedPositions> {
    let wire: RawPositions<'_> = serde_json::from_str(text).ok()?;
    let mut salvaged = SalvagedPositions::default();
    rows(&list(wire.positions)?, made_at, &mut salvaged);
    figures(&wire, Rows::All, &mut salvaged);
    // A flood of rubbish is no picture.
    (salvaged.num_unnamed == 0).then_some(salvaged)
}

fn delta(text: &str, made_at: UtcMicros) -> Option<SalvagedPositions> {
    let wire: RawPositions<'_> = serde_json::from_str(text).ok()?;
    let mut salvaged = SalvagedPositions::default();
    rows(&list(wire.changed)?, made_at, &mut salvaged);
    if salvaged.num_unnamed > 0 || salvaged.unreadable.iter().any(|row| row.key.is_none()) {
        // A change of nobody knows what: the rows that are there may be wrong now.
        return None;
    }
    for raw in list(wire.removed)? {
        let key = serde_json::from_str::<De<PositionKey>>(raw.get()).ok()?;
        salvaged.removed.push(key.0);
    }
    figures(&wire, Rows::Changed, &mut salvaged);
    Some(salvaged)
}

/// Whether the rows of a message are all there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    All,
    Changed,
}

fn figures(wire: &RawPositions<'_>, rows: Rows, salvaged: &mut SalvagedPositions) {
    // Rows tell these two by themselves, and what they say is what is shown.
    salvaged.totals.unrealized_pl = salvaged.rows.iter().map(|row| row.unrealized_pl).sum();
    salvaged.totals.num_positions = u32::try_from(salvaged.rows.len()).unwrap_or(u32::MAX);
    if let Err(reason) = figure::<Money>(wire.total_unrealized_pl) {
        salvaged.note("total_unrealized_pl", reason);
    }
    if let Some(raw) = wire.total_positions
        && let Err(err) = serde_json::from_str::<Option<u32>>(raw.get())
    {
        salvaged.note("total_positions", reason_of(&err));
    }
    match figure(wire.realized_pl_today) {
        Ok(Some(money)) => salvaged.totals.realized_pl_today = money,
        // Some rows' sum is not the account's.
        Ok(None) if rows == Rows::All && salvaged.unreadable.is_empty() => {
            salvaged.totals.realized_pl_today =
                salvaged.rows.iter().map(|row| row.realized_pl_today).sum();
        }
        Ok(None) => salvaged.note(
            "realized_pl_today",
            "it is missing, and the rows that are there do not tell".to_owned(),
        ),
        Err(reason) => salvaged.note("realized_pl_today", reason),
    }
    match figure(wire.buying_power) {
        Ok(money) => salvaged.totals.buying_power = money,
        Err(reason) => salvaged.note("buying_power", reason),
    }
    match figure(wire.margin_used) {
        Ok(money) => salvaged.totals.margin_used = money,
        Err(reason) => salvaged.note("margin_used", reason),
    }
}

fn rows(list: &[&RawValue], made_at: UtcMicros, salvaged: &mut SalvagedPositions) {
    let mut names = Names::default();
    for raw in list {
        let read = serde_json::from_str::<PositionWire<'_>>(raw.get())
            .map_err(|err| reason_of(&err))
            .and_then(|wire| {
                wire.into_position(&mut names, made_at)
                    .map_err(|err| err.to_string())
            });
        match read {
            Ok(position) => salvaged.rows.push(position),
            Err(reason) if salvaged.unreadable.len() < MAX_NAMED => {
                let (key, symbol) = row_key(raw.get());
                salvaged.unreadable.push(UnreadableRow {
                    key,
                    symbol,
                    reason,
                });
            }
            Err(_) => salvaged.num_unnamed += 1,
        }
    }
}

fn row_key(text: &str) -> (Option<PositionKey>, Option<Symbol>) {
    let key = serde_json::from_str::<De<PositionKey>>(text).ok();
    let symbol = match &key {
        Some(key) => Some(key.0.symbol),
        None => fields(text).and_then(|fields| scalar(&fields, "symbol")),
    };
    (key.map(|key| key.0), symbol)
}

fn fields(text: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(text).ok()
}

fn scalar<T: Codec>(fields: &BTreeMap<String, &RawValue>, name: &str) -> Option<T> {
    serde_json::from_str::<De<T>>(fields.get(name)?.get())
        .ok()
        .map(|value| value.0)
}

fn figure<T: Codec>(raw: Option<&RawValue>) -> Result<Option<T>, String> {
    match raw {
        None => Ok(None),
        Some(raw) => serde_json::from_str::<De<Option<T>>>(raw.get())
            .map(|value| value.0)
            .map_err(|err| reason_of(&err)),
    }
}

/// The error without the place in bytes, which says nothing to a reader.
fn reason_of(err: &serde_json::Error) -> String {
    let text = err.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    reason.chars().take(200).collect()
}

fn order(text: &str, made_at: UtcMicros) -> Result<Order, String> {
    serde_json::from_str::<OrderWire<'_>>(text)
        .map_err(|err| reason_of(&err))?
        .into_order(&mut Names::default(), made_at)
        .map_err(|err| err.to_string())
}

fn order_event(text: &str, made_at: UtcMicros) -> Option<SalvagedOrder> {
    #[derive(Deserialize)]
    struct EventWire<'a> {
        #[serde(borrow, default)]
        event: Option<&'a RawValue>,
        #[serde(borrow, default)]
        order: Option<&'a RawValue>,
        #[serde(borrow, default)]
        fill: Option<&'a RawValue>,
    }

    let outer: EventWire<'_> = serde_json::from_str(text).ok()?;
    let text = outer.event.map_or(text, RawValue::get);
    let wire: EventWire<'_> = serde_json::from_str(text).ok()?;
    let text = wire.order.map_or(text, RawValue::get);
    if wire.fill.is_some_and(|fill| fill.get() != "null") {
        // A fill is never skipped: the hole that it leaves is closed by asking for orders and history.
        return None;
    }
    match order(text, made_at) {
        // Everything can be read: whatever was refused was not this.
        Ok(_) => None,
        Err(reason) => odd_order(text, reason, made_at),
    }
}

/// The order's name, and the order itself when its status alone is a word that nobody here knows.
fn odd_order(text: &str, reason: String, made_at: UtcMicros) -> Option<SalvagedOrder> {
    #[derive(Deserialize)]
    struct NameWire {
        #[serde(default, with = "crate::codec")]
        account: Option<AccountId>,
        #[serde(with = "crate::codec")]
        client_order_id: ClientOrderId,
    }

    let name: NameWire = serde_json::from_str(text).ok()?;
    let account = match name.account {
        Some(account) => account,
        None => Names::default().account(None).ok()?,
    };
    let client_order_id = name.client_order_id;
    let mut with_unknown = fields(text)?;
    let word = with_unknown
        .get("status")
        .and_then(|raw| text_from_json(raw.get()).map(|word| word.into_owned()));
    let is_odd_word = word
        .as_deref()
        .is_some_and(|word| OrderStatus::parse(word).is_none());
    let unknown = serde_json::value::to_raw_value(OrderStatus::Unknown.as_str()).ok()?;
    let read = if is_odd_word {
        with_unknown.insert("status".to_owned(), &unknown);
        let patched = serde_json::to_string(&with_unknown).ok()?;
        order(&patched, made_at).ok()
    } else {
        None
    };
    Some(SalvagedOrder {
        account,
        client_order_id,
        order: read,
        reason,
    })
}
