//! One cell of a table: painted text, numbers, badges, lines of the day, and the few real widgets.
//!
//! Everything here goes straight to the painter; only buttons take part in interaction.

use std::cell::Cell;

use egui::{
    Color32, CursorIcon, Painter, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, vec2,
};
use qd_types::Tone;

use crate::UiCtx;
use crate::badge;
use crate::button::{self, Button};
use crate::paint::{self, CELL_PADDING, Trend};
use crate::text::{self, HAlign};
use crate::tokens::fade;

use super::TableColumn;
use super::keys::Keys;

/// How long a changed cell stays lit.
pub const FLASH_MS: u32 = 600;

/// Which way a cell's value went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlashDir {
    /// Up.
    Up,
    /// Down.
    Down,
}

/// A cell to paint into.
pub struct CellUi<'c, 'a> {
    pub(super) ui: &'c Ui,
    pub(super) cx: &'c UiCtx<'a>,
    pub(super) painter: &'c Painter,
    pub(super) column: &'c TableColumn,
    pub(super) rect: Rect,
    pub(super) button_id: egui::Id,
    pub(super) row_hovered: bool,
    /// Set when something in the table still fades: one more frame for all of it.
    pub(super) moves: &'c Cell<bool>,
    pub(super) keys: &'c Keys,
    /// Absent for the totals.
    pub(super) row: Option<usize>,
}

impl CellUi<'_, '_> {
    /// Which column this is.
    pub fn column(&self) -> &TableColumn {
        self.column
    }

    /// The whole cell, with its padding.
    pub fn rect(&self) -> Rect {
        self.rect
    }

