//! Bus messages: payloads decoded to domain values, and the bodies that our publishers write.
//!
//! Other producers are read, not refused: numbers for decimals, other offsets, fields left out, a single breaker, an
//! event embedded in a positions message. It holds no state and decides nothing about order or gaps (`qd_state` does).

use qd_types::{
    Alert, Breaker, Fill, HaltStatus, MessageKind, Money, Order, Position, PositionKey, StreamName,
    UtcMicros,
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::codec::{
    AlertWire, BreakerWire, Codec, FillWire, HaltWire, Names, OrderWire, PositionWire, Ser,
};
use crate::error::{WireError, bounded, object_text, sample};
use crate::head::{Body, EnvelopeWire, Head, HeadFields, MAX_EVENT_BYTES, MAX_MESSAGE_BYTES};

/// A decoded bus message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the stream; absent when another producer sent it without numbers.
    pub head: Option<Head>,
    /// What it carries.
    pub payload: Payload,
    /// The event that another producer embedded in a positions message: it belongs to the event stream, unnumbered.
    pub lifted: Option<OrderEvent>,
    /// Why an embedded event could not be read; the rest of the message stands.
    pub lift_error: Option<WireError>,
}

/// What a message carries.
#[cfg_attr(
    target_pointer_width = "64",
    expect(
        clippy::large_enum_variant,
        reason = "one at a time, moved a few times; the order event is the large one and must not cost an allocation"
    )
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// All positions of a user.
    PositionsSnapshot(PositionsBody),
    /// The rows that changed.
    PositionsDelta(PositionsDeltaBody),
    /// One change of one order.
    Order(OrderEvent),
    /// The halt machine's word.
    Halt(HaltStatus),
    /// All circuit breakers, or the one that another producer speaks of.
    Breakers(Vec<Breaker>),
    /// One change of one alert.
    Alert(Alert),
    /// A number without rows: ask by REST.
    Refetch,
}

/// The account figures that go with every positions message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PositionTotals {
    /// Over all positions, at their marks.
    pub unrealized_pl: Money,
    /// Positions that are not flat.
    pub num_positions: u32,
    /// Since the trading day began.
    pub realized_pl_today: Money,
    /// What may still be bought; absent when the producer does not say.
    pub buying_power: Option<Money>,
    /// What is tied up; absent when the producer does not say.
    pub margin_used: Option<Money>,
}

/// The whole state of a positions stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PositionsBody {
    /// Account figures.
    pub totals: PositionTotals,
    /// All rows, in the publisher's order.
    pub positions: Vec<Position>,
}

/// What changed in a positions stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PositionsDeltaBody {
    /// Account figures after the change.
    pub totals: PositionTotals,
    /// Rows that are new or different, whole.
    pub changed: Vec<Position>,
    /// Rows that are no more.
    pub removed: Vec<PositionKey>,
}

/// One change of one order, with the execution that caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEvent {
    /// The order after the change.
    pub order: Order,
    /// The execution, when it was one.
    pub fill: Option<Fill>,
}

/// A positions message: head fields, raw, beside the payload's own, so that one pass over the bytes reads both.
#[derive(Deserialize)]
struct PositionsWire<'a> {
    #[serde(borrow, default)]
    v: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stream: Option<&'a RawValue>,
    #[serde(borrow, default)]
    epoch: Option<&'a RawValue>,
    #[serde(borrow, default)]
    seq: Option<&'a RawValue>,
    #[serde(borrow, default)]
    base_seq: Option<&'a RawValue>,
    #[serde(borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    made_at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    published_at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_server_ts")]
    server_ts: Option<&'a RawValue>,
    #[serde(default, with = "crate::codec")]
    total_unrealized_pl: Option<Money>,
    #[serde(default)]
    total_positions: Option<u32>,
    #[serde(default, with = "crate::codec")]
    realized_pl_today: Option<Money>,
    #[serde(default, with = "crate::codec")]
    buying_power: Option<Money>,
    #[serde(default, with = "crate::codec")]
    margin_used: Option<Money>,
    #[serde(borrow, default)]
    positions: Option<Vec<PositionWire<'a>>>,
    #[serde(borrow, default)]
    changed: Option<Vec<PositionWire<'a>>>,
    #[serde(default, with = "crate::codec")]
    removed: Option<Vec<PositionKey>>,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
}

