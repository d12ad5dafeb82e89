//! When a table that moves is drawn next: once for everything in it. It paints nothing.

use std::cell::Cell;
use std::time::Duration;

use crate::paint::{MOTION_INTERVAL, SMOOTH_INTERVAL};

/// A fade ends no later than this after its time, and asks for no frame sooner: cells change at any moment, and the first
/// one to end would otherwise always be just about to.
const FADE_PATIENCE: Duration = Duration::from_millis(150);

/// What moves in the frame that is being drawn.
#[derive(Debug, Default)]
pub(super) struct Motion(Cell<Option<Duration>>);

impl Motion {
    /// A cell fades, for so many milliseconds more.
    pub(super) fn fades(&self, rest_ms: u32) {
        let rest = Duration::from_millis(rest_ms.into());
        self.ask(rest.clamp(FADE_PATIENCE, MOTION_INTERVAL));
    }

    /// A row is on its way in.
    pub(super) fn slides(&self) {
        self.ask(SMOOTH_INTERVAL);
    }

    fn ask(&self, wait: Duration) {
        self.0
            .set(Some(self.0.get().map_or(wait, |asked| asked.min(wait))));
    }

    /// After how long to draw again; absent when everything stands still.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_for_everything_that_moves_and_none_for_what_stands() {
        let motion = Motion::default();
        assert_eq!(motion.wait(), None);
        motion.fades(600);
        assert_eq!(motion.wait(), Some(MOTION_INTERVAL));
        motion.fades(200);
        motion.fades(500);
        assert_eq!(motion.wait(), Some(Duration::from_millis(200)));
        motion.fades(1);
        assert_eq!(motion.wait(), Some(FADE_PATIENCE));
        motion.slides();
        assert_eq!(motion.wait(), Some(SMOOTH_INTERVAL));
    }
}
