//! The application: `logic` takes the snapshot and decides, `ui` draws, `commands` does what was asked for.
//!
//! It draws nothing itself and reads nothing but its snapshot; one load per frame, so a frame never shows two instants.

mod commands;
mod logic;
mod paint_report;
mod preferences;
mod ui;

use std::sync::Arc;

use qd_feed::{FeedHandle, Rt, decision_id};
use qd_pages::{CommandSender, DeskState, Look, Preferences, SentCommand};
use qd_state::{ConnectionState, PollSet, Snapshot, SnapshotCell};
use qd_types::{ClientOrderId, UtcMicros};
use qd_ui::frame_stats::FrameStats;

use self::paint_report::PaintReport;
use self::preferences::Kept;
use crate::sound::Beeper;

/// What the shell was started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppConfig {
    /// Motion is drawn in its final state: pictures and trees are stable.
    pub is_test: bool,
}

/// The console.
pub struct App {
    config: AppConfig,
    look: Look,
    /// The preferences as they lie on this machine, and the zone that the feed was told.
    kept: Kept,
    beeper: Beeper,
    rt: Rt,
    feed: Arc<FeedHandle>,
    cell: Arc<SnapshotCell>,
    /// The frame's snapshot: loaded in `logic`, passed down in `ui`.
    snapshot: Arc<Snapshot>,
    /// The frame's instant.
    now: UtcMicros,
    desk: DeskState,
    sender: CommandSender,
    /// What the last frame's pages asked for; done before the next is drawn.
    asked: Vec<SentCommand>,
    paint_report: PaintReport,
    /// What a reader of the page did, for the next frame.
    injected: Vec<egui::Event>,
    is_visible: bool,
    active_said_at: Option<UtcMicros>,
    /// The polls that the feed was told are on screen; absent before the first frame.
    told_polls: Option<PollSet>,
    /// The page is on its way to the sign-in: asking again would start that anew.
    #[cfg(target_arch = "wasm32")]
    is_leaving: bool,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("config", &self.config)
            .field("version", &self.snapshot.version)
            .finish_non_exhaustive()
    }
}

impl App {
    /// An application over a running feed. From now on new snapshots wake `ctx`.
    pub fn new(
        ctx: &egui::Context,
        config: AppConfig,
        feed: Arc<FeedHandle>,
        cell: Arc<SnapshotCell>,
    ) -> Self {
        let look = Look::new(ctx, Preferences::default());
        // Also when somebody forgets it above: Ctrl-Q must not end a desk with orders in the market.
        ctx.options_mut(|options| options.quit_shortcuts.clear());
        if config.is_test {
            ctx.all_styles_mut(|style| {
                style.animation_time = 0.0;
                style.visuals.text_cursor.blink = false;
            });
        }
        let waker = ctx.clone();
        // The cell calls this once until a frame has looked, and is itself filled at most every 16 ms. A delay above
        // zero asks for one pass where none asks for two.
        cell.set_waker(move || {
            waker.request_repaint_after(std::time::Duration::from_millis(1));
            #[cfg(target_arch = "wasm32")]
            crate::web::frames::wake();
        });
        Self {
            config,
            look,
            kept: Kept::default(),
            beeper: Beeper::default(),
            rt: feed.rt().clone(),
            paint_report: PaintReport::new(Arc::clone(&feed)),
            feed,
            snapshot: cell.load(),
            cell,
            now: UtcMicros::default(),
            desk: DeskState::default(),
            sender: CommandSender::new(new_order_id),
            asked: Vec::new(),
            injected: Vec::new(),
            is_visible: true,
            active_said_at: None,
            told_polls: None,
            #[cfg(target_arch = "wasm32")]
            is_leaving: false,
        }
    }

    /// Takes events for the next frame that no pointer and no key has made: a screen reader's.
    pub fn inject(&mut self, events: Vec<egui::Event>) {
        self.injected.extend(events);
    }

    /// The snapshot of the last frame.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Whether there is data and a session, and the newest snapshot has been drawn.
    pub fn is_settled(&self) -> bool {
        self.snapshot.session.is_some()
            && self.snapshot.connection.state == ConnectionState::Live
            && self.paint_report.drawn() == self.cell.load().version
    }

    /// How long frames took, in milliseconds of this program's own time.
    pub fn frame_stats(&self) -> &FrameStats {
        &self.desk.frame_stats
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        self.run_logic(ctx, frame.info().cpu_usage);
        self.follow_preferences(ctx, frame.storage_mut());
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.draw(ui);
    }

    fn raw_input_hook(&mut self, _ctx: &egui::Context, raw_input: &mut egui::RawInput) {
        raw_input.events.append(&mut self.injected);
    }

    #[cfg(target_arch = "wasm32")]
    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

fn new_order_id() -> ClientOrderId {
    match ClientOrderId::new(&decision_id()) {
        Ok(order_id) => order_id,
        Err(err) => unreachable!("hexadecimal digits make an id: {err}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_ids_are_valid_and_differ() {
        let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| new_order_id()).collect();
        assert_eq!(ids.len(), 1000);
    }
}
