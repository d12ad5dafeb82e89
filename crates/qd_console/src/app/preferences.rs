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
/// Zones change when somebody travels.
const ZONE_MEASURED_EVERY_MILLIS: i64 = 3_600_000;

/// What was done about the preferences so far.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// As they lie in storage.
    preferences: Preferences,
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
        if self.kept.preferences != wanted {
            self.kept.preferences = wanted;
            if let Some(storage) = storage
                && !self.config.is_test
            {
                storage.set_string(KEY, wanted.encode());
                storage.flush();
            }
        }
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
