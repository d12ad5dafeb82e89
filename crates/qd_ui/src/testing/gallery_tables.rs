//! The three tables of the gallery: positions, open orders, activity.
//!
//! Sample text only, one row per line and one cell per bar.

use egui::{Ui, UiBuilder};
use qd_types::Tone;

use super::GalleryState;
use crate::UiCtx;
use crate::button::Button;
use crate::field::text_field;
use crate::panel::Panel;
use crate::seal::{Seal, SealLook};
use crate::table::{COMPACT_ROW_HEIGHT, CellUi, DataTable, FlashDir, TableColumn, TableRows};
use crate::text;
use crate::tokens::space;

const POSITIONS: &str = "\
AAPL|82|229.52|217.19|−$1,011.08|−5.37%|$17,809.18
MSFT|153|241.19|243.67|+$379.69|+1.03%|$37,281.26
NVDA|46|315.72|318.34|+$120.19|+0.83%|$14,643.46
AMZN|40|443.18|471.02|+$1,113.43|+6.28%|$18,840.81
GOOG|259|78.68|78.55|−$32.72|−0.16%|$20,345.15
META|317|311.84|331.77|+$6,317.07|+6.39%|$105,171.55
TSLA|−57|40.11|38.49|+$92.22|+4.03%|−$2,194.16
JPM|269|51.09|54.34|+$874.39|+6.36%|$14,616.50
XOM|127|432.80|448.46|+$1,988.85|+3.62%|$56,954.42
UNH|−250|476.42|469.14|+$1,819.80|+1.53%|−$117,284.10
V|340|110.16|115.39|+$1,777.13|+4.74%|$39,232.78
MA|283|241.13|230.77|−$2,931.56|−4.30%|$65,307.10
HD|−171|367.52|370.82|−$565.26|−0.90%|−$63,411.02
PG|88|371.20|371.20|$0.00|0.00%|$32,665.60
AMD|60|147.10|147.67|+$34.20|+0.39%|$8,860.20
BRK.B|12|489.00|491.55|+$30.60|+0.52%|$5,898.60";

const ORDERS: &str = "\
AAPL|BUY|0/300|limit|126.86|working|10:30:00.196
NVDA|SELL|106/320|limit|106.98|partly filled|10:31:01.783
GOOG|BUY|0/110|limit|297.21|sent, not acknowledged|10:32:02.627
TSLA|SELL|0/220|limit|197.45|cancel sent: may still fill|10:33:03.465
XOM|SELL|0/60|limit|302.75|rejected|10:34:04.119
V|SELL|0/360|limit|210.53|unknown: resolving|10:35:05.820";

const FILLS: &str = "\
10:39:31.629|AAPL|SELL|400|153.41
10:39:24.997|NVDA|BUY|70|79.42
10:38:59.285|XOM|BUY|180|314.52
10:38:35.252|PG|SELL|350|371.71
10:37:54.434|AMD|SELL|60|147.67
10:37:14.375|META|SELL|20|272.05
10:36:48.976|XOM|BUY|150|73.32
10:36:10.447|AMZN|SELL|360|196.22
10:35:12.639|XOM|BUY|160|378.34
10:35:13.285|META|SELL|130|376.29
10:34:28.556|UNH|BUY|330|285.26";

