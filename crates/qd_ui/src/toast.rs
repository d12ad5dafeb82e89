//! Toasts: short notes at the lower right, with a level, the time left, and a history.
//!
//! Never the only place an error shows: the history keeps it, and what failed says so where it failed.
//! Bounded: a flood repeats a count, it does not fill the screen.

use std::collections::VecDeque;

use egui::{
    Align2, Area, Context, CornerRadius, Frame, Id, Margin, Order, Rect, Role, Sense, Stroke, Ui,
    WidgetInfo, pos2, vec2,
};
use qd_types::Tone;

use crate::UiCtx;
use crate::paint;
use crate::text::{self, HAlign};
use crate::tokens::{radius, size, space};

/// Toasts on screen at once.
pub const MAX_LIVE: usize = 4;
/// Toasts remembered.
pub const MAX_HISTORY: usize = 100;
const WIDTH: f32 = 340.0;
/// Of a note's words in the history, beside its bar.
const NOTE_INDENT: f32 = 10.0;
const NOTE_HEAD_HEIGHT: f32 = 18.0;

/// One note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// Unique within one [`Toasts`].
    pub toast_id: u64,
    /// Its level: Danger and Warn stay longer.
    pub tone: Tone,
    /// One or two sentences.
    pub text: String,
    /// When it was last raised, in milliseconds since the Unix epoch.
    pub raised_ms: i64,
    /// When it leaves the screen.
    pub until_ms: i64,
    /// How often it was raised while on screen.
    pub count: u32,
}

/// The queue on screen and the history behind it. Belongs to the shell; `push` from `logic`, `ui` once per frame.
#[derive(Clone, Debug, Default)]
pub struct Toasts {
    live: VecDeque<Toast>,
    history: VecDeque<Toast>,
    next_id: u64,
    /// Raised since somebody looked at the history; no more than it holds.
    num_unseen: usize,
}

impl Toasts {
    /// Raises a note at `now_ms`. The same words at the same level, while still on screen, count up instead.
    pub fn push(&mut self, tone: Tone, text: impl Into<String>, now_ms: i64) {
        let text = text.into();
        self.expire(now_ms);
        let until_ms = now_ms + time_to_live_ms(tone);
        if let Some(same) = self
            .live
            .iter_mut()
            .find(|toast| toast.tone == tone && toast.text == text)
        {
            same.count += 1;
            same.raised_ms = now_ms;
            same.until_ms = until_ms;
            let (toast_id, count) = (same.toast_id, same.count);
            if let Some(kept) = self
                .history
                .iter_mut()
                .find(|toast| toast.toast_id == toast_id)
            {
                kept.count = count;
                kept.raised_ms = now_ms;
            }
            return;
        }
        let toast = Toast {
            toast_id: self.next_id,
            tone,
            text,
            raised_ms: now_ms,
            until_ms,
            count: 1,
        };
        self.next_id += 1;
        self.history.push_front(toast.clone());
        self.history.truncate(MAX_HISTORY);
        self.num_unseen = (self.num_unseen + 1).min(MAX_HISTORY);
        self.live.push_back(toast);
        if self.live.len() > MAX_LIVE {
            // The lightest goes first, and of those the oldest: a refusal is not pushed out by good news.
            let lightest = self
                .live
                .iter()
                .enumerate()
                .min_by_key(|(_, toast)| weight(toast.tone))
                .map(|(index, _)| index);
            if let Some(index) = lightest {
                self.live.remove(index);
            }
        }
    }

    /// Takes from the screen what has had its time.
    pub fn expire(&mut self, now_ms: i64) {
        self.live.retain(|toast| toast.until_ms > now_ms);
    }

    /// What is on screen, oldest first.
    pub fn live(&self) -> impl Iterator<Item = &Toast> {
        self.live.iter()
    }

    /// What was raised, newest first, at most [`MAX_HISTORY`].
    pub fn history(&self) -> impl Iterator<Item = &Toast> {
        self.history.iter()
    }

    /// Draws the toasts above the footer, newest lowest; a click on the cross takes one away.
    pub fn ui(&mut self, ctx: &Context, cx: &UiCtx<'_>) {
        self.expire(cx.now_ms);
        let mut bottom = -(size::FOOTER_HEIGHT + space::M);
        let mut dismissed = None;
        for toast in self.live.iter().rev() {
            let shown = Area::new(Id::unique(("qd_toast", toast.toast_id)))
                .order(Order::Foreground)
                .anchor(Align2::RIGHT_BOTTOM, vec2(-space::M, bottom))
                .role(Role::Alert)
                .accessible_name(toast.text.as_str())
                .show(ctx, |ui| toast_ui(ui, cx, toast));
            if shown.inner {
                dismissed = Some(toast.toast_id);
            }
            bottom -= shown.response.rect.height() + space::S;
        }
        if let Some(toast_id) = dismissed {
            self.live.retain(|toast| toast.toast_id != toast_id);
        }
        // Once a second is enough for the time left; nothing moves in between.
        if let Some(until_ms) = self.live.iter().map(|toast| toast.until_ms).min() {
            let wait = u64::try_from((until_ms - cx.now_ms).clamp(1, 1000)).unwrap_or(1000);
            ctx.request_repaint_after(std::time::Duration::from_millis(wait));
        }
    }

