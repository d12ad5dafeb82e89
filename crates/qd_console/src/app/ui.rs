//! Drawing one frame: the desk, and the edge of what was painted. It may run twice in a frame and decides nothing.

use eframe::egui;
use qd_feed::FeedCommand;
use qd_pages::{PageCtx, desk_ui};
use qd_ui::UiCtx;

use super::App;

impl App {
    pub(super) fn draw(&mut self, ui: &mut egui::Ui) {
        profiling::function_scope!();
        let ctx = PageCtx {
            ui: UiCtx {
                tokens: self.look.tokens(),
                now_ms: self.now.as_millis(),
                is_test: self.config.is_test,
            },
            snapshot: &self.snapshot,
            commands: &self.sender,
        };
        desk_ui(ui, &ctx, &mut self.desk);
        let shown = self.sender.take_shown();
        if self.told_polls != Some(shown) && self.feed.send(FeedCommand::Wanted(shown)).is_ok() {
            self.told_polls = Some(shown);
        }
        let asked = self.sender.drain();
        if !asked.is_empty() {
            self.asked.extend(asked);
            // `logic` does it; a click must not wait for the next second.
            ui.ctx().request_repaint();
        }
        self.paint_report.frame_drawn(ui.ctx(), &self.snapshot);
    }
}
