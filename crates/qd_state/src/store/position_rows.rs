//! One row of the positions table: folding the parts of a symbol, and making the cells that changed.
//!
//! All parts of a row stand at one mark, the newest, so that price, P&L and value of a row always agree.

use std::sync::Arc;

use qd_types::{Money, Position, Price, Qty, Ratio, Symbol, Tone, UtcMicros, fmt};

use super::Ctx;
use super::cells::{change, new_cell};
use crate::event::PriceQuote;
use crate::freshness::{Freshness, FreshnessRule};
use crate::snapshot::{PositionFigures, PositionPart, PositionRow};

/// What a cell shows when there is nothing to show.
pub(crate) const DASH: &str = "\u{2013}";

/// A stake of one strategy on one account.
#[derive(Debug)]
pub(crate) struct Part {
    /// As last pushed, at the newest mark.
    pub(crate) position: Position,
    /// The last whole picture that had it.
    pub(crate) generation: u64,
}

/// A symbol: its parts and the row made of them.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) symbol: Symbol,
    /// By account and strategy; never empty between two events.
    pub(crate) parts: Vec<Part>,
    /// Why the row cannot be read, although some of its parts may be.
    pub(crate) problem: Option<Arc<str>>,
    /// The parts changed since the row was made.
    pub(crate) is_dirty: bool,
    pub(crate) row: Arc<PositionRow>,
    /// A row per part, for those who do not want them folded; empty while there is one part, whose row is `row`.
    pub(crate) part_rows: Vec<Arc<PositionRow>>,
}

impl Slot {
    /// The rows of the parts, one by one: marks, halts and commands are the symbol's.
    pub(crate) fn unfolded(&mut self) -> impl Iterator<Item = Arc<PositionRow>> {
        for row in &mut self.part_rows {
            let whole = &self.row;
            let is_same = row.is_halted == whole.is_halted
                && row.price_is_stale == whole.price_is_stale
                && row.command == whole.command
                && Arc::ptr_eq(&row.day_line, &whole.day_line);
            if !is_same {
                let row = Arc::make_mut(row);
                row.is_halted = whole.is_halted;
                row.price_is_stale = whole.price_is_stale;
                row.command.clone_from(&whole.command);
                row.day_line = Arc::clone(&whole.day_line);
            }
        }
        let folded = self.part_rows.is_empty().then(|| Arc::clone(&self.row));
        folded
            .into_iter()
            .chain(self.part_rows.iter().map(Arc::clone))
    }

    /// A row for each of several parts; those that stay keep theirs.
    fn remake_part_rows(&mut self, now: UtcMicros) {
        // A row that cannot be read is one row: nobody knows which stakes it is made of.
        if self.parts.len() < 2 || self.problem.is_some() {
            self.part_rows.clear();
            return;
        }
        let mut before = std::mem::take(&mut self.part_rows);
        for part in &mut self.parts {
            let is_its = |row: &Arc<PositionRow>| {
                let shown = row.parts.first();
                shown.is_some_and(|shown| shown.key == part.position.key())
            };
            let mut row = match before.iter().position(is_its) {
                Some(i) => before.swap_remove(i),
                None => Arc::new(new_row(self.symbol, None, now)),
            };
            let part = std::slice::from_mut(part);
            remake_row(&mut row, fold(part), part, None, now);
            self.part_rows.push(row);
        }
    }
}

/// How far a mark may lie ahead of the server's clock: as wrong as our idea of that clock may be.
const CLOCK_SLACK_MILLIS: i64 = 5_000;

/// The latest instant that a mark can be of.
pub(crate) fn latest_mark(ctx: &Ctx) -> UtcMicros {
    ctx.now_on_server().plus_millis(CLOCK_SLACK_MILLIS)
}

/// Whether a mark of `at` is followed by one of `next`; what lies ahead of `latest` is of a wrong clock, and must not
/// keep the marks of a right one away until the day has caught up with it. Of two by the same wrong clock the newer wins.
pub(crate) fn is_followed(at: UtcMicros, next: UtcMicros, latest: UtcMicros) -> bool {
    at < next || (at > latest && next <= latest)
}

pub(crate) fn mark_if_newer(
    position: &mut Position,
    quote: &PriceQuote,
    latest: UtcMicros,
) -> bool {
    let is_newer = position
        .price_at
        .is_none_or(|at| at != quote.at && is_followed(at, quote.at, latest));
    if is_newer {
        position.mark(quote.price, quote.at);
    }
    is_newer
}

