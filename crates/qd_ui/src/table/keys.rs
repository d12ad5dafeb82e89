//! The keyboard in a table: arrows, Page Up and Down, Home and End walk through its rows while something of it has the
//! focus; Shift takes what is passed into the selection, Space marks a row, Enter opens it.
//!
//! A row that scrolls out of sight takes its button with it; the focus then goes to the table itself and not away.

use std::cell::Cell;

use egui::style::ScrollAnimation;
use egui::{
    Event, EventFilter, Id, Key, Modifiers, Popup, Rangef, Rect, Response, Role, Sense, Ui,
    WidgetInfo, vec2,
};

use super::view::CursorMove;

/// The id of the table of that name as a whole, to give it the keyboard from elsewhere.
pub fn focus_id(name: &str) -> Id {
    Id::unique(("qd_table_keys", name))
}

/// The keys of one table in one frame.
#[derive(Debug)]
pub(super) struct Keys {
    table_id: Id,
    /// What was asked for with them.
    pub(super) asked: Asked,
    /// How far to scroll sideways, once; the first row drawn does it, for it stands inside the scrolling block.
    delta: Cell<f32>,
    /// How far to scroll sideways in the next frame: a header that got the focus stands outside.
    sideways: Cell<f32>,
    /// What of the table has the focus in this frame.
    focused: Cell<Focused>,
    /// The table itself has it.
    has_own_focus: bool,
    /// Escape leaves the selection first, and the table after that.
    has_selection: bool,
}

/// What the keys of one frame ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// A step, and whether it extends the selection.
    pub(super) step: Option<(CursorMove, bool)>,
    /// The row that has the focus is where the step begins.
    pub(super) from_row: Option<usize>,
    pub(super) toggles: bool,
    pub(super) activates: bool,
    pub(super) selects_all: bool,
    pub(super) clears: bool,
    pub(super) copies: bool,
}

/// What of a table has the focus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Focused {
    /// Nothing.
    #[default]
    Nothing,
    /// A header.
    Header,
    /// The table itself: the keyboard is at a row.
    Table,
    /// Something in this row.
    Row(usize),
}

impl Keys {
    /// Takes the keys that are meant for the table named `name`, of which a page shows `page_rows`.
    pub(super) fn take(
        ui: &Ui,
        name: &str,
        rect: Rect,
        page_rows: usize,
        has_selection: bool,
    ) -> Self {
        let table_id = focus_id(name);
        let (was_focused, sideways) = ui
            .data(|data| data.get_temp::<(Focused, f32)>(table_id))
            .unwrap_or_default();
        // A menu's keys are the menu's; and in the frame in which a field takes the keyboard, its keys are the field's.
        let is_elsewhere = Popup::is_any_open(ui.ctx()) || ui.ctx().text_edit_focused();
        let asked = if was_focused == Focused::Nothing || is_elsewhere {
            Asked::default()
        } else {
            asked(ui, was_focused, page_rows, has_selection)
        };
        let own = ui.interact(rect, table_id, Sense::focusable_noninteractive());
        own.widget_info(|| WidgetInfo::labeled(Role::ScrollView, true, format!("Rows of {name}")));
        let keys = Self {
            table_id,
            asked,
            delta: Cell::new(sideways),
            sideways: Cell::new(0.0),
            focused: Cell::default(),
            has_own_focus: own.has_focus(),
            has_selection,
        };
        if keys.takes_keys(ui, &own) {
            keys.focused.set(Focused::Table);
        }
        if asked.step.is_some() && matches!(was_focused, Focused::Row(_)) {
            keys.focus(ui);
        }
        keys
    }

    /// Whether the table itself has the focus: the keyboard's row is to be marked.
    pub(super) fn has_own_focus(&self) -> bool {
        self.has_own_focus
    }

    /// Gives the table the focus: a row was clicked.
    pub(super) fn focus(&self, ui: &Ui) {
        ui.memory_mut(|memory| memory.request_focus(self.table_id));
    }

