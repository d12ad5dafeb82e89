//! Badges and chips: a word with a tone, in a table's cell or in the header.
//!
//! Which words and tones a status has is decided elsewhere; here they are only drawn.

use egui::{
    Color32, CornerRadius, FontId, Painter, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind,
    Ui, WidgetInfo, pos2, vec2,
};
use qd_types::Tone;

use crate::UiCtx;
use crate::paint;
use crate::text::{self, HAlign};
use crate::tokens::{DesignTokens, radius, space};

/// Height of a badge in a table.
pub const BADGE_HEIGHT: f32 = 17.0;
/// Height of a chip in the header.
pub const CHIP_HEIGHT: f32 = 22.0;
const BADGE_PADDING: f32 = 8.0;

/// Paints a badge from `left_center`, at most `max_width` wide. Returns its rectangle. The row names it for AccessKit.
pub fn paint_badge(
    painter: &Painter,
    left_center: Pos2,
    max_width: f32,
    words: &str,
    tone: Tone,
    tokens: &DesignTokens,
) -> Rect {
    let colors = tokens.badge(tone);
    let galley = text::layout(
        painter,
        words,
        &tokens.fonts.label,
        max_width - 2.0 * BADGE_PADDING,
    );
    let size = vec2(galley.size().x + 2.0 * BADGE_PADDING, BADGE_HEIGHT);
    let rect = Rect::from_min_size(pos2(left_center.x, left_center.y - size.y / 2.0), size);
    painter.rect_filled(rect, CornerRadius::same(radius::CONTROL), colors.fill);
    text::paint_galley(painter, rect, galley, colors.text, HAlign::Center);
    rect
}

/// The width that a badge with these words takes.
pub fn badge_width(painter: &Painter, words: &str, tokens: &DesignTokens) -> f32 {
    text::width(painter, words, &tokens.fonts.label) + 2.0 * BADGE_PADDING
}

/// A badge in the flow of `ui`, named for AccessKit.
pub fn badge_ui(ui: &mut Ui, cx: &UiCtx<'_>, words: &str, tone: Tone) -> Response {
    let width = badge_width(ui.painter(), words, cx.tokens);
    let (rect, response) = ui.allocate_exact_size(vec2(width, BADGE_HEIGHT), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    paint_badge(
        ui.painter(),
        rect.left_center(),
        f32::INFINITY,
        words,
        tone,
        cx.tokens,
    );
    response
}

/// How a chip is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum ChipShape {
    /// A line around plain words: the clock, the user.
    #[default]
    Outline,
    /// Round and filled with the tone: the halt state.
    Pill,
    /// Square and filled with the tone: the environment.
    Tag,
}

/// A chip of the header.
#[derive(Clone, Copy, Debug)]
#[must_use = "a chip is drawn by `ui`"]
pub struct Chip<'a> {
    text: &'a str,
    tone: Tone,
    shape: ChipShape,
    dot: Option<Tone>,
    name: Option<&'a str>,
    is_button: bool,
}

impl<'a> Chip<'a> {
    /// A line around plain words: "NYSE open · closes in 05:21:44".
    pub fn outline(text: &'a str) -> Self {
        Self {
            text,
            tone: Tone::Neutral,
            shape: ChipShape::Outline,
            dot: None,
            name: None,
            is_button: false,
        }
    }

    /// Filled and round, with a dot: "TRADING ACTIVE".
    pub fn pill(text: &'a str, tone: Tone) -> Self {
        Self {
            text,
            tone,
            shape: ChipShape::Pill,
            dot: Some(tone),
            name: None,
            is_button: false,
        }
    }

    /// Filled and square: "PAPER".
    pub fn tag(text: &'a str, tone: Tone) -> Self {
        Self {
            text,
            tone,
            shape: ChipShape::Tag,
            dot: None,
            name: None,
            is_button: false,
        }
    }

