//! Sessions in the bus's key-value: written as versioned JSON, read back, touched, ended.
//!
//! It decides nothing about lifetimes (`qd_auth` does) and never turns a store's trouble into "no session".

use std::sync::Arc;

use bytes::Bytes;
use qd_auth::{
    Identity, KeyRing, SessionId, SessionRecord, SessionRules, SessionVerdict, SignInMethod,
};
use qd_bus::{Bus, BusError};
use qd_types::{AccountId, Clock, Role, UserId, UtcMicros};
use qd_wire::frame::SessionInfo;
use serde::{Deserialize, Serialize};

const RECORD_VERSION: u8 = 1;

/// A session as it lies in the store.
#[derive(Serialize, Deserialize)]
struct RecordWire {
    v: u8,
    user_id: String,
    name: String,
    roles: Vec<String>,
    accounts: Vec<String>,
    method: String,
    signed_in_at: i64,
    last_action_at: i64,
    mfa_at: Option<i64>,
}

/// A session that lives.
#[derive(Clone, Debug)]
pub(crate) struct LiveSession {
    pub(crate) session_id: SessionId,
    pub(crate) record: SessionRecord,
    /// As read, for the compare in compare-and-set.
    stored: Bytes,
}

/// What the store says of an id.
#[derive(Debug)]
pub(crate) enum Lookup {
    Live(Box<LiveSession>),
    /// It was there and its time is over.
    Ended(SessionVerdict),
    /// There is none, or none that can be read.
    Absent,
}

/// The sessions of all nodes.
#[derive(Clone)]
pub(crate) struct SessionStore {
    bus: Bus,
    clock: Arc<dyn Clock>,
    keys: KeyRing,
    rules: SessionRules,
}

impl SessionStore {
    pub(crate) fn new(bus: Bus, clock: Arc<dyn Clock>, keys: KeyRing, rules: SessionRules) -> Self {
        Self {
            bus,
            clock,
            keys,
            rules,
        }
    }

    pub(crate) fn keys(&self) -> &KeyRing {
        &self.keys
    }

    pub(crate) fn rules(&self) -> &SessionRules {
        &self.rules
    }

    /// Stores a new session under a new id.
    pub(crate) async fn create(
        &self,
        session_id: SessionId,
        identity: Identity,
        method: SignInMethod,
    ) -> Result<LiveSession, BusError> {
        let now = self.clock.now();
        let record = SessionRecord {
            identity,
            method,
            signed_in_at: now,
            last_action_at: now,
            mfa_at: None,
        };
        let stored = write_record(&record);
        let keep = self.rules.keep_millis(&record, now);
        self.bus
            .kv_set(&session_id.store_key(), stored.clone(), keep)
            .await?;
        Ok(LiveSession {
            session_id,
            record,
            stored,
        })
    }

    /// Looks a session up. Trouble with the store is an error and never [`Lookup::Absent`].
    pub(crate) async fn look_up(&self, session_id: &SessionId) -> Result<Lookup, BusError> {
        let Some(stored) = self.bus.kv_get(&session_id.store_key()).await? else {
            return Ok(Lookup::Absent);
        };
        let Some(record) = read_record(&stored) else {
            tracing::error!(
                session = session_id.public_name(),
                "a session record cannot be read; its owner signs in again"
            );
            return Ok(Lookup::Absent);
        };
        match self.rules.judge(&record, self.clock.now()) {
            SessionVerdict::Live => Ok(Lookup::Live(Box::new(LiveSession {
                session_id: session_id.clone(),
                record,
                stored,
            }))),
            // Left where it is: deleting by key could hit a session that was touched in this very moment.
            ended @ (SessionVerdict::Idle | SessionVerdict::Over) => Ok(Lookup::Ended(ended)),
        }
    }

    /// Notes that the person did something. Writes at most every half minute, and never over a newer record.
    pub(crate) async fn touch(&self, session: &mut LiveSession) -> Result<(), BusError> {
        let now = self.clock.now();
        if !self.rules.wants_touch(&session.record, now) {
            return Ok(());
        }
        let record = SessionRecord {
            last_action_at: now,
            ..session.record.clone()
        };
        let stored = write_record(&record);
        let keep = self.rules.keep_millis(&record, now);
        let key = session.session_id.store_key();
        let done = self
            .bus
            .kv_compare_and_set(&key, &session.stored, stored.clone(), keep)
            .await?;
        if done {
            session.record = record;
            session.stored = stored;
        }
        // Otherwise somebody else wrote: either they touched it just now, or they ended it, and both stand.
        Ok(())
    }

    /// Ends a session and says whether there was one.
    pub(crate) async fn end(&self, session_id: &SessionId) -> Result<bool, BusError> {
        self.bus.kv_delete(&session_id.store_key()).await
    }

