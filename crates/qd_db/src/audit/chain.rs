//! The writing end of one chain: it remembers the head, so that a head that moved without it is noticed.
//!
//! It has no queue and no second try: whoever calls it keeps the batch until it is written.

use qd_types::UtcMicros;
use sqlx::QueryBuilder;
use tokio::sync::Mutex;

use super::record::{AuditRecord, ChainHash, NewRecord};
use super::rows::{RecordRow, read_hash, read_record};
use crate::database::{in_transaction, on_either};
use crate::{Anchor, Database, DbError};

/// Records in one statement; `SQLite` takes 32,766 values.
const ROWS_PER_INSERT: usize = 500;
const MAX_WRITER_BYTES: usize = 128;

const HEAD: &str =
    "SELECT number, hash FROM audit_records WHERE writer = $1 ORDER BY number DESC LIMIT 1";
const LAST: &str = "SELECT writer, number, at, event, actor, session, address, subject, outcome, detail, previous, hash \
    FROM audit_records WHERE writer = $1 ORDER BY number DESC LIMIT 1";
const ANCHORED: &str = "SELECT h.number, h.hash, r.hash FROM audit_heads h \
    LEFT JOIN audit_records r ON r.writer = h.writer AND r.number = h.number \
    WHERE h.writer = $1 ORDER BY h.number DESC LIMIT 1";
const ANCHOR: &str = "INSERT INTO audit_heads (writer, number, hash, at) SELECT $1, $2, $3, $4 \
    WHERE NOT EXISTS (SELECT 1 FROM audit_heads WHERE writer = $1 AND number >= $2) ON CONFLICT DO NOTHING";

/// The last record of a chain: its number and hash; zero and [`ChainHash::NONE`] before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the last record.
    pub number: i64,
    /// Its hash.
    pub hash: ChainHash,
}

impl Head {
    const BEGINNING: Self = Self {
        number: 0,
        hash: ChainHash::NONE,
    };
}

/// What became of an anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchored {
    /// Written. Log it: an anchor that was kept elsewhere outlives one who may change the whole database.
    New(Anchor),
    /// Nothing was written since the last anchor.
    Unchanged,
}

#[derive(Debug)]
struct State {
    head: Head,
    /// The heads that batches would have made whose fate is not known: the connection was lost under them.
    attempted: Vec<Head>,
}

/// The writing end of the chain of one writer.
#[derive(Debug)]
pub struct AuditChain {
    database: Database,
    writer: String,
    state: Mutex<State>,
}

impl Database {
    /// Opens the chain of `writer` where it ends; a name that has none begins one. One process per name at a time.
    ///
    /// # Errors
    /// [`DbError::Corrupt`] when the end is not as it was written or lies before the last anchor; [`DbError`] otherwise.
    pub async fn open_chain(&self, writer: &str) -> Result<AuditChain, DbError> {
        let is_name = (1..=MAX_WRITER_BYTES).contains(&writer.len())
            && writer.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_name {
            return Err(DbError::Refused(
                "a writer's name is 1 to 128 visible characters".to_owned(),
            ));
        }
        let (last, anchored) = on_either!(self, pool => {
            let last: Option<RecordRow> =
                sqlx::query_as(LAST).bind(writer).fetch_optional(pool).await?;
            let anchored: Option<(i64, Vec<u8>, Option<Vec<u8>>)> =
                sqlx::query_as(ANCHORED).bind(writer).fetch_optional(pool).await?;
            (last, anchored)
        });
        let head = match last.map(read_record).transpose()? {
            None => Head::BEGINNING,
            Some(record) if record.hash == record.computed_hash() => Head {
                number: record.number,
                hash: record.hash,
            },
            Some(record) => {
                return Err(DbError::Corrupt(format!(
                    "record {} of {writer} has been changed",
                    record.number
                )));
            }
        };
        if let Some((number, hash, found)) = anchored
            && found.as_ref() != Some(&hash)
        {
            return Err(DbError::Corrupt(format!(
                "record {number} of {writer} is not the one that was anchored"
            )));
        }
        Ok(AuditChain {
            database: self.clone(),
            writer: writer.to_owned(),
            state: Mutex::new(State {
                head,
                attempted: Vec::new(),
            }),
        })
    }
}

impl AuditChain {
    /// Whose chain it is.
    pub fn writer(&self) -> &str {
        &self.writer
    }

    /// The last record that is known to be written.
    pub async fn head(&self) -> Head {
        self.state.lock().await.head
    }

