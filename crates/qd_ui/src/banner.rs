//! The banner under the header: one sentence about a state of the whole desk.
//!
//! Which banners stand, and in which order, is the caller's: worst first.

use egui::{Rect, Role, Sense, Stroke, Ui, UiBuilder, WidgetInfo, pos2, vec2};
use qd_types::Tone;

use crate::UiCtx;
use crate::button::Button;
use crate::paint;
use crate::text::{self, HAlign};
use crate::tokens::space;

const HEIGHT: f32 = 34.0;

/// One sentence, what it means, and at most one thing to do about it.
#[derive(Clone, Copy, Debug)]
#[must_use = "a banner is drawn by `ui`"]
pub struct Banner<'a> {
    tone: Tone,
    title: &'a str,
    detail: &'a str,
    action: Option<&'a str>,
}

impl<'a> Banner<'a> {
    /// A banner of a tone: Danger for halted or disconnected, Warn for stale, Info for read-only.
    pub fn new(tone: Tone, title: &'a str) -> Self {
        Self {
            tone,
            title,
            detail: "",
            action: None,
        }
    }

    /// What it means, since when, what still works.
    pub fn detail(mut self, detail: &'a str) -> Self {
        self.detail = detail;
        self
    }

    /// The words of its one button.
    pub fn action(mut self, action: &'a str) -> Self {
        self.action = Some(action);
        self
    }

    /// Draws it over the full width; true when its button was pressed.
    pub fn ui(self, ui: &mut Ui, cx: &UiCtx<'_>) -> bool {
        let tokens = cx.tokens;
        let colors = tokens.badge(self.tone);
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
        let role = if matches!(self.tone, Tone::Danger | Tone::Warn) {
            Role::Alert
        } else {
            Role::Status
        };
        response.widget_info(|| {
            let name = if self.detail.is_empty() {
                self.title.to_owned()
            } else {
                format!("{}: {}", self.title, self.detail)
            };
            WidgetInfo::labeled(role, true, name)
        });

        let painter = ui.painter();
        painter.rect_filled(rect, 0.0, colors.fill);
        painter.hline(
            rect.x_range(),
            rect.bottom() - 0.5,
            Stroke::new(1.0, colors.line),
        );
        let center_y = rect.center().y;
        paint::notice_sign(
            painter,
            pos2(rect.left() + 22.0, center_y),
            13.0,
            self.tone,
            colors.text,
            colors.fill,
        );
        let mut right = rect.right() - space::M;
        let mut pressed = false;
        if let Some(action) = self.action {
            let width = text::width(painter, action, &tokens.fonts.body) + 28.0;
            let button = Rect::from_min_max(
                pos2(right - width, center_y - 12.0),
                pos2(right, center_y + 12.0),
            );
            // A child takes no room: the banner's own is already taken.
            pressed = Button::new(action)
                .ui(&mut ui.new_child(UiBuilder::new().max_rect(button)), cx)
                .clicked();
            right = button.left() - space::S;
        }
        let painter = ui.painter();
        let title_room = Rect::from_min_max(
            pos2(rect.left() + 38.0, rect.top()),
            pos2(right, rect.bottom()),
        );
        let title = text::paint(
            painter,
            title_room,
            self.title,
            &tokens.fonts.strong,
            colors.text,
            HAlign::Left,
        );
        text::paint(
            painter,
            title_room.with_min_x(title.right() + space::M),
            self.detail,
            &tokens.fonts.body,
            tokens.text_primary,
            HAlign::Left,
        );
        pressed
    }
}