    /// What the console is told of its session.
    pub(crate) fn info(&self, session: &LiveSession) -> SessionInfo {
        let identity = &session.record.identity;
        SessionInfo {
            user_id: identity.user_id.clone(),
            name: identity.name.clone(),
            roles: identity.roles.clone(),
            permissions: identity.permissions(),
            accounts: identity.accounts.clone(),
            idle_at: self.rules.idle_at(&session.record),
            absolute_at: self.rules.absolute_at(&session.record),
            csrf: qd_auth::csrf_token(&self.keys, &session.session_id),
        }
    }
}

fn write_record(record: &SessionRecord) -> Bytes {
    let SessionRecord {
        identity,
        method,
        signed_in_at,
        last_action_at,
        mfa_at,
    } = record;
    let wire = RecordWire {
        v: RECORD_VERSION,
        user_id: identity.user_id.to_string(),
        name: identity.name.clone(),
        roles: identity.roles.iter().map(ToString::to_string).collect(),
        accounts: identity.accounts.iter().map(ToString::to_string).collect(),
        method: method.as_str().to_owned(),
        signed_in_at: signed_in_at.0,
        last_action_at: last_action_at.0,
        mfa_at: mfa_at.map(|at| at.0),
    };
    // Text and integers only: writing into memory cannot fail.
    serde_json::to_vec(&wire).unwrap_or_default().into()
}

/// Reads a record as it was written; an unknown role or method makes the whole record unreadable, which is the safe side.
fn read_record(bytes: &[u8]) -> Option<SessionRecord> {
    let wire: RecordWire = serde_json::from_slice(bytes).ok()?;
    if wire.v != RECORD_VERSION {
        return None;
    }
    Some(SessionRecord {
        identity: Identity {
            user_id: UserId::new(&wire.user_id).ok()?,
            name: wire.name,
            roles: wire
                .roles
                .iter()
                .map(|role| Role::parse(role))
                .collect::<Option<_>>()?,
            accounts: wire
                .accounts
                .iter()
                .map(|account| AccountId::new(account).ok())
                .collect::<Option<_>>()?,
        },
        method: SignInMethod::parse(&wire.method)?,
        signed_in_at: UtcMicros(wire.signed_in_at),
        last_action_at: UtcMicros(wire.last_action_at),
        mfa_at: wire.mfa_at.map(UtcMicros),
    })
}

#[cfg(test)]
mod tests {
    use qd_types::ManualClock;

    use super::*;
    use qd_auth::Key;

    fn store(clock: &Arc<ManualClock>) -> SessionStore {
        let bus = Bus::embedded(Arc::<ManualClock>::clone(clock));
        let keys = KeyRing::new(Key::new("a", &[1; 32]).unwrap());
        SessionStore::new(
            bus,
            Arc::<ManualClock>::clone(clock),
            keys,
            SessionRules::default(),
        )
    }

    async fn signed_in(store: &SessionStore) -> LiveSession {
        let user = qd_auth::dev_users().remove(0);
        store
            .create(SessionId::random().unwrap(), user, SignInMethod::Dev)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_session_is_read_back_as_it_was_written_and_dies_of_idleness() {
        let clock = Arc::new(ManualClock::new(UtcMicros::from_millis(1_000_000)));
        let store = store(&clock);
        let made = signed_in(&store).await;
        clock.advance_millis(15 * 60_000 - 1);
        match store.look_up(&made.session_id).await.unwrap() {
            Lookup::Live(found) => assert_eq!(found.record, made.record),
            other => panic!("{other:?}"),
        }
        clock.advance_millis(1);
        let found = store.look_up(&made.session_id).await.unwrap();
        assert!(
            matches!(found, Lookup::Ended(SessionVerdict::Idle)),
            "{found:?}"
        );
    }

    #[tokio::test]
    async fn a_touch_never_brings_an_ended_session_back() {
        let clock = Arc::new(ManualClock::new(UtcMicros::from_millis(1_000_000)));
        let store = store(&clock);
        let mut session = signed_in(&store).await;
        clock.advance_millis(60_000);
        store.touch(&mut session).await.unwrap();
        assert_eq!(session.record.last_action_at, clock.now());
        assert!(store.end(&session.session_id).await.unwrap());
        clock.advance_millis(60_000);
        store.touch(&mut session).await.unwrap();
        let found = store.look_up(&session.session_id).await.unwrap();
        assert!(matches!(found, Lookup::Absent), "{found:?}");
    }

    #[test]
    fn records_of_other_versions_or_with_unknown_roles_are_not_believed() {
        let good = write_record(&SessionRecord {
            identity: qd_auth::dev_users().remove(0),
            method: SignInMethod::Dev,
            signed_in_at: UtcMicros(1),
            last_action_at: UtcMicros(2),
            mfa_at: Some(UtcMicros(3)),
        });
        let text = String::from_utf8(good.to_vec()).unwrap();
        assert!(read_record(text.as_bytes()).is_some());
        for (from, to) in [
            ("\"v\":1", "\"v\":2"),
            ("\"trader\"]", "\"god\"]"),
            ("\"dev\"", "\"x\""),
        ] {
            assert!(text.contains(from), "{from} in {text}");
            assert!(
                read_record(text.replacen(from, to, 1).as_bytes()).is_none(),
                "{to}"
            );
        }
    }
}
