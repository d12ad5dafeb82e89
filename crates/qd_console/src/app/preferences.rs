//! Preferences from storage to screen and back: what is kept is read once, followed in every frame, written when it changes.
//!
//! What they are and how they are written is `qd_pages`'s; where they lie is eframe's: a file of the desktop, the browser's
//! local storage.

use eframe::egui;
use qd_feed::FeedCommand;
use qd_pages::{Machine, Preferences};
use qd_types::{Clock as _, Tone, UtcMicros, ZoneChoice};

use super::App;
use crate::sound::Beeper;

/// The key in eframe's storage.
const KEY: &str = "quarterdeck_preferences";
/// The key of workspaces and columns.
const ARRANGEMENT_KEY: &str = "quarterdeck_arrangement";
/// Columns are dragged for a while before they stay.
const ARRANGEMENT_KEPT_EVERY_MILLIS: i64 = 1_000;
/// Zones change when somebody travels.
const ZONE_MEASURED_EVERY_MILLIS: i64 = 3_600_000;

/// What was done about the preferences so far.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// As they lie in storage.
    preferences: Preferences,
    /// Workspaces and columns as they lie in storage.
    arrangement: String,
    /// When they were last compared with those on screen.
    arranged_at: Option<UtcMicros>,
    /// As the feed was told; absent before the first time.
    zone: Option<ZoneChoice>,
    /// When the machine was asked for its zone.
    measured_at: Option<UtcMicros>,
}

impl App {
    /// Takes up what was kept on this machine. What cannot be read is said once, and the defaults hold; it is left where
    /// it is until something is changed, for a newer console may still read it.
    pub fn restore(&mut self, storage: Option<&dyn eframe::Storage>) {
        // A test looks the same on every machine.
        if self.config.is_test {
            return;
        }
        self.kept.arrangement = self.desk.arrangement();
        let kept = storage.and_then(|storage| storage.get_string(ARRANGEMENT_KEY));
        if let Some(text) = kept {
            let is_whole = self.desk.restore_arrangement(&text);
            // What could not be read is left where it is until something is changed.
            self.kept.arrangement = if is_whole {
                text
            } else {
                self.desk.arrangement()
            };
            if !is_whole {
                tracing::warn!("a part of the saved arrangement is not used");
                let words = "A part of your saved workspaces or columns could not be read. It is as it was made.";
                let now_ms = self.rt.now().as_millis();
                self.desk.toasts.push(Tone::Warn, words, now_ms);
            }
        }
        let Some(text) = storage.and_then(|storage| storage.get_string(KEY)) else {
            return;
        };
        match Preferences::decode(&text) {
            Ok(preferences) => {
                self.desk.preferences = preferences;
                self.kept.preferences = preferences;
            }
            Err(err) => {
                tracing::warn!(%err, "saved settings are not used");
                let words = format!("Your saved settings are not used: {err}.");
                let now_ms = self.rt.now().as_millis();
                self.desk.toasts.push(Tone::Warn, words, now_ms);
            }
        }
    }

    /// What the user prefers.
    pub fn preferences(&self) -> Preferences {
        self.desk.preferences
    }

    /// Makes the screen, the feed and the storage follow what is preferred.
    pub(super) fn follow_preferences(
        &mut self,
        ctx: &egui::Context,
        storage: Option<&mut (dyn eframe::Storage + 'static)>,
    ) {
        self.measure_zone();
        let wanted = self.desk.preferences;
        self.look.follow(ctx, wanted);
        let zone = self.desk.zone();
        if self.kept.zone != Some(zone) {
            // The store begins with the exchange's: nothing needs to be said for that.
            if self.kept.zone.is_some() || zone != ZoneChoice::default() {
                self.ask_feed(FeedCommand::ShowIn(zone));
            }
            self.kept.zone = Some(zone);
        }
        let has_new_preferences = self.kept.preferences != wanted;
        let has_new_arrangement = self.is_arranged_anew();
        if !has_new_preferences && !has_new_arrangement {
            return;
        }
        self.kept.preferences = wanted;
        let Some(storage) = storage.filter(|_| !self.config.is_test) else {
            return;
        };
        if has_new_preferences {
            storage.set_string(KEY, wanted.encode());
        }
        if has_new_arrangement {
            storage.set_string(ARRANGEMENT_KEY, self.kept.arrangement.clone());
        }
        storage.flush();
    }

    /// Whether workspaces or columns are others than those that are kept; looked at once a second.
    fn is_arranged_anew(&mut self) -> bool {
        let is_due = self
            .kept
            .arranged_at
            .is_none_or(|at| self.now.millis_since(at) >= ARRANGEMENT_KEPT_EVERY_MILLIS);
        if !is_due {
            return false;
        }
        self.kept.arranged_at = Some(self.now);
        let arrangement = self.desk.arrangement();
        let is_new = self.kept.arrangement != arrangement;
        if is_new {
            self.kept.arrangement = arrangement;
        }
        is_new
    }

    fn measure_zone(&mut self) {
        let is_due = self
            .kept
            .measured_at
            .is_none_or(|at| self.now.millis_since(at) >= ZONE_MEASURED_EVERY_MILLIS);
        // Under test the machine's zone is nobody's.
        if is_due && !self.config.is_test {
            self.kept.measured_at = Some(self.now);
            self.desk.machine = Machine {
                local_zone: crate::local_zone(self.now),
                has_sound: Beeper::CAN,
            };
        }
    }
}
