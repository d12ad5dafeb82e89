//! What stands in a panel when its table cannot: nothing there yet, or something failed.
//!
//! An empty panel says what will appear and what to do; a failed one says what, since when, what still works, and offers a retry.

use egui::{Rect, Role, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use crate::UiCtx;
use crate::button::Button;
use crate::text;
use crate::tokens::space;

/// A block of words in the middle of a panel, with at most one button.
#[derive(Clone, Copy, Debug)]
#[must_use = "a block is drawn by `ui`"]
pub struct StateBlock<'a> {
    title: &'a str,
    lines: &'a [&'a str],
    action: Option<&'a str>,
    is_error: bool,
}

impl<'a> StateBlock<'a> {
    /// Nothing there: what will appear here, and what to do.
    pub fn empty(title: &'a str, lines: &'a [&'a str]) -> Self {
        Self {
            title,
            lines,
            action: None,
            is_error: false,
        }
    }

    /// Something failed: what failed, then since when and what still works.
    pub fn error(title: &'a str, lines: &'a [&'a str]) -> Self {
        Self {
            title,
            lines,
            action: None,
            is_error: true,
        }
    }

    /// The words of its one button: "Retry", "Clear filter".
    pub fn action(mut self, action: &'a str) -> Self {
        self.action = Some(action);
        self
    }

    /// Draws it over the available room; true when its button was pressed.
    pub fn ui(self, ui: &mut Ui, cx: &UiCtx<'_>) -> bool {
        let tokens = cx.tokens;
        let fonts = &tokens.fonts;
        let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
        response.widget_info(|| {
            let role = if self.is_error {
                Role::Alert
            } else {
                Role::Status
            };
            WidgetInfo::labeled(
                role,
                true,
                format!("{}. {}", self.title, self.lines.join(" ")),
            )
        });

        let painter = ui.painter();
        let room = (rect.width() - 2.0 * space::XL).clamp(40.0, 420.0);
        let title_color = if self.is_error {
            tokens.danger
        } else {
            tokens.text_primary
        };
        let title = text::layout_wrapped(painter, self.title, &fonts.strong, room);
        let lines: Vec<_> = self
            .lines
            .iter()
            .map(|line| text::layout_wrapped(painter, line, &fonts.body, room))
            .collect();
        let button_height = if self.action.is_some() {
            24.0 + space::M
        } else {
            0.0
        };
        let height = title.size().y
            + lines
                .iter()
                .map(|line| line.size().y + space::XS)
                .sum::<f32>()
            + button_height;
        let mut y = (rect.center().y - height / 2.0).max(rect.top() + space::S);
        let center_x = rect.center().x;
        for (galley, color) in std::iter::once((title, title_color))
            .chain(lines.into_iter().map(|line| (line, tokens.text_secondary)))
        {
            let size = galley.size();
            painter.galley(pos2(center_x - size.x / 2.0, y), galley, color);
            y += size.y + space::XS;
        }
        let Some(action) = self.action else {
            return false;
        };
        let width = text::width(ui.painter(), action, &fonts.body) + 28.0;
        let button = Rect::from_min_size(
            pos2(center_x - width / 2.0, y + space::S),
            vec2(width, 24.0),
        );
        // A child takes no room: the block's own is already taken.
        Button::new(action)
            .ui(&mut ui.new_child(UiBuilder::new().max_rect(button)), cx)
            .clicked()
    }
}