    /// The context of the table.
    pub fn cx(&self) -> &UiCtx<'_> {
        self.cx
    }

    /// For what this cell does not offer; text painted here has no name for AccessKit either.
    pub fn painter(&self) -> &Painter {
        self.painter
    }

    /// True while the pointer is over the row.
    pub fn row_hovered(&self) -> bool {
        self.row_hovered
    }

    /// Words.
    pub fn text(&self, words: &str) {
        self.toned(words, Tone::Neutral);
    }

    /// Words that the eye looks for: symbols.
    pub fn strong(&self, words: &str) {
        let tokens = self.cx.tokens;
        text::paint(
            self.painter,
            self.inner(),
            words,
            &tokens.fonts.strong,
            tokens.text_strong,
            self.column.align,
        );
    }

    /// Words with a tone.
    pub fn toned(&self, words: &str, tone: Tone) {
        let tokens = self.cx.tokens;
        text::paint(
            self.painter,
            self.inner(),
            words,
            &tokens.fonts.body,
            tokens.tone(tone),
            self.column.align,
        );
    }

    /// A number.
    pub fn number(&self, number: &str) {
        self.number_toned(number, Tone::Neutral);
    }

    /// A number with a tone.
    pub fn number_toned(&self, number: &str, tone: Tone) {
        self.paint_number(self.inner(), number, self.cx.tokens.tone(tone));
    }

    /// A number past its age.
    pub fn number_stale(&self, number: &str) {
        self.paint_number(self.inner(), number, self.cx.tokens.stale);
    }

    /// A number of money with its arrow; without one for zero.
    pub fn trend(&self, number: &str, tone: Tone) {
        self.trend_colored(number, tone, self.cx.tokens.tone(tone));
    }

    /// [`Self::trend`] of a number past its age: the arrow stays, the color says that it is old.
    pub fn trend_stale(&self, number: &str, tone: Tone) {
        self.trend_colored(number, tone, self.cx.tokens.stale);
    }

    fn trend_colored(&self, number: &str, tone: Tone, color: Color32) {
        let inner = self.inner();
        let Some(arrow) = Trend::of(tone) else {
            self.paint_number(inner, number, color);
            return;
        };
        let room = inner.with_min_x((inner.left() + 14.0).min(inner.right()));
        let placed = self.paint_number(room, number, color);
        paint::trend_arrow(
            self.painter,
            egui::pos2(placed.left() - 10.0, inner.center().y),
            7.5,
            arrow,
            color,
        );
    }

    /// A badge of a word, with the whole sentence on hover. For AccessKit the row's summary has it.
    pub fn badge_explained(&self, words: &str, tone: Tone, meaning: &str) {
        self.badge(words, tone);
        let id = self.button_id.with("badge");
        let response = self.ui.interact(self.inner(), id, Sense::hover());
        response.on_hover_text(meaning);
    }

    /// A badge.
    pub fn badge(&self, words: &str, tone: Tone) {
        let tokens = self.cx.tokens;
        let inner = self.inner();
        let left = match self.column.align {
            HAlign::Left => inner.left(),
            HAlign::Center | HAlign::Right => {
                let spare =
                    (inner.width() - badge::badge_width(self.painter, words, tokens)).max(0.0);
                inner.left()
                    + if self.column.align == HAlign::Right {
                        spare
                    } else {
                        spare / 2.0
                    }
            }
        };
        badge::paint_badge(
            self.painter,
            egui::pos2(left, inner.center().y),
            inner.width(),
            words,
            tone,
            tokens,
        );
    }

    /// The line of the day, points from 0 to 1.
    pub fn spark(&self, points: &[f32], tone: Tone) {
        let inner = self.inner();
        let size = vec2(inner.width().min(72.0), (inner.height() - 14.0).min(13.0));
        let left = match self.column.align {
            HAlign::Left => inner.left(),
            HAlign::Center => inner.center().x - size.x / 2.0,
            HAlign::Right => inner.right() - size.x,
        };
        let rect = Rect::from_min_size(egui::pos2(left, inner.center().y - size.y / 2.0), size);
        paint::sparkline(self.painter, rect, points, self.cx.tokens.tone(tone));
    }

    /// Lights the cell's background for [`FLASH_MS`] after a change. Call it before the text.
    pub fn flash(&self, dir: FlashDir, age_ms: u32) {
        let strength = self.cx.fade(age_ms, FLASH_MS);
        if strength > 0.0 {
            self.moves.set(true);
            let tokens = self.cx.tokens;
            let color = match dir {
                FlashDir::Up => tokens.flash_gain,
                FlashDir::Down => tokens.flash_loss,
            };
            self.painter
                .rect_filled(self.rect, 0.0, fade(color, strength));
        }
    }

    /// A button; `name` is what the accessibility tree calls it ("Close AAPL").
    pub fn button(&self, words: &str, name: &str) -> Response {
        self.button_unless(words, name, None)
    }

    /// A button that is disabled when there is a reason, which its tooltip tells.
    pub fn button_unless(&self, words: &str, name: &str, reason: Option<&str>) -> Response {
        let inner = self.inner();
        let width = button::small_width(self.painter, words, self.cx).min(inner.width());
        let left = match self.column.align {
            HAlign::Left => inner.left(),
            HAlign::Center => inner.center().x - width / 2.0,
            HAlign::Right => inner.right() - width,
        };
        let rect = Rect::from_min_size(
            egui::pos2(left, self.rect.top()),
            vec2(width, self.rect.height()),
        );
        let response = Button::new(words)
            .name(name)
            .disabled_because(reason)
            .small_ui(
                self.ui,
                self.painter,
                rect,
                self.button_id.with(words),
                self.cx,
            );
        self.keys.watch_row(self.ui, &response, self.row);
        response
    }

    /// Words that lead somewhere, by a click or by Enter, as strong as [`Self::strong`]; `name` is what the accessibility
    /// tree calls it ("Details of SELL AAPL").
    pub fn link(&self, words: &str, name: &str) -> Response {
        let tokens = self.cx.tokens;
        let inner = self.inner();
        let galley = text::layout(self.painter, words, &tokens.fonts.strong, inner.width());
        let left = match self.column.align {
            HAlign::Left => inner.left(),
            HAlign::Center => inner.center().x - galley.size().x / 2.0,
            HAlign::Right => inner.right() - galley.size().x,
        };
        let size = vec2(galley.size().x, self.rect.height());
        let rect = Rect::from_min_size(egui::pos2(left, self.rect.top()), size);
        let response = self
            .ui
            .interact(rect, self.button_id.with("link"), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Link, true, name));
        self.keys.watch_row(self.ui, &response, self.row);
        text::paint_galley(self.painter, rect, galley, tokens.text_strong, HAlign::Left);
        if response.hovered() || response.has_focus() {
            let y = rect.center().y + 7.0;
            let line = Stroke::new(1.0, tokens.text_secondary);
            self.painter.hline(rect.x_range(), y, line);
        }
        if response.has_focus() {
            paint::focus_ring(self.painter, rect.shrink2(vec2(-2.0, 3.0)), 2, tokens);
        }
        response.on_hover_cursor(CursorIcon::PointingHand)
    }

    /// Paints a number whole: smaller when it must be, and when even that is too wide a "…" in its place, for the
    /// first digits of a number are another number.
    fn paint_number(&self, room: Rect, number: &str, color: Color32) -> Rect {
        let fonts = &self.cx.tokens.fonts;
        let smaller = std::slice::from_ref(&fonts.number_small);
        let mut galley =
            text::layout_to_fit(self.painter, number, &fonts.number, smaller, room.width());
        if galley.elided {
            galley = text::layout(self.painter, "\u{2026}", &fonts.number, f32::INFINITY);
        }
        text::paint_galley(self.painter, room, galley, color, self.column.align)
    }

    fn inner(&self) -> Rect {
        self.rect.shrink2(vec2(CELL_PADDING, 0.0))
    }
}
