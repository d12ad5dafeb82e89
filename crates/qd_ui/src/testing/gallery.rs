//! Every widget on one page, with the sample values of the design's picture.
//!
//! Sample text only: nothing here comes from a store.

use egui::{Align, CentralPanel, Layout, Panel as Edge, Rect, Ui, UiBuilder, pos2, vec2};
use qd_types::Tone;

use crate::UiCtx;
use crate::badge::{Chip, badge_ui, counter_ui};
use crate::banner::Banner;
use crate::button::Button;
use crate::card::{MetricCard, StaleMark};
use crate::dialog::{Dialog, DialogOutcome, Warning};
use crate::field::text_field;
use crate::nav::{NavGroup, NavItem, nav_ui};
use crate::paint;
use crate::panel::Panel;
use crate::seal::Seal;
use crate::state_block::StateBlock;
use crate::table::{COMPACT_ROW_HEIGHT, CellUi, DataTable, FlashDir, SortDir, SortState, TableColumn, TableRows};
use crate::text;
use crate::toast::Toasts;
use crate::tokens::{size, space};

/// What the gallery remembers between frames.
#[derive(Clone, Debug)]
pub struct GalleryState {
    /// The chosen page of the navigation.
    pub page: u8,
    /// How the positions are sorted.
    pub sort: SortState,
    /// Keys of the selected positions.
    pub selected: Vec<u64>,
    /// The filter's text.
    pub filter: String,
    /// The position that is about to be closed.
    pub closing: Option<String>,
    /// The notes at the lower right.
    pub toasts: Toasts,
    /// Shows the parts that the dashboard itself does not: banners, stale cards, states.
    pub show_parts: bool,
}

impl Default for GalleryState {
    fn default() -> Self {
        Self {
            page: 0,
            sort: SortState::by("pl", SortDir::Descending),
            selected: vec![2],
            filter: String::new(),
            closing: None,
            toasts: Toasts::default(),
            show_parts: false,
        }
    }
}

/// One sample position: symbol, quantity, average, current, P&L, percent, value, tone.
type Sample = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, &'static str, Tone);

const POSITIONS: [Sample; 16] = [
    ("AAPL", "82", "229.52", "217.19", "−$1,011.08", "−5.37%", "$17,809.18", Tone::Loss),
    ("MSFT", "153", "241.19", "243.67", "+$379.69", "+1.03%", "$37,281.26", Tone::Gain),
    ("NVDA", "46", "315.72", "318.34", "+$120.19", "+0.83%", "$14,643.46", Tone::Gain),
    ("AMZN", "40", "443.18", "471.02", "+$1,113.43", "+6.28%", "$18,840.81", Tone::Gain),
    ("GOOG", "259", "78.68", "78.55", "−$32.72", "−0.16%", "$20,345.15", Tone::Loss),
    ("META", "317", "311.84", "331.77", "+$6,317.07", "+6.39%", "$105,171.55", Tone::Gain),
    ("TSLA", "−57", "40.11", "38.49", "+$92.22", "+4.03%", "−$2,194.16", Tone::Gain),
    ("JPM", "269", "51.09", "54.34", "+$874.39", "+6.36%", "$14,616.50", Tone::Gain),
    ("XOM", "127", "432.80", "448.46", "+$1,988.85", "+3.62%", "$56,954.42", Tone::Gain),
    ("UNH", "−250", "476.42", "469.14", "+$1,819.80", "+1.53%", "−$117,284.10", Tone::Gain),
    ("V", "340", "110.16", "115.39", "+$1,777.13", "+4.74%", "$39,232.78", Tone::Gain),
    ("MA", "283", "241.13", "230.77", "−$2,931.56", "−4.30%", "$65,307.10", Tone::Loss),
    ("HD", "−171", "367.52", "370.82", "−$565.26", "−0.90%", "−$63,411.02", Tone::Loss),
    ("PG", "88", "371.20", "371.20", "$0.00", "0.00%", "$32,665.60", Tone::Neutral),
    ("AMD", "60", "147.10", "147.67", "+$34.20", "+0.39%", "$8,860.20", Tone::Gain),
    ("BRK.B", "12", "489.00", "491.55", "+$30.60", "+0.52%", "$5,898.60", Tone::Gain),
];

