//! The keyboard in a table: arrows, Page Up and Down, Home and End scroll it while something of it has the focus.
//!
//! A row that scrolls out of sight takes its button with it; the focus then goes to the table itself and not away.

use std::cell::Cell;

use egui::style::ScrollAnimation;
use egui::{
    EventFilter, Id, Key, Modifiers, Rangef, Rect, Response, Role, Sense, Ui, Vec2, WidgetInfo,
    vec2,
};

use crate::UiCtx;
use crate::paint;
use crate::tokens::radius;

/// Further than any table is long, in points.
const TO_THE_END: f32 = 1.0e8;

/// The id of the table of that name as a whole, to give it the keyboard from elsewhere.
pub fn focus_id(name: &str) -> Id {
    Id::unique(("qd_table_keys", name))
}

/// The keys of one table in one frame.
#[derive(Debug)]
pub(super) struct Keys {
    table_id: Id,
    /// How far to scroll, once; the first row drawn does it, for it stands inside the scrolling block.
    delta: Cell<Option<Vec2>>,
    /// How far to scroll sideways in the next frame: a header that got the focus stands outside.
    sideways: Cell<f32>,
    /// What of the table has the focus in this frame.
    focused: Cell<Focused>,
    /// And what had it in the frame before.
    was_focused: Focused,
}

/// What of a table has the focus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Focused {
    /// Nothing.
    #[default]
    Nothing,
    /// What stays when the rows scroll: a header, the table itself.
    Fixed,
    /// Something in a row.
    Row,
}

impl Keys {
    /// Takes the keys that are meant for the table named `name`.
    pub(super) fn take(ui: &Ui, name: &str, rect: Rect, row_height: f32, cx: &UiCtx<'_>) -> Self {
        let table_id = focus_id(name);
        let (was_focused, sideways) = ui
            .data(|data| data.get_temp::<(Focused, f32)>(table_id))
            .unwrap_or_default();
        let page = (rect.height() - super::HEADER_HEIGHT - row_height).max(row_height);
        let mut delta = vec2(sideways, 0.0);
        if was_focused != Focused::Nothing {
            ui.input_mut(|input| {
                for (key, step) in [
                    (Key::ArrowDown, -row_height),
                    (Key::ArrowUp, row_height),
                    (Key::PageDown, -page),
                    (Key::PageUp, page),
                    (Key::End, -TO_THE_END),
                    (Key::Home, TO_THE_END),
                ] {
                    let times = input.count_and_consume_key(Modifiers::NONE, key);
                    delta.y += step * times as f32;
                }
            });
        }
        let keys = Self {
            table_id,
            delta: Cell::new((delta != Vec2::ZERO).then_some(delta)),
            sideways: Cell::new(0.0),
            focused: Cell::default(),
            was_focused,
        };
        let own = ui.interact(rect, table_id, Sense::focusable_noninteractive());
        own.widget_info(|| WidgetInfo::labeled(Role::ScrollView, true, format!("Scroll {name}")));
        keys.watch_fixed(ui, &own);
        if own.has_focus() {
            paint::focus_ring(ui.painter(), rect.shrink(2.0), radius::PANEL, cx.tokens);
        }
        keys
    }

    /// Notes a widget in a row: while it has the focus, the keys are the table's.
    pub(super) fn watch_row(&self, ui: &Ui, response: &Response) {
        if takes_keys(ui, response) {
            self.focused.set(Focused::Row);
            if response.gained_focus() {
                // Seen whole, not only as far as the table happened to be scrolled.
                ui.scroll_to_rect_animation(response.rect, None, ScrollAnimation::none());
            }
        }
    }

    /// Notes a widget that stays where it is when the rows scroll.
    pub(super) fn watch_fixed(&self, ui: &Ui, response: &Response) {
        if takes_keys(ui, response) {
            self.focused.set(Focused::Fixed);
        }
    }

    /// Notes a header: when the focus comes to it, its column is scrolled into `visible`.
    pub(super) fn watch_header(&self, ui: &Ui, response: &Response, visible: Rangef) {
        self.watch_fixed(ui, response);
        if !response.gained_focus() {
            return;
        }
        let x = response.rect.x_range();
        let delta = if x.min < visible.min {
            visible.min - x.min
        } else if x.max > visible.max {
            (visible.max - x.max).max(visible.min - x.min)
        } else {
            0.0
        };
        if delta != 0.0 {
            self.sideways.set(delta);
            ui.ctx().request_repaint();
        }
    }

    /// Scrolls, once; to be called inside the scrolling block.
    pub(super) fn scroll(&self, ui: &Ui) {
        if let Some(delta) = self.delta.take() {
            ui.scroll_with_delta_animation(delta, ScrollAnimation::none());
            if self.was_focused == Focused::Row && delta.y != 0.0 {
                ui.memory_mut(|memory| memory.request_focus(self.table_id));
            }
        }
    }

    /// Remembers for the next frame whether keys are meant for this table.
    pub(super) fn finish(&self, ui: &Ui) {
        // A table that is itself scrolled out of sight has no row to scroll by: its turn comes with its rows.
        let left = self.delta.take().map_or(0.0, |delta| delta.x);
        let next = (self.focused.get(), self.sideways.get() + left);
        ui.data_mut(|data| data.insert_temp(self.table_id, next));
    }
}

/// Whether a widget has the focus; if so, the arrows do not lead away from it.
fn takes_keys(ui: &Ui, response: &Response) -> bool {
    let has_focus = response.has_focus();
    if has_focus {
        let filter = EventFilter {
            vertical_arrows: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    }
    has_focus
}
