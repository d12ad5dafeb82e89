//! Paints header and rows for `egui_table` and gathers what the user did.
//!
//! Called twice per row: once for the scrolling block, once for the sticky one. Rows are painted here, cell by cell;
//! the cells of `egui_table` itself stay empty.

use std::cell::Cell;

use egui::{Id, Painter, Rangef, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};
use egui_table::{CellInfo, HeaderCellInfo, PrefetchInfo, TableDelegate};

use crate::UiCtx;
use crate::paint::{self, CELL_PADDING, CheckState};
use crate::text::{self, HAlign};
use crate::tokens::{fade, radius};

use super::cell::{CellUi, FLASH_MS};
use super::keys::Keys;
use super::layout::{CHECK_WIDTH, Widths};
use super::{CheckBoxes, CursorStep, DataTable, TableResponse, TableRows};

/// A cell that stands out this little, in points, loses padding and nothing else: also a row on its way in.
const CUT_TOLERANCE: f32 = CELL_PADDING - 1.0;
/// Less room than this says nothing at all.
const ELLIPSIS_WIDTH: f32 = 16.0;

/// How far a new row comes in from the left, in points.
const SLIDE: f32 = 6.0;

pub(super) struct Body<'b, 'a> {
    pub(super) table: &'b DataTable<'b>,
    pub(super) cx: &'b UiCtx<'a>,
    pub(super) rows: &'b mut dyn TableRows,
    pub(super) widths: &'b Widths,
    pub(super) num_rows: usize,
    rows_rect: Rect,
    pub(super) response: TableResponse,
    pub(super) keys: Keys,
    /// Something still fades or comes in.
    moves: Cell<bool>,
    /// Where the columns that scroll begin; known once a header or a row of them was drawn.
    pub(super) middle_left: Option<f32>,
    /// Where the keyboard's row was drawn.
    cursor_rect: Option<Rect>,
}

/// Which block of a row is painted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Sticky,
    Scrolling,
}

impl<'b, 'a> Body<'b, 'a> {
    pub(super) fn new(
        table: &'b DataTable<'b>,
        cx: &'b UiCtx<'a>,
        rows: &'b mut dyn TableRows,
        widths: &'b Widths,
        rect: Rect,
        num_rows: usize,
        keys: Keys,
    ) -> Self {
        let response = TableResponse {
            scrolls_sideways: widths.scrolls_sideways,
            rect,
            ..TableResponse::default()
        };
        let rows_rect = rect.with_min_y((rect.top() + table.header_height()).min(rect.bottom()));
        Self {
            table,
            cx,
            rows,
            widths,
            num_rows,
            rows_rect,
            response,
            keys,
            moves: Cell::new(false),
            middle_left: None,
            cursor_rect: None,
        }
    }

    /// What the keys ask for, as if it had been done with the pointer.
    fn follow_keys(&mut self) {
        let asked = self.keys.asked;
        let response = &mut self.response;
        response.cursor_moved = asked.step.map(|(step, extends)| CursorStep {
            step,
            extends,
            from_row: asked.from_row,
        });
        response.all_selected = asked.selects_all;
        response.selection_cleared = asked.clears;
        response.copy_requested = asked.copies;
        if asked.toggles {
            response.row_toggled = self.table.cursor;
        }
        if asked.activates {
            response.row_activated = self.table.cursor;
        }
    }

    pub(super) fn finish(mut self, ui: &Ui) -> TableResponse {
        self.follow_keys();
        if self.keys.has_own_focus() {
            let seen = self.cursor_rect.map(|rect| rect.intersect(self.rows_rect));
            let (rect, corner) = match seen.filter(|rect| rect.is_positive()) {
                Some(row) => (row.shrink(1.0), radius::CONTROL),
                None => (self.response.rect.shrink(2.0), radius::PANEL),
            };
            paint::focus_ring(ui.painter(), rect, corner, self.cx.tokens);
        }
        let used = self.rows_rect.top() + self.num_rows as f32 * self.default_row_height();
        let rows_rect = self.rows_rect.with_max_y(used.min(self.rows_rect.bottom()));
        self.response.body_hovered = ui.rect_contains_pointer(rows_rect);
        if self.moves.get() {
            ui.ctx().request_repaint_after(paint::MOTION_INTERVAL);
        }
        self.keys.finish(ui);
        self.response
    }

    fn block_of(&self, clip: Rect) -> Block {
        let split = self.response.rect.left() + self.widths.left_width;
        if self.widths.left_width > 0.0 && clip.right() <= split + 0.5 {
            Block::Sticky
        } else {
            Block::Scrolling
        }
    }

    /// The right-pinned block stands at the edge of what is visible, wherever the middle is scrolled to.
    fn right_block_left(&self, content_right: f32, clip: Rect) -> f32 {
        content_right.min(clip.right()) - self.widths.right_width
    }

