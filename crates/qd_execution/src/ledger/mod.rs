//! The ledger: every order, fill and position of the desk, and the one place that accepts an order.
//!
//! Does no IO, reads no clock and asks no market: quotes and instants are handed in, changes are handed out.
//! One thread owns it, so checking and accepting are one step: nothing can come in between.

mod accept;
mod book;
mod change;
mod close;
mod form;
mod halts;
mod order;
mod rails;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use qd_types::{
    AccountId, Breaker, BreakerState, Fill, HaltState, HaltStatus, Money, Order, OrderStatus,
    PositionKey, Price, Qty, Side, StrategyId, UtcMicros, VenueOrderId,
};

pub use self::accept::{PlaceOutcome, Refused};
pub use self::book::{Book, DayCounts, add_totals};
pub use self::change::{ChangeConflict, ModifyOutcome};
pub use self::close::{CancelAllOutcome, CancelOutcome, CloseOutcome, is_unknown};
pub use self::form::FieldProblem;
pub use self::order::{
    Ask, Author, BookedFill, ChangeFate, ChangeRequest, CloseRequest, DecidedChange, LimitEvidence,
    OrderKey, OrderRecord, OrderRequest, PendingChange, PriceSeen, Transition,
};
pub use self::rails::Rails;
use crate::config::{AccountConfig, FeeConfig};
use crate::venue::VenueEvent;

/// The strategy of orders by hand.
pub const MANUAL: &str = "manual";

/// Most entries of the day's activity that are kept.
const MAX_ACTIVITY: usize = 5_000;
/// Most final orders that are kept; of those from days before, older ones are forgotten first. An id of today is never
/// forgotten: sent again it must find its order.
const MAX_FINAL_ORDERS: usize = 50_000;
/// With this many orders of one account in one day no more are taken of it; cancels and closes still are.
const MAX_ORDERS: u64 = 100_000;

/// One fill with everything needed to book it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillEntry {
    /// The order it belongs to.
    pub order: OrderKey,
    /// The row it went to.
    pub position: PositionKey,
    /// Which way.
    pub side: Side,
    /// The execution.
    pub fill: Fill,
    /// What it cost.
    pub fee: Money,
}

/// A fill or a final state, for the activity list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Counts up; newest is highest.
    pub number: u64,
    /// The order as it stood then.
    pub order: Order,
    /// The fill, when it was one.
    pub fill: Option<Fill>,
    /// When.
    pub at: UtcMicros,
}

/// One change of an order, to be published in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderChange {
    /// The order after the change.
    pub order: Order,
    /// The fill that changed it.
    pub fill: Option<Fill>,
}

/// What a step changed; the engine publishes it.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Oldest first; nothing may be skipped.
    pub orders: Vec<OrderChange>,
    /// Rows whose figures changed, gone ones included.
    pub rows: BTreeSet<PositionKey>,
    /// The halt machine changed.
    pub halt: bool,
    /// A breaker changed.
    pub breakers: bool,
    /// A trading day began: every account's totals are new, also where no row is.
    pub day: bool,
}

/// Counters that tell whether the books can be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerCounters {
    /// Reports of the venue that fit no order, or would have filled more than was asked for.
    pub anomalies: u64,
    /// Orders refused, by rule.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Orders that reached a final state, by state.
    pub final_orders: BTreeMap<&'static str, u64>,
}

/// The books of all accounts.
#[derive(Clone, Debug)]
pub struct Ledger {
    rails: Rails,
    fees: FeeConfig,
    strategies: BTreeSet<StrategyId>,
    orders: BTreeMap<OrderKey, OrderRecord>,
    by_number: BTreeMap<u64, OrderKey>,
    open: BTreeSet<OrderKey>,
    next_number: u64,
    books: BTreeMap<AccountId, Book>,
    fills: Vec<FillEntry>,
    fill_ids: BTreeSet<String>,
    activity: std::collections::VecDeque<Activity>,
    next_activity: u64,
    halt: HaltStatus,
    breakers: Vec<Breaker>,
    /// Rows that somebody closed since the trading day began, even in part.
    closed_rows: BTreeSet<PositionKey>,
    /// The market's number of the day; absent before the first.
    trading_day: Option<i64>,
    /// The first order number of the trading day: ids from it on are never forgotten.
    first_number_today: u64,
    changes: Changes,
    counters: LedgerCounters,
}

