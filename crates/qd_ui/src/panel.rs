//! A panel: raised, with a title row, and a body that fills the rest.
//!
//! It places, the caller fills: left of the title row flows rightwards, the right side (seal, counts) flows leftwards.

use egui::{Align, Layout, Rect, Role, Ui, UiBuilder, pos2};

use crate::UiCtx;
use crate::paint;
use crate::text::{self, HAlign};
use crate::tokens::{size, space};

/// A titled panel that takes a rectangle or all the available room.
#[derive(Clone, Copy, Debug)]
#[must_use = "a panel is drawn by `show`"]
pub struct Panel<'a> {
    title: &'a str,
}

impl<'a> Panel<'a> {
    /// A panel with a title.
    pub fn new(title: &'a str) -> Self {
        Self { title }
    }

    /// Draws it over all the available room: `left` beside the title, `right` at the right edge, `body` below.
    pub fn show<R>(
        self,
        ui: &mut Ui,
        cx: &UiCtx<'_>,
        left: impl FnOnce(&mut Ui),
        right: impl FnOnce(&mut Ui),
        body: impl FnOnce(&mut Ui) -> R,
    ) -> R {
        let tokens = cx.tokens;
        let outer = ui.available_rect_before_wrap();
        let scope = UiBuilder::new()
            .max_rect(outer)
            .id_salt(("panel", self.title))
            .accessibility_role(Role::Region)
            .accessibility_label(self.title);
        ui.scope_builder(scope, |ui| {
            ui.set_min_size(outer.size());
            ui.painter()
                .add(paint::panel_frame(tokens).paint(outer.shrink(1.0)));
            let inner = outer.shrink(1.0);
            let header = inner.with_max_y(inner.top() + size::PANEL_HEADER_HEIGHT);
            paint::underline(ui.painter(), header, tokens.line_subtle);

            let row = header.shrink2(egui::vec2(space::M, 0.0));
            let mut right_ui = ui.new_child(
                UiBuilder::new()
                    .max_rect(row)
                    .id_salt("right")
                    .layout(Layout::right_to_left(Align::Center)),
            );
            right(&mut right_ui);
            let right_edge = (right_ui.min_rect().left() - space::S).max(row.left());

            let title = text::paint(
                ui.painter(),
                row.with_max_x(right_edge),
                self.title,
                &tokens.fonts.strong,
                tokens.text_strong,
                HAlign::Left,
            );
            let left_room = Rect::from_min_max(
                pos2((title.right() + space::M).min(right_edge), row.top()),
                pos2(right_edge, row.bottom()),
            );
            let mut left_ui = ui.new_child(
                UiBuilder::new()
                    .max_rect(left_room)
                    .id_salt("left")
                    .layout(Layout::left_to_right(Align::Center)),
            );
            left_ui.shrink_clip_rect(left_room);
            left_ui.spacing_mut().item_spacing.x = space::M;
            left(&mut left_ui);

            let body_rect = Rect::from_min_max(
                pos2(inner.left(), header.bottom()),
                inner.max - egui::vec2(0.0, 2.0),
            );
            let mut body_ui = ui.new_child(UiBuilder::new().max_rect(body_rect).id_salt("body"));
            body_ui.shrink_clip_rect(body_rect);
            body(&mut body_ui)
        })
        .inner
    }
}
