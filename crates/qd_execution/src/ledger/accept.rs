//! The accepting step: form, idempotency, halt, breakers, rails and the record, all at once.
//!
//! Sends nothing: the desk sends what was recorded. Permissions and grants are checked before this is called.

use qd_types::{
    AccountId, BreakerState, Decimal, HaltState, Money, Order, OrderStatus, OrderType, PositionKey,
    Qty, Side, TimeInForce, UtcMicros,
};

use super::order::{
    Ask, Author, CloseRequest, LimitEvidence, OrderKey, OrderRecord, OrderRequest, Transition,
};
use super::rails::Room;
use super::{Ledger, MANUAL};
use crate::market::Quote;

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

/// What became of a wish to trade.
#[derive(Clone, Debug)]
pub enum PlaceOutcome {
    /// Recorded; to be sent.
    Recorded(Box<OrderRecord>),
    /// The same request was made before; this is its order.
    Repeated(Box<OrderRecord>),
    /// Another request was made under this id; this is its order.
    Conflicting(Box<OrderRecord>),
    /// Recorded as refused, with the rule that refused it.
    Blocked(Box<OrderRecord>),
    /// Not well formed; nothing was recorded.
    Malformed(Vec<FieldProblem>),
}

/// What became of a wish to cancel.
#[derive(Clone, Debug)]
pub enum CancelOutcome {
    /// Recorded; to be sent.
    Recorded(Box<OrderRecord>),
    /// A cancel was under way or had worked already.
    Repeated(Box<OrderRecord>),
    /// The order is over for another reason.
    TooLate(Box<OrderRecord>),
    /// No such order.
    NotFound,
}

/// What became of a wish to close.
#[derive(Clone, Debug)]
pub enum CloseOutcome {
    /// Recorded, one order per row, the first with the author's id; to be sent.
    Recorded(Vec<OrderRecord>),
    /// The same request was made before; these are its orders.
    Repeated(Vec<OrderRecord>),
    /// Another request was made under this id; this is its order.
    Conflicting(Box<OrderRecord>),
    /// Not well formed; nothing was recorded.
    Malformed(Vec<FieldProblem>),
    /// Nothing is held in the symbol.
    NoPosition,
    /// Everything that is held is being closed already.
    NothingLeft {
        /// Shares that closes in flight may still take.
        closing: Qty,
    },
}

/// No order is larger than this: products with a price stay far inside an exact decimal.
const MAX_QTY: i64 = 1_000_000_000;
/// No price is higher than this, for the same reason.
const MAX_PRICE: i64 = 10_000_000;
/// Shortest reason of an order by hand, in characters.
const MIN_REASON: usize = 10;
/// Longest reason of any command, in characters.
const MAX_REASON: usize = 512;

fn problem(name: &'static str, code: &'static str, detail: impl Into<String>) -> FieldProblem {
    FieldProblem {
        name,
        code,
        detail: detail.into(),
    }
}

