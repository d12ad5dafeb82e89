//! The alerts as they are shown: the header's badge and the list behind it.

use std::sync::Arc;

use qd_types::{Alert, AlertSeverity, AlertState};

use super::Seal;

/// One alert, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRow {
    /// The alert; its instants are the server's.
    pub alert: Alert,
    /// When its newest change happened: "10:39:31".
    pub time: Arc<str>,
}

impl AlertRow {
    /// Whether nobody has taken it and it is not over.
    pub fn is_firing(&self) -> bool {
        self.alert.state == AlertState::Firing
    }
}

/// All alerts that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertsView {
    /// Firing first, then acknowledged, then resolved; of each the worst first, then the newest.
    pub rows: Arc<[Arc<AlertRow>]>,
    /// How many are firing and critical.
    pub num_critical: usize,
    /// How many are firing and a warning.
    pub num_warnings: usize,
    /// How many are firing and only good to know.
    pub num_infos: usize,
    /// Whether the list can be trusted.
    pub seal: Arc<Seal>,
    /// Whether any answer came: an empty list means "no alerts" only then.
    pub is_loaded: bool,
    /// Whether it has everything that fires: a log that has forgotten its beginning, or jumped, cannot tell.
    pub is_complete: bool,
}

impl AlertsView {
    /// How many are firing.
    pub fn num_firing(&self) -> usize {
        self.num_critical + self.num_warnings + self.num_infos
    }

    /// The worst that is firing; absent when none is.
    pub fn worst(&self) -> Option<AlertSeverity> {
        let counts = [
            (AlertSeverity::Critical, self.num_critical),
            (AlertSeverity::Warning, self.num_warnings),
            (AlertSeverity::Info, self.num_infos),
        ];
        counts
            .into_iter()
            .find(|(_, num)| *num > 0)
            .map(|(severity, _)| severity)
    }

    /// Whether the list is known to be whole and the newest.
    pub fn is_verified(&self) -> bool {
        self.is_loaded && self.is_complete && self.seal.state.is_verified()
    }
}
