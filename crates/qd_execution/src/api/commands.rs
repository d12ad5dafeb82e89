//! What can be commanded: place, change, cancel, close. The decision is the ledger's; this gives it words and a status.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Response;
use qd_types::{
    AccountId, ClientOrderId, HaltScope, Order, OrderStatus, Permission, StrategyId, Symbol,
};
use qd_wire::rest::{
    CancelAll, CancelAllResponse, CancelOrder, ClosePosition, FieldError, MetOrders, ModifyOrder,
    OrderResponse, PlaceOrder, Problem,
};

use super::Api;
use super::identity::{Caller, CommandBody};
use super::named::{no_such_order, the_order};
use super::problem::{ApiError, limit_breach};
use super::query::Params;
use super::reads::{in_words, json};
use crate::engine::Lane;
use crate::ledger::{
    Author, CancelOutcome, ChangeConflict, ChangeRequest, CloseOutcome, CloseRequest,
    LimitEvidence, MANUAL, ModifyOutcome, OrderRecord, OrderRequest, PlaceOutcome, PriceSeen,
};

type Answer = Result<Response<Body>, ApiError>;

fn answer(status: u16, order: &Order) -> Response<Body> {
    json(
        status,
        &OrderResponse {
            order: order.clone(),
        },
    )
}

/// A well-formed order that was refused and recorded.
fn blocked(record: &OrderRecord) -> ApiError {
    refused(
        record.order.status,
        record.refused_by.as_ref(),
        &record.order,
    )
}

/// What a rule refuses, with its measure and the order as it stands.
fn refused(status: OrderStatus, evidence: Option<&LimitEvidence>, order: &Order) -> ApiError {
    let detail = evidence.map_or_else(|| status.badge().to_owned(), in_words);
    let mut problem = Problem::new(422, status.as_str(), detail);
    problem.limit = evidence.and_then(limit_breach);
    ApiError(Box::new(problem.with_order(order.clone())))
}

fn conflict(code: &str, detail: &str, order: &Order) -> ApiError {
    ApiError(Box::new(
        Problem::new(409, code, detail).with_order(order.clone()),
    ))
}

fn id_taken(record: &OrderRecord) -> ApiError {
    conflict(
        "client_order_id_conflict",
        "this id belongs to an order with another body; look at it, then use another id",
        &record.order,
    )
}

pub(super) async fn place(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
    CommandBody(body): CommandBody,
) -> Answer {
    caller.must(Permission::OrdersPlace)?;
    params.finish()?;
    let order = PlaceOrder::parse(&body)?;
    caller.must_have(&order.account)?;
    let strategy = match order.strategy {
        Some(strategy) => strategy,
        None => StrategyId::new(MANUAL)
            .map_err(|err| ApiError::new(500, "internal_error", err.to_string()))?,
    };
    let client_order_id = order.client_order_id.clone();
    let request = OrderRequest {
        account: order.account,
        strategy,
        client_order_id: order.client_order_id,
        symbol: order.symbol,
        side: order.side,
        qty: order.qty,
        order_type: order.order_type,
        limit_price: order.limit_price,
        stop_price: order.stop_price,
        time_in_force: order.time_in_force,
        reason: order.reason,
        halt_epoch_seen: Some(order.halt_epoch_seen),
        price_seen: order.price_seen.map(|seen| PriceSeen {
            value: seen.value,
            at: seen.at,
        }),
    };
    let author = Author::Hand(caller.user().clone());
    let outcome = api
        .handle
        .change(Lane::Normal, move |desk, now| {
            desk.place(request, &author, now)
        })
        .await
        .map_err(|err| ApiError::of_command(err, client_order_id.as_str()))?;
    match outcome {
        PlaceOutcome::Recorded(record) => Ok(answer(201, &record.order)),
        // The same answer as the first time, but for "created".
        PlaceOutcome::Repeated(record) if record.refused_by.is_some() => Err(blocked(&record)),
        PlaceOutcome::Repeated(record) => Ok(answer(200, &record.order)),
        PlaceOutcome::Conflicting(record) => Err(id_taken(&record)),
        PlaceOutcome::Blocked(record) => Err(blocked(&record)),
        PlaceOutcome::Malformed(problems) => Err(ApiError::fields(problems)),
        PlaceOutcome::Full => Err(ApiError::new(
            503,
            "order_book_full",
            "no more orders are taken today; cancels and closes still are",
        )),
    }
}

