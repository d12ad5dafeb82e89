//! The positions grid: one row per symbol, sorted, filtered and selected by its own view state.
//!
//! Order and filter are computed when rows, sort or filter change, not per frame; while the pointer is over the rows
//! their order is held, so that a click lands on the row that was aimed at.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

use egui::Ui;
use qd_state::{
    Cell, CommandPhase, CommandView, Direction, HoleReason, PositionRow, Seal, SealState,
};
use qd_types::{Permission, Symbol, Tone, fmt};
use qd_ui::field::text_field;
use qd_ui::panel::Panel;
use qd_ui::seal;
use qd_ui::state_block::StateBlock;
use qd_ui::table::{CellUi, DataTable, FlashDir, SortDir, SortState, TableColumn, TableRows};
use qd_ui::text;

use super::DashboardState;
use super::dialogs::OpenDialog;
use crate::PageCtx;

/// How long a new row slides in.
const NEW_FOR_MS: u32 = 600;

const COLUMNS: [TableColumn; 9] = [
    TableColumn::new("symbol", "Symbol", 58.0, 70.0).pin_left(),
    TableColumn::new("qty", "Qty", 46.0, 58.0).right(),
    TableColumn::new("avg", "Avg entry", 70.0, 84.0).right(),
    TableColumn::new("current", "Current", 62.0, 72.0).right(),
    TableColumn::new("pl", "P&L ($)", 98.0, 112.0).right(),
    TableColumn::new("plpc", "P&L (%)", 66.0, 76.0).right(),
    TableColumn::new("value", "Value", 102.0, 120.0).right(),
    TableColumn::new("today", "Today", 64.0, 94.0)
        .center()
        .unsortable(),
    TableColumn::new("close", "", 70.0, 74.0)
        .pin_right()
        .grow(0.0)
        .right()
        .unsortable(),
];

/// What the grid remembers between frames.
#[derive(Default)]
pub(crate) struct PositionsState {
    filter: String,
    sort: SortState,
    selected: BTreeSet<Symbol>,
    order: Option<Order>,
    is_held: bool,
}

/// The rows to show, in order, and what they were computed from.
struct Order {
    rows: Arc<[Arc<PositionRow>]>,
    filter: String,
    sort: SortState,
    indices: Vec<usize>,
}

/// A stable key for the table's widgets.
pub(crate) fn key_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The rows that pass the filter, in the order of the sort; equal rows keep the order of their symbols.
pub(crate) fn ordered(rows: &[Arc<PositionRow>], filter: &str, sort: SortState) -> Vec<usize> {
    let wanted = filter.trim().to_ascii_uppercase();
    let mut indices: Vec<usize> = (0..rows.len())
        .filter(|i| {
            rows.get(*i)
                .is_some_and(|row| row.symbol.as_str().contains(&wanted))
        })
        .collect();
    let Some((column_id, dir)) = sort.by else {
        return indices;
    };
    indices.sort_by(|left, right| {
        let (Some(left), Some(right)) = (rows.get(*left), rows.get(*right)) else {
            return std::cmp::Ordering::Equal;
        };
        let (l, r) = (&left.figures, &right.figures);
        let ordering = match column_id {
            "qty" => l.qty.cmp(&r.qty),
            "avg" => l.avg_entry_price.cmp(&r.avg_entry_price),
            "current" => l.current_price.cmp(&r.current_price),
            "pl" => l.unrealized_pl.cmp(&r.unrealized_pl),
            "plpc" => l.unrealized_plpc.cmp(&r.unrealized_plpc),
            "value" => l.market_value.cmp(&r.market_value),
            _ => left.symbol.cmp(&right.symbol),
        };
        match dir {
            SortDir::Ascending => ordering,
            SortDir::Descending => ordering.reverse(),
        }
    });
    indices
}

impl PositionsState {
    /// The order to show now: computed anew only when something it depends on changed.
    fn indices(&mut self, rows: &Arc<[Arc<PositionRow>]>) -> Vec<usize> {
        if let Some(order) = &self.order
            && order.filter == self.filter
            && order.sort == self.sort
        {
            if Arc::ptr_eq(&order.rows, rows) {
                return order.indices.clone();
            }
            if self.is_held {
                let held = held(&order.rows, &order.indices, rows, &self.filter);
                self.remember(rows, held.clone());
                return held;
            }
        }
        let indices = ordered(rows, &self.filter, self.sort);
        self.remember(rows, indices.clone());
        indices
    }

