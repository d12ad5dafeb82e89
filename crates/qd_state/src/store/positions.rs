//! Positions: rows folded by symbol, marked by push or poll, and the totals over exactly these rows.
//!
//! It never decides whether a message may be applied (`stream_client` does), and keeps no order but the symbol's.
//! In every published view the totals are the sum of the rows, and a row's price, P&L and value are of one mark.

use std::collections::BTreeMap;
use std::sync::Arc;

use qd_types::{Money, Position, PositionKey, Symbol, Tone, UtcMicros, fmt};

use super::Ctx;
use super::cards::UnreadableFigures;
use super::cells::{change, new_cell};
use super::position_rows::{
    Part, Slot, is_followed, is_unpriced, latest_mark, mark_if_newer, new_row, percent_text,
    pl_text, price_is_stale, remake, value_text,
};
use super::unreadable::Unreadable;
use crate::event::{
    Figure, PositionTotals, PositionsChange, PositionsPicture, PriceQuote, PriceSeries,
    SalvagedPositions,
};
use crate::freshness::FreshnessRule;
use crate::snapshot::{CommandView, PositionsView, Seal, TotalsView};

/// The positions of the user.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    /// By symbol.
    slots: Vec<Slot>,
    generation: u64,
    /// As the producer last said; rows win where rows can tell.
    totals: PositionTotals,
    has_pushed_totals: bool,
    /// What of all this could not be read.
    unreadable: Unreadable,
    /// The newest polled quote per symbol.
    quotes: BTreeMap<Symbol, PriceQuote>,
    day_lines: BTreeMap<Symbol, Arc<[f32]>>,
    last_price_error: Option<Arc<str>>,
    is_loaded: bool,
    num_tie_out_breaks: u64,
    /// Rows or totals changed since the view was made.
    is_dirty: bool,
    view: Arc<PositionsView>,
}

impl Positions {
    /// Takes over a whole picture.
    pub(crate) fn replace(&mut self, picture: PositionsPicture, ctx: &Ctx) {
        self.tie_out(&picture);
        self.unreadable.clear();
        self.replace_rows(picture.positions, ctx);
        self.take_totals(picture.totals);
        self.settle(ctx);
    }

    /// Takes over a whole picture of which some could not be read.
    pub(crate) fn replace_salvaged(&mut self, salvaged: SalvagedPositions, ctx: &Ctx) {
        self.unreadable.clear();
        self.unreadable.add(salvaged.unreadable, salvaged.figures);
        self.replace_rows(salvaged.positions, ctx);
        self.take_totals(salvaged.totals);
        self.settle(ctx);
    }

    /// Takes over a REST answer of which some could not be read.
    pub(crate) fn replace_salvaged_from_rest(&mut self, salvaged: SalvagedPositions, ctx: &Ctx) {
        let had_pushed = self.has_pushed_totals;
        let totals = PositionTotals {
            buying_power: self.totals.buying_power,
            margin_used: self.totals.margin_used,
            ..salvaged.totals
        };
        self.replace_salvaged(SalvagedPositions { totals, ..salvaged }, ctx);
        self.has_pushed_totals = had_pushed;
    }

    /// Takes over some rows, of which some could not be read.
    pub(crate) fn change_salvaged(&mut self, salvaged: SalvagedPositions, ctx: &Ctx) {
        self.unreadable.forget_figures();
        for position in salvaged.positions {
            self.unreadable.forget(&position.key());
            self.upsert(position, ctx);
        }
        for key in &salvaged.removed {
            self.unreadable.forget(key);
            self.remove(key);
        }
        self.unreadable.add(salvaged.unreadable, salvaged.figures);
        self.take_totals(salvaged.totals);
        self.settle(ctx);
    }

    /// What of the table could not be read, for its seal: "1 row unreadable".
    pub(crate) fn unreadable_text(&self) -> Option<Arc<str>> {
        self.unreadable.rows_text()
    }

    /// Which figures of the account could not be read.
    pub(crate) fn unreadable_figures(&self) -> UnreadableFigures {
        let reason = |figure| self.unreadable.figure(figure).cloned();
        UnreadableFigures {
            realized: reason(Figure::RealizedToday),
            buying_power: reason(Figure::BuyingPower),
            margin_used: reason(Figure::MarginUsed),
        }
    }

