//! Which rows a table shows and in what order: filters, sort, and the order held under the pointer.
//!
//! Pure: rows in, places out. Called when rows, sort or filters change, not per frame.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::TableModel;
use super::filter::Test;
use super::value::{CellValue, SortKey};
use crate::table::{SortDir, SortState};

/// What decides which rows are shown, and in what order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Criteria {
    /// Lower case, trimmed.
    pub(super) quick: String,
    pub(super) tests: Vec<(&'static str, Test)>,
    pub(super) sort: SortState,
}

impl Criteria {
    fn passes<M: TableModel>(&self, row: &M::Row) -> bool {
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

/// The places of the rows that pass, in the order of the sort. Equal rows keep the order they came in, whichever way
/// the sort goes; rows without a value come last, whichever way it goes.
pub(super) fn ordered<M: TableModel>(rows: &[Arc<M::Row>], criteria: &Criteria) -> Vec<usize> {
    profiling::function_scope!();
    let is_filtered = !criteria.tests.is_empty() || !criteria.quick.is_empty();
    let passed = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| !is_filtered || criteria.passes::<M>(row));
    let Some((column_id, dir)) = criteria.sort.by else {
        return passed.map(|(i, _)| i).collect();
    };
    // A key is made once per row, not once per comparison.
    let mut keyed: Vec<(SortKey<'_>, usize)> = passed
        .map(|(i, row)| (SortKey::from(M::value(row, column_id)), i))
        .collect();
    if keyed
        .iter()
        .all(|(key, _)| matches!(key, SortKey::Number(_)))
    {
        return by_number(&keyed, dir);
    }
    keyed.sort_by(|(left, _), (right, _)| match (left, right) {
        (SortKey::Empty, _) | (_, SortKey::Empty) => left.cmp(right),
        _ => directed(left.cmp(right), dir),
    });
    keyed.into_iter().map(|(_, i)| i).collect()
}

/// The common case, without a branch per comparison.
fn by_number(keyed: &[(SortKey<'_>, usize)], dir: SortDir) -> Vec<usize> {
    let mut numbers: Vec<(i128, usize)> = keyed
        .iter()
        .map(|(key, i)| match (key, dir) {
            (SortKey::Number(number), SortDir::Ascending) => (*number, *i),
            // Not `reverse`: equal rows keep their order.
            (SortKey::Number(number), SortDir::Descending) => (number.saturating_neg(), *i),
            (SortKey::Text(_) | SortKey::Empty, _) => (0, *i),
        })
        .collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|(_, i)| i).collect()
}

fn directed(ordering: Ordering, dir: SortDir) -> Ordering {
    match dir {
        SortDir::Ascending => ordering,
        SortDir::Descending => ordering.reverse(),
    }
}

/// The order as it was, without the rows that left and with the new ones at the end, in their natural order.
pub(super) fn held<M: TableModel>(
    before: (&[Arc<M::Row>], &[usize]),
    rows: &[Arc<M::Row>],
    criteria: &Criteria,
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
    let natural = Criteria {
        sort: SortState::NATURAL,
        ..criteria.clone()
    };
    if held.len() < rows.len() {
        let shown: BTreeSet<usize> = held.iter().copied().collect();
        let joins = ordered::<M>(rows, &natural);
        held.extend(joins.into_iter().filter(|i| !shown.contains(i)));
    }
    held
}
