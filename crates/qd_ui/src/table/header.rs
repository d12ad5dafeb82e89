//! One header: its words, the marks of sort and filter, the click that sorts, the edge that is dragged.

use egui::{Rangef, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};
use qd_types::Tone;

use crate::paint::{self, CELL_PADDING, CheckState, Trend};
use crate::text::{self, HAlign};
use crate::tokens::radius;

use super::body::{Body, check_box};
use super::view::FilterKind;
use super::{SortDir, TableColumn};

/// Half the width of the place at a header's right edge that is dragged, in points.
const HANDLE: f32 = 4.0;

impl Body<'_, '_> {
    pub(super) fn header_check_box(&mut self, ui: &Ui, rect: Rect) {
        let state = match self.rows.num_selected() {
            0 => CheckState::Off,
            all if all >= self.num_rows => CheckState::On,
            _ => CheckState::Some,
        };
        let id = ui.scope_id().with("select all");
        let response = check_box(ui, self.cx, rect, id, state, "Select all");
        self.keys.watch_fixed(ui, &response);
        self.response.all_toggled |= response.clicked();
    }

    pub(super) fn header_cell(
        &mut self,
        ui: &Ui,
        rect: Rect,
        column: &TableColumn,
        visible: Rangef,
    ) {
        if column.title.is_empty() {
            return;
        }
        let tokens = self.cx.tokens;
        let dir = self.table.sort.dir_of(column.column_id);
        let has_menu = column.sortable || column.filter != FilterKind::None;
        let sense = if has_menu {
            Sense::click()
        } else {
            Sense::hover()
        };
        let response = ui.interact(rect, ui.scope_id().with(column.column_id), sense);
        let role = if column.sortable {
            Role::Button
        } else {
            Role::ColumnHeader
        };
        response.widget_info(|| WidgetInfo::labeled(role, true, column.title));
        if let Some(dir) = dir {
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_sort_direction(match dir {
                    SortDir::Ascending => egui::accesskit::SortDirection::Ascending,
                    SortDir::Descending => egui::accesskit::SortDirection::Descending,
                });
            });
        }
        if column.is_filtered {
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_description("filtered");
            });
        }
        let lit = dir.is_some() || (column.sortable && response.hovered());
        let color = if column.is_filtered {
            tokens.tone(Tone::Accent)
        } else if lit {
            tokens.text_primary
        } else {
            tokens.text_secondary
        };
        let mut inner = rect.shrink2(vec2(CELL_PADDING, 0.0));
        let mark = if dir.is_some() { 11.0 } else { 0.0 };
        if column.align == HAlign::Right {
            inner.max.x -= mark;
        }
        // Under the pinned columns nothing can be read: the title ends with "…" before them.
        inner.min.x = inner.min.x.max(visible.min);
        inner.max.x = inner.max.x.min(visible.max).max(inner.min.x);
        let placed = text::paint(
            ui.painter(),
            inner,
            column.title,
            &tokens.fonts.label,
            color,
            column.align,
        );
        if column.is_filtered {
            let at = match column.align {
                HAlign::Right => placed.left() - 8.0,
                HAlign::Left | HAlign::Center => placed.right() + mark + 8.0,
            };
            paint::funnel(ui.painter(), pos2(at, rect.center().y), 7.0, color);
        }
        if let Some(dir) = dir {
            let trend = if dir == SortDir::Ascending {
                Trend::Up
            } else {
                Trend::Down
            };
            paint::trend_arrow(
                ui.painter(),
                pos2(placed.right() + 7.0, rect.center().y),
                6.0,
                trend,
                color,
            );
        }
        self.keys.watch_header(ui, &response, visible);
        if response.has_focus() {
            paint::focus_ring(
                ui.painter(),
                rect.shrink2(vec2(3.0, 3.0)),
                radius::CONTROL,
                tokens,
            );
        }
        let response = response.on_hover_cursor(if column.sortable {
            egui::CursorIcon::PointingHand
        } else {
            egui::CursorIcon::Default
        });
        if column.sortable && response.clicked() {
            self.response.sort_requested = Some(self.table.sort.after_click(column));
        }
        if has_menu {
            self.response.headers.push((column.column_id, response));
        }
        self.resize_handle(ui, rect, column, visible);
    }

    /// The right edge of a header, dragged to make the column wider; a double click lets it fit itself again.
    fn resize_handle(&mut self, ui: &Ui, rect: Rect, column: &TableColumn, visible: Rangef) {
        let edge = rect.right();
        if edge > visible.max + 0.5 {
            return;
        }
        let handle = rect
            .with_min_x(edge - HANDLE)
            .with_max_x((edge + HANDLE).min(visible.max));
        let id = ui.scope_id().with((column.column_id, "resize"));
        let response = ui.interact(handle, id, Sense::DRAG | Sense::CLICK);
        if response.double_clicked() {
            self.response.column_resized = Some((column.column_id, None));
        } else if response.dragged()
            && let Some(at) = response.interact_pointer_pos()
        {
            let width = at.x - rect.left();
            self.response.column_resized = Some((column.column_id, Some(width)));
        }
        if response.hovered() || response.dragged() {
            let stroke = Stroke::new(1.0, self.cx.tokens.line_strong);
            ui.painter()
                .vline(edge - 0.5, rect.y_range().shrink(5.0), stroke);
        }
        response.on_hover_cursor(egui::CursorIcon::ResizeColumn);
    }
}
