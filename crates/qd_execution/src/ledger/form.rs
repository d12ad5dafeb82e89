//! Whether a command is well formed: what breaks a rule here is never recorded.
//!
//! Looks at nothing but the command itself and whether its symbol is listed.

use qd_types::{Decimal, Price, Qty, TimeInForce};

use super::order::{Author, OrderRequest};

/// Why a field of a command was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field, as on the wire.
    pub name: &'static str,
    /// Stable `snake_case`.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

/// No order is larger than this: products with a price stay far inside an exact decimal.
const MAX_QTY: i64 = 1_000_000_000;
/// No price is higher than this, for the same reason.
const MAX_PRICE: i64 = 10_000_000;
/// Shortest reason of an order by hand, in characters.
const MIN_REASON: usize = 10;
/// Longest reason of any command, in characters.
const MAX_REASON: usize = 512;

pub(super) fn problem(
    name: &'static str,
    code: &'static str,
    detail: impl Into<String>,
) -> FieldProblem {
    FieldProblem {
        name,
        code,
        detail: detail.into(),
    }
}

pub(super) fn check_qty(qty: Qty, problems: &mut Vec<FieldProblem>) {
    if !qty.is_positive() {
        problems.push(problem("qty", "not_positive", "shares must be above zero"));
    } else if qty > Qty::from_units(MAX_QTY, 0) {
        problems.push(problem(
            "qty",
            "out_of_range",
            format!("at most {MAX_QTY} shares"),
        ));
    } else if !qty.get().fract().is_zero() {
        problems.push(problem(
            "qty",
            "not_whole",
            "this venue trades whole shares",
        ));
    }
}

pub(super) fn check_price(
    name: &'static str,
    price: Option<Price>,
    is_wanted: bool,
    problems: &mut Vec<FieldProblem>,
) {
    let Some(price) = price else {
        if is_wanted {
            problems.push(problem(name, "missing", "this type of order needs it"));
        }
        return;
    };
    if !is_wanted {
        problems.push(problem(name, "not_allowed", "this type of order has none"));
    } else if !price.is_positive() {
        problems.push(problem(name, "not_positive", "a price must be above zero"));
    } else if price.get() > Decimal::from(MAX_PRICE) {
        problems.push(problem(
            name,
            "out_of_range",
            format!("at most {MAX_PRICE} dollars"),
        ));
    } else if price.round(2) != price {
        problems.push(problem(name, "tick_size", "whole cents"));
    }
}

pub(super) fn check_reason(reason: &str, least: usize, problems: &mut Vec<FieldProblem>) {
    let length = reason.trim().chars().count();
    if length < least {
        problems.push(problem(
            "reason",
            "too_short",
            format!("at least {least} characters"),
        ));
    } else if length > MAX_REASON {
        problems.push(problem(
            "reason",
            "too_long",
            format!("at most {MAX_REASON} characters"),
        ));
    }
}

impl OrderRequest {
    /// What is wrong with the form of the request; empty when nothing is.
    pub(super) fn problems(&self, author: &Author, is_listed: bool) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if !is_listed {
            let detail = format!("{} is not traded here", self.symbol);
            problems.push(problem("symbol", "unknown_symbol", detail));
        }
        check_qty(self.qty, &mut problems);
        let (wants_limit, wants_stop) = self.order_type.wants();
        check_price("limit_price", self.limit_price, wants_limit, &mut problems);
        check_price("stop_price", self.stop_price, wants_stop, &mut problems);
        if wants_stop && matches!(self.time_in_force, TimeInForce::Ioc | TimeInForce::Fok) {
            problems.push(problem(
                "time_in_force",
                "not_allowed",
                "a stop waits for its trigger: day or gtc",
            ));
        }
        if let Author::Hand(_) = author {
            check_reason(&self.reason, MIN_REASON, &mut problems);
        }
        if let Some(seen) = self.price_seen
            && !(seen.value.is_positive() && seen.value.get() <= Decimal::from(MAX_PRICE))
        {
            problems.push(problem("price_seen", "out_of_range", "a price above zero"));
        }
        problems
    }
}
