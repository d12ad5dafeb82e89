//! Behavior of the widgets as a screen reader and a keyboard meet them: labels, roles, clicks, keys. No pictures here.

mod dialogs;
mod tables;
mod widgets;

use egui::Vec2;
use egui_kittest::Harness;
use qd_ui::{DesignTokens, UiCtx, testing};

/// A harness whose closure gets the context of a test that stands still.
fn harness<'a>(size: Vec2, mut draw: impl FnMut(&mut egui::Ui, &UiCtx<'_>) + 'a) -> Harness<'a> {
    let tokens = DesignTokens::dark();
    Harness::builder()
        .with_size(size)
        .with_context_setup(testing::setup(tokens.clone()))
        .build_ui(move |ui| {
            let cx = UiCtx {
                tokens: &tokens,
                now_ms: testing::NOW_MS,
                is_test: true,
            };
            draw(ui, &cx);
        })
}
