//! What reduces risk: cancels and closes. Never refused for a halt, a rail or a rate.
//!
//! Sends nothing: the desk sends what was recorded. That a close never crosses flat is held twice: by the cap here, and
//! by the venue's cap at every fill, because other orders may fill in between.

use qd_types::{
    AccountId, ClientOrderId, Order, OrderStatus, OrderType, PositionKey, Qty, Side, TimeInForce,
    UtcMicros,
};

use super::Ledger;
use super::form::{FieldProblem, check_qty, check_reason};
use super::order::{Ask, Author, CloseRequest, OrderKey, OrderRecord};

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

/// What became of a wish to cancel everything of a scope.
#[derive(Clone, Debug, Default)]
pub struct CancelAllOutcome {
    /// Recorded just now and sent, as they then stand.
    pub asked: Vec<Order>,
    /// A cancel was under way before.
    pub already: Vec<Order>,
    /// No cancel could be recorded.
    pub left: Vec<Order>,
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

/// Whether nobody knows if an open order trades, so that it is asked for by its id until the venue says.
///
/// A cancel makes an order no better known: it too may never have arrived.
pub fn is_unknown(order: &Order) -> bool {
    match order.status {
        OrderStatus::Unknown => true,
        OrderStatus::CancelSent => order.venue_order_id.is_none() && order.filled_qty.is_zero(),
        _ => false,
    }
}

impl Ledger {
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
    fn child_id(&self, id: &ClientOrderId, account: &AccountId, i: usize) -> Option<ClientOrderId> {
        if i == 0 {
            return Some(id.clone());
        }
        let stem: String = id.as_str().chars().take(40).collect();
        (i + 1..i + 1_000)
            .filter_map(|n| ClientOrderId::new(&format!("{stem}-{n}")).ok())
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
