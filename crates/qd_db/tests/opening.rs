//! Opening, migrating, and what is said when a database is away, damaged, closed to us or newer than we are.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use qd_db::{Database, DbError};
use qd_types::UtcMicros;
use support::{Rig, events, raw, until};

on_both!(
    many_may_open_an_empty_database_at_once,
    a_newer_schema_is_left_alone,
);

async fn many_may_open_an_empty_database_at_once(mut rig: Rig) {
    for _ in 0..5 {
        let url = rig.url().await;
        let open = || Database::open(&url);
        let opened = tokio::join!(open(), open(), open(), open(), open(), open());
        let opened: [_; 6] = opened.into();
        for database in opened {
            let database = database.unwrap();
            database.ping().await.unwrap();
            database.close().await;
            assert!(database.ping().await.unwrap_err().is_away());
        }
    }
}

async fn a_newer_schema_is_left_alone(mut rig: Rig) {
    let (database, url) = rig.open().await;
    database.close().await;
    raw(
        &url,
        "INSERT INTO qd_migrations (number, checksum) VALUES (900, 'x')",
    )
    .await
    .unwrap();
    let newer = Database::open(&url).await;
    assert!(
        matches!(newer, Err(DbError::Newer { found: 900, .. })),
        "{newer:?}"
    );
    raw(
        &url,
        "DELETE FROM qd_migrations WHERE number = 900; UPDATE qd_migrations SET checksum = 'x'",
    )
    .await
    .unwrap();
    let other = Database::open(&url).await;
    assert!(matches!(other, Err(DbError::Corrupt(_))), "{other:?}");
}

#[tokio::test]
async fn a_memory_database_holds_what_it_was_given() {
    let database = Database::open("sqlite::memory:").await.unwrap();
    let other = Database::open("sqlite::memory:").await.unwrap();
    let chain = database.open_chain("node-1").await.unwrap();
    chain.append(&events(0..3)).await.unwrap();
    assert_eq!(
        database
            .open_chain("node-1")
            .await
            .unwrap()
            .head()
            .await
            .number,
        3
    );
    assert_eq!(
        other
            .open_chain("node-1")
            .await
            .unwrap()
            .head()
            .await
            .number,
        0
    );
}

#[tokio::test]
async fn a_sqlite_file_is_private_and_damage_is_told() {
    let mut rig = Rig::sqlite();
    let (database, url) = rig.open().await;
    let path = url.strip_prefix("sqlite:").unwrap();
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    database.close().await;
    std::fs::write(path, vec![b'x'; 8192]).unwrap();
    let damaged = Database::open(&url).await;
    assert!(matches!(damaged, Err(DbError::Corrupt(_))), "{damaged:?}");
    let nowhere = Database::open("sqlite:/nonexistent/folder/qd.db").await;
    assert!(matches!(nowhere, Err(DbError::Away(_))), "{nowhere:?}");
}

#[tokio::test]
async fn addresses_that_cannot_be_are_refused_and_not_repeated() {
    for url in [
        "mysql://qd:hunter2@localhost/qd",
        "hunter2",
        "postgres://qd:hunter2@db.example/qd",
        "postgres://qd:hunter2@localhost:99999/qd",
        "postgres://qd:hunter2@localhost/qd?sslmode=hunter2",
    ] {
        let refused = Database::open(url).await.unwrap_err();
        assert!(matches!(refused, DbError::Refused(_)), "{url}: {refused:?}");
        assert!(
            !format!("{refused:?} {refused}").contains("hunter2"),
            "{refused:?}"
        );
    }
}

// covers: ID-6
#[tokio::test]
async fn a_server_that_went_away_comes_back_with_everything() {
    let mut rig = Rig::postgres().await;
    let (database, url) = rig.open().await;
    let chain = database.open_chain("node-1").await.unwrap();
    chain.append(&events(0..3)).await.unwrap();
    rig.server().stop();
    let away = chain.append(&events(3..6)).await;
    assert!(matches!(away, Err(DbError::Away(_))), "{away:?}");
    assert!(matches!(Database::open(&url).await, Err(DbError::Away(_))));
    rig.server().run().await;
    until("the batch is written", async || {
        chain.append(&events(3..6)).await.is_ok()
    })
    .await;
    assert_eq!(chain.head().await.number, 6);
    chain.anchor(UtcMicros(9)).await.unwrap();
    let verdict = database.verify_audit(&[]).await.unwrap();
    assert!(
        matches!(verdict, qd_db::Verdict::Intact { num_records: 6, .. }),
        "{verdict:?}"
    );
}

// Checklist: V16.4.2
#[tokio::test]
async fn a_role_that_may_only_add_is_enough() {
    let mut rig = Rig::postgres().await;
    let (_owner, url) = rig.open().await;
    raw(
        &url,
        "CREATE ROLE gateway LOGIN; \
         GRANT SELECT ON qd_migrations TO gateway; \
         GRANT SELECT, INSERT ON audit_records, audit_heads TO gateway; \
         GRANT SELECT, INSERT, UPDATE ON users TO gateway; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON user_factors, recovery_codes TO gateway",
    )
    .await
    .unwrap();
    let url = url.replace("qd@", "gateway@");
    let database = Database::open(&url).await.unwrap();
    let chain = database.open_chain("node-1").await.unwrap();
    chain.append(&events(0..3)).await.unwrap();
    chain.anchor(UtcMicros(9)).await.unwrap();
    database.verify_audit(&[]).await.unwrap();
    for statement in [
        "UPDATE audit_records SET actor = 'x'",
        "DELETE FROM audit_records",
        "TRUNCATE audit_heads",
        "DROP TRIGGER audit_records_append_only ON audit_records",
        "ALTER TABLE audit_records DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
    ] {
        let refused = raw(&url, statement).await.unwrap_err().to_string();
        assert!(
            refused.contains("permission denied") || refused.contains("must be owner"),
            "{statement}: {refused}"
        );
    }
}

// covers: ID-6
#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_not_written_twice() {
    let mut rig = Rig::postgres().await;
    let (database, url) = rig.open().await;
    let chain = database.open_chain("node-1").await.unwrap();
    // Every commit takes a while: long enough to hang up on it.
    raw(
        &url,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.4); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON audit_records DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    .await
    .unwrap();
    let batch = events(0..1);
    let hung_up =
        tokio::time::timeout(std::time::Duration::from_millis(200), chain.append(&batch)).await;
    assert!(hung_up.is_err(), "the commit was not slow: {hung_up:?}");
    until("the batch is known to be written", async || {
        match chain.append(&batch).await {
            Ok(_) => true,
            Err(err) => {
                assert!(err.is_away(), "{err}");
                false
            }
        }
    })
    .await;
    let verdict = database.verify_audit(&[]).await.unwrap();
    assert!(
        matches!(verdict, qd_db::Verdict::Intact { num_records: 1, .. }),
        "{verdict:?}"
    );
}
