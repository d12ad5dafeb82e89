//! The strip of the last frames: one bar each, as high as it took, and marked where it took too long.

use egui::{Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::UiCtx;
use crate::frame_stats::FrameStats;
use crate::tokens::fade;

/// Bars at most; one is two points wide.
const NUM_BARS: usize = 40;
const BAR_WIDTH: f32 = 2.0;
const HEIGHT: f32 = 14.0;
/// A frame of a screen at full rate, in milliseconds: a longer one is seen.
pub const FRAME_BUDGET_MS: f32 = 16.0;

/// Draws the strip; `name` is what the accessibility tree calls it.
pub fn frame_strip_ui(ui: &mut Ui, cx: &UiCtx<'_>, stats: &FrameStats, name: &str) -> Response {
    let size = vec2(NUM_BARS as f32 * BAR_WIDTH, HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let tokens = cx.tokens;
    let painter = ui.painter();
    painter.hline(
        rect.x_range(),
        rect.bottom() - 0.5,
        egui::Stroke::new(1.0, tokens.line_subtle),
    );
    let bars: Vec<f32> = stats.recent(NUM_BARS).collect();
    let left = rect.right() - bars.len() as f32 * BAR_WIDTH;
    for (i, millis) in bars.into_iter().enumerate() {
        // The whole height is twice the budget.
        let share = (millis / (2.0 * FRAME_BUDGET_MS)).clamp(0.05, 1.0);
        let x = left + i as f32 * BAR_WIDTH;
        let color = if millis > FRAME_BUDGET_MS {
            tokens.warn
        } else {
            fade(tokens.text_secondary, 0.7)
        };
        let bar = egui::Rect::from_min_max(
            pos2(x, rect.bottom() - share * HEIGHT),
            pos2(x + BAR_WIDTH - 0.5, rect.bottom()),
        );
        painter.rect_filled(bar, 0.0, color);
    }
    response
}
