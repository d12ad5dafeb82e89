//! Changing an open order: whether it may be, what it counts for while it is on its way, and what the venue's word makes of it.
//!
//! Sends nothing. An order has its old terms until the venue says that it has the new ones; until then it counts with
//! the larger of both, so that neither word of the venue finds more at risk than was allowed.

use std::fmt::Write as _;

use qd_types::{Money, Order, OrderStatus, OrderTerms, OrderType, Qty, Side, UtcMicros};

use super::Ledger;
use super::accept::Refused;
use super::form::{FieldProblem, check_price, check_qty, problem};
use super::order::{
    Ask, Author, ChangeFate, ChangeRequest, DecidedChange, LimitEvidence, OrderKey, OrderRecord,
    PendingChange,
};
use super::rails::reference;
use crate::market::Quote;

/// Changes after which one order takes none that raises risk.
///
/// Those that were sent up to here are never forgotten: a key, sent again, must not make its change a second time.
const MAX_CHANGES: usize = 64;

/// Further ones that it remembers. Lowering is always allowed, so there may be any number of them; the one forgotten
/// first lowered, and its key, sent again, can only lower once more.
const MAX_LATE_CHANGES: usize = 16;

/// The reason of an order whose change is on its way.
pub(super) const CHANGE_SENT: &str = "change_sent";

/// What became of a wish to change an order, with the order as it stands.
#[derive(Clone, Debug)]
pub enum ModifyOutcome {
    /// Recorded; these terms are to be sent.
    Recorded(Box<Order>, OrderTerms),
    /// The same change was asked for before.
    Repeated(Box<Order>),
    /// Another change was asked for under this key.
    KeyTaken(Box<Order>),
    /// The order cannot be changed now; nothing was recorded.
    Conflicting(Box<Order>, ChangeConflict),
    /// A rule refuses it; the order stays as it is.
    Blocked(Box<Order>, Refused),
    /// Not well formed; nothing was recorded.
    Malformed(Vec<FieldProblem>),
    /// No such order.
    NotFound,
}

/// Why an order cannot be changed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeConflict {
    /// The venue has not said yet that it has the order.
    NotAcknowledged,
    /// Another change is on its way.
    ChangeUnderWay,
    /// A cancel is on its way.
    CancelUnderWay,
    /// The order is over.
    Final,
    /// As many shares as it shall have, or more, are filled.
    AlreadyFilled,
    /// It was changed as often as one order may be: from here on it can only be lowered.
    TooMany,
}

impl Ledger {
    /// Accepts, refuses or recognizes a change; `quote` is the symbol's.
    pub fn modify(
        &mut self,
        key: &OrderKey,
        request: &ChangeRequest,
        author: &Author,
        quote: Option<&Quote>,
        now: UtcMicros,
    ) -> ModifyOutcome {
        let Some(record) = self.orders.get(key) else {
            return ModifyOutcome::NotFound;
        };
        let boxed = || Box::new(record.order.clone());
        let known = record
            .decided_changes
            .iter()
            .find(|decided| decided.request.idempotency_key == request.idempotency_key);
        if let Some(known) = known {
            return match &known.fate {
                _ if known.request != *request => ModifyOutcome::KeyTaken(boxed()),
                ChangeFate::Blocked(refused) => {
                    ModifyOutcome::Blocked(boxed(), (**refused).clone())
                }
                ChangeFate::Sent
                | ChangeFate::Made
                | ChangeFate::Rejected(_)
                | ChangeFate::OverFirst => ModifyOutcome::Repeated(boxed()),
            };
        }
        if let Some(conflict) = state_conflict(record) {
            return ModifyOutcome::Conflicting(boxed(), conflict);
        }
        let from = record.order.terms();
        let to = request.applied_to(from);
        let problems = form_problems(record.order.order_type, request, from, to);
        if !problems.is_empty() {
            return ModifyOutcome::Malformed(problems);
        }
        if to.qty <= record.order.filled_qty {
            return ModifyOutcome::Conflicting(boxed(), ChangeConflict::AlreadyFilled);
        }
        let sent = record.decided_changes.iter();
        let num_sent = sent.filter(|decided| !decided.is_blocked()).count();
        if num_sent >= MAX_CHANGES && record.order.is_raised_by(to) {
            return ModifyOutcome::Conflicting(boxed(), ChangeConflict::TooMany);
        }
        let refused_by = self.judge_change(record, to, author, quote, now).err();
        let Some(record) = self.orders.get_mut(key) else {
            return ModifyOutcome::NotFound;
        };
        record.remember(DecidedChange {
            request: request.clone(),
            fate: match &refused_by {
                Some(refused) => ChangeFate::Blocked(Box::new(refused.clone())),
                None => ChangeFate::Sent,
            },
        });
        if let Some(refused) = refused_by {
            *self.counters.refusals.entry(refused.1.rule).or_default() += 1;
            return ModifyOutcome::Blocked(Box::new(record.order.clone()), refused);
        }
        // What it is measured with from now on is never less than it was.
        record.checked_price = record.checked_price.max(quote.map(|quote| quote.price));
        record.change = Some(PendingChange { to, sent_at: now });
        let status = match record.order.status {
            // The rank rule lets no order go back from this one; its reason says what is on its way.
            OrderStatus::PartiallyFilled => OrderStatus::PartiallyFilled,
            _ => OrderStatus::ReplaceSent,
        };
        let who = match author {
            Author::Hand(user) => user.as_str(),
            Author::Strategy(strategy) => strategy.as_str(),
        };
        let evidence = format!("{who}: {}", words(from, to));
        record.advance(status, now, Some(CHANGE_SENT), evidence);
        let order = Box::new(record.order.clone());
        self.note_change(key, None, now);
        ModifyOutcome::Recorded(order, to)
    }