fn check_qty(qty: Qty, problems: &mut Vec<FieldProblem>) {
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

fn check_price(
    name: &'static str,
    price: Option<qd_types::Price>,
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

fn check_reason(reason: &str, least: usize, problems: &mut Vec<FieldProblem>) {
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
    fn problems(&self, author: &Author, is_listed: bool) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if !is_listed {
            let detail = format!("{} is not traded here", self.symbol);
            problems.push(problem("symbol", "unknown_symbol", detail));
        }
        check_qty(self.qty, &mut problems);
        let (wants_limit, wants_stop) = match self.order_type {
            OrderType::Market => (false, false),
            OrderType::Limit => (true, false),
            OrderType::Stop => (false, true),
            OrderType::StopLimit => (true, true),
        };
        check_price("limit_price", self.limit_price, wants_limit, &mut problems);
        check_price("stop_price", self.stop_price, wants_stop, &mut problems);
        if wants_stop {
            problems.push(problem(
                "type",
                "not_supported",
                "this venue has no stop orders yet",
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

impl Ledger {
    /// Accepts, refuses or recognizes an order; `quote` is the symbol's, absent when it is not listed.
    pub fn place(
        &mut self,
        request: OrderRequest,
        author: &Author,
        quote: Option<&Quote>,
        now: UtcMicros,
    ) -> PlaceOutcome {
        let key = OrderKey {
            account: request.account.clone(),
            client_order_id: request.client_order_id.clone(),
        };
        if let Some(record) = self.orders.get(&key) {
            let record = Box::new(record.clone());
            return if record.ask == Ask::Place(request) {
                PlaceOutcome::Repeated(record)
            } else {
                PlaceOutcome::Conflicting(record)
            };
        }
        let mut problems = request.problems(author, quote.is_some());
        if !self.books.contains_key(&request.account) {
            problems.push(problem(
                "account",
                "unknown_account",
                "no such account here",
            ));
        }
        if !problems.is_empty() {
            return PlaceOutcome::Malformed(problems);
        }
        let verdict = self.judge(&request, author, quote, now);
        let (status, reduce_only, refused_by) = match verdict {
            Ok(reduce_only) => (OrderStatus::Accepted, reduce_only, None),
            Err((status, evidence)) => (status, false, Some(evidence)),
        };
        let source = match author {
            Author::Hand(_) => MANUAL.to_owned(),
            Author::Strategy(strategy) => strategy.as_str().to_owned(),
        };
        let evidence = match author {
            Author::Hand(user) => format!("{user}: {}", request.reason),
            Author::Strategy(strategy) => format!("{strategy}: {}", request.reason),
        };
        let order = Order {
            account: request.account.clone(),
            strategy: request.strategy.clone(),
            client_order_id: request.client_order_id.clone(),
            venue_order_id: None,
            symbol: request.symbol,
            side: request.side,
            qty: request.qty,
            filled_qty: Qty::ZERO,
            filled_avg_price: None,
            order_type: request.order_type,
            limit_price: request.limit_price,
            stop_price: request.stop_price,
            time_in_force: request.time_in_force,
            status,
            status_since: now,
            reason_code: refused_by.as_ref().map(|limit| limit.rule.to_owned()),
            created_at: now,
            updated_at: now,
            source,
            parent_id: None,
        };
        let checked_price = quote.map(|quote| quote.price);
        let ask = Ask::Place(request);
        let record =
            Box::new(self.record(order, ask, reduce_only, checked_price, refused_by, evidence));
        if record.refused_by.is_some() {
            PlaceOutcome::Blocked(record)
        } else {
            PlaceOutcome::Recorded(record)
        }
    }

    /// Whether the order may be accepted, and then whether it must stay reduce-only.
    fn judge(
        &self,
        request: &OrderRequest,
        author: &Author,
        quote: Option<&Quote>,
        now: UtcMicros,
    ) -> Result<bool, (OrderStatus, LimitEvidence)> {
        let key = PositionKey {
            account: request.account.clone(),
            strategy: request.strategy.clone(),
            symbol: request.symbol,
        };
        let lowers = self.lowers_risk(&key, request.side, request.qty);
        let halt = self.halt_for(&key);
        let by_hand = matches!(author, Author::Hand(_));
        let passes = match halt {
            HaltState::Active => true,
            HaltState::ReduceOnly => lowers,
            HaltState::Halted | HaltState::Unknown => lowers && by_hand,
        };
        let halted = |rule, value: String, limit: &str| {
            let evidence = LimitEvidence {
                rule,
                value,
                limit: limit.to_owned(),
                unit: "state",
            };
            (OrderStatus::BlockedHalt, evidence)
        };
        if !passes {
            return Err(halted(
                "halt_state",
                halt.as_str().to_owned(),
                HaltState::Active.as_str(),
            ));
        }
        if let Some(seen) = request.halt_epoch_seen
            && !lowers
            && seen != self.halt.halt_epoch
        {
            let present = self.halt.halt_epoch.to_string();
            return Err(halted("halt_epoch_seen", seen.to_string(), &present));
        }
        if !lowers
            && let Some(breaker) = self
                .breakers
                .iter()
                .find(|breaker| breaker.state != BreakerState::Open)
        {
            let evidence = LimitEvidence {
                rule: "circuit_breaker",
                value: format!("{} {}", breaker.name, breaker.state),
                limit: BreakerState::Open.as_str().to_owned(),
                unit: "state",
            };
            return Err((OrderStatus::BlockedBreaker, evidence));
        }
        let on_rail = |evidence| (OrderStatus::BlockedRail, evidence);
        let quote = self.rails.check_any(request, quote, now).map_err(on_rail)?;
        if !lowers {
            let room = self.room(&request.account, now);
            self.rails
                .check_raising(request, quote, room, now)
                .map_err(on_rail)?;
        }
        // While trading is not active, an order that only lowers must not turn into one that raises when others fill first.
        Ok(lowers && halt != HaltState::Active)
    }

    /// Whether `qty` more on `side` can only bring the row closer to flat, orders in flight counted.
    fn lowers_risk(&self, key: &PositionKey, side: Side, qty: Qty) -> bool {
        let held = self
            .books
            .get(&key.account)
            .map_or(Qty::ZERO, |book| book.held(key));
        let opposes = !held.is_zero() && held.is_negative() != side.signed(qty).is_negative();
        if !opposes {
            return false;
        }
        let in_flight: Qty = self
            .open_orders()
            .filter(|record| record.order.side == side && record.position_key() == *key)
            .map(|record| record.order.remaining())
            .sum();
        in_flight + qty <= held.abs()
    }

    fn room(&self, account: &AccountId, now: UtcMicros) -> Room {
        let totals = self
            .books
            .get(account)
            .map(|book| book.totals(self.rails.margin_rate, now))
            .unwrap_or_default();
        let open = || {
            self.open_orders()
                .filter(|record| record.order.account == *account)
        };
        let in_flight = open()
            .filter(|record| !record.reduce_only)
            .map(Self::worth)
            .sum();
        Room {
            gross: totals.exposure.gross,
            in_flight,
            buying_power: totals.buying_power.unwrap_or_default(),
            num_open: open().count(),
        }
    }

    /// Dollars that an open order may still trade: at its limit, or at the price it was checked with.
    fn worth(record: &OrderRecord) -> Money {
        record
            .order
            .limit_price
            .or(record.checked_price)
            .unwrap_or_default()
            .times(record.order.remaining())
    }

    /// Stores a new order and has it published.
    fn record(
        &mut self,
        order: Order,
        ask: Ask,
        reduce_only: bool,
        checked_price: Option<qd_types::Price>,
        refused_by: Option<LimitEvidence>,
        evidence: String,
    ) -> OrderRecord {
        let now = order.created_at;
        let record = OrderRecord {
            number: self.next_number,
            transitions: vec![Transition {
                status: order.status,
                at: now,
                reason_code: order.reason_code.clone(),
                evidence,
            }],
            order,
            ask,
            refused_by,
            fills: Vec::new(),
            reduce_only,
            checked_price,
            traded: Money::ZERO,
        };
        self.next_number += 1;
        let key = record.key();
        if let Some(limit) = &record.refused_by {
            *self.counters.refusals.entry(limit.rule).or_default() += 1;
        } else {
            self.open.insert(key.clone());
        }
        if let Some(book) = self.books.get_mut(&key.account) {
            book.day.num_orders += 1;
        }
        self.by_number.insert(record.number, key.clone());
        self.orders.insert(key.clone(), record.clone());
        self.note_change(&key, None, now);
        record
    }

    /// Asks for an order to be cancelled. Never refused for a halt, a rail or a rate.
    pub fn cancel(&mut self, key: &OrderKey, evidence: &str, now: UtcMicros) -> CancelOutcome {
        let Some(record) = self.orders.get_mut(key) else {
            return CancelOutcome::NotFound;
        };
        match record.order.status {
            OrderStatus::CancelSent | OrderStatus::Cancelled => {
                CancelOutcome::Repeated(Box::new(record.clone()))
            }
            status if !status.is_open() => CancelOutcome::TooLate(Box::new(record.clone())),
            _ => {
                record.advance(OrderStatus::CancelSent, now, Some("requested"), evidence);
                let record = Box::new(record.clone());
                self.note_change(key, None, now);
                CancelOutcome::Recorded(record)
            }
        }
    }

    /// Closes what is held in a symbol over the given accounts; can only reduce.
    ///
    /// Each row gets an order of its own: the first keeps the author's id, the others are its children.
    pub fn close(
        &mut self,
        request: &CloseRequest,
        accounts: &[AccountId],
        author: &Author,
        now: UtcMicros,
    ) -> CloseOutcome {
        let mut problems = Vec::new();
        if let Some(qty) = request.qty {
            check_qty(qty, &mut problems);
        }
        check_reason(&request.reason, 1, &mut problems);
        if !problems.is_empty() {
            return CloseOutcome::Malformed(problems);
        }
        let known = accounts.iter().find_map(|account| {
            self.orders.get(&OrderKey {
                account: account.clone(),
                client_order_id: request.client_order_id.clone(),
            })
        });
        if let Some(first) = known {
            return if first.ask == Ask::Close(request.clone()) {
                CloseOutcome::Repeated(self.family(first))
            } else {
                CloseOutcome::Conflicting(Box::new(first.clone()))
            };
        }
        let rows: Vec<(PositionKey, Qty)> = accounts
            .iter()
            .filter(|account| {
                request
                    .account
                    .as_ref()
                    .is_none_or(|wanted| wanted == *account)
            })
            .filter_map(|account| self.books.get(account))
            .flat_map(|book| book.positions())
            .filter(|position| position.symbol == request.symbol)
            .filter(|position| {
                request
                    .strategy
                    .as_ref()
                    .is_none_or(|wanted| *wanted == position.strategy)
            })
            .map(|position| (position.key(), position.qty))
            .collect();
        if rows.is_empty() {
            return CloseOutcome::NoPosition;
        }
        let parts = self.close_parts(&rows, request.qty);
        if parts.is_empty() {
            let closing = rows.iter().map(|(key, _)| self.closing(key)).sum();
            return CloseOutcome::NothingLeft { closing };
        }
        let mut records = Vec::with_capacity(parts.len());
        for (i, (row, side, qty)) in parts.into_iter().enumerate() {
            let Some(client_order_id) = self.child_id(&request.client_order_id, &row.account, i)
            else {
                continue;
            };
            let order = Order {
                account: row.account,
                strategy: row.strategy,
                parent_id: (i > 0).then(|| request.client_order_id.clone()),
                client_order_id,
                venue_order_id: None,
                symbol: row.symbol,
                side,
                qty,
                filled_qty: Qty::ZERO,
                filled_avg_price: None,
                order_type: OrderType::Market,
                limit_price: None,
                stop_price: None,
                time_in_force: TimeInForce::Day,
                status: OrderStatus::Accepted,
                status_since: now,
                reason_code: None,
                created_at: now,
                updated_at: now,
                source: "close".to_owned(),
            };
            let evidence = match author {
                Author::Hand(user) => format!("{user}: {}", request.reason),
                Author::Strategy(strategy) => format!("{strategy}: {}", request.reason),
            };
            records.push(self.record(
                order,
                Ask::Close(request.clone()),
                true,
                None,
                None,
                evidence,
            ));
        }
        CloseOutcome::Recorded(records)
    }

    /// Which shares of which rows to close: never more than a row holds beyond the closes in flight.
    fn close_parts(
        &self,
        rows: &[(PositionKey, Qty)],
        wanted: Option<Qty>,
    ) -> Vec<(PositionKey, Side, Qty)> {
        let net: Qty = rows.iter().map(|(_, held)| *held).sum();
        let mut left = wanted;
        let mut parts = Vec::new();
        for (row, held) in rows {
            // A number of shares means the folded row's side; the other side's stakes stay as they are.
            if wanted.is_some() && rows.len() > 1 && held.is_negative() != net.is_negative() {
                continue;
            }
            let mut qty = held.abs() - self.closing(row);
            if let Some(left) = left {
                qty = qty.min(left);
            }
            if !qty.is_positive() {
                continue;
            }
            left = left.map(|left| left - qty);
            let side = if held.is_negative() {
                Side::Buy
            } else {
                Side::Sell
            };
            parts.push((row.clone(), side, qty));
        }
        parts
    }

    /// The id of the `i`th part of a close: its own for the first, a suffixed one that is free for the others.
    fn child_id(
        &self,
        id: &qd_types::ClientOrderId,
        account: &AccountId,
        i: usize,
    ) -> Option<qd_types::ClientOrderId> {
        if i == 0 {
            return Some(id.clone());
        }
        let stem: String = id.as_str().chars().take(40).collect();
        (i + 1..i + 1_000)
            .filter_map(|n| qd_types::ClientOrderId::new(&format!("{stem}-{n}")).ok())
            .find(|candidate| {
                !self.orders.contains_key(&OrderKey {
                    account: account.clone(),
                    client_order_id: candidate.clone(),
                })
            })
    }

    fn family(&self, first: &OrderRecord) -> Vec<OrderRecord> {
        let parent = Some(&first.order.client_order_id);
        let children = self
            .by_number
            .range(first.number + 1..)
            .filter_map(|(_, key)| self.orders.get(key))
            .take_while(|record| record.ask == first.ask)
            .filter(|record| record.order.parent_id.as_ref() == parent);
        std::iter::once(first).chain(children).cloned().collect()
    }
}
