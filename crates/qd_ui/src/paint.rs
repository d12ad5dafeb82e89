//! Shapes that stand for signs: arrows, dots, check marks, sparklines, frames, skeletons.
//!
//! Shapes instead of glyphs, so that they look the same with any font. No state, no interaction, no names for AccessKit.

use std::time::Duration;

use egui::{
    Color32, CornerRadius, Frame, Margin, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2,
    pos2, vec2,
};
use qd_types::Tone;

use crate::tokens::{DesignTokens, radius, space};

/// After how long a fading thing is drawn again when nothing else asks for a frame.
///
/// Longer than news takes at five messages a second: on a desk that lives, a fade is seen in the frames that news brings
/// and costs none of its own, and no number waits for one. On a quiet desk it goes in three steps.
/// So does a row that comes in: at 30 frames a second for it alone, a busy desk drew nearly twice as many frames.
pub const MOTION_INTERVAL: Duration = Duration::from_millis(250);

/// Which way a number went, or on which side of zero it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trend {
    /// Up, or a profit.
    Up,
    /// Down, or a loss.
    Down,
}

impl Trend {
    /// The tone that goes with the arrow.
    pub fn tone(self) -> Tone {
        match self {
            Self::Up => Tone::Gain,
            Self::Down => Tone::Loss,
        }
    }

    /// The arrow for a tone of money; none for the others.
    pub fn of(tone: Tone) -> Option<Self> {
        match tone {
            Tone::Gain => Some(Self::Up),
            Tone::Loss => Some(Self::Down),
            Tone::Neutral | Tone::Faint | Tone::Info | Tone::Accent | Tone::Warn | Tone::Danger => {
                None
            }
        }
    }
}

/// A filled triangle, `size` points wide, centered.
pub fn trend_arrow(painter: &Painter, center: Pos2, size: f32, trend: Trend, color: Color32) {
    let half = size / 2.0;
    let height = size * 0.86;
    let (base_y, tip_y) = match trend {
        Trend::Up => (center.y + height / 2.0, center.y - height / 2.0),
        Trend::Down => (center.y - height / 2.0, center.y + height / 2.0),
    };
    let points = vec![
        pos2(center.x - half, base_y),
        pos2(center.x, tip_y),
        pos2(center.x + half, base_y),
    ];
    painter.add(Shape::convex_polygon(points, color, Stroke::NONE));
}

/// A funnel: rows are kept back by this.
pub fn funnel(painter: &Painter, center: Pos2, size: f32, color: Color32) {
    let (half, top) = (size / 2.0, center.y - size / 2.0);
    painter.add(Shape::convex_polygon(
        vec![
            pos2(center.x - half, top),
            pos2(center.x + half, top),
            pos2(center.x, top + size * 0.62),
        ],
        color,
        Stroke::NONE,
    ));
    let stem = Rect::from_center_size(
        pos2(center.x, top + size * 0.7),
        vec2(size * 0.24, size * 0.6),
    );
    painter.rect_filled(stem, 0.0, color);
}

/// A filled dot.
pub fn dot(painter: &Painter, center: Pos2, radius: f32, color: Color32) {
    painter.circle_filled(center, radius, color);
}

/// A check mark inside a square of `size` points.
pub fn check_mark(painter: &Painter, center: Pos2, size: f32, stroke: Stroke) {
    let at = |x: f32, y: f32| center + vec2(x, y) * size;
    painter.line(
        vec![at(-0.38, 0.02), at(-0.10, 0.30), at(0.40, -0.32)],
        stroke,
    );
}

/// A cross inside a square of `size` points.
pub fn cross(painter: &Painter, center: Pos2, size: f32, stroke: Stroke) {
    let half = size / 2.0;
    painter.line_segment(
        [center + vec2(-half, -half), center + vec2(half, half)],
        stroke,
    );
    painter.line_segment(
        [center + vec2(-half, half), center + vec2(half, -half)],
        stroke,
    );
}

/// The sign before a notice: an exclamation mark in a triangle for what wants a look, an "i" in a circle for the rest.
pub fn notice_sign(
    painter: &Painter,
    center: Pos2,
    size: f32,
    tone: Tone,
    color: Color32,
    hole: Color32,
) {
    let (stem, dot) = match tone {
        Tone::Warn | Tone::Danger | Tone::Loss => {
            trend_arrow(painter, center, size, Trend::Up, color);
            (0.02, 0.28)
        }
        Tone::Neutral | Tone::Faint | Tone::Info | Tone::Accent | Tone::Gain => {
            painter.circle_filled(center, size * 0.5, color);
            (0.13, -0.24)
        }
    };
    let stem_rect = Rect::from_center_size(
        center + vec2(0.0, size * stem),
        vec2(size * 0.12, size * 0.32),
    );
    painter.rect_filled(stem_rect, 0.5, hole);
    painter.circle_filled(center + vec2(0.0, size * dot), size * 0.075, hole);
}

/// What a check box shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckState {
    /// Not chosen.
    Off,
    /// Chosen.
    On,
    /// Some of the rows below are chosen.
    Some,
}

/// A check box, 12 points wide.
pub fn check_box(painter: &Painter, center: Pos2, state: CheckState, tokens: &DesignTokens) {
    let rect = Rect::from_center_size(center, Vec2::splat(12.0));
    match state {
        CheckState::Off => {
            painter.rect_stroke(
                rect,
                3.0,
                Stroke::new(1.0, tokens.line_control),
                StrokeKind::Inside,
            );
        }
        CheckState::On => {
            painter.rect_filled(rect, 3.0, tokens.accent);
            check_mark(
                painter,
                center,
                9.0,
                Stroke::new(1.5, tokens.text_on_accent),
            );
        }
        CheckState::Some => {
            painter.rect_filled(rect, 3.0, tokens.accent);
            painter.hline(
                rect.shrink(3.0).x_range(),
                center.y,
                Stroke::new(1.5, tokens.text_on_accent),
            );
        }
    }
}

