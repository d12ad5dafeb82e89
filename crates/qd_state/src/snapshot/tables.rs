//! The tables of the snapshot: rows with their texts made once per change, and the raw figures to sort by.
//!
//! It holds no order but the tables' own; sorting and filtering are the pages' view models.

use std::sync::Arc;

use qd_types::{
    AccountId, ClientOrderId, Fill, Money, Order, PositionKey, Price, Qty, Ratio, Symbol, Tone,
    UtcMicros,
};

use super::{CommandView, Seal};
use crate::freshness::Freshness;

/// Which way a value moved, or points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More.
    Up,
    /// Less.
    Down,
}

/// A change that the eye should catch: the cell lights up for 600 ms from `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flash {
    /// When it changed.
    pub at: UtcMicros,
    /// Which way.
    pub direction: Direction,
}

/// One cell: its text as shown, and its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// As shown.
    pub text: Arc<str>,
    /// The meaning of its color.
    pub tone: Tone,
    /// Its last change; absent since the row appeared.
    pub flash: Option<Flash>,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            text: Arc::default(),
            tone: Tone::Neutral,
            flash: None,
        }
    }
}

/// The exact figures of a position's row, folded over accounts and strategies, to sort and compute by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PositionFigures {
    /// Signed shares.
    pub qty: Qty,
    /// What a share cost; absent when long and short parts are folded, which have no one average.
    pub avg_entry_price: Option<Price>,
    /// The newest mark; absent before the first price.
    pub current_price: Option<Price>,
    /// When the mark was made, server's clock.
    pub price_at: Option<UtcMicros>,
    /// Sum of the parts, at the mark.
    pub unrealized_pl: Money,
    /// `unrealized_pl` over the parts' absolute cost; absent when the cost is zero.
    pub unrealized_plpc: Option<Ratio>,
    /// Signed sum of the parts.
    pub market_value: Money,
    /// Sum of the parts' absolute values.
    pub gross_value: Money,
    /// Sum of the parts, since the trading day began.
    pub realized_pl_today: Money,
}

/// What one strategy on one account has in a row's symbol. The server closes each on its own side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionPart {
    /// Whose it is.
    pub key: PositionKey,
    /// Signed shares; never zero.
    pub qty: Qty,
}

/// One row of the positions table: a symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct PositionRow {
    /// The row's identity.
    pub symbol: Symbol,
    /// Signed shares.
    pub qty: Cell,
    /// Average entry.
    pub avg_entry: Cell,
    /// Current price.
    pub current: Cell,
    /// P&L in dollars, signed; the arrow is drawn from the tone.
    pub pl: Cell,
    /// P&L in percent, signed.
    pub pl_percent: Cell,
    /// Market value.
    pub value: Cell,
    /// The figures behind the cells.
    pub figures: PositionFigures,
    /// What is folded into the row, in order; more than one when strategies or accounts share the symbol. Parts of
    /// both signs may cancel out: a row is flat only when it has none.
    pub parts: Arc<[PositionPart]>,
    /// The day's line, oldest first, for painting only; empty before the first answer.
    pub day_line: Arc<[f32]>,
    /// The mark is older than the market's phase allows.
    pub price_is_stale: bool,
    /// The exchange has stopped trading in it, as of the last price poll.
    pub is_halted: bool,
    /// Why the row cannot be read: its cells are dashes, its figures in no sum. Absent while it can.
    pub problem: Option<Arc<str>>,
    /// When the row came: it slides in from here.
    pub appeared_at: UtcMicros,
    /// A command on its way, unknown or failed at this row.
    pub command: Option<Arc<CommandView>>,
}

/// Totals over all rows of the positions table, whatever is filtered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TotalsView {
    /// P&L in dollars.
    pub pl: Cell,
    /// P&L over the rows' absolute cost.
    pub pl_percent: Cell,
    /// Market value.
    pub value: Cell,
    /// Sum of the rows' P&L.
    pub unrealized_pl: Money,
    /// Sum of the rows' signed values.
    pub net_value: Money,
    /// Sum of the rows' absolute values.
    pub gross_value: Money,
    /// Sum of the rows' realized P&L today; positions closed today are on the card only.
    pub realized_pl_today: Money,
    /// Rows above zero.
    pub num_long: usize,
    /// Rows below zero.
    pub num_short: usize,
    /// What the sums lack, for the reader: "1 row unreadable". Absent while they are whole.
    pub incomplete: Option<Arc<str>>,
}

