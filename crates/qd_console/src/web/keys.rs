//! The console's own keys, kept from the browser: Ctrl-K would go to its address bar, F1 to its help, "/" to its search.
//!
//! eframe prevents only what it knows. Nothing is heard here: the keys reach the console as all others do.

use qd_pages::takes_key;
use wasm_bindgen::prelude::*;

/// Prevents until it is dropped.
pub(super) struct KeyGuard {
    window: web_sys::Window,
    listener: Closure<dyn FnMut(web_sys::KeyboardEvent)>,
}

impl KeyGuard {
    /// Absent when the page has no window.
    pub(super) fn start() -> Option<Self> {
        let window = super::window()?;
        let listener = Closure::<dyn FnMut(web_sys::KeyboardEvent)>::new(on_key_down);
        // Before anything below hears it, for eframe lets little of it rise again.
        window
            .add_event_listener_with_callback_and_bool(
                "keydown",
                listener.as_ref().unchecked_ref(),
                true,
            )
            .inspect_err(|err| tracing::error!(?err, "the browser's own keys stay in force"))
            .ok()?;
        Some(Self { window, listener })
    }
}

impl Drop for KeyGuard {
    fn drop(&mut self) {
        let removed = self.window.remove_event_listener_with_callback_and_bool(
            "keydown",
            self.listener.as_ref().unchecked_ref(),
            true,
        );
        if let Err(err) = removed {
            tracing::warn!(?err, "a listener is left behind");
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "what a closure of JavaScript is called with"
)]
fn on_key_down(event: web_sys::KeyboardEvent) {
    let Some(key) = eframe::egui::Key::from_name(&event.key()) else {
        return;
    };
    let modifiers = eframe::egui::Modifiers {
        alt: event.alt_key(),
        ctrl: event.ctrl_key(),
        shift: event.shift_key(),
        mac_cmd: event.meta_key(),
        command: event.ctrl_key() || event.meta_key(),
    };
    // While a text is edited, eframe types into an input of its own.
    let is_typing = event
        .target()
        .is_some_and(|target| target.has_type::<web_sys::HtmlInputElement>());
    if takes_key(key, modifiers, is_typing) {
        event.prevent_default();
    }
}
