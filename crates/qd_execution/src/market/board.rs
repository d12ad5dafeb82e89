//! What every symbol trades at, and its line of the day. Moves nothing by itself: simulation and replay do.

use std::collections::{BTreeMap, BTreeSet};

use qd_types::{Price, Qty, Symbol};

use super::line::DayLine;
use super::{Quote, Traded};

/// Ticks between two samples of a fresh day's line.
const LINE_EVERY: u32 = 10;

#[derive(Clone, Debug)]
struct Entry {
    quote: Quote,
    line: DayLine,
}

/// All quotes, sorted by symbol, and which of them the present tick changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Board {
    entries: BTreeMap<Symbol, Entry>,
    changed: BTreeSet<Symbol>,
    /// Those of them whose bid and ask are new, not only the last trade.
    requoted: BTreeSet<Symbol>,
    /// As [`Self::changed`] and [`Self::requoted`] hand them out.
    lists: (Vec<Symbol>, Vec<Symbol>),
    /// Shares that traded in this tick, by price.
    traded: BTreeMap<(Symbol, Price), Qty>,
    /// Symbols in which the exchange has stopped trading.
    halted: BTreeSet<Symbol>,
}

impl Board {
    /// Takes over a quote with a new bid and ask.
    pub(super) fn put(&mut self, quote: Quote) {
        self.requoted.insert(quote.symbol);
        self.put_trade(quote);
    }

    /// Takes over a quote of which only the last trade is new: what was taken of its sizes stays taken.
    pub(super) fn put_trade(&mut self, quote: Quote) {
        self.changed.insert(quote.symbol);
        self.entries
            .entry(quote.symbol)
            .and_modify(|entry| entry.quote = quote)
            .or_insert_with(|| Entry {
                quote,
                line: DayLine::new(LINE_EVERY),
            });
    }

    /// Notes that shares changed hands on the market.
    pub(super) fn note_traded(&mut self, symbol: Symbol, price: Price, qty: Qty) {
        if qty.is_positive() {
            *self.traded.entry((symbol, price)).or_default() += qty;
        }
    }

    /// Stops trading in a symbol, or lets it go on.
    pub(super) fn set_halted(&mut self, symbol: Symbol, is_halted: bool) {
        if is_halted {
            self.halted.insert(symbol);
        } else {
            self.halted.remove(&symbol);
        }
        if let Some(entry) = self.entries.get_mut(&symbol) {
            entry.quote.is_halted = is_halted;
            self.changed.insert(symbol);
        }
    }

    /// Begins a tick: nothing has changed yet.
    pub(super) fn begin_tick(&mut self) {
        self.changed.clear();
        self.requoted.clear();
        self.traded.clear();
    }

    /// Forgets everything: another run of the day begins.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.halted.clear();
    }

    /// Ends a tick: what stands now is a sample of each line.
    pub(super) fn end_tick(&mut self) {
        for entry in self.entries.values_mut() {
            entry.line.push(entry.quote.price);
        }
        self.lists.0.clear();
        self.lists.0.extend(&self.changed);
        self.lists.1.clear();
        self.lists.1.extend(&self.requoted);
    }

    pub(super) fn quote(&self, symbol: Symbol) -> Option<&Quote> {
        self.entries.get(&symbol).map(|entry| &entry.quote)
    }

    pub(super) fn quotes(&self) -> impl Iterator<Item = &Quote> {
        self.entries.values().map(|entry| &entry.quote)
    }

    pub(super) fn changed(&self) -> &[Symbol] {
        &self.lists.0
    }

    pub(super) fn requoted(&self) -> &[Symbol] {
        &self.lists.1
    }

    pub(super) fn traded(&self) -> impl Iterator<Item = Traded> {
        self.traded
            .iter()
            .map(|(&(symbol, price), &qty)| Traded { symbol, price, qty })
    }

    pub(super) fn halted(&self) -> &BTreeSet<Symbol> {
        &self.halted
    }

    pub(super) fn series(&self, symbol: Symbol, max_points: usize) -> Option<Vec<Price>> {
        let entry = self.entries.get(&symbol)?;
        Some(entry.line.read(entry.quote.price, max_points))
    }

    pub(super) fn start_day(&mut self) {
        for entry in self.entries.values_mut() {
            entry.line.clear(LINE_EVERY);
        }
    }
}
