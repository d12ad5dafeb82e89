//! The dialog before something that counts: what will happen, the worst warning first, and two buttons.
//!
//! It decides nothing and sends nothing: the caller says when an answer is awaited and when it came.
//! The keyboard starts on Cancel, so Enter never does the risky thing by habit.

use egui::{
    Align, Align2, Area, Context, CornerRadius, Frame, Id, LayerId, Layout, Margin, Modal, Order,
    Rect, Role, Stroke, Ui, Vec2, pos2, vec2,
};
use qd_types::Tone;

use crate::UiCtx;
use crate::button::Button;
use crate::paint;
use crate::text;
use crate::tokens::{radius, space};

/// More warnings than this are not read.
const MAX_WARNINGS: usize = 3;
const WIDTH: f32 = 420.0;

/// Something to know before confirming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    /// Danger, Warn or Info; also the order.
    pub tone: Tone,
    /// One sentence.
    pub text: &'a str,
}

/// What the confirming button does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DialogKind {
    /// Something that can be undone or takes little.
    #[default]
    Primary,
    /// Something that cannot be taken back.
    Danger,
}

/// Where the command stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DialogStatus<'a> {
    /// Nothing sent.
    #[default]
    Ready,
    /// Sent; both buttons wait for the answer and Escape does nothing, for nothing can be called back here.
    InFlight,
    /// Answered with a refusal, in words; the buttons are back.
    Failed(&'a str),
}

/// What the user did in this frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum DialogOutcome {
    /// Nothing; show it again in the next frame.
    Open,
    /// Escape, Cancel, or a click beside the dialog.
    Cancelled,
    /// The confirming button.
    Confirmed,
}

/// One dialog.
#[derive(Clone, Copy, Debug)]
#[must_use = "a dialog is drawn by `show`"]
pub struct Dialog<'a> {
    /// What it asks: "Close 82 AAPL?".
    pub title: &'a str,
    /// What will happen, in money and position.
    pub lines: &'a [&'a str],
    /// In any order; shown worst first, at most three, the rest merged into the last.
    pub warnings: &'a [Warning<'a>],
    /// The words of the confirming button: a verb and its object.
    pub confirm: &'a str,
    /// The words of the safe button; never a verb of the question's own.
    pub decline: &'a str,
    /// What the confirming button does.
    pub kind: DialogKind,
    /// Where the command stands.
    pub status: DialogStatus<'a>,
    /// Why confirming is not possible now; absent when it is.
    pub disabled_because: Option<&'a str>,
    /// What is darkened behind the dialog: the page, so that header and footer stay in plain view. Everything when absent.
    pub page_rect: Option<Rect>,
}

impl<'a> Dialog<'a> {
    /// A dialog without warnings.
    pub fn new(title: &'a str, lines: &'a [&'a str], confirm: &'a str) -> Self {
        Self {
            title,
            lines,
            warnings: &[],
            confirm,
            decline: "Cancel",
            kind: DialogKind::Primary,
            status: DialogStatus::Ready,
            disabled_because: None,
            page_rect: None,
        }
    }

    /// Names the safe button, where "Cancel" would be what is asked about.
    pub fn decline(mut self, words: &'a str) -> Self {
        self.decline = words;
        self
    }

    /// Confirming cannot be taken back.
    pub fn danger(mut self) -> Self {
        self.kind = DialogKind::Danger;
        self
    }

    /// Sets the warnings.
    pub fn warnings(mut self, warnings: &'a [Warning<'a>]) -> Self {
        self.warnings = warnings;
        self
    }

    /// Sets where the command stands.
    pub fn status(mut self, status: DialogStatus<'a>) -> Self {
        self.status = status;
        self
    }

    /// Confirming is not possible now, and why; possible when there is no reason.
    pub fn disabled_because(mut self, reason: Option<&'a str>) -> Self {
        self.disabled_because = reason;
        self
    }

    /// Darkens only the page.
    pub fn over(mut self, page_rect: Rect) -> Self {
        self.page_rect = Some(page_rect);
        self
    }

    /// Draws it over everything. `salt` tells dialogs apart that may follow each other.
    pub fn show(self, ctx: &Context, cx: &UiCtx<'_>, salt: &str) -> DialogOutcome {
        self.show_with(ctx, cx, salt, |_| {})
    }

    /// Draws it with fields of the caller between the lines and the warnings.
    pub fn show_with(
        self,
        ctx: &Context,
        cx: &UiCtx<'_>,
        salt: &str,
        body: impl FnOnce(&mut Ui),
    ) -> DialogOutcome {
        let tokens = cx.tokens;
        let dialog_id = Id::unique(("qd_dialog", salt));
        let role = if self.kind == DialogKind::Danger {
            Role::AlertDialog
        } else {
            Role::Dialog
        };
        let area = Modal::default_area(dialog_id)
            .role(role)
            .accessible_name(self.title);
        let area = centered_on(area, ctx, self.page_rect);
        let frame = Frame::new()
            .fill(tokens.surface_overlay)
            .stroke(Stroke::new(1.0, tokens.line_strong))
            .corner_radius(CornerRadius::same(radius::PANEL))
            .inner_margin(Margin::same(20));

        // The modal darkens the whole window; the page alone is darkened by hand, in the modal's layer, before its content.
        let mut modal = Modal::new(dialog_id)
            .area(area)
            .frame(frame)
            .backdrop_color(tokens.scrim);
        if let Some(page_rect) = self.page_rect {
            modal = modal.backdrop_color(egui::Color32::TRANSPARENT);
            ctx.layer_painter(LayerId::new(Order::Foreground, dialog_id))
                .rect_filled(page_rect, 0.0, tokens.scrim);
        }
        let response = modal.show(ctx, |ui| {
            ui.set_width(WIDTH.min(ui.ctx().content_rect().width() - 64.0));
            self.content(ui, cx, body)
        });

        settle(ctx, dialog_id, response.response.rect.size());

        if self.status == DialogStatus::InFlight {
            return DialogOutcome::Open;
        }
        if response.inner == DialogOutcome::Open && response.should_close() {
            return DialogOutcome::Cancelled;
        }
        response.inner
    }

