//! What execution answers about positions, orders, P&L, halts, breakers and alerts, and the log behind a channel.
//!
//! `stream` says how far the rows are known to reach: its number was read before them. It is absent when the backend
//! does not number (another producer): the console then shows "unverified".

use qd_types::{
    AccountTotals, Alert, Breaker, Epoch, Exposure, Fill, HaltStatus, Money, Order, OrderStatus,
    Position, Seq, StreamName, StreamPos, UserId, UtcMicros,
};
use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::error::WireError;
use crate::raw::RawJson;

/// The place in a stream that an answer stands on; `{name, epoch, seq}` on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRef {
    /// Which stream.
    pub name: StreamName,
    /// Its newest place before the rows were read.
    pub pos: StreamPos,
}

#[derive(Serialize, Deserialize)]
struct StreamRefWire {
    #[serde(with = "crate::codec")]
    name: StreamName,
    #[serde(with = "crate::codec")]
    epoch: Epoch,
    #[serde(with = "crate::codec")]
    seq: Seq,
}

impl Codec for StreamRef {
    fn encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StreamRefWire {
            name: self.name.clone(),
            epoch: self.pos.epoch.clone(),
            seq: self.pos.seq,
        }
        .serialize(serializer)
    }

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = StreamRefWire::deserialize(deserializer)?;
        Ok(Self {
            name: wire.name,
            pos: StreamPos {
                epoch: wire.epoch,
                seq: wire.seq,
            },
        })
    }
}

/// Sums over the rows of [`PositionsResponse`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionsSummary {
    /// Over all positions, at their marks.
    #[serde(with = "crate::codec")]
    pub unrealized_pl: Money,
    /// Since the trading day began.
    #[serde(with = "crate::codec")]
    pub realized_pl_today: Money,
    /// Signed market values added up.
    #[serde(with = "crate::codec")]
    pub market_value: Money,
    /// Positions that are not flat.
    pub count: u32,
}

/// `GET /api/v1/positions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionsResponse {
    /// All rows of the user's accounts.
    #[serde(with = "crate::codec")]
    pub positions: Vec<Position>,
    /// Sums over them.
    pub totals: PositionsSummary,
    /// When they were read.
    #[serde(with = "crate::codec")]
    pub as_of: UtcMicros,
    /// The place they stand on.
    #[serde(default, with = "crate::codec")]
    pub stream: Option<StreamRef>,
}

/// `GET /api/v1/orders`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersResponse {
    /// Newest first.
    #[serde(with = "crate::codec")]
    pub orders: Vec<Order>,
    /// For `before=` of the next page; absent on the last.
    #[serde(default)]
    pub next: Option<String>,
    /// When they were read.
    #[serde(with = "crate::codec")]
    pub as_of: UtcMicros,
    /// The place they stand on.
    #[serde(default, with = "crate::codec")]
    pub stream: Option<StreamRef>,
}

/// A fill, or an order that came to its end without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When it happened.
    #[serde(with = "crate::codec")]
    pub at: UtcMicros,
    /// The order right after it.
    #[serde(with = "crate::codec")]
    pub order: Order,
    /// The execution; absent for a final state without one.
    #[serde(default, with = "crate::codec")]
    pub fill: Option<Fill>,
}

/// `GET /api/v1/orders/history`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryResponse {
    /// Newest first.
    pub entries: Vec<HistoryEntry>,
    /// How many there are since the trading day began, these included.
    pub total_today: u64,
    /// For `before=` of the next page; absent on the last. New entries do not move it; it holds for one run of the
    /// backend, and one of another run is refused.
    #[serde(default)]
    pub next: Option<String>,
    /// When they were read.
    #[serde(with = "crate::codec")]
    pub as_of: UtcMicros,
    /// The place they stand on.
    #[serde(default, with = "crate::codec")]
    pub stream: Option<StreamRef>,
}

/// The order that a command was about: placed, already there, cancel sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderResponse {
    /// As execution has it now.
    #[serde(with = "crate::codec")]
    pub order: Order,
}

/// One step in an order's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTransition {
    /// What it became.
    #[serde(with = "crate::codec")]
    pub status: OrderStatus,
    /// When.
    #[serde(with = "crate::codec")]
    pub at: UtcMicros,
    /// Why, stable `snake_case`; absent when the status says it all.
    #[serde(default)]
    pub reason_code: Option<String>,
    /// What proves it: the venue's word, the rail and its numbers. Empty when there is nothing to add.
    #[serde(default)]
    pub evidence: String,
    /// Who asked for it; absent when it was the venue or the machine.
    #[serde(default, with = "crate::codec")]
    pub by: Option<UserId>,
}

/// `GET /api/v1/orders/{client_order_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDetailResponse {
    /// As execution has it now.
    #[serde(with = "crate::codec")]
    pub order: Order,
    /// Oldest first.
    pub transitions: Vec<OrderTransition>,
    /// Its executions, oldest first.
    pub fills: Vec<FillDetail>,
    /// The changes that were decided, oldest first; absent when the backend does not say. Those that a rule refused are
    /// forgotten first, and all of them once the order is over.
    #[serde(default)]
    pub changes: Option<Vec<DecidedChange>>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOutcome {
    /// On its way to the venue.
    Sent,
    /// The venue has made it.
    Made,
    /// The venue has not made it, or the order was over first.
    Rejected,
    /// A rule refused it: the venue never heard of it.
    Blocked,
}

