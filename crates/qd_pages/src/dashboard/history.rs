//! The whole history: every fill and end of today, newest first, page behind page.
//!
//! Asked for while it is open, one page per wish; what happens meanwhile comes in at the top by itself.

use std::sync::Arc;

use egui::{Align, Context, Id, Layout, Rect, Ui, UiBuilder, vec2};
use qd_state::{AskPhase, HistoryEnd, HistoryView, PageAsk};
use qd_types::{Order, fmt};
use qd_ui::button::Button;
use qd_ui::sheet::Sheet;
use qd_ui::state_block::StateBlock;
use qd_ui::table::TableColumn;
use qd_ui::table::view::TableView;
use qd_ui::text;
use qd_ui::tokens::space;

use super::activity::{ActivityTable, lines_ui};
use crate::{Command, PageCtx};

const WIDTH: f32 = 860.0;
const HEIGHT: f32 = 620.0;
const FOOTER_HEIGHT: f32 = 40.0;

const COLUMNS: [TableColumn; 8] = [
    TableColumn::new("time", "Time", 104.0, 106.0)
        .grow(0.0)
        .unsortable(),
    TableColumn::new("symbol", "Symbol", 58.0, 64.0).unsortable(),
    TableColumn::new("side", "Side", 50.0, 50.0).unsortable(),
    TableColumn::new("qty", "Qty", 58.0, 64.0)
        .right()
        .unsortable(),
    TableColumn::new("price", "Price", 80.0, 84.0)
        .right()
        .unsortable(),
    TableColumn::new("realized", "Realized", 92.0, 100.0)
        .right()
        .unsortable(),
    TableColumn::new("strategy", "Strategy", 80.0, 110.0).unsortable(),
    TableColumn::new("status", "Status", 110.0, 120.0)
        .right()
        .unsortable(),
];

/// The list as nobody has touched it.
pub(super) fn table() -> TableView<ActivityTable> {
    TableView::new(&COLUMNS)
}

/// What the user did in this frame.
pub(super) struct HistoryResponse {
    /// The story of this order is wanted, and the control that asked for it.
    pub(super) detail: Option<(Arc<Order>, Option<Id>)>,
    /// The user is done with it.
    pub(super) closed: bool,
}

/// Draws the sheet.
pub(super) fn sheet_ui(
    ctx: &Context,
    cx: &PageCtx<'_>,
    table: &mut TableView<ActivityTable>,
    page_rect: Rect,
) -> HistoryResponse {
    let view = cx.snapshot.history.as_deref();
    let note = view.map_or("", |view| &*view.text);
    let response = Sheet::new("History", vec2(WIDTH, HEIGHT))
        .note(note)
        .over(page_rect)
        .show(ctx, &cx.ui, "history", |ui| {
            if let Some(view) = view {
                return content_ui(ui, cx, table, view);
            }
            // Somebody else signed in, or the wish got lost on the way.
            let lines = ["Nothing is here yet."];
            let block = StateBlock::empty("Asking for the history", &lines);
            let pressed = block.action("Ask again").ui(ui, &cx.ui);
            ask_when(cx, pressed, PageAsk::History);
            None
        });
    HistoryResponse {
        detail: response.inner,
        closed: response.closed,
    }
}

fn ask_when(cx: &PageCtx<'_>, is_wanted: bool, ask: PageAsk) {
    if is_wanted {
        cx.commands.send(Command::AskForPage(ask));
    }
}

fn content_ui(
    ui: &mut Ui,
    cx: &PageCtx<'_>,
    table: &mut TableView<ActivityTable>,
    view: &HistoryView,
) -> Option<(Arc<Order>, Option<Id>)> {
    if view.rows.is_empty() {
        match &view.phase {
            AskPhase::Loading => {
                StateBlock::empty("Loading the history", &["The newest page is on its way."])
                    .ui(ui, &cx.ui);
            }
            AskPhase::Failed { detail } => {
                let lines = [&**detail, "The list on the dashboard goes on."];
                let block = StateBlock::error("The history could not be loaded", &lines);
                ask_when(cx, block.action("Retry").ui(ui, &cx.ui), PageAsk::History);
            }
            AskPhase::Loaded | AskPhase::NotFound => {
                StateBlock::empty(
                    "Nothing yet today",
                    &["Fills and finished orders appear here, newest on top."],
                )
                .ui(ui, &cx.ui);
            }
        }
        return None;
    }
    let room = ui.available_rect_before_wrap();
    let table_rect = room.with_max_y(room.bottom() - FOOTER_HEIGHT);
    let wanted = ui
        .scope_builder(UiBuilder::new().max_rect(table_rect), |ui| {
            lines_ui(ui, cx, "History", table, &view.rows)
        })
        .inner;
    let footer = room
        .with_min_y(table_rect.bottom())
        .shrink2(vec2(space::M, 0.0));
    let mut footer_ui = ui.new_child(
        UiBuilder::new()
            .max_rect(footer)
            .id_salt("footer")
            .layout(Layout::left_to_right(Align::Center)),
    );
    footer_ui.spacing_mut().item_spacing.x = space::M;
    footer_ui_of(&mut footer_ui, cx, view);
    wanted
}

/// What is behind the last row, and how to get there.
fn footer_ui_of(ui: &mut Ui, cx: &PageCtx<'_>, view: &HistoryView) {
    let tokens = cx.ui.tokens;
    let words = |ui: &mut Ui, words: &str, color| {
        text::label(ui, words, &tokens.fonts.body, color);
    };
    if view.is_outdated {
        let pressed = Button::new("Load anew").ui(ui, &cx.ui).clicked();
        ask_when(cx, pressed, PageAsk::History);
        let why = match &view.phase {
            AskPhase::Failed { detail } => &**detail,
            _ => "The connection had a gap since this was opened: something may be missing.",
        };
        return words(ui, why, tokens.warn);
    }
    match (&view.phase, view.end) {
        (AskPhase::Loading, _) => {
            Button::new("Load older")
                .disabled_because(Some("The next page is on its way."))
                .ui(ui, &cx.ui);
            words(ui, "Loading\u{2026}", tokens.text_secondary);
        }
        (AskPhase::Failed { detail }, _) => {
            let pressed = Button::new("Retry").ui(ui, &cx.ui).clicked();
            ask_when(cx, pressed, PageAsk::OlderHistory);
            let why = format!("Older ones could not be loaded: {detail}");
            words(ui, &why, tokens.danger);
        }
        (_, HistoryEnd::More) => {
            let pressed = Button::new("Load older").ui(ui, &cx.ui).clicked();
            ask_when(cx, pressed, PageAsk::OlderHistory);
        }
        (_, HistoryEnd::All) if view.num_today as u64 >= view.total_today => {
            words(ui, "That is all of today.", tokens.text_secondary);
        }
        (_, HistoryEnd::All) => {
            let missing = view.total_today - view.num_today as u64;
            let all = format!(
                "The server keeps no older ones: {} of today are not shown.",
                fmt::count(missing)
            );
            words(ui, &all, tokens.text_secondary);
        }
        (_, HistoryEnd::Full) => {
            let full = "This console shows no more at once; older ones are on the server.";
            words(ui, full, tokens.text_secondary);
        }
    }
}
