//! The data table: sticky header and ends, virtual rows, sort requests, selection marks, flashing cells, totals.
//!
//! A thin coat over `egui_table`. The table itself owns no row, no order and no selection: rows are painted through
//! [`TableRows`], and what the user asked for comes back in [`TableResponse`]. What becomes of it (order, filters,
//! columns, selection, clipboard, file) is in [`view`], which every page's table keeps one of. Cells are painted, not laid out as widgets;
//! the accessibility tree gets one node per visible row, with a summary, and one per button.
//!
//! Width: columns shrink from their ideal to their least width before anything scrolls sideways. When even that is too wide,
//! the middle scrolls under the columns pinned at the left and at the right. `egui_table` knows only two blocks (sticky and scrolling),
//! so the columns are ours inside them and the right-pinned ones are painted last, at the edge of what is visible.

mod body;
mod cell;
mod header;
mod keys;
mod layout;
mod totals;
pub mod view;

use std::ops::Range;

use egui::{Modifiers, Rect, Response, Role, Ui, UiBuilder};

use crate::UiCtx;
use crate::text::HAlign;

pub use cell::{CellUi, FLASH_MS, FlashDir};
pub use keys::focus_id;

use body::Body;
use keys::Keys;
use layout::Widths;
use totals::TOTALS_HEIGHT;
use view::{CursorMove, FilterKind};

/// Height of the header row, in points.
pub const HEADER_HEIGHT: f32 = 25.0;
/// Height of a row in a table that is worked in, in points.
pub const ROW_HEIGHT: f32 = 28.0;
/// Height of a row in a table that is read, in points.
pub const COMPACT_ROW_HEIGHT: f32 = 25.0;

/// Which end of the table a column stays at when the middle scrolls sideways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pin {
    /// At the left; only for the first columns.
    Left,
    /// Scrolls.
    #[default]
    None,
    /// At the right; only for the last columns.
    Right,
}

/// One column, as a constant of the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableColumn {
    /// Stable name: sort state and settings refer to it.
    pub column_id: &'static str,
    /// Words of the header; empty for a column of buttons.
    pub title: &'static str,
    /// Least width, in points: the longest ordinary value still fits.
    pub min: f32,
    /// Width when there is room, in points.
    pub ideal: f32,
    /// Share of the room that is left when all have their ideal width.
    pub grow: f32,
    /// Where values stand.
    pub align: HAlign,
    /// Which end it stays at.
    pub pin: Pin,
    /// Whether a click on its header asks for a sort.
    pub sortable: bool,
    /// Whether it shrinks before the others do.
    pub gives_way: bool,
    /// How its values can be filtered.
    pub filter: FilterKind,
    /// Whether a filter keeps rows back by it; its header says so.
    pub is_filtered: bool,
    /// Whether its values go to the clipboard and into files.
    pub is_exported: bool,
}

impl TableColumn {
    /// A left-aligned, sortable column that takes its share of spare room.
    pub const fn new(column_id: &'static str, title: &'static str, min: f32, ideal: f32) -> Self {
        Self {
            column_id,
            title,
            min,
            ideal,
            grow: 1.0,
            align: HAlign::Left,
            pin: Pin::None,
            sortable: true,
            gives_way: false,
            filter: FilterKind::Text,
            is_filtered: false,
            is_exported: true,
        }
    }

    /// Right-aligned, filtered by ranges: numbers.
    pub const fn right(mut self) -> Self {
        self.align = HAlign::Right;
        self.filter = FilterKind::Number;
        self
    }

    /// Filtered in another way than its place suggests.
    pub const fn filter(mut self, filter: FilterKind) -> Self {
        self.filter = filter;
        self
    }

    /// Shrinks to its least width before any other column shrinks at all.
    pub const fn gives_way(mut self) -> Self {
        self.gives_way = true;
        self
    }

    /// Centered.
    pub const fn center(mut self) -> Self {
        self.align = HAlign::Center;
        self
    }

    /// Its share of spare room; 0 keeps the ideal width.
    pub const fn grow(mut self, grow: f32) -> Self {
        self.grow = grow;
        self
    }

    /// Stays at the left.
    pub const fn pin_left(mut self) -> Self {
        self.pin = Pin::Left;
        self
    }

    /// Stays at the right.
    pub const fn pin_right(mut self) -> Self {
        self.pin = Pin::Right;
        self
    }

    /// Its header is only a caption.
    pub const fn unsortable(mut self) -> Self {
        self.sortable = false;
        self.filter = FilterKind::None;
        self
    }

    /// Holds nothing to sort, filter or copy: buttons, pictures.
    pub const fn without_values(mut self) -> Self {
        self.sortable = false;
        self.filter = FilterKind::None;
        self.is_exported = false;
        self
    }
}

/// Up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortDir {
    /// Smallest or A first.
    Ascending,
    /// Largest or Z first.
    Descending,
}

/// How a table is sorted; kept by the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SortState {
    /// The column and direction; absent for the natural order.
    pub by: Option<(&'static str, SortDir)>,
}

