//! Preferences from storage to screen and back: what is kept is read once it is known who is signed in, followed in every
//! frame, written when it changes. Each user of a machine has their own; before a session the console is as delivered.
//!
//! What they are and how they are written is `qd_pages`'s; where they lie is eframe's: a file of the desktop, the browser's
//! local storage.

use eframe::egui;
use qd_feed::FeedCommand;
use qd_pages::{DeskState, Machine, Preferences};
use qd_types::{Clock as _, Tone, UserId, UtcMicros, ZoneChoice};

use super::App;
use crate::sound::Beeper;

/// What keys in eframe's storage begin with, before the user's id; alone it was once everybody's key.
const KEY: &str = "quarterdeck_preferences";
/// The same for workspaces and columns.
const ARRANGEMENT_KEY: &str = "quarterdeck_arrangement";
/// Columns are dragged for a while before they stay.
const ARRANGEMENT_KEPT_EVERY_MILLIS: i64 = 1_000;
/// Zones change when somebody travels.
const ZONE_MEASURED_EVERY_MILLIS: i64 = 3_600_000;

/// What was done about the preferences so far.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Whose they are; absent before somebody has signed in.
    owner: Option<UserId>,
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

/// The key of what is `user`'s.
fn own_key(key: &str, user: &UserId) -> String {
    format!("{key}/{}", user.as_str())
}

/// What is kept for `user`. What lies under everybody's key of before is the first user's who comes.
fn read(storage: &mut dyn eframe::Storage, key: &str, user: &UserId) -> Option<String> {
    let own_key = own_key(key, user);
    if let Some(text) = storage.get_string(&own_key) {
        return Some(text);
    }
    let text = storage.get_string(key)?;
    storage.set_string(&own_key, text.clone());
    storage.remove_string(key);
    Some(text)
}

impl App {
    /// Takes up what was kept for who is signed in, once. What cannot be read is said, and the defaults hold; it is left
    /// where it is until something is changed, for a newer console may still read it.
    fn take_up(&mut self, storage: &mut dyn eframe::Storage) {
        let Some(session) = &self.snapshot.session else {
            return;
        };
        if self.kept.owner.as_ref() == Some(&session.user_id) {
            return;
        }
        let user = session.user_id.clone();
        // Nothing of who was here before.
        self.desk.preferences = Preferences::default();
        self.desk
            .restore_arrangement(&DeskState::default().arrangement());
        self.take_up_arrangement(read(storage, ARRANGEMENT_KEY, &user));
        self.take_up_preferences(read(storage, KEY, &user).as_deref());
        self.kept.owner = Some(user);
    }

    fn take_up_arrangement(&mut self, kept: Option<String>) {
        self.kept.arrangement = self.desk.arrangement();
        let Some(text) = kept else { return };
        if self.desk.restore_arrangement(&text) {
            self.kept.arrangement = text;
            return;
        }
        // What could not be read is left where it is until something is changed.
        self.kept.arrangement = self.desk.arrangement();
        tracing::warn!("a part of the saved arrangement is not used");
        let words =
            "A part of your saved workspaces or columns could not be read. It is as it was made.";
        let now_ms = self.rt.now().as_millis();
        self.desk.toasts.push(Tone::Warn, words, now_ms);
    }

    fn take_up_preferences(&mut self, kept: Option<&str>) {
        match kept.map(Preferences::decode) {
            None => {}
            Some(Ok(preferences)) => self.desk.preferences = preferences,
            Some(Err(err)) => {
                tracing::warn!(%err, "saved settings are not used");
                let words = format!("Your saved settings are not used: {err}.");
                let now_ms = self.rt.now().as_millis();
                self.desk.toasts.push(Tone::Warn, words, now_ms);
            }
        }
        self.kept.preferences = self.desk.preferences;
    }

    /// What the user prefers.
    pub fn preferences(&self) -> Preferences {
        self.desk.preferences
    }

    /// Makes the screen, the feed and the storage follow what is preferred by who is signed in. Called before each frame
    /// is drawn; `storage` is absent where nothing can be kept.
    pub fn follow_preferences(
        &mut self,
        ctx: &egui::Context,
        storage: Option<&mut (dyn eframe::Storage + 'static)>,
    ) {
        self.measure_zone();
        // A test looks the same on every machine.
        let mut storage = storage.filter(|_| !self.config.is_test);
        if let Some(storage) = &mut storage {
            self.take_up(&mut **storage);
        }
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
        let (Some(storage), Some(owner)) = (storage, self.kept.owner.clone()) else {
            return;
        };
        let has_new_preferences = self.kept.preferences != wanted;
        let has_new_arrangement = self.is_arranged_anew();
        if has_new_preferences {
            self.kept.preferences = wanted;
            storage.set_string(&own_key(KEY, &owner), wanted.encode());
        }
        if has_new_arrangement {
            let key = own_key(ARRANGEMENT_KEY, &owner);
            storage.set_string(&key, self.kept.arrangement.clone());
        }
        if has_new_preferences || has_new_arrangement {
            storage.flush();
        }
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
