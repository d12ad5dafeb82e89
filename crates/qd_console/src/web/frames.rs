//! When the page draws: egui tells the loader's gate how long nothing is due, and what wakes it early.
//!
//! eframe alone asks the browser for sixty frames a second to see whether it wants one.

use std::time::Duration;

use eframe::egui;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The next frame is drawn as soon as the screen takes one.
    #[wasm_bindgen(js_namespace = qdFrames)]
    pub(crate) fn wake();

    /// No frame is due for this many milliseconds, unless something wakes the page.
    #[wasm_bindgen(js_namespace = qdFrames)]
    fn due(millis: f64);

    /// Calls back in the browser's next animation frame, due or not.
    #[wasm_bindgen(js_namespace = qdFrames)]
    pub(super) fn next(callback: &js_sys::Function);
}

/// Tells the gate after every frame when egui wants the next one.
#[derive(Debug)]
pub(super) struct FramePlugin;

impl egui::Plugin for FramePlugin {
    fn debug_name(&self) -> &'static str {
        "quarterdeck frames"
    }

    fn output_hook(&mut self, _ctx: &egui::Context, output: &mut egui::FullOutput) {
        let delay = output
            .viewport_output
            .get(&egui::ViewportId::ROOT)
            .map_or(Duration::ZERO, |viewport| viewport.repaint_delay);
        due(delay.as_secs_f64() * 1_000.0);
    }
}
