//! Menus that hang from a button: as high as the window has room for, and the keyboard comes back to where it was.
//!
//! What stands in a menu is its owner's.

use egui::{Context, Popup, PopupCloseBehavior, Response, ScrollArea, Ui};

use crate::tokens::{size, space};

/// Room kept above and below a panel, in points.
const MARGIN: f32 = 32.0;
/// Less is no panel.
const LEAST_HEIGHT: f32 = 120.0;

/// A menu under `opener`, opened by a click on it; clicks inside leave it open. `name` is what the accessibility tree
/// calls it.
pub fn menu_ui(opener: &Response, name: &str, width: f32, add: impl FnOnce(&mut Ui)) {
    let was_open = Popup::is_id_open(&opener.ctx, Popup::default_response_id(opener));
    Popup::menu(opener)
        .width(width)
        .gap(space::XS)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name(name)
        .show(|ui| tall_ui(ui, add));
    give_focus_back(opener, was_open);
}

/// What is higher than the room between header and footer scrolls there.
pub fn tall_ui(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    let height = height_for(ui.ctx());
    // Not only as high as it was in the frame before: what comes while it is open has room.
    ui.set_max_height(height);
    ScrollArea::vertical()
        .auto_shrink([false, true])
        .max_height(height)
        .show(ui, add);
}

fn height_for(ctx: &Context) -> f32 {
    let window = ctx.content_rect().height();
    (window - size::HEADER_HEIGHT - size::FOOTER_HEIGHT - MARGIN).max(LEAST_HEIGHT)
}

/// A menu that has just closed leaves the keyboard with what opened it, unless somebody else has it.
pub(crate) fn give_focus_back(opener: &Response, was_open: bool) {
    let is_open = Popup::is_id_open(&opener.ctx, Popup::default_response_id(opener));
    let nobody = opener.ctx.memory(|memory| memory.focused().is_none());
    if was_open && !is_open && nobody {
        opener.request_focus();
    }
}
