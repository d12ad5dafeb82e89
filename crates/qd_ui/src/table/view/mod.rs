//! What a user made of a table: sort, filters, columns, selection; and the rows that follow from it.
//!
//! The page keeps one [`TableView`] per table and asks it once per frame for what is [`Shown`]; the order is computed
//! when rows or criteria change, not per frame. While the pointer is over the rows their order is held, so that a click
//! lands on the row that was aimed at: rows that left go, new ones join at the end, nothing moves.
//! A large table is ordered over several frames; until that is done it shows the order that it had.
//! It paints nothing; the menu of filters and columns is in `menu`, the drawing in the table itself.

mod export;
mod filter;
mod layout;
mod menu;
mod order;
mod selection;
mod value;
mod work;

#[cfg(test)]
mod large_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::Modifiers;

pub use self::export::ExportNotes;
pub use self::filter::{ColumnFilter, FilterKind};
pub use self::layout::ColumnLayout;
pub use self::menu::MenuAnswer;
pub use self::selection::{CursorMove, SelectMode, Selection};
pub use self::value::CellValue;

use self::filter::Test;
use self::order::{Criteria, held, held_or_new};
use self::selection::Places;
use self::work::OrderWork;
use super::{SortState, TableColumn, TableResponse};

/// With more rows than these, ordering is spread over frames.
const MAX_ROWS_AT_ONCE: usize = 8_192;
/// What one frame may do of that, in moves of a merge: about two milliseconds.
const FRAME_BUDGET: usize = 200_000;

/// What a table lists: how a row is known, and which values it has. A type of the page's own, without values.
pub trait TableModel {
    /// A row as the snapshot has it.
    type Row;

    /// What makes it this row, whatever its values.
    type Key: Clone + Ord;

    /// The columns whose words the one field above the table looks through.
    const WORDS: &'static [&'static str];

    /// See [`Self::Key`].
    fn key(row: &Self::Row) -> Self::Key;

    /// The value behind the cell of a column.
    fn value<'r>(row: &'r Self::Row, column_id: &str) -> CellValue<'r>;
}

/// The rows to draw in this frame.
#[derive(Debug)]
pub struct Shown<R> {
    rows: Arc<[Arc<R>]>,
    indices: Arc<[usize]>,
}

impl<R> Clone for Shown<R> {
    fn clone(&self) -> Self {
        Self {
            rows: Arc::clone(&self.rows),
            indices: Arc::clone(&self.indices),
        }
    }
}

impl<R> Shown<R> {
    fn new(rows: &Arc<[Arc<R>]>, indices: Vec<usize>) -> Self {
        Self {
            rows: Arc::clone(rows),
            indices: indices.into(),
        }
    }

    /// How many rows there are to draw.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The row at a place on screen.
    pub fn at(&self, place: usize) -> Option<&Arc<R>> {
        self.indices.get(place).and_then(|i| self.rows.get(*i))
    }

    /// The rows in the order of the screen.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<R>> {
        self.indices.iter().filter_map(|i| self.rows.get(*i))
    }

    /// How many rows the filters keep back.
    pub fn num_hidden(&self) -> usize {
        self.rows.len().saturating_sub(self.indices.len())
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rows, &other.rows) && Arc::ptr_eq(&self.indices, &other.indices)
    }
}

/// The keys of what is shown.
struct Keyed<'s, M: TableModel>(&'s Shown<M::Row>);

impl<M: TableModel> Places<M::Key> for Keyed<'_, M> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn key_at(&self, place: usize) -> Option<M::Key> {
        self.0.at(place).map(|row| M::key(row))
    }

    fn place_of(&self, key: &M::Key) -> Option<usize> {
        self.0.iter().position(|row| M::key(row) == *key)
    }
}

/// A table as its user has it.
pub struct TableView<M: TableModel> {
    columns: &'static [TableColumn],
    layout: ColumnLayout,
    /// What the layout makes of the columns, with the marks of filters.
    effective: Arc<[TableColumn]>,
    quick_filter: String,
    filters: BTreeMap<&'static str, ColumnFilter>,
    /// Why a filter that was typed is none.
    filter_errors: BTreeMap<&'static str, &'static str>,
    selection: Selection<M::Key>,
    is_held: bool,
    /// Criteria changed since the rows were ordered.
    criteria: Criteria,
    ordered_by: Criteria,
    shown: Option<Shown<M::Row>>,
    /// The rows moved on since they were ordered: a held order, or one of a large table.
    is_behind: bool,
    /// The order that is being made of a large table.
    work: Option<OrderWork<M>>,
    num_selected_shown: usize,
    /// The selection changed since it was counted.
    is_uncounted: bool,
    /// Where the keyboard's row stands on screen.
    cursor_place: Option<usize>,
    /// The keyboard moved: its row is to be seen.
    is_scroll_due: bool,
    /// The header whose menu was opened with a key: it opens there and not at the pointer.
    menu_by_key: Option<&'static str>,
    /// Its field is to get the keyboard when it is drawn.
    is_menu_focus_due: bool,
}

