//! The runtime in the browser: its own loop, its timers, its clocks. There is one thread and nothing may block it.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use qd_types::UtcMicros;

use super::BoxFuture;

/// Past this the anchor is taken again: the machine slept, or somebody set the clock.
const MAX_DRIFT_MICROS: i64 = 50_000;

/// What the browser offers.
#[derive(Clone, Debug)]
pub(super) struct Platform;

thread_local! {
    /// Wall time minus monotonic time: `Date` alone has only whole milliseconds.
    static ANCHOR_MICROS: Cell<Option<i64>> = const { Cell::new(None) };
}

impl Platform {
    pub(super) fn new() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the desktop's needs its handle")]
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        wasm_bindgen_futures::spawn_local(task);
    }

    #[expect(clippy::unused_self, reason = "the desktop's needs its handle")]
    pub(super) fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        // The browser reads the delay as a signed 32-bit number; rounding up keeps a timer from firing before its time.
        let millis = duration.as_micros().div_ceil(1000);
        let millis = u32::try_from(millis).unwrap_or(u32::MAX).min(0x7fff_ffff);
        Box::pin(TimeoutFuture::new(millis))
    }

    #[expect(clippy::unused_self, reason = "the desktop's needs its start")]
    pub(super) fn monotonic_micros(&self) -> i64 {
        let millis = web_sys::window()
            .and_then(|window| window.performance())
            .map_or_else(js_sys::Date::now, |performance| performance.now());
        micros(millis)
    }

    pub(super) fn now(&self) -> UtcMicros {
        let monotonic = self.monotonic_micros();
        let wall = micros(js_sys::Date::now());
        let anchor = ANCHOR_MICROS
            .get()
            .filter(|anchor| (anchor.saturating_add(monotonic) - wall).abs() <= MAX_DRIFT_MICROS);
        let anchor = anchor.unwrap_or_else(|| {
            let anchor = wall - monotonic;
            ANCHOR_MICROS.set(Some(anchor));
            anchor
        });
        UtcMicros(anchor.saturating_add(monotonic))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "milliseconds since 1970 fit 2^53 microseconds for another two centuries, and the cast saturates"
)]
fn micros(millis: f64) -> i64 {
    (millis * 1000.0) as i64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "each half is below 2^32"
)]
pub(super) fn random_u64() -> u64 {
    let mut bytes = [0; 8];
    let crypto = web_sys::window().and_then(|window| window.crypto().ok());
    if crypto.is_some_and(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).is_ok()) {
        return u64::from_le_bytes(bytes);
    }
    // Outside a secure context; jitter and test ids can live with it.
    let half = || (js_sys::Math::random() * 4_294_967_296.0) as u64;
    (half() << 32) | half()
}
