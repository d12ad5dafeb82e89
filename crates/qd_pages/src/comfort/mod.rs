//! What makes the console somebody's own: preferences, settings, keys, the command palette, notes. Nothing of the desk's data.

mod action;
mod alerts;
mod chime;
mod fuzzy;
pub(crate) mod keys;
mod look;
mod notes;
mod overlay;
mod palette;
mod popup;
mod preferences;
mod settings;

pub(crate) use self::alerts::badge_ui as alerts_badge_ui;
pub use self::chime::Chime;
pub(crate) use self::chime::Heard;
pub use self::keys::takes_key;
pub use self::look::Look;
pub(crate) use self::notes::{notes_name, notes_ui};
pub(crate) use self::overlay::{Overlay, overlay_ui};
pub(crate) use self::popup::{HeaderPanel, Opens};
pub use self::preferences::{
    Machine, Preferences, PreferencesError, Sound, UiScale, ZonePreference,
};
pub(crate) use self::settings::settings_ui;
