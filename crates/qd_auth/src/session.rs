//! How long a session lives, decided from its record and the time.
//!
//! It stores nothing and writes no record: that is the gateway's session store.

use qd_types::UtcMicros;

use crate::Identity;

/// How the person proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// A fixed user, on a loopback address.
    Dev,
}

impl SignInMethod {
    /// The word in records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
        }
    }

    /// Reads the word of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        (text == "dev").then_some(Self::Dev)
    }
}

/// What the server remembers of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Who it belongs to, as they were at sign-in.
    pub identity: Identity,
    /// How they proved it.
    pub method: SignInMethod,
    /// When they signed in; the absolute limit counts from here.
    pub signed_in_at: UtcMicros,
    /// The last thing the person did, as far as it was written down; the idle limit counts from here.
    pub last_action_at: UtcMicros,
    /// When a second factor was last shown; absent when never.
    pub mfa_at: Option<UtcMicros>,
}

/// The two limits, and how often an action is worth a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// Without a person's action for so long, the session ends. Pings, polls and market data are no actions.
    pub idle_millis: i64,
    /// After so long the session ends, whatever happens.
    pub absolute_millis: i64,
    /// An action is written down when the last one written is older than this.
    pub touch_after_millis: i64,
}

impl Default for SessionRules {
    fn default() -> Self {
        Self {
            idle_millis: 15 * 60 * 1000,
            absolute_millis: 4 * 60 * 60 * 1000,
            touch_after_millis: 30 * 1000,
        }
    }
}

/// What the rules say of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionVerdict {
    /// It lives.
    Live,
    /// Nobody did anything for too long.
    Idle,
    /// It is as old as a session may get.
    Over,
}

impl SessionRules {
    /// When the session ends if nobody does anything any more.
    pub fn idle_at(&self, record: &SessionRecord) -> UtcMicros {
        record.last_action_at.plus_millis(self.idle_millis)
    }

    /// When the session ends in any case.
    pub fn absolute_at(&self, record: &SessionRecord) -> UtcMicros {
        record.signed_in_at.plus_millis(self.absolute_millis)
    }

    /// When a socket that leans on this session must end or look again.
    pub fn deadline(&self, record: &SessionRecord) -> UtcMicros {
        self.idle_at(record).min(self.absolute_at(record))
    }

    /// Whether the session lives at `now`.
    pub fn judge(&self, record: &SessionRecord, now: UtcMicros) -> SessionVerdict {
        if now >= self.absolute_at(record) {
            SessionVerdict::Over
        } else if now >= self.idle_at(record) {
            SessionVerdict::Idle
        } else {
            SessionVerdict::Live
        }
    }

    /// Whether an action at `now` is to be written down.
    pub fn wants_touch(&self, record: &SessionRecord, now: UtcMicros) -> bool {
        now.millis_since(record.last_action_at) >= self.touch_after_millis
    }

    /// How long the store needs to keep the record from `now` on, in milliseconds.
    pub fn keep_millis(&self, record: &SessionRecord, now: UtcMicros) -> u64 {
        u64::try_from(self.absolute_at(record).millis_since(now)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use qd_types::{Role, UserId};

    use super::*;

    fn record() -> SessionRecord {
        SessionRecord {
            identity: Identity {
                user_id: UserId::new("alice").unwrap(),
                name: "Alice".to_owned(),
                roles: vec![Role::Trader],
                accounts: Vec::new(),
            },
            method: SignInMethod::Dev,
            signed_in_at: UtcMicros::from_millis(1_000),
            last_action_at: UtcMicros::from_millis(1_000),
            mfa_at: None,
        }
    }

    const MINUTE: i64 = 60 * 1000;

    #[test]
    fn fourteen_fifty_nine_lives_and_fifteen_minutes_do_not() {
        let (rules, record) = (SessionRules::default(), record());
        let at = |millis| rules.judge(&record, record.signed_in_at.plus_millis(millis));
        assert_eq!(at(15 * MINUTE - 1), SessionVerdict::Live);
        assert_eq!(at(15 * MINUTE), SessionVerdict::Idle);
        assert_eq!(at(0), SessionVerdict::Live);
    }

    #[test]
    fn somebody_busy_is_out_after_four_hours_all_the_same() {
        let rules = SessionRules::default();
        let mut record = record();
        for minute in 1..240 {
            let now = record.signed_in_at.plus_millis(minute * MINUTE);
            assert_eq!(
                rules.judge(&record, now),
                SessionVerdict::Live,
                "minute {minute}"
            );
            assert!(rules.wants_touch(&record, now));
            record.last_action_at = now;
        }
        let end = record.signed_in_at.plus_millis(240 * MINUTE);
        assert_eq!(
            rules.judge(&record, end.plus_millis(-1)),
            SessionVerdict::Live
        );
        assert_eq!(rules.judge(&record, end), SessionVerdict::Over);
        assert_eq!(rules.deadline(&record), end);
        assert_eq!(rules.keep_millis(&record, end.plus_millis(5)), 0);
    }

    #[test]
    fn a_flurry_of_actions_is_written_once_in_thirty_seconds() {
        let (rules, record) = (SessionRules::default(), record());
        assert!(!rules.wants_touch(&record, record.last_action_at.plus_millis(29_999)));
        assert!(rules.wants_touch(&record, record.last_action_at.plus_millis(30_000)));
        // A clock that was set back is no reason to write.
        assert!(!rules.wants_touch(&record, record.last_action_at.plus_millis(-5)));
    }
}
