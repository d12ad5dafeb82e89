//! Fills and final states, newest first, each once however often it is told, and how many there were today.
//!
//! Its line is its identity: an execution by its id, an order's end by the order and the state it ended in.

use std::sync::Arc;

use qd_types::{UtcMicros, ZoneChoice, fmt};

use super::Ctx;
use super::orders::price_text;
use crate::event::OrderChange;
use crate::snapshot::{ActivityRow, ActivityView};

const MAX_SHOWN: usize = 20;
const MAX_KEPT: usize = 200;

/// The day's activity.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// Newest first, at most [`MAX_KEPT`].
    rows: Vec<Arc<ActivityRow>>,
    total_today: u64,
    /// The exchange's day that is counted.
    day: i32,
    is_loaded: bool,
    is_dirty: bool,
    view: Arc<ActivityView>,
}

impl Activity {
    /// One change of an order, told by the stream. Says whether it made a new line.
    pub(crate) fn add(&mut self, change: &OrderChange, ctx: &Ctx) -> bool {
        let Some(row) = make_row(change, ctx) else {
            return false;
        };
        self.turn_day(ctx.now_on_server());
        let is_today = day_of(row.at) == self.day;
        if !self.insert(row) {
            return false;
        }
        self.total_today += u64::from(is_today);
        self.is_dirty = true;
        true
    }

    /// The newest lines and the day's count as REST knows them; what the stream told since stays.
    pub(crate) fn load(&mut self, entries: &[OrderChange], total_today: u64, ctx: &Ctx) {
        self.turn_day(ctx.now_on_server());
        let rows: Vec<_> = entries
            .iter()
            .filter_map(|entry| make_row(entry, ctx))
            .collect();
        let newest = rows.iter().map(|row| row.at).max();
        let num_later = self
            .rows
            .iter()
            .filter(|row| newest.is_none_or(|newest| row.at > newest) && day_of(row.at) == self.day)
            .filter(|row| !rows.iter().any(|known| known.row_id == row.row_id))
            .count();
        for row in rows {
            self.insert(row);
        }
        self.total_today = total_today + num_later as u64;
        self.is_loaded = true;
        self.is_dirty = true;
    }

    /// How many lines are kept.
    pub(crate) fn num_retained(&self) -> usize {
        self.rows.len()
    }

    /// Time passed: a new trading day counts from zero.
    pub(crate) fn tick(&mut self, ctx: &Ctx) {
        self.turn_day(ctx.now_on_server());
    }

    /// Makes every time again, in another zone.
    pub(crate) fn show_in(&mut self, zone: ZoneChoice) {
        for row in &mut self.rows {
            let row = Arc::make_mut(row);
            row.time = Arc::from(fmt::time_millis(row.at, zone));
        }
        self.is_dirty = true;
    }

    /// The view, made again only when something of it changed.
    pub(crate) fn view(&mut self) -> Arc<ActivityView> {
        if self.is_dirty {
            self.is_dirty = false;
            let rows: Arc<[_]> = self.rows.iter().take(MAX_SHOWN).map(Arc::clone).collect();
            let text = if self.total_today > rows.len() as u64 {
                let total = fmt::count(self.total_today);
                format!("last {} of {total} today", rows.len())
            } else {
                format!("{} today", fmt::count(self.total_today))
            };
            self.view = Arc::new(ActivityView {
                rows,
                total_today: self.total_today,
                text: Arc::from(text),
                is_loaded: self.is_loaded,
            });
        }
        Arc::clone(&self.view)
    }

    /// Puts the row in its place by time; false when it is there already, or too old to keep.
    fn insert(&mut self, row: ActivityRow) -> bool {
        if self.rows.iter().any(|known| known.row_id == row.row_id) {
            return false;
        }
        // Of two at one instant the later told is the newer.
        let i = self.rows.partition_point(|known| known.at > row.at);
        if i >= MAX_KEPT {
            return false;
        }
        self.rows.insert(i, Arc::new(row));
        self.rows.truncate(MAX_KEPT);
        true
    }

    fn turn_day(&mut self, now: UtcMicros) {
        let day = day_of(now);
        if self.day != day {
            if self.day != 0 {
                self.total_today = 0;
                self.is_dirty = true;
            }
            self.day = day;
        }
    }
}

pub(crate) fn day_of(at: UtcMicros) -> i32 {
    at.day_number(ZoneChoice::Exchange)
}

/// The line of a fill or of an order's end; other changes make none.
pub(crate) fn make_row(change: &OrderChange, ctx: &Ctx) -> Option<ActivityRow> {
    let OrderChange { order, fill } = change;
    let (row_id, at, qty, price) = match fill {
        Some(fill) => (
            format!("fill {}", fill.fill_id),
            fill.at,
            fmt::qty(fill.qty),
            fmt::price(fill.price),
        ),
        None if !order.status.is_open() => (
            format!(
                "end {} {} {}",
                order.account, order.client_order_id, order.status
            ),
            order.status_since,
            fmt::qty(order.qty),
            order
                .filled_avg_price
                .filter(|_| order.remaining().is_zero())
                .map_or_else(|| price_text(order), fmt::price),
        ),
        None => return None,
    };
    Some(ActivityRow {
        row_id: Arc::from(row_id),
        at,
        time: Arc::from(fmt::time_millis(at, ctx.zone)),
        symbol: order.symbol,
        side: order.side.label(),
        side_tone: order.side.tone(),
        qty: Arc::from(qty),
        price: Arc::from(price),
        status: order.status.badge(),
        status_tone: order.status.tone(),
        order: Arc::new(order.clone()),
        fill: fill.clone(),
        appeared_at: ctx.now,
    })
}