const POSITION_COLUMNS: [TableColumn; 9] = [
    TableColumn::new("symbol", "Symbol", 58.0, 70.0).pin_left(),
    TableColumn::new("qty", "Qty", 46.0, 58.0).right(),
    TableColumn::new("avg", "Avg entry", 70.0, 84.0).right(),
    TableColumn::new("current", "Current", 62.0, 72.0).right(),
    TableColumn::new("pl", "P&L ($)", 98.0, 112.0).right(),
    TableColumn::new("plpc", "P&L (%)", 66.0, 76.0).right(),
    TableColumn::new("value", "Value", 102.0, 120.0).right(),
    TableColumn::new("today", "Today", 64.0, 94.0).center().unsortable(),
    TableColumn::new("close", "", 70.0, 74.0).pin_right().grow(0.0).right().unsortable(),
];

const ORDER_COLUMNS: [TableColumn; 8] = [
    TableColumn::new("symbol", "Symbol", 58.0, 78.0).pin_left(),
    TableColumn::new("side", "Side", 46.0, 60.0),
    TableColumn::new("filled", "Filled / qty", 74.0, 96.0).right(),
    TableColumn::new("type", "Type", 50.0, 60.0),
    TableColumn::new("price", "Price", 62.0, 76.0).right(),
    TableColumn::new("status", "Status", 150.0, 210.0),
    TableColumn::new("time", "Time", 96.0, 110.0).right(),
    TableColumn::new("cancel", "", 72.0, 80.0).pin_right().grow(0.0).right().unsortable(),
];

const ORDERS: [(&str, &str, &str, &str, &str, Tone, &str); 6] = [
    ("AAPL", "BUY", "0/300", "126.86", "working", Tone::Accent, "10:30:00.196"),
    ("NVDA", "SELL", "106/320", "106.98", "partly filled", Tone::Warn, "10:31:01.783"),
    ("GOOG", "BUY", "0/110", "297.21", "sent, not acknowledged", Tone::Info, "10:32:02.627"),
    ("TSLA", "SELL", "0/220", "197.45", "cancel sent: may still fill", Tone::Info, "10:33:03.465"),
    ("XOM", "SELL", "0/60", "302.75", "rejected", Tone::Danger, "10:34:04.119"),
    ("V", "SELL", "0/360", "210.53", "unknown: resolving", Tone::Warn, "10:35:05.820"),
];

const FILL_COLUMNS: [TableColumn; 6] = [
    TableColumn::new("time", "Time", 103.0, 106.0),
    TableColumn::new("symbol", "Symbol", 52.0, 54.0),
    TableColumn::new("side", "Side", 46.0, 48.0),
    TableColumn::new("qty", "Qty", 40.0, 44.0).right(),
    TableColumn::new("price", "Price", 60.0, 62.0).right(),
    TableColumn::new("status", "Status", 62.0, 64.0).right().grow(0.0),
];

const FILLS: [(&str, &str, &str, &str, &str); 11] = [
    ("10:39:31.629", "AAPL", "SELL", "400", "153.41"),
    ("10:39:24.997", "NVDA", "BUY", "70", "79.42"),
    ("10:38:59.285", "XOM", "BUY", "180", "314.52"),
    ("10:38:35.252", "PG", "SELL", "350", "371.71"),
    ("10:37:54.434", "AMD", "SELL", "60", "147.67"),
    ("10:37:14.375", "META", "SELL", "20", "272.05"),
    ("10:36:48.976", "XOM", "BUY", "150", "73.32"),
    ("10:36:10.447", "AMZN", "SELL", "360", "196.22"),
    ("10:35:12.639", "XOM", "BUY", "160", "378.34"),
    ("10:35:13.285", "META", "SELL", "130", "376.29"),
    ("10:34:28.556", "UNH", "BUY", "330", "285.26"),
];

const NAV: [NavGroup<'static, u8>; 3] = [
    NavGroup {
        title: "TRADE",
        items: &[
            NavItem { page: 0, label: "Dashboard", mark: None, disabled_because: None },
            NavItem { page: 1, label: "Order entry", mark: None, disabled_because: None },
            NavItem { page: 2, label: "Positions", mark: None, disabled_because: None },
            NavItem { page: 3, label: "Kill switch", mark: None, disabled_because: None },
            NavItem { page: 4, label: "Circuit breakers", mark: None, disabled_because: None },
        ],
    },
    NavGroup {
        title: "ANALYSE",
        items: &[
            NavItem { page: 5, label: "Performance", mark: None, disabled_because: None },
            NavItem { page: 6, label: "Risk", mark: None, disabled_because: None },
            NavItem { page: 7, label: "Backtests", mark: None, disabled_because: Some("Not built yet.") },
        ],
    },
    NavGroup {
        title: "OPERATE",
        items: &[
            NavItem { page: 8, label: "System health", mark: None, disabled_because: None },
            NavItem { page: 9, label: "Alerts", mark: Some(Tone::Warn), disabled_because: None },
            NavItem { page: 10, label: "Data", mark: None, disabled_because: None },
            NavItem { page: 11, label: "Audit log", mark: None, disabled_because: None },
            NavItem { page: 12, label: "Administration", mark: None, disabled_because: None },
        ],
    },
];