pub(crate) fn price_is_stale(figures: &PositionFigures, ctx: &Ctx) -> bool {
    if figures.price_at.is_some_and(|at| at > latest_mark(ctx)) {
        // Nobody can say how old it is.
        return true;
    }
    let at = figures.price_at.map(|at| ctx.to_client_clock(at));
    match FreshnessRule::PRICES.of(at, ctx.phase, ctx.now) {
        Freshness::Stale => true,
        Freshness::Unknown | Freshness::Fresh | Freshness::Quiet | Freshness::Aging => false,
    }
}

pub(crate) fn pl_text(value: Money) -> (String, Tone) {
    (fmt::signed_money(value), fmt::pl_tone(value))
}

pub(crate) fn value_text(value: Money) -> (String, Tone) {
    (fmt::money(value), Tone::Neutral)
}

pub(crate) fn percent_text(value: Option<Ratio>, pl: Money) -> (String, Tone) {
    match value {
        // The tone follows the dollars, so that the two cells never disagree.
        Some(value) => (fmt::signed_percent(value), fmt::pl_tone(pl)),
        None => (DASH.to_owned(), Tone::Faint),
    }
}

fn price_text(value: Option<Price>) -> (String, Tone) {
    match value {
        Some(value) => (fmt::price(value), Tone::Neutral),
        None => (DASH.to_owned(), Tone::Faint),
    }
}

fn average_text(value: Option<Price>) -> (String, Tone) {
    match value {
        Some(value) => (fmt::price(value), Tone::Neutral),
        None => ("mixed".to_owned(), Tone::Faint),
    }
}

pub(crate) fn new_row(
    symbol: Symbol,
    day_line: Option<&Arc<[f32]>>,
    now: UtcMicros,
) -> PositionRow {
    PositionRow {
        symbol,
        qty: new_cell("", Tone::Neutral),
        avg_entry: new_cell("", Tone::Neutral),
        current: new_cell("", Tone::Neutral),
        pl: new_cell("", Tone::Neutral),
        pl_percent: new_cell("", Tone::Neutral),
        value: new_cell("", Tone::Neutral),
        figures: PositionFigures::default(),
        parts: Arc::default(),
        day_line: day_line.map(Arc::clone).unwrap_or_default(),
        price_is_stale: false,
        is_halted: false,
        problem: None,
        appeared_at: now,
        command: None,
    }
}

/// Folds the parts; all of them at the newest mark among them.
fn fold(parts: &mut [Part]) -> PositionFigures {
    if parts.len() > 1
        && let Some((at, price)) = parts
            .iter()
            .filter_map(|part| part.position.price_at.zip(part.position.current_price))
            .max_by_key(|(at, _)| *at)
    {
        for part in parts.iter_mut() {
            if part.position.price_at != Some(at) || part.position.current_price != Some(price) {
                part.position.mark(price, at);
            }
        }
    }
    if let [part] = parts {
        let position = &part.position;
        return PositionFigures {
            qty: position.qty,
            avg_entry_price: Some(position.avg_entry_price),
            current_price: position.current_price,
            price_at: position.price_at,
            unrealized_pl: position.unrealized_pl,
            unrealized_plpc: position.unrealized_plpc,
            market_value: position.market_value,
            gross_value: position.market_value.abs(),
            realized_pl_today: position.realized_pl_today,
        };
    }
    let mut figures = PositionFigures::default();
    let mut signed_cost = Money::ZERO;
    let mut cost = Money::ZERO;
    for part in parts.iter() {
        let position = &part.position;
        let part_cost = position.avg_entry_price.times(position.qty);
        signed_cost += part_cost;
        cost += part_cost.abs();
        figures.qty += position.qty;
        figures.current_price = position.current_price.or(figures.current_price);
        figures.price_at = position.price_at.max(figures.price_at);
        figures.unrealized_pl += position.unrealized_pl;
        figures.market_value += position.market_value;
        figures.gross_value += position.market_value.abs();
        figures.realized_pl_today += position.realized_pl_today;
    }
    // Long and short parts netted: cost over net shares would be a price at which nobody ever traded.
    let is_mixed = signed_cost.abs() != cost;
    figures.avg_entry_price = signed_cost
        .get()
        .checked_div(figures.qty.get())
        .filter(|_| !is_mixed)
        .map(|average| Price::new(average).round(10));
    figures.unrealized_plpc = figures.unrealized_pl.ratio_of(cost);
    figures
}

