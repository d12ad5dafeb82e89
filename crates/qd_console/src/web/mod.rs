//! The browser's way in: a handle that the page's loader drives, the mirror for screen readers, and the few things only a
//! page can do.
//!
//! It holds no session: the cookie is the browser's, and without one the page goes to the sign-in.

pub(crate) mod frames;
mod keys;
mod mirror;
mod report;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use eframe::egui;
use qd_feed::{EarlySocket, Feed, FeedConfig, FeedHandle, FeedSource, GatewaySource, Rt, SignIn};
use qd_state::{SnapshotCell, Store, StoreConfig};
use qd_types::{LocalZone, UtcMicros};
use wasm_bindgen::prelude::*;

use self::frames::FramePlugin;
use self::keys::KeyGuard;
use self::mirror::Mirror;
use crate::{App, AppConfig};

/// The page's handle on the console.
#[wasm_bindgen]
pub struct WebHandle {
    runner: eframe::WebRunner,
    feed: RefCell<Option<Arc<FeedHandle>>>,
    /// The accessibility tree; kept once somebody reads it.
    mirror: Rc<Mirror>,
    /// The page was opened with `?e2e`: a test looks at it.
    is_e2e: bool,
    /// Keeps the browser from acting on the console's own keys.
    key_guard: RefCell<Option<KeyGuard>>,
}

#[wasm_bindgen]
impl WebHandle {
    /// A handle that shows nothing yet. A panic from here on is kept for [`Self::panic_message`].
    #[wasm_bindgen(constructor)]
    #[expect(
        clippy::new_without_default,
        reason = "the page constructs it, Rust never does"
    )]
    pub fn new() -> Self {
        let mirror = Rc::<Mirror>::default();
        let is_e2e = is_e2e();
        if is_e2e {
            mirror.start();
        }
        Self {
            runner: eframe::WebRunner::new(),
            feed: RefCell::default(),
            mirror,
            is_e2e,
            key_guard: RefCell::default(),
        }
    }

    /// Draws into `canvas` from now on. `bootstrap` is the answer of `GET /api/v1/bootstrap` if the page has it, `socket` a
    /// socket to `/ws` on which nobody has said a word; the console has it from now on and closes it.
    ///
    /// # Errors
    /// When there is no WebGL, or no window to be in.
    pub async fn start(
        &self,
        canvas: web_sys::HtmlCanvasElement,
        bootstrap: Option<String>,
        socket: Option<web_sys::WebSocket>,
    ) -> Result<(), JsValue> {
        let url = window()
            .and_then(|window| window.location().origin().ok())
            .ok_or_else(|| JsValue::from_str("the page has no origin"))?;
        let config = FeedConfig {
            source: FeedSource::Gateway(GatewaySource {
                url,
                sign_in: SignIn::Browser,
                bootstrap: bootstrap.map(String::into_bytes),
                early_socket: socket.and_then(EarlySocket::new),
            }),
            client_kind: Arc::from("web"),
            client_version: Arc::from(env!("CARGO_PKG_VERSION")),
        };
        let cell = Arc::<SnapshotCell>::default();
        let store = Store::new(StoreConfig::default());
        let feed = Arc::new(Feed::start(config, store, Arc::clone(&cell), Rt::new()));
        self.feed.replace(Some(Arc::clone(&feed)));
        self.key_guard.replace(KeyGuard::start());
        let options = eframe::WebOptions {
            renderer: eframe::Renderer::Glow,
            // No color here runs into another: noise would hide nothing and cost a sum for every pixel.
            dithering: false,
            // What the browser needs for itself stays its own: reload, new tab, developer tools.
            should_stop_propagation: Box::new(|event| !is_browsers_own(event)),
            should_prevent_default: Box::new(|event| !is_browsers_own(event)),
            ..eframe::WebOptions::default()
        };
        let app_config = AppConfig {
            // Tests see what people see, motion included.
            is_test: false,
        };
        let mirror = Rc::clone(&self.mirror);
        self.runner
            .start(
                canvas,
                options,
                Box::new(move |cc| {
                    cc.egui_ctx.add_plugin(FramePlugin);
                    mirror.attach(&cc.egui_ctx);
                    let app = App::new(&cc.egui_ctx, app_config, feed, cell);
                    Ok(Box::new(app))
                }),
            )
            .await
    }

    /// Ends the console: socket, timers, frames. The handle is of no further use.
    pub fn destroy(&self) {
        self.runner.destroy();
        self.feed.replace(None);
        self.key_guard.replace(None);
    }

    /// Whether the program has ended by a panic.
    pub fn has_panicked(&self) -> bool {
        self.runner.has_panicked()
    }

    /// What the panic said, with its stack.
    pub fn panic_message(&self) -> Option<String> {
        self.runner
            .panic_summary()
            .map(|summary| format!("{}\n\n{}", summary.message(), summary.callstack()))
    }

    /// Keeps the accessibility tree from now on, for [`Self::mirror_tree`]. It costs frame time.
    pub fn mirror_start(&self) {
        self.mirror.start();
    }

    /// The accessibility tree, parents before children, as JSON, when it changed since the last call.
    pub fn mirror_tree(&self) -> Option<String> {
        self.mirror.changed_tree()
    }

    /// The node of the tree that has the keyboard.
    pub fn mirror_focused(&self) -> Option<String> {
        self.mirror.tree().lock().focused()
    }

    /// Does to a node of the tree what a reader of the page did: `click`, `focus`, or `type` with the text.
    pub fn mirror_act(&self, node_id: &str, action: &str, value: Option<String>) {
        let events = Mirror::events_of(node_id, action, value);
        if let Some(mut app) = self.runner.app_mut::<App>() {
            app.inject(events);
        }
        self.mirror.wake();
    }

    /// With `?e2e` only: the accessibility tree, parents before children, as JSON.
    pub fn a11y_tree(&self) -> Option<String> {
        if !self.is_e2e {
            return None;
        }
        report::tree(&self.mirror.tree().lock())
    }

    /// With `?e2e` only: whether the program is there, has its data and has drawn all of it.
    pub fn settled(&self) -> bool {
        self.is_e2e
            && self.mirror.tree().lock().num_frames() > 0
            && self
                .runner
                .app_mut::<App>()
                .is_some_and(|app| app.is_settled())
    }

    /// With `?e2e` only: which numbers were on screen and when, as JSON.
    pub fn painted(&self) -> Option<String> {
        if !self.is_e2e {
            return None;
        }
        let num_frames = self.mirror.tree().lock().num_frames();
        let feed = self.feed.borrow();
        report::painted(&feed.as_ref()?.paint_log().lock(), num_frames)
    }

    /// With `?e2e` only: panics, so that a test sees what people would see.
    pub fn provoke_panic(&self) {
        assert!(!self.is_e2e, "provoked by a test");
    }

    /// With `?e2e` only: how long frames took and what the feed counts, as JSON.
    pub fn frame_stats(&self) -> Option<String> {
        if !self.is_e2e {
            return None;
        }
        let app = self.runner.app_mut::<App>()?;
        let feed = self.feed.borrow();
        report::frame_stats(&app, feed.as_ref()?)
    }
}