/// A wavy line that looks like a day, the same for the same seed.
fn spark(seed: usize) -> [f32; 24] {
    std::array::from_fn(|step| {
        let x = step as f32 * 0.9 + seed as f32 * 1.7;
        (0.5 + 0.28 * x.sin() + 0.2 * (x * 2.3).cos()).clamp(0.0, 1.0)
    })
}

struct Positions<'a> {
    state: &'a GalleryState,
    clicked: Option<String>,
}

impl TableRows for Positions<'_> {
    fn num_rows(&self) -> usize {
        POSITIONS.len()
    }

    fn row_key(&self, row: usize) -> u64 {
        row as u64
    }

    fn row_name(&self, row: usize) -> String {
        POSITIONS[row].0.to_owned()
    }

    fn row_summary(&self, row: usize) -> String {
        let (symbol, qty, avg, current, pl, plpc, value, _) = POSITIONS[row];
        format!("{symbol}, quantity {qty}, average {avg}, current {current}, P&L {pl} {plpc}, value {value}")
    }

    fn is_selected(&self, row: usize) -> bool {
        self.state.selected.contains(&(row as u64))
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let (symbol, qty, avg, current, pl, plpc, value, tone) = POSITIONS[row];
        match cell.column().column_id {
            "symbol" => cell.strong(symbol),
            "qty" => cell.number(qty),
            "avg" => cell.number(avg),
            "current" => match row {
                1 | 9 => {
                    cell.flash(FlashDir::Up, 0);
                    cell.number(current);
                }
                4 => {
                    cell.flash(FlashDir::Down, 0);
                    cell.number(current);
                }
                7 => cell.number_stale(current),
                _ => cell.number(current),
            },
            "pl" => cell.trend(pl, tone),
            "plpc" => cell.number_toned(plpc, tone),
            "value" => cell.number(value),
            "today" => cell.spark(&spark(row), tone),
            _ => {
                if cell.button("Close", &format!("Close {symbol}")).clicked() {
                    self.clicked = Some(symbol.to_owned());
                }
            }
        }
    }
}

fn side_tone(side: &str) -> Tone {
    if side == "BUY" { Tone::Gain } else { Tone::Loss }
}

struct Orders;

impl TableRows for Orders {
    fn num_rows(&self) -> usize {
        ORDERS.len()
    }

    fn row_key(&self, row: usize) -> u64 {
        row as u64
    }

    fn row_name(&self, row: usize) -> String {
        ORDERS[row].0.to_owned()
    }

    fn row_summary(&self, row: usize) -> String {
        let (symbol, side, filled, price, status, _, time) = ORDERS[row];
        format!("{symbol} {side} {filled} at {price}, {status}, {time}")
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let (symbol, side, filled, price, status, tone, time) = ORDERS[row];
        match cell.column().column_id {
            "symbol" => cell.strong(symbol),
            "side" => cell.toned(side, side_tone(side)),
            "filled" => cell.number(filled),
            "type" => cell.text("limit"),
            "price" => cell.number(price),
            "status" => cell.badge(status, tone),
            "time" => cell.number(time),
            _ => {
                cell.button("Cancel", &format!("Cancel {symbol}"));
            }
        }
    }
}

struct Fills;

impl TableRows for Fills {
    fn num_rows(&self) -> usize {
        FILLS.len()
    }

    fn row_key(&self, row: usize) -> u64 {
        row as u64
    }

    fn row_name(&self, row: usize) -> String {
        FILLS[row].1.to_owned()
    }

    fn row_summary(&self, row: usize) -> String {
        let (time, symbol, side, qty, price) = FILLS[row];
        format!("{time} {symbol} {side} {qty} at {price}, filled")
    }

