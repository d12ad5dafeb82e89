//! What the ledger keeps of an order beside the order itself: the request, the transitions, the evidence.
//!
//! Decides nothing about acceptance; it only holds the rank rule for every change.

use qd_types::{
    AccountId, ClientOrderId, Fill, Money, Order, OrderStatus, OrderTerms, OrderType, PositionKey,
    Price, Qty, Side, StrategyId, Symbol, TimeInForce, UserId, UtcMicros,
};

use super::change::CHANGE_SENT;

/// What identifies an order for life.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    /// Whose money.
    pub account: AccountId,
    /// The author's id, unique per account.
    pub client_order_id: ClientOrderId,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// A person.
    Hand(UserId),
    /// A program of the desk.
    Strategy(StrategyId),
}

/// The price an author saw when deciding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceSeen {
    /// Dollars per share.
    pub value: Price,
    /// When it was made.
    pub at: UtcMicros,
}

/// A wish to trade, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    /// Whose money.
    pub account: AccountId,
    /// Whose idea; `manual` by hand.
    pub strategy: StrategyId,
    /// Fixed when the decision was made.
    pub client_order_id: ClientOrderId,
    /// What to trade.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// Shares.
    pub qty: Qty,
    /// Kind of order.
    pub order_type: OrderType,
    /// Wanted for limit and stop-limit orders, refused for others.
    pub limit_price: Option<Price>,
    /// Wanted for stop and stop-limit orders, refused for others.
    pub stop_price: Option<Price>,
    /// How long it stays.
    pub time_in_force: TimeInForce,
    /// Why; recorded as evidence.
    pub reason: String,
    /// The halt epoch the author saw; absent when the author is a program of this process.
    pub halt_epoch_seen: Option<u64>,
    /// The price the author saw; absent when the author is a program of this process.
    pub price_seen: Option<PriceSeen>,
}

/// A wish to reduce what is held in a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseRequest {
    /// What to close.
    pub symbol: Symbol,
    /// On this account only; absent means every account the author may use.
    pub account: Option<AccountId>,
    /// This strategy's stake only; absent means all of them.
    pub strategy: Option<StrategyId>,
    /// Fixed when the dialog opened.
    pub client_order_id: ClientOrderId,
    /// At most so many shares; absent means all.
    pub qty: Option<Qty>,
    /// Why; recorded as evidence.
    pub reason: String,
}

/// A wish to change an open order; what is absent stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRequest {
    /// Fixed when the decision was made: the same key is the same change.
    pub idempotency_key: String,
    /// All the shares asked for, those that are filled included.
    pub qty: Option<Qty>,
    /// Refused for orders that have none.
    pub limit_price: Option<Price>,
    /// Refused for orders that have none.
    pub stop_price: Option<Price>,
}

impl ChangeRequest {
    /// The terms that `terms` would become.
    pub(super) fn applied_to(&self, terms: OrderTerms) -> OrderTerms {
        OrderTerms {
            qty: self.qty.unwrap_or(terms.qty),
            limit_price: self.limit_price.or(terms.limit_price),
            stop_price: self.stop_price.or(terms.stop_price),
        }
    }
}

/// A change that the venue has not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingChange {
    /// What the order becomes if the venue takes it.
    pub to: OrderTerms,
    /// When it was sent.
    pub sent_at: UtcMicros,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeFate {
    /// On its way; the venue has not answered.
    Sent,
    /// The venue made it.
    Made,
    /// The venue did not make it, for this reason.
    Rejected(&'static str),
    /// The order came to its end before the venue could answer.
    OverFirst,
    /// A rule refused it.
    Blocked(Box<(OrderStatus, LimitEvidence)>),
}

/// A change that was decided, kept to tell a repeat from a conflict, and to say what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedChange {
    /// What was asked for.
    pub request: ChangeRequest,
    /// What became of it.
    pub fate: ChangeFate,
}

impl DecidedChange {
    /// Whether a rule refused it: then it was never sent, and changed nothing.
    pub(super) fn is_blocked(&self) -> bool {
        matches!(self.fate, ChangeFate::Blocked(_))
    }
}

/// The request that made an order, kept to tell a repeat from a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Placed.
    Place(OrderRequest),
    /// Closing a position.
    Close(CloseRequest),
}

impl Ask {
    /// Whether both ask for the same: what the author saw while deciding is evidence, not part of the decision.
    pub(super) fn is_same_decision(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Place(one), Self::Place(other)) => {
                let asked = OrderRequest {
                    halt_epoch_seen: one.halt_epoch_seen,
                    price_seen: one.price_seen,
                    ..other.clone()
                };
                *one == asked
            }
            (Self::Close(one), Self::Close(other)) => one == other,
            (Self::Place(_), Self::Close(_)) | (Self::Close(_), Self::Place(_)) => false,
        }
    }
}

