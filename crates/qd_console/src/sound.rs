//! A short tone for a fill, two for trouble. In the browser, by its own oscillator, in builds with the feature `sound`.
//!
//! The desktop is silent: sound there would link the system's audio library into every console. It says so in the settings.

#[cfg(all(feature = "sound", target_arch = "wasm32"))]
pub(crate) use self::web::Beeper;

/// Makes no sound.
#[cfg(not(all(feature = "sound", target_arch = "wasm32")))]
#[derive(Debug, Default)]
pub(crate) struct Beeper {}

#[cfg(not(all(feature = "sound", target_arch = "wasm32")))]
impl Beeper {
    /// Whether it can make one.
    pub(crate) const CAN: bool = false;

    #[expect(
        clippy::needless_pass_by_ref_mut,
        clippy::unused_self,
        reason = "the browser's keeps its context"
    )]
    pub(crate) fn play(&mut self, _chime: qd_pages::Chime) {}
}

#[cfg(all(feature = "sound", target_arch = "wasm32"))]
mod web {
    use qd_pages::Chime;
    use wasm_bindgen::JsValue;

    /// Seconds of one tone, and from the beginning of one to that of the next.
    const TONE: f64 = 0.12;
    const STEP: f64 = 0.16;
    /// Of full loudness: a desk has many of these.
    const LOUDNESS: f32 = 0.08;

    /// The page's audio context, made with the first sound: before the user has touched the page it would be refused.
    #[derive(Debug, Default)]
    pub(crate) struct Beeper {
        context: Option<web_sys::AudioContext>,
        /// When what is planned is over, on the context's clock: tones never pile up.
        busy_until: f64,
    }

    impl Beeper {
        pub(crate) const CAN: bool = true;

        pub(crate) fn play(&mut self, chime: Chime) {
            let tones: &[f32] = match chime {
                Chime::Fill => &[880.0],
                Chime::Alert => &[520.0, 390.0],
            };
            if let Err(err) = self.try_play(tones) {
                tracing::info!(?err, "no sound");
            }
        }

        fn try_play(&mut self, tones: &[f32]) -> Result<(), JsValue> {
            let context = match self.context.take() {
                Some(context) => context,
                None => web_sys::AudioContext::new()?,
            };
            let context = self.context.insert(context);
            // A page that was not touched yet is silent; the promise is the browser's to keep.
            drop(context.resume()?);
            let now = context.current_time();
            if now < self.busy_until {
                return Ok(());
            }
            for (index, frequency) in (0_u8..).zip(tones) {
                let begin = now + STEP * f64::from(index);
                let gain = context.create_gain()?;
                let volume = gain.gain();
                volume.set_value_at_time(0.0, begin)?;
                volume.linear_ramp_to_value_at_time(LOUDNESS, begin + 0.01)?;
                volume.linear_ramp_to_value_at_time(0.0, begin + TONE)?;
                gain.connect_with_audio_node(&context.destination())?;
                let oscillator = context.create_oscillator()?;
                oscillator
                    .frequency()
                    .set_value_at_time(*frequency, begin)?;
                oscillator.connect_with_audio_node(&gain)?;
                oscillator.start_with_when(begin)?;
                oscillator.stop_with_when(begin + TONE)?;
                self.busy_until = begin + STEP;
            }
            Ok(())
        }
    }
}