/// Makes the changed cells of a symbol; says whether anything changed.
pub(crate) fn remake(slot: &mut Slot, now: UtcMicros) -> bool {
    let figures = match slot.problem {
        Some(_) => PositionFigures::default(),
        None => fold(&mut slot.parts),
    };
    let problem = slot.problem.as_ref();
    let has_changed = remake_row(&mut slot.row, figures, &slot.parts, problem, now);
    slot.remake_part_rows(now);
    // Two parts may change so that their sum does not.
    has_changed || !slot.part_rows.is_empty()
}

fn remake_row(
    row: &mut Arc<PositionRow>,
    new: PositionFigures,
    parts: &[Part],
    problem: Option<&Arc<str>>,
    now: UtcMicros,
) -> bool {
    let old = row.figures;
    let is_other_problem = row.problem.as_ref() != problem;
    let is_new = row.parts.is_empty() || is_other_problem;
    let has_new_parts = row.parts.len() != parts.len()
        || row
            .parts
            .iter()
            .zip(parts)
            .any(|(shown, part)| !is_same_part(shown, &part.position));
    if !has_new_parts && !is_other_problem && new == old {
        return false;
    }
    let row = Arc::make_mut(row);
    row.figures = new;
    if has_new_parts {
        row.parts = parts
            .iter()
            .map(|part| PositionPart {
                key: part.position.key(),
                qty: part.position.qty,
            })
            .collect();
    }
    if problem.is_some() {
        row.problem = problem.cloned();
        fill_unreadable(row);
        return true;
    }
    row.problem = None;
    if is_new {
        fill_new(row, &new);
        return true;
    }
    let share = |qty: Qty| (fmt::qty(qty), Tone::Neutral);
    change(&mut row.qty, (old.qty, new.qty), now, share);
    change(
        &mut row.avg_entry,
        (old.avg_entry_price, new.avg_entry_price),
        now,
        average_text,
    );
    change(
        &mut row.current,
        (old.current_price, new.current_price),
        now,
        price_text,
    );
    change(
        &mut row.pl,
        (known_pl(&old), known_pl(&new)),
        now,
        known_pl_text,
    );
    change(
        &mut row.pl_percent,
        (old.unrealized_plpc, new.unrealized_plpc),
        now,
        |ratio| percent_text(ratio, new.unrealized_pl),
    );
    row.pl_percent.tone = match new.unrealized_plpc {
        Some(_) => row.pl.tone,
        None => Tone::Faint,
    };
    change(
        &mut row.value,
        (known_value(&old), known_value(&new)),
        now,
        known_value_text,
    );
    true
}

fn fill_new(row: &mut PositionRow, figures: &PositionFigures) {
    let make = |(text, tone): (String, Tone)| new_cell(&text, tone);
    row.qty = make((fmt::qty(figures.qty), Tone::Neutral));
    row.avg_entry = make(average_text(figures.avg_entry_price));
    row.current = make(price_text(figures.current_price));
    row.pl = make(known_pl_text(known_pl(figures)));
    row.pl_percent = make(percent_text(figures.unrealized_plpc, figures.unrealized_pl));
    row.value = make(known_value_text(known_value(figures)));
}

/// Dashes all along: nothing of such a row may be taken for a figure.
fn fill_unreadable(row: &mut PositionRow) {
    let dash = || new_cell(DASH, Tone::Faint);
    row.qty = dash();
    row.avg_entry = dash();
    row.current = dash();
    row.pl = dash();
    row.pl_percent = dash();
    row.value = dash();
}

/// Whether P&L or value are unknown: a row without a price is worth nobody knows what, and not nothing.
pub(crate) fn is_unpriced(figures: &PositionFigures) -> bool {
    known_pl(figures).is_none() || known_value(figures).is_none()
}

fn known_pl(figures: &PositionFigures) -> Option<Money> {
    let is_known = figures.current_price.is_some() || !figures.unrealized_pl.is_zero();
    is_known.then_some(figures.unrealized_pl)
}

fn known_value(figures: &PositionFigures) -> Option<Money> {
    let is_known = figures.current_price.is_some() || !figures.market_value.is_zero();
    is_known.then_some(figures.market_value)
}

fn known_pl_text(value: Option<Money>) -> (String, Tone) {
    value.map_or_else(|| (DASH.to_owned(), Tone::Faint), pl_text)
}

fn known_value_text(value: Option<Money>) -> (String, Tone) {
    value.map_or_else(|| (DASH.to_owned(), Tone::Faint), value_text)
}

fn is_same_part(shown: &PositionPart, position: &Position) -> bool {
    shown.qty == position.qty
        && shown.key.account == position.account
        && shown.key.strategy == position.strategy
        && shown.key.symbol == position.symbol
}
