//! What a page is given to draw with: the smallest that will do.

use qd_state::Snapshot;
use qd_types::{Permission, UtcMicros};
use qd_ui::UiCtx;

use crate::CommandSender;

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

    /// [`Self::age_ms`] for animations, where anything past a minute is the same.
    pub fn short_age_ms(&self, at: UtcMicros) -> u32 {
        u32::try_from(self.age_ms(at).min(60_000)).unwrap_or(60_000)
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