    /// Whether a rule refuses to change `record` to `to`.
    fn judge_change(
        &self,
        record: &OrderRecord,
        to: OrderTerms,
        author: &Author,
        quote: Option<&Quote>,
        now: UtcMicros,
    ) -> Result<(), Refused> {
        if !record.order.is_raised_by(to) {
            return Ok(());
        }
        let open = to.qty - record.order.filled_qty;
        if record.reduce_only && to.qty > record.order.qty {
            self.check_still_reduces(record, open)?;
        }
        // Whatever its price, an order that the venue caps at what is held only lowers.
        let lowers = record.reduce_only;
        self.check_state(&record.position_key(), author, lowers, None)?;
        let on_rail = |evidence| (OrderStatus::BlockedRail, evidence);
        let quote = self.rails.check_any(to, quote, now).map_err(on_rail)?;
        if !lowers {
            // Its own old terms count while the venue has not answered, but not beside the new ones.
            let room = self.room(&record.order.account, Some(&record.key()), now);
            let at_most = reference(to, quote).times(open).max(Self::worth(record));
            self.rails.check_raising(at_most, room).map_err(on_rail)?;
        }
        Ok(())
    }

    /// Whether `open` shares of an order that may only reduce fit what is held beside all others that take from it.
    fn check_still_reduces(&self, record: &OrderRecord, open: Qty) -> Result<(), Refused> {
        let row = record.position_key();
        let own = record.key();
        let side = record.order.side;
        let held = self
            .books
            .get(&row.account)
            .map_or(Qty::ZERO, |book| book.held(&row));
        let opposes = !held.is_zero() && held.is_negative() != side.signed(open).is_negative();
        let others: Qty = match record.ask {
            Ask::Close(_) => self.closing_beside(&row, Some(&own)),
            Ask::Place(_) => self.in_flight(&row, side, Some(&own)),
        };
        let room = if opposes {
            (held.abs() - others).max(Qty::ZERO)
        } else {
            Qty::ZERO
        };
        if open <= room {
            return Ok(());
        }
        let evidence = LimitEvidence {
            rule: "reduce_only",
            value: open.to_canonical(),
            limit: room.to_canonical(),
            unit: "shares",
        };
        Err((OrderStatus::BlockedRail, evidence))
    }

    /// Books that the venue has changed an order: from here on these are its terms.
    pub(super) fn replaced(&mut self, key: &OrderKey, to: OrderTerms, now: UtcMicros) {
        let Some(record) = self.orders.get_mut(key) else {
            return;
        };
        let asked = record.change.take();
        let is_possible = record.order.status.is_open() && to.qty >= record.order.filled_qty;
        record.settle_change(if is_possible {
            ChangeFate::Made
        } else {
            ChangeFate::Rejected("fills_above_qty")
        });
        if asked.is_none() || !is_possible {
            self.counters.anomalies += 1;
            tracing::error!(order = %key.client_order_id, ?to, "the venue changed an order that nobody asked it to change, or that is over");
        }
        if !is_possible {
            return;
        }
        let from = record.order.terms();
        record.order.qty = to.qty;
        record.order.limit_price = to.limit_price;
        record.order.stop_price = to.stop_price;
        record.order.updated_at = now;
        let filled = record.order.filled_qty;
        let mut evidence = format!("venue has changed it: {}", words(from, to));
        if record.order.remaining().is_zero() {
            evidence = format!(
                "venue had filled {} when the change came, the rest is taken off: {}",
                filled.to_canonical(),
                words(from, to)
            );
            record.advance(OrderStatus::Filled, now, Some("change_met_fills"), evidence);
        } else {
            record.go_on(now, None, evidence);
        }
        self.note_change(key, None, now);
    }