    fn row_age_ms(&self, row: usize) -> Option<u32> {
        (row == 0).then_some(0)
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let (time, symbol, side, qty, price) = FILLS[row];
        match cell.column().column_id {
            "time" => cell.number_toned(time, Tone::Faint),
            "symbol" => cell.strong(symbol),
            "side" => cell.toned(side, side_tone(side)),
            "qty" => cell.number(qty),
            "price" => cell.number(price),
            _ => cell.badge("filled", Tone::Gain),
        }
    }
}

/// Draws the whole console with sample values into the root `ui`.
pub fn gallery_ui(ui: &mut Ui, cx: &UiCtx<'_>, state: &mut GalleryState) {
    let tokens = cx.tokens;
    Edge::top("gallery_header").exact_size(size::HEADER_HEIGHT).frame(paint::header_frame(tokens)).show(ui, |ui| header(ui, cx));
    Edge::bottom("gallery_footer").exact_size(size::FOOTER_HEIGHT).frame(paint::footer_frame(tokens)).show(ui, |ui| footer(ui, cx));
    if ui.available_width() > 700.0 {
        Edge::left("gallery_nav").exact_size(size::NAV_WIDTH).resizable(false).frame(paint::nav_frame(tokens)).show(ui, |ui| {
            if let Some(page) = nav_ui(ui, cx, &NAV, state.page) {
                state.page = page;
            }
        });
    }
    let mut page_rect = Rect::NOTHING;
    CentralPanel::no_frame().show(ui, |ui| {
        page_rect = ui.max_rect();
        if state.show_parts {
            banners(ui, cx);
        }
        paint::page_frame(tokens).show(ui, |ui| {
            cards(ui, cx, state.show_parts);
            ui.add_space(space::M - space::XS);
            if state.show_parts {
                parts(ui, cx, state);
            } else {
                tables(ui, cx, state);
            }
        });
    });
    close_dialog(ui, cx, state, page_rect);
    state.toasts.ui(ui.ctx(), cx);
}

fn header(ui: &mut Ui, cx: &UiCtx<'_>) {
    let tokens = cx.tokens;
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = space::M;
        Button::danger("Engage kill switch").height(29.0).ui(ui, cx);
        Chip::outline("alice · trader").ui(ui, cx);
        Chip::outline("Live · 4 ms").dot(Tone::Gain).ui(ui, cx);
        Chip::pill("TRADING ACTIVE", Tone::Gain).ui(ui, cx);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            text::label(ui, "Quarterdeck", &tokens.fonts.title, tokens.text_strong);
            ui.add_space((size::NAV_WIDTH - 14.0 - space::M - ui.min_rect().width()).max(0.0));
            Chip::tag("PAPER", Tone::Accent).ui(ui, cx);
            Chip::outline("NYSE open · closes in 05:21:44").ui(ui, cx);
            Chip::outline("10:38:16 New York · 14:38:16 UTC").ui(ui, cx);
        });
    });
}

fn footer(ui: &mut Ui, cx: &UiCtx<'_>) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = space::L;
        counter_ui(ui, cx, "snapshot #88,120 · age", "0.1 s", Tone::Neutral);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            for (label, value, tone) in [
                ("push", "412/s", Tone::Neutral),
                ("conflated", "388/s", Tone::Neutral),
                ("dropped", "0", Tone::Neutral),
                ("resyncs", "0", Tone::Neutral),
                ("publish→paint p50", "3.1 ms", Tone::Neutral),
                ("p99", "9.8 ms", Tone::Neutral),
                ("frame", "1.9 ms", Tone::Neutral),
            ] {
                counter_ui(ui, cx, label, value, tone);
            }
        });
    });
}

fn banners(ui: &mut Ui, cx: &UiCtx<'_>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    Banner::new(Tone::Danger, "Connection lost").detail("since 10:38:02. Numbers below are as of then; trying again in 3 s.").action("Retry now").ui(ui, cx);
    Banner::new(Tone::Warn, "Reduce only").detail("Breaker “daily loss” tripped at 10:31:44. Closing and cancelling still work.").ui(ui, cx);
    Banner::new(Tone::Info, "Read-only").detail("Your role may look, not trade.").ui(ui, cx);
}

