//! What can be read. Every answer names the number it stands on, read BEFORE its rows.
//!
//! Changes nothing. A user sees the accounts granted by the signed identity and no others.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, header};
use axum::response::IntoResponse as _;
use qd_types::{
    AccountId, AlertState, ClientOrderId, Epoch, Order, ParseError, Permission, Position, Seq,
    StreamName, StreamPos, Symbol, UserId,
};
use qd_wire::rest::{
    AlertsResponse, BreakersResponse, ChangeOutcome, DecidedChange, FillDetail, HaltResponse,
    HistoryEntry, HistoryResponse, OrderDetailResponse, OrderTransition, OrdersResponse,
    PositionsResponse, PositionsSummary, RealtimePnlResponse, StreamLogResponse, StreamRef,
    to_json,
};
use serde::Serialize;

use super::identity::Caller;
use super::named::{find_order, no_such_order};
use super::problem::ApiError;
use super::query::Params;
use super::{Api, ApiState};
use crate::alerts::MAX_ALERTS;
use crate::desk::Desk;
use crate::engine::totals_of;
use crate::ledger::{ChangeFate, LimitEvidence, OrderRecord};

/// Most messages of a log in one answer.
const LOG_PAGE: usize = 200;
/// Alerts in an answer when nobody says how many.
const DEFAULT_ALERTS: usize = 200;
/// Most bytes of a log in one answer, unless one message alone is larger.
const LOG_PAGE_BYTES: usize = 256 * 1024;

/// An answer with a JSON body that nobody may keep.
pub(super) fn json(status: u16, body: &(impl Serialize + ?Sized)) -> Response<Body> {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let status = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    (status, headers, to_json(body)).into_response()
}

pub(super) type Answer = Result<Response<Body>, ApiError>;

impl ApiState {
    /// The number that rows read from now on stand on.
    fn stand(&self, name: StreamName) -> Option<StreamRef> {
        let pos = self.handle.position(&name)?;
        Some(StreamRef { name, pos })
    }
}

pub(super) async fn positions(State(api): State<Api>, caller: Caller, params: Params) -> Answer {
    caller.must(Permission::PositionsView)?;
    params.finish()?;
    let stream = api.stand(StreamName::Positions(caller.user().clone()));
    let response = api
        .handle
        .read(move |desk, now| {
            let totals = totals_of(desk, caller.accounts(), now);
            PositionsResponse {
                positions: rows(desk, caller.accounts()).cloned().collect(),
                totals: PositionsSummary {
                    unrealized_pl: totals.unrealized_pl,
                    realized_pl_today: totals.realized_pl_today,
                    market_value: totals.exposure.net,
                    count: totals.num_positions,
                },
                as_of: now,
                stream,
            }
        })
        .await
        .map_err(ApiError::of_read)?;
    Ok(json(200, &response))
}

fn rows<'a>(desk: &'a Desk, accounts: &'a [AccountId]) -> impl Iterator<Item = &'a Position> {
    accounts
        .iter()
        .filter_map(|account| desk.ledger().book(account))
        .flat_map(|book| book.positions())
}

pub(super) async fn realtime_pnl(State(api): State<Api>, caller: Caller, params: Params) -> Answer {
    caller.must(Permission::PnlView)?;
    params.finish()?;
    let stream = api.stand(StreamName::Positions(caller.user().clone()));
    let totals = api
        .handle
        .read(move |desk, now| totals_of(desk, caller.accounts(), now))
        .await
        .map_err(ApiError::of_read)?;
    Ok(json(200, &RealtimePnlResponse::new(&totals, stream)))
}

pub(super) async fn orders(State(api): State<Api>, caller: Caller, mut params: Params) -> Answer {
    caller.must(Permission::OrdersView)?;
    let only_open = match params.text("status").as_deref() {
        None | Some("all") => false,
        Some("open") => true,
        Some(_) => return Err(ApiError::new(400, "bad_query", "status is open or all")),
    };
    let symbol = params.parsed("symbol", Symbol::new)?;
    let limit = params.limit(100, 500)?;
    let before = params.number("before")?;
    params.finish()?;
    let stream = api.stand(StreamName::Orders(caller.user().clone()));
    let response = api
        .handle
        .read(move |desk, now| {
            let is_wanted = |record: &&OrderRecord| {
                caller.accounts().contains(&record.order.account)
                    && symbol.is_none_or(|symbol| record.order.symbol == symbol)
                    && before.is_none_or(|before| record.number < before)
            };
            let mut page: Vec<&OrderRecord> = if only_open {
                let mut open: Vec<_> = desk.ledger().open_orders().filter(is_wanted).collect();
                open.sort_by_key(|record| std::cmp::Reverse(record.number));
                open
            } else {
                desk.ledger()
                    .orders_newest_first()
                    .filter(is_wanted)
                    .take(limit + 1)
                    .collect()
            };
            let has_more = page.len() > limit;
            page.truncate(limit);
            OrdersResponse {
                next: page
                    .last()
                    .filter(|_| has_more)
                    .map(|record| record.number.to_string()),
                orders: page
                    .into_iter()
                    .map(|record| record.order.clone())
                    .collect(),
                as_of: now,
                stream,
            }
        })
        .await
        .map_err(ApiError::of_read)?;
    Ok(json(200, &response))
}

