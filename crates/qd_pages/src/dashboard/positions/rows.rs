//! A row of positions as it is painted, named and explained; folded by symbol or one stake each.
//!
//! It decides nothing: what was clicked is kept for the panel.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use egui::Id;
use qd_state::PositionRow;
use qd_types::{Tone, fmt};
use qd_ui::table::view::{Shown, TableModel};
use qd_ui::table::{CellUi, TableRows};

use crate::PageCtx;
use crate::dashboard::request::close_refusal;
use crate::dashboard::row_parts::{
    command_words, key_of, new_row_age_ms, number_cell, priced_cell,
};
use crate::provenance::way_of;

/// The row is there, and what it says is not to be read: the reason stands at the row.
const UNREADABLE: &str =
    "The server's word on this position cannot be read here. It can be closed all the same.";

/// Not our halt: the desk may trade, this symbol may not.
const HALTED: &str =
    "The exchange has stopped trading in this symbol. Nothing fills until it reopens.";

/// The rows of either table of positions, with what they are drawn from.
pub(super) struct Rows<'a, M: TableModel<Row = PositionRow>> {
    pub(super) cx: &'a PageCtx<'a>,
    pub(super) shown: Shown<PositionRow>,
    pub(super) selected: Arc<BTreeSet<M::Key>>,
    pub(super) num_selected: usize,
    /// A row is one stake, of one strategy on one account.
    pub(super) is_unfolded: bool,
    pub(super) close_clicked: Option<(Arc<PositionRow>, Id)>,
}

impl<M: TableModel<Row = PositionRow>> Rows<'_, M> {
    fn at(&self, row: usize) -> Option<&Arc<PositionRow>> {
        self.shown.at(row)
    }

    /// "AAPL", or "AAPL of momentum" where a row is one stake.
    fn name_of(&self, row: &PositionRow) -> String {
        match row.parts.first() {
            Some(part) if self.is_unfolded && row.problem.is_none() => {
                format!("{} of {}", row.symbol, part.key.strategy)
            }
            Some(_) | None => row.symbol.to_string(),
        }
    }

    /// What is wrong with a row's price; absent while nothing is.
    fn price_words(&self, row: &PositionRow) -> Option<String> {
        if let Some(problem) = &row.problem {
            return Some(format!("unreadable: {problem}"));
        }
        let age = self.age_words(row);
        if !row.is_halted {
            return age;
        }
        let halted = "trading halted by the exchange".to_owned();
        Some(age.map_or_else(|| halted.clone(), |age| format!("{halted}, {age}")))
    }

    fn age_words(&self, row: &PositionRow) -> Option<String> {
        match row.figures.price_at {
            Some(at) if row.price_is_stale => {
                let age = self.cx.server_now().millis_since(at);
                Some(if age < 0 {
                    format!("price of {} from now: a clock is wrong", fmt::age(-age))
                } else {
                    format!("price {} old", fmt::age(age))
                })
            }
            Some(_) => None,
            None => Some("no price yet".to_owned()),
        }
    }
}

