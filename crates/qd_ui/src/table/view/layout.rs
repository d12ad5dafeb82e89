//! Which columns a user shows, in what order and how wide; kept as one line of text.
//!
//! Only differences are kept: a column that a later version adds appears where that version puts it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::table::{Pin, TableColumn};

/// No column is dragged narrower than this.
const LEAST_WIDTH: f32 = 32.0;
/// Nor wider.
const MOST_WIDTH: f32 = 600.0;

/// What the user changed about a table's columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnLayout {
    /// Columns between the pinned ones, in the user's order; empty for the page's own.
    order: Vec<&'static str>,
    hidden: Vec<&'static str>,
    widths: BTreeMap<&'static str, f32>,
}

impl ColumnLayout {
    /// Whether nothing was changed.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a column is hidden.
    pub fn is_hidden(&self, column_id: &str) -> bool {
        self.hidden.contains(&column_id)
    }

    /// The width that was dragged, in points; absent for one that fits itself.
    pub fn width_of(&self, column_id: &str) -> Option<f32> {
        self.widths.get(column_id).copied()
    }

    /// Shows or hides a column. Pinned ones stay: a row without its name or its buttons is none.
    pub fn set_hidden(&mut self, column: &TableColumn, is_hidden: bool) {
        self.hidden.retain(|id| *id != column.column_id);
        if is_hidden && column.pin == Pin::None {
            self.hidden.push(column.column_id);
        }
    }

    /// Gives a column a width in points, or lets it fit itself again.
    pub fn set_width(&mut self, column_id: &'static str, width: Option<f32>) {
        match width.filter(|width| width.is_finite()) {
            Some(width) => {
                let width = width.round().clamp(LEAST_WIDTH, MOST_WIDTH);
                self.widths.insert(column_id, width);
            }
            None => {
                self.widths.remove(column_id);
            }
        }
    }

    /// Moves a column by so many places among those that are not pinned.
    pub fn shift(&mut self, columns: &[TableColumn], column_id: &str, by: isize) {
        let mut order: Vec<&'static str> = self
            .arranged(columns)
            .into_iter()
            .filter(|column| column.pin == Pin::None)
            .map(|column| column.column_id)
            .collect();
        let Some(from) = order.iter().position(|id| *id == column_id) else {
            return;
        };
        let to = from.saturating_add_signed(by).min(order.len() - 1);
        let moved = order.remove(from);
        order.insert(to, moved);
        self.order = order;
    }

    /// All columns in the user's order, hidden ones too.
    pub fn arranged(&self, columns: &[TableColumn]) -> Vec<TableColumn> {
        let mut arranged = columns.to_vec();
        if self.order.is_empty() {
            return arranged;
        }
        let mut middle: Vec<TableColumn> = columns
            .iter()
            .filter(|column| column.pin == Pin::None)
            .copied()
            .collect();
        // A column without a place of its own comes after the one that it follows on the page.
        let mut last = 0;
        let mut place = BTreeMap::new();
        for column in &middle {
            if let Some(at) = self.order.iter().position(|id| *id == column.column_id) {
                last = at;
            }
            place.insert(column.column_id, last);
        }
        middle.sort_by_key(|column| place.get(column.column_id).copied());
        let mut middle = middle.into_iter();
        for column in arranged.iter_mut().filter(|column| column.pin == Pin::None) {
            if let Some(next) = middle.next() {
                *column = next;
            }
        }
        arranged
    }

    /// The columns to draw.
    pub fn shown(&self, columns: &[TableColumn]) -> Vec<TableColumn> {
        let mut shown = self.arranged(columns);
        shown.retain(|column| !self.is_hidden(column.column_id));
        for column in &mut shown {
            if let Some(width) = self.width_of(column.column_id) {
                (column.min, column.ideal, column.grow) = (width, width, 0.0);
                column.gives_way = false;
            }
        }
        shown
    }