impl<M: TableModel> TableView<M> {
    /// A view of these columns, with nothing filtered, sorted or selected.
    pub fn new(columns: &'static [TableColumn]) -> Self {
        Self {
            columns,
            layout: ColumnLayout::default(),
            effective: columns.into(),
            quick_filter: String::new(),
            filters: BTreeMap::new(),
            filter_errors: BTreeMap::new(),
            selection: Selection::default(),
            is_held: false,
            criteria: Criteria::default(),
            ordered_by: Criteria::default(),
            shown: None,
            is_behind: false,
            work: None,
            num_selected_shown: 0,
            is_uncounted: false,
            cursor_place: None,
            is_scroll_due: false,
            menu_by_key: None,
            is_menu_focus_due: false,
        }
    }

    /// The rows to draw. Cheap while nothing changed; rows that are gone leave the selection.
    pub fn settle(&mut self, rows: &Arc<[Arc<M::Row>]>) -> Shown<M::Row> {
        let shown = if rows.len() <= MAX_ROWS_AT_ONCE {
            self.work = None;
            self.arranged(rows)
        } else {
            self.arranged_by_and_by(rows)
        };
        let is_news = self
            .shown
            .as_ref()
            .is_none_or(|before| !before.is_same(&shown));
        if is_news || std::mem::take(&mut self.is_uncounted) {
            self.count_selected(&shown);
        }
        self.shown = Some(shown.clone());
        shown
    }

    /// The rows in their order, now.
    fn arranged(&mut self, rows: &Arc<[Arc<M::Row>]>) -> Shown<M::Row> {
        let is_same_order = self.ordered_by == self.criteria;
        match &self.shown {
            Some(before)
                if is_same_order
                    && (self.is_held || !self.is_behind)
                    && Arc::ptr_eq(&before.rows, rows) =>
            {
                before.clone()
            }
            Some(before) if is_same_order && self.is_held => {
                let indices = held::<M>((&before.rows, &before.indices), rows, &self.criteria);
                self.is_behind = true;
                Shown::new(rows, indices)
            }
            _ => {
                self.is_behind = false;
                self.ordered_by = self.criteria.clone();
                Shown::new(rows, OrderWork::<M>::new(rows, &self.criteria).finish())
            }
        }
    }

    /// The rows in the order that they have so far, after one more share of the work.
    fn arranged_by_and_by(&mut self, rows: &Arc<[Arc<M::Row>]>) -> Shown<M::Row> {
        // A table that was small, or not there, has no order to show meanwhile.
        let has_order = self
            .shown
            .as_ref()
            .is_some_and(|before| before.rows.len() > MAX_ROWS_AT_ONCE);
        if !has_order {
            self.shown = None;
            return self.arranged(rows);
        }
        self.work.take_if(|work| *work.criteria() != self.criteria);
        let is_same_order = self.ordered_by == self.criteria;
        // Under the pointer nothing moves, whatever is on its way.
        if !(self.is_held && is_same_order) {
            let is_current = is_same_order
                && !self.is_behind
                && self
                    .shown
                    .as_ref()
                    .is_some_and(|before| Arc::ptr_eq(&before.rows, rows));
            if !is_current && self.work.is_none() {
                self.work = Some(OrderWork::new(rows, &self.criteria));
            }
            if let Some(work) = self.work.take_if(|work| work.step(FRAME_BUDGET)) {
                self.ordered_by = work.criteria().clone();
                self.is_behind = false;
                let rows = Arc::clone(work.rows());
                self.shown = Some(Shown::new(&rows, work.into_places()));
            }
        }
        match &self.shown {
            Some(before) if !Arc::ptr_eq(&before.rows, rows) => {
                let before = (&*before.rows, &*before.indices);
                let indices = held_or_new::<M>(before, rows, &self.ordered_by);
                self.is_behind = true;
                Shown::new(rows, indices)
            }
            Some(before) => before.clone(),
            None => self.arranged(rows),
        }
    }