    /// How many were raised since [`Self::mark_seen`]; a repeated one counts once.
    pub fn num_unseen(&self) -> usize {
        self.num_unseen
    }

    /// Somebody looks at the history.
    pub fn mark_seen(&mut self) {
        self.num_unseen = 0;
    }

    /// Empties the history; what is on screen stays its time.
    pub fn forget_history(&mut self) {
        self.history.clear();
        self.num_unseen = 0;
    }

    /// Draws the history, newest first, one named row to a note; `time` formats the instant of one.
    pub fn history_ui(&self, ui: &mut Ui, cx: &UiCtx<'_>, time: impl Fn(i64) -> String) {
        let tokens = cx.tokens;
        if self.history.is_empty() {
            text::label(
                ui,
                "No notes yet. What the console tells you in passing is kept here.",
                &tokens.fonts.body,
                tokens.text_secondary,
            );
            return;
        }
        for toast in &self.history {
            note_ui(ui, cx, toast, &time(toast.raised_ms));
        }
    }
}

/// One line of the history: level and time, and the words below, wrapped.
fn note_ui(ui: &mut Ui, cx: &UiCtx<'_>, toast: &Toast, time: &str) {
    let tokens = cx.tokens;
    let mut level = level_word(toast.tone).to_owned();
    if toast.count > 1 {
        level = format!("{level} \u{d7}{}", toast.count);
    }
    let width = ui.available_width();
    let words = text::layout_wrapped(
        ui.painter(),
        &toast.text,
        &tokens.fonts.body,
        width - NOTE_INDENT,
    );
    let wanted = vec2(width, NOTE_HEAD_HEIGHT + words.size().y + space::S);
    let (rect, response) = ui.allocate_exact_size(wanted, Sense::hover());
    response.widget_info(|| {
        let name = format!("{level}, {time}: {}", toast.text);
        WidgetInfo::labeled(Role::ListItem, true, name)
    });
    if !ui.is_rect_visible(rect) {
        return;
    }
    let painter = ui.painter();
    let color = tokens.tone(toast.tone);
    let head = rect.with_max_y(rect.top() + NOTE_HEAD_HEIGHT);
    let bar = rect
        .with_max_x(rect.left() + 3.0)
        .with_min_y(rect.top() + 3.0)
        .with_max_y(rect.bottom() - 5.0);
    painter.rect_filled(bar, 1.5, color);
    let inner = head.with_min_x(head.left() + NOTE_INDENT);
    text::paint(
        painter,
        inner,
        &level,
        &tokens.fonts.label_strong,
        color,
        HAlign::Left,
    );
    text::paint(
        painter,
        inner,
        time,
        &tokens.fonts.number_small,
        tokens.text_hint,
        HAlign::Right,
    );
    painter.galley(
        pos2(inner.left(), head.bottom()),
        words,
        tokens.text_primary,
    );
}

/// How long a note stays, in milliseconds: long enough to be read twice.
fn time_to_live_ms(tone: Tone) -> i64 {
    match tone {
        Tone::Danger | Tone::Loss => 15_000,
        Tone::Warn => 10_000,
        Tone::Info | Tone::Accent | Tone::Gain | Tone::Neutral | Tone::Faint => 6_000,
    }
}

fn weight(tone: Tone) -> u8 {
    match tone {
        Tone::Danger | Tone::Loss => 2,
        Tone::Warn => 1,
        Tone::Info | Tone::Accent | Tone::Gain | Tone::Neutral | Tone::Faint => 0,
    }
}

/// The word for a level: color is never the only sign.
fn level_word(tone: Tone) -> &'static str {
    match tone {
        Tone::Danger | Tone::Loss => "Error",
        Tone::Warn => "Warning",
        Tone::Gain => "Done",
        Tone::Info | Tone::Accent | Tone::Neutral | Tone::Faint => "Note",
    }
}