impl std::fmt::Debug for WebHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebHandle").finish_non_exhaustive()
    }
}

fn window() -> Option<web_sys::Window> {
    web_sys::window()
}

fn is_e2e() -> bool {
    let search = window().and_then(|window| window.location().search().ok());
    search.is_some_and(|search| {
        search
            .trim_start_matches('?')
            .split('&')
            .any(|part| part == "e2e")
    })
}

/// Reload, tabs, address bar, developer tools, zoom: a console that swallowed them would hold the page hostage.
fn is_browsers_own(event: &egui::Event) -> bool {
    use egui::Key;

    let egui::Event::Key { key, modifiers, .. } = event else {
        return false;
    };
    match key {
        Key::F5 | Key::F11 | Key::F12 => true,
        // Reload, tabs, address bar, developer tools; then zoom.
        Key::R
        | Key::T
        | Key::N
        | Key::W
        | Key::L
        | Key::I
        | Key::J
        | Key::Plus
        | Key::Minus
        | Key::Equals
        | Key::Num0 => modifiers.command,
        _ => false,
    }
}

/// The zone that the browser is set to, by the offsets that its calendar gives.
pub(crate) fn local_zone(now: UtcMicros) -> Option<LocalZone> {
    LocalZone::measure(now, |at| {
        let date = js_sys::Date::new(&JsValue::from_f64(at.0 as f64 / 1000.0));
        // Minutes from local time to UTC: west is above zero. Not a number where the date is none.
        let minutes = date.get_timezone_offset();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to be within two days before"
        )]
        (minutes.abs() < 2_880.0).then(|| -(minutes * 60.0) as i32)
    })
}

/// Leaves for the sign-in page.
pub(crate) fn go_to_sign_in() {
    let left = window().map(|window| window.location().replace("/auth/sign_in"));
    if !matches!(left, Some(Ok(()))) {
        tracing::error!("the page cannot go to the sign-in");
    }
}

/// Loads the program anew.
pub(crate) fn reload() {
    let reloaded = window().map(|window| window.location().reload());
    if !matches!(reloaded, Some(Ok(()))) {
        tracing::error!("the page cannot be loaded anew");
    }
}

/// Notes an instant in the browser's own timeline.
pub(crate) fn mark(name: &str) {
    if let Some(performance) = window().and_then(|window| window.performance()) {
        performance.mark(name).ok();
    }
}

/// Calls `callback` in the next animation frame: what was drawn before has been presented by then.
pub(crate) fn in_next_animation_frame(callback: impl FnOnce() + 'static) {
    let callback = Closure::once_into_js(callback);
    frames::next(callback.unchecked_ref());
}