impl Ledger {
    /// Books that begin with what the accounts hold.
    ///
    /// Orders are taken for `strategies`, for those that hold something, and for [`MANUAL`].
    pub fn new(
        accounts: &[AccountConfig],
        strategies: impl IntoIterator<Item = StrategyId>,
        rails: Rails,
        fees: FeeConfig,
        now: UtcMicros,
    ) -> Self {
        let holders = accounts
            .iter()
            .flat_map(|account| &account.holdings)
            .map(|holding| holding.strategy.clone());
        let strategies = strategies
            .into_iter()
            .chain(holders)
            .chain(StrategyId::new(MANUAL))
            .collect();
        let breakers = [
            "daily_loss",
            "data_staleness",
            "drawdown",
            "reject_rate",
            "repeated_executions",
        ]
        .into_iter()
        .map(|name| Breaker {
            name: name.to_owned(),
            state: BreakerState::Open,
            reason: None,
            at: None,
            by: None,
            trip_count_today: 0,
        })
        .collect();
        Self {
            rails,
            fees,
            strategies,
            orders: BTreeMap::new(),
            by_number: BTreeMap::new(),
            open: BTreeSet::new(),
            next_number: 1,
            books: accounts
                .iter()
                .map(|account| (account.account.clone(), Book::new(account, now)))
                .collect(),
            fills: Vec::new(),
            fill_ids: BTreeSet::new(),
            activity: std::collections::VecDeque::new(),
            next_activity: 1,
            halt: HaltStatus {
                state: HaltState::Active,
                scopes: Vec::new(),
                halt_epoch: 1,
                by: None,
                at: Some(now),
                reason: None,
            },
            breakers,
            closed_rows: BTreeSet::new(),
            trading_day: None,
            first_number_today: 1,
            changes: Changes::default(),
            counters: LedgerCounters::default(),
        }
    }

    /// Books what the venue says. A report that fits no order is counted and logged, never booked.
    pub fn apply(&mut self, event: &VenueEvent, now: UtcMicros) {
        let Some(record) = self.orders.get_mut(event.key()) else {
            self.counters.anomalies += 1;
            tracing::error!(order = %event.key().client_order_id, ?event, "the venue speaks of an order that the ledger does not know");
            return;
        };
        let changed = match event {
            VenueEvent::Acknowledged { venue_order_id, .. } => {
                acknowledge(record, venue_order_id, now)
            }
            VenueEvent::Filled {
                fill_id,
                qty,
                price,
                ..
            } => {
                let fill = Fill {
                    fill_id: fill_id.clone(),
                    qty: *qty,
                    price: *price,
                    at: now,
                    realized_pl: Money::ZERO,
                };
                return self.fill(event.key(), fill, now);
            }
            VenueEvent::Replaced { terms, .. } => return self.replaced(event.key(), *terms, now),
            VenueEvent::ReplaceRejected { reason, .. } => {
                return self.replace_rejected(event.key(), reason, now);
            }
            VenueEvent::Cancelled { reason, .. } => {
                record.advance(OrderStatus::Cancelled, now, Some(reason), "venue")
            }
            VenueEvent::Expired { .. } => {
                record.advance(OrderStatus::Expired, now, Some("session_over"), "venue")
            }
            VenueEvent::Rejected { reason, .. } => {
                record.advance(OrderStatus::Rejected, now, Some(reason), "venue")
            }
            VenueEvent::NotFound { .. } => record.advance(
                OrderStatus::Rejected,
                now,
                Some("never_reached_venue"),
                "venue, asked by id",
            ),
        };
        if changed {
            self.note_change(event.key(), None, now);
        }
    }