pub(super) const POSITION_COLUMNS: [TableColumn; 9] = [
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

const ORDER_COLUMNS: [TableColumn; 8] = [
    TableColumn::new("symbol", "Symbol", 58.0, 78.0).pin_left(),
    TableColumn::new("side", "Side", 46.0, 60.0),
    TableColumn::new("filled", "Filled / qty", 74.0, 96.0).right(),
    TableColumn::new("type", "Type", 50.0, 60.0),
    TableColumn::new("price", "Price", 62.0, 76.0).right(),
    TableColumn::new("status", "Status", 150.0, 210.0),
    TableColumn::new("time", "Time", 96.0, 110.0).right(),
    TableColumn::new("cancel", "", 72.0, 80.0)
        .pin_right()
        .grow(0.0)
        .right()
        .unsortable(),
];

const FILL_COLUMNS: [TableColumn; 6] = [
    TableColumn::new("time", "Time", 103.0, 106.0),
    TableColumn::new("symbol", "Symbol", 52.0, 54.0),
    TableColumn::new("side", "Side", 46.0, 48.0),
    TableColumn::new("qty", "Qty", 40.0, 44.0).right(),
    TableColumn::new("price", "Price", 60.0, 62.0).right(),
    TableColumn::new("status", "Status", 62.0, 64.0)
        .right()
        .grow(0.0),
];

/// One cell of a sample; empty past its end.
fn sample(rows: &'static str, row: usize, cell: usize) -> &'static str {
    rows.lines()
        .nth(row)
        .and_then(|line| line.split('|').nth(cell))
        .unwrap_or_default()
}

fn side_tone(side: &str) -> Tone {
    if side == "BUY" {
        Tone::Gain
    } else {
        Tone::Loss
    }
}

fn money_tone(money: &str) -> Tone {
    match money.chars().next() {
        Some('+') => Tone::Gain,
        Some('−') => Tone::Loss,
        _ => Tone::Neutral,
    }
}

fn status_tone(status: &str) -> Tone {
    match status {
        "working" => Tone::Accent,
        "partly filled" | "unknown: resolving" => Tone::Warn,
        "rejected" => Tone::Danger,
        _ => Tone::Info,
    }
}

/// A wavy line that looks like a day, the same for the same seed.
pub(super) fn spark(seed: usize) -> [f32; 24] {
    std::array::from_fn(|step| {
        let x = step as f32 * 0.9 + seed as f32 * 1.7;
        (0.5 + 0.28 * x.sin() + 0.2 * (x * 2.3).cos()).clamp(0.0, 1.0)
    })
}

pub(super) struct Positions<'a> {
    pub(super) state: &'a GalleryState,
    pub(super) clicked: Option<String>,
}

impl TableRows for Positions<'_> {
    fn num_rows(&self) -> usize {
        POSITIONS.lines().count()
    }

    fn row_key(&self, row: usize) -> u64 {
        row as u64
    }

    fn row_name(&self, row: usize) -> String {
        sample(POSITIONS, row, 0).to_owned()
    }

    fn row_summary(&self, row: usize) -> String {
        let cell = |index| sample(POSITIONS, row, index);
        format!(
            "{}, quantity {}, current {}, P&L {}",
            cell(0),
            cell(1),
            cell(3),
            cell(4)
        )
    }

    fn is_selected(&self, row: usize) -> bool {
        self.state.selected.contains(&(row as u64))
    }

    fn num_selected(&self) -> usize {
        self.state.selected.len()
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let words = |index| sample(POSITIONS, row, index);
        let tone = money_tone(words(4));
        match cell.column().column_id {
            "symbol" => cell.strong(words(0)),
            "qty" => cell.number(words(1)),
            "avg" => cell.number(words(2)),
            "current" if row == 7 => cell.number_stale(words(3)),
            "current" => {
                match row {
                    1 | 9 => cell.flash(FlashDir::Up, 0),
                    4 => cell.flash(FlashDir::Down, 0),
                    _ => {}
                }
                cell.number(words(3));
            }
            "pl" => cell.trend(words(4), tone),
            "plpc" => cell.number_toned(words(5), tone),
            "value" => cell.number(words(6)),
            "today" => cell.spark(&spark(row), tone),
            _ => {
                if cell
                    .button("Close", &format!("Close {}", words(0)))
                    .clicked()
                {
                    self.clicked = Some(words(0).to_owned());
                }
            }
        }
    }
}

struct Orders;

impl TableRows for Orders {
    fn num_rows(&self) -> usize {
        ORDERS.lines().count()
    }

    fn row_key(&self, row: usize) -> u64 {
        row as u64
    }

    fn row_name(&self, row: usize) -> String {
        sample(ORDERS, row, 0).to_owned()
    }

    fn row_summary(&self, row: usize) -> String {
        ORDERS
            .lines()
            .nth(row)
            .unwrap_or_default()
            .replace('|', " ")
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let words = |index| sample(ORDERS, row, index);
        match cell.column().column_id {
            "symbol" => cell.strong(words(0)),
            "side" => cell.toned(words(1), side_tone(words(1))),
            "filled" => cell.number(words(2)),
            "type" => cell.text(words(3)),
            "price" => cell.number(words(4)),
            "status" => cell.badge(words(5), status_tone(words(5))),
            "time" => cell.number(words(6)),
            _ => {
                cell.button("Cancel", &format!("Cancel {}", words(0)));
            }
        }
    }
}

struct Fills;

impl TableRows for Fills {
    fn num_rows(&self) -> usize {
        FILLS.lines().count()
    }