/// Where to look for an order: in the account that was named, else in every one that the caller has.
fn accounts_of(caller: &Caller, named: Option<AccountId>) -> Result<Vec<AccountId>, ApiError> {
    match named {
        Some(account) => {
            caller.must_have(&account)?;
            Ok(vec![account])
        }
        None => Ok(caller.accounts().to_vec()),
    }
}

/// Takes the lane of what may raise risk, because it may: whoever must lower it in a flood cancels.
pub(super) async fn modify(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
    CommandBody(body): CommandBody,
) -> Answer {
    caller.must(Permission::OrdersModify)?;
    params.finish()?;
    let client_order_id = ClientOrderId::new(&id)
        .map_err(|err| ApiError::field("client_order_id", "invalid", err.reason))?;
    let command = ModifyOrder::parse(&body)?;
    let accounts = accounts_of(&caller, command.account)?;
    let author = Author::Hand(caller.user().clone());
    let request = ChangeRequest {
        idempotency_key: command.idempotency_key,
        qty: command.qty,
        limit_price: command.limit_price,
        stop_price: command.stop_price,
    };
    let outcome = api
        .handle
        .change(Lane::Normal, move |desk, now| {
            let key = the_order(desk, &accounts, &client_order_id)?;
            Ok::<_, ApiError>(desk.modify(&key, &request, &author, now))
        })
        .await
        .map_err(|err| ApiError::of_command(err, &id))??;
    match outcome {
        ModifyOutcome::Recorded(order, _) | ModifyOutcome::Repeated(order) => {
            Ok(answer(202, &order))
        }
        ModifyOutcome::KeyTaken(order) => Err(conflict(
            "idempotency_key_conflict",
            "this key belongs to another change of the order; look at it, then use another key",
            &order,
        )),
        ModifyOutcome::Conflicting(order, why) => {
            let (code, detail) = cannot_change(why, &order);
            Err(conflict(code, &detail, &order))
        }
        ModifyOutcome::Blocked(order, (status, evidence)) => {
            Err(refused(status, Some(&evidence), &order))
        }
        ModifyOutcome::Malformed(problems) => Err(ApiError::fields(problems)),
        ModifyOutcome::NotFound => Err(no_such_order(&id)),
    }
}

/// Code and words of a change that the order's state does not let through.
fn cannot_change(why: ChangeConflict, order: &Order) -> (&'static str, String) {
    let (code, detail) = match why {
        ChangeConflict::NotAcknowledged => (
            "not_acknowledged",
            "the venue has not confirmed the order yet: it cannot be changed before",
        ),
        ChangeConflict::ChangeUnderWay => (
            "change_under_way",
            "a change is on its way; another can follow when the venue has answered it",
        ),
        ChangeConflict::CancelUnderWay => (
            "cancel_under_way",
            "a cancel is on its way; the order may still fill",
        ),
        ChangeConflict::Final if order.status == OrderStatus::Filled => {
            ("order_final", "the order is filled")
        }
        ChangeConflict::Final => ("order_final", "the order is over already"),
        ChangeConflict::AlreadyFilled => {
            let detail = format!(
                "already filled: {} of {}; the new quantity counts these too and must be above them",
                order.filled_qty.to_canonical(),
                order.qty.to_canonical()
            );
            return ("already_filled", detail);
        }
        ChangeConflict::TooMany => (
            "too_many_changes",
            "the order was changed too often: from here on it can only be lowered, or cancelled",
        ),
    };
    (code, detail.to_owned())
}

pub(super) async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
    CommandBody(body): CommandBody,
) -> Answer {
    caller.must(Permission::OrdersCancel)?;
    params.finish()?;
    let client_order_id = ClientOrderId::new(&id)
        .map_err(|err| ApiError::field("client_order_id", "invalid", err.reason))?;
    let command = CancelOrder::parse(&body)?;
    let accounts = accounts_of(&caller, command.account)?;
    let author = Author::Hand(caller.user().clone());
    let reason = command.reason.unwrap_or_else(|| "by hand".to_owned());
    let outcome = api
        .handle
        .change(Lane::Safety, move |desk, now| {
            let key = the_order(desk, &accounts, &client_order_id)?;
            Ok::<_, ApiError>(desk.cancel(&key, &author, &reason, now))
        })
        .await
        .map_err(|err| ApiError::of_command(err, &id))??;
    match outcome {
        CancelOutcome::Recorded(record) | CancelOutcome::Repeated(record) => {
            Ok(answer(202, &record.order))
        }
        CancelOutcome::TooLate(record) => {
            let detail = if record.order.status == OrderStatus::Filled {
                "the order is filled"
            } else {
                "the order is over already"
            };
            Err(conflict("order_final", detail, &record.order))
        }
        CancelOutcome::NotFound => Err(no_such_order(&id)),
    }
}

