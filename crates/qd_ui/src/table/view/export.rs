//! A table as text: for the clipboard, and for a file.
//!
//! What leaves the console is what is on screen, in its order and columns, but exact: plain decimals, and instants in
//! UTC by RFC 3339. A file says above its rows what they are worth: when they were taken, up to which number they are
//! verified, what is filtered away.

use csv::{QuoteStyle, Writer, WriterBuilder};
use qd_types::UtcMicros;

use super::{CellValue, Shown, TableModel, TableView};
use crate::table::TableColumn;

/// What a file says above its rows.
#[derive(Clone, Copy, Debug)]
pub struct ExportNotes<'a> {
    /// What is listed: "Positions".
    pub title: &'a str,
    /// When, on the server's clock.
    pub made_at: UtcMicros,
    /// The seal's words at that instant.
    pub seal: &'a str,
}

impl<M: TableModel> TableView<M> {
    /// The selected rows that are shown, for a spreadsheet, tabs between the cells; the keyboard's row when none is
    /// selected at all, and all that is shown when there is not even that.
    pub fn to_tsv(&self, shown: &Shown<M::Row>) -> String {
        let shown = &self.exact(shown);
        let columns = self.exported();
        let mut table = WriterBuilder::new()
            .delimiter(b'\t')
            .from_writer(Vec::new());
        write_titles(&mut table, &columns);
        if !self.selection().keys().is_empty() {
            for row in self.selected(shown) {
                write_row::<M>(&mut table, &columns, row);
            }
        } else if let Some(row) = self.cursor_row(shown) {
            write_row::<M>(&mut table, &columns, row);
        } else {
            for row in shown.iter() {
                write_row::<M>(&mut table, &columns, row);
            }
        }
        finish(table)
    }

    /// Every row that no filter keeps back, as a CSV file.
    pub fn to_csv(&self, shown: &Shown<M::Row>, notes: &ExportNotes<'_>) -> String {
        let shown = &self.exact(shown);
        let columns = self.exported();
        // Notes are shorter than rows.
        let mut table = WriterBuilder::new()
            .flexible(true)
            .quote_style(QuoteStyle::Necessary)
            .from_writer(Vec::new());
        let num_rows = format!("{} of {}", shown.len(), shown.len() + shown.num_hidden());
        for (name, words) in [
            ("# table", notes.title),
            ("# taken at", &notes.made_at.to_rfc3339()),
            ("# time zone", "UTC"),
            ("# seal", notes.seal),
            ("# rows", &num_rows),
            ("# filter", &self.filter_words()),
        ] {
            table.write_record([name, words]).ok();
        }
        write_titles(&mut table, &columns);
        for row in shown.iter() {
            write_row::<M>(&mut table, &columns, row);
        }
        finish(table)
    }

    /// The keyboard's row, wherever it stands by now.
    fn cursor_row<'s>(&self, shown: &'s Shown<M::Row>) -> Option<&'s std::sync::Arc<M::Row>> {
        let cursor = self.selection().cursor()?;
        shown.iter().find(|row| M::key(row) == *cursor)
    }

    /// The columns on screen that have values; buttons have none.
    fn exported(&self) -> Vec<TableColumn> {
        let columns = self.columns();
        let named = columns.iter().filter(|column| column.is_exported);
        named.copied().collect()
    }

    /// "symbol: aapl|msft; P&L ($): >100"; "none".
    fn filter_words(&self) -> String {
        let mut words = Vec::new();
        if !self.quick_filter().trim().is_empty() {
            words.push(format!("any column: {}", self.quick_filter().trim()));
        }
        for column in self.columns {
            let text = match self.filter_of(column.column_id) {
                Some(_) if self.filter_error(column.column_id).is_some() => continue,
                Some(super::ColumnFilter::Typed(text)) => text.trim().to_owned(),
                Some(super::ColumnFilter::Chosen(chosen)) => {
                    chosen.iter().copied().collect::<Vec<_>>().join("|")
                }
                None => continue,
            };
            words.push(format!("{}: {text}", column.title));
        }
        if words.is_empty() {
            "none".to_owned()
        } else {
            words.join("; ")
        }
    }
}

fn write_titles(table: &mut Writer<Vec<u8>>, columns: &[TableColumn]) {
    // A write into memory does not fail.
    table
        .write_record(columns.iter().map(|column| column.title))
        .ok();
}

fn write_row<M: TableModel>(table: &mut Writer<Vec<u8>>, columns: &[TableColumn], row: &M::Row) {
    let cells = columns
        .iter()
        .map(|column| match M::value(row, column.column_id) {
            CellValue::Empty => String::new(),
            CellValue::Text(words) => disarmed(&words),
            CellValue::Number(number) => number.normalize().to_string(),
            CellValue::Time(at) => at.to_rfc3339(),
        });
    table.write_record(cells).ok();
}

/// Words that a spreadsheet would take for a formula get an apostrophe, which it shows as the words themselves.
fn disarmed(words: &str) -> String {
    if words.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{words}")
    } else {
        words.to_owned()
    }
}

fn finish(table: Writer<Vec<u8>>) -> String {
    table
        .into_inner()
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_default()
}
