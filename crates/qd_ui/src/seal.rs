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
pub enum Seal<'a> {
    /// Whole up to a sequence number, formatted ("18,402"), and the time of the proof, which may be empty.
    Verified {
        /// Formatted sequence number, without the "#".
        seq: &'a str,
        /// Formatted time of day; empty when not shown.
        at: &'a str,
    },
    /// A hole was seen and is being closed.
    Resyncing,
    /// The producer does not number its messages.
    Unverified,
    /// Nothing has arrived yet.
    Waiting,
    /// The stream is not connected; what is shown is old.
    Disconnected,
}

impl Seal<'_> {
    /// The words, as they are painted and as the accessibility tree has them.
    pub fn words(&self) -> String {
        match self {
            Self::Verified { seq, at: "" } => format!("✓ verified to #{seq}"),
            Self::Verified { seq, at } => format!("✓ verified to #{seq} · {at}"),
            Self::Resyncing => "resyncing…".to_owned(),
            Self::Unverified => "unverified".to_owned(),
            Self::Waiting => "waiting for data…".to_owned(),
            Self::Disconnected => "not connected".to_owned(),
        }
    }

    /// Draws it in the flow of `ui`.
    pub fn ui(&self, ui: &mut Ui, cx: &UiCtx<'_>) -> Response {
        let tokens = cx.tokens;
        let font = &tokens.fonts.label;
        let words = self.words();
        let (shown, mark, color) = match self {
            // The mark is a shape: it must look the same whatever the font has.
            Self::Verified { .. } => (
                words.trim_start_matches(['✓', ' ']),
                14.0,
                mix(tokens.gain, tokens.text_primary, 0.25),
            ),
            Self::Resyncing | Self::Disconnected => (words.as_str(), 0.0, tokens.warn),
            Self::Unverified => (words.as_str(), 0.0, tokens.stale),
            Self::Waiting => (words.as_str(), 0.0, tokens.text_hint),
        };
        let (rect, response) = ui.allocate_exact_size(
            vec2(text::width(ui.painter(), shown, font) + mark, 18.0),
            Sense::hover(),
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words.as_str()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_without_a_time_says_only_the_number() {
        assert_eq!(
            Seal::Verified {
                seq: "9,117",
                at: ""
            }
            .words(),
            "✓ verified to #9,117"
        );
        assert_eq!(
            Seal::Verified {
                seq: "18,402",
                at: "10:38:16.204"
            }
            .words(),
            "✓ verified to #18,402 · 10:38:16.204"
        );
    }
}
