//! The whole console in one root `Ui`: header, navigation, footer, banners, and the page in the middle.
//!
//! Header and footer are fixed: nothing docks, covers or closes them.

use egui::{CentralPanel, Id, Panel, Rect, Ui};
use qd_state::Snapshot;
use qd_types::ZoneChoice;
use qd_ui::frame_stats::FrameStats;
use qd_ui::paint;
use qd_ui::toast::Toasts;
use qd_ui::tokens::size;

use crate::comfort::{Chime, Heard, Machine, Overlay, Sound, keys, overlay_ui};
use crate::dashboard::{DashboardState, dashboard_ui};
use crate::{Page, PageCtx, Preferences, banners, footer, header, navigation};

/// Below this width the navigation gives its room to the page.
const WIDTH_FOR_NAVIGATION: f32 = 760.0;

/// What the console remembers between frames and nobody else needs to know.
#[derive(Default)]
pub struct DeskState {
    /// The page on screen.
    pub page: Page,
    /// The dashboard's own state.
    pub dashboard: DashboardState,
    /// Notes at the lower right.
    pub toasts: Toasts,
    /// How long the shell's frames took.
    pub frame_stats: FrameStats,
    /// What the user prefers; the shell follows it before the next frame and keeps it on this machine.
    pub preferences: Preferences,
    /// What the machine can, as the shell says.
    pub machine: Machine,
    heard: Heard,
    /// The palette, the list of keys or the alerts, when open.
    pub(crate) overlay: Option<Overlay>,
    /// What to give the keyboard back to as soon as an overlay is off the screen.
    pub(crate) return_focus: Option<Id>,
    last_notice_id: u64,
}

impl DeskState {
    /// The zone that times are wanted in.
    pub fn zone(&self) -> ZoneChoice {
        self.preferences.zone.zone(self.machine.local_zone)
    }

    /// What of a new snapshot is to be heard. Called from `logic`, so it runs while hidden too.
    pub fn take_chime(&mut self, snapshot: &Snapshot) -> Option<Chime> {
        let chime = self.heard.take(snapshot);
        chime.filter(|_| self.preferences.sound == Sound::On)
    }

    /// Makes toasts of the notices that are new since the last call. Called from `logic`, so it runs while hidden too.
    pub fn take_notices(&mut self, snapshot: &Snapshot, now_ms: i64) {
        let last = self.last_notice_id;
        for notice in snapshot
            .notices
            .iter()
            .rev()
            .filter(|notice| notice.notice_id > last)
        {
            self.toasts
                .push(notice.tone, notice.text.to_string(), now_ms);
            self.last_notice_id = notice.notice_id;
        }
        self.toasts.expire(now_ms);
    }
}

/// Draws everything.
pub fn desk_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DeskState) {
    profiling::function_scope!();
    if let Some(action) = keys::take(ui.ctx()) {
        action.run(ui.ctx(), cx, state);
    }
    let tokens = cx.ui.tokens;
    Panel::top("qd_header")
        .exact_size(size::HEADER_HEIGHT)
        .frame(paint::header_frame(tokens))
        .show(ui, |ui| header::header_ui(ui, cx, state));
    Panel::bottom("qd_footer")
        .exact_size(size::FOOTER_HEIGHT)
        .frame(paint::footer_frame(tokens))
        .show(ui, |ui| footer::footer_ui(ui, cx, &state.frame_stats));
    if ui.available_width() > WIDTH_FOR_NAVIGATION {
        Panel::left("qd_navigation")
            .exact_size(size::NAV_WIDTH)
            .resizable(false)
            .frame(paint::nav_frame(tokens))
            .show(ui, |ui| {
                navigation::navigation_ui(ui, cx, state.page, &mut state.dashboard.workspaces);
            });
    }
    let mut page_rect = Rect::NOTHING;
    CentralPanel::no_frame().show(ui, |ui| {
        page_rect = ui.max_rect();
        banners::banners_ui(ui, cx);
        // Every other page is disabled in the navigation until it is built.
        paint::page_frame().show(ui, |ui| {
            dashboard_ui(ui, cx, &mut state.dashboard, page_rect);
        });
    });
    state.toasts.ui(ui.ctx(), &cx.ui);
    overlay_ui(ui.ctx(), cx, state);
}
