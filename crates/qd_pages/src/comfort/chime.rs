//! What is worth a sound: a fill, and louder than that a notice of trouble. It makes none; the shell does, if it can.
//!
//! What was there when the console opened is silent, and so is what came while sound was off.

use qd_state::Snapshot;
use qd_types::{Tone, UtcMicros};

/// What to let hear, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chime {
    /// Something filled.
    Fill,
    /// A warning or worse: a refusal, an alert, a halt.
    Alert,
}

/// What has been heard of so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    notice_id: Option<u64>,
    /// Of the newest row of activity; absent before the list was loaded.
    appeared_at: Option<UtcMicros>,
}

impl Heard {
    /// What is new in a snapshot; of several things the weightiest. To be called with each, whether sound is on or not.
    pub(crate) fn take(&mut self, snapshot: &Snapshot) -> Option<Chime> {
        let newest = snapshot
            .notices
            .first()
            .map_or(0, |notice| notice.notice_id);
        let before = self.notice_id.replace(newest);
        let is_alarming = before.is_some_and(|before| {
            let mut new = snapshot.notices.iter();
            new.any(|notice| {
                notice.notice_id > before && matches!(notice.tone, Tone::Warn | Tone::Danger)
            })
        });
        let mut has_filled = false;
        if snapshot.activity.is_loaded {
            let rows = &snapshot.activity.rows;
            let before = self.appeared_at;
            has_filled = before.is_some_and(|before| {
                rows.iter()
                    .any(|row| row.fill.is_some() && row.appeared_at > before)
            });
            let newest = rows.iter().map(|row| row.appeared_at).max();
            self.appeared_at = Some(newest.max(before).unwrap_or_default());
        }
        if is_alarming {
            Some(Chime::Alert)
        } else {
            has_filled.then_some(Chime::Fill)
        }
    }
}
