//! The audit log: the same test bodies on `SQLite` and on a real `PostgreSQL`. Whoever edits here has taken the guards away first.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use qd_db::{
    Anchored, AuditCursor, AuditFilter, AuditRecord, Break, BreakKind, Database, DbError, MAX_PAGE,
    Verdict,
};
use qd_types::UtcMicros;
use support::{Rig, at_most_polls, event, events, raw, tamper};

on_both!(
    a_chain_goes_on_where_it_ended,
    nothing_is_changed_or_deleted,
    the_first_bad_record_is_named,
    what_lies_behind_an_anchor_is_missed,
    an_anchor_kept_elsewhere_outlives_a_forger,
    two_writers_do_not_mix,
    a_batch_that_was_given_up_is_written_once,
    a_viewer_turns_pages,
    texts_of_strangers_are_stored_harmless,
);

const NOW: UtcMicros = UtcMicros(5_000_000);

async fn all(database: &Database) -> Vec<AuditRecord> {
    let mut records = Vec::new();
    let mut after: Option<AuditCursor> = None;
    loop {
        let page = database
            .audit_page(&AuditFilter::default(), after.as_ref(), MAX_PAGE)
            .await
            .unwrap();
        records.extend(page.records);
        match page.next {
            Some(next) => after = Some(next),
            None => return records,
        }
    }
}

fn intact(num_records: u64, num_chains: u64) -> Verdict {
    Verdict::Intact {
        num_records,
        num_chains,
    }
}

fn broken(number: i64, kind: BreakKind) -> Verdict {
    Verdict::Broken(Break {
        writer: "node-1".to_owned(),
        number,
        kind,
    })
}

// covers: ID-6
async fn a_chain_goes_on_where_it_ended(mut rig: Rig) {
    let (database, url) = rig.open().await;
    assert_eq!(database.verify_audit(&[]).await.unwrap(), intact(0, 0));
    let chain = database.open_chain("node-1").await.unwrap();
    assert_eq!(chain.anchor(NOW).await.unwrap(), Anchored::Unchanged);
    // More than one statement holds, and more than one page of the check.
    chain.append(&events(0..1200)).await.unwrap();
    assert!(matches!(chain.anchor(NOW).await.unwrap(), Anchored::New(_)));
    assert_eq!(chain.anchor(NOW).await.unwrap(), Anchored::Unchanged);
    assert_eq!(chain.append(&[]).await.unwrap(), chain.head().await);
    let head = chain.head().await;
    database.close().await;

    let database = Database::open(&url).await.unwrap();
    let chain = database.open_chain("node-1").await.unwrap();
    assert_eq!(chain.head().await, head);
    chain.append(&events(1200..1203)).await.unwrap();
    assert_eq!(chain.head().await.number, 1203);
    assert_eq!(database.verify_audit(&[]).await.unwrap(), intact(1203, 1));
    let mut numbers: Vec<i64> = all(&database).await.iter().map(|r| r.number).collect();
    numbers.reverse();
    assert_eq!(numbers, (1..=1203).collect::<Vec<_>>());
    let anchors = database.audit_anchors().await.unwrap();
    assert_eq!(anchors.len(), 1);
    assert_eq!((anchors[0].number, anchors[0].at), (1200, NOW));
    for bad in ["", "a b", "a\0", &"x".repeat(129)] {
        assert!(
            matches!(database.open_chain(bad).await, Err(DbError::Refused(_))),
            "{bad:?}"
        );
    }
}

// Checklist: V16.4.2
async fn nothing_is_changed_or_deleted(mut rig: Rig) {
    let (database, url) = rig.open().await;
    let chain = database.open_chain("node-1").await.unwrap();
    chain.append(&events(0..3)).await.unwrap();
    chain.anchor(NOW).await.unwrap();
    let mut statements = vec![
        "UPDATE audit_records SET actor = 'mallory' WHERE number = 2",
        "DELETE FROM audit_records WHERE number = 2",
        "DELETE FROM audit_records",
        "UPDATE audit_heads SET number = 2",
        "DELETE FROM audit_heads",
    ];
    if url.starts_with("sqlite:") {
        statements.extend([
            "REPLACE INTO audit_records SELECT writer, number, at, event, 'mallory', session, address, \
             subject, outcome, detail, previous, hash FROM audit_records WHERE number = 2",
            "REPLACE INTO audit_heads SELECT writer, number, x'00', at FROM audit_heads",
        ]);
    } else {
        statements.extend([
            "TRUNCATE audit_records",
            "TRUNCATE audit_heads",
            "INSERT INTO audit_heads SELECT * FROM audit_heads ON CONFLICT (writer, number) DO UPDATE SET at = 0",
        ]);
    }
    for statement in statements {
        let refused = raw(&url, statement).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{statement}: {refused}");
    }
    assert_eq!(database.verify_audit(&[]).await.unwrap(), intact(3, 1));
}