    fn replace_rows(&mut self, positions: Vec<Position>, ctx: &Ctx) {
        self.generation += 1;
        for position in positions {
            self.upsert(position, ctx);
        }
        let generation = self.generation;
        for slot in &mut self.slots {
            let num_before = slot.parts.len();
            slot.parts.retain(|part| part.generation == generation);
            slot.is_dirty |= slot.parts.len() != num_before;
        }
    }

    /// Takes over some rows.
    pub(crate) fn change(&mut self, delta: PositionsChange, ctx: &Ctx) {
        self.unreadable.forget_figures();
        for position in delta.changed {
            self.unreadable.forget(&position.key());
            self.upsert(position, ctx);
        }
        for key in &delta.removed {
            self.unreadable.forget(key);
            self.remove(key);
        }
        self.take_totals(delta.totals);
        self.settle(ctx);
    }

    /// Takes over a REST answer, which knows neither buying power nor margin.
    pub(crate) fn replace_from_rest(
        &mut self,
        positions: Vec<Position>,
        realized_pl_today: Money,
        ctx: &Ctx,
    ) {
        let totals = PositionTotals {
            realized_pl_today,
            unrealized_pl: positions.iter().map(|p| p.unrealized_pl).sum(),
            num_positions: count_u32(positions.iter().filter(|p| !p.qty.is_zero()).count()),
            ..self.totals
        };
        let had_pushed = self.has_pushed_totals;
        self.replace(PositionsPicture { totals, positions }, ctx);
        self.has_pushed_totals = had_pushed;
    }

    /// Takes over the account's figures, unless a message of the stream has said them already.
    pub(crate) fn take_pnl(&mut self, totals: PositionTotals) {
        if !self.has_pushed_totals {
            self.totals = totals;
            self.is_dirty = true;
        }
    }

    /// Marks rows by a price poll: prices, P&L and totals move together. Older quotes than the mark lose.
    pub(crate) fn mark(&mut self, quotes: Vec<PriceQuote>, ctx: &Ctx) {
        let latest = latest_mark(ctx);
        for quote in quotes {
            let newest = self.quotes.entry(quote.symbol).or_insert(quote);
            if is_followed(newest.at, quote.at, latest) {
                *newest = quote;
            }
            // A halt is of the answer, not of the price: that stands, and is as old as it is.
            newest.is_halted = quote.is_halted;
            let quote = *newest;
            if let Ok(i) = self.find(quote.symbol)
                && let Some(slot) = self.slots.get_mut(i)
            {
                for part in &mut slot.parts {
                    slot.is_dirty |= mark_if_newer(&mut part.position, &quote, latest);
                }
                if slot.row.is_halted != quote.is_halted {
                    Arc::make_mut(&mut slot.row).is_halted = quote.is_halted;
                    self.is_dirty = true;
                }
            }
        }
        self.is_dirty |= self.last_price_error.take().is_some();
        self.settle(ctx);
    }

    /// A price poll failed.
    pub(crate) fn price_poll_failed(&mut self, detail: &str) {
        self.last_price_error = Some(Arc::from(detail));
        self.is_dirty = true;
    }

