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
pub(super) fn held<M: TableModel>(
    before: (&[Arc<M::Row>], &[usize]),
    rows: &[Arc<M::Row>],
    criteria: &Criteria,
) -> Vec<usize> {
    let mut held = Moves::between::<M>(before.0, rows).carried(before.1);
    if held.len() < rows.len() {
        let shown: BTreeSet<usize> = held.iter().copied().collect();
        held.extend(
            rows.iter()
                .enumerate()
                .filter(|(i, row)| !shown.contains(i) && criteria.passes::<M>(row))
                .map(|(i, _)| i),
        );
    }
    held
}

/// The same for a large table: rows count as new that were not there before, and not those that only now pass the
/// filters. That looks at the rows that came and at no other.
pub(super) fn held_or_new<M: TableModel>(
    before: (&[Arc<M::Row>], &[usize]),
    rows: &[Arc<M::Row>],
    criteria: &Criteria,
) -> Vec<usize> {
    let moves = Moves::between::<M>(before.0, rows);
    let mut held = moves.carried(before.1);
    let is_new = |i: &usize| rows.get(*i).is_some_and(|row| criteria.passes::<M>(row));
    held.extend(moves.came.into_iter().filter(is_new));
    held
}

/// Where the rows of one list stand in the next. Lists are alike at both ends, nearly always: only what lies between is
/// looked up.
struct Moves {
    num_before: usize,
    num_after: usize,
    /// Alike at the beginning.
    head: usize,
    /// Alike at the end.
    tail: usize,
    /// The places between, by the place before.
    between: BTreeMap<usize, usize>,
    /// The rows between that were not there before.
    came: Vec<usize>,
}

impl Moves {
    fn between<M: TableModel>(before: &[Arc<M::Row>], after: &[Arc<M::Row>]) -> Self {
        let is_same = |(one, other): &(&Arc<M::Row>, &Arc<M::Row>)| {
            Arc::ptr_eq(one, other) || M::key(one) == M::key(other)
        };
        let head = before.iter().zip(after).take_while(is_same).count();
        let rest = (
            before.get(head..).unwrap_or_default(),
            after.get(head..).unwrap_or_default(),
        );
        let ends = rest.0.iter().rev().zip(rest.1.iter().rev());
        let tail = ends.take_while(is_same).count();
        let middle = |rows: &[Arc<M::Row>]| -> Vec<(M::Key, usize)> {
            let keys = rows.iter().enumerate().take(rows.len() - tail).skip(head);
            keys.map(|(i, row)| (M::key(row), i)).collect()
        };
        let mut left: BTreeMap<M::Key, usize> = middle(before).into_iter().collect();
        let (mut between, mut came) = (BTreeMap::new(), Vec::new());
        for (key, i) in middle(after) {
            match left.remove(&key) {
                Some(was) => {
                    between.insert(was, i);
                }
                None => came.push(i),
            }
        }
        Self {
            num_before: before.len(),
            num_after: after.len(),
            head,
            tail,
            between,
            came,
        }
    }

    /// Places in the list before, as places in the one after; without those that left.
    fn carried(&self, places: &[usize]) -> Vec<usize> {
        let carry = |&place: &usize| {
            if place < self.head {
                Some(place)
            } else if place >= self.num_before - self.tail {
                Some(place + self.num_after - self.num_before)
            } else {
                self.between.get(&place).copied()
            }
        };
        places.iter().filter_map(carry).collect()
    }
}
