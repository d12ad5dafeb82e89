//! Text fields with a name: the filter of a table, the reason in a dialog.
//!
//! The text belongs to the caller; nothing is checked here.

use egui::{CornerRadius, Id, Margin, Response, Stroke, StrokeKind, TextEdit, Ui, vec2};

use crate::UiCtx;
use crate::paint;
use crate::tokens::radius;

/// The id of the field of that name, to give it the keyboard from elsewhere.
pub fn field_id(name: &str) -> Id {
    Id::unique(("qd_field", name))
}

/// A one-line field, `width` points wide. `name` is what the accessibility tree calls it, and unique on the page.
pub fn text_field(
    ui: &mut Ui,
    cx: &UiCtx<'_>,
    text: &mut String,
    hint: &str,
    name: &str,
    width: f32,
) -> Response {
    let hint = egui::RichText::new(hint)
        .font(cx.tokens.fonts.body.clone())
        .color(cx.tokens.text_hint);
    let field = TextEdit::singleline(text)
        .id(field_id(name))
        .hint_text(hint)
        .font(cx.tokens.fonts.body.clone())
        .margin(Margin::symmetric(8, 2))
        .align(egui::Align2::LEFT_CENTER)
        .desired_width(width - 16.0)
        .min_size(vec2(width, 23.0));
    let response = ui.add(field).accessible_name(name);
    if response.has_focus() {
        // Over egui's own line, which has the color of selected text.
        ui.painter().rect_stroke(
            response.rect,
            CornerRadius::same(radius::CONTROL),
            Stroke::new(1.0, cx.tokens.accent),
            StrokeKind::Inside,
        );
        paint::focus_ring(ui.painter(), response.rect, radius::CONTROL, cx.tokens);
    }
    response
}