    fn row_key(&self, row: usize) -> u64 {
        row as u64
    }

    fn row_name(&self, row: usize) -> String {
        sample(FILLS, row, 1).to_owned()
    }

    fn row_summary(&self, row: usize) -> String {
        FILLS.lines().nth(row).unwrap_or_default().replace('|', " ")
    }

    fn row_age_ms(&self, row: usize) -> Option<u32> {
        (row == 0).then_some(0)
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let words = |index| sample(FILLS, row, index);
        match cell.column().column_id {
            "time" => cell.number_toned(words(0), Tone::Faint),
            "symbol" => cell.strong(words(1)),
            "side" => cell.toned(words(2), side_tone(words(2))),
            "qty" => cell.number(words(3)),
            "price" => cell.number(words(4)),
            _ => cell.badge("filled", Tone::Gain),
        }
    }
}

pub(super) fn tables(ui: &mut Ui, cx: &UiCtx<'_>, state: &mut GalleryState) {
    let room = ui.available_rect_before_wrap();
    let side_width = if room.width() > 1000.0 { 380.0 } else { 0.0 };
    let main = room.with_max_x(
        room.right()
            - if side_width > 0.0 {
                side_width + space::M
            } else {
                0.0
            },
    );
    let lower = main.with_min_y((main.bottom() - 232.0).max(main.top() + 120.0));
    let upper = main.with_max_y(lower.top() - space::M);

    ui.scope_builder(UiBuilder::new().max_rect(upper), |ui| {
        positions(ui, cx, state);
    });
    ui.scope_builder(UiBuilder::new().max_rect(lower), |ui| {
        Panel::new("Open orders").show(
            ui,
            cx,
            |ui| {
                text_field(
                    ui,
                    cx,
                    &mut state.filter.clone(),
                    "Filter…",
                    "Filter orders",
                    170.0,
                );
                Button::quiet("Cancel all").ui(ui, cx);
            },
            |ui| {
                Seal::new(SealLook::Verified, "✓ verified to #9,117").ui(ui, cx);
            },
            |ui| {
                DataTable::new("Open orders", &ORDER_COLUMNS)
                    .row_height(COMPACT_ROW_HEIGHT - 1.0)
                    .show(ui, cx, &mut Orders);
            },
        );
    });
    if side_width > 0.0 {
        let side = room.with_min_x(room.right() - side_width);
        ui.scope_builder(UiBuilder::new().max_rect(side), |ui| {
            Panel::new("Activity").show(
                ui,
                cx,
                |_| {},
                |ui| {
                    text::label(
                        ui,
                        "last 20 of 31 today",
                        &cx.tokens.fonts.label,
                        cx.tokens.text_secondary,
                    );
                },
                |ui| {
                    DataTable::new("Activity", &FILL_COLUMNS)
                        .without_header()
                        .row_height(COMPACT_ROW_HEIGHT - 1.0)
                        .show(ui, cx, &mut Fills);
                },
            );
        });
    }
}

fn positions(ui: &mut Ui, cx: &UiCtx<'_>, state: &mut GalleryState) {
    let selected = format!("{} selected", state.selected.len());
    let mut filter = std::mem::take(&mut state.filter);
    let (response, clicked) = Panel::new("Positions").show(
        ui,
        cx,
        |ui| {
            text_field(
                ui,
                cx,
                &mut filter,
                "Filter symbol…",
                "Filter positions",
                170.0,
            );
            text::label(
                ui,
                &selected,
                &cx.tokens.fonts.body,
                cx.tokens.text_secondary,
            );
            Button::quiet("Close selected").ui(ui, cx);
        },
        |ui| {
            Seal::new(SealLook::Verified, "✓ verified to #18,402 · 10:38:16.204").ui(ui, cx);
        },
        |ui| {
            let mut rows = Positions {
                state,
                clicked: None,
            };
            let response = DataTable::new("Positions", &POSITION_COLUMNS)
                .sort(state.sort)
                .check_boxes()
                .show(ui, cx, &mut rows);
            (response, rows.clicked)
        },
    );
    state.filter = filter;
    if let Some(sort) = response.sort_requested {
        state.sort = sort;
    }
    if let Some(row) = response.row_toggled {
        let key = row as u64;
        if state.selected.contains(&key) {
            state.selected.retain(|selected| *selected != key);
        } else {
            state.selected.push(key);
        }
    }
    if clicked.is_some() {
        state.closing = clicked;
    }
}
