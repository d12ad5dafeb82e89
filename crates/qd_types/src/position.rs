//! Positions and the one P&L formula for long, short, partial close and flip.
//!
//! The average entry is rounded half-even to ten places when shares are added, and every figure is made from that
//! rounded average, so execution, gateway and console cannot differ in the last digit.

use crate::{AccountId, Money, Price, Qty, Ratio, Side, StrategyId, Symbol, UtcMicros};

/// What identifies a row: a strategy's stake in a symbol on an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PositionKey {
    /// Whose money.
    pub account: AccountId,
    /// Whose idea.
    pub strategy: StrategyId,
    /// In what.
    pub symbol: Symbol,
}

/// The part of a position that fills change: signed shares, average entry, money realized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PositionMath {
    /// Signed shares: below zero is short, zero is flat.
    pub qty: Qty,
    /// Average price paid (or received, when short); zero when flat.
    pub avg_entry_price: Price,
    /// Realized by closing, fees not included.
    pub realized_pl: Money,
}

impl PositionMath {
    /// Books a fill of `qty` shares (above zero) and returns what it realized.
    ///
    /// Adding moves the average; closing realizes against it and leaves it; a flip closes everything and opens the
    /// rest at the fill's price.
    pub fn apply_fill(&mut self, side: Side, qty: Qty, price: Price) -> Money {
        let signed = side.signed(qty);
        let adds = self.qty.is_zero() || self.qty.is_negative() == signed.is_negative();
        if adds {
            let cost = self.avg_entry_price.times(self.qty) + price.times(signed);
            self.qty += signed;
            self.avg_entry_price = cost
                .get()
                .checked_div(self.qty.get())
                .map_or(Price::ZERO, |average| Price::new(average).round(10));
            return Money::ZERO;
        }
        let closed = if qty < self.qty.abs() {
            qty
        } else {
            self.qty.abs()
        };
        let was_long = self.qty.is_positive();
        let per_share = if was_long {
            price - self.avg_entry_price
        } else {
            self.avg_entry_price - price
        };
        let realized = per_share.times(closed);
        self.qty += signed;
        self.realized_pl += realized;
        if self.qty.is_zero() {
            self.avg_entry_price = Price::ZERO;
        } else if self.qty.is_positive() != was_long {
            self.avg_entry_price = price;
        }
        realized
    }

    /// What closing everything at `price` would realize.
    pub fn unrealized_pl(&self, price: Price) -> Money {
        unrealized_pl(self.qty, self.avg_entry_price, price)
    }
}

/// `qty` (signed) shares entered at `avg_entry_price` and marked at `price`.
fn unrealized_pl(qty: Qty, avg_entry_price: Price, price: Price) -> Money {
    (price - avg_entry_price).times(qty)
}

/// One row of the positions grid as execution publishes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Whose money.
    pub account: AccountId,
    /// Whose idea.
    pub strategy: StrategyId,
    /// In what.
    pub symbol: Symbol,
    /// Signed shares.
    pub qty: Qty,
    /// Average entry, ten places at most.
    pub avg_entry_price: Price,
    /// The mark; absent before the first price.
    pub current_price: Option<Price>,
    /// When the mark was made.
    pub price_at: Option<UtcMicros>,
    /// At the mark; zero without one.
    pub unrealized_pl: Money,
    /// `unrealized_pl` over the absolute cost; absent when the cost is zero.
    pub unrealized_plpc: Option<Ratio>,
    /// Signed: a short is worth less than nothing.
    pub market_value: Money,
    /// Realized since the trading day began.
    pub realized_pl_today: Money,
    /// When anything of the row last changed.
    pub updated_at: UtcMicros,
}

impl Position {
    /// The row's identity.
    pub fn key(&self) -> PositionKey {
        PositionKey {
            account: self.account.clone(),
            strategy: self.strategy.clone(),
            symbol: self.symbol,
        }
    }

