//! Buttons: primary, quiet, outline and danger, with the keyboard's ring and a name for AccessKit.
//!
//! A button only reports the click; what is disabled says why in its tooltip.

use egui::{
    Color32, CornerRadius, Painter, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo, vec2,
};

use crate::UiCtx;
use crate::paint;
use crate::text::{self, HAlign};
use crate::tokens::{fade, mix, radius, size};

/// How much a button calls for attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ButtonKind {
    /// The one thing to do here.
    Primary,
    /// A border and words.
    #[default]
    Outline,
    /// Words only: "Close selected", "Cancel all" in a panel's header.
    Quiet,
    /// Dangerous, outlined: "Engage kill switch".
    Danger,
}

/// A button with words.
#[derive(Clone, Copy, Debug)]
#[must_use = "a button is drawn by `ui`"]
pub struct Button<'a> {
    text: &'a str,
    name: Option<&'a str>,
    kind: ButtonKind,
    enabled: bool,
    reason: Option<&'a str>,
    height: f32,
    strong: bool,
}

impl<'a> Button<'a> {
    /// An outlined button.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            name: None,
            kind: ButtonKind::Outline,
            enabled: true,
            reason: None,
            height: size::TOUCH_TARGET,
            strong: false,
        }
    }

    /// The one thing to do here.
    pub fn primary(text: &'a str) -> Self {
        Self {
            kind: ButtonKind::Primary,
            strong: true,
            ..Self::new(text)
        }
    }

    /// Words only.
    pub fn quiet(text: &'a str) -> Self {
        Self {
            kind: ButtonKind::Quiet,
            ..Self::new(text)
        }
    }

    /// Dangerous.
    pub fn danger(text: &'a str) -> Self {
        Self {
            kind: ButtonKind::Danger,
            strong: true,
            ..Self::new(text)
        }
    }

    /// What the accessibility tree calls it, when the words alone do not say ("Close AAPL" for "Close").
    pub fn name(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// Disabled when false.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Disabled, with the reason in the tooltip; enabled when there is none.
    pub fn disabled_because(mut self, reason: Option<&'a str>) -> Self {
        self.enabled = reason.is_none();
        self.reason = reason;
        self
    }

    /// Height in points; 24 unless told.
    pub fn height(mut self, height: f32) -> Self {
        self.height = height;
        self
    }

    /// Draws it in the flow of `ui`.
    pub fn ui(self, ui: &mut Ui, cx: &UiCtx<'_>) -> Response {
        let font = if self.strong {
            &cx.tokens.fonts.strong
        } else {
            &cx.tokens.fonts.body
        };
        let padding = if self.kind == ButtonKind::Quiet {
            4.0
        } else {
            14.0
        };
        let galley = text::layout(ui.painter(), self.text, font, f32::INFINITY);
        let wanted = vec2(galley.size().x + 2.0 * padding, self.height);
        let (rect, response) = ui.allocate_exact_size(wanted, self.sense(ui));
        let response = self.named(response);
        let painter = ui.painter();
        paint_button(painter, rect, self.kind, &response, cx);
        let color = text_color(self.kind, &response, cx);
        text::paint_galley(painter, rect, galley, color, HAlign::Center);
        response
    }

    /// Draws it small, at the center of `rect`, but answers clicks in all of `rect`: a button inside a table's row.
    pub fn small_ui(
        self,
        ui: &Ui,
        painter: &Painter,
        rect: Rect,
        id: egui::Id,
        cx: &UiCtx<'_>,
    ) -> Response {
        let response = self.named(ui.interact(rect, id, self.sense(ui)));
        let visible = Rect::from_center_size(
            rect.center(),
            vec2(rect.width(), 19.0_f32.min(rect.height())),
        );
        paint_button(painter, visible, self.kind, &response, cx);
        text::paint(
            painter,
            visible.shrink2(vec2(4.0, 0.0)),
            self.text,
            &cx.tokens.fonts.label,
            text_color(self.kind, &response, cx),
            HAlign::Center,
        );
        response
    }

    fn sense(&self, ui: &Ui) -> Sense {
        if self.enabled && ui.is_enabled() {
            Sense::click()
        } else {
            Sense::hover()
        }
    }

    fn named(&self, response: Response) -> Response {
        let enabled = response.sense.senses_click();
        response.widget_info(|| {
            WidgetInfo::labeled(Role::Button, enabled, self.name.unwrap_or(self.text))
        });
        match self.reason {
            _ if enabled => response.on_hover_cursor(egui::CursorIcon::PointingHand),
            Some(reason) => response.on_hover_text(reason),
            None => response,
        }
    }
}

fn text_color(kind: ButtonKind, response: &Response, cx: &UiCtx<'_>) -> Color32 {
    let tokens = cx.tokens;
    let enabled = response.sense.senses_click();
    let lit = enabled && (response.hovered() || response.has_focus());
    let color = match kind {
        ButtonKind::Primary => tokens.text_on_accent,
        ButtonKind::Danger => tokens.badge(qd_types::Tone::Danger).text,
        ButtonKind::Outline if lit => tokens.text_strong,
        ButtonKind::Outline => tokens.text_primary,
        ButtonKind::Quiet if lit => tokens.text_primary,
        ButtonKind::Quiet => tokens.text_secondary,
    };
    if enabled { color } else { tokens.text_faint }
}

fn paint_button(
    painter: &Painter,
    rect: Rect,
    kind: ButtonKind,
    response: &Response,
    cx: &UiCtx<'_>,
) {
    let tokens = cx.tokens;
    let enabled = response.sense.senses_click();
    let hovered = enabled && response.hovered();
    let pressed = enabled && response.is_pointer_button_down_on();
    let lift = if pressed {
        0.16
    } else if hovered {
        0.08
    } else {
        0.0
    };
    let (fill, line) = match kind {
        ButtonKind::Primary => (tokens.primary_fill, tokens.primary_fill),
        ButtonKind::Outline => (
            Color32::TRANSPARENT,
            if hovered {
                tokens.line_control
            } else {
                tokens.line_strong
            },
        ),
        ButtonKind::Quiet => (Color32::TRANSPARENT, Color32::TRANSPARENT),
        ButtonKind::Danger => (
            tokens.badge(qd_types::Tone::Danger).fill,
            tokens.danger_line,
        ),
    };
    let (fill, line) = if enabled {
        let fill = if lift == 0.0 || kind == ButtonKind::Quiet {
            fill
        } else if fill == Color32::TRANSPARENT {
            fade(tokens.text_primary, lift * 0.6)
        } else {
            mix(fill, tokens.text_primary, lift)
        };
        (fill, line)
    } else {
        (
            if kind == ButtonKind::Quiet {
                Color32::TRANSPARENT
            } else {
                fade(tokens.line_subtle, 0.5)
            },
            if kind == ButtonKind::Quiet {
                line
            } else {
                tokens.line_subtle
            },
        )
    };
    painter.rect(
        rect,
        CornerRadius::same(radius::CONTROL),
        fill,
        Stroke::new(1.0, line),
        StrokeKind::Inside,
    );
    if response.has_focus() {
        paint::focus_ring(painter, rect, radius::CONTROL, cx.tokens);
    }
}

/// The width that a small button with these words needs.
pub fn small_width(painter: &Painter, words: &str, cx: &UiCtx<'_>) -> f32 {
    text::width(painter, words, &cx.tokens.fonts.label) + 2.0 * 9.0
}

/// The smallest size of a button, for callers that lay out by hand.
pub const MIN_SIZE: Vec2 = Vec2::new(size::TOUCH_TARGET, size::TOUCH_TARGET);