// Checklist: V16.4.2
async fn the_first_bad_record_is_named(mut rig: Rig) {
    let swap = "UPDATE audit_records SET number = -5 WHERE number = 3; \
                UPDATE audit_records SET number = 3 WHERE number = 6; \
                UPDATE audit_records SET number = 6 WHERE number = -5";
    let insert = "UPDATE audit_records SET number = number + 100 WHERE number >= 4; \
                  UPDATE audit_records SET number = number - 99 WHERE number >= 104; \
                  INSERT INTO audit_records SELECT writer, 4, at, event, actor, session, address, subject, \
                  outcome, detail, previous, hash FROM audit_records WHERE number = 3";
    let copy_before = "INSERT INTO audit_records SELECT writer, 0, at, event, actor, session, address, \
                       subject, outcome, detail, previous, hash FROM audit_records WHERE number = 1 AND writer = 'node-1'";
    let relink = "UPDATE audit_records SET previous = (SELECT r.hash FROM audit_records r WHERE r.number = 7) \
                  WHERE number = 5";
    let cases = [
        (
            "UPDATE audit_records SET actor = 'mallory' WHERE number = 4",
            4,
            BreakKind::Edited,
        ),
        (
            "UPDATE audit_records SET at = at + 1 WHERE number >= 4",
            4,
            BreakKind::Edited,
        ),
        (
            "UPDATE audit_records SET subject = '' WHERE number = 4",
            4,
            BreakKind::Edited,
        ),
        (
            "UPDATE audit_records SET hash = previous WHERE number = 4",
            4,
            BreakKind::Edited,
        ),
        (
            "DELETE FROM audit_records WHERE number = 4",
            4,
            BreakKind::Missing,
        ),
        (
            "DELETE FROM audit_records WHERE number = 1 AND writer = 'node-1'",
            1,
            BreakKind::Missing,
        ),
        (swap, 3, BreakKind::Edited),
        (insert, 4, BreakKind::Edited),
        (copy_before, 0, BreakKind::Unexpected),
        (relink, 5, BreakKind::Edited),
    ];
    for (sql, number, kind) in cases {
        let (database, url) = rig.open().await;
        let chain = database.open_chain("node-1").await.unwrap();
        chain.append(&events(0..10)).await.unwrap();
        // Chains that are in order, before it and behind it, do not hide it.
        for writer in ["node-0", "node-2"] {
            let other = database.open_chain(writer).await.unwrap();
            other.append(&events(0..1)).await.unwrap();
        }
        assert_eq!(database.verify_audit(&[]).await.unwrap(), intact(12, 3));
        tamper(&url, sql).await;
        let verdict = database.verify_audit(&[]).await.unwrap();
        assert_eq!(verdict, broken(number, kind), "{sql}");
        database.close().await;
    }
    // A record made anew, with the hash that fits it: the one behind it does not follow.
    let (database, url) = rig.open().await;
    let chain = database.open_chain("node-1").await.unwrap();
    chain.append(&events(0..5)).await.unwrap();
    let (forged, _) = rig.open().await;
    let forger = forged.open_chain("node-1").await.unwrap();
    forger.append(&events(0..3)).await.unwrap();
    let mut lie = event(3);
    lie.actor = Some("mallory".to_owned());
    let head = forger.append(&[lie]).await.unwrap();
    let blob = if url.starts_with("sqlite:") {
        format!("x'{}'", head.hash)
    } else {
        format!("'\\x{}'", head.hash)
    };
    tamper(
        &url,
        &format!("UPDATE audit_records SET actor = 'mallory', hash = {blob} WHERE number = 4"),
    )
    .await;
    let verdict = database.verify_audit(&[]).await.unwrap();
    assert_eq!(verdict, broken(5, BreakKind::Unlinked));
}