/// True when its cross was clicked.
fn toast_ui(ui: &mut Ui, cx: &UiCtx<'_>, toast: &Toast) -> bool {
    let tokens = cx.tokens;
    let colors = tokens.badge(toast.tone);
    let frame = Frame::new()
        .fill(tokens.surface_overlay)
        .stroke(Stroke::new(1.0, colors.line))
        .corner_radius(CornerRadius::same(radius::PANEL))
        .shadow(ui.visuals().popup_shadow)
        .inner_margin(Margin {
            left: 14,
            right: 12,
            top: 8,
            bottom: 10,
        });
    frame
        .show(ui, |ui| {
            ui.set_width(WIDTH.min(ui.ctx().content_rect().width() - 50.0));
            let (head, _) =
                ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
            let seconds = ((toast.until_ms - cx.now_ms).max(0) + 999) / 1000;
            let painter = ui.painter();
            let mut level = level_word(toast.tone).to_owned();
            if toast.count > 1 {
                level = format!("{level} ×{}", toast.count);
            }
            text::paint(
                painter,
                head,
                &level,
                &tokens.fonts.label_strong,
                colors.text,
                HAlign::Left,
            );
            text::paint(
                painter,
                head.with_max_x(head.right() - 26.0),
                &format!("{seconds} s"),
                &tokens.fonts.label,
                tokens.text_hint,
                HAlign::Right,
            );

            let close_rect = Rect::from_center_size(
                pos2(head.right() - 8.0, head.center().y),
                vec2(size::TOUCH_TARGET, size::TOUCH_TARGET),
            );
            let close = ui.interact(close_rect, ui.scope_id().with("close"), Sense::click());
            close.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Dismiss"));
            let line = if close.hovered() {
                tokens.text_primary
            } else {
                tokens.text_secondary
            };
            paint::cross(
                ui.painter(),
                close_rect.center(),
                7.0,
                Stroke::new(1.3, line),
            );
            if close.has_focus() {
                paint::focus_ring(
                    ui.painter(),
                    close_rect.shrink(3.0),
                    radius::CONTROL,
                    tokens,
                );
            }
            text::label(ui, &toast.text, &tokens.fonts.body, tokens.text_primary);
            close.clicked()
        })
        .inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_and_the_history_are_bounded() {
        let mut toasts = Toasts::default();
        toasts.push(Tone::Danger, "refused", 0);
        for index in 0..500 {
            toasts.push(Tone::Info, format!("note {index}"), 1);
        }
        assert_eq!(toasts.live().count(), MAX_LIVE);
        assert_eq!(toasts.history().count(), MAX_HISTORY);
        assert_eq!(toasts.num_unseen(), MAX_HISTORY);
        assert!(
            toasts.live().any(|toast| toast.text == "refused"),
            "good news pushed out a refusal"
        );
        assert!(
            toasts.live().any(|toast| toast.text == "note 499"),
            "the newest is shown"
        );
    }

    #[test]
    fn a_repeated_note_counts_up() {
        let mut toasts = Toasts::default();
        for now_ms in 0..7 {
            toasts.push(Tone::Warn, "reconnecting", now_ms);
        }
        assert_eq!(
            toasts.live().map(|toast| toast.count).collect::<Vec<_>>(),
            vec![7]
        );
        assert_eq!(
            toasts
                .history()
                .map(|toast| toast.count)
                .collect::<Vec<_>>(),
            vec![7]
        );
    }

    #[test]
    fn what_was_seen_is_not_counted_and_a_repeated_note_counts_once() {
        let mut toasts = Toasts::default();
        toasts.push(Tone::Info, "saved", 0);
        toasts.push(Tone::Info, "saved", 1);
        toasts.push(Tone::Warn, "slow", 2);
        assert_eq!(toasts.num_unseen(), 2);
        toasts.mark_seen();
        assert_eq!(toasts.num_unseen(), 0);
        toasts.push(Tone::Info, "again", 3);
        assert_eq!(toasts.num_unseen(), 1);
        toasts.forget_history();
        assert_eq!((toasts.num_unseen(), toasts.history().count()), (0, 0));
        assert_eq!(toasts.live().count(), 3, "what is on screen stays");
    }

    #[test]
    fn a_note_leaves_when_its_time_is_over() {
        let mut toasts = Toasts::default();
        toasts.push(Tone::Info, "saved", 1_000);
        toasts.push(Tone::Danger, "refused", 1_000);
        toasts.expire(6_999);
        assert_eq!(toasts.live().count(), 2);
        toasts.expire(7_000);
        assert_eq!(
            toasts
                .live()
                .map(|toast| toast.text.as_str())
                .collect::<Vec<_>>(),
            vec!["refused"]
        );
        assert_eq!(toasts.history().count(), 2, "the history keeps both");
    }
}
