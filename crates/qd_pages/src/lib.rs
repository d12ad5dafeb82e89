//! One module per page: snapshot in, pixels and commands out.
//!
//! **Owns:** what a page shows of a [`Snapshot`](qd_state::Snapshot), in which order, and which [`Command`] a click means.
//!
//! **Does not own:** how widgets look (`qd_ui`), what is true (`qd_state`), or what becomes of a command. No socket, no clock, no file:
//! time and data arrive in [`PageCtx`], and the only things a page changes are its own view state and the command buffer.
//!
//! **Threading:** called on the thread that paints. `ui` may run twice in a frame; nothing is keyed on "ui was called".
//!
//! **Failure:** a page cannot fail. What is missing is drawn as missing, with its age and its reason.

mod arrangement;
mod banners;
mod comfort;
mod command;
mod ctx;
mod dashboard;
mod desk;
mod footer;
mod header;
mod navigation;
mod provenance;
mod tape;

pub use self::comfort::{
    Chime, Look, Machine, Preferences, PreferencesError, Sound, UiScale, ZonePreference, takes_key,
};
pub use self::command::{Command, CommandSender, FileContents, SentCommand};
pub use self::ctx::PageCtx;
pub use self::dashboard::{DashboardRequest, DashboardState, DashboardTable, dashboard_ui};
pub use self::desk::{DeskState, desk_ui};
pub use self::navigation::Page;
