//! Orders by the id that their author gave them, which only within one account names one order.
//!
//! Asks for no permission: the accounts that are handed in are those that the caller may see.

use qd_types::{AccountId, ClientOrderId};

use super::problem::ApiError;
use crate::desk::Desk;
use crate::ledger::{OrderKey, OrderRecord};

/// The order of that id on the first of the accounts that has it, an open one before others.
pub(super) fn find_order<'a>(
    desk: &'a Desk,
    accounts: &[AccountId],
    client_order_id: &ClientOrderId,
) -> Option<&'a OrderRecord> {
    let all = || orders_named(desk, accounts, client_order_id);
    all()
        .find(|record| record.order.status.is_open())
        .or_else(|| all().next())
}

/// The one order of that id on these accounts, for a command: what it does to an order must never be a guess.
pub(super) fn the_order(
    desk: &Desk,
    accounts: &[AccountId],
    client_order_id: &ClientOrderId,
) -> Result<OrderKey, ApiError> {
    let mut all = orders_named(desk, accounts, client_order_id);
    let Some(one) = all.next() else {
        return Err(no_such_order(client_order_id.as_str()));
    };
    if let Some(other) = all.find(|other| other.order.account != one.order.account) {
        let detail = format!(
            "order {client_order_id} is on {} and on {}; say which account is meant",
            one.order.account, other.order.account
        );
        return Err(ApiError::new(409, "ambiguous_order", detail));
    }
    Ok(one.key())
}

/// The orders of that id: each account may have one.
fn orders_named<'a>(
    desk: &'a Desk,
    accounts: &[AccountId],
    client_order_id: &ClientOrderId,
) -> impl Iterator<Item = &'a OrderRecord> {
    accounts.iter().filter_map(move |account| {
        desk.ledger().order(&OrderKey {
            account: account.clone(),
            client_order_id: client_order_id.clone(),
        })
    })
}

pub(super) fn no_such_order(client_order_id: &str) -> ApiError {
    let detail =
        format!("order {client_order_id} never reached this gateway, or is not yours to see");
    ApiError::new(404, "order_not_found", detail)
}