    fn remember(&mut self, rows: &Arc<[Arc<PositionRow>]>, indices: Vec<usize>) {
        self.order = Some(Order {
            rows: Arc::clone(rows),
            filter: self.filter.clone(),
            sort: self.sort,
            indices,
        });
    }
}

/// The order as it was, without the rows that left and with the new ones at the end.
fn held(
    before: &[Arc<PositionRow>],
    indices: &[usize],
    rows: &[Arc<PositionRow>],
    filter: &str,
) -> Vec<usize> {
    let position_of = |symbol: Symbol| rows.binary_search_by(|row| row.symbol.cmp(&symbol)).ok();
    let mut held: Vec<usize> = indices
        .iter()
        .filter_map(|i| before.get(*i))
        .filter_map(|row| position_of(row.symbol))
        .collect();
    let shown: BTreeSet<usize> = held.iter().copied().collect();
    held.extend(
        ordered(rows, filter, SortState::NATURAL)
            .into_iter()
            .filter(|i| !shown.contains(i)),
    );
    held
}

struct Rows<'a> {
    cx: &'a PageCtx<'a>,
    rows: &'a [Arc<PositionRow>],
    indices: &'a [usize],
    selected: &'a BTreeSet<Symbol>,
    refusal: Option<&'static str>,
    close_clicked: Option<Symbol>,
}

impl Rows<'_> {
    fn at(&self, row: usize) -> Option<&Arc<PositionRow>> {
        self.indices.get(row).and_then(|i| self.rows.get(*i))
    }
}

/// Paints a number with its last change behind it.
pub(crate) fn number_cell(cx: &PageCtx<'_>, cell: &CellUi<'_, '_>, value: &Cell) {
    if let Some(flash) = value.flash {
        let dir = match flash.direction {
            Direction::Up => FlashDir::Up,
            Direction::Down => FlashDir::Down,
        };
        cell.flash(dir, cx.short_age_ms(flash.at));
    }
    cell.number_toned(&value.text, value.tone);
}

/// The words of a command that needs a look at its row; absent while it is only on its way.
pub(crate) fn command_badge(command: &CommandView) -> Option<(String, Tone)> {
    match &command.phase {
        CommandPhase::InFlight => None,
        CommandPhase::Unknown { .. } => Some(("unknown: resolving".to_owned(), Tone::Warn)),
        CommandPhase::Failed { code, .. } => {
            Some((format!("refused: {}", code.replace('_', " ")), Tone::Danger))
        }
    }
}

/// Why the row's button is off because of its command; absent when another press makes sense.
pub(crate) fn command_refusal(command: Option<&Arc<CommandView>>) -> Option<&'static str> {
    match command.map(|command| &command.phase) {
        Some(CommandPhase::InFlight) => Some("Sent: waiting for the answer."),
        Some(CommandPhase::Unknown { .. }) => Some("No answer came; being resolved by its id."),
        Some(CommandPhase::Failed { .. }) | None => None,
    }
}

