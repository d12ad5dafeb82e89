//! Draws a table with its view, and the two menus of it: everything behind one button, and one column's at its header.
//!
//! Whatever a menu does can be done with the keyboard: the button is in the tab order, a header opens its menu with Shift+F10.

use egui::{Popup, PopupCloseBehavior, Response, Ui, vec2};

use super::{ColumnFilter, FilterKind, Shown, TableModel, TableView};
use crate::UiCtx;
use crate::button::Button;
use crate::check::check_ui;
use crate::field::{field_id, text_field};
use crate::menu::{give_focus_back, menu_ui};
use crate::table::{DataTable, Pin, SortDir, SortState, TableColumn, TableResponse, TableRows};
use crate::text;
use crate::tokens::space;

const MENU_WIDTH: f32 = 372.0;
const COLUMN_MENU_WIDTH: f32 = 244.0;
const TITLE_WIDTH: f32 = 112.0;
const FIELD_WIDTH: f32 = 150.0;
/// One step of "Wider" and "Narrower", in points.
const WIDTH_STEP: f32 = 16.0;

/// What the user asked for in a table's menu that the table cannot do itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MenuAnswer {
    /// All that is shown, as a file.
    pub export_clicked: bool,
    /// What is selected, to the clipboard.
    pub copy_clicked: bool,
}