    /// Writes a batch, all of it or nothing, in this order.
    ///
    /// After an error the batch may or may not stand there: hand in the same one again, and it is written once.
    ///
    /// # Errors
    /// [`DbError::ChainMoved`] when somebody else has written under this name: open the chain again, or end.
    pub async fn append(&self, batch: &[NewRecord]) -> Result<Head, DbError> {
        let batch: Vec<NewRecord> = batch.iter().map(NewRecord::cleaned).collect();
        let mut state = self.state.lock().await;
        if batch.is_empty() {
            return Ok(state.head);
        }
        let base = state.head;
        let direct = self.chain_up(base, &batch);
        let wanted = end_of(&direct, base);
        let end = in_transaction!(self.database, tx => {
            let stored: Option<(i64, Vec<u8>)> =
                sqlx::query_as(HEAD).bind(&self.writer).fetch_optional(&mut *tx).await?;
            let stored = self.head_of(stored)?;
            let is_ours = state.attempted.contains(&stored);
            let records = if stored == base {
                direct
            } else if is_ours && stored == wanted {
                // This very batch: its answer was lost, it was not.
                Vec::new()
            } else if is_ours {
                // An earlier batch of ours; this one comes behind it.
                self.chain_up(stored, &batch)
            } else {
                return Err(DbError::ChainMoved { writer: self.writer.clone() });
            };
            let end = end_of(&records, stored);
            // Before anything is sent: the future may be dropped at any of the waits below.
            if !state.attempted.contains(&end) {
                state.attempted.push(end);
            }
            for rows in records.chunks(ROWS_PER_INSERT) {
                let mut insert = QueryBuilder::new(
                    "INSERT INTO audit_records (writer, number, at, event, actor, session, address, \
                     subject, outcome, detail, previous, hash) ",
                );
                insert.push_values(rows, |mut row, record: &AuditRecord| {
                    row.push_bind(record.writer.as_str())
                        .push_bind(record.number)
                        .push_bind(record.what.at.0)
                        .push_bind(record.what.event.as_str())
                        .push_bind(record.what.actor.as_deref())
                        .push_bind(record.what.session.as_deref())
                        .push_bind(record.what.address.as_deref())
                        .push_bind(record.what.subject.as_deref())
                        .push_bind(record.what.outcome.as_str())
                        .push_bind(record.what.detail.as_str())
                        .push_bind(record.previous.0.as_slice())
                        .push_bind(record.hash.0.as_slice());
                });
                insert.build().persistent(false).execute(&mut *tx).await.map_err(of_insert)?;
            }
            end
        });
        state.head = end;
        state.attempted.clear();
        Ok(end)
    }

    /// Notes the head as this process remembers it: what was taken away from the chain behind its back is missed
    /// by the check from then on. To be called every minute, and once at the end.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn anchor(&self, at: UtcMicros) -> Result<Anchored, DbError> {
        let head = self.head().await;
        if head.number == 0 {
            return Ok(Anchored::Unchanged);
        }
        let inserted = on_either!(self.database, pool => {
            sqlx::query(ANCHOR)
                .bind(&self.writer)
                .bind(head.number)
                .bind(head.hash.0.as_slice())
                .bind(at.0)
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok(match inserted {
            0 => Anchored::Unchanged,
            _ => Anchored::New(Anchor {
                writer: self.writer.clone(),
                number: head.number,
                hash: head.hash,
                at,
            }),
        })
    }

    fn chain_up(&self, from: Head, batch: &[NewRecord]) -> Vec<AuditRecord> {
        let mut head = from;
        batch
            .iter()
            .map(|what| {
                let number = head.number.saturating_add(1);
                let record = AuditRecord::chained(&self.writer, number, what.clone(), head.hash);
                head = Head {
                    number,
                    hash: record.hash,
                };
                record
            })
            .collect()
    }

    fn head_of(&self, row: Option<(i64, Vec<u8>)>) -> Result<Head, DbError> {
        match row {
            None => Ok(Head::BEGINNING),
            Some((number, hash)) => Ok(Head {
                number,
                hash: read_hash(&hash, &self.writer, number)?,
            }),
        }
    }
}

fn end_of(records: &[AuditRecord], otherwise: Head) -> Head {
    records.last().map_or(otherwise, |last| Head {
        number: last.number,
        hash: last.hash,
    })
}

/// The place was taken between our look and our insert: by an earlier batch of ours that was still on its way, or by
/// somebody else. The next try will see which.
fn of_insert(err: sqlx::Error) -> DbError {
    match &err {
        sqlx::Error::Database(inner) if inner.is_unique_violation() => {
            DbError::Away("the chain is being written to".to_owned())
        }
        _ => err.into(),
    }
}