/// The line of a day, oldest first, fitted to its own range; what is not a number is left out.
///
/// A value that never moved is a line through the middle, so that rest does not look like a fall.
/// Fewer than two points draw nothing: one value is not a line. More points than pixels are thinned.
pub fn sparkline(painter: &Painter, rect: Rect, points: &[f32], color: Color32) {
    let room = pixel_count(rect.width());
    if points.len() < 2 || room < 2 || rect.height() <= 0.0 {
        return;
    }
    let finite = || points.iter().copied().filter(|value| value.is_finite());
    let low = finite().fold(f32::INFINITY, f32::min);
    let high = finite().fold(f32::NEG_INFINITY, f32::max);
    let span = high - low;
    let count = points.len().min(room);
    let line: Vec<Pos2> = (0..count)
        .filter_map(|step| {
            let value = points
                .get(step * (points.len() - 1) / (count - 1))
                .copied()?;
            let x = rect.left() + rect.width() * step as f32 / (count - 1) as f32;
            let height = if span > 0.0 {
                (value - low) / span
            } else {
                0.5
            };
            let y = rect.bottom() - rect.height() * height;
            value.is_finite().then(|| pos2(x, y))
        })
        .collect();
    if line.len() >= 2 {
        painter.line(line, Stroke::new(1.2, color));
    }
}

/// How many whole points a width holds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a range that fits before the cast"
)]
fn pixel_count(width: f32) -> usize {
    if width.is_finite() {
        width.clamp(0.0, 4096.0) as usize
    } else {
        0
    }
}

/// A bar where text will be: still, so that waiting does not look like work.
pub fn skeleton_bar(painter: &Painter, rect: Rect, tokens: &DesignTokens) {
    painter.rect_filled(rect, 3.0, tokens.line_subtle);
}

/// The border of the thing that has the keyboard.
pub fn focus_ring(painter: &Painter, rect: Rect, corner_radius: u8, tokens: &DesignTokens) {
    painter.rect_stroke(
        rect.expand(1.0),
        CornerRadius::same(corner_radius.saturating_add(1)),
        Stroke::new(1.5, tokens.accent),
        StrokeKind::Outside,
    );
}

/// The frame of cards and panels: raised, one quiet line, no margin of its own.
pub fn panel_frame(tokens: &DesignTokens) -> Frame {
    Frame::new()
        .fill(tokens.surface_raised)
        .stroke(Stroke::new(1.0, tokens.line_subtle))
        .corner_radius(CornerRadius::same(radius::PANEL))
}

/// The frame of the header: raised, full width.
pub fn header_frame(tokens: &DesignTokens) -> Frame {
    Frame::new()
        .fill(tokens.surface_raised)
        .inner_margin(Margin::symmetric(14, 0))
}

/// The frame of the footer.
pub fn footer_frame(tokens: &DesignTokens) -> Frame {
    Frame::new()
        .fill(tokens.surface_bar)
        .inner_margin(Margin::symmetric(14, 0))
}

/// The frame of the navigation.
pub fn nav_frame(tokens: &DesignTokens) -> Frame {
    Frame::new()
        .fill(tokens.surface_bar)
        .inner_margin(Margin::symmetric(8, 0))
}

/// The frame of a page: its margin. Its color is the window's, which the picture is cleared to: filling half a million
/// pixels once more was a third of a frame in software.
pub fn page_frame() -> Frame {
    Frame::new().inner_margin(Margin::same(12))
}

/// A separator over the full width of `rect`'s lower edge, inside it.
pub fn underline(painter: &Painter, rect: Rect, color: Color32) {
    painter.hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, color));
}

/// Padding at both sides of text in a cell or a panel's header.
pub const CELL_PADDING: f32 = space::S;

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes_after(draw: impl Fn(&Painter)) -> usize {
        let ctx = egui::Context::default();
        let mut count = 0;
        let output = ctx.run_ui(egui::RawInput::default(), |ui| {
            draw(ui.painter());
            count = 0;
            ui.painter().for_each_shape(|_| count += 1);
        });
        output.drop_without_applying_deltas();
        count
    }

    #[test]
    fn sparklines_of_any_length_are_drawn_or_left_out() {
        let rect = Rect::from_min_size(Pos2::ZERO, vec2(70.0, 12.0));
        let spark = |points: Vec<f32>| {
            shapes_after(move |painter| sparkline(painter, rect, &points, Color32::WHITE))
        };
        let nothing = shapes_after(|_| {});
        assert_eq!(spark(vec![]), nothing);
        assert_eq!(spark(vec![0.5]), nothing);
        assert_eq!(spark(vec![0.0, 1.0]), nothing + 1);
        assert_eq!(spark(vec![0.5; 5000]), nothing + 1);
        assert_eq!(
            spark(vec![f32::NAN, 0.2]),
            nothing,
            "one number is not a line"
        );
    }

    #[test]
    fn a_sparkline_without_room_is_left_out() {
        let nothing = shapes_after(|_| {});
        for size in [
            vec2(0.0, 10.0),
            vec2(1.0, 10.0),
            vec2(50.0, 0.0),
            vec2(f32::INFINITY, 10.0),
        ] {
            let rect = Rect::from_min_size(Pos2::ZERO, size);
            assert_eq!(
                shapes_after(|painter| sparkline(painter, rect, &[0.1, 0.9, 0.4], Color32::WHITE)),
                nothing,
                "{size:?}"
            );
        }
    }
}
