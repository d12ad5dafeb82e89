//! The whole console in kittest, without a renderer: what a person finds by name, and what a click asks for.
//!
//! The pictures come from the real reducer through `qd_tests::desk`; no socket, no clock.
#![expect(clippy::unwrap_used, reason = "a missing node should fail loudly")]

mod alerts;
mod behavior;
mod bulk;
mod comfort;
mod honesty;
mod keyboard;
mod mock;
mod modify;
mod names;
mod odd_input;
mod palette;
mod polls;
mod stories;
mod tables;
mod tape;
mod truth;
mod workspaces;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use egui::accesskit::Role as NodeRole;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_pages::{Command, CommandSender, DeskState, Look, PageCtx, desk_ui};
use qd_state::{Event, Snapshot};
use qd_tests::desk::SampleDesk;
use qd_types::{ClientOrderId, Role, UtcMicros};
use qd_ui::testing::{self, DESK, NOW_MS};
use qd_ui::{DesignTokens, UiCtx};

/// What the harness draws: a snapshot, the desk's own state, and what it asked for.
struct Screen {
    snapshot: Arc<Snapshot>,
    now_ms: i64,
    /// Made in the first frame, and following the preferences from then on, as the shell's does.
    look: Option<Look>,
    tokens: DesignTokens,
    commands: CommandSender,
    state: DeskState,
}

/// A console on screen with the desk that feeds it.
struct Console {
    harness: Harness<'static, Screen>,
    desk: SampleDesk,
}

/// A text as it was painted.
#[derive(Clone, Debug)]
struct Painted {
    text: String,
    rect: egui::Rect,
    clip: egui::Rect,
    color: egui::Color32,
    /// It ends in "…".
    is_cut: bool,
}

fn take_texts(shape: &egui::Shape, clip: egui::Rect, out: &mut Vec<Painted>) {
    match shape {
        egui::Shape::Text(text) => out.push(Painted {
            text: text.galley.text().to_owned(),
            rect: text.visual_bounding_rect(),
            clip,
            color: text.override_text_color.unwrap_or(text.fallback_color),
            is_cut: text.galley.elided,
        }),
        egui::Shape::Vec(shapes) => {
            for shape in shapes {
                take_texts(shape, clip, out);
            }
        }
        _ => {}
    }
}

/// Clicks the button of this name.
fn click(console: &mut Console, label: &str) {
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, label)
        .click();
    console.harness.run();
}

/// Whether the button of this name is off.
fn is_disabled(console: &Console, label: &str) -> bool {
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, label)
        .accesskit_node()
        .is_disabled()
}

/// The instant at which every test begins.
fn start() -> UtcMicros {
    UtcMicros::from_millis(NOW_MS)
}

impl Console {
    fn new(desk: SampleDesk) -> Self {
        Self::sized(desk, DESK)
    }

    fn sized(mut desk: SampleDesk, size: egui::Vec2) -> Self {
        let tokens = DesignTokens::dark();
        let next_order = Rc::new(Cell::new(0));
        let screen = Screen {
            snapshot: desk.snapshot(),
            now_ms: desk.now().as_millis(),
            look: None,
            tokens: tokens.clone(),
            commands: CommandSender::new(move || {
                next_order.set(next_order.get() + 1);
                ClientOrderId::new(&format!("test-{}", next_order.get())).unwrap()
            }),
            state: DeskState::default(),
        };
        let harness = Harness::builder()
            .with_size(size)
            .with_context_setup(testing::setup(tokens))
            .build_ui_state(
                |ui, screen: &mut Screen| {
                    let wanted = screen.state.preferences;
                    let look = screen
                        .look
                        .get_or_insert_with(|| Look::new(ui.ctx(), wanted));
                    look.follow(ui.ctx(), wanted);
                    screen.tokens = look.tokens().clone();
                    let cx = PageCtx {
                        ui: UiCtx {
                            tokens: &screen.tokens,
                            now_ms: screen.now_ms,
                            is_test: true,
                        },
                        snapshot: &screen.snapshot,
                        commands: &screen.commands,
                    };
                    testing::root_ui(ui, |ui| desk_ui(ui, &cx, &mut screen.state));
                },
                screen,
            );
        let mut console = Self { harness, desk };
        console.show();
        console
    }

    fn live(role: Role) -> Self {
        Self::new(SampleDesk::live(role, start()))
    }

    /// Puts the desk's newest picture on screen.
    fn show(&mut self) {
        let zone = self.harness.state().state.zone();
        if zone != self.harness.state().snapshot.zone {
            self.desk.apply(Event::ZoneChosen(zone));
        }
        let snapshot = self.desk.snapshot();
        let now_ms = self.desk.now().as_millis();
        let screen = self.harness.state_mut();
        screen.state.take_notices(&snapshot, now_ms);
        screen.snapshot = snapshot;
        screen.now_ms = now_ms;
        self.harness.run();
    }

    /// Whether any node's name has these words.
    fn says(&self, words: &str) -> bool {
        self.harness
            .query_all_by_label_contains(words)
            .next()
            .is_some()
    }

    /// Every text that was painted in the last frame.
    fn all_painted(&self) -> Vec<Painted> {
        let mut out = Vec::new();
        for clipped in &self.harness.output().shapes {
            take_texts(&clipped.shape, clipped.clip_rect, &mut out);
        }
        out
    }

    /// The first text painted that reads like this.
    fn painted(&self, text: &str) -> Option<Painted> {
        self.all_painted()
            .into_iter()
            .find(|painted| painted.text == text)
    }

    /// What was asked for since the last call.
    fn asked(&self) -> Vec<Command> {
        self.harness
            .state()
            .commands
            .drain()
            .into_iter()
            .map(|sent| sent.command)
            .collect()
    }
}
