//! What came with parts that nobody can read: the good rows, and which are not, with the reason.
//!
//! Nothing is made up in place of what is missing; the store shows a dash and says that sums are incomplete.

use qd_types::{AccountId, ClientOrderId, Order, Position, PositionKey, Symbol};

use super::PositionTotals;

/// A figure of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Realized P&L of the day.
    RealizedToday,
    /// What may still be bought.
    BuyingPower,
    /// What is tied up.
    MarginUsed,
}

/// A row of positions that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRow {
    /// Whose and of what it is; absent when even that cannot be read.
    pub key: Option<PositionKey>,
    /// In what; absent when even that cannot be read.
    pub symbol: Option<Symbol>,
    /// Why, for the reader.
    pub reason: String,
}

/// Positions of which some cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalvagedPositions {
    /// Rows that could be read: all of them in a whole picture, new and changed ones in a change.
    pub positions: Vec<Position>,
    /// Rows that are gone; only of a change.
    pub removed: Vec<PositionKey>,
    /// Rows that could not be read.
    pub unreadable: Vec<UnreadableRow>,
    /// The account's figures.
    pub totals: PositionTotals,
    /// Which of them could not be read, and why; `totals` has nothing or zero in their place.
    pub figures: Vec<(Figure, String)>,
}

/// An order of which something cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalvagedOrder {
    /// Whose money.
    pub account: AccountId,
    /// Which order.
    pub client_order_id: ClientOrderId,
    /// The order, when only its status (then `Unknown`) or its fill is odd; absent otherwise.
    pub order: Option<Order>,
    /// Why, for the reader.
    pub reason: String,
}
