//! How much of each limit accounts use: one measure for the day's statistics, the account page and the alerts.
//!
//! It judges nothing: the rails refuse, the alerts warn.

use qd_types::{AccountId, Decimal, UtcMicros};
use qd_wire::rest::LimitUse;

use crate::ledger::{Ledger, add_totals};

/// Limits of these accounts together: each account has its own, so value and limit are added up.
pub(crate) fn limit_use(ledger: &Ledger, accounts: &[AccountId], now: UtcMicros) -> Vec<LimitUse> {
    let rails = ledger.rails();
    let books: Vec<_> = accounts
        .iter()
        .filter_map(|account| ledger.book(account))
        .collect();
    let times = Decimal::from(books.len());
    let each = books.iter().map(|book| book.totals(rails.margin_rate, now));
    let totals = add_totals(each, now);
    let num_open = ledger
        .open_orders()
        .filter(|record| accounts.contains(&record.order.account))
        .count();
    let of = |rule: &str, value: Decimal, limit: Decimal, unit: &str| LimitUse {
        rule: rule.to_owned(),
        value,
        limit: limit * times,
        unit: unit.to_owned(),
    };
    let equity: Decimal = books.iter().map(|book| book.equity().get()).sum();
    vec![
        of(
            "gross_exposure",
            totals.exposure.gross.get(),
            rails.max_gross_exposure.get(),
            "usd",
        ),
        LimitUse {
            rule: "margin".to_owned(),
            value: totals.margin_used.unwrap_or_default().get(),
            limit: equity,
            unit: "usd".to_owned(),
        },
        of(
            "open_orders",
            Decimal::from(num_open),
            Decimal::from(rails.max_open_orders),
            "orders",
        ),
    ]
}