fn cards(ui: &mut Ui, cx: &UiCtx<'_>, show_parts: bool) {
    let marks = if show_parts {
        [StaleMark::Fresh, StaleMark::Faded, StaleMark::Doubtful, StaleMark::Refresh, StaleMark::Fresh]
    } else {
        [StaleMark::Fresh; 5]
    };
    let sparks: [[f32; 24]; 5] = std::array::from_fn(spark);
    let waiting = (!show_parts).then_some("$312,904.00");
    let list = [
        MetricCard::new("Unrealized P&L", Some("+$12,481.36")).money(Tone::Gain).context("14 positions · marked 0.3 s ago"),
        MetricCard::new("Realized today", Some("−$1,204.10")).money(Tone::Loss).context("31 fills · fees $18.40"),
        MetricCard::new("Positions", Some("14")).context("11 long · 3 short"),
        MetricCard::new("Buying power", Some("$187,220.54")).context("margin used 38 %"),
        MetricCard::new("Exposure", waiting).context("net +$208k · gross 63 % of limit"),
    ];
    let columns = if ui.available_width() > 700.0 { list.len() } else { 2 };
    let width = (ui.available_width() - space::M * (columns as f32 - 1.0)) / columns as f32;
    let origin = ui.cursor().min;
    let mut rows = 0.0_f32;
    for (index, card) in list.into_iter().enumerate() {
        let (row, column) = ((index / columns) as f32, (index % columns) as f32);
        let min = pos2(origin.x + column * (width + space::M), origin.y + row * (size::CARD_HEIGHT + space::M));
        let rect = Rect::from_min_size(min, vec2(width, size::CARD_HEIGHT));
        let card = card.stale(marks[index]).spark(&sparks[index]);
        ui.scope_builder(UiBuilder::new().max_rect(rect).id_salt(index), |ui| card.ui(ui, cx));
        rows = rows.max(row + 1.0);
    }
    ui.advance_cursor_after_rect(Rect::from_min_size(origin, vec2(ui.available_width(), rows * (size::CARD_HEIGHT + space::M) - space::M)));
}