pub(super) async fn history(State(api): State<Api>, caller: Caller, mut params: Params) -> Answer {
    caller.must(Permission::OrdersView)?;
    let limit = params.limit(20, 200)?;
    let before = params.parsed("before", HistoryCursor::parse)?;
    params.finish()?;
    let stream = api.stand(StreamName::Orders(caller.user().clone()));
    let response = api
        .handle
        .read(move |desk, now| {
            let run = desk.run();
            if before.as_ref().is_some_and(|before| before.run != run) {
                return None;
            }
            let before = before.map(|before| before.number);
            let is_mine = |order: &Order| caller.accounts().contains(&order.account);
            let mut page: Vec<_> = desk
                .ledger()
                .activity_newest_first()
                .filter(|entry| is_mine(&entry.order))
                .filter(|entry| before.is_none_or(|before| entry.number < before))
                .take(limit + 1)
                .collect();
            let has_more = page.len() > limit;
            page.truncate(limit);
            Some(HistoryResponse {
                next: page.last().filter(|_| has_more).map(|entry| {
                    let cursor = HistoryCursor {
                        run: run.to_owned(),
                        number: entry.number,
                    };
                    cursor.to_string()
                }),
                entries: page
                    .into_iter()
                    .map(|entry| HistoryEntry {
                        at: entry.at,
                        order: entry.order.clone(),
                        fill: entry.fill.clone(),
                    })
                    .collect(),
                total_today: caller
                    .accounts()
                    .iter()
                    .filter_map(|account| desk.ledger().book(account))
                    .map(|book| book.day.num_activity)
                    .sum(),
                as_of: now,
                stream,
            })
        })
        .await
        .map_err(ApiError::of_read)?
        .ok_or_else(|| {
            let detail = "the cursor is of an earlier run of this gateway; begin again without one";
            ApiError::new(409, "other_run", detail)
        })?;
    Ok(json(200, &response))
}

/// A place in the history: entries are numbered within one run, and numbers of two runs have nothing to do with each other.
#[derive(Debug)]
struct HistoryCursor {
    run: String,
    number: u64,
}

impl HistoryCursor {
    fn parse(text: &str) -> Result<Self, ParseError> {
        let parts = text.split_once('.');
        parts
            .and_then(|(run, number)| {
                Some(Self {
                    run: run.to_owned(),
                    number: number.parse().ok()?,
                })
            })
            .ok_or_else(|| ParseError::new("cursor", text, "what `next` of a page said"))
    }
}

impl std::fmt::Display for HistoryCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.run, self.number)
    }
}

pub(super) async fn order(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    mut params: Params,
) -> Answer {
    caller.must(Permission::OrdersView)?;
    let account = params.parsed("account", AccountId::new)?;
    params.finish()?;
    let client_order_id = ClientOrderId::new(&id)
        .map_err(|err| ApiError::field("client_order_id", "invalid", err.reason))?;
    let accounts = match account {
        Some(account) => {
            caller.must_have(&account)?;
            vec![account]
        }
        None => caller.accounts().to_vec(),
    };
    let response = api
        .handle
        .read(move |desk, _| find_order(desk, &accounts, &client_order_id).map(detail))
        .await
        .map_err(ApiError::of_read)?
        .ok_or_else(|| no_such_order(&id))?;
    Ok(json(200, &response))
}

fn detail(record: &OrderRecord) -> OrderDetailResponse {
    let transitions = record
        .transitions
        .iter()
        .map(|step| {
            // What a person did is written "user: reason".
            let by = step
                .evidence
                .split_once(": ")
                .and_then(|(who, _)| UserId::new(who).ok());
            let mut evidence = step.evidence.clone();
            if let Some(limit) = record
                .refused_by
                .as_ref()
                .filter(|_| !step.status.is_open())
            {
                evidence = format!("{evidence}; {}", in_words(limit));
            }
            OrderTransition {
                status: step.status,
                at: step.at,
                reason_code: step.reason_code.clone(),
                evidence,
                by,
            }
        })
        .collect();
    OrderDetailResponse {
        order: record.order.clone(),
        transitions,
        fills: record
            .fills
            .iter()
            .map(|booked| FillDetail {
                fill: booked.fill.clone(),
                fee: Some(booked.fee),
            })
            .collect(),
        changes: Some(
            record
                .decided_changes
                .iter()
                .map(|one| decided(record, one))
                .collect(),
        ),
    }
}

