//! When a snapshot counts as painted: in the animation frame after the first present that had it. Drawing it is not enough.
//!
//! In the browser the next animation frame calls back by itself; on the desktop one more frame is asked for, unless the
//! picture only repeats the one before: then the clock's next frame reports it, and an idle desk draws no frame for it.

use std::sync::Arc;
#[cfg(not(target_arch = "wasm32"))]
use std::time::Duration;

use eframe::egui;
use qd_feed::{FeedCommand, FeedHandle, Rt};
use qd_state::{Snapshot, Urgency};
#[cfg(not(target_arch = "wasm32"))]
use qd_types::Clock as _;

/// A sixtieth of a second: the frame after the present, not a second one of the same picture.
#[cfg(not(target_arch = "wasm32"))]
const REPORT_AFTER_MICROS: i64 = 16_000;

/// Reports each version once.
pub(super) struct PaintReport {
    feed: Arc<FeedHandle>,
    /// The newest version that was drawn.
    drawn: u64,
    /// Drawn by the last frame and not reported yet.
    #[cfg(not(target_arch = "wasm32"))]
    waiting: Option<u64>,
    /// Of the snapshot that this frame draws.
    urgency: Urgency,
    frame_micros: Option<u32>,
    /// The first picture with numbers was drawn, and the browser was told.
    #[cfg(target_arch = "wasm32")]
    has_marked: bool,
}

impl PaintReport {
    pub(super) fn new(feed: Arc<FeedHandle>) -> Self {
        Self {
            feed,
            drawn: 0,
            #[cfg(not(target_arch = "wasm32"))]
            waiting: None,
            urgency: Urgency::Now,
            frame_micros: None,
            #[cfg(target_arch = "wasm32")]
            has_marked: false,
        }
    }

    /// The newest version that was drawn.
    pub(super) fn drawn(&self) -> u64 {
        self.drawn
    }

    /// A frame begins: what the one before drew has been on screen.
    #[cfg_attr(
        target_arch = "wasm32",
        expect(
            unused_variables,
            reason = "the animation frame reports by itself there"
        )
    )]
    pub(super) fn frame_begins(&mut self, rt: &Rt, cpu_seconds: Option<f32>) {
        self.frame_micros = cpu_seconds.map(micros);
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(version) = self.waiting.take() {
            let now = rt.now();
            say(&self.feed, version, now, self.frame_micros);
        }
    }

    /// This frame draws a snapshot that must follow the one before so soon.
    pub(super) fn snapshot_loaded(&mut self, urgency: Urgency) {
        self.urgency = urgency;
    }

    /// A frame drew this snapshot. Called twice when a frame is drawn twice.
    pub(super) fn frame_drawn(&mut self, ctx: &egui::Context, snapshot: &Snapshot) {
        if snapshot.version == self.drawn {
            return;
        }
        self.drawn = snapshot.version;
        #[cfg(target_arch = "wasm32")]
        if !self.has_marked && snapshot.cards.unrealized.value.is_some() {
            self.has_marked = true;
            crate::web::in_next_animation_frame(|| crate::web::mark("qd:first-number"));
        }
        self.call_back(ctx, snapshot.version);
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn call_back(&mut self, ctx: &egui::Context, version: u64) {
        self.waiting = Some(version);
        if self.urgency == Urgency::Now {
            ctx.request_repaint_after(Duration::from_micros(REPORT_AFTER_MICROS.unsigned_abs()));
        }
    }

    #[cfg(target_arch = "wasm32")]
    fn call_back(&mut self, _ctx: &egui::Context, version: u64) {
        let (feed, frame_micros) = (Arc::clone(&self.feed), self.frame_micros.take());
        crate::web::in_next_animation_frame(move || {
            let at = qd_types::Clock::now(feed.rt());
            say(&feed, version, at, frame_micros);
        });
    }
}

fn say(feed: &FeedHandle, version: u64, at: qd_types::UtcMicros, frame_micros: Option<u32>) {
    let said = feed.send(FeedCommand::Painted {
        version,
        at,
        frame_micros,
    });
    if let Err(err) = said {
        tracing::warn!(%err, "a painted number was not counted");
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a frame's time is above zero, and the cast saturates"
)]
fn micros(seconds: f32) -> u32 {
    (seconds * 1_000_000.0) as u32
}
