//! The smallest context that a widget needs: how to look, what time it is, and whether a test is watching.
//!
//! It holds no data of the desk; pages wrap it into their own context.

use crate::tokens::DesignTokens;

/// Handed to every widget, by reference, once per frame.
#[derive(Clone, Copy, Debug)]
pub struct UiCtx<'a> {
    /// Colors, fonts and sizes in force.
    pub tokens: &'a DesignTokens,
    /// The frame's instant, in milliseconds since the Unix epoch. All ages on screen are measured against it.
    pub now_ms: i64,
    /// True under test: motion is drawn in its final state, so that pictures are stable.
    pub is_test: bool,
}

impl<'a> UiCtx<'a> {
    /// The context of a running console.
    pub fn new(tokens: &'a DesignTokens, now_ms: i64) -> Self {
        Self {
            tokens,
            now_ms,
            is_test: false,
        }
    }

    /// How strong a change still shows, from 1 (just happened) to 0 (over), given its age. Always over under test.
    ///
    /// While it is above 0, ask for the next frame with [`MOTION_INTERVAL`](crate::paint::MOTION_INTERVAL).
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
