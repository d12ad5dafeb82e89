//! One row of a LEAN file: bytes in, prices and sizes out. Knows no files and no calendar.
//!
//! A bar says what happened in its period, so it is known only when the period is over: rows carry the instant at which
//! a reader of the tape could have known them, never the one at which the bar began.

use qd_types::{Price, Qty};

/// Milliseconds of a day; no row may lie behind it.
const DAY_MILLIS: u32 = 86_400_000;
/// LEAN counts prices in ten-thousandths of a dollar.
const PRICE_PLACES: u32 = 4;
/// No price is higher than this, in ten-thousandths: ten million dollars, as in an order.
const MAX_PRICE: u64 = 100_000_000_000;
/// No size is larger than this, as in an order.
const MAX_SIZE: u64 = 1_000_000_000;

/// How long one row of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// Every print and every change of a quote.
    Tick,
    /// Bars of a second.
    Second,
    /// Bars of a minute.
    Minute,
}

impl Resolution {
    /// The folder's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::Second => "second",
            Self::Minute => "minute",
        }
    }

    /// Reads a folder's name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Tick, Self::Second, Self::Minute]
            .into_iter()
            .find(|one| one.as_str() == text)
    }

    /// Milliseconds that a row covers.
    fn period_millis(self) -> u32 {
        match self {
            Self::Tick => 0,
            Self::Second => 1_000,
            Self::Minute => 60_000,
        }
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKind {
    /// Quotes come before trades of the same instant: a trade is checked against what stood there.
    Quote,
    /// Prints, or bars of them.
    Trade,
}

impl RowKind {
    /// The word in a file's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::Trade => "trade",
        }
    }
}

/// Price and size on one side of a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Dollars per share.
    pub price: Price,
    /// Shares.
    pub size: Qty,
}

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Print {
    /// A trade, or the last one of a bar.
    Trade(Level),
    /// Both sides as they stand; an absent one is empty.
    Quote {
        /// Best price to sell at.
        bid: Option<Level>,
        /// Best price to buy at.
        ask: Option<Level>,
    },
    /// One side changed, the other stands as it stood.
    Side {
        /// The new bid, if this is one.
        bid: Option<Level>,
        /// The new ask, if this is one.
        ask: Option<Level>,
    },
}

/// A row with the instant at which it was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Milliseconds since midnight of the exchange.
    pub known_at: u32,
    /// What it says.
    pub print: Print,
}

/// Why a row cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Too few or too many columns.
    #[error("expected {expected} columns")]
    Columns {
        /// How many a row of this file has.
        expected: usize,
    },
    /// A column that should be a whole number is not.
    #[error("column {column} is no whole number")]
    Number {
        /// Counted from one.
        column: usize,
    },
    /// A number beyond everything that trades.
    #[error("column {column} is out of range")]
    Range {
        /// Counted from one.
        column: usize,
    },
    /// A quote whose bid stands above its ask.
    #[error("the bid is above the ask")]
    Crossed,
}