    fn content(&self, ui: &mut Ui, cx: &UiCtx<'_>, body: impl FnOnce(&mut Ui)) -> DialogOutcome {
        let tokens = cx.tokens;
        text::label(ui, self.title, &tokens.fonts.title, tokens.text_strong);
        ui.add_space(space::S);
        for line in self.lines {
            text::label(ui, line, &tokens.fonts.body, tokens.text_primary);
        }
        body(ui);
        for (tone, words) in merged(self.warnings) {
            ui.add_space(space::XS);
            note(ui, cx, tone, &words);
        }
        if let DialogStatus::Failed(reason) = self.status {
            ui.add_space(space::XS);
            note(ui, cx, Tone::Danger, reason);
        }
        ui.add_space(space::L);
        ui.allocate_ui_with_layout(
            vec2(ui.available_width(), 28.0),
            Layout::right_to_left(Align::Center),
            |ui| self.buttons(ui, cx),
        )
        .inner
    }

    fn buttons(&self, ui: &mut Ui, cx: &UiCtx<'_>) -> DialogOutcome {
        let in_flight = self.status == DialogStatus::InFlight;
        let words = if in_flight {
            "Sending…"
        } else {
            self.confirm
        };
        let confirm = match self.kind {
            DialogKind::Primary => Button::primary(words),
            DialogKind::Danger => Button::danger(words),
        };
        let reason = if in_flight {
            Some("Sent; waiting for the answer.")
        } else {
            self.disabled_because
        };
        let confirm = confirm.height(28.0).disabled_because(reason).ui(ui, cx);
        let cancel = Button::new(self.decline)
            .height(28.0)
            .enabled(!in_flight)
            .ui(ui, cx);
        if ui.memory(|memory| memory.focused().is_none()) && !in_flight {
            cancel.request_focus();
        }
        if confirm.clicked() {
            DialogOutcome::Confirmed
        } else if cancel.clicked() {
            DialogOutcome::Cancelled
        } else {
            DialogOutcome::Open
        }
    }
}

/// In the middle of the page, not of the window: header and footer are not of one height and must stay in plain view.
pub(crate) fn centered_on(area: Area, ctx: &Context, page_rect: Option<Rect>) -> Area {
    let offset = page_rect.map_or(Vec2::ZERO, |page_rect| {
        page_rect.center() - ctx.content_rect().center()
    });
    area.anchor(Align2::CENTER_CENTER, offset)
}

/// It stands in the middle by the size of the frame before: one that grew or shrank moves once more, and a click must not
/// wait for that.
pub(crate) fn settle(ctx: &Context, area_id: Id, size: Vec2) {
    let before = ctx.data_mut(|data| {
        let before = data.get_temp::<Vec2>(area_id);
        data.insert_temp(area_id, size);
        before
    });
    if before.is_some_and(|before| before != size) {
        ctx.request_repaint();
    }
}

/// One warning: its sign, its words, its tone.
fn note(ui: &mut Ui, cx: &UiCtx<'_>, tone: Tone, words: &str) {
    let colors = cx.tokens.badge(tone);
    let frame = Frame::new()
        .fill(colors.fill)
        .corner_radius(CornerRadius::same(radius::CONTROL))
        .inner_margin(Margin {
            left: 30,
            right: 10,
            top: 7,
            bottom: 7,
        });
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        text::label(ui, words, &cx.tokens.fonts.body, colors.text);
    });
    let rect = shown.response.rect;
    paint::notice_sign(
        ui.painter(),
        pos2(rect.left() + 16.0, rect.top() + 15.0),
        12.0,
        tone,
        colors.text,
        colors.fill,
    );
}

/// Worst first, at most three; what is left over is merged into the third, so that no warning is lost.
fn merged(warnings: &[Warning<'_>]) -> Vec<(Tone, String)> {
    let mut sorted: Vec<&Warning<'_>> = warnings.iter().collect();
    sorted.sort_by_key(|warning| severity(warning.tone));
    let mut out: Vec<(Tone, String)> = Vec::with_capacity(MAX_WARNINGS);
    for warning in sorted {
        if out.len() < MAX_WARNINGS {
            out.push((warning.tone, warning.text.to_owned()));
        } else if let Some((_, words)) = out.last_mut() {
            words.push(' ');
            words.push_str(warning.text);
        }
    }
    out
}

/// 0 is the worst.
fn severity(tone: Tone) -> u8 {
    match tone {
        Tone::Danger => 0,
        Tone::Loss => 1,
        Tone::Warn => 2,
        Tone::Accent | Tone::Info => 3,
        Tone::Gain | Tone::Neutral | Tone::Faint => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_worst_first_and_none_is_lost() {
        let warnings = [
            Warning {
                tone: Tone::Info,
                text: "a.",
            },
            Warning {
                tone: Tone::Warn,
                text: "b.",
            },
            Warning {
                tone: Tone::Danger,
                text: "c.",
            },
            Warning {
                tone: Tone::Warn,
                text: "d.",
            },
            Warning {
                tone: Tone::Info,
                text: "e.",
            },
        ];
        let merged = merged(&warnings);
        assert_eq!(
            merged,
            vec![
                (Tone::Danger, "c.".to_owned()),
                (Tone::Warn, "b.".to_owned()),
                (Tone::Warn, "d. a. e.".to_owned())
            ]
        );
    }
}
