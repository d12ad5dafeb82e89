//! The day's statistics, the accounts' figures, and how much of each limit is used.

use axum::extract::State;
use qd_types::{Money, Permission};
use qd_wire::rest::{LimitUse, StatsResponse};
use serde::Serialize;

use super::Api;
use super::identity::Caller;
use super::problem::ApiError;
use super::query::Params;
use super::reads::{Answer, json};
use crate::limits::limit_use;

pub(super) async fn stats(State(api): State<Api>, caller: Caller, params: Params) -> Answer {
    caller.must(Permission::PnlView)?;
    params.finish()?;
    let response = api
        .handle
        .read(move |desk, now| {
            let mut response = StatsResponse {
                orders_today: 0,
                fills_today: 0,
                fees_today: Money::ZERO,
                turnover_today: Money::ZERO,
                limit_use: limit_use(desk.ledger(), caller.accounts(), now),
                as_of: now,
            };
            for account in caller.accounts() {
                if let Some(book) = desk.ledger().book(account) {
                    response.orders_today += book.day.num_orders;
                    response.fills_today += book.day.num_fills;
                    response.fees_today += book.day.fees;
                    response.turnover_today += book.day.turnover;
                }
            }
            response
        })
        .await
        .map_err(ApiError::of_read)?;
    Ok(json(200, &response))
}

/// `GET /api/v1/account`: one entry per granted account.
#[derive(Serialize)]
struct AccountsBody {
    accounts: Vec<AccountBody>,
    limit_use: Vec<LimitUse>,
    as_of: String,
}

#[derive(Serialize)]
struct AccountBody {
    account: String,
    cash: String,
    equity: String,
    buying_power: Option<String>,
    margin_used: Option<String>,
    exposure: ExposureBody,
}

#[derive(Serialize)]
struct ExposureBody {
    gross: String,
    net: String,
}

pub(super) async fn account(State(api): State<Api>, caller: Caller, params: Params) -> Answer {
    caller.must(Permission::PnlView)?;
    params.finish()?;
    let body = api
        .handle
        .read(move |desk, now| AccountsBody {
            accounts: caller
                .accounts()
                .iter()
                .filter_map(|account| desk.ledger().book(account))
                .map(|book| {
                    let totals = book.totals(desk.ledger().rails().margin_rate, now);
                    AccountBody {
                        account: book.account().to_string(),
                        cash: book.cash().to_canonical(),
                        equity: book.equity().to_canonical(),
                        buying_power: totals.buying_power.map(|money| money.to_canonical()),
                        margin_used: totals.margin_used.map(|money| money.to_canonical()),
                        exposure: ExposureBody {
                            gross: totals.exposure.gross.to_canonical(),
                            net: totals.exposure.net.to_canonical(),
                        },
                    }
                })
                .collect(),
            limit_use: limit_use(desk.ledger(), caller.accounts(), now),
            as_of: now.to_rfc3339(),
        })
        .await
        .map_err(ApiError::of_read)?;
    Ok(json(200, &body))
}