impl<'a> PositionsWire<'a> {
    fn head_fields(&self) -> HeadFields<'a> {
        HeadFields {
            v: self.v,
            stream: self.stream,
            epoch: self.epoch,
            seq: self.seq,
            base_seq: self.base_seq,
            kind: self.kind,
            made_at: self.made_at,
            published_at: self.published_at,
            timestamp: self.timestamp,
            server_ts: self.server_ts,
        }
    }

    /// The account figures; what a producer leaves out is made from the rows.
    fn totals(&self, rows: &[Position]) -> PositionTotals {
        PositionTotals {
            unrealized_pl: self
                .total_unrealized_pl
                .unwrap_or_else(|| rows.iter().map(|row| row.unrealized_pl).sum()),
            num_positions: self.total_positions.unwrap_or_else(|| {
                let held = rows.iter().filter(|row| !row.qty.is_zero()).count();
                u32::try_from(held).unwrap_or(u32::MAX)
            }),
            realized_pl_today: self
                .realized_pl_today
                .unwrap_or_else(|| rows.iter().map(|row| row.realized_pl_today).sum()),
            buying_power: self.buying_power,
            margin_used: self.margin_used,
        }
    }
}

/// Rows of a message, with the place of the first that cannot be read.
fn rows(
    list: &'static str,
    wires: Vec<PositionWire<'_>>,
    made_at: UtcMicros,
) -> Result<Vec<Position>, WireError> {
    let mut names = Names::default();
    let mut rows = Vec::with_capacity(wires.len());
    for (index, wire) in wires.into_iter().enumerate() {
        let row = wire.into_position(&mut names, made_at).map_err(|err| {
            WireError::malformed("positions", format_args!("{list}[{index}]: {err}"))
        })?;
        rows.push(row);
    }
    Ok(rows)
}