impl SortState {
    /// The natural order.
    pub const NATURAL: Self = Self { by: None };

    /// Sorted by a column.
    pub fn by(column_id: &'static str, dir: SortDir) -> Self {
        Self {
            by: Some((column_id, dir)),
        }
    }

    /// The direction of this column; absent when the table is sorted by another or not at all.
    pub fn dir_of(&self, column_id: &str) -> Option<SortDir> {
        self.by
            .filter(|(sorted, _)| *sorted == column_id)
            .map(|(_, dir)| dir)
    }

    /// What a click on this column's header asks for: its first direction, the other one, then the natural order.
    ///
    /// Numbers begin with the largest, words with A.
    pub fn after_click(&self, column: &TableColumn) -> Self {
        let (first, second) = match column.align {
            HAlign::Right => (SortDir::Descending, SortDir::Ascending),
            HAlign::Left | HAlign::Center => (SortDir::Ascending, SortDir::Descending),
        };
        match self.dir_of(column.column_id) {
            None => Self::by(column.column_id, first),
            Some(dir) if dir == first => Self::by(column.column_id, second),
            Some(_) => Self::NATURAL,
        }
    }
}

/// The rows of a table, by index in the order they are to be shown.
pub trait TableRows {
    /// How many there are.
    fn num_rows(&self) -> usize;

    /// A key that stays with the row when rows move: the hash of its domain key.
    fn row_key(&self, row: usize) -> u64;

    /// The row's short name, as in "Select AAPL".
    fn row_name(&self, row: usize) -> String;

    /// What a screen reader says for the row. Asked only when one listens.
    fn row_summary(&self, row: usize) -> String;

    /// Whether the row is marked as selected.
    fn is_selected(&self, _row: usize) -> bool {
        false
    }

    /// How many of the rows are selected, for the check box of the header. Asked in every frame: keep the count, do
    /// not count here.
    fn num_selected(&self) -> usize {
        0
    }

    /// What there is to say of a row beyond its cells, shown while the pointer rests on it.
    fn row_hover(&self, _row: usize) -> Option<String> {
        None
    }

    /// How long the row has been there, in milliseconds, when it is new; a new row slides in.
    fn row_age_ms(&self, _row: usize) -> Option<u32> {
        None
    }

    /// Paints one cell; [`CellUi::column`] says which.
    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>);

    /// What a screen reader says for the totals below the rows, which are over all rows, filtered away or not; absent
    /// for a table without. Asked in every frame.
    fn totals_summary(&self) -> Option<String> {
        None
    }

    /// Paints one cell of the totals.
    fn total_cell(&mut self, _cell: &mut CellUi<'_, '_>) {}
}

/// A step of the keyboard through the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorStep {
    /// Where to.
    pub step: CursorMove,
    /// Takes what it passes into the selection.
    pub extends: bool,
    /// The row it begins at, when a button of that row had the focus.
    pub from_row: Option<usize>,
}

/// What the user asked for in this frame.
#[derive(Clone, Debug)]
pub struct TableResponse {
    /// A header was clicked: the sort to take over.
    pub sort_requested: Option<SortState>,
    /// A row was clicked, beside its buttons, with these modifiers.
    pub row_clicked: Option<(usize, Modifiers)>,
    /// A row was double-clicked, or Enter was pressed with the keyboard at it.
    pub row_activated: Option<usize>,
    /// The keyboard's way through the rows.
    pub cursor_moved: Option<CursorStep>,
    /// Ctrl+A.
    pub all_selected: bool,
    /// Escape.
    pub selection_cleared: bool,
    /// Ctrl+C.
    pub copy_requested: bool,
    /// A column was dragged to this width in points, or is to fit itself again.
    pub column_resized: Option<(&'static str, Option<f32>)>,
    /// The headers that were drawn, for their menus.
    pub headers: Vec<(&'static str, Response)>,
    /// The check box of a row was clicked.
    pub row_toggled: Option<usize>,
    /// The check box of the header was clicked: select all, or none when all are.
    pub all_toggled: bool,
    /// The pointer is over the rows: hold their order.
    pub body_hovered: bool,
    /// The rows that were drawn.
    pub visible_rows: Range<usize>,
    /// The middle is too wide and scrolls sideways.
    pub scrolls_sideways: bool,
    /// Where the table stands.
    pub rect: Rect,
}

impl Default for TableResponse {
    fn default() -> Self {
        Self {
            sort_requested: None,
            row_clicked: None,
            row_activated: None,
            cursor_moved: None,
            all_selected: false,
            selection_cleared: false,
            copy_requested: false,
            column_resized: None,
            headers: Vec::new(),
            row_toggled: None,
            all_toggled: false,
            body_hovered: false,
            visible_rows: 0..0,
            scrolls_sideways: false,
            rect: Rect::NOTHING,
        }
    }
}

/// Whether rows carry a check box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CheckBoxes {
    /// No check boxes.
    #[default]
    None,
    /// One per row and one in the header.
    Shown,
}

/// A table over the available room.
#[derive(Clone, Copy, Debug)]
#[must_use = "a table is drawn by `show`"]
pub struct DataTable<'a> {
    name: &'a str,
    columns: &'a [TableColumn],
    sort: SortState,
    row_height: f32,
    check_boxes: CheckBoxes,
    has_header: bool,
    cursor: Option<usize>,
    scroll_to_row: Option<usize>,
}

