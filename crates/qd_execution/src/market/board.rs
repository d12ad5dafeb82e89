//! What every symbol trades at, and its line of the day. Moves nothing by itself: simulation and replay do.

use std::collections::{BTreeMap, BTreeSet};

use qd_types::{Price, Symbol};

use super::Quote;
use super::line::DayLine;

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
    /// As [`Self::changed`] hands them out.
    changed_list: Vec<Symbol>,
}

impl Board {
    /// Takes over a quote.
    pub(super) fn put(&mut self, quote: Quote) {
        self.changed.insert(quote.symbol);
        self.entries
            .entry(quote.symbol)
            .and_modify(|entry| entry.quote = quote)
            .or_insert_with(|| Entry {
                quote,
                line: DayLine::new(LINE_EVERY),
            });
    }

    /// Begins a tick: nothing has changed yet.
    pub(super) fn begin_tick(&mut self) {
        self.changed.clear();
    }

    /// Ends a tick: what stands now is a sample of each line.
    pub(super) fn end_tick(&mut self) {
        for entry in self.entries.values_mut() {
            entry.line.push(entry.quote.price);
        }
        self.changed_list.clear();
        self.changed_list.extend(&self.changed);
    }

    pub(super) fn quote(&self, symbol: Symbol) -> Option<&Quote> {
        self.entries.get(&symbol).map(|entry| &entry.quote)
    }

    pub(super) fn quotes(&self) -> impl Iterator<Item = &Quote> {
        self.entries.values().map(|entry| &entry.quote)
    }

    pub(super) fn changed(&self) -> &[Symbol] {
        &self.changed_list
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