/// A change that was decided, by the key that its author gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedChange {
    /// As it was sent.
    pub idempotency_key: String,
    /// What became of it.
    pub outcome: ChangeOutcome,
    /// Why it was not made, stable `snake_case`: the venue's reason, or the status that a rule gave it (`blocked_halt`,
    /// `blocked_breaker`, `blocked_rail`). Absent when nothing refused it.
    #[serde(default)]
    pub code: Option<String>,
    /// The same for people; empty when nothing refused it.
    #[serde(default)]
    pub detail: String,
}

/// An execution with what it cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillDetail {
    /// The execution.
    #[serde(with = "crate::codec")]
    pub fill: Fill,
    /// Commission; absent when the backend does not say.
    #[serde(default, with = "crate::codec")]
    pub fee: Option<Money>,
}

/// Market value held, as on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureBody {
    /// Sum of absolute market values.
    #[serde(with = "crate::codec")]
    pub gross: Money,
    /// Sum of signed market values.
    #[serde(with = "crate::codec")]
    pub net: Money,
}

/// `GET /api/v1/realtime_pnl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealtimePnlResponse {
    /// Over all positions, at their marks.
    #[serde(with = "crate::codec")]
    pub total_unrealized_pl: Money,
    /// Positions that are not flat.
    pub total_positions: u32,
    /// Since the trading day began.
    #[serde(with = "crate::codec")]
    pub realized_pl_today: Money,
    /// What may still be bought; absent when the backend does not say.
    #[serde(default, with = "crate::codec")]
    pub buying_power: Option<Money>,
    /// What is tied up; absent when the backend does not say.
    #[serde(default, with = "crate::codec")]
    pub margin_used: Option<Money>,
    /// Market value held.
    pub exposure: ExposureBody,
    /// When the figures were made.
    #[serde(with = "crate::codec")]
    pub as_of: UtcMicros,
    /// The place they stand on.
    #[serde(default, with = "crate::codec")]
    pub stream: Option<StreamRef>,
}

impl RealtimePnlResponse {
    /// The answer that says `totals`.
    pub fn new(totals: &AccountTotals, stream: Option<StreamRef>) -> Self {
        Self {
            total_unrealized_pl: totals.unrealized_pl,
            total_positions: totals.num_positions,
            realized_pl_today: totals.realized_pl_today,
            buying_power: totals.buying_power,
            margin_used: totals.margin_used,
            exposure: ExposureBody {
                gross: totals.exposure.gross,
                net: totals.exposure.net,
            },
            as_of: totals.as_of,
            stream,
        }
    }

    /// What it says.
    pub fn totals(&self) -> AccountTotals {
        AccountTotals {
            unrealized_pl: self.total_unrealized_pl,
            realized_pl_today: self.realized_pl_today,
            num_positions: self.total_positions,
            buying_power: self.buying_power,
            margin_used: self.margin_used,
            exposure: Exposure {
                gross: self.exposure.gross,
                net: self.exposure.net,
            },
            as_of: self.as_of,
        }
    }
}

/// `GET /api/v1/kill_switch_status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltResponse {
    /// The halt machine's word; its fields stand at the top level.
    #[serde(flatten, with = "crate::codec")]
    pub status: HaltStatus,
    /// The place it stands on.
    #[serde(default, with = "crate::codec")]
    pub stream: Option<StreamRef>,
}

/// `GET /api/v1/circuit_breakers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakersResponse {
    /// All of them.
    #[serde(with = "crate::codec")]
    pub breakers: Vec<Breaker>,
    /// The place they stand on.
    #[serde(default, with = "crate::codec")]
    pub stream: Option<StreamRef>,
}

/// `GET /api/v1/alerts?state=firing|acknowledged|resolved|all&limit=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsResponse {
    /// As each stands: those that are not resolved first, then the resolved ones, each newest first.
    #[serde(with = "crate::codec")]
    pub alerts: Vec<Alert>,
    /// The place they stand on.
    #[serde(default, with = "crate::codec")]
    pub stream: Option<StreamRef>,
}

/// `GET /api/v1/streams/{name}?epoch=&after=&limit=`: the log behind a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamLogResponse {
    /// The stream's newest place; absent when nothing was ever published.
    #[serde(default, with = "crate::codec")]
    pub stream: Option<StreamRef>,
    /// The first number that the log still has; zero when it is empty.
    #[serde(with = "crate::codec")]
    pub base: Seq,
    /// The bus messages, in order.
    pub messages: Vec<RawJson>,
    /// Whether the log has more behind the last of them.
    pub more: bool,
}

impl StreamLogResponse {
    /// Takes up the bytes of bus messages.
    ///
    /// # Errors
    /// [`WireError`] when one of them is no JSON.
    pub fn messages_from<'a>(
        messages: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<RawJson>, WireError> {
        messages.into_iter().map(RawJson::from_bytes).collect()
    }
}
