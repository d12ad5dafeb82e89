//! The seal of an account table: up to which number its rows are proven whole.
//!
//! The state comes from the store; the seal only says it.

use egui::{Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use crate::UiCtx;
use crate::paint;
use crate::text::{self, HAlign};
use crate::tokens::mix;

/// What a table may claim about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealLook {
    /// Whole up to the number in its words.
    Verified,
    /// Up to date, but something before was never seen.
    Incomplete,
    /// A hole was seen and is being closed.
    Resyncing,
    /// The producer does not number its messages.
    Unverified,
    /// Nothing has arrived yet.
    Waiting,
}

/// The words of a seal and how they look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal<'a> {
    look: SealLook,
    words: &'a str,
}

impl<'a> Seal<'a> {
    /// `words` as the accessibility tree has them; a leading "✓" is painted as a shape.
    pub fn new(look: SealLook, words: &'a str) -> Self {
        Self { look, words }
    }

    /// Draws it in the flow of `ui`.
    pub fn ui(&self, ui: &mut Ui, cx: &UiCtx<'_>) -> Response {
        let tokens = cx.tokens;
        let font = &tokens.fonts.label;
        let words = self.words;
        let (mark, color) = match self.look {
            SealLook::Verified => (14.0, mix(tokens.gain, tokens.text_primary, 0.25)),
            SealLook::Incomplete | SealLook::Resyncing => (0.0, tokens.warn),
            SealLook::Unverified => (0.0, tokens.stale),
            SealLook::Waiting => (0.0, tokens.text_hint),
        };
        // The mark is a shape: it must look the same whatever the font has.
        let shown = words.trim_start_matches(['✓', ' ']);
        let (rect, response) = ui.allocate_exact_size(
            vec2(text::width(ui.painter(), shown, font) + mark, 18.0),
            Sense::hover(),
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
        let painter = ui.painter();
        if mark > 0.0 {
            paint::check_mark(
                painter,
                pos2(rect.left() + 5.0, rect.center().y),
                9.0,
                Stroke::new(1.3, color),
            );
        }
        text::paint(
            painter,
            rect.with_min_x(rect.left() + mark),
            shown,
            font,
            color,
            HAlign::Left,
        );
        response
    }
}
