//! What an account is worth and what it may still do.

use crate::{Money, UtcMicros};

/// Market value held, long and short together or set off against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Sum of absolute market values.
    pub gross: Money,
    /// Sum of signed market values.
    pub net: Money,
}

/// The figures of the account cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountTotals {
    /// Over all positions, at their marks.
    pub unrealized_pl: Money,
    /// Since the trading day began.
    pub realized_pl_today: Money,
    /// Positions that are not flat.
    pub num_positions: u32,
    /// What may still be bought; absent when the producer does not say.
    pub buying_power: Option<Money>,
    /// What is tied up; absent when the producer does not say.
    pub margin_used: Option<Money>,
    /// Market value held.
    pub exposure: Exposure,
    /// When the figures were made.
    pub as_of: UtcMicros,
}
