//! What can be done with the selected positions: a button beside the words that say how many there are.
//!
//! The selection is the grid's, the question is in `dialogs`.

use egui::{Id, Ui};
use qd_types::{Permission, fmt};
use qd_ui::button::Button;

use crate::PageCtx;

/// Draws "Close N…" while something is selected; gives it back when it was pressed.
pub(super) fn close_button_ui(ui: &mut Ui, cx: &PageCtx<'_>, num_selected: usize) -> Option<Id> {
    if num_selected == 0 {
        return None;
    }
    let words = format!("Close {}\u{2026}", fmt::count(num_selected as u64));
    let response = Button::quiet(&words)
        .name(&format!("{words} selected"))
        .disabled_because(cx.refusal(Permission::PositionsClose))
        .ui(ui, &cx.ui);
    response.clicked().then_some(response.id)
}
