//! A few pictures of the console, on lavapipe. `UPDATE_SNAPSHOTS=1` accepts new ones: look at each before committing.
#![expect(clippy::unwrap_used, reason = "a broken fixture should fail loudly")]

mod dialogs;

use std::sync::Arc;

use egui::Vec2;
use egui_kittest::Harness;
use qd_pages::{CommandSender, DeskState, PageCtx, desk_ui};
use qd_state::Snapshot;
use qd_tests::desk::SampleDesk;
use qd_types::{ClientOrderId, HaltState, Role, UtcMicros};
use qd_ui::testing::{self, DESK, LAPTOP, NOW_MS, PHONE};
use qd_ui::tokens::Theme;
use qd_ui::{DesignTokens, UiCtx};

struct Screen {
    snapshot: Arc<Snapshot>,
    tokens: DesignTokens,
    commands: CommandSender,
    state: DeskState,
}

fn picture(name: &str, desk: SampleDesk, size: Vec2) {
    picture_in(name, desk, size, Theme::Dark);
}

fn picture_in(name: &str, mut desk: SampleDesk, size: Vec2, theme: Theme) {
    painter(&mut desk, size, theme).snapshot(name);
}

/// The desk on a screen that can be painted.
fn painter(desk: &mut SampleDesk, size: Vec2, theme: Theme) -> Harness<'static, Screen> {
    let now_ms = desk.now().as_millis();
    // The harness sets egui's theme after the set-up.
    let (tokens, egui_theme) = match theme {
        Theme::Dark => (DesignTokens::dark(), egui::Theme::Dark),
        Theme::Light => (DesignTokens::light(), egui::Theme::Light),
    };
    let mut screen = Screen {
        snapshot: desk.snapshot(),
        tokens: tokens.clone(),
        commands: CommandSender::new(|| ClientOrderId::new("picture").unwrap()),
        state: DeskState::default(),
    };
    screen.state.preferences.theme = theme;
    let mut harness = Harness::builder()
        .with_size(size)
        .with_theme(egui_theme)
        .with_context_setup(testing::setup(tokens))
        .wgpu()
        .build_ui_state(
            move |ui, screen: &mut Screen| {
                let cx = PageCtx {
                    ui: UiCtx {
                        tokens: &screen.tokens,
                        now_ms,
                        is_test: true,
                    },
                    snapshot: &screen.snapshot,
                    commands: &screen.commands,
                };
                testing::root_ui(ui, |ui| desk_ui(ui, &cx, &mut screen.state));
            },
            screen,
        );
    harness.run();
    harness
}

fn live() -> SampleDesk {
    SampleDesk::live(Role::Trader, UtcMicros::from_millis(NOW_MS))
}

// covers: DB-1, DB-2, DB-3
#[test]
fn the_desk_at_the_size_of_the_design() {
    picture("desk_1440", live(), DESK);
}

#[test]
fn the_desk_in_a_bright_room() {
    picture_in("desk_1440_light", live(), DESK, Theme::Light);
}

#[test]
fn the_desk_on_a_small_laptop() {
    picture("desk_1024", live(), LAPTOP);
}

#[test]
fn the_desk_on_a_phone() {
    picture("desk_420", live(), PHONE);
}

#[test]
fn a_lost_connection_over_a_halted_desk() {
    let mut desk = live();
    desk.publish_halt(HaltState::Halted, Some("drill"));
    desk.lose_connection(3_000);
    desk.advance_millis(1_000);
    picture("lost_and_halted", desk, DESK);
}
