//! What of the desk the rules measure: read once a second, judged by `super::rules`.

use qd_types::{AccountId, OrderStatus, UtcMicros, fmt};
use qd_wire::rest::LimitUse;

use crate::ledger::{Ledger, OrderRecord, is_unknown};
use crate::limits::limit_use;
use crate::market::Market;

/// The desk at one instant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Sorted by account.
    pub(crate) accounts: Vec<AccountFacts>,
    /// For how long there was no new quote of a symbol that trades, and one could have come; absent while none is
    /// expected, and before the first.
    pub(crate) quote_age_millis: Option<i64>,
    /// From this age on it is too old: nothing may trade on it, or the market's own rhythm would have brought another.
    pub(crate) quote_max_age_millis: i64,
}

/// When quotes were expected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoting {
    /// Since when, without a break.
    pub(crate) since: UtcMicros,
    /// The market's last tick: none can be newer.
    pub(crate) until: UtcMicros,
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

/// Reads them; `quoting` is absent while no quotes are expected.
pub(crate) fn gather(
    ledger: &Ledger,
    market: &Market,
    quoting: Option<Quoting>,
    now: UtcMicros,
) -> Facts {
    // A symbol that only ever traded has a price and no quote.
    let newest = market
        .quotes()
        .filter(|quote| !quote.is_halted && quote.quoted_at > UtcMicros::default())
        .map(|quote| quote.quoted_at)
        .max();
    let age = |(newest, quoting): (UtcMicros, Quoting)| {
        quoting.until.millis_since(newest.max(quoting.since))
    };
    Facts {
        accounts: ledger
            .books()
            .map(|book| account_facts(ledger, book.account(), now))
            .collect(),
        quote_age_millis: newest.zip(quoting).map(age),
        quote_max_age_millis: ledger
            .rails()
            .quote_max_age_millis
            .max(market.quote_period_millis().saturating_mul(2)),
    }
}

fn account_facts(ledger: &Ledger, account: &AccountId, now: UtcMicros) -> AccountFacts {
    let unknown = || {
        ledger
            .open_orders()
            .filter(|record| record.order.account == *account && is_unknown(&record.order))
    };
    let oldest = unknown()
        .map(|record| (unknown_since(record), &record.order))
        .min_by_key(|(since, _)| *since);
    AccountFacts {
        account: account.clone(),
        num_unknown: unknown().count() as u64,
        oldest_unknown: oldest.map(|(since, order)| UnknownOrder {
            since,
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

/// Since when nobody knows of it: a cancel that was sent meanwhile makes that no later.
fn unknown_since(record: &OrderRecord) -> UtcMicros {
    record
        .transitions
        .iter()
        .find(|step| step.status == OrderStatus::Unknown)
        .map_or(record.order.status_since, |step| step.at)
}
