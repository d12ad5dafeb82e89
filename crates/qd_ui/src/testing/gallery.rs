//! Every widget on one page, with the sample values of the design's picture.
//!
//! Sample text only: nothing here comes from a store.

use egui::{Align, CentralPanel, Layout, Panel as Edge, Rect, Ui, UiBuilder, pos2, vec2};
use qd_types::Tone;

use super::gallery_parts::{banners, parts};
use super::gallery_tables::{spark, tables};
use crate::UiCtx;
use crate::badge::{Chip, counter_ui};
use crate::button::Button;
use crate::card::{MetricCard, StaleMark};
use crate::dialog::{Dialog, DialogOutcome, Warning};
use crate::nav::{NavGroup, NavItem, nav_ui};
use crate::paint;
use crate::table::{SortDir, SortState};
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

fn item(page: u8, label: &'static str) -> NavItem<'static, u8> {
    NavItem::new(page, label)
}

fn navigation(ui: &mut Ui, cx: &UiCtx<'_>, current: u8) -> Option<u8> {
    let trade = [
        item(0, "Dashboard"),
        item(1, "Order entry"),
        item(2, "Positions"),
        item(3, "Kill switch"),
        item(4, "Circuit breakers"),
    ];
    let analyze = [
        item(5, "Performance"),
        item(6, "Risk"),
        NavItem::disabled(7, "Backtests", "Not built yet."),
    ];
    let alerts = NavItem {
        mark: Some(Tone::Warn),
        ..item(9, "Alerts")
    };
    let operate = [
        item(8, "System health"),
        alerts,
        item(10, "Data"),
        item(11, "Audit log"),
        item(12, "Administration"),
    ];
    let groups = [
        NavGroup {
            title: "TRADE",
            items: &trade,
        },
        NavGroup {
            title: "ANALYZE",
            items: &analyze,
        },
        NavGroup {
            title: "OPERATE",
            items: &operate,
        },
    ];
    nav_ui(ui, cx, &groups, current)
}

/// Draws the whole console with sample values into the root `ui`.
pub fn gallery_ui(ui: &mut Ui, cx: &UiCtx<'_>, state: &mut GalleryState) {
    let tokens = cx.tokens;
    Edge::top("gallery_header")
        .exact_size(size::HEADER_HEIGHT)
        .frame(paint::header_frame(tokens))
        .show(ui, |ui| header(ui, cx));
    Edge::bottom("gallery_footer")
        .exact_size(size::FOOTER_HEIGHT)
        .frame(paint::footer_frame(tokens))
        .show(ui, |ui| footer(ui, cx));
    if ui.available_width() > 700.0 {
        Edge::left("gallery_nav")
            .exact_size(size::NAV_WIDTH)
            .resizable(false)
            .frame(paint::nav_frame(tokens))
            .show(ui, |ui| {
                if let Some(page) = navigation(ui, cx, state.page) {
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
        paint::page_frame().show(ui, |ui| {
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
        let is_narrow = ui.available_width() < 700.0;
        let kill_words = if is_narrow {
            "Kill"
        } else {
            "Engage kill switch"
        };
        Button::danger(kill_words)
            .name("Engage kill switch")
            .height(29.0)
            .ui(ui, cx);
        if !is_narrow {
            Chip::outline("alice · trader").ui(ui, cx);
        }
        Chip::outline("Live · 4 ms").dot(Tone::Gain).ui(ui, cx);
        Chip::pill("TRADING ACTIVE", Tone::Gain).ui(ui, cx);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            if !is_narrow {
                text::label(ui, "Quarterdeck", &tokens.fonts.title, tokens.text_strong);
            }
            ui.add_space(
                (size::NAV_WIDTH - 14.0 - space::M - ui.min_rect().width())
                    .clamp(0.0, if is_narrow { 0.0 } else { 60.0 }),
            );
            Chip::tag("PAPER", Tone::Accent).ui(ui, cx);
            for words in [
                "NYSE open · closes in 05:21:44",
                "10:38:16 New York · 14:38:16 UTC",
            ] {
                let chip = Chip::outline(words);
                if chip.width(ui.painter(), cx) <= ui.available_width() {
                    chip.ui(ui, cx);
                }
            }
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
                if ui.available_width() > 140.0 {
                    counter_ui(ui, cx, label, value, tone);
                }
            }
        });
    });
}

fn cards(ui: &mut Ui, cx: &UiCtx<'_>, show_parts: bool) {
    let marks = if show_parts {
        [
            StaleMark::Fresh,
            StaleMark::Faded,
            StaleMark::Doubtful,
            StaleMark::Refresh,
            StaleMark::Fresh,
        ]
    } else {
        [StaleMark::Fresh; 5]
    };
    let sparks: [[f32; 24]; 5] = std::array::from_fn(spark);
    let waiting = (!show_parts).then_some("$312,904.00");
    let list = [
        MetricCard::new("Unrealized P&L", Some("+$12,481.36"))
            .money(Tone::Gain)
            .context("14 positions · marked 0.3 s ago"),
        MetricCard::new("Realized today", Some("−$1,204.10"))
            .money(Tone::Loss)
            .context("31 fills · fees $18.40"),
        MetricCard::new("Positions", Some("14")).context("11 long · 3 short"),
        MetricCard::new("Buying power", Some("$187,220.54")).context("margin used 38 %"),
        MetricCard::new("Exposure", waiting).context("net +$208k · gross 63 % of limit"),
    ];
    let columns = if ui.available_width() > 700.0 {
        list.len()
    } else {
        2
    };
    let width = (ui.available_width() - space::M * (columns as f32 - 1.0)) / columns as f32;
    let origin = ui.cursor().min;
    let mut rows = 0.0_f32;
    for (index, card) in list.into_iter().enumerate() {
        let (row, column) = ((index / columns) as f32, (index % columns) as f32);
        let min = pos2(
            origin.x + column * (width + space::M),
            origin.y + row * (size::CARD_HEIGHT + space::M),
        );
        let rect = Rect::from_min_size(min, vec2(width, size::CARD_HEIGHT));
        let card = card.stale(marks[index]).spark(&sparks[index]);
        ui.scope_builder(UiBuilder::new().max_rect(rect).id_salt(index), |ui| {
            card.ui(ui, cx)
        });
        rows = rows.max(row + 1.0);
    }
    ui.advance_cursor_after_rect(Rect::from_min_size(
        origin,
        vec2(
            ui.available_width(),
            rows * (size::CARD_HEIGHT + space::M) - space::M,
        ),
    ));
}

fn close_dialog(ui: &Ui, cx: &UiCtx<'_>, state: &mut GalleryState, page_rect: Rect) {
    let Some(symbol) = state.closing.clone() else {
        return;
    };
    let title = format!("Close {symbol}?");
    let confirm = format!("Close {symbol}");
    let dialog = Dialog::new(
        &title,
        &[
            "Sells 82 at market, about $17,809.18.",
            "Position after: 0. Realizes about −$1,011.08.",
        ],
        &confirm,
    )
    .danger()
    .over(page_rect)
    .warnings(&[
        Warning {
            tone: Tone::Warn,
            text: "One open order on the same symbol stays: cancel it separately.",
        },
        Warning {
            tone: Tone::Danger,
            text: "The price is 42 s old.",
        },
    ]);
    match dialog.show(ui.ctx(), cx, "gallery_close") {
        DialogOutcome::Open => {}
        DialogOutcome::Cancelled => state.closing = None,
        DialogOutcome::Confirmed => {
            state.closing = None;
            state
                .toasts
                .push(Tone::Info, format!("{symbol}: close sent"), cx.now_ms);
        }
    }
}
