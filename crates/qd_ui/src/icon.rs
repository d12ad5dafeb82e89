//! Buttons that are a sign instead of words: settings, notes, alerts. Drawn as shapes, named for those who do not see them.

use std::f32::consts::TAU;

use egui::{
    Color32, CornerRadius, FontId, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke,
    StrokeKind, Ui, Vec2, WidgetInfo, vec2,
};

use qd_types::Tone;

use crate::UiCtx;
use crate::paint;
use crate::text::{self, HAlign};
use crate::tokens::{radius, size};

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Icon {
    /// A gear: settings.
    Gear,
    /// A bell: notes.
    Bell,
    /// A triangle with an exclamation mark: alerts.
    Warning,
    /// The same with a question mark: nobody knows.
    Doubt,
}

/// A square button of the header. `name` is its tooltip too; `count` stands beside the sign when above zero.
pub fn icon_button(ui: &mut Ui, cx: &UiCtx<'_>, icon: Icon, name: &str, count: usize) -> Response {
    let words = match count {
        0 => String::new(),
        1..100 => count.to_string(),
        _ => "99+".to_owned(),
    };
    toned_icon_button(ui, cx, icon, None, name, &words)
}

/// As [`icon_button`], in a tone, with any few characters beside the sign.
pub fn toned_icon_button(
    ui: &mut Ui,
    cx: &UiCtx<'_>,
    icon: Icon,
    tone: Option<Tone>,
    name: &str,
    words: &str,
) -> Response {
    let tokens = cx.tokens;
    let has_words = !words.is_empty();
    let galley = text::layout(
        ui.painter(),
        words,
        &tokens.fonts.label_strong,
        f32::INFINITY,
    );
    let extra = if has_words {
        galley.size().x + 4.0
    } else {
        0.0
    };
    let wanted = vec2(size::TOUCH_TARGET + extra, size::TOUCH_TARGET);
    let (rect, response) = ui.allocate_exact_size(wanted, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    let painter = ui.painter();
    let is_lit = response.hovered() || response.has_focus() || has_words;
    let color = match tone {
        Some(tone) => tokens.tone(tone),
        None if is_lit => tokens.text_primary,
        None => tokens.text_secondary,
    };
    if response.hovered() {
        painter.rect(
            rect,
            CornerRadius::same(radius::CONTROL),
            tokens.row_hover,
            Stroke::new(1.0, tokens.line_strong),
            StrokeKind::Inside,
        );
    }
    let center = rect.left_center() + vec2(size::TOUCH_TARGET / 2.0, 0.0);
    match icon {
        Icon::Gear => gear(painter, center, color),
        Icon::Bell => bell(painter, center, color),
        Icon::Warning => warning(painter, center, color),
        Icon::Doubt => doubt(painter, center, color, &tokens.fonts.label_strong),
    }
    if has_words {
        let place = rect
            .with_min_x(center.x + 9.0)
            .with_max_x(rect.right() - 2.0);
        text::paint_galley(painter, place, galley, tokens.text_strong, HAlign::Right);
    }
    if response.has_focus() {
        paint::focus_ring(painter, rect.shrink(1.0), radius::CONTROL, tokens);
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}

fn gear(painter: &Painter, center: Pos2, color: Color32) {
    painter.circle_stroke(center, 4.6, Stroke::new(1.6, color));
    painter.circle_filled(center, 1.4, color);
    for tooth in 0_u8..8 {
        let direction = Vec2::angled(TAU * f32::from(tooth) / 8.0);
        painter.line_segment(
            [center + direction * 4.8, center + direction * 7.2],
            Stroke::new(2.0, color),
        );
    }
}

fn bell(painter: &Painter, center: Pos2, color: Color32) {
    let at = |x: f32, y: f32| center + vec2(x, y);
    let body = vec![
        at(-6.2, 3.6),
        at(-4.6, 1.4),
        at(-4.4, -2.2),
        at(-2.6, -5.2),
        at(0.0, -6.0),
        at(2.6, -5.2),
        at(4.4, -2.2),
        at(4.6, 1.4),
        at(6.2, 3.6),
    ];
    painter.add(Shape::closed_line(body, Stroke::new(1.5, color)));
    let clapper = Rect::from_center_size(at(0.0, 5.9), vec2(3.6, 1.8));
    painter.rect_filled(clapper, 0.9, color);
}

fn triangle(painter: &Painter, center: Pos2, color: Color32) {
    let at = |x: f32, y: f32| center + vec2(x, y);
    let body = vec![at(0.0, -7.4), at(8.0, 6.2), at(-8.0, 6.2)];
    painter.add(Shape::closed_line(body, Stroke::new(1.5, color)));
}

fn doubt(painter: &Painter, center: Pos2, color: Color32, font: &FontId) {
    triangle(painter, center, color);
    let place = Rect::from_center_size(center + vec2(0.0, 1.6), vec2(12.0, 12.0));
    text::paint(painter, place, "?", font, color, HAlign::Center);
}

fn warning(painter: &Painter, center: Pos2, color: Color32) {
    let at = |x: f32, y: f32| center + vec2(x, y);
    triangle(painter, center, color);
    painter.line_segment([at(0.0, -2.4), at(0.0, 1.6)], Stroke::new(1.5, color));
    painter.circle_filled(at(0.0, 3.6), 0.9, color);
}