    fn fill(&mut self, key: &OrderKey, mut fill: Fill, now: UtcMicros) {
        let Some(record) = self.orders.get_mut(key) else {
            return;
        };
        let position = record.position_key();
        let order = &record.order;
        let ok = fill.qty.is_positive()
            && fill.price.is_positive()
            && fill.qty <= order.remaining()
            && !self.fill_ids.contains(fill.fill_id.as_str());
        let Some(book) = self.books.get_mut(&key.account).filter(|_| ok) else {
            self.counters.anomalies += 1;
            tracing::error!(order = %key.client_order_id, fill = %fill.fill_id, qty = %fill.qty, "a fill was refused: repeated, or more than was asked for");
            return;
        };
        let side = order.side;
        let is_close = matches!(record.ask, Ask::Close(_));
        let fee = self.fees.of(fill.qty);
        fill.realized_pl = book.apply_fill(&position, side, fill.qty, fill.price, fee, now);
        record.traded += fill.price.times(fill.qty);
        record.order.filled_qty += fill.qty;
        record.order.filled_avg_price = record
            .traded
            .get()
            .checked_div(record.order.filled_qty.get())
            .map(|average| Price::new(average).round(10));
        record.order.updated_at = now;
        let status = if record.order.remaining().is_zero() {
            OrderStatus::Filled
        } else {
            OrderStatus::PartiallyFilled
        };
        // A fill that arrives after a cancel leaves the cancel standing unless it completes the order.
        record.advance(status, now, None, format!("fill {}", fill.fill_id));
        record.fills.push(BookedFill {
            fill: fill.clone(),
            fee,
        });
        self.fill_ids.insert(fill.fill_id.as_str().to_owned());
        self.fills.push(FillEntry {
            order: key.clone(),
            position: position.clone(),
            side,
            fill: fill.clone(),
            fee,
        });
        if is_close {
            self.closed_rows.insert(position.clone());
        }
        self.changes.rows.insert(position);
        self.note_change(key, Some(fill), now);
    }

    /// Records that an order went to the venue.
    pub fn mark_sent(&mut self, key: &OrderKey, now: UtcMicros) {
        self.step(key, OrderStatus::Sent, None, "desk", now);
    }

    /// Records that the answer which was due did not come.
    pub fn mark_unknown(&mut self, key: &OrderKey, now: UtcMicros) {
        self.step(key, OrderStatus::Unknown, Some("no_answer"), "desk", now);
    }

    /// Records that the venue was asked again for an order whose answer is missing; nothing to publish.
    pub fn note_asked(&mut self, key: &OrderKey, now: UtcMicros) {
        if let Some(record) = self.orders.get_mut(key) {
            record.order.updated_at = now;
        }
    }

    fn step(
        &mut self,
        key: &OrderKey,
        status: OrderStatus,
        reason: Option<&str>,
        evidence: &str,
        now: UtcMicros,
    ) {
        let Some(record) = self.orders.get_mut(key) else {
            return;
        };
        if record.advance(status, now, reason, evidence) {
            self.note_change(key, None, now);
        }
    }

    /// Marks a symbol's rows.
    pub fn mark(&mut self, symbol: qd_types::Symbol, price: Price, at: UtcMicros) {
        for book in self.books.values_mut() {
            book.mark(symbol, price, at, &mut self.changes.rows);
        }
    }

    /// Begins a new trading day when the market's number of it has grown; says whether it did.
    pub fn roll_day(&mut self, today: i64, now: UtcMicros) -> bool {
        // A wall clock that steps back over midnight begins no day a second time.
        let is_first = self.trading_day.is_none();
        if self.trading_day.is_some_and(|day| today <= day) {
            return false;
        }
        self.trading_day = Some(today);
        if is_first {
            return false;
        }
        self.first_number_today = self.next_number;
        for book in self.books.values_mut() {
            book.start_day(now);
            self.changes
                .rows
                .extend(book.positions().map(qd_types::Position::key));
        }
        for breaker in &mut self.breakers {
            breaker.trip_count_today = 0;
        }
        self.changes.breakers = true;
        self.changes.day = true;
        self.fills.clear();
        self.closed_rows.clear();
        self.activity.clear();
        true
    }

    /// Takes what changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Adds one change to the outbox; keeps the open set, the activity and the counters in step with it.
    fn note_change(&mut self, key: &OrderKey, fill: Option<Fill>, now: UtcMicros) {
        let Some(record) = self.orders.get(key) else {
            return;
        };
        let order = record.order.clone();
        let became_final = !order.status.is_open() && self.open.remove(key);
        let was_blocked =
            !order.status.is_open() && fill.is_none() && record.transitions.len() == 1;
        if became_final || was_blocked {
            *self
                .counters
                .final_orders
                .entry(order.status.as_str())
                .or_default() += 1;
        }
        // The fill that completes an order is its activity; a final state without a fill is one of its own.
        if fill.is_some() || became_final || was_blocked {
            self.activity.push_back(Activity {
                number: self.next_activity,
                order: order.clone(),
                fill: fill.clone(),
                at: now,
            });
            self.next_activity += 1;
            if let Some(book) = self.books.get_mut(&key.account) {
                book.day.num_activity += 1;
            }
            if self.activity.len() > MAX_ACTIVITY {
                self.activity.pop_front();
            }
        }
        self.changes.orders.push(OrderChange { order, fill });
        self.forget_old_orders();
    }