    /// Whether the order is not that of the rows yet: the next frame goes on with it.
    pub fn is_arranging(&self) -> bool {
        let is_large = self
            .shown
            .as_ref()
            .is_some_and(|shown| shown.rows.len() > MAX_ROWS_AT_ONCE);
        let is_new_order = self.ordered_by != self.criteria;
        is_large && (is_new_order || self.is_behind) && (is_new_order || !self.is_held)
    }

    /// What is shown once the order is made: what leaves the console does not wait for frames.
    fn exact(&self, shown: &Shown<M::Row>) -> Shown<M::Row> {
        if self.is_arranging() {
            let places = OrderWork::<M>::new(&shown.rows, &self.criteria).finish();
            Shown::new(&shown.rows, places)
        } else {
            shown.clone()
        }
    }

    fn count_selected(&mut self, shown: &Shown<M::Row>) {
        self.num_selected_shown = 0;
        self.cursor_place = None;
        if self.selection.is_unmarked() {
            return;
        }
        let is_marked = |key: &M::Key| self.selection.is_marked(key);
        let keys = shown.rows.iter().map(|row| M::key(row));
        let there: std::collections::BTreeSet<M::Key> = keys.filter(is_marked).collect();
        self.selection.retain(|key| there.contains(key));
        if !self.selection.keys().is_empty() {
            self.num_selected_shown = if shown.num_hidden() == 0 {
                self.selection.keys().len()
            } else {
                self.selected(shown).count()
            };
        }
        self.cursor_place = self
            .selection
            .cursor()
            .and_then(|key| Keyed::<M>(shown).place_of(key));
    }

    /// Takes in what the table said in this frame. `shown` is what it was drawn from.
    pub fn follow(&mut self, response: &TableResponse, shown: &Shown<M::Row>) {
        if self.is_held && !response.body_hovered {
            // What was held is put right as the pointer leaves, not with the next message.
            self.is_behind = true;
        }
        self.is_held = response.body_hovered;
        if let Some(sort) = response.sort_requested {
            self.set_sort(sort);
        }
        self.is_scroll_due = false;
        if let Some((place, modifiers)) = response.row_clicked {
            self.select(shown, place, mode_of(modifiers));
        }
        if let Some(place) = response.row_toggled {
            self.select(shown, place, SelectMode::Toggle);
        }
        if response.all_toggled {
            self.selection.toggle_all(&Keyed::<M>(shown));
            self.is_uncounted = true;
        }
        if response.all_selected {
            self.selection.select_all(&Keyed::<M>(shown));
            self.is_uncounted = true;
        }
        if response.selection_cleared {
            self.clear_selection();
        }
        if let Some(moved) = response.cursor_moved {
            if let Some(row) = moved.from_row.and_then(|place| shown.at(place)) {
                self.selection.set_cursor(M::key(row));
            }
            let first = response.visible_rows.start;
            self.selection
                .move_cursor(moved.step, moved.extends, first, &Keyed::<M>(shown));
            (self.is_uncounted, self.is_scroll_due) = (true, true);
        }
        if let Some((column_id, width)) = response.column_resized {
            self.set_width(column_id, width);
        }
    }

    fn select(&mut self, shown: &Shown<M::Row>, place: usize, mode: SelectMode) {
        if let Some(row) = shown.at(place) {
            self.selection.select(M::key(row), mode, &Keyed::<M>(shown));
            self.is_uncounted = true;
        }
    }

    /// The columns to draw.
    pub fn columns(&self) -> Arc<[TableColumn]> {
        Arc::clone(&self.effective)
    }

    /// Lays the same columns out in another order of the page's own, for another width of the window.
    pub fn set_columns(&mut self, columns: &'static [TableColumn]) {
        if !std::ptr::eq(self.columns, columns) {
            self.columns = columns;
            self.arrange();
        }
    }

    /// What the user made of the columns.
    pub fn layout(&self) -> &ColumnLayout {
        &self.layout
    }

    /// Takes a layout that was kept.
    pub fn set_layout(&mut self, layout: ColumnLayout) {
        if layout != self.layout {
            self.layout = layout;
            self.arrange();
        }
    }

    fn set_width(&mut self, column_id: &'static str, width: Option<f32>) {
        self.layout.set_width(column_id, width);
        self.arrange();
    }

    fn arrange(&mut self) {
        let mut columns = self.layout.shown(self.columns);
        for column in &mut columns {
            column.is_filtered = self
                .criteria
                .tests
                .iter()
                .any(|(column_id, _)| *column_id == column.column_id);
        }
        self.effective = columns.into();
    }

