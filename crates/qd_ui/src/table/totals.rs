//! The totals below the rows: one line that stays, over all rows, whatever is filtered or scrolled.

use egui::{Rangef, Rect, Role, Stroke, Ui};

use super::body::{Body, RowArea};

/// Height of the line of totals, in points.
pub(super) const TOTALS_HEIGHT: f32 = 27.0;

impl Body<'_, '_> {
    /// Paints the totals into `rect`, under the columns as they are scrolled.
    pub(super) fn totals(&mut self, ui: &mut Ui, rect: Rect, summary: &str) {
        let tokens = self.cx.tokens;
        let scope = egui::UiBuilder::new()
            .max_rect(rect)
            .id_salt("totals")
            .accessibility_role(Role::Row)
            .accessibility_label(summary);
        ui.scope_builder(scope, |ui| {
            ui.shrink_clip_rect(rect);
            ui.painter().hline(
                rect.x_range(),
                rect.top() + 0.5,
                Stroke::new(1.0, tokens.line_strong),
            );
            let row = RowArea {
                index: None,
                id: ui.unique_id(),
                rect: rect.with_min_y(rect.top() + 1.0),
                hovered: false,
            };
            let painter = ui.painter().clone();
            let widths = self.widths;
            let split = rect.left() + widths.left_width;
            let right = if widths.scrolls_sideways {
                rect.right() - widths.right_width
            } else {
                split + widths.middle_width
            };
            let left_end = Rangef::new(rect.left(), split);
            self.cells(ui, &painter, &row, &widths.left, rect.left(), left_end);
            let middle = Rangef::new(split, right.min(rect.right()));
            let origin = self.middle_left.unwrap_or(split);
            self.cells(ui, &painter, &row, &widths.middle, origin, middle);
            self.cells(ui, &painter, &row, &widths.right, right, rect.x_range());
        });
    }
}