impl<M: TableModel<Row = PositionRow>> TableRows for Rows<'_, M> {
    fn num_rows(&self) -> usize {
        self.shown.len()
    }

    fn row_key(&self, row: usize) -> u64 {
        self.at(row).map_or(0, |row| {
            let part = row.parts.first().filter(|_| self.is_unfolded);
            key_of((row.symbol, part.map(|part| &part.key)))
        })
    }

    fn row_name(&self, row: usize) -> String {
        self.at(row)
            .map(|row| self.name_of(row))
            .unwrap_or_default()
    }

    fn row_summary(&self, row: usize) -> String {
        let Some(row) = self.at(row) else {
            return String::new();
        };
        let mut summary = format!(
            "{}, quantity {}, average {}, current {}, P&L {} {}, value {}",
            self.name_of(row),
            row.qty.text,
            row.avg_entry.text,
            row.current.text,
            row.pl.text,
            row.pl_percent.text,
            row.value.text
        );
        if let Some(words) = self.price_words(row) {
            write!(summary, ", {words}").ok();
        }
        if let Some(words) = command_words(row.command.as_ref()) {
            write!(summary, ", {}", words.full).ok();
        }
        summary
    }

    fn row_hover(&self, row: usize) -> Option<String> {
        let row = self.at(row)?;
        let price = match (self.price_words(row), row.figures.price_at) {
            (Some(words), _) if row.problem.is_some() => format!("{words}. It is in no total."),
            (Some(words), _) => format!("{words}. P&L and value are made of it."),
            (None, Some(at)) => {
                let age = self.cx.server_now().millis_since(at).max(0);
                format!("price {} old", fmt::age(age))
            }
            (None, None) => String::new(),
        };
        let way = way_of(self.cx, &self.cx.snapshot.positions.seal);
        Some(format!("{}: {price}\n{way}", row.symbol))
    }

    fn num_selected(&self) -> usize {
        self.num_selected
    }

    fn is_selected(&self, row: usize) -> bool {
        self.at(row)
            .is_some_and(|row| self.selected.contains(&M::key(row)))
    }

    fn row_age_ms(&self, row: usize) -> Option<u32> {
        new_row_age_ms(self.cx, self.at(row)?.appeared_at)
    }

    fn totals_summary(&self) -> Option<String> {
        let totals = &self.cx.snapshot.positions.totals;
        let num_rows = self.cx.snapshot.positions.rows.len();
        (num_rows > 0).then(|| {
            let lacks = totals
                .incomplete
                .as_ref()
                .map_or_else(String::new, |lacks| format!(", incomplete: {lacks}"));
            format!(
                "Total of all {num_rows} positions, P&L {} {}, value {}{lacks}",
                totals.pl.text, totals.pl_percent.text, totals.value.text
            )
        })
    }

    fn total_cell(&mut self, cell: &mut CellUi<'_, '_>) {
        let totals = &self.cx.snapshot.positions.totals;
        match cell.column().column_id {
            "symbol" if totals.incomplete.is_some() => cell.strong("Total of some"),
            "symbol" => cell.strong("Total"),
            "pl" => cell.trend(&totals.pl.text, totals.pl.tone),
            "plpc" => cell.number_toned(&totals.pl_percent.text, totals.pl_percent.tone),
            "value" => cell.number(&totals.value.text),
            _ => {}
        }
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let Some(row) = self.at(row).map(Arc::clone) else {
            return;
        };
        match cell.column().column_id {
            "symbol" => cell.strong(row.symbol.as_str()),
            "account" => cell.text(
                row.parts
                    .first()
                    .map_or("", |part| part.key.account.as_str()),
            ),
            "strategy" => {
                cell.text(
                    row.parts
                        .first()
                        .map_or("", |part| part.key.strategy.as_str()),
                );
            }
            "qty" => number_cell(self.cx, cell, &row.qty),
            "avg" => cell.number(&row.avg_entry.text),
            "current" => priced_cell(self.cx, cell, &row.current, row.price_is_stale),
            "pl" if row.price_is_stale => cell.trend_stale(&row.pl.text, row.pl.tone),
            "pl" => cell.trend(&row.pl.text, row.pl.tone),
            "plpc" if row.price_is_stale => cell.number_stale(&row.pl_percent.text),
            "plpc" => cell.number_toned(&row.pl_percent.text, row.pl_percent.tone),
            "value" if row.price_is_stale => cell.number_stale(&row.value.text),
            "value" => cell.number(&row.value.text),
            // An error belongs where its row is; the day's line gives it its place.
            "today" => match command_words(row.command.as_ref()) {
                Some(words) => cell.badge_explained(words.short, words.tone, &words.full),
                None if row.problem.is_some() => {
                    cell.badge_explained("UNREADABLE", Tone::Warn, UNREADABLE);
                }
                None if row.is_halted => cell.badge_explained("HALTED", Tone::Warn, HALTED),
                None => cell.spark(&row.day_line, row.pl.tone),
            },
            _ => {
                let reason = close_refusal(self.cx, &row);
                let name = format!("Close {}", self.name_of(&row));
                let response = cell.button_unless("Close", &name, reason);
                if response.clicked() && reason.is_none() {
                    self.close_clicked = Some((row, response.id));
                }
            }
        }
    }
}
