//! Alerts as they are published: what fired, how bad it is, and whether somebody has taken it.

use crate::order::words;
use crate::{AlertId, Tone, UserId, UtcMicros};

words!(
    /// How bad an alert is.
    AlertSeverity {
        /// Good to know.
        Info = "info",
        /// Wants a look.
        Warning = "warning",
        /// Wants a hand, now.
        Critical = "critical",
    }
);

impl AlertSeverity {
    /// The tone of the alert on screen.
    pub fn tone(self) -> Tone {
        match self {
            Self::Info => Tone::Info,
            Self::Warning => Tone::Warn,
            Self::Critical => Tone::Danger,
        }
    }
}

words!(
    /// Where an alert is in its life.
    AlertState {
        /// The condition holds and nobody has taken it.
        Firing = "firing",
        /// Somebody has taken it.
        Acknowledged = "acknowledged",
        /// The condition no longer holds.
        Resolved = "resolved",
    }
);

/// One change of one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Which alert; every change of it carries the same.
    pub alert_id: AlertId,
    /// Stable name of the rule that made it, `daily_loss_80`.
    pub rule: String,
    /// How bad it is.
    pub severity: AlertSeverity,
    /// One line for the list.
    pub title: String,
    /// The evidence, empty when the title says it all.
    pub detail: String,
    /// When this change happened.
    pub at: UtcMicros,
    /// What it is now.
    pub state: AlertState,
    /// Who acknowledged it; absent when it was the machine or nobody yet.
    pub by: Option<UserId>,
}