    /// The sort that the rows are in.
    pub fn sort(&self) -> SortState {
        self.criteria.sort
    }

    /// Sorts by another column, or by none.
    pub fn set_sort(&mut self, sort: SortState) {
        self.criteria.sort = sort;
    }

    /// What stands in the one field above the table.
    pub fn quick_filter(&self) -> &str {
        &self.quick_filter
    }

    /// Takes what was typed into that field.
    pub fn set_quick_filter(&mut self, text: String) {
        if text != self.quick_filter {
            self.criteria.quick = text.trim().to_lowercase();
            self.quick_filter = text;
        }
    }

    /// The filter of a column; absent without one.
    pub fn filter_of(&self, column_id: &str) -> Option<&ColumnFilter> {
        self.filters.get(column_id)
    }

    /// Why what was typed into a column's filter is none; absent when it is one.
    pub fn filter_error(&self, column_id: &str) -> Option<&'static str> {
        self.filter_errors.get(column_id).copied()
    }

    /// Filters a column; with an empty filter no longer.
    pub fn set_filter(&mut self, column: &TableColumn, filter: ColumnFilter) {
        let column_id = column.column_id;
        if filter.is_empty() {
            self.filters.remove(column_id);
        } else {
            self.filters.insert(column_id, filter);
        }
        self.make_tests();
    }

    /// Takes every filter away, the one above the table too.
    pub fn clear_filters(&mut self) {
        self.filters.clear();
        self.set_quick_filter(String::new());
        self.make_tests();
    }

    /// Whether something is filtered.
    pub fn is_filtered(&self) -> bool {
        !self.criteria.quick.is_empty() || !self.criteria.tests.is_empty()
    }

    fn make_tests(&mut self) {
        self.filter_errors.clear();
        self.criteria.tests.clear();
        for column in self.columns {
            let Some(filter) = self.filters.get(column.column_id) else {
                continue;
            };
            match Test::of(filter, column.filter) {
                Ok(Some(test)) => self.criteria.tests.push((column.column_id, test)),
                Ok(None) => {}
                Err(words) => {
                    self.filter_errors.insert(column.column_id, words);
                }
            }
        }
        self.arrange();
    }

    /// The selected rows.
    pub fn selection(&self) -> &Selection<M::Key> {
        &self.selection
    }

    /// Selects nothing.
    pub fn clear_selection(&mut self) {
        self.selection.clear();
        self.is_uncounted = true;
    }

    /// How many selected rows are on screen or scrolled out of it, but not filtered away; of the last [`Self::settle`].
    pub fn num_selected_shown(&self) -> usize {
        self.num_selected_shown
    }

    /// The selected rows that no filter keeps back, in the order of the screen.
    pub fn selected<'s>(
        &'s self,
        shown: &'s Shown<M::Row>,
    ) -> impl Iterator<Item = &'s Arc<M::Row>> {
        shown
            .iter()
            .filter(|row| self.selection.contains(&M::key(row)))
    }

    /// The row of the keyboard, as a place on screen; of the last [`Self::settle`].
    pub fn cursor_place(&self) -> Option<usize> {
        self.cursor_place
    }

    /// The row to bring on screen, as a place; for one frame after the keyboard moved.
    pub fn scroll_place(&self) -> Option<usize> {
        self.cursor_place.filter(|_| self.is_scroll_due)
    }

    /// "2 selected · 12 hidden by filter"; empty when there is nothing to say.
    pub fn note(&self, shown: &Shown<M::Row>) -> String {
        let num_selected = self.selection.keys().len();
        let num_out_of_sight = num_selected.saturating_sub(self.num_selected_shown);
        let mut words = Vec::new();
        match (num_selected, num_out_of_sight) {
            (0, _) => {}
            (selected, 0) => words.push(format!("{selected} selected")),
            (selected, hidden) => {
                words.push(format!("{selected} selected, {hidden} of them hidden"));
            }
        }
        if self.ordered_by != self.criteria && self.is_arranging() {
            words.push("sorting\u{2026}".to_owned());
        } else if shown.num_hidden() > 0 {
            words.push(format!("{} hidden by filter", shown.num_hidden()));
        }
        words.join(" · ")
    }
}

/// What a click does to the selection.
fn mode_of(modifiers: Modifiers) -> SelectMode {
    match (modifiers.shift, modifiers.command || modifiers.ctrl) {
        (false, false) => SelectMode::Only,
        (false, true) => SelectMode::Toggle,
        (true, false) => SelectMode::Range,
        (true, true) => SelectMode::AddRange,
    }
}
