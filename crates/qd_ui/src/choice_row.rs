//! One of several, as rows with a ring: the scope of a command, the kind of an order.
//!
//! It holds no choice: the caller says which row is on and takes the click.

use egui::{CornerRadius, CursorIcon, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::UiCtx;
use crate::paint;
use crate::text::{self, HAlign};
use crate::tokens::{radius, size, space};

/// Height of a row, in points.
pub const ROW_HEIGHT: f32 = size::TOUCH_TARGET;

/// One row of a choice.
#[derive(Clone, Copy, Debug)]
#[must_use = "a choice is drawn by `ui`"]
pub struct ChoiceRow<'a> {
    label: &'a str,
    detail: &'a str,
    is_on: bool,
}

impl<'a> ChoiceRow<'a> {
    /// A row with its words and, at the right, what it means.
    pub fn new(label: &'a str, detail: &'a str, is_on: bool) -> Self {
        Self {
            label,
            detail,
            is_on,
        }
    }

    /// Draws it over the available width; clicked when it was chosen.
    pub fn ui(self, ui: &mut Ui, cx: &UiCtx<'_>) -> Response {
        let tokens = cx.tokens;
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::click());
        response.widget_info(|| {
            let name = format!("{}, {}", self.label, self.detail);
            WidgetInfo::selected(Role::RadioButton, true, self.is_on, name)
        });
        let painter = ui.painter();
        if response.hovered() {
            painter.rect_filled(rect, CornerRadius::same(radius::CONTROL), tokens.row_hover);
        }
        let center = pos2(rect.left() + 14.0, rect.center().y);
        let (line, width) = if self.is_on {
            (tokens.accent, 1.5)
        } else {
            (tokens.line_control, 1.0)
        };
        painter.circle_stroke(center, 6.0, Stroke::new(width, line));
        if self.is_on {
            paint::dot(painter, center, 3.0, tokens.accent);
        }
        let words = rect
            .with_min_x(center.x + 6.0 + space::S)
            .with_max_x(rect.right() - space::S);
        let fonts = &tokens.fonts;
        let detail = text::paint(
            painter,
            words,
            self.detail,
            &fonts.label,
            tokens.text_secondary,
            HAlign::Right,
        );
        text::paint(
            painter,
            words.with_max_x(detail.left() - space::S),
            self.label,
            &fonts.body,
            tokens.text_primary,
            HAlign::Left,
        );
        if response.has_focus() {
            paint::focus_ring(painter, rect.shrink(1.0), radius::CONTROL, tokens);
        }
        response.on_hover_cursor(CursorIcon::PointingHand)
    }
}