/// No store of keys stands behind it: a repeat asks for nothing twice by nature, because what has a cancel on its way is
/// left alone.
pub(super) async fn cancel_all(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
    CommandBody(body): CommandBody,
) -> Answer {
    caller.must(Permission::OrdersCancel)?;
    params.finish()?;
    let CancelAll { scope, reason } = CancelAll::parse(&body)?;
    if let HaltScope::Account(account) = &scope {
        caller.must_have(account)?;
    }
    let author = Author::Hand(caller.user().clone());
    let response = api
        .handle
        .change(Lane::Safety, move |desk, now| {
            let met = desk.cancel_all(&scope, caller.accounts(), &author, &reason, now);
            CancelAllResponse {
                scope,
                asked: MetOrders::of(met.asked.iter()),
                already: MetOrders::of(met.already.iter()),
                left: MetOrders::of(met.left.iter()),
                as_of: now,
            }
        })
        .await
        .map_err(|err| ApiError::of_command(err, "the open orders"))?;
    let has_more_to_come = response.asked.count + response.already.count > 0;
    Ok(json(if has_more_to_come { 202 } else { 200 }, &response))
}

pub(super) async fn close(
    State(api): State<Api>,
    caller: Caller,
    Path(symbol): Path<String>,
    params: Params,
    CommandBody(body): CommandBody,
) -> Answer {
    caller.must(Permission::PositionsClose)?;
    params.finish()?;
    let command = ClosePosition::parse(&body);
    let symbol = match (Symbol::new(&symbol), &command) {
        (Ok(symbol), _) => symbol,
        (Err(err), parsed) => {
            // The symbol's mistake joins those of the body.
            let mut problem =
                ApiError::field("symbol", "invalid", format!("must be {}", err.reason));
            if let Err(qd_wire::rest::CommandError::Fields(fields)) = parsed {
                problem.0.fields.extend(fields.iter().cloned());
            }
            return Err(problem);
        }
    };
    let command = command?;
    if let Some(account) = &command.account {
        caller.must_have(account)?;
    }
    let id = command.client_order_id.clone();
    let request = CloseRequest {
        symbol,
        account: command.account,
        strategy: command.strategy,
        client_order_id: command.client_order_id,
        qty: command.qty,
        reason: command.reason,
    };
    let author = Author::Hand(caller.user().clone());
    let outcome = api
        .handle
        .change(Lane::Safety, move |desk, now| {
            desk.close(&request, caller.accounts(), &author, now)
        })
        .await
        .map_err(|err| ApiError::of_command(err, id.as_str()))?;
    let first = |status, records: Vec<OrderRecord>| match records.first() {
        Some(record) => Ok(answer(status, &record.order)),
        None => Err(ApiError::new(
            500,
            "internal_error",
            "a close without an order",
        )),
    };
    match outcome {
        CloseOutcome::Recorded(records) => first(201, records),
        CloseOutcome::Repeated(records) => first(200, records),
        CloseOutcome::Conflicting(record) => Err(id_taken(&record)),
        CloseOutcome::Malformed(problems) => Err(ApiError::fields(problems)),
        CloseOutcome::NoPosition => {
            let detail = format!("nothing is held in {symbol}");
            Err(ApiError::new(404, "position_not_found", detail))
        }
        CloseOutcome::NothingLeft { closing } => {
            let detail = format!("all of it is being closed already: {closing} shares in flight");
            let field = FieldError::new("qty", "nothing_left", detail.clone());
            let problem = Problem::new(422, "nothing_left_to_close", detail);
            Err(ApiError(Box::new(problem.with_fields(vec![field]))))
        }
    }
}
