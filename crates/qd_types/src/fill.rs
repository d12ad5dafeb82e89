//! One execution of an order.

use crate::{FillId, Money, Price, Qty, UtcMicros};

/// A trade at the venue that belongs to one of our orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The venue's id of the execution.
    pub fill_id: FillId,
    /// Shares, above zero.
    pub qty: Qty,
    /// Dollars per share.
    pub price: Price,
    /// When it traded.
    pub at: UtcMicros,
    /// What it realized by closing, zero when it only opened.
    pub realized_pl: Money,
}
