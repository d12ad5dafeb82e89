//! What was said in passing, newest first, under the bell of the header.

use egui::Ui;
use qd_types::{UtcMicros, fmt};
use qd_ui::button::Button;
use qd_ui::text;
use qd_ui::toast::Toasts;
use qd_ui::tokens::space;

use crate::PageCtx;

/// What the bell is called: with the number of notes that nobody has looked at.
pub(crate) fn notes_name(toasts: &Toasts) -> String {
    match toasts.num_unseen() {
        0 => "Notes".to_owned(),
        unseen => format!("Notes: {unseen} new"),
    }
}

/// Draws the panel's content. Whoever opens it has seen what is in it.
pub(crate) fn notes_ui(ui: &mut Ui, cx: &PageCtx<'_>, toasts: &mut Toasts) {
    let (tokens, fonts) = (cx.ui.tokens, &cx.ui.tokens.fonts);
    toasts.mark_seen();
    text::label(ui, "Notes", &fonts.title, tokens.text_strong);
    ui.add_space(space::S);
    toasts.history_ui(ui, &cx.ui, |at_ms| {
        fmt::time_seconds(UtcMicros::from_millis(at_ms), cx.snapshot.zone)
    });
    if toasts.history().next().is_some() {
        ui.add_space(space::XS);
        let clear = Button::quiet("Clear").name("Clear notes");
        if clear.ui(ui, &cx.ui).clicked() {
            toasts.forget_history();
        }
    }
}