impl<'a> DataTable<'a> {
    /// A table with a name, unique within the page, that the accessibility tree has too.
    pub fn new(name: &'a str, columns: &'a [TableColumn]) -> Self {
        Self {
            name,
            columns,
            sort: SortState::NATURAL,
            row_height: ROW_HEIGHT,
            check_boxes: CheckBoxes::None,
            has_header: true,
            cursor: None,
            scroll_to_row: None,
        }
    }

    /// The sort that the rows are in.
    pub fn sort(mut self, sort: SortState) -> Self {
        self.sort = sort;
        self
    }

    /// Height of a row in points, without the line under it.
    pub fn row_height(mut self, row_height: f32) -> Self {
        self.row_height = row_height;
        self
    }

    /// Shows check boxes.
    pub fn check_boxes(mut self) -> Self {
        self.check_boxes = CheckBoxes::Shown;
        self
    }

    /// Leaves the header out: a list whose columns speak for themselves.
    pub fn without_header(mut self) -> Self {
        self.has_header = false;
        self
    }

    fn header_height(&self) -> f32 {
        if self.has_header { HEADER_HEIGHT } else { 0.0 }
    }

    /// The row that the keyboard is at.
    pub fn cursor(mut self, cursor: Option<usize>) -> Self {
        self.cursor = cursor;
        self
    }

    /// Scrolls to a row in this frame.
    pub fn scroll_to_row(mut self, row: Option<usize>) -> Self {
        self.scroll_to_row = row;
        self
    }

    /// Draws it over the available room.
    pub fn show(self, ui: &mut Ui, cx: &UiCtx<'_>, rows: &mut dyn TableRows) -> TableResponse {
        profiling::function_scope!(self.name);
        let rect = ui.available_rect_before_wrap();
        let scope = UiBuilder::new()
            .max_rect(rect)
            .id_salt(("qd_table", self.name))
            .accessibility_role(Role::Table)
            .accessibility_label(self.name);
        ui.scope_builder(scope, |ui| {
            // One change of style for the whole table; per cell it would be a copy each.
            ui.spacing_mut().item_spacing = egui::Vec2::ZERO;
            let widths = Widths::fit(self.columns, self.check_boxes, rect.width());
            let num_rows = rows.num_rows();
            let totals = rows.totals_summary();
            let totals_height = if totals.is_some() { TOTALS_HEIGHT } else { 0.0 };
            let rows_rect = rect.with_max_y((rect.bottom() - totals_height).max(rect.top()));
            let mut table = egui_table::Table::new()
                .id_salt(("qd_table", self.name))
                .num_rows(num_rows as u64)
                .headers(
                    self.has_header
                        .then(|| egui_table::HeaderRow::new(HEADER_HEIGHT))
                        .into_iter()
                        .collect::<Vec<_>>(),
                )
                .columns(widths.blocks())
                .num_sticky_cols(usize::from(widths.left_width > 0.0));
            if let Some(row) = self.scroll_to_row.filter(|row| *row < num_rows) {
                table = table.scroll_to_row(row as u64, None);
            }
            let height = rows_rect.height() - self.header_height();
            let page_rows = rows_per_page(height, self.row_height + 1.0);
            let has_selection = rows.num_selected() > 0;
            let keys = Keys::take(ui, self.name, rows_rect, page_rows, has_selection);
            let mut body = Body::new(&self, cx, rows, &widths, rows_rect, num_rows, keys);
            let place = UiBuilder::new().max_rect(rows_rect).id_salt("rows");
            ui.scope_builder(place, |ui| table.show(ui, &mut body));
            if let Some(summary) = totals {
                let place = rect.with_min_y(rows_rect.bottom());
                body.totals(ui, place, &summary);
            }
            body.finish(ui)
        })
        .inner
    }
}

/// How far Page Down goes: one row of the page before stays in sight.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between one and what fits a screen"
)]
fn rows_per_page(height: f32, row_height: f32) -> usize {
    ((height / row_height).floor() - 1.0).clamp(1.0, 1_000.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sort_has_three_states() {
        let number = TableColumn::new("pl", "P&L", 80.0, 100.0).right();
        let word = TableColumn::new("symbol", "Symbol", 50.0, 70.0);
        let first = SortState::NATURAL.after_click(&number);
        assert_eq!(first, SortState::by("pl", SortDir::Descending));
        let second = first.after_click(&number);
        assert_eq!(second, SortState::by("pl", SortDir::Ascending));
        assert_eq!(second.after_click(&number), SortState::NATURAL);
        assert_eq!(
            second.after_click(&word),
            SortState::by("symbol", SortDir::Ascending)
        );
    }
}
