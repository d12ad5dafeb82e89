//! The kit of Quarterdeck's console: design tokens and the widgets that every page shares.
//!
//! **Owns:** how things look and feel: colors, fonts, spacing, cards, tables, badges, dialogs, toasts, and their names in the accessibility tree.
//!
//! **Does not own:** what is shown. No store, no IO, no clock, no async, no eframe; text arrives formatted, time arrives in [`UiCtx`].
//!
//! **Threading:** everything is called on the thread that paints. A frame may be drawn twice, so a widget changes nothing by being drawn:
//! what the user did comes back in the widget's response.
//!
//! **Failure:** nothing here can fail. What does not fit is cut with "…", what is not there yet is drawn as a skeleton or named as missing.

pub mod badge;
pub mod banner;
pub mod button;
pub mod card;
pub mod check;
pub mod choice;
pub mod choice_row;
pub mod dialog;
pub mod field;
pub mod frame_stats;
pub mod frame_strip;
pub mod icon;
pub mod menu;
pub mod nav;
pub mod paint;
pub mod panel;
pub mod seal;
pub mod sheet;
pub mod state_block;
pub mod table;
pub mod testing;
pub mod text;
pub mod toast;
pub mod tokens;

mod ctx;

pub use ctx::UiCtx;
pub use tokens::DesignTokens;
