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
/// Less room than this beside the title and the detail goes below it.
const LEAST_DETAIL_WIDTH: f32 = 320.0;
/// Room of the sign at the left.
const SIGN_WIDTH: f32 = 38.0;

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
        let width = ui.available_width();
        let action_width = self.action.map_or(0.0, |action| {
            text::width(ui.painter(), action, &tokens.fonts.body) + 28.0 + space::S
        });
        let title_width = text::width(ui.painter(), self.title, &tokens.fonts.strong);
        let room = width - SIGN_WIDTH - space::M - action_width;
        let beside = room - title_width - space::M;
        let is_below = beside < LEAST_DETAIL_WIDTH;
        // What a banner says is never cut: it takes the lines it needs.
        let detail = text::layout_wrapped(
            ui.painter(),
            self.detail,
            &tokens.fonts.body,
            if is_below {
                width - SIGN_WIDTH - space::M
            } else {
                beside
            },
        );
        let detail_height = if self.detail.is_empty() {
            0.0
        } else {
            detail.size().y
        };
        let height = if is_below && detail_height > 0.0 {
            HEIGHT + detail_height + 4.0
        } else {
            (detail_height + 16.0).max(HEIGHT)
        };
        let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
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
        let center_y = rect.top() + HEIGHT / 2.0;
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
            let width = action_width - space::S;
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
            pos2(rect.left() + SIGN_WIDTH, rect.top()),
            pos2(right, rect.top() + HEIGHT),
        );
        let title = text::paint(
            painter,
            title_room,
            self.title,
            &tokens.fonts.strong,
            colors.text,
            HAlign::Left,
        );
        let detail_at = if is_below {
            pos2(title.left(), rect.top() + HEIGHT - 4.0)
        } else {
            pos2(
                title.right() + space::M,
                rect.center().y - detail_height / 2.0,
            )
        };
        painter.galley(detail_at, detail, tokens.text_primary);
        pressed
    }
}
