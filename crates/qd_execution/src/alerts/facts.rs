//! What of the desk the rules measure: read once a second, judged by `super::rules`.

use qd_types::{AccountId, OrderStatus, UtcMicros, fmt};
use qd_wire::rest::LimitUse;

use crate::ledger::Ledger;
use crate::limits::limit_use;
use crate::market::Market;

/// The desk at one instant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Sorted by account.
    pub(crate) accounts: Vec<AccountFacts>,
    /// Age of the newest quote of a symbol that trades; absent while nothing is expected, and before the first.
    pub(crate) quote_age_millis: Option<i64>,
    /// A quote that is older is none to trade on.
    pub(crate) quote_max_age_millis: i64,
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct AccountFacts {
    pub(crate) account: AccountId,
    pub(crate) num_unknown: u64,
    /// Absent when every order is known.
    pub(crate) oldest_unknown: Option<UnknownOrder>,
    pub(crate) limits: Vec<LimitUse>,
}

/// An order of which nobody knows whether it trades.
#[derive(Clone, Debug)]
pub(crate) struct UnknownOrder {
    pub(crate) since: UtcMicros,
    /// Which one.
    pub(crate) words: String,
}

/// Reads them; `is_trading` says whether quotes are expected at all.
pub(crate) fn gather(ledger: &Ledger, market: &Market, is_trading: bool, now: UtcMicros) -> Facts {
    let newest = market
        .quotes()
        .filter(|quote| is_trading && !quote.is_halted)
        .map(|quote| quote.quoted_at)
        .max();
    Facts {
        accounts: ledger
            .books()
            .map(|book| account_facts(ledger, book.account(), now))
            .collect(),
        quote_age_millis: newest.map(|at| now.millis_since(at)),
        quote_max_age_millis: ledger.rails().quote_max_age_millis,
    }
}

fn account_facts(ledger: &Ledger, account: &AccountId, now: UtcMicros) -> AccountFacts {
    let unknown = || {
        ledger
            .open_orders()
            .map(|record| &record.order)
            .filter(|order| order.account == *account && order.status == OrderStatus::Unknown)
    };
    let oldest = unknown().min_by_key(|order| order.status_since);
    AccountFacts {
        account: account.clone(),
        num_unknown: unknown().count() as u64,
        oldest_unknown: oldest.map(|order| UnknownOrder {
            since: order.status_since,
            words: format!(
                "{} {} {} ({})",
                order.side.label(),
                fmt::qty(order.qty),
                order.symbol,
                order.client_order_id
            ),
        }),
        limits: limit_use(ledger, std::slice::from_ref(account), now),
    }
}
