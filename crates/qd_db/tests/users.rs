//! Users and their second factors: the same test bodies on `SQLite` and on a real `PostgreSQL`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use qd_db::{Database, NewUser, UserError};
use qd_types::{AccountId, Role, UserId, UtcMicros};
use support::{Rig, raw};

on_both!(
    users_are_added_found_and_listed,
    changes_compare_versions,
    of_two_changes_one_wins,
    an_unknown_role_is_damage,
    a_code_works_once,
    a_recovery_code_works_once,
);

fn id(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

fn account(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

fn new_user(text: &str) -> NewUser {
    NewUser {
        user_id: id(text),
        name: format!("{text} Ümlaut"),
        roles: vec![Role::Trader, Role::Viewer, Role::Trader],
        accounts: vec![account("PAPER-2"), account("PAPER-1")],
        password_hash: Some("$argon2id$secret".to_owned()),
    }
}

// covers: ID-1
async fn users_are_added_found_and_listed(mut rig: Rig) {
    let (database, url) = rig.open().await;
    assert_eq!(database.find_user(&id("alice")).await.unwrap(), None);
    let bob = database
        .add_user(&new_user("bob"), UtcMicros(7))
        .await
        .unwrap();
    assert_eq!(bob.roles, [Role::Viewer, Role::Trader]);
    assert_eq!(bob.accounts, [account("PAPER-1"), account("PAPER-2")]);
    assert_eq!((bob.version, bob.locked), (1, false));
    assert_eq!(
        (bob.created_at, bob.changed_at),
        (UtcMicros(7), UtcMicros(7))
    );
    let mut plain = new_user("Alice");
    plain.password_hash = None;
    plain.roles = Vec::new();
    plain.accounts = Vec::new();
    let alice = database.add_user(&plain, UtcMicros(8)).await.unwrap();
    assert!(alice.roles.is_empty() && alice.accounts.is_empty());
    let again = database.add_user(&new_user("bob"), UtcMicros(9)).await;
    assert!(matches!(again, Err(UserError::Exists(user)) if user == id("bob")));
    // Ids are told apart by case, and order is that of bytes in both.
    database
        .add_user(&new_user("alice"), UtcMicros(9))
        .await
        .unwrap();
    database.close().await;

    let database = Database::open(&url).await.unwrap();
    assert_eq!(
        database.find_user(&id("bob")).await.unwrap(),
        Some(bob.clone())
    );
    let ids: Vec<_> = database
        .list_users()
        .await
        .unwrap()
        .into_iter()
        .map(|user| user.user_id.to_string())
        .collect();
    assert_eq!(ids, ["Alice", "alice", "bob"]);
    assert!(!format!("{bob:?} {:?}", new_user("bob")).contains("argon2id"));
}

// covers: ID-1
async fn changes_compare_versions(mut rig: Rig) {
    let (database, _) = rig.open().await;
    let bob = id("bob");
    database
        .add_user(&new_user("bob"), UtcMicros(1))
        .await
        .unwrap();
    let user = database
        .set_password(&bob, Some(1), Some("$argon2id$new"), UtcMicros(2))
        .await
        .unwrap();
    assert_eq!(user.password_hash.as_deref(), Some("$argon2id$new"));
    assert_eq!(
        (user.version, user.changed_at, user.created_at),
        (2, UtcMicros(2), UtcMicros(1))
    );
    let stale = database
        .set_password(&bob, Some(1), Some("$old"), UtcMicros(3))
        .await;
    assert!(matches!(stale, Err(UserError::Changed(_))), "{stale:?}");
    let user = database
        .set_grants(
            &bob,
            Some(2),
            &[Role::Admin],
            &[account("B"), account("A")],
            UtcMicros(4),
        )
        .await
        .unwrap();
    assert_eq!(
        (user.roles.as_slice(), user.version),
        ([Role::Admin].as_slice(), 3)
    );
    assert_eq!(user.accounts, [account("A"), account("B")]);
    assert_eq!(user.password_hash.as_deref(), Some("$argon2id$new"));
    let user = database
        .set_locked(&bob, None, true, UtcMicros(5))
        .await
        .unwrap();
    assert!(user.locked);
    let user = database
        .set_locked(&bob, Some(4), false, UtcMicros(6))
        .await
        .unwrap();
    assert_eq!((user.locked, user.version), (false, 5));
    let user = database
        .set_password(&bob, None, None, UtcMicros(7))
        .await
        .unwrap();
    assert_eq!(user.password_hash, None);
    assert_eq!(database.find_user(&bob).await.unwrap(), Some(user));
    let nobody = id("nobody");
    let unknown = [
        database
            .set_password(&nobody, None, None, UtcMicros(8))
            .await,
        database
            .set_grants(&nobody, Some(1), &[], &[], UtcMicros(8))
            .await,
        database.set_locked(&nobody, None, true, UtcMicros(8)).await,
    ];
    for result in unknown {
        assert!(matches!(result, Err(UserError::Unknown(_))), "{result:?}");
    }
}

async fn of_two_changes_one_wins(mut rig: Rig) {
    let (database, url) = rig.open().await;
    let second = Database::open(&url).await.unwrap();
    let bob = id("bob");
    for round in 0..10 {
        let name = format!("bob{round}");
        let (one, two) = (new_user(&name), new_user(&name));
        let added = tokio::join!(
            database.add_user(&one, UtcMicros(1)),
            second.add_user(&two, UtcMicros(1))
        );
        assert_ne!(added.0.is_ok(), added.1.is_ok(), "{added:?}");
    }
    database
        .add_user(&new_user("bob"), UtcMicros(1))
        .await
        .unwrap();
    for version in 1..10 {
        let changed = tokio::join!(
            database.set_locked(&bob, Some(version), true, UtcMicros(2)),
            second.set_grants(&bob, Some(version), &[], &[], UtcMicros(2))
        );
        assert_ne!(changed.0.is_ok(), changed.1.is_ok(), "{changed:?}");
    }
}

async fn an_unknown_role_is_damage(mut rig: Rig) {
    let (database, url) = rig.open().await;
    database
        .add_user(&new_user("bob"), UtcMicros(1))
        .await
        .unwrap();
    raw(&url, "UPDATE users SET roles = 'viewer emperor'")
        .await
        .unwrap();
    let found = database.find_user(&id("bob")).await;
    assert!(
        matches!(found, Err(qd_db::DbError::Corrupt(_))),
        "{found:?}"
    );
}

// Checklist: V6.5.1
async fn a_code_works_once(mut rig: Rig) {
    let (database, url) = rig.open().await;
    let second = Database::open(&url).await.unwrap();
    let bob = id("bob");
    let nobody = database
        .enroll_factor(&bob, b"sealed", 1, &[], UtcMicros(1))
        .await;
    assert!(matches!(nobody, Err(UserError::Unknown(_))), "{nobody:?}");
    database
        .add_user(&new_user("bob"), UtcMicros(1))
        .await
        .unwrap();
    assert_eq!(database.factor(&bob).await.unwrap(), None);
    assert!(!database.take_step(&bob, 5).await.unwrap());
    database
        .enroll_factor(&bob, b"sealed", 100, &[], UtcMicros(2))
        .await
        .unwrap();
    // The step that enrolled is used up, and so is what lies before it.
    for used in [100, 99] {
        assert!(!database.take_step(&bob, used).await.unwrap(), "{used}");
    }
    // Two nodes, one code.
    for step in 101..111 {
        let taken = tokio::join!(database.take_step(&bob, step), second.take_step(&bob, step));
        assert_ne!(taken.0.unwrap(), taken.1.unwrap(), "step {step}");
    }
    let factor = database.factor(&bob).await.unwrap().unwrap();
    assert_eq!(
        (factor.last_step, factor.sealed_secret.as_slice()),
        (110, b"sealed".as_slice())
    );
    assert!(!format!("{factor:?}").contains("sealed"));
    assert!(database.remove_factor(&bob).await.unwrap());
    assert!(!database.remove_factor(&bob).await.unwrap());
    assert!(!database.take_step(&bob, 500).await.unwrap());
}

async fn a_recovery_code_works_once(mut rig: Rig) {
    let (database, url) = rig.open().await;
    let second = Database::open(&url).await.unwrap();
    let (alice, bob) = (id("alice"), id("bob"));
    for user in ["alice", "bob"] {
        database
            .add_user(&new_user(user), UtcMicros(1))
            .await
            .unwrap();
    }
    let codes = [[1; 32], [2; 32], [3; 32]];
    database
        .enroll_factor(&bob, b"s", 1, &codes, UtcMicros(2))
        .await
        .unwrap();
    let left = async || database.factor(&bob).await.unwrap().unwrap().codes_left;
    assert_eq!(left().await, 3);
    // Another's code, and none at all.
    assert!(
        !database
            .take_recovery_code(&alice, &[1; 32], UtcMicros(3))
            .await
            .unwrap()
    );
    assert!(
        !database
            .take_recovery_code(&bob, &[9; 32], UtcMicros(3))
            .await
            .unwrap()
    );
    let taken = tokio::join!(
        database.take_recovery_code(&bob, &[1; 32], UtcMicros(3)),
        second.take_recovery_code(&bob, &[1; 32], UtcMicros(3))
    );
    assert_ne!(taken.0.unwrap(), taken.1.unwrap());
    assert_eq!(left().await, 2);
    // Enrolled anew: the old codes are gone.
    database
        .enroll_factor(&bob, b"t", 9, &[[4; 32]], UtcMicros(4))
        .await
        .unwrap();
    assert!(
        !database
            .take_recovery_code(&bob, &[2; 32], UtcMicros(5))
            .await
            .unwrap()
    );
    assert_eq!(left().await, 1);
}