    fn forget_old_orders(&mut self) {
        while self.orders.len() > MAX_FINAL_ORDERS + self.open.len() {
            let oldest = self
                .by_number
                .iter()
                .find(|(_, key)| !self.open.contains(*key));
            let Some((&number, _)) = oldest else {
                return;
            };
            if number >= self.first_number_today {
                return;
            }
            if let Some(key) = self.by_number.remove(&number)
                && let Some(record) = self.orders.remove(&key)
            {
                for booked in &record.fills {
                    self.fill_ids.remove(booked.fill.fill_id.as_str());
                }
            }
        }
    }

    /// One order with its history.
    pub fn order(&self, key: &OrderKey) -> Option<&OrderRecord> {
        self.orders.get(key)
    }

    /// Every order that is kept, newest first.
    pub fn orders_newest_first(&self) -> impl Iterator<Item = &OrderRecord> {
        self.by_number
            .values()
            .rev()
            .filter_map(|key| self.orders.get(key))
    }

    /// Open orders, sorted by key.
    pub fn open_orders(&self) -> impl Iterator<Item = &OrderRecord> {
        self.open.iter().filter_map(|key| self.orders.get(key))
    }

    /// Shares that closes in flight may still take from a row. Other orders that only lower do not count: they may rest
    /// for long, and the venue caps every one of them at what is held.
    pub fn closing(&self, key: &PositionKey) -> Qty {
        self.closing_beside(key, None)
    }

    /// The same without one of them.
    fn closing_beside(&self, key: &PositionKey, except: Option<&OrderKey>) -> Qty {
        self.open_orders()
            .filter(|record| matches!(record.ask, Ask::Close(_)) && record.position_key() == *key)
            .filter(|record| except.is_none_or(|except| record.key() != *except))
            .map(OrderRecord::most_open)
            .sum()
    }

    /// Whether somebody closed the row today, even in part: its strategy then leaves it alone.
    pub fn was_closed(&self, key: &PositionKey) -> bool {
        self.closed_rows.contains(key) || !self.closing(key).is_zero()
    }

    /// The day's activity, newest first.
    pub fn activity_newest_first(&self) -> impl Iterator<Item = &Activity> {
        self.activity.iter().rev()
    }

    /// The day's fills, oldest first.
    pub fn fills(&self) -> &[FillEntry] {
        &self.fills
    }

    /// The books of an account.
    pub fn book(&self, account: &AccountId) -> Option<&Book> {
        self.books.get(account)
    }

    /// All books, sorted by account.
    pub fn books(&self) -> impl Iterator<Item = &Book> {
        self.books.values()
    }

    /// The halt machine's word.
    pub fn halt(&self) -> &HaltStatus {
        &self.halt
    }

    /// All breakers, sorted by name.
    pub fn breakers(&self) -> &[Breaker] {
        &self.breakers
    }

    /// The limits in force.
    pub fn rails(&self) -> &Rails {
        &self.rails
    }

    /// What tells whether the books can be trusted.
    pub fn counters(&self) -> &LedgerCounters {
        &self.counters
    }
}

fn acknowledge(record: &mut OrderRecord, venue_order_id: &VenueOrderId, now: UtcMicros) -> bool {
    let is_new = record.order.venue_order_id.is_none();
    if is_new {
        record.order.venue_order_id = Some(venue_order_id.clone());
        record.order.updated_at = now;
    }
    // Asked twice it may come twice: it says nothing about a change that was sent in between.
    if record.change.is_some() {
        return is_new;
    }
    // A cancel or a fill may have overtaken the acknowledgement: then only the id is news.
    record.advance(OrderStatus::Working, now, None, "venue") || is_new
}