/// Decodes a message that came by `stream`.
///
/// # Errors
/// [`WireError`] when it is too large, no JSON object, of another stream, or its payload lacks what cannot be made up:
/// the rows of a positions message, the id, symbol, side, quantity and status of an order, the state of a halt.
pub fn decode(stream: &StreamName, bytes: &[u8]) -> Result<Message, WireError> {
    let (what, limit) = match stream {
        StreamName::Orders(_) | StreamName::Alerts(_) => ("event", MAX_EVENT_BYTES),
        _ => ("message", MAX_MESSAGE_BYTES),
    };
    bounded(what, bytes.len(), limit)?;
    let text = object_text("message", bytes)?;
    if matches!(stream, StreamName::Positions(_)) {
        return decode_positions(stream, text);
    }
    let envelope: EnvelopeWire<'_> = read("message head", text)?;
    let fields = envelope.head_fields();
    let head = checked_head(stream, &fields)?;
    let made_at = fields.made_at(head.as_ref());
    let is_refetch = head
        .as_ref()
        .is_some_and(|head| head.kind == MessageKind::Refetch);
    let payload = if is_refetch {
        Payload::Refetch
    } else {
        match stream {
            StreamName::Orders(_) => Payload::Order(order_event(text, made_at)?),
            StreamName::Alerts(_) => {
                Payload::Alert(read::<AlertWire<'_>>("alert", text)?.into_alert(made_at))
            }
            StreamName::KillSwitch => {
                Payload::Halt(read::<HaltWire<'_>>("halt state", text)?.into_halt())
            }
            StreamName::CircuitBreakers => Payload::Breakers(breakers(text)?),
            StreamName::Positions(_) => return decode_positions(stream, text),
        }
    };
    Ok(Message {
        head,
        payload,
        lifted: None,
        lift_error: None,
    })
}

fn read<'a, T: Deserialize<'a>>(what: &'static str, text: &'a str) -> Result<T, WireError> {
    serde_json::from_str(text).map_err(|err| WireError::malformed(what, err))
}

fn checked_head(stream: &StreamName, fields: &HeadFields<'_>) -> Result<Option<Head>, WireError> {
    let head = fields.read()?;
    match &head {
        Some(head) if head.stream != *stream => Err(WireError::WrongStream {
            expected: stream.to_string(),
            found: sample(&head.stream.to_string()),
        }),
        _ => Ok(head),
    }
}

fn decode_positions(stream: &StreamName, text: &str) -> Result<Message, WireError> {
    let mut wire: PositionsWire<'_> = read("positions", text)?;
    let fields = wire.head_fields();
    let head = checked_head(stream, &fields)?;
    let made_at = fields.made_at(head.as_ref());
    let missing = |field: &str| WireError::malformed("positions", format_args!("no {field}"));
    let payload = match head.as_ref().map(|head| head.kind) {
        Some(MessageKind::Refetch) => Payload::Refetch,
        Some(MessageKind::Delta) => {
            let changed = wire.changed.take().ok_or_else(|| missing("changed"))?;
            let changed = rows("changed", changed, made_at)?;
            let removed = wire.removed.take().ok_or_else(|| missing("removed"))?;
            Payload::PositionsDelta(PositionsDeltaBody {
                totals: delta_totals(&wire)?,
                changed,
                removed,
            })
        }
        Some(MessageKind::Snapshot | MessageKind::Event) | None => {
            // No rows is an empty list; a message without the list says nothing about the rows.
            let positions = wire.positions.take().ok_or_else(|| missing("positions"))?;
            let positions = rows("positions", positions, made_at)?;
            Payload::PositionsSnapshot(PositionsBody {
                totals: wire.totals(&positions),
                positions,
            })
        }
    };
    let (lifted, lift_error) = match (&head, wire.event) {
        (None, Some(event)) => match lifted(event.get(), made_at) {
            Ok(event) => (Some(event), None),
            Err(err) => (None, Some(err)),
        },
        _ => (None, None),
    };
    Ok(Message {
        head,
        payload,
        lifted,
        lift_error,
    })
}

/// The figures of a delta: only our publisher sends deltas, and it never leaves them out.
fn delta_totals(wire: &PositionsWire<'_>) -> Result<PositionTotals, WireError> {
    let missing = |field: &str| WireError::malformed("positions", format_args!("no {field}"));
    Ok(PositionTotals {
        unrealized_pl: wire
            .total_unrealized_pl
            .ok_or_else(|| missing("total_unrealized_pl"))?,
        num_positions: wire
            .total_positions
            .ok_or_else(|| missing("total_positions"))?,
        realized_pl_today: wire
            .realized_pl_today
            .ok_or_else(|| missing("realized_pl_today"))?,
        buying_power: wire.buying_power,
        margin_used: wire.margin_used,
    })
}

/// `{order, fill?}`, an order by itself with an optional `fill` among its fields, or either of them as `{event}`.
fn order_event(text: &str, made_at: UtcMicros) -> Result<OrderEvent, WireError> {
    #[derive(Deserialize)]
    struct OrderEventWire<'a> {
        #[serde(borrow, default)]
        order: Option<&'a RawValue>,
        #[serde(default)]
        fill: Option<FillWire>,
    }
    #[derive(Deserialize)]
    struct LiftedWire<'a> {
        #[serde(borrow, default)]
        event: Option<&'a RawValue>,
    }

    let text = read::<LiftedWire<'_>>("order", text)?
        .event
        .map_or(text, RawValue::get);
    let wire: OrderEventWire<'_> = read("order", text)?;
    let order = wire.order.map_or(text, RawValue::get);
    let order = read::<OrderWire<'_>>("order", order)?
        .into_order(&mut Names::default(), made_at)
        .map_err(|err| WireError::malformed("order", err))?;
    Ok(OrderEvent {
        order,
        fill: wire.fill.map(|fill| fill.into_fill(made_at)),
    })
}

fn lifted(event: &str, made_at: UtcMicros) -> Result<OrderEvent, WireError> {
    bounded("event", event.len(), MAX_EVENT_BYTES)?;
    order_event(event, made_at)
}

/// `{breakers: […]}`, or one breaker by itself.
fn breakers(text: &str) -> Result<Vec<Breaker>, WireError> {
    #[derive(Deserialize)]
    struct BreakersWire<'a> {
        #[serde(borrow, default)]
        breakers: Option<Vec<BreakerWire<'a>>>,
    }

    let wires = match read::<BreakersWire<'_>>("breakers", text)?.breakers {
        Some(wires) => wires,
        None => vec![read::<BreakerWire<'_>>("breaker", text)?],
    };
    wires
        .into_iter()
        .map(|wire| {
            wire.into_breaker()
                .map_err(|err| WireError::malformed("breakers", err))
        })
        .collect()
}