/// Draws the seal of a table, with what it knows behind it on hover.
pub(crate) fn seal_ui(ui: &mut Ui, cx: &PageCtx<'_>, seal: &Seal) {
    let (seq, at);
    let shown = match &seal.state {
        SealState::Loading => seal::Seal::Waiting,
        SealState::Verified { pos, at: proven_at } => {
            seq = fmt::count(pos.seq.0);
            at = fmt::time_millis(
                proven_at.plus_micros(cx.snapshot.clock_offset_micros.unwrap_or(0)),
                cx.snapshot.zone,
            );
            seal::Seal::Verified { seq: &seq, at: &at }
        }
        SealState::Resyncing { .. } => seal::Seal::Resyncing,
        SealState::Unverified { .. } => seal::Seal::Unverified,
    };
    let mut meaning = match &seal.state {
        SealState::Loading => "Nothing has arrived yet".to_owned(),
        SealState::Verified { pos, .. } => {
            format!(
                "Everything up to number {} of run {} is here",
                fmt::count(pos.seq.0),
                pos.epoch
            )
        }
        SealState::Resyncing { since, reason } => {
            format!(
                "Resyncing for {}: {}",
                fmt::age(cx.age_ms(*since)),
                hole_words(*reason)
            )
        }
        SealState::Unverified { .. } => "The producer does not number its messages".to_owned(),
    };
    if let Some((count, at)) = seal.last_skipped {
        write!(
            meaning,
            "\n{} older states were left out {} ago",
            fmt::count(count),
            fmt::age(cx.age_ms(at))
        )
        .ok();
    }
    for range in seal.missing.iter() {
        let to = range.to.map_or_else(
            || "an unknown number".to_owned(),
            |to| format!("#{}", fmt::count(to.0)),
        );
        write!(
            meaning,
            "\nNever seen: #{} to {to} of run {}",
            fmt::count(range.from.0),
            range.epoch
        )
        .ok();
    }
    shown.ui(ui, &cx.ui).on_hover_text(meaning);
}

/// Why a table is being fetched again.
fn hole_words(reason: HoleReason) -> &'static str {
    match reason {
        HoleReason::NumberJumped => "a number was jumped",
        HoleReason::Gone => "the server no longer has what is missing, so everything is read anew",
        HoleReason::RefetchAsked => "the picture was too large for one message, so it is read anew",
        HoleReason::QueueDropped => "this console could not keep up and dropped a message",
        HoleReason::Unreadable => "a message could not be read",
        HoleReason::OtherEpoch => "the publisher started a new run of numbers",
        HoleReason::BeatAhead => "the server is further, and nothing came",
        HoleReason::Disconnected => "the connection was lost",
        HoleReason::Silent => "the server has been silent for too long",
        HoleReason::NotProven => "not yet proven to be the newest",
    }
}

impl TableRows for Rows<'_> {
    fn num_rows(&self) -> usize {
        self.indices.len()
    }

    fn row_key(&self, row: usize) -> u64 {
        self.at(row).map_or(0, |row| key_of(row.symbol))
    }

    fn row_name(&self, row: usize) -> String {
        self.at(row)
            .map(|row| row.symbol.to_string())
            .unwrap_or_default()
    }

    fn row_summary(&self, row: usize) -> String {
        let Some(row) = self.at(row) else {
            return String::new();
        };
        let mut summary = format!(
            "{}, quantity {}, average {}, current {}, P&L {} {}, value {}",
            row.symbol,
            row.qty.text,
            row.avg_entry.text,
            row.current.text,
            row.pl.text,
            row.pl_percent.text,
            row.value.text
        );
        if let Some((words, _)) = row.command.as_deref().and_then(command_badge) {
            write!(summary, ", {words}").ok();
        }
        summary
    }

    fn is_selected(&self, row: usize) -> bool {
        self.at(row)
            .is_some_and(|row| self.selected.contains(&row.symbol))
    }

    fn row_age_ms(&self, row: usize) -> Option<u32> {
        let age = self.cx.short_age_ms(self.at(row)?.appeared_at);
        (age < NEW_FOR_MS).then_some(age)
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let Some(row) = self.at(row).map(Arc::clone) else {
            return;
        };
        match cell.column().column_id {
            "symbol" => cell.strong(row.symbol.as_str()),
            "qty" => number_cell(self.cx, cell, &row.qty),
            "avg" => cell.number(&row.avg_entry.text),
            "current" if row.price_is_stale => cell.number_stale(&row.current.text),
            "current" => number_cell(self.cx, cell, &row.current),
            "pl" => cell.trend(&row.pl.text, row.pl.tone),
            "plpc" => cell.number_toned(&row.pl_percent.text, row.pl_percent.tone),
            "value" => cell.number(&row.value.text),
            // An error belongs where its row is; the day's line gives it its place.
            "today" => match row.command.as_deref().and_then(command_badge) {
                Some((words, tone)) => cell.badge(&words, tone),
                None => cell.spark(&row.day_line, row.pl.tone),
            },
            _ => {
                let reason = self
                    .refusal
                    .or_else(|| command_refusal(row.command.as_ref()));
                let name = format!("Close {}", row.symbol);
                let response = cell.button_unless("Close", &name, reason);
                let response = match row.command.as_deref().map(|command| &command.phase) {
                    Some(
                        CommandPhase::Failed { detail, .. } | CommandPhase::Unknown { detail },
                    ) => response.on_hover_text(&**detail),
                    _ => response,
                };
                if response.clicked() && reason.is_none() {
                    self.close_clicked = Some(row.symbol);
                }
            }
        }
    }
}

