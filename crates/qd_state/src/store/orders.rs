//! Open orders: the newest word on each by rank, and the rows of their table.
//!
//! Orders that ended stay known for a while, so that a late message cannot open them again; they are not shown here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use qd_types::{AccountId, ClientOrderId, Order, OrderType, Tone, UtcMicros, ZoneChoice, fmt};

use super::Ctx;
use super::cells::new_cell;
use crate::event::SalvagedOrder;
use crate::freshness::FreshnessRule;
use crate::snapshot::{Cell, CommandView, Direction, Flash, OrderRow, OrdersView, Seal};

const MAX_ENDED: usize = 512;

/// The badge of an order whose newest word cannot be read.
const UNREADABLE_BADGE: &str = "unknown";

/// Unreadable orders that are remembered one by one.
const MAX_UNREADABLE: usize = 512;

type Key = (AccountId, ClientOrderId);

/// What became of an order's change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// It is the newest word.
    Yes,
    /// A newer word is known.
    No,
}

/// The orders of the user.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    open: BTreeMap<Key, Arc<OrderRow>>,
    ended: BTreeMap<Key, Arc<Order>>,
    /// Oldest first, to bound `ended`.
    ended_in_order: VecDeque<Key>,
    /// Orders whose newest word cannot be read, and why.
    odd: BTreeMap<Key, Arc<str>>,
    /// Orders of an answer that do not even say who they are.
    nameless: Vec<Arc<str>>,
    is_loaded: bool,
    is_dirty: bool,
    view: Arc<OrdersView>,
}

impl Orders {
    /// Takes over all open orders; those not among them have ended while nobody looked.
    pub(crate) fn replace(&mut self, orders: Vec<Order>, ctx: &Ctx) {
        self.replace_salvaged(orders, Vec::new(), Vec::new(), ctx);
    }

    /// Takes over all open orders, some of which cannot be read: these keep the row they have.
    pub(crate) fn replace_salvaged(
        &mut self,
        orders: Vec<Order>,
        odd: Vec<SalvagedOrder>,
        nameless: Vec<String>,
        ctx: &Ctx,
    ) {
        self.odd.clear();
        self.nameless = nameless.into_iter().map(Arc::from).collect();
        let mut before = std::mem::take(&mut self.open);
        for odd in odd {
            let key = (odd.account.clone(), odd.client_order_id.clone());
            if let Some(old) = before.remove(&key) {
                self.open.insert(key, old);
            }
            self.change_odd(odd, ctx);
        }
        for order in orders {
            let key = key_of(&order);
            let old = before.remove(&key);
            if let Some(old) = &old
                && old.problem.is_none()
                && !is_news(&old.order, &order)
            {
                self.open.insert(key, Arc::clone(old));
                continue;
            }
            if let Some(old) = old {
                self.open.insert(key, old);
            }
            self.change(&order, ctx);
        }
        self.is_loaded = true;
        self.is_dirty = true;
    }

    /// Takes over one change.
    pub(crate) fn change(&mut self, order: &Order, ctx: &Ctx) -> Accepted {
        let key = key_of(order);
        let known = self
            .open
            .get(&key)
            .map(|row| &row.order)
            .or_else(|| self.ended.get(&key));
        let was_odd = self.odd.contains_key(&key);
        // Behind a word that could not be read the same word again is news.
        let is_news =
            |known: &Arc<Order>| is_news(known, order) || was_odd && known.accepts(order.status);
        if known.is_some_and(|known| !is_news(known)) {
            return Accepted::No;
        }
        self.odd.remove(&key);
        self.is_dirty = true;
        let order = Arc::new(order.clone());
        if !order.status.is_open() {
            self.open.remove(&key);
            if self.ended.insert(key.clone(), order).is_none() {
                self.ended_in_order.push_back(key);
            }
            if self.ended_in_order.len() > MAX_ENDED
                && let Some(oldest) = self.ended_in_order.pop_front()
            {
                self.ended.remove(&oldest);
            }
            return Accepted::Yes;
        }
        let row = match self.open.get(&key) {
            Some(old) => changed_row(old, order, ctx),
            None => new_row(order, ctx),
        };
        self.open.insert(key, Arc::new(row));
        Accepted::Yes
    }

