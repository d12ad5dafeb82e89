//! What of the positions could not be read, and why, until a word comes that can be.
//!
//! It changes no figure: the rows do, by asking here whether they may show one.

use std::collections::BTreeMap;
use std::sync::Arc;

use qd_types::{AccountId, PositionKey, StrategyId, Symbol, fmt};

use crate::event::{Figure, UnreadableRow};

/// The account and strategy of a row; absent when they cannot be read either.
type Holder = Option<(AccountId, StrategyId)>;

/// What could not be read.
#[derive(Debug, Default)]
pub(crate) struct Unreadable {
    /// Rows of known symbols.
    rows: BTreeMap<(Symbol, Holder), Arc<str>>,
    /// Rows of nobody knows what; only a whole picture can bring them, and only the next can take them away.
    nameless: Vec<Arc<str>>,
    figures: BTreeMap<Figure, Arc<str>>,
}

impl Unreadable {
    /// A whole picture comes.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Account figures come that can be read.
    pub(crate) fn forget_figures(&mut self) {
        self.figures.clear();
    }

    /// A word on this row came that can be read.
    pub(crate) fn forget(&mut self, key: &PositionKey) {
        if self.rows.is_empty() {
            return;
        }
        let holder = Some((key.account.clone(), key.strategy.clone()));
        self.rows.remove(&(key.symbol, holder));
    }

    /// These could not be read.
    pub(crate) fn add(&mut self, rows: Vec<UnreadableRow>, figures: Vec<(Figure, String)>) {
        for row in rows {
            let reason = Arc::from(row.reason);
            match (row.symbol, row.key) {
                (Some(symbol), key) => {
                    let holder = key.map(|key| (key.account, key.strategy));
                    self.rows.insert((symbol, holder), reason);
                }
                (None, _) => self.nameless.push(reason),
            }
        }
        for (figure, reason) in figures {
            self.figures.insert(figure, Arc::from(reason));
        }
    }

    /// The symbols of which something cannot be read, with the reason; one may come more than once.
    pub(crate) fn by_symbol(&self) -> Vec<(Symbol, Arc<str>)> {
        self.rows
            .iter()
            .map(|((symbol, _), reason)| (*symbol, Arc::clone(reason)))
            .collect()
    }

    /// Why the row of `symbol` cannot be read.
    pub(crate) fn of_symbol(&self, symbol: Symbol) -> Option<&Arc<str>> {
        self.rows
            .range((symbol, None)..)
            .next()
            .filter(|((found, _), _)| *found == symbol)
            .map(|(_, reason)| reason)
    }

    /// Why a figure cannot be read.
    pub(crate) fn figure(&self, figure: Figure) -> Option<&Arc<str>> {
        self.figures.get(&figure)
    }

    /// "1 row unreadable"; absent when all can be read.
    pub(crate) fn rows_text(&self) -> Option<Arc<str>> {
        match self.rows.len() + self.nameless.len() {
            0 => None,
            1 => Some(Arc::from("1 row unreadable")),
            num => Some(Arc::from(format!(
                "{} rows unreadable",
                fmt::count(num as u64)
            ))),
        }
    }

    /// A line for each.
    pub(crate) fn lines(&self) -> Arc<[Arc<str>]> {
        let rows = self
            .rows
            .iter()
            .map(|((symbol, _), reason)| Arc::from(format!("{symbol}: {reason}")));
        rows.chain(self.nameless.iter().map(Arc::clone)).collect()
    }
}