    /// A dot before the words: "Live · 4 ms".
    pub fn dot(mut self, tone: Tone) -> Self {
        self.dot = Some(tone);
        self
    }

    /// What the accessibility tree calls it, when the words alone do not say.
    pub fn name(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// Answers clicks and the keyboard: it opens something.
    pub fn button(mut self) -> Self {
        self.is_button = true;
        self
    }

    /// The width that this chip takes.
    pub fn width(&self, painter: &Painter, cx: &UiCtx<'_>) -> f32 {
        let dot = if self.dot.is_some() { 14.0 } else { 0.0 };
        text::width(painter, self.text, self.font(cx)) + 2.0 * self.padding() + dot
    }

    /// Draws it in the flow of `ui`; hovering shows nothing unless the caller adds a tooltip.
    pub fn ui(self, ui: &mut Ui, cx: &UiCtx<'_>) -> Response {
        let tokens = cx.tokens;
        let size = vec2(
            self.width(ui.painter(), cx),
            if self.shape == ChipShape::Tag {
                20.0
            } else {
                CHIP_HEIGHT
            },
        );
        let (sense, role) = if self.is_button {
            (Sense::click(), Role::Button)
        } else {
            (Sense::hover(), Role::Label)
        };
        let (rect, response) = ui.allocate_exact_size(size, sense);
        response.widget_info(|| WidgetInfo::labeled(role, true, self.name.unwrap_or(self.text)));

        let painter = ui.painter();
        let colors = tokens.badge(self.tone);
        let (fill, line, words, corner) = match self.shape {
            ChipShape::Outline => (
                Color32::TRANSPARENT,
                if self.is_button && (response.hovered() || response.has_focus()) {
                    tokens.line_control
                } else {
                    tokens.line_strong
                },
                tokens.tone(self.tone),
                radius::CHIP,
            ),
            ChipShape::Pill => (colors.fill, colors.line, colors.text, radius::CHIP),
            ChipShape::Tag => (colors.fill, colors.fill, colors.text, radius::CONTROL),
        };
        painter.rect(
            rect,
            CornerRadius::same(corner),
            fill,
            Stroke::new(1.0, line),
            StrokeKind::Inside,
        );
        let mut left = rect.left() + self.padding();
        if let Some(tone) = self.dot {
            let color = if self.shape == ChipShape::Outline {
                tokens.tone(tone)
            } else {
                colors.text
            };
            paint::dot(painter, pos2(left + 4.0, rect.center().y), 4.0, color);
            left += 14.0;
        }
        text::paint(
            painter,
            rect.with_min_x(left),
            self.text,
            self.font(cx),
            words,
            HAlign::Left,
        );
        if response.has_focus() {
            paint::focus_ring(painter, rect, corner, tokens);
        }
        response
    }

    fn font<'c>(&self, cx: &UiCtx<'c>) -> &'c FontId {
        let fonts = &cx.tokens.fonts;
        match self.shape {
            ChipShape::Outline => &fonts.body,
            ChipShape::Pill => &fonts.strong,
            ChipShape::Tag => &fonts.label_strong,
        }
    }

    fn padding(&self) -> f32 {
        if self.shape == ChipShape::Tag {
            space::S
        } else {
            10.0
        }
    }
}

/// One counter of the footer: a label and its number, named together.
pub fn counter_ui(ui: &mut Ui, cx: &UiCtx<'_>, label: &str, value: &str, tone: Tone) -> Response {
    let font = &cx.tokens.fonts.number_small;
    let painter = ui.painter();
    let label_width = text::width(painter, label, font);
    let width = label_width + 7.0 + text::width(painter, value, font);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 18.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{label} {value}")));
    text::paint(
        ui.painter(),
        rect,
        label,
        font,
        cx.tokens.text_hint,
        HAlign::Left,
    );
    text::paint(
        ui.painter(),
        rect,
        value,
        font,
        cx.tokens.tone(tone),
        HAlign::Right,
    );
    response
}