    /// Notes a widget in a row: while it has the focus, the keys are the table's. Without a row it is one of the totals.
    pub(super) fn watch_row(&self, ui: &Ui, response: &Response, row: Option<usize>) {
        if self.takes_keys(ui, response) {
            self.focused.set(row.map_or(Focused::Header, Focused::Row));
            if response.gained_focus() {
                // Seen whole, not only as far as the table happened to be scrolled.
                ui.scroll_to_rect_animation(response.rect, None, ScrollAnimation::none());
            }
        }
    }

    /// Notes a widget that stays where it is when the rows scroll.
    pub(super) fn watch_fixed(&self, ui: &Ui, response: &Response) {
        if self.takes_keys(ui, response) {
            self.focused.set(Focused::Header);
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

    /// Whether a widget has the focus; if so, the arrows do not lead away from it.
    fn takes_keys(&self, ui: &Ui, response: &Response) -> bool {
        let has_focus = response.has_focus();
        if has_focus {
            let filter = EventFilter {
                vertical_arrows: !Popup::is_any_open(ui.ctx()),
                escape: self.has_selection,
                ..EventFilter::default()
            };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        }
        has_focus
    }

    /// Scrolls, once; to be called inside the scrolling block.
    pub(super) fn scroll(&self, ui: &Ui) {
        let delta = self.delta.take();
        if delta != 0.0 {
            ui.scroll_with_delta_animation(vec2(delta, 0.0), ScrollAnimation::none());
        }
    }

    /// Remembers for the next frame whether keys are meant for this table.
    pub(super) fn finish(&self, ui: &Ui) {
        // A table that is itself scrolled out of sight has no row to scroll by: its turn comes with its rows.
        let next = (self.focused.get(), self.sideways.get() + self.delta.take());
        ui.data_mut(|data| data.insert_temp(self.table_id, next));
        if self.asked.step.is_some() {
            // What moved is on screen with the next frame.
            ui.ctx().request_repaint();
        }
    }
}

fn asked(ui: &Ui, was_focused: Focused, page_rows: usize, has_selection: bool) -> Asked {
    let page = i64::try_from(page_rows.max(1)).unwrap_or(i64::MAX);
    let mut asked = Asked {
        from_row: match was_focused {
            Focused::Row(row) => Some(row),
            Focused::Nothing | Focused::Header | Focused::Table => None,
        },
        ..Asked::default()
    };
    ui.input_mut(|input| {
        // With Shift first: without it a key counts whatever else is held.
        for (modifiers, extends) in [(Modifiers::SHIFT, true), (Modifiers::NONE, false)] {
            for (key, step) in [
                (Key::ArrowDown, CursorMove::By(1)),
                (Key::ArrowUp, CursorMove::By(-1)),
                (Key::PageDown, CursorMove::By(page)),
                (Key::PageUp, CursorMove::By(-page)),
                (Key::Home, CursorMove::ToFirst),
                (Key::End, CursorMove::ToLast),
            ] {
                let times = input.count_and_consume_key(modifiers, key);
                let times = i64::try_from(times).unwrap_or(i64::MAX);
                if times > 0 {
                    let step = match step {
                        CursorMove::By(by) => CursorMove::By(by.saturating_mul(times)),
                        CursorMove::ToFirst | CursorMove::ToLast => step,
                    };
                    asked.step = Some((step, extends));
                }
            }
        }
        asked.selects_all = input.consume_key(Modifiers::COMMAND, Key::A);
        asked.clears = has_selection && input.consume_key(Modifiers::NONE, Key::Escape);
        let num_events = input.events.len();
        input.events.retain(|event| !matches!(event, Event::Copy));
        asked.copies = input.events.len() < num_events;
        // On a button these are the button's.
        if was_focused == Focused::Table {
            asked.toggles = input.consume_key(Modifiers::NONE, Key::Space);
            asked.activates = input.consume_key(Modifiers::NONE, Key::Enter);
        }
    });
    asked
}
