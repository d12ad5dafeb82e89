//! The parts that the dashboard shows only when something is wrong: banners, states, seals, and every badge and button.
//!
//! Sample text only.

use egui::{Rect, Ui, UiBuilder, vec2};
use qd_types::Tone;

use super::GalleryState;
use super::gallery_tables::{POSITION_COLUMNS, Positions};
use crate::UiCtx;
use crate::badge::{Chip, badge_ui};
use crate::banner::Banner;
use crate::button::Button;
use crate::panel::Panel;
use crate::seal::{Seal, SealLook};
use crate::state_block::StateBlock;
use crate::table::DataTable;
use crate::tokens::space;

pub(super) fn banners(ui: &mut Ui, cx: &UiCtx<'_>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    Banner::new(Tone::Danger, "Connection lost")
        .detail("since 10:38:02. Numbers below are as of then; trying again in 3 s.")
        .action("Retry now")
        .ui(ui, cx);
    Banner::new(Tone::Warn, "Reduce only")
        .detail("Breaker “daily loss” tripped at 10:31:44. Closing and canceling still work.")
        .ui(ui, cx);
    Banner::new(Tone::Info, "Read-only")
        .detail("Your role may look, not trade.")
        .ui(ui, cx);
}

pub(super) fn parts(ui: &mut Ui, cx: &UiCtx<'_>, state: &GalleryState) {
    let room = ui.available_rect_before_wrap();
    let half = (room.width() - space::M) / 2.0;
    let third = (room.height() - space::M) / 2.0;
    let at = |column: f32, row: f32| {
        Rect::from_min_size(
            room.min + vec2(column * (half + space::M), row * (third + space::M)),
            vec2(half, third),
        )
    };
    ui.scope_builder(UiBuilder::new().max_rect(at(0.0, 0.0)), |ui| {
        Panel::new("Words").show(
            ui,
            cx,
            |_| {},
            |ui| {
                Seal::new(SealLook::Resyncing, "resyncing…").ui(ui, cx);
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
                Seal::new(SealLook::Waiting, "waiting for data…").ui(ui, cx);
            },
            |ui| {
                StateBlock::empty(
                    "No positions",
                    &[
                        "A position appears here with its first fill.",
                        "12 are hidden by the filter.",
                    ],
                )
                .action("Clear filter")
                .ui(ui, cx)
            },
        );
    });
    ui.scope_builder(UiBuilder::new().max_rect(at(0.0, 1.0)), |ui| {
        Panel::new("Failed").show(
            ui,
            cx,
            |_| {},
            |ui| {
                Seal::new(SealLook::Incomplete, "✓ verified to #18,402 · missing #1–7").ui(ui, cx);
            },
            |ui| {
                StateBlock::error(
                    "Order history could not be read",
                    &[
                        "The gateway did not answer since 10:38:02.",
                        "Positions and open orders are still live.",
                    ],
                )
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
                Seal::new(SealLook::Unverified, "unverified").ui(ui, cx);
            },
            |ui| {
                ui.set_max_width(420.0);
                let mut rows = Positions {
                    state,
                    clicked: None,
                };
                DataTable::new("Narrow positions", &POSITION_COLUMNS)
                    .sort(state.sort)
                    .check_boxes()
                    .show(ui, cx, &mut rows);
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
            Button::new("Not now")
                .disabled_because(Some("The market is closed."))
                .ui(ui, cx);
            let mut checked = !state.selected.is_empty();
            ui.checkbox(&mut checked, "Also cancel its orders");
        });
        ui.add_space(space::S);
        ui.horizontal_wrapped(|ui| {
            Chip::tag("LIVE", Tone::Danger).ui(ui, cx);
            Chip::pill("HALTED", Tone::Danger).ui(ui, cx);
            Chip::pill("REDUCE ONLY", Tone::Warn).ui(ui, cx);
            Chip::outline("Reconnecting · 3 s")
                .dot(Tone::Warn)
                .ui(ui, cx);
        });
    });
}