// covers: ID-6
async fn what_lies_behind_an_anchor_is_missed(mut rig: Rig) {
    let (database, url) = rig.open().await;
    let chain = database.open_chain("node-1").await.unwrap();
    chain.append(&events(0..10)).await.unwrap();
    chain.anchor(NOW).await.unwrap();
    tamper(&url, "DELETE FROM audit_records WHERE number > 7").await;
    let verdict = database.verify_audit(&[]).await.unwrap();
    assert_eq!(verdict, broken(8, BreakKind::Missing));
    // Nobody goes on writing behind the hole, neither the one who remembers nor a new one.
    let moved = chain.append(&events(10..11)).await;
    assert!(
        matches!(moved, Err(DbError::ChainMoved { .. })),
        "{moved:?}"
    );
    let reopened = database.open_chain("node-1").await;
    assert!(matches!(reopened, Err(DbError::Corrupt(_))), "{reopened:?}");
    tamper(&url, "DELETE FROM audit_records").await;
    let verdict = database.verify_audit(&[]).await.unwrap();
    assert_eq!(verdict, broken(1, BreakKind::Missing));

    // An end that was taken away before any anchor: the writer's own memory anchors what is gone.
    let (database, url) = rig.open().await;
    let chain = database.open_chain("node-1").await.unwrap();
    chain.append(&events(0..10)).await.unwrap();
    tamper(&url, "DELETE FROM audit_records WHERE number > 7").await;
    assert_eq!(database.verify_audit(&[]).await.unwrap(), intact(7, 1));
    chain.anchor(NOW).await.unwrap();
    let verdict = database.verify_audit(&[]).await.unwrap();
    assert_eq!(verdict, broken(8, BreakKind::Missing));
}

async fn an_anchor_kept_elsewhere_outlives_a_forger(mut rig: Rig) {
    let (database, url) = rig.open().await;
    let chain = database.open_chain("node-1").await.unwrap();
    chain.append(&events(0..5)).await.unwrap();
    let Anchored::New(anchor) = chain.anchor(NOW).await.unwrap() else {
        panic!("no anchor");
    };
    let kept = [anchor];
    assert_eq!(database.verify_audit(&kept).await.unwrap(), intact(5, 1));
    // Everything written anew, hashes, anchors and all: consistent in itself.
    tamper(&url, "DELETE FROM audit_records; DELETE FROM audit_heads").await;
    assert_eq!(
        database.verify_audit(&kept).await.unwrap(),
        broken(1, BreakKind::Missing)
    );
    let forger = database.open_chain("node-1").await.unwrap();
    let mut lies = events(0..5);
    lies[1].actor = Some("mallory".to_owned());
    forger.append(&lies).await.unwrap();
    forger.anchor(NOW).await.unwrap();
    assert_eq!(database.verify_audit(&[]).await.unwrap(), intact(5, 1));
    assert_eq!(
        database.verify_audit(&kept).await.unwrap(),
        broken(5, BreakKind::NotAnchored)
    );
}

// covers: ID-6
async fn two_writers_do_not_mix(mut rig: Rig) {
    let (database, url) = rig.open().await;
    let second = Database::open(&url).await.unwrap();
    let one = database.open_chain("node-1").await.unwrap();
    let two = second.open_chain("node-2").await.unwrap();
    let write = async |chain: &qd_db::AuditChain, base: i64| {
        for batch in 0..20 {
            let from = base + batch * 3;
            chain.append(&events(from..from + 3)).await.unwrap();
        }
    };
    tokio::join!(write(&one, 0), write(&two, 1000));
    assert_eq!(database.verify_audit(&[]).await.unwrap(), intact(120, 2));
    for record in all(&database).await {
        let expected = match record.writer.as_str() {
            "node-1" => event(record.number - 1),
            _ => event(record.number - 1 + 1000),
        };
        assert_eq!(record.what, expected);
    }
    // Two with one name: the one that comes second learns it, at once and for good, and harms nothing.
    let twin = second.open_chain("node-1").await.unwrap();
    let (left, right) = (events(60..61), events(61..62));
    let results = tokio::join!(one.append(&left), twin.append(&right));
    let won = [&results.0, &results.1]
        .iter()
        .filter(|result| result.is_ok())
        .count();
    assert_eq!(won, 1, "{results:?}");
    let (loser, batch) = if results.0.is_ok() {
        (&twin, &right)
    } else {
        (&one, &left)
    };
    let again = loser.append(batch).await;
    assert!(
        matches!(again, Err(DbError::ChainMoved { .. })),
        "{again:?}"
    );
    assert_eq!(database.verify_audit(&[]).await.unwrap(), intact(121, 2));
    // The same words at the same instant from two are two records, not one that was sent twice.
    let (one, twin) = (
        database.open_chain("node-3").await.unwrap(),
        second.open_chain("node-3").await.unwrap(),
    );
    one.append(&events(0..1)).await.unwrap();
    let same = twin.append(&events(0..1)).await;
    assert!(matches!(same, Err(DbError::ChainMoved { .. })), "{same:?}");
}

