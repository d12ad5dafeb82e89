//! The accepting step: form, idempotency, halt, breakers, rails and the record, all at once.
//!
//! Sends nothing: the desk sends what was recorded. Permissions and grants are checked before this is called.

use qd_types::{
    AccountId, BreakerState, HaltState, Money, Order, OrderStatus, OrderTerms, PositionKey, Price,
    Qty, Side, UtcMicros,
};

use super::form::{FieldProblem, problem};
use super::order::{Ask, Author, LimitEvidence, OrderKey, OrderRecord, OrderRequest, Transition};
use super::rails::{Room, reference};
use super::{Ledger, MANUAL, MAX_ORDERS};
use crate::market::Quote;

/// The state that a refused order gets, and the rule that refused it.
pub type Refused = (OrderStatus, LimitEvidence);

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
    /// The day's book of orders is full; nothing was recorded.
    Full,
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
            return if record.ask.is_same_decision(&Ask::Place(request)) {
                PlaceOutcome::Repeated(record)
            } else {
                PlaceOutcome::Conflicting(record)
            };
        }
        let num_today = self
            .books
            .get(&request.account)
            .map_or(0, |book| book.day.num_orders);
        if num_today >= MAX_ORDERS {
            return PlaceOutcome::Full;
        }
        let mut problems = request.problems(author, quote.is_some());
        if !self.strategies.contains(&request.strategy) {
            problems.push(problem(
                "strategy",
                "unknown_strategy",
                "no such strategy here",
            ));
        }
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
    ) -> Result<bool, Refused> {
        let key = PositionKey {
            account: request.account.clone(),
            strategy: request.strategy.clone(),
            symbol: request.symbol,
        };
        let lowers = self.lowers_risk(&key, request.side, request.qty);
        self.check_state(&key, author, lowers, request.halt_epoch_seen)?;
        let on_rail = |evidence| (OrderStatus::BlockedRail, evidence);
        let terms = OrderTerms {
            qty: request.qty,
            limit_price: request.limit_price,
            stop_price: request.stop_price,
        };
        let quote = self.rails.check_any(terms, quote, now).map_err(on_rail)?;
        if !lowers {
            let room = self.room(&request.account, None, now);
            if matches!(author, Author::Hand(_)) {
                self.rails
                    .check_price_seen(request.price_seen, quote, now)
                    .map_err(on_rail)?;
            }
            let notional = reference(terms, quote).times(terms.qty);
            self.rails.check_raising(notional, room).map_err(on_rail)?;
        }
        // An order that was let past the rails because it only lowers must not raise when others fill first.
        Ok(lowers)
    }

    /// Whether the halts and the breakers let anything through that `lowers` risk, or raises it.
    pub(super) fn check_state(
        &self,
        key: &PositionKey,
        author: &Author,
        lowers: bool,
        halt_epoch_seen: Option<u64>,
    ) -> Result<(), Refused> {
        let halt = self.halt_for(key);
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
        if let Some(seen) = halt_epoch_seen
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
        Ok(())
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
        self.in_flight(key, side, None) + qty <= held.abs()
    }

    /// Shares that open orders on `side` may still trade for a row, those of one of them left out.
    pub(super) fn in_flight(
        &self,
        key: &PositionKey,
        side: Side,
        except: Option<&OrderKey>,
    ) -> Qty {
        self.open_orders()
            .filter(|record| record.order.side == side && record.position_key() == *key)
            .filter(|record| except.is_none_or(|except| record.key() != *except))
            .map(OrderRecord::most_open)
            .sum()
    }

    /// What the account looks like to an order that wants to raise risk; one that is open already does not see itself.
    pub(super) fn room(
        &self,
        account: &AccountId,
        except: Option<&OrderKey>,
        now: UtcMicros,
    ) -> Room {
        let totals = self
            .books
            .get(account)
            .map(|book| book.totals(self.rails.margin_rate, now))
            .unwrap_or_default();
        let open = || {
            self.open_orders()
                .filter(|record| record.order.account == *account)
                .filter(|record| except.is_none_or(|except| record.key() != *except))
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

    /// Stores a new order and has it published.
    pub(super) fn record(
        &mut self,
        order: Order,
        ask: Ask,
        reduce_only: bool,
        checked_price: Option<Price>,
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
            change: None,
            decided_changes: Vec::new(),
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
}