    /// Paints the cells of one block, as far as they stand in `visible`. What would be cut at its edge is left out:
    /// half a number is another number.
    pub(super) fn cells(
        &mut self,
        ui: &Ui,
        painter: &Painter,
        row: &RowArea,
        block: &[(usize, Rangef)],
        left: f32,
        visible: Rangef,
    ) {
        for (index, extent) in block {
            let Some(column) = self.table.columns.get(*index) else {
                continue;
            };
            let x = Rangef::new(left + extent.min, left + extent.max);
            if !visible.intersects(x) {
                continue;
            }
            if x.min < visible.min - CUT_TOLERANCE || x.max > visible.max + CUT_TOLERANCE {
                let seen = Rangef::new(x.min.max(visible.min), x.max.min(visible.max));
                if seen.span() >= ELLIPSIS_WIDTH {
                    text::paint(
                        painter,
                        Rect::from_x_y_ranges(seen, row.rect.y_range()),
                        "\u{2026}",
                        &self.cx.tokens.fonts.body,
                        self.cx.tokens.text_hint,
                        HAlign::Center,
                    );
                }
                continue;
            }
            let rect = Rect::from_x_y_ranges(x, row.rect.y_range());
            let mut cell = CellUi {
                ui,
                cx: self.cx,
                painter,
                column,
                rect,
                button_id: row.id.with(column.column_id),
                row_hovered: row.hovered,
                moves: &self.moves,
                keys: &self.keys,
                row: row.index,
            };
            match row.index {
                Some(index) => self.rows.cell(index, &mut cell),
                None => self.rows.total_cell(&mut cell),
            }
        }
    }
}

/// One row in one block.
pub(super) struct RowArea {
    /// Absent for the totals.
    pub(super) index: Option<usize>,
    pub(super) id: Id,
    pub(super) rect: Rect,
    pub(super) hovered: bool,
}

impl TableDelegate for Body<'_, '_> {
    fn prepare(&mut self, info: &PrefetchInfo) {
        let index = |row: u64| {
            usize::try_from(row)
                .unwrap_or(usize::MAX)
                .min(self.num_rows)
        };
        self.response.visible_rows = index(info.visible_rows.start)..index(info.visible_rows.end);
    }

    fn header_cell_ui(&mut self, ui: &mut Ui, cell: &HeaderCellInfo) {
        let clip = ui.clip_rect();
        let rect = ui.max_rect();
        let sticky = self.widths.left_width > 0.0 && cell.col_range.start == 0;
        let (table, widths) = (self.table, self.widths);
        let at = |left: f32, extent: &Rangef| {
            Rect::from_x_y_ranges(left + extent.min..=left + extent.max, rect.y_range())
        };
        if sticky {
            if table.check_boxes == CheckBoxes::Shown {
                self.header_check_box(ui, rect.with_max_x(rect.left() + CHECK_WIDTH));
            }
            let visible = clip.x_range();
            for (index, extent) in &widths.left {
                self.header_cell(ui, at(rect.left(), extent), &table.columns[*index], visible);
            }
        } else {
            self.middle_left = Some(rect.left());
            let right = self.right_block_left(rect.right(), clip);
            let visible = Rangef::new(clip.left(), right.min(clip.right()));
            for (index, extent) in &widths.middle {
                self.header_cell(ui, at(rect.left(), extent), &table.columns[*index], visible);
            }
            if widths.scrolls_sideways && widths.right_width > 0.0 {
                let cover = Rect::from_x_y_ranges(right..=clip.right(), rect.y_range());
                ui.painter()
                    .rect_filled(cover, 0.0, self.cx.tokens.surface_raised);
            }
            for (index, extent) in &widths.right {
                self.header_cell(
                    ui,
                    at(right, extent),
                    &table.columns[*index],
                    clip.x_range(),
                );
            }
        }
        paint::underline(
            ui.painter(),
            rect.intersect(clip),
            self.cx.tokens.line_subtle,
        );
    }

