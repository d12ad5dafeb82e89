//! The smallest context that a widget needs: how to look, what time it is, and whether a test is watching.
//!
//! It holds no data of the desk; pages wrap it into their own context.

use std::time::Duration;

use crate::paint;
use crate::tokens::DesignTokens;

/// Handed to every widget, by reference, once per frame.
#[derive(Clone, Copy, Debug)]
pub struct UiCtx<'a> {
    /// Colors, fonts and sizes in force.
    pub tokens: &'a DesignTokens,
    /// The frame's instant, in milliseconds since the Unix epoch. All ages on screen are measured against it.
    pub now_ms: i64,
    /// After how long to ask for the next frame of a motion.
    pub motion_interval: Duration,
    /// True under test: motion is drawn in its final state, so that pictures are stable.
    pub is_test: bool,
}

impl<'a> UiCtx<'a> {
    /// The context of a running console.
    pub fn new(tokens: &'a DesignTokens, now_ms: i64) -> Self {
        Self {
            tokens,
            now_ms,
            motion_interval: paint::MOTION_INTERVAL,
            is_test: false,
        }
    }

    /// How strong a change still shows, from 1 (just happened) to 0 (over), given its age. Always over under test.
    ///
    /// While it is above 0, ask for the next frame with [`Self::motion_interval`].
    pub fn fade(&self, age_ms: u32, fade_ms: u32) -> f32 {
        if self.is_test || age_ms >= fade_ms {
            return 0.0;
        }
        1.0 - age_ms as f32 / fade_ms as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn motion_gives_way_where_frames_are_slow() {
        let millis = Duration::from_millis;
        assert_eq!(paint::motion_interval(millis(16)), paint::MOTION_INTERVAL);
        assert_eq!(paint::motion_interval(millis(40)), millis(600));
    }

    #[test]
    fn a_change_fades_and_is_over() {
        let tokens = DesignTokens::dark();
        let cx = UiCtx::new(&tokens, 0);
        assert_eq!(cx.fade(0, 600), 1.0);
        assert_eq!(cx.fade(300, 600), 0.5);
        assert_eq!(cx.fade(600, 600), 0.0);
        assert_eq!(cx.fade(0, 0), 0.0);
        let still = UiCtx {
            is_test: true,
            ..cx
        };
        assert_eq!(still.fade(0, 600), 0.0);
    }
}