    /// Marks the row at `price`: price, P&L, percentage and value move together or not at all.
    pub fn mark(&mut self, price: Price, at: UtcMicros) {
        self.current_price = Some(price);
        self.price_at = Some(at);
        self.unrealized_pl = unrealized_pl(self.qty, self.avg_entry_price, price);
        self.unrealized_plpc = self
            .unrealized_pl
            .ratio_of(self.avg_entry_price.times(self.qty).abs());
        self.market_value = price.times(self.qty);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    fn q(n: i64) -> Qty {
        Qty::from_units(n, 0)
    }

    /// (side, shares, price) → (shares after, average after, realized by this fill, unrealized at 12)
    type Step = (
        Side,
        i64,
        &'static str,
        i64,
        &'static str,
        &'static str,
        &'static str,
    );

    #[track_caller]
    fn check(steps: &[Step]) {
        let mut math = PositionMath::default();
        let mut realized = Money::ZERO;
        for &(side, qty, price, qty_after, avg_after, realized_by, unrealized_at_12) in steps {
            let by = math.apply_fill(side, q(qty), p(price));
            realized += by;
            assert_eq!(
                math.qty,
                q(qty_after),
                "shares after {side} {qty} @ {price}"
            );
            assert_eq!(
                math.avg_entry_price,
                p(avg_after),
                "average after {side} {qty} @ {price}"
            );
            assert_eq!(
                by,
                Money::parse(realized_by).unwrap(),
                "realized by {side} {qty} @ {price}"
            );
            assert_eq!(
                math.unrealized_pl(p("12")),
                Money::parse(unrealized_at_12).unwrap()
            );
            assert_eq!(math.realized_pl, realized);
        }
    }

    // Golden vectors: computed by hand.
    #[test]
    fn long_added_to_partly_closed_and_closed() {
        check(&[
            (Side::Buy, 100, "10", 100, "10", "0", "200"),
            (Side::Buy, 100, "11", 200, "10.5", "0", "300"),
            (Side::Sell, 50, "12.25", 150, "10.5", "87.5", "225"),
            (Side::Sell, 150, "10", 0, "0", "-75", "0"),
        ]);
    }

    #[test]
    fn short_added_to_partly_covered_and_covered() {
        check(&[
            (Side::Sell, 100, "10", -100, "10", "0", "-200"),
            (Side::Sell, 300, "12", -400, "11.5", "0", "-200"),
            (Side::Buy, 100, "11", -300, "11.5", "50", "-150"),
            (Side::Buy, 300, "11.75", 0, "0", "-75", "0"),
        ]);
    }

    #[test]
    fn flips_close_everything_and_open_the_rest_at_the_fill() {
        check(&[
            (Side::Buy, 100, "10", 100, "10", "0", "200"),
            (Side::Sell, 250, "13", -150, "13", "300", "150"),
            (Side::Buy, 151, "12", 1, "12", "150", "0"),
        ]);
    }

    #[test]
    fn an_endless_average_is_rounded_once_and_used_everywhere() {
        check(&[
            (Side::Buy, 1, "10", 1, "10", "0", "2"),
            (
                Side::Buy,
                2,
                "10.01",
                3,
                "10.0066666667",
                "0",
                "5.9799999999",
            ),
            (Side::Sell, 3, "10.0066666667", 0, "0", "0", "0"),
        ]);
    }
}

#[cfg(test)]
mod property_tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Realized plus unrealized equals the cash that moved plus what is held, up to the average's rounding.
        #[test]
        fn prop_money_is_conserved(fills in prop::collection::vec((any::<bool>(), 1_i64..5_000, 1_i64..1_000_000), 1..60)) {
            let mut math = PositionMath::default();
            let mut cash = Money::ZERO;
            let mark = Price::from_units(123_456, 3);
            let mut shares = Money::ZERO.get();
            for (buy, qty, cents) in fills {
                let side = if buy { Side::Buy } else { Side::Sell };
                let (qty, price) = (Qty::from_units(qty, 0), Price::from_units(cents, 2));
                math.apply_fill(side, qty, price);
                cash -= price.times(side.signed(qty));
                shares += qty.abs().get();
            }
            let made = math.realized_pl + math.unrealized_pl(mark);
            let worth = cash + mark.times(math.qty);
            // Each share's average is at most half of 1e-10 off, once per fill.
            let bound = Money::new(shares * rust_decimal::Decimal::new(60, 10));
            prop_assert!((made - worth).abs() <= bound, "{made} against {worth}");
        }
    }
}
