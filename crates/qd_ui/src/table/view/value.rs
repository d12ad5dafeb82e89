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

/// A value as sorting compares it: one machine number where there is one.
///
/// Decimals count in billionths: what differs by less is shown alike, and stays in the order it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SortKey<'a> {
    Number(i128),
    Text(Cow<'a, str>),
    Empty,
}

/// Decimal places that a sort still sees.
const SORTED_SCALE: u32 = 9;

impl<'a> From<CellValue<'a>> for SortKey<'a> {
    fn from(value: CellValue<'a>) -> Self {
        match value {
            CellValue::Empty => Self::Empty,
            CellValue::Text(words) => Self::Text(words),
            CellValue::Number(number) => Self::Number(billionths(number)),
            CellValue::Time(at) => Self::Number(i128::from(at.0)),
        }
    }
}

fn billionths(number: Decimal) -> i128 {
    let (mantissa, scale) = (number.mantissa(), number.scale());
    // 96 bits of mantissa and nine more places still fit.
    match scale.cmp(&SORTED_SCALE) {
        Ordering::Equal => mantissa,
        Ordering::Less => mantissa.saturating_mul(10_i128.pow(SORTED_SCALE - scale)),
        Ordering::Greater => mantissa / 10_i128.pow(scale - SORTED_SCALE),
    }
}

impl Ord for SortKey<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (left, right) => left.rank().cmp(&right.rank()),
        }
    }
}

impl PartialOrd for SortKey<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl SortKey<'_> {
    fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::Empty => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_scale_compare_as_numbers() {
        let key = |text: &str| SortKey::from(CellValue::Number(text.parse().unwrap()));
        assert!(key("-1") < key("-0.5"));
        assert!(key("9.99") < key("10"));
        assert_eq!(key("1.50"), key("1.5"));
        assert_eq!(key("0.3333333331"), key("0.3333333339"));
        let largest = Decimal::MAX;
        assert!(key(&largest.to_string()) > key("1"));
        assert!(key(&(-largest).to_string()) < key("1"));
    }
}