/// Reads the row of a file of that resolution and kind; `Ok(None)` for a row that the tape itself calls suspicious.
///
/// # Errors
/// What is wrong with it, by column.
pub fn parse(resolution: Resolution, kind: RowKind, line: &[u8]) -> Result<Option<Row>, RowError> {
    let mut columns = Columns {
        rest: line.strip_suffix(b"\r").unwrap_or(line),
        column: 0,
        is_over: false,
    };
    let expected = match (resolution, kind) {
        (_, RowKind::Trade) => 6,
        (Resolution::Tick, RowKind::Quote) => 8,
        (Resolution::Second | Resolution::Minute, RowKind::Quote) => 11,
    };
    let begins_at = columns.number(expected)?;
    let begins_at = u32::try_from(begins_at)
        .ok()
        .filter(|at| *at <= DAY_MILLIS)
        .ok_or(RowError::Range { column: 1 })?;
    let known_at = begins_at + resolution.period_millis();
    let (print, is_suspicious) = match (resolution, kind) {
        (Resolution::Tick, RowKind::Trade) => {
            let price = columns.price(expected)?;
            let size = columns.size(expected)?;
            columns.skip(2, expected)?;
            let is_suspicious = columns.number(expected)? != 0;
            (Print::Trade(Level { price, size }), is_suspicious)
        }
        (Resolution::Tick, RowKind::Quote) => {
            let bid = columns.tick_side(expected)?;
            let ask = columns.tick_side(expected)?;
            columns.skip(2, expected)?;
            let is_suspicious = columns.number(expected)? != 0;
            (Print::Side { bid, ask }, is_suspicious)
        }
        (Resolution::Second | Resolution::Minute, RowKind::Trade) => {
            columns.skip(3, expected)?;
            let price = columns.price(expected)?;
            let size = columns.size(expected)?;
            (Print::Trade(Level { price, size }), false)
        }
        (Resolution::Second | Resolution::Minute, RowKind::Quote) => {
            let bid = columns.bar_side(expected)?;
            let ask = columns.bar_side(expected)?;
            (Print::Quote { bid, ask }, false)
        }
    };
    if !columns.is_over {
        return Err(RowError::Columns { expected });
    }
    if let Print::Quote {
        bid: Some(bid),
        ask: Some(ask),
    } = print
        && bid.price > ask.price
    {
        return Err(RowError::Crossed);
    }
    Ok((!is_suspicious).then_some(Row { known_at, print }))
}

/// The columns of a row, from left to right.
struct Columns<'a> {
    rest: &'a [u8],
    column: usize,
    is_over: bool,
}