// covers: ID-6
async fn a_batch_that_was_given_up_is_written_once(mut rig: Rig) {
    let (database, _) = rig.open().await;
    let chain = database.open_chain("node-1").await.unwrap();
    let mut finished = 0;
    for polls in 0..40_i64 {
        let batch = events(polls * 3..polls * 3 + 3);
        let asked = usize::try_from(polls % 20).unwrap();
        match at_most_polls(asked, chain.append(&batch)).await {
            Some(result) => {
                result.unwrap();
                finished += 1;
            }
            // Given up somewhere: before, in the middle, or behind the commit.
            None => loop {
                match chain.append(&batch).await {
                    Ok(_) => break,
                    Err(err) => assert!(err.is_away(), "{err}"),
                }
            },
        }
    }
    assert!(
        (1..40).contains(&finished),
        "{finished} finished in time: nothing was tried"
    );
    let mut records = all(&database).await;
    records.reverse();
    let texts: Vec<_> = records.into_iter().map(|record| record.what).collect();
    assert_eq!(texts, events(0..120));
    assert_eq!(database.verify_audit(&[]).await.unwrap(), intact(120, 1));
}

// covers: ID-6
async fn a_viewer_turns_pages(mut rig: Rig) {
    let (database, _) = rig.open().await;
    let one = database.open_chain("node-1").await.unwrap();
    let two = database.open_chain("node-2").await.unwrap();
    // The same instants in both chains.
    one.append(&events(0..30)).await.unwrap();
    two.append(&events(0..30)).await.unwrap();
    let filter = AuditFilter {
        from: Some(UtcMicros(1_000_003)),
        until: Some(UtcMicros(1_000_027)),
        actor: Some("alice".to_owned()),
        event: None,
    };
    let mut seen = Vec::new();
    let mut after: Option<AuditCursor> = None;
    loop {
        let page = database
            .audit_page(&filter, after.as_ref(), 3)
            .await
            .unwrap();
        assert!(page.records.len() <= 3);
        seen.extend(page.records);
        // As it comes back from a viewer.
        after = page.next.map(|next| next.to_string().parse().unwrap());
        if after.is_none() {
            break;
        }
    }
    let got: Vec<(i64, &str)> = seen
        .iter()
        .map(|r| (r.what.at.0 - 1_000_000, r.writer.as_str()))
        .collect();
    let expected: Vec<(i64, &str)> = (3..27)
        .rev()
        .filter(|num| num % 3 == 0)
        .flat_map(|num| [(num, "node-2"), (num, "node-1")])
        .collect();
    assert_eq!(got, expected);
    let by_event = AuditFilter {
        event: Some("order".to_owned()),
        ..AuditFilter::default()
    };
    let page = database.audit_page(&by_event, None, 10_000).await.unwrap();
    assert_eq!((page.records.len(), page.next), (30, None));
    let nothing = AuditFilter {
        actor: Some("a\0".to_owned()),
        ..AuditFilter::default()
    };
    assert!(
        database
            .audit_page(&nothing, None, 5)
            .await
            .unwrap()
            .records
            .is_empty()
    );
    for junk in ["", "1", "1.2", "x.1.a", "1.2.a\0"] {
        assert!(junk.parse::<AuditCursor>().is_err(), "{junk:?}");
    }
}

// Checklist: V16.4.1
async fn texts_of_strangers_are_stored_harmless(mut rig: Rig) {
    let (database, _) = rig.open().await;
    let chain = database.open_chain("node-1").await.unwrap();
    let mut record = event(0);
    record.actor = Some("x\0\r\n2026-01-01 signin done\u{1b}[2J'; DROP TABLE users; --".to_owned());
    "{\"a\":\"\u{1}\"}".clone_into(&mut record.detail);
    chain.append(&[record]).await.unwrap();
    let kept = &all(&database).await[0].what;
    let actor = kept.actor.as_deref().unwrap();
    assert!(!actor.contains(char::is_control), "{actor:?}");
    assert!(actor.ends_with("'; DROP TABLE users; --"));
    assert_eq!(kept.detail, "{\"a\":\" \"}");
    assert_eq!(database.verify_audit(&[]).await.unwrap(), intact(1, 1));
}