/// The positions table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PositionsView {
    /// By symbol. Unchanged rows are the same `Arc` as in the snapshot before.
    pub rows: Arc<[Arc<PositionRow>]>,
    /// The same, a row for each account and strategy: what is not folded shares its row with `rows`.
    pub unfolded: Arc<[Arc<PositionRow>]>,
    /// Over all rows.
    pub totals: Arc<TotalsView>,
    /// Whether the table can be trusted.
    pub seal: Arc<Seal>,
    /// Whether any answer came: an empty table means "no positions" only then.
    pub is_loaded: bool,
    /// When the rows were last known to hold.
    pub confirmed_at: Option<UtcMicros>,
    /// How old that is.
    pub freshness: Freshness,
    /// The oldest mark of all rows, client's clock; absent without rows, and while the price of any row is missing.
    pub marked_at: Option<UtcMicros>,
    /// What could not be read and why, a line each; most of it stands at its row too.
    pub unreadable: Arc<[Arc<str>]>,
    /// Messages whose totals did not tie out with their own rows.
    pub num_tie_out_breaks: u64,
    /// Why the last price poll failed; absent when it did not.
    pub last_price_error: Option<Arc<str>>,
}

/// One row of the open orders table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// Whose money; with the id below the row's identity.
    pub account: AccountId,
    /// The order's id.
    pub client_order_id: ClientOrderId,
    /// In what.
    pub symbol: Symbol,
    /// BUY or SELL.
    pub side: Cell,
    /// "106/320".
    pub filled: Cell,
    /// "limit".
    pub order_type: Cell,
    /// "126.86", or "MKT".
    pub price: Cell,
    /// The badge, from the one table of statuses.
    pub status: Cell,
    /// When it was recorded: "10:30:00.196".
    pub time: Cell,
    /// The order itself, to sort by and for details; as last readable.
    pub order: Arc<Order>,
    /// Why the newest word on it cannot be read: its status is "unknown" then. Absent while it can.
    pub problem: Option<Arc<str>>,
    /// When the row came: it slides in from here.
    pub appeared_at: UtcMicros,
    /// A command on its way, unknown or failed at this row.
    pub command: Option<Arc<CommandView>>,
}

/// The open orders table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrdersView {
    /// Oldest first. Unchanged rows are the same `Arc` as in the snapshot before.
    pub rows: Arc<[Arc<OrderRow>]>,
    /// Whether the table can be trusted.
    pub seal: Arc<Seal>,
    /// Whether any answer came: an empty table means "no open orders" only then.
    pub is_loaded: bool,
    /// What could not be read and why, a line each.
    pub unreadable: Arc<[Arc<str>]>,
    /// When the rows were last known to hold.
    pub confirmed_at: Option<UtcMicros>,
    /// How old that is.
    pub freshness: Freshness,
}

/// One line of the activity list: a fill, or an order's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityRow {
    /// Stable name of the line, for animation and selection.
    pub row_id: Arc<str>,
    /// When it happened, server's clock.
    pub at: UtcMicros,
    /// "10:39:31.629".
    pub time: Arc<str>,
    /// In what.
    pub symbol: Symbol,
    /// BUY or SELL.
    pub side: &'static str,
    /// The tone of the side.
    pub side_tone: Tone,
    /// Shares: of the fill, or of the order.
    pub qty: Arc<str>,
    /// The fill's price, the order's limit, or "MKT".
    pub price: Arc<str>,
    /// The badge: "filled", "cancelled"….
    pub status: &'static str,
    /// The tone of the badge.
    pub status_tone: Tone,
    /// The order, for details.
    pub order: Arc<Order>,
    /// The fill, when it was one.
    pub fill: Option<Fill>,
    /// When the console first knew of it: it slides in from here.
    pub appeared_at: UtcMicros,
}

/// The activity list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityView {
    /// Newest first, at most 20.
    pub rows: Arc<[Arc<ActivityRow>]>,
    /// All of today, shown or not.
    pub total_today: u64,
    /// "last 20 of 31 today".
    pub text: Arc<str>,
    /// Whether any answer came.
    pub is_loaded: bool,
}