fn tables(ui: &mut Ui, cx: &UiCtx<'_>, state: &mut GalleryState) {
    let room = ui.available_rect_before_wrap();
    let side_width = if room.width() > 1000.0 { 380.0 } else { 0.0 };
    let main = room.with_max_x(room.right() - if side_width > 0.0 { side_width + space::M } else { 0.0 });
    let lower = main.with_min_y((main.bottom() - 232.0).max(main.top() + 120.0));
    let upper = main.with_max_y(lower.top() - space::M);

    ui.scope_builder(UiBuilder::new().max_rect(upper), |ui| positions(ui, cx, state));
    ui.scope_builder(UiBuilder::new().max_rect(lower), |ui| {
        Panel::new("Open orders").show(
            ui,
            cx,
            |ui| {
                text_field(ui, cx, &mut state.filter.clone(), "Filter…", "Filter orders", 170.0);
                Button::quiet("Cancel all").ui(ui, cx);
            },
            |ui| {
                Seal::Verified { seq: "9,117", at: "" }.ui(ui, cx);
            },
            |ui| {
                DataTable::new("Open orders", &ORDER_COLUMNS).row_height(COMPACT_ROW_HEIGHT - 1.0).show(ui, cx, &mut Orders);
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
                    text::label(ui, "last 20 of 31 today", &cx.tokens.fonts.label, cx.tokens.text_secondary);
                },
                |ui| {
                    DataTable::new("Activity", &FILL_COLUMNS).without_header().row_height(COMPACT_ROW_HEIGHT - 1.0).show(ui, cx, &mut Fills);
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
            text_field(ui, cx, &mut filter, "Filter symbol…", "Filter positions", 170.0);
            text::label(ui, &selected, &cx.tokens.fonts.body, cx.tokens.text_secondary);
            Button::quiet("Close selected").ui(ui, cx);
        },
        |ui| {
            Seal::Verified { seq: "18,402", at: "10:38:16.204" }.ui(ui, cx);
        },
        |ui| {
            let mut rows = Positions { state, clicked: None };
            let response = DataTable::new("Positions", &POSITION_COLUMNS).sort(state.sort).check_boxes().show(ui, cx, &mut rows);
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

fn parts(ui: &mut Ui, cx: &UiCtx<'_>, state: &mut GalleryState) {
    let room = ui.available_rect_before_wrap();
    let half = (room.width() - space::M) / 2.0;
    let third = (room.height() - space::M) / 2.0;
    let at = |column: f32, row: f32| {
        Rect::from_min_size(room.min + vec2(column * (half + space::M), row * (third + space::M)), vec2(half, third))
    };
    ui.scope_builder(UiBuilder::new().max_rect(at(0.0, 0.0)), |ui| {
        Panel::new("Words").show(
            ui,
            cx,
            |_| {},
            |ui| {
                Seal::Resyncing.ui(ui, cx);
            },
            |ui| words(ui, cx, state),
        );
    });
    ui.scope_builder(UiBuilder::new().max_rect(at(1.0, 0.0)), |ui| {
        Panel::new("Nothing yet").show(
            ui,
            cx,
            |_| {},
            |ui| {
                Seal::Waiting.ui(ui, cx);
            },
            |ui| StateBlock::empty("No positions", &["A position appears here with its first fill.", "12 are hidden by the filter."]).action("Clear filter").ui(ui, cx),
        );
    });
    ui.scope_builder(UiBuilder::new().max_rect(at(0.0, 1.0)), |ui| {
        Panel::new("Failed").show(
            ui,
            cx,
            |_| {},
            |ui| {
                Seal::Disconnected.ui(ui, cx);
            },
            |ui| {
                StateBlock::error("Order history could not be read", &["The gateway did not answer since 10:38:02.", "Positions and open orders are still live."])
                    .action("Retry")
                    .ui(ui, cx)
            },
        );
    });
    ui.scope_builder(UiBuilder::new().max_rect(at(1.0, 1.0)), |ui| {
        Panel::new("Narrow").show(
            ui,
            cx,
            |_| {},
            |ui| {
                Seal::Unverified.ui(ui, cx);
            },
            |ui| {
                ui.set_max_width(420.0);
                let mut rows = Positions { state, clicked: None };
                DataTable::new("Narrow positions", &POSITION_COLUMNS).sort(state.sort).check_boxes().show(ui, cx, &mut rows);
            },
        );
    });
}

fn words(ui: &mut Ui, cx: &UiCtx<'_>, state: &GalleryState) {
    egui::Frame::new().inner_margin(12).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            for (words, tone) in [
                ("draft", Tone::Faint),
                ("accepted", Tone::Info),
                ("working", Tone::Accent),
                ("partly filled", Tone::Warn),
                ("rejected", Tone::Danger),
                ("filled", Tone::Gain),
                ("sold", Tone::Loss),
                ("plain", Tone::Neutral),
            ] {
                badge_ui(ui, cx, words, tone);
            }
        });
        ui.add_space(space::S);
        ui.horizontal_wrapped(|ui| {
            Button::primary("Send order").ui(ui, cx);
            Button::new("Outline").ui(ui, cx);
            Button::quiet("Quiet").ui(ui, cx);
            Button::danger("Flatten all").ui(ui, cx);
            Button::new("Not now").disabled_because(Some("The market is closed.")).ui(ui, cx);
            let mut checked = !state.selected.is_empty();
            ui.checkbox(&mut checked, "Also cancel its orders");
        });
        ui.add_space(space::S);
        ui.horizontal_wrapped(|ui| {
            Chip::tag("LIVE", Tone::Danger).ui(ui, cx);
            Chip::pill("HALTED", Tone::Danger).ui(ui, cx);
            Chip::pill("REDUCE ONLY", Tone::Warn).ui(ui, cx);
            Chip::outline("Reconnecting · 3 s").dot(Tone::Warn).ui(ui, cx);
        });
    });
}

fn close_dialog(ui: &Ui, cx: &UiCtx<'_>, state: &mut GalleryState, page_rect: Rect) {
    let Some(symbol) = state.closing.clone() else {
        return;
    };
    let title = format!("Close {symbol}?");
    let confirm = format!("Close {symbol}");
    let dialog = Dialog::new(&title, &["Sells 82 at market, about $17,809.18.", "Position after: 0. Realizes about −$1,011.08."], &confirm)
        .danger()
        .over(page_rect)
        .warnings(&[
            Warning { tone: Tone::Warn, text: "One open order on the same symbol stays: cancel it separately." },
            Warning { tone: Tone::Danger, text: "The price is 42 s old." },
        ]);
    match dialog.show(ui.ctx(), cx, "gallery_close") {
        DialogOutcome::Open => {}
        DialogOutcome::Cancelled => state.closing = None,
        DialogOutcome::Confirmed => {
            state.closing = None;
            state.toasts.push(Tone::Info, format!("{symbol}: close sent"), cx.now_ms);
        }
    }
}