/// What became of a change of `record`.
fn decided(record: &OrderRecord, change: &crate::ledger::DecidedChange) -> DecidedChange {
    let (outcome, code, detail) = match &change.fate {
        ChangeFate::Sent => (ChangeOutcome::Sent, None, String::new()),
        ChangeFate::Made => (ChangeOutcome::Made, None, String::new()),
        ChangeFate::Rejected(reason) => (
            ChangeOutcome::Rejected,
            Some((*reason).to_owned()),
            format!("the venue refused the change, {reason}"),
        ),
        ChangeFate::OverFirst => (
            ChangeOutcome::Rejected,
            Some("order_final".to_owned()),
            format!(
                "the order was {} before the venue could change it",
                record.order.status.badge()
            ),
        ),
        ChangeFate::Blocked(refused) => {
            let (status, limit) = &**refused;
            let code = status.as_str().to_owned();
            (ChangeOutcome::Blocked, Some(code), in_words(limit))
        }
    };
    DecidedChange {
        idempotency_key: change.request.idempotency_key.clone(),
        outcome,
        code,
        detail,
    }
}

/// `max_order_qty: 20000 shares, allowed 10000`.
pub(super) fn in_words(limit: &LimitEvidence) -> String {
    format!(
        "{}: {} {}, allowed {}",
        limit.rule, limit.value, limit.unit, limit.limit
    )
}

pub(super) async fn kill_switch_status(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
) -> Answer {
    caller.must(Permission::HaltView)?;
    params.finish()?;
    let stream = api.stand(StreamName::KillSwitch);
    let status = api
        .handle
        .read(|desk, _| desk.ledger().halt().clone())
        .await
        .map_err(ApiError::of_read)?;
    Ok(json(200, &HaltResponse { status, stream }))
}

pub(super) async fn circuit_breakers(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
) -> Answer {
    caller.must(Permission::RiskView)?;
    params.finish()?;
    let stream = api.stand(StreamName::CircuitBreakers);
    let breakers = api
        .handle
        .read(|desk, _| desk.ledger().breakers().to_vec())
        .await
        .map_err(ApiError::of_read)?;
    Ok(json(200, &BreakersResponse { breakers, stream }))
}

pub(super) async fn alerts(State(api): State<Api>, caller: Caller, mut params: Params) -> Answer {
    caller.must(Permission::AlertsView)?;
    let state = match params.text("state").as_deref() {
        None | Some("all") => None,
        Some(word) => Some(AlertState::parse(word).ok_or_else(|| {
            let words = "state is firing, acknowledged, resolved or all";
            ApiError::new(400, "bad_query", words)
        })?),
    };
    let limit = params.limit(DEFAULT_ALERTS, MAX_ALERTS)?;
    params.finish()?;
    let stream = api.stand(StreamName::Alerts(caller.user().clone()));
    let response = api
        .handle
        .read(move |desk, _| {
            let alerts = desk.alerts().of(caller.accounts(), state, limit);
            AlertsResponse {
                alerts: alerts.into_iter().cloned().collect(),
                stream,
            }
        })
        .await
        .map_err(ApiError::of_read)?;
    Ok(json(200, &response))
}

pub(super) async fn stream_log(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
    mut params: Params,
) -> Answer {
    let epoch = params.parsed("epoch", Epoch::new)?;
    let after = params.number("after")?;
    let limit = params.limit(LOG_PAGE, LOG_PAGE)?;
    params.finish()?;
    let stream = StreamName::parse(&name)
        .map_err(|err| ApiError::new(404, "no_such_stream", err.to_string()))?;
    let (owner, permission) = match &stream {
        StreamName::Positions(user) => (Some(user), Permission::PositionsView),
        StreamName::Orders(user) => (Some(user), Permission::OrdersView),
        StreamName::Alerts(user) => (Some(user), Permission::AlertsView),
        StreamName::KillSwitch => (None, Permission::HaltView),
        StreamName::CircuitBreakers => (None, Permission::RiskView),
    };
    if owner.is_some_and(|owner| owner != caller.user()) {
        // The same words as for a stream that does not exist: whose streams there are is nobody's business.
        return Err(ApiError::new(
            404,
            "no_such_stream",
            "there is no such stream for you",
        ));
    }
    caller.must(permission)?;
    let after = match (epoch, after) {
        (Some(epoch), Some(seq)) => Some(StreamPos {
            epoch,
            seq: Seq(seq),
        }),
        (None, None) => None,
        _ => {
            return Err(ApiError::new(
                400,
                "bad_query",
                "epoch and after go together",
            ));
        }
    };
    let page = api
        .handle
        .bus()
        .read_log(&stream, after.as_ref(), limit, LOG_PAGE_BYTES)
        .await
        .map_err(|err| {
            tracing::warn!(%stream, error = %err, "a log could not be read");
            let mut err = ApiError::new(503, "bus_down", "the log cannot be read at present");
            err.0.retry_after_ms = Some(1000);
            err
        })?;
    let messages = StreamLogResponse::messages_from(page.entries.iter().map(|entry| &*entry.bytes))
        .map_err(|err| {
            tracing::error!(%stream, error = %err, "a log holds what is no message");
            ApiError::new(500, "unreadable_log", "the log holds what is no message")
        })?;
    let response = StreamLogResponse {
        stream: page.head.map(|pos| StreamRef { name: stream, pos }),
        base: page.base,
        messages,
        more: page.more,
    };
    Ok(json(200, &response))
}
