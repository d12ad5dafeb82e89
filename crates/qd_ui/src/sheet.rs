//! A sheet over the page: something to read in full, with a title, a way to close it, and no question.
//!
//! What it shows is the caller's. Escape and a click beside it close it; the keyboard starts on Close.

use egui::{
    Align, Color32, Context, CornerRadius, Frame, Id, LayerId, Layout, Margin, Modal, Order, Rect,
    Role, Stroke, Ui, UiBuilder, Vec2, vec2,
};

use crate::UiCtx;
use crate::button::Button;
use crate::dialog::{centered_on, settle};
use crate::paint;
use crate::text::{self, HAlign};
use crate::tokens::{radius, size, space};

/// Room that is left around a sheet, in points.
const AROUND: f32 = 32.0;

/// One sheet.
#[derive(Clone, Copy, Debug)]
#[must_use = "a sheet is drawn by `show`"]
pub struct Sheet<'a> {
    title: &'a str,
    note: &'a str,
    size: Vec2,
    page_rect: Option<Rect>,
}

/// What a sheet's frame brought.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct SheetResponse<R> {
    /// What the body gave back.
    pub inner: R,
    /// The user is done with it.
    pub closed: bool,
}

impl<'a> Sheet<'a> {
    /// A sheet of this size, or less where there is less room.
    pub fn new(title: &'a str, size: Vec2) -> Self {
        Self {
            title,
            note: "",
            size,
            page_rect: None,
        }
    }

    /// A few words at the right of the title: how much there is.
    pub fn note(mut self, note: &'a str) -> Self {
        self.note = note;
        self
    }

    /// Darkens only the page, so that header and footer stay in plain view.
    pub fn over(mut self, page_rect: Rect) -> Self {
        self.page_rect = Some(page_rect);
        self
    }

    /// Draws it over everything. `salt` tells sheets apart that may follow each other.
    pub fn show<R>(
        self,
        ctx: &Context,
        cx: &UiCtx<'_>,
        salt: &str,
        body: impl FnOnce(&mut Ui) -> R,
    ) -> SheetResponse<R> {
        let tokens = cx.tokens;
        let sheet_id = Id::unique(("qd_sheet", salt));
        let area = Modal::default_area(sheet_id)
            .role(Role::Dialog)
            .accessible_name(self.title);
        let area = centered_on(area, ctx, self.page_rect);
        let frame = Frame::new()
            .fill(tokens.surface_raised)
            .stroke(Stroke::new(1.0, tokens.line_strong))
            .corner_radius(CornerRadius::same(radius::PANEL))
            .inner_margin(Margin::same(1));
        let mut modal = Modal::new(sheet_id)
            .area(area)
            .frame(frame)
            .backdrop_color(tokens.scrim);
        if let Some(page_rect) = self.page_rect {
            modal = modal.backdrop_color(Color32::TRANSPARENT);
            ctx.layer_painter(LayerId::new(Order::Foreground, sheet_id))
                .rect_filled(page_rect, 0.0, tokens.scrim);
        }
        let room = ctx.content_rect().size() - vec2(AROUND, 2.0 * size::HEADER_HEIGHT);
        let size = self.size.min(room).max(Vec2::splat(120.0));
        let response = modal.show(ctx, |ui| {
            ui.set_min_size(size);
            ui.set_max_size(size);
            self.content(ui, cx, body)
        });
        settle(ctx, sheet_id, response.response.rect.size());
        let is_left = response.should_close();
        let (inner, closed) = response.inner;
        SheetResponse {
            inner,
            closed: closed || is_left,
        }
    }

    fn content<R>(
        &self,
        ui: &mut Ui,
        cx: &UiCtx<'_>,
        body: impl FnOnce(&mut Ui) -> R,
    ) -> (R, bool) {
        let tokens = cx.tokens;
        let rect = ui.available_rect_before_wrap();
        let header = rect.with_max_y(rect.top() + size::PANEL_HEADER_HEIGHT);
        paint::underline(ui.painter(), header, tokens.line_subtle);
        let row = header.shrink2(vec2(space::M, 0.0));
        let mut right = ui.new_child(
            UiBuilder::new()
                .max_rect(row)
                .id_salt("right")
                .layout(Layout::right_to_left(Align::Center)),
        );
        let close = Button::new("Close").ui(&mut right, cx);
        if ui.memory(|memory| memory.focused().is_none()) {
            close.request_focus();
        }
        if !self.note.is_empty() {
            right.add_space(space::S);
            text::label(
                &mut right,
                self.note,
                &tokens.fonts.label,
                tokens.text_secondary,
            );
        }
        text::paint(
            ui.painter(),
            row.with_max_x(right.min_rect().left() - space::S),
            self.title,
            &tokens.fonts.strong,
            tokens.text_strong,
            HAlign::Left,
        );
        let body_rect = rect.with_min_y(header.bottom());
        let mut body_ui = ui.new_child(UiBuilder::new().max_rect(body_rect).id_salt("body"));
        body_ui.shrink_clip_rect(body_rect);
        let inner = body(&mut body_ui);
        ui.advance_cursor_after_rect(rect);
        (inner, close.clicked())
    }
}