    /// Takes over the day's lines.
    pub(crate) fn take_series(&mut self, series: Vec<PriceSeries>) {
        for line in series {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a line to paint, a few pixels high"
            )]
            let points: Arc<[f32]> = line
                .points
                .iter()
                .map(|price| price.to_f64_lossy() as f32)
                .collect();
            self.day_lines.insert(line.symbol, Arc::clone(&points));
            if let Ok(i) = self.find(line.symbol)
                && let Some(slot) = self.slots.get_mut(i)
            {
                Arc::make_mut(&mut slot.row).day_line = points;
                self.is_dirty = true;
            }
        }
    }

    /// Shows `command` at its row, or nothing any more.
    pub(crate) fn set_command(&mut self, symbol: Symbol, command: Option<&Arc<CommandView>>) {
        if let Ok(i) = self.find(symbol)
            && let Some(slot) = self.slots.get_mut(i)
            && slot.row.command.as_ref() != command
        {
            Arc::make_mut(&mut slot.row).command = command.cloned();
            self.is_dirty = true;
        }
    }

    /// Time passed: marks may have become too old, or the market quiet.
    pub(crate) fn tick(&mut self, ctx: &Ctx) {
        for slot in &mut self.slots {
            let is_stale = price_is_stale(&slot.row.figures, ctx);
            if slot.row.price_is_stale != is_stale {
                Arc::make_mut(&mut slot.row).price_is_stale = is_stale;
                self.is_dirty = true;
            }
        }
    }

    /// How many rows, quotes and lines are kept.
    pub(crate) fn num_retained(&self) -> usize {
        let parts: usize = self.slots.iter().map(|slot| 1 + slot.parts.len()).sum();
        parts + self.quotes.len() + self.day_lines.len() + self.unreadable.lines().len()
    }

    /// What cards need beside the totals view.
    pub(crate) fn totals(&self) -> &PositionTotals {
        &self.totals
    }

    /// The held symbols, for the pollers.
    pub(crate) fn symbols(&self) -> Vec<Symbol> {
        self.slots.iter().map(|slot| slot.symbol).collect()
    }

    /// The view, made again only when something of it changed.
    pub(crate) fn view(
        &mut self,
        seal: &Arc<Seal>,
        confirmed_at: Option<UtcMicros>,
        ctx: &Ctx,
    ) -> Arc<PositionsView> {
        let freshness = FreshnessRule::STREAM.of(confirmed_at, ctx.phase, ctx.now);
        let is_same_seal = Arc::ptr_eq(&self.view.seal, seal)
            && self.view.confirmed_at == confirmed_at
            && self.view.freshness == freshness;
        if self.is_dirty {
            self.is_dirty = false;
            let totals = self.totals_view(ctx.now);
            // The worst of all rows: one fresh mark must not make the sum look young.
            let oldest_mark = self
                .slots
                .iter()
                .map(|slot| slot.row.figures.price_at)
                .min()
                .flatten();
            let rows: Arc<[_]> = self
                .slots
                .iter()
                .map(|slot| Arc::clone(&slot.row))
                .collect();
            let is_folded = self.slots.iter().any(|slot| !slot.part_rows.is_empty());
            let unfolded = if is_folded {
                self.slots.iter_mut().flat_map(Slot::unfolded).collect()
            } else {
                Arc::clone(&rows)
            };
            self.view = Arc::new(PositionsView {
                rows,
                unfolded,
                totals,
                seal: Arc::clone(seal),
                is_loaded: self.is_loaded,
                confirmed_at,
                freshness,
                marked_at: oldest_mark.map(|at| ctx.to_client_clock(at)),
                unreadable: self.unreadable.lines(),
                num_tie_out_breaks: self.num_tie_out_breaks,
                last_price_error: self.last_price_error.clone(),
            });
        } else if !is_same_seal {
            self.view = Arc::new(PositionsView {
                seal: Arc::clone(seal),
                confirmed_at,
                freshness,
                ..(*self.view).clone()
            });
        }
        Arc::clone(&self.view)
    }

    fn find(&self, symbol: Symbol) -> Result<usize, usize> {
        self.slots.binary_search_by(|slot| slot.symbol.cmp(&symbol))
    }

    fn take_totals(&mut self, totals: PositionTotals) {
        self.totals = totals;
        self.has_pushed_totals = true;
        self.is_loaded = true;
        self.is_dirty = true;
    }

    fn upsert(&mut self, mut position: Position, ctx: &Ctx) {
        if position.qty.is_zero() {
            // Flat is not a position; its realized P&L is in the account's figures.
            self.remove(&position.key());
            return;
        }
        if let Some(quote) = self.quotes.get(&position.symbol) {
            mark_if_newer(&mut position, quote, latest_mark(ctx));
        }
        let generation = self.generation;
        let i = match self.find(position.symbol) {
            Ok(i) => i,
            Err(i) => {
                let slot = self.new_slot(position.symbol, ctx.now);
                self.slots.insert(i, slot);
                i
            }
        };
        let Some(slot) = self.slots.get_mut(i) else {
            return;
        };
        let place = slot.parts.binary_search_by(|part| {
            let key = (&part.position.account, &part.position.strategy);
            key.cmp(&(&position.account, &position.strategy))
        });
        match place {
            Ok(i) => {
                if let Some(part) = slot.parts.get_mut(i) {
                    slot.is_dirty |= part.position != position;
                    *part = Part {
                        position,
                        generation,
                    };
                }
            }
            Err(i) => {
                slot.is_dirty = true;
                slot.parts.insert(
                    i,
                    Part {
                        position,
                        generation,
                    },
                );
            }
        }
    }

    fn new_slot(&self, symbol: Symbol, now: UtcMicros) -> Slot {
        let mut row = new_row(symbol, self.day_lines.get(&symbol), now);
        row.is_halted = self
            .quotes
            .get(&symbol)
            .is_some_and(|quote| quote.is_halted);
        Slot {
            symbol,
            parts: Vec::with_capacity(1),
            problem: None,
            is_dirty: true,
            row: Arc::new(row),
            part_rows: Vec::new(),
        }
    }

    fn remove(&mut self, key: &PositionKey) {
        if let Ok(i) = self.find(key.symbol)
            && let Some(slot) = self.slots.get_mut(i)
        {
            slot.parts.retain(|part| {
                part.position.account != key.account || part.position.strategy != key.strategy
            });
            slot.is_dirty = true;
        }
    }

    /// Makes the changed rows again and drops the empty ones.
    fn settle(&mut self, ctx: &Ctx) {
        let now = ctx.now;
        let num_before = self.slots.len();
        for (symbol, _) in self.unreadable.by_symbol() {
            if let Err(i) = self.find(symbol) {
                let slot = self.new_slot(symbol, now);
                self.slots.insert(i, slot);
            }
        }
        for slot in &mut self.slots {
            let problem = self.unreadable.of_symbol(slot.symbol);
            if slot.problem.as_ref() != problem {
                slot.problem = problem.cloned();
                slot.is_dirty = true;
            }
        }
        self.slots
            .retain(|slot| !slot.parts.is_empty() || slot.problem.is_some());
        self.is_dirty |= self.slots.len() != num_before;
        for slot in self.slots.iter_mut().filter(|slot| slot.is_dirty) {
            slot.is_dirty = false;
            self.is_dirty |= remake(slot, now);
        }
        // A row with a new mark is not old any more, and says so with it.
        self.tick(ctx);
    }

    /// Compares the producer's totals with its own rows; a difference is counted and shown, never hidden.
    fn tie_out(&mut self, picture: &PositionsPicture) {
        let sum: Money = picture.positions.iter().map(|p| p.unrealized_pl).sum();
        let num = picture
            .positions
            .iter()
            .filter(|p| !p.qty.is_zero())
            .count();
        // A producer may round its total to the cent.
        let is_off = (sum - picture.totals.unrealized_pl).abs() > Money::from_units(1, 2);
        if is_off || count_u32(num) != picture.totals.num_positions {
            self.num_tie_out_breaks += 1;
        }
    }

    fn totals_view(&self, now: UtcMicros) -> Arc<TotalsView> {
        let old = &self.view.totals;
        let mut cost = Money::ZERO;
        let mut num_unpriced = 0;
        let mut new = TotalsView {
            pl: old.pl.clone(),
            pl_percent: old.pl_percent.clone(),
            value: old.value.clone(),
            ..TotalsView::default()
        };
        for slot in &self.slots {
            let figures = &slot.row.figures;
            new.unrealized_pl += figures.unrealized_pl;
            new.net_value += figures.market_value;
            new.gross_value += figures.gross_value;
            new.realized_pl_today += figures.realized_pl_today;
            new.num_long += usize::from(figures.qty.is_positive());
            new.num_short += usize::from(figures.qty.is_negative());
            num_unpriced += usize::from(slot.problem.is_none() && is_unpriced(figures));
            for part in slot.parts.iter().filter(|_| slot.problem.is_none()) {
                cost += part.position.avg_entry_price.times(part.position.qty).abs();
            }
        }
        new.incomplete = incomplete_text(self.unreadable.rows_text(), num_unpriced);
        if self.view.is_loaded {
            change(
                &mut new.pl,
                (old.unrealized_pl, new.unrealized_pl),
                now,
                pl_text,
            );
            change(
                &mut new.value,
                (old.net_value, new.net_value),
                now,
                value_text,
            );
        } else {
            let (text, tone) = pl_text(new.unrealized_pl);
            new.pl = new_cell(&text, tone);
            new.value = new_cell(&fmt::money(new.net_value), Tone::Neutral);
        }
        let (text, tone) = percent_text(new.unrealized_pl.ratio_of(cost), new.unrealized_pl);
        if *new.pl_percent.text != *text {
            new.pl_percent = new_cell(&text, tone);
        }
        if new == **old {
            Arc::clone(old)
        } else {
            Arc::new(new)
        }
    }
}

/// What the sums lack.
fn incomplete_text(unreadable: Option<Arc<str>>, num_unpriced: usize) -> Option<Arc<str>> {
    let unpriced = match num_unpriced {
        0 => return unreadable,
        1 => "1 price unknown".to_owned(),
        num => format!("{} prices unknown", fmt::count(num as u64)),
    };
    Some(match unreadable {
        Some(unreadable) => Arc::from(format!("{unreadable}, {unpriced}")),
        None => Arc::from(unpriced),
    })
}

fn count_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
