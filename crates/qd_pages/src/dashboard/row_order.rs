//! Which rows a table shows and in what order: filter, sort, and the order held under the pointer.
//!
//! Computed when rows, sort or filter change, not per frame. While the pointer is over the rows their order is held,
//! so that a click lands on the row that was aimed at: rows that left go, new ones join at the end, nothing moves.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use qd_ui::table::{SortDir, SortState};

/// A row of a table, as far as its place among the others is concerned.
pub(super) trait OrderedRow {
    /// What makes it this row, whatever its values.
    type Key: Ord;

    /// See [`Self::Key`].
    fn key(&self) -> Self::Key;

    /// Whether the filter's text, trimmed and in lower case, finds it. Not asked without a text.
    fn is_found_by(&self, text: &str) -> bool;

    /// Its place against another row by the column of that id.
    fn compare(&self, other: &Self, column_id: &str) -> Ordering;
}

/// Filter and sort of one table, and the order that follows from them.
pub(super) struct RowOrder<R> {
    /// As it was typed.
    pub filter: String,
    sort: SortState,
    is_held: bool,
    computed: Option<Computed<R>>,
}

/// An order, and what it was computed from.
struct Computed<R> {
    rows: Arc<[Arc<R>]>,
    filter: String,
    sort: SortState,
    indices: Arc<[usize]>,
}

impl<R> Default for RowOrder<R> {
    fn default() -> Self {
        Self {
            filter: String::new(),
            sort: SortState::NATURAL,
            is_held: false,
            computed: None,
        }
    }
}

impl<R: OrderedRow> RowOrder<R> {
    /// The column by which the table is sorted.
    pub(super) fn sort(&self) -> SortState {
        self.sort
    }

    /// Takes in what the table said: whether the pointer is over the rows, and a click on a header.
    pub(super) fn follow(&mut self, is_hovered: bool, sort_requested: Option<SortState>) {
        if self.is_held && !is_hovered {
            // What was held is put right as the pointer leaves, not with the next message.
            self.computed = None;
        }
        self.is_held = is_hovered;
        self.sort = sort_requested.unwrap_or(self.sort);
    }

    /// Places of the rows to show, in the order to show them.
    pub(super) fn indices(&mut self, rows: &Arc<[Arc<R>]>) -> Arc<[usize]> {
        let before = self
            .computed
            .take()
            .filter(|before| before.filter == self.filter && before.sort == self.sort);
        let indices = match &before {
            Some(before) if Arc::ptr_eq(&before.rows, rows) => Arc::clone(&before.indices),
            Some(before) if self.is_held => held(before, rows).into(),
            _ => ordered(rows, &self.filter, self.sort).into(),
        };
        self.computed = Some(Computed {
            rows: Arc::clone(rows),
            filter: self.filter.clone(),
            sort: self.sort,
            indices: Arc::clone(&indices),
        });
        indices
    }
}

/// The rows that pass the filter, in the order of the sort; equal rows keep the order they came in.
fn ordered<R: OrderedRow>(rows: &[Arc<R>], filter: &str, sort: SortState) -> Vec<usize> {
    let wanted = filter.trim().to_lowercase();
    let mut found: Vec<(usize, &R)> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| (i, &**row))
        .filter(|(_, row)| wanted.is_empty() || row.is_found_by(&wanted))
        .collect();
    if let Some((column_id, dir)) = sort.by {
        found.sort_by(|(_, left), (_, right)| {
            let ordering = left.compare(right, column_id);
            match dir {
                SortDir::Ascending => ordering,
                SortDir::Descending => ordering.reverse(),
            }
        });
    }
    found.into_iter().map(|(i, _)| i).collect()
}

/// The order as it was, without the rows that left and with the new ones at the end.
fn held<R: OrderedRow>(before: &Computed<R>, rows: &[Arc<R>]) -> Vec<usize> {
    let places: BTreeMap<R::Key, usize> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| (row.key(), i))
        .collect();
    let mut held: Vec<usize> = before
        .indices
        .iter()
        .filter_map(|i| before.rows.get(*i))
        .filter_map(|row| places.get(&row.key()).copied())
        .collect();
    let shown: BTreeSet<usize> = held.iter().copied().collect();
    held.extend(
        ordered(rows, &before.filter, SortState::NATURAL)
            .into_iter()
            .filter(|i| !shown.contains(i)),
    );
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Row(&'static str, i32);

    impl OrderedRow for Row {
        type Key = &'static str;

        fn key(&self) -> &'static str {
            self.0
        }

        fn is_found_by(&self, text: &str) -> bool {
            self.0.contains(text)
        }

        fn compare(&self, other: &Self, _column_id: &str) -> Ordering {
            self.1.cmp(&other.1)
        }
    }

    fn rows(rows: &[Row]) -> Arc<[Arc<Row>]> {
        rows.iter().map(|row| Arc::new(*row)).collect()
    }

    fn names(order: &mut RowOrder<Row>, rows: &Arc<[Arc<Row>]>) -> Vec<&'static str> {
        order.indices(rows).iter().map(|i| rows[*i].0).collect()
    }

    fn by_value(dir: SortDir) -> SortState {
        SortState::by("value", dir)
    }

    #[test]
    fn filter_and_sort_decide_and_equal_rows_keep_their_order() {
        let all = rows(&[Row("ab", 2), Row("b", 1), Row("ba", 2), Row("c", 0)]);
        let mut order = RowOrder::default();
        assert_eq!(names(&mut order, &all), ["ab", "b", "ba", "c"]);
        " B ".clone_into(&mut order.filter);
        assert_eq!(names(&mut order, &all), ["ab", "b", "ba"]);
        order.follow(false, Some(by_value(SortDir::Ascending)));
        assert_eq!(names(&mut order, &all), ["b", "ab", "ba"]);
        order.follow(false, Some(by_value(SortDir::Descending)));
        assert_eq!(names(&mut order, &all), ["ab", "ba", "b"]);
    }

    #[test]
    fn nothing_moves_under_the_pointer() {
        let mut order = RowOrder::default();
        order.follow(false, Some(by_value(SortDir::Descending)));
        let before = rows(&[Row("a", 1), Row("b", 2), Row("c", 3)]);
        assert_eq!(names(&mut order, &before), ["c", "b", "a"]);

        order.follow(true, None);
        // "a" would lead now; "b" left; "d" is new and would lead too.
        let after = rows(&[Row("a", 9), Row("c", 3), Row("d", 10)]);
        assert_eq!(names(&mut order, &after), ["c", "a", "d"]);

        order.follow(false, None);
        assert_eq!(names(&mut order, &after), ["d", "a", "c"]);
    }
}