    /// Takes over a change that cannot be read: the row keeps what is known, and its status is unknown.
    pub(crate) fn change_odd(&mut self, odd: SalvagedOrder, ctx: &Ctx) {
        let key = (odd.account, odd.client_order_id);
        if self.ended.contains_key(&key) {
            // Whatever it says, the order has ended.
            return;
        }
        let reason: Arc<str> = Arc::from(odd.reason);
        let row = match (self.open.get(&key), odd.order) {
            (Some(old), _) => Some(OrderRow::clone(old)),
            (None, Some(order)) => Some(new_row(Arc::new(order), ctx)),
            (None, None) => None,
        };
        if let Some(mut row) = row {
            retext(&mut row.status, UNREADABLE_BADGE, Tone::Warn, ctx.now);
            row.problem = Some(Arc::clone(&reason));
            self.open.insert(key.clone(), Arc::new(row));
        }
        if self.odd.len() < MAX_UNREADABLE || self.odd.contains_key(&key) {
            self.odd.insert(key, reason);
        }
        self.is_dirty = true;
    }

    /// What of the table could not be read, for its seal: "1 order unreadable".
    pub(crate) fn unreadable_text(&self) -> Option<Arc<str>> {
        match self.odd.len() + self.nameless.len() {
            0 => None,
            1 => Some(Arc::from("1 order unreadable")),
            num => Some(Arc::from(format!(
                "{} orders unreadable",
                fmt::count(num as u64)
            ))),
        }
    }

    fn unreadable_lines(&self) -> Arc<[Arc<str>]> {
        let odd = self
            .odd
            .iter()
            .map(|((_, order_id), reason)| Arc::from(format!("{order_id}: {reason}")));
        odd.chain(self.nameless.iter().map(Arc::clone)).collect()
    }

    /// Shows `command` at its row, or nothing any more.
    pub(crate) fn set_command(
        &mut self,
        account: &AccountId,
        client_order_id: &ClientOrderId,
        command: Option<&Arc<CommandView>>,
    ) {
        let key = (account.clone(), client_order_id.clone());
        if let Some(row) = self.open.get_mut(&key)
            && row.command.as_ref() != command
        {
            Arc::make_mut(row).command = command.cloned();
            self.is_dirty = true;
        }
    }

    /// How many orders are kept.
    pub(crate) fn num_retained(&self) -> usize {
        self.open.len()
            + self.ended.len()
            + self.ended_in_order.len()
            + self.odd.len()
            + self.nameless.len()
    }

    /// Makes every time again, in another zone.
    pub(crate) fn show_in(&mut self, zone: ZoneChoice) {
        for row in self.open.values_mut() {
            let row = Arc::make_mut(row);
            row.time = time_cell(&row.order, zone);
        }
        self.is_dirty = true;
    }

    /// The view, made again only when something of it changed.
    pub(crate) fn view(
        &mut self,
        seal: &Arc<Seal>,
        confirmed_at: Option<UtcMicros>,
        ctx: &Ctx,
    ) -> Arc<OrdersView> {
        let freshness = FreshnessRule::STREAM.of(confirmed_at, ctx.phase, ctx.now);
        let is_same_seal = Arc::ptr_eq(&self.view.seal, seal)
            && self.view.confirmed_at == confirmed_at
            && self.view.freshness == freshness;
        if self.is_dirty {
            self.is_dirty = false;
            let mut rows: Vec<_> = self.open.values().map(Arc::clone).collect();
            rows.sort_by(|a, b| {
                let by_time = a.order.created_at.cmp(&b.order.created_at);
                by_time.then_with(|| a.client_order_id.cmp(&b.client_order_id))
            });
            self.view = Arc::new(OrdersView {
                rows: rows.into(),
                seal: Arc::clone(seal),
                is_loaded: self.is_loaded,
                unreadable: self.unreadable_lines(),
                confirmed_at,
                freshness,
            });
        } else if !is_same_seal {
            self.view = Arc::new(OrdersView {
                seal: Arc::clone(seal),
                confirmed_at,
                freshness,
                ..(*self.view).clone()
            });
        }
        Arc::clone(&self.view)
    }
}

