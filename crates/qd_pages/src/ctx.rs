//! What a page is given to draw with: the smallest that will do.

use qd_state::Snapshot;
use qd_types::{Permission, UtcMicros};
use qd_ui::UiCtx;

use crate::CommandSender;

/// An animation of this age is over, in milliseconds.
const LONG_OVER_MS: u32 = 60_000;

/// By how much the clock of a frame may be behind the one that dated a change.
const CLOCK_JITTER_MS: i64 = 1_000;

/// Handed to every page, by reference, once per frame. A frame never shows two instants: there is one snapshot in here.
#[derive(Clone, Copy)]
pub struct PageCtx<'a> {
    /// How to look, and what time it is.
    pub ui: UiCtx<'a>,
    /// What is true.
    pub snapshot: &'a Snapshot,
    /// Where clicks go.
    pub commands: &'a CommandSender,
}

impl PageCtx<'_> {
    /// The frame's instant on the client's clock.
    pub fn now(&self) -> UtcMicros {
        UtcMicros::from_millis(self.ui.now_ms)
    }

    /// The frame's instant on the server's clock, as far as it was measured.
    pub fn server_now(&self) -> UtcMicros {
        self.now()
            .plus_micros(self.snapshot.clock_offset_micros.unwrap_or(0))
    }

    /// Milliseconds since an instant of the client's clock, never below zero.
    pub fn age_ms(&self, at: UtcMicros) -> i64 {
        self.now().millis_since(at).max(0)
    }

    /// [`Self::age_ms`] for animations, where anything past a minute is the same, and so is what a clock that was set back
    /// has not reached yet: nothing on screen stands still in the middle of a change.
    pub fn short_age_ms(&self, at: UtcMicros) -> u32 {
        animation_age_ms(self.now(), at)
    }

    /// Why a command that needs `permission` cannot be given now; absent when it can. The server decides again.
    pub fn refusal(&self, permission: Permission) -> Option<&'static str> {
        use qd_state::ConnectionState;

        let Some(session) = &self.snapshot.session else {
            return Some("Nobody is signed in.");
        };
        if !session.allows(permission) {
            return Some("Your role may look, not trade.");
        }
        match self.snapshot.connection.state {
            ConnectionState::Live | ConnectionState::Resyncing => None,
            ConnectionState::Connecting | ConnectionState::Reconnecting => {
                Some("Not connected: nothing can be sent.")
            }
            ConnectionState::Ended => Some("The session has ended."),
        }
    }
}

fn animation_age_ms(now: UtcMicros, at: UtcMicros) -> u32 {
    let age = now.millis_since(at);
    if age < -CLOCK_JITTER_MS {
        return LONG_OVER_MS;
    }
    u32::try_from(age.max(0)).map_or(LONG_OVER_MS, |age| age.min(LONG_OVER_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_a_clock_set_back_has_not_reached_is_over() {
        let age = |millis| {
            let at = UtcMicros::from_millis(10_000_000);
            animation_age_ms(at.plus_millis(millis), at)
        };
        assert_eq!(age(250), 250);
        assert_eq!(age(-1), 0, "the clocks of two threads");
        assert_eq!(age(-3_600_000), LONG_OVER_MS);
        assert_eq!(age(3_600_000), LONG_OVER_MS);
    }
}
