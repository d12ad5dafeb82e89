//! The console's shell: window, canvas, frames, commands; the same program native and in the browser.
//!
//! **Owns**: [`App`] with `logic` and `ui` apart, what becomes of a page's commands, when a frame is drawn, when a
//! number counts as painted, and the way in: `native` has the window, `web` the canvas and its test handle.
//! **Does not own**: drawing of a page (`qd_pages`), what is true (`qd_state`), where it comes from (`qd_feed`).
//! **Threading**: everything here is on the thread that paints; the feed has its own task and is asked through a port.
//! **Failure**: a panic ends the window, or the page says so and offers to reload. What the feed cannot do is on screen.

mod access_tree;
mod app;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
mod save_file;
mod sound;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
use self::native::local_zone;
#[cfg(target_arch = "wasm32")]
use self::web::local_zone;

pub use self::access_tree::{AccessNode, AccessTree, TreePlugin};
pub use self::app::{App, AppConfig};
#[cfg(target_arch = "wasm32")]
pub use self::web::WebHandle;