/// The event that another producer embedded in a positions message, as a message for the user's order lane.
///
/// For a router that does not decode: [`decode`] reads what this returns as an unnumbered order message, to the same
/// event that it finds itself in the positions message. `None` for numbered messages (our publisher never embeds
/// events) and for messages without one.
///
/// # Errors
/// [`WireError`] when the bytes are no JSON object or the event is too large.
pub fn lift_event(bytes: &[u8]) -> Result<Option<Vec<u8>>, WireError> {
    #[derive(Deserialize)]
    struct EmbeddedWire<'a> {
        #[serde(borrow, default)]
        event: Option<&'a RawValue>,
    }

    bounded("message", bytes.len(), MAX_MESSAGE_BYTES)?;
    let text = object_text("message", bytes)?;
    let Some(event) = read::<EmbeddedWire<'_>>("message", text)?.event else {
        return Ok(None);
    };
    let envelope: EnvelopeWire<'_> = read("message head", text)?;
    let fields = envelope.head_fields();
    if fields.is_numbered() {
        return Ok(None);
    }
    let made_at = fields.made_at(None).to_rfc3339();
    let message = format!(r#"{{"made_at":"{made_at}","event":{}}}"#, event.get());
    bounded("event", message.len(), MAX_EVENT_BYTES)?;
    Ok(Some(message.into_bytes()))
}

/// Account figures as they stand beside the rows.
#[derive(Serialize)]
struct TotalsBody {
    #[serde(with = "crate::codec")]
    total_unrealized_pl: Money,
    total_positions: u32,
    #[serde(with = "crate::codec")]
    realized_pl_today: Money,
    #[serde(with = "crate::codec")]
    buying_power: Option<Money>,
    #[serde(with = "crate::codec")]
    margin_used: Option<Money>,
}

impl From<&PositionTotals> for TotalsBody {
    fn from(totals: &PositionTotals) -> Self {
        Self {
            total_unrealized_pl: totals.unrealized_pl,
            total_positions: totals.num_positions,
            realized_pl_today: totals.realized_pl_today,
            buying_power: totals.buying_power,
            margin_used: totals.margin_used,
        }
    }
}

/// About how many bytes a row takes, so that a body is written without being moved.
const ROW_BYTES: usize = 384;

/// Writes a body of `num_rows` rows.
fn body(num_rows: usize, value: &impl Serialize) -> Body {
    let mut text = Vec::with_capacity(256 + num_rows * ROW_BYTES);
    // Text keys and finite values only: writing into memory cannot fail.
    serde_json::to_writer(&mut text, value).ok();
    Body::from_object_text(text)
}

/// The whole state of a positions stream.
pub fn positions_snapshot_body(totals: &PositionTotals, positions: &[Position]) -> Body {
    #[derive(Serialize)]
    struct SnapshotBody<'a> {
        #[serde(flatten)]
        totals: TotalsBody,
        positions: Rows<'a, Position>,
    }

    body(
        positions.len(),
        &SnapshotBody {
            totals: totals.into(),
            positions: Rows(positions),
        },
    )
}

/// What changed in a positions stream.
pub fn positions_delta_body(
    totals: &PositionTotals,
    changed: &[Position],
    removed: &[PositionKey],
) -> Body {
    #[derive(Serialize)]
    struct DeltaBody<'a> {
        #[serde(flatten)]
        totals: TotalsBody,
        changed: Rows<'a, Position>,
        removed: Rows<'a, PositionKey>,
    }

    body(
        changed.len() + removed.len(),
        &DeltaBody {
            totals: totals.into(),
            changed: Rows(changed),
            removed: Rows(removed),
        },
    )
}

/// One change of one order, with the execution that caused it.
pub fn order_body(order: &Order, fill: Option<&Fill>) -> Body {
    #[derive(Serialize)]
    struct OrderBody<'a> {
        order: Ser<'a, Order>,
        #[serde(skip_serializing_if = "Option::is_none")]
        fill: Option<Ser<'a, Fill>>,
    }

    body(
        2,
        &OrderBody {
            order: Ser(order),
            fill: fill.map(Ser),
        },
    )
}

/// The halt machine's word.
pub fn halt_body(status: &HaltStatus) -> Body {
    body(status.scopes.len(), &Ser(status))
}

/// All circuit breakers.
pub fn breakers_body(breakers: &[Breaker]) -> Body {
    #[derive(Serialize)]
    struct BreakersBody<'a> {
        breakers: Rows<'a, Breaker>,
    }

    body(
        breakers.len(),
        &BreakersBody {
            breakers: Rows(breakers),
        },
    )
}

/// One change of one alert.
pub fn alert_body(alert: &Alert) -> Body {
    body(1, &Ser(alert))
}

/// A number without rows: the snapshot was too large.
pub fn refetch_body() -> Body {
    Body::from_object_text(b"{}".to_vec())
}

/// Borrowed rows.
struct Rows<'a, T>(&'a [T]);

impl<T: Codec> Serialize for Rows<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Ser))
    }
}