    /// As one line: `pl qty:96 -avg`, in order, hidden ones with a minus sign, widths behind a colon.
    pub fn encode(&self) -> String {
        let mut line = String::new();
        let named = self.order.iter().chain(
            self.hidden
                .iter()
                .chain(self.widths.keys())
                .filter(|id| !self.order.contains(id)),
        );
        let mut seen = Vec::new();
        for id in named {
            if seen.contains(id) {
                continue;
            }
            seen.push(id);
            let sign = if self.is_hidden(id) { "-" } else { "" };
            // A place is kept only when all have one.
            let mark = if self.order.contains(id) { "" } else { "~" };
            write!(
                line,
                "{}{mark}{sign}{id}",
                if line.is_empty() { "" } else { " " }
            )
            .ok();
            if let Some(width) = self.width_of(id) {
                write!(line, ":{width:.0}").ok();
            }
        }
        line
    }

    /// The layout that a line stands for. What it does not know or cannot read is left out.
    pub fn decode(line: &str, columns: &[TableColumn]) -> Self {
        let mut layout = Self::default();
        for word in line.split_whitespace() {
            let (is_placed, word) = word.strip_prefix('~').map_or((true, word), |w| (false, w));
            let (is_hidden, word) = word.strip_prefix('-').map_or((false, word), |w| (true, w));
            let (id, width) = word.split_once(':').unwrap_or((word, ""));
            let Some(column) = columns.iter().find(|column| column.column_id == id) else {
                continue;
            };
            if is_placed && column.pin == Pin::None && !layout.order.contains(&column.column_id) {
                layout.order.push(column.column_id);
            }
            if is_hidden {
                layout.set_hidden(column, true);
            }
            if let Ok(width) = width.parse() {
                layout.set_width(column.column_id, Some(width));
            }
        }
        layout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [TableColumn; 5] = [
        TableColumn::new("symbol", "Symbol", 50.0, 80.0).pin_left(),
        TableColumn::new("qty", "Qty", 40.0, 60.0).right(),
        TableColumn::new("avg", "Avg", 40.0, 60.0).right(),
        TableColumn::new("pl", "P&L", 40.0, 60.0).right(),
        TableColumn::new("close", "", 60.0, 60.0).pin_right(),
    ];

    fn ids(columns: &[TableColumn]) -> Vec<&'static str> {
        columns.iter().map(|column| column.column_id).collect()
    }

    #[test]
    fn columns_move_between_the_pinned_ones_and_come_back_from_text() {
        let mut layout = ColumnLayout::default();
        assert_eq!(layout.encode(), "");
        layout.shift(&COLUMNS, "pl", -2);
        assert_eq!(
            ids(&layout.shown(&COLUMNS)),
            ["symbol", "pl", "qty", "avg", "close"]
        );
        layout.shift(&COLUMNS, "pl", -9);
        layout.shift(&COLUMNS, "symbol", 2);
        layout.set_hidden(&COLUMNS[2], true);
        layout.set_hidden(&COLUMNS[0], true);
        layout.set_width("qty", Some(95.6));
        layout.set_width("close", Some(f32::NAN));
        layout.set_width("symbol", Some(1.0));
        assert_eq!(
            ids(&layout.shown(&COLUMNS)),
            ["symbol", "pl", "qty", "close"]
        );
        let line = layout.encode();
        assert_eq!(line, "pl qty:96 -avg ~symbol:32");
        assert_eq!(ColumnLayout::decode(&line, &COLUMNS), layout);
    }

    #[test]
    fn what_is_unknown_or_damaged_is_left_out() {
        let layout = ColumnLayout::decode("gone -pl:x ~-qty:1e9 \u{0} : -", &COLUMNS);
        assert_eq!(ids(&layout.shown(&COLUMNS)), ["symbol", "avg", "close"]);
        assert_eq!(layout.width_of("qty"), Some(MOST_WIDTH));
        // A column that the line does not know stands behind the one that it follows.
        let layout = ColumnLayout::decode("pl qty", &COLUMNS);
        assert_eq!(
            ids(&layout.shown(&COLUMNS)),
            ["symbol", "pl", "qty", "avg", "close"]
        );
    }

    #[test]
    fn a_dragged_width_stands_whatever_the_room() {
        let mut layout = ColumnLayout::default();
        layout.set_width("qty", Some(200.0));
        let column = layout.shown(&COLUMNS)[1];
        assert_eq!((column.min, column.ideal, column.grow), (200.0, 200.0, 0.0));
        layout.set_width("qty", None);
        assert!(layout.is_default());
    }
}
