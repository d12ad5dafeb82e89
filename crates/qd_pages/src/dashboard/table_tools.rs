//! The title row of a table that is worked in: the filter field, what is selected and hidden, the menu of the view.

use std::cell::{Cell, RefCell};

use egui::Ui;
use qd_state::{Seal, SealState};
use qd_ui::button::Button;
use qd_ui::field::text_field;
use qd_ui::state_block::StateBlock;
use qd_ui::table::view::{ExportNotes, Shown, TableModel, TableView};
use qd_ui::text;
use qd_ui::tokens::space;

use crate::{Command, FileContents, PageCtx};

/// With less room the note of a table stands above its rows, not in the title row.
const WIDTH_FOR_NOTE: f32 = 600.0;
const FIELD_WIDTH: f32 = 170.0;
/// In less room a field shows nothing of what is typed.
const LEAST_FIELD_WIDTH: f32 = 64.0;
/// Room kept beside the field for the seal and the menu.
const WIDTH_BESIDE_FIELD: f32 = 170.0;

/// What stands above a table. The title row is drawn before the rows are, by another closure: hence the cell.
pub(super) struct TableTools<'t, M: TableModel> {
    /// "Positions".
    pub(super) table: &'static str,
    /// Words in the empty field.
    pub(super) hint: &'static str,
    /// What the accessibility tree calls the field.
    pub(super) field: &'static str,
    pub(super) view: RefCell<&'t mut TableView<M>>,
    pub(super) shown: Shown<M::Row>,
    pub(super) is_wide: bool,
    /// The title row had no room for the field: it stands above the rows.
    is_field_below: Cell<bool>,
}

impl<'t, M: TableModel> TableTools<'t, M> {
    pub(super) fn new(
        ui: &Ui,
        (table, hint, field): (&'static str, &'static str, &'static str),
        view: &'t mut TableView<M>,
        shown: Shown<M::Row>,
    ) -> Self {
        Self {
            table,
            hint,
            field,
            view: RefCell::new(view),
            shown,
            is_wide: ui.available_width() >= WIDTH_FOR_NOTE,
            is_field_below: Cell::new(false),
        }
    }

    /// The field at the left of the title row, what can be done with the rows (`actions`), and what is hidden.
    pub(super) fn left_ui(&self, ui: &mut Ui, cx: &PageCtx<'_>, actions: impl FnOnce(&mut Ui)) {
        let mut view = self.view.borrow_mut();
        let beside = if self.is_wide {
            WIDTH_BESIDE_FIELD
        } else {
            0.0
        };
        let room = ui.available_width() - beside;
        if room < LEAST_FIELD_WIDTH {
            self.is_field_below.set(true);
        } else {
            self.field_ui(ui, cx, &mut view, room.min(FIELD_WIDTH));
        }
        if self.is_wide {
            actions(ui);
            self.note_ui(ui, cx, &mut view);
        }
    }

    fn field_ui(&self, ui: &mut Ui, cx: &PageCtx<'_>, view: &mut TableView<M>, width: f32) {
        let mut typed = view.quick_filter().to_owned();
        text_field(ui, &cx.ui, &mut typed, self.hint, self.field, width);
        view.set_quick_filter(typed);
    }

    /// The menu at the right of the title row.
    /// `more` is drawn on top of the menu.
    pub(super) fn menu_ui(
        &self,
        ui: &mut Ui,
        cx: &PageCtx<'_>,
        seal: &Seal,
        more: impl FnOnce(&mut Ui),
    ) {
        let mut view = self.view.borrow_mut();
        let answer = view.menu_ui(ui, &cx.ui, self.table, more);
        if answer.copy_clicked {
            ui.ctx().copy_text(view.to_tsv(&self.shown));
        }
        if answer.export_clicked {
            let notes = ExportNotes {
                title: self.table,
                made_at: cx.server_now(),
                seal: &seal_words(seal),
            };
            let taken_at = notes.made_at.to_rfc3339().replace([':', '.'], "-");
            let table = self.table.to_lowercase().replace(' ', "-");
            cx.commands.send(Command::SaveFile {
                name: format!("quarterdeck-{table}-{taken_at}.csv"),
                media_type: "text/csv",
                contents: FileContents(view.to_csv(&self.shown, &notes).into()),
            });
        }
    }

    /// The same above the rows, where the title row has no room for it; nothing where there is nothing to say or do.
    pub(super) fn narrow_ui(
        &self,
        ui: &mut Ui,
        cx: &PageCtx<'_>,
        has_actions: bool,
        actions: impl FnOnce(&mut Ui),
    ) {
        let mut view = self.view.borrow_mut();
        let is_field_here = self.is_field_below.get();
        let has_note = !view.note(&self.shown).is_empty();
        if !is_field_here && (self.is_wide || (!has_actions && !has_note)) {
            return;
        }
        ui.add_space(space::XS);
        ui.horizontal(|ui| {
            ui.add_space(space::S);
            if is_field_here {
                self.field_ui(
                    ui,
                    cx,
                    &mut view,
                    FIELD_WIDTH.min(ui.available_width() * 0.4),
                );
            }
            if has_actions {
                actions(ui);
            }
            self.note_ui(ui, cx, &mut view);
        });
    }

    fn note_ui(&self, ui: &mut Ui, cx: &PageCtx<'_>, view: &mut TableView<M>) {
        let note = view.note(&self.shown);
        if note.is_empty() {
            return;
        }
        let tokens = cx.ui.tokens;
        text::label(ui, &note, &tokens.fonts.body, tokens.text_secondary);
        if self.shown.num_hidden() > 0 {
            let name = format!("Clear filters of {}", self.table);
            if Button::quiet("Clear").name(&name).ui(ui, &cx.ui).clicked() {
                view.clear_filters();
            }
        }
    }

    /// Instead of rows, when every one of them is hidden.
    pub(super) fn no_match_ui(&self, ui: &mut Ui, cx: &PageCtx<'_>) {
        let line = format!("{} hidden by the filter.", self.shown.num_hidden());
        let is_clicked = StateBlock::empty("No match", &[&line])
            .action("Clear filter")
            .ui(ui, &cx.ui);
        if is_clicked {
            self.view.borrow_mut().clear_filters();
        }
    }
}

/// The seal as a file says it: exact, and with its instant in the file's own time zone.
fn seal_words(seal: &Seal) -> String {
    let words = match &seal.state {
        SealState::Loading => "nothing has arrived yet".to_owned(),
        SealState::Verified { pos, at } => format!(
            "verified to #{} of run {} at {}",
            pos.seq.0,
            pos.epoch,
            at.to_rfc3339()
        ),
        SealState::Resyncing { since, .. } => {
            format!("not verified, resyncing since {}", since.to_rfc3339())
        }
        SealState::Unverified { .. } => {
            "not verified, the producer does not number its messages".to_owned()
        }
    };
    if seal.missing.is_empty() {
        words
    } else {
        format!("{words}; some changes were never seen")
    }
}
