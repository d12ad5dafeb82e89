//! A check box with its words, in the flow of a menu.
//!
//! It holds no choice: what was clicked comes back, and the caller decides.

use egui::{CursorIcon, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::UiCtx;
use crate::paint::{self, CheckState};
use crate::text::{self, HAlign};
use crate::tokens::{radius, size, space};

const BOX_WIDTH: f32 = 12.0;

/// Draws it `width` points wide; `name` is what the accessibility tree calls it. With a `reason` it is disabled.
pub fn check_ui(
    ui: &mut Ui,
    cx: &UiCtx<'_>,
    (words, name): (&str, &str),
    is_on: bool,
    width: f32,
    reason: Option<&str>,
) -> Response {
    let tokens = cx.tokens;
    let sense = if reason.is_none() {
        Sense::click()
    } else {
        Sense::hover()
    };
    let (rect, response) = ui.allocate_exact_size(vec2(width, size::TOUCH_TARGET), sense);
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, reason.is_none(), is_on, name));
    let painter = ui.painter();
    let state = if is_on {
        CheckState::On
    } else {
        CheckState::Off
    };
    let center = pos2(rect.left() + space::XS + BOX_WIDTH / 2.0, rect.center().y);
    paint::check_box(painter, center, state, tokens);
    let color = match reason {
        None => tokens.text_primary,
        Some(_) => tokens.text_faint,
    };
    let room = rect.with_min_x(center.x + BOX_WIDTH / 2.0 + space::S);
    text::paint(
        painter,
        room,
        words,
        &tokens.fonts.body,
        color,
        HAlign::Left,
    );
    if response.has_focus() {
        paint::focus_ring(painter, rect, radius::CONTROL, tokens);
    }
    match reason {
        None => response.on_hover_cursor(CursorIcon::PointingHand),
        Some(reason) => response.on_hover_text(reason),
    }
}
