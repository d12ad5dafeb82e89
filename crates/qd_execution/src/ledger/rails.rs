//! Limits that no order may exceed, each with its measure as evidence. No state: the ledger measures, this compares.

use qd_types::{Money, OrderTerms, Price, Qty, Ratio, UtcMicros};

use super::order::{LimitEvidence, PriceSeen};
use crate::market::Quote;

/// What no order may exceed.
#[derive(Clone, Copy, Debug)]
pub struct Rails {
    /// Most shares in one order.
    pub max_order_qty: Qty,
    /// Most dollars in one order, at its limit or the market.
    pub max_order_notional: Money,
    /// Most gross market value of an account, orders in flight included.
    pub max_gross_exposure: Money,
    /// Most orders an account may have open.
    pub max_open_orders: usize,
    /// Furthest a limit may be from the market.
    pub price_collar: Ratio,
    /// Furthest the price an author saw may be from the market.
    pub price_seen_tolerance: Ratio,
    /// Oldest price an author may have decided on.
    pub price_seen_max_age_millis: i64,
    /// Oldest quote an order may be checked against.
    pub quote_max_age_millis: i64,
    /// Margin per dollar of gross exposure.
    pub margin_rate: Ratio,
}

impl Default for Rails {
    fn default() -> Self {
        Self {
            max_order_qty: Qty::from_units(10_000, 0),
            max_order_notional: Money::from_units(100_000, 0),
            max_gross_exposure: Money::from_units(500_000, 0),
            max_open_orders: 100,
            price_collar: Ratio::from_units(10, 2),
            price_seen_tolerance: Ratio::from_units(5, 2),
            price_seen_max_age_millis: 30_000,
            quote_max_age_millis: 15_000,
            margin_rate: Ratio::from_units(5, 1),
        }
    }
}

/// How far ahead of ours a clock may be that dates a price.
const CLOCK_SLACK_MILLIS: i64 = 2_000;

/// What the account looks like to an order that wants to raise risk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Absolute market value held.
    pub(super) gross: Money,
    /// Dollars of open orders that may still trade.
    pub(super) in_flight: Money,
    /// What may still be bought before orders in flight.
    pub(super) buying_power: Money,
    /// Open orders.
    pub(super) num_open: usize,
}

fn evidence(
    rule: &'static str,
    value: impl Into<String>,
    limit: impl Into<String>,
    unit: &'static str,
) -> LimitEvidence {
    LimitEvidence {
        rule,
        value: value.into(),
        limit: limit.into(),
        unit,
    }
}

/// How far `price` is from `reference`, as a fraction of it.
pub(super) fn distance(price: Price, reference: Price) -> Ratio {
    let (price, reference) = (price.get(), reference.get());
    (price - reference)
        .abs()
        .checked_div(reference)
        .map_or_else(
            || Ratio::from_units(1, 0),
            |ratio| Ratio::new(ratio).round(6),
        )
}

impl Rails {
    /// Checks every order, whichever way it goes, and returns the quote that it was measured with.
    pub(super) fn check_any<'a>(
        &self,
        terms: OrderTerms,
        quote: Option<&'a Quote>,
        now: UtcMicros,
    ) -> Result<&'a Quote, LimitEvidence> {
        if terms.qty > self.max_order_qty {
            return Err(evidence(
                "max_order_qty",
                terms.qty.to_canonical(),
                self.max_order_qty.to_canonical(),
                "shares",
            ));
        }
        let quote = quote
            .filter(|quote| quote.price.is_positive())
            .ok_or_else(|| evidence("reference_price", "none", "a price above zero", "state"))?;
        // The venue would keep a limit for the reopening; the desk takes no order on a price that stands still.
        if quote.is_halted {
            return Err(evidence("symbol_halted", "halted", "trading", "state"));
        }
        if let Some(limit) = terms.limit_price {
            // A stop's limit is measured at its trigger: the market is elsewhere until then.
            let off = distance(limit, terms.stop_price.unwrap_or(quote.price));
            if off > self.price_collar {
                return Err(evidence(
                    "price_collar",
                    off.to_canonical(),
                    self.price_collar.to_canonical(),
                    "ratio",
                ));
            }
        }
        let notional = reference(terms, quote).times(terms.qty);
        if notional > self.max_order_notional {
            return Err(evidence(
                "max_order_notional",
                notional.to_canonical(),
                self.max_order_notional.to_canonical(),
                "usd",
            ));
        }
        // A quote that stands still while the market is closed is checked here too: then nothing may trade on it.
        let age = now.millis_since(quote.quoted_at);
        if age > self.quote_max_age_millis {
            return Err(evidence(
                "reference_price_age",
                age.to_string(),
                self.quote_max_age_millis.to_string(),
                "millis",
            ));
        }
        Ok(quote)
    }

    /// Checks that a person decided on a price that was there, and lately: whose console is behind raises nothing.
    pub(super) fn check_price_seen(
        &self,
        seen: Option<PriceSeen>,
        quote: &Quote,
        now: UtcMicros,
    ) -> Result<(), LimitEvidence> {
        let seen =
            seen.ok_or_else(|| evidence("price_seen", "none", "the price on screen", "state"))?;
        let age = now.millis_since(seen.at);
        if !(-CLOCK_SLACK_MILLIS..=self.price_seen_max_age_millis).contains(&age) {
            return Err(evidence(
                "price_seen_age",
                age.to_string(),
                self.price_seen_max_age_millis.to_string(),
                "millis",
            ));
        }
        let off = distance(seen.value, quote.price);
        if off > self.price_seen_tolerance {
            return Err(evidence(
                "price_seen",
                off.to_canonical(),
                self.price_seen_tolerance.to_canonical(),
                "ratio",
            ));
        }
        Ok(())
    }

    /// Checks what only orders that raise risk must satisfy: one that may trade `notional` dollars beside all others.
    pub(super) fn check_raising(&self, notional: Money, room: Room) -> Result<(), LimitEvidence> {
        if room.num_open >= self.max_open_orders {
            return Err(evidence(
                "max_open_orders",
                room.num_open.to_string(),
                self.max_open_orders.to_string(),
                "orders",
            ));
        }
        let gross_after = room.gross + room.in_flight + notional;
        if gross_after > self.max_gross_exposure {
            return Err(evidence(
                "max_gross_exposure",
                gross_after.to_canonical(),
                self.max_gross_exposure.to_canonical(),
                "usd",
            ));
        }
        let power_needed = room.in_flight + notional;
        if power_needed > room.buying_power {
            return Err(evidence(
                "buying_power",
                power_needed.to_canonical(),
                room.buying_power.to_canonical(),
                "usd",
            ));
        }
        Ok(())
    }
}

/// The price an order is measured with: the highest of its limit, its trigger and the market.
pub(super) fn reference(terms: OrderTerms, quote: &Quote) -> Price {
    [terms.limit_price, terms.stop_price]
        .into_iter()
        .flatten()
        .fold(quote.price, Price::max)
}
