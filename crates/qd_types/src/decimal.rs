//! Exact decimals with a meaning: prices, quantities, money, ratios. No float is made or read here but for painting.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::ParseError;

/// A ratio beyond this, a hundred million percent, is a mistake of its producer; percents of it could overflow.
const MAX_RATIO: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// Reads a decimal from plain text: digits, one point, an optional sign; exponents only where `exponent` allows them.
fn parse_decimal(what: &'static str, text: &str) -> Result<Decimal, ParseError> {
    let refused = |reason: &str| ParseError::new(what, text, reason);
    if text.is_empty() || text.len() > 64 {
        return Err(refused("1 to 64 characters"));
    }
    // The parsers below would take "1_0" for ten.
    if text.contains('_') {
        return Err(refused("digits, one point, an optional sign"));
    }
    let value = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text)
    } else {
        Decimal::from_str_exact(text)
    }
    .map_err(|err| refused(&err.to_string()))?;
    Ok(value)
}

macro_rules! decimal_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Decimal);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(Decimal::ZERO);

            /// Wraps an exact decimal.
            pub const fn new(value: Decimal) -> Self {
                Self(value)
            }

            /// The exact decimal inside.
            pub const fn get(self) -> Decimal {
                self.0
            }

            /// `units` divided by ten to the power of `scale`: `from_units(1005, 1)` is 100.5.
            pub fn from_units(units: i64, scale: u32) -> Self {
                Self(Decimal::new(units, scale))
            }

            /// Reads a decimal from its text, never through a float.
            ///
            /// # Errors
            /// [`ParseError`] when the text is no decimal or has more than 28 digits.
            pub fn parse(text: &str) -> Result<Self, ParseError> {
                parse_decimal($what, text).map(Self)
            }

            /// The canonical text: no exponent, no trailing zeros, no negative zero.
            pub fn to_canonical(self) -> String {
                self.0.normalize().to_string()
            }

            /// Whether the value is zero, of either sign.
            pub fn is_zero(self) -> bool {
                self.0.is_zero()
            }

            /// Whether the value is below zero.
            pub fn is_negative(self) -> bool {
                self.0.is_sign_negative() && !self.0.is_zero()
            }

            /// Whether the value is above zero.
            pub fn is_positive(self) -> bool {
                self.0.is_sign_positive() && !self.0.is_zero()
            }

            /// The value without its sign.
            pub fn abs(self) -> Self {
                Self(self.0.abs())
            }

            /// Half-even rounding to `digits` decimal places.
            pub fn round(self, digits: u32) -> Self {
                Self(self.0.round_dp_with_strategy(digits, RoundingStrategy::MidpointNearestEven))
            }

            /// For painting and statistics only: the nearest float.
            pub fn to_f64_lossy(self) -> f64 {
                self.0.to_f64().unwrap_or(f64::NAN)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.normalize(), f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.normalize(), f)
            }
        }

        impl Add for $name {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl Sub for $name {
            type Output = Self;

            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl Neg for $name {
            type Output = Self;

            fn neg(self) -> Self {
                Self(-self.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, Add::add)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                Self::parse(text)
            }
        }
    };
}

decimal_type!(
    /// Dollars per share.
    Price, "price"
);
decimal_type!(
    /// Shares; signed where it says so (a short position is negative).
    Qty, "quantity"
);
decimal_type!(
    /// Dollars.
    Money, "amount"
);
decimal_type!(
    /// A fraction: 0.0137 is 1.37 %.
    Ratio, "ratio"
);

impl Price {
    /// What `qty` shares at this price are worth; negative for a short quantity.
    pub fn times(self, qty: Qty) -> Money {
        Money(self.0 * qty.0)
    }
}

impl Ratio {
    /// As percent: 0.0103 is 1.03. A ratio is bounded, so this cannot overflow.
    pub fn percent(self) -> Decimal {
        self.get() * Decimal::ONE_HUNDRED
    }
}

impl Money {
    /// `self / whole` rounded to eight places; `None` when `whole` is zero, or so small that the ratio says nothing.
    pub fn ratio_of(self, whole: Self) -> Option<Ratio> {
        self.0
            .checked_div(whole.0)
            .filter(|ratio| ratio.abs() <= MAX_RATIO)
            .map(|ratio| {
                Ratio(ratio.round_dp_with_strategy(8, RoundingStrategy::MidpointNearestEven))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_has_no_exponent_no_trailing_zeros_and_no_negative_zero() {
        for (text, canonical) in [
            ("100.50", "100.5"),
            ("1e3", "1000"),
            ("1.5E-3", "0.0015"),
            ("-0.00", "0"),
            ("+7", "7"),
            ("0.1", "0.1"),
            (
                "79228162514264337593543950335",
                "79228162514264337593543950335",
            ),
        ] {
            assert_eq!(
                Money::parse(text).unwrap().to_canonical(),
                canonical,
                "{text}"
            );
        }
        for bad in [
            "",
            "abc",
            "1,000",
            "NaN",
            "inf",
            "0x10",
            "1..2",
            "79228162514264337593543950336",
        ] {
            assert!(Money::parse(bad).is_err(), "{bad:?} should be refused");
        }
    }

    #[test]
    fn a_tenth_is_a_tenth() {
        let tenth = Money::parse("0.1").unwrap();
        assert_eq!(
            (0..10).map(|_| tenth).sum::<Money>(),
            Money::parse("1").unwrap()
        );
    }
}