    /// Books that the venue did not change an order: it stays what it is.
    pub(super) fn replace_rejected(
        &mut self,
        key: &OrderKey,
        reason: &'static str,
        now: UtcMicros,
    ) {
        let Some(record) = self.orders.get_mut(key) else {
            return;
        };
        // An order that ended first took its change with it.
        if record.change.take().is_none() {
            return;
        }
        record.settle_change(ChangeFate::Rejected(reason));
        let terms = record.order.terms();
        let evidence = format!(
            "venue refused the change, {reason}: stays {}",
            all_words(terms)
        );
        record.go_on(now, Some("change_rejected"), evidence);
        self.note_change(key, None, now);
    }

    /// Dollars that an open order may still trade, with the larger of its old and new terms while a change is on its way.
    ///
    /// A buyer pays its limit at most; without one it counts at its trigger, or at the market that it was checked with. A
    /// seller gets its limit at least, and the market where that is higher: it counts at the highest of them.
    pub(crate) fn worth(record: &OrderRecord) -> Money {
        let old = record.worth_at(record.order.terms());
        record
            .change
            .map_or(old, |change| old.max(record.worth_at(change.to)))
    }
}

impl OrderRecord {
    /// Shares that may still trade, whatever the venue says to a change on its way.
    pub fn most_open(&self) -> Qty {
        let asked = self.change.map_or(Qty::ZERO, |change| change.to.qty);
        self.order.qty.max(asked) - self.order.filled_qty
    }

    /// Keeps a decided change, and of all of them a bounded number: what a rule refused changed nothing and goes first.
    fn remember(&mut self, decided: DecidedChange) {
        if self.decided_changes.len() >= MAX_CHANGES + MAX_LATE_CHANGES {
            let mut oldest_first = self.decided_changes.iter();
            let goes = oldest_first.position(DecidedChange::is_blocked);
            self.decided_changes.remove(goes.unwrap_or(MAX_CHANGES));
        }
        self.decided_changes.push(decided);
    }

    /// Dollars of what is open of it on these terms.
    fn worth_at(&self, terms: OrderTerms) -> Money {
        let own = terms.limit_price.max(terms.stop_price);
        let price = match self.order.side {
            Side::Buy => own.or(self.checked_price),
            Side::Sell => own.max(self.checked_price),
        };
        price
            .unwrap_or_default()
            .times(terms.qty - self.order.filled_qty)
    }

    /// The change has been answered: the order is again what it would be without one.
    fn go_on(&mut self, at: UtcMicros, reason_code: Option<&str>, evidence: String) {
        let status = match self.order.status {
            // A cancel that followed the change is still under way, for its own reason.
            OrderStatus::CancelSent => return self.remark(at, reason_code, evidence),
            _ if self.order.filled_qty.is_zero() => OrderStatus::Working,
            _ => OrderStatus::PartiallyFilled,
        };
        self.advance(status, at, reason_code, evidence);
    }
}

/// "80 shares, limit 10.5, stop 10".
fn all_words(terms: OrderTerms) -> String {
    let mut all = format!("{} shares", terms.qty.to_canonical());
    for (name, price) in [("limit", terms.limit_price), ("stop", terms.stop_price)] {
        if let Some(price) = price {
            write!(all, ", {name} {}", price.to_canonical()).ok();
        }
    }
    all
}

/// "100 → 80 shares, limit 10.5 → 10", of what changes.
fn words(from: OrderTerms, to: OrderTerms) -> String {
    let mut all = Vec::new();
    if from.qty != to.qty {
        let (from, to) = (from.qty.to_canonical(), to.qty.to_canonical());
        all.push(format!("{from} \u{2192} {to} shares"));
    }
    for (name, from, to) in [
        ("limit", from.limit_price, to.limit_price),
        ("stop", from.stop_price, to.stop_price),
    ] {
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            let (from, to) = (from.to_canonical(), to.to_canonical());
            all.push(format!("{name} {from} \u{2192} {to}"));
        }
    }
    all.join(", ")
}

fn state_conflict(record: &OrderRecord) -> Option<ChangeConflict> {
    match record.order.status {
        status if !status.is_open() => Some(ChangeConflict::Final),
        OrderStatus::CancelSent => Some(ChangeConflict::CancelUnderWay),
        _ if record.change.is_some() => Some(ChangeConflict::ChangeUnderWay),
        OrderStatus::Working | OrderStatus::PartiallyFilled => None,
        _ => Some(ChangeConflict::NotAcknowledged),
    }
}

fn form_problems(
    order_type: OrderType,
    request: &ChangeRequest,
    from: OrderTerms,
    to: OrderTerms,
) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if request.qty.is_some() {
        check_qty(to.qty, &mut problems);
    }
    let (has_limit, has_stop) = order_type.wants();
    for (name, price, is_there) in [
        ("limit_price", request.limit_price, has_limit),
        ("stop_price", request.stop_price, has_stop),
    ] {
        if price.is_some() {
            check_price(name, price, is_there, &mut problems);
        }
    }
    if problems.is_empty() && from == to {
        let detail = "these are the order's terms already";
        problems.push(problem("qty", "no_change", detail));
    }
    problems
}