impl<'a> Columns<'a> {
    fn next(&mut self, expected: usize) -> Result<&'a [u8], RowError> {
        if self.is_over {
            return Err(RowError::Columns { expected });
        }
        self.column += 1;
        let rest = self.rest;
        if let Some(end) = rest.iter().position(|byte| *byte == b',') {
            let (field, behind) = rest.split_at(end);
            self.rest = behind.get(1..).unwrap_or_default();
            Ok(field)
        } else {
            self.is_over = true;
            Ok(rest)
        }
    }

    fn skip(&mut self, count: usize, expected: usize) -> Result<(), RowError> {
        for _ in 0..count {
            self.next(expected)?;
        }
        Ok(())
    }

    fn whole(&self, field: &[u8]) -> Result<u64, RowError> {
        let column = self.column;
        if field.is_empty() || field.len() > 15 {
            return Err(RowError::Number { column });
        }
        field.iter().try_fold(0_u64, |number, byte| {
            if byte.is_ascii_digit() {
                Ok(number * 10 + u64::from(byte - b'0'))
            } else {
                Err(RowError::Number { column })
            }
        })
    }

    fn number(&mut self, expected: usize) -> Result<u64, RowError> {
        let field = self.next(expected)?;
        self.whole(field)
    }

    fn price(&mut self, expected: usize) -> Result<Price, RowError> {
        let number = self.number(expected)?;
        self.to_price(number)
    }

    fn to_price(&self, number: u64) -> Result<Price, RowError> {
        let column = self.column;
        i64::try_from(number)
            .ok()
            .filter(|_| (1..=MAX_PRICE).contains(&number))
            .map(|units| Price::from_units(units, PRICE_PLACES))
            .ok_or(RowError::Range { column })
    }

    fn size(&mut self, expected: usize) -> Result<Qty, RowError> {
        let number = self.number(expected)?;
        self.to_size(number)
    }

    fn to_size(&self, number: u64) -> Result<Qty, RowError> {
        let column = self.column;
        i64::try_from(number)
            .ok()
            .filter(|_| number <= MAX_SIZE)
            .map(|units| Qty::from_units(units, 0))
            .ok_or(RowError::Range { column })
    }

    /// Open, high, low, close and size of one side; all five are empty when the side is.
    fn bar_side(&mut self, expected: usize) -> Result<Option<Level>, RowError> {
        self.skip(3, expected)?;
        let close = self.next(expected)?;
        if close.is_empty() {
            self.next(expected)?;
            return Ok(None);
        }
        let close = self.whole(close)?;
        let price = self.to_price(close)?;
        let size = self.next(expected)?;
        // Some bars know a price and no size: nothing can be traded there.
        let size = if size.is_empty() {
            0
        } else {
            self.whole(size)?
        };
        let size = self.to_size(size)?;
        Ok(Some(Level { price, size }))
    }

    /// Price and size of one side; a price of zero means that the row does not speak of this side.
    fn tick_side(&mut self, expected: usize) -> Result<Option<Level>, RowError> {
        let number = self.number(expected)?;
        if number == 0 {
            self.next(expected)?;
            return Ok(None);
        }
        let price = self.to_price(number)?;
        let size = self.size(expected)?;
        Ok(Some(Level { price, size }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(units: i64, size: i64) -> Level {
        Level {
            price: Price::from_units(units, 4),
            size: Qty::from_units(size, 0),
        }
    }

    #[test]
    fn every_kind_of_row_is_read_and_known_when_its_period_is_over() {
        use Resolution::{Minute, Second, Tick};
        use RowKind::{Quote, Trade};
        for (resolution, kind, line, known_at, print) in [
            (
                Second,
                Trade,
                "14400000,1674100,1674200,1674000,1674150,2049",
                14_401_000,
                Print::Trade(level(1_674_150, 2_049)),
            ),
            (
                Minute,
                Quote,
                "34200000,1,2,1,1672500,300,9,9,9,1672700,20000\r",
                34_260_000,
                Print::Quote {
                    bid: Some(level(1_672_500, 300)),
                    ask: Some(level(1_672_700, 20_000)),
                },
            ),
            (
                Second,
                Quote,
                "34200000,,,,,,9,9,9,1672700,100",
                34_201_000,
                Print::Quote {
                    bid: None,
                    ask: Some(level(1_672_700, 100)),
                },
            ),
            (
                Tick,
                Quote,
                "34200123,1672500,300,0,0,P,R,0",
                34_200_123,
                Print::Side {
                    bid: Some(level(1_672_500, 300)),
                    ask: None,
                },
            ),
            (
                Tick,
                Trade,
                "34200123,1672500,300,P,@,0",
                34_200_123,
                Print::Trade(level(1_672_500, 300)),
            ),
        ] {
            let row = parse(resolution, kind, line.as_bytes());
            assert_eq!(row, Ok(Some(Row { known_at, print })), "{line}");
        }
        let suspicious = parse(Tick, Trade, b"34200123,1672500,300,P,@,1");
        assert_eq!(suspicious, Ok(None));
    }

    #[test]
    fn what_cannot_be_read_is_named_by_column() {
        let second = |kind, line: &str| parse(Resolution::Second, kind, line.as_bytes());
        for (line, expected) in [
            ("", RowError::Number { column: 1 }),
            ("1,2,3,4,5", RowError::Columns { expected: 6 }),
            ("1,2,3,4,5,6,7", RowError::Columns { expected: 6 }),
            ("1,2,3,4,x,6", RowError::Number { column: 5 }),
            ("1,2,3,4,-5,6", RowError::Number { column: 5 }),
            ("1,2,3,4,0,6", RowError::Range { column: 5 }),
            ("90000000,2,3,4,5,6", RowError::Range { column: 1 }),
            ("1,2,3,4,5,6000000000", RowError::Range { column: 6 }),
            ("1,2,3,4,9999999999999999,6", RowError::Number { column: 5 }),
        ] {
            assert_eq!(second(RowKind::Trade, line), Err(expected), "{line:?}");
        }
        assert_eq!(
            second(RowKind::Quote, "1,2,2,2,2000,1,1,1,1,1999,1"),
            Err(RowError::Crossed)
        );
    }
}
