//! What a cell holds, apart from how it is painted: the value that is sorted, filtered, copied and written to a file.

use std::borrow::Cow;
use std::cmp::Ordering;

use qd_types::{Decimal, UtcMicros};

/// The value behind a cell, exact and without separators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CellValue<'a> {
    /// Nothing: unknown, not yet there, without meaning for this row. Last in every order, found by no filter.
    Empty,
    /// Words.
    Text(Cow<'a, str>),
    /// A number; percentages as percent, so that what is typed into a filter is what is on screen.
    Number(Decimal),
    /// An instant of the server's clock.
    Time(UtcMicros),
}

impl<'a> CellValue<'a> {
    /// Words that live as long as the row.
    pub fn text(words: &'a str) -> Self {
        Self::Text(Cow::Borrowed(words))
    }

    /// A number, or nothing.
    pub fn number(number: Option<Decimal>) -> Self {
        number.map_or(Self::Empty, Self::Number)
    }

    /// Whether there is nothing to sort by.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

/// Decimal places that a sort still sees.
const SORTED_SCALE: u32 = 9;

/// A number as sorting compares it: one machine number, counted in billionths. What differs by less is shown alike, and
/// stays in the order it came in.
pub(super) fn billionths(number: Decimal) -> i128 {
    let (mantissa, scale) = (number.mantissa(), number.scale());
    // 96 bits of mantissa and nine more places still fit.
    match scale.cmp(&SORTED_SCALE) {
        Ordering::Equal => mantissa,
        Ordering::Less => mantissa.saturating_mul(10_i128.pow(SORTED_SCALE - scale)),
        Ordering::Greater => mantissa / 10_i128.pow(scale - SORTED_SCALE),
    }
}
