//! Which rows a table shows, and the order held under the pointer; the sorting itself is in `work`.
//!
//! Pure: rows in, places out. Called when rows, sort or filters change, not per frame.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::TableModel;
use super::filter::Test;
use super::value::CellValue;
use crate::table::SortState;

/// What decides which rows are shown, and in what order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Criteria {
    /// Lower case, trimmed.
    pub(super) quick: String,
    pub(super) tests: Vec<(&'static str, Test)>,
    pub(super) sort: SortState,
}

impl Criteria {
    pub(super) fn passes<M: TableModel>(&self, row: &M::Row) -> bool {
        self.tests
            .iter()
            .all(|(column_id, test)| test.passes(&M::value(row, column_id)))
            && (self.quick.is_empty() || self.is_quickly_found::<M>(row))
    }

    /// Whether any of the row's words have what was typed above the table.
    fn is_quickly_found<M: TableModel>(&self, row: &M::Row) -> bool {
        M::WORDS
            .iter()
            .any(|column_id| match M::value(row, column_id) {
                CellValue::Text(words) => words.to_lowercase().contains(&self.quick),
                CellValue::Empty | CellValue::Number(_) | CellValue::Time(_) => false,
            })
    }
}

/// The order as it was, without the rows that left and with the new ones at the end, in their natural order.
///
/// With `only_new`, rows count as new that were not there before, and not those that only now pass the filters: that
/// costs nothing while the list is the same.
pub(super) fn held<M: TableModel>(
    before: (&[Arc<M::Row>], &[usize]),
    rows: &[Arc<M::Row>],
    criteria: &Criteria,
    only_new: bool,
) -> Vec<usize> {
    let (rows_before, shown_before) = before;
    let is_same_list = rows.len() == rows_before.len()
        && rows
            .iter()
            .zip(rows_before)
            .all(|(row, before)| Arc::ptr_eq(row, before) || M::key(row) == M::key(before));
    let mut held: Vec<usize> = if is_same_list {
        shown_before.to_vec()
    } else {
        let places: BTreeMap<M::Key, usize> = rows
            .iter()
            .enumerate()
            .map(|(i, row)| (M::key(row), i))
            .collect();
        shown_before
            .iter()
            .filter_map(|i| rows_before.get(*i))
            .filter_map(|row| places.get(&M::key(row)).copied())
            .collect()
    };
    if held.len() == rows.len() || (only_new && is_same_list) {
        return held;
    }
    let known: BTreeSet<M::Key> = if only_new {
        rows_before.iter().map(|row| M::key(row)).collect()
    } else {
        held.iter()
            .filter_map(|i| rows.get(*i))
            .map(|row| M::key(row))
            .collect()
    };
    held.extend(
        rows.iter()
            .enumerate()
            .filter(|(_, row)| !known.contains(&M::key(row)) && criteria.passes::<M>(row))
            .map(|(i, _)| i),
    );
    held
}