    fn row_ui(&mut self, ui: &mut Ui, row_nr: u64) {
        let Ok(index) = usize::try_from(row_nr) else {
            return;
        };
        // The rows are those of this frame; `egui_table` may still ask for one row past the end, and it draws the
        // sticky block of a table without sticky columns too: nothing wide, but it would be a second row to a reader.
        if index >= self.num_rows || ui.clip_rect().width() < 1.0 {
            return;
        }
        let tokens = self.cx.tokens;
        let clip = ui.clip_rect();
        let block = self.block_of(clip);
        let full = ui.max_rect();
        let row_key = self.rows.row_key(index);
        let selected = self.rows.is_selected(index);
        let id = Id::unique(("qd_row", self.table.name, row_key));
        let across = full
            .with_min_x(self.response.rect.left())
            .with_max_x(self.response.rect.right());
        let hovered = ui
            .ctx()
            .rect_contains_pointer(ui.layer_id(), across.intersect(self.rows_rect));

        self.keys.scroll(ui);
        let mut click = ui.interact(
            full.intersect(clip),
            id.with(block == Block::Sticky),
            Sense::CLICK,
        );
        if click.hovered()
            && let Some(words) = self.rows.row_hover(index)
        {
            click = click.on_hover_text(words);
        }
        if click.double_clicked() {
            self.response.row_activated = Some(index);
        }
        if self.table.cursor == Some(index) {
            self.cursor_rect = Some(across.with_max_y(full.bottom() - 1.0));
        }
        if click.clicked() {
            self.keys.focus(ui);
            self.response.row_clicked = Some((index, ui.input(|input| input.modifiers)));
        }
        if block == Block::Scrolling && ui.ctx().has_accesskit_node(ui.unique_id()) {
            let summary = self.rows.row_summary(index);
            let bounds = across.intersect(self.rows_rect);
            ui.ctx().accesskit_node_builder(ui.unique_id(), |node| {
                node.set_role(Role::Row);
                node.set_label(summary);
                node.set_row_index(index);
                node.set_selected(selected);
                node.set_bounds(egui::accesskit::Rect {
                    x0: bounds.min.x.into(),
                    y0: bounds.min.y.into(),
                    x1: bounds.max.x.into(),
                    y1: bounds.max.y.into(),
                });
            });
        }

        let painter = ui.painter().clone();
        let back = match (selected, hovered) {
            (true, _) => tokens.row_selected,
            (false, true) => tokens.row_hover,
            (false, false) => tokens.surface_raised,
        };
        let line = Stroke::new(1.0, tokens.line_row);
        if selected || hovered {
            painter.rect_filled(full.with_max_y(full.bottom() - 1.0), 0.0, back);
        }
        painter.hline(full.x_range(), full.bottom() - 0.5, line);

        let age = self.rows.row_age_ms(index);
        let newness = age.map_or(0.0, |age_ms| self.cx.fade(age_ms, FLASH_MS));
        if newness > 0.0 {
            self.moves.set(true);
            painter.rect_filled(full, 0.0, fade(tokens.row_selected, newness));
        }
        let rect = full.with_max_y(full.bottom() - 1.0);
        let row = RowArea {
            index: Some(index),
            id,
            rect,
            hovered,
        };
        let left = full.left() - newness * newness * SLIDE;

        match block {
            Block::Sticky => {
                if self.table.check_boxes == CheckBoxes::Shown {
                    let state = if selected {
                        CheckState::On
                    } else {
                        CheckState::Off
                    };
                    let name = format!("Select {}", self.rows.row_name(index));
                    let check_rect = rect.with_max_x(rect.left() + CHECK_WIDTH);
                    let check_id = id.with("check");
                    let response = check_box(ui, self.cx, check_rect, check_id, state, &name);
                    self.keys.watch_row(ui, &response, Some(index));
                    if response.clicked() {
                        self.response.row_toggled = Some(index);
                    }
                }
                self.cells(ui, &painter, &row, &self.widths.left, left, clip.x_range());
            }
            Block::Scrolling => {
                let origin = left + self.widths.left_width;
                let right = self.right_block_left(full.right(), clip);
                // The pinned block covers the end of the middle.
                let middle = Rangef::new(clip.left(), right.min(clip.right()));
                self.cells(ui, &painter, &row, &self.widths.middle, origin, middle);
                if !self.widths.right.is_empty() {
                    if self.widths.scrolls_sideways {
                        painter.rect_filled(
                            Rect::from_x_y_ranges(right..=clip.right(), rect.y_range()),
                            0.0,
                            back,
                        );
                        painter.vline(right, full.y_range(), Stroke::new(1.0, tokens.line_subtle));
                    }
                    let visible = clip.x_range();
                    self.cells(ui, &painter, &row, &self.widths.right, right, visible);
                }
            }
        }
    }

    fn cell_ui(&mut self, _ui: &mut Ui, _cell: &CellInfo) {}

    fn default_row_height(&self) -> f32 {
        self.table.row_height + 1.0
    }
}

/// A check box that answers clicks in all of `rect`.
pub(super) fn check_box(
    ui: &Ui,
    cx: &UiCtx<'_>,
    rect: Rect,
    id: Id,
    state: CheckState,
    name: &str,
) -> Response {
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| match state {
        CheckState::Some => WidgetInfo::labeled(Role::CheckBox, true, name),
        CheckState::On | CheckState::Off => {
            WidgetInfo::selected(Role::CheckBox, true, state == CheckState::On, name)
        }
    });
    let center = pos2(rect.left() + 16.0, rect.center().y);
    paint::check_box(ui.painter(), center, state, cx.tokens);
    if response.has_focus() {
        paint::focus_ring(
            ui.painter(),
            Rect::from_center_size(center, vec2(14.0, 14.0)),
            radius::CONTROL,
            cx.tokens,
        );
    }
    response
}