/// A rule, what it measured and what it allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitEvidence {
    /// Stable `snake_case`.
    pub rule: &'static str,
    /// Measured, canonical decimal or word.
    pub value: String,
    /// Allowed, canonical decimal or word.
    pub limit: String,
    /// `shares`, `usd`, `ratio`, `millis`, `state`.
    pub unit: &'static str,
}

/// One step in an order's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What it became.
    pub status: OrderStatus,
    /// When.
    pub at: UtcMicros,
    /// Why, when there is a reason.
    pub reason_code: Option<String>,
    /// Who or what caused it, in words.
    pub evidence: String,
}

/// An execution as it was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedFill {
    /// The execution.
    pub fill: Fill,
    /// Commission.
    pub fee: Money,
}

/// An order with its history.
#[derive(Clone, Debug)]
pub struct OrderRecord {
    /// Counts every order of this ledger; newest is highest.
    pub number: u64,
    /// The order as published.
    pub order: Order,
    /// What was asked for.
    pub ask: Ask,
    /// Oldest first.
    pub transitions: Vec<Transition>,
    /// The rule that refused it.
    pub refused_by: Option<LimitEvidence>,
    /// Its fills, oldest first.
    pub fills: Vec<BookedFill>,
    /// The venue must never trade it through a flat position.
    pub reduce_only: bool,
    /// The highest market that it was accepted or changed at; absent for a close, which is not checked against one.
    pub checked_price: Option<Price>,
    /// Sum of shares times price over its fills, for the average.
    pub traded: Money,
    /// The change on its way; absent without one, and once the order is over.
    pub change: Option<PendingChange>,
    /// Changes by their keys, oldest first; a bounded number.
    pub decided_changes: Vec<DecidedChange>,
}

impl OrderRecord {
    /// The order's identity.
    pub fn key(&self) -> OrderKey {
        OrderKey {
            account: self.order.account.clone(),
            client_order_id: self.order.client_order_id.clone(),
        }
    }

    /// The row its fills go to.
    pub fn position_key(&self) -> PositionKey {
        PositionKey {
            account: self.order.account.clone(),
            strategy: self.order.strategy.clone(),
            symbol: self.order.symbol,
        }
    }

    /// Moves the order to `status` if the rank rule lets it; says whether it did.
    pub(super) fn advance(
        &mut self,
        status: OrderStatus,
        at: UtcMicros,
        reason_code: Option<&str>,
        evidence: impl Into<String>,
    ) -> bool {
        let repeats = self.order.status == status && status != OrderStatus::PartiallyFilled;
        if repeats || !self.order.accepts(status) {
            return false;
        }
        // A cancel is still under way after a partial fill: "may still fill" stays true and must stay visible.
        let shown = if self.order.status == OrderStatus::CancelSent
            && status == OrderStatus::PartiallyFilled
        {
            OrderStatus::CancelSent
        } else {
            status
        };
        if self.order.status != shown {
            self.order.status = shown;
            self.order.status_since = at;
        }
        if !shown.is_open() {
            self.change = None;
            self.settle_change(ChangeFate::OverFirst);
            // Nothing more can be asked of it: only what must not be done twice is still known by its key.
            self.decided_changes.retain(|decided| !decided.is_blocked());
            self.decided_changes.shrink_to_fit();
        }
        // A change on its way says so through a fill: the status itself cannot.
        let reason_code = match (reason_code, &self.change, shown) {
            (None, Some(_), OrderStatus::PartiallyFilled) => Some(CHANGE_SENT),
            (given, ..) => given,
        };
        // A cancel keeps its reason through a fill on the way; otherwise a reason ends with the state it explained.
        if reason_code.is_some() || shown != OrderStatus::CancelSent {
            self.order.reason_code = reason_code.map(str::to_owned);
        }
        self.order.updated_at = at;
        self.transitions.push(Transition {
            status,
            at,
            reason_code: reason_code.map(str::to_owned),
            evidence: evidence.into(),
        });
        true
    }

    /// Records what became of the change on its way, if there is one.
    pub(super) fn settle_change(&mut self, fate: ChangeFate) {
        let mut newest_first = self.decided_changes.iter_mut().rev();
        if let Some(sent) = newest_first.find(|decided| decided.fate == ChangeFate::Sent) {
            sent.fate = fate;
        }
    }

    /// Adds to the order's history what changes neither its status nor the reason for it.
    pub(super) fn remark(&mut self, at: UtcMicros, reason_code: Option<&str>, evidence: String) {
        self.order.updated_at = at;
        self.transitions.push(Transition {
            status: self.order.status,
            at,
            reason_code: reason_code.map(str::to_owned),
            evidence,
        });
    }
}
