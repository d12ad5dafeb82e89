//! Text fields with a name: the filter of a table, the reason in a dialog.
//!
//! The text belongs to the caller; nothing is checked here.

use egui::{Margin, Response, TextEdit, Ui, vec2};

use crate::UiCtx;

/// A one-line field, `width` points wide. `name` is what the accessibility tree calls it.
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
        .hint_text(hint)
        .font(cx.tokens.fonts.body.clone())
        .margin(Margin::symmetric(8, 2))
        .align(egui::Align2::LEFT_CENTER)
        .desired_width(width - 16.0)
        .min_size(vec2(width, 23.0));
    ui.add(field).accessible_name(name)
}
