//! Words and numbers painted straight onto a rectangle: aligned, cut with "…" when they do not fit.
//!
//! No widgets and no interaction, hence invisible to AccessKit: whoever paints text also names it once, on the row or the card.
//! Layout goes through egui's galley cache, so an unchanged text costs one hash per frame.

use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{Color32, FontId, Galley, Painter, Pos2, Rect, Vec2, pos2};

/// Where a text stands in its rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HAlign {
    /// Words.
    #[default]
    Left,
    /// Marks.
    Center,
    /// Numbers.
    Right,
}

/// Lays out one line, cut to `max_width`. The color is left open, so that the same text in two colors is laid out once.
pub fn layout(painter: &Painter, text: &str, font: &FontId, max_width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font.clone(), Color32::PLACEHOLDER);
    job.wrap = TextWrapping {
        max_rows: 1,
        break_anywhere: true,
        // Whole points: the width is part of the cache's key.
        max_width: max_width.max(0.0).ceil(),
        ..TextWrapping::default()
    };
    painter.layout_job(job)
}

/// Lays out one line in `font`, or in the first of the `smaller` ones that fits `max_width`; cut in the last when none does.
pub fn layout_to_fit(
    painter: &Painter,
    text: &str,
    font: &FontId,
    smaller: &[FontId],
    max_width: f32,
) -> Arc<Galley> {
    let mut galley = layout(painter, text, font, max_width);
    for font in smaller {
        if !galley.elided {
            break;
        }
        galley = layout(painter, text, font, max_width);
    }
    galley
}

/// Lays out several lines, wrapped at `max_width`.
pub fn layout_wrapped(painter: &Painter, text: &str, font: &FontId, max_width: f32) -> Arc<Galley> {
    painter.layout(
        text.to_owned(),
        font.clone(),
        Color32::PLACEHOLDER,
        max_width.max(0.0).ceil(),
    )
}

/// The width of a text on one line, uncut.
pub fn width(painter: &Painter, text: &str, font: &FontId) -> f32 {
    layout(painter, text, font, f32::INFINITY).size().x
}

/// Paints one line into `rect`, vertically centered, cut with "…" when it is too long. Returns where the text stands.
pub fn paint(
    painter: &Painter,
    rect: Rect,
    text: &str,
    font: &FontId,
    color: Color32,
    align: HAlign,
) -> Rect {
    if text.is_empty() {
        return Rect::from_min_size(rect.left_center(), Vec2::ZERO);
    }
    let galley = layout(painter, text, font, rect.width());
    paint_galley(painter, rect, galley, color, align)
}

/// Paints a laid-out text into `rect`, vertically centered.
pub fn paint_galley(
    painter: &Painter,
    rect: Rect,
    galley: Arc<Galley>,
    color: Color32,
    align: HAlign,
) -> Rect {
    let size = galley.size();
    let x = match align {
        HAlign::Left => rect.left(),
        HAlign::Center => rect.center().x - size.x / 2.0,
        HAlign::Right => rect.right() - size.x,
    };
    let min = pos2(x, rect.center().y - size.y / 2.0);
    painter.galley(min, galley, color);
    Rect::from_min_size(min, size)
}

/// Paints one uncut line starting at `left_center`. Returns where the text stands.
pub fn paint_at(
    painter: &Painter,
    left_center: Pos2,
    text: &str,
    font: &FontId,
    color: Color32,
) -> Rect {
    let galley = layout(painter, text, font, f32::INFINITY);
    let rect = Rect::from_min_size(
        pos2(left_center.x, left_center.y - galley.size().y / 2.0),
        galley.size(),
    );
    painter.galley(rect.min, galley, color);
    rect
}

/// A plain label as a widget: named for AccessKit, never taking a click.
pub fn label(ui: &mut egui::Ui, text: &str, font: &FontId, color: Color32) -> egui::Response {
    ui.add(
        egui::Label::new(egui::RichText::new(text).font(font.clone()).color(color))
            .selectable(false),
    )
}