impl<M: TableModel> TableView<M> {
    /// Draws the table as its user has it and takes in what was done; rows come from `shown` through `rows`.
    ///
    /// `make` turns the name's table into the one to draw: check boxes, row height.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        cx: &UiCtx<'_>,
        shown: &Shown<M::Row>,
        rows: &mut dyn TableRows,
        make: impl FnOnce(&[TableColumn]) -> DataTable<'_>,
    ) -> TableResponse {
        if self.is_arranging() {
            ui.ctx().request_repaint();
        }
        let columns = self.columns();
        let response = make(&columns)
            .sort(self.sort())
            .cursor(self.cursor_place())
            .scroll_to_row(self.scroll_place())
            .show(ui, cx, rows);
        self.follow(&response, shown);
        if response.copy_requested {
            ui.ctx().copy_text(self.to_tsv(shown));
        }
        for (column_id, header) in &response.headers {
            self.header_menu_ui(cx, header, column_id);
        }
        response
    }

    /// The button for columns, filters and files, with its menu. `table` is the name of the table.
    /// `more` is drawn on top of it: what a page has to choose besides.
    pub fn menu_ui(
        &mut self,
        ui: &mut Ui,
        cx: &UiCtx<'_>,
        table: &str,
        more: impl FnOnce(&mut Ui),
    ) -> MenuAnswer {
        let num_filters = self.criteria.tests.len();
        let words = if num_filters == 0 {
            "View".to_owned()
        } else {
            format!("View ({num_filters})")
        };
        let name = format!("View of {table}: columns, filters, export");
        let opener = Button::quiet(&words).name(&name).ui(ui, cx);
        let mut answer = MenuAnswer::default();
        menu_ui(&opener, &name, MENU_WIDTH, |ui| {
            more(ui);
            self.menu_body_ui(ui, cx, &mut answer);
            if answer != MenuAnswer::default() {
                ui.close();
            }
        });
        answer
    }

    fn menu_body_ui(&mut self, ui: &mut Ui, cx: &UiCtx<'_>, answer: &mut MenuAnswer) {
        let tokens = cx.tokens;
        ui.set_width(MENU_WIDTH.min(ui.ctx().content_rect().width() - 40.0));
        ui.spacing_mut().item_spacing = vec2(space::S, space::XS);
        text::label(
            ui,
            "Columns and filters",
            &tokens.fonts.strong,
            tokens.text_strong,
        );
        for column in self.layout.arranged(self.columns) {
            if !column.title.is_empty() {
                ui.horizontal(|ui| self.column_line_ui(ui, cx, &column));
                self.error_ui(ui, cx, &column);
            }
        }
        ui.add_space(space::S);
        ui.horizontal_wrapped(|ui| {
            if Button::new("Copy rows")
                .ui(ui, cx)
                .on_hover_text("Ctrl+C in the table")
                .clicked()
            {
                answer.copy_clicked = true;
            }
            if Button::new("Export CSV")
                .ui(ui, cx)
                .on_hover_text("The rows on screen, as a file")
                .clicked()
            {
                answer.export_clicked = true;
            }
            let no_filter =
                (!self.is_filtered() && self.filters.is_empty()).then_some("Nothing is filtered.");
            if Button::new("Clear filters")
                .disabled_because(no_filter)
                .ui(ui, cx)
                .clicked()
            {
                self.clear_filters();
            }
            let as_made = self
                .layout
                .is_default()
                .then_some("The columns are as they were made.");
            if Button::new("Reset columns")
                .disabled_because(as_made)
                .ui(ui, cx)
                .clicked()
            {
                self.set_layout(super::ColumnLayout::default());
            }
        });
    }

    /// One column: whether it is shown, its filter, its place.
    fn column_line_ui(&mut self, ui: &mut Ui, cx: &UiCtx<'_>, column: &TableColumn) {
        let is_shown = !self.layout.is_hidden(column.column_id);
        let is_pinned = column.pin != Pin::None;
        let name = format!("Show column {}", column.title);
        let reason = is_pinned.then_some("A row is known by it: it stays.");
        let words = (column.title, name.as_str());
        if check_ui(ui, cx, words, is_shown, TITLE_WIDTH, reason).clicked() {
            self.layout.set_hidden(column, is_shown);
            self.arrange();
        }
        self.filter_ui(ui, cx, column);
        if is_pinned {
            return;
        }
        for (words, name, by) in [("\u{2191}", "up", -1), ("\u{2193}", "down", 1)] {
            let name = format!("Move column {} {name}", column.title);
            if Button::quiet(words).name(&name).ui(ui, cx).clicked() {
                self.layout.shift(self.columns, column.column_id, by);
                self.arrange();
            }
        }
    }

    fn filter_ui(&mut self, ui: &mut Ui, cx: &UiCtx<'_>, column: &TableColumn) {
        match column.filter {
            FilterKind::None => {
                ui.add_space(FIELD_WIDTH + space::S);
            }
            FilterKind::Text | FilterKind::Number => {
                let before = match self.filter_of(column.column_id) {
                    Some(ColumnFilter::Typed(text)) => text.clone(),
                    Some(ColumnFilter::Chosen(_)) | None => String::new(),
                };
                let mut typed = before.clone();
                let name = format!("Filter column {}", column.title);
                text_field(ui, cx, &mut typed, column.filter.hint(), &name, FIELD_WIDTH);
                if typed != before {
                    self.set_filter(column, ColumnFilter::Typed(typed));
                }
            }
            FilterKind::Choice(words) => {
                let mut chosen = match self.filter_of(column.column_id) {
                    Some(ColumnFilter::Chosen(chosen)) => chosen.clone(),
                    Some(ColumnFilter::Typed(_)) | None => Default::default(),
                };
                let mut changed = false;
                ui.allocate_ui(vec2(FIELD_WIDTH, 0.0), |ui| {
                    ui.set_width(FIELD_WIDTH);
                    ui.horizontal_wrapped(|ui| {
                        for word in words {
                            let label =
                                egui::RichText::new(*word).font(cx.tokens.fonts.label.clone());
                            let chip = ui.selectable_label(chosen.contains(word), label);
                            let chip =
                                chip.accessible_name(format!("Only {} {word}", column.title));
                            if chip.clicked() {
                                changed = true;
                                if !chosen.remove(word) {
                                    chosen.insert(word);
                                }
                            }
                        }
                    });
                });
                if changed {
                    self.set_filter(column, ColumnFilter::Chosen(chosen));
                }
            }
        }
    }

    fn error_ui(&self, ui: &mut Ui, cx: &UiCtx<'_>, column: &TableColumn) {
        if let Some(words) = self.filter_error(column.column_id) {
            text::label(ui, words, &cx.tokens.fonts.label, cx.tokens.warn);
        }
    }

    /// The menu of one column, at its header: with the right button, or with Shift+F10 while the header has the focus.
    fn header_menu_ui(&mut self, cx: &UiCtx<'_>, header: &Response, column_id: &'static str) {
        let Some(column) = self
            .columns
            .iter()
            .find(|column| column.column_id == column_id)
        else {
            return;
        };
        let mut popup = Popup::context_menu(header)
            .width(COLUMN_MENU_WIDTH)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
            .accessible_name(format!("Column {}", column.title));
        let was_open = Popup::is_id_open(&header.ctx, Popup::default_response_id(header));
        let shift_f10 = |input: &mut egui::InputState| {
            input.consume_key(egui::Modifiers::SHIFT, egui::Key::F10)
        };
        if header.has_focus() && header.ctx.input_mut(shift_f10) {
            popup = popup.open_memory(Some(egui::SetOpenCommand::Bool(true)));
            self.menu_by_key = Some(column_id);
            self.is_menu_focus_due = matches!(column.filter, FilterKind::Text | FilterKind::Number);
        } else if header.secondary_clicked() {
            self.menu_by_key = None;
        }
        if self.menu_by_key == Some(column_id) {
            // No pointer says where.
            popup = popup.at_position(header.rect.left_bottom());
            // The keyboard goes into the menu, to its field, as soon as that is there.
            if self.is_menu_focus_due {
                let field = field_id(&format!("Filter column {}", column.title));
                if header.ctx.read_response(field).is_some() {
                    self.is_menu_focus_due = false;
                    header.ctx.memory_mut(|memory| memory.request_focus(field));
                }
                header.ctx.request_repaint();
            }
        }
        popup.show(|ui| {
            ui.set_width(COLUMN_MENU_WIDTH);
            ui.spacing_mut().item_spacing.y = space::XS;
            let tokens = cx.tokens;
            text::label(ui, column.title, &tokens.fonts.strong, tokens.text_strong);
            self.filter_ui(ui, cx, column);
            self.error_ui(ui, cx, column);
            if self.header_actions_ui(ui, cx, column) {
                ui.close();
            }
        });
        give_focus_back(header, was_open);
    }

    /// Returns true when the menu has done its work.
    fn header_actions_ui(&mut self, ui: &mut Ui, cx: &UiCtx<'_>, column: &TableColumn) -> bool {
        let mut is_done = false;
        let item = |ui: &mut Ui, words: &str, reason: Option<&str>| {
            let name = format!("{words}: {}", column.title);
            let button = Button::quiet(words).name(&name).disabled_because(reason);
            button.ui(ui, cx).clicked() && reason.is_none()
        };
        if column.sortable {
            let sort = self.sort();
            for (words, to) in [
                (
                    "Sort ascending",
                    SortState::by(column.column_id, SortDir::Ascending),
                ),
                (
                    "Sort descending",
                    SortState::by(column.column_id, SortDir::Descending),
                ),
                ("No sort", SortState::NATURAL),
            ] {
                let reason = (sort == to).then_some("The rows are in this order.");
                if item(ui, words, reason) {
                    self.set_sort(to);
                    is_done = true;
                }
            }
        }
        let width = self
            .layout
            .width_of(column.column_id)
            .unwrap_or(column.ideal);
        if item(ui, "Wider", None) {
            self.set_width(column.column_id, Some(width + WIDTH_STEP));
        }
        if item(ui, "Narrower", None) {
            self.set_width(column.column_id, Some(width - WIDTH_STEP));
        }
        let fits = (self.layout.width_of(column.column_id).is_none()).then_some("It fits itself.");
        if item(ui, "Automatic width", fits) {
            self.set_width(column.column_id, None);
        }
        if column.pin == Pin::None {
            for (words, by) in [("Move left", -1), ("Move right", 1)] {
                if item(ui, words, None) {
                    self.layout.shift(self.columns, column.column_id, by);
                    self.arrange();
                }
            }
            if item(ui, "Hide", None) {
                self.layout.set_hidden(column, true);
                self.arrange();
                is_done = true;
            }
        }
        is_done
    }
}
