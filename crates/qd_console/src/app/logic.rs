//! Before a frame is drawn, and also while nobody looks: the snapshot, the commands, the clock. It draws nothing.

use std::time::Duration;

use eframe::egui;
use qd_feed::FeedCommand;
use qd_types::Clock as _;

use super::App;

/// The feed tells the server once a minute; telling the feed more often than this is of no use to anybody.
const ACTIVE_SAID_EVERY_MILLIS: i64 = 5_000;

impl App {
    pub(super) fn run_logic(&mut self, ctx: &egui::Context, cpu_seconds: Option<f32>) {
        profiling::function_scope!();
        if let Some(seconds) = cpu_seconds {
            self.desk.frame_stats.push(seconds * 1000.0);
        }
        self.desk
            .frame_stats
            .count_passes(ctx.cumulative_frame_nr(), ctx.cumulative_pass_nr());
        // The frame before this one has been on screen by now.
        self.paint_report.frame_begins(&self.rt, cpu_seconds);
        let newest = self.cell.load_for_frame();
        let urgency = newest.urgency_after(&self.snapshot);
        self.now = self.rt.now();
        // The feed may not have run since the machine slept: no green light over what is hours old.
        self.snapshot = newest.looked_at(self.now);
        self.paint_report.snapshot_loaded(urgency);
        self.run_commands(ctx);
        self.desk.take_notices(&self.snapshot, self.now.as_millis());
        if let Some(chime) = self.desk.take_chime(&self.snapshot) {
            self.beeper.play(chime);
        }
        self.tell_visibility(ctx);
        self.tell_activity(ctx);
        self.leave_without_session();
        self.load_update();
        if self.is_visible {
            // The clock in the header: one frame a second, just after the second began.
            let into_second = self.now.0.rem_euclid(1_000_000);
            let wait = u64::try_from(1_000_000 - into_second).unwrap_or(1_000_000);
            ctx.request_repaint_after(Duration::from_micros(wait + 1_000));
        }
    }

    fn tell_visibility(&mut self, ctx: &egui::Context) {
        // A system that does not say counts as showing us.
        let is_visible = ctx
            .input(|input| input.viewport().visible())
            .unwrap_or(true);
        if is_visible != self.is_visible {
            self.is_visible = is_visible;
            self.ask_feed(FeedCommand::Visible(is_visible));
        }
    }

    /// Real input, not data or time, keeps the session alive.
    fn tell_activity(&mut self, ctx: &egui::Context) {
        let has_input = ctx.input(|input| {
            input.events.iter().any(|event| {
                matches!(
                    event,
                    egui::Event::Key { .. }
                        | egui::Event::Text(_)
                        | egui::Event::PointerButton { .. }
                        | egui::Event::PointerMoved(_)
                        | egui::Event::MouseWheel { .. }
                        | egui::Event::Touch { .. }
                )
            })
        });
        let is_due = self
            .active_said_at
            .is_none_or(|at| self.now.millis_since(at) >= ACTIVE_SAID_EVERY_MILLIS);
        if has_input && is_due {
            self.active_said_at = Some(self.now);
            self.ask_feed(FeedCommand::Active);
        }
    }

    /// In the browser signing in is the sign-in page's job.
    #[cfg(target_arch = "wasm32")]
    fn leave_without_session(&mut self) {
        let is_over = self.snapshot.session.is_none()
            && self.snapshot.connection.state == qd_state::ConnectionState::Ended;
        if is_over && !std::mem::replace(&mut self.is_leaving, true) {
            crate::web::go_to_sign_in();
        }
    }

    /// For developers: what was built anew is on screen at once.
    #[cfg(target_arch = "wasm32")]
    fn load_update(&mut self) {
        let is_wanted = self.snapshot.connection.update == qd_state::ProgramUpdate::Wanted;
        if is_wanted && !std::mem::replace(&mut self.is_leaving, true) {
            crate::web::reload();
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[expect(clippy::unused_self, reason = "the browser's looks at the snapshot")]
    fn load_update(&self) {}

    #[cfg(not(target_arch = "wasm32"))]
    #[expect(clippy::unused_self, reason = "the browser's looks at the snapshot")]
    fn leave_without_session(&self) {}
}