fn key_of(order: &Order) -> Key {
    (order.account.clone(), order.client_order_id.clone())
}

/// Whether `new` says more than `known`: by rank first, then by shares filled, then by time.
pub(crate) fn is_news(known: &Order, new: &Order) -> bool {
    // A partial fill that crossed the end of its order changes how much was filled, not how it ended.
    let crossed = known.status == new.status && new.filled_qty > known.filled_qty;
    if !known.accepts(new.status) && !crossed {
        return false;
    }
    if known.status.rank() < new.status.rank() {
        return true;
    }
    (new.filled_qty, new.updated_at) >= (known.filled_qty, known.updated_at) && known != new
}

fn new_row(order: Arc<Order>, ctx: &Ctx) -> OrderRow {
    OrderRow {
        account: order.account.clone(),
        client_order_id: order.client_order_id.clone(),
        symbol: order.symbol,
        side: new_cell(order.side.label(), order.side.tone()),
        filled: new_cell(&filled_text(&order), Tone::Neutral),
        order_type: new_cell(&type_text(&order), Tone::Neutral),
        price: new_cell(&price_text(&order), Tone::Neutral),
        status: new_cell(order.status.badge(), order.status.tone()),
        time: time_cell(&order, ctx.zone),
        problem: None,
        appeared_at: ctx.now,
        command: None,
        order,
    }
}

fn changed_row(old: &OrderRow, order: Arc<Order>, ctx: &Ctx) -> OrderRow {
    let mut row = old.clone();
    if order.filled_qty != old.order.filled_qty || order.qty != old.order.qty {
        retext(
            &mut row.filled,
            &filled_text(&order),
            Tone::Neutral,
            ctx.now,
        );
    }
    if order.limit_price != old.order.limit_price || order.stop_price != old.order.stop_price {
        retext(
            &mut row.order_type,
            &type_text(&order),
            Tone::Neutral,
            ctx.now,
        );
        retext(&mut row.price, &price_text(&order), Tone::Neutral, ctx.now);
    }
    row.problem = None;
    if order.status != old.order.status || old.problem.is_some() {
        let status = order.status;
        retext(&mut row.status, status.badge(), status.tone(), ctx.now);
    }
    row.order = order;
    row
}

fn retext(cell: &mut Cell, text: &str, tone: Tone, now: UtcMicros) {
    *cell = Cell {
        text: Arc::from(text),
        tone,
        flash: Some(Flash {
            at: now,
            direction: Direction::Up,
        }),
    };
}

fn time_cell(order: &Order, zone: ZoneChoice) -> Cell {
    new_cell(&fmt::time_millis(order.created_at, zone), Tone::Neutral)
}

fn filled_text(order: &Order) -> String {
    format!("{}/{}", fmt::qty(order.filled_qty), fmt::qty(order.qty))
}

/// "limit", "stop", or "stop 465.10" of a stop-limit, whose limit is the price.
pub(crate) fn type_text(order: &Order) -> String {
    match (order.order_type, order.stop_price) {
        (OrderType::StopLimit, Some(stop)) => format!("stop {}", fmt::price(stop)),
        _ => order.order_type.label().to_owned(),
    }
}

/// "126.86" or "MKT"; of a stop its trigger, of a stop-limit its limit.
pub(crate) fn price_text(order: &Order) -> String {
    let limit = order.limit_price.map(fmt::price);
    let stop = order.stop_price.map(fmt::price);
    match order.order_type {
        OrderType::Market => "MKT".to_owned(),
        OrderType::Limit | OrderType::StopLimit => limit.unwrap_or_default(),
        OrderType::Stop => stop.unwrap_or_default(),
    }
}
