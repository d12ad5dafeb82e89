//! For tests and for eyes: egui set up as the console sets it up, and a gallery of every widget.
//!
//! No test framework is named here, so the library carries none; `kittest` takes [`setup`] as its context set-up.

mod gallery;
mod gallery_parts;
mod gallery_tables;

use egui::{Context, Vec2};

use crate::tokens::{self, DesignTokens};

pub use gallery::{GalleryState, gallery_ui};

/// The desk of the design's picture.
pub const DESK: Vec2 = Vec2::new(1440.0, 900.0);
/// A small laptop.
pub const LAPTOP: Vec2 = Vec2::new(1024.0, 700.0);
/// A phone.
pub const PHONE: Vec2 = Vec2::new(420.0, 900.0);
/// The instant at which tests stand still: 14:38:16.204 UTC on a trading day, in milliseconds.
pub const NOW_MS: i64 = 1_795_012_696_204;

/// What `with_context_setup` of a test harness takes: fonts and style, and nothing that moves by itself.
pub fn setup(tokens: DesignTokens) -> impl FnOnce(&Context) {
    move |ctx| {
        tokens::apply(ctx, &tokens);
        ctx.all_styles_mut(|style| {
            style.animation_time = 0.0;
            style.visuals.text_cursor.blink = false;
        });
    }
}

/// Gives `draw` a root as the shell has it: the whole window, no margin. Test harnesses hand out one inside a margin.
pub fn root_ui<R>(ui: &mut egui::Ui, draw: impl FnOnce(&mut egui::Ui) -> R) -> R {
    let window = ui.ctx().content_rect();
    let mut root = ui.new_child(egui::UiBuilder::new().id_salt("root").max_rect(window));
    root.set_clip_rect(window);
    // What the shell clears the picture to.
    root.painter()
        .rect_filled(window, 0.0, root.visuals().panel_fill);
    draw(&mut root)
}