/// Draws the panel.
pub(crate) fn positions_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DashboardState) {
    let view = &cx.snapshot.positions;
    let positions = &mut state.positions;
    positions.selected.retain(|symbol| {
        view.rows
            .binary_search_by(|row| row.symbol.cmp(symbol))
            .is_ok()
    });
    let indices = positions.indices(&view.rows);
    let num_hidden = view.rows.len() - indices.len().min(view.rows.len());
    let mut filter = std::mem::take(&mut positions.filter);
    let mut rows = Rows {
        cx,
        rows: &view.rows,
        indices: &indices,
        selected: &positions.selected,
        refusal: cx.refusal(Permission::PositionsClose),
        close_clicked: None,
    };
    let mut clear_filter = false;
    let response = Panel::new("Positions").show(
        ui,
        &cx.ui,
        |ui| {
            let width = (ui.available_width() - 120.0).clamp(80.0, 170.0);
            text_field(
                ui,
                &cx.ui,
                &mut filter,
                "Filter symbol…",
                "Filter positions",
                width,
            );
            let tokens = cx.ui.tokens;
            let num_selected = positions.selected.len();
            let words = match (num_hidden, num_selected) {
                (0, 0) => String::new(),
                (0, selected) => format!("{selected} selected"),
                (hidden, 0) => format!("{hidden} hidden by filter"),
                (hidden, selected) => format!("{selected} selected · {hidden} hidden by filter"),
            };
            if !words.is_empty() {
                text::label(ui, &words, &tokens.fonts.body, tokens.text_secondary);
            }
        },
        |ui| seal_ui(ui, cx, &view.seal),
        |ui| {
            if indices.is_empty() && view.is_loaded {
                if num_hidden > 0 {
                    let line = format!("{num_hidden} hidden by the filter.");
                    clear_filter = StateBlock::empty("No match", &[&line])
                        .action("Clear filter")
                        .ui(ui, &cx.ui);
                } else {
                    StateBlock::empty(
                        "No positions",
                        &["A position appears here with its first fill."],
                    )
                    .ui(ui, &cx.ui);
                }
                return None;
            }
            let table = DataTable::new("Positions", &COLUMNS)
                .sort(positions.sort)
                .check_boxes();
            Some(table.show(ui, &cx.ui, &mut rows))
        },
    );
    let close_clicked = rows.close_clicked;
    if clear_filter {
        filter.clear();
    }
    positions.filter = filter;
    if let Some(response) = response {
        positions.is_held = response.body_hovered;
        if let Some(sort) = response.sort_requested {
            positions.sort = sort;
        }
        let symbol_at = |row: usize| {
            indices
                .get(row)
                .and_then(|i| view.rows.get(*i))
                .map(|row| row.symbol)
        };
        let toggled = response
            .row_toggled
            .or_else(|| response.row_clicked.map(|(row, _)| row));
        if let Some(symbol) = toggled.and_then(symbol_at)
            && !positions.selected.remove(&symbol)
        {
            positions.selected.insert(symbol);
        }
        if response.all_toggled {
            let all: BTreeSet<Symbol> = (0..indices.len()).filter_map(symbol_at).collect();
            positions.selected = if all.is_subset(&positions.selected) {
                BTreeSet::new()
            } else {
                all
            };
        }
    }
    if let Some(symbol) = close_clicked
        && let Some(row) = view.rows.iter().find(|row| row.symbol == symbol)
    {
        state.dialog = Some(OpenDialog::close(cx, row));
    }
}
