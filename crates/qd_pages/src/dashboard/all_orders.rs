//! "Cancel all" in the panel of the open orders: its button, and the word on the one that was sent.
//!
//! The question itself is in `dialogs`.

use egui::{Id, Margin, Ui};
use qd_state::{CommandPhase, RowKey};
use qd_types::Permission;
use qd_ui::button::Button;
use qd_ui::text;
use qd_ui::tokens::space;

use super::row_parts::{command_refusal, command_words};
use crate::PageCtx;

/// Why all open orders cannot be cancelled now; absent when they can.
pub(super) fn refusal(cx: &PageCtx<'_>) -> Option<&'static str> {
    let nothing = (is_known_whole(cx) && cx.snapshot.orders.rows.is_empty())
        .then_some("There are no open orders.");
    // One without an answer does not stand in the way of another: the server takes repeats, and scopes differ.
    let command = cx.snapshot.command_at(&RowKey::AllOrders);
    let command = command.filter(|command| command.phase == CommandPhase::InFlight);
    cx.refusal(Permission::OrdersCancel)
        .or_else(|| command_refusal(command))
        .or(nothing)
}

/// Whether the rows are all the open orders there are. Where they may not be, the server knows more than this screen, and
/// nothing here may keep a cancel from it.
pub(super) fn is_known_whole(cx: &PageCtx<'_>) -> bool {
    let orders = &cx.snapshot.orders;
    orders.is_loaded
        && orders.unreadable.is_empty()
        && orders.seal.state.is_verified()
        && orders.seal.missing.is_empty()
}

/// Draws the button; gives it back when it was pressed.
pub(super) fn button_ui(ui: &mut Ui, cx: &PageCtx<'_>) -> Option<Id> {
    let response = Button::quiet("Cancel all\u{2026}")
        .disabled_because(refusal(cx))
        .ui(ui, &cx.ui);
    response.clicked().then_some(response.id)
}

/// Draws what became of the last "cancel all" when it is unknown or has failed: an error belongs where the orders are.
/// While it is on its way the button says so, and the rows stay where they are.
pub(super) fn note_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let command = cx.snapshot.command_at(&RowKey::AllOrders);
    let command = command.filter(|command| command.phase != CommandPhase::InFlight);
    let Some(words) = command_words(command) else {
        return;
    };
    let colors = cx.ui.tokens.badge(words.tone);
    egui::Frame::new()
        .fill(colors.fill)
        .inner_margin(Margin::symmetric(12, 4))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            text::label(ui, &words.full, &cx.ui.tokens.fonts.body, colors.text);
        });
    ui.add_space(space::XS);
}
